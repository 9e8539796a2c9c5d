"""The panel below the slide that shows at which scale it is seen, and takes another one from a person."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from chromview.app.controller import Controller
from chromview.app.perform import Performer
from chromview.app.slides import SlideInfo
from chromview.core.scale import factor_of, typical_width, width_of
from chromview.texts import tr
from chromview.ui.two_rows import TwoRows

MOST = 9999.0
"""What can be typed; what makes sense is said in a sentence when it is set."""


class ScalePanel(QFrame):
    """Width of the chromosomes of the slide shown: as it was found, and as a person says.

    Parameters
    ----------
    controller, performer
        Whose slide is meant, and what sets its scale.
    measure
        The action that takes the tool to draw across a chromosome.
    """

    def __init__(
        self, controller: Controller, performer: Performer, measure: QAction, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("scale")
        self.setAccessibleName(tr("Scale of the slide"))
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setWhatsThis(
            tr(
                "<b>Scale of the slide.</b> The networks know chromosomes of one width, so every slide is made larger "
                "or smaller for them. The width is found from the chromosomes; where that went wrong, type it, or "
                "measure it across a chromosome (U), and analyse the slide again."
            )
        )
        self._controller, self._performer = controller, performer
        self._slide: int | None = None
        self._setting = False
        self.about = QLabel(self)
        self.about.setObjectName("scale.about")
        self.about.setWordWrap(True)
        self.width_edit = self._number("scale.width", tr("Width of a chromosome in pixels"), 1)
        self.factor_edit = self._number("scale.factor", tr("Factor by which the slide is resampled"), 3)
        self.width_edit.valueChanged.connect(self._width_changed)
        self.factor_edit.valueChanged.connect(self._factor_changed)
        self.measure = QToolButton(self)
        self.measure.setObjectName("scale.measure")
        self.measure.setDefaultAction(measure)
        self.measure.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.go = self._button("scale.set", tr("Set and analyse"), self.take)
        self.free = self._button("scale.free", tr("Find it again"), self.give_back)
        close = QToolButton(self)
        close.setObjectName("scale.close")
        close.setText("✕")
        close.setAutoRaise(True)
        close.setAccessibleName(tr("Close"))
        close.setToolTip(tr("Close (Esc)"))
        close.clicked.connect(self.leave)
        numbers = (QLabel(tr("Width in pixels"), self), self.width_edit, QLabel(tr("factor"), self), self.factor_edit)
        top = QHBoxLayout()
        top.addWidget(self.about, 1)
        top.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 4, 4, 4)
        column.setSpacing(2)
        column.addLayout(top)
        column.addWidget(TwoRows(numbers, (self.measure, self.go, self.free), self))
        for widget in (self.width_edit, self.factor_edit, self.measure, self.go, self.free, close):
            widget.installEventFilter(self)
        controller.state_changed.connect(self._refresh)
        self.hide()

    def _number(self, name: str, says: str, decimals: int) -> QDoubleSpinBox:
        edit = QDoubleSpinBox(self)
        edit.setObjectName(name)
        edit.setAccessibleName(says)
        edit.setToolTip(says)
        edit.setDecimals(decimals)
        edit.setRange(10.0**-decimals, MOST)
        edit.setSingleStep(0.5 if decimals == 1 else 0.05)
        return edit

    def _button(self, name: str, text: str, deed: object) -> QPushButton:
        button = QPushButton(text, self)
        button.setObjectName(name)
        button.clicked.connect(deed)
        return button

    # -- showing -------------------------------------------------------------------------

    def open(self) -> None:
        """Show the panel with what is known of the slide, and put the cursor into the width."""
        self._slide = None
        self.show()
        self._refresh()
        self.width_edit.setFocus()
        self.width_edit.selectAll()

    def leave(self) -> None:
        """Close it; nothing is set."""
        self.hide()

    def measured(self, width: float) -> None:
        """Take a width that was measured on the slide, in slide pixels; it is not set yet."""
        if not self.isVisible():
            self.open()
        self.width_edit.setValue(width)
        self.go.setFocus()

    def _refresh(self) -> None:
        info = self._controller.info
        if not self.isVisible():
            return
        if info is None:
            self.leave()
            return
        found = typical_width(c for c in self._controller.chromosomes.values() if c.in_karyogram)
        self.about.setText(scale_text(info, found, analysed=self._controller.state.analysed))
        self.free.setEnabled(info.chosen_scale is not None)
        if info.id != self._slide:
            self._slide = info.id
            self.width_edit.setValue(width_of(info.chosen_scale or info.scale))
            self._width_changed(self.width_edit.value())

    def _width_changed(self, width: float) -> None:
        self._follow(self.factor_edit, factor_of(width))

    def _factor_changed(self, factor: float) -> None:
        self._follow(self.width_edit, width_of(factor))

    def _follow(self, other: QDoubleSpinBox, value: float) -> None:
        """Let the other number say the same."""
        if not self._setting:
            self._setting = True
            other.setValue(value)
            self._setting = False

    # -- setting -------------------------------------------------------------------------

    def take(self) -> None:
        """Set the width and analyse the slide with it."""
        self._set(self.width_edit.value())

    def give_back(self) -> None:
        """Let the analysis find the scale again."""
        if self._set(None):
            self._slide = None

    def _set(self, width: float | None) -> bool:
        done = self._performer.set_scale(width)
        if done:
            self._controller.settle()
            self._refresh()
        return done

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if not isinstance(event, QKeyEvent):
            return super().eventFilter(watched, event)
        keys = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab, Qt.Key.Key_Backtab, Qt.Key.Key_Escape)
        if event.type() == QEvent.Type.ShortcutOverride and event.key() in keys:
            event.accept()
            return True
        if event.type() == QEvent.Type.KeyPress:
            if event.key() == Qt.Key.Key_Escape:
                self.leave()
                return True
            if event.key() in keys[:2] and isinstance(watched, QDoubleSpinBox):
                watched.interpretText()
                self.take()
                return True
        return super().eventFilter(watched, event)


def scale_text(info: SlideInfo, measured: float | None, *, analysed: bool) -> str:
    """What is known of the scale of a slide, in sentences.

    Parameters
    ----------
    measured
        Median width of its chromosomes, slide pixels.
    """
    parts = []
    if not analysed:
        parts.append(tr("This slide was not analysed yet."))
    else:
        factor, width = f"{info.scale:.2f}", f"{width_of(info.scale):.1f}"
        parts.append(
            tr("The slide was seen at {factor} of its size, which suits chromosomes {width} pixels wide.",
               factor=factor, width=width)
        )  # fmt: skip
        if measured is not None:
            parts.append(tr("The chromosomes that were found are {width} pixels wide.", width=f"{measured:.1f}"))
    if info.chosen_scale is not None:
        parts.append(tr("A width of {width} pixels was set.", width=f"{width_of(info.chosen_scale):.1f}"))
    elif analysed:
        parts.append(tr("The scale was found from the chromosomes."))
    return " ".join(parts)
