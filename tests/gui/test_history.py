"""The history of a case in the window, who works there, backups, and a case that was not closed."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QInputDialog, QLineEdit

from chromview.app.document import Document
from chromview.storage.case_backups import Backup, backups_of
from chromview.ui.backups import BackupsDialog
from chromview.ui.history import HistoryWindow
from chromview.ui.window import MainWindow

from .helpers import Sample, equal, open_files, show_sample, single, snapshot, written


def opened(window: MainWindow) -> HistoryWindow:
    window.perform("case.history")
    history = window.findChild(HistoryWindow, "history")
    assert history is not None
    return history


def line(history: HistoryWindow, number: int) -> list[str]:
    model = history.model
    return [str(model.data(model.index(number, column))) for column in range(model.columnCount())]


def name_is(window: MainWindow, name: str) -> None:
    """Type a name into the question of who works here."""
    window.actions_by_id["case.person"].trigger()
    (dialog,) = (found for found in window.findChildren(QInputDialog, "person") if found.isVisible())
    field = dialog.findChild(QLineEdit)
    assert field is not None
    field.selectAll()
    QTest.keyClicks(field, name)
    QTest.keyClick(field, Qt.Key.Key_Return)
    QApplication.processEvents()


def flip(window: MainWindow) -> int:
    id = single(window).id
    window.performer.select(id)
    window.perform("chromosome.flip")
    window.controller.settle()
    return id


def test_every_step_has_its_line_with_who_and_when(cell_window: MainWindow, qtbot: Any) -> None:
    name_is(cell_window, "Anna Muster")
    id = flip(cell_window)
    history = opened(cell_window)
    when, who, slide, what, before, after = line(history, 0)
    assert abs((datetime.now() - datetime.fromisoformat(when)).total_seconds()) < 600
    assert (who, slide) == ("Anna Muster", "cell.png") and what.startswith("Flip of chromosome")
    assert before.startswith(f"#{id} state proposed, p arm ") and after.startswith(f"#{id} state edited, p arm ")
    assert [line(history, n)[3] for n in (1, 2)] == ["Analysis", "Slide added"]
    assert history.count.text() == "3 steps"
    # What follows stands above it, also from another person, and so does what is taken back.
    name_is(cell_window, "Boris")
    cell_window.perform("edit.undo")
    history.follow()
    assert line(history, 0)[1] == "Boris" and line(history, 0)[3].startswith("Undo of flip")
    assert line(history, 0)[4:] == [after, before]
    assert history.count.text() == "4 steps"
    history.close()


def test_the_list_follows_by_itself(cell_window: MainWindow, qtbot: Any) -> None:
    history = opened(cell_window)
    flip(cell_window)
    qtbot.waitUntil(lambda: history.model.rowCount() == 3)
    cell_window.perform("file.new_case")
    assert history.model.rowCount() == 0
    history.close()


def test_the_steps_of_one_slide(window: MainWindow, cell: Sample, cluster: Sample, qtbot: Any) -> None:
    first = show_sample(window, cell)
    show_sample(window, cluster)
    history = opened(window)
    assert history.model.rowCount() == 4
    history.slides.setFocus()
    QTest.keyClick(history.slides, Qt.Key.Key_Down)
    assert history.slides.currentText() == "cell.png" and history.slide == first
    assert {line(history, n)[2] for n in range(history.model.rowCount())} == {"cell.png"}
    # By keyboard: into the list, down, and Enter goes to the slide.
    history.list.setFocus()
    QTest.keyClick(history.list, Qt.Key.Key_Down)
    assert "Slide added" in history.change.toPlainText() and str(cell.path) in history.change.toPlainText()
    QTest.keyClick(history.list, Qt.Key.Key_Return)
    assert window.controller.selection.slide == first
    history.close()


def test_the_history_as_a_table(cell_window: MainWindow, tmp_path: Path) -> None:
    flip(cell_window)
    history = opened(cell_window)
    path = tmp_path / "history.csv"
    history.export(path)
    written(cell_window)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["what"] for row in rows][:2] == ["Slide added", "Analysis"] and len(rows) == 3
    assert rows[2]["who"] == cell_window.controller.person and rows[2]["when"].endswith("+00:00")
    assert rows[2]["before"].startswith("#") and rows[2]["before"] != rows[2]["after"]
    assert str(path) in cell_window.status.said.text()
    history.export(tmp_path / "no folder" / "history.csv")
    written(cell_window)
    assert "no folder" in cell_window.bar("slides").text
    history.close()


def test_ten_thousand_steps_are_listed_without_reading_them(
    open_window: Callable[..., MainWindow], cell: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what is looked at is read."""
    window = open_window()
    show_sample(window, cell)
    flip(window)
    file = window.controller.document._file
    file._database.execute(
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 10000) "
        "INSERT INTO journal (slide, kind, time, title, data) "
        "SELECT slide, 'do', time + n, title, data FROM journal, n WHERE seq = (SELECT MAX(seq) FROM journal)"
    )
    read: list[int] = []
    monkeypatch.setattr(file, "command", lambda seq, command=file.command: read.append(seq) or command(seq))
    history = opened(window)
    QApplication.processEvents()
    assert history.model.rowCount() == 10_003
    assert 0 < len(set(read)) < 100
    assert line(history, 0)[4] == line(history, 2000)[4] != ""
    history.list.scrollToBottom()
    QApplication.processEvents()
    assert len(set(read)) < 200
    history.close()


def test_who_works_here_is_remembered(open_window: Callable[..., MainWindow], settings: QSettings) -> None:
    window = open_window()
    assert window.controller.person == window.controller.document.person != ""
    account = window.controller.person
    name_is(window, "  Anna   Muster ")
    assert window.controller.document.person == "Anna Muster"
    window.perform("file.new_case")
    assert window.controller.document.person == "Anna Muster"
    window.close()
    again = open_window()
    assert again.controller.document.person == "Anna Muster" == again.deeds.exports.signed()
    name_is(again, " ")
    assert again.controller.document.person == account


def test_a_case_that_was_not_closed_says_up_to_where_it_is_there(
    open_window: Callable[..., MainWindow], cell: Sample, tmp_path: Path
) -> None:
    window = open_window()
    show_sample(window, cell)
    window.deeds.save_as(tmp_path / "patient 7")
    flip(window)
    left = tmp_path / "left"
    left.mkdir()
    for part in tmp_path.glob("patient 7.chromview*"):
        shutil.copy(part, left)
    there = snapshot(window)
    open_files(window, left / "patient 7.chromview")
    said = window.bar("slides").text
    assert said.startswith("patient 7 was not closed the last time; everything is there up to the last edit, flip of")
    assert "on cell.png" in said and "stroke" in said
    assert equal(snapshot(window), there)
    window.perform("file.new_case")
    open_files(window, left / "patient 7.chromview")
    assert window.bar("slides").text == ""


def old_backup(window: MainWindow) -> Backup:
    """A backup of the case as it is now, named as if it were old; the program may make others meanwhile."""
    document = window.controller.document
    document.back_up()
    backup = backups_of(document.path)[0]
    backup.path.rename(backup.path.with_name(f"{document.path.stem} 2020-01-01 10.00.00Z.chromview"))
    return backups_of(document.path)[-1]


def oldest_chosen(window: MainWindow) -> BackupsDialog:
    """The list of backups with the last one chosen, by keys."""
    window.actions_by_id["case.backups"].trigger()
    dialog = window.findChild(BackupsDialog, "backups")
    assert dialog is not None
    dialog.list.setFocus()
    QTest.keyClick(dialog.list, Qt.Key.Key_End)
    return dialog


def test_going_back_to_a_backup_keeps_what_was_there(cell_window: MainWindow, tmp_path: Path) -> None:
    window = cell_window
    window.deeds.save_as(tmp_path / "patient 7")
    before = snapshot(window)
    old = old_backup(window)
    flip(window)
    after = snapshot(window)
    dialog = oldest_chosen(window)
    assert old.when_said in dialog.list.currentItem().text()
    QTest.keyClick(dialog.list, Qt.Key.Key_Return)
    window.controller.settle()
    assert equal(snapshot(window), before) and not equal(before, after)
    assert window.controller.document.path == tmp_path / "patient 7.chromview"
    assert window.bar("slides").text == ""
    looked = Document.open(backups_of(window.controller.document.path)[0].path)
    assert equal(dict(looked.chromosomes(looked.slides[0].id)), after)
    looked.close()
    history = opened(window)
    assert line(history, 0)[2:4] == ["the case", "Backup put back"]
    history.close()


def test_a_backup_that_is_damaged_changes_nothing(cell_window: MainWindow, tmp_path: Path) -> None:
    window = cell_window
    window.deeds.save_as(tmp_path / "patient 7")
    old = old_backup(window)
    old.path.write_bytes(old.path.read_bytes()[:5000])
    before = snapshot(window)
    dialog = oldest_chosen(window)
    dialog.back.click()
    window.controller.settle()
    assert "damaged" in window.bar("slides").text and old.path.name in window.bar("slides").text
    assert equal(snapshot(window), before)
    dialog.close()


def test_a_backup_is_made_soon_after_the_first_edit(cell_window: MainWindow, qtbot: Any) -> None:
    document = cell_window.controller.document
    flip(cell_window)
    qtbot.waitUntil(lambda: len(backups_of(document.path)) >= 1, timeout=20_000)
    cell_window.perform("case.backups")
    dialog = cell_window.findChild(BackupsDialog, "backups")
    assert dialog is not None and backups_of(document.path)[0].when_said in dialog.list.item(0).text()
    dialog.close()
