"""Tools, labels, size, opacity and contrast, below the slide."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPalette, QPen, QPolygonF, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSizePolicy,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from chromview.app.tools import Over, Tool, Tools
from chromview.app.view_state import ViewState
from chromview.core.chromosome import Chromosome
from chromview.texts import noop, tr
from chromview.ui.menus import ActionSet

TOOLS = (
    "mask.select",
    "mask.brush",
    "mask.erase",
    "mask.cut",
    "mask.split",
    "mask.new",
    "mask.lasso",
    "mask.magic",
    "mask.hint",
    "mask.axis",
    "mask.annotate",
    "mask.join",
    "mask.split_overlap",
    "mask.ask_again",
)
LABELS = ("mask.label0", "mask.label1", "mask.label2", "mask.label3")
OVER = {
    Over.SAFE: noop("not others"),
    Over.ANYTHING: noop("everything"),
    Over.BACKGROUND: noop("only 0"),
    Over.FIRST: noop("only 1"),
    Over.SECOND: noop("only 2"),
    Over.BOTH: noop("only 3"),
}
"""What may be painted over, in a word or two."""
_SHORT = {
    "mask.split": noop("Cross"),
    "mask.new": noop("New"),
    "mask.magic": noop("Magic"),
    "mask.annotate": noop("Text"),
    "mask.split_overlap": noop("Split"),
    "mask.ask_again": noop("Again"),
}
_LARGEST = 100
_ANY = 16777215
"""What Qt takes for no limit of a width."""
_GAP = 2
"""Pixels between two buttons."""
_AROUND = 6
"""Pixels that a button needs around its word."""
_MARGIN = 4
"""Pixels left and right of the buttons."""
NARROW = 780
"""Below this one the opacity and the number of the size leave the strip."""
TINY = 560
"""Below this one the contrast, what the label means and the word beside the size leave it too."""


class Levels(QWidget):
    """The histogram of the slide with two handles: what is shown as black and what as white.

    Signals
    -------
    changed(int, int)
        Grey values for black and white.
    """

    changed = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tools.levels")
        self.setAccessibleName(tr("Contrast"))
        self.setToolTip(tr("Contrast: drag the left handle for black, the right one for white; double-click for all"))
        self.setMinimumWidth(110)
        self.setFixedHeight(30)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._histogram: npt.NDArray[np.float64] = np.zeros(128)
        self._top, self._levels = 255, (0, 255)
        self._held: int | None = None

    def show_levels(self, histogram: npt.NDArray[np.float64], top: int, levels: tuple[int, int]) -> None:
        """Show another slide's histogram, or other handles."""
        self._histogram, self._top, self._levels = histogram, top, levels
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(160, 30)

    def _x(self, value: float) -> float:
        return 6 + value / self._top * (self.width() - 12)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        base = self.height() - 7.0
        painter.fillRect(QRectF(6, 2, self.width() - 12, base - 2), self.palette().color(QPalette.ColorRole.Base))
        points = [QPointF(6, base)]
        step = (self.width() - 12) / len(self._histogram)
        points += [QPointF(6 + (n + 0.5) * step, base - float(v) * (base - 4)) for n, v in enumerate(self._histogram)]
        points.append(QPointF(self.width() - 6, base))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.palette().color(QPalette.ColorRole.Mid))
        painter.drawPolygon(QPolygonF(points))
        text = self.palette().color(QPalette.ColorRole.WindowText)
        for value, fill in zip(self._levels, (QColor(0, 0, 0), QColor(255, 255, 255)), strict=True):
            x = self._x(value)
            painter.setPen(QPen(text, 1))
            painter.drawLine(QPointF(x, 2), QPointF(x, base))
            painter.setBrush(fill)
            painter.drawPolygon(QPolygonF([QPointF(x, base - 2), QPointF(x - 5, base + 6), QPointF(x + 5, base + 6)]))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        x = event.position().x()
        distances = [abs(self._x(value) - x) for value in self._levels]
        self._held = (
            0 if distances[0] < distances[1] or (distances[0] == distances[1] and x < self._x(self._levels[0])) else 1
        )
        self.mouseMoveEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._held is None:
            return
        value = round((event.position().x() - 6) / max(1, self.width() - 12) * self._top)
        low, high = self._levels
        if self._held == 0:
            low = max(0, min(value, high - 1))
        else:
            high = min(self._top, max(value, low + 1))
        if (low, high) != self._levels:
            self._levels = (low, high)
            self.changed.emit(low, high)
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._held = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._levels = (0, self._top)
        self.changed.emit(0, self._top)
        self.update()


class ToolStrip(QFrame):
    """The strip of tools. Its buttons are the actions of the Mask menu."""

    def __init__(self, actions: ActionSet, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tools")
        self.setAccessibleName(tr("Tools"))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(400)
        self._tools = tools
        self._worded: list[QToolButton] = []
        self._word_widths: list[int] | None = None
        first, second = QHBoxLayout(), QHBoxLayout()
        for row in (first, second):
            row.setSpacing(_GAP)
        for id in TOOLS:
            first.addWidget(self._button(actions, id, text=True))
        first.addStretch(1)
        first.setAlignment(Qt.AlignmentFlag.AlignVCenter)
        for id in ("edit.undo", "edit.redo"):
            first.addWidget(self._button(actions, id, text=False))
        self.label_title = QLabel(tr("Label"))
        second.addWidget(self.label_title)
        for id in LABELS:
            second.addWidget(self._button(actions, id, text=False))
        self.target = QLabel(self)
        self.target.setObjectName("tools.target")
        self.target.setMinimumWidth(96)
        second.addWidget(self.target)
        self.over_title = QLabel(tr("Over"))
        second.addWidget(self.over_title)
        second.addWidget(self._over_button(actions))
        second.addWidget(self._button(actions, "mask.fill_rings", text=False))
        second.addSpacing(6)
        self.size_slider, self.size_text = self._slider("tools.size", tr("Brush size"), 1, _LARGEST)
        self.size_title = QLabel(tr("Size"))
        second.addWidget(self.size_title)
        second.addWidget(self.size_slider, 1)
        second.addWidget(self.size_text)
        self.opacity_slider, self.opacity_text = self._slider("tools.opacity", tr("Opacity of fills"), 0, 100)
        self.opacity_title = QLabel(tr("Opacity"))
        second.addWidget(self.opacity_title)
        second.addWidget(self.opacity_slider, 1)
        second.addWidget(self.opacity_text)
        for id in ("view.invert", "view.fit"):
            second.addWidget(self._button(actions, id, text=False))
        self.levels = Levels(self)
        second.addWidget(self.levels, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(_MARGIN, 3, _MARGIN, 3)
        column.setSpacing(2)
        column.addLayout(first)
        column.addLayout(second)
        self.size_slider.valueChanged.connect(tools.set_size)
        self.opacity_slider.valueChanged.connect(lambda value: tools.set_opacity(value / 100))
        tools.changed.connect(self.refresh)
        self.refresh()

    def _button(self, actions: ActionSet, id: str, *, text: bool) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName(f"tools.{id}")
        button.setDefaultAction(actions[id])
        button.setAutoRaise(True)
        button.setIconSize(QSize(20, 20))
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        if text:
            self._worded.append(button)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        else:
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        if id in _SHORT:
            actions[id].setIconText(tr(_SHORT[id]))
        return button

    def _over_button(self, actions: ActionSet) -> QToolButton:
        self.over = QToolButton(self)
        self.over.setObjectName("tools.over")
        self.over.setAccessibleName(tr("Paint over"))
        self.over.setToolTip(tr("<b>Paint over</b><br>Which pixels brush, eraser and lasso may change"))
        self.over.setAutoRaise(True)
        self.over.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.over.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.over.setMinimumWidth(max(self.fontMetrics().horizontalAdvance(tr(text)) for text in OVER.values()) + 24)
        menu = QMenu(self.over)
        menu.setObjectName("tools.over.menu")
        menu.addActions([actions[f"mask.{over}"] for over in OVER])
        self.over.setMenu(menu)
        return self.over

    def _slider(self, name: str, title: str, low: int, high: int) -> tuple[QSlider, QLabel]:
        slider = QSlider(Qt.Orientation.Horizontal, self)
        slider.setObjectName(name)
        slider.setAccessibleName(title)
        slider.setToolTip(title)
        slider.setRange(low, high)
        slider.setMinimumWidth(50)
        slider.setMaximumWidth(140)
        slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        text = QLabel(self)
        text.setObjectName(f"{name}.text")
        text.setMinimumWidth(self.fontMetrics().horizontalAdvance("100 %"))
        return slider, text

    def _words_take(self) -> list[int]:
        """Width in pixels of each button with its word; it depends on language and font."""
        if self._word_widths is None:
            self._word_widths = [
                max(b.iconSize().width(), b.fontMetrics().horizontalAdvance(b.defaultAction().iconText())) + _AROUND
                for b in self._worded
            ]
        return self._word_widths

    def _worded_width(self) -> int:
        """Width in pixels below which the tools lose their words."""
        others = 2 * (self._worded[0].iconSize().width() + _AROUND)  # undo and redo
        return sum(self._words_take()) + others + _GAP * (len(self._worded) + 3) + 2 * _MARGIN

    def changeEvent(self, event: QEvent) -> None:
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._word_widths = None
        super().changeEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow, tiny = (self.width() < width for width in (NARROW, TINY))
        wordless = self.width() < self._worded_width()
        style = Qt.ToolButtonStyle.ToolButtonIconOnly if wordless else Qt.ToolButtonStyle.ToolButtonTextUnderIcon
        for button, width in zip(self._worded, self._words_take(), strict=True):
            button.setToolButtonStyle(style)
            # Left to the layout, some would be cut so that others keep the room they would like to have.
            button.setMinimumWidth(0 if wordless else width)
            button.setMaximumWidth(_ANY if wordless else width)
        self.levels.setMinimumWidth(70 if wordless else 110)
        hidden: list[tuple[QWidget, bool]] = [
            (widget, tiny) for widget in (self.label_title, self.target, self.levels, self.size_title)
        ]
        hidden += [
            (widget, narrow)
            for widget in (self.over_title, self.opacity_title, self.opacity_slider, self.opacity_text, self.size_text)
        ]
        for widget, out in hidden:
            widget.setVisible(not out)

    def refresh(self) -> None:
        """Show the state of the tools."""
        for slider, value in (
            (self.size_slider, self._tools.size),
            (self.opacity_slider, round(100 * self._tools.opacity)),
        ):
            slider.blockSignals(True)
            slider.setValue(min(value, slider.maximum()))
            slider.blockSignals(False)
        self.over.setText(tr(OVER[self._tools.over]))
        self.size_text.setText(f"{self._tools.size} px")
        self.opacity_text.setText(f"{round(100 * self._tools.opacity)} %")

    def show_target(self, text: str) -> None:
        """Say what the brush paints on."""
        self.target.setText(text)


def target_text(tool: Tool, state: ViewState, chromosomes: Mapping[int, Chromosome]) -> str:
    """What a tool gives pixels to, in words, beside the labels."""
    if state.slide is None or not tool.colours:
        return ""
    if tool is Tool.NEW or (tool in (Tool.LASSO, Tool.MAGIC) and state.selected is None and not state.is_cluster):
        return tr("a new one")
    if state.is_cluster:
        return tr("0 none, 3 both")
    names = ["–" if id is None else chromosomes[id].class_name for id in (state.selected, state.second)]
    return f"1 = {names[0]}, 2 = {names[1]}"
