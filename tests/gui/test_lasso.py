"""Outlines drawn around pixels, rings that fill, and what may be painted over."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QApplication

from chromview.core.chromosome import Box, Chromosome
from chromview.core.commands import same
from chromview.core.masks import four_label, slide_mask
from chromview.ui.window import MainWindow

from .helpers import Hand, equal, free_spot, inside, settle, single, snapshot


def square(window: MainWindow, y: float, x: float, half: float) -> list[QPointF]:
    """Corners of a square around a slide point, on the viewer."""
    corners = ((-half, -half), (-half, half), (half, half), (half, -half))
    return [window.viewer.to_screen(y + dy, x + dx) for dy, dx in corners]


def around(window: MainWindow, box: Box) -> list[QPointF]:
    """Corners of a rectangle of slide pixels, on the viewer."""
    corners = ((box.top, box.left), (box.top, box.right), (box.bottom, box.right), (box.bottom, box.left))
    return [window.viewer.to_screen(*corner) for corner in corners]


def lasso(window: MainWindow, corners: list[QPointF], keys: Qt.KeyboardModifier | None = None) -> None:
    """Draw around, from corner to corner."""
    hand = Hand(window.viewer)
    hand.press(corners[0], keys=keys or Qt.KeyboardModifier.NoModifier)
    for start, end in itertools.pairwise(corners):
        for share in (0.3, 0.6, 1.0):
            hand.move(start + (end - start) * share)
    hand.release(corners[-1])
    settle(window)


def neighbours(window: MainWindow) -> tuple[Chromosome, Chromosome]:
    """Two chromosomes of which each has pixels in the box of the other."""
    counted = [c for c in window.controller.chromosomes.values() if c.in_karyogram]
    for a in counted:
        for b in counted:
            part = a.box.intersection(b.box)
            if a.id < b.id and part is not None and slide_mask(b, part).any() and slide_mask(a, part).any():
                return a, b
    raise AssertionError("no neighbours")


def test_the_lasso_gives_what_it_encloses_to_the_selected_chromosome(cell_window: MainWindow, qtbot: object) -> None:
    window = cell_window
    chromosome = single(window)
    Hand(window.viewer).click(inside(window, chromosome.id))
    before = snapshot(window)
    window.perform("mask.lasso")
    assert "Draw around" in window.status.said.text()
    y, x = free_spot(window)
    lasso(window, square(window, y, x, 6))
    after = window.controller.chromosomes[chromosome.id]
    assert after.area == chromosome.area + 12 * 12
    assert slide_mask(after, Box(y - 6, x - 6, y + 6, x + 6)).all()
    assert window.controller.state.undo_title == f"Undo lasso on chromosome {chromosome.class_name}"
    window.perform("edit.undo")
    assert equal(snapshot(window), before)
    window.perform("edit.redo")
    assert window.controller.chromosomes[chromosome.id].area == after.area


def test_the_lasso_with_shift_takes_out(cell_window: MainWindow) -> None:
    window = cell_window
    chromosome = single(window)
    Hand(window.viewer).click(inside(window, chromosome.id))
    window.perform("mask.lasso")
    box = chromosome.box
    half = Box(box.top - 3, box.left - 3, (box.top + box.bottom) // 2, box.right + 3)
    lasso(window, around(window, half), Qt.KeyboardModifier.ShiftModifier)
    after = window.controller.chromosomes[chromosome.id]
    assert after.area == int(chromosome.mask[half.bottom - box.top :].sum())
    assert window.controller.state.undo_title == f"Undo lasso on chromosome {chromosome.class_name}"


def test_the_lasso_with_nothing_selected_makes_a_chromosome(cell_window: MainWindow) -> None:
    window = cell_window
    window.performer.select(None)
    before = snapshot(window)
    window.perform("mask.lasso")
    QApplication.processEvents()
    assert window.strip.target.text() == "a new one"
    y, x = free_spot(window)
    lasso(window, square(window, y, x, 8))
    (new,) = set(window.controller.chromosomes) - set(before)
    assert window.controller.selection.chromosome == new
    assert window.controller.chromosomes[new].area == 16 * 16
    assert window.controller.state.undo_title == "Undo new chromosome"
    assert window.actions_by_id["mask.lasso"].isChecked()


def test_a_finished_neighbour_is_not_caught_by_the_lasso(cell_window: MainWindow) -> None:
    window = cell_window
    a, b = neighbours(window)
    Hand(window.viewer).click(inside(window, a.id))
    window.perform("mask.lasso")
    before = snapshot(window)
    lasso(window, around(window, a.box.union(b.box)))
    after = window.controller.chromosomes
    assert after[a.id].area > a.area
    assert all(same(before[id], after[id]) for id in before if id != a.id)
    frame = a.box.union(b.box)
    shared = slide_mask(a, frame) & slide_mask(b, frame)
    assert np.array_equal(slide_mask(after[a.id], frame) & slide_mask(b, frame), shared)


def test_the_outline_is_seen_while_it_is_drawn_and_escape_gives_it_up(cell_window: MainWindow) -> None:
    window = cell_window
    chromosome = single(window)
    Hand(window.viewer).click(inside(window, chromosome.id))
    before = snapshot(window)
    window.perform("mask.lasso")
    corners = square(window, *free_spot(window), 15)
    middle = ((corners[0] + corners[2]) / 2).toPoint()
    plain = window.viewer.grab().toImage().pixelColor(middle)
    hand = Hand(window.viewer)
    hand.press(corners[0])
    for corner in corners[1:]:
        hand.move(corner)
    assert window.viewer.grab().toImage().pixelColor(middle) != plain
    window.actions_by_id["mask.select"].trigger()
    hand.release(corners[-1])
    assert equal(snapshot(window), before)
    assert window.viewer.grab().toImage().pixelColor(middle) == plain
    assert window.actions_by_id["mask.lasso"].isChecked()


@pytest.mark.parametrize("fill", [False, True])
def test_a_stroke_that_closes_a_ring_fills_it_if_asked_to(cell_window: MainWindow, fill: bool) -> None:
    window = cell_window
    window.performer.select(None)
    before = set(window.controller.chromosomes)
    window.perform("mask.new")
    window.controller.tools.set_size(3)
    if fill:
        window.actions_by_id["mask.fill_rings"].trigger()
    assert window.controller.tools.fill_rings is fill
    y, x = free_spot(window)
    corners = square(window, y, x, 10)
    Hand(window.viewer).drag(*corners, corners[0])
    (new,) = set(window.controller.chromosomes) - before
    made = window.controller.chromosomes[new]
    assert bool(slide_mask(made, Box(y - 5, x - 5, y + 5, x + 5)).all()) is fill
    assert bool(slide_mask(made, Box(y - 5, x - 5, y + 5, x + 5)).any()) is fill
    window.perform("edit.undo")
    assert set(window.controller.chromosomes) == before


def test_a_hole_that_was_there_before_stays(cell_window: MainWindow) -> None:
    window = cell_window
    chromosome = single(window)
    Hand(window.viewer).click(inside(window, chromosome.id))
    y, x = free_spot(window)
    window.controller.tools.set_size(3)
    window.perform("mask.brush")
    first, second = square(window, y - 9, x, 6), square(window, y + 9, x, 6)
    Hand(window.viewer).drag(*first, first[0])
    window.actions_by_id["mask.fill_rings"].trigger()
    Hand(window.viewer).drag(*second, second[0])
    after = window.controller.chromosomes[chromosome.id]
    assert not slide_mask(after, Box(y - 12, x - 3, y - 6, x + 3)).any()
    assert slide_mask(after, Box(y + 6, x - 3, y + 12, x + 3)).all()


def test_painting_over_everything_makes_an_overlap_in_the_same_stroke(cell_window: MainWindow) -> None:
    window = cell_window
    a, b = neighbours(window)
    Hand(window.viewer).click(inside(window, a.id))
    window.perform("mask.brush")
    window.actions_by_id["mask.over_anything"].trigger()
    assert window.strip.over.text() == "everything"
    window.controller.tools.set_size(5)
    Hand(window.viewer).drag(inside(window, a.id), inside(window, b.id))
    after = window.controller.chromosomes
    frame = a.box.union(b.box)
    shared = slide_mask(a, frame) & slide_mask(b, frame)
    assert (slide_mask(after[a.id], frame) & slide_mask(after[b.id], frame)).sum() > shared.sum()
    assert same(after[b.id], b)


@pytest.mark.parametrize("over", [0, 1, 2, 3])
@pytest.mark.parametrize("label", [1, 2, 3])
def test_only_pixels_of_the_label_painted_over_change(cluster_window: MainWindow, over: int, label: int) -> None:
    window = cluster_window
    pair = sorted(c.id for c in window.controller.chromosomes.values() if c.in_karyogram)
    before = four_label([window.controller.chromosomes[id] for id in pair], window.viewer.shape)
    window.perform(f"mask.label{label}")
    window.actions_by_id[f"mask.over{over}"].trigger()
    window.controller.tools.set_size(60)
    y, x = np.argwhere(before == 3).mean(axis=0)
    at = window.viewer.to_screen(y + 0.5, x + 0.5)
    Hand(window.viewer).drag(at, at)
    chromosomes = [window.controller.chromosomes[id] for id in pair]
    after = four_label(chromosomes, window.viewer.shape)
    changed = after != before
    assert set(np.unique(before[changed])) <= {over}
    assert set(np.unique(after[changed])) <= {label}
    assert changed.any() == (over != label)


def test_the_eraser_can_be_held_to_the_overlap(cluster_window: MainWindow) -> None:
    window = cluster_window
    pair = sorted(c.id for c in window.controller.chromosomes.values() if c.in_karyogram)
    before = four_label([window.controller.chromosomes[id] for id in pair], window.viewer.shape)
    window.perform("mask.erase")
    window.actions_by_id["mask.over3"].trigger()
    window.controller.tools.set_size(60)
    y, x = np.argwhere(before == 3).mean(axis=0)
    at = window.viewer.to_screen(y + 0.5, x + 0.5)
    Hand(window.viewer).drag(at, at)
    after = four_label([window.controller.chromosomes[id] for id in pair], window.viewer.shape)
    assert set(np.unique(before[after != before])) == {3}
    assert set(np.unique(after[after != before])) == {2}
