"""How long a committed edit, opening a case and opening a slide take.

    python benchmarks/commit.py

A stroke of the brush on a 4096 x 4096 slide with 92 chromosomes, from the end of the stroke until it
is on the disk and told to the views; a whole analysis taken in; a case of 1,000 analysed slides opened, and
strokes in it while a backup is made.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from PySide6.QtCore import QCoreApplication

from chromview.app.document import Document
from chromview.core.chromosome import Analysis, Box, Chromosome, Quality, Slot, Stain

SIDE = 4096
CHROMOSOMES = 92
STROKES = 500
SLIDES = 1000


def chromosome(id: int, rng: np.random.Generator, side: int) -> Chromosome:
    """A bent rod of about 60 x 200 pixels with everything an analysis knows of it."""
    rows, columns = np.mgrid[0:200, 0:60]
    mask = np.abs(columns - 30 - 12 * np.sin(rows / 60 + id)) < 15
    top, left = int(rng.integers(0, side - 200)), int(rng.integers(0, side - 60))
    axis = np.stack([np.arange(200) + top, 30 + 12 * np.sin(np.arange(200) / 60 + id) + left], axis=1)
    return Chromosome(
        id, Box(top, left, top + 200, left + 60), mask, axis=axis.astype(np.float32), centromere=0.4,
        probabilities=tuple(rng.dirichlet(np.ones(24)).tolist()), number=(id - 1) % 24 + 1,
        slot=Slot((id - 1) % 24 + 1, (id - 1) // 24),
    )  # fmt: skip


def analysis(count: int, rng: np.random.Generator, side: int) -> Analysis:
    """An analysis with so many chromosomes."""
    found = tuple(chromosome(id, rng, side) for id in range(1, count + 1))
    return Analysis((side, side), Stain.G_BAND, False, 1.0, found, "", False, Quality(count=count), {})


def told(name: str, seconds: list[float]) -> None:
    """One line of the table."""
    median, high, most = (1000 * np.percentile(seconds, q) for q in (50, 99, 100))
    print(f"{name:44s} median {median:7.2f} ms   99th percentile {high:7.2f} ms   slowest {most:7.2f} ms")


def strokes_while_backing_up(document: Document, slide: int, rng: np.random.Generator) -> None:
    """Strokes on a slide of a large case, from the beginning of a backup until it is whole."""
    file, strokes = document._file, []
    begin = time.perf_counter()
    file.backups.begin_if_due(file.last_change())
    while file.backups.running:
        box = document.chromosomes(slide)[1].box
        bits = rng.random((40, 30)) < 0.9
        start = time.perf_counter()
        document.paint(slide, {1: (Box(box.top, box.left, box.top + 40, box.left + 30), bits)}, "Brush")
        strokes.append(time.perf_counter() - start)
        time.sleep(0.02)
    print(f"{'backup of it made beside the strokes':44s} {1000 * (time.perf_counter() - begin):14.2f} ms")
    told(f"{len(strokes)} strokes committed meanwhile", strokes)


def main() -> None:
    QCoreApplication([])
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        image = folder / "cell.png"
        Image.fromarray(np.zeros((8, 8), np.uint8) + np.arange(8, dtype=np.uint8)).save(image)
        document = Document.new(folder / "case")
        (slide,) = document.add_slides([image])
        start = time.perf_counter()
        document.set_analysis(slide, analysis(CHROMOSOMES, rng, SIDE), document.request(slide))
        print(f"{'analysis of 92 chromosomes taken in':44s} {1000 * (time.perf_counter() - start):14.2f} ms")

        strokes, undos = [], []
        for _ in range(STROKES):
            chosen = document.chromosomes(slide)[int(rng.integers(1, CHROMOSOMES + 1))]
            top, left = chosen.box.top + int(rng.integers(0, 150)), chosen.box.left + int(rng.integers(0, 20))
            bits = rng.random((40, 30)) < 0.9
            start = time.perf_counter()
            document.paint(slide, {chosen.id: (Box(top, left, top + 40, left + 30), bits)}, "Brush")
            strokes.append(time.perf_counter() - start)
        told("stroke committed, 4096 x 4096, 92 chromosomes", strokes)
        for _ in range(STROKES // 2):
            start = time.perf_counter()
            document.undo(slide)
            undos.append(time.perf_counter() - start)
        told("undo of a stroke", undos)
        document.close()
        print(f"{'case file after these':44s} {document.path.stat().st_size / 1e6:14.2f} MB")

        document = Document.new(folder / "large")
        images = []
        for n in range(SLIDES):
            images.append(folder / f"cell {n}.png")
            Image.fromarray(np.full((8, 8), n % 251, np.uint8) + np.arange(8, dtype=np.uint8)).save(images[-1])
        start = time.perf_counter()
        ids = document.add_slides(images)
        print(f"{'1,000 slides added':44s} {1000 * (time.perf_counter() - start):14.2f} ms")
        found = analysis(46, rng, 1024)
        for id in ids:
            document.set_analysis(id, found, document.request(id))
        document.close()
        start = time.perf_counter()
        document = Document.open(document.path)
        _ = document.slides
        seconds = time.perf_counter() - start
        print(f"{'case of 1,000 analysed slides opened':44s} {1000 * seconds:14.2f} ms", end="")
        print(f"   ({document.path.stat().st_size / 1e6:.0f} MB)")
        start = time.perf_counter()
        _ = document.chromosomes(ids[500]), document.undo_title(ids[500])
        print(f"{'chromosomes of one slide read':44s} {1000 * (time.perf_counter() - start):14.2f} ms")
        strokes_while_backing_up(document, ids[500], rng)
        start = time.perf_counter()
        rows = len(document.audit().rows)
        print(f"{f'history of {rows} steps read':44s} {1000 * (time.perf_counter() - start):14.2f} ms")
        document.close()


if __name__ == "__main__":
    main()
