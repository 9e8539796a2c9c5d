"""What is exported of a case for the file: which slides, what, signed by whom, into which folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtWidgets import QFormLayout, QLineEdit, QWidget

from chromview.app.exporting import PARTS
from chromview.texts import tr
from chromview.ui.folder_dialog import FolderDialog


@dataclass(frozen=True, slots=True)
class ExportChoice:
    """What is to be written: names of `PARTS`, of one slide or all, into a new folder, signed by a name."""

    folder: Path
    parts: tuple[str, ...]
    whole_case: bool
    signed: str


class ExportDialog(FolderDialog):
    """Asks for an export of pictures, tables and the report; `chosen` carries an `ExportChoice`.

    Parameters
    ----------
    slide, slides, folder
        As of `FolderDialog`.
    signed
        Name to propose for the report.
    """

    def __init__(self, slide: str, slides: int, folder: Path, signed: str, parent: QWidget | None = None) -> None:
        super().__init__("export", tr("Export the case"), slide, slides, folder, tr("the export"), parent)
        self.column.addSpacing(8)
        for name, words in PARTS.items():
            self.column.addWidget(self.part(name, tr(words)))
        self.column.addSpacing(8)
        form = QFormLayout()
        self.signed = QLineEdit(signed, self)
        self.signed.setObjectName("export.signed")
        self.signed.setPlaceholderText(tr("your name, for the report"))
        form.addRow(tr("Report by"), self.signed)
        form.addRow(tr("New folder"), self.folder_line())
        self.column.addLayout(form)
        self.add_buttons()

    def choice(self, folder: Path, parts: tuple[str, ...]) -> ExportChoice:
        """The folder, the parts, the slides, and the name below the report."""
        return ExportChoice(folder, parts, self.whole_case.isChecked(), self.signed.text().strip())
