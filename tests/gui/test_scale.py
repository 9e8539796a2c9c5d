"""The scale of a slide, typed or measured, and the analysis that follows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QApplication

from chromview.app.jobs import Jobs
from chromview.core.chromosome import Analysis, SlideImage
from chromview.core.scale import CHROMOSOME_WIDTH
from chromview.ui.window import MainWindow

from .helpers import Hand, Sample, settle, show_sample, single


@pytest.fixture
def asked() -> list[dict[str, Any]]:
    """What the analysis was asked for."""
    return []


@pytest.fixture
def scaled(open_window: Callable[..., MainWindow], cell: Sample, asked: list[dict[str, Any]]) -> MainWindow:
    """A window on the metaphase, whose analysis takes the scale it is given."""

    def analyse(image: SlideImage, models: Any, **options: Any) -> Analysis:
        asked.append(options)
        return replace(cell.analysis, scale=options["scale"] or 1.0)

    jobs = Jobs(analyse=analyse, load_models=lambda device: SimpleNamespace(description="CPU (test)"))
    window = open_window(jobs=jobs)
    show_sample(window, cell)
    return window


def done(window: MainWindow, asked: list[dict[str, Any]], count: int, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: len(asked) == count and window.controller.jobs.running is None, timeout=30_000)
    settle(window)


def type_into(widget: Any, text: str, qtbot: Any) -> None:
    widget.setFocus()
    widget.selectAll()
    qtbot.keyClicks(widget, text)
    qtbot.keyClick(widget, Qt.Key.Key_Return)


def test_a_typed_width_is_used_by_the_next_analysis_and_undone(
    scaled: MainWindow, asked: list[dict[str, Any]], qtbot: Any
) -> None:
    window, panel = scaled, scaled.scale
    slide = window.controller.selection.slide
    assert slide is not None
    qtbot.keyClick(window.viewer, Qt.Key.Key_W, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert panel.isVisible() and window.focusWidget() is panel.width_edit
    assert "seen at 1.00 of its size" in panel.about.text() and "found from the chromosomes" in panel.about.text()
    assert "The chromosomes that were found are" in panel.about.text()
    type_into(panel.width_edit, "25", qtbot)
    done(window, asked, 1, qtbot)
    assert asked[0]["scale"] == pytest.approx(0.5)
    assert panel.factor_edit.value() == pytest.approx(0.5)
    assert "seen at 0.50 of its size" in panel.about.text() and "A width of 25.0 pixels was set" in panel.about.text()
    info = window.controller.info
    assert info is not None and info.chosen_scale == pytest.approx(0.5) and info.scale == pytest.approx(0.5)
    # Both are steps of the slide.
    window.perform("edit.undo")
    assert window.controller.document.undo_title(slide) == "Undo scale of 25 pixels"
    window.perform("edit.undo")
    info = window.controller.info
    assert info is not None and info.chosen_scale is None and info.scale == 1.0
    window.perform("edit.redo")
    settle(window)
    qtbot.mouseClick(panel.free, Qt.MouseButton.LeftButton)
    done(window, asked, 2, qtbot)
    assert asked[1]["scale"] is None
    qtbot.keyClick(panel.width_edit, Qt.Key.Key_Escape)
    assert not panel.isVisible()


def test_a_width_is_measured_across_a_chromosome(scaled: MainWindow, asked: list[dict[str, Any]], qtbot: Any) -> None:
    window = scaled
    qtbot.keyClick(window.viewer, Qt.Key.Key_U)
    box = single(window).box
    start, end = (window.viewer.to_screen(box.top + 5, x) for x in (box.left, box.left + 20.0))
    Hand(window.viewer).drag(start, QPointF((start + end) / 2), end)
    panel = window.scale
    assert panel.isVisible() and panel.width_edit.value() == pytest.approx(20, abs=0.2)
    assert not asked
    qtbot.mouseClick(panel.go, Qt.MouseButton.LeftButton)
    done(window, asked, 1, qtbot)
    assert asked[0]["scale"] == pytest.approx(CHROMOSOME_WIDTH / 20, rel=0.02)


def test_what_no_chromosome_can_be_is_told_and_not_set(
    scaled: MainWindow, asked: list[dict[str, Any]], qtbot: Any
) -> None:
    window, panel = scaled, scaled.scale
    window.perform("case.scale")
    for text, says in (("0.5", "cannot be 0.5 pixels wide"), ("700", "cannot be 700 pixels wide")):
        type_into(panel.width_edit, text, qtbot)
        QApplication.processEvents()
        assert says in window.bar("viewer").text
    info = window.controller.info
    assert info is not None and info.chosen_scale is None and not asked
    # Width and factor say the same, whichever is typed.
    panel.factor_edit.setValue(2.0)
    assert panel.width_edit.value() == pytest.approx(6.2, abs=0.1)


def test_reading_after_an_edit_knows_the_scale(
    open_window: Callable[..., MainWindow], cluster: Sample, qtbot: Any
) -> None:
    told: list[float | None] = []

    def reread(image: SlideImage, chromosomes: Any, ids: Any, models: Any, **options: Any) -> tuple[Any, ...]:
        told.append(options["scale"])
        return tuple(chromosomes)

    models = SimpleNamespace(description="CPU (test)")
    window = open_window(jobs=Jobs(load_models=lambda device: models, reread=reread))
    slide = show_sample(window, cluster)
    window.controller.document.set_scale(slide, 25.0)
    first = next(iter(window.controller.chromosomes))
    axis = window.controller.chromosomes[first].axis
    assert axis is not None
    window.performer.select(first)
    window.performer.move_axis(np.asarray(axis + np.float32(1.0)))
    window.controller.analyses.reread_now()
    qtbot.waitUntil(lambda: told == [0.5])
    settle(window)
