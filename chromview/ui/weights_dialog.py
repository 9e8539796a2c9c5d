"""Which weights of the segmenter there are, what is known of them, and which are used."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from chromview.app.weights import SHIPPED, WeightsInfo
from chromview.texts import tr


class WeightsDialog(QDialog):
    """Shows weights and lets one choose.

    Signals
    -------
    chosen(str)
        The name of the weights that are to be used; the dialog closes itself.
    """

    chosen = Signal(str)

    def __init__(self, known: Sequence[WeightsInfo], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("weights")
        self.setWindowTitle(tr("Weights of the segmenter") + " — chromview")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(560)
        self._known = {one.name: one for one in known}
        column = QVBoxLayout(self)
        self.list = QListWidget(self)
        self.list.setObjectName("weights.list")
        self.list.setAccessibleName(tr("Weights"))
        for one in known:
            words = tr("The weights that ship") if one.name == SHIPPED else one.name
            item = QListWidgetItem(words + (" — " + tr("used now") if one.used else ""))
            item.setData(Qt.ItemDataRole.UserRole, one.name)
            self.list.addItem(item)
            if one.used:
                self.list.setCurrentItem(item)
        self.list.currentItemChanged.connect(lambda *_: self._show())
        self.list.itemActivated.connect(lambda *_: self._accepted())
        column.addWidget(self.list)
        self.card = QLabel(self)
        self.card.setObjectName("weights.card")
        self.card.setTextFormat(Qt.TextFormat.PlainText)
        self.card.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.card.setWordWrap(True)
        self.card.setMinimumHeight(110)
        self.card.setAlignment(Qt.AlignmentFlag.AlignTop)
        column.addWidget(self.card)
        note = QLabel(tr("Slides that are analysed already stay as they are; Ctrl+R analyses one again."), self)
        note.setWordWrap(True)
        column.addWidget(note)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.use = QPushButton(tr("Use these"), self)
        self.use.setObjectName("weights.use")
        self.use.setDefault(True)
        buttons.addButton(self.use, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self._accepted)
        buttons.rejected.connect(self.close)
        column.addWidget(buttons)
        self._show()

    @property
    def _current(self) -> WeightsInfo | None:
        item = self.list.currentItem()
        return None if item is None else self._known[item.data(Qt.ItemDataRole.UserRole)]

    def _show(self) -> None:
        current = self._current
        self.card.setText("" if current is None else "\n".join(current.lines))
        self.use.setEnabled(current is not None and not current.used)

    def _accepted(self) -> None:
        current = self._current
        if current is not None and not current.used:
            self.chosen.emit(current.name)
        self.close()
