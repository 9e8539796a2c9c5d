"""Places in the karyogram while chromosomes come, go and are dragged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from chromview.app.transaction import Edit
from chromview.core.chromosome import Chromosome, Slot
from chromview.core.karyotype import free_position


def free(chromosomes: Iterable[Chromosome], number: int) -> Slot:
    """The first free place of a class."""
    return Slot(number, free_position(chromosomes, number))


def leave(edit: Edit, chromosome: Chromosome) -> None:
    """Take a chromosome out of its place; those behind it in its class move up.

    Otherwise the first place would stay empty while a third one shows an extra copy.
    """
    # Where it lies by now: another one of its class may have left in the same step.
    left = edit.chromosomes[chromosome.id].slot
    if left is None:
        return
    for other in list(edit.chromosomes.values()):
        slot = other.slot
        if other.id == chromosome.id:
            edit.replace(replace(other, slot=None))
        elif slot is not None and slot.number == left.number and slot.position > left.position:
            edit.replace(replace(other, slot=Slot(slot.number, slot.position - 1)))


def leave_if(edit: Edit, chromosome: Chromosome, *, empty: bool) -> None:
    """`leave`, if the chromosome is about to vanish."""
    if empty:
        leave(edit, chromosome)


def move(edit: Edit, chromosome: Chromosome, slot: Slot) -> None:
    """Put a chromosome into a place; what lies there changes places with it, or makes room for it."""
    there = next((c for c in edit.chromosomes.values() if c.slot == slot and c.id != chromosome.id), None)
    old = edit.chromosomes[chromosome.id].slot
    if old is not None and old.number == slot.number:
        # Nobody moves up: the one behind would come into the place that is taken here.
        if there is not None:
            edit.replace(replace(there, slot=old))
    else:
        leave(edit, edit.chromosomes[chromosome.id])
        if there is not None:
            edit.replace(replace(there, slot=free(edit.chromosomes.values(), slot.number)))
    edit.replace(replace(chromosome, slot=slot))
