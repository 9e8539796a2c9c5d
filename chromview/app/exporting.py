"""What leaves the window for one slide, as work that can run in the background.

Everything that the work needs is taken from the document at once, on the thread of the window;
what is edited afterwards does not change the files.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from chromview.app.document import Document
from chromview.app.slides import SlideInfo
from chromview.core.chromosome import Analysis, Chromosome, SlideImage, Stain
from chromview.progress import CancelToken, Progress
from chromview.texts import noop

if TYPE_CHECKING:
    from chromview.storage.case_export import CaseWritten

Work = Callable[[], None]

PARTS: dict[str, str] = {
    "karyogram": noop("Karyograms (PNG, 300 dpi)"),
    "metaphase": noop("Slides with numbers (PNG)"),
    "table": noop("Tables (CSV), one for each slide and one for all"),
    "annotations": noop("Annotations (COCO)"),
    "report": noop("Report (PDF)"),
}
"""What can be written of a case, in words."""


def snapshot(document: Document, info: SlideInfo) -> tuple[SlideImage, Analysis]:
    """Image and chromosomes of a slide as they are now.

    Raises
    ------
    UserError
        If the image is missing or cannot be read.
    """
    image = document.image(info.id)
    return image, analysis_of(info, image.shape, tuple(document.chromosomes(info.id).values()))


def analysis_of(info: SlideInfo, shape: tuple[int, int], chromosomes: tuple[Chromosome, ...]) -> Analysis:
    """What is known of a slide with an image of `shape` (H, W), as what an analysis gives."""
    return Analysis(
        shape=shape,
        stain=info.stain or Stain.G_BAND,
        inverted=info.inverted,
        scale=info.scale,
        chromosomes=chromosomes,
        proposal=info.proposal,
        is_cluster=info.is_cluster,
        quality=info.quality,
        seconds={},
        models=dict(info.models),
    )


def whole(document: Document, info: SlideInfo, folder: Path) -> Work:
    """Write ``karyogram.png``, ``karyotype.csv`` and ``annotations.json`` into `folder`."""
    image, analysis = snapshot(document, info)

    def work() -> None:
        from chromview.storage.exports import write_analysis

        write_analysis(folder, image, analysis)

    return work


def karyogram(document: Document, info: SlideInfo, path: Path, *, bands: int = 0) -> Work:
    """Write the karyogram to `path` as PNG, with ideograms of so many `bands` if there are any."""
    image, analysis = snapshot(document, info)
    title = title_of(info)

    def work() -> None:
        from chromview.storage.exports import write_karyogram_png

        write_karyogram_png(
            path, image, analysis.chromosomes, analysis.stain, inverted=analysis.inverted, title=title, bands=bands
        )

    return work


def table(document: Document, info: SlideInfo, path: Path) -> Work:
    """Write the table of chromosomes to `path` as CSV."""
    image, analysis = snapshot(document, info)

    def work() -> None:
        from chromview.storage.exports import write_karyotype_csv

        write_karyotype_csv(path, analysis.chromosomes, image.shape)

    return work


def metaphase(document: Document, info: SlideInfo, path: Path) -> Work:
    """Write the slide with its chromosomes outlined and numbered to `path` as PNG."""
    image, analysis = snapshot(document, info)
    title = title_of(info)

    def work() -> None:
        from chromview.storage.exports import write_numbered_png

        write_numbered_png(path, image, analysis.chromosomes, title=title, annotations=info.annotations)

    return work


def write_file(path: Path, content: bytes) -> None:
    """Write a file in one step; raises `UserError` if that fails."""
    from chromview.storage.files import write_bytes

    write_bytes(path, content)


def title_of(info: SlideInfo) -> str:
    """What stands above the pictures of a slide: its name, and the karyotype, called a proposal while it is one."""
    proposed = " (proposal)" if info.untouched else ""
    return " - ".join(part for part in (info.name, info.proposal and f"{info.proposal}{proposed}") if part)


def case_work(
    document: Document,
    infos: Sequence[SlideInfo],
    folder: Path,
    parts: Collection[str],
    report: Callable[[Progress, CancelToken], bytes] | None,
    *,
    bands: int = 0,
) -> Callable[[Progress, CancelToken], CaseWritten]:
    """The work of writing pictures, tables and a report of slides into a new folder: all of it, or nothing.

    Parameters
    ----------
    document, infos
        The case, and which of its slides.
    folder
        A new one. Each slide gets a folder in it; ``karyotypes.csv`` holds all tables, ``report.pdf`` the report.
    parts
        Of `PARTS`.
    report
        Makes the report, if one is wanted.
    bands
        Of the ideograms in the karyograms; none are drawn if 0.

    Raises
    ------
    UserError
        If the case file is damaged.
    """
    slides = [(info, tuple(document.chromosomes(info.id).values()), document.known_image(info.id)) for info in infos]

    def work(progress: Progress, cancel: CancelToken) -> CaseWritten:
        from chromview.storage.case_export import SlideExport, write_case

        exports = [
            SlideExport(
                info.name,
                title_of(info),
                _reader(info, known),
                partial(analysis_of, info, chromosomes=found),
                info.annotations,
            )
            for info, found, known in slides
        ]
        return write_case(folder, exports, parts, report, bands=bands, progress=progress, cancel=cancel)

    return work


def _reader(info: SlideInfo, known: SlideImage | None) -> Callable[[], SlideImage]:
    def read() -> SlideImage:
        from chromview.storage.images import read_image

        return known if known is not None else read_image(info.path)

    return read
