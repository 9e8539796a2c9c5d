"""What is wrong with files and disks, in the window: a sentence that names the file, what to do, and nothing lost."""

from __future__ import annotations

import contextlib
import io
import shutil
import sqlite3
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QApplication

from chromview.app.slides import SlideState
from chromview.core.commands import same
from chromview.ui.window import MainWindow

from .helpers import Hand, Sample, inside, open_files, read, settle, show_sample


def png(pixels: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def png_of(height: int, width: int) -> bytes:
    """A PNG that says it has this size; its pixels end soon."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(width + 1)))


NOISE = np.random.default_rng(0).integers(0, 255, (90, 120), dtype=np.uint8)
BAD = {
    "truncated.png": (png(NOISE)[:4000], "cut off"),
    "empty.png": (b"", "is empty"),
    "huge.png": (png_of(30_000, 30_000), "30,000 x 30,000"),
    "flat.png": (png(np.full((90, 120), 128, np.uint8)), "has no contrast"),
    "letter.png": (b"Dear colleague,\nplease find enclosed", "its content is text"),
}


@contextlib.contextmanager
def full_disk(limit: int) -> Iterator[None]:
    """No file can grow beyond `limit` bytes: writing fails as on a full disk."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_cannot_be_read_is_named_and_not_added(window: MainWindow, tmp_path: Path, name: str) -> None:
    content, what = BAD[name]
    (tmp_path / name).write_bytes(content)
    open_files(window, tmp_path / name)
    said = window.bar("slides").text
    assert name in said
    assert what in said
    assert said.endswith("It was not added.")
    assert window.bar("slides").isVisible()
    assert window.controller.slides == ()
    assert window.empty.isVisible()


def test_of_a_folder_the_good_ones_are_added_and_the_others_named(
    window: MainWindow, cell: Sample, tmp_path: Path
) -> None:
    folder = tmp_path / "slides"
    folder.mkdir()
    for name, (content, _) in BAD.items():
        (folder / name).write_bytes(content)
    shutil.copy(cell.path, folder / "good.png")
    open_files(window, folder)
    assert [info.name for info in window.controller.slides] == ["good.png"]
    assert window.controller.image is not None
    said = window.bar("slides").text
    assert said.startswith("5 of 6 files were not added")
    assert all(name in said for name in BAD)
    assert window.status.said.text() == "1 slide added"
    open_files(window, folder / "good.png")
    assert window.status.said.text() == "Nothing new: they are in the case already"


def test_a_slow_disk_stops_nothing(window: MainWindow, cell: Sample, cluster: Sample) -> None:
    show_sample(window, cell)
    first = window.controller.selection.slide
    show_sample(window, cluster)
    second = window.controller.selection.slide
    window.controller.document._images.clear()  # neither image is in memory
    disk = threading.Event()
    window.controller.reader._looking.submit(disk.wait)
    try:
        window.controller.selection.show_slide(first)
        window.controller.settle()
        assert window.controller.image is None
        assert window.empty.sentence.text() == f"Reading {cell.path.name} …"
        assert window.slides.currentIndex().row() == 0
        window.controller.selection.show_slide(second)
        window.controller.selection.show_slide(first)
    finally:
        disk.set()
    read(window)
    assert window.viewer.shape == cell.analysis.shape
    assert len(window.viewer.chromosomes) == len(cell.analysis.chromosomes)
    assert not window.empty.isVisible()


def test_an_answer_for_a_case_that_was_closed_is_dropped(window: MainWindow, cell: Sample) -> None:
    disk = threading.Event()
    window.controller.reader._adding.submit(disk.wait)
    try:
        window.deeds.open_paths([cell.path])
        window.perform("file.new_case")
    finally:
        disk.set()
    read(window)
    assert window.controller.slides == ()


def test_a_missing_image_that_is_given_again_is_shown(
    open_window: Callable[..., MainWindow], cell: Sample, tmp_path: Path
) -> None:
    path = tmp_path / "cell.png"
    shutil.copy(cell.path, path)
    window = open_window()
    slide = show_sample(window, Sample(path, cell.analysis))
    window.close()
    (tmp_path / "moved").mkdir()
    moved = Path(shutil.move(path, tmp_path / "moved" / "other name.png"))
    again = open_window()
    read(again)
    assert "not there any more" in again.bar("viewer").text
    open_files(again, moved)
    assert [info.id for info in again.controller.slides] == [slide]
    assert again.viewer.picture is not None
    assert again.bar("viewer").text == ""
    assert len(again.viewer.chromosomes) == len(cell.analysis.chromosomes)


def test_an_image_that_was_damaged_since_is_marked_in_the_list(
    open_window: Callable[..., MainWindow], cell: Sample, tmp_path: Path, qtbot: Any
) -> None:
    path = tmp_path / "cell.png"
    shutil.copy(cell.path, path)
    window = open_window()
    slide = show_sample(window, Sample(path, cell.analysis))
    window.close()
    path.write_bytes(path.read_bytes()[:3000])
    again = open_window()
    read(again)
    assert "cell.png" in again.bar("viewer").text
    assert "cut off" in again.bar("viewer").text
    qtbot.waitUntil(lambda: again.slides.list.lines(again.slides.list.index(0)) == ("cell.png", "cannot be read", True))
    assert len(again.controller.document.chromosomes(slide)) == len(cell.analysis.chromosomes)


def damaged(case: Path, path: Path, sql: str) -> Path:
    """A copy of a case in which something was changed behind the program's back."""
    shutil.copy(case, path)
    database = sqlite3.connect(path)
    database.execute(sql)
    database.commit()
    database.close()
    return path


def test_a_case_of_a_newer_version_is_refused_and_the_one_open_stays(
    open_window: Callable[..., MainWindow], cell: Sample, tmp_path: Path
) -> None:
    window = open_window()
    show_sample(window, cell)
    window.deeds.save_as(tmp_path / "old.chromview")
    window.close()
    newer = damaged(tmp_path / "old.chromview", tmp_path / "newer.chromview", "PRAGMA user_version = 99")
    content = newer.read_bytes()
    again = open_window(tmp_path / "old.chromview")
    QApplication.processEvents()
    open_files(again, newer)
    assert "newer.chromview: was made by a newer chromview" in again.bar("slides").text
    assert again.controller.document.path == tmp_path / "old.chromview"
    assert newer.read_bytes() == content


def test_a_slide_that_is_damaged_in_the_case_does_not_take_the_others_with_it(
    open_window: Callable[..., MainWindow], cell: Sample, cluster: Sample, tmp_path: Path
) -> None:
    window = open_window()
    first = show_sample(window, cell)
    second = show_sample(window, cluster)
    window.deeds.save_as(tmp_path / "whole.chromview")
    window.close()
    broken = damaged(
        tmp_path / "whole.chromview",
        tmp_path / "broken.chromview",
        f"UPDATE chromosomes SET data = substr(data, 1, 40) WHERE slide = {first} AND id = 3",
    )
    again = open_window(broken)
    QApplication.processEvents()
    again.controller.selection.show_slide(first)
    settle(again)
    assert "broken.chromview: the case file is damaged" in again.bar("slides").text
    assert again.viewer.picture is not None
    assert not again.viewer.chromosomes
    again.controller.selection.show_slide(second)
    settle(again)
    assert len(again.viewer.chromosomes) == len(cluster.analysis.chromosomes)
    again.perform("chromosome.accept_rest")
    assert again.controller.document.slide(second).state is SlideState.DONE


def test_a_stroke_that_finds_the_disk_full_is_said_and_not_shown(cell_window: MainWindow) -> None:
    window = cell_window
    before = dict(window.controller.chromosomes)
    chromosome = next(c for c in before.values() if c.in_karyogram)
    start = inside(window, chromosome.id)
    Hand(window.viewer).click(start)
    window.perform("mask.brush")
    window.controller.tools.set_size(20)
    settle(window)
    Hand(window.viewer).move(start)
    plain = window.viewer.grab().toImage()
    way = [start + QPointF(4 * n, 3 * n) for n in range(12)]
    log = window.controller.document.path
    with full_disk(log.with_name(log.name + "-wal").stat().st_size):
        Hand(window.viewer).drag(*way)
        said = window.bar("viewer").text
        assert str(log) in said
        assert "was not kept" in said
        assert window.controller.chromosomes == before
        settle(window)
        Hand(window.viewer).move(start)
    window.bar("viewer").clear()
    QApplication.processEvents()
    Hand(window.viewer).move(start)
    assert window.viewer.grab().toImage() == plain
    Hand(window.viewer).drag(*way)
    assert not same(window.controller.chromosomes[chromosome.id], chromosome)


def test_an_export_that_finds_the_disk_full_leaves_nothing_half_written(
    cell_window: MainWindow, tmp_path: Path, qtbot: Any
) -> None:
    window = cell_window
    folder = tmp_path / "out"
    with full_disk(2000):
        window.deeds.export(folder)
        qtbot.waitUntil(lambda: window.bar("karyogram").text != "")
    assert str(folder) in window.bar("karyogram").text
    assert not folder.exists() or not list(folder.iterdir())
