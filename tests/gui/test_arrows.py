"""Arrows on the karyogram by mouse and by keys: placed, moved, turned, deleted, undone, kept and exported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPointF, Qt

from chromview.core.chromosome import Arrow
from chromview.ui.window import MainWindow

from .helpers import Hand, Sample, settle, show_sample, written


def arrows(window: MainWindow, id: int) -> tuple[Arrow, ...]:
    return window.controller.chromosomes[id].arrows


def pointed_at(window: MainWindow) -> int:
    """Select a chromosome, add an arrow to it by key, and return its id."""
    id = next(c.id for c in window.controller.chromosomes.values() if c.number == 8)
    window.performer.select(id, reveal=False)
    window.actions_by_id["karyogram.arrow"].trigger()
    settle(window)
    assert len(arrows(window, id)) == 1
    return id


def on_screen(window: MainWindow, id: int, *, end: bool = False) -> QPointF:
    view = window.karyogram
    at = view.arrows.place(id, 0)
    assert at is not None
    x, y = at.end if end else (at.x, at.y)
    return QPointF(x * view.drawing.zoom, y * view.drawing.zoom) + view._origin


def test_the_mouse_moves_and_turns_an_arrow(cell_window: MainWindow) -> None:
    window = cell_window
    id = pointed_at(window)
    first = arrows(window, id)[0]
    hand = Hand(window.karyogram)
    tip = on_screen(window, id)
    hand.drag(tip, tip + QPointF(0, 6), tip + QPointF(0, 12))
    moved = arrows(window, id)[0]
    assert moved.y > first.y and moved.x == pytest.approx(first.x, abs=1e-3) and moved.angle == first.angle
    assert window.controller.document.undo_title(window.controller.selection.slide).startswith("Undo move of the arrow")
    end = on_screen(window, id, end=True)
    hand.drag(end, end + QPointF(-5, 8), end + QPointF(-12, 14))
    turned = arrows(window, id)[0]
    assert (turned.x, turned.y) == pytest.approx((moved.x, moved.y), abs=1e-3) and turned.angle != moved.angle
    window.actions_by_id["edit.undo"].trigger()
    window.actions_by_id["edit.undo"].trigger()
    window.actions_by_id["edit.undo"].trigger()
    assert arrows(window, id) == ()


def test_the_keyboard_moves_turns_and_deletes_an_arrow(cell_window: MainWindow, qtbot: Any) -> None:
    window = cell_window
    id = pointed_at(window)
    first = arrows(window, id)[0]
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(window.viewer, Qt.Key.Key_P, Qt.KeyboardModifier.ShiftModifier)
    view = window.karyogram
    assert view.arrows.chosen == (id, 0) and view.hasFocus()
    qtbot.keyClick(view, Qt.Key.Key_Down)
    qtbot.keyClick(view, Qt.Key.Key_Right)
    moved = arrows(window, id)[0]
    assert moved.y > first.y and moved.x > first.x
    assert window.controller.selection.chromosome == id  # the neighbour was not selected
    qtbot.keyClick(view, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert arrows(window, id)[0].angle == (moved.angle + 15) % 360
    window.actions_by_id["karyogram.arrow"].trigger()
    qtbot.keyClick(view, Qt.Key.Key_P, Qt.KeyboardModifier.ShiftModifier)
    assert view.arrows.chosen == (id, 1)
    qtbot.keyClick(view, Qt.Key.Key_Delete)
    assert len(arrows(window, id)) == 1 and id in window.controller.chromosomes
    assert window.controller.chromosomes[id].in_karyogram  # Del was for the arrow
    qtbot.keyClick(view, Qt.Key.Key_P, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert view.arrows.chosen is None
    qtbot.keyClick(view, Qt.Key.Key_Right)
    assert window.controller.selection.chromosome != id


def test_arrows_are_kept_in_the_case_and_drawn_on_exports(
    open_window: Callable[..., MainWindow], cell: Sample, tmp_path: Path
) -> None:
    window = open_window()
    show_sample(window, cell)
    bare, pointed, report = tmp_path / "bare.png", tmp_path / "pointed.png", tmp_path / "report.pdf"
    window.deeds.export_karyogram(bare)
    written(window)
    id = pointed_at(window)
    before = arrows(window, id)
    window.deeds.export_karyogram(pointed)
    written(window)
    one, other = np.asarray(Image.open(bare)), np.asarray(Image.open(pointed))
    assert one.shape == other.shape
    assert 100 < np.count_nonzero((one != other).any(axis=2)) < 20_000
    window.deeds.exports.export_report(report)
    written(window)
    assert report.stat().st_size > 10_000
    path = window.controller.document.path
    window.close()
    again = open_window(path)
    settle(again)
    assert arrows(again, id) == before


def test_states_of_a_slide_are_set_by_key(cell_window: MainWindow, qtbot: Any) -> None:
    window = cell_window
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    for key, state in (("8", "counted"), ("9", "rejected"), ("6", "started"), ("5", None)):
        qtbot.keyClick(window.viewer, getattr(Qt.Key, f"Key_{key}"), Qt.KeyboardModifier.ControlModifier)
        window.controller.settle()
        assert window.controller.state.slide_state == state
    window.actions_by_id["chromosome.accept_rest"].trigger()
    qtbot.keyClick(window.viewer, Qt.Key.Key_7, Qt.KeyboardModifier.ControlModifier)
    window.controller.settle()
    assert window.controller.state.slide_state == "done"
