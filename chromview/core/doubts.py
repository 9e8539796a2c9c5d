"""Which proposals a person should look at first, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from chromview.core.chromosome import CLASS_NAMES, Chromosome, DecidedBy, Kind, State
from chromview.core.karyotype import expected_copies
from chromview.texts import stored

UNSURE_MASK = 0.6
UNSURE_CLASS = 0.8
UNSURE_POLARITY = 0.85

OVERLAP = stored("overlap")
CLASS = stored("class")
POLARITY = stored("polarity")
NO_CHROMOSOME = stored("no chromosome of this cell")
MOVED = stored("moved from {name}")
ONE_MORE = stored("{place}th {name}")
_ORDINALS = {
    3: stored("third {name}"),
    4: stored("fourth {name}"),
    5: stored("fifth {name}"),
    6: stored("sixth {name}"),
}


def was_left_out(chromosome: Chromosome) -> bool:
    """Whether the cell as a whole took something for no chromosome of it, and no person put it back."""
    return chromosome.kind is Kind.DEBRIS and chromosome.decided_by is DecidedBy.CELL


def awaits_judgement(chromosome: Chromosome) -> bool:
    """Whether a person has to say something of it before its slide is reviewed.

    So it is with proposals that count, and with what the cell as a whole left out: a marker chromosome may be among it.
    """
    return chromosome.state is State.PROPOSED and (chromosome.in_karyogram or was_left_out(chromosome))


def left_out_unseen(chromosomes: Iterable[Chromosome]) -> int:
    """How many the cell as a whole left out and no person looked at."""
    return sum(was_left_out(c) and awaits_judgement(c) for c in chromosomes)


def doubts_of(chromosome: Chromosome, cell: Sequence[Chromosome]) -> tuple[str, ...]:
    """Reasons to look at a chromosome, in words; empty if there are none.

    They are kept in English; `texts.shown` translates them.

    Parameters
    ----------
    chromosome
        One of `cell`.
    cell
        All instances of the slide.
    """
    if was_left_out(chromosome) and chromosome.state is State.PROPOSED:
        return (NO_CHROMOSOME,)
    if not chromosome.in_karyogram or chromosome.state in (State.ACCEPTED, State.EDITED):
        return ()
    reasons = []
    counts = Counter(c.number for c in cell if c.in_karyogram and c.number)
    expected = expected_copies(counts).get(chromosome.number, 2)
    if chromosome.slot is not None and chromosome.slot.position >= expected:
        place = chromosome.slot.position + 1
        reasons.append(_ORDINALS.get(place, ONE_MORE).format(place=place, name=chromosome.class_name))
    if chromosome.confidence < UNSURE_MASK:
        reasons.append(OVERLAP)
    if chromosome.class_confidence < UNSURE_CLASS:
        reasons.append(CLASS)
    elif chromosome.decided_by is DecidedBy.CELL and chromosome.probabilities is not None:
        first = max(range(24), key=lambda k: chromosome.probabilities[k] if chromosome.probabilities else 0.0)
        reasons.append(MOVED.format(name=CLASS_NAMES[first]))
    if chromosome.polarity_confidence < UNSURE_POLARITY:
        reasons.append(POLARITY)
    return tuple(reasons)
