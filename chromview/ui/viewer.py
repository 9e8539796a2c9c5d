"""The slide with its masks, and the canvas the tools work on.

A paint event draws only what was asked for: the slide is scaled inside the dirty rectangle, the
overlay is composed per dirty rectangle with numpy, outlines that do not reach into it are skipped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QEnterEvent,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from chromview.app.overlay import Colour
from chromview.app.selection import at
from chromview.app.stroke import NEW_ID, Stroke
from chromview.app.tools import Tool, Tools
from chromview.core.chromosome import Box, Chromosome, SlideImage
from chromview.core.commands import united
from chromview.core.enhance import Enhancement
from chromview.texts import tr
from chromview.ui.annotations import Annotations
from chromview.ui.axis_layer import AxisLayer
from chromview.ui.gestures import Gesture, PaintGesture, gesture_for
from chromview.ui.hints import draw_hints
from chromview.ui.mask_layer import EDGE, MaskLayer
from chromview.ui.picture import GreyArray, Picture
from chromview.ui.steps_layer import StepsLayer, StepsLegend
from chromview.ui.zoomable import Zoomable


def paint_focus(painter: QPainter, widget: QWidget) -> None:
    """Draw a thin frame around the panel that keys go to."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(widget.palette().color(QPalette.ColorRole.Highlight), 2))
    painter.drawRect(QRectF(widget.rect()).adjusted(1, 1, -1, -1))


class Viewer(Zoomable):
    """The view of one slide.

    Signals
    -------
    clicked(int, bool)
        Chromosome id (0 for the background) and whether Ctrl was held.
    stroke_begun(object)
        A painting tool went down at (y, x); the owner answers by `begin_stroke`, or not at all.
    stroke_done(object)
        The `Stroke` on release.
    painting(bool)
        A painting tool goes down, or has come up again.
    line_drawn(object)
        The ``[(y, x), ...]`` of a cut.
    lasso_drawn(object, bool)
        The ``[(y, x), ...]`` of a closed outline, and whether what it encloses is taken out.
    magic_grown(object, float, bool)
        The magic outline is to grow from (y, x) to an edge 0..1, and whether its region is taken out; the owner answers
        by `show_stroke`.
    hint_drawn(object)
        The ``[(y, x), ...]`` of a stroke along one chromosome.
    crossing_drawn(object)
        The ``[(y, x), ...]`` of a line along one of two chromosomes that cross.
    width_measured(float)
        Length of a line across a chromosome, slide pixels.
    brush_resized(int)
        Steps by which the brush should grow.
    levels_changed()
        Contrast or inversion changed, or another slide is shown.
    axis_moved(object)
        The axis ``(n, 2)`` that the hand gave the selected chromosome.
    centromere_moved(float)
        Where on its axis the hand put the centromere, 0..1.
    annotations_changed(object)
        The texts and arrows of the slide, as the hand left them.
    menu_wanted(int, object)
        Chromosome id under the pointer (or 0) and global position.
    """

    clicked = Signal(int, bool)
    stroke_begun = Signal(object)
    stroke_done = Signal(object)
    painting = Signal(bool)
    line_drawn = Signal(object)
    lasso_drawn = Signal(object, bool)
    magic_grown = Signal(object, float, bool)
    hint_drawn = Signal(object)
    crossing_drawn = Signal(object)
    width_measured = Signal(float)
    brush_resized = Signal(int)
    levels_changed = Signal()
    axis_moved = Signal(object)
    centromere_moved = Signal(float)
    annotations_changed = Signal(object)
    menu_wanted = Signal(int, object)

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("viewer")
        self.setAccessibleName(tr("Slide"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(240, 200)
        self.setWhatsThis(
            tr(
                "<b>The slide.</b> Click a chromosome to select it, drag or hold Space to move the "
                "slide, turn the wheel to zoom. B paints, E erases, C cuts; 0 1 2 3 choose the label. "
                "An overlap is hatched in both colours; a dashed yellow line means: please look."
            )
        )
        self.tools = tools
        tools.changed.connect(self._tools_changed)
        self.picture: Picture | None = None
        self._instead: QImage | None = None
        self.masks = MaskLayer(lambda box, margin: self.update(self.on_screen(box, margin)))
        self.axis = AxisLayer(lambda box, margin: self.update(self.on_screen(box, margin)), self.to_screen)
        self.steps = StepsLayer()
        self.annotations = Annotations(self)
        self.legend = StepsLegend(self)
        self._shown: Box | None = None
        self.hints: Sequence[Sequence[tuple[float, float]]] = ()
        self.show_masks = True
        self._gesture: Gesture | None = None
        self._space = False
        self._pointer: QPointF | None = None
        self.enhancement = Enhancement()
        self.compute: Callable[[Callable[[], GreyArray], Callable[[GreyArray], None]], None]
        self.compute = lambda work, then: then(work())
        """Does work and hands over its result; the window puts it on another thread."""

    # -- what is shown -------------------------------------------------------------------

    @property
    def chromosomes(self) -> Mapping[int, Chromosome]:
        """Chromosomes shown, by id."""
        return self.masks.chromosomes

    @property
    def stroke(self) -> Stroke | None:
        """The stroke in progress."""
        return self.masks.stroke

    def show_image(self, image: SlideImage | None, instead: QImage | None = None) -> None:
        """Show another slide, fitted; or none, with a small picture `instead` of one that is still to come."""
        self.cancel_gesture()
        self._instead = instead if image is None else None
        self.picture = None if image is None else Picture(image.pixels)
        self.shape = (0, 0) if image is None else image.shape
        self.masks.reset(self.shape)
        self.axis.show(None)
        self.annotations.reset()
        if self.picture is not None:
            self.picture.set_levels(self.picture.auto_levels(), False)
            self._enhance()
        self.fit()
        self._set_cursor()
        self.levels_changed.emit()
        self.update()

    def set_view(self, *, masks: bool | None = None, fill: bool | None = None, numbers: bool | None = None) -> None:
        """Show or hide masks, fills and numbers."""
        self.show_masks = self.show_masks if masks is None else masks
        self.masks.numbers = self.masks.numbers if numbers is None else numbers
        self.masks.fill_all = self.masks.fill_all if fill is None else fill
        self.masks.refill()
        self.update()

    def enhance(self, how: Enhancement) -> None:
        """Show this slide and those that follow enhanced; the image itself is not touched."""
        self.enhancement = how
        self._enhance()

    def _enhance(self) -> None:
        """Have the slide enhanced as it should be; a large one takes a second, and meanwhile it is shown as it was."""
        picture, how = self.picture, self.enhancement
        if picture is not None and how != picture.enhancement:
            self.compute(partial(picture.enhanced, how), partial(self._show_enhanced, picture, how))

    def _show_enhanced(self, picture: Picture, how: Enhancement, drawn: GreyArray) -> None:
        if picture is not self.picture or how != self.enhancement:
            return  # meant for another slide, or for what was chosen before
        picture.show_enhanced(how, drawn)
        self.levels_changed.emit()
        self.update()

    def set_levels(self, low: int, high: int) -> None:
        """Show grey value `low` as black and `high` as white."""
        if self.picture is not None and self.picture.set_levels((low, high), self.picture.inverted):
            self.levels_changed.emit()
            self.update()

    def set_inverted(self, inverted: bool) -> None:
        """Exchange black and white."""
        if self.picture is not None and self.picture.set_levels(self.picture.levels, inverted):
            self.levels_changed.emit()
            self.update()

    def under(self, point: QPointF) -> list[int]:
        """Ids of the chromosomes under a point on the widget, the most likely meant first."""
        y, x = self.to_picture(point)
        return at(self.chromosomes, int(y // 1), int(x // 1), reach=max(1, round(3 / self.scale)))

    # -- strokes -------------------------------------------------------------------------

    def begin_stroke(self, stroke: Stroke) -> None:
        """Show the masks of a stroke while it lasts; called by the owner on `stroke_begun`."""
        self.masks.begin_stroke(stroke)

    def extend_stroke(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Paint from `start` to `end` (y, x) and repaint that rectangle only."""
        if self.stroke is not None:
            box = self.stroke.extend(start, end, self.tools.size)
            if box is not None:
                # One pixel more: a border pixel beside the brush may have become an inner one.
                self.masks.compose(box.grown(1, self.shape), EDGE)

    def show_stroke(self, stroke: Stroke | None) -> None:
        """Show another stroke in the place of the one in progress, or none."""
        before = self._shown
        self._shown = None if stroke is None else stroke.box
        if stroke is not self.stroke:
            self.masks.end_stroke()
            if stroke is not None:
                self.masks.begin_stroke(stroke)
            self.masks.refresh()
        box = united((before, self._shown))
        if box is not None:
            self.masks.compose(box.grown(1, self.shape), EDGE)

    def finish_stroke(self) -> None:
        """Hand the stroke in progress over; the brush is up."""
        stroke, self._shown = self.masks.end_stroke(), None
        try:
            if stroke is not None:
                if self.tools.fill_rings:
                    stroke.fill_rings()
                self.stroke_done.emit(stroke)
        finally:
            self.masks.refresh()
            self.painting.emit(False)

    def drop_stroke(self) -> None:
        """Forget the stroke in progress; the brush is up."""
        self._shown = None
        self.masks.end_stroke()
        self.masks.refresh()
        self.painting.emit(False)

    def lasso_colour(self) -> Colour:
        """Colour of what an outline gives pixels to: the selected chromosome, or one that is new."""
        return self.masks.colour(NEW_ID if self.masks.selected is None else self.masks.selected)

    def show_hints(self, hints: Sequence[Sequence[tuple[float, float]]]) -> None:
        """Show the strokes that say where chromosomes lie."""
        if hints != self.hints:
            self.hints = hints
            self.update()

    def cancel_gesture(self) -> None:
        """Give up what the mouse is in the middle of; nothing is committed."""
        gesture, self._gesture = self._gesture, None
        if gesture is not None:
            gesture.cancel()
            self._set_cursor()
            self.update()

    @property
    def busy(self) -> bool:
        """Whether the mouse is in the middle of something."""
        return self._gesture is not None

    # -- events --------------------------------------------------------------------------

    def _tools_changed(self) -> None:
        if self._gesture is not None and not (isinstance(self._gesture, PaintGesture) and self.tools.tool.paints):
            self.cancel_gesture()
        self.masks.set_painting(self.tools.tool.colours)
        self.masks.set_opacity(self.tools.opacity)
        self.axis.set_view(handles=self.tools.tool is Tool.AXIS)
        self.annotations.hold(self.tools.tool is Tool.ANNOTATE)
        self._set_cursor()
        if self._pointer is not None:
            # The brush may have been larger before; its old circle has to go too.
            self.update(self._brush_rect(self._pointer, 1.5))

    def _set_cursor(self) -> None:
        shape = Qt.CursorShape.CrossCursor
        if self.picture is None or self.tools.tool is Tool.SELECT:
            shape = Qt.CursorShape.ArrowCursor
        elif self.tools.tool is Tool.AXIS:
            held = self._pointer is not None and self.axis.grip_at(self._pointer) is not None
            shape = Qt.CursorShape.SizeAllCursor if held else Qt.CursorShape.ArrowCursor
        elif self.tools.tool is Tool.ANNOTATE and self._pointer is not None and self.annotations.at(self._pointer):
            shape = Qt.CursorShape.SizeAllCursor
        if self._space and self.picture is not None:
            shape = Qt.CursorShape.OpenHandCursor
        self.setCursor(shape)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self.picture is None or self._gesture is not None:
            return
        self._gesture = gesture_for(self, event, panning=self._space)
        if self._gesture is not None:
            self._gesture.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        before, self._pointer = self._pointer, event.position()
        if self._gesture is not None:
            self._gesture.move(event)
        elif self.tools.tool in (Tool.AXIS, Tool.ANNOTATE):
            self._set_cursor()
        self._move_brush(before)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        gesture = self._gesture
        if gesture is not None and event.button() == gesture.button:
            self._gesture = None
            gesture.release(event)
            self._set_cursor()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self.tools.tool is Tool.ANNOTATE and self._gesture is None and self.annotations.at(event.position()):
            self.annotations.write()
        else:
            self.mousePressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        steps = event.angleDelta().y() / 120
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            if steps:
                self.brush_resized.emit(1 if steps > 0 else -1)
        elif steps and self.picture is not None:
            self.zoom(1.2**steps, event.position())
        event.accept()

    def event(self, event: QEvent) -> bool:
        is_override = event.type() == QEvent.Type.ShortcutOverride
        if is_override and isinstance(event, QKeyEvent) and self.annotations.takes(event):
            event.accept()
            return True
        if isinstance(event, QNativeGestureEvent) and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
            self.zoom(1 + event.value(), event.position())
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.annotations.takes(event):
            self.annotations.key(event)
        elif event.key() == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self.hold_to_move(True)
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self.hold_to_move(False)
        else:
            super().keyReleaseEvent(event)

    def hold_to_move(self, held: bool) -> None:
        """Whether a press moves the slide, whatever the tool: Space is held."""
        self._space = held
        self._set_cursor()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.hold_to_move(False)  # the release of the key will go elsewhere
        super().focusOutEvent(event)
        self.update()

    def enterEvent(self, event: QEnterEvent) -> None:
        self._pointer = event.position()
        self._move_brush(None)

    def leaveEvent(self, event: QEvent) -> None:
        before, self._pointer = self._pointer, None
        self._move_brush(before)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self.picture is not None and self._gesture is None:
            found = self.under(QPointF(event.pos()))
            self.menu_wanted.emit(found[0] if found else 0, event.globalPos())

    # -- painting ------------------------------------------------------------------------

    def _brush_rect(self, point: QPointF, larger: float = 1.0) -> QRect:
        reach = self._brush_radius() * larger + 3
        return QRectF(point.x() - reach, point.y() - reach, 2 * reach, 2 * reach).toAlignedRect()

    def _brush_radius(self) -> float:
        return max(self.tools.size * self.scale / 2, 1.5)

    def _move_brush(self, before: QPointF | None) -> None:
        if self.tools.tool.paints:
            for point in (before, self._pointer):
                if point is not None:
                    self.update(self._brush_rect(point))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        dirty = event.rect()
        painter.fillRect(dirty, self.palette().color(QPalette.ColorRole.Dark))
        if self.picture is None:
            self._paint_empty(painter)
            return
        # From near by the pixels themselves matter; smoothing would hide where a mask ends.
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self.scale < 3)
        height, width = self.shape
        seen = self._in_sight()
        painter.translate(self.offset)
        painter.scale(self.scale, self.scale)
        painter.setClipRect(QRectF(0, 0, width, height))
        if seen is not None:
            image, covered = self.picture.image(self.scale * self.devicePixelRatioF(), seen)
            painter.drawImage(QRectF(covered.left, covered.top, covered.width, covered.height), image)
            steps = self.steps.image(self.scale * self.devicePixelRatioF(), seen)
            if steps is not None:
                painter.drawImage(QRectF(steps[1].left, steps[1].top, steps[1].width, steps[1].height), steps[0])
        if self.show_masks:
            self.masks.draw_pixels(painter)
        painter.setClipping(False)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.show_masks:
            top, left = self.to_picture(QPointF(dirty.topLeft()))
            inside = QRectF(left, top, dirty.width() / self.scale, dirty.height() / self.scale)
            self.masks.draw_lines(painter, self.scale, inside)
        painter.resetTransform()
        if self.show_masks:
            self.masks.draw_numbers(painter, dirty, self.to_screen, self.font())
        self.steps.draw_axes(painter, dirty, self.chromosomes, self.to_screen, self.font())
        if not self.tools.tool.colours:  # under a brush every pixel matters
            self.axis.draw(painter, dirty, self.font())
        draw_hints(painter, self.hints, self.to_screen)
        if self.show_masks or self.tools.tool is Tool.ANNOTATE:
            self.annotations.draw(painter)
        if self._gesture is not None:
            self._gesture.paint(painter)
        self._paint_brush(painter)
        if self.hasFocus():
            paint_focus(painter, self)

    def _in_sight(self) -> Box | None:
        """The slide pixels that the widget shows; None if it shows none."""
        top, left = self.to_picture(QPointF(0, 0))
        bottom, right = self.to_picture(QPointF(self.width(), self.height()))
        shown = Box(math.floor(top), math.floor(left), math.ceil(bottom), math.ceil(right))
        return shown.intersection(Box(0, 0, *self.shape))

    def _paint_brush(self, painter: QPainter) -> None:
        if self._pointer is None or not self.tools.tool.paints or self._space:
            return
        radius = self._brush_radius()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for colour, width in ((QColor(0, 0, 0, 200), 3.0), (QColor(255, 255, 255), 1.2)):
            painter.setPen(QPen(colour, width))
            painter.drawEllipse(self._pointer, radius, radius)

    def _paint_empty(self, painter: QPainter) -> None:
        painter.setOpacity(0.35)
        if self._instead is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            size = self._instead.size().scaled(self.size() - QSize(16, 16), Qt.AspectRatioMode.KeepAspectRatio)
            place = QRect(QPoint(0, 0), size)
            place.moveCenter(self.rect().center())
            painter.drawImage(place, self._instead)
            return
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.WindowText), 1.5, Qt.PenStyle.DashLine))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(24, 24, -24, -24), 10, 10)
