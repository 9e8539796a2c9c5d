"""Slides whose masks people reviewed, as data for the segmenter: written from a case, read by the training.

A folder holds ``slides.json`` (COCO) and ``slides_images/``, as an export of labels does. An annotation with
``iscrowd`` is a mask that nobody judged: a proposal, a chromosome cut by the border, something rejected or left out.
Nothing is learned there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from chromview.core.chromosome import BoolArray, Box, Chromosome, Kind, SlideImage, Stain, State
from chromview.core.doubts import awaits_judgement, was_left_out
from chromview.core.masks import clusters, slide_mask
from chromview.errors import UserError
from chromview.progress import CancelToken, Progress, silent
from chromview.storage import coco
from chromview.storage.exports import counted, png
from chromview.storage.files import free_stem, is_folder, new_folder, write_bytes, write_text
from chromview.storage.images import read_image
from chromview.storage.label_export import LabelSource
from chromview.storage.provenance import PERSON, iso, provenance
from chromview.texts import tr, tr_n

SLIDES_FILE = "slides.json"
IMAGES_FOLDER = "slides_images"

LEAST_SLIDES, LEAST_CHROMOSOMES, LEAST_CORRECTED = 3, 60, 10
"""Fewer slides, reviewed chromosomes or masks by a person are not worth a training."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A chromosome that a person stands behind: box, mask ``(h, w)``, class 1..24 or 0, whether a person made it."""

    box: Box
    mask: BoolArray
    number: int
    by_person: bool


@dataclass(frozen=True, slots=True, eq=False)
class CorrectedSlide:
    """One slide to learn from.

    Attributes
    ----------
    name, case, sha256
        Of the image file, of the case, and of the image's content ("" where it is not known).
    stain, inverted
        As in `Analysis`; `stain` is None where it has to be told from the ground.
    whole
        Whether everything on the slide was judged, so that what has no mask is ground.
    chromosomes
        Those that a person stands behind.
    unjudged
        ``(H, W)`` masks nobody judged, all of them together.
    image
        The slide.
    """

    name: str
    case: str
    sha256: str
    stain: Stain | None
    inverted: bool
    whole: bool
    chromosomes: tuple[Judged, ...]
    unjudged: BoolArray
    image: SlideImage


@dataclass(slots=True)
class Tally:
    """How much there is to learn from: numbers over slides, and in sentences what is left out."""

    slides: int = 0
    whole: int = 0
    chromosomes: int = 0
    corrected: int = 0
    clusters: int = 0
    cases: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Count what `other` counted as well."""
        for name in ("slides", "whole", "chromosomes", "corrected", "clusters"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.cases |= other.cases
        self.notes += other.notes

    @property
    def summary(self) -> str:
        """One sentence."""
        return tr(
            "{slides} of {cases}, {whole} reviewed as a whole: {chromosomes} in {clusters} or free, {masks} of them "
            "made or changed by a person.",
            slides=tr_n("{n} slide", "{n} slides", self.slides),
            cases=tr_n("{n} case", "{n} cases", len(self.cases)),
            whole=self.whole,
            chromosomes=tr_n("{n} chromosome", "{n} chromosomes", self.chromosomes),
            clusters=tr_n("{n} cluster", "{n} clusters", self.clusters),
            masks=tr_n("{n} mask", "{n} masks", self.corrected),
        )

    @property
    def too_few(self) -> str:
        """Why this is not enough to train on and what to do; "" if it is."""
        slides, chromosomes = LEAST_SLIDES - self.slides, LEAST_CHROMOSOMES - self.chromosomes
        corrected = LEAST_CORRECTED - self.corrected
        missing = []
        if slides > 0:
            missing.append(tr_n("{n} more slide", "{n} more slides", slides))
        if chromosomes > 0:
            missing.append(tr_n("{n} more reviewed chromosome", "{n} more reviewed chromosomes", chromosomes))
        if corrected > 0:
            missing.append(tr_n("{n} more corrected mask", "{n} more corrected masks", corrected))
        if not missing:
            return ""
        return tr(
            "Too few corrections to train on: {missing} needed, of {slides} slides, {chromosomes} chromosomes and "
            "{corrected} masks that a person made or changed at least. Correct and accept more, or add another case.",
            missing=", ".join(missing),
            slides=LEAST_SLIDES,
            chromosomes=LEAST_CHROMOSOMES,
            corrected=LEAST_CORRECTED,
        )


def tally(sources: Sequence[LabelSource]) -> Tally:
    """Count what can be learned from slides, without reading their images.

    Raises
    ------
    UserError
        If a case file is damaged.
    """
    total = Tally()
    for source in sources:
        judged, _, by_person = _sorted(source)
        if source.left_out and source.chromosomes:
            total.notes.append(tr("{name} is left out: {why}.", name=source.name, why=source.left_out))
        if judged:
            total.add(_counted(judged, by_person, whole=_whole(source), case=source.case))
    return total


def _counted(judged: Sequence[Chromosome], by_person: set[int], *, whole: bool, case: str) -> Tally:
    groups = [group for group in clusters(judged) if len(group) > 1]
    return Tally(1, int(whole), len(judged), len(by_person), len(groups), {case})


def write_corrections(
    folder: Path,
    sources: Sequence[LabelSource],
    *,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> Tally:
    """Write what people reviewed on slides into a new folder: all of it, or nothing.

    A slide without anything reviewed, or whose image cannot be read or is another one by now, is left out; the notes
    of what is returned say so.

    Raises
    ------
    UserError
        If `folder` has files in it, or the disk is full or read-only.
    Cancelled
        If the token was set.
    """
    cancel = cancel or CancelToken()
    total = Tally()
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    taken: set[str] = set()
    with new_folder(folder) as part:
        (part / IMAGES_FOLDER).mkdir()
        for index, source in enumerate(sources):
            cancel.check()
            progress("corrections", index / max(len(sources), 1))
            judged, unjudged, by_person = _sorted(source)
            if not judged:
                continue
            image = _read(source, total)
            if image is None:
                continue
            total.add(_counted(judged, by_person, whole=_whole(source), case=source.case))
            file = f"{free_stem(source.name, taken)}.png"
            write_bytes(part / IMAGES_FOLDER / file, png(image.pixels))
            height, width = image.shape
            images.append(
                {
                    "id": len(images) + 1,
                    "file_name": f"{IMAGES_FOLDER}/{file}",
                    "height": height,
                    "width": width,
                    "name": source.name,
                    "case": source.case,
                    "sha256": source.sha256,
                    "stain": str(source.stain),
                    "inverted": source.inverted,
                    "whole": _whole(source),
                }
            )
            for chromosome in (*judged, *unjudged):
                annotations.append(
                    coco.annotation(
                        len(annotations) + 1,
                        len(images),
                        slide_mask(chromosome, image.shape),
                        chromosome.number,
                        attributes={"state": str(chromosome.state), "by_person": chromosome.id in by_person},
                    )
                )
                if chromosome in unjudged:
                    annotations[-1]["iscrowd"] = 1
        write_text(part / SLIDES_FILE, coco.document(images, annotations, info={"written": iso(time.time())}))
    return total


def _sorted(source: LabelSource) -> tuple[list[Chromosome], list[Chromosome], set[int]]:
    """Chromosomes that a person stands behind, masks that nobody judged, and ids of those made by a person."""
    if source.left_out or all(c.state in (State.PROPOSED, State.REJECTED) for c in source.chromosomes.values()):
        return [], [], set()
    counting = counted(tuple(source.chromosomes.values()))
    judged = [c for c in counting if c.state is not State.PROPOSED and c.area]
    aside = [
        c
        for c in source.chromosomes.values()
        if c.area and (c.state is State.REJECTED or c.kind in (Kind.CUT, Kind.OTHER_CELL) or was_left_out(c))
    ]
    unjudged = [c for c in counting if c.state is State.PROPOSED and c.area] + aside
    known = provenance(source.steps(), source.chromosomes)
    return judged, unjudged, {c.id for c in judged if known[c.id].mask.by == PERSON}


def _whole(source: LabelSource) -> bool:
    return not any(map(awaits_judgement, source.chromosomes.values()))


def _read(source: LabelSource, total: Tally) -> SlideImage | None:
    try:
        image = source.read()
    except UserError as error:
        total.notes.append(tr("{name} is left out, its image cannot be read: {why}", name=source.name, why=error))
        return None
    if source.sha256 and image.sha256 and image.sha256 != source.sha256:
        total.notes.append(
            tr("{name} is left out: the image is not the one that its masks were made on.", name=source.name)
        )
        return None
    return image


def read_corrections(folder: Path) -> list[CorrectedSlide]:
    """Read a folder of corrections, or an export of labels with COCO in it.

    Raises
    ------
    UserError
        If there is none, or something in it is damaged or does not fit.
    """
    if not is_folder(folder):
        raise UserError(
            tr("is not a folder of corrections"), path=folder, advice=tr("Give a folder, or a case (.chromview).")
        )
    path = folder / SLIDES_FILE
    if not path.exists():
        raise UserError(
            tr("has no {file}", file=SLIDES_FILE),
            path=folder,
            advice=tr("Export the labels of a case as COCO, or give the case itself."),
        )
    content = coco.read_document(path)
    by_image: dict[Any, list[dict[str, Any]]] = {}
    for one in content["annotations"]:
        by_image.setdefault(one["image_id"], []).append(one)
    return list(_slides(folder, content["images"], by_image))


def _slides(
    folder: Path, images: Sequence[Mapping[str, Any]], by_image: Mapping[Any, Sequence[Mapping[str, Any]]]
) -> Iterator[CorrectedSlide]:
    for entry in images:
        file = folder / str(entry.get("file_name", ""))
        image = read_image(file)
        if image.shape != (entry["height"], entry["width"]):
            raise UserError(
                tr("is not of the size that {file} says", file=SLIDES_FILE),
                path=file,
                advice=tr("Export the labels again."),
            )
        judged: list[Judged] = []
        unjudged = np.zeros(image.shape, bool)
        for one in by_image.get(entry["id"], ()):
            try:
                mask = coco.decode(one["segmentation"], *image.shape)
                number = int(one.get("category_id") or 0)
            except (ValueError, TypeError) as error:
                raise UserError(
                    tr("is damaged ({why})", why=error), path=folder / SLIDES_FILE, advice=tr("Export it again.")
                ) from error
            if one.get("iscrowd"):
                unjudged |= mask
            elif mask.any():
                attributes = one.get("attributes") or {}
                by_person = bool(attributes.get("by_person", attributes.get("state", "edited") == "edited"))
                box = _box(mask)
                judged.append(Judged(box, np.ascontiguousarray(mask[box.slices]), number, by_person))
        stain = entry.get("stain")
        yield CorrectedSlide(
            str(entry.get("name") or file.name),
            str(entry.get("case") or folder.name),
            str(entry.get("sha256") or ""),
            Stain(stain) if stain in list(Stain) else None,
            bool(entry.get("inverted", False)),
            bool(entry.get("whole", True)),
            tuple(judged),
            unjudged,
            image,
        )


def _box(mask: npt.NDArray[np.bool_]) -> Box:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)


def tally_of(slides: Sequence[CorrectedSlide]) -> Tally:
    """The same numbers of slides that were read from a folder."""
    total = Tally()
    for slide in slides:
        found = [Chromosome(n, c.box, c.mask) for n, c in enumerate(slide.chromosomes, start=1)]
        if found:
            persons = {n for n, c in enumerate(slide.chromosomes, start=1) if c.by_person}
            total.add(_counted(found, persons, whole=slide.whole, case=slide.case))
    return total
