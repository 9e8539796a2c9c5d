"""A line of controls that becomes two where the panel is narrow, instead of making the window wider."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QSizePolicy, QWidget

_SPACING = 6


class TwoRows(QWidget):
    """Two groups of widgets, side by side or one below the other.

    Parameters
    ----------
    first, second
        The widgets of the groups, from left to right.
    """

    def __init__(self, first: Sequence[QWidget], second: Sequence[QWidget], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._box = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(_SPACING)
        self._groups = [QHBoxLayout(), QHBoxLayout()]
        for group, widgets in zip(self._groups, (first, second), strict=True):
            group.setSpacing(_SPACING)
            for widget in widgets:
                group.addWidget(widget)
            group.addStretch(1)
            self._box.addLayout(group)
        self._box.setStretch(1, 1)

    def _arrange(self) -> None:
        needed = sum(group.sizeHint().width() for group in self._groups) + _SPACING
        side_by_side = needed <= self.width()
        direction = QBoxLayout.Direction.LeftToRight if side_by_side else QBoxLayout.Direction.TopToBottom
        if direction != self._box.direction():
            self._box.setDirection(direction)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:
            self._arrange()  # a text has become longer or shorter, or something is shown or hidden
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()
