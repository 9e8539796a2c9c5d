"""The program with its window: `run` is what the command ``chromview`` calls."""

from __future__ import annotations

import gc
import signal
import sys
import traceback
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QSettings, QTimer
from PySide6.QtWidgets import QApplication

from chromview.app.controller import Controller
from chromview.app.document import Document
from chromview.app.jobs import Jobs
from chromview.errors import UserError
from chromview.texts import tr
from chromview.ui import language
from chromview.ui.window import MainWindow


def make_window(settings: QSettings, paths: list[Path], jobs: Jobs | None = None) -> MainWindow:
    """A window with a case open, not shown yet.

    Parameters
    ----------
    settings
        Where layout and choices are remembered.
    paths
        Slides, folders or a case to open. Without any, the last case goes on where it was left.
    jobs
        The worker of the analysis; made if not given.
    """
    language.use(settings)
    controller = Controller(jobs if jobs is not None else Jobs(device=_device(settings)))
    problem = ""
    document: Document | None = None
    if not paths:
        document, problem = _last_case(settings)
    if document is None:
        document = Document.new()
    window = MainWindow(controller, settings)
    controller.setParent(window)
    controller.set_document(document)
    if problem:
        window.say_problem(problem, "slides")
    if paths:
        # After the first paint: reading and hashing files must not keep the window away.
        QTimer.singleShot(0, window, lambda: window.deeds.open_paths(paths))
    return window


def _device(settings: QSettings) -> str:
    device = str(settings.value("case/device", "auto"))
    return device if device in ("auto", "cuda", "mps", "cpu") else "auto"


def _last_case(settings: QSettings) -> tuple[Document | None, str]:
    value = settings.value("case/recent")
    last = value if isinstance(value, str) else next((p for p in value or [] if isinstance(p, str)), "")
    if last and Path(last).exists():
        try:
            return Document.open(Path(last)), ""
        except UserError as error:
            return None, str(error)
    return None, ""


def show_fault(
    window: MainWindow, kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """An error of ours: say so, with something to copy, and go on."""
    sys.stderr.write("".join(traceback.format_exception(kind, error, trace)))
    window.say_problem(
        tr(
            "This is a fault of chromview, not yours: {name}: {error}. Everything up to the last edit is "
            "saved. The full report is on the terminal.",
            name=kind.__name__,
            error=error,
        ),
        "viewer",
    )


def run(paths: list[str]) -> int:
    """Open the window and run until it is closed.

    Parameters
    ----------
    paths
        Slides, folders with slides, or one case file.

    Returns
    -------
    int
        Exit code of the program: 0, or 2 if no case could be begun.
    """
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setApplicationName("chromview")
    app.setApplicationDisplayName("chromview")
    app.setOrganizationName("chromview")
    app.setDesktopFileName("chromview")
    try:
        window = make_window(QSettings(), [Path(path) for path in paths])
    except UserError as error:
        sys.stderr.write(f"chromview: {error}\n")
        return 2
    sys.excepthook = lambda kind, error, trace: show_fault(window, kind, error, trace)
    _end_politely(window)
    # Short turns between threads: the window stays smooth while the analysis computes in Python.
    sys.setswitchinterval(0.001)
    spare_collector(window)
    window.show()
    code = app.exec()
    sys.excepthook = sys.__excepthook__
    return int(code)


def spare_collector(window: MainWindow) -> None:
    """Keep what lives as long as the program out of Python's search for rubbish.

    A search through all objects takes 40 ms, and ten times that once torch is imported; it would come in the middle
    of a stroke.
    """
    gc.freeze()
    window.controller.jobs.device.connect(lambda device: gc.freeze())


def _end_politely(window: MainWindow) -> None:
    """Close the window on Ctrl+C and when the system asks; the worker thread is ended then, too."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: window.close())
    # Python looks at signals between two of its own steps; Qt alone would never give it one.
    beat = QTimer(window)
    beat.timeout.connect(lambda: None)
    beat.start(300)
