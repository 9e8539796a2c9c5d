"""Edits of the karyogram beyond class and place: homologues exchanged, marks, notes, and the state of the slide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chromview.app import slots, step_names
from chromview.app.edits import Edits, spoken, touched
from chromview.app.slides import STATE_WORDS, SlideState
from chromview.core.annotations import Annotation, to_json
from chromview.core.chromosome import Arrow, DecidedBy, Mark
from chromview.core.doubts import awaits_judgement
from chromview.errors import UserError
from chromview.texts import shown, tr, tr_n

LONGEST_NOTE = 200
"""Letters."""
MOST_ARROWS = 8
"""On one chromosome."""
MOST_ANNOTATIONS = 50
"""On one slide."""
LONGEST_ANNOTATION = 80
"""Letters."""


class Marks(Edits):
    """Edits that a person makes in the karyogram, and what a person says of a slide as a whole."""

    def swap(self, slide_id: int, first: int, second: int) -> None:
        """Let two chromosomes of the karyogram change places, and with the places their classes.

        Raises
        ------
        UserError
            If one of them has no place, or it cannot be written.
        """
        there = self.chromosomes(slide_id)
        a, b = there[first], there[second]
        if a.slot is None or b.slot is None or not (a.in_karyogram and b.in_karyogram):
            raise UserError(tr("one of the two has no place in the karyogram"), advice=tr("Give it a class first."))
        with self.transaction(slide_id, step_names.SWAP.format(what=spoken(a), other=spoken(b))) as edit:
            for one, other in ((a, b), (b, a)):
                assert other.slot is not None
                moved = replace(one, slot=other.slot, state=touched(one))
                if other.slot.number != one.number:
                    moved = replace(moved, number=other.slot.number, class_confidence=1.0, decided_by=DecidedBy.PERSON)
                edit.replace(moved)

    def homologue_of(self, slide_id: int, id: int) -> int | None:
        """The other chromosome of the same class, if there is exactly one in the karyogram."""
        there = self.chromosomes(slide_id)
        mine = there[id].slot
        if mine is None:
            return None
        of_class = [c for c in there.values() if c.in_karyogram and c.slot is not None and c.slot.number == mine.number]
        others = [c.id for c in of_class if c.id != id]
        return others[0] if len(others) == 1 else None

    def set_mark(self, slide_id: int, id: int, mark: Mark) -> None:
        """Say that a chromosome is a derivative or a marker, or neither.

        A derivative keeps its class and its place; a marker has no class and lies in the tray.

        Raises
        ------
        UserError
            If it is not in the karyogram, a derivative has no class, or it cannot be written.
        """
        old = self.chromosomes(slide_id)[id]
        if not old.in_karyogram:
            raise UserError(
                tr("{what} is not in the karyogram", what=shown(spoken(old))), advice=tr("Restore it first.")
            )
        if mark is Mark.DERIVATIVE and not old.number:
            raise UserError(
                tr("a derivative is called after the class of its centromere, and this chromosome has no class"),
                advice=tr("Type its class: 1 to 22, X or Y."),
            )
        title = (step_names.MARK if mark else step_names.MARK_REMOVED).format(mark=mark.value, what=spoken(old))
        with self.transaction(slide_id, title) as edit:
            if mark is old.mark:
                return
            marked = replace(old, mark=mark, state=touched(old))
            if mark is Mark.MARKER:
                slots.leave(edit, old)
                marked = replace(marked, number=0, class_confidence=0.0, decided_by=DecidedBy.PERSON, slot=None)
            edit.replace(marked)

    def annotate(self, slide_id: int, id: int, note: str) -> None:
        """Write a note on a chromosome; an empty one takes it away.

        Raises
        ------
        UserError
            If it is too long, or cannot be written.
        """
        old = self.chromosomes(slide_id)[id]
        note = " ".join(note.split())
        if len(note) > LONGEST_NOTE:
            raise UserError(
                tr_n("the note has {n} letter", "the note has {n} letters", len(note)),
                advice=tr("Use {most} at most.", most=LONGEST_NOTE),
            )
        with self.transaction(slide_id, step_names.NOTE.format(what=spoken(old))) as edit:
            if note != old.note:
                edit.replace(replace(old, note=note, state=touched(old)))

    def set_arrows(self, slide_id: int, id: int, arrows: Sequence[Arrow]) -> None:
        """Let these arrows point at a chromosome in the karyogram, in the place of those there were.

        Raises
        ------
        UserError
            If there are too many, or it cannot be written.
        """
        old = self.chromosomes(slide_id)[id]
        if len(arrows) > MOST_ARROWS:
            raise UserError(
                tr("the chromosome has {n} arrows", n=len(arrows)), advice=tr("Use {most} at most.", most=MOST_ARROWS)
            )
        more = len(arrows) - len(old.arrows)
        title = step_names.ARROW if more > 0 else step_names.ARROW_REMOVED if more < 0 else step_names.ARROW_MOVED
        with self.transaction(slide_id, title.format(what=spoken(old))) as edit:
            if tuple(arrows) != old.arrows:
                edit.replace(replace(old, arrows=tuple(arrows)))

    def set_annotations(self, slide_id: int, annotations: Sequence[Annotation], shape: tuple[int, int]) -> None:
        """Put these texts and arrows on a slide of `shape` (H, W), in the place of those there were.

        Raises
        ------
        UserError
            If there are too many, a text is too long, or it cannot be written.
        """
        if len(annotations) > MOST_ANNOTATIONS:
            raise UserError(
                tr("the slide has {n} annotations", n=len(annotations)),
                advice=tr("Use {most} at most.", most=MOST_ANNOTATIONS),
            )
        longest = max((len(a.text) for a in annotations), default=0)
        if longest > LONGEST_ANNOTATION:
            raise UserError(
                tr_n("the text has {n} letter", "the text has {n} letters", longest),
                advice=tr("Use {most} at most.", most=LONGEST_ANNOTATION),
            )
        old = self.slide(slide_id).annotations
        new = tuple(annotation.inside(shape) for annotation in annotations)
        if len(new) != len(old):
            title = step_names.ANNOTATION if len(new) > len(old) else step_names.ANNOTATION_REMOVED
        else:
            same_texts = [a.text for a in new] == [a.text for a in old]
            title = step_names.ANNOTATION_MOVED if same_texts else step_names.ANNOTATION_WRITTEN
        with self.transaction(slide_id, title) as edit:
            if new != old:
                edit.set_fields({"annotations": to_json(new)})

    def set_state(self, slide_id: int, state: SlideState | None) -> None:
        """Say how far the work on a slide is; None leaves it to what was done on the slide.

        Raises
        ------
        UserError
            If it is called reviewed while there is something that waits for a decision (`awaits_judgement`), or it
            cannot be written.
        """
        waiting = [c for c in self.chromosomes(slide_id).values() if awaits_judgement(c)]
        open_ones = sum(c.in_karyogram for c in waiting)
        if state is SlideState.DONE and waiting and not open_ones:
            raise UserError(
                tr_n("nobody looked at {n} that was left out as no chromosome",
                     "nobody looked at {n} that were left out as no chromosome", len(waiting)),
                advice=tr("Look at them with Tab, or accept the rest with Shift+Enter."),
            )  # fmt: skip
        if state is SlideState.DONE and waiting:
            raise UserError(
                tr_n("a chromosome of this slide is still a proposal",
                     "{n} chromosomes of this slide are still proposals", open_ones),
                advice=tr("Look at them with Tab, or accept the rest with Shift+Enter."),
            )  # fmt: skip
        title = step_names.STATE_FREE if state is None else step_names.STATE.format(state=STATE_WORDS[state])
        with self.transaction(slide_id, title) as edit:
            edit.set_fields({"set_state": None if state is None else str(state)})
