"""One transaction of a case file."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from chromview.storage.case_schema import in_words, read_only


class Transaction:
    """One SQLite transaction: everything in it, or nothing.

    Parameters
    ----------
    database, path
        The connection, and the file as the person knows it.
    may_write
        Whether it may be written at all.

    Raises
    ------
    UserError
        If it cannot be written; the file is then as before.
    """

    def __init__(self, database: sqlite3.Connection, path: Path, *, may_write: bool) -> None:
        self._database = database
        self._path = path
        self._may_write = may_write

    def __enter__(self) -> None:
        if not self._may_write:
            raise read_only(self._path)
        with in_words(self._path, "changing"):
            self._database.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        database = self._database
        if error is None:
            try:
                database.execute("COMMIT")
            except sqlite3.Error as failed:
                error = failed
        if error is not None:
            if database.in_transaction:
                database.execute("ROLLBACK")
            with in_words(self._path, "changing"):
                raise error
