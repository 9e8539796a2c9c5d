import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from chromview.core.chromosome import Box, Chromosome
from chromview.core.masks import (
    clean_labels,
    clusters,
    four_label,
    from_four_label,
    overlap_area,
    overlaps,
    slide_mask,
    touch,
)

labels = hnp.arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 3))


def rectangle(id: int, top: int, left: int, height: int, width: int) -> Chromosome:
    return Chromosome(id, Box(top, left, top + height, left + width), np.ones((height, width), bool))


@settings(deadline=None)
@given(labels)
def test_four_label_is_exact_in_both_directions(label: np.ndarray) -> None:
    masks = from_four_label(label)
    if not all(mask.any() for mask in masks):
        return
    first, second = (Chromosome.from_slide_mask(id, mask) for id, mask in enumerate(masks, 1))
    again = four_label([first, second], (label.shape[0], label.shape[1]))
    assert again.dtype == np.uint8
    np.testing.assert_array_equal(again, label)
    np.testing.assert_array_equal(overlaps([first, second], (label.shape[0], label.shape[1])), label == 3)
    assert overlap_area(first, second) == np.count_nonzero(label == 3)


def test_four_label_of_a_part_of_the_slide() -> None:
    pair = [rectangle(1, 2, 2, 5, 2), rectangle(2, 4, 0, 2, 9)]
    whole = four_label(pair, (10, 10))
    np.testing.assert_array_equal(four_label(pair, Box(3, 1, 8, 7)), whole[3:8, 1:7])
    np.testing.assert_array_equal(overlaps(pair, Box(3, 1, 8, 7)), whole[3:8, 1:7] == 3)
    # A rectangle that reaches beyond the slide's corner shows background there.
    assert slide_mask(pair[0], Box(-2, -2, 3, 4)).sum() == 2


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_four_label_mask_holds_two(count: int) -> None:
    with pytest.raises(ValueError, match="exactly two"):
        four_label([rectangle(n, 0, 0, 1, 1) for n in range(1, count + 1)], (4, 4))


def test_other_values_are_refused() -> None:
    with pytest.raises(ValueError, match="0 to 3"):
        from_four_label(np.array([[0, 4]], np.uint8))


def test_overlap_of_three_is_overlap() -> None:
    three = [rectangle(1, 0, 0, 4, 4), rectangle(2, 2, 2, 4, 4), rectangle(3, 2, 2, 1, 1)]
    assert overlaps(three, (8, 8)).sum() == 4


def test_clusters_are_what_touches() -> None:
    chain = [
        rectangle(5, 0, 0, 4, 4),
        rectangle(2, 4, 4, 4, 4),  # corner to corner with 5
        rectangle(9, 5, 7, 6, 6),  # over 2
        rectangle(3, 20, 20, 4, 4),
        rectangle(4, 20, 25, 4, 4),  # one free column between it and 3
        rectangle(7, 30, 0, 3, 3),
        rectangle(6, 33, 0, 3, 3),  # beside 7
    ]
    assert clusters(chain) == [(2, 5, 9), (6, 7)]
    assert clusters([]) == []
    assert touch(chain[5], chain[6])
    assert not touch(chain[3], chain[4])


def test_boxes_that_meet_are_not_yet_a_cluster() -> None:
    diagonal = np.eye(12, dtype=bool)
    away = np.zeros((3, 3), bool)
    away[0, 2] = True
    assert clusters([Chromosome(1, Box(0, 0, 12, 12), diagonal), Chromosome(2, Box(2, 7, 5, 10), away)]) == []


@settings(deadline=None)
@given(labels)
def test_cleaning_leaves_alone_what_is_right(label: np.ndarray) -> None:
    doubled = np.kron(label, np.ones((2, 2), np.uint8))
    np.testing.assert_array_equal(clean_labels(doubled), doubled)


def test_cleaning_mends_strays_and_single_pixels() -> None:
    label = np.zeros((12, 12), np.uint8)
    label[2:10, 2:6] = 1
    label[2:10, 6:10] = 2
    truth = label.copy()
    label[4, 3] = 2
    label[7, 8] = 7
    label[0, 0] = 200
    label[5, 0] = 3
    np.testing.assert_array_equal(clean_labels(label), truth)
    np.testing.assert_array_equal(clean_labels(label.astype(np.int64)[None]), truth[None])


def test_nothing_above_three_is_left_in_any_image() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (3, 20, 20)).astype(np.uint8)
    assert clean_labels(noise).max() <= 3
    assert clean_labels(np.full((1, 1), 9, np.uint8))[0, 0] == 0
    assert clean_labels(np.zeros((0, 4, 4), np.uint8)).shape == (0, 4, 4)
