"""Dark and light, as palettes: they work on every platform, also without a desktop."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

SYSTEM, LIGHT, DARK = "system", "light", "dark"

_Role = QPalette.ColorRole

_LIGHT = {
    _Role.Window: "#f2f3f5", _Role.WindowText: "#1b1d21", _Role.Base: "#ffffff", _Role.AlternateBase: "#eceef1",
    _Role.Text: "#1b1d21", _Role.Button: "#e6e8ec", _Role.ButtonText: "#1b1d21", _Role.BrightText: "#b00020",
    _Role.Highlight: "#0b63b5", _Role.HighlightedText: "#ffffff", _Role.ToolTipBase: "#fffbe6",
    _Role.ToolTipText: "#1b1d21", _Role.Link: "#0b63b5", _Role.LinkVisited: "#5b3fa0",
    _Role.PlaceholderText: "#6a7078", _Role.Light: "#ffffff", _Role.Midlight: "#f7f8fa", _Role.Mid: "#b8bdc5",
    _Role.Dark: "#d3d6db", _Role.Shadow: "#8a8f97",
}  # fmt: skip
_DARK = {
    _Role.Window: "#26282c", _Role.WindowText: "#e8eaed", _Role.Base: "#1d1f22", _Role.AlternateBase: "#2b2e33",
    _Role.Text: "#e8eaed", _Role.Button: "#34373d", _Role.ButtonText: "#e8eaed", _Role.BrightText: "#ff8a80",
    _Role.Highlight: "#3f8fe0", _Role.HighlightedText: "#ffffff", _Role.ToolTipBase: "#3a3d44",
    _Role.ToolTipText: "#e8eaed", _Role.Link: "#7ab8ff", _Role.LinkVisited: "#c3a6ff",
    _Role.PlaceholderText: "#9aa0a8", _Role.Light: "#4a4e55", _Role.Midlight: "#3d4148", _Role.Mid: "#55595f",
    _Role.Dark: "#17181b", _Role.Shadow: "#0c0d0e",
}  # fmt: skip
_TEXT_ROLES = (_Role.WindowText, _Role.Text, _Role.ButtonText)


def palette(dark: bool) -> QPalette:
    """The dark or the light palette."""
    result = QPalette()
    for role, colour in (_DARK if dark else _LIGHT).items():
        result.setColor(role, QColor(colour))
    faded = QColor("#7d838b" if dark else "#8d929a")
    for role in _TEXT_ROLES:
        result.setColor(QPalette.ColorGroup.Disabled, role, faded)
    result.setColor(QPalette.ColorGroup.Disabled, _Role.Highlight, QColor("#55595f" if dark else "#b8bdc5"))
    return result


def system_is_dark() -> bool:
    """Whether the desktop asks for dark windows."""
    return QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark


_OUTLINE, _GRID = "#9aa1ab", "#737a84"
_OUTLINED = {
    "QCheckBox": _OUTLINE, "QRadioButton": _OUTLINE, "QGroupBox": _OUTLINE, "QLineEdit": _OUTLINE,
    "QAbstractSpinBox": _OUTLINE, "QMenu": _OUTLINE, "QTableView": _GRID,
}  # fmt: skip
"""Widgets with a frame, a grid or a box to tick, and what they have as `Window` in the dark: Fusion draws these lines a
shade darker than that, and nobody would see them."""


def use(choice: str) -> bool:
    """Give the whole program its colours; `choice` is "system", "light" or "dark". Returns whether dark."""
    app = QApplication.instance()
    dark = choice == DARK or (choice == SYSTEM and system_is_dark())
    if isinstance(app, QApplication):
        if app.style().name() != "fusion":
            app.setStyle("Fusion")  # the only style that takes a palette whole on every platform
        colours = palette(dark)
        app.setPalette(colours)
        for name, lines in _OUTLINED.items():
            if dark:
                colours.setColor(_Role.Window, QColor(lines))
            app.setPalette(colours, name)  # type: ignore[arg-type]  # the stub says bytes, which it refuses
    return dark


def is_dark(of: QPalette) -> bool:
    """Whether text is brighter than its background in this palette."""
    return of.color(_Role.WindowText).lightness() > of.color(_Role.Window).lightness()
