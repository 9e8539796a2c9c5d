"""A stroke: which pixels it covers, and whose masks it may change."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chromview.app.stroke import NEW_ID, Stroke, capsule
from chromview.app.tools import Label, Tool
from chromview.core.chromosome import Chromosome, State

SHAPE = (60, 80)


def bar(id: int, top: int, left: int, bottom: int, right: int, **fields: object) -> Chromosome:
    mask = np.zeros(SHAPE, bool)
    mask[top:bottom, left:right] = True
    return Chromosome.from_slide_mask(id, mask, **fields)


def whole(chromosome: Chromosome) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[chromosome.box.slices] = chromosome.mask
    return mask


PAIR = {1: bar(1, 10, 10, 20, 60), 2: bar(2, 20, 10, 30, 60)}
POINT = st.tuples(st.floats(-20, 80), st.floats(-20, 100))


def stroke(tool: Tool, label: Label, *, second: int | None = 2, meant: bool = True, first: int | None = 1) -> Stroke:
    return Stroke(PAIR, SHAPE, tool=tool, label=label, first=first, second=second, pair_meant=meant)


def on_slide(made: Stroke, id: int) -> np.ndarray:
    box, bits = made.mask(id)
    mask = np.zeros(SHAPE, bool)
    mask[box.slices] = bits
    return mask


def value(made: Stroke, y: int, x: int) -> int:
    masks = {id: whole(c) for id, c in PAIR.items()} | {id: on_slide(made, id) for id in made.ids}
    return int(masks[1][y, x]) + 2 * int(masks[2][y, x])


@given(POINT, POINT, st.floats(1.5, 40))
def test_a_capsule_is_what_is_within_half_a_brush_of_the_way(
    start: tuple[float, float], end: tuple[float, float], diameter: float
) -> None:
    covered = capsule(start, end, diameter, SHAPE)
    (y0, x0), (y1, x1) = start, end
    dy, dx = y1 - y0, x1 - x0
    py, px = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5 - np.array([y0, x0])[:, None, None]
    length = dy * dy + dx * dx
    t = np.clip((py * dy + px * dx) / length, 0, 1) if length > 1e-12 else 0.0
    expected = (py - t * dy) ** 2 + (px - t * dx) ** 2 <= (max(1.0, diameter) / 2) ** 2
    got = np.zeros(SHAPE, bool)
    if covered is not None:
        got[covered[0].slices] = covered[1]
    # Single precision decides pixels whose centre lies on the edge itself.
    assert np.count_nonzero(got ^ expected) <= 3


def test_a_brush_of_one_pixel_always_hits_one() -> None:
    for y, x in ((5.0, 5.0), (5.99, 5.01), (5.5, 5.5)):
        covered = capsule((y, x), (y, x), 1, SHAPE)
        assert covered is not None
        mask = np.zeros(SHAPE, bool)
        mask[covered[0].slices] = covered[1]
        assert mask[5, 5]


def test_beside_the_slide_nothing_is_covered() -> None:
    assert capsule((-30, 10), (-20, 10), 8, SHAPE) is None


@pytest.mark.parametrize("label", list(Label))
def test_the_brush_sets_the_label_of_a_pair(label: Label) -> None:
    made = stroke(Tool.BRUSH, label)
    made.extend((20, 30), (20, 30), 9)  # half on the first, half on the second
    assert value(made, 18, 30) == label
    assert value(made, 21, 30) == label
    assert value(made, 12, 15) == 1
    assert value(made, 28, 15) == 2


@pytest.mark.parametrize(("label", "left"), [(Label.FIRST, (0, 2)), (Label.SECOND, (1, 0)), (Label.BOTH, (0, 0))])
def test_the_eraser_takes_out_of_what_the_label_says(label: Label, left: tuple[int, int]) -> None:
    made = stroke(Tool.ERASE, label)
    made.extend((20, 30), (20, 30), 9)
    assert (value(made, 18, 30), value(made, 21, 30)) == left
    assert made.erases


def test_a_near_neighbour_is_neither_taken_from_nor_painted_over() -> None:
    made = stroke(Tool.BRUSH, Label.FIRST, meant=False)
    made.extend((15, 30), (25, 30), 9)
    assert value(made, 25, 30) == 2
    assert set(made.result()) == set()
    made = stroke(Tool.BRUSH, Label.BACKGROUND, meant=False)
    made.extend((20, 30), (20, 30), 9)
    assert value(made, 21, 30) == 2
    assert value(made, 18, 30) == 0


def test_label_3_without_a_second_one_paints_an_overlap() -> None:
    made = stroke(Tool.BRUSH, Label.BOTH, second=None)
    made.extend((20, 30), (25, 30), 9)
    assert value(made, 25, 30) == 3
    assert set(made.result()) == {1}


def test_label_2_without_a_second_one_does_nothing() -> None:
    assert not stroke(Tool.BRUSH, Label.SECOND, second=None).does_something


def test_a_rejected_neighbour_protects_nothing() -> None:
    chromosomes = {1: PAIR[1], 2: bar(2, 20, 10, 30, 60, state=State.REJECTED)}
    made = Stroke(chromosomes, SHAPE, tool=Tool.BRUSH, label=Label.FIRST, first=1, second=None, pair_meant=False)
    made.extend((25, 30), (25, 30), 5)
    assert on_slide(made, 1)[25, 30]


def test_a_new_chromosome_starts_from_nothing() -> None:
    made = stroke(Tool.NEW, Label.FIRST, first=None, second=None)
    assert made.makes_new
    made.extend((45, 30), (45, 50), 6)
    (box, bits) = made.result()[NEW_ID]
    assert bits.any()
    assert bits.shape == (box.height, box.width)


@settings(max_examples=40)
@given(st.lists(POINT, min_size=2, max_size=6), st.floats(1, 30), st.sampled_from(list(Label)), st.booleans())
def test_the_result_is_exactly_what_changed(
    way: list[tuple[float, float]], diameter: float, label: Label, erase: bool
) -> None:
    made = stroke(Tool.ERASE if erase else Tool.BRUSH, label)
    dirty = np.zeros(SHAPE, bool)
    for start, end in itertools.pairwise(way):
        box = made.extend(start, end, diameter)
        if box is not None:
            dirty[box.slices] = True
    result = made.result()
    for id in made.ids:
        before, mask = whole(PAIR[id]), on_slide(made, id)
        assert not ((mask != before) & ~dirty).any()  # nothing changed outside of what was to be repainted
        rebuilt = before.copy()
        if id in result:
            box, bits = result[id]
            rebuilt[box.slices] = bits
        assert np.array_equal(rebuilt, mask)
        assert (id in result) == bool((mask != before).any())
