"""Opening: the empty window, slides and folders, cases, and what cannot be opened."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, QSettings, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QPushButton

from chromview.app.document import Document
from chromview.ui.window import MainWindow

from .helpers import Sample, open_files, read, settle, show_sample


def drop(window: MainWindow, *paths: Path) -> None:
    """Drop files on the window, as a file manager does."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    none, left = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton
    enter = QDragEnterEvent(QPoint(300, 300), Qt.DropAction.CopyAction, data, left, none)
    QApplication.sendEvent(window, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(window, QDropEvent(QPointF(300, 300), Qt.DropAction.CopyAction, data, left, none))
    read(window)


def test_the_empty_window_says_the_next_step(window: MainWindow) -> None:
    assert window.empty.isVisible()
    assert "Drop a folder of slides here" in window.empty.sentence.text()
    assert window.findChild(QPushButton, "empty.file.open_samples").isEnabled()
    assert not window.actions_by_id["chromosome.accept"].isEnabled()


def test_a_dropped_folder_becomes_slides_with_thumbnails(
    window: MainWindow, cell: Sample, tmp_path: Path, qtbot: Any
) -> None:
    folder = tmp_path / "slides"
    folder.mkdir()
    for name in ("one.png", "two.png", "ten.png"):
        shutil.copy(cell.path, folder / name)
    (folder / "two.png").write_bytes((folder / "two.png").read_bytes() + b" ")
    (folder / "ten.png").write_bytes((folder / "ten.png").read_bytes() + b"  ")
    drop(window, folder)
    assert window.slides.list.rowCount() == 3
    assert window.controller.image is not None
    assert not window.empty.isVisible()
    ids = [info.id for info in window.controller.document.slides]
    qtbot.waitUntil(lambda: all(window.controller.background.thumbnail(id) is not None for id in ids))


def test_going_through_the_slides_by_key(window: MainWindow, cell: Sample, cluster: Sample) -> None:
    show_sample(window, cell)
    show_sample(window, cluster)
    first, second = (info.id for info in window.controller.document.slides)
    assert window.controller.selection.slide == second
    window.perform("case.previous_slide")
    assert window.controller.selection.slide == first
    settle(window)
    assert window.slides.currentIndex().row() == 0
    assert len(window.viewer.chromosomes) == len(cell.analysis.chromosomes)
    window.slides.setCurrentIndex(window.slides.list.index(1))
    assert window.controller.selection.slide == second
    assert window.viewer.shape == cluster.analysis.shape


def test_a_text_renamed_png_is_named_over_the_slides(window: MainWindow, tmp_path: Path) -> None:
    wrong = tmp_path / "notes.png"
    wrong.write_text("no image")
    drop(window, wrong)
    shown = window.bar("slides").text + window.bar("viewer").text
    assert "notes.png" in shown


def test_a_folder_without_images_is_said(window: MainWindow, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    drop(window, tmp_path / "empty")
    assert "empty" in window.bar("slides").text
    assert window.empty.isVisible()


@pytest.mark.parametrize("by_name", [True, False])
def test_a_missing_slide_keeps_its_masks(
    open_window: Callable[..., MainWindow], cell: Sample, tmp_path: Path, by_name: bool
) -> None:
    path = tmp_path / "gone.png"
    shutil.copy(cell.path, path)
    window = open_window()
    slide = show_sample(window, Sample(path, cell.analysis))
    case = window.controller.document.path
    window.close()
    path.unlink()
    again = open_window(case) if by_name else open_window()
    QApplication.processEvents()
    read(again)
    assert again.controller.selection.slide == slide
    assert len(again.controller.document.chromosomes(slide)) == len(cell.analysis.chromosomes)
    assert again.controller.image is None
    assert "gone.png" in again.bar("viewer").text


def test_the_last_case_goes_on_where_it_was(open_window: Callable[..., MainWindow], cell: Sample) -> None:
    window = open_window()
    slide = show_sample(window, cell)
    window.controller.selection.select(next(iter(window.controller.chromosomes)))
    window.perform("chromosome.flip")
    undo = window.controller.state.undo_title
    window.controller.settle()
    undo = window.controller.state.undo_title
    window.close()
    again = open_window()
    read(again)
    assert again.controller.selection.slide == slide
    again.controller.settle()
    assert again.viewer.picture is not None
    assert len(again.viewer.chromosomes) == len(cell.analysis.chromosomes)
    assert undo is not None
    assert again.controller.state.undo_title == undo


def test_a_damaged_case_is_said_and_left_alone(open_window: Callable[..., MainWindow], tmp_path: Path) -> None:
    window = open_window()
    broken = tmp_path / f"broken{window.controller.document.path.suffix}"
    broken.write_bytes(b"SQLite format 3\0 and then nothing sensible" * 40)
    before = broken.read_bytes()
    open_files(window, broken)
    assert "broken" in window.bar("slides").text
    assert broken.read_bytes() == before


def test_saving_the_case_under_a_name(window: MainWindow, cell: Sample, tmp_path: Path) -> None:
    show_sample(window, cell)
    window.deeds.save_as(tmp_path / "patient 7")
    assert window.controller.document.path.exists()
    assert "patient 7" in window.windowTitle()
    path = window.controller.document.path
    window.close()
    opened = Document.open(path)
    assert len(opened.chromosomes(opened.slides[0].id)) == len(cell.analysis.chromosomes)
    opened.close()


def test_recent_cases_are_in_the_menu(
    open_window: Callable[..., MainWindow], cell: Sample, settings: QSettings
) -> None:
    window = open_window()
    show_sample(window, cell)
    first = window.controller.document.path
    window.perform("file.new_case")
    assert window.slides.list.rowCount() == 0
    assert str(first) in window.deeds.recent()
    titles = [action.text() for action in window.recent_menu.actions()]
    assert first.stem in titles


_WITHOUT_TORCH = """
import sys
from pathlib import Path
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication
app = QApplication([])
from chromview.ui.main import make_window
window = make_window(QSettings(sys.argv[1], QSettings.Format.IniFormat), [])
window.controller.analyse_new = False
window.show()
app.processEvents()
window.deeds.open_paths([Path(sys.argv[2])])
window.controller.reader.wait()
app.processEvents()
assert window.isVisible() and window.viewer.picture is not None
heavy = {"torch", "torchvision", "skimage", "matplotlib", "pandas", "pyqtgraph"} & set(sys.modules)
window.close()
print("imported:", sorted(heavy))
"""


def test_the_window_shows_a_slide_before_torch_is_imported(cell: Sample, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_TORCH, str(tmp_path / "s.ini"), str(cell.path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "imported: []" in done.stdout
