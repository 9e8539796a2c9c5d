"""The karyogram: dragging, typing, flipping, and what stands below it."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import QApplication

from chromview.app.view_state import ViewState
from chromview.core.chromosome import DecidedBy, Slot
from chromview.ui.karyogram_panel import note_text
from chromview.ui.window import MainWindow

from .helpers import Hand, settle


def middle(window: MainWindow, id: int) -> QPoint:
    rect = window.karyogram.rect_of(id)
    assert rect is not None
    return rect.center()


def of_class(window: MainWindow, number: int) -> list[int]:
    return sorted(c.id for c in window.controller.chromosomes.values() if c.in_karyogram and c.number == number)


def test_every_chromosome_is_drawn_and_a_third_21_shows(cell_window: MainWindow) -> None:
    window = cell_window
    canvas = window.karyogram.canvas
    assert canvas is not None
    counted = {c.id for c in window.controller.chromosomes.values() if c.in_karyogram}
    assert {placed.id for placed in canvas.placed} == counted
    assert len(of_class(window, 21)) == 3
    assert window.karyogram_panel.formula.text() == "47,XY,+21"
    assert window.karyogram_panel.note.text().startswith("proposal, 47 chromosomes")


def test_centromeres_of_a_row_stand_on_one_line(cell_window: MainWindow) -> None:
    canvas = cell_window.karyogram.canvas
    assert canvas is not None
    for row in canvas.rows:
        for placed in canvas.placed:
            if placed.slot is not None and row.rect.y <= placed.rect.centre[1] < row.rect.bottom:
                assert placed.centromere_y == pytest.approx(row.centromere_y, abs=1)


def test_a_click_selects_on_the_slide_too(cell_window: MainWindow) -> None:
    window = cell_window
    id = of_class(window, 9)[0]
    Hand(window.karyogram).click(middle(window, id))
    settle(window)
    assert window.viewer.masks.selected == id
    assert window.inspector.class_edit.text() == "9"


def test_dragging_to_another_place_gives_that_class(cell_window: MainWindow) -> None:
    window = cell_window
    id = of_class(window, 9)[0]
    target = window.karyogram.place_rect(Slot(10, 2))
    assert target is not None
    hand = Hand(window.karyogram)
    plain = window.karyogram.grab().toImage()
    hand.press(middle(window, id))
    hand.move(target.center() + QPoint(30, 30))
    assert window.karyogram.dragging
    allowed = window.karyogram.place_rect(Slot(9, 1))
    assert allowed is not None
    corner = allowed.topLeft() + QPoint(4, 4)
    lit = window.karyogram.grab().toImage().pixelColor(corner)
    assert lit != plain.pixelColor(corner)  # the places that take it light up
    hand.move(target.center())
    hand.release(target.center())
    moved = window.controller.chromosomes[id]
    assert (moved.number, moved.decided_by) == (10, DecidedBy.PERSON)
    assert moved.slot is not None
    assert moved.slot.number == 10
    settle(window)
    assert window.controller.state.undo_title is not None
    assert window.controller.state.undo_title.startswith("Undo move of chromosome 9")
    window.perform("edit.undo")
    assert window.controller.chromosomes[id].number == 9


def test_dragging_to_the_tray_and_back(cell_window: MainWindow) -> None:
    window = cell_window
    id = of_class(window, 9)[0]
    tray = window.karyogram.tray_rect()
    assert tray is not None
    Hand(window.karyogram).drag(middle(window, id), tray.center() - QPoint(20, 0), tray.center())
    assert window.controller.chromosomes[id].slot is None
    settle(window)
    window.perform("karyogram.back_to_class")
    slot = window.controller.chromosomes[id].slot
    assert slot is not None
    assert slot.number == 9


def test_a_drop_beside_every_place_changes_nothing(cell_window: MainWindow) -> None:
    window = cell_window
    id = of_class(window, 9)[0]
    before = window.controller.chromosomes[id]
    Hand(window.karyogram).drag(middle(window, id), QPoint(60, 4), QPoint(2, 2))
    assert window.controller.chromosomes[id].slot == before.slot


@pytest.mark.parametrize(("keys", "number"), [("14", 14), ("X", 23), ("y", 24), ("7", 7), ("22", 22)])
def test_typing_a_class(cell_window: MainWindow, qtbot: Any, keys: str, number: int) -> None:
    window = cell_window
    id = of_class(window, 9)[0]
    window.karyogram.setFocus()
    Hand(window.karyogram).click(middle(window, id))
    qtbot.keyClicks(window.karyogram, keys)
    QApplication.processEvents()
    assert window.controller.chromosomes[id].number == number
    # In the karyogram digits are classes: the brush must not have been taken.
    assert window.actions_by_id["mask.select"].isChecked()


def test_over_the_slide_digits_are_labels_wherever_the_focus_is(cell_window: MainWindow, qtbot: Any) -> None:
    window = cell_window
    id = of_class(window, 9)[0]
    window.karyogram.setFocus()
    Hand(window.karyogram).click(middle(window, id))
    where = QPointF(40, 40)
    QApplication.sendEvent(window.viewer, QEnterEvent(where, where, window.viewer.mapToGlobal(where)))
    window.viewer.setAttribute(Qt.WidgetAttribute.WA_UnderMouse)
    qtbot.keyClicks(window.karyogram, "2")
    assert window.actions_by_id["mask.label2"].isChecked()
    assert window.controller.chromosomes[id].number == 9


def test_a_single_1_waits_for_a_second_digit_or_enter(cell_window: MainWindow, qtbot: Any) -> None:
    window = cell_window
    id = of_class(window, 9)[0]
    window.karyogram.setFocus()
    Hand(window.karyogram).click(middle(window, id))
    qtbot.keyClicks(window.karyogram, "1")
    assert window.controller.chromosomes[id].number == 9
    qtbot.keyClick(window.karyogram, Qt.Key.Key_Return)
    assert window.controller.chromosomes[id].number == 1
    other = of_class(window, 9)[0]
    Hand(window.karyogram).click(middle(window, other))
    qtbot.keyClicks(window.karyogram, "2")
    qtbot.waitUntil(lambda: window.controller.chromosomes[other].number == 2)


def test_typing_in_the_inspector(cell_window: MainWindow, qtbot: Any) -> None:
    window = cell_window
    id = of_class(window, 9)[0]
    window.performer.select(id)
    window.perform("chromosome.set_class")
    assert window.inspector.class_edit.hasFocus()
    qtbot.keyClicks(window.inspector.class_edit, "12")
    qtbot.keyClick(window.inspector.class_edit, Qt.Key.Key_Return)
    assert window.controller.chromosomes[id].number == 12
    window.perform("chromosome.set_class")
    window.inspector.class_edit.setText("99")
    qtbot.keyClick(window.inspector.class_edit, Qt.Key.Key_Return)
    assert window.controller.chromosomes[id].number == 12
    assert window.inspector.class_note.text() == "1 to 22, X or Y"


def test_flip_turns_the_picture_over(cell_window: MainWindow, qtbot: Any) -> None:
    window = cell_window
    id = of_class(window, 1)[0]
    window.karyogram.setFocus()
    Hand(window.karyogram).click(middle(window, id))
    slide = window.controller.selection.slide
    assert slide is not None
    before = window.controller.background.pictures(slide)[id]
    p_up = window.controller.chromosomes[id].p_up
    qtbot.keyClick(window.karyogram, Qt.Key.Key_F)
    settle(window)
    after = window.controller.background.pictures(slide)[id]
    assert window.controller.chromosomes[id].p_up is not p_up
    assert (after.image[::-1, ::-1] == before.image).mean() > 0.9


def test_turn_adds_degrees(cell_window: MainWindow, qtbot: Any) -> None:
    window = cell_window
    id = of_class(window, 1)[0]
    window.karyogram.setFocus()
    Hand(window.karyogram).click(middle(window, id))
    qtbot.keyClick(window.karyogram, Qt.Key.Key_R)
    qtbot.keyClick(window.karyogram, Qt.Key.Key_R)
    assert window.controller.chromosomes[id].angle == pytest.approx(30)
    qtbot.keyClick(window.karyogram, Qt.Key.Key_R, Qt.KeyboardModifier.ShiftModifier)
    assert window.controller.chromosomes[id].angle == pytest.approx(15)


def test_arrow_keys_go_to_the_neighbour(cell_window: MainWindow, qtbot: Any) -> None:
    window = cell_window
    first, second = sorted(
        of_class(window, 7),
        key=lambda id: window.controller.chromosomes[id].slot.position,  # type: ignore[union-attr]
    )
    window.karyogram.setFocus()
    Hand(window.karyogram).click(middle(window, first))
    qtbot.keyClick(window.karyogram, Qt.Key.Key_Right)
    assert window.controller.selection.chromosome == second
    qtbot.keyClick(window.karyogram, Qt.Key.Key_Left)
    assert window.controller.selection.chromosome == first


def test_removing_a_copy_shows_an_empty_place_and_changes_the_formula(cell_window: MainWindow) -> None:
    window = cell_window
    window.performer.select(of_class(window, 5)[0])
    window.perform("chromosome.reject")
    settle(window)
    canvas = window.karyogram.canvas
    assert canvas is not None
    missing = [p.slot for p in canvas.places if p.slot.number == 5 and p.taken_by is None and p.expected]
    assert missing == [Slot(5, 1)]
    assert window.karyogram_panel.formula.text() == "46,XY,-5,+21"


def test_the_layout_fits_narrow_and_wide_panels(cell_window: MainWindow) -> None:
    window = cell_window
    widths = []
    for action in ("view.review_layout", "view.correct_layout"):
        window.perform(action)
        QApplication.processEvents()
        settle(window)
        widths.append(window.karyogram_panel.width())
        assert window.karyogram.width() <= window.karyogram_panel.area.maximumViewportSize().width()
        canvas = window.karyogram.canvas
        assert canvas is not None
        for placed in canvas.placed:
            rect = window.karyogram.rect_of(placed.id)
            assert rect is not None
            assert window.karyogram.rect().contains(rect)
    assert widths[0] > widths[1] + 100


def test_the_note_says_what_the_cell_left_out() -> None:
    state = ViewState(slide=1, count=46, untouched=46, left_out=1, proposal="46,XX")
    assert note_text(state) == "proposal, 46 chromosomes, 1 left out as no chromosome"
    assert "left out" not in note_text(ViewState(slide=1, count=46, untouched=46, proposal="46,XX"))
