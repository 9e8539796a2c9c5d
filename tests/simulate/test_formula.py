from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chromview.core.chromosome import CLASS_NAMES
from chromview.errors import UserError
from chromview.simulate.formula import chromosome_numbers


@pytest.mark.parametrize(
    ("karyotype", "differs"),
    [
        ("46,XX", {}),
        ("46,XY", {23: 1, 24: 1}),
        ("45,X", {23: 1}),
        ("47,XXY", {23: 2, 24: 1}),
        ("47,XX,+21", {21: 3}),
        ("45,XX,-7", {7: 1}),
        ("48,XX,+8, +21", {8: 3, 21: 3}),
        ("47,XX,+X", {23: 3}),
    ],
)
def test_copies_of_each_class(karyotype: str, differs: dict[int, int]) -> None:
    expected = Counter(dict.fromkeys(range(1, 24), 2)) | Counter()
    expected.update({number: count - expected[number] for number, count in differs.items()})
    assert Counter(chromosome_numbers(karyotype)) == +expected


def test_triploid() -> None:
    assert set(Counter(chromosome_numbers("69,XXX")).values()) == {3}


@pytest.mark.parametrize(
    "karyotype",
    [
        "",
        "46",
        "XX",
        "46,AB",
        "47,XX",
        "46,XX,+25",
        "45,XX,del(5)",
        "46,XX,-21",
        "45,X,-Y",
        "-1,XX",
        "46;XX",
        "46,XX,+0",
    ],
)
def test_what_cannot_be_read_is_quoted_with_an_example(karyotype: str) -> None:
    with pytest.raises(UserError, match=r"47,XY,\+21"):
        chromosome_numbers(karyotype)


@given(st.lists(st.integers(0, 23), max_size=4, unique=True))
def test_gains_are_added(gains: list[int]) -> None:
    karyotype = ",".join([str(46 + len(gains)), "XY", *(f"+{CLASS_NAMES[index]}" for index in gains)])
    numbers = chromosome_numbers(karyotype)
    assert len(numbers) == 46 + len(gains)
    assert list(numbers) == sorted(numbers)
    assert Counter(numbers) - Counter(chromosome_numbers("46,XY")) == Counter(index + 1 for index in gains)
