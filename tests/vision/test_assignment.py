"""The chromosomes of a cell decided together: right copies are found, misreadings are not multiplied."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chromview.core.karyotype import formula
from chromview.vision.assignment import assign_cell

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
