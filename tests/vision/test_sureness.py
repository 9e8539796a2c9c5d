"""How sure a fluorescent chromosome is said to be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from chromview.core._cv import cv2
from chromview.core.chromosome import Box, Chromosome, Kind
from chromview.vision.sureness import sure_alone, with_confidence


def slide(lefts: list[int], blur: float = 0.6) -> tuple[list[Chromosome], np.ndarray]:
    """Bars of one size and certainty beside each other, and the darkness they have."""
    darkness = np.zeros((80, 400), np.float32)
    found = []
    for number, left in enumerate(lefts, start=1):
        box = Box(20, left, 60, left + 12)
        darkness[box.slices] = 0.8
        empty = Chromosome(number, Box(0, 0, 0, 0), np.zeros((0, 0), bool), Kind.CHROMOSOME, confidence=0.95)
        found.append(empty.with_mask(box, np.ones((40, 12), bool)))
    return found, cv2.GaussianBlur(darkness, (0, 0), blur)


def test_what_lies_in_a_cluster_is_less_sure() -> None:
    alone, pair, heap = (with_confidence(*slide(lefts)) for lefts in ([20, 60, 100], [20, 32, 100], [20, 32, 44]))
    assert alone[0].confidence > pair[0].confidence > heap[0].confidence
    assert pair[2].confidence == pytest.approx(alone[2].confidence, abs=0.01)


def test_what_has_a_soft_edge_is_less_sure() -> None:
    sharp, soft = (with_confidence(*slide([20, 80, 140], blur)) for blur in (0.6, 4.0))
    assert sharp[1].confidence > soft[1].confidence + 0.03


def test_the_certainty_of_the_network_counts() -> None:
    found, darkness = slide([20, 80])
    less = [replace(found[0], confidence=0.6), found[1]]
    first, second = with_confidence(less, darkness)
    assert first.confidence < second.confidence
    assert all(0 < c.confidence < 1 for c in (first, second))
    assert sure_alone(0.6) < sure_alone(0.95) < 0.95
    assert 0 < sure_alone(0.0) < sure_alone(1.0) < 1


def test_others_keep_out_of_it() -> None:
    found, darkness = slide([20, 32, 100])
    debris = [found[0], replace(found[1], kind=Kind.DEBRIS), found[2]]
    answer = with_confidence(debris, darkness)
    assert answer[0].confidence > with_confidence(found, darkness)[0].confidence
    assert [c.kind for c in answer] == [c.kind for c in debris]
    assert all(np.array_equal(a.mask, b.mask) for a, b in zip(answer, debris, strict=True))
    assert with_confidence([], darkness) == []
