"""What the dialogs of exports share: which slides, what of them, and the new folder it goes into."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from chromview.texts import tr


class FolderDialog(QDialog):
    """Asks for the slides, the parts and the new folder of an export; who derives lays out what lies between.

    Signals
    -------
    chosen(object)
        What is to be written; the dialog closes itself.

    Parameters
    ----------
    name
        Object name of the dialog; those of its widgets begin with it.
    title
        Of the window.
    slide
        Name of the slide shown, "" if there is none.
    slides
        How many slides the case has.
    folder
        Where to propose to write.
    purpose
        What the folder is for, for example "the labels".
    """

    chosen = Signal(object)

    def __init__(
        self, name: str, title: str, slide: str, slides: int, folder: Path, purpose: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._purpose = purpose
        self.setObjectName(name)
        self.setWindowTitle(f"{title} — chromview")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.column = QVBoxLayout(self)
        self.whole_case = QRadioButton(tr("All slides of the case ({slides})", slides=slides), self)
        self.whole_case.setObjectName(f"{name}.case")
        self.whole_case.setChecked(True)
        self.one_slide = QRadioButton(tr("This slide ({slide})", slide=slide) if slide else tr("This slide"), self)
        self.one_slide.setObjectName(f"{name}.slide")
        self.one_slide.setEnabled(bool(slide))
        self.column.addWidget(self.whole_case)
        self.column.addWidget(self.one_slide)
        self.parts: dict[str, QCheckBox] = {}
        self.folder = QLineEdit(str(folder), self)
        self.folder.setObjectName(f"{name}.folder")
        self.folder.setAccessibleName(tr("New folder for {purpose}", purpose=purpose))
        self.folder.setMinimumWidth(320)
        self.folder.textChanged.connect(self._changed)
        self._browser = QPushButton(tr("Choose…"), self)
        self._browser.setObjectName(f"{name}.browse")
        self._browser.clicked.connect(self._browse)
        self.export = QPushButton(tr("Export"), self)
        self.export.setObjectName(f"{name}.export")
        self.export.setDefault(True)

    def part(self, name: str, words: str, *, checked: bool = True) -> QCheckBox:
        """A new box for one of the parts that can be chosen."""
        box = QCheckBox(words, self)
        box.setObjectName(f"{self.objectName()}.{name}")
        box.setChecked(checked)
        box.toggled.connect(self._changed)
        self.parts[name] = box
        return box

    def folder_line(self) -> QHBoxLayout:
        """The folder with its button."""
        line = QHBoxLayout()
        line.addWidget(self.folder, 1)
        line.addWidget(self._browser)
        return line

    def add_buttons(self) -> None:
        """The last line: export or cancel."""
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        buttons.addButton(self.export, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self._accepted)
        buttons.rejected.connect(self.close)
        self.column.addWidget(buttons)

    def choice(self, folder: Path, parts: tuple[str, ...]) -> object:
        """What `chosen` carries for this folder and these parts."""
        raise NotImplementedError

    def _changed(self) -> None:
        some = any(box.isChecked() for box in self.parts.values())
        self.export.setEnabled(some and bool(self.folder.text().strip()))

    def _browse(self) -> None:
        proposed = Path(self.folder.text())
        path = QFileDialog.getExistingDirectory(
            self, tr("Folder for {purpose}", purpose=self._purpose), str(proposed.parent)
        )
        if path:
            self.folder.setText(str(Path(path) / proposed.name))

    def _accepted(self) -> None:
        folder = Path(self.folder.text().strip()).expanduser()
        self.chosen.emit(self.choice(folder, tuple(name for name, box in self.parts.items() if box.isChecked())))
        self.close()
