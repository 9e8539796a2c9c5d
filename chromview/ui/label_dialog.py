"""What is exported as labels for training: which slides, which forms, into which folder."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QCheckBox, QGroupBox, QLabel, QVBoxLayout, QWidget

from chromview.app.label_sources import FORMS, LabelChoice
from chromview.texts import noop, tr
from chromview.ui.folder_dialog import FolderDialog

_GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (noop("Clusters of two, four-label masks"), ("hdf5", "pairs", "npz", "png", "painted")),
    (noop("Whole slides"), ("coco", "masks")),
    (noop("Single chromosomes"), ("single",)),
)


class LabelDialog(FolderDialog):
    """Asks for an export of labels; `chosen` carries a `LabelChoice`. Parameters as of `FolderDialog`."""

    def __init__(self, slide: str, slides: int, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__("labels", tr("Export labels for training"), slide, slides, folder, tr("the labels"), parent)
        for title, names in _GROUPS:
            group = QGroupBox(tr(title), self)
            inside = QVBoxLayout(group)
            for name in names:
                inside.addWidget(self.part(name, tr(FORMS[name]), checked=name in ("hdf5", "coco", "single")))
            self.column.addWidget(group)
        self.reviewed = QCheckBox(tr("Only what a person accepted or corrected"), self)
        self.reviewed.setObjectName("labels.reviewed")
        self.reviewed.setChecked(True)
        self.reviewed.setToolTip(tr("A slide as a whole is only written when all of its chromosomes are."))
        self.column.addWidget(self.reviewed)
        line = self.folder_line()
        line.insertWidget(0, QLabel(tr("New folder"), self))
        self.column.addLayout(line)
        note = QLabel(
            tr("provenance.json in it tells for each chromosome who made its mask and class, and when."), self
        )
        note.setWordWrap(True)
        self.column.addWidget(note)
        self.add_buttons()

    def choice(self, folder: Path, parts: tuple[str, ...]) -> LabelChoice:
        """The folder, the forms, the slides, and whether only what was reviewed."""
        return LabelChoice(folder, parts, self.whole_case.isChecked(), self.reviewed.isChecked())
