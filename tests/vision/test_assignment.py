"""The chromosomes of a cell decided together: right copies are found, misreadings are not multiplied."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chromview.core.chromosome import Box, Chromosome, DecidedBy, State
from chromview.core.karyotype import assign_slots, formula
from chromview.vision.assignment import agreed, assign_cell
from chromview.vision.sureness import surplus

X, Y = 23, 24
FEMALE = [n for n in range(1, 24) for _ in range(2)]
MALE = [n for n in range(1, 23) for _ in range(2)] + [X, Y]


def read_as(numbers: list[int], sure: float = 0.97) -> np.ndarray:
    """Probabilities of a network that says `numbers`, and spreads the rest evenly."""
    p = np.full((len(numbers), 24), (1 - sure) / 23)
    p[np.arange(len(numbers)), np.array(numbers) - 1] = sure
    return p


def torn(row: np.ndarray, first: int, second: int, share: float) -> None:
    """Make a row say `first` with probability `share`, and `second` with nearly all the rest."""
    row[:] = 0.02 / 22
    row[first - 1], row[second - 1] = share, 0.98 - share


@pytest.mark.parametrize(
    ("numbers", "karyotype"),
    [
        (FEMALE, "46,XX"),
        (MALE, "46,XY"),
        ([*FEMALE, 21], "47,XX,+21"),
        ([*MALE, 18], "47,XY,+18"),
        (FEMALE[:-1], "45,X"),
        ([*MALE, X], "47,XXY"),
        ([*MALE, Y], "47,XYY"),
        ([*FEMALE, X], "47,XXX"),
        ([n for n in MALE if n != 7] + [7], "45,XY,-7"),
    ],
)
def test_a_karyotype_that_is_read_clearly_stands(numbers: list[int], karyotype: str) -> None:
    answer = assign_cell(read_as(numbers))
    assert answer.numbers.tolist() == numbers
    assert formula(answer.numbers.tolist()) == karyotype
    assert not answer.moved.any()
    assert (answer.confidence > 0.8).all()


def test_four_copies_are_found_and_doubted() -> None:
    answer = assign_cell(read_as([*FEMALE, 8, 8]))
    assert formula(answer.numbers.tolist()) == "48,XX,+8,+8"
    eights = answer.numbers == 8
    assert 0.4 < answer.confidence[eights].min() < 0.9 < answer.confidence[~eights].min()


def test_a_misread_chromosome_makes_no_trisomy() -> None:
    p = read_as(FEMALE)
    # One of the two 14 looks a little more like 15.
    torn(p[FEMALE.index(14)], 15, 14, 0.6)
    answer = assign_cell(p)
    assert answer.numbers.tolist() == FEMALE
    assert np.flatnonzero(answer.moved).tolist() == [FEMALE.index(14)]


def test_two_that_were_swapped_in_doubt_find_their_places() -> None:
    p = read_as(MALE)
    y, g = MALE.index(Y), MALE.index(22)
    torn(p[y], 22, Y, 0.55)
    torn(p[g], 22, Y, 0.7)
    answer = assign_cell(p)
    assert answer.numbers[y] == Y
    assert answer.numbers[g] == 22
    assert answer.moved[y]
    assert not answer.moved[g]


def test_a_sure_third_copy_is_not_talked_away() -> None:
    # 45 others and a third 21 in place of one 9, which is missing: both are said.
    numbers = [*(n for n in FEMALE if n != 9), 9, 21]
    answer = assign_cell(read_as(numbers, 0.999))
    assert formula(answer.numbers.tolist()) == "46,XX,-9,+21"


def test_who_was_moved_is_less_sure_than_who_was_read_clearly() -> None:
    p = read_as(FEMALE)
    torn(p[26], 15, 14, 0.6)
    confidence = assign_cell(p).confidence
    assert confidence[26] < min(np.delete(confidence, 26))
    assert confidence[26] > 0.5


def test_what_is_hardly_a_chromosome_has_no_place() -> None:
    p = read_as([*FEMALE, 19], 0.97)
    p[-1] = 1 / 24
    surplus = np.full(47, 0.01)
    surplus[-1] = 0.6
    answer = assign_cell(p, surplus=surplus)
    assert answer.numbers.tolist() == [*FEMALE, 0]
    assert answer.moved[-1] and answer.confidence[-1] > 0.5
    assert 0 not in assign_cell(p).numbers
    # Whoever knows its class knows that it is a chromosome.
    known = np.zeros(47, np.int64)
    known[-1] = 5
    assert assign_cell(p, known, surplus=np.ones(47)).numbers[-1] == 5


@pytest.mark.parametrize("number", [13, 18, 21, X, Y, 8])
def test_a_third_copy_that_is_read_clearly_is_not_left_out(number: int) -> None:
    numbers = [*(MALE if number == Y else FEMALE), number]
    assert assign_cell(read_as(numbers), surplus=np.full(47, 0.01)).numbers.tolist() == numbers


def test_of_two_halves_one_takes_the_place_and_the_other_is_left_out() -> None:
    p = read_as([*FEMALE, 2])
    halves = (2, 46)
    for half, share in zip(halves, (0.6, 0.4), strict=True):
        torn(p[half], 2, 7, share)
    surplus = np.full(47, 0.005)
    surplus[list(halves)] = 0.2
    answer = assign_cell(p, surplus=surplus)
    assert sorted(answer.numbers[list(halves)].tolist()) == [0, 2]
    assert formula(n for n in answer.numbers if n) == "46,XX"


def test_few_chromosomes_keep_what_the_network_said() -> None:
    p = read_as([1, 21, 21, X, Y], 0.6)
    assert assign_cell(p).numbers.tolist() == [1, 21, 21, X, Y]


def test_one_and_none() -> None:
    assert assign_cell(read_as([13])).numbers.tolist() == [13]
    nothing = assign_cell(np.zeros((0, 24)))
    assert nothing.numbers.shape == nothing.confidence.shape == nothing.moved.shape == (0,)


def test_impossible_probabilities_do_no_harm() -> None:
    """Rows of zeros and ones, as float16 rounding makes them."""
    answer = assign_cell(np.eye(24)[np.array(FEMALE) - 1])
    assert answer.numbers.tolist() == FEMALE
    assert np.isfinite(answer.confidence).all()


def test_several_cells_on_one_slide_all_get_a_place() -> None:
    answer = assign_cell(read_as(FEMALE * 3, 0.99))
    assert len(answer.numbers) == 3 * 46
    assert (answer.numbers == np.array(FEMALE * 3)).mean() > 0.95


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 70), st.integers(0, 2**32 - 1))
def test_any_probabilities_give_classes_and_do_not_depend_on_order(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(24, 0.2), count)
    answer = assign_cell(p)
    assert ((answer.numbers >= 1) & (answer.numbers <= 24)).all()
    assert ((answer.confidence > 0) & (answer.confidence <= 1)).all()
    assert (answer.moved == (answer.numbers - 1 != p.argmax(axis=1))).all()
    order = rng.permutation(count)
    assert assign_cell(p[order]).numbers.tolist() == answer.numbers[order].tolist()


def as_cell(numbers: list[int], sure: float = 0.97) -> list[Chromosome]:
    """Chromosomes that were read as `numbers`, in their places."""
    mask = np.ones((2, 2), bool)
    rows = read_as(numbers, sure)
    made = [
        Chromosome(n, Box(0, 0, 2, 2), mask, number=number, probabilities=tuple(row))
        for n, (number, row) in enumerate(zip(numbers, rows.tolist(), strict=True), start=1)
    ]
    return list(assign_slots(made))


def test_what_somebody_knows_stays_and_the_others_follow() -> None:
    # A 9 and a 10 that hardly differ: either way round is nearly as likely.
    rows = read_as(MALE)
    nine, ten = MALE.index(9), MALE.index(10)
    for row, other in ((nine, 10), (ten, 10)):
        torn(rows[row], 9, other, 0.5 if row == nine else 0.46)
    assert assign_cell(rows).numbers[[nine, ten]].tolist() == [9, 10]
    known = np.zeros(len(MALE), int)
    known[ten] = 9
    answer = assign_cell(rows, known)
    assert answer.numbers[[nine, ten]].tolist() == [10, 9]
    assert answer.confidence[ten] == 1 and not answer.moved[ten]
    # However unlikely, and however many.
    known[:8] = 24
    assert (assign_cell(rows, known).numbers[:8] == 24).all()


def test_a_cell_agrees_with_what_a_person_said() -> None:
    cell = as_cell(FEMALE)
    nine, ten = (next(n for n, c in enumerate(cell) if c.number == k) for k in (9, 10))
    for n, share in ((nine, 0.5), (ten, 0.46)):
        torn_apart = read_as([1])[0]
        torn(torn_apart, 9, 10, share)
        cell[n] = replace(cell[n], probabilities=tuple(torn_apart.tolist()))
    assert [c.number for c in agreed(cell)] == FEMALE
    cell[ten] = replace(cell[ten], number=9, decided_by=DecidedBy.PERSON)
    after = agreed(cell)
    assert [after[nine].number, after[ten]] == [10, cell[ten]]
    others = [n for n in range(len(cell)) if n not in (nine, ten)]
    assert [after[n].number for n in others] == [FEMALE[n] for n in others]
    # Accepted is as good as said; what lies in the tray, or was not read yet, waits where it is.
    for change in ({"state": State.ACCEPTED}, {"slot": None}, {"probabilities": None}):
        cell[nine] = replace(as_cell(FEMALE)[nine], **change)
        assert agreed(cell)[nine] is cell[nine]


def test_typing_one_class_does_not_push_others_around() -> None:
    """A 2 is said to be a 14: one too many of those, one too few of these, and a chain of doubts that would even it."""
    cell = as_cell(FEMALE)
    at = {n: next(k for k, c in enumerate(cell) if c.number == n) for n in (2, 6, 14)}
    for n, other in ((6, 2), (14, 6)):
        row = read_as([n])[0]
        torn(row, n, other, 0.88)
        cell[at[n]] = replace(cell[at[n]], probabilities=tuple(row.tolist()))
    said = replace(cell[at[2]], number=14, decided_by=DecidedBy.PERSON)
    cell[at[2]] = said
    # Decided from nothing, the cell would follow the chain.
    known = np.array([14 if c is said else 0 for c in cell])
    anew = assign_cell(np.array([c.probabilities for c in cell]), known).numbers
    assert [anew[at[6]], anew[at[14]]] == [2, 6]
    after = agreed(cell)
    assert [after[at[6]].number, after[at[14]].number] == [6, 14]


def test_what_is_larger_than_most_is_never_taken_for_nothing() -> None:
    torn_up, areas, sure = np.full((5, 24), 1 / 24), np.array([40.0, 100, 100, 100, 300]), np.full(5, 0.3)
    for fluorescent in (False, True):
        told = surplus(torn_up, sure, areas, fluorescent=fluorescent)
        assert told[4] == 0 and told[0] > 0.3
        clear = surplus(read_as([1, 2, 3, 4, 5]), np.full(5, 0.95), areas, fluorescent=fluorescent)
        assert (clear < 0.1).all()
