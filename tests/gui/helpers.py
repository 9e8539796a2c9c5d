"""Hands and eyes of the tests: the mouse as real events, and samples with what is on them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from chromview.core.chromosome import Analysis, Chromosome
from chromview.core.commands import same
from chromview.ui.window import MainWindow


@dataclass(frozen=True)
class Sample:
    """An image on the disk, and what an analysis would find on it."""

    path: Path
    analysis: Analysis


def open_files(window: MainWindow, *paths: Path) -> None:
    """Open a case, or add images and folders, and wait until they are read."""
    window.deeds.open_paths(list(paths))
    read(window)


def read(window: MainWindow) -> None:
    """Wait until every file that was asked for is read and shown."""
    window.controller.reader.wait()
    window.controller.settle()
    QApplication.processEvents()


def show_sample(window: MainWindow, sample: Sample) -> int:
    """Add a slide with its analysis and wait until its karyogram is drawn; returns its id."""
    open_files(window, sample.path)
    slide = window.controller.selection.slide
    assert slide is not None
    document = window.controller.document
    assert document.set_analysis(slide, sample.analysis, document.request(slide))
    settle(window)
    return slide


def settle(window: MainWindow) -> None:
    """Let what waits happen: images, straightened pictures and the view state."""
    window.controller.reader.wait()
    window.controller._want_pictures()
    window.controller.background._pool.waitForDone()
    QApplication.processEvents()
    window.controller.settle()
    QApplication.processEvents()


def written(window: MainWindow) -> None:
    """Wait for what is being written: the reading of the case, the work, and what is said afterwards."""
    exporter = window.controller.exporter
    while exporter.findChildren(QTimer):  # takes a few slides at a time between events
        QApplication.processEvents()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    exporter._pool.waitForDone()
    window.controller.background._pool.waitForDone()
    QApplication.processEvents()


class Hand:
    """The mouse, as real events at points of a widget."""

    def __init__(self, widget: QWidget) -> None:
        self.widget = widget
        self.buttons = Qt.MouseButton.NoButton

    def _send(self, kind: QEvent.Type, at: QPointF, button: Qt.MouseButton, keys: Qt.KeyboardModifier) -> None:
        where = QPointF(self.widget.mapToGlobal(at))
        QApplication.sendEvent(self.widget, QMouseEvent(kind, at, where, button, self.buttons, keys))
        QApplication.processEvents()

    def press(
        self,
        at: QPoint | QPointF,
        button: Qt.MouseButton = Qt.MouseButton.LeftButton,
        keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
    ) -> None:
        self.buttons = button
        self._send(QEvent.Type.MouseButtonPress, QPointF(at), button, keys)

    def move(self, at: QPoint | QPointF) -> None:
        self._send(QEvent.Type.MouseMove, QPointF(at), Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier)

    def release(self, at: QPoint | QPointF) -> None:
        button, self.buttons = self.buttons, Qt.MouseButton.NoButton
        self._send(QEvent.Type.MouseButtonRelease, QPointF(at), button, Qt.KeyboardModifier.NoModifier)

    def click(self, at: QPoint | QPointF, keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        self.press(at, keys=keys)
        self.release(at)

    def drag(self, *way: QPoint | QPointF) -> None:
        """Press at the first point, move over the others, release at the last."""
        self.press(way[0])
        for at in way[1:]:
            self.move(at)
        self.release(way[-1])

    def wheel(self, at: QPointF, steps: int, keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        event = QWheelEvent(
            at, self.widget.mapToGlobal(at), QPoint(0, 0), QPoint(0, 120 * steps), Qt.MouseButton.NoButton, keys,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(self.widget, event)
        QApplication.processEvents()


def inside(window: MainWindow, id: int) -> QPointF:
    """A point of the viewer on a chromosome, where no other one lies."""
    chromosomes = window.controller.chromosomes
    mine = chromosomes[id]
    alone = mine.mask.copy()
    for other in chromosomes.values():
        part = mine.box.intersection(other.box)
        if other.id != id and part is not None:
            a, b = mine.box, other.box
            alone[part.top - a.top : part.bottom - a.top, part.left - a.left : part.right - a.left] &= ~other.mask[
                part.top - b.top : part.bottom - b.top, part.left - b.left : part.right - b.left
            ]
    while True:  # as far from the edge as it gets
        padded = np.pad(alone, 1)
        inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
        if not inner.any():
            break
        alone = inner
    ys, xs = np.nonzero(alone)
    middle = len(ys) // 2
    return window.viewer.to_screen(mine.box.top + ys[middle] + 0.5, mine.box.left + xs[middle] + 0.5)


def free_spot(window: MainWindow) -> tuple[int, int]:
    """(y, x) of the middle of a square of 41 pixels where nothing lies."""
    taken = np.zeros(window.viewer.shape, bool)
    for c in window.controller.chromosomes.values():
        taken[c.box.slices] |= c.mask
    for y in range(25, taken.shape[0] - 25, 10):
        for x in range(25, taken.shape[1] - 25, 10):
            if not taken[y - 20 : y + 21, x - 20 : x + 21].any():
                return y, x
    raise AssertionError("no free spot")


def single(window: MainWindow) -> Chromosome:
    """A chromosome with nothing near it."""
    counted = [c for c in window.controller.chromosomes.values() if c.in_karyogram]
    shape = window.viewer.shape
    return next(
        c for c in counted if not any(o.id != c.id and o.box.intersection(c.box.grown(8, shape)) for o in counted)
    )


def snapshot(window: MainWindow) -> dict[int, Chromosome]:
    return dict(window.controller.chromosomes)


def equal(first: dict[int, Chromosome], second: dict[int, Chromosome]) -> bool:
    return first.keys() == second.keys() and all(same(first[id], second[id]) for id in first)
