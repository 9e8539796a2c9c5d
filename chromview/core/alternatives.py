"""Ways to see one cluster, to choose from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from chromview.core.chromosome import BoolArray, Box, Chromosome, DecidedBy, State

ALIKE = 0.93
"""IoU from which on two masks are no alternatives."""
_MEANT = 0.5
"""IoU from which on a mask is the new outline of a chromosome that was there."""


class Part(NamedTuple):
    """One chromosome of an alternative: box in slide pixels, its ``(h, w)`` bool mask, confidence 0..1."""

    box: Box
    mask: BoolArray
    confidence: float


@dataclass(frozen=True, eq=False)
class Alternative:
    """One way to see a cluster.

    Attributes
    ----------
    how
        Who sees it so, in a word or two ("pair network").
    parts
        Its chromosomes, overlaps in both.
    """

    how: str
    parts: tuple[Part, ...]


def iou(first: tuple[Box, BoolArray], second: tuple[Box, BoolArray]) -> float:
    """Intersection over union of two masks, each with the box where it lies."""
    part = first[0].intersection(second[0])
    if part is None:
        return 0.0
    a, b = (
        mask[part.top - box.top : part.bottom - box.top, part.left - box.left : part.right - box.left]
        for box, mask in (first, second)
    )
    shared = int(np.count_nonzero(a & b))
    return shared / max(1, int(np.count_nonzero(first[1])) + int(np.count_nonzero(second[1])) - shared)


def pairs(first: Sequence[tuple[Box, BoolArray]], second: Sequence[tuple[Box, BoolArray]]) -> list[tuple[int, int]]:
    """Indices of masks that mean the same, the most alike first; none twice."""
    scores = [(iou(a, b), i, j) for i, a in enumerate(first) for j, b in enumerate(second)]
    found: list[tuple[int, int]] = []
    for score, i, j in sorted(scores, reverse=True):
        if score > _MEANT and all(i != k and j != m for k, m in found):
            found.append((i, j))
    return found


def same(first: Alternative, second: Alternative) -> bool:
    """Whether two alternatives differ by no more than their edges."""
    if len(first.parts) != len(second.parts):
        return False
    a, b = [part[:2] for part in first.parts], [part[:2] for part in second.parts]
    matched = pairs(a, b)
    return len(matched) == len(a) and all(iou(a[i], b[j]) >= ALIKE for i, j in matched)


def distinct(alternatives: Iterable[Alternative]) -> tuple[Alternative, ...]:
    """The alternatives in their order, without those that are empty or repeat an earlier one."""
    kept: list[Alternative] = []
    for alternative in alternatives:
        if alternative.parts and not any(same(alternative, other) for other in kept):
            kept.append(alternative)
    return tuple(kept)


def by_person(chromosome: Chromosome) -> bool:
    """Whether a person edited, accepted or named a chromosome, or placed its axis: it is never lost without a word."""
    decided = chromosome.state in (State.EDITED, State.ACCEPTED) or chromosome.decided_by is DecidedBy.PERSON
    return decided or chromosome.axis_placed or chromosome.centromere_placed
