"""A bar over the panel that a problem concerns, with what to do; it never stops the work."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from chromview.texts import tr
from chromview.ui.theme import is_dark


class Bar(QFrame):
    """One sentence with a button to close it; hidden while there is nothing to say."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAutoFillBackground(True)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._label = QLabel(self)
        self._label.setObjectName(f"{name}.text")
        self._label.setWordWrap(True)
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        close = QToolButton(self)
        close.setObjectName(f"{name}.close")
        close.setText("✕")
        close.setAutoRaise(True)
        close.setToolTip(tr("Close"))
        close.setAccessibleName(tr("Close the message"))
        close.clicked.connect(self.clear)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 4, 4, 4)
        row.addWidget(self._label, 1)
        row.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self.hide()

    @property
    def text(self) -> str:
        """What the bar says; empty while it is hidden."""
        return self._label.text()

    def say(self, sentence: str) -> None:
        """Show a sentence."""
        parent = self.parentWidget()
        dark = is_dark(self.palette() if parent is None else parent.palette())
        colours = QPalette(self.palette())
        colours.setColor(QPalette.ColorRole.Window, QColor("#5a2a22" if dark else "#fde3dc"))
        colours.setColor(QPalette.ColorRole.WindowText, QColor("#ffe9e4" if dark else "#5c1a0d"))
        colours.setColor(QPalette.ColorRole.ButtonText, QColor("#ffe9e4" if dark else "#5c1a0d"))
        self.setPalette(colours)
        self._label.setText(sentence)
        self.show()

    def forget(self, sentence: str) -> None:
        """Hide the bar if it still says this."""
        if self.text == sentence:
            self.clear()

    def clear(self) -> None:
        """Hide the bar."""
        self._label.clear()
        self.hide()


def with_bar(panel: QWidget, name: str) -> tuple[QWidget, Bar]:
    """Put a bar over a panel; returns the widget that holds both, and the bar."""
    holder = QWidget()
    holder.setObjectName(f"{name}.holder")
    bar = Bar(f"{name}.bar", holder)
    column = QVBoxLayout(holder)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    column.addWidget(bar)
    column.addWidget(panel, 1)
    return holder, bar
