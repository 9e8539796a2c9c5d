"""What is answered to an image that was sent. Nothing is written to a disk.

`Refused` is a problem of whoever sent the request; it carries the HTTP status. Networks are imported late, so that a
wrong address is told before torch has been loaded.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from chromview.batch import summarise
from chromview.core.chromosome import CLASS_NAMES, Analysis, SlideImage, Stain
from chromview.core.masks import overlaps
from chromview.errors import UserError
from chromview.progress import CancelToken
from chromview.storage.exports import analysis_files, counted, row
from chromview.storage.images import decode_image, is_image
from chromview.storage.label_set import to_bytes

if TYPE_CHECKING:
    from chromview.vision.models import Models

SINGLE_PIXELS = 1_000_000
"""Most pixels of an image of one chromosome; a larger one shows a whole metaphase."""


class Refused(Exception):
    """A request that gets no answer.

    Parameters
    ----------
    status
        Of HTTP.
    sentence
        What is wrong.
    advice
        What to do about it, or "".
    """

    def __init__(self, status: int, sentence: str, advice: str = "") -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.advice = advice


def check_sent(data: bytes) -> None:
    """See whether these are the first bytes of an image; raises `Refused` (400 without any bytes, 415)."""
    if not data:
        raise Refused(400, "The request holds no image.", "Send the bytes of an image file as the body.")
    if not is_image(data):
        _read(data, Path("image"))  # says what it is instead


def read_sent(data: bytes, name: str = "") -> SlideImage:
    """Decode an image that was sent.

    Parameters
    ----------
    data
        Bytes of a PNG, JPEG, BMP or TIFF file.
    name
        Of the file where it came from, for titles; only its last part is used.

    Raises
    ------
    Refused
        415 if it is no image of these kinds, 400 if it is damaged, too large or without contrast.
    """
    check_sent(data)
    return _read(data, Path(PurePath(name.replace("\\", "/")).name or "image"))


def _read(data: bytes, path: Path) -> SlideImage:
    try:
        return decode_image(data, path)
    except UserError as error:
        raise Refused(400 if is_image(data) else 415, f"The file sent {error.what}.", error.advice) from error


def answer_classify(image: SlideImage, models: Models, stain: Stain | None, cancel: CancelToken) -> dict[str, Any]:
    """Class and polarity of an image of one chromosome.

    Returns
    -------
    dict
        `class` "1".."22", "X", "Y"; `confidence` its probability; `polarity` "up" or "down" as the image stands;
        `probabilities` of all 24 classes by name.

    Raises
    ------
    Refused
        400 if the image is too large for a single chromosome, 422 if nothing is stained in it.
    Cancelled
        If the token was set.
    """
    height, width = image.shape
    if height * width > SINGLE_PIXELS:
        raise Refused(
            400,
            f"The image is {width} x {height} pixels, too large for a single chromosome.",
            "Send it to /analyse, or cut the chromosome out.",
        )
    from chromview.vision.pipeline import classify_images

    answer = classify_images([to_bytes(image.pixels)], models, stain=stain, cancel=cancel)
    probabilities = answer.probabilities[0]
    if probabilities.max() == probabilities.min():
        raise Refused(422, "No chromosome was found in this image.", "Check the image, and give its stain.")
    return {
        "class": CLASS_NAMES[int(answer.numbers[0]) - 1],
        "confidence": round(float(probabilities.max()), 6),
        "polarity": "up" if answer.p_up[0] else "down",
        "probabilities": {name: round(float(p), 6) for name, p in zip(CLASS_NAMES, probabilities, strict=True)},
    }


def _analysed(image: SlideImage, models: Models, stain: Stain | None, cancel: CancelToken) -> Analysis:
    from chromview.vision.pipeline import analyse

    analysis = analyse(image, models, stain=stain, cancel=cancel)
    if not counted(analysis.chromosomes):
        raise Refused(422, "No chromosome was found in this image.", "Check the image, and give its stain.")
    cancel.check()
    return analysis


def answer_analyse(
    image: SlideImage, models: Models, stain: Stain | None, cancel: CancelToken, *, karyogram: bool = False
) -> dict[str, Any]:
    """The whole analysis of a slide.

    Parameters
    ----------
    karyogram
        Whether the picture is wanted as well.

    Returns
    -------
    dict
        The summary that ``analyse --json`` prints; `karyotype`, the rows of ``karyotype.csv`` (None for what is
        not known); `annotations`, the content of ``annotations.json``; `karyogram_png`, base64, where it was asked for.

    Raises
    ------
    Refused
        422 if no chromosome is found.
    Cancelled
        If the token was set.
    """
    analysis = _analysed(image, models, stain, cancel)
    counting = counted(analysis.chromosomes)
    shared = overlaps(counting, image.shape)
    rows = [row(one, shared) for one in counting]
    files = analysis_files(image, analysis)
    answer = {
        **summarise(image, analysis),
        "karyotype": [{key: None if value == "" else value for key, value in one.items()} for one in rows],
        "annotations": json.loads(files["annotations.json"]()),
    }
    if karyogram:
        cancel.check()
        answer["karyogram_png"] = base64.b64encode(files["karyogram.png"]()).decode("ascii")
    return answer


def answer_karyogram(image: SlideImage, models: Models, stain: Stain | None, cancel: CancelToken) -> bytes:
    """The karyogram of a slide as the bytes of a PNG file; raises as `answer_analyse`."""
    return analysis_files(image, _analysed(image, models, stain, cancel))["karyogram.png"]()
