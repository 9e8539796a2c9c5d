"""Looking at a slide: selecting, moving, zooming, contrast."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from chromview.core.chromosome import State
from chromview.ui.window import MainWindow

from .helpers import Hand, inside, settle


def grey_at(window: MainWindow, y: int, x: int) -> int:
    """Grey value that the viewer shows at a slide pixel."""
    image: QImage = window.viewer.grab().toImage()
    at = window.viewer.to_screen(y + 0.5, x + 0.5).toPoint()
    return image.pixelColor(at).lightness()


def test_a_click_selects_everywhere(cell_window: MainWindow) -> None:
    window = cell_window
    id = next(c.id for c in window.controller.chromosomes.values() if c.in_karyogram)
    Hand(window.viewer).click(inside(window, id))
    settle(window)
    assert window.controller.selection.chromosome == id
    assert window.karyogram.selected == id
    assert window.viewer.masks.selected == id
    assert f"Chromosome {id} " in window.inspector.title.text()
    assert window.inspector.class_edit.text() == window.controller.chromosomes[id].class_name


def test_a_click_on_the_background_deselects(cell_window: MainWindow) -> None:
    window = cell_window
    hand = Hand(window.viewer)
    id = next(c.id for c in window.controller.chromosomes.values() if c.in_karyogram)
    hand.click(inside(window, id))
    hand.click(window.viewer.to_screen(2, 2))
    assert window.controller.selection.chromosome is None
    settle(window)
    assert window.inspector.empty.isVisible()


def test_ctrl_click_chooses_the_second_one(cell_window: MainWindow) -> None:
    window = cell_window
    first, second = [c.id for c in window.controller.chromosomes.values() if c.in_karyogram][:2]
    hand = Hand(window.viewer)
    hand.click(inside(window, first))
    hand.click(inside(window, second), keys=Qt.KeyboardModifier.ControlModifier)
    settle(window)
    assert (window.controller.state.selected, window.controller.state.second) == (first, second)
    assert window.actions_by_id["mask.join"].isEnabled()


def test_a_second_click_on_an_overlap_reaches_the_one_below(cell_window: MainWindow) -> None:
    window = cell_window
    shared = None
    chromosomes = list(window.controller.chromosomes.values())
    for a, b in itertools.combinations(chromosomes, 2):
        if shared is not None or a.box.intersection(b.box) is None:
            continue
        both = np.zeros(window.viewer.shape, np.uint8)
        both[a.box.slices] += a.mask
        both[b.box.slices] += b.mask
        ys, xs = (both == 2).nonzero()
        if ys.size:
            shared = ({a.id, b.id}, int(ys[len(ys) // 2]), int(xs[len(xs) // 2]))
    if shared is None:
        pytest.skip("no overlap in this cell")
    ids, y, x = shared
    hand, at = Hand(window.viewer), window.viewer.to_screen(y + 0.5, x + 0.5)
    seen = []
    for _ in range(2):
        hand.click(at)
        seen.append(window.controller.selection.chromosome)
        QApplication.processEvents()
        settle(window)
    assert set(seen) == ids


def test_the_wheel_zooms_around_the_pointer(cell_window: MainWindow) -> None:
    viewer = cell_window.viewer
    at = QPointF(200, 250)
    before, scale = viewer.to_picture(at), viewer.scale
    Hand(viewer).wheel(at, 3)
    assert viewer.scale > scale * 1.5
    assert viewer.to_picture(at) == pytest.approx(before, abs=1e-6)


@pytest.mark.parametrize("button", [Qt.MouseButton.MiddleButton, Qt.MouseButton.LeftButton])
def test_dragging_moves_the_slide(cell_window: MainWindow, button: Qt.MouseButton) -> None:
    viewer = cell_window.viewer
    start = viewer.to_screen(3, 3) + QPointF(30, 30)
    where = viewer.to_picture(start)
    hand = Hand(viewer)
    hand.press(start, button)
    hand.move(start + QPointF(20, 0))
    hand.move(start + QPointF(40, 25))
    hand.release(start + QPointF(40, 25))
    assert viewer.to_picture(start + QPointF(40, 25)) == pytest.approx(where, abs=0.01)


def test_space_held_moves_also_with_the_brush(cell_window: MainWindow, qtbot: Any) -> None:
    window = cell_window
    window.perform("mask.brush")
    viewer = window.viewer
    viewer.setFocus()
    start = viewer.rect().center()
    where = viewer.to_picture(QPointF(start))
    qtbot.keyPress(viewer, Qt.Key.Key_Space)
    Hand(viewer).drag(start, start + QPointF(30, 10).toPoint())
    qtbot.keyRelease(viewer, Qt.Key.Key_Space)
    assert viewer.to_picture(QPointF(start) + QPointF(30, 10)) == pytest.approx(where, abs=0.01)
    assert window.controller.state.undo_title is None or "rush" not in window.controller.state.undo_title


def test_inversion_and_contrast_change_what_is_seen(cell_window: MainWindow) -> None:
    window = cell_window
    bright = grey_at(window, 3, 3)
    window.actions_by_id["view.invert"].trigger()
    assert window.actions_by_id["view.invert"].isChecked()
    assert grey_at(window, 3, 3) == pytest.approx(255 - bright, abs=3)
    window.actions_by_id["view.invert"].trigger()
    window.perform("view.full_contrast")
    assert window.viewer.picture is not None
    assert window.viewer.picture.levels == (0, 255)
    window.strip.levels.changed.emit(250, 255)
    assert grey_at(window, 3, 3) < bright


def test_masks_can_be_hidden_and_filled(cell_window: MainWindow) -> None:
    window = cell_window
    id = next(c.id for c in window.controller.chromosomes.values() if c.in_karyogram)
    window.viewer.reveal(window.controller.chromosomes[id].box, close=True)
    at = inside(window, id).toPoint()
    plain = window.viewer.grab().toImage().pixelColor(at)
    window.actions_by_id["view.fill"].trigger()
    filled = window.viewer.grab().toImage().pixelColor(at)
    assert filled.saturation() > plain.saturation() + 20
    window.actions_by_id["view.masks"].trigger()
    hidden = window.viewer.grab().toImage().pixelColor(at)
    assert hidden.saturation() < 10


def test_zoom_actions_and_fit(cell_window: MainWindow) -> None:
    window = cell_window
    fitted = window.viewer.scale
    window.perform("view.zoom_in")
    assert window.viewer.scale == pytest.approx(fitted * 1.25)
    window.perform("view.actual_size")
    assert window.viewer.scale == pytest.approx(1.0)
    window.perform("view.fit")
    assert window.viewer.scale == pytest.approx(fitted)


def test_neighbours_have_different_colours(cell_window: MainWindow) -> None:
    window = cell_window
    chromosomes = [c for c in window.controller.chromosomes.values() if c.in_karyogram]
    for a in chromosomes:
        for b in chromosomes:
            if a.id < b.id and a.box.intersection(b.box) is not None:
                assert window.viewer.masks.colour(a.id) != window.viewer.masks.colour(b.id)


def test_tab_goes_through_what_is_doubtful(cell_window: MainWindow, qtbot: Any) -> None:
    window = cell_window
    window.viewer.setFocus()
    doubtful = window.controller.state.doubtful
    assert len(doubtful) >= 3
    seen = []
    for _ in doubtful:
        qtbot.keyClick(window.viewer, Qt.Key.Key_Tab)
        seen.append(window.controller.selection.chromosome)
    assert tuple(seen) == doubtful
    qtbot.keyClick(window.viewer, Qt.Key.Key_Backtab, Qt.KeyboardModifier.ShiftModifier)
    assert window.controller.selection.chromosome == doubtful[-2]
    settle(window)
    assert f"Doubtful {len(doubtful) - 1} of {len(doubtful)}: overlap" in window.status.review_text.text()


def test_enter_accepts_and_goes_on(cell_window: MainWindow, qtbot: Any) -> None:
    window = cell_window
    window.viewer.setFocus()
    first, second = window.controller.state.doubtful[:2]
    qtbot.keyClick(window.viewer, Qt.Key.Key_Tab)
    qtbot.keyClick(window.viewer, Qt.Key.Key_Return)
    assert window.controller.chromosomes[first].state is State.ACCEPTED
    assert window.controller.selection.chromosome == second


def test_shift_enter_accepts_the_rest_and_one_undo_takes_it_back(cell_window: MainWindow, qtbot: Any) -> None:
    window = cell_window
    qtbot.keyClick(window.viewer, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    counted = [c for c in window.controller.chromosomes.values() if c.in_karyogram]
    assert {c.state for c in counted} == {State.ACCEPTED}
    settle(window)
    assert window.status.review_text.text() == "All accepted"
    window.perform("edit.undo")
    counted = [c for c in window.controller.chromosomes.values() if c.in_karyogram]
    assert {c.state for c in counted} == {State.PROPOSED}
