"""Who has a case open, and who may write it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from chromview.errors import UserError
from chromview.storage.case_schema import error_code, in_words
from chromview.texts import tr

# Cases that this process has open, by device and number of the file.
_open_here: set[tuple[int, int]] = set()


def note_open(path: Path) -> tuple[int, int] | None:
    """Remember that this process has `path` open; give the answer to `note_closed`."""
    identity = _identity(path)
    if identity is not None:
        _open_here.add(identity)
    return identity


def note_closed(identity: tuple[int, int] | None) -> None:
    """Forget what `note_open` remembered."""
    if identity is not None:
        _open_here.discard(identity)


def may_write(path: Path) -> bool:
    # Where the system can tell, the rights in force count, and not those of who started the program.
    effective = os.access in os.supports_effective_ids
    return all(os.access(p, os.W_OK, effective_ids=effective) for p in (path, path.parent))


def _identity(path: Path) -> tuple[int, int] | None:
    """What names the same file by any path; None if it is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def refuse_open_here(path: Path) -> None:
    """Raise `UserError` if this process has the case open, without touching the file.

    A lock of POSIX belongs to the process: reading the file through a second handle, and closing
    that, would quietly take it away from the first.
    """
    if _identity(path) in _open_here:
        raise UserError(tr("the case is open already, in this program"), path=path)


def refuse_open_case(path: Path) -> None:
    """Raise `UserError` if `path` is a case that is open in some window."""
    refuse_open_here(path)
    try:
        database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=0)
        try:
            database.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        finally:
            database.close()
    except sqlite3.Error as error:
        if error_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            with in_words(path):
                raise
