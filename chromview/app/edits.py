"""The edits a person makes, each one named command.

Whatever a person does to a chromosome makes its state EDITED (or ACCEPTED, REJECTED): from then
on no model changes it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from chromview.app import slots
from chromview.app.slides import fields_of
from chromview.app.transaction import Edit
from chromview.core.chromosome import (
    CLASS_NAMES,
    Analysis,
    BoolArray,
    Box,
    Chromosome,
    DecidedBy,
    Kind,
    Slot,
    Stain,
    State,
)
from chromview.errors import UserError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


_COVERED = 0.5


class Edits:
    """High-level edits; `Document` adds where they are kept."""

    if TYPE_CHECKING:

        def chromosomes(self, slide_id: int) -> Mapping[int, Chromosome]: ...
        def transaction(self, slide_id: int, title: str) -> AbstractContextManager[Edit]: ...
        def awaited(self, slide_id: int, generation: int) -> bool: ...
        def withdraw(self, slide_id: int) -> None: ...

    # -- masks

    def paint(self, slide_id: int, bits: Mapping[int, tuple[Box, BoolArray]], title: str) -> dict[int, int]:
        """Set the masks of chromosomes inside boxes, as the brush left them.

        Parameters
        ----------
        slide_id
            The slide.
        bits
            By chromosome id: a box, and the mask inside it after the stroke, bool of the box's
            shape. Outside the box the mask stays. Id 0 makes a new chromosome.
        title
            For example "Brush on chromosome 7".

        Returns
        -------
        dict
            Id given -> id it has; 0 -> the id of the new chromosome.

        Raises
        ------
        KeyError
            If an id other than 0 is not on the slide.
        UserError
            If it cannot be written.
        """
        ids: dict[int, int] = {}
        with self.transaction(slide_id, title) as edit:
            for id, (box, after) in bits.items():
                if id == 0:
                    if after.any():
                        made = Chromosome(0, box, np.ascontiguousarray(after).copy(), state=State.EDITED)
                        ids[0] = edit.add(made)
                    continue
                old = edit.chromosomes[id]
                whole = old.box.union(box)
                mask = np.zeros((whole.height, whole.width), bool)
                _put(mask, whole, old.box, old.mask)
                _put(mask, whole, box, after)
                new = old.with_mask(whole, mask)
                if new.box != old.box or not np.array_equal(new.mask, old.mask):
                    slots.leave_if(edit, old, empty=not new.area)
                    edit.replace(replace(new, state=State.EDITED))
                ids[id] = id
        return ids

    def new_chromosome(self, slide_id: int, box: Box, mask: BoolArray) -> int:
        """Add a chromosome that a person outlined; returns its id.

        Raises
        ------
        ValueError
            If the mask is empty.
        UserError
            If it cannot be written.
        """
        with self.transaction(slide_id, "New chromosome") as edit:
            return edit.add(Chromosome(0, box, np.ascontiguousarray(mask).copy(), state=State.EDITED))

    def cut(self, slide_id: int, id: int, polyline: npt.ArrayLike) -> tuple[int, ...]:
        """Cut a chromosome along a line ``(n, 2)`` of points (y, x) in slide pixels.

        The largest part keeps the id, its class and place; the others are new and lie in the tray.

        Returns
        -------
        tuple of int
            Ids of the parts, the largest first.

        Raises
        ------
        UserError
            If the line does not go through the chromosome, or the cut cannot be written.
        """
        from chromview.core import edit_masks

        old = self.chromosomes(slide_id)[id]
        try:
            parts = edit_masks.cut(old.box, old.mask, polyline)
        except ValueError:
            raise UserError(
                "the line does not cut the chromosome in two",
                advice="Begin outside of it, go right through, and end outside.",
            ) from None
        with self.transaction(slide_id, f"Cut of {spoken(old)}") as edit:
            edit.replace(_part_of(old, old.box, parts[0]))
            rest = [edit.add(_stranger(_part_of(old, old.box, part))) for part in parts[1:]]
        return (id, *rest)

    def join(self, slide_id: int, ids: Collection[int]) -> int:
        """Join chromosomes into one; returns the id of the largest, which it keeps with its class and place.

        Parts that lie on two sides of another chromosome are joined through it.

        Raises
        ------
        UserError
            If there are not at least two, or it cannot be written.
        """
        from chromview.core import edit_masks

        there = self.chromosomes(slide_id)
        parts = sorted((there[id] for id in set(ids)), key=lambda c: (-c.area, c.id))
        if len(parts) < 2:
            raise UserError("joining needs two chromosomes", advice="Select one, then the other with Ctrl.")
        box = parts[0].box
        for part in parts[1:]:
            box = box.union(part.box)
        others = [
            (c.box, c.mask)
            for c in there.values()
            if c.id not in set(ids) and c.in_karyogram and c.box.intersection(box) is not None
        ]
        placed = edit_masks.join([(part.box, part.mask) for part in parts], others)
        first = parts[0]
        with self.transaction(slide_id, f"Joining of {_spoken_all(parts)}") as edit:
            for part in parts[1:]:
                slots.leave(edit, part)
                edit.remove(part.id)
            whole = edit.chromosomes[first.id].with_mask(*placed)
            edit.replace(replace(whole, kind=Kind.CHROMOSOME, state=State.EDITED, doubts=(), **_UNREAD))
        return first.id

    def split_overlap(self, slide_id: int, ids: int | Collection[int]) -> tuple[int, int]:
        """Take an overlap apart.

        One id: a crossing that was seen as one chromosome becomes two, which both hold the
        overlap. Two ids: they only touch, so their shared pixels are divided between them.

        Returns
        -------
        tuple of int
            Ids of the two chromosomes.

        Raises
        ------
        UserError
            If there is no crossing or no shared pixel, or it cannot be written.
        """
        from chromview.core import edit_masks

        wanted = [ids] if isinstance(ids, int) else sorted(set(ids))
        there = self.chromosomes(slide_id)
        if len(wanted) == 1:
            old = there[wanted[0]]
            try:
                larger, smaller = edit_masks.split_crossing(old.mask)
            except ValueError:
                raise UserError(
                    "no crossing was found in this chromosome", advice="Cut it, or paint the second one with label 2."
                ) from None
            with self.transaction(slide_id, f"Splitting of {spoken(old)}") as edit:
                edit.replace(_part_of(old, old.box, larger))
                made = edit.add(_stranger(_part_of(old, old.box, smaller)))
            return wanted[0], made
        if len(wanted) != 2:
            raise UserError("splitting an overlap needs one or two chromosomes")
        a, b = there[wanted[0]], there[wanted[1]]
        try:
            mask_a, mask_b = edit_masks.divide_overlap((a.box, a.mask), (b.box, b.mask))
        except ValueError as error:
            raise UserError(f"there is nothing to split: {error}") from None
        with self.transaction(slide_id, f"Splitting of the overlap of {_spoken_all((a, b))}") as edit:
            edit.replace(replace(a.with_mask(a.box, mask_a), state=State.EDITED))
            edit.replace(replace(b.with_mask(b.box, mask_b), state=State.EDITED))
        return a.id, b.id

    # -- decisions

    def accept(self, slide_id: int, ids: Iterable[int]) -> None:
        """Stand behind proposals; what a person decided on before stays as it is.

        Raises
        ------
        UserError
            If it cannot be written.
        """
        proposed = [c for c in self._named(slide_id, ids) if c.state is State.PROPOSED]
        self._accept(slide_id, proposed, f"Acceptance of {_spoken_all(proposed)}")

    def accept_rest(self, slide_id: int) -> int:
        """Accept every proposal that counts, doubtful or not; returns how many.

        Raises
        ------
        UserError
            If it cannot be written.
        """
        everything = self.chromosomes(slide_id).values()
        proposed = [c for c in everything if c.state is State.PROPOSED and c.in_karyogram]
        self._accept(slide_id, proposed, "Acceptance of the rest")
        return len(proposed)

    def _accept(self, slide_id: int, proposed: Iterable[Chromosome], title: str) -> None:
        with self.transaction(slide_id, title) as edit:
            for chromosome in proposed:
                edit.replace(replace(chromosome, state=State.ACCEPTED))

    def reject(self, slide_id: int, ids: Iterable[int]) -> None:
        """Say that these are no chromosomes; they stay on the slide, greyed, and leave the karyogram.

        Raises
        ------
        UserError
            If it cannot be written.
        """
        chosen = [c for c in self._named(slide_id, ids) if c.state is not State.REJECTED]
        with self.transaction(slide_id, f"Rejection of {_spoken_all(chosen)}") as edit:
            for chromosome in chosen:
                slots.leave(edit, chromosome)
                edit.replace(replace(edit.chromosomes[chromosome.id], state=State.REJECTED, slot=None))

    def restore(self, slide_id: int, ids: Iterable[int]) -> None:
        """Say that these are chromosomes after all: rejected ones, nuclei or debris.

        Raises
        ------
        UserError
            If it cannot be written.
        """
        chosen = [c for c in self._named(slide_id, ids) if not c.in_karyogram]
        with self.transaction(slide_id, f"Restoring of {_spoken_all(chosen)}") as edit:
            for chromosome in chosen:
                back = replace(chromosome, state=State.EDITED, kind=Kind.CHROMOSOME)
                slot = slots.free(edit.chromosomes.values(), back.number) if back.number else None
                edit.replace(replace(back, slot=slot))

    def set_class(self, slide_id: int, id: int, number: int) -> None:
        """Say which chromosome it is: 1..24, or 0 for unknown. It goes to the next free place of its class.

        Raises
        ------
        ValueError
            If there is no such class.
        UserError
            If it cannot be written.
        """
        if not 0 <= number <= len(CLASS_NAMES):
            raise ValueError(f"there is no class {number}")
        old = self.chromosomes(slide_id)[id]
        with self.transaction(
            slide_id, f"Class {CLASS_NAMES[number - 1] if number else '?'} for {spoken(old)}"
        ) as edit:
            if old.number == number and old.slot is not None:
                edit.replace(_of_class(old, number))
                return
            slots.leave(edit, old)
            slot = slots.free(edit.chromosomes.values(), number) if number and old.in_karyogram else None
            edit.replace(replace(_of_class(old, number), slot=slot))

    def flip(self, slide_id: int, ids: int | Iterable[int]) -> None:
        """Turn chromosomes upside down: the p arm is at the other end.

        Raises
        ------
        UserError
            If it cannot be written.
        """
        chosen = self._named(slide_id, ids)
        with self.transaction(slide_id, f"Flip of {_spoken_all(chosen)}") as edit:
            for c in chosen:
                edit.replace(replace(c, p_up=not c.p_up, polarity_confidence=1.0, state=_touched(c)))

    def turn(self, slide_id: int, id: int, degrees: float) -> None:
        """Turn a chromosome in the karyogram by so many degrees more, counter-clockwise.

        Raises
        ------
        UserError
            If it cannot be written.
        """
        old = self.chromosomes(slide_id)[id]
        with self.transaction(slide_id, f"Turning of {spoken(old)}") as edit:
            angle = (old.angle + degrees + 180.0) % 360.0 - 180.0
            edit.replace(replace(old, angle=angle, state=_touched(old)))

    def move_to_slot(self, slide_id: int, id: int, slot: Slot | None) -> None:
        """Put a chromosome in a place of the karyogram, or into the tray (None).

        A place of another class gives it that class. What lies in the place changes places with
        it within a class, and otherwise moves to the next free one. The tray keeps the class.

        Raises
        ------
        UserError
            If it is rejected or no chromosome, or it cannot be written.
        """
        old = self.chromosomes(slide_id)[id]
        if not old.in_karyogram:
            raise UserError(f"{spoken(old)} is not in the karyogram", advice="Restore it first.")
        where = "the tray" if slot is None else f"place {slot}"
        with self.transaction(slide_id, f"Move of {spoken(old)} to {where}") as edit:
            if slot == old.slot:
                return
            if slot is None:
                slots.leave(edit, old)
                edit.replace(replace(old, slot=None, state=_touched(old)))
                return
            moved = old if slot.number == old.number else _of_class(old, slot.number)
            slots.move(edit, replace(moved, state=_touched(old)), slot)

    def set_stain(self, slide_id: int, stain: Stain) -> None:
        """Say how the slide was stained.

        Raises
        ------
        UserError
            If it cannot be written.
        """
        with self.transaction(slide_id, f"Stain {stain}") as edit:
            edit.set_fields({"stain": str(stain)})

    def _named(self, slide_id: int, ids: int | Iterable[int]) -> list[Chromosome]:
        there = self.chromosomes(slide_id)
        return [there[id] for id in dict.fromkeys([ids] if isinstance(ids, int) else ids)]

    # -- answers of the models

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
        with self.transaction(slide_id, "Analysis") as edit:
            kept = [c for c in edit.chromosomes.values() if c.state is not State.PROPOSED]
            for chromosome in list(edit.chromosomes.values()):
                if chromosome.state is State.PROPOSED:
                    edit.remove(chromosome.id)
            fresh = [c for c in analysis.chromosomes if c.area and not any(_means_same(k, c) for k in kept)]
            for chromosome in sorted(fresh, key=lambda c: c.slot or Slot(99, 0)):
                slot = chromosome.slot
                if slot is not None and any(k.slot is not None and k.slot.number == slot.number for k in kept):
                    slot = slots.free(edit.chromosomes.values(), slot.number)
                edit.add(replace(chromosome, id=0, slot=slot))
            edit.set_fields(fields_of(analysis))
        self.withdraw(slide_id)
        return True


_UNREAD: dict[str, Any] = {
    "axis": None,
    "centromere": None,
    "centromere_confidence": 0.0,
    "probabilities": None,
    "polarity_confidence": 0.0,
}
"""What has to be read anew when the shape of a chromosome is another one."""


def spoken(chromosome: Chromosome) -> str:
    """The chromosome in a sentence: "chromosome 7", "a nucleus"."""
    if chromosome.kind is Kind.NUCLEUS:
        return "a nucleus"
    if chromosome.kind is Kind.DEBRIS:
        return "debris"
    return f"chromosome {chromosome.class_name}" if chromosome.number else "a chromosome"


def _spoken_all(chromosomes: Iterable[Chromosome]) -> str:
    everything = list(chromosomes)
    if len(everything) > 3 or (len(everything) > 1 and not all(c.number for c in everything)):
        return f"{len(everything)} chromosomes"
    return " and ".join(spoken(c) for c in everything) or "nothing"


def _touched(chromosome: Chromosome) -> State:
    """The state after a person changed something: edited, but what is rejected stays rejected."""
    return State.REJECTED if chromosome.state is State.REJECTED else State.EDITED


def _of_class(chromosome: Chromosome, number: int) -> Chromosome:
    return replace(
        chromosome,
        number=number,
        class_confidence=1.0 if number else 0.0,
        decided_by=DecidedBy.PERSON,
        state=_touched(chromosome),
    )


def _put(target: BoolArray, frame: Box, box: Box, bits: BoolArray) -> None:
    top, left = box.top - frame.top, box.left - frame.left
    target[top : top + box.height, left : left + box.width] = bits


def _part_of(old: Chromosome, box: Box, mask: BoolArray) -> Chromosome:
    """A part of a chromosome: its axis runs the same way, the rest has to be read anew."""
    from chromview.core.edit_masks import axis_inside

    unread = {**_UNREAD, "axis": axis_inside(old.axis, box, mask), "polarity_confidence": old.polarity_confidence}
    return replace(old.with_mask(box, mask), state=State.EDITED, doubts=(), **unread)


def _stranger(part: Chromosome) -> Chromosome:
    """A part as a chromosome of its own, of which nobody knows yet which one it is."""
    return replace(part, id=0, number=0, class_confidence=0.0, decided_by=DecidedBy.NETWORK, slot=None, angle=0.0)


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
