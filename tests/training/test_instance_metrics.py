"""Figures of merit against examples computed by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from chromview.core.chromosome import Box
from chromview.training.datasets import Instance
from chromview.training.instance_metrics import (
    SlideScore,
    cells_right,
    count_error,
    f1,
    score_slide,
    solved,
    summary,
)


def block(top: int, left: int, height: int, width: int) -> tuple[Box, np.ndarray]:
    return Box(top, left, top + height, left + width), np.ones((height, width), bool)


def truth(*blocks: tuple[Box, np.ndarray], kinds: tuple[str, ...] = ()) -> list[Instance]:
    named = kinds or ("free",) * len(blocks)
    return [Instance(1 + i, box, mask, kind) for i, ((box, mask), kind) in enumerate(zip(blocks, named, strict=True))]


A, B, C = block(0, 0, 10, 4), block(0, 10, 10, 4), block(20, 0, 4, 10)


def test_perfect() -> None:
    score = score_slide(truth(A, B, C), [A, B, C])
    assert score.iou.tolist() == [1, 1, 1]
    assert score.match.tolist() == [0, 1, 2]
    assert score.aji == 1
    assert f1([score], 0.95) == 1
    assert cells_right([score]) == 1
    assert count_error([score]) == 0


def test_the_order_does_not_matter() -> None:
    score = score_slide(truth(A, B, C), [C, A, B])
    assert score.iou.tolist() == [1, 1, 1]
    assert score.match.tolist() == [1, 2, 0]
    assert score.aji == 1


def test_missing_and_extra() -> None:
    missing = score_slide(truth(A, B, C), [C])
    assert missing.iou.tolist() == [0, 0, 1]
    assert missing.match.tolist() == [-1, -1, 0]
    assert f1([missing], 0.5) == 2 * 1 / (3 + 1)
    assert missing.aji == pytest.approx(40 / 120)
    extra = score_slide(truth(A), [A, B, C])
    assert f1([extra], 0.5) == 2 * 1 / (1 + 3)
    assert extra.aji == pytest.approx(40 / 120)
    assert cells_right([extra]) == 0
    assert count_error([missing, extra]) == 2
    nothing = score_slide(truth(A), [])
    assert nothing.iou.tolist() == [0] and nothing.aji == 0 and nothing.found == 0
    assert score_slide([], [A]).aji == 0
    assert score_slide([], []).aji == 1


def test_each_prediction_is_matched_once() -> None:
    """Two touching chromosomes that were found as one: only one of them counts."""
    left, right = block(0, 0, 10, 4), block(0, 4, 10, 4)
    score = score_slide(truth(left, right), [block(0, 0, 10, 8)])
    assert sorted(score.iou.tolist()) == [0, 0.5]
    assert sorted(score.match.tolist()) == [-1, 0]
    # AJI lets the prediction stand for both: (40 + 40) of (80 + 80).
    assert score.aji == pytest.approx(0.5)


def test_the_best_matching_as_a_whole_is_taken() -> None:
    """The greedy choice for the first would leave the second with nothing."""
    first, second = block(0, 0, 10, 10), block(0, 6, 10, 10)
    wide, narrow = block(0, 2, 10, 10), block(0, 0, 10, 5)
    score = score_slide(truth(first, second), [wide, narrow])
    assert score.match.tolist() == [1, 0]
    assert score.iou.tolist() == pytest.approx([0.5, 60 / 140])


def test_aji_by_hand() -> None:
    """A is hit by 3 of 4 pixels with one too many, B is missed, and two pixels lie where nothing is."""
    a, b = block(0, 0, 1, 4), block(5, 0, 1, 4)
    score = score_slide(truth(a, b), [block(0, 1, 1, 4), block(9, 0, 1, 2)])
    assert score.iou.tolist() == [3 / 5, 0]
    assert score.aji == pytest.approx(3 / (5 + 4 + 2))


def test_shared_pixels_belong_to_both() -> None:
    upright, lying = block(0, 8, 20, 4), block(8, 0, 4, 20)
    score = score_slide(truth(upright, lying, kinds=("overlapping",) * 2), [lying, upright])
    assert score.iou.tolist() == [1, 1]
    assert solved([score], "overlapping") == 1
    assert np.isnan(solved([score], "touching"))


def test_masks_are_compared_not_boxes() -> None:
    ring = np.ones((10, 10), bool)
    ring[2:-2, 2:-2] = False
    box = Box(5, 5, 15, 15)
    score = score_slide([Instance(1, box, ring, "free")], [(box, np.ones((10, 10), bool))])
    assert score.iou.tolist() == [64 / 100]


def test_solved_is_counted_by_kind() -> None:
    score = SlideScore(np.array([0.8, 0.7, 0.75, 0.2]), np.arange(4), ("free", "touching", "touching", "free"), 4, 0.6)
    assert solved([score], "free") == 0.5
    assert solved([score], "touching") == 0.5
    assert f1([score], 0.75) == 0.5


def test_summary_over_slides() -> None:
    good = score_slide(truth(A, B, kinds=("free", "touching")), [A, B])
    bad = score_slide(truth(A, B, kinds=("free", "touching")), [A])
    told = summary([good, bad], resamples=100)
    assert told["slides"] == 2
    assert told["chromosomes"] == {"free": 2, "touching": 2, "overlapping": 0}
    assert told["f1_50"] == told["f1_75"] == round(2 * 3 / (4 + 3), 4)
    assert told["solved_free"] == 1 and told["solved_touching"] == 0.5
    assert told["cells_right"] == 0.5 and told["count_error"] == 0.5
    assert told["aji"] == 0.75
    low, high = told["cells_right_interval"]
    assert 0 <= low <= 0.5 <= high <= 1
    assert summary([good, bad], resamples=100) == told
    # What no slide has is not told, and the whole can be written as JSON.
    assert told["solved_overlapping"] is None and told["solved_overlapping_interval"] is None
    json.dumps(told, allow_nan=False)
