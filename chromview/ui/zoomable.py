"""A widget that shows a picture of a given size, moved and scaled."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from chromview.core.chromosome import Box

MIN_SCALE, MAX_SCALE = 0.02, 40.0


class Zoomable(QWidget):
    """Where a picture ``(H, W)`` stands on the widget, and how large.

    Signals
    -------
    zoomed()
        The scale changed.
    """

    zoomed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.shape = (0, 0)
        self._scale, self._offset = 1.0, QPointF(0, 0)
        self._fitted = True

    @property
    def scale(self) -> float:
        """Screen pixels for one picture pixel."""
        return self._scale

    @property
    def offset(self) -> QPointF:
        """Where the picture's corner stands on the widget."""
        return QPointF(self._offset)

    def to_picture(self, point: QPointF) -> tuple[float, float]:
        """(y, x) in picture pixels of a point on the widget."""
        return (point.y() - self._offset.y()) / self._scale, (point.x() - self._offset.x()) / self._scale

    def to_screen(self, y: float, x: float) -> QPointF:
        """Point on the widget of (y, x) in picture pixels."""
        return QPointF(x * self._scale + self._offset.x(), y * self._scale + self._offset.y())

    def on_screen(self, box: Box, margin: float) -> QRect:
        """Rectangle on the widget that a box covers, `margin` screen pixels larger on every side."""
        corner, other = self.to_screen(box.top, box.left), self.to_screen(box.bottom, box.right)
        return QRectF(corner, other).adjusted(-margin, -margin, margin, margin).toAlignedRect()

    def fit(self) -> None:
        """Show the whole picture."""
        height, width = self.shape
        if not height or not width:
            return
        self._fitted = True
        scale = min(max(1, self.width() - 16) / width, max(1, self.height() - 16) / height, 4.0)
        self._scale = max(MIN_SCALE, scale)
        self._offset = QPointF((self.width() - width * scale) / 2, (self.height() - height * scale) / 2)
        self.zoomed.emit()
        self.update()

    def zoom(self, factor: float, around: QPointF | None = None) -> None:
        """Zoom by a factor around a point on the widget (its middle if None)."""
        middle = QPointF(self.width() / 2, self.height() / 2)
        around = middle if around is None else around
        self._fitted = False
        y, x = self.to_picture(around)
        self._scale = max(MIN_SCALE, min(MAX_SCALE, self._scale * factor))
        self._offset = QPointF(around.x() - x * self._scale, around.y() - y * self._scale)
        self._keep_in_sight()
        self.zoomed.emit()
        self.update()

    def actual_size(self) -> None:
        """One picture pixel on one screen pixel."""
        self.zoom(1 / self._scale / self.devicePixelRatioF())

    def pan(self, delta: QPointF) -> None:
        """Move the picture by screen pixels."""
        before = self._offset
        self._offset = before + delta
        self._keep_in_sight()
        if self._offset != before:
            self._fitted = False
            self.update()

    def _keep_in_sight(self) -> None:
        height, width = self.shape[0] * self._scale, self.shape[1] * self._scale
        seen = 60
        self._offset = QPointF(
            max(seen - width, min(self.width() - seen, self._offset.x())),
            max(seen - height, min(self.height() - seen, self._offset.y())),
        )

    def reveal(self, box: Box, *, close: bool = False) -> None:
        """Bring a rectangle of the picture into view, moving as little as possible.

        Parameters
        ----------
        box
            Picture pixels.
        close
            Also zoom in until it fills a good part of the view.
        """
        if close:
            self._fitted = False
            span = max(box.height, box.width, 8) * 2.2
            self._scale = max(MIN_SCALE, min(MAX_SCALE, min(self.width(), self.height()) / span))
            self.zoomed.emit()
        rect = QRectF(self.to_screen(box.top, box.left), self.to_screen(box.bottom, box.right))
        view = QRectF(self.rect()).adjusted(24, 24, -24, -24)
        # What was brought to the edge once is there, however its place is rounded.
        if not close and (self._fitted or view.adjusted(-1, -1, 1, 1).contains(rect)):
            return
        fits = rect.width() <= view.width() and rect.height() <= view.height()
        if close or not fits or not view.intersects(rect):
            self.pan(view.center() - rect.center())
            return
        dx = max(0.0, view.left() - rect.left()) - max(0.0, rect.right() - view.right())
        dy = max(0.0, view.top() - rect.top()) - max(0.0, rect.bottom() - view.bottom())
        self.pan(QPointF(dx, dy))

    def resizeEvent(self, event: QResizeEvent) -> None:
        if self._fitted:
            self.fit()
        else:
            self._keep_in_sight()
