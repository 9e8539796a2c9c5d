"""Our brush against the Labels brush of napari: the same strokes on the same slide, stroke by stroke in turn.

    python benchmarks/brush_napari.py --napari-python PYTHON [--shape 4096] [--chromosomes 92] [--strokes 60]
        [--setting NAME ...]

napari is no requirement of chromview. Install it into an environment of its own, ``pip install "napari[pyqt6]"``, and
give the interpreter of that as `PYTHON`. It draws by OpenGL and needs a display; where there is none, ``Xvfb`` is
started for both programs, and Mesa draws in software.

Both show the same simulated slide with the same masks at the same magnification in views of about the same size. In
napari they are one label image of uint8, which it draws fastest, in an `add_labels` layer in the mode ``paint`` with
the usual settings; overlaps are lost there. Real mouse events press, move 40 times and release, now here, now there, so
that whatever else the machine does slows both. They come 60 times a second at most, as from a hand (napari leaves out
moves that come faster), and each stroke is undone. Of each event is measured, in milliseconds from its delivery:

- ``handled``: until the event handlers have returned. In napari the label image is changed then and the canvas has been
  told, nothing is drawn; with us the release has by then written the stroke to the case file as well.
- ``pixels``: until the view of the slide has been drawn for the first time after that: with us until the window's
  backing store has gone to the display, in napari until OpenGL says that it is done (``glFinish``). An event after
  which nothing is drawn for 50 ms changes no pixels, and has them when it is handled: most releases in napari, where
  the stroke is in the picture already, while with us the outline is drawn anew. ``drawn`` counts the others.
- ``beside drawing``: in napari ``pixels`` less the time that the same canvas takes to be drawn with nothing changed,
  the median of 5 times: what would be left if a graphics card drew in no time at all. With us ``pixels``, because the
  processor draws everywhere.

Prints percentiles and ratios, and how OpenGL was done. Asserts nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

MOVES = 40
SETTINGS = {"whole slide in view": (0.0, 25), "actual size": (1.0, 25), "actual size, large brush": (1.0, 80)}
"""Screen pixels for a slide pixel (0: what shows the whole slide) and the size of the brush in slide pixels."""


class Timer:
    """Delivers events as fast as a hand makes them, and times them.

    Parameters
    ----------
    step
        Lets the program do what is due.
    drawn
        How often the view of the slide was drawn so far.
    """

    def __init__(self, step: Callable[[], object], drawn: Callable[[], int]) -> None:
        self._step, self._drawn = step, drawn
        self._next = 0.0

    def take(self, deliver: Callable[[], object]) -> dict[str, float]:
        """Deliver an event, have drawn what it changed, and say how many milliseconds that took."""
        while time.perf_counter() < self._next:
            self._step()
            time.sleep(0.001)
        count, start = self._drawn(), time.perf_counter()
        self._next = start + 1 / 60
        deliver()
        handled = pixels = time.perf_counter()
        while self._drawn() == count and time.perf_counter() < handled + 0.05:
            self._step()
            if self._drawn() != count:
                pixels = time.perf_counter()
        drawn = float(self._drawn() != count)
        return {"handled": 1000 * (handled - start), "pixels": 1000 * (pixels - start), "drawn": drawn}


def serve(stroke: Callable[[dict[str, Any]], dict[str, Any]], about: dict[str, Any]) -> None:
    """Answer each line of the standard input, a stroke as JSON, by its times."""
    # What libraries print must not come between.
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    out.write(json.dumps(about) + "\n")
    for line in sys.stdin:
        out.write(json.dumps(stroke(json.loads(line))) + "\n")


def ours(folder: Path) -> None:
    """Paint in the window of chromview; runs in a process of its own."""
    from PySide6.QtCore import QEvent, QObject, QPointF, QSettings, Qt
    from PySide6.QtGui import QMouseEvent
    from PySide6.QtWidgets import QApplication

    sys.path.insert(0, str(Path(__file__).parent))
    from brush import large_slide

    from chromview.ui.main import make_window, spare_collector

    given = json.loads((folder / "given.json").read_text())
    app = QApplication([])
    sys.setswitchinterval(0.001)
    os.environ["CHROMVIEW_CASES"] = str(folder / "cases")
    window = make_window(QSettings(str(folder / "s.ini"), QSettings.Format.IniFormat), [])
    window.controller.analyse_new = False
    window.controller.analyses.reread = lambda ids: None  # type: ignore[method-assign]
    window.resize(1600, 1000)
    spare_collector(window)
    window.show()
    path, analysis = large_slide(given["shape"], folder, given["chromosomes"])
    window.deeds.open_paths([path])
    window.controller.reader.wait()
    slide = window.controller.selection.slide
    assert slide is not None
    document = window.controller.document
    document.set_analysis(slide, analysis, document.request(slide))
    # Else a stroke would lie elsewhere than its chromosome, and napari's would not.
    assert {c.id: c.box for c in analysis.chromosomes} == {id: c.box for id, c in document.chromosomes(slide).items()}
    app.processEvents()
    window.controller._want_pictures()
    window.controller.background._pool.waitForDone()  # the pictures of a slide that is open for a while
    app.processEvents()
    viewer = window.viewer

    class Paints(QObject):
        count = 0

        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            self.count += event.type() is QEvent.Type.Paint
            return False

    paints = Paints()
    viewer.installEventFilter(paints)
    timer = Timer(app.processEvents, lambda: paints.count)

    def send(kind: QEvent.Type, at: QPointF) -> dict[str, float]:
        moves = kind is QEvent.Type.MouseMove
        button = Qt.MouseButton.NoButton if moves else Qt.MouseButton.LeftButton
        held = Qt.MouseButton.NoButton if kind is QEvent.Type.MouseButtonRelease else Qt.MouseButton.LeftButton
        event = QMouseEvent(kind, at, viewer.mapToGlobal(at), button, held, Qt.KeyboardModifier.NoModifier)
        return timer.take(lambda: app.sendEvent(viewer, event))

    def stroke(asked: dict[str, Any]) -> dict[str, Any]:
        window.perform("mask.brush")
        window.controller.tools.set_size(asked["brush"])
        window.controller.selection.select(asked["id"])
        points = asked["points"]
        if asked["zoom"]:
            viewer.zoom(asked["zoom"] / viewer.scale)
            middle = viewer.to_screen(*asked["middle"])
            viewer.pan(QPointF(viewer.width() / 2, viewer.height() / 2) - middle)
        else:
            viewer.fit()
        for _ in range(10):
            app.processEvents()
            time.sleep(0.005)
        before = window.controller.chromosomes[asked["id"]].area
        seen = bytes(viewer.grab().toImage().constBits())
        where = [viewer.to_screen(*point) for point in points]
        press = send(QEvent.Type.MouseButtonPress, where[0])
        moves = [send(QEvent.Type.MouseMove, at) for at in where[1:]]
        release = send(QEvent.Type.MouseButtonRelease, where[-1])
        painted = window.controller.chromosomes[asked["id"]].area != before
        seen_painted = seen != bytes(viewer.grab().toImage().constBits())
        window.perform("edit.undo")
        for _ in range(30):  # what waits for a pause
            app.processEvents()
            time.sleep(0.005)
        inside = all(viewer.rect().contains(at.toPoint()) for at in where)
        return {
            "times": {"press": [press], "move": moves, "release": [release]}, "painted": painted and seen_painted,
            "inside": inside, "zoom": viewer.scale,
        }  # fmt: skip

    serve(stroke, {"program": "chromview", "view": [viewer.width(), viewer.height()], "platform": app.platformName()})
    window.close()


def theirs(folder: Path) -> None:
    """Paint in the window of napari; runs in a process of its own, with an interpreter that has napari."""
    import napari
    import numpy as np
    from qtpy.QtCore import QEvent, QPointF, Qt
    from qtpy.QtGui import QMouseEvent
    from qtpy.QtWidgets import QApplication
    from vispy import gloo
    from vispy.gloo import gl

    given = json.loads((folder / "given.json").read_text())
    stored = np.load(folder / "slide.npz")
    viewer = napari.Viewer(show=True)
    viewer.add_image(stored["image"])
    layer = viewer.add_labels(stored["labels"])
    app = QApplication.instance()
    canvas = viewer.window._qt_viewer.canvas
    native = canvas.native
    wanted, window = given["view"], viewer.window._qt_window
    window.resize(1600, 1000)
    for _ in range(20):
        app.processEvents()
        time.sleep(0.02)
    # The side panels take what they like; the canvas is to be as large as ours.
    window.resize(window.width() + wanted[0] - native.width(), window.height() + wanted[1] - native.height())
    for _ in range(50):
        app.processEvents()
        time.sleep(0.02)
    renderer = ""
    drawn = 0

    def after_draw(event: Any) -> None:
        nonlocal drawn, renderer
        gloo.context.get_current_canvas().context.finish()
        drawn += 1
        renderer = renderer or gl.glGetParameter(gl.GL_RENDERER)

    canvas._scene_canvas.events.draw.connect(after_draw, position="last")

    def redraw() -> float:
        """Seconds that the canvas takes with nothing changed."""
        count, start = drawn, time.perf_counter()
        native.update()
        while drawn == count:
            app.processEvents()
        return time.perf_counter() - start

    timer = Timer(app.processEvents, lambda: drawn)

    def send(kind: Any, at: tuple[float, float]) -> dict[str, float]:
        moves = kind == QEvent.Type.MouseMove
        button = Qt.MouseButton.NoButton if moves else Qt.MouseButton.LeftButton
        held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else Qt.MouseButton.LeftButton
        point = QPointF(at[1], at[0])
        event = QMouseEvent(
            kind, point, QPointF(native.mapToGlobal(point)), button, held, Qt.KeyboardModifier.NoModifier
        )
        return timer.take(lambda: app.sendEvent(native, event))

    def stroke(asked: dict[str, Any]) -> dict[str, Any]:
        viewer.layers.selection.active = layer
        layer.mode, layer.brush_size, layer.selected_label = "paint", asked["brush"], asked["id"]
        side = given["shape"]
        height, width = native.height(), native.width()
        zoom = asked["zoom"] or min((width - 16) / side, (height - 16) / side)
        middle = asked["middle"] if asked["zoom"] else (side / 2, side / 2)
        # napari has the middle of the first pixel at 0, we its corner.
        viewer.camera.zoom, viewer.camera.center = zoom, (middle[0] - 0.5, middle[1] - 0.5)
        for _ in range(10):
            app.processEvents()
            time.sleep(0.005)
        plain = float(np.median([redraw() for _ in range(5)]))
        where = [((y - middle[0]) * zoom + height / 2, (x - middle[1]) * zoom + width / 2) for y, x in asked["points"]]
        before = int((layer.data == asked["id"]).sum())
        seen = native.grabFramebuffer()
        press = send(QEvent.Type.MouseButtonPress, where[0])
        moves = [send(QEvent.Type.MouseMove, at) for at in where[1:]]
        release = send(QEvent.Type.MouseButtonRelease, where[-1])
        painted = int((layer.data == asked["id"]).sum()) != before
        painted = painted and seen != native.grabFramebuffer()
        layer.undo()
        for _ in range(30):
            app.processEvents()
            time.sleep(0.005)
        inside = all(0 <= y < height and 0 <= x < width for y, x in where)
        for kind in ([press], moves, [release]):
            for times in kind:
                times["beside drawing"] = max(times["handled"], times["pixels"] - 1000 * plain * times["drawn"])
        return {
            "times": {"press": [press], "move": moves, "release": [release]}, "painted": painted, "inside": inside,
            "zoom": viewer.camera.zoom, "plain": 1000 * plain,
        }  # fmt: skip

    redraw()
    serve(
        stroke,
        {
            "program": f"napari {napari.__version__}",
            "view": [native.width(), native.height()],
            "renderer": str(renderer),
        },
    )
    viewer.close()


class Other:
    """A program in a process of its own that paints when told."""

    def __init__(self, python: str, role: str, folder: Path, environment: dict[str, str]) -> None:
        command = [python, str(Path(__file__).resolve()), "--role", role, "--folder", str(folder)]
        self.log = folder / f"{role}.log"
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log.open("w"), text=True,
            env=environment, cwd=folder,
        )  # fmt: skip
        self.about = self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            raise SystemExit(f"{self._process.args} ended:\n{self.log.read_text()[-3000:]}")
        return json.loads(line)

    def paint(self, stroke: dict[str, Any]) -> dict[str, Any]:
        """One stroke; its times."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(stroke) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = self._answer()
        return answer

    def end(self) -> None:
        """Have it close its window."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()


@contextlib.contextmanager
def display() -> Iterator[dict[str, str]]:
    """The environment for both programs: the display there is, or one without a screen."""
    environment = {**os.environ, "QT_LOGGING_RULES": "qt.qpa.*=false"}
    environment.pop("QT_QPA_PLATFORM", None)
    if sys.platform != "linux" or environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"):
        yield environment
        return
    if shutil.which("Xvfb") is None:
        raise SystemExit(
            "There is no display, and Xvfb is not installed: napari draws by OpenGL and needs one of them."
        )
    reads, writes = os.pipe()
    command = ["Xvfb", "-displayfd", str(writes), "-screen", "0", "2560x1440x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[writes], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(writes)
    try:
        number = os.read(reads, 20).decode().strip()
        if not number:
            raise SystemExit("Xvfb does not start.")
        yield {**environment, "DISPLAY": f":{number}", "QT_QPA_PLATFORM": "xcb"}
    finally:
        server.terminate()
        server.wait()


def strokes(chromosomes: Any, side: int, count: int) -> list[dict[str, Any]]:
    """Strokes along the chromosomes, spread over all of them; they begin on the chromosome."""
    from brush import stroke_points

    made = []
    largest_first = sorted(chromosomes, key=lambda c: c.id)
    for n in range(count):
        chromosome = largest_first[n * len(largest_first) // count]
        box = chromosome.box
        points = stroke_points(box, MOVES + 1, side)
        middle = ((box.top + box.bottom) / 2, (box.left + box.right) / 2)
        made.append({"id": chromosome.id, "points": points, "middle": middle})
    return made


def main() -> int:
    """Have both paint, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--napari-python", default=sys.executable, help="interpreter that has napari")
    parser.add_argument("--shape", type=int, default=4096, help="side of the slide in pixels")
    parser.add_argument("--chromosomes", type=int, default=92, choices=(46, 92))
    parser.add_argument("--strokes", type=int, default=60, help="for each setting")
    parser.add_argument("--setting", nargs="+", choices=SETTINGS, default=list(SETTINGS), help="only these")
    parser.add_argument("--json", type=Path, help="write the numbers to this file too")
    parser.add_argument("--role", choices=("ours", "theirs"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role:
        {"ours": ours, "theirs": theirs}[options.role](options.folder)
        return 0
    there = subprocess.run([options.napari_python, "-c", "import napari"], capture_output=True, text=True, check=False)
    if there.returncode:
        sys.stderr.write(
            f"napari cannot be imported by {options.napari_python}: {there.stderr.strip().splitlines()[-1]}\n"
            'Make an environment for it (python -m venv DIR; DIR/bin/pip install "napari[pyqt6]") and give its\n'
            "interpreter: --napari-python DIR/bin/python. It is no requirement of chromview.\n"
        )
        return 2
    import numpy as np
    from brush import large_slide
    from PIL import Image

    with tempfile.TemporaryDirectory() as temporary, display() as environment:
        folder = Path(temporary)
        given: dict[str, Any] = {"shape": options.shape, "chromosomes": options.chromosomes}
        (folder / "given.json").write_text(json.dumps(given))
        path, analysis = large_slide(options.shape, folder, options.chromosomes)
        labels = np.zeros((options.shape, options.shape), np.uint8)
        for chromosome in analysis.chromosomes:
            labels[chromosome.box.slices][chromosome.mask] = chromosome.id
        np.savez(folder / "slide.npz", image=np.asarray(Image.open(path)), labels=labels)
        paths = os.pathsep.join(
            p for p in (str(Path(__file__).resolve().parents[1]), os.environ.get("PYTHONPATH")) if p
        )
        here = Other(sys.executable, "ours", folder, {**environment, "PYTHONPATH": paths})
        (folder / "given.json").write_text(json.dumps({**given, "view": here.about["view"]}))
        without = {name: value for name, value in environment.items() if name != "PYTHONPATH"}
        there_ = Other(options.napari_python, "theirs", folder, without)
        print(here.about, there_.about, sep="\n")
        result: dict[str, Any] = {"ours": here.about, "napari": there_.about, "settings": {}}
        asked = strokes(analysis.chromosomes, options.shape, options.strokes)
        for setting in options.setting:
            zoom, brush = SETTINGS[setting]
            times: dict[str, dict[str, dict[str, list[float]]]] = {"ours": {}, "napari": {}}
            painted, plain, zooms = {"ours": 0, "napari": 0}, [], {}
            for number, stroke in enumerate(asked):
                both = [("ours", here), ("napari", there_)]
                for name, program in both if number % 2 else reversed(both):
                    answer = program.paint({**stroke, "zoom": zoom, "brush": brush})
                    painted[name] += bool(answer["painted"])
                    zooms[name] = round(answer["zoom"], 3)
                    plain += [answer["plain"]] if "plain" in answer else []
                    for event, taken in answer["times"].items():
                        for one in taken:
                            for what, ms in one.items():
                                times[name].setdefault(event, {}).setdefault(what, []).append(ms)
            told = result["settings"][setting] = tell(setting, brush, zooms, painted, options.strokes, plain, times)
            told["strokes"] = options.strokes
        here.end()
        there_.end()
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


def tell(
    setting: str,
    brush: int,
    zooms: dict[str, float],
    painted: dict[str, int],
    count: int,
    plain: list[float],
    times: dict[str, dict[str, dict[str, list[float]]]],
) -> dict[str, Any]:
    """Print one setting as a table; returns it."""
    import numpy as np

    def percentiles(values: list[float]) -> list[float]:
        return [round(float(v), 2) for v in np.percentile(values, [50, 99])]

    told: dict[str, Any] = {
        "zoom": zooms,
        "painted": painted,
        "napari's plain redraw": percentiles(plain),
        "events": {},
    }
    print(
        f"\n{setting}: brush of {brush} px, zoom {zooms}; painted {painted} of {count}; "
        f"napari draws its canvas unchanged in {percentiles(plain)[0]} ms"
    )
    print(f"{'':26s}{'ours p50':>10s}{'p99':>8s}{'napari p50':>12s}{'p99':>8s}{'times p50':>11s}{'p99':>7s}   drawn")
    for program in times.values():
        every = program["any"] = {}
        for event in ("press", "move", "release"):
            for what, values in program[event].items():
                every.setdefault(what, []).extend(values)
    for event in ("press", "move", "release", "any"):
        for what in ("handled", "pixels", "beside drawing"):
            mine = percentiles(times["ours"][event]["pixels" if what == "beside drawing" else what])
            other = percentiles(times["napari"][event][what])
            ratio = [round(b / a, 1) for a, b in zip(mine, other, strict=True)]
            told["events"][f"{event}, {what}"] = {"ours": mine, "napari": other, "ratio": ratio}
            label = f"  {event:8s} {what}"
            drawn = [sum(times[name][event]["drawn"]) for name in ("ours", "napari")]
            told["events"][f"{event}, {what}"]["drawn"] = [*drawn, len(times["ours"][event]["drawn"])]
            print(
                f"{label:26s}{mine[0]:10.2f}{mine[1]:8.2f}{other[0]:12.2f}{other[1]:8.2f}{ratio[0]:11.1f}{ratio[1]:7.1f}"
                + (f"   {drawn[0]:.0f}, {drawn[1]:.0f} of {len(times['ours'][event]['drawn'])}" * (what == "pixels"))
            )
    return told


if __name__ == "__main__":
    raise SystemExit(main())
