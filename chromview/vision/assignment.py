"""The cell as a whole: from class probabilities of its chromosomes to one class each.

Each class has two places (the sex chromosomes XX or XY, whichever fits better); a further copy and an
empty place cost something, so that a trisomy is found where the chromosomes say so and not where one
of them was merely read wrongly. The costs are negative logarithms of probabilities; the whole is a
linear assignment (Kuhn 1955), solved exactly.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

X, Y = 23, 24

EXTRA_COPY = 3.0
"""Cost, in nats, of a third copy where two are expected; a fourth costs as much again."""
MISSING_COPY = 2.5
"""Cost, in nats, of a place that stays empty."""
FLOOR = 1e-4
"""No class is less probable than this, since networks are surer than they should be."""


class Assigned(NamedTuple):
    """Classes of the chromosomes of a cell.

    Attributes
    ----------
    numbers
        ``(n,)`` class 1..24.
    confidence
        ``(n,)`` 0..1: the probability of that class once the places of the others are taken.
    moved
        ``(n,)`` bool: whether it is not the network's first choice.
    """

    numbers: npt.NDArray[np.int64]
    confidence: npt.NDArray[np.float64]
    moved: npt.NDArray[np.bool_]


def _places(males: bool, copies: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Class of each place, and what it costs to use it (negative where leaving it empty costs)."""
    numbers: list[int] = []
    costs: list[float] = []
    for number in range(1, 25):
        expected = {X: 1 if males else 2, Y: 1 if males else 0}.get(number, 2)
        for copy in range(copies):
            numbers.append(number)
            costs.append(-MISSING_COPY if copy < expected else EXTRA_COPY * (copy - expected + 1))
    return np.array(numbers), np.array(costs)


def assign_cell(probabilities: npt.NDArray[np.floating]) -> Assigned:
    """Decide the chromosomes of one cell together.

    Parameters
    ----------
    probabilities
        ``(n, 24)``, rows sum to 1. Any number of chromosomes; for a few from a cell the places say
        little, and the network's first choices stand.
    """
    p = np.asarray(probabilities, float)
    if not len(p):
        return Assigned(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, bool))
    # The floor keeps one sure mistake from outvoting the whole cell.
    p = (p + FLOOR) / (1 + 24 * FLOOR)
    best: tuple[float, npt.NDArray[np.int64]] | None = None
    for males in (False, True):
        # Room for everything, were it of one class or a slide with several cells on it.
        numbers, extra = _places(males, max(6, -(-len(p) // 24) + 2))
        cost = -np.log(p[:, numbers - 1]) + extra
        rows, columns = linear_sum_assignment(cost)
        total = float(cost[rows, columns].sum())
        if best is None or total < best[0]:
            best = total, numbers[columns]
    assert best is not None  # both sexes were tried
    chosen = best[1]
    counts = np.bincount(chosen, minlength=25)[1:]
    expected = np.full(24, 2)
    expected[[X - 1, Y - 1]] = (1, 1) if counts[Y - 1] else (2, 0)
    confidence = np.empty(len(p))
    for i, number in enumerate(chosen):
        # The odds of every class for this one, all others staying where they are.
        others = counts.copy()
        others[number - 1] -= 1
        change = np.where(others < expected, MISSING_COPY, -EXTRA_COPY * (others - expected + 1))
        logits = np.log(p[i]) + change
        weights = np.exp(logits - logits.max())
        confidence[i] = weights[number - 1] / weights.sum()
    return Assigned(chosen, confidence, chosen - 1 != p.argmax(axis=1))
