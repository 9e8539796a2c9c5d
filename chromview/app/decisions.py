"""Decisions about chromosomes: accept, reject, class, polarity, place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from chromview.app import slots, step_names
from chromview.app.edits import POLARITY_BY_PERSON, Edits, spoken, spoken_all, touched
from chromview.core.chromosome import CLASS_NAMES, Chromosome, DecidedBy, Kind, Mark, Slot, Stain, State
from chromview.core.doubts import awaits_judgement
from chromview.core.scale import check_width, factor_of
from chromview.errors import UserError
from chromview.texts import shown, tr


class Decisions(Edits):
    """Edits that change what a chromosome is, and not its pixels."""

    def accept(self, slide_id: int, ids: Iterable[int]) -> None:
        """Stand behind proposals; what a person decided on before stays as it is.

        Raises
        ------
        UserError
            If it cannot be written.
        """
        proposed = [c for c in self._named(slide_id, ids) if c.state is State.PROPOSED]
        self._accept(slide_id, proposed, step_names.ACCEPTANCE.format(what=spoken_all(proposed)))

    def accept_rest(self, slide_id: int) -> int:
        """Accept every proposal, doubtful or not, and what the cell as a whole left out as that; returns how many.

        Raises
        ------
        UserError
            If it cannot be written.
        """
        everything = self.chromosomes(slide_id).values()
        proposed = [c for c in everything if awaits_judgement(c)]
        self._accept(slide_id, proposed, step_names.ACCEPTANCE_REST)
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
        with self.transaction(slide_id, step_names.REJECTION.format(what=spoken_all(chosen))) as edit:
            for chromosome in chosen:
                slots.leave(edit, chromosome)
                edit.replace(replace(edit.chromosomes[chromosome.id], state=State.REJECTED, slot=None))

    def restore(self, slide_id: int, ids: Iterable[int]) -> None:
        """Say that these are chromosomes after all: rejected ones, nuclei, debris or those of another cell.

        Raises
        ------
        UserError
            If it cannot be written.
        """
        chosen = [c for c in self._named(slide_id, ids) if not c.in_karyogram]
        with self.transaction(slide_id, step_names.RESTORING.format(what=spoken_all(chosen))) as edit:
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
        name = CLASS_NAMES[number - 1] if number else "?"
        with self.transaction(slide_id, step_names.CLASS.format(name=name, what=spoken(old))) as edit:
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
        with self.transaction(slide_id, step_names.FLIP.format(what=spoken_all(chosen))) as edit:
            for c in chosen:
                edit.replace(replace(c, p_up=not c.p_up, polarity_confidence=POLARITY_BY_PERSON, state=touched(c)))

    def turn(self, slide_id: int, id: int, degrees: float) -> None:
        """Turn a chromosome in the karyogram by so many degrees more, counter-clockwise.

        Raises
        ------
        UserError
            If it cannot be written.
        """
        old = self.chromosomes(slide_id)[id]
        with self.transaction(slide_id, step_names.TURNING.format(what=spoken(old))) as edit:
            angle = (old.angle + degrees + 180.0) % 360.0 - 180.0
            edit.replace(replace(old, angle=angle, state=touched(old)))

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
            raise UserError(
                tr("{what} is not in the karyogram", what=shown(spoken(old))), advice=tr("Restore it first.")
            )
        where = step_names.TRAY if slot is None else step_names.PLACE.format(slot=slot)
        with self.transaction(slide_id, step_names.MOVE.format(what=spoken(old), where=where)) as edit:
            if slot == old.slot:
                return
            if slot is None:
                slots.leave(edit, old)
                edit.replace(replace(old, slot=None, state=touched(old)))
                return
            moved = old if slot.number == old.number else _of_class(old, slot.number)
            slots.move(edit, replace(moved, state=touched(old)), slot)

    def set_stain(self, slide_id: int, stain: Stain) -> None:
        """Say how the slide was stained.

        Raises
        ------
        UserError
            If it cannot be written.
        """
        with self.transaction(slide_id, step_names.STAIN.format(stain=stain)) as edit:
            edit.set_fields({"stain": str(stain)})

    def set_scale(self, slide_id: int, width: float | None, shape: tuple[int, int] | None = None) -> None:
        """Say how wide the chromosomes of a slide are, for its next analysis; None lets that find it.

        Parameters
        ----------
        width
            Slide pixels across a chromosome.
        shape
            (H, W) of the slide, where it is known.

        Raises
        ------
        UserError
            If no slide like this can be analysed with such a width, or it cannot be written.
        """
        if width is not None:
            check_width(width, shape)
        title = step_names.SCALE_FREE if width is None else step_names.SCALE.format(width=f"{width:.3g}")
        with self.transaction(slide_id, title) as edit:
            edit.set_fields({"set_scale": None if width is None else factor_of(width)})

    def _named(self, slide_id: int, ids: int | Iterable[int]) -> list[Chromosome]:
        there = self.chromosomes(slide_id)
        return [there[id] for id in dict.fromkeys([ids] if isinstance(ids, int) else ids)]


def _of_class(chromosome: Chromosome, number: int) -> Chromosome:
    return replace(
        chromosome,
        number=number,
        class_confidence=1.0 if number else 0.0,
        decided_by=DecidedBy.PERSON,
        mark=Mark.NONE if number and chromosome.mark is Mark.MARKER else chromosome.mark,
        state=touched(chromosome),
    )
