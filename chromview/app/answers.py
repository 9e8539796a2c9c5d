"""Answers of the models, taken into the document without touching what a person decided."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from chromview.app import slots, step_names
from chromview.app.edits import POLARITY_BY_PERSON, Edits
from chromview.app.slides import fields_of
from chromview.core.axis_edit import carried_over
from chromview.core.chromosome import Analysis, BoolArray, Box, Chromosome, DecidedBy, FloatArray, Slot, State
from chromview.core.doubts import doubts_of

if TYPE_CHECKING:
    from chromview.app.slide_list import SlideList

# One counter for all documents: an answer asked for in a case that was closed fits no other one.
_generations = itertools.count(1)

_COVERED = 0.5
"""Share of pixels from which on two masks mean the same chromosome."""


class Answers(Edits):
    """Takes what the worker found, if it is still wanted."""

    if TYPE_CHECKING:
        _slides: SlideList

        def can_follow(self, slide_id: int) -> bool: ...

    def request(self, slide_id: int) -> int:
        """Number for a new analysis of a slide; an answer with an older number will be dropped."""
        generation = next(_generations)
        self._slides[slide_id].generation = generation
        return generation

    def withdraw(self, slide_id: int) -> None:
        """Want no answer any more for this slide."""
        slide = self._slides.get(slide_id)
        if slide is not None:
            slide.generation = 0

    def awaited(self, slide_id: int, generation: int) -> bool:
        """Whether an answer with this number is still wanted."""
        slide = self._slides.get(slide_id)
        return slide is not None and generation != 0 and slide.generation == generation

    def set_analysis(self, slide_id: int, analysis: Analysis, generation: int) -> bool:
        """Take the proposals of an analysis; returns False if it came too late.

        Proposals of an earlier analysis give way. What a person accepted, edited or rejected stays
        exactly as it is, and a proposal that means the same chromosome is left out.

        Raises
        ------
        UserError
            If it cannot be written; the document is then as before.
        """
        if not self.awaited(slide_id, generation):
            return False
        with self.transaction(slide_id, step_names.ANALYSIS) as edit:
            kept = [c for c in edit.chromosomes.values() if c.state is not State.PROPOSED]
            for chromosome in list(edit.chromosomes.values()):
                if chromosome.state is State.PROPOSED:
                    edit.remove(chromosome.id)
            fresh = [c for c in analysis.chromosomes if c.area and not any(_means_same(k, c) for k in kept)]
            decided = {c.slot.number for c in kept if c.slot is not None}
            taken: set[Slot] = set()
            for chromosome in sorted(fresh, key=lambda c: c.slot or Slot(99, 0)):
                slot = chromosome.slot
                # Where a person decided on some of a class, the others take the places that are left.
                if slot is not None and (slot.number in decided or slot in taken):
                    slot = slots.free(edit.chromosomes.values(), slot.number)
                edit.add(replace(chromosome, id=0, slot=slot))
                if slot is not None:
                    taken.add(slot)
            edit.set_fields(fields_of(analysis))
        self.withdraw(slide_id)
        return True

    def apply_reread(self, slide_id: int, asked: Iterable[Chromosome], read: Iterable[Chromosome]) -> bool:
        """Take what was read anew from masks that a person changed.

        It is undone together with the edit it follows from. A chromosome whose mask is another
        one by now keeps what it has; class and polarity that a person chose stay; a new class
        brings a place in the karyogram.

        Parameters
        ----------
        slide_id
            The slide.
        asked
            The chromosomes as they were when the reading was asked for.
        read
            The chromosomes as they were read; others than those asked for are left alone.

        Returns
        -------
        bool
            Whether anything of it was taken.

        Raises
        ------
        UserError
            If it cannot be written.
        """
        before = {c.id: c for c in asked}
        if not self.can_follow(slide_id):
            return False
        taken = False
        with self.transaction(slide_id, step_names.READING, follows=True) as edit:
            for result in read:
                now, old = edit.chromosomes.get(result.id), before.get(result.id)
                if now is None or old is None or not _same_mask(now, old):
                    continue
                new = _with_reading(now, result)
                taken = True
                if new.number != now.number and new.in_karyogram:
                    slots.leave(edit, now)
                    slot = slots.free(edit.chromosomes.values(), new.number) if new.number else None
                    new = replace(new, slot=slot)
                edit.replace(new)
        return taken

    def agree(self, slide_id: int) -> int:
        """Decide the classes of the cell together once more, after a person said something about one of them.

        Only classes that nobody decided on change, and they bring a place in the karyogram. It is undone together with
        the edit it follows from.

        Returns
        -------
        int
            How many chromosomes are of another class now.

        Raises
        ------
        UserError
            If it cannot be written.
        """
        from chromview.vision.assignment import agreed

        if not self.can_follow(slide_id):
            return 0
        moved = 0
        with self.transaction(slide_id, step_names.READING, follows=True) as edit:
            before = tuple(edit.chromosomes.values())
            after = agreed(before)
            moving = {new.id for old, new in zip(before, after, strict=True) if new.number != old.number}
            # First all leave, so that two that change places do not push a third one aside.
            for id in moving:
                slots.leave(edit, edit.chromosomes[id])
            for new in after:
                slot = edit.chromosomes[new.id].slot
                if new.id in moving:
                    slot = slots.free(edit.chromosomes.values(), new.number)
                    edit.replace(replace(new, slot=slot))
            moved = len(moving)
            placed = tuple(replace(c, slot=edit.chromosomes[c.id].slot) for c in after)
            for old, new in zip(before, placed, strict=True):
                doubts = doubts_of(new, placed)
                # A class that is as doubtful as before needs no entry in the journal for being a little surer.
                if new.id in moving or doubts != doubts_of(old, before):
                    edit.replace(replace(new, doubts=doubts))
        return moved


def _same_mask(first: Chromosome, second: Chromosome) -> bool:
    return first.mask is second.mask or (first.box == second.box and np.array_equal(first.mask, second.mask))


def _with_reading(now: Chromosome, read: Chromosome) -> Chromosome:
    """`now` with what follows from its mask, without what a person decided: axis, centromere, class, polarity."""
    axis = now.axis if now.axis_placed else read.axis
    new = replace(
        now,
        axis=axis,
        centromere=_carried(read.centromere, read.axis, axis),
        centromere_confidence=read.centromere_confidence,
        probabilities=read.probabilities,
        # What was read along an axis that runs the other way was said of the other end.
        p_up=read.p_up != _against(read.axis, axis),
        polarity_confidence=read.polarity_confidence,
    )
    if now.centromere_placed:
        centromere = _carried(now.centromere, now.axis, axis)
        new = replace(new, centromere=centromere, centromere_confidence=now.centromere_confidence)
    if now.polarity_confidence == POLARITY_BY_PERSON:
        # The p arm stays where the person has it, also if the new axis runs the other way.
        new = replace(new, p_up=now.p_up != _against(now.axis, axis), polarity_confidence=POLARITY_BY_PERSON)
    if now.decided_by is not DecidedBy.PERSON:
        new = replace(new, number=read.number, class_confidence=read.class_confidence, decided_by=read.decided_by)
    return new


def _against(first: FloatArray | None, second: FloatArray | None) -> bool:
    """Whether two axes of one chromosome run in opposite directions."""
    if first is None or second is None:
        return False
    return float(np.dot(first[-1] - first[0], second[-1] - second[0])) < 0


def _carried(share: float | None, old: FloatArray | None, new: FloatArray | None) -> float | None:
    """A place on one axis as a place on another one beside it."""
    if share is None or old is None or new is None or min(len(old), len(new)) < 2 or np.array_equal(old, new):
        return share
    return carried_over(share, old, new)


def _means_same(kept: Chromosome, proposal: Chromosome) -> bool:
    """Whether a proposal means a chromosome that a person decided on.

    Crossing chromosomes share less than half of the smaller one. A rejected region only speaks
    against the same region: what is found anew inside a wrong large one is welcome.
    """
    part = kept.box.intersection(proposal.box)
    if part is None:
        return False
    shared = int(np.count_nonzero(_inside(kept, part) & _inside(proposal, part)))
    if kept.state is State.REJECTED:
        return shared >= _COVERED * (kept.area + proposal.area - shared)
    return shared >= _COVERED * min(kept.area, proposal.area)


def _inside(chromosome: Chromosome, part: Box) -> BoolArray:
    top, left = part.top - chromosome.box.top, part.left - chromosome.box.left
    return chromosome.mask[top : top + part.height, left : left + part.width]
