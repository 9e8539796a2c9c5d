from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chromview.core.chromosome import CLASS_NAMES, Box, Chromosome, Kind, Slot, State
from chromview.core.ideogram import load_ideograms
from chromview.core.karyotype import (
    ARMS,
    GROUPS,
    ROWS,
    X,
    Y,
    assign_slots,
    expected_copies,
    formula,
    free_position,
    group_of,
    ploidy,
)

PAIRS = [*range(1, 23)] * 2


def chromosome(id: int, number: int, left: int = 0, **fields: object) -> Chromosome:
    return Chromosome(id, Box(0, left, 2, left + 2), np.ones((2, 2), bool), number=number, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([*PAIRS, X, X], "46,XX"),
        ([*PAIRS, X, Y], "46,XY"),
        ([Y, X, *PAIRS, 21], "47,XY,+21"),
        ([*PAIRS, X], "45,X"),
        ([*PAIRS, X, X, Y], "47,XXY"),
        ([*PAIRS, X, Y, Y], "47,XYY"),
        ([*PAIRS, X, X, X], "47,XXX"),
        ([*PAIRS, X, X, 21, 8], "48,XX,+8,+21"),
        ([*PAIRS, X, X, 8, 8], "48,XX,+8,+8"),
        ([n for n in [*PAIRS, X, Y] if n != 7], "44,XY,-7,-7"),
        ([*PAIRS[1:], X, Y, 13], "46,XY,-1,+13"),
        ([*PAIRS], "44,?"),
        ([*PAIRS, X, X, 0, 0], "46,XX"),
        ([*range(1, 24)], "23,X"),
        ([*range(1, 23)] * 3 + [X, X, Y], "69,XXY"),
        ([*range(1, 23)] * 3 + [X, X, Y, 21], "70<3n>,XXY,+21"),
        ([*range(1, 23)] * 4 + [X] * 4, "92,XXXX"),
        ([], ""),
        ([0, 0], ""),
    ],
)
def test_formulas(numbers: list[int], expected: str) -> None:
    assert formula(numbers) == expected
    assert formula(reversed(numbers)) == expected


@pytest.mark.parametrize("number", [-1, 25])
def test_there_are_24_classes(number: int) -> None:
    with pytest.raises(ValueError, match="1 to 24"):
        formula([1, number])
    with pytest.raises(ValueError, match="no class"):
        group_of(number)


@settings(deadline=None)
@given(st.lists(st.integers(0, 24), max_size=120))
def test_a_formula_accounts_for_every_chromosome(numbers: list[int]) -> None:
    counted = [number for number in numbers if number]
    text = formula(numbers)
    if not counted:
        assert text == ""
        return
    total, sex, *changes = text.split(",")
    assert int(total.split("<")[0]) == len(counted)
    sets = ploidy(len(counted))
    assert ("" if sex == "?" else sex) == "X" * counted.count(X) + "Y" * counted.count(Y)
    for number in range(1, 23):
        name = CLASS_NAMES[number - 1]
        assert sets + changes.count(f"+{name}") - changes.count(f"-{name}") == counted.count(number)


def test_groups_and_rows_hold_every_class_once() -> None:
    assert sorted(n for numbers in GROUPS.values() for n in numbers) == list(range(1, 25))
    assert sorted(n for row in ROWS for block in row for n in block) == list(range(1, 25))
    assert group_of(X) == "C"
    assert group_of(Y) == "G"


def test_arms_are_those_of_the_ideogram() -> None:
    for ideogram, arms in zip(load_ideograms(550), ARMS, strict=True):
        assert arms.length == pytest.approx(ideogram.length)
        assert arms.centromere_index == pytest.approx(ideogram.centromere, abs=1e-6)


@pytest.mark.parametrize(
    ("counts", "x", "y", "autosome"),
    [
        ({}, 2, 0, 2),
        ({X: 2}, 2, 0, 2),
        ({X: 1, Y: 1}, 1, 1, 2),
        ({X: 1}, 2, 0, 2),
        ({X: 2, Y: 1}, 1, 1, 2),
        (dict.fromkeys(range(1, 23), 3) | {X: 2, Y: 1}, 2, 1, 3),
    ],
)
def test_what_a_cell_should_have(counts: dict[int, int], x: int, y: int, autosome: int) -> None:
    expected = expected_copies(counts)
    assert (expected[X], expected[Y], expected[5]) == (x, y, autosome)


def test_places_from_left_to_right_and_as_many_as_needed() -> None:
    cell = [chromosome(1, 21, 50), chromosome(2, 21, 10), chromosome(3, 21, 30), chromosome(4, X, 0), chromosome(5, 0)]
    placed = assign_slots(cell)
    assert [c.slot for c in placed] == [Slot(21, 2), Slot(21, 0), Slot(21, 1), Slot(X, 0), None]
    assert [c.id for c in placed] == [1, 2, 3, 4, 5]


def test_who_stands_somewhere_stays() -> None:
    cell = [
        chromosome(1, 3, 0, slot=Slot(3, 1)),
        chromosome(2, 3, 5),
        chromosome(3, 3, 9, slot=Slot(3, 1)),
        chromosome(4, 7, 9, slot=Slot(3, 0)),
    ]
    placed = assign_slots(cell)
    assert placed[0] is cell[0]
    assert [c.slot for c in placed] == [Slot(3, 1), Slot(3, 0), Slot(3, 2), Slot(7, 0)]
    assert free_position(placed, 3) == 3
    assert free_position(placed[1:3], 3) == 1


def test_what_does_not_count_has_no_place() -> None:
    cell = [
        chromosome(1, 5, state=State.REJECTED, slot=Slot(5, 0)),
        chromosome(2, 5, kind=Kind.DEBRIS),
        chromosome(3, 5),
    ]
    assert [c.slot for c in assign_slots(cell)] == [None, None, Slot(5, 0)]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 24), st.integers(0, 50), st.booleans()), max_size=50))
def test_no_two_share_a_place_and_a_second_time_changes_nothing(members: list[tuple[int, int, bool]]) -> None:
    cell = [
        chromosome(id, number, left, slot=Slot(number, id % 3) if number and held else None)
        for id, (number, left, held) in enumerate(members, 1)
    ]
    placed = assign_slots(cell)
    slots = [c.slot for c in placed if c.slot]
    assert len(slots) == len(set(slots)) == sum(bool(number) for number, _, _ in members)
    assert all(c.slot is None or c.slot.number == c.number for c in placed)
    again = assign_slots(placed)
    assert all(a is b for a, b in zip(placed, again, strict=True))
    moved = assign_slots([replace(c, slot=None) for c in placed])
    assert {c.id for c in moved if c.slot} == {c.id for c in placed if c.slot}


def test_marks_are_written_as_iscn_has_them() -> None:
    female = [n for n in range(1, 23) for _ in range(2)] + [23, 23]
    assert formula(female, derivatives=[9]) == "46,XX,der(9)"
    assert formula([*female, 9], derivatives=[9]) == "47,XX,+der(9)"
    assert formula([*female, 9, 9], derivatives=[9]) == "48,XX,+9,+der(9)"
    assert formula(female, markers=1) == "47,XX,+mar"
    assert formula(female, markers=2) == "48,XX,+2mar"
    assert formula(female, derivatives=[23]) == "46,X,der(X)"
    assert formula(female[2:], derivatives=[2]) == "44,XX,-1,-1,der(2)"
    assert formula([n for n in female if n != 9] + [9], derivatives=[9]) == "45,XX,-9,der(9)"
