"""Cutting, joining and taking apart leave every pixel with a chromosome, and no more than that."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chromview.core._cv import cv2
from chromview.core.chromosome import BoolArray, Box
from chromview.core.crossing import split_along, split_crossing
from chromview.core.edit_masks import axis_inside, cut, divide_overlap, join, placed, with_edge_moved


def rod(shape: tuple[int, int], start: tuple[float, float], end: tuple[float, float], width: int) -> BoolArray:
    """A straight chromosome with round tips; points are (y, x)."""
    picture = np.zeros(shape, np.uint8)
    a, b = ((round(p[1]), round(p[0])) for p in (start, end))
    cv2.line(picture, a, b, 1, width)
    return picture > 0


def pieces(mask: BoolArray) -> int:
    return int(cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0]) - 1


def iou(a: BoolArray, b: BoolArray) -> float:
    return float((a & b).sum() / (a | b).sum())


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 180), st.floats(-0.3, 0.3), st.floats(-35, 35))
def test_a_cut_parts_the_mask_and_loses_no_pixel(angle: float, where: float, slant: float) -> None:
    t, s = np.radians(angle), np.radians(angle + 90 + slant)
    along, across = np.array([np.sin(t), np.cos(t)]), np.array([np.sin(s), np.cos(s)])
    mask = rod((90, 90), tuple(45 + 30 * along), tuple(45 - 30 * along), 13)
    middle = 45 + 60 * where * along
    parts = cut(Box(100, 200, 190, 290), mask, [middle - 20 * across + (100, 200), middle + 20 * across + (100, 200)])
    assert len(parts) == 2
    assert parts[0].sum() >= parts[1].sum() > 0
    assert not (parts[0] & parts[1]).any()
    assert np.array_equal(parts[0] | parts[1], mask)
    assert [pieces(p) for p in parts] == [1, 1]


def test_a_line_that_ends_inside_or_misses_cuts_nothing() -> None:
    mask = np.ones((20, 60), bool)
    box = Box(0, 0, 20, 60)
    for line in ([(-5, 30), (10, 30)], [(5, 5), (15, 50)], [(-5, 30), (-5, 40)]):
        with pytest.raises(ValueError, match="does not cut"):
            cut(box, mask, line)


def test_a_line_along_the_edge_shaves_off_no_splinter() -> None:
    mask = np.ones((20, 60), bool)
    with pytest.raises(ValueError, match="does not cut"):
        cut(Box(0, 0, 20, 60), mask, [(-2, 1), (10, -2)])


def test_arms_that_the_line_does_not_touch_go_whole_to_the_nearer_part() -> None:
    mask = np.zeros((20, 100), bool)
    mask[:, :60] = True
    mask[5:15, 70:] = True
    parts = cut(Box(0, 0, 20, 100), mask, [(-3, 20), (23, 20)])
    assert len(parts) == 2
    assert parts[0][:, 25:].sum() == mask[:, 25:].sum()
    assert not parts[1][:, 25:].any()


def test_a_winding_line_may_cut_three() -> None:
    mask = np.ones((20, 90), bool)
    parts = cut(Box(0, 0, 20, 90), mask, [(-5, 30), (25, 30), (25, 60), (-5, 60)])
    assert len(parts) == 3
    assert sum(p.sum() for p in parts) == mask.sum()


def test_joining_touching_parts_is_their_union() -> None:
    box, mask = join([(Box(0, 0, 10, 20), np.ones((10, 20), bool)), (Box(0, 20, 10, 50), np.ones((10, 30), bool))])
    assert box == Box(0, 0, 10, 50)
    assert mask.all()


def test_arms_on_two_sides_of_a_chromosome_are_joined_through_it() -> None:
    shape = (100, 100)
    frame = Box(0, 0, 100, 100)
    over = rod(shape, (10, 50), (90, 50), 13)
    whole = rod(shape, (50, 10), (50, 90), 13)
    arms = whole & ~over
    left, right = arms.copy(), arms.copy()
    left[:, 50:] = False
    right[:, :50] = False
    _, joined = join([(frame, left), (frame, right)], [(frame, over)])
    assert pieces(joined) == 1
    assert iou(joined, whole) > 0.95
    # Where no chromosome lies between them, nothing is made up.
    _, apart = join([(frame, left), (frame, right)])
    assert np.array_equal(apart, arms)


def test_what_lies_far_apart_is_joined_without_a_way_between() -> None:
    everywhere = [(Box(0, 0, 2000, 2000), np.ones((2000, 2000), bool))]
    small = np.ones((20, 20), bool)
    box, mask = join([(Box(0, 0, 20, 20), small), (Box(1980, 1980, 2000, 2000), small)], everywhere)
    assert box == Box(0, 0, 2000, 2000)
    assert mask.sum() == 800


@settings(max_examples=25, deadline=None)
@given(st.floats(45, 135), st.floats(0, 180), st.floats(-12, 12))
def test_a_crossing_becomes_two_chromosomes_that_share_it(between: float, turn: float, off: float) -> None:
    shape = (120, 120)
    a, b = np.radians(turn), np.radians(turn + between)
    first_way, second_way = np.array([np.sin(a), np.cos(a)]), np.array([np.sin(b), np.cos(b)])
    middle = 60 + off * first_way
    first = rod(shape, tuple(60 + 45 * first_way), tuple(60 - 45 * first_way), 13)
    second = rod(shape, tuple(middle + 38 * second_way), tuple(middle - 38 * second_way), 13)
    parts = split_crossing(first | second)
    assert np.array_equal(parts[0] | parts[1], first | second)
    straight = iou(parts[0], first) + iou(parts[1], second)
    crossed = iou(parts[0], second) + iou(parts[1], first)
    assert max(straight, crossed) / 2 > 0.85
    overlap = first & second
    assert (parts[0] & parts[1] & overlap).sum() > 0.5 * overlap.sum()


def test_a_tip_on_another_chromosome_becomes_two() -> None:
    shape = (100, 120)
    first, second = rod(shape, (70, 10), (70, 110), 13), rod(shape, (10, 60), (68, 60), 13)
    larger, smaller = split_crossing(first | second)
    assert iou(larger, first) > 0.9 and iou(smaller, second) > 0.8


def test_pieces_that_lie_apart_are_no_arms_of_a_crossing() -> None:
    """A mask may be in pieces, as the brush can leave it; here they lie across a chromosome with a spur."""
    mask = rod((120, 120), (60, 20), (60, 100), 13)
    mask[66:72, 57:62] = True
    mask[10:30, 50:70] = mask[95:115, 50:70] = True
    with pytest.raises(ValueError, match="no crossing"):
        split_crossing(mask)


def test_a_rod_has_no_crossing() -> None:
    with pytest.raises(ValueError, match="no crossing"):
        split_crossing(rod((60, 100), (30, 10), (30, 90), 13))
    with pytest.raises(ValueError, match="no crossing"):
        split_crossing(np.ones((2, 3), bool))


def test_a_line_along_one_of_two_that_cross_says_which_arms_belong_together() -> None:
    first, second = rod((100, 100), (15, 15), (85, 85), 13), rod((100, 100), (85, 15), (15, 85), 13)
    along, other = split_along(first | second, [(20, 20), (50, 50), (80, 80)])
    assert iou(along, first) > 0.9
    assert iou(other, second) > 0.9
    assert (along & other).any()
    assert np.array_equal(along | other, first | second)


def test_the_line_is_believed_against_the_bend() -> None:
    # Two bent chromosomes that touch with their knees look like two straight ones that cross.
    first, second = rod((100, 100), (15, 15), (85, 85), 13), rod((100, 100), (85, 15), (15, 85), 13)
    along, other = split_along(first | second, [(20, 20), (46, 46), (46, 54), (20, 80)])
    assert along[20, 20] and along[20, 80]
    assert not along[80, 20] and not along[80, 80]
    assert other[80, 20] and other[80, 80]


def test_a_line_where_nothing_crosses_is_refused() -> None:
    one = rod((60, 100), (30, 10), (30, 90), 13)
    with pytest.raises(ValueError, match="beside"):
        split_along(one, [(30, 5), (30, 95)])
    with pytest.raises(ValueError, match="run through"):
        split_along(one, [(2, 5), (2, 95)])


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 18), st.integers(0, 10))
def test_an_overlap_divided_is_gone_and_no_pixel_is_lost(shift: int, down: int) -> None:
    first, second = np.ones((12, 20), bool), np.ones((12, 20), bool)
    a, b = Box(0, 0, 12, 20), Box(down, shift, down + 12, shift + 20)
    assume(a.intersection(b) is not None)
    new_a, new_b = divide_overlap((a, first), (b, second))
    slide = np.zeros((40, 60), np.uint8)
    slide[a.slices] += new_a
    slide[b.slices] += new_b
    before = np.zeros((40, 60), bool)
    before[a.slices] = before[b.slices] = True
    assert slide.max() == 1
    assert np.array_equal(slide > 0, before)


def test_nothing_shared_or_wholly_inside_cannot_be_divided() -> None:
    whole = np.ones((10, 10), bool)
    with pytest.raises(ValueError, match="share no pixel"):
        divide_overlap((Box(0, 0, 10, 10), whole), (Box(20, 20, 30, 30), whole))
    with pytest.raises(ValueError, match="wholly"):
        divide_overlap((Box(0, 0, 10, 10), whole), (Box(2, 2, 4, 4), np.ones((2, 2), bool)))


def test_a_part_keeps_the_direction_of_the_axis() -> None:
    axis = np.stack([np.full(60, 10.0), np.arange(60.0)], axis=1).astype(np.float32)
    part = axis_inside(axis, Box(5, 30, 15, 60), np.ones((10, 30), bool))
    assert part is not None
    assert np.array_equal(part, axis[30:])
    assert axis_inside(axis, Box(30, 0, 40, 60), np.ones((10, 60), bool)) is None
    assert axis_inside(None, Box(0, 0, 1, 1), np.ones((1, 1), bool)) is None


def test_an_edge_moves_by_a_pixel_and_not_into_a_neighbour_or_off_the_slide() -> None:
    slide = Box(0, 0, 40, 40)
    own, other = (Box(0, 10, 20, 18), np.ones((20, 8), bool)), (Box(0, 18, 20, 30), np.ones((20, 12), bool))
    box, mask = with_edge_moved(*own, True, [other], (40, 40))
    before, after = placed(own[1], own[0], slide), placed(mask, box, slide)
    assert after[before].all() and not after[:, 18:].any()
    # One column on the free side, one row below; the row above the slide is none.
    assert after.sum() == before.sum() + 20 + 8
    box, mask = with_edge_moved(*own, False, [other], (40, 40))
    after = placed(mask, box, slide)
    assert not after[~before].any() and after[:19, 11:17].all() and after.sum() == 19 * 6
    thin = Box(5, 5, 7, 30), np.ones((2, 25), bool)
    assert with_edge_moved(*thin, False, [], (40, 40)) == thin
