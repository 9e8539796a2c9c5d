"""The axis and the centromere of the selected chromosome over the slide, and what the hand does to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPen, QPolygonF

from chromview.core.axis_edit import moved, point_at, share_of
from chromview.core.chromosome import Box, Chromosome, FloatArray
from chromview.core.curves import arc_length

if TYPE_CHECKING:
    from chromview.core.straighten import Straightened

LINE = QColor(255, 255, 255)
HALO = QColor(0, 0, 0, 190)
CENTROMERE = QColor(235, 64, 52)
HANDLES = 7
"""Points of the axis that are marked; any other one can be held as well."""
REACH = 9.0
"""Screen pixels around the line within which a press takes hold of it."""
_MARGIN = 24.0


class Grip(NamedTuple):
    """What a press took hold of: the centromere, or the point of the axis at `share` of its length."""

    share: float
    centromere: bool


class AxisLayer:
    """Axis and centromere of one chromosome, drawn in widget coordinates.

    Points of an axis are middles of pixels; on the widget pixel (y, x) has its middle at (y + 0.5, x + 0.5).

    Parameters
    ----------
    repaint
        Called with a rectangle of slide pixels and a margin in screen pixels that look different now.
    to_screen
        From (y, x) in slide pixels to the widget.
    """

    def __init__(self, repaint: Callable[[Box, float], None], to_screen: Callable[[float, float], QPointF]) -> None:
        self._repaint = repaint
        self._to_screen = to_screen
        self.visible = True
        self.handles = False
        self.chromosome: Chromosome | None = None
        self._held_axis: FloatArray | None = None
        self._held_centromere: float | None = None

    @property
    def axis(self) -> FloatArray | None:
        """The axis as it is drawn: under the hand, or as the document has it."""
        if self._held_axis is not None:
            return self._held_axis
        axis = None if self.chromosome is None else self.chromosome.axis
        return None if axis is None or len(axis) < 2 else axis

    @property
    def centromere(self) -> float | None:
        """The centromere as it is drawn, 0..1 of the axis."""
        if self._held_centromere is not None:
            return self._held_centromere
        return None if self.chromosome is None else self.chromosome.centromere

    def show(self, chromosome: Chromosome | None) -> None:
        """Draw another chromosome's axis; None draws nothing."""
        if chromosome is not self.chromosome:
            self._changed()
            if chromosome is None or self.chromosome is None or chromosome.id != self.chromosome.id:
                self._held_axis, self._held_centromere = None, None
            self.chromosome = chromosome
            self._changed()

    def set_view(self, *, visible: bool | None = None, handles: bool | None = None) -> None:
        """Show or hide the lines, and the marks on them that can be dragged."""
        self._changed()
        self.visible = self.visible if visible is None else visible
        self.handles = self.handles if handles is None else handles

    # -- under the hand ------------------------------------------------------------------

    def grip_at(self, at: QPointF) -> Grip | None:
        """What a press at a point of the widget would take hold of."""
        axis = self.axis
        if axis is None or not (self.visible or self.handles):
            return None
        here = at.y(), at.x()
        points = np.array([(p.y(), p.x()) for p in self._points(axis)])
        bar = self._bar(axis)
        if bar is not None and share_of(np.array([(p.y(), p.x()) for p in bar]), here)[1] <= 0.8 * REACH:
            return Grip(self.centromere or 0.0, True)
        for share, tip in ((0.0, points[0]), (1.0, points[-1])):
            if np.hypot(*(tip - here)) <= REACH:
                return Grip(share, False)
        share, away = share_of(points, here)
        return Grip(share, False) if away <= REACH else None

    def drag(self, grip: Grip, to: tuple[float, float]) -> None:
        """Draw what would be if the hand let go at (y, x), in slide pixels."""
        chromosome = self.chromosome
        if chromosome is None or chromosome.axis is None:
            return
        self._changed()
        point = to[0] - 0.5, to[1] - 0.5
        if grip.centromere:
            self._held_centromere = share_of(chromosome.axis, point)[0]
        else:
            try:
                self._held_axis = moved(chromosome.axis, grip.share, point)
            except ValueError:
                return  # pushed together to nothing: the last line that was one stays
        self._changed()

    def drop(self) -> tuple[FloatArray | None, float | None]:
        """The axis and the centromere under the hand, None where it held the other; nothing is held then."""
        held = self._held_axis, self._held_centromere
        self._changed()
        self._held_axis, self._held_centromere = None, None
        return held

    # -- drawing -------------------------------------------------------------------------

    def _changed(self) -> None:
        axis = self.axis
        if axis is None:
            return
        low, high = np.floor(axis.min(axis=0)), np.ceil(axis.max(axis=0)) + 1
        reach = int(self._width() / 2) + 2
        self._repaint(
            Box(int(low[0]) - reach, int(low[1]) - reach, int(high[0]) + reach, int(high[1]) + reach), _MARGIN
        )

    def _width(self) -> float:
        """Usual width of the chromosome, slide pixels."""
        chromosome, axis = self.chromosome, self.axis
        if chromosome is None or axis is None:
            return 0.0
        return chromosome.area / max(float(arc_length(axis)[-1]), 1.0)

    def _points(self, axis: FloatArray) -> list[QPointF]:
        return [self._to_screen(float(y) + 0.5, float(x) + 0.5) for y, x in axis]

    def _bar(self, axis: FloatArray) -> tuple[QPointF, QPointF] | None:
        """The two ends of the bar across the chromosome at its centromere."""
        share = self.centromere
        if share is None:
            return None
        length = max(float(arc_length(axis)[-1]), 1e-6)
        here = np.array(point_at(axis, share))
        along = np.array(point_at(axis, share + 2 / length)) - point_at(axis, share - 2 / length)
        along = along / max(float(np.hypot(*along)), 1e-6)
        aside = np.array([-along[1], along[0]]) * (0.5 * self._width() + 2)
        one, two = here + aside + 0.5, here - aside + 0.5
        return self._to_screen(float(one[0]), float(one[1])), self._to_screen(float(two[0]), float(two[1]))

    def draw(self, painter: QPainter, dirty: QRect, font: QFont) -> None:
        """Draw what reaches into `dirty`; the painter stands in widget coordinates."""
        axis, chromosome = self.axis, self.chromosome
        if axis is None or chromosome is None or not (self.visible or self.handles):
            return
        line, bar = QPolygonF(self._points(axis)), self._bar(axis)
        region = line.boundingRect().adjusted(-_MARGIN, -_MARGIN, _MARGIN, _MARGIN)
        if bar is not None:
            region = region.united(QRectF(*bar).normalized().adjusted(-8, -8, 8, 8))
        if not region.toAlignedRect().intersects(dirty):
            return
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for colour, width in ((HALO, 3.4), (LINE, 1.4)):
            painter.setPen(QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawPolyline(line)
        if bar is not None:
            for colour, width in ((HALO, 4.4), (CENTROMERE, 2.2)):
                painter.setPen(QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
                painter.drawLine(*bar)
        if self.handles:
            self._draw_handles(painter, axis, bar, font)

    def _draw_handles(
        self, painter: QPainter, axis: FloatArray, bar: tuple[QPointF, QPointF] | None, font: QFont
    ) -> None:
        painter.setPen(QPen(HALO, 1.2))
        painter.setBrush(LINE)
        for share in np.linspace(0, 1, HANDLES):
            y, x = point_at(axis, float(share))
            painter.drawEllipse(self._to_screen(y + 0.5, x + 0.5), 4.0, 4.0)
        painter.setBrush(CENTROMERE)
        for end in bar or ():
            painter.drawEllipse(end, 4.0, 4.0)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        # Which end is the p arm's, beside its tip: what the arms are measured by.
        assert self.chromosome is not None
        tip, inner = (0.0, 0.1) if self.chromosome.p_up else (1.0, 0.9)
        outwards = np.array(point_at(axis, tip)) - point_at(axis, inner)
        outwards = outwards / max(float(np.hypot(*outwards)), 1e-6)
        y, x = point_at(axis, tip)
        middle = self._to_screen(y + 0.5, x + 0.5) + QPointF(float(outwards[1]), float(outwards[0])) * 15
        bold = QFont(font)
        bold.setBold(True)
        painter.setFont(bold)
        plate = QRectF(middle.x() - 9, middle.y() - 9, 18, 18)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(HALO)
        painter.drawRoundedRect(plate, 3, 3)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(LINE)
        painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, "p")


def draw_straight_axis(painter: QPainter, picture: Straightened, rect: QRectF, centromere: float | None = None) -> None:
    """Draw axis and centromere over a straightened picture that fills `rect`.

    Parameters
    ----------
    painter, rect
        Where.
    picture
        Its axis is the middle column.
    centromere
        0..1 from above, where the hand holds it; as the picture has it if None.
    """
    middle = rect.center().x()
    thin = QColor(LINE)
    thin.setAlpha(150)
    for colour, width in ((QColor(0, 0, 0, 90), 2.0), (thin, 1.0)):
        pen = QPen(colour, width, Qt.PenStyle.DashLine)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.drawLine(QPointF(middle, rect.top()), QPointF(middle, rect.bottom()))
    if centromere is None and picture.centromere_row is not None:
        centromere = picture.centromere_row / picture.length
    if centromere is not None:
        pen = QPen(CENTROMERE, 2.0)
        pen.setCosmetic(True)
        painter.setPen(pen)
        y = rect.top() + centromere * rect.height()
        painter.drawLine(QPointF(rect.left(), y), QPointF(rect.right(), y))
