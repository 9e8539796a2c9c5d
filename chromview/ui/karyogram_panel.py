"""The karyogram with its formula below."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from chromview.app.view_state import ViewState
from chromview.texts import tr, tr_n
from chromview.ui.karyogram import KaryogramView


def note_text(state: ViewState) -> str:
    """What stands beside the formula: that it is a proposal, and what is left to do."""
    if not state.count:
        return ""
    parts = []
    if not state.is_cluster:
        parts.append(tr("proposal") if state.proposal else tr("no class read yet"))
    parts.append(tr_n("{n} chromosome", "{n} chromosomes", state.count))
    if state.left_out:
        parts.append(tr_n("{n} left out as no chromosome", "{n} left out as no chromosome", state.left_out))
    if state.doubtful:
        parts.append(tr_n("{n} doubtful", "{n} doubtful", len(state.doubtful)))
    if not state.untouched:
        parts.append(tr("all accepted"))
    return ", ".join(parts)


class KaryogramArea(QScrollArea):
    """Scrolls the karyogram where it does not fit, and tells it how much room there is."""

    def __init__(self, view: KaryogramView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("karyogram.area")
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(view)
        self._view = view

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # Without the scroll bar, or its coming and going would change the layout in a circle.
        self._view.set_viewport(self.maximumViewportSize())


class KaryogramPanel(QWidget):
    """The view in its scroll area, and the proposed karyotype."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("karyogram.panel")
        self.view = KaryogramView()
        self.area = KaryogramArea(self.view, self)
        self.formula = QLabel(self)
        self.formula.setObjectName("karyogram.formula")
        self.formula.setAccessibleName(tr("Proposed karyotype"))
        self.formula.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        font = QFont(self.formula.font())
        font.setBold(True)
        font.setPointSizeF(font.pointSizeF() * 1.2)
        self.formula.setFont(font)
        self.note = QLabel(self)
        self.note.setObjectName("karyogram.note")
        self.note.setWordWrap(True)
        self.note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        line = QHBoxLayout()
        line.setContentsMargins(8, 3, 8, 3)
        line.setSpacing(10)
        line.addWidget(self.formula)
        line.addWidget(self.note, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.area, 1)
        column.addLayout(line)

    def show_state(self, state: ViewState) -> None:
        """Show the formula and what is left to do."""
        self.formula.setText(state.proposal)
        self.formula.setVisible(bool(state.proposal))
        note = note_text(state)
        self.note.setText(note)
        self.note.setVisible(bool(note))
        running_here = state.running is not None and state.running.slide == state.slide
        if running_here:
            text = tr("The slide is being analysed.\nYou can look at it, or go on with another one.")
        elif state.slide is None:
            text = tr("The karyogram appears here.")
        elif state.count:
            text = tr("The karyogram is being drawn …")
        elif state.analysed:
            text = tr(
                "No chromosome was found on this slide.\n\nIs the stain right (Case > Stain)? "
                "Press N to paint one, or remove the slide."
            )
        else:
            text = tr("No chromosomes yet.\n\nCase > Analyse slide (Ctrl+R) finds them,\nor press N and paint one.")
        if text != self.view.empty_text:
            self.view.empty_text = text
            self.view.update()
