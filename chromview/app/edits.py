"""What all edits share: the document they are made in, and how they speak of chromosomes.

Whatever a person does to a chromosome makes its state EDITED (or ACCEPTED, REJECTED): from then
on no model changes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import TYPE_CHECKING

from chromview.app import step_names
from chromview.core.chromosome import Chromosome, Kind, State

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from chromview.app.slides import SlideInfo
    from chromview.app.transaction import Edit


POLARITY_BY_PERSON = 1.0
"""Confidence of a polarity that a person chose; a model is never that sure."""
CENTROMERE_BY_PERSON = 1.0
"""Confidence of a centromere that a person placed (`Chromosome.centromere_placed`)."""


class Edits:
    """Base of the groups of edits that make up a `Document`, which adds where things are kept."""

    if TYPE_CHECKING:

        def slide(self, slide_id: int) -> SlideInfo: ...
        def chromosomes(self, slide_id: int) -> Mapping[int, Chromosome]: ...
        def transaction(self, slide_id: int, title: str, *, follows: bool = False) -> AbstractContextManager[Edit]: ...


def spoken(chromosome: Chromosome) -> str:
    """The chromosome in the name of a step: "chromosome 7", "a nucleus"; `texts.shown` translates it."""
    if chromosome.kind is Kind.NUCLEUS:
        return step_names.NUCLEUS
    if chromosome.kind is Kind.DEBRIS:
        return step_names.DEBRIS
    return step_names.CHROMOSOME.format(name=chromosome.class_name) if chromosome.number else step_names.SOME_CHROMOSOME


def spoken_all(chromosomes: Iterable[Chromosome]) -> str:
    everything = list(chromosomes)
    if len(everything) > 3 or (len(everything) > 1 and not all(c.number for c in everything)):
        return step_names.CHROMOSOMES.format(count=len(everything))
    return spoken_list(everything)


def spoken_list(chromosomes: Iterable[Chromosome]) -> str:
    """Each of the chromosomes, with "and" between them."""
    words = [spoken(c) for c in chromosomes] or [step_names.NOTHING]
    return reduce(lambda rest, first: step_names.AND.format(first=first, rest=rest), reversed(words))


def touched(chromosome: Chromosome) -> State:
    """The state after a person changed something: edited, but what is rejected stays rejected."""
    return State.REJECTED if chromosome.state is State.REJECTED else State.EDITED
