"""Pictures and tables of several slides, and a report, in one new folder."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from chromview.core.annotations import Annotation
from chromview.core.chromosome import Analysis, SlideImage
from chromview.core.masks import overlaps
from chromview.errors import UserError
from chromview.progress import CancelToken, Progress, silent
from chromview.storage.exports import (
    CSV_COLUMNS,
    MARK_COLUMNS,
    annotations_json,
    counted,
    row,
    write_karyogram_png,
    write_karyotype_csv,
    write_numbered_png,
)
from chromview.storage.files import free_stem, new_folder, write_bytes, write_text
from chromview.texts import tr

TABLE = "karyotypes.csv"
SLIDES_TABLE = "slides.csv"
SLIDES_COLUMNS = (
    "slide", "chromosomes", "proposal", "stain", "scale", "clusters", "overlaps", "spread", "band_clarity", "quality",
)  # fmt: skip
"""One row a slide; clusters and what follows as the analysis measured it, "unknown" where it could not."""
REPORT = "report.pdf"


class MakeAnalysis(Protocol):
    """Puts together what is known of a slide once its image is there."""

    def __call__(self, *, shape: tuple[int, int]) -> Analysis: ...


@dataclass(frozen=True, slots=True)
class SlideExport:
    """One slide: its name, what stands above its pictures, how image and chromosomes are had, and what is on it."""

    name: str
    title: str
    read: Callable[[], SlideImage]
    analysis: MakeAnalysis
    annotations: tuple[Annotation, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseWritten:
    """Where it is, how many slides, and in sentences what is not there."""

    folder: Path
    slides: int
    notes: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """One line."""
        return f"Written: {self.slides} slide{'s' * (self.slides != 1)} to {self.folder}"


def write_case(
    folder: Path | str,
    slides: Sequence[SlideExport],
    parts: Collection[str],
    report: Callable[[Progress, CancelToken], bytes] | None = None,
    *,
    bands: int = 0,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> CaseWritten:
    """Write slides into a new folder: all of it, or nothing.

    Parameters
    ----------
    folder
        Must not exist, or be empty. A slide gets a folder of its name in it.
    slides
        In their order; one without chromosomes, or whose image cannot be read, is left out and named.
    parts
        Of "karyogram", "metaphase", "table", "annotations".
    report
        Makes the bytes of ``report.pdf``, if one is wanted.
    bands
        Of the ideograms in the karyograms; none are drawn if 0.
    progress, cancel
        Told of each slide; looked at before each.

    Raises
    ------
    UserError
        If there is nothing to write, `folder` has files in it, or the disk is full or read-only.
    Cancelled
        If the token was set.
    """
    cancel = cancel or CancelToken()
    notes: list[str] = []
    taken: set[str] = set()
    text = io.StringIO()
    table = csv.DictWriter(text, ("slide", *CSV_COLUMNS, *MARK_COLUMNS), lineterminator="\n")
    table.writeheader()
    slides_text = io.StringIO()
    slides_table = csv.writer(slides_text, lineterminator="\n")
    slides_table.writerow(SLIDES_COLUMNS)
    written = 0
    share = 0.5 if report is not None else 1.0
    with new_folder(folder) as part:
        for index, slide in enumerate(slides):
            cancel.check()
            progress("slides", share * index / max(len(slides), 1))
            if not parts:
                break
            try:
                image = slide.read()
            except UserError as error:
                notes.append(f"{slide.name} is left out, its image cannot be read: {error}")
                continue
            analysis = slide.analysis(shape=image.shape)
            if not counted(analysis.chromosomes):
                notes.append(f"{slide.name} is left out, it has no chromosomes.")
                continue
            _write_slide(part / free_stem(slide.name, taken), slide, image, analysis, parts, bands)
            shared = overlaps(counted(analysis.chromosomes), image.shape)
            table.writerows({"slide": slide.name, **row(c, shared)} for c in counted(analysis.chromosomes))
            slides_table.writerow(_slide_row(slide.name, analysis))
            written += 1
        if "table" in parts and written:
            write_text(part / TABLE, text.getvalue())
            write_text(part / SLIDES_TABLE, slides_text.getvalue())
        if report is not None:
            write_bytes(part / REPORT, report(lambda stage, done: progress(stage, 1 - share + share * done), cancel))
        elif not written:
            raise UserError(
                tr("there is nothing to write. {notes}", notes=" ".join(notes)).strip(),
                advice=tr("Analyse a slide first."),
            )
        cancel.check()
    return CaseWritten(Path(folder), written or len(slides), tuple(notes))


def _slide_row(name: str, analysis: Analysis) -> list[Any]:
    quality = analysis.quality
    measured = (quality.clusters, quality.overlaps, quality.spread, quality.band_clarity, quality.overall)
    told = ["unknown" if value is None else value for value in measured]
    count = len(counted(analysis.chromosomes))
    return [name, count, analysis.proposal, str(analysis.stain), round(analysis.scale, 4), *told]


def _write_slide(
    folder: Path, slide: SlideExport, image: SlideImage, analysis: Analysis, parts: Collection[str], bands: int
) -> None:
    folder.mkdir()
    found, stain = analysis.chromosomes, analysis.stain
    if "karyogram" in parts:
        options: dict[str, Any] = {"inverted": analysis.inverted, "title": slide.title, "bands": bands}
        write_karyogram_png(folder / "karyogram.png", image, found, stain, **options)
    if "metaphase" in parts:
        path = folder / "metaphase.png"
        write_numbered_png(path, image, found, title=slide.title, annotations=slide.annotations)
    if "table" in parts:
        write_karyotype_csv(folder / "karyotype.csv", found, image.shape)
    if "annotations" in parts:
        text = annotations_json(image, found, stain=str(stain), proposal=analysis.proposal)
        write_text(folder / "annotations.json", text)
