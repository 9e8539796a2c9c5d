"""What the segmenter is trained on: how many corrections there are, further cases, how long."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from chromview.texts import tr, tr_n

STEPS = 300
_STEPS_A_MINUTE = 170
"""On one thread of a processor of 2023 that nothing else uses."""


@dataclass(frozen=True, slots=True)
class TrainingChoice:
    """Who trains, and for how many steps on how many threads."""

    who: str
    steps: int
    threads: int


class TrainingDialog(QDialog):
    """Asks for a training; shows what is counted as soon as it is known.

    Signals
    -------
    case_wanted()
        Another case shall be added.
    chosen(object)
        A `TrainingChoice`; the dialog closes itself.

    Parameters
    ----------
    who
        Name to propose.
    threads, most_threads
        How many to propose, and how many the machine has.
    """

    case_wanted = Signal()
    chosen = Signal(object)

    def __init__(self, who: str, threads: int, most_threads: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("training")
        self.setWindowTitle(tr("Train on my corrections") + " — chromview")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(520)
        column = self._column = QVBoxLayout(self)
        self.cases = QListWidget(self)
        self.cases.setObjectName("training.cases")
        self.cases.setAccessibleName(tr("Cases whose corrections are used"))
        self.cases.setMaximumHeight(72)
        column.addWidget(QLabel(tr("Slides with corrections of these cases:"), self))
        line = QHBoxLayout()
        line.addWidget(self.cases, 1)
        self.add = QPushButton(tr("Add a case…"), self)
        self.add.setObjectName("training.add")
        self.add.clicked.connect(self.case_wanted)
        line.addWidget(self.add, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(line)
        self.count = self._text("training.count")
        self.count.setText(tr("Counting …"))
        self.missing = self._text("training.missing")
        self.missing.hide()
        column.addWidget(self.count)
        column.addWidget(self.missing)
        form = QFormLayout()
        self.who = QLineEdit(who, self)
        self.who.setObjectName("training.who")
        self.who.setPlaceholderText(tr("your name, for the card of the weights"))
        form.addRow(tr("Training by"), self.who)
        self.steps = QSpinBox(self)
        self.steps.setObjectName("training.steps")
        self.steps.setRange(1, 20000)
        self.steps.setSingleStep(100)
        self.steps.setValue(STEPS)
        self.steps.valueChanged.connect(self._show_time)
        self.time = QLabel(self)
        steps = QHBoxLayout()
        steps.addWidget(self.steps)
        steps.addWidget(self.time, 1)
        form.addRow(tr("Steps"), steps)
        self.threads = QSpinBox(self)
        self.threads.setObjectName("training.threads")
        self.threads.setRange(1, most_threads)
        self.threads.setValue(threads)
        form.addRow(tr("Threads of the processor"), self.threads)
        column.addLayout(form)
        note = self._text("training.note")
        note.setText(
            tr(
                "A part of the slides is held out. The new weights are used only if they find chromosomes better on "
                "those and have not forgotten what they could do. The weights that ship stay, and Case > Weights of "
                "the segmenter goes back to them. Nothing leaves this machine. Closing the window stops the training."
            )
        )
        column.addWidget(note)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.start = QPushButton(tr("Train"), self)
        self.start.setObjectName("training.start")
        self.start.setDefault(True)
        self.start.setEnabled(False)
        buttons.addButton(self.start, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self._accepted)
        buttons.rejected.connect(self.close)
        column.addWidget(buttons)
        self._show_time()

    def _text(self, name: str) -> QLabel:
        label = QLabel(self)
        label.setObjectName(name)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setWordWrap(True)
        return label

    def show_count(self, cases: list[str], sentence: str, missing: str) -> None:
        """Show the cases, what there is to learn from, and why it is not enough ("" if it is)."""
        self.cases.clear()
        self.cases.addItems(cases)
        self.count.setText(sentence)
        self.missing.setText(missing)
        self.missing.setVisible(bool(missing))
        self.start.setEnabled(not missing)
        self.add.setEnabled(True)
        # Sentences in several lines ask for their height only once their width is known.
        self._column.activate()
        self.resize(self.width(), max(self.height(), self._column.totalHeightForWidth(self.width())))

    def counting(self) -> None:
        """Say that it is counted, until `show_count`."""
        self.count.setText(tr("Counting …"))
        self.start.setEnabled(False)
        self.add.setEnabled(False)

    def _show_time(self) -> None:
        minutes = max(1, round(self.steps.value() / _STEPS_A_MINUTE))
        self.time.setText(
            tr_n("about {n} minute, and the comparison", "about {n} minutes, and the comparison", minutes)
        )

    def _accepted(self) -> None:
        self.chosen.emit(TrainingChoice(self.who.text().strip(), self.steps.value(), self.threads.value()))
        self.close()
