"""Counts over the cells of a case, the consensus and the clones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chromview.core.cells import Cell, cell_of, find_clones, find_consensus, formula_of
from chromview.core.chromosome import CLASS_NAMES, Box, Chromosome, Kind, State

FEMALE = (2,) * 23 + (0,)
MALE = (2,) * 22 + (1, 1)


def changed(counts: tuple[int, ...], **changes: int) -> tuple[int, ...]:
    """Counts with other numbers, for example ``c21=3``."""
    result = list(counts)
    for name, count in changes.items():
        result[CLASS_NAMES.index(name[1:])] = count
    return tuple(result)


def cells(*groups: tuple[int, tuple[int, ...]]) -> list[Cell]:
    return [Cell(f"slide{n}", counts, slide=n) for n, counts in enumerate(c for k, c in groups for _ in range(k))]


def chromosome(id: int, number: int, **fields: object) -> Chromosome:
    return Chromosome(id, Box(0, 0, 4, 2), np.ones((4, 2), bool), number=number, **fields)  # type: ignore[arg-type]


def test_a_cell_counts_what_counts() -> None:
    slide = [
        chromosome(1, 1),
        chromosome(2, 1, state=State.ACCEPTED),
        chromosome(3, 24),
        chromosome(4, 5, state=State.REJECTED),
        chromosome(5, 6, kind=Kind.NUCLEUS),
        chromosome(6, 0),
    ]
    cell = cell_of("a.png", slide, 7)
    assert (cell.counts[0], cell.counts[23], sum(cell.counts)) == (2, 1, 3)
    assert (cell.total, cell.without_class, cell.accepted, cell.slide) == (4, 1, False, 7)
    assert cell_of("a.png", [replace(c, state=State.ACCEPTED) for c in slide]).accepted
    assert not cell_of("a.png", []).accepted


@pytest.mark.parametrize(
    ("groups", "formula", "agreeing", "changes"),
    [
        ([(3, FEMALE)], "46,XX", 3, ()),
        ([(3, MALE), (1, FEMALE)], "46,XY", 3, ()),
        ([(4, changed(MALE, c21=3)), (1, MALE)], "47,XY,+21", 4, (("+21", 4),)),
        # Every cell lost another chromosome, and still all of them together show the extra 21.
        (
            [(1, changed(FEMALE, c21=3, c3=1)), (1, changed(FEMALE, c21=3, c9=1)), (1, changed(FEMALE, c21=3, c5=1))],
            "47,XX,+21", 0, (("+21", 3),),
        ),
        ([(3, changed(FEMALE, cX=1)), (1, FEMALE)], "45,X", 3, (("X", 3),)),
        ([(2, changed(MALE, cX=2))], "47,XXY", 2, (("XXY", 2),)),
        # Undecided is normal.
        ([(1, changed(MALE, c18=3)), (1, MALE)], "46,XY", 1, ()),
        ([(2, changed(MALE, c8=4))], "48,XY,+8,+8", 2, (("+8", 2), ("+8", 2))),
        ([(2, (3,) * 23 + (0,))], "69,XXX", 2, ()),
    ],
)  # fmt: skip
def test_consensus(groups: list, formula: str, agreeing: int, changes: tuple) -> None:
    consensus = find_consensus(cells(*groups))
    assert consensus is not None
    assert (consensus.formula, consensus.agreeing) == (formula, agreeing)
    assert tuple(map(tuple, consensus.changes)) == changes
    assert consensus.cells == sum(count for count, _ in groups)


def test_nothing_has_no_consensus() -> None:
    assert find_consensus([]) is None
    assert find_clones([]).formula == ""


@pytest.mark.parametrize(
    ("groups", "formula", "others"),
    [
        ([(15, MALE)], "46,XY[15]", 0),
        # The normal clone stands last, however large it is.
        ([(12, MALE), (3, changed(MALE, c21=3))], "47,XY,+21[3]/46,XY[12]", 0),
        ([(2, changed(FEMALE, cX=1, c8=2)), (5, FEMALE)], "46,XX[5]", 2),
        ([(3, changed(FEMALE, cX=1)), (5, FEMALE)], "45,X[3]/46,XX[5]", 0),
        # One cell with a gain is no clone, two are; a loss needs three.
        ([(1, changed(MALE, c8=3)), (4, MALE)], "46,XY[4]", 1),
        ([(2, changed(MALE, c8=3)), (4, MALE)], "47,XY,+8[2]/46,XY[4]", 0),
        ([(2, changed(MALE, c7=1)), (4, MALE)], "46,XY[4]", 2),
        ([(3, changed(MALE, c7=1)), (4, MALE)], "45,XY,-7[3]/46,XY[4]", 0),
        ([(2, changed(MALE, c7=1, c8=3)), (1, MALE)], "46,XY[1]", 2),
        ([(2, changed(MALE, c8=3)), (6, changed(MALE, c21=3))], "47,XY,+21[6]/47,XY,+8[2]", 0),
        ([(1, changed(MALE, c21=3))], "", 1),
    ],
)
def test_clones(groups: list, formula: str, others: int) -> None:
    found = find_clones(cells(*groups))
    assert found.formula == formula
    assert len(found.others) == others


def test_a_cell_with_an_unknown_chromosome_is_in_no_clone() -> None:
    normal = Cell("a", MALE)
    found = find_clones([normal, Cell("b", MALE, without_class=1)])
    assert found.formula == "46,XY[1]"
    assert [cell.name for cell in found.others] == ["b"]


COUNTS = st.lists(st.integers(0, 4), min_size=24, max_size=24).map(tuple)


@given(st.lists(COUNTS, max_size=8))
def test_every_cell_is_in_one_place_and_the_consensus_is_seen(counts: list[tuple[int, ...]]) -> None:
    made = [Cell(str(n), c) for n, c in enumerate(counts)]
    found = find_clones(made)
    names = [cell.name for clone in found.clones for cell in clone.cells] + [cell.name for cell in found.others]
    assert sorted(names) == sorted(cell.name for cell in made)
    consensus = find_consensus(made)
    if consensus is None:
        assert not made
        return
    for index, (count, support) in enumerate(zip(consensus.counts, consensus.support, strict=True)):
        assert support == sum(cell.counts[index] == count for cell in made) > 0
        if index < 22:
            assert all(support >= sum(cell.counts[index] == other for cell in made) for other in range(5))
    assert consensus.formula == formula_of(consensus.counts)
    assert consensus.agreeing <= min(consensus.support)
