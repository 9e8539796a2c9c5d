"""The masks over a slide: fills and hatchings as pixels, outlines as lines, numbers as text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPainterPath, QPen

from chromview.app.overlay import PALETTE, Colour, Layer, Overlay, assign_colours
from chromview.app.stroke import NEW_ID, Stroke
from chromview.core.chromosome import Box, Chromosome, State
from chromview.ui.outlines import Outlines

EDGE = 6
"""Screen pixels by which an outline, its halo and its antialiasing reach beyond a mask."""

GREY_OUTLINE = QColor(128, 128, 128)
DOUBT = QColor(255, 196, 0)
HALO = QColor(255, 255, 255, 220)
HALO_DARK = QColor(0, 0, 0, 200)


def draw_path(
    painter: QPainter,
    path: QPainterPath,
    colour: QColor,
    width: float,
    style: Qt.PenStyle = Qt.PenStyle.SolidLine,
) -> None:
    """Draw a line `width` screen pixels wide, however far the painter is zoomed."""
    pen = QPen(colour, width, style)
    pen.setCosmetic(True)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    if style is Qt.PenStyle.DashLine:
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        pen.setDashPattern([7 / width, 6 / width])  # in widths of the pen: 7 pixels on, 6 off
    painter.setPen(pen)
    painter.drawPath(path)


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

    # -- what there is -------------------------------------------------------------------

    def reset(self, shape: tuple[int, int]) -> None:
        """Begin another slide of (H, W) pixels; (0, 0) for none."""
        self._shape = shape
        self.chromosomes, self.selected, self.second, self.stroke = {}, None, None, None
        self._colours, self._filled = {}, frozenset()
        self._outlines.clear()
        self._overlay, self._image = None, QImage()
        if shape[0] and shape[1]:
            self._overlay = Overlay(shape)
            pixels = self._overlay.pixels.view("u1")
            self._image = QImage(
                pixels.data, shape[1], shape[0], 4 * shape[1], QImage.Format.Format_ARGB32_Premultiplied
            )

    def show(self, chromosomes: Mapping[int, Chromosome], *, cluster: bool, box: Box | None = None) -> None:
        """Show other masks; `box` is where they changed, if that is known."""
        before = self._colours
        self.chromosomes, self.cluster = chromosomes, cluster
        self._outlines.keep(chromosomes)
        self._colours = assign_colours(chromosomes, {} if cluster else before, cluster=cluster)
        if any(self._colours.get(id, colour) != colour for id, colour in before.items()):
            box = None
        self._filled = self._wanted_fill()
        self.compose(box)

    def select(self, selected: int | None, second: int | None) -> None:
        """Mark the selected chromosome and the second one."""
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

    def _layers(self) -> Iterable[Layer]:
        stroked = () if self.stroke is None else self.stroke.masks.keys()
        # Filled ones last, so that a neighbour's hatching does not cover what is being painted.
        for chromosome in sorted(self.chromosomes.values(), key=lambda c: (c.id in self._filled, c.id)):
            if chromosome.id not in stroked and chromosome.in_karyogram:
                filled = chromosome.id in self._filled
                yield Layer(chromosome.box, chromosome.mask, self.colour(chromosome.id), filled)
        if self.stroke is not None:
            whole = Box(0, 0, *self._shape)
            for id, mask in sorted(self.stroke.masks.items()):
                yield Layer(whole, mask, self.colour(id), True, True)

    def compose(self, box: Box | None, margin: float = EDGE + 30) -> None:
        """Compose a rectangle (the whole slide if None) again and have it repainted."""
        if self._overlay is None:
            return
        whole = Box(0, 0, *self._shape)
        box = whole if box is None else box.intersection(whole)
        if box is not None:
            self._overlay.compose(box, self._layers(), opacity=self.opacity)
            self._repaint(box, margin)

    def begin_stroke(self, stroke: Stroke) -> None:
        """Show the masks of a stroke while it lasts."""
        self.stroke = stroke
        for id in stroke.ids:
            if id in self.chromosomes:
                self.compose(self.chromosomes[id].box)

    def end_stroke(self) -> Stroke | None:
        """Show the document's masks again; returns the stroke that was shown."""
        stroke, self.stroke = self.stroke, None
        if stroke is not None:
            boxes = [self.chromosomes[id].box for id in stroke.ids if id in self.chromosomes]
            for box in [*boxes, *([] if stroke.box is None else [stroke.box])]:
                self.compose(box)
        return stroke

    # -- drawing -------------------------------------------------------------------------

    def draw_pixels(self, painter: QPainter) -> None:
        """Draw fills and hatchings; the painter stands in slide pixels."""
        painter.drawImage(QPointF(0, 0), self._image)

    def draw_lines(self, painter: QPainter, scale: float, dirty: Callable[[Box, float], bool]) -> None:
        """Draw outlines; the painter stands in slide pixels.

        Parameters
        ----------
        painter
            With the transform from slide pixels to the widget.
        scale
            Screen pixels for a slide pixel.
        dirty
            Whether a box with a margin in screen pixels reaches into what is painted now.
        """
        stroked = () if self.stroke is None else self.stroke.masks.keys()
        marked = {id for id in (self.second, self.selected) if id is not None}
        self._outlines.prepare(scale)
        order = sorted(self.chromosomes.values(), key=lambda c: (c.id in marked, c.id == self.selected, c.in_karyogram))
        for chromosome in order:
            id = chromosome.id
            if id in stroked or not dirty(chromosome.box, EDGE):
                continue
            path = self._outlines.of(chromosome)
            if id in marked:
                draw_path(painter, path, HALO_DARK, 5.0)
                draw_path(painter, path, HALO, 3.6)
            if not chromosome.in_karyogram:
                draw_path(painter, path, GREY_OUTLINE, 1.2, Qt.PenStyle.DotLine)
                continue
            if chromosome.doubts and chromosome.state is State.PROPOSED:
                # Wider and below, so that the chromosome keeps its own colour.
                draw_path(painter, path, DOUBT, 5.5 if id in marked else 4.6, Qt.PenStyle.DashLine)
            draw_path(painter, path, QColor(*self.colour(id)), 2.2 if id == self.selected else 1.5)

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
