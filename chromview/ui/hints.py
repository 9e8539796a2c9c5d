"""Strokes that say where a chromosome lies, before the model is asked again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPen, QPolygonF

from chromview.app.overlay import PALETTE
from chromview.ui.gestures import Gesture

Stroke = Sequence[tuple[float, float]]


def draw_hints(
    painter: QPainter, strokes: Sequence[Stroke], to_screen: Callable[[float, float], QPointF], first: int = 0
) -> None:
    """Draw strokes with their numbers, counted from `first`; the painter stands in widget coordinates."""
    for number, stroke in enumerate(strokes, start=first):
        line = QPolygonF([to_screen(y, x) for y, x in stroke])
        for colour, width in ((QColor(255, 255, 255), 7.0), (QColor(*PALETTE[number % len(PALETTE)]), 4.0)):
            painter.setPen(QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawPolyline(line)
        plate = QRectF(line.first().x() - 9, line.first().y() - 9, 18, 18)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(20, 20, 20, 225))
        painter.drawEllipse(plate)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QColor(255, 255, 255))
        painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, str(number + 1))


class HintGesture(Gesture):
    """A stroke along one chromosome."""

    def press(self, event: QMouseEvent) -> None:
        self._points = [self.viewer.to_picture(event.position())]

    def move(self, event: QMouseEvent) -> None:
        last, here = self._points[-1], self.viewer.to_picture(event.position())
        if abs(here[0] - last[0]) + abs(here[1] - last[1]) >= 1:
            self._points.append(here)
            ends = QPolygonF([self.viewer.to_screen(*last), self.viewer.to_screen(*here)])
            self.viewer.update(ends.boundingRect().adjusted(-12, -12, 12, 12).toAlignedRect())

    def release(self, event: QMouseEvent) -> None:
        self.viewer.update()
        if len(self._points) > 1:
            self.viewer.hint_drawn.emit(self._points)

    def paint(self, painter: QPainter) -> None:
        if len(self._points) > 1:
            draw_hints(painter, [self._points], self.viewer.to_screen, len(self.viewer.hints))
