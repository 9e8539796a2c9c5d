"""The page of keys and the about box. Both stay open beside the work."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QPixmap
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QLabel, QTextBrowser, QVBoxLayout, QWidget

from chromview import __version__
from chromview.app.keys_page import shortcut_page
from chromview.texts import noop, tr
from chromview.ui.icons import window_icon

_ABOUT = noop(
    "<h2>chromview {version}</h2><p><b>For research use.</b> Not a medical device: every "
    "karyotype is a proposal that a person has to check.</p><p>From photographs of "
    "dividing cells to karyograms. Every edit is saved at once in the case file and can be "
    "undone, also after the program was closed.</p><p>Licence: BSD-3-Clause. Made with Qt "
    "for Python, NumPy, OpenCV, scikit-image and PyTorch.</p>"
)


def native(key: str) -> str:
    """A key sequence as it is written on the keyboard: Ctrl+Z is Strg+Z in German."""
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)


class ShortcutPage(QDialog):
    """Every action with its key, made from the list of actions."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("help.page")
        self.setWindowTitle(tr("Keys") + " — chromview")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(760, 640)
        text = QTextBrowser(self)
        text.setObjectName("help.page.text")
        text.setHtml(shortcut_page(native))
        column = QVBoxLayout(self)
        column.addWidget(text)


class About(QDialog):
    """Version, licence and purpose, and which weights find the chromosomes ("" for those that ship)."""

    def __init__(self, parent: QWidget, weights: str = "") -> None:
        super().__init__(parent)
        self.setObjectName("about")
        self.setWindowTitle(tr("About chromview"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        icon = QLabel(self)
        pixmap: QPixmap = window_icon().pixmap(64, 64)
        icon.setPixmap(pixmap)
        icon.setAlignment(Qt.AlignmentFlag.AlignTop)
        used = tr("Segmenter: weights trained on this machine, {name}.", name=weights) if weights else ""
        used = used or tr("Segmenter: the weights that ship.")
        text = QLabel(tr(_ABOUT, version=__version__) + f"<p>{escape(used)}</p>", self)
        text.setObjectName("about.text")
        text.setTextFormat(Qt.TextFormat.RichText)
        text.setWordWrap(True)
        text.setMinimumWidth(380)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.close)
        row = QHBoxLayout()
        row.addWidget(icon)
        row.addWidget(text, 1)
        column = QVBoxLayout(self)
        column.addLayout(row)
        column.addWidget(buttons)
