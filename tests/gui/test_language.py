"""The window in other languages: German, and one that puts every text of a catalogue between brackets."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QDialogButtonBox,
    QGroupBox,
    QLabel,
    QLineEdit,
    QListView,
    QMenu,
    QSpinBox,
    QTableWidget,
    QTextEdit,
    QWidget,
)

from chromview import texts
from chromview.core.chromosome import CLASS_NAMES
from chromview.ui.window import MainWindow

from .helpers import Sample, settle, show_sample

OPEN, SHUT = "⟦", "⟧"
# What is the same in every language: the program's name, what files are called, units and formulas.
NAMES = re.compile(
    r"\b(chromview|cell|px|English|Deutsch|CPU|cpu|CUDA|MPS|XY|XX|der|mar|inc)\b|[\w/.-]*\.(png|pdf|csv|chromview)\b"
    r"|[\w/.-]*Untitled \d[\d .:-]*(chromview)?|\b(Ctrl|Strg)\+\S+"
)


@pytest.fixture
def bracketed(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A catalogue for "de" in which every text stands between brackets."""
    pytest.importorskip("babel")
    spec = importlib.util.spec_from_file_location("catalogues", repository / "packaging" / "texts.py")
    assert spec is not None and spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    catalogue = tool.updated("de")
    for message in catalogue:
        if message.id:
            several = isinstance(message.id, tuple | list)
            message.string = (
                tuple(f"{OPEN}{text}{SHUT}" for text in message.id) if several else f"{OPEN}{message.id}{SHUT}"
            )
    file = tmp_path / "locale" / "de" / "LC_MESSAGES" / "chromview.mo"
    file.parent.mkdir(parents=True)
    file.write_bytes(tool.as_mo(catalogue))
    monkeypatch.setenv("CHROMVIEW_LOCALE", str(tmp_path / "locale"))
    yield
    texts.use(texts.SOURCE)


@pytest.fixture
def german(settings: QSettings) -> Iterator[None]:
    settings.setValue("view/language", "de")
    yield
    texts.use(texts.SOURCE)


def shown(root: QWidget) -> Iterator[tuple[str, str]]:
    """Where, and what: every text of a widget and what is in it, also those of tool tips and for assistive tools."""
    for widget in [root, *root.findChildren(QWidget)]:
        if widget.objectName().startswith("qt_"):
            continue  # made by Qt, with its own words
        name = f"{widget.objectName() or type(widget).__name__}"
        yield f"{name} tool tip", widget.toolTip()
        yield f"{name} help", widget.whatsThis()
        yield f"{name} name", widget.accessibleName()
        yield f"{name} title", widget.windowTitle()
        match widget:
            case QLabel() | QAbstractButton():
                if not isinstance(widget.parent(), QDialogButtonBox):  # those words come from Qt
                    yield name, widget.text()
            case QGroupBox() | QMenu():
                yield name, widget.title()
            case QLineEdit():
                yield name, widget.placeholderText()
            case QSpinBox():
                yield name, widget.specialValueText()
            case QTextEdit():
                yield name, widget.toPlainText()
            case QComboBox():
                yield from ((name, widget.itemText(index)) for index in range(widget.count()))
            case QTableWidget():
                headings = [widget.horizontalHeaderItem(column) for column in range(widget.columnCount())]
                cells = [
                    widget.item(row, column)
                    for row in range(widget.rowCount())
                    for column in range(widget.columnCount())
                ]
                yield from ((name, item.text()) for item in [*headings, *cells] if item is not None)
            case QListView():
                for row in range(widget.model().rowCount()):
                    yield name, str(widget.model().index(row, 0).data() or "")
                    yield name, str(widget.model().index(row, 0).data(Qt.ItemDataRole.ToolTipRole) or "")
    for action in root.findChildren(QAction):
        yield action.objectName(), action.text()
        yield action.objectName(), action.iconText()
        yield f"{action.objectName()} status", action.statusTip()
        yield f"{action.objectName()} tip", action.toolTip()


def left_over(text: str) -> str:
    """What of a text did not go through the catalogue."""
    text = re.sub(r"</b> \(.*?\)<br>", " ", text)  # keys, which are Qt's
    text = re.sub(r"<[^>]*>", " ", text)
    while True:
        inner = re.sub(rf"{OPEN}[^{OPEN}{SHUT}]*{SHUT}", " ", text)
        if inner == text:
            break
        text = inner
    words = re.findall(r"[A-Za-z]{2,}", NAMES.sub(" ", text.replace("&", "")))
    return "" if all(word in CLASS_NAMES for word in words) else text


def unmarked(root: QWidget, allowed: tuple[str, ...] = ()) -> dict[str, str]:
    found = {}
    for where, text in shown(root):
        for part in allowed:
            text = text.replace(part, " ")
        if left_over(text):
            found[where] = text
    return found


def test_every_text_of_the_window_goes_through_the_catalogue(
    bracketed: None,
    settings: QSettings,
    open_window: Callable[..., MainWindow],
    cell: Sample,
    tmp_path: Path,
) -> None:
    settings.setValue("view/language", "de")
    window = open_window()
    assert texts.language() == "de"
    assert unmarked(window) == {}
    show_sample(window, cell)
    person = getattr(window.controller.document, "person", "")
    names = tuple(sorted({str(cell.path), str(tmp_path), *([person] if person else [])}, key=len, reverse=True))
    assert unmarked(window, names) == {}
    native = QKeySequence.SequenceFormat.NativeText
    # On the page of keys they stand alone; the longest first, because one may be the end of another.
    keys = {key.toString(native) for action in window.findChildren(QAction) for key in action.shortcuts()}
    names += tuple(sorted((key for key in keys if len(key) > 1), key=len, reverse=True))
    for id in (
        "chromosome.next_doubtful", "chromosome.accept", "chromosome.flip", "chromosome.reject", "chromosome.restore",
        "karyogram.derivative", "karyogram.to_tray", "edit.undo", "edit.redo", "case.state_counted",
        "case.state_rejected",
        "mask.ask_again", "karyogram.compare", "case.cells", "help.shortcuts", "help.about",
        "view.language_de",
    ):  # fmt: skip
        if id in {action.objectName() for action in window.findChildren(QAction)}:
            window.actions_by_id[id].trigger()
        settle(window)
        assert unmarked(window, names) == {}, id
    window.say_problem(texts.tr("Nothing was written."), "viewer")
    for id in ("file.export_case", "file.export_labels"):
        window.actions_by_id[id].trigger()
        QApplication.processEvents()
        assert unmarked(window, names) == {}, id
        dialog = QApplication.activeModalWidget()
        if dialog is not None:
            dialog.close()
            QApplication.processEvents()


def test_the_window_speaks_german(
    german: None, open_window: Callable[..., MainWindow], cell: Sample, settings: QSettings
) -> None:
    window = open_window()
    show_sample(window, cell)
    assert window.actions_by_id["file.quit"].text() == "Been&den"
    assert "Strg+Q" in window.actions_by_id["file.quit"].toolTip()  # what Qt brings is in German, too
    assert window.docks["slides"].windowTitle() == "Aufnahmen"
    window.actions_by_id["chromosome.next_doubtful"].trigger()
    window.controller.settle()
    assert window.status.review_text.text().endswith("Überlappung")
    window.actions_by_id["chromosome.reject"].trigger()
    window.controller.settle()
    assert window.actions_by_id["edit.undo"].text().startswith("Rückgängig: Verwerfen: Chromosom ")
    slide = window.controller.selection.slide
    assert slide is not None
    document = window.controller.document
    # The file stays the same whoever works on it.
    assert document._history(slide).undo[-1].title.startswith("Rejection of chromosome ")


def test_a_language_is_chosen_for_the_next_start(window: MainWindow, settings: QSettings) -> None:
    assert window.actions_by_id["view.language_en"].isChecked()
    window.actions_by_id["view.language_de"].trigger()
    assert settings.value("view/language") == "de"
    assert window.actions_by_id["view.language_de"].isChecked()
    assert "started again" in window.status.said.text()
    assert window.docks["slides"].windowTitle() == "Slides"
