"""The backups of the case: when they were made, and the way back to one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
)

from chromview.app.history import Backup, backups_folder, backups_of
from chromview.texts import tr

if TYPE_CHECKING:
    from chromview.ui.window import MainWindow


class BackupsDialog(QDialog):
    """Lists the backups of the case that is open; one can be put in its place.

    Parameters
    ----------
    window
        Whose case it is.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.setObjectName("backups")
        self.setWindowTitle(tr("Backups of the case — chromview"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(520, 420)
        self.controller = window.controller
        self.note = QLabel(self)
        self.note.setObjectName("backups.note")
        self.note.setWordWrap(True)
        self.note.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.list = QListWidget(self)
        self.list.setObjectName("backups.list")
        self.list.setAccessibleName(tr("Backups, the newest first"))
        self.list.itemActivated.connect(lambda item: self.go_back())
        self.back = QPushButton(tr("&Go back to this one"), self)
        self.back.setObjectName("backups.back")
        self.back.clicked.connect(self.go_back)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.addButton(self.back, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.close)
        column = QVBoxLayout(self)
        column.addWidget(self.note)
        column.addWidget(self.list, 1)
        column.addWidget(buttons)
        self._fill()

    def _fill(self) -> None:
        path = self.controller.document.path
        backups = backups_of(path)
        for backup in backups:
            size = backup.path.stat().st_size if backup.path.exists() else 0
            item = QListWidgetItem(tr("{when} ({size} MB)", when=backup.when_said, size=f"{size / 1e6:.1f}"))
            item.setData(Qt.ItemDataRole.UserRole, backup)
            item.setToolTip(str(backup.path))
            self.list.addItem(item)
        if backups:
            self.list.setCurrentRow(0)
            self.note.setText(
                tr(
                    "Going back puts the case as it was then in the place of the one that is open. What is open now is "
                    "kept as a backup before. Each backup is a case of its own in {folder}.",
                    folder=backups_folder(path),
                )
            )
        else:
            self.note.setText(tr("There is no backup yet: the first is made soon after the first edit."))
        self.back.setEnabled(bool(backups) and not self.controller.document.read_only)

    def go_back(self) -> None:
        """Put the chosen backup in the place of the case."""
        item = self.list.currentItem()
        if item is None or not self.back.isEnabled():
            return
        backup: Backup = item.data(Qt.ItemDataRole.UserRole)
        if self.controller.attempt(lambda: self.controller.restore(backup), "slides"):
            self.close()
