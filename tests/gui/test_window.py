"""The window as a whole: every action, layout, colours, export, help."""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PySide6.QtCore import QObject, QSettings, Qt
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QMenu, QTextBrowser, QToolButton

from chromview.app.actions import ACTIONS, Menu, of_menu
from chromview.ui import theme
from chromview.ui.main import show_fault
from chromview.ui.window import MainWindow

from .helpers import Sample, open_files, settle, show_sample


def width(path: Path) -> int:
    with Image.open(path) as image:
        return image.size[0]


def test_every_action_is_in_its_menu_and_does_something(window: MainWindow) -> None:
    for action in ACTIONS:
        made = window.findChild(QAction, action.id)
        assert made is not None, action.id
        assert window.deeds.knows(action.id) or window.performer.knows(action.id), action.id
    for menu in Menu:
        shown = window.findChild(QMenu, f"menu.{menu.value.lower()}")
        assert shown is not None
        found = {a.objectName() for a in shown.actions()}
        for submenu in shown.findChildren(QMenu):
            found |= {a.objectName() for a in submenu.actions()}
        assert {action.id for action in of_menu(menu)} <= found


def test_no_two_actions_share_a_key(window: MainWindow) -> None:
    keys = Counter(key for action in ACTIONS for key in action.shortcuts)
    assert [key for key, count in keys.items() if count > 1] == []
    for action in ACTIONS:
        shortcuts = window.actions_by_id[action.id].shortcuts()
        assert len(shortcuts) == len(action.shortcuts)
        assert all(not shortcut.isEmpty() for shortcut in shortcuts), action.id


@pytest.mark.parametrize(
    "name", ["slides", "viewer", "karyogram", "inspector", "review", "tools", "status", "device", "panel.karyogram"]
)
def test_panels_and_views_have_names(window: MainWindow, name: str) -> None:
    found = window.findChildren(QObject, name)
    assert len(found) == 1


def test_the_page_of_keys_lists_every_key(window: MainWindow) -> None:
    window.actions_by_id["help.shortcuts"].trigger()
    page = window.findChild(QDialog, "help.page")
    text = page.findChild(QTextBrowser, "help.page.text").toPlainText()
    for action in ACTIONS:
        for key in action.shortcuts:
            assert key in text
        if action.shortcuts:
            assert action.plain_title in text
    page.close()


def test_the_about_box_says_research_use(window: MainWindow) -> None:
    window.actions_by_id["help.about"].trigger()
    about = window.findChild(QDialog, "about")
    assert "For research use" in about.findChild(QLabel, "about.text").text()
    about.close()
    assert window.status.note.text() == "For research use"


def test_f1_explains_what_is_under_the_pointer(cell_window: MainWindow) -> None:
    for widget in (
        cell_window.viewer,
        cell_window.karyogram,
        cell_window.slides,
        cell_window.inspector,
        cell_window.status.review,
    ):
        assert widget.whatsThis()


def test_layout_and_choices_are_remembered_in_the_settings_given(
    open_window: Callable[..., MainWindow], settings: QSettings
) -> None:
    window = open_window()
    window.docks["slides"].hide()
    window.controller.tools.set_size(33)
    window.actions_by_id["view.dark"].trigger()
    window.actions_by_id["case.device_cpu"].trigger()
    window.close()
    settings.sync()
    again = open_window()
    assert not again.docks["slides"].isVisible()
    assert again.controller.tools.size == 33
    assert again.actions_by_id["view.dark"].isChecked()
    assert again.deeds.device == "cpu"
    again.actions_by_id["view.reset_layout"].trigger()
    assert again.docks["slides"].isVisible()
    again.actions_by_id["view.light"].trigger()


def test_settings_that_make_no_sense_do_no_harm(open_window: Callable[..., MainWindow], settings: QSettings) -> None:
    for key in (
        "window/geometry",
        "window/state",
        "view/colours",
        "case/device",
        "tools/size",
        "tools/opacity",
        "case/recent",
    ):
        settings.setValue(key, "nonsense")
    window = open_window()
    assert window.isVisible()
    assert window.deeds.device == "auto"


def test_dark_and_light(window: MainWindow) -> None:
    window.actions_by_id["view.dark"].trigger()
    QApplication.processEvents()
    assert theme.is_dark(window.palette())
    dark = window.grab().toImage().pixelColor(window.width() // 2, window.height() - 4).lightness()
    window.actions_by_id["view.light"].trigger()
    QApplication.processEvents()
    assert not theme.is_dark(window.palette())
    assert window.grab().toImage().pixelColor(window.width() // 2, window.height() - 4).lightness() > dark + 100


def test_f5_and_f6_change_who_is_large(cell_window: MainWindow, qtbot: Any) -> None:
    window = cell_window
    qtbot.keyClick(window, Qt.Key.Key_F5)
    QApplication.processEvents()
    review = window.karyogram_panel.width()
    qtbot.keyClick(window, Qt.Key.Key_F6)
    QApplication.processEvents()
    assert window.karyogram_panel.width() < review - 100
    assert window.viewer.width() > window.karyogram_panel.width()


def test_export_writes_karyogram_table_and_annotations(cell_window: MainWindow, tmp_path: Path, qtbot: Any) -> None:
    window = cell_window
    with qtbot.waitSignal(window.controller.background.done):
        window.deeds.export(tmp_path / "out")
    assert width(tmp_path / "out" / "karyogram.png") > 200
    with (tmp_path / "out" / "karyotype.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == window.controller.state.count
    assert sum(row["class"] == "21" for row in rows) == 3
    document = json.loads((tmp_path / "out" / "annotations.json").read_text())
    assert len(document["annotations"]) == len(rows)
    assert "Written" in window.status.said.text()


def test_single_exports(cell_window: MainWindow, tmp_path: Path, qtbot: Any) -> None:
    window = cell_window
    with qtbot.waitSignal(window.controller.background.done):
        window.deeds.export_karyogram(tmp_path / "k.png")
    with qtbot.waitSignal(window.controller.background.done):
        window.deeds.export_table(tmp_path / "k.csv")
    assert width(tmp_path / "k.png") > 200
    assert (tmp_path / "k.csv").read_text().startswith("chromosome_id,class,")


def test_an_export_that_cannot_be_written_is_said(cell_window: MainWindow, tmp_path: Path, qtbot: Any) -> None:
    window = cell_window
    (tmp_path / "file").write_text("in the way")
    with qtbot.waitSignal(window.controller.background.failed):
        window.deeds.export_karyogram(tmp_path / "file" / "k.png")
    assert str(tmp_path / "file") in window.bar("karyogram").text
    window.bar("karyogram").findChild(QToolButton, "karyogram.bar.close").click()
    assert not window.bar("karyogram").isVisible()


def test_the_formula_can_be_copied(cell_window: MainWindow) -> None:
    cell_window.perform("karyogram.copy_formula")
    assert QGuiApplication.clipboard().text() == "47,XY,+21"


def test_undo_says_what_it_undoes(cell_window: MainWindow) -> None:
    window = cell_window
    id = next(c.id for c in window.controller.chromosomes.values() if c.number == 8)
    window.performer.select(id)
    window.perform("chromosome.flip")
    settle(window)
    assert window.actions_by_id["edit.undo"].text() == "Undo flip of chromosome 8"
    assert window.status.saved.text() == "Saved · undo: flip of chromosome 8"
    window.actions_by_id["edit.undo"].trigger()
    settle(window)
    assert window.actions_by_id["edit.redo"].text() == "Redo flip of chromosome 8"


def test_menus_show_what_can_be_done(cell_window: MainWindow) -> None:
    actions = cell_window.actions_by_id
    assert not actions["chromosome.flip"].isEnabled()
    assert actions["chromosome.accept_rest"].isEnabled()
    assert not actions["case.cancel"].isEnabled()
    cell_window.performer.select(next(iter(cell_window.controller.chromosomes)))
    settle(cell_window)
    assert actions["chromosome.flip"].isEnabled()


def test_removing_a_slide_keeps_its_file_and_its_masks(cell_window: MainWindow, cell: Sample) -> None:
    window = cell_window
    count = len(window.controller.chromosomes)
    window.perform("case.remove_slide")
    settle(window)
    assert window.slides.list.rowCount() == 0
    assert window.empty.isVisible()
    assert cell.path.exists()
    open_files(window, cell.path)
    assert len(window.controller.chromosomes) == count


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_the_context_menu_is_about_what_was_clicked(cell_window: MainWindow) -> None:
    window = cell_window
    id = next(iter(window.controller.chromosomes))
    window.viewer.menu_wanted.emit(id, window.viewer.mapToGlobal(window.viewer.rect().center()))
    menu = window.findChild(QMenu, "menu.context")
    assert window.controller.selection.chromosome == id
    assert "chromosome.reject" in {action.objectName() for action in menu.actions()}
    menu.close()


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)])
def test_nothing_is_cut_off(cell_window: MainWindow, size: tuple[int, int]) -> None:
    window = cell_window
    window.resize(*size)
    window.perform("view.reset_layout")
    QApplication.processEvents()
    settle(window)
    assert (window.width(), window.height()) == size
    for panel in (window.viewer, window.karyogram_panel, window.inspector, window.strip, window.status):
        assert window.rect().contains(panel.mapTo(window, panel.rect().topLeft()))
        assert window.rect().contains(panel.mapTo(window, panel.rect().bottomRight()))
    assert window.viewer.width() >= window.karyogram_panel.width()


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None is never counted there")
def test_twenty_thousand_updates_lose_no_reference_to_none(window: MainWindow) -> None:
    before = sys.getrefcount(None)
    for _ in range(20_000):
        window.viewer.update()
    assert abs(sys.getrefcount(None) - before) < 200


def test_two_samples_in_one_case_keep_their_own_colours_and_masks(
    window: MainWindow, cell: Sample, cluster: Sample
) -> None:
    first = show_sample(window, cell)
    second = show_sample(window, cluster)
    window.controller.selection.show_slide(first)
    settle(window)
    assert len(window.viewer.chromosomes) == len(cell.analysis.chromosomes)
    window.controller.selection.show_slide(second)
    settle(window)
    assert len(window.viewer.chromosomes) == len(cluster.analysis.chromosomes)


def test_a_fault_of_ours_is_said_and_the_window_goes_on(window: MainWindow, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise ZeroDivisionError("one over none")
    except ZeroDivisionError as error:
        show_fault(window, type(error), error, error.__traceback__)
    assert "a fault of chromview" in window.bar("viewer").text
    assert "ZeroDivisionError: one over none" in capsys.readouterr().err
    assert window.isVisible()
