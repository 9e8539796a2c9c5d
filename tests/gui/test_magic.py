"""The magic outline: a click that grows to the edge of the stain."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QApplication

from chromview.core.chromosome import Chromosome
from chromview.core.commands import same
from chromview.core.masks import four_label, overlap_area, slide_mask
from chromview.ui.window import MainWindow

from .helpers import Hand, equal, free_spot, inside, settle, single, snapshot


def iou(first: Chromosome, second: Chromosome) -> float:
    frame = first.box.union(second.box)
    a, b = slide_mask(first, frame), slide_mask(second, frame)
    return float((a & b).sum() / (a | b).sum())


def test_a_click_finds_a_chromosome_that_was_missed(cell_window: MainWindow) -> None:
    window = cell_window
    missed = single(window)
    at = inside(window, missed.id)
    slide = window.controller.selection.slide
    assert slide is not None
    with window.controller.document.transaction(slide, "Forgetting") as edit:
        edit.remove(missed.id)
    settle(window)
    window.performer.select(None)
    before = snapshot(window)
    window.perform("mask.magic")
    assert "grows to the edge of the stain" in window.status.said.text()
    Hand(window.viewer).click(at)
    settle(window)
    (new,) = set(window.controller.chromosomes) - set(before)
    assert iou(window.controller.chromosomes[new], missed) > 0.85
    assert window.controller.selection.chromosome == new
    settle(window)
    assert window.controller.state.undo_title == "Undo new chromosome"
    window.perform("edit.undo")
    assert equal(snapshot(window), before)


def test_a_click_gives_a_chromosome_back_what_it_lost(cell_window: MainWindow) -> None:
    window = cell_window
    whole = single(window)
    slide = window.controller.selection.slide
    assert slide is not None
    half = np.array(whole.mask)
    half[whole.box.height // 2 :] = False
    window.controller.document.paint(slide, {whole.id: (whole.box, half)}, "Halving")
    settle(window)
    Hand(window.viewer).click(inside(window, whole.id))
    window.perform("mask.magic")
    Hand(window.viewer).click(inside(window, whole.id))
    assert iou(window.controller.chromosomes[whole.id], whole) > 0.85
    settle(window)
    assert window.controller.state.undo_title == f"Undo magic outline on chromosome {whole.class_name}"


def test_stain_away_from_the_selected_one_becomes_a_chromosome_of_its_own(cell_window: MainWindow) -> None:
    window = cell_window
    missed = single(window)
    at = inside(window, missed.id)
    slide = window.controller.selection.slide
    assert slide is not None
    with window.controller.document.transaction(slide, "Forgetting") as edit:
        edit.remove(missed.id)
    settle(window)
    other = single(window)
    Hand(window.viewer).click(inside(window, other.id))
    window.perform("mask.magic")
    Hand(window.viewer).click(at)
    assert same(window.controller.chromosomes[other.id], other)
    settle(window)
    assert window.controller.state.undo_title == "Undo new chromosome"


def test_a_neighbour_is_not_entered(cell_window: MainWindow) -> None:
    window = cell_window
    counted = [c for c in window.controller.chromosomes.values() if c.in_karyogram]
    a, b = next((a, b) for a in counted for b in counted if a.id < b.id and overlap_area(a, b))
    before = snapshot(window)
    shared = overlap_area(a, b)
    Hand(window.viewer).click(inside(window, a.id))
    window.perform("mask.magic")
    Hand(window.viewer).click(inside(window, a.id))
    after = window.controller.chromosomes
    assert all(same(before[id], after[id]) for id in before if id != a.id)
    assert overlap_area(after[a.id], b) == shared


def test_it_is_seen_while_the_button_is_down_and_follows_the_hand(cell_window: MainWindow) -> None:
    window = cell_window
    chromosome = single(window)
    Hand(window.viewer).click(inside(window, chromosome.id))
    window.perform("mask.magic")
    before = snapshot(window)
    at = inside(window, chromosome.id)
    hand = Hand(window.viewer)
    hand.press(at)
    areas = []
    for away in (0, 40, 80, -60):
        hand.move(at + QPointF(away, 0))
        stroke = window.viewer.stroke
        assert stroke is not None
        areas.append(int(stroke.mask(chromosome.id)[1].sum()))
    assert areas[0] < areas[1] < areas[2]
    assert areas[3] < areas[2]
    assert equal(snapshot(window), before)
    hand.move(at + QPointF(80, 0))
    hand.release(at + QPointF(80, 0))
    assert window.controller.chromosomes[chromosome.id].area == areas[2]


def test_escape_gives_it_up(cell_window: MainWindow) -> None:
    window = cell_window
    chromosome = single(window)
    Hand(window.viewer).click(inside(window, chromosome.id))
    before = snapshot(window)
    window.perform("mask.magic")
    at = inside(window, chromosome.id)
    plain = window.viewer.grab().toImage()
    hand = Hand(window.viewer)
    hand.press(at)
    hand.move(at + QPointF(100, 0))
    assert window.viewer.grab().toImage() != plain
    window.actions_by_id["mask.select"].trigger()
    hand.release(at + QPointF(100, 0))
    QApplication.processEvents()
    assert equal(snapshot(window), before)
    assert window.viewer.stroke is None
    assert window.viewer.grab().toImage() == plain


def test_the_ground_has_nothing_to_grow_to_and_it_says_so(cell_window: MainWindow) -> None:
    window = cell_window
    before = snapshot(window)
    window.perform("mask.magic")
    Hand(window.viewer).click(window.viewer.to_screen(*free_spot(window)))
    assert "no stain here" in window.status.said.text()
    assert equal(snapshot(window), before)


def test_shift_takes_the_region_out(cell_window: MainWindow) -> None:
    window = cell_window
    chromosome = single(window)
    Hand(window.viewer).click(inside(window, chromosome.id))
    window.perform("mask.magic")
    Hand(window.viewer).click(inside(window, chromosome.id), keys=Qt.KeyboardModifier.ShiftModifier)
    after = window.controller.chromosomes.get(chromosome.id)
    assert after is None or after.area < 0.2 * chromosome.area


@pytest.mark.parametrize("label", [1, 2, 3])
def test_in_a_cluster_the_label_says_for_whom_it_is(cluster_window: MainWindow, label: int) -> None:
    window = cluster_window
    pair = sorted(c.id for c in window.controller.chromosomes.values() if c.in_karyogram)
    window.perform("mask.magic")
    window.perform(f"mask.label{label}")
    assert window.actions_by_id["mask.magic"].isChecked()
    before = four_label([window.controller.chromosomes[id] for id in pair], window.viewer.shape)
    Hand(window.viewer).click(inside(window, pair[0]))
    there = [window.controller.chromosomes[id] for id in pair]
    after = four_label(there, window.viewer.shape)
    assert set(np.unique(after[after != before])) == {label}
