"""What leaves the window for one slide, as work that can run in the background.

Everything that the work needs is taken from the document at once, on the thread of the window;
what is edited afterwards does not change the files.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from chromview.app.document import Document
from chromview.app.slides import SlideInfo
from chromview.core.chromosome import Analysis, SlideImage, Stain

Work = Callable[[], None]


def snapshot(document: Document, info: SlideInfo) -> tuple[SlideImage, Analysis]:
    """Image and chromosomes of a slide as they are now.

    Raises
    ------
    UserError
        If the image is missing or cannot be read.
    """
    image = document.image(info.id)
    analysis = Analysis(
        shape=image.shape,
        stain=info.stain or Stain.G_BAND,
        inverted=info.inverted,
        scale=info.scale,
        chromosomes=tuple(document.chromosomes(info.id).values()),
        proposal=info.proposal,
        is_cluster=info.is_cluster,
        quality=info.quality,
        seconds={},
    )
    return image, analysis


def whole(document: Document, info: SlideInfo, folder: Path) -> Work:
    """Write ``karyogram.png``, ``karyotype.csv`` and ``annotations.json`` into `folder`."""
    image, analysis = snapshot(document, info)

    def work() -> None:
        from chromview.storage.exports import write_analysis

        write_analysis(folder, image, analysis)

    return work


def karyogram(document: Document, info: SlideInfo, path: Path) -> Work:
    """Write the karyogram to `path` as PNG."""
    image, analysis = snapshot(document, info)
    title = " - ".join(part for part in (info.name, analysis.proposal) if part)

    def work() -> None:
        from chromview.storage.exports import write_karyogram_png

        write_karyogram_png(path, image, analysis.chromosomes, analysis.stain, inverted=analysis.inverted, title=title)

    return work


def table(document: Document, info: SlideInfo, path: Path) -> Work:
    """Write the table of chromosomes to `path` as CSV."""
    image, analysis = snapshot(document, info)

    def work() -> None:
        from chromview.storage.exports import write_karyotype_csv

        write_karyotype_csv(path, analysis.chromosomes, image.shape)

    return work
