"""A case of many slides: what is read ahead, what waits until it is looked at, and what is forgotten again."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication

from chromview.app import background, document
from chromview.app.document import Document
from chromview.core.commands import same
from chromview.ui.window import MainWindow

from .helpers import Sample, read, settle

_opened: list[tuple[int, str]] = []
_watching = False


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if _watching and event == "open":
        _opened.append((threading.get_ident(), str(arguments[0])))


def make_case(folder: Path, sample: Sample, count: int) -> Path:
    """A case of so many slides with what an analysis finds on them; every file has a content of its own."""
    paths = []
    for n in range(count):
        path = folder / f"slide {n:02}.png"
        shutil.copy(sample.path, path)
        path.write_bytes(path.read_bytes() + bytes([n]))
        paths.append(path)
    made = Document.new(folder / "many.chromview")
    for slide in made.add_slides(paths):
        made.set_analysis(slide, sample.analysis, made.request(slide))
    made.close()
    return made.path


@pytest.fixture
def many(open_window: Callable[..., MainWindow], cluster: Sample, tmp_path: Path) -> MainWindow:
    """A window on a case of 30 slides, which shows the first."""
    window = open_window()
    window.deeds.open_paths([make_case(tmp_path, cluster, 30)])
    read(window)
    return window


def expected_are_read(window: MainWindow) -> bool:
    return all(future.done() for future in window.controller.reader._expected.values())


def test_the_next_slide_is_there_before_anybody_turns_to_it(many: MainWindow, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: expected_are_read(many))
    disk = threading.Event()
    many.controller.reader._looking.submit(disk.wait)
    try:
        for number in (2, 3):
            many.perform("case.next_slide")
            assert many.controller.image is not None
            assert many.controller.image.path.endswith(f"slide {number - 1:02}.png")
            assert len(many.viewer.chromosomes) == 2
            assert not many.empty.isVisible()
            qtbot.waitUntil(lambda: expected_are_read(many))
    finally:
        disk.set()


def test_a_slide_that_is_still_read_is_shown_by_its_small_picture(many: MainWindow, qtbot: Any) -> None:
    third = many.controller.slides[2].id
    qtbot.waitUntil(lambda: many.controller.background.thumbnail(third) is not None)
    many.controller.reader.forget()  # nothing was read ahead
    disk = threading.Event()
    many.controller.reader._looking.submit(disk.wait)
    try:
        many.controller.selection.show_slide(third)
        QApplication.processEvents()
        assert many.controller.image is None
        assert many.empty.sentence.text() == "Reading slide 02.png …"
        image = many.viewer.grab().toImage()
        middle = image.height() // 2 + 40  # beside the sentence
        assert len({image.pixel(x, middle) for x in range(image.width())}) > 10
    finally:
        disk.set()
    read(many)
    assert many.controller.image is not None


def test_a_file_that_was_broken_when_it_was_read_ahead_is_read_again(
    open_window: Callable[..., MainWindow], cluster: Sample, tmp_path: Path, qtbot: Any
) -> None:
    case = make_case(tmp_path, cluster, 3)
    next_one = tmp_path / "slide 01.png"
    whole = next_one.read_bytes()
    next_one.write_bytes(whole[:200])
    window = open_window()
    window.deeds.open_paths([case])
    read(window)
    qtbot.waitUntil(lambda: expected_are_read(window))
    next_one.write_bytes(whole)
    window.perform("case.next_slide")
    read(window)
    assert window.controller.image is not None
    assert not window.bar("viewer").isVisible()


def test_turning_to_a_slide_opens_no_file_in_the_thread_of_the_window(many: MainWindow, qtbot: Any) -> None:
    global _watching
    many.perform("case.next_slide")  # what a first time imports
    read(many)
    sys.addaudithook(_watch)
    _opened.clear()
    _watching = True
    try:
        for direction in ("next_slide", "next_slide", "previous_slide", "previous_slide"):
            many.perform(f"case.{direction}")
            read(many)
    finally:
        _watching = False
    assert [path for thread, path in _opened if thread == threading.get_ident()] == []
    assert _opened


def test_thumbnails_are_made_of_what_is_in_sight(many: MainWindow, qtbot: Any) -> None:
    beside = many.controller.background
    ids = [info.id for info in many.controller.slides]
    qtbot.waitUntil(lambda: beside.thumbnail(ids[0]) is not None)
    beside._pool.waitForDone()
    QApplication.processEvents()
    assert beside.thumbnail(ids[-1]) is None
    many.slides.scrollToBottom()
    qtbot.waitUntil(lambda: beside.thumbnail(ids[-1]) is not None)
    assert beside.thumbnail(ids[len(ids) // 2]) is None


def test_pictures_of_slides_that_were_turned_over_are_not_made(many: MainWindow) -> None:
    settle(many)
    beside, ids = many.controller.background, [info.id for info in many.controller.slides]
    busy = threading.Event()
    beside.do(lambda: busy.wait(20) and None, "")
    for _ in range(3):
        many.perform("case.next_slide")
        read(many)
        many.controller._want_pictures()  # as after a pause
    busy.set()
    settle(many)
    assert set(beside.pictures(ids[3])) == set(many.controller.chromosomes)
    assert not beside.pictures(ids[1])
    assert not beside.pictures(ids[2])
    many.perform("case.previous_slide")
    settle(many)
    assert set(beside.pictures(ids[2])) == set(many.controller.chromosomes)


def test_memory_is_kept_for_the_slides_looked_at_last(many: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_SHELVES", 3)
    one = document.Document.chromosomes(many.controller.document, many.controller.slides[0].id)
    size = sum(c.mask.nbytes for c in one.values())
    monkeypatch.setattr(document, "_MEMORY", 6 * size)
    shown = many.controller.slides
    first = dict(many.controller.chromosomes)
    many.controller.document.reject(shown[0].id, [min(first)])
    edited = dict(many.controller.chromosomes)
    for _ in shown[1:]:
        many.perform("case.next_slide")
        settle(many)
    inside = [many.controller.document._slides[info.id].chromosomes is not None for info in shown]
    assert 1 < sum(inside) < 7
    assert inside[-1]
    assert not inside[0]
    assert len(many.controller.background._shelves) == 3
    many.controller.selection.show_slide(shown[0].id)
    read(many)
    again = many.controller.chromosomes
    assert all(same(again[id], edited[id]) for id in edited)
    assert len(many.viewer.chromosomes) == len(edited)
    many.perform("edit.undo")
    assert all(same(many.controller.chromosomes[id], first[id]) for id in first)
