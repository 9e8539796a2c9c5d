"""The axis and the centromere of the selected chromosome: seen, dragged, measured."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt

from chromview.core.axis_edit import measured_arms, point_at, share_of
from chromview.core.chromosome import Chromosome
from chromview.ui.window import MainWindow

from .helpers import Hand, settle


@pytest.fixture
def chosen(cell_window: MainWindow) -> int:
    """The first chromosome of class 1, selected and close, with the tool Axis in hand."""
    id = next(c.id for c in cell_window.controller.chromosomes.values() if c.number == 1)
    cell_window.performer.select(id)
    cell_window.perform("view.zoom_selected")
    cell_window.perform("mask.axis")
    settle(cell_window)
    return id


def at(window: MainWindow, id: int, share: float) -> QPointF:
    """Point of the viewer on the axis of a chromosome."""
    axis = window.controller.chromosomes[id].axis
    assert axis is not None
    y, x = point_at(axis, share)
    return window.viewer.to_screen(y + 0.5, x + 0.5)


def of(window: MainWindow, id: int) -> Chromosome:
    return window.controller.chromosomes[id]


def test_a_point_of_the_axis_is_dragged_and_the_chromosome_laid_straight_again(
    cell_window: MainWindow, chosen: int
) -> None:
    window = cell_window
    before = of(window, chosen)
    slide = window.controller.selection.slide
    assert slide is not None and before.axis is not None
    picture = window.controller.background.pictures(slide)[chosen]
    start = at(window, chosen, 0.22)
    to = start + QPointF(24, 8)
    Hand(window.viewer).drag(start, start + QPointF(10, 3), to)
    settle(window)
    after = of(window, chosen)
    assert after.axis is not None and after.axis_placed
    y, x = window.viewer.to_picture(to)
    assert share_of(after.axis, (y - 0.5, x - 0.5))[1] < 0.2, "the axis goes through where it was dropped"
    assert np.allclose(after.axis[0], before.axis[0]) and np.allclose(after.axis[-1], before.axis[-1])
    assert window.controller.state.undo_title == "Undo axis of chromosome 1"
    assert "Axis by a person" in window.inspector.facts.text()
    again = window.controller.background.pictures(slide)[chosen]
    assert again is not picture and again.axis.shape[0] > picture.axis.shape[0]
    window.perform("edit.undo")
    settle(window)
    assert np.array_equal(of(window, chosen).axis, before.axis)  # type: ignore[arg-type]
    assert "Axis by a person" not in window.inspector.facts.text()


def test_a_tip_is_drawn_out(cell_window: MainWindow, chosen: int) -> None:
    window = cell_window
    before = of(window, chosen)
    tip, inner = at(window, chosen, 1.0), at(window, chosen, 0.95)
    out = tip - inner
    Hand(window.viewer).drag(tip, tip + out, tip + out * 2)
    arms, had = measured_arms(of(window, chosen)), measured_arms(before)
    assert arms is not None and had is not None
    assert sum(arms) == pytest.approx(1.1 * sum(had), rel=0.02)
    changed = arms.q - had.q if before.p_up else arms.p - had.p
    assert changed == pytest.approx(0.1 * sum(had), rel=0.15), "the other arm is as long as it was"


def test_the_centromere_is_dragged_along_the_chromosome(cell_window: MainWindow, chosen: int) -> None:
    window = cell_window
    share = of(window, chosen).centromere
    assert share is not None
    Hand(window.viewer).drag(at(window, chosen, share), at(window, chosen, share + 0.1), at(window, chosen, 0.3))
    settle(window)
    after = of(window, chosen)
    assert after.centromere == pytest.approx(0.3, abs=0.01) and after.centromere_placed
    assert window.controller.state.undo_title == "Undo centromere of chromosome 1"
    arms = measured_arms(after)
    assert arms is not None
    facts = window.inspector.facts.text()
    assert f"p arm {arms.p:.1f} px, q arm {arms.q:.1f} px, ratio {arms.ratio:.2f}" in facts
    assert f"Centromere index {100 * arms.centromere_index:.0f} %, by a person" in facts
    window.perform("chromosome.find_axis")
    assert not of(window, chosen).centromere_placed


def test_the_centromere_is_dragged_in_the_inspector(cell_window: MainWindow, chosen: int) -> None:
    window = cell_window
    rect = window.inspector.portrait.picture_rect()
    y = rect.top() + 0.25 * rect.height()
    Hand(window.inspector.portrait).drag(rect.center(), QPointF(rect.center().x(), y))
    after = of(window, chosen)
    assert after.centromere is not None
    assert (after.centromere if after.p_up else 1 - after.centromere) == pytest.approx(0.25, abs=0.01)
    arms = measured_arms(after)
    assert arms is not None and arms.centromere_index == pytest.approx(0.25, abs=0.01)


def test_escape_gives_a_drag_up(cell_window: MainWindow, chosen: int) -> None:
    window = cell_window
    before, hand = of(window, chosen), Hand(window.viewer)
    start = at(window, chosen, 0.2)
    hand.press(start)
    hand.move(start + QPointF(30, 0))
    held = window.viewer.axis.axis
    assert held is not None and not np.array_equal(held, before.axis)  # type: ignore[arg-type]
    window.actions_by_id["mask.select"].trigger()
    assert np.array_equal(window.viewer.axis.axis, before.axis)  # type: ignore[arg-type]
    hand.release(start + QPointF(30, 0))
    assert of(window, chosen) is before


def test_a_click_beside_the_axis_selects_as_ever(cell_window: MainWindow, chosen: int) -> None:
    window = cell_window
    other = next(c.id for c in window.controller.chromosomes.values() if c.in_karyogram and c.number == 5)
    window.perform("view.fit")
    Hand(window.viewer).click(at(window, other, 0.3))
    assert window.controller.selection.chromosome == other
    assert window.viewer.axis.chromosome is of(window, other)


def test_axis_and_centromere_are_seen_and_can_be_hidden(cell_window: MainWindow, chosen: int) -> None:
    window = cell_window
    window.perform("mask.select")
    window.viewer.setFocus()
    shown = window.viewer.grab().toImage()
    spot = at(window, chosen, 0.25).toPoint()
    assert shown.pixelColor(spot).lightness() > 150, "the line over a dark chromosome"
    karyogram = window.karyogram.grab().toImage()
    window.actions_by_id["view.axis"].trigger()
    hidden = window.viewer.grab().toImage()
    assert hidden.pixelColor(spot) != shown.pixelColor(spot)
    assert window.karyogram.grab().toImage() != karyogram
    window.actions_by_id["view.axis"].trigger()
    assert window.viewer.grab().toImage().pixelColor(spot) == shown.pixelColor(spot)


def test_under_a_brush_the_axis_is_not_in_the_way(cell_window: MainWindow, chosen: int) -> None:
    window = cell_window
    spot = at(window, chosen, 0.25).toPoint()
    line = window.viewer.grab().toImage().pixelColor(spot)
    window.perform("mask.brush")
    assert window.viewer.grab().toImage().pixelColor(spot) != line
    assert window.viewer.cursor().shape() == Qt.CursorShape.CrossCursor
