"""Figures of merit against examples computed by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from chromview.core.chromosome import Box
from chromview.training.datasets import Instance
from chromview.training.instance_metrics import (
    THRESHOLDS,
    SlideScore,
    average_precision,
    cells_right,
    class_of_found,
    count_error,
    f1,
    found_separated_classed,
    score_slide,
    solved,
    summary,
    with_true_edges,
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


# --- average precision ---------------------------------------------------------------------------


def test_edges_that_were_drawn_elsewhere_can_be_told_from_chromosomes_that_were_not_separated() -> None:
    true = truth(block(4, 4, 30, 8), block(4, 20, 30, 8), block(4, 30, 30, 8))
    # The first is drawn too narrow, the others are one, and too wide.
    drawn = [block(6, 6, 26, 4), block(2, 18, 34, 24)]
    shape = (40, 50)
    assert solved([score_slide(true, drawn)], "free") == 0
    masks = []
    for box, mask in with_true_edges(true, drawn, shape):
        masks.append(np.zeros(shape, bool))
        masks[-1][box.slices] = mask
    assert np.array_equal(masks[0], np.pad(np.ones((30, 8), bool), ((4, 6), (4, 38))))
    ground = np.ones(shape, bool)
    for instance in true[1:]:
        ground[instance.box.slices] = False
    assert np.array_equal(masks[1], ~ground)
    assert score_slide(true, with_true_edges(true, drawn, shape)).iou.tolist() == [1, 0.5, 0]


def test_edges_are_looked_for_near_what_was_found_and_shared_pixels_stay_shared() -> None:
    across = truth(block(10, 0, 6, 30), block(0, 12, 30, 6))
    assert score_slide(across, with_true_edges(across, [(t.box, t.mask) for t in across], (30, 40))).iou.tolist() == [
        1,
        1,
    ]
    far = truth(block(0, 0, 4, 60))
    ((_, mask),) = with_true_edges(far, [block(0, 0, 4, 10)], (4, 60))
    assert mask.sum() == 4 * 18
    assert not with_true_edges(far, [], (4, 60))


def test_average_precision_by_hand() -> None:
    """A hit at .9, a wrong one at .8, a hit at .7, one truth missed: recalls 1/3 and 2/3, precisions 1 and 2/3."""
    score = score_slide(truth(A, B, C), [A, block(40, 40, 4, 4), B], [0.9, 0.8, 0.7])
    expected = (34 * 1 + 33 * 2 / 3) / 101
    assert average_precision([score], (0.5,)) == pytest.approx(expected)
    assert average_precision([score]) == pytest.approx(expected)
    assert average_precision([score_slide(truth(A), [A], [0.1])]) == 1
    assert average_precision([score_slide(truth(A), [], [])]) == 0
    assert np.isnan(average_precision([score_slide(truth(A), [A])]))
    assert np.isnan(average_precision([score_slide([], [A], [0.5])]))


def test_equal_confidence_has_no_order() -> None:
    wrong = block(40, 40, 4, 4)
    first = average_precision([score_slide(truth(A, B), [A, wrong, B], [0.5] * 3)])
    assert first == average_precision([score_slide(truth(A, B), [wrong, A, B], [0.5] * 3)]) == pytest.approx(2 / 3)


def random_slide(rng: np.random.Generator) -> tuple[list[Instance], list[tuple[Box, np.ndarray]], list[float]]:
    def blobs(count: int) -> list[tuple[Box, np.ndarray]]:
        return [block(*rng.integers(0, 20, 2).tolist(), *rng.integers(4, 12, 2).tolist()) for _ in range(count)]

    true = blobs(int(rng.integers(1, 9)))
    near = [
        block(box.top + int(rng.integers(-1, 2)), box.left + int(rng.integers(0, 2)), box.height, box.width)
        for box, _ in true
        if rng.random() < 0.8
    ]
    found = [(Box(max(0, b.top), b.left, max(0, b.top) + b.height, b.right), mask) for b, mask in near + blobs(2)]
    return truth(*true), found, rng.permutation(len(found)).tolist()


@pytest.mark.parametrize("seed", range(3))
def test_agreement_with_coco(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    from chromview.storage.coco import annotation

    rng = np.random.default_rng(seed)
    slides = [random_slide(rng) for _ in range(6)]
    offset = 0
    scores, true_entries, found_entries = [], [], []

    def entry(number: int, image: int, box: Box, mask: np.ndarray, **more: float) -> dict[str, object]:
        whole = np.zeros((40, 40), bool)
        whole[box.slices] = mask
        return annotation(number, image, whole, 1, **more)

    for image, (true, found, order) in enumerate(slides, start=1):
        confidence = [(value + offset) / 1000 for value in order]  # no two alike, over all slides
        offset += 100
        scores.append(score_slide(true, found, confidence))
        true_entries += [entry(len(true_entries) + i + 1, image, t.box, t.mask) for i, t in enumerate(true)]
        found_entries += [
            entry(len(found_entries) + j + 1, image, box, mask, score=sure)
            for j, ((box, mask), sure) in enumerate(zip(found, confidence, strict=True))
        ]
    images = [{"id": image, "height": 40, "width": 40} for image in range(1, 7)]

    def coco(entries: list[dict[str, object]]) -> COCO:
        made = COCO()
        made.dataset = {"images": images, "annotations": entries, "categories": [{"id": 1, "name": "chromosome"}]}
        made.createIndex()
        return made

    theirs = COCOeval(coco(true_entries), coco(found_entries), "segm")
    theirs.evaluate()
    theirs.accumulate()
    capsys.readouterr()
    precision = theirs.eval["precision"][:, :, 0, 0, -1]  # thresholds x recalls, all sizes, most detections
    for row, threshold in enumerate(THRESHOLDS):
        assert average_precision(scores, (threshold,)) == pytest.approx(precision[row].mean(), abs=1e-6)
    assert average_precision(scores) == pytest.approx(precision.mean(), abs=1e-6)


def test_classes_of_what_was_found() -> None:
    """Numbers 1, 2 and 3 are true; the first is right, the second wrong, the third not found."""
    score = score_slide(truth(A, B, C), [A, B], [0.9, 0.9], [1, 7])
    assert score.classed is not None and score.classed.tolist() == [True, False, False]
    assert class_of_found([score]) == 1 / 2
    assert found_separated_classed([score]) == pytest.approx(1 / 3)
    told = summary([score], resamples=10)
    assert told["class_of_found"] == 0.5 and told["class_of_found_interval"] == [0.5, 0.5]
    nobody_asked = summary([score_slide(truth(A), [A])], resamples=10)
    for name in ("class_of_found", "found_separated_classed", "ap_50", "ap_75", "ap_50_95"):
        assert nobody_asked[name] is nobody_asked[f"{name}_interval"] is None


def test_every_figure_of_whole_slides_has_an_interval() -> None:
    slides = [score_slide(truth(A, B), found, [0.9] * len(found)) for found in ([A, B], [A], [A, C])]
    told = summary(slides, resamples=100)
    for name in ("f1_50", "f1_75", "ap_50", "ap_50_95", "aji", "solved_free", "cells_right", "count_error"):
        low, high = told[f"{name}_interval"]
        assert low <= told[name] <= high, name
