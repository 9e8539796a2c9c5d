"""The tables of a case file, and the checks before one is opened.

A case file is an SQLite database. The checks read only, so a file that is refused is left
exactly as it was.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from chromview.errors import UserError
from chromview.storage.case_marker import opened_by
from chromview.storage.files import os_problem
from chromview.texts import noop, tr

CASE_SUFFIX = ".chromview"
"""What the names of case files end with."""

APPLICATION_ID = 0x43685677
"""Marks an SQLite file as a case of chromview: "ChVw"."""

SCHEMA_VERSION = 2
"""Version of the tables; a file with a higher one was made by a newer chromview."""

SCHEMA = """
CREATE TABLE slides (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    position INTEGER NOT NULL,
    path TEXT NOT NULL,
    relative TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    removed INTEGER NOT NULL DEFAULT 0,
    next_id INTEGER NOT NULL DEFAULT 1,
    fields TEXT NOT NULL DEFAULT '{}',
    summary TEXT NOT NULL DEFAULT '{}'
);
CREATE TABLE chromosomes (
    slide INTEGER NOT NULL REFERENCES slides (id),
    id INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (slide, id)
);
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    slide INTEGER NOT NULL REFERENCES slides (id),
    kind TEXT NOT NULL CHECK (kind IN ('do', 'with', 'undo', 'redo')),
    time REAL NOT NULL,
    title TEXT NOT NULL,
    data BLOB,
    person TEXT NOT NULL DEFAULT ''
);
CREATE INDEX journal_of_slide ON journal (slide, seq, kind, title);
CREATE TRIGGER journal_keeps_rows BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;
CREATE TRIGGER journal_keeps_values BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;
"""

_EVENTS = """
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    slide INTEGER REFERENCES slides (id),
    time REAL NOT NULL,
    person TEXT NOT NULL,
    title TEXT NOT NULL,
    before TEXT NOT NULL DEFAULT '',
    after TEXT NOT NULL DEFAULT ''
);
CREATE TRIGGER events_keep_rows BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;
CREATE TRIGGER events_keep_values BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;
"""
"""What happened to a case beside the commands: slides added and removed, a backup put back. As in version 2."""

SCHEMA += _EVENTS

MIGRATIONS: dict[int, str] = {
    1: "ALTER TABLE journal ADD COLUMN person TEXT NOT NULL DEFAULT '';" + _EVENTS,
}
"""From a version of the tables to the next one. What stands here is never changed: cases of that version exist."""


def migrate(database: sqlite3.Connection) -> None:
    """Bring the tables to this version, in one transaction: all of it, or nothing.

    Raises
    ------
    sqlite3.Error
        If it cannot be written; the file is then as it was.
    """
    try:
        for version in range(version_of(database), SCHEMA_VERSION):
            database.executescript(f"BEGIN; {MIGRATIONS[version]} PRAGMA user_version = {version + 1}; COMMIT;")
    except sqlite3.Error:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def version_of(database: sqlite3.Connection) -> int:
    """Version of the tables of an open case."""
    (version,) = database.execute("PRAGMA user_version").fetchone()
    return int(version)


def left_open(path: Path) -> bool:
    """Whether a case was not closed: the program or the computer stopped while it was open. Only reads."""
    with in_words(path), path.open("rb") as file:
        head = file.read(20)
    journal = path.with_name(path.name + "-journal")
    # Byte 18 is 2 from the first opening until closing, as long as commits go to a log.
    return head[18:19] == b"\2" or (is_there(journal) and journal.stat().st_size > 0)


def is_there(path: Path) -> bool:
    """Whether there is something at `path` that can be seen; a folder one may not look into counts as no."""
    try:
        return path.exists()
    except OSError:
        return False


Doing = Literal["reading", "changing", "making"]

_LOCKING = frozenset(
    (sqlite3.SQLITE_IOERR_LOCK, sqlite3.SQLITE_IOERR_RDLOCK, sqlite3.SQLITE_IOERR_UNLOCK,
     sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK)
)  # fmt: skip
"""What SQLite says where the file system has no locks, as some network drives have none."""

_MAGIC = b"SQLite format 3\0"
_DAMAGED_ADVICE = noop(
    "Nothing was changed in it. Take the last good copy of the case; keep this file, most of it can often be recovered."
)


class Damaged(UserError):
    """A case file that cannot be trusted."""


def damaged(path: Path, detail: str = "") -> Damaged:
    """The error for a case file that cannot be trusted."""
    what = tr("the case file is damaged ({detail})", detail=detail) if detail else tr("the case file is damaged")
    return Damaged(what, path=path, advice=tr(_DAMAGED_ADVICE))


@contextlib.contextmanager
def in_words(path: Path, doing: Doing = "reading") -> Iterator[None]:
    """Turn what SQLite and the system say about `path` into a `UserError` with advice.

    Parameters
    ----------
    path
        The file that the person knows.
    doing
        What was tried: "reading" a case, "changing" it, or "making" a new file.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise _said(error, path, doing) from error
    except OSError as error:
        raise os_problem(error, path) from error


def error_code(error: BaseException | None) -> int:
    """SQLite's own number of an error, without its details; 0 if it has none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _said(error: sqlite3.Error, path: Path, doing: Doing) -> UserError:
    primary = error_code(error)
    if getattr(error, "sqlite_errorcode", 0) in _LOCKING:
        return UserError(
            tr("files cannot be locked in this folder, so two people could write the case at the same time"),
            path=path,
            advice=tr("Copy it to a folder on this computer, or ask for a network drive with locks."),
        )
    match primary:
        case sqlite3.SQLITE_FULL | sqlite3.SQLITE_IOERR:
            what = (
                tr("there is no room on the disk")
                if primary == sqlite3.SQLITE_FULL
                else tr("the disk is full, or gone")
            )
            if doing == "making":
                return UserError(
                    tr("cannot be written: {what}", what=what),
                    path=path,
                    advice=tr("Make room, or choose another disk."),
                )
            if doing == "reading":
                return UserError(
                    tr("cannot be read: {what}", what=what),
                    path=path,
                    advice=tr("Make room, or copy the case elsewhere."),
                )
            return UserError(
                tr("the last change was not kept: {what}", what=what),
                path=path,
                advice=tr(
                    "Everything before it is safe. Make room, or save the case on another disk, and do it again."
                ),
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            by = opened_by(path)
            where = tr("in another window of chromview or on another computer") if by is None else by.sentence
            return UserError(
                tr("the case is open already, {where}", where=where), path=path, advice=tr("Close it there first.")
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return read_only(path)
        case sqlite3.SQLITE_CANTOPEN:
            return UserError(
                tr("the case file cannot be opened"),
                path=path,
                advice=tr("Check that the folder is there and may be written."),
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_FORMAT:
            return damaged(path, str(error))
    return UserError(
        tr("the case file does not answer as it should ({error})", error=error), path=path, advice=tr(_DAMAGED_ADVICE)
    )


def read_only(path: Path) -> UserError:
    """The error for a change to a case that may only be read."""
    return UserError(
        tr("the case may only be read here; the change was not kept"),
        path=path,
        advice=tr("Use File > Save case as to go on with a copy in a folder that may be written."),
    )


def check(path: Path) -> None:
    """Refuse what is not a whole case file of this version or an older one; only reads.

    Raises
    ------
    UserError
        If the file is missing, not a case, made by a newer chromview, or damaged.
    """
    with in_words(path):
        if not path.exists():
            raise UserError(tr("there is no such case file"), path=path, advice=tr("Was it moved or renamed?"))
        if not path.is_file():
            raise UserError(
                tr("is not a case file"),
                path=path,
                advice=tr("Choose a file that ends with {suffix}.", suffix=CASE_SUFFIX),
            )
        with path.open("rb") as file:
            head = file.read(100)
    if len(head) < 100 or not head.startswith(_MAGIC):
        if path.suffix == CASE_SUFFIX:
            raise damaged(path, tr("its beginning is not that of a case") if head else tr("it is empty"))
        raise UserError(
            tr("is not a case file"),
            path=path,
            advice=tr("Choose a file that ends with {suffix}.", suffix=CASE_SUFFIX),
        )
    version, application = struct.unpack(">I4xI", head[60:72])
    if application != APPLICATION_ID:
        raise UserError(tr("is a database, but not a case of chromview"), path=path)
    if version > SCHEMA_VERSION:
        raise UserError(
            tr(
                "was made by a newer chromview (case version {version}, this program knows {known})",
                version=version,
                known=SCHEMA_VERSION,
            ),
            path=path,
            advice=tr("Nothing was changed in it. Open it with the newer version."),
        )


def check_structure(path: Path) -> None:
    """Read through the whole file and refuse it if its pages do not fit together; only reads.

    Raises
    ------
    UserError
        If the file is damaged, or open in another process.
    """
    shared = path.with_name(path.name + "-shm")
    was_there = is_there(shared)
    with in_words(path):
        try:
            read_through(path, path)
        except sqlite3.OperationalError as error:
            # Beside a log that a crash left, SQLite has to write a little even to read. If it cannot, on a full
            # disk, a copy elsewhere is read.
            if error_code(error) not in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN):
                raise
            with copied(path) as copy:
                read_through(copy, path)
        finally:
            # What SQLite wrote for reading the log; a case that is refused leaves nothing beside it.
            if not was_there:
                with contextlib.suppress(OSError):
                    shared.unlink(missing_ok=True)


@contextlib.contextmanager
def copied(path: Path) -> Iterator[Path]:
    """A copy of a case and its log in a folder that goes away afterwards."""
    with tempfile.TemporaryDirectory(prefix="chromview-") as folder:
        copy = Path(folder) / "case"
        shutil.copyfile(path, copy)
        log = path.with_name(path.name + "-wal")
        if is_there(log):
            shutil.copyfile(log, copy.with_name("case-wal"))
        yield copy


def read_through(path: Path, known_as: Path) -> None:
    """Read the whole file at `path`; `known_as` is its name for the person.

    Raises
    ------
    UserError
        If it is damaged.
    sqlite3.Error
        If it cannot be read.
    """
    database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=0)
    try:
        (answer,) = database.execute("PRAGMA quick_check(1)").fetchone()
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    finally:
        database.close()
    if answer != "ok":
        raise damaged(known_as, answer.splitlines()[-1])
    if not {"slides", "chromosomes", "journal"} <= tables:
        raise damaged(known_as, tr("tables are missing"))
