"""The cell as a whole: from class probabilities of its chromosomes to one class each.

Each class has two places (the sex chromosomes XX or XY, whichever fits better); a further copy and an
empty place cost something, so that a trisomy is found where the chromosomes say so and not where one
of them was merely read wrongly. What is hardly a chromosome may have no place at all. The costs
are negative logarithms of probabilities; the whole is a linear assignment (Kuhn 1955), solved exactly.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from chromview.core.chromosome import Chromosome, DecidedBy, State

X, Y = 23, 24

EXTRA_COPY, EXTRA_COPY_OF_THE_COMMON = 3.0, 2.0
"""Cost, in nats, of a copy more than expected; a second one costs as much again. The second is that of `COMMON`."""
MISSING_COPY, MISSING_SEX_CHROMOSOME = 3.0, 1.5
"""Cost, in nats, of a place that stays empty."""
COMMON = (13, 18, 21, X, Y)
"""Of which people are born with one too many; of all others hardly anybody is. Of missing ones that is true of an X
or a Y alone. How much this counts was chosen on `val`; it is far less than the frequencies at birth would say, since
cells of blood and tumours have other changes."""
LEFT_OUT = 2.0
"""Cost, in nats, of leaving something out, beside how improbable that is: a chromosome that is missing is harder to
notice than one too many. Chosen on `val` and with real metaphases in view, where none is left out wrongly then."""
FLOOR = 1e-4
"""No class is less probable than this, since networks are surer than they should be."""
STANDING = 2.0
"""What the class that a chromosome has already is worth, in nats, when a cell is decided once more. A person who types
one class does not want to see others move that were right: chosen on `val`, where typing then mends most."""
_NEVER = 1e6
"""Cost of giving another class to a chromosome whose class is known; far above any sum of the others."""


class Assigned(NamedTuple):
    """Classes of the chromosomes of a cell.

    Attributes
    ----------
    numbers
        ``(n,)`` class 1..24, or 0 for what is no chromosome of the cell.
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
    expected = _expected(males)
    numbers = np.repeat(np.arange(1, 25), copies)
    copy = np.tile(np.arange(copies), 24)
    return numbers, _cost(numbers, copy, expected[numbers - 1])


def _expected(males: bool) -> npt.NDArray[np.int64]:
    """Copies of each class in a normal cell, ``(24,)``."""
    expected = np.full(24, 2)
    expected[[X - 1, Y - 1]] = (1, 1) if males else (2, 0)
    return expected


def _cost(
    numbers: npt.NDArray[np.int64], copies: npt.NDArray[np.int64], expected: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """What it costs that a class, of which there are `copies` already, gets one more."""
    missing = np.where(numbers >= X, MISSING_SEX_CHROMOSOME, MISSING_COPY)
    extra = np.where(np.isin(numbers, COMMON), EXTRA_COPY_OF_THE_COMMON, EXTRA_COPY)
    return np.where(copies < expected, -missing, extra * (copies - expected + 1))


def assign_cell(
    probabilities: npt.NDArray[np.floating],
    known: npt.NDArray[np.integer] | None = None,
    standing: npt.NDArray[np.integer] | None = None,
    surplus: npt.NDArray[np.floating] | None = None,
) -> Assigned:
    """Decide the chromosomes of one cell together.

    Parameters
    ----------
    probabilities
        ``(n, 24)``, rows sum to 1. Any number of chromosomes; for a few from a cell the places say
        little, and the network's first choices stand.
    known
        ``(n,)`` class 1..24 of those that somebody knows, whatever their probabilities, and 0 of the others; None
        if nobody knows any.
    standing
        ``(n,)`` class 1..24 that each has now and had better keep (`STANDING`), 0 if it has none; None if none has.
    surplus
        ``(n,)`` how probable it is that each is no chromosome of the cell; None if all are known to be.
    """
    p = _with_floor(probabilities)
    if not len(p):
        return Assigned(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, bool))
    told = np.zeros(len(p), np.int64) if known is None else np.asarray(known, np.int64)
    none = np.full(len(p), 0.0) if surplus is None else np.where(told > 0, 0.0, np.clip(surplus, 0, 0.999))
    # A place of its own for everything that may be no chromosome.
    aside = np.full((len(p), len(p)), _NEVER)
    np.fill_diagonal(aside, np.where(none > 0, LEFT_OUT - np.log(np.maximum(none, 1e-300)), _NEVER))
    _, chosen = _cheapest(p, told, none, aside, standing)
    counts = np.bincount(chosen, minlength=25)[1:]
    expected = _expected(males=bool(counts[Y - 1]))
    confidence = np.ones(len(p))
    for i in np.flatnonzero(told == 0):
        # The odds of every class for this one, and of none, all others staying where they are.
        others = counts.copy()
        if chosen[i]:
            others[chosen[i] - 1] -= 1
        logits = np.log(p[i]) + np.log1p(-none[i]) - _cost(np.arange(1, 25), others, expected)
        logits = np.concatenate(([-aside[i, i]], logits))
        weights = np.exp(logits - logits.max())
        confidence[i] = weights[chosen[i]] / weights.sum()
    return Assigned(chosen, confidence, (chosen - 1 != p.argmax(axis=1)) & (told == 0))


def cost_of_cell(probabilities: npt.NDArray[np.floating]) -> float:
    """What the likeliest classes of a cell ``(n, 24)`` cost together, in nats; every one has a place.

    Of two ways to cut a cell into chromosomes the one that costs less is the likelier: its chromosomes are read more
    clearly, or make a more usual cell.
    """
    p = _with_floor(probabilities)
    nothing = np.zeros(len(p))
    return _cheapest(p, nothing.astype(np.int64), nothing, np.full((len(p), 0), _NEVER), None)[0]


def _with_floor(probabilities: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    # The floor keeps one sure mistake from outvoting the whole cell.
    return (np.asarray(probabilities, np.float64) + FLOOR) / (1 + 24 * FLOOR)


def _cheapest(
    p: npt.NDArray[np.float64],
    told: npt.NDArray[np.int64],
    none: npt.NDArray[np.float64],
    aside: npt.NDArray[np.float64],
    standing: npt.NDArray[np.integer] | None,
) -> tuple[float, npt.NDArray[np.int64]]:
    """Cost and classes ``(n,)`` of the best assignment to a female's or a male's cell; names as in `assign_cell`."""
    best: tuple[float, npt.NDArray[np.int64]] | None = None
    for males in (False, True):
        # Room for everything, were it of one class or a slide with several cells on it.
        numbers, extra = _places(males, max(6, -(-len(p) // 24) + 2, int(np.bincount(told, minlength=2)[1:].max())))
        cost = -np.log(p[:, numbers - 1]) - np.log1p(-none)[:, None] + extra
        if standing is not None:
            cost -= STANDING * (np.asarray(standing)[:, None] == numbers)
        cost[(told > 0)[:, None] & (told[:, None] != numbers)] = _NEVER
        cost = np.concatenate((cost, aside), axis=1)
        numbers = np.concatenate((numbers, np.zeros(aside.shape[1], np.int64)))
        rows, columns = linear_sum_assignment(cost)
        total = float(cost[rows, columns].sum())
        if best is None or total < best[0]:
            best = total, numbers[columns]
    assert best is not None  # both sexes were tried
    return best


def known_class(chromosome: Chromosome) -> int:
    """The class that a person chose or accepted, 1..24, or 0."""
    person = chromosome.decided_by is DecidedBy.PERSON or chromosome.state is State.ACCEPTED
    return chromosome.number if person else 0


def agreed(chromosomes: Iterable[Chromosome]) -> tuple[Chromosome, ...]:
    """The chromosomes of a whole cell with their classes decided together once more.

    Those that a person chose or accepted stay, others keep their class unless another one is clearly better. Nothing
    is read anew: it goes by the probabilities that the chromosomes were read with; one without them keeps what it has,
    and its place, as does one that was put into the tray. Slots stay as they are.
    """
    everything = list(chromosomes)
    counted = [c for c in everything if c.in_karyogram and (c.number or c.probabilities is not None)]
    free = [
        c.probabilities is not None
        and c.decided_by is not DecidedBy.PERSON
        and not known_class(c)
        and not (c.number and c.slot is None)
        for c in counted
    ]
    known = np.array([0 if f else c.number for f, c in zip(free, counted, strict=True)], np.int64)
    cell = [(c, k) for c, f, k in zip(counted, free, known, strict=True) if f or k]
    even = (1 / 24,) * 24
    answer = assign_cell(
        np.array([c.probabilities or even for c, _ in cell]).reshape(-1, 24),
        np.array([k for _, k in cell], np.int64),
        np.array([c.number for c, _ in cell], np.int64),
    )
    decided = {
        c.id: replace(
            c,
            number=int(number),
            class_confidence=float(sure),
            decided_by=DecidedBy.CELL if moved else DecidedBy.NETWORK,
        )
        for (c, told), number, sure, moved in zip(cell, *answer, strict=True)
        if not told
    }
    return tuple(decided.get(c.id, c) for c in everything)
