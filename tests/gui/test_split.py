"""A crossing taken apart by drawing along one of its chromosomes."""

from __future__ import annotations

import numpy as np

from chromview.core.alternatives import iou
from chromview.core.chromosome import Chromosome
from chromview.core.masks import overlap_area, slide_mask
from chromview.ui.window import MainWindow

from .helpers import Hand, equal, free_spot, settle, snapshot


def pair_of(window: MainWindow) -> tuple[Chromosome, Chromosome]:
    first, second = sorted((c for c in window.controller.chromosomes.values() if c.in_karyogram), key=lambda c: c.id)
    return first, second


def draw_along(window: MainWindow, chromosome: Chromosome) -> None:
    assert chromosome.axis is not None
    window.perform("mask.split")
    assert "Draw along one of two chromosomes" in window.status.said.text()
    Hand(window.viewer).drag(*(window.viewer.to_screen(float(y), float(x)) for y, x in chromosome.axis[2:-2:4]))
    settle(window)


def test_both_parts_get_the_shared_pixels(cluster_window: MainWindow) -> None:
    window = cluster_window
    first, second = pair_of(window)
    shared = overlap_area(first, second)
    window.performer.select(first.id)
    window.performer.select(second.id, second=True)
    window.perform("mask.join")
    settle(window)
    (one,) = (c for c in window.controller.chromosomes.values() if c.in_karyogram)
    before = snapshot(window)
    draw_along(window, first)
    parts = pair_of(window)
    assert overlap_area(*parts) > 0.5 * shared
    for truth in (first, second):
        assert max(iou((truth.box, truth.mask), (p.box, p.mask)) for p in parts) > 0.8
    whole = np.zeros(window.viewer.shape, bool)
    for part in parts:
        whole |= slide_mask(part, window.viewer.shape)
    assert np.array_equal(whole, slide_mask(one, window.viewer.shape))
    assert window.controller.state.undo_title is not None
    assert window.controller.state.undo_title.startswith("Undo splitting of")
    assert window.actions_by_id["mask.select"].isChecked()
    window.perform("edit.undo")
    assert equal(snapshot(window), before)


def test_arms_that_were_paired_wrongly_are_shared_out_anew(cluster_window: MainWindow) -> None:
    window = cluster_window
    first, second = pair_of(window)
    slide = window.controller.selection.slide
    assert slide is not None
    frame = first.box.union(second.box)
    whole = slide_mask(first, frame) | slide_mask(second, frame)
    middle = frame.height // 2
    upper, lower = whole.copy(), whole.copy()
    upper[middle:] = False
    lower[:middle] = False
    window.controller.document.paint(slide, {first.id: (frame, upper), second.id: (frame, lower)}, "Halves")
    settle(window)
    draw_along(window, first)
    parts = pair_of(window)
    assert {p.id for p in parts} == {first.id, second.id}
    for truth in (first, second):
        assert max(iou((truth.box, truth.mask), (p.box, p.mask)) for p in parts) > 0.8


def test_a_line_beside_everything_splits_nothing_and_says_so(cell_window: MainWindow) -> None:
    window = cell_window
    y, x = free_spot(window)
    before = snapshot(window)
    window.perform("mask.split")
    Hand(window.viewer).drag(window.viewer.to_screen(y, x), window.viewer.to_screen(y + 9, x + 9))
    assert window.status.said.text() == "The line crosses no chromosome"
    assert equal(snapshot(window), before)
