"""How long it takes to go through a case of many slides, and what memory that takes.

    python benchmarks/slides.py [--slides 1000] [--distinct 12] [--shape 0] [--visit 0] [--pause 0] [--json FILE]

Makes a case of simulated metaphases with their true masks, repeated as files of their own, in a folder that goes away
afterwards. The case is opened in a process of its own and the key of *Next slide* pressed until the last slide is
shown, then that of *Previous slide*. Of each key press is measured, in milliseconds from its delivery:

- ``visible``: until the window's backing store shows the image of the slide with its masks.
- ``answer``: until the window is painted again at all; a slide that is not read yet says so.
- ``longest wait``: the longest time until the window would have taken another event.
- ``cpu``: processor time of the window's thread until ``visible``, whatever else the machine does.

Of the opening, in seconds: until the function that opens it returns (``open``), until the first slide is visible
(``slide``), and until nothing more is done in the background (``quiet``). Of the memory, in MB: the resident set before
the case is opened, after it, and after all slides were shown. Every picture of the window is the real one, without a
screen; files were written just before, so that they come from the memory of the system. Asserts nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_LOGGING_RULES", "qt.qpa.*=false")

KARYOTYPES = ("46,XX", "46,XY", "47,XY,+21", "47,XX,+18", "45,X", "47,XXY")


def make_case(folder: Path, slides: int, distinct: int, side: int) -> Path:
    """A case with so many slides, their images beside it; of so many pixels a side, or the simulator's if 0."""
    from PIL import Image
    from PySide6.QtWidgets import QApplication

    from chromview.app.document import Document
    from chromview.core.chromosome import Analysis, Chromosome, Quality, State
    from chromview.core.karyotype import assign_slots
    from chromview.simulate.metaphase import simulate_metaphase

    app = QApplication([])
    cells = []
    for n in range(min(distinct, slides)):
        formula = KARYOTYPES[n % len(KARYOTYPES)]
        made = simulate_metaphase(formula, seed=n)
        factor = max(1, round(side / max(made.image.shape))) if side else 1
        image = Image.fromarray(made.image)
        image = image.resize((image.width * factor, image.height * factor), Image.Resampling.BICUBIC)
        image.save(folder / f"cell {n}.png")
        chromosomes = []
        for c in made.chromosomes:
            mask = c.mask.repeat(factor, 0).repeat(factor, 1)
            larger = Chromosome(c.id, type(c.box)(*(factor * v for v in c.box)), mask, kind=c.kind, number=c.number)
            axis = None if c.axis is None else c.axis * factor
            chromosomes.append(replace(larger, axis=axis, state=State.PROPOSED, p_up=c.p_up))
        shape = (image.height, image.width)
        found = tuple(assign_slots(chromosomes))
        analysis = Analysis(shape, made.stain, False, 1 / factor, found, formula, False, Quality(count=len(found)), {})
        cells.append((folder / f"cell {n}.png", analysis))
    images = folder / "images"
    images.mkdir()
    for n in range(slides):
        # Bytes after the end of a PNG are nobody's, so that every file has content, and a hash, of its own.
        path = images / f"slide {n:04}.png"
        shutil.copyfile(cells[n % len(cells)][0], path)
        with path.open("ab") as file:
            file.write(str(n).encode())
    document = Document.new(folder / "large.chromview")
    for n, id in enumerate(document.add_slides([images])):
        document.set_analysis(id, cells[n % len(cells)][1], document.request(id))
    path = document.path
    document.close()
    app.processEvents()
    return path


def resident() -> float:
    """MB of this process in memory."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the system does not say how much memory is used")


class Walk:
    """Goes from slide to slide by key, and times it."""

    def __init__(self, window: Any, app: Any) -> None:
        from PySide6.QtCore import QEvent, QObject

        class Painted(QObject):
            count = 0

            def eventFilter(self, watched: QObject, event: QEvent) -> bool:
                if event.type() == QEvent.Type.Paint:
                    self.count += 1
                return False

        self.window, self.app = window, app
        self.painted = Painted(window)
        window.viewer.installEventFilter(self.painted)
        self.times: dict[str, list[float]] = {"visible": [], "answer": [], "longest wait": [], "cpu": []}

    def shown(self) -> bool:
        """Whether the viewer holds the image of the slide that is chosen, with its masks."""
        controller, viewer = self.window.controller, self.window.viewer
        info = controller.info
        return (
            info is not None
            and controller.image is not None
            and controller.image.path == str(info.path)
            and viewer.picture is not None
            and viewer.picture.pixels is controller.image.pixels
            and len(viewer.chromosomes) > 0
            and viewer.chromosomes is controller.document.chromosomes(info.id)
        )

    def press(self, key: Any) -> None:
        """One key press, to the slide in the backing store."""
        from PySide6.QtTest import QTest

        before, started, longest, answer = self.painted.count, time.perf_counter(), 0.0, 0.0
        cpu = time.thread_time()
        slide = self.window.controller.selection.slide
        QTest.keyClick(self.window, key)
        while True:
            turn = time.perf_counter()
            if longest == 0.0:
                longest = turn - started
            painted = self.painted.count
            self.app.processEvents()
            now = time.perf_counter()
            longest = max(longest, now - turn)
            if self.painted.count > before and not answer:
                answer = now - started
            # Only a picture that was painted after the slide had arrived shows it.
            if self.painted.count > painted and self.shown() and slide != self.window.controller.selection.slide:
                break
            if self.painted.count > before and self.shown():
                self.window.viewer.update()
        used = time.thread_time() - cpu
        for name, seconds in (
            ("visible", now - started), ("answer", answer), ("longest wait", longest), ("cpu", used),
        ):  # fmt: skip
            self.times[name].append(1000 * seconds)


def percentiles(values: list[float]) -> dict[str, float]:
    """Median, 99th percentile and longest, rounded."""
    import numpy as np

    kinds = zip(("p50", "p99", "max"), np.percentile(values, [50, 99, 100]), strict=True)
    return {name: round(float(value), 1) for name, value in kinds}


def visit(case: Path, most: int, back: int, pause: float) -> dict[str, Any]:
    """Open a case and go through it; in a process that has done nothing else."""
    from PySide6.QtCore import QSettings, Qt
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication

    from chromview.ui.main import make_window, spare_collector

    app = QApplication([])
    sys.setswitchinterval(0.001)  # as the program does
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CHROMVIEW_CASES"] = str(Path(folder) / "cases")
        window = make_window(QSettings(str(Path(folder) / "s.ini"), QSettings.Format.IniFormat), [])
        window.controller.analyse_new = False
        window.resize(1600, 1000)
        spare_collector(window)
        window.show()
        QTest.qWaitForWindowExposed(window)
        walk = Walk(window, app)
        result["memory before"] = round(resident())
        started = time.perf_counter()
        window.deeds.open_paths([case])
        result["open"] = round(time.perf_counter() - started, 3)
        painted = walk.painted.count
        while not (walk.shown() and walk.painted.count > painted):
            app.processEvents()
        app.processEvents()
        result["slide"] = round(time.perf_counter() - started, 3)
        slides = len(window.controller.slides)

        def go(key: Any, count: int) -> dict[str, dict[str, float]]:
            walk.times = {name: [] for name in walk.times}
            for _ in range(count):
                end = time.perf_counter() + pause
                walk.press(key)
                while time.perf_counter() < end:
                    app.processEvents()
            return {name: percentiles(values) for name, values in walk.times.items()}

        # At once, while the thumbnails are still being made, and when all is quiet.
        result["while thumbnails are made"] = go(Qt.Key.Key_PageDown, min(back, slides - 1))
        while not quiet(window):
            app.processEvents()
            time.sleep(0.01)
        result["quiet"] = round(time.perf_counter() - started, 3)
        result["memory opened"] = round(resident())
        shown = window.controller.state.slide_index
        result["next slide"] = go(Qt.Key.Key_PageDown, min(most or slides, slides - 1 - shown))
        result["memory after all"] = round(resident())
        result["slides"], result["visited"] = slides, window.controller.state.slide_index + 1
        result["previous slide"] = go(Qt.Key.Key_PageUp, min(back, slides - 1))
        window.close()
    return result


def quiet(window: Any) -> bool:
    """Whether nothing is read or made in the background."""
    return bool(window.controller.background._pool.waitForDone(0)) and not window.controller.reader.busy


def main() -> int:
    """Make a case, go through it in another process, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slides", type=int, default=1000)
    parser.add_argument("--distinct", type=int, default=12, help="cells that are simulated")
    parser.add_argument("--shape", type=int, default=0, help="about the longer side in pixels; 0: 760, as simulated")
    parser.add_argument("--there-and-back", type=int, default=100, help="slides gone through before all, and back")
    parser.add_argument("--visit", type=int, default=0, help="go no further than so many slides; 0: through all")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between two key presses, at least")
    parser.add_argument("--case", type=Path, help="go through this case (the visiting process is told so)")
    parser.add_argument("--keep", type=Path, help="keep the case in this folder, and use one that is there")
    parser.add_argument("--json", type=Path, help="write the numbers to this file too")
    options = parser.parse_args()
    if options.case:
        print(json.dumps(visit(options.case, options.visit, options.there_and_back, options.pause)))
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        case = folder / "large.chromview"
        make: Callable[[], Path] = lambda: make_case(folder, options.slides, options.distinct, options.shape)  # noqa: E731
        case = case if case.exists() else make()
        command = [sys.executable, __file__, "--case", str(case)]
        command += ["--there-and-back", str(options.there_and_back), "--pause", str(options.pause)]
        command += ["--visit", str(options.visit)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    result = json.loads(done.stdout.splitlines()[-1])
    result["machine"] = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    for name, value in result.items():
        if isinstance(value, dict):
            for what, kinds in value.items():
                print(f"{name:26s} {what:13s} " + "  ".join(f"{kind} {ms:8.1f}" for kind, ms in kinds.items()), "ms")
        else:
            print(f"{name:26s} {value}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
