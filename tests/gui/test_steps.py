"""The steps of the segmentation over the slide: asked for on demand, with progress, cancel and a legend."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor

from chromview.app.jobs import Jobs
from chromview.app.steps import MAPS
from chromview.core.chromosome import Box, SlideImage, Stain
from chromview.core.steps import Steps
from chromview.errors import UserError
from chromview.progress import CancelToken, Progress
from chromview.ui.steps_layer import COLOURS, StepsLayer
from chromview.ui.window import MainWindow

from .helpers import Sample, open_files, settle, show_sample


class Inspector:
    """Stands in for the network: maps that are strong in one corner, when told to."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.go = threading.Event()
        self.go.set()
        self.fails = False

    def __call__(
        self, image: SlideImage, models: Any, *, progress: Progress, cancel: CancelToken, **options: Any
    ) -> Steps:
        self.asked.append({"shape": image.shape, **options})
        progress("find", 0.25)
        while not self.go.wait(0.005):
            cancel.check()
        if self.fails:
            raise UserError("the weights are missing", advice="Install chromview again.")
        maps = [np.zeros(image.shape, np.uint8) for _ in MAPS]
        for values in maps[:3]:
            values[-60:-20, -60:-20] = 255
        maps[3][-60:-20, -60:-20] = 2
        return Steps(*maps[:4], levels=(0.5, 0.1, 0.08), scale=1.0, cut=(3, 7))


@pytest.fixture
def network() -> Iterator[Inspector]:
    made = Inspector()
    yield made
    made.go.set()


@pytest.fixture
def looking(open_window: Callable[..., MainWindow], network: Inspector) -> MainWindow:
    """A window whose segmenter can be looked over the shoulder."""
    models = SimpleNamespace(description="CPU (test)")
    window = open_window(jobs=Jobs(load_models=lambda device: models))
    window.controller.steps.inspect = network
    return window


def waited(window: MainWindow, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: window.controller.steps.share is None)
    settle(window)


def seen(window: MainWindow, y: float, x: float) -> QColor:
    """Colour of the viewer at a slide pixel."""
    at = window.viewer.to_screen(y, x).toPoint()
    return QColor(window.viewer.grab().toImage().pixelColor(at))


def test_a_step_is_shown_by_its_key_with_a_legend(
    looking: MainWindow, network: Inspector, cell: Sample, qtbot: Any
) -> None:
    window = looking
    show_sample(window, cell)
    legend = window.viewer.legend
    corner = window.viewer.shape[0] - 40, window.viewer.shape[1] - 40
    before = seen(window, *corner)
    assert not legend.isVisible() and not network.asked
    qtbot.keyClick(window.viewer, Qt.Key.Key_F5, Qt.KeyboardModifier.ShiftModifier)
    waited(window, qtbot)
    assert network.asked == [{"shape": window.viewer.shape, "stain": cell.analysis.stain, "scale": None}]
    assert window.actions_by_id["view.steps_foreground"].isChecked()
    assert "Foreground: probability" in legend.accessibleDescription()
    assert seen(window, *corner) != before
    # The other maps are there already; nothing is asked twice.
    qtbot.keyClick(window.viewer, Qt.Key.Key_F8, Qt.KeyboardModifier.ShiftModifier)
    settle(window)
    assert "3 clusters cut into 7" in legend.accessibleDescription()
    for key in (Qt.Key.Key_F5, Qt.Key.Key_F8):
        qtbot.keyClick(window.viewer, key, Qt.KeyboardModifier.ShiftModifier)
    settle(window)
    assert not legend.isVisible() and seen(window, *corner) == before
    assert len(network.asked) == 1


def test_axes_of_all_need_no_network(looking: MainWindow, network: Inspector, cell: Sample) -> None:
    window = looking
    show_sample(window, cell)
    before = window.viewer.grab().toImage()
    window.perform("view.steps_axes")
    settle(window)
    assert window.viewer.grab().toImage() != before
    assert "Axes of all chromosomes" in window.viewer.legend.accessibleDescription()
    assert not network.asked


def test_what_takes_long_shows_how_far_it_is_and_can_be_cancelled(
    looking: MainWindow, network: Inspector, cell: Sample, qtbot: Any
) -> None:
    window = looking
    show_sample(window, cell)
    network.go.clear()
    window.perform("view.steps_overlap")
    qtbot.waitUntil(lambda: window.controller.steps.share == 0.25)
    window.controller.settle()
    assert window.status.progress.isVisible() and window.status.progress.value() == 25
    assert "25%" in window.viewer.legend.busy.text()
    assert window.actions_by_id["case.cancel"].isEnabled()
    window.perform("case.cancel")
    waited(window, qtbot)
    assert not window.actions_by_id["view.steps_overlap"].isChecked()
    assert not window.viewer.legend.isVisible() and not window.controller.state.busy
    network.go.set()
    window.perform("view.steps_overlap")
    waited(window, qtbot)
    assert window.controller.steps.steps is not None


def test_an_answer_lands_on_its_slide_only_and_is_kept(
    looking: MainWindow, network: Inspector, cell: Sample, cluster: Sample, qtbot: Any
) -> None:
    window = looking
    first = show_sample(window, cell)
    network.go.clear()
    window.perform("view.steps_foreground")
    qtbot.waitUntil(lambda: len(network.asked) == 1)
    second = show_sample(window, cluster)
    network.go.set()
    waited(window, qtbot)
    steps = window.controller.steps
    assert steps.steps is not None and steps.steps.shape == cluster.analysis.shape
    window.controller.selection.show_slide(first)
    waited(window, qtbot)
    assert steps.steps is not None and steps.steps.shape == cell.analysis.shape
    asked = len(network.asked)
    window.controller.selection.show_slide(second)
    waited(window, qtbot)
    assert steps.steps.shape == cluster.analysis.shape and len(network.asked) == asked
    # Another stain or scale is another question.
    window.performer.perform("case.stain_q")
    waited(window, qtbot)
    assert network.asked[-1]["stain"] is Stain.Q_BAND
    assert len(network.asked) == asked + 1


def test_what_cannot_be_looked_at_says_why(looking: MainWindow, network: Inspector, cell: Sample, qtbot: Any) -> None:
    window = looking
    open_files(window, cell.path)
    network.fails = True
    window.perform("view.steps_contact")
    waited(window, qtbot)
    assert "weights are missing" in window.bar("viewer").text
    assert not window.actions_by_id["view.steps_contact"].isChecked()


@pytest.mark.parametrize("scale", [0.1, 0.4, 1.0, 3.0])
def test_a_large_slide_is_drawn_from_what_is_in_sight(scale: float) -> None:
    side = 1024
    maps = [np.zeros((side, side), np.uint8) for _ in range(4)]
    for values in maps[:3]:
        values[300:600, 300:600] = 255
    maps[3][300:600, 300:600] = 3
    layer = StepsLayer()
    layer.show(Steps(maps[0], maps[1], maps[2], maps[3], (0.5, 0.1, 0.08), 1.0), {"foreground", "overlap"})
    drawn = layer.image(scale, Box(350, 350, 500, 550))
    assert drawn is not None
    image, covered = drawn
    assert covered.top <= 350 and covered.left <= 350 and covered.bottom >= 500 and covered.right >= 550
    assert image.width() <= side and image.hasAlphaChannel()
    at = round(image.width() * (450 - covered.left) / covered.width)
    down = round(image.height() * (450 - covered.top) / covered.height)
    colour = image.pixelColor(at, down)
    red, green, blue = COLOURS["overlap"]
    assert colour.alpha() > 100 and colour.red() > colour.blue() and colour.red() > red * 0.5 and green < red > blue
    again = layer.image(scale, Box(360, 360, 490, 540))
    assert again is not None and again[1] == covered
    assert StepsLayer().image(scale, Box(0, 0, 10, 10)) is None
