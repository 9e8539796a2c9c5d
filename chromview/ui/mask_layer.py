"""The masks over a slide: fills and hatchings as pixels, outlines as lines, numbers as text."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter

from chromview.app.overlay import PALETTE, Colour, Layer, Overlay, assign_colours, meeting
from chromview.app.stroke import NEW_ID, Stroke
from chromview.core.chromosome import Box, Chromosome, State
from chromview.core.commands import united
from chromview.ui.outlines import Outlines

EDGE = 6
"""Screen pixels by which an outline, its halo and its antialiasing reach beyond a mask."""

GREY_OUTLINE = QColor(128, 128, 128)
DOUBT = QColor(255, 196, 0)
HALO = QColor(250, 250, 250)
HALO_DARK = QColor(40, 40, 40)


class MaskLayer:
    """Masks of one slide and how they are drawn.

    Parameters
    ----------
    repaint
        Called with a rectangle of slide pixels and a margin in screen pixels that look different now.
    """

    def __init__(self, repaint: Callable[[Box, float], None]) -> None:
        self._repaint = repaint
        self.chromosomes: Mapping[int, Chromosome] = {}
        self.selected: int | None = None
        self.second: int | None = None
        self.stroke: Stroke | None = None
        self.cluster = False
        self.opacity = 0.45
        self.fill_all = False
        self.painting = False
        self.numbers = False
        self._colours: dict[int, int] = {}
        self._filled: frozenset[int] = frozenset()
        self._shape = (0, 0)
        self._overlay: Overlay | None = None
        self._image = QImage()
        self._outlines = Outlines()
        self._stale: Box | None = None
        self._boxes_of: Mapping[int, Chromosome] | None = None
        self._boxes = np.zeros((0, 4), np.intp)
        self._by_id: list[Chromosome] = []

    # -- what there is -------------------------------------------------------------------

    def reset(self, shape: tuple[int, int]) -> None:
        """Begin another slide of (H, W) pixels; (0, 0) for none."""
        self._shape = shape
        self.chromosomes, self.selected, self.second, self.stroke = {}, None, None, None
        self._colours, self._filled = {}, frozenset()
        self._outlines.clear()
        self._overlay, self._image, self._stale = None, QImage(), None
        if shape[0] and shape[1]:
            self._overlay = Overlay(shape)
            pixels = self._overlay.pixels.view("u1")
            self._image = QImage(
                pixels.data, shape[1], shape[0], 4 * shape[1], QImage.Format.Format_ARGB32_Premultiplied
            )

    def show(
        self, chromosomes: Mapping[int, Chromosome], *, cluster: bool, changed: Collection[int] | None = None
    ) -> None:
        """Show other masks; `changed` are the ids of those that are made, gone or different, if that is known."""
        before, colours = self.chromosomes, self._colours
        self.chromosomes, self.cluster = chromosomes, cluster
        self._outlines.keep(chromosomes)
        self._colours = assign_colours(chromosomes, {} if cluster else colours, cluster=cluster)
        self._filled = self._wanted_fill()
        if changed is None or any(self._colours.get(id, colour) != colour for id, colour in colours.items()):
            self.compose(None)
            return
        # One by one: the two of a class may lie in opposite corners of the slide.
        for id in changed:
            box = united(c[id].box for c in (before, chromosomes) if id in c)
            if box is not None:
                stroked = self._stale is not None and box.intersection(self._stale) is not None
                self.compose(united((box, self._stale)) if stroked else box)
        self.refresh()

    def select(self, selected: int | None, second: int | None) -> None:
        """Mark the selected chromosome and the second one."""
        if (selected, second) == (self.selected, self.second):
            return
        touched = {self.selected, self.second, selected, second}
        self.selected, self.second = selected, second
        self.refill()
        for id in touched:
            if id is not None and id in self.chromosomes:
                self._repaint(self.chromosomes[id].box, 40)

    def refill(self) -> None:
        """Fill what should be filled now: everything, or what a painting tool is about to change."""
        wanted = self._wanted_fill()
        changed, self._filled = wanted ^ self._filled, wanted
        for id in changed:
            if id in self.chromosomes:
                self.compose(self.chromosomes[id].box)

    def set_painting(self, painting: bool) -> None:
        """Say whether a painting tool is held: what it would change is filled, and marked by nothing else."""
        if painting != self.painting:
            self.painting = painting
            self.refill()
            for id in (self.selected, self.second):
                if id is not None and id in self.chromosomes:
                    self._repaint(self.chromosomes[id].box, EDGE)

    def set_opacity(self, opacity: float) -> None:
        """Set the opacity of fills, 0..1."""
        if opacity != self.opacity:
            self.opacity = opacity
            self.compose(None)

    def _wanted_fill(self) -> frozenset[int]:
        if self.fill_all:
            return frozenset(self.chromosomes)
        if self.painting and self.cluster:
            return frozenset(c.id for c in self.chromosomes.values() if c.in_karyogram)
        if self.painting:
            return frozenset(id for id in (self.selected, self.second) if id is not None)
        return frozenset()

    def colour(self, id: int) -> Colour:
        """Colour of a chromosome; the one that is just being painted included."""
        if id == NEW_ID:
            counted = sum(c.in_karyogram for c in self.chromosomes.values())
            return PALETTE[min(counted, 1)] if self.cluster else PALETTE[2]
        return PALETTE[self._colours.get(id, 0)]

    def label(self, chromosome: Chromosome) -> str:
        """What is written beside a chromosome: its class, or its label in a cluster of two."""
        if not chromosome.in_karyogram:
            return chromosome.kind.value if chromosome.state is not State.REJECTED else "rejected"
        if self.cluster:
            return str(self._colours.get(chromosome.id, 0) + 1)
        return chromosome.class_name

    # -- pixels --------------------------------------------------------------------------

    def _near(self, box: Box) -> list[Chromosome]:
        """What reaches into a rectangle, in the order of the ids."""
        if self._boxes_of is not self.chromosomes:
            self._boxes_of = self.chromosomes
            self._by_id = [self.chromosomes[id] for id in sorted(self.chromosomes)]
            self._boxes = np.array([c.box for c in self._by_id], np.intp).reshape(-1, 4)
        return [self._by_id[n] for n in meeting(self._boxes, box)]

    def _layers(self, box: Box) -> Iterable[Layer]:
        stroked = () if self.stroke is None else self.stroke.ids
        # Filled ones last, so that a neighbour's hatching does not cover what is being painted.
        for chromosome in sorted(self._near(box), key=lambda c: c.id in self._filled):
            if chromosome.id not in stroked and chromosome.in_karyogram:
                filled = chromosome.id in self._filled
                yield Layer(chromosome.box, chromosome.mask, self.colour(chromosome.id), filled)
        if self.stroke is not None:
            for id in sorted(self.stroke.ids):
                yield Layer(*self.stroke.mask(id), self.colour(id), True, True)

    def compose(self, box: Box | None, margin: float = EDGE + 30) -> None:
        """Compose a rectangle (the whole slide if None) again and have it repainted."""
        if self._overlay is None:
            return
        whole = Box(0, 0, *self._shape)
        boxes = [box]
        if box is None:
            # Most of a slide is empty, and most masks are outlines only, so it is faster to begin with nothing.
            self._overlay.clear()
            boxes = list(self._coloured())
        if box is None or (self._stale is not None and box.union(self._stale) == box):
            self._stale = None
        for part in boxes:
            inside = None if part is None else part.intersection(whole)
            if inside is not None:
                self._overlay.compose(inside, self._layers(inside), opacity=self.opacity)
        shown = whole if box is None else box.intersection(whole)
        if shown is not None:
            self._repaint(shown, margin)

    def _coloured(self) -> Iterable[Box | None]:
        """Rectangles outside of which the overlay has nothing: filled masks, and where two may overlap."""
        for chromosome in self.chromosomes.values():
            if chromosome.id in self._filled:
                yield chromosome.box
            elif chromosome.in_karyogram:
                for other in self._near(chromosome.box):
                    if other.id > chromosome.id and other.in_karyogram:
                        yield chromosome.box.intersection(other.box)
        if self.stroke is not None:
            yield self.stroke.box
            for id in self.stroke.ids:
                yield self.stroke.mask(id)[0]

    def begin_stroke(self, stroke: Stroke) -> None:
        """Show the masks of a stroke while it lasts."""
        self.stroke = stroke
        for id in stroke.ids:
            if id in self.chromosomes:
                self.compose(self.chromosomes[id].box)

    def end_stroke(self) -> Stroke | None:
        """Show the masks without the stroke from now on; returns it.

        Where it was is only painted again by `show`, which brings what the document made of the stroke,
        or by `refresh`: painted at once, it would be painted twice.
        """
        stroke, self.stroke = self.stroke, None
        if stroke is not None:
            boxes = [self.chromosomes[id].box for id in stroke.ids if id in self.chromosomes]
            self._stale = united([*boxes, stroke.box, self._stale])
        return stroke

    def refresh(self) -> None:
        """Paint again where a stroke ended, unless that has happened."""
        if self._stale is not None:
            self.compose(self._stale)

    # -- drawing -------------------------------------------------------------------------

    def draw_pixels(self, painter: QPainter) -> None:
        """Draw fills and hatchings; the painter stands in slide pixels."""
        painter.drawImage(QPointF(0, 0), self._image)

    def draw_lines(self, painter: QPainter, scale: float, inside: QRectF) -> None:
        """Draw outlines; the painter stands in slide pixels.

        Parameters
        ----------
        painter
            With the transform from slide pixels to the widget.
        scale
            Screen pixels for a slide pixel.
        inside
            What is painted now, in slide pixels; lines that do not reach into it are left out.
        """
        stroked = () if self.stroke is None else self.stroke.ids
        # Under a brush every pixel of the edge matters; which one is meant its fill says then.
        marked = set() if self.painting else {id for id in (self.second, self.selected) if id is not None}
        self._outlines.prepare(scale)
        around = EDGE / scale
        near = inside.adjusted(-around, -around, around, around)
        corner, end = near.topLeft(), near.bottomRight()
        reached = self._near(
            Box(math.floor(corner.y()), math.floor(corner.x()), math.ceil(end.y()) + 1, math.ceil(end.x()) + 1)
        )
        order = sorted(reached, key=lambda c: (c.id in marked, c.id == self.selected, c.in_karyogram))
        for chromosome in order:
            id, box = chromosome.id, chromosome.box
            place = QRectF(box.left, box.top, box.width, box.height)
            if id in stroked:
                continue
            draw = partial(
                self._outlines.of(chromosome).draw,
                painter,
                scale=scale,
                inside=None if near.contains(place) else inside,
            )
            if id in marked:
                draw(HALO_DARK, 5.0)
                draw(HALO, 3.6)
            if chromosome.doubts and chromosome.state is State.PROPOSED:
                # Wider and below, so that the chromosome keeps its own colour.
                draw(DOUBT, 5.5 if id in marked else 4.6, Qt.PenStyle.DashLine)
            if not chromosome.in_karyogram:
                draw(GREY_OUTLINE, 1.2, Qt.PenStyle.DotLine)
                continue
            draw(QColor(*self.colour(id)), 2.2 if id in marked and id == self.selected else 1.5)

    def draw_numbers(
        self, painter: QPainter, dirty: QRect, to_screen: Callable[[float, float], QPointF], font: QFont
    ) -> None:
        """Write numbers beside chromosomes; the painter stands in widget coordinates."""
        font = QFont(font)
        font.setBold(True)
        painter.setFont(font)
        metrics = painter.fontMetrics()
        for chromosome in self.chromosomes.values():
            chosen = chromosome.id in (self.selected, self.second)
            if not chosen and not (self.numbers and chromosome.in_karyogram):
                continue
            text = self.label(chromosome)
            box = chromosome.box
            middle = to_screen(box.top, (box.left + box.right) / 2)
            width = metrics.horizontalAdvance(text) + 8
            plate = QRectF(middle.x() - width / 2, middle.y() - metrics.height() - 5, width, metrics.height())
            if plate.top() < 2:
                plate.moveTop(to_screen(box.bottom, 0).y() + 5)
            if not plate.toAlignedRect().intersects(dirty):
                continue
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(20, 20, 20, 225 if chosen else 165))
            painter.drawRoundedRect(plate, 3, 3)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QColor(255, 255, 255))
            painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, text)
