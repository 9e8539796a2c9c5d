"""Full disks, missing images, read-only folders: said in words, and nothing is lost."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from chromview.app.document import Document
from chromview.core.chromosome import Box
from chromview.core.commands import same
from chromview.errors import UserError
from chromview.places import cases_dir
from chromview.storage.case_file import CASE_SUFFIX
from chromview.storage.images import read_image

NOISE = np.random.default_rng(1).random((300, 300)) > 0.5


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


def files(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def sizes(document: Document) -> int:
    return max(p.stat().st_size for p in document.path.parent.glob(f"{document.path.name}*"))


def test_on_a_full_disk_the_edit_is_refused_and_the_document_goes_on(document: Document, slide: int) -> None:
    first = document.new_chromosome(slide, Box(0, 0, 9, 9), np.ones((9, 9), bool))
    told: list[object] = []
    document.changed.connect(told.append)
    before, next_id = dict(document.chromosomes(slide)), document.next_id(slide)
    with full_disk(sizes(document)):
        with pytest.raises(UserError, match="not kept") as caught:
            document.new_chromosome(slide, Box(0, 0, 300, 300), NOISE)
        assert str(document.path) in str(caught.value) and "safe" in str(caught.value)
        assert dict(document.chromosomes(slide)) == before
        assert (document.next_id(slide), document.undo_title(slide), told) == (next_id, "Undo new chromosome", [])
        with pytest.raises(UserError):
            document.undo(slide)
        assert dict(document.chromosomes(slide)) == before
    # There is room again: everything works, and the file has what memory has.
    document.flip(slide, first)
    second = document.new_chromosome(slide, Box(0, 0, 300, 300), NOISE)
    document.close()
    again = Document.open(document.path)
    assert list(again.chromosomes(slide)) == [first, second]
    assert all(same(again.chromosomes(slide)[id], document.chromosomes(slide)[id]) for id in (first, second))
    again.undo(slide)
    assert again.undo_title(slide) == "Undo flip of a chromosome"
    again.close()


@pytest.mark.parametrize("crashed", [False, True], ids=["closed", "left by a crash"])
def test_a_case_opens_on_a_full_disk_and_goes_on_when_there_is_room(
    document: Document, slide: int, tmp_path: Path, crashed: bool
) -> None:
    document.new_chromosome(slide, Box(0, 0, 300, 300), NOISE)
    path = document.path
    if crashed:
        (tmp_path / "left").mkdir()
        for part in tmp_path.glob("case.chromview*"):
            shutil.copy(part, tmp_path / "left")
        path = tmp_path / "left" / path.name
    document.close()
    with full_disk(max(part.stat().st_size for part in path.parent.glob(f"{path.name}*")) if crashed else 4096):
        again = Document.open(path)
        assert len(again.chromosomes(slide)) == 1
        with pytest.raises(UserError, match="not kept"):
            again.new_chromosome(slide, Box(0, 0, 300, 300), NOISE)
        assert len(again.chromosomes(slide)) == 1
    again.flip(slide, 1)
    again.close()
    again = Document.open(path)
    assert again.undo_title(slide) == "Undo flip of a chromosome"
    again.close()
    assert [p.name for p in path.parent.glob("case.chromview*")] == [path.name]


def test_a_case_cannot_be_saved_on_a_full_disk_and_stays_where_it_was(
    document: Document, slide: int, tmp_path: Path
) -> None:
    document.new_chromosome(slide, Box(0, 0, 300, 300), NOISE)
    there = tmp_path / "copy.chromview"
    there.write_bytes(b"an older file of this name")
    was = document.path
    with full_disk(8192), pytest.raises(UserError):
        document.save_as(there)
    assert document.path == was
    assert there.read_bytes() == b"an older file of this name"
    assert not list(tmp_path.glob("*.part*"))
    document.flip(slide, 1)


def test_saving_under_a_name_goes_on_there(document: Document, slide: int, tmp_path: Path) -> None:
    document.new_chromosome(slide, Box(0, 0, 9, 9), np.ones((9, 9), bool))
    was = document.path
    document.save_as(tmp_path / "there" / "mine")
    assert document.path == tmp_path / "there" / "mine.chromview" and document.name == "mine"
    document.flip(slide, 1)
    assert document.undo_title(slide) == "Undo flip of a chromosome"
    document.save_as(document.path)
    old = Document.open(was)
    assert old.undo_title(slide) == "Undo new chromosome"
    with pytest.raises(UserError, match="open already"):
        document.save_as(was)
    old.close()


def test_a_case_without_a_name_is_kept_until_it_gets_one(
    qapp: object, tmp_path: Path, picture: Callable[..., Path]
) -> None:
    document, other = Document.new(), Document.new()
    assert document.untitled and document.path != other.path
    other.close()
    assert not other.path.exists(), "an empty case without a name leaves nothing behind"
    (slide,) = document.add_slides([picture()])
    document.new_chromosome(slide, Box(0, 0, 9, 9), np.ones((9, 9), bool))
    document.close()
    assert Document.untitled_cases() == [document.path]
    document = Document.open(document.path)
    assert document.untitled and document.undo_title(slide) == "Undo new chromosome"
    document.save_as(tmp_path / "named")
    assert not document.untitled
    assert not list(cases_dir().glob(f"*{CASE_SUFFIX}*"))
    document.close()


def test_images_are_never_written(document: Document, picture: Callable[..., Path]) -> None:
    path = picture("sub/a.png")
    before = files(path.parent)
    (slide,) = document.add_slides([path.parent])
    document.image(slide)
    document.new_chromosome(slide, Box(0, 0, 9, 9), np.ones((9, 9), bool))
    document.remove_slide(slide)
    assert files(path.parent) == before


def test_a_missing_image_is_a_state_and_comes_back(document: Document, slide: int, tmp_path: Path) -> None:
    document.new_chromosome(slide, Box(0, 0, 9, 9), np.ones((9, 9), bool))
    path = document.slide(slide).path
    moved = tmp_path / "moved.png"
    path.rename(moved)
    with pytest.raises(UserError, match="not there any more") as caught:
        document.image(slide)
    assert str(path) in str(caught.value)
    assert document.slide(slide).missing
    document.close()
    again = Document.open(document.path)
    assert again.slide(slide).missing and len(again.chromosomes(slide)) == 1
    again.flip(slide, 1)
    assert again.add_slides([moved]) == [slide]
    assert not again.slide(slide).missing and again.slide(slide).path == moved
    assert again.image(slide).shape == (200, 200)
    again.close()


def test_an_image_with_other_content_is_told(document: Document, slide: int, picture: Callable[..., Path]) -> None:
    problems: list[str] = []
    document.problem.connect(problems.append)
    document.image(slide)
    assert not problems
    document.close()
    path = picture(seed=5)
    again = Document.open(document.path)
    again.problem.connect(problems.append)
    again.image(slide)
    assert again.slide(slide).changed and not again.slide(slide).missing
    assert len(problems) == 1 and str(path) in problems[0] and "different" in problems[0]
    assert again.slide(slide).sha256 != hashlib.sha256(path.read_bytes()).hexdigest()
    again.close()


def test_an_image_read_for_another_case_is_left_alone(
    document: Document, slide: int, picture: Callable[..., Path]
) -> None:
    document.give_image(slide, read_image(picture("elsewhere/cell.png", 9, (50, 50))))
    assert not document.slide(slide).changed
    assert document.image(slide).shape == (200, 200)
    document.give_image(999, document.image(slide))


def test_a_read_only_case_refuses_every_edit(document: Document, slide: int) -> None:
    """As one who may only read it: the superuser of a test machine has to step down for that."""
    if not hasattr(os, "geteuid"):
        pytest.skip("permissions work otherwise on this system")
    id = document.new_chromosome(slide, Box(0, 0, 9, 9), np.ones((9, 9), bool))
    document.close()
    folder = Path(tempfile.mkdtemp())
    path = Path(shutil.copy(document.path, folder))
    superuser = os.geteuid() == 0
    path.chmod(0o444)
    folder.chmod(0o555)
    if superuser:
        os.seteuid(65534)
    try:
        case = Document.open(path)
        before = dict(case.chromosomes(slide))
        assert case.read_only and not case.untitled and len(before) == 1
        edits: list[Callable[[], object]] = [
            lambda: case.flip(slide, id),
            lambda: case.undo(slide),
            lambda: case.remove_slide(slide),
            lambda: case.add_slides([path]),
        ]
        for edit in edits:
            with pytest.raises(UserError, match="only be read"):
                edit()
        assert dict(case.chromosomes(slide)) == before and case.undo_title(slide) == "Undo new chromosome"
        case.close()
    finally:
        if superuser:
            os.seteuid(0)
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_slides_are_not_added_twice_and_come_back_with_everything(
    document: Document, slide: int, picture: Callable[..., Path]
) -> None:
    path = document.slide(slide).path
    document.new_chromosome(slide, Box(0, 0, 9, 9), np.ones((9, 9), bool))
    assert document.add_slides([path]) == [slide]
    document.remove_slide(slide)
    assert document.slides == ()
    other = picture("b.png", 3)
    ids = document.add_slides([other, path])
    assert ids[1] == slide and [info.name for info in document.slides] == ["cell.png", "b.png"]
    assert len(document.chromosomes(slide)) == 1


def test_what_cannot_be_added_is_told_and_the_rest_is_added(
    document: Document, picture: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="nowhere"):
        document.add_slides([tmp_path / "nowhere.png"])
    (tmp_path / "empty folder").mkdir()
    with pytest.raises(UserError, match="empty folder"):
        document.add_slides([tmp_path / "empty folder"])
    assert document.slides == ()
    text = tmp_path / "letter.png"
    text.write_text("Dear Sir")
    good, bad = document.add_slides([picture("a.png"), text])
    assert document.image(good).shape == (200, 200)
    with pytest.raises(UserError, match="letter"):
        document.image(bad)
    assert not document.slide(bad).missing


def test_a_damaged_slide_does_not_take_the_others_with_it(document: Document, picture: Callable[..., Path]) -> None:
    first, second = document.add_slides([picture("a.png", 1), picture("b.png", 2)])
    document.new_chromosome(first, Box(0, 0, 300, 300), NOISE)
    document.new_chromosome(second, Box(0, 0, 9, 9), np.ones((9, 9), bool))
    document.close()
    data = bytearray(document.path.read_bytes())
    place = len(data) - 4096
    # Somewhere in the noise of the first slide: the pages still fit together.
    noisy = max(range(0, len(data) - 4096, 4096), key=lambda at: len(set(data[at : at + 4096])))
    data[noisy + 2000] ^= 1
    assert place >= 0
    document.path.write_bytes(data)
    again = Document.open(document.path)
    with pytest.raises(UserError, match="damaged"):
        _ = again.chromosomes(first), [again.undo(first), again.undo(first)]
    assert len(again.chromosomes(second)) == 1
    again.flip(second, 1)
    again.close()
