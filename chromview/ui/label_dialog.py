"""What is exported as labels for training: which slides, which forms, into which folder."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from chromview.app.label_sources import FORMS, LabelChoice

_GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Clusters of two, four-label masks", ("hdf5", "pairs", "npz", "png", "painted")),
    ("Whole slides", ("coco", "masks")),
    ("Single chromosomes", ("single",)),
)


class LabelDialog(QDialog):
    """Asks for an export of labels.

    Signals
    -------
    chosen(object)
        A `LabelChoice`; the dialog closes itself.

    Parameters
    ----------
    slide
        Name of the slide shown, "" if there is none.
    slides
        How many slides the case has.
    folder
        Where to propose to write.
    """

    chosen = Signal(object)

    def __init__(self, slide: str, slides: int, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("labels")
        self.setWindowTitle("Export labels for training — chromview")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        column = QVBoxLayout(self)
        self.whole_case = self._radio("labels.case", f"All slides of the case ({slides})")
        self.one_slide = self._radio("labels.slide", f"This slide ({slide})" if slide else "This slide")
        self.one_slide.setEnabled(bool(slide))
        self.whole_case.setChecked(True)
        column.addWidget(self.whole_case)
        column.addWidget(self.one_slide)
        self.forms: dict[str, QCheckBox] = {}
        for title, names in _GROUPS:
            group = QGroupBox(title, self)
            inside = QVBoxLayout(group)
            for name in names:
                box = QCheckBox(FORMS[name], group)
                box.setObjectName(f"labels.{name}")
                box.setChecked(name in ("hdf5", "coco", "single"))
                box.toggled.connect(self._changed)
                self.forms[name] = box
                inside.addWidget(box)
            column.addWidget(group)
        self.reviewed = QCheckBox("Only what a person accepted or corrected", self)
        self.reviewed.setObjectName("labels.reviewed")
        self.reviewed.setChecked(True)
        self.reviewed.setToolTip("A slide as a whole is only written when all of its chromosomes are.")
        column.addWidget(self.reviewed)
        line = QHBoxLayout()
        self.folder = QLineEdit(str(folder), self)
        self.folder.setObjectName("labels.folder")
        self.folder.setAccessibleName("New folder for the labels")
        self.folder.setMinimumWidth(320)
        self.folder.textChanged.connect(self._changed)
        browse = QPushButton("Choose…", self)
        browse.setObjectName("labels.browse")
        browse.clicked.connect(self._browse)
        line.addWidget(QLabel("New folder", self))
        line.addWidget(self.folder, 1)
        line.addWidget(browse)
        column.addLayout(line)
        note = QLabel("provenance.json in it tells for each chromosome who made its mask and class, and when.", self)
        note.setWordWrap(True)
        column.addWidget(note)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.export = QPushButton("Export", self)
        self.export.setObjectName("labels.export")
        self.export.setDefault(True)
        buttons.addButton(self.export, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self._accepted)
        buttons.rejected.connect(self.close)
        column.addWidget(buttons)

    def _radio(self, name: str, text: str) -> QRadioButton:
        button = QRadioButton(text, self)
        button.setObjectName(name)
        return button

    def _changed(self) -> None:
        some = any(box.isChecked() for box in self.forms.values())
        self.export.setEnabled(some and bool(self.folder.text().strip()))

    def _browse(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Folder for the labels", str(Path(self.folder.text()).parent))
        if path:
            self.folder.setText(str(Path(path) / Path(self.folder.text()).name))

    def _accepted(self) -> None:
        forms = tuple(name for name, box in self.forms.items() if box.isChecked())
        folder = Path(self.folder.text().strip()).expanduser()
        self.chosen.emit(LabelChoice(folder, forms, self.whole_case.isChecked(), self.reviewed.isChecked()))
        self.close()
