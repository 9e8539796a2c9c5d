"""What the actions do to the slide shown; the table from action id to deed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from chromview.app.actions import BY_ID
from chromview.app.controller import Controller
from chromview.app.document import Changed
from chromview.app.mask_deeds import MaskDeeds
from chromview.app.selection import doubtful, reading_order, step
from chromview.app.slides import Order, SlideState
from chromview.app.tools import Label, Over, Tool
from chromview.core.annotations import Annotation
from chromview.core.chromosome import Arrow, FloatArray, Mark, Slot, Stain
from chromview.core.karyotype import free_position
from chromview.errors import UserError
from chromview.texts import tr, tr_n

SET_STATES: dict[SlideState | None, str] = {
    None: "by_work",
    SlideState.STARTED: "started",
    SlideState.DONE: "done",
    SlideState.COUNTED: "counted",
    SlideState.REJECTED: "rejected",
}
"""States of a slide that a person can set, with the ends of their actions' ids."""

TURN = 15.0
"""Degrees of one turn in the karyogram."""


class Performer(MaskDeeds):
    """Does what an action asks for, by the action's id.

    Parameters
    ----------
    controller
        Whose document and selection it works on.
    """

    def __init__(self, controller: Controller) -> None:
        super().__init__(controller)
        tools = controller.tools
        self._table: dict[str, Callable[[], object]] = {
            "edit.undo": self.undo,
            "edit.redo": self.redo,
            "mask.join": self._join,
            "mask.split_overlap": self._split_overlap,
            "mask.edges_out": lambda: self._move_edges(outwards=True),
            "mask.edges_in": lambda: self._move_edges(outwards=False),
            "mask.smaller": lambda: tools.resize(-1),
            "mask.larger": lambda: tools.resize(1),
            "chromosome.accept": self._accept,
            "chromosome.accept_rest": self._accept_rest,
            "chromosome.next_doubtful": lambda: self.go_doubtful(1),
            "chromosome.previous_doubtful": lambda: self.go_doubtful(-1),
            "chromosome.flip": lambda: self._edit_selected(lambda slide, id: self._document.flip(slide, id)),
            "chromosome.turn": lambda: self._edit_selected(lambda slide, id: self._document.turn(slide, id, TURN)),
            "chromosome.turn_back": lambda: self._edit_selected(
                lambda slide, id: self._document.turn(slide, id, -TURN)
            ),
            "chromosome.find_axis": lambda: self._edit_selected(self._find_axis),
            "chromosome.reject": lambda: self._say_of_selected(lambda slide, id: self._document.reject(slide, [id])),
            "chromosome.restore": lambda: self._say_of_selected(lambda slide, id: self._document.restore(slide, [id])),
            "karyogram.swap": self._swap,
            "karyogram.derivative": lambda: self._mark(Mark.DERIVATIVE),
            "karyogram.marker": lambda: self._mark(Mark.MARKER),
            "karyogram.unmark": lambda: self._mark(Mark.NONE),
            "karyogram.arrow": self._add_arrow,
            "karyogram.to_tray": lambda: self.move_selected(None),
            "karyogram.back_to_class": self._back_to_class,
            "case.next_slide": lambda: self.go_slide(1),
            "case.previous_slide": lambda: self.go_slide(-1),
            "case.analyse": self._analyse,
            "case.analyse_all": self._analyse_all,
            "case.cancel": controller.cancel_what_runs,
            "case.stain_g": lambda: self._set_stain(Stain.G_BAND),
            "case.stain_q": lambda: self._set_stain(Stain.Q_BAND),
            "case.stain_dapi": lambda: self._set_stain(Stain.DAPI),
            "case.remove_slide": self._remove_slide,
        }
        for state, name in SET_STATES.items():
            self._table[f"case.state_{name}"] = partial(self._set_state, state)
        for order in Order:
            self._table[f"view.sort_{order}"] = partial(controller.sort_slides, order)
        for tool in Tool:
            self._table[f"mask.{tool}"] = partial(self._take, tool)
        for over in Over:
            self._table[f"mask.{over}"] = partial(tools.set_over, over)
        self._table["mask.fill_rings"] = lambda: tools.set_fill_rings(not tools.fill_rings)
        for label in Label:
            self._table[f"mask.label{int(label)}"] = partial(tools.set_label, label)

    def _take(self, tool: Tool) -> None:
        self.controller.tools.set_tool(tool)
        self.controller.said.emit(tr(BY_ID[f"mask.{tool}"].help))

    def knows(self, action: str) -> bool:
        """Whether an action is done here."""
        return action in self._table

    def perform(self, action: str) -> None:
        """Do what an action asks for; what a person can mend is said over the viewer.

        Raises
        ------
        KeyError
            If the action is none of these.
        """
        deed = self._table[action]
        self.controller.attempt(deed)

    # -- going ---------------------------------------------------------------------------

    def select(self, id: int | None, *, second: bool = False, reveal: bool = True) -> None:
        """Select a chromosome; with `second`, as the second one beside the one selected."""
        selection = self.controller.selection
        if second and selection.chromosome is not None and id is not None and id != selection.chromosome:
            selection.select(selection.chromosome, None if id == selection.second else id)
        elif not second or id is not None:
            selection.select(id)
        if reveal and id is not None and id in self.controller.chromosomes:
            self.controller.reveal.emit(self.controller.chromosomes[id].box)

    def go_doubtful(self, direction: int) -> bool:
        """Select the next (1) or last (-1) doubtful chromosome; whether there was one."""
        chromosomes = self.controller.chromosomes
        order = tuple(c.id for c in sorted(chromosomes.values(), key=reading_order))
        target = step(doubtful(chromosomes), order, self.controller.selection.chromosome, direction)
        if target is not None:
            self.select(target)
        return target is not None

    def go_slide(self, direction: int) -> None:
        """Show the next (1) or previous (-1) slide; stops at the ends."""
        slides = [info.id for info in self.controller.slides]
        current = self.controller.selection.slide
        place = slides.index(current) + direction if current in slides else 0
        if 0 <= place < len(slides):
            self.controller.selection.show_slide(slides[place])

    # -- decisions -----------------------------------------------------------------------

    def _edit_selected(self, edit: Callable[[int, int], object]) -> None:
        selected = self._selected()
        if selected is not None:
            edit(*selected)

    def _say_of_selected(self, edit: Callable[[int, int], object]) -> None:
        """An edit from which the classes of other chromosomes of the cell may follow."""
        selected = self._selected()
        if selected is not None:
            edit(*selected)
            self.controller.analyses.agree(selected[0])

    def _accept(self) -> None:
        selected = self._selected()
        if selected is None:
            return
        slide, id = selected
        was_doubtful = id in doubtful(self.controller.chromosomes)
        self._document.accept(slide, [id])
        if was_doubtful:
            self.go_doubtful(1)

    def _accept_rest(self) -> None:
        slide = self.controller.selection.slide
        if slide is not None:
            count = self._document.accept_rest(slide)
            self.controller.said.emit(
                tr_n("{n} accepted", "{n} accepted", count) if count else tr("Nothing was left to accept")
            )

    def set_class(self, number: int) -> None:
        """Say which class the selected chromosome is, 1..24."""
        self.controller.attempt(
            lambda: self._say_of_selected(lambda slide, id: self._document.set_class(slide, id, number)), "karyogram"
        )

    def move(self, id: int, slot: Slot | None) -> None:
        """Put a chromosome into a place of the karyogram, or into the tray."""
        slide = self.controller.selection.slide
        if slide is not None:

            def deed() -> None:
                self._document.move_to_slot(slide, id, slot)
                self.controller.analyses.agree(slide)

            self.controller.attempt(deed, "karyogram")

    def move_selected(self, slot: Slot | None) -> None:
        """Put the selected chromosome into a place, or into the tray."""
        selected = self._selected()
        if selected is not None:
            self.move(selected[1], slot)

    def _back_to_class(self) -> None:
        selected = self._selected()
        if selected is None:
            return
        chromosome = self.controller.chromosomes[selected[1]]
        if not chromosome.number:
            raise UserError(tr("this chromosome has no class yet"), advice=tr("Type its class: 1 to 22, X or Y."))
        if chromosome.slot is None or chromosome.slot.number != chromosome.number:
            others = [c for c in self.controller.chromosomes.values() if c.id != chromosome.id]
            self.move_selected(Slot(chromosome.number, free_position(others, chromosome.number)))

    def _swap(self) -> None:
        selected = self._selected()
        if selected is None:
            return
        second = self.controller.selection.second or self._document.homologue_of(*selected)
        if second is None:
            raise UserError(
                tr("it is not clear with which one this chromosome changes places"),
                advice=tr("Ctrl+click the other one first."),
            )
        self._document.swap(*selected, second)
        self.controller.analyses.agree(selected[0])

    def _mark(self, mark: Mark) -> None:
        self._say_of_selected(lambda slide, id: self._document.set_mark(slide, id, mark))

    def annotate(self, note: str) -> None:
        """Write a note on the selected chromosome."""
        self.controller.attempt(
            lambda: self._edit_selected(lambda slide, id: self._document.annotate(slide, id, note)), "karyogram"
        )

    def _add_arrow(self) -> None:
        """A new arrow beside the middle of the selected chromosome, each lower than the one before."""

        def deed(slide: int, id: int) -> None:
            there = self.controller.chromosomes[id].arrows
            self._document.set_arrows(slide, id, (*there, Arrow(0.2, 0.15 * (len(there) % 3), 180.0)))

        self._edit_selected(deed)

    def set_arrows(self, id: int, arrows: Sequence[Arrow]) -> None:
        """Let these arrows point at a chromosome in the karyogram."""
        slide = self.controller.selection.slide
        if slide is not None and id in self.controller.chromosomes:
            self.controller.attempt(lambda: self._document.set_arrows(slide, id, arrows), "karyogram")

    def set_annotations(self, annotations: Sequence[Annotation]) -> None:
        """Put these texts and arrows on the slide shown, in the place of those there were."""
        slide, shape = self.controller.selection.slide, self._shape()
        if slide is not None and shape is not None:
            self.controller.attempt(lambda: self._document.set_annotations(slide, annotations, shape))

    def _set_state(self, state: SlideState | None) -> None:
        slide = self.controller.selection.slide
        if slide is not None:
            self._document.set_state(slide, state)

    # -- axis ----------------------------------------------------------------------------

    def move_axis(self, axis: FloatArray) -> None:
        """Give the selected chromosome another axis ``(n, 2)``; it is laid straight and read along it."""

        def deed(slide: int, id: int) -> None:
            self._document.set_axis(slide, id, axis)
            self.controller.analyses.reread([id])

        self.controller.attempt(lambda: self._edit_selected(deed))

    def move_centromere(self, share: float) -> None:
        """Put the centromere of the selected chromosome at a place of its axis, 0..1 from the first point."""
        self.controller.attempt(
            lambda: self._edit_selected(lambda slide, id: self._document.set_centromere(slide, id, share))
        )

    def move_centromere_in_picture(self, share: float) -> None:
        """The same, 0..1 from the upper end of the straightened picture."""
        selected = self._selected()
        if selected is not None:
            self.move_centromere(share if self.controller.chromosomes[selected[1]].p_up else 1 - share)

    def _find_axis(self, slide: int, id: int) -> None:
        self._document.find_axis(slide, id)
        self.controller.analyses.reread([id])

    # -- undo ----------------------------------------------------------------------------

    def undo(self) -> None:
        """Take the last edit of this slide back and go where it was."""
        self._step(lambda slide: self._document.undo(slide), self.controller.state.undo_title)

    def redo(self) -> None:
        """Do the edit taken back again and go where it was."""
        self._step(lambda slide: self._document.redo(slide), self.controller.state.redo_title)

    def _step(self, deed: Callable[[int], Changed | None], title: str | None) -> None:
        slide = self.controller.selection.slide
        if slide is None:
            return
        changed = deed(slide)
        if changed is None:
            return
        there = [id for id in changed.ids if id in self.controller.chromosomes]
        if len(there) == 1:
            self.controller.selection.select(there[0])
        if changed.place is not None and len(changed.ids) < 10:
            self.controller.reveal.emit(changed.place)
        if title is not None:
            self.controller.said.emit(tr("{step}: done", step=title))

    # -- case ----------------------------------------------------------------------------

    def _analyse(self) -> None:
        slide = self.controller.selection.slide
        if slide is not None:
            self.controller.analyses.analyse([slide])

    def _analyse_all(self) -> None:
        waiting = [info.id for info in self._document.slides if info.state is SlideState.NEW]
        self.controller.analyses.analyse(waiting)
        if not waiting:
            self.controller.said.emit(tr("Every slide is analysed already"))

    def _set_stain(self, stain: Stain) -> None:
        slide = self.controller.selection.slide
        if slide is not None:
            self._document.set_stain(slide, stain)
            self.controller.said.emit(tr("Ctrl+R analyses the slide with this stain"))

    def set_scale(self, width: float | None) -> bool:
        """Say how wide chromosomes are, in slide pixels (None: let it be found), and analyse; whether it could be."""
        info = self.controller.info
        if info is None:
            return False
        done = self.controller.attempt(lambda: self._document.set_scale(info.id, width, info.shape or self._shape()))
        if done:
            self.controller.analyses.analyse([info.id])
        return done

    def _shape(self) -> tuple[int, int] | None:
        image = self.controller.image
        return None if image is None else image.shape

    def _remove_slide(self) -> None:
        slide = self.controller.selection.slide
        if slide is not None:
            slides = [info.id for info in self._document.slides]
            place = slides.index(slide)
            self._document.remove_slide(slide)
            rest = [id for id in slides if id != slide]
            self.controller.selection.show_slide(rest[min(place, len(rest) - 1)] if rest else None)
            self.controller.said.emit(tr("Slide removed; adding the image again brings its masks back"))
