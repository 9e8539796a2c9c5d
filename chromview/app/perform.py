"""What the actions do to the slide shown; the table from action id to deed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise

from chromview.app.controller import Controller
from chromview.app.document import Changed, Document
from chromview.app.edits import spoken
from chromview.app.selection import doubtful, reading_order, second_of, step
from chromview.app.slides import SlideState
from chromview.app.stroke import NEW_ID, Stroke
from chromview.app.tools import Label, Tool
from chromview.core.chromosome import BoolArray, Box, Chromosome, FloatArray, Slot, Stain
from chromview.core.karyotype import free_position
from chromview.errors import UserError

TURN = 15.0
"""Degrees of one turn in the karyogram."""


class Performer:
    """Does what an action asks for, by the action's id.

    Parameters
    ----------
    controller
        Whose document and selection it works on.
    """

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        tools = controller.tools
        self._table: dict[str, Callable[[], object]] = {
            "edit.undo": self.undo,
            "edit.redo": self.redo,
            "mask.join": self._join,
            "mask.split_overlap": self._split_overlap,
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
            "chromosome.reject": lambda: self._edit_selected(lambda slide, id: self._document.reject(slide, [id])),
            "chromosome.restore": lambda: self._edit_selected(lambda slide, id: self._document.restore(slide, [id])),
            "karyogram.to_tray": lambda: self.move_selected(None),
            "karyogram.back_to_class": self._back_to_class,
            "case.next_slide": lambda: self.go_slide(1),
            "case.previous_slide": lambda: self.go_slide(-1),
            "case.analyse": self._analyse,
            "case.analyse_all": self._analyse_all,
            "case.cancel": controller.cancel_all,
            "case.stain_g": lambda: self._set_stain(Stain.G_BAND),
            "case.stain_q": lambda: self._set_stain(Stain.Q_BAND),
            "case.stain_dapi": lambda: self._set_stain(Stain.DAPI),
            "case.remove_slide": self._remove_slide,
        }
        for tool in Tool:
            self._table[f"mask.{tool}"] = partial(tools.set_tool, tool)
        for label in Label:
            self._table[f"mask.label{int(label)}"] = partial(tools.set_label, label)

    @property
    def _document(self) -> Document:
        return self.controller.document

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
        slides = [info.id for info in self._document.slides]
        current = self.controller.selection.slide
        place = slides.index(current) + direction if current in slides else 0
        if 0 <= place < len(slides):
            self.controller.selection.show_slide(slides[place])

    # -- decisions -----------------------------------------------------------------------

    def _selected(self) -> tuple[int, int] | None:
        slide, id = self.controller.selection.slide, self.controller.selection.chromosome
        return None if slide is None or id is None or id not in self.controller.chromosomes else (slide, id)

    def _edit_selected(self, edit: Callable[[int, int], object]) -> None:
        selected = self._selected()
        if selected is not None:
            edit(*selected)

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
            self.controller.said.emit(f"{count} accepted" if count else "Nothing was left to accept")

    def set_class(self, number: int) -> None:
        """Say which class the selected chromosome is, 1..24."""
        self.controller.attempt(
            lambda: self._edit_selected(lambda slide, id: self._document.set_class(slide, id, number)), "karyogram"
        )

    def move(self, id: int, slot: Slot | None) -> None:
        """Put a chromosome into a place of the karyogram, or into the tray."""
        slide = self.controller.selection.slide
        if slide is not None:
            self.controller.attempt(lambda: self._document.move_to_slot(slide, id, slot), "karyogram")

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
            raise UserError("this chromosome has no class yet", advice="Type its class: 1 to 22, X or Y.")
        if chromosome.slot is None or chromosome.slot.number != chromosome.number:
            others = [c for c in self.controller.chromosomes.values() if c.id != chromosome.id]
            self.move_selected(Slot(chromosome.number, free_position(others, chromosome.number)))

    # -- axis ----------------------------------------------------------------------------

    def move_axis(self, axis: FloatArray) -> None:
        """Give the selected chromosome another axis ``(n, 2)``; it is laid straight and read along it."""

        def deed(slide: int, id: int) -> None:
            self._document.set_axis(slide, id, axis)
            self.controller.reread([id])

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
        self.controller.reread([id])

    # -- masks ---------------------------------------------------------------------------

    def begin_stroke(self, at: tuple[float, float], found: list[int]) -> Stroke | None:
        """The stroke that begins at (y, x), where the chromosomes `found` lie; None if it could do nothing.

        With nothing selected the chromosome under the brush is; where there is none either, the
        stroke paints a new one.
        """
        controller = self.controller
        info, image, tools = controller.info, controller.image, controller.tools
        if info is None or image is None:
            return None
        chromosomes = controller.chromosomes
        selection = controller.selection
        first: int | None = None
        if tools.tool is not Tool.NEW:
            first = selection.chromosome
            if info.is_cluster:
                first = self._first_of_cluster() if len(self._counted()) <= 2 else first
            if first is None and found:
                first = found[0]
            if first is None and (tools.tool is Tool.ERASE or tools.label is not Label.FIRST):
                controller.said.emit("Select the chromosome to paint on first")
                return None
            if first is not None and first != selection.chromosome and not info.is_cluster:
                selection.select(first)
        pair = self._counted() if info.is_cluster and len(self._counted()) == 2 else []
        second = second_of(chromosomes, first, selection.second, cluster=info.is_cluster)
        if pair and first is not None:
            second = pair[1]
        stroke = Stroke(
            chromosomes, image.shape, tool=tools.tool, label=tools.label, first=first, second=second,
            pair_meant=bool(pair) or (selection.second is not None and selection.second == second),
        )  # fmt: skip
        if not stroke.does_something:
            controller.said.emit("Ctrl+click the second chromosome first, or choose label 1")
            return None
        return stroke

    def _counted(self) -> list[int]:
        return sorted(c.id for c in self.controller.chromosomes.values() if c.in_karyogram)

    def _first_of_cluster(self) -> int | None:
        """In a cluster label 1 is always the first chromosome, whichever is selected."""
        counted = self._counted()
        if self.controller.tools.label is Label.SECOND and len(counted) == 1:
            return None  # the second one is still to be painted
        return counted[0] if counted else None

    def commit_stroke(self, stroke: Stroke) -> None:
        """Hand a finished stroke to the document, as one command."""
        slide = self.controller.selection.slide
        bits = stroke.result()
        if slide is None or not bits:
            return
        chromosomes = self.controller.chromosomes
        if any(id != NEW_ID and id not in chromosomes for id in bits):
            self.controller.said.emit("The chromosome is gone; the stroke was not used")
            return
        title = self._title(stroke, [chromosomes[id] for id in bits if id != NEW_ID])
        made: dict[int, int] = {}
        self.controller.attempt(lambda: made.update(self._document.paint(slide, bits, title)))
        self.controller.reread(list(made.values()))
        if NEW_ID in made:
            self.controller.selection.select(made[NEW_ID])
            if self.controller.tools.tool is Tool.NEW:
                self.controller.tools.set_tool(Tool.BRUSH)

    def _title(self, stroke: Stroke, touched: list[Chromosome]) -> str:
        if stroke.makes_new:
            return "New chromosome"
        deed = "Eraser" if stroke.erases else "Brush"
        return f"{deed} on {' and '.join(spoken(c) for c in touched)}"

    def cut(self, line: list[tuple[float, float]]) -> None:
        """Cut the chromosome that a line of (y, x) crosses: the selected one, else the one most under the line."""
        slide = self.controller.selection.slide
        if slide is None:
            return
        target = self._under_line(line)
        if target is None:
            self.controller.said.emit("The line crosses no chromosome")
            return

        def deed() -> None:
            parts = self._document.cut(slide, target, line)
            self.controller.selection.select(parts[0])
            self.controller.tools.set_tool(Tool.SELECT)
            self.controller.reread(parts)

        self.controller.attempt(deed)

    def _under_line(self, line: list[tuple[float, float]]) -> int | None:
        crossed: dict[int, int] = {}
        for (y0, x0), (y1, x1) in pairwise(line):
            steps = max(1, int(abs(y1 - y0) + abs(x1 - x0)))
            for n in range(steps):
                y, x = int(y0 + (y1 - y0) * n / steps), int(x0 + (x1 - x0) * n / steps)
                for c in self.controller.chromosomes.values():
                    box = c.box
                    inside = box.top <= y < box.bottom and box.left <= x < box.right
                    if inside and c.mask[y - box.top, x - box.left]:
                        crossed[c.id] = crossed.get(c.id, 0) + 1
        selected = self.controller.selection.chromosome
        if selected in crossed:
            return selected
        return max(crossed, key=lambda id: crossed[id], default=None)

    def _pair(self) -> tuple[int, int, int] | None:
        self.controller.settle()
        state = self.controller.state
        if state.slide is None or state.selected is None or state.second is None:
            return None
        return state.slide, state.selected, state.second

    def _join(self) -> None:
        pair = self._pair()
        if pair is None:
            raise UserError("joining needs two chromosomes", advice="Select one, then Ctrl+click the other.")
        joined = self._document.join(pair[0], pair[1:])
        self.controller.selection.select(joined)
        self.controller.reread([joined])

    def _split_overlap(self) -> None:
        pair, selected = self._pair(), self._selected()
        if pair is not None and self._share_pixels(pair[1], pair[2]):
            self.controller.reread(self._document.split_overlap(pair[0], pair[1:]))
        elif selected is not None:
            first, second = self._document.split_overlap(*selected)
            self.controller.selection.select(first, second)
            self.controller.reread([first, second])

    def _share_pixels(self, first: int, second: int) -> bool:
        a, b = self.controller.chromosomes[first], self.controller.chromosomes[second]
        part = a.box.intersection(b.box)
        return part is not None and bool((_bits(a, part) & _bits(b, part)).any())

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
        if changed.box is not None and len(changed.ids) < 10:
            self.controller.reveal.emit(changed.box)
        if title is not None:
            self.controller.said.emit(f"{title}: done")

    # -- case ----------------------------------------------------------------------------

    def _analyse(self) -> None:
        slide = self.controller.selection.slide
        if slide is not None:
            self.controller.analyse([slide])

    def _analyse_all(self) -> None:
        waiting = [info.id for info in self._document.slides if info.state is SlideState.NEW]
        self.controller.analyse(waiting)
        if not waiting:
            self.controller.said.emit("Every slide is analysed already")

    def _set_stain(self, stain: Stain) -> None:
        slide = self.controller.selection.slide
        if slide is not None:
            self._document.set_stain(slide, stain)
            self.controller.said.emit("Ctrl+R analyses the slide with this stain")

    def _remove_slide(self) -> None:
        slide = self.controller.selection.slide
        if slide is not None:
            slides = [info.id for info in self._document.slides]
            place = slides.index(slide)
            self._document.remove_slide(slide)
            rest = [id for id in slides if id != slide]
            self.controller.selection.show_slide(rest[min(place, len(rest) - 1)] if rest else None)
            self.controller.said.emit("Slide removed; adding the image again brings its masks back")


def _bits(chromosome: Chromosome, part: Box) -> BoolArray:
    box = chromosome.box
    return chromosome.mask[part.top - box.top : part.bottom - box.top, part.left - box.left : part.right - box.left]
