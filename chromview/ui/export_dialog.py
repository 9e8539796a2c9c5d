"""What is exported of a case for the file: which slides, what, signed by whom, into which folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from chromview.app.exporting import PARTS


@dataclass(frozen=True, slots=True)
class ExportChoice:
    """What is to be written: names of `PARTS`, of one slide or all, into a new folder, signed by a name."""

    folder: Path
    parts: tuple[str, ...]
    whole_case: bool
    signed: str


class ExportDialog(QDialog):
    """Asks for an export of pictures, tables and the report.

    Signals
    -------
    chosen(object)
        An `ExportChoice`; the dialog closes itself.

    Parameters
    ----------
    slide
        Name of the slide shown, "" if there is none.
    slides
        How many slides the case has.
    folder, signed
        What to propose.
    """

    chosen = Signal(object)

    def __init__(self, slide: str, slides: int, folder: Path, signed: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("export")
        self.setWindowTitle("Export the case — chromview")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        column = QVBoxLayout(self)
        self.whole_case = QRadioButton(f"All slides of the case ({slides})", self)
        self.whole_case.setObjectName("export.case")
        self.whole_case.setChecked(True)
        self.one_slide = QRadioButton(f"This slide ({slide})" if slide else "This slide", self)
        self.one_slide.setObjectName("export.slide")
        self.one_slide.setEnabled(bool(slide))
        column.addWidget(self.whole_case)
        column.addWidget(self.one_slide)
        column.addSpacing(8)
        self.parts: dict[str, QCheckBox] = {}
        for name, words in PARTS.items():
            box = QCheckBox(words, self)
            box.setObjectName(f"export.{name}")
            box.setChecked(True)
            box.toggled.connect(self._changed)
            self.parts[name] = box
            column.addWidget(box)
        column.addSpacing(8)
        form = QFormLayout()
        self.signed = QLineEdit(signed, self)
        self.signed.setObjectName("export.signed")
        self.signed.setPlaceholderText("your name, for the report")
        form.addRow("Report by", self.signed)
        line = QHBoxLayout()
        self.folder = QLineEdit(str(folder), self)
        self.folder.setObjectName("export.folder")
        self.folder.setAccessibleName("New folder for the export")
        self.folder.setMinimumWidth(320)
        self.folder.textChanged.connect(self._changed)
        browse = QPushButton("Choose…", self)
        browse.setObjectName("export.browse")
        browse.clicked.connect(self._browse)
        line.addWidget(self.folder, 1)
        line.addWidget(browse)
        form.addRow("New folder", line)
        column.addLayout(form)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.export = QPushButton("Export", self)
        self.export.setObjectName("export.export")
        self.export.setDefault(True)
        buttons.addButton(self.export, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self._accepted)
        buttons.rejected.connect(self.close)
        column.addWidget(buttons)

    def _changed(self) -> None:
        some = any(box.isChecked() for box in self.parts.values())
        self.export.setEnabled(some and bool(self.folder.text().strip()))

    def _browse(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Folder for the export", str(Path(self.folder.text()).parent))
        if path:
            self.folder.setText(str(Path(path) / Path(self.folder.text()).name))

    def _accepted(self) -> None:
        parts = tuple(name for name, box in self.parts.items() if box.isChecked())
        folder = Path(self.folder.text().strip()).expanduser()
        self.chosen.emit(ExportChoice(folder, parts, self.whole_case.isChecked(), self.signed.text().strip()))
        self.close()
