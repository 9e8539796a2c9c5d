"""The labels of a case, ready to be written by another thread as training data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from chromview.app.document import Document
from chromview.app.slides import SlideState
from chromview.core.chromosome import SlideImage, Stain
from chromview.core.commands import Command, from_bytes
from chromview.errors import UserError
from chromview.progress import CancelToken, Progress
from chromview.texts import noop, tr

if TYPE_CHECKING:
    from chromview.storage.label_export import LabelSource, Outcome

FORMS: dict[str, str] = {
    "hdf5": noop("HDF5 with image and label"),
    "pairs": noop("HDF5 as the 13,434 pairs (dataset_1)"),
    "npz": noop("npz (arr_0 images, arr_1 masks)"),
    "png": noop("PNG, values 0 to 3"),
    "painted": noop("PNG painted red, green, blue"),
    "coco": noop("COCO, every chromosome with its class"),
    "masks": noop("PNG, one black and white mask a chromosome"),
    "single": noop("Straightened, p arm up, with class (HDF5 and PNG)"),
}
"""Forms of labels by name, in words."""


@dataclass(frozen=True, slots=True)
class LabelChoice:
    """What is to be written.

    Attributes
    ----------
    folder
        A new one.
    forms
        Names of `FORMS`.
    whole_case
        All slides, or only the one shown.
    reviewed
        Only what a person accepted or corrected.
    """

    folder: Path
    forms: tuple[str, ...]
    whole_case: bool
    reviewed: bool


def label_work(
    document: Document, slides: Iterable[int], choice: LabelChoice
) -> Callable[[Progress, CancelToken], Outcome]:
    """The work of writing the labels of these slides as they are now.

    Raises
    ------
    UserError
        If the case file is damaged.
    """
    sources = label_sources(document, slides)

    def work(progress: Progress, cancel: CancelToken) -> Outcome:
        from chromview.storage.label_export import Product, export_labels

        products = [Product(name) for name in choice.forms]
        return export_labels(
            choice.folder, sources, products, reviewed=choice.reviewed, progress=progress, cancel=cancel
        )

    return work


def label_sources(document: Document, slides: Iterable[int]) -> list[LabelSource]:
    """What the slides hold now; edits that follow do not change it.

    Raises
    ------
    UserError
        If the case file is damaged.
    """
    from chromview.storage.label_export import LabelSource

    wanted = set(slides)
    sources = []
    for info in document.slides:
        if info.id not in wanted:
            continue
        known = document.known_image(info.id)
        sources.append(
            LabelSource(
                name=info.name,
                case=document.name,
                read=partial(_known, known) if known is not None else partial(_read, info.path),
                sha256=info.sha256,
                stain=info.stain or Stain.G_BAND,
                inverted=info.inverted,
                chromosomes=document.chromosomes(info.id),
                steps=partial(_decoded, document.steps(info.id), document.path),
                is_cluster=info.is_cluster,
                left_out=tr("the slide was rejected") if info.state is SlideState.REJECTED else "",
            )
        )
    return sources


def _known(image: SlideImage) -> SlideImage:
    return image


def _read(path: Path) -> SlideImage:
    from chromview.storage.images import read_image

    return read_image(path)


def _decoded(steps: Iterable[tuple[float, bytes]], case: Path) -> list[tuple[float, Command]]:
    try:
        return [(when, from_bytes(data)) for when, data in steps]
    except (ValueError, TypeError) as error:
        raise UserError(
            tr("the case file is damaged ({error})", error=error),
            path=case,
            advice=tr("Take the last good copy of the case."),
        ) from error
