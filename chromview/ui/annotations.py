"""Texts and arrows over the slide: drawn, and moved, written and taken away by mouse and by key."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFocusEvent, QFont, QFontMetricsF, QKeyEvent, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QApplication, QLineEdit

from chromview.app.marks import LONGEST_ANNOTATION
from chromview.app.tools import Tool
from chromview.core.annotations import Annotation, arrow_outline, place_beside
from chromview.core.chromosome import Box
from chromview.texts import tr

if TYPE_CHECKING:
    from chromview.ui.viewer import Viewer

NEAR = 9.0
"""Screen pixels from a tip or a shaft within which it is taken hold of."""
_FAR = 70.0
"""Screen pixels from a chromosome to the text that a key puts beside it."""
_STEP = 4.0
"""Screen pixels that one press of an arrow key moves."""
_WAYS = {
    Qt.Key.Key_Left: (0.0, -_STEP),
    Qt.Key.Key_Right: (0.0, _STEP),
    Qt.Key.Key_Up: (-_STEP, 0.0),
    Qt.Key.Key_Down: (_STEP, 0.0),
}
_INK, _PAPER = QColor(20, 20, 20), QColor(255, 255, 255)


class Part(Enum):
    """What of an annotation is held."""

    TEXT = "text"
    TIP = "tip"
    WHOLE = "whole"


class Annotations(QObject):
    """The annotations of the slide that a viewer shows, and what mouse and keys do to them.

    Parameters
    ----------
    viewer
        Where they are drawn; its signal `annotations_changed` tells of each change.
    """

    def __init__(self, viewer: Viewer) -> None:
        super().__init__(viewer)
        self._viewer = viewer
        self._all: tuple[Annotation, ...] = ()
        self._chosen: int | None = None
        self._held: tuple[Part, QPointF] | None = None
        """What is held, and where the pointer was at first."""
        self._now: Annotation | None = None
        """The chosen one, or a new one, as it is under the hand."""
        self._edit = QLineEdit(viewer)
        self._edit.setObjectName("viewer.annotation")
        self._edit.setAccessibleName(tr("Text on the slide"))
        self._edit.setMaxLength(LONGEST_ANNOTATION)
        self._edit.installEventFilter(self)
        self._edit.hide()
        self._writing = False
        self._left_field = False
        """Whether the press that comes next took the focus out of the field."""

    # -- what is shown -------------------------------------------------------------------

    def show(self, annotations: tuple[Annotation, ...]) -> None:
        """Show these, of the same slide."""
        if annotations != self._all:
            self._all = annotations
            if self.chosen is None:
                self._chosen = None
            self._viewer.update()

    def reset(self) -> None:
        """Another slide is shown: nothing is held, chosen or written any more."""
        self._finish_writing(keep=False)  # it would go to the slide that is shown now
        self.drop()
        self._all, self._chosen = (), None

    def hold(self, in_hand: bool) -> None:
        """Told whether the tool is in hand; without it nothing is chosen."""
        if not in_hand and (self._chosen is not None or self._writing):
            self._finish_writing(keep=True)
            self._choose(None)

    @property
    def chosen(self) -> int | None:
        """Which one is chosen, if it is still there."""
        return self._chosen if self._chosen is not None and self._chosen < len(self._all) else None

    def _choose(self, index: int | None) -> None:
        if index != self._chosen:
            self._chosen = index
            self._viewer.update()

    def choose_next(self) -> None:
        """Choose the next annotation, take its tool and the keys."""
        if not self._all:
            return
        index = 0 if self.chosen is None else (self.chosen + 1) % len(self._all)
        self._viewer.tools.set_tool(Tool.ANNOTATE)
        self._choose(index)
        self._viewer.setFocus(Qt.FocusReason.ShortcutFocusReason)

    # -- geometry ------------------------------------------------------------------------

    def _font(self) -> QFont:
        font = QFont(self._viewer.font())
        font.setBold(True)
        return font

    def _plate(self, annotation: Annotation) -> QRectF:
        """The plate of a text on the widget, kept inside the slide; without a text an empty one."""
        middle = self._viewer.to_screen(annotation.y, annotation.x)
        if not annotation.text:
            return QRectF(middle, middle)
        metrics = QFontMetricsF(self._font())
        plate = QRectF(0, 0, metrics.horizontalAdvance(annotation.text) + 10, metrics.height() + 2)
        plate.moveCenter(middle)
        corner, end = self._viewer.to_screen(0, 0), self._viewer.to_screen(*self._viewer.shape)
        plate.moveLeft(max(corner.x(), min(plate.left(), end.x() - plate.width())))
        plate.moveTop(max(corner.y(), min(plate.top(), end.y() - plate.height())))
        return plate

    def _arrow(self, annotation: Annotation) -> list[QPointF]:
        if annotation.tip is None:
            return []
        plate, tip = self._plate(annotation), self._viewer.to_screen(*annotation.tip)
        middle, half = plate.center(), (plate.width() / 2, plate.height() / 2)
        letters = QFontMetricsF(self._font()).height()
        corners = arrow_outline((middle.x(), middle.y()), (tip.x(), tip.y()), half, letters)
        return [QPointF(x, y) for x, y in corners]

    def at(self, point: QPointF) -> tuple[int, Part] | None:
        """Which annotation a press at a point of the widget takes hold of, and what of it; the one on top first."""
        for index in reversed(range(len(self._all))):
            annotation = self._all[index]
            if annotation.tip is not None:
                tip = self._viewer.to_screen(*annotation.tip)
                if (tip - point).manhattanLength() <= NEAR:
                    return index, Part.TIP
            plate = self._plate(annotation)
            if annotation.text and plate.adjusted(-3, -3, 3, 3).contains(point):
                return index, Part.TEXT
            if annotation.tip is not None:
                start = plate.center()
                if not annotation.text and (start - point).manhattanLength() <= NEAR:
                    return index, Part.TEXT
                way, there = tip - start, point - start
                length = max(QPointF.dotProduct(way, way), 1e-6)
                share = min(1.0, max(0.0, QPointF.dotProduct(way, there) / length))
                off = there - way * share
                if QPointF.dotProduct(off, off) <= NEAR**2 / 2:
                    return index, Part.WHOLE
        return None

    def draw(self, painter: QPainter) -> None:
        """Draw all of them; the painter stands in widget coordinates."""
        shown = list(self._all)
        if self._now is not None:
            if self.chosen is None:
                shown.append(self._now)
            else:
                shown[self.chosen] = self._now
        font = self._font()
        for index, annotation in enumerate(shown):
            chosen = index == self._chosen or index >= len(self._all)
            accent = self._viewer.palette().highlight().color()
            arrow = self._arrow(annotation)
            painter.setPen(QPen(_PAPER, 1.6))
            painter.setBrush(accent if chosen else _INK)
            painter.drawPolygon(QPolygonF(arrow))
            plate = self._plate(annotation)
            if annotation.text:
                painter.setPen(QPen(accent if chosen else _PAPER, 1.6 if chosen else 1.0))
                painter.setBrush(QColor(20, 20, 20, 225))
                painter.drawRoundedRect(plate, 3, 3)
                painter.setFont(font)
                painter.setPen(_PAPER)
                painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, annotation.text)
            elif chosen:
                painter.setPen(QPen(accent, 1.6))
                painter.setBrush(_PAPER)
                painter.drawEllipse(plate.center(), 4, 4)
            painter.setBrush(Qt.BrushStyle.NoBrush)

    # -- mouse ---------------------------------------------------------------------------

    def press(self, point: QPointF) -> None:
        """Take hold of what is at a point of the widget, or begin a new one there.

        A press that only leaves the field of a text begins nothing.
        """
        left, self._left_field = self._left_field or self._writing, False
        self._finish_writing(keep=True)
        found = self.at(point)
        self._now = None
        if left and found is None:
            return
        if found is not None:
            self._choose(found[0])
            self._held = found[1], point
        else:
            self._choose(None)
            self._held = Part.TIP, point
            self._now = Annotation("", *self._viewer.to_picture(point))
        self._viewer.update()

    def drag(self, point: QPointF) -> None:
        """Move what is held, or the tip of a new one, to a point of the widget."""
        if self._held is None:
            return
        part, start = self._held
        y, x = self._viewer.to_picture(point)
        if self.chosen is None:
            assert self._now is not None
            self._now = self._now._replace(tip=(y, x))
        else:
            was = self._all[self.chosen]
            dy, dx = (here - there for here, there in zip((y, x), self._viewer.to_picture(start), strict=True))
            if part is Part.WHOLE or was.tip is None:
                self._now = was.moved(dy, dx)
            elif part is Part.TIP:
                self._now = was._replace(tip=(was.tip[0] + dy, was.tip[1] + dx))
            else:
                self._now = was._replace(y=was.y + dy, x=was.x + dx)
        self._viewer.update()

    def release(self) -> None:
        """Let go: what was moved is there now, and a new one waits for its text."""
        self._held, now = None, self._now
        if now is None:
            return
        if self.chosen is not None:
            self._now = None
            self._put(self.chosen, now)
        else:
            self._open_field(now)

    def drop(self) -> None:
        """Give up what the hand is in the middle of."""
        self._held, self._now = None, None
        self._viewer.update()

    # -- keys ----------------------------------------------------------------------------

    def takes(self, event: QKeyEvent) -> bool:
        """Whether a key means something to the annotation that is chosen."""
        if self.chosen is None or self._writing:
            return False
        modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        key = Qt.Key(event.key())
        if modifiers == Qt.KeyboardModifier.ShiftModifier:
            return key in _WAYS
        others = (Qt.Key.Key_Delete, Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter)
        return modifiers == Qt.KeyboardModifier.NoModifier and (key in _WAYS or key in others)

    def key(self, event: QKeyEvent) -> None:
        """Do what a key says that `takes` takes."""
        index, key = self.chosen, Qt.Key(event.key())
        if index is None:
            return
        if key == Qt.Key.Key_Escape:
            self.drop()
            self._choose(None)
        elif key == Qt.Key.Key_Delete:
            self._choose(None)
            self._tell((*self._all[:index], *self._all[index + 1 :]))
        elif key in _WAYS:
            was = self._all[index]
            dy, dx = (step / self._viewer.scale for step in _WAYS[key])
            if not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self._put(index, was.moved(dy, dx))
            elif was.tip is not None:
                self._put(index, was._replace(tip=(was.tip[0] + dy, was.tip[1] + dx)))
        else:
            self.write()

    def add_beside_selected(self) -> None:
        """Begin a text beside the selected chromosome, with an arrow on it; without one, in the middle of the view."""
        viewer = self._viewer
        if viewer.picture is None:
            return
        viewer.tools.set_tool(Tool.ANNOTATE)
        self._finish_writing(keep=True)
        self._choose(None)
        selected = viewer.masks.selected
        chromosome = None if selected is None else viewer.chromosomes.get(selected)
        if chromosome is None:
            middle = QPointF(viewer.width() / 2, viewer.height() / 2)
            self._now = Annotation("", *viewer.to_picture(middle)).inside(viewer.shape)
        else:
            others = (c for c in viewer.chromosomes.values() if c.id != chromosome.id)
            text, tip = place_beside(chromosome, others, viewer.shape, _FAR / viewer.scale)
            self._now = Annotation("", *text, tip)
            ys, xs = (text[0], tip[0]), (text[1], tip[1])
            around = Box(round(min(ys)), round(min(xs)), round(max(ys)) + 1, round(max(xs)) + 1)
            viewer.reveal(chromosome.box.union(around))
        self._open_field(self._now)

    # -- writing -------------------------------------------------------------------------

    def write(self) -> None:
        """Open the field with the text of the one that is chosen."""
        if self.chosen is not None:
            self._now = self._all[self.chosen]
            self._open_field(self._now)

    def _open_field(self, annotation: Annotation) -> None:
        self._finish_writing(keep=True)
        edit = self._edit
        edit.setText(annotation.text)
        edit.setPlaceholderText(
            tr("Text, Enter") if annotation.tip is None else tr("Text, or Enter for the arrow alone")
        )
        metrics = edit.fontMetrics()
        width = max(metrics.horizontalAdvance(text) for text in (edit.placeholderText(), edit.text())) + 24
        edit.resize(min(width, self._viewer.width()), edit.sizeHint().height())
        at = self._viewer.to_screen(annotation.y, annotation.x) - QPointF(edit.width() / 2, edit.height() / 2)
        edit.move(
            round(max(0.0, min(at.x(), self._viewer.width() - edit.width()))),
            round(max(0.0, min(at.y(), self._viewer.height() - edit.height()))),
        )
        edit.selectAll()
        self._writing, self._now = True, annotation
        edit.show()
        edit.setFocus(Qt.FocusReason.OtherFocusReason)

    def _finish_writing(self, *, keep: bool) -> None:
        """Close the field; what stands in it is kept, or what was there before."""
        if not self._writing:
            return
        had_focus, now = self._edit.hasFocus(), self._now
        self._writing, self._now = False, None
        self._edit.hide()
        if had_focus:
            self._viewer.setFocus(Qt.FocusReason.OtherFocusReason)
        self._viewer.update()
        if keep and now is not None:
            now = now._replace(text=" ".join(self._edit.text().split()))
            if self.chosen is not None:
                self._put(self.chosen, now)
            elif now.text or now.tip is not None:
                count = len(self._all)
                self._tell((*self._all, now))
                self._choose(count if len(self._all) > count else None)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # In the field every key is a letter or means what it means in every field, not an action of the window.
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._finish_writing(keep=True)
                return True
            if event.key() == Qt.Key.Key_Escape:
                self._finish_writing(keep=False)
                return True
        if isinstance(event, QFocusEvent) and event.lostFocus() and self._writing:
            elsewhere = (Qt.FocusReason.PopupFocusReason, Qt.FocusReason.ActiveWindowFocusReason)
            if event.reason() not in elsewhere:  # after those the focus comes back
                self._left_field = QApplication.focusWidget() is self._viewer
                self._finish_writing(keep=True)
        return super().eventFilter(watched, event)

    # -- telling -------------------------------------------------------------------------

    def _put(self, index: int, annotation: Annotation) -> None:
        if not annotation.text and annotation.tip is None:
            self._choose(None)
            self._tell((*self._all[:index], *self._all[index + 1 :]))
        elif annotation != self._all[index]:
            self._tell((*self._all[:index], annotation, *self._all[index + 1 :]))

    def _tell(self, annotations: Sequence[Annotation]) -> None:
        self._viewer.annotations_changed.emit(tuple(annotations))
