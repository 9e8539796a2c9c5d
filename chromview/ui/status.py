"""The status line: what runs, what is doubtful, what is saved."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QSizePolicy, QToolButton, QWidget

from chromview.app.view_state import ViewState
from chromview.texts import noop, tr, tr_n
from chromview.ui.menus import ActionSet

SAID_MS = 6000

STAGES = {
    "": noop("starting"),
    "prepare": noop("preparing the image"),
    "find": noop("finding chromosomes"),
    "straighten": noop("straightening"),
    "settle": noop("looking again at what is unclear"),
    "classify": noop("reading classes"),
    "place": noop("placing"),
}
"""What the stages of the pipeline are called here; others are shown as they are."""


def slide_text(state: ViewState) -> str:
    """Which slide, and what happens to it, without the percentage."""
    if state.slide is None:
        return tr("No slide") if not state.slide_count else tr_n("{n} slide", "{n} slides", state.slide_count)
    text = tr("Slide {index} of {count}", index=state.slide_index + 1, count=state.slide_count)
    if state.running is not None:
        stage = tr(STAGES.get(state.running.stage, state.running.stage))
        here = state.running.slide == state.slide
        text += (
            f" · {stage}" if here else " · " + tr("slide {index}: {stage}", index=state.running_index + 1, stage=stage)
        )
    if state.waiting:
        text += " · " + tr_n("{n} waiting", "{n} waiting", state.waiting)
    if state.inspecting is not None:
        text += f" · {tr('looking at the steps')}"
    if state.exporting is not None:
        text += " · " + tr("writing {what}", what=state.exporting[0])
    if state.training is not None:
        text += " · " + tr("training: {what}", what=state.training[0])
    return text


def review_text(state: ViewState) -> str:
    """How far the review is, and why the selected chromosome is doubtful."""
    if state.slide is None or not state.count:
        return ""
    if state.doubtful:
        if state.selected in state.doubtful:
            place = state.doubtful.index(state.selected) + 1
            return tr("Doubtful {place} of {count}: {doubt}", place=place, count=len(state.doubtful), doubt=state.doubt)
        return tr_n("{n} doubtful", "{n} doubtful", len(state.doubtful))
    if state.untouched:
        return tr_n("Nothing doubtful, {n} not accepted yet", "Nothing doubtful, {n} not accepted yet", state.untouched)
    return tr("All accepted")


def saved_text(state: ViewState) -> str:
    """What undo would do; everything is saved at once."""
    if state.undo_title is None:
        return tr("Saved")
    return tr("Saved · undo: {step}", step=state.undo_step)


class Said(QLabel):
    """A sentence that ends in three points where there is too little room for it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("status.said")
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), flags, text)
        painter.end()


class StatusLine(QWidget):
    """The line at the bottom of the window."""

    def __init__(self, actions: ActionSet, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("status")
        self.slide = self._label("status.slide")
        self.progress = QProgressBar(self)
        self.progress.setObjectName("status.progress")
        self.progress.setAccessibleName(tr("Progress of the analysis or export"))
        self.progress.setRange(0, 100)
        self.progress.setFixedWidth(120)
        self.progress.setMaximumHeight(16)
        self.cancel = QToolButton(self)
        self.cancel.setObjectName("status.cancel")
        self.cancel.setDefaultAction(actions["case.cancel"])
        self.cancel.setText(tr("Cancel"))
        self.cancel.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        actions["case.cancel"].setIconText(tr("Cancel"))
        self.said = Said(self)
        self.review = QFrame(self)
        self.review.setObjectName("review")
        self.review.setAccessibleName(tr("Review"))
        self.review.setWhatsThis(
            tr(
                "<b>Review.</b> How many chromosomes ask to be looked at. Tab goes to the next, Enter accepts it, "
                "Shift+Enter accepts everything that is left."
            )
        )
        self.review_text = self._label("review.text")
        inside = QHBoxLayout(self.review)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(2)
        inside.addWidget(self._button(actions, "chromosome.previous_doubtful", "◀"))
        inside.addWidget(self.review_text)
        inside.addWidget(self._button(actions, "chromosome.next_doubtful", "▶"))
        inside.addWidget(self._button(actions, "chromosome.accept", tr("Accept")))
        inside.addWidget(self._button(actions, "chromosome.accept_rest", tr("Accept the rest")))
        self.saved = self._label("status.saved")
        self.weights = self._label("status.weights")
        self.note = self._label("status.note")
        self.note.setText(tr("For research use"))
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 0, 6, 0)
        row.setSpacing(10)
        row.addWidget(self.slide)
        row.addWidget(self.progress)
        row.addWidget(self.cancel)
        row.addWidget(self.said, 1)
        row.addWidget(self.review)
        row.addWidget(self.saved)
        row.addWidget(self.weights)
        row.addWidget(self.note)
        self._clear = QTimer(self)
        self._clear.setSingleShot(True)
        self._clear.setInterval(SAID_MS)
        self._clear.timeout.connect(self.said.clear)
        self.show_state(ViewState())

    def _label(self, name: str) -> QLabel:
        label = QLabel(self)
        label.setObjectName(name)
        label.setTextFormat(Qt.TextFormat.PlainText)
        return label

    def _button(self, actions: ActionSet, id: str, text: str) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName(f"review.{id}")
        button.setAutoRaise(len(text) == 1)
        # Not the action's own text: here it stands beside what it is about.
        action = actions[id]
        button.setText(text)
        button.setToolTip(action.toolTip())
        button.setAccessibleName(action.text().replace("&", ""))
        button.clicked.connect(action.trigger)
        action.changed.connect(lambda: button.setEnabled(action.isEnabled()))
        button.setEnabled(action.isEnabled())
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def say(self, sentence: str) -> None:
        """Show a sentence for some seconds."""
        self.said.setText(sentence)
        self.said.setToolTip(sentence)
        self._clear.start()

    def show_state(self, state: ViewState) -> None:
        """Show where we are."""
        self.slide.setText(slide_text(state))
        self.progress.setVisible(state.busy)
        self.cancel.setVisible(state.busy)
        if state.running is not None:
            self.progress.setValue(round(100 * state.running.share))
        elif state.exporting is not None:
            self.progress.setValue(round(100 * state.exporting[1]))
        elif state.inspecting is not None:
            self.progress.setValue(round(100 * state.inspecting))
        elif state.waiting:
            self.progress.setValue(0)
        elif state.training is not None:
            self.progress.setValue(round(100 * state.training[1]))
        text = review_text(state)
        self.review_text.setText(text)
        self.review.setVisible(bool(text))
        self.saved.setText(saved_text(state))
        self.weights.setText(tr("Own weights") if state.weights else "")
        self.weights.setToolTip(state.weights)
        self.weights.setVisible(bool(state.weights))
