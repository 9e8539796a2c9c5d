"""Qt actions and menus, made from the list of `chromview.app.actions`."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu

from chromview.app.actions import ACTIONS, BY_ID, Menu, menu_title, of_menu, plain
from chromview.app.view_state import ViewState
from chromview.texts import tr
from chromview.ui.icons import icon


class ActionSet(QObject):
    """Every action as a ``QAction`` whose object name is its id.

    Parameters
    ----------
    window
        Owns the actions; their keys work in it.
    perform
        Called with the id of an action that was asked for.
    """

    def __init__(self, window: QMainWindow, perform: Callable[[str], None]) -> None:
        super().__init__(window)
        self._window = window
        self._actions: dict[str, QAction] = {}
        groups: dict[str, QActionGroup] = {}
        for action in ACTIONS:
            made = QAction(tr(action.title), window)
            title, help = plain(tr(action.title)), tr(action.help)
            made.setObjectName(action.id)
            made.setShortcuts([QKeySequence(key) for key in action.shortcuts])
            keys = f" ({', '.join(k.toString(QKeySequence.SequenceFormat.NativeText) for k in made.shortcuts())})"
            made.setToolTip(f"<b>{title}</b>{keys if action.shortcuts else ''}<br>{help}")
            made.setStatusTip(help)
            made.setWhatsThis(f"<b>{title}</b><br>{help}")
            made.setCheckable(action.checkable)
            if action.group:
                if action.group not in groups:
                    groups[action.group] = QActionGroup(window)
                    groups[action.group].setObjectName(f"group.{action.group}")
                groups[action.group].addAction(made)
            made.triggered.connect(lambda checked=False, id=action.id: perform(id))
            window.addAction(made)
            self._actions[action.id] = made
        self.recolour()

    def __getitem__(self, id: str) -> QAction:
        return self._actions[id]

    def recolour(self) -> None:
        """Draw the icons again in the colours of the palette."""
        for id, action in self._actions.items():
            action.setIcon(icon(id, self._window.palette()))

    def fill_menu_bar(self, panels: list[QAction]) -> None:
        """Make the menus; `panels` are the switches of the docks, shown in the View menu."""
        for menu in Menu:
            shown = self._window.menuBar().addMenu(menu_title(menu))
            shown.setObjectName(f"menu.{menu.value.lower()}")
            submenus: dict[str, QMenu] = {}
            for action in of_menu(menu):
                if action.separator:
                    shown.addSeparator()
                target = shown
                if action.submenu:
                    if action.submenu not in submenus:
                        submenus[action.submenu] = shown.addMenu(tr(action.submenu))
                        name = action.submenu.replace("&", "").lower()
                        submenus[action.submenu].setObjectName(f"menu.{menu.value.lower()}.{name}")
                    target = submenus[action.submenu]
                target.addAction(self._actions[action.id])
            if menu is Menu.VIEW:
                shown.addSeparator()
                inside = shown.addMenu(tr("&Panels"))
                inside.setObjectName("menu.view.panels")
                inside.addActions(panels)

    def show(self, state: ViewState) -> None:
        """Enable what can be done now, and let undo and redo say what they do."""
        for id, action in self._actions.items():
            action.setEnabled(BY_ID[id].enabled_when(state))
        for id, title in (("edit.undo", state.undo_title), ("edit.redo", state.redo_title)):
            text = tr(BY_ID[id].title) if title is None else title.replace("&", "&&")
            self._actions[id].setText(text)

    def check(self, id: str, on: bool) -> None:
        """Show a checkable action as on or off without performing it."""
        action = self._actions[id]
        if action.isChecked() != on:
            action.setChecked(on)
