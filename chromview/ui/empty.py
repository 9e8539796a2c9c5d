"""What the viewer shows while there is no slide: the next step, as buttons."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from chromview.texts import tr
from chromview.ui.menus import ActionSet


class EmptyState(QFrame):
    """A sentence and the two or three actions that lead on."""

    def __init__(self, actions: ActionSet, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("empty")
        self.sentence = QLabel(self)
        self.sentence.setObjectName("empty.text")
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.sentence.setWordWrap(True)
        font = QFont(self.sentence.font())
        font.setPointSizeF(font.pointSizeF() * 1.35)
        self.sentence.setFont(font)
        self._buttons = QWidget(self)
        row = QHBoxLayout(self._buttons)
        row.setContentsMargins(0, 0, 0, 0)
        row.addStretch(1)
        for id, text in (
            ("file.add_folder", tr("Add a folder…")),
            ("file.add_slides", tr("Add slides…")),
            ("file.open_samples", tr("Open the samples")),
        ):
            button = QPushButton(text, self)
            button.setObjectName(f"empty.{id}")
            button.setToolTip(actions[id].toolTip())
            button.clicked.connect(actions[id].trigger)
            row.addWidget(button)
        row.addStretch(1)
        self._tour = QPushButton(tr("Take a tour with the samples"), self)
        self._tour.setObjectName("empty.help.tour")
        self._tour.setToolTip(actions["help.tour"].toolTip())
        self._tour.clicked.connect(actions["help.tour"].trigger)
        column = QVBoxLayout(self)
        column.addStretch(1)
        column.addWidget(self.sentence)
        column.addSpacing(16)
        column.addWidget(self._buttons)
        column.addSpacing(8)
        column.addWidget(self._tour, 0, Qt.AlignmentFlag.AlignCenter)
        column.addStretch(1)

    def offer_tour(self, offered: bool) -> None:
        """Offer the tour, as long as nobody took it and no slide was opened."""
        self._tour.setVisible(offered)

    def say(self, sentence: str, *, buttons: bool = True) -> None:
        """Show this sentence, above the buttons if there is something to add."""
        self.sentence.setText(sentence)
        self._buttons.setVisible(buttons)
