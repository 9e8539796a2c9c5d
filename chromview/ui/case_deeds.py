"""Actions that concern the case as a whole: its history, its backups, and who works on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QInputDialog, QLineEdit

from chromview.app.person import login_name
from chromview.texts import tr

if TYPE_CHECKING:
    from chromview.ui.history import HistoryWindow
    from chromview.ui.window import MainWindow

_SETTING = "person/name"


class CaseDeeds:
    """The part of the window's table from action id to deed that concerns the case."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self.controller = window.controller

    def table(self) -> dict[str, Callable[[], object]]:
        """From action id to deed."""
        return {
            "case.history": self.show_history,
            "case.backups": self.show_backups,
            "case.person": self.ask_person,
        }

    def restore(self, settings: QSettings) -> None:
        """Take the name of who works here as it was left."""
        self.controller.set_person(str(settings.value(_SETTING) or "") or login_name())

    def show_history(self) -> HistoryWindow:
        """Show who did what to the case; the same window each time."""
        from chromview.ui.history import HistoryWindow

        history = self.window.findChild(HistoryWindow, "history") or HistoryWindow(self.window)
        history.show()
        history.activateWindow()
        return history

    def show_backups(self) -> None:
        """Show the backups of the case."""
        from chromview.ui.backups import BackupsDialog

        BackupsDialog(self.window).open()

    def ask_person(self) -> None:
        """Ask who works here."""
        dialog = QInputDialog(self.window)
        dialog.setObjectName("person")
        dialog.setWindowTitle(tr("Who works here"))
        dialog.setLabelText(tr("Name that is recorded with every step from now on"))
        dialog.setTextEchoMode(QLineEdit.EchoMode.Normal)
        dialog.setTextValue(self.controller.person)
        dialog.textValueSelected.connect(self.use_person)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def use_person(self, name: str) -> None:
        """Record this name from now on; an empty one is that of the account."""
        name = " ".join(name.split())
        self.window.settings.setValue(_SETTING, name)
        self.controller.set_person(name or login_name())
        self.controller.said.emit(tr("Steps are recorded as done by {name}", name=self.controller.person))
