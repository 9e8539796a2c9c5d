"""A case file keeps every step, tells what is wrong with a file, and never changes one that it refuses."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from chromview.core.chromosome import Box, Chromosome
from chromview.core.commands import Command, Created, apply, same
from chromview.errors import UserError
from chromview.storage.case_file import CaseFile
from chromview.storage.case_flush import Flusher
from chromview.storage.case_schema import SCHEMA_VERSION

SHA = "0" * 64

_OPEN = """
import sys
from pathlib import Path
from chromview.storage.case_file import CaseFile
CaseFile.open(Path(sys.argv[1]))
"""


def chromosome(id: int, *, side: int = 20, number: int = 0) -> Chromosome:
    rng = np.random.default_rng(id)
    mask = rng.random((side, side)) > 0.3
    mask[0], mask[-1], mask[:, 0], mask[:, -1] = True, True, True, True
    return Chromosome(id, Box(id, id, id + side, id + side), mask, number=number)


def add(file: CaseFile, slide: int, made: Chromosome, title: str = "New chromosome") -> int:
    command = Command(title, (Created(made),))
    return file.commit(
        slide, "do", title, command, changed=[made], removed=[], next_id=made.id + 1, fields={}, summary={}
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed case with one slide and two chromosomes."""
    path = tmp_path / "case.chromview"
    file = CaseFile.create(path)
    (slide,) = file.add_slides([(tmp_path / "cell.png", SHA)])
    add(file, slide, chromosome(1))
    add(file, slide, chromosome(2), "Cut of chromosome 7")
    file.close()
    return path


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that every person may look into, unlike those of pytest."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.fixture
def as_person() -> Iterator[Callable[[], None]]:
    """Call it to have the rights of a person: the superuser may write everywhere, so the test steps down."""
    if not hasattr(os, "geteuid"):
        pytest.skip("permissions work otherwise on this system")
    superuser = os.geteuid() == 0
    yield lambda: os.seteuid(65534) if superuser else None
    if superuser:
        os.seteuid(0)


def refused(open_it: Callable[[], object], *words: str) -> str:
    with pytest.raises(UserError) as caught:
        open_it()
    sentence = str(caught.value)
    for word in words:
        assert word in sentence
    return sentence


def test_a_case_at_rest_is_one_file_that_holds_everything(path: Path) -> None:
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    file = CaseFile.open(path)
    (slide,) = file.slides()
    assert (slide.path, slide.sha256, slide.next_id) == (path.parent / "cell.png", SHA, 3)
    stored = file.chromosomes(slide.id)
    assert list(stored) == [1, 2] and all(same(stored[id], chromosome(id)) for id in stored)
    history = file.history(slide.id)
    assert [entry.title for entry in history.undo] == ["New chromosome", "Cut of chromosome 7"]
    replayed: dict[int, Chromosome] = {}
    for entry in history.undo:
        for seq in entry.seqs:
            replayed = apply(replayed, file.command(seq))
    assert all(same(replayed[id], stored[id]) for id in stored) and len(replayed) == 2
    file.close()
    file.close()


def test_the_history_in_memory_is_the_one_in_the_file(path: Path) -> None:
    file = CaseFile.open(path)
    slide = file.slides()[0].id
    history = file.history(slide)

    def step(kind: str, title: str) -> None:
        nonlocal history
        command = Command(title, ()) if kind in ("do", "with") else None
        nothing = {"changed": [], "removed": [], "next_id": 3, "fields": {}, "summary": {}}
        seq = file.commit(slide, kind, title, command, **nothing)  # type: ignore[arg-type]
        history = history.after(kind, seq, title)  # type: ignore[arg-type]
        assert history == file.history(slide)

    for kind, title in [
        ("undo", "a"), ("redo", "a"), ("do", "b"), ("with", "c"), ("undo", "b"), ("undo", "x"), ("redo", "x"),
        ("do", "d"), ("do", "e"), ("undo", "e"), ("redo", "e"), ("undo", "e"),
    ]:  # fmt: skip
        step(kind, title)
    assert [entry.title for entry in history.undo] == ["New chromosome", "Cut of chromosome 7", "d"]
    assert [entry.title for entry in history.redo] == ["e"]
    file.close()


def test_the_journal_only_grows(path: Path) -> None:
    database = sqlite3.connect(path)
    for statement in ("DELETE FROM journal", "UPDATE journal SET title = 'other'"):
        with pytest.raises(sqlite3.IntegrityError, match="only grows"):
            database.execute(statement)
    database.close()


def test_what_was_committed_survives_without_closing(path: Path, tmp_path: Path) -> None:
    file = CaseFile.open(path)
    slide = file.slides()[0].id
    add(file, slide, chromosome(3), "Last stroke")
    # What a killed process leaves: the file and its log as they are on the disk.
    left = tmp_path / "left"
    left.mkdir()
    for part in path.parent.glob("case.chromview*"):
        (left / part.name).write_bytes(part.read_bytes())
    file.close()
    again = CaseFile.open(left / path.name)
    assert list(again.chromosomes(slide)) == [1, 2, 3]
    assert again.history(slide).undo[-1].title == "Last stroke"
    again.close()
    assert [p.name for p in left.iterdir()] == [path.name]


def test_a_case_that_is_open_is_not_opened_twice(path: Path) -> None:
    file = CaseFile.open(path)
    refused(lambda: CaseFile.open(path), str(path), "open already")
    # The attempt above must not have cost the lock, so another process is refused as well.
    other = subprocess.run([sys.executable, "-c", _OPEN, str(path)], capture_output=True, text=True, check=False)
    assert other.returncode and "open already" in other.stderr and "Close it there" in other.stderr
    slide = file.slides()[0].id
    add(file, slide, chromosome(3))
    file.close()
    CaseFile.open(path).close()


def test_no_case_is_written_over_one_that_is_open(path: Path, tmp_path: Path) -> None:
    first, second = CaseFile.open(path), CaseFile.create(tmp_path / "other.chromview")
    refused(lambda: second.copy_to(path), "open already")
    refused(lambda: CaseFile.create(path), "already")
    first.close()
    second.close()


def test_a_copy_is_the_whole_case(path: Path, tmp_path: Path) -> None:
    file = CaseFile.open(path)
    slide = file.slides()[0].id
    there = tmp_path / "new folder" / "copy.chromview"
    file.copy_to(there)
    add(file, slide, chromosome(3))
    file.close()
    copy = CaseFile.open(there)
    assert list(copy.chromosomes(slide)) == [1, 2]
    assert len(copy.history(slide).undo) == 2
    copy.close()
    assert [p.name for p in there.parent.iterdir()] == [there.name]


def test_slides_moved_together_with_the_case_are_found(tmp_path: Path) -> None:
    old = tmp_path / "old"
    (old / "cells").mkdir(parents=True)
    (old / "cells" / "a.png").write_bytes(b"image")
    file = CaseFile.create(old / "case.chromview")
    file.add_slides([(old / "cells" / "a.png", SHA)])
    file.close()
    old.rename(tmp_path / "new")
    file = CaseFile.open(tmp_path / "new" / "case.chromview")
    assert file.slides()[0].path == tmp_path / "new" / "cells" / "a.png"
    file.close()


def test_a_case_of_a_newer_version_is_refused_and_unchanged(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    database.close()
    before = path.read_bytes()
    refused(lambda: CaseFile.open(path), str(path), "newer chromview", "Open it with the newer version")
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: b"", id="empty"),
        pytest.param(lambda data: data[:50], id="only its first bytes"),
        pytest.param(lambda data: data[: len(data) // 2], id="cut off"),
        pytest.param(lambda data: b"\0" * 4096 + data[4096:], id="beginning lost"),
        pytest.param(lambda data: data[:4096] + b"\xff" * 4096 + data[8192:], id="a page overwritten"),
        pytest.param(lambda data: b"this is a letter, not a case. " * 99, id="text"),
    ],
)
def test_a_damaged_case_is_refused_with_advice_and_never_changed(path: Path, damage: Callable[[bytes], bytes]) -> None:
    path.write_bytes(damage(path.read_bytes()))
    before = {p.name: p.read_bytes() for p in path.parent.iterdir()}
    refused(lambda: CaseFile.open(path), str(path), "damaged", "keep this file")
    assert {p.name: p.read_bytes() for p in path.parent.iterdir()} == before


def test_a_damaged_case_with_the_log_of_a_crash_is_not_changed_either(path: Path, tmp_path: Path) -> None:
    file = CaseFile.open(path)
    add(file, 1, chromosome(3, side=400))
    file.close()
    # The log of what follows holds few of the pages, so those that are lost are not in it.
    file = CaseFile.open(path)
    add(file, 1, chromosome(4))
    left = tmp_path / "left"
    left.mkdir()
    for part in path.parent.glob("case.chromview*"):
        (left / part.name).write_bytes(part.read_bytes())
    file.close()
    data = (left / path.name).read_bytes()
    (left / path.name).write_bytes(data[: len(data) // 2])
    before = {p.name: p.read_bytes() for p in left.iterdir()}
    assert len(before) == 2
    refused(lambda: CaseFile.open(left / path.name), str(left), "damaged")
    assert {p.name: p.read_bytes() for p in left.iterdir()} == before


def test_a_bit_that_flipped_in_a_mask_is_found(path: Path) -> None:
    data = bytearray(path.read_bytes())
    database = sqlite3.connect(path)
    (blob,) = database.execute("SELECT data FROM chromosomes WHERE id = 2").fetchone()
    database.close()
    place = data.index(blob) + len(blob) // 2
    data[place] ^= 8
    path.write_bytes(data)
    file = CaseFile.open(path)
    refused(lambda: file.chromosomes(1), str(path), "damaged")
    file.close()


def test_other_files_are_no_cases(path: Path, tmp_path: Path) -> None:
    refused(lambda: CaseFile.open(tmp_path / "nowhere.chromview"), "no such case file")
    refused(lambda: CaseFile.open(tmp_path), "not a case")
    image = tmp_path / "image.png"
    image.write_bytes(b"\x89PNG" + b"0" * 200)
    refused(lambda: CaseFile.open(image), "not a case")
    stranger = tmp_path / "other.db"
    database = sqlite3.connect(stranger)
    database.execute("CREATE TABLE things (name)")
    database.close()
    before = stranger.read_bytes()
    refused(lambda: CaseFile.open(stranger), "not a case of chromview")
    assert stranger.read_bytes() == before


@pytest.mark.parametrize("crashed", [False, True], ids=["closed", "left by a crash"])
def test_a_read_only_case_can_be_looked_at_but_not_changed(
    path: Path, public: Path, as_person: Callable[[], None], crashed: bool
) -> None:
    file = CaseFile.open(path)
    if not crashed:
        file.close()
    for part in path.parent.glob("case.chromview*"):
        (public / part.name).write_bytes(part.read_bytes())
        (public / part.name).chmod(0o444)
    if crashed:
        file.close()
    path = public / path.name
    before = {p.name: p.read_bytes() for p in public.iterdir()}
    assert len(before) == 1 + crashed
    public.chmod(0o555)
    as_person()
    file = CaseFile.open(path)
    assert file.read_only
    assert list(file.chromosomes(1)) == [1, 2]
    refused(lambda: add(file, 1, chromosome(3)), str(path), "only be read", "Save case as")
    assert list(file.chromosomes(1)) == [1, 2]
    refused(lambda: file.copy_to(path.with_name("copy.chromview")))
    file.close()
    assert {p.name: p.read_bytes() for p in public.iterdir()} == before


def test_a_damaged_case_that_may_only_be_read_is_told_by_its_own_name(
    path: Path, public: Path, as_person: Callable[[], None]
) -> None:
    data = path.read_bytes()
    path = public / path.name
    path.write_bytes(data[:4096] + b"\xff" * 4096 + data[8192:])
    path.chmod(0o444)
    public.chmod(0o555)
    as_person()
    refused(lambda: CaseFile.open(path), str(path), "damaged")


def test_a_folder_that_may_not_be_written_takes_no_new_case(public: Path, as_person: Callable[[], None]) -> None:
    public.chmod(0o555)
    as_person()
    refused(lambda: CaseFile.create(public / "case.chromview"), str(public))
    refused(lambda: CaseFile.create(public / "new folder" / "case.chromview"), str(public))
    assert list(public.iterdir()) == []


def test_what_cannot_be_flushed_is_told_and_not_passed_over(path: Path) -> None:
    file = CaseFile.open(path)
    add(file, 1, chromosome(3))
    file.flush()
    # Somebody deletes the log under the running program: nothing that is written now can be kept.
    path.with_name(path.name + "-wal").unlink()
    add(file, 1, chromosome(4))
    refused(file.flush, str(path), "save the case on another disk")
    refused(file.tidy, "may not be on the disk")
    refused(lambda: add(file, 1, chromosome(5)), "may not be on the disk")
    there = path.with_name("rescued.chromview")
    file.copy_to(there)
    file.close()
    rescued = CaseFile.open(there)
    assert list(rescued.chromosomes(1)) == [1, 2, 3, 4]
    rescued.close()


def test_requests_in_a_row_are_flushed_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", flushed.append)
    (tmp_path / "log").write_bytes(b"a log")
    flusher = Flusher(tmp_path / "log")
    for _ in range(1000):
        flusher.ask()
    flusher.wait()
    assert 1 <= len(flushed) < 100
    flusher.ask()
    flusher.close()  # without waiting for a pause
    assert flusher.error is None


def test_a_long_log_is_carried_into_the_file_when_idle(path: Path) -> None:
    file = CaseFile.open(path)
    before = path.stat().st_size
    for id in range(3, 250):
        add(file, 1, chromosome(id))
    file.tidy()
    file.flush()
    assert path.stat().st_size > before
    assert len(file.chromosomes(1)) == 249
    file.close()


@pytest.mark.skipif(os.name != "posix", reason="not allowed in names there")
def test_names_that_mean_something_in_addresses_are_only_names(tmp_path: Path) -> None:
    path = tmp_path / "Müller & Söhne 100% ?mode=ro #2" / "Fall %20 #1?.chromview"
    file = CaseFile.create(path)
    file.add_slides([(path.with_name("cell.png"), SHA)])
    file.close()
    file = CaseFile.open(path)
    assert not file.read_only and len(file.slides()) == 1
    file.close()
    assert [p.name for p in path.parent.iterdir()] == [path.name]
