"""Painting masks with the mouse, and taking it back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QApplication

from chromview.core.chromosome import Chromosome, State
from chromview.core.commands import same
from chromview.core.masks import four_label
from chromview.ui.window import MainWindow

from .helpers import Hand, equal, free_spot, inside, settle, single, snapshot


def test_a_stroke_is_one_command_and_undo_takes_all_of_it_back(cell_window: MainWindow) -> None:
    window = cell_window
    chromosome = single(window)
    Hand(window.viewer).click(inside(window, chromosome.id))
    before = snapshot(window)
    window.perform("mask.brush")
    end = window.viewer.to_screen(chromosome.box.bottom + 4, chromosome.box.right + 4)
    start = inside(window, chromosome.id)
    Hand(window.viewer).drag(start, (start + end) / 2, end)
    settle(window)
    after = snapshot(window)
    assert after[chromosome.id].area > chromosome.area
    assert window.controller.state.undo_title == f"Undo brush on chromosome {chromosome.class_name}"
    assert window.actions_by_id["edit.undo"].text() == window.controller.state.undo_title
    window.perform("edit.undo")
    assert equal(snapshot(window), before)
    window.perform("edit.redo")
    assert equal(snapshot(window), after)


def test_what_is_painted_is_seen_before_the_button_comes_up(cell_window: MainWindow) -> None:
    window = cell_window
    chromosome = single(window)
    Hand(window.viewer).click(inside(window, chromosome.id))
    window.perform("mask.brush")
    window.controller.tools.set_size(15)
    y, x = chromosome.box.bottom + 4, (chromosome.box.left + chromosome.box.right) // 2
    hand = Hand(window.viewer)
    hand.press(inside(window, chromosome.id))
    at = window.viewer.to_screen(y + 3.5, x + 0.5)
    hand.move(at)
    hand.move(window.viewer.to_screen(y + 3.5, x + 30))  # the brush's own circle out of the way
    seen = window.viewer.grab().toImage().pixelColor(at.toPoint())
    assert seen.saturation() > 40
    assert window.controller.chromosomes[chromosome.id].area == chromosome.area
    hand.release(at)
    assert window.controller.chromosomes[chromosome.id].area > chromosome.area


def test_escape_gives_a_stroke_up(cell_window: MainWindow) -> None:
    window = cell_window
    chromosome = single(window)
    Hand(window.viewer).click(inside(window, chromosome.id))
    before = snapshot(window)
    window.perform("mask.brush")
    hand = Hand(window.viewer)
    hand.press(inside(window, chromosome.id))
    hand.move(inside(window, chromosome.id) + QPointF(40, 40))
    window.actions_by_id["mask.select"].trigger()
    hand.release(inside(window, chromosome.id) + QPointF(40, 40))
    assert equal(snapshot(window), before)
    assert window.actions_by_id["mask.brush"].isChecked()


def test_the_eraser_takes_away(cell_window: MainWindow) -> None:
    window = cell_window
    chromosome = single(window)
    start = inside(window, chromosome.id)
    Hand(window.viewer).click(start)
    window.perform("mask.erase")
    Hand(window.viewer).drag(start, start + QPointF(2, 2))
    settle(window)
    assert window.controller.chromosomes[chromosome.id].area < chromosome.area
    assert window.controller.state.undo_title == f"Undo eraser on chromosome {chromosome.class_name}"


def test_a_neighbour_that_was_not_meant_never_changes(cell_window: MainWindow) -> None:
    window = cell_window
    chromosomes = [c for c in window.controller.chromosomes.values() if c.in_karyogram]
    a, b = next((a, b) for a in chromosomes for b in chromosomes if a.id != b.id and a.box.intersection(b.box))
    Hand(window.viewer).click(inside(window, a.id))
    window.perform("mask.label1")
    assert window.actions_by_id["mask.brush"].isChecked()
    before = snapshot(window)
    Hand(window.viewer).drag(inside(window, a.id), inside(window, b.id))
    after = snapshot(window)
    assert {id for id in after if not same(before[id], after[id])} <= {a.id}
    # Nothing of it became an overlap either: label 1 means the first one only.
    grown = after[a.id]
    for other in chromosomes:
        part = other.box.intersection(grown.box)
        if other.id != a.id and part is not None:

            def bits(c: Chromosome, part: Any = part) -> Any:
                return c.mask[
                    part.top - c.box.top : part.bottom - c.box.top, part.left - c.box.left : part.right - c.box.left
                ]

            old = np.zeros((part.height, part.width), bool)
            mine = a.box.intersection(part)
            if mine is not None:
                old[mine.top - part.top : mine.bottom - part.top, mine.left - part.left : mine.right - part.left] = (
                    bits(a, mine)
                )
            assert not (bits(grown) & bits(other) & ~old).any()


@pytest.mark.parametrize("label", [0, 1, 2, 3])
def test_the_four_labels_of_a_cluster(cluster_window: MainWindow, label: int) -> None:
    window = cluster_window
    pair = sorted(c.id for c in window.controller.chromosomes.values() if c.in_karyogram)
    window.perform(f"mask.label{label}")
    window.controller.tools.set_size(7)
    # Half of the brush on the first chromosome, half beside it.
    first = window.controller.chromosomes[pair[0]]
    ys, xs = np.nonzero(first.mask)
    y, x = first.box.top + int(ys[0]), first.box.left + int(xs[0])
    at = window.viewer.to_screen(y + 0.5, x + 0.5)
    Hand(window.viewer).drag(at, at)
    chromosomes = [window.controller.chromosomes[id] for id in pair if id in window.controller.chromosomes]
    values = four_label(chromosomes, window.viewer.shape)
    yy, xx = np.ogrid[: values.shape[0], : values.shape[1]]
    disk = (yy - y) ** 2 + (xx - x) ** 2 <= 3.5**2
    assert set(np.unique(values[disk])) == {label}


def test_cluster_colours_are_blue_and_orange(cluster_window: MainWindow) -> None:
    window = cluster_window
    first, second = sorted(c.id for c in window.controller.chromosomes.values() if c.in_karyogram)
    blue, orange = window.viewer.masks.colour(first), window.viewer.masks.colour(second)
    assert blue[2] > blue[0] + 100
    assert orange[0] > orange[2] + 100


def test_a_new_chromosome_is_painted(cell_window: MainWindow) -> None:
    window = cell_window
    count = len(window.controller.chromosomes)
    y, x = free_spot(window)
    window.perform("mask.new")
    start = window.viewer.to_screen(y - 8, x)
    Hand(window.viewer).drag(start, window.viewer.to_screen(y + 8, x))
    settle(window)
    assert len(window.controller.chromosomes) == count + 1
    id = window.controller.selection.chromosome
    assert id is not None
    assert window.controller.chromosomes[id].slot is None
    assert window.karyogram.canvas is not None
    assert window.karyogram.canvas.of(id) is not None
    assert window.actions_by_id["mask.brush"].isChecked()
    window.perform("edit.undo")
    assert len(window.controller.chromosomes) == count


def test_a_cut_makes_two_and_join_makes_them_one_again(cell_window: MainWindow) -> None:
    window = cell_window
    chromosome = max(
        (c for c in window.controller.chromosomes.values() if c.in_karyogram), key=lambda c: c.box.height + c.box.width
    )
    count = len(window.controller.chromosomes)
    Hand(window.viewer).click(inside(window, chromosome.id))
    window.perform("mask.cut")
    box = chromosome.box
    middle_y, middle_x = (box.top + box.bottom) / 2, (box.left + box.right) / 2
    if box.height > box.width:
        start, end = (middle_y, box.left - 4), (middle_y, box.right + 4)
    else:
        start, end = (box.top - 4, middle_x), (box.bottom + 4, middle_x)
    way = [
        window.viewer.to_screen(start[0] + (end[0] - start[0]) * t, start[1] + (end[1] - start[1]) * t)
        for t in (0, 0.3, 0.6, 1)
    ]
    Hand(window.viewer).drag(*way)
    settle(window)
    assert len(window.controller.chromosomes) >= count + 1
    assert window.controller.state.undo_title is not None
    assert window.controller.state.undo_title.startswith("Undo cut of")
    new = max(window.controller.chromosomes)
    window.performer.select(chromosome.id)
    window.performer.select(new, second=True)
    window.perform("mask.join")
    assert len(window.controller.chromosomes) == count
    assert window.controller.chromosomes[chromosome.id].area == chromosome.area


def test_edges_of_all_masks_move_in_one_step(cell_window: MainWindow) -> None:
    window = cell_window
    before = snapshot(window)
    proposed = [c.id for c in before.values() if c.in_karyogram and c.state is State.PROPOSED]
    assert len(proposed) > 1
    window.perform("mask.edges_in")
    settle(window)
    now = snapshot(window)
    assert sum(now[id].area < before[id].area for id in proposed) >= len(proposed) - 1
    assert all(now[id].slot is not None for id in proposed if before[id].slot is not None)
    assert window.controller.state.undo_title == "Undo edges of all masks inwards"
    window.perform("edit.undo")
    settle(window)
    assert equal(before, snapshot(window))


def test_a_line_beside_everything_cuts_nothing_and_says_so(cell_window: MainWindow) -> None:
    window = cell_window
    y, x = free_spot(window)
    window.perform("mask.cut")
    Hand(window.viewer).drag(window.viewer.to_screen(y, x), window.viewer.to_screen(y + 9, x + 9))
    assert window.status.said.text() == "The line crosses no chromosome"


def test_split_overlap_leaves_them_touching(cluster_window: MainWindow) -> None:
    window = cluster_window
    first, second = sorted(c.id for c in window.controller.chromosomes.values() if c.in_karyogram)
    pair = [window.controller.chromosomes[id] for id in (first, second)]
    assert (four_label(pair, window.viewer.shape) == 3).any()
    window.performer.select(first)
    window.perform("mask.split_overlap")
    pair = [window.controller.chromosomes[id] for id in (first, second)]
    assert not (four_label(pair, window.viewer.shape) == 3).any()


def test_reject_and_restore(cell_window: MainWindow, qtbot: Any) -> None:
    window = cell_window
    window.viewer.setFocus()
    chromosome = single(window)
    Hand(window.viewer).click(inside(window, chromosome.id))
    qtbot.keyClick(window.viewer, Qt.Key.Key_X)
    assert not window.controller.chromosomes[chromosome.id].in_karyogram
    settle(window)
    assert window.karyogram.rect_of(chromosome.id) is None
    window.perform("chromosome.restore")
    assert window.controller.chromosomes[chromosome.id].in_karyogram


def test_brush_size_by_keys_and_wheel(cell_window: MainWindow, qtbot: Any) -> None:
    window = cell_window
    window.viewer.setFocus()
    size = window.controller.tools.size
    qtbot.keyClick(window.viewer, Qt.Key.Key_BracketRight)
    assert window.controller.tools.size > size
    qtbot.keyClick(window.viewer, Qt.Key.Key_BracketLeft)
    assert window.controller.tools.size == size
    scale = window.viewer.scale
    Hand(window.viewer).wheel(QPointF(100, 100), 1, Qt.KeyboardModifier.ControlModifier)
    assert window.controller.tools.size > size
    assert window.viewer.scale == scale


def test_the_brush_circle_has_its_true_size(cell_window: MainWindow) -> None:
    window = cell_window
    window.perform("mask.brush")
    window.controller.tools.set_size(40)
    window.viewer.zoom(1 / window.viewer.scale)
    y, x = free_spot(window)
    centre = window.viewer.to_screen(y, x)
    window.viewer.reveal(
        window.controller.chromosomes[next(iter(window.controller.chromosomes))].box.grown(0, window.viewer.shape)
    )
    centre = QPointF(window.viewer.rect().center())
    plain = window.viewer.grab().toImage()
    Hand(window.viewer).move(centre)
    QApplication.processEvents()
    shown = window.viewer.grab().toImage()
    row = round(centre.y())
    changed = [
        px for px in range(window.viewer.width()) if plain.pixelColor(px, row).rgb() != shown.pixelColor(px, row).rgb()
    ]
    assert max(changed) - min(changed) == pytest.approx(40, abs=5)


def test_undo_stays_where_the_stroke_is_in_sight(cell_window: MainWindow) -> None:
    window = cell_window
    viewer = window.viewer
    chromosome = single(window)
    Hand(viewer).click(inside(window, chromosome.id))
    window.perform("mask.brush")
    window.controller.tools.set_size(3)
    at = chromosome.box.top + 0.5, chromosome.box.left + 0.5
    for scale in (viewer.scale, 30.0):  # the whole slide; so near that the chromosome is larger than the view
        if scale != viewer.scale:
            viewer.zoom(scale / viewer.scale)
            viewer.pan(QPointF(200, 200) - viewer.to_screen(*at))
        shown = viewer.to_screen(0, 0)
        start = viewer.to_screen(*at)
        Hand(viewer).drag(start, start + QPointF(20, 20))
        assert not same(window.controller.chromosomes[chromosome.id], chromosome)
        for action in ("edit.undo", "edit.redo", "edit.undo"):
            window.perform(action)
            assert viewer.to_screen(0, 0) == shown


def test_undo_goes_where_it_was(cell_window: MainWindow) -> None:
    window = cell_window
    chromosome = single(window)
    Hand(window.viewer).click(inside(window, chromosome.id))
    window.perform("chromosome.flip")
    window.performer.select(None)
    window.viewer.zoom(12, window.viewer.to_screen(0, 0))
    window.perform("edit.undo")
    assert window.controller.selection.chromosome == chromosome.id
    box = chromosome.box
    centre = window.viewer.to_screen((box.top + box.bottom) / 2, (box.left + box.right) / 2)
    assert window.viewer.rect().contains(centre.toPoint())
