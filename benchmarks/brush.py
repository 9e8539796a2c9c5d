"""How long a brush stroke takes from the mouse event to the repainted pixels.

    python benchmarks/brush.py [--events 4000] [--shape 2048] [--chromosomes 46] [--busy] [--json FILE]

A window without a screen shows a slide of 2048 x 2048 pixels with 46 chromosomes. Real mouse events
move a pressed brush over one chromosome after the other, a stroke every 40 moves; each is undone and done again.
Of each event, and of undo and redo, is measured, in milliseconds from its delivery:

- ``pixels``: until the window's backing store holds everything that was to be painted anew. Whether a stroke is
  really there is looked up in pictures of the window, outside of the time measured.
- ``handler``: until the event handler returns. That of a release has by then committed the stroke to the case file.
- ``idle``: until everything the event brought with it is done, menus and status line too, so that the next one can
  come.
- ``cpu`` and ``cpu idle``: processor time of the thread until ``pixels`` and until ``idle``. On a machine that does
  other things as well it tells what the program itself needs.

With ``--busy`` another slide is analysed all the while. Prints percentiles; asserts no time.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_LOGGING_RULES", "qt.qpa.*=false")

import numpy as np
from PIL import Image
from PySide6.QtCore import QEvent, QPoint, QPointF, QSettings, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from chromview.app.selection import at
from chromview.core.chromosome import Analysis, Box, Chromosome, Quality, Slot, State
from chromview.core.karyotype import assign_slots
from chromview.simulate.metaphase import simulate_metaphase
from chromview.ui.main import make_window, spare_collector
from chromview.ui.window import MainWindow

PER_STROKE = 40
"""Moves of one stroke."""


FORMULAS = {46: "46,XX", 92: "92,XXXX"}
"""Cells by the number of their chromosomes."""


def large_slide(side: int, folder: Path, count: int = 46) -> tuple[Path, Analysis]:
    """A simulated metaphase of 46 or 92 chromosomes, enlarged to `side` x `side` pixels, with its true masks.

    A document that takes the analysis gives the chromosomes the same ids.
    """
    cell = simulate_metaphase(FORMULAS[count], seed=7)
    height, width = cell.image.shape
    rows, columns = np.arange(side) * height // side, np.arange(side) * width // side
    path = folder / "large.png"
    Image.fromarray(np.asarray(Image.fromarray(cell.image).resize((side, side), Image.Resampling.BICUBIC))).save(path)
    chromosomes = []
    for chromosome in cell.chromosomes:
        if not chromosome.in_karyogram:
            continue
        whole = np.zeros((height, width), bool)
        whole[chromosome.box.slices] = chromosome.mask
        fresh = Chromosome.from_slide_mask(chromosome.id, whole[rows][:, columns])
        chromosomes.append(replace(fresh, number=chromosome.number, state=State.PROPOSED))
    # Numbered as the document will do it, which takes them in the order of their places.
    in_order = sorted(assign_slots(chromosomes), key=lambda c: c.slot or Slot(99, 0))
    placed = tuple(replace(c, id=n) for n, c in enumerate(in_order, 1))
    quality = Quality(count=count)
    return path, Analysis((side, side), cell.stain, False, 2.0, placed, FORMULAS[count], False, quality, {})


class Hand:
    """Sends mouse events to the viewer and times them."""

    def __init__(self, window: MainWindow, app: QApplication) -> None:
        self.viewer, self.app, self.controller = window.viewer, app, window.controller
        self.at = QPointF(0, 0)
        self.times: dict[str, dict[str, list[float]]] = {}

    def send(self, name: str, kind: QEvent.Type, buttons: Qt.MouseButton) -> None:
        button = Qt.MouseButton.NoButton if kind is QEvent.Type.MouseMove else Qt.MouseButton.LeftButton
        where = self.viewer.mapToGlobal(self.at)
        event = QMouseEvent(kind, self.at, where, button, buttons, Qt.KeyboardModifier.NoModifier)
        self.time(name, lambda: self.app.sendEvent(self.viewer, event))

    def time(self, name: str, deed: Callable[[], object]) -> None:
        """Do something and time it until its pixels are there."""
        start, cpu = time.perf_counter(), time.thread_time()
        deed()
        handler = time.perf_counter()
        self.app.processEvents()  # the update request: paints into the backing store and flushes it
        pixels, used = time.perf_counter(), time.thread_time() - cpu
        while self.controller._later.isActive():  # what menus, status line and list of slides say
            self.app.processEvents()
        self.app.processEvents()
        idle, used_idle = time.perf_counter(), time.thread_time() - cpu
        times = self.times.setdefault(name, {})
        for what, seconds in (
            ("pixels", pixels - start), ("handler", handler - start), ("idle", idle - start), ("cpu", used),
            ("cpu idle", used_idle),
        ):  # fmt: skip
            times.setdefault(what, []).append(1000 * seconds)

    def place(self, y: float, x: float) -> QPoint:
        """Where a slide pixel is on the viewer."""
        return self.viewer.to_screen(y, x).toPoint()

    def press(self, y: float, x: float) -> None:
        self.at = self.viewer.to_screen(y, x)
        self.send("press", QEvent.Type.MouseButtonPress, Qt.MouseButton.LeftButton)

    def move(self, y: float, x: float) -> None:
        self.at = self.viewer.to_screen(y, x)
        self.send("move", QEvent.Type.MouseMove, Qt.MouseButton.LeftButton)

    def release(self) -> None:
        self.send("release", QEvent.Type.MouseButtonRelease, Qt.MouseButton.NoButton)

    def picture_around(self) -> bytes:
        """The pixels of the window in a square around the pointer, at the side of the brush's own circle."""
        image = self.viewer.grab().toImage()
        middle = self.at.toPoint() - QPoint(2, 2)
        return bytes(image.copy(middle.x(), middle.y(), 5, 5).constBits())


def stroke_points(box: Box, count: int, side: int) -> list[tuple[float, float]]:
    """A wavy way along a chromosome and somewhat beyond, as a hand would go, on a slide of `side` x `side` pixels."""
    points = []
    for n in range(count):
        share = n / max(1, count - 1)
        along = -0.15 + 1.3 * share
        wave = 0.25 * math.sin(share * 9)
        y = box.top + box.height * (along if box.height >= box.width else 0.5 + wave)
        x = box.left + box.width * (along if box.width > box.height else 0.5 + wave)
        points.append((min(max(y, 2.0), side - 8.0), min(max(x, 2.0), side - 8.0)))
    return points


def measure(
    window: MainWindow, app: QApplication, events: int, size: int, prepare: Callable[[], None]
) -> dict[str, Any]:
    """Paint `events` moves with a brush of `size` slide pixels."""
    hand, controller = Hand(window, app), window.controller
    checked = painted = moves = 0
    ids = sorted(controller.chromosomes)
    prepare()
    while controller.document._tidy.isActive():  # a pause, in which the log of the case is carried into its file
        app.processEvents()
    controller.tools.set_size(size)
    stroke = 0
    while moves < events:
        id = ids[stroke % len(ids)]
        stroke += 1
        controller.selection.select(id)
        window.perform("mask.brush" if stroke % 3 else "mask.erase")
        app.processEvents()
        # A hand needs half a second for a stroke, so that the last one has come to the disk in the meantime.
        controller.document._file.flush()
        points = stroke_points(controller.chromosomes[id].box, PER_STROKE + 1, window.viewer.shape[0])
        window.viewer.reveal(controller.chromosomes[id].box)
        app.processEvents()
        hand.press(*points[0])
        looked = False
        for point in points[1:]:
            # Where nothing lies yet: there a brush must show, while an eraser or a second coat would not.
            here = int(point[0]), int(point[1])
            free = not at(controller.chromosomes, *here, reach=0)
            look = not looked and bool(stroke % 3) and free and window.viewer.rect().contains(hand.place(*point))
            looked = looked or look
            if look:
                hand.at = window.viewer.to_screen(*point)
                before = hand.picture_around()
            hand.move(*point)
            moves += 1
            if look:
                checked += 1
                painted += before != hand.picture_around()
        hand.release()
        # As the keys do it: the whole action, with what it says and shows.
        hand.time("undo", lambda: window.perform("edit.undo"))
        hand.time("redo", lambda: window.perform("edit.redo"))
        window.perform("edit.undo")  # else the next setting would paint and erase where it is done already
    return {
        "moves": moves,
        "strokes": stroke,
        "brush_px": size,
        "zoom": round(window.viewer.scale, 3),
        **{name: {what: percentiles(ms) for what, ms in kinds.items()} for name, kinds in hand.times.items()},
        "strokes_looked_at": checked,
        "strokes_seen_painted": painted,
    }


def keep_busy(window: MainWindow, app: QApplication, folder: Path) -> None:
    """Have another slide analysed again and again; returns when the first analysis is under way."""
    controller = window.controller
    shown = controller.selection.slide
    path = folder / "other.png"
    Image.fromarray(simulate_metaphase("46,XY", seed=11).image).save(path)
    (other,) = controller.document.add_slides([path])
    controller.selection.show_slide(shown)
    stages: list[str] = []
    controller.jobs.progress.connect(lambda slide, stage, share: stages.append(stage))
    controller.jobs.finished.connect(lambda *_: controller.analyses.analyse([other]))
    controller.jobs.failed.connect(lambda slide, sentence: print(f"not busy: {sentence}"))
    controller.analyses.analyse([other])
    while "find" not in stages and controller.jobs.running is not None:
        app.processEvents()


def percentiles(times: list[float]) -> dict[str, float]:
    values = np.percentile(times, [50, 90, 99, 100])
    return {name: round(float(v), 2) for name, v in zip(("p50", "p90", "p99", "max"), values, strict=True)}


def tell(result: dict[str, Any]) -> None:
    """The result of one setting as lines of a table."""
    seen = f"{result['strokes_seen_painted']} of {result['strokes_looked_at']} strokes looked at were painted"
    print(f"{result['setting']}: brush of {result['brush_px']} px, zoom {result['zoom']}; {seen}")
    for name in ("press", "move", "release", "undo", "redo"):
        for what, ms in result[name].items():
            print(f"  {name:8s} {what:8s} " + "  ".join(f"{p} {value:7.2f}" for p, value in ms.items()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=4000, help="mouse moves for each setting")
    parser.add_argument("--shape", type=int, default=2048, help="side of the slide in pixels")
    parser.add_argument("--chromosomes", type=int, default=46, choices=sorted(FORMULAS), help="on the slide")
    parser.add_argument("--busy", action="store_true", help="analyse another slide at the same time")
    parser.add_argument("--json", type=Path, help="write the numbers to this file too")
    options = parser.parse_args()
    app = QApplication(sys.argv[:1])
    sys.setswitchinterval(0.001)  # as the program does
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CHROMVIEW_CASES"] = str(Path(folder) / "cases")
        window = make_window(QSettings(str(Path(folder) / "s.ini"), QSettings.Format.IniFormat), [])
        window.controller.analyse_new = False
        # The brush is measured, not the networks that read a changed mask afterwards.
        window.controller.analyses.reread = lambda ids: None  # type: ignore[method-assign]
        window.resize(1600, 1000)
        spare_collector(window)
        window.show()
        path, analysis = large_slide(options.shape, Path(folder), options.chromosomes)
        window.deeds.open_paths([path])
        window.controller.reader.wait()
        slide = window.controller.selection.slide
        assert slide is not None
        document = window.controller.document
        document.set_analysis(slide, analysis, document.request(slide))
        app.processEvents()
        window.controller._want_pictures()
        window.controller.background._pool.waitForDone()  # the pictures of a slide that is open for a while
        app.processEvents()
        viewer = window.viewer
        if options.busy:
            keep_busy(window, app, Path(folder))
        results = []
        for name, size, prepare in (
            ("whole slide in view", 25, viewer.fit),
            ("actual size", 25, viewer.actual_size),
            ("actual size, large brush", 80, viewer.actual_size),
            ("near, all masks filled", 9, lambda: (viewer.set_view(fill=True), viewer.zoom(3 / viewer.scale))),
        ):
            result = {"setting": name, **measure(window, app, options.events, size, prepare)}
            results.append(result)
            tell(result)
        window.close()
    summary = {
        "busy": options.busy,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "slide": f"{options.shape} x {options.shape}, {len(analysis.chromosomes)} chromosomes",
        "results": results,
    }
    print(summary["machine"], "|", summary["slide"])
    if options.json:
        options.json.write_text(json.dumps(summary, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
