"""Texts and arrows on the slide by mouse and by keys: written, moved, taken away, undone, kept and exported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QLineEdit

from chromview.core.annotations import Annotation
from chromview.ui.window import MainWindow

from .helpers import Hand, Sample, free_spot, open_files, settle, show_sample, single, written


def annotations(window: MainWindow) -> tuple[Annotation, ...]:
    info = window.controller.info
    assert info is not None
    return info.annotations


def writing(window: MainWindow) -> QLineEdit | None:
    """The field, if it is open."""
    field = window.viewer.findChild(QLineEdit, "viewer.annotation")
    return field if field.isVisible() else None


def write(window: MainWindow, qtbot: Any, text: str) -> None:
    """Type into the field that has just been opened."""
    field = writing(window)
    assert field is not None
    field.selectAll()
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert writing(window) is None


def drawn(window: MainWindow, qtbot: Any, text: str = "der(9)?") -> tuple[Annotation, QPointF, QPointF]:
    """An arrow from a free spot to a chromosome with a text, and where both are on the screen."""
    window.actions_by_id["mask.annotate"].trigger()
    start = window.viewer.to_screen(*free_spot(window))
    c = single(window)
    tip = window.viewer.to_screen((c.box.top + c.box.bottom) / 2, (c.box.left + c.box.right) / 2)
    Hand(window.viewer).drag(start, (start + tip) / 2, tip)
    write(window, qtbot, text)
    return annotations(window)[-1], start, tip


def test_an_arrow_is_drawn_with_its_text_and_moved_by_the_mouse(cell_window: MainWindow, qtbot: Any) -> None:
    window, viewer = cell_window, cell_window.viewer
    made, start, tip = drawn(window, qtbot)
    assert made.text == "der(9)?" and made.tip is not None
    assert (made.y, made.x) == pytest.approx(viewer.to_picture(start), abs=0.1)
    assert made.tip == pytest.approx(viewer.to_picture(tip), abs=0.1)
    slide = window.controller.selection.slide
    assert slide is not None
    assert window.controller.document.undo_title(slide) == "Undo annotation of the slide"
    hand, step = Hand(viewer), QPointF(12, 9)
    hand.drag(tip, tip + step / 2, tip + step)
    turned = annotations(window)[0]
    assert turned.tip == pytest.approx(viewer.to_picture(tip + step), abs=0.2) and turned[:3] == made[:3]
    hand.drag(start, start + step / 2, start + step)
    moved = annotations(window)[0]
    assert (moved.y, moved.x) == pytest.approx(viewer.to_picture(start + step), abs=0.2) and moved.tip == turned.tip
    half = (start + tip) / 2 + step
    hand.drag(half, half - step / 2, half - step)
    back = annotations(window)[0]
    assert back.tip == pytest.approx(made.tip, abs=0.3) and (back.y, back.x) == pytest.approx(made[1:3], abs=0.3)
    at = viewer.to_screen(back.y, back.x)
    where = QPointF(viewer.mapToGlobal(at))
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(viewer, QMouseEvent(QEvent.Type.MouseButtonDblClick, at, where, left, left, none))
    write(window, qtbot, "der(9)")
    assert annotations(window)[0] == back._replace(text="der(9)")
    for _ in range(5):
        window.actions_by_id["edit.undo"].trigger()
    assert annotations(window) == ()
    window.actions_by_id["edit.redo"].trigger()
    assert annotations(window) == (made,)


def test_a_click_writes_text_alone_and_a_click_beside_it_ends_the_writing(cell_window: MainWindow, qtbot: Any) -> None:
    window, viewer = cell_window, cell_window.viewer
    window.actions_by_id["mask.annotate"].trigger()
    start = viewer.to_screen(*free_spot(window))
    hand = Hand(viewer)
    hand.click(start)
    field = writing(window)
    assert field is not None
    qtbot.keyClicks(field, "two  satellites")
    hand.click(start + QPointF(90, 60))
    assert [a.text for a in annotations(window)] == ["two satellites"] and annotations(window)[0].tip is None
    assert writing(window) is None
    hand.click(start + QPointF(90, 60))
    field = writing(window)
    assert field is not None
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    hand.click(start + QPointF(90, 60))
    assert writing(window) is not None
    window.actions_by_id["case.next_slide"].trigger()
    window.actions_by_id["mask.select"].trigger()  # nothing was written: nothing is there
    assert len(annotations(window)) == 1 and writing(window) is None


def test_the_keyboard_does_all_of_it(cell_window: MainWindow, qtbot: Any) -> None:
    window, viewer = cell_window, cell_window.viewer
    id = single(window).id
    window.performer.select(id)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    viewer.setFocus()
    qtbot.keyClick(viewer, Qt.Key.Key_T, Qt.KeyboardModifier.ShiftModifier)
    write(window, qtbot, "X b")  # X and B are no actions here
    assert window.controller.chromosomes[id].in_karyogram
    made = annotations(window)[0]
    c = window.controller.chromosomes[id]
    assert made.tip is not None
    assert c.mask[int(made.tip[0]) - c.box.top, int(made.tip[1]) - c.box.left]  # the tip is on the chromosome
    window.actions_by_id["mask.select"].trigger()
    window.performer.select(None)
    qtbot.keyClick(viewer, Qt.Key.Key_T, Qt.KeyboardModifier.ShiftModifier)
    write(window, qtbot, "cell 3")
    assert annotations(window)[1].tip is None
    qtbot.keyClick(viewer, Qt.Key.Key_D, Qt.KeyboardModifier.ShiftModifier)
    assert viewer.annotations.chosen == 0 and viewer.hasFocus()
    qtbot.keyClick(viewer, Qt.Key.Key_Right)
    qtbot.keyClick(viewer, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    moved = annotations(window)[0]
    assert moved.tip is not None and moved.x > made.x and moved.y == made.y
    assert moved.tip[1] > made.tip[1] and moved.tip[0] > made.tip[0]
    qtbot.keyClick(viewer, Qt.Key.Key_Return)
    write(window, qtbot, "ring")
    assert annotations(window)[0].text == "ring"
    qtbot.keyClick(viewer, Qt.Key.Key_Delete)
    assert [a.text for a in annotations(window)] == ["cell 3"]
    qtbot.keyClick(viewer, Qt.Key.Key_D, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(viewer, Qt.Key.Key_Escape)
    assert viewer.annotations.chosen is None
    window.controller.settle()
    assert window.actions_by_id["mask.next_annotation"].isEnabled()


def test_annotations_are_kept_in_the_case_and_drawn_on_exports(
    open_window: Callable[..., MainWindow], cluster: Sample, tmp_path: Path
) -> None:
    window = open_window()
    slide = show_sample(window, cluster)
    bare, marked = tmp_path / "bare.png", tmp_path / "marked.png"
    window.deeds.exports.export_metaphase(bare)
    written(window)
    window.performer.set_annotations([Annotation("overlap", 12, 30, (40, 60))])
    before = annotations(window)
    window.deeds.exports.export_metaphase(marked)
    written(window)
    one, other = np.asarray(Image.open(bare)), np.asarray(Image.open(marked))
    assert one.shape == other.shape and 300 < np.count_nonzero((one != other).any(axis=2)) < 0.1 * one[..., 0].size
    document = window.controller.document
    assert document.set_analysis(slide, cluster.analysis, document.request(slide))  # analysed anew
    settle(window)
    assert annotations(window) == before
    path = document.path
    window.close()
    again = open_window(path)
    settle(again)
    assert annotations(again) == before
    assert again.controller.document.undo(slide) is not None
    window = again
    open_files(window, cluster.path)
    window.performer.set_annotations([Annotation("x" * 81, 5, 5)])
    assert "letters" in window.bar("viewer").text
    window.performer.set_annotations([Annotation("n", 5, 5)] * 51)
    assert "annotations" in window.bar("viewer").text
    window.performer.set_annotations([Annotation("n", 5, 5)])
    assert window.bar("viewer").text == ""  # what can be done again is no problem any more
