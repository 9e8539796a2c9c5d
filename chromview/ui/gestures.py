"""What the mouse does on the slide between press and release, one class a gesture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPen, QPolygonF

from chromview.app.tools import USUAL_EDGE, Tool

if TYPE_CHECKING:
    from chromview.ui.axis_layer import Grip
    from chromview.ui.viewer import Viewer


class Gesture:
    """Press, move, release; `cancel` leaves everything as it was."""

    def __init__(self, viewer: Viewer, button: Qt.MouseButton) -> None:
        self.viewer = viewer
        self.button = button

    def press(self, event: QMouseEvent) -> None:
        """The button went down."""

    def move(self, event: QMouseEvent) -> None:
        """The pointer moved with the button down."""

    def release(self, event: QMouseEvent) -> None:
        """The button came up: commit."""

    def cancel(self) -> None:
        """Give up."""

    def paint(self, painter: QPainter) -> None:
        """Draw on top of the slide, in widget coordinates."""


class PanGesture(Gesture):
    """Move the slide with the hand."""

    def press(self, event: QMouseEvent) -> None:
        self._last = event.position()
        self.viewer.setCursor(Qt.CursorShape.ClosedHandCursor)

    def move(self, event: QMouseEvent) -> None:
        self.viewer.pan(event.position() - self._last)
        self._last = event.position()


class SelectGesture(Gesture):
    """Click selects; a drag that leaves the spot moves the slide."""

    def press(self, event: QMouseEvent) -> None:
        self._start = self._last = event.position()
        self._dragging = False
        found = self.viewer.under(event.position())
        if found and self.viewer.masks.selected in found and not event.modifiers():
            # A second click on an overlap reaches the chromosome below.
            found = (
                found[found.index(self.viewer.masks.selected) + 1 :]
                + found[: found.index(self.viewer.masks.selected) + 1]
            )
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        self.viewer.clicked.emit(found[0] if found else 0, control)

    def move(self, event: QMouseEvent) -> None:
        if not self._dragging and (event.position() - self._start).manhattanLength() > 5:
            self._dragging = True
            self.viewer.setCursor(Qt.CursorShape.ClosedHandCursor)
        if self._dragging:
            self.viewer.pan(event.position() - self._last)
            self._last = event.position()


class PaintGesture(Gesture):
    """One stroke of a brush: previewed while it lasts, committed on release."""

    def press(self, event: QMouseEvent) -> None:
        self._last = self.viewer.to_picture(event.position())
        self.viewer.painting.emit(True)
        self.viewer.stroke_begun.emit(self._last)
        if self.viewer.stroke is not None:
            self.viewer.extend_stroke(self._last, self._last)

    def move(self, event: QMouseEvent) -> None:
        here = self.viewer.to_picture(event.position())
        self.viewer.extend_stroke(self._last, here)
        self._last = here

    def release(self, event: QMouseEvent) -> None:
        self.viewer.finish_stroke()

    def cancel(self) -> None:
        self.viewer.drop_stroke()


class LassoGesture(Gesture):
    """A closed outline: what it encloses is given to the selected chromosome, or with Shift taken out."""

    def press(self, event: QMouseEvent) -> None:
        self._taking = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        self._points = [self.viewer.to_picture(event.position())]
        self.viewer.painting.emit(True)

    def move(self, event: QMouseEvent) -> None:
        last, here = self._points[-1], self.viewer.to_picture(event.position())
        if abs(here[0] - last[0]) + abs(here[1] - last[1]) < 1 / max(1.0, self.viewer.scale):
            return
        self._points.append(here)
        # One more corner changes the outline and its inside between here, the last corner and the first, nowhere else.
        changed = QPolygonF([self.viewer.to_screen(*point) for point in (self._points[0], last, here)])
        self.viewer.update(changed.boundingRect().adjusted(-4, -4, 4, 4).toAlignedRect())

    def release(self, event: QMouseEvent) -> None:
        self.viewer.update()
        try:
            if len(self._points) > 2:
                self.viewer.lasso_drawn.emit(self._points, self._taking)
        finally:
            self.viewer.painting.emit(False)

    def cancel(self) -> None:
        self.viewer.painting.emit(False)

    def paint(self, painter: QPainter) -> None:
        outline = QPolygonF([self.viewer.to_screen(y, x) for y, x in self._points])
        red, green, blue = (0, 0, 0) if self._taking else self.viewer.lasso_colour()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(red, green, blue, 90))
        painter.drawPolygon(outline)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for colour, width, style in (
            (QColor(0, 0, 0, 200), 3.5, Qt.PenStyle.SolidLine),
            (QColor(255, 255, 255), 1.6, Qt.PenStyle.DotLine if self._taking else Qt.PenStyle.SolidLine),
        ):
            painter.setPen(QPen(colour, width, style, Qt.PenCapStyle.RoundCap))
            painter.drawPolyline(outline)
        painter.setPen(QPen(QColor(255, 255, 255), 1.0, Qt.PenStyle.DashLine))
        painter.drawLine(outline.last(), outline.first())


class MagicGesture(Gesture):
    """A click grows to the edge of the stain; dragged sideways it reaches further, or less far."""

    def press(self, event: QMouseEvent) -> None:
        self._taking = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        self._start = event.position()
        self._edge = USUAL_EDGE
        self.viewer.painting.emit(True)
        self._grow()

    def _grow(self) -> None:
        self.viewer.magic_grown.emit(self.viewer.to_picture(self._start), self._edge, self._taking)

    def move(self, event: QMouseEvent) -> None:
        # 250 screen pixels from the usual edge to the faintest stain; less than 4 is a trembling hand.
        away = event.position().x() - self._start.x()
        edge = USUAL_EDGE - (away - math.copysign(min(abs(away), 4), away)) / 250
        edge = min(0.95, max(0.05, edge))
        if abs(edge - self._edge) >= 0.01:
            self._edge = edge
            self._grow()

    def release(self, event: QMouseEvent) -> None:
        self.viewer.finish_stroke()

    def cancel(self) -> None:
        self.viewer.drop_stroke()


class CutGesture(Gesture):
    """A line drawn across a chromosome."""

    def press(self, event: QMouseEvent) -> None:
        self._points = [self.viewer.to_picture(event.position())]
        found = self.viewer.under(event.position())
        if self.viewer.masks.selected is None and found:
            self.viewer.clicked.emit(found[0], False)

    def move(self, event: QMouseEvent) -> None:
        y, x = self.viewer.to_picture(event.position())
        last = self._points[-1]
        if abs(y - last[0]) + abs(x - last[1]) >= 1:
            self._points.append((y, x))
            self.viewer.update()

    def release(self, event: QMouseEvent) -> None:
        self.viewer.update()
        if len(self._points) > 1:
            self.drawn()

    def drawn(self) -> None:
        """The line is there."""
        self.viewer.line_drawn.emit(self._points)

    def paint(self, painter: QPainter) -> None:
        points = [self.viewer.to_screen(y, x) for y, x in self._points]
        for colour, width in ((QColor(0, 0, 0, 200), 4.0), (QColor(255, 255, 255), 1.8)):
            painter.setPen(QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            if len(points) > 1:
                painter.drawPolyline(points)
            else:
                painter.drawPoint(QPointF(points[0]))


class SplitGesture(CutGesture):
    """A line along one of two chromosomes that cross."""

    def drawn(self) -> None:
        self.viewer.crossing_drawn.emit(self._points)


class MeasureGesture(Gesture):
    """A straight line across a chromosome; its length is the width."""

    def press(self, event: QMouseEvent) -> None:
        self._start = self._end = self.viewer.to_picture(event.position())

    def move(self, event: QMouseEvent) -> None:
        self._end = self.viewer.to_picture(event.position())
        self.viewer.update()

    @property
    def width(self) -> float:
        """Length of the line in slide pixels."""
        return math.hypot(self._end[0] - self._start[0], self._end[1] - self._start[1])

    def release(self, event: QMouseEvent) -> None:
        self.viewer.update()
        if self.width >= 1:
            self.viewer.width_measured.emit(self.width)

    def paint(self, painter: QPainter) -> None:
        line = self.viewer.to_screen(*self._start), self.viewer.to_screen(*self._end)
        for colour, width in ((QColor(0, 0, 0, 200), 4.0), (QColor(255, 255, 255), 1.8)):
            painter.setPen(QPen(colour, width))
            painter.drawLine(*line)
        text = f"{self.width:.1f} px"
        plate = QRectF(line[1].x() + 8, line[1].y() + 6, painter.fontMetrics().horizontalAdvance(text) + 8, 18)
        painter.fillRect(plate, QColor(20, 20, 20, 225))
        painter.setPen(QColor(255, 255, 255))
        painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, text)


class AxisGesture(Gesture):
    """A point of the axis, or the centromere, dragged; committed on release."""

    def __init__(self, viewer: Viewer, button: Qt.MouseButton, grip: Grip) -> None:
        super().__init__(viewer, button)
        self._grip = grip

    def press(self, event: QMouseEvent) -> None:
        self._start = event.position()
        self._dragging = False

    def move(self, event: QMouseEvent) -> None:
        # The hand trembles: what moved less than this was a click.
        self._dragging = self._dragging or (event.position() - self._start).manhattanLength() > 2
        if self._dragging:
            self.viewer.axis.drag(self._grip, self.viewer.to_picture(event.position()))

    def release(self, event: QMouseEvent) -> None:
        axis, centromere = self.viewer.axis.drop()
        if axis is not None:
            self.viewer.axis_moved.emit(axis)
        if centromere is not None:
            self.viewer.centromere_moved.emit(centromere)

    def cancel(self) -> None:
        self.viewer.axis.drop()


class AnnotateGesture(Gesture):
    """A text or an arrow taken hold of and moved; or, where nothing is, drawn from its text to its tip."""

    def press(self, event: QMouseEvent) -> None:
        self._start = event.position()
        self._dragging = False
        self.viewer.annotations.press(event.position())

    def move(self, event: QMouseEvent) -> None:
        self._dragging = self._dragging or (event.position() - self._start).manhattanLength() > 4
        if self._dragging:
            self.viewer.annotations.drag(event.position())

    def release(self, event: QMouseEvent) -> None:
        self.viewer.annotations.release()

    def cancel(self) -> None:
        self.viewer.annotations.drop()


def gesture_for(viewer: Viewer, event: QMouseEvent, *, panning: bool) -> Gesture | None:
    """The gesture that a press begins, or None for a button without a meaning."""
    button = event.button()
    if button == Qt.MouseButton.MiddleButton or (panning and button == Qt.MouseButton.LeftButton):
        return PanGesture(viewer, button)
    if button != Qt.MouseButton.LeftButton:
        return None
    tool = viewer.tools.tool
    if tool is Tool.AXIS:
        grip = viewer.axis.grip_at(event.position())
        return SelectGesture(viewer, button) if grip is None else AxisGesture(viewer, button, grip)
    if tool is Tool.LASSO:
        return LassoGesture(viewer, button)
    if tool is Tool.MAGIC:
        return MagicGesture(viewer, button)
    if tool is Tool.HINT:
        from chromview.ui.hints import HintGesture

        return HintGesture(viewer, button)
    if tool is Tool.ANNOTATE:
        return AnnotateGesture(viewer, button)
    if tool is Tool.MEASURE:
        return MeasureGesture(viewer, button)
    if tool is Tool.SPLIT:
        return SplitGesture(viewer, button)
    if tool is Tool.CUT:
        return CutGesture(viewer, button)
    return PaintGesture(viewer, button) if tool.paints else SelectGesture(viewer, button)
