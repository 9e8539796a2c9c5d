"""What a person should look at first: and what the cell as a whole left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from chromview.core.chromosome import Box, Chromosome, DecidedBy, Kind, State
from chromview.core.doubts import CLASS, NO_CHROMOSOME, OVERLAP, POLARITY, awaits_judgement, doubts_of, was_left_out


@pytest.fixture
def sure() -> Chromosome:
    return replace(
        Chromosome(1, Box(0, 0, 9, 4), np.ones((9, 4), bool), number=7),
        confidence=0.97,
        class_confidence=0.99,
        polarity_confidence=0.99,
    )


def test_what_is_sure_is_not_doubted(sure: Chromosome) -> None:
    assert doubts_of(sure, [sure]) == ()


@pytest.mark.parametrize(
    ("name", "reason"), [("confidence", OVERLAP), ("class_confidence", CLASS), ("polarity_confidence", POLARITY)]
)
def test_what_is_unsure_is_doubted(sure: Chromosome, name: str, reason: str) -> None:
    unsure = replace(sure, **{name: 0.5})
    assert doubts_of(unsure, [unsure]) == (reason,)
    decided = replace(unsure, state=State.ACCEPTED)
    assert doubts_of(decided, [decided]) == ()


def test_what_the_cell_left_out_says_so_until_a_person_says_something(sure: Chromosome) -> None:
    left_out = replace(sure, kind=Kind.DEBRIS, decided_by=DecidedBy.CELL)
    assert was_left_out(left_out) and doubts_of(left_out, [left_out]) == (NO_CHROMOSOME,)
    assert awaits_judgement(left_out) and awaits_judgement(sure) and not was_left_out(sure)
    for other, still in (
        (replace(left_out, state=State.REJECTED), True),
        (replace(left_out, state=State.ACCEPTED), True),
        (replace(left_out, decided_by=DecidedBy.NETWORK), False),
        (replace(left_out, kind=Kind.CHROMOSOME, state=State.EDITED), False),
    ):
        assert was_left_out(other) is still
        assert not awaits_judgement(other) and doubts_of(other, [other]) == ()
