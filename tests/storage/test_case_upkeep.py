"""Older cases, cases that were not closed, who has one open, backups, and the audit list."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chromview.core.chromosome import Box, Chromosome, Slot
from chromview.core.commands import Command, Created, FieldsChanged, MaskChanged, Removed, SlideChanged, apply, same
from chromview.errors import UserError
from chromview.storage import case_backups, case_marker, case_schema
from chromview.storage.audit import COLUMNS, Audit, csv_text, described, table
from chromview.storage.case_backups import Backups, backups_folder, backups_of, kept, put_back
from chromview.storage.case_file import CaseFile
from chromview.storage.case_schema import MIGRATIONS, SCHEMA_VERSION

CASES = Path(__file__).parent / "cases"
SHA = "0" * 64


def chromosome(id: int, *, side: int = 20) -> Chromosome:
    return Chromosome(id, Box(id, id, id + side, id + side), np.ones((side, side), bool))


def add(file: CaseFile, made: Chromosome, title: str = "New chromosome") -> None:
    nothing = {"removed": [], "fields": {}, "summary": {}}
    command = Command(title, (Created(made),))
    file.commit(1, "do", title, command, changed=[made], next_id=made.id + 1, **nothing)  # type: ignore[arg-type]


def step(file: CaseFile, kind: str, title: str = "New chromosome") -> None:
    nothing = {"changed": [], "removed": [], "next_id": 9, "fields": {}, "summary": {}}
    file.commit(1, kind, title, None, **nothing)  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed case with one slide and one chromosome."""
    path = tmp_path / "patient 7.chromview"
    file = CaseFile.create(path)
    file.add_slides([(tmp_path / "cell.png", SHA)])
    add(file, chromosome(1))
    file.close()
    return path


def crash(file: CaseFile, folder: Path) -> Path:
    """What a killed process leaves of an open case, in another folder."""
    folder.mkdir()
    for part in file.path.parent.iterdir():
        if part.is_file() and file.path.name in part.name:
            shutil.copy(part, folder)
    file.close()
    return folder / file.path.name


# -- older versions


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_a_case_of_each_older_version_opens_as_it_was(version: int, tmp_path: Path) -> None:
    """The files were written by the program of that version."""
    path = Path(shutil.copy(CASES / f"version {version}.chromview", tmp_path / "old.chromview"))
    file = CaseFile.open(path)
    first, second = file.slides()
    assert (first.removed, second.removed, first.path.name) == (False, True, "cell 1.png")
    history = file.history(first.id)
    titles = ["Analysis", "Cut of chromosome 1", "Flip of chromosome 2", "Class 5 for chromosome 3"]
    assert [entry.title for entry in history.undo] == titles
    assert [entry.title for entry in history.redo] == ["Note on chromosome 5"]
    replayed: dict[int, Chromosome] = {}
    for entry in history.undo:
        for seq in entry.seqs:
            replayed = apply(replayed, file.command(seq))
    there = file.chromosomes(first.id)
    assert list(there) == [1, 2, 3, 4] and all(same(replayed[id], there[id]) for id in there)
    file.person = "Anna"
    file.note("a person works on it")
    assert [row.person for row in file.journal()] == [""] * len(file.journal())
    file.close()
    # It stays as it is now, and what it was is kept.
    (backup,) = backups_of(path)
    database = sqlite3.connect(backup.path)
    assert database.execute("PRAGMA user_version").fetchone() == (version,)
    database.close()
    again = CaseFile.open(path)
    assert again.events()[-1].person == "Anna"
    again.close()


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_an_older_case_is_looked_at_without_being_changed(version: int, tmp_path: Path) -> None:
    path = Path(shutil.copy(CASES / f"version {version}.chromview", tmp_path / "old.chromview"))
    before = path.read_bytes()
    file = CaseFile.look(path)
    assert file.read_only and len(Audit(file).rows) == 8
    file.close()
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_the_tables_are_the_same_however_a_case_came_to_this_version(tmp_path: Path) -> None:
    def tables(path: Path) -> dict[str, list[tuple[object, ...]]]:
        database = sqlite3.connect(path)
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master ORDER BY name")]
        found = {name: sorted(row[1:] for row in database.execute(f"PRAGMA table_info({name})")) for name in names}
        database.close()
        return found

    assert set(MIGRATIONS) == set(range(1, SCHEMA_VERSION))
    CaseFile.create(tmp_path / "new.chromview").close()
    old = Path(shutil.copy(CASES / "version 1.chromview", tmp_path / "old.chromview"))
    CaseFile.open(old).close()
    assert tables(old) == tables(tmp_path / "new.chromview")


def test_a_migration_that_fails_leaves_the_case_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(shutil.copy(CASES / "version 1.chromview", tmp_path / "old.chromview"))
    monkeypatch.setitem(case_schema.MIGRATIONS, 1, MIGRATIONS[1] + "INSERT INTO nowhere VALUES (1);")
    with pytest.raises(UserError):
        CaseFile.open(path)
    monkeypatch.undo()
    file = CaseFile.open(path)
    assert len(file.history(1).undo) == 4
    file.close()


# -- not closed, open elsewhere


def test_a_case_that_was_not_closed_says_so_once(path: Path, tmp_path: Path) -> None:
    file = CaseFile.open(path)
    assert not file.was_left_open
    add(file, chromosome(2), "Brush on chromosome 7")
    left = crash(file, tmp_path / "left")
    again = CaseFile.open(left)
    assert again.was_left_open and not again.log_is_missing
    row = again.last_row()
    assert row is not None and row.title == "Brush on chromosome 7"
    again.close()
    third = CaseFile.open(left)
    assert not third.was_left_open
    third.close()


def test_a_log_that_was_left_behind_is_missed(path: Path, tmp_path: Path) -> None:
    file = CaseFile.open(path)
    add(file, chromosome(2))
    left = crash(file, tmp_path / "left")
    left.with_name(left.name + "-wal").unlink()
    again = CaseFile.open(left)
    assert again.was_left_open and again.log_is_missing
    again.close()


def test_a_locked_case_says_who_has_it_open(path: Path) -> None:
    file = CaseFile.open(path)
    Backups(path, file._database).make()
    file.person = "Anna"
    code = (
        "import sys; from pathlib import Path; from chromview.storage.case_file import CaseFile\n"
        "CaseFile.open(Path(sys.argv[1]))"
    )
    other = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert "open already, by Anna on" in other.stderr and "Close it there" in other.stderr
    assert "backup" not in other.stderr
    file.close()
    assert case_marker.opened_by(path) is None


def test_a_case_that_another_computer_did_not_close_says_so(path: Path) -> None:
    marker = case_marker.marker_path(path)
    marker.write_text('{"person": "Anna", "computer": "PC-3", "process": 1, "since": 1e9}', encoding="utf-8")
    file = CaseFile.open(path)
    assert file.marked_elsewhere is not None and "by Anna on PC-3, since" in file.marked_elsewhere.sentence
    file.close()
    again = CaseFile.open(path)
    assert again.marked_elsewhere is None
    again.close()
    marker.write_text("no marker of ours", encoding="utf-8")
    again = CaseFile.open(path)
    assert again.marked_elsewhere is None
    again.close()


def test_a_folder_without_locks_is_told_as_what_it_is(path: Path) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_LOCK
    with pytest.raises(UserError, match="files cannot be locked in this folder"), case_schema.in_words(path):
        raise error


# -- backups

HOUR, DAY = 3600.0, 86400.0
NOON = datetime(2026, 11, 21, 12, 5, tzinfo=UTC).timestamp()


def test_backups_are_thinned_with_their_age() -> None:
    # Every ten minutes for two days, and before that every six hours for more than a year.
    times = [NOON - 600.0 * n for n in range(2 * 144)] + [NOON - 6 * HOUR * n for n in range(8, 4 * 400)]
    keep = kept(times)
    assert len(keep) <= case_backups.NEWEST + case_backups.HOURS + case_backups.DAYS + case_backups.MONTHS
    assert set(times[:5]) <= keep
    ages = sorted(NOON - when for when in keep)
    gaps = {(older, older - newer) for newer, older in itertools.pairwise(ages)}
    assert all(gap <= HOUR for age, gap in gaps if age < 23 * HOUR)
    assert all(gap <= DAY + 6 * HOUR for age, gap in gaps if age < 29 * DAY)
    assert all(gap <= 31 * DAY for _, gap in gaps) and ages[-1] > 300 * DAY


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 40_000_000), max_size=60))
def test_thinning_keeps_the_newest_and_is_stable(times: list[int]) -> None:
    keep = kept(map(float, times))
    assert keep <= set(times) and kept(keep) == keep
    assert not times or max(times) in keep
    if len(set(times)) <= case_backups.NEWEST:
        assert keep == set(times)


def test_a_backup_is_a_whole_case_and_can_be_put_back(path: Path) -> None:
    file = CaseFile.open(path)
    assert file.backups.begin_if_due(file.last_change())
    assert not file.backups.begin_if_due(file.last_change()), "one at a time, and not again at once"
    file.backups.wait()
    assert file.backups.take_problem() is None
    (backup,) = backups_of(path)
    add(file, chromosome(2))
    file.close()
    looked = CaseFile.open(backup.path)
    assert list(looked.chromosomes(1)) == [1] and looked.slides()[0].path == path.with_name("cell.png")
    looked.close()
    put_back(backup.path, path)
    again = CaseFile.open(path)
    assert list(again.chromosomes(1)) == [1]
    again.close()
    assert sorted(p.name for p in path.parent.iterdir()) == ["patient 7 backups", "patient 7.chromview"]
    assert [p.name for p in backups_folder(path).iterdir()] == [backup.path.name]


def test_edits_go_on_while_a_backup_is_made(path: Path) -> None:
    file = CaseFile.open(path)
    rng = np.random.default_rng(0)
    for id in range(2, 60):
        add(file, Chromosome(id, Box(0, 0, 300, 300), rng.random((300, 300)) < 0.5))
    assert file.backups.begin_if_due(file.last_change())
    id = 60
    while file.backups.running:
        add(file, chromosome(id))
        id += 1
    assert file.backups.take_problem() is None
    made = CaseFile.open(backups_of(path)[0].path)
    there = made.chromosomes(1)
    assert len(made.history(1).undo) == len(there) >= 59
    made.close()
    file.close()


def test_a_case_is_closed_at_once_while_a_backup_is_made(path: Path) -> None:
    file = CaseFile.open(path)
    add(file, Chromosome(2, Box(0, 0, 1200, 1200), np.random.default_rng(0).random((1200, 1200)) < 0.5))
    file.backups.begin_if_due(file.last_change())
    file.close()
    assert not list(backups_folder(path).glob("*.part*"))
    CaseFile.open(path).close()


def test_backups_that_cannot_be_made_are_told_and_leave_nothing(path: Path) -> None:
    backups_folder(path).write_text("a file where the folder should be")
    file = CaseFile.open(path)
    assert file.backups.begin_if_due(file.last_change())
    file.backups.wait()
    problem = file.backups.take_problem()
    assert problem is not None and "backups" in str(problem) and file.backups.take_problem() is None
    file.close()


def test_old_backups_go_and_other_files_stay(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = backups_folder(path)
    folder.mkdir()
    old = [folder / f"patient 7 2020-01-01 10.{minute:02d}.00Z.chromview" for minute in range(12)]
    for backup in old:
        shutil.copy(path, backup)
    (folder / "my own copy.chromview").write_bytes(b"mine")
    file = CaseFile.open(path)
    Backups(path, file._database).make()
    file.close()
    assert (folder / "my own copy.chromview").exists()
    assert [backup.path for backup in backups_of(path)[1:]] == old[:7:-1]


@pytest.mark.parametrize("damage", [lambda data: data[:5000], lambda data: b"\0" * 4096 + data[4096:]])
def test_a_damaged_case_names_its_last_backup(path: Path, damage: Callable[[bytes], bytes]) -> None:
    file = CaseFile.open(path)
    Backups(path, file._database).make()
    file.close()
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError, match="damaged") as caught:
        CaseFile.open(path)
    (backup,) = backups_of(path)
    assert str(backup.path) in str(caught.value) and backup.when_said in str(caught.value)
    backup.path.write_bytes(damage(backup.path.read_bytes()))
    before = path.read_bytes()
    with pytest.raises(UserError, match="damaged"):
        put_back(backup.path, path)
    assert path.read_bytes() == before


# -- the audit list


def test_the_list_says_who_did_what_and_what_was_taken_back(path: Path) -> None:
    file = CaseFile.open(path)
    file.person = "Anna"
    start = time.time()
    add(file, chromosome(2), "Cut of chromosome 7")
    file.person = "Boris"
    step(file, "undo", "Cut of chromosome 7")
    audit = Audit(file)
    assert audit.refresh() == 0
    file.set_removed(1, True)
    step(file, "redo", "Cut of chromosome 7")
    assert audit.refresh() == 2
    told = [(row.person, row.kind, row.title) for row in audit.rows]
    assert told == [
        ("", "case", "Slide added"), ("", "do", "New chromosome"), ("Anna", "do", "Cut of chromosome 7"),
        ("Boris", "undo", "Cut of chromosome 7"), ("Boris", "case", "Slide removed"),
        ("Boris", "redo", "Cut of chromosome 7"),
    ]  # fmt: skip
    assert all(start - 60 < row.when < time.time() + 1 for row in audit.rows)
    made = "#2 class ?, place tray, state proposed, kind chromosome, 400 px"
    assert [audit.change(row) for row in audit.rows[2:]] == [("", made), (made, ""), ("", ""), ("", made)]
    lines = list(table(audit, audit.rows, {1: "cell.png"}))
    assert lines[0] == COLUMNS and lines[3][1:] == ("Anna", "cell.png", "do", "Cut of chromosome 7", "", made)
    assert datetime.fromisoformat(lines[3][0]).tzinfo == UTC
    file.close()


def test_changes_are_put_into_words() -> None:
    before, after = np.zeros((4, 4), bool), np.ones((4, 4), bool)
    before[0] = True
    old = {"number": 21, "slot": Slot(21, 0), "p_up": True, "note": "", "angle": 0.0}
    new = {"number": 22, "slot": None, "p_up": False, "note": "satellites?", "angle": 15.0}
    command = Command(
        "Several",
        (
            MaskChanged(7, Box(10, 20, 14, 24), before, after),
            Removed(chromosome(3)),
            FieldsChanged(4, old, new),
            SlideChanged({"stain": "g-band", "quality": None}, {"stain": "dapi", "quality": {"count": 46, "a": None}}),
        ),
    )
    was, now = described(command)
    assert was == (
        "#7 mask 4 px (y 10..13, x 20..23); #3 class ?, place tray, state proposed, kind chromosome, 400 px; "
        "#4 class 21, place 21.1, p arm up, note –, turned by 0°; stain g-band, quality –"
    )
    assert now == (
        "#7 mask 16 px (+12 −0); #4 class 22, place tray, p arm down, note satellites?, turned by 15°; "
        "stain dapi, quality count=46"
    )
    assert described(Command("Nothing", ())) == ("", "")


def test_a_table_is_no_program_for_a_spreadsheet() -> None:
    assert csv_text([("a", "b,c"), ("=1+1", "@x")]) == "a,\"b,c\"\n'=1+1,'@x\n"
