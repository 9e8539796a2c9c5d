"""What the tools and actions for masks do to the slide shown."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from chromview.app import step_names
from chromview.app.controller import Controller
from chromview.app.document import Document
from chromview.app.edits import spoken_list
from chromview.app.selection import second_of
from chromview.app.stroke import NEW_ID, Stroke
from chromview.app.tools import Label, Over, Tool
from chromview.core.chromosome import BoolArray, Box, Chromosome
from chromview.errors import UserError
from chromview.texts import tr

if TYPE_CHECKING:
    from chromview.core.edit_masks import Placed
    from chromview.core.magic import Surroundings


@dataclass(eq=False)
class _Magic:
    """A place that was clicked with the magic outline, for as long as the button is down."""

    asked: tuple[object, ...]
    around: Surroundings
    strokes: dict[Tool, Stroke]


class MaskDeeds:
    """The part of `Performer` that changes which pixels a chromosome has.

    Parameters
    ----------
    controller
        Whose document and selection it works on.
    """

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self._magic: _Magic | None = None

    @property
    def _document(self) -> Document:
        return self.controller.document

    def _selected(self) -> tuple[int, int] | None:
        slide, id = self.controller.selection.slide, self.controller.selection.chromosome
        return None if slide is None or id is None or id not in self.controller.chromosomes else (slide, id)

    def begin_stroke(self, at: tuple[float, float], found: list[int]) -> Stroke | None:
        """The stroke that begins at (y, x), where the chromosomes `found` lie; None if it could do nothing.

        With nothing selected the chromosome under the brush is; where there is none either, the
        stroke paints a new one.
        """
        return self._stroke(self.controller.tools.tool, found)

    def _stroke(self, tool: Tool, found: list[int]) -> Stroke | None:
        controller = self.controller
        info, image, tools = controller.info, controller.image, controller.tools
        if info is None or image is None:
            return None
        chromosomes = controller.chromosomes
        selection = controller.selection
        first: int | None = None
        if tool is not Tool.NEW:
            first = selection.chromosome
            if info.is_cluster:
                first = self._first_of_cluster() if len(self._counted()) <= 2 else first
            if first is None and found:
                first = found[0]
            if first is None and (tool is Tool.ERASE or tools.label is not Label.FIRST):
                controller.said.emit(tr("Select the chromosome to paint on first"))
                return None
            if first is not None and first != selection.chromosome and not info.is_cluster:
                selection.select(first)
        pair = self._counted() if info.is_cluster and len(self._counted()) == 2 else []
        second = second_of(chromosomes, first, selection.second, cluster=info.is_cluster)
        if pair and first is not None:
            second = pair[1]
        if first is not None and second is None and tools.over in (Over.SECOND, Over.BOTH):
            controller.said.emit(tr("Ctrl+click the second chromosome first, or paint over something else"))
            return None
        if tools.over is Over.BACKGROUND and (tool is Tool.ERASE or tools.label is Label.BACKGROUND):
            controller.said.emit(tr("There is nothing to take out of the background; paint over something else"))
            return None
        stroke = Stroke(
            chromosomes, image.shape, tool=tool, label=tools.label, first=first, second=second,
            pair_meant=bool(pair) or (selection.second is not None and selection.second == second), over=tools.over,
        )  # fmt: skip
        if not stroke.does_something:
            controller.said.emit(tr("Ctrl+click the second chromosome first, or choose label 1"))
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

    def lasso(self, outline: list[tuple[float, float]], taking: bool) -> None:
        """Give what a closed outline of (y, x) encloses to the selected chromosome, or take it out of it.

        With nothing selected it becomes a new chromosome.
        """
        from chromview.core.edit_masks import enclosed

        image = self.controller.image
        stroke = None if image is None else self._stroke(Tool.ERASE if taking else self.controller.tools.tool, [])
        if stroke is None:
            return
        inside = enclosed(outline, stroke.shape)
        stroke.deed = step_names.LASSO
        if inside is not None:
            stroke.cover(*inside)
        if not self.commit_stroke(stroke):
            self.controller.said.emit(tr("The outline changes nothing; see what may be painted over"))

    def magic(self, at: tuple[float, float], edge: float, taking: bool, found: list[int]) -> Stroke | None:
        """The stroke that grows from (y, x), where the chromosomes `found` lie, to the edge of the stain.

        It is for the selected chromosome, or the one that was clicked; where the stain touches neither it is for a
        new one. Other chromosomes are not entered unless they may be painted over.

        Parameters
        ----------
        at, found
            Where, and what lies there, the most likely meant first.
        edge
            Where the edge is, see `chromview.core.magic.grow`.
        taking
            Whether the region is taken out of the chromosome.

        Returns
        -------
        Stroke or None
            None, with a sentence said, where nothing is stained or nothing may be painted.
        """
        controller, tools = self.controller, self.controller.tools
        info, image = controller.info, controller.image
        if info is None or image is None:
            return None
        selected = controller.selection.chromosome
        plain = not info.is_cluster and not taking and tools.label is Label.FIRST
        if plain and found and selected not in found and tools.over is Over.SAFE:
            controller.selection.select(found[0])
        y, x = int(at[0] // 1), int(at[1] // 1)
        if not (0 <= y < image.shape[0] and 0 <= x < image.shape[1]):
            return None
        # While the hand drags, only the edge is another one.
        asked = (image, controller.chromosomes, at, taking, controller.selection.chromosome)
        if self._magic is None or any(a is not b and a != b for a, b in zip(self._magic.asked, asked, strict=True)):
            self._magic = _Magic(asked, self._surroundings((y, x)), {})
        stroke = self._magic_stroke(Tool.ERASE if taking else tools.tool)
        if stroke is None:
            return None
        around = self._magic.around
        grown = around.grow(edge, stroke.barrier(around.window))
        if grown is None:
            controller.said.emit(tr("There is no stain here that may be painted; click a stained place"))
            return None
        first = controller.chromosomes.get(stroke.first)
        if plain and first is not None and not touches(grown, (first.box, first.mask)):
            stroke = self._magic_stroke(Tool.NEW)
            if stroke is None:
                return None
        stroke.deed = step_names.MAGIC
        stroke.cover(*grown)
        return stroke

    def _magic_stroke(self, tool: Tool) -> Stroke | None:
        """The stroke of a tool for the place that was clicked, with nothing painted yet."""
        assert self._magic is not None
        strokes = self._magic.strokes
        if tool in strokes:
            strokes[tool].restart()
        else:
            stroke = self._stroke(tool, [])
            if stroke is None:
                return None
            strokes[tool] = stroke
        return strokes[tool]

    def _reach(self) -> int:
        """Pixels around a point within which a chromosome of this slide lies."""
        sides = [max(c.box.height, c.box.width) for c in self.controller.chromosomes.values() if c.in_karyogram]
        return int(min(600, max(60, 1.1 * max(sides)))) if sides else 150

    def _surroundings(self, at: tuple[int, int]) -> Surroundings:
        from chromview.core.magic import Surroundings

        info, image = self.controller.info, self.controller.image
        assert info is not None and image is not None
        window = Box(at[0], at[1], at[0] + 1, at[1] + 1).grown(self._reach(), image.shape)
        if info.stain is None:  # nobody said: what is less usual here is the stain
            dark = bool(image.pixels[at] < np.median(image.pixels[window.slices]))
        else:
            dark = info.stain.bright_on_dark == info.inverted
        return Surroundings(image.pixels, at, window, dark=dark)

    def commit_stroke(self, stroke: Stroke) -> bool:
        """Hand a finished stroke to the document, as one command; whether it changed anything."""
        slide = self.controller.selection.slide
        self._magic = None
        bits = stroke.result()
        if slide is None or not bits:
            return False
        chromosomes = self.controller.chromosomes
        if any(id != NEW_ID and id not in chromosomes for id in bits):
            self.controller.said.emit(tr("The chromosome is gone; the stroke was not used"))
            return True
        title = self._title(stroke, [chromosomes[id] for id in bits if id != NEW_ID])
        made: dict[int, int] = {}
        self.controller.attempt(lambda: made.update(self._document.paint(slide, bits, title)))
        self.controller.analyses.reread(list(made.values()))
        if NEW_ID in made:
            self.controller.selection.select(made[NEW_ID])
            if self.controller.tools.tool is Tool.NEW:
                self.controller.tools.set_tool(Tool.BRUSH)
        return True

    def _title(self, stroke: Stroke, touched: list[Chromosome]) -> str:
        if stroke.makes_new:
            return step_names.NEW
        deed = stroke.deed or (step_names.ERASER if stroke.erases else step_names.BRUSH)
        return step_names.DEED_ON.format(deed=deed, what=spoken_list(touched))

    def cut(self, line: list[tuple[float, float]]) -> None:
        """Cut the chromosome that a line of (y, x) crosses: the selected one, else the one most under the line."""
        slide = self.controller.selection.slide
        if slide is None:
            return
        target = self._under_line(line)
        if target is None:
            self.controller.said.emit(tr("The line crosses no chromosome"))
            return

        def deed() -> None:
            parts = self._document.cut(slide, target, line)
            self.controller.selection.select(parts[0])
            self.controller.tools.set_tool(Tool.SELECT)
            self.controller.analyses.reread(parts)

        self.controller.attempt(deed)

    def split_along(self, line: list[tuple[float, float]]) -> None:
        """Take the crossing apart that a line of (y, x) runs through, drawn along one of its two chromosomes."""
        slide = self.controller.selection.slide
        if slide is None:
            return
        crossed = {id: count for id, count in self._crossed(line).items() if count >= 4}
        meant = sorted(crossed, key=lambda id: -crossed[id])[:2]
        if not meant:
            self.controller.said.emit(tr("The line crosses no chromosome"))
            return
        chosen = [self.controller.chromosomes[id] for id in meant]
        if len(chosen) == 2 and not touches(*((c.box, c.mask) for c in chosen)):
            meant = meant[:1]

        def deed() -> None:
            parts = self._document.split_along(slide, meant, line)
            self.controller.selection.select(*parts)
            self.controller.tools.set_tool(Tool.SELECT)
            self.controller.analyses.reread(parts)

        self.controller.attempt(deed)

    def _under_line(self, line: list[tuple[float, float]]) -> int | None:
        crossed = self._crossed(line)
        selected = self.controller.selection.chromosome
        if selected in crossed:
            return selected
        return max(crossed, key=lambda id: crossed[id], default=None)

    def _crossed(self, line: list[tuple[float, float]]) -> dict[int, int]:
        """Ids of what a line of (y, x) runs through, and how far."""
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
        return crossed

    def _pair(self) -> tuple[int, int, int] | None:
        self.controller.settle()
        state = self.controller.state
        if state.slide is None or state.selected is None or state.second is None:
            return None
        return state.slide, state.selected, state.second

    def _join(self) -> None:
        pair = self._pair()
        if pair is None:
            raise UserError(tr("joining needs two chromosomes"), advice=tr("Select one, then Ctrl+click the other."))
        joined = self._document.join(pair[0], pair[1:])
        self.controller.selection.select(joined)
        self.controller.analyses.reread([joined])

    def _split_overlap(self) -> None:
        pair, selected = self._pair(), self._selected()
        if pair is not None and self._share_pixels(pair[1], pair[2]):
            self.controller.analyses.reread(self._document.split_overlap(pair[0], pair[1:]))
        elif selected is not None:
            first, second = self._document.split_overlap(*selected)
            self.controller.selection.select(first, second)
            self.controller.analyses.reread([first, second])

    def _move_edges(self, outwards: bool) -> None:
        info, image = self.controller.info, self.controller.image
        if info is not None and image is not None:
            self.controller.analyses.reread(self._document.move_edges(info.id, outwards, image.shape))

    def _share_pixels(self, first: int, second: int) -> bool:
        a, b = self.controller.chromosomes[first], self.controller.chromosomes[second]
        part = a.box.intersection(b.box)
        return part is not None and bool((_bits(a, part) & _bits(b, part)).any())


def _bits(chromosome: Chromosome, part: Box) -> BoolArray:
    box = chromosome.box
    return chromosome.mask[part.top - box.top : part.bottom - box.top, part.left - box.left : part.right - box.left]


def touches(region: Placed, other: Placed) -> bool:
    """Whether two masks share a pixel or lie side by side."""
    (box, mask), (own, bits) = region, other
    around = Box(box.top - 1, box.left - 1, box.bottom + 1, box.right + 1)
    part = around.intersection(own)
    if part is None:
        return False
    from chromview.core.edit_masks import placed

    padded = np.pad(placed(mask, box, around), 1)
    near = padded[1:-1, 1:-1] | padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]
    return bool((near & placed(bits, own, around)).any())
