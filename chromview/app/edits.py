"""What all edits share: the document they are made in, and how they speak of chromosomes.

Whatever a person does to a chromosome makes its state EDITED (or ACCEPTED, REJECTED): from then
on no model changes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from chromview.core.chromosome import Chromosome, Kind, State

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from chromview.app.transaction import Edit


POLARITY_BY_PERSON = 1.0
"""Confidence of a polarity that a person chose; a model is never that sure."""
CENTROMERE_BY_PERSON = 1.0
"""Confidence of a centromere that a person placed (`Chromosome.centromere_placed`)."""


class Edits:
    """Base of the groups of edits that make up a `Document`, which adds where things are kept."""

    if TYPE_CHECKING:

        def chromosomes(self, slide_id: int) -> Mapping[int, Chromosome]: ...
        def transaction(self, slide_id: int, title: str, *, follows: bool = False) -> AbstractContextManager[Edit]: ...


def spoken(chromosome: Chromosome) -> str:
    """The chromosome in a sentence: "chromosome 7", "a nucleus"."""
    if chromosome.kind is Kind.NUCLEUS:
        return "a nucleus"
    if chromosome.kind is Kind.DEBRIS:
        return "debris"
    return f"chromosome {chromosome.class_name}" if chromosome.number else "a chromosome"


def spoken_all(chromosomes: Iterable[Chromosome]) -> str:
    everything = list(chromosomes)
    if len(everything) > 3 or (len(everything) > 1 and not all(c.number for c in everything)):
        return f"{len(everything)} chromosomes"
    return " and ".join(spoken(c) for c in everything) or "nothing"


def touched(chromosome: Chromosome) -> State:
    """The state after a person changed something: edited, but what is rejected stays rejected."""
    return State.REJECTED if chromosome.state is State.REJECTED else State.EDITED
