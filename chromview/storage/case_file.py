"""The case file: slides, chromosomes and the journal of every command, in one SQLite file.

How it is kept
--------------
- The journal only grows: a command is a row, an undo is a row, a redo is a row. What can be
  undone is found by walking them (`History`), also after a restart.
- Beside the journal the file holds each chromosome as it is now, written in the same SQLite
  transaction, so that opening a slide replays nothing.
- One commit is one transaction, written to the file's log when `commit` returns: it outlives the
  program whatever happens to it then, and a full disk is told where it happens. Flushing it to
  the disk, so that it outlives the power as well, begins a moment later on a thread of its own
  (`Flusher`), for a busy disk takes 8 ms and more, and an edit must not wait for that. A flush
  that fails is told with the next commit, or when idle. On closing everything is flushed, and the
  log goes back into the one file.
- The write-ahead log is chosen because every commit only appends to it and carries a checksum:
  after a power failure the file is as it was after some commit, usually the last.
- The file is locked as long as it is open (``locking_mode=EXCLUSIVE``). The lock is the
  system's, so it ends with the process, however that ends; and the log needs no shared memory,
  which network folders do not have.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from chromview.core.chromosome import Chromosome
from chromview.core.commands import Command, chromosome_from_bytes, chromosome_to_bytes, to_bytes
from chromview.errors import UserError
from chromview.storage.case_backups import Backups, backups_of
from chromview.storage.case_copy import finish_copy, relative_to
from chromview.storage.case_flush import Flusher
from chromview.storage.case_journal import IMAGE_FOUND, SLIDE_ADDED, SLIDE_BACK, SLIDE_REMOVED, CaseJournal
from chromview.storage.case_lock import may_write, note_closed, note_open, refuse_open_case, refuse_open_here
from chromview.storage.case_marker import OpenedBy, mark_closed, mark_open, opened_by
from chromview.storage.case_rows import Kind, SlideRow
from chromview.storage.case_schema import (
    APPLICATION_ID,
    CASE_SUFFIX,
    SCHEMA,
    SCHEMA_VERSION,
    Damaged,
    check,
    check_structure,
    copied,
    damaged,
    error_code,
    in_words,
    is_there,
    left_open,
    migrate,
    read_through,
    version_of,
)
from chromview.storage.files import put_in_place
from chromview.texts import tr

__all__ = ["CASE_SUFFIX", "CaseFile"]

# Pages of the log after which SQLite itself carries it into the file; `tidy` does so earlier, when idle.
_LOG_PAGES = 4000
_COMMITS_UNTIL_TIDY = 50


class CaseFile(CaseJournal):
    """An open case file; make one with `create` or `open`. Used from one thread.

    Attributes
    ----------
    path
        The file.
    was_left_open
        Whether the case was not closed the last time: the program or the computer stopped.
    log_is_missing
        Whether, in addition, the log that held the last steps was not beside it.
    marked_elsewhere
        Which other computer had the case open and did not close it, as far as its marker tells.
    backups
        Copies of the case beside it.
    """

    def __init__(self, path: Path, database: sqlite3.Connection, copy: contextlib.ExitStack | None) -> None:
        super().__init__(path, database, may_write=copy is None)
        self._here = None if copy is not None else note_open(path)
        self._copy = copy
        self._flusher: Flusher | None = None
        self._commits = 0
        self.was_left_open = False
        self.log_is_missing = False
        self.marked_elsewhere: OpenedBy | None = None
        self.backups = Backups(path, None if self.read_only else database)
        if not self.read_only:
            mark_open(path, "")

    @property
    def person(self) -> str:
        """Who works on the case; recorded with everything that is written."""
        return self._person

    @person.setter
    def person(self, name: str) -> None:
        self._person = name
        if not self.read_only:
            mark_open(self.path, name)

    @property
    def read_only(self) -> bool:
        """Whether the file may only be read; a commit then raises `UserError`."""
        return self._copy is not None

    # -- opening and closing

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make an empty case file and open it.

        Raises
        ------
        UserError
            If there is a file of that name, or it cannot be written.
        """
        if is_there(path):
            raise UserError(tr("there is a file of this name already"), path=path, advice=tr("Choose another name."))
        part = path.with_name(path.name + ".part")
        with in_words(path, "making"):
            path.parent.mkdir(parents=True, exist_ok=True)
            part.unlink(missing_ok=True)
            try:
                database = sqlite3.connect(part, isolation_level=None)
                try:
                    database.execute("PRAGMA synchronous = FULL")
                    database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                    database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
                    database.executescript(f"BEGIN; {SCHEMA} COMMIT;")
                finally:
                    database.close()
                put_in_place(part, path)
            finally:
                part.unlink(missing_ok=True)
        return cls._open_to_write(path)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a case file, to write if that is allowed, else to read.

        Raises
        ------
        UserError
            If it is missing, not a case, of a newer version, damaged, or open already.
        """
        refuse_open_here(path)
        try:
            check(path)
            if not may_write(path):
                return cls.look(path)
            was_left_open = left_open(path)
            log_is_missing = was_left_open and not any(is_there(part) for part in _logs(path))
            check_structure(path)
        except Damaged as error:
            raise _with_backup(error, path) from error
        marker = opened_by(path)
        file = cls._open_to_write(path)
        file.was_left_open, file.log_is_missing = was_left_open, log_is_missing
        file.marked_elsewhere = marker if marker is not None and marker.elsewhere else None
        return file

    @classmethod
    def _open_to_write(cls, path: Path) -> Self:
        with in_words(path):
            # Used from this thread, but for backups (see `case_backups`).
            database = sqlite3.connect(
                f"{path.resolve().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=0, check_same_thread=False
            )
            try:
                database.execute("PRAGMA locking_mode = EXCLUSIVE")
                # Where there can be no log (a full disk), SQLite has to flush by itself, and the edit waits for it.
                log = _begin_log(database)
                database.execute(f"PRAGMA synchronous = {'NORMAL' if log else 'FULL'}")
                database.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
                database.execute("PRAGMA foreign_keys = ON")
                # The lock is taken by the first transaction, not by the pragma.
                database.execute("BEGIN EXCLUSIVE")
                database.execute("COMMIT")
                if version_of(database) < SCHEMA_VERSION:
                    Backups(path, database).make()
                    migrate(database)
            except BaseException:
                database.close()
                raise
        file = cls(path, database, None)
        if log:
            file._flusher = Flusher(_logs(path)[0])
            file._begin_log_anew()
        return file

    def _begin_log_anew(self) -> None:
        """Make a commit while nobody waits: SQLite itself flushes the first one of a log to the disk."""
        with contextlib.suppress(sqlite3.Error):  # the first edit does it then
            self._database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    @classmethod
    def look(cls, path: Path) -> Self:
        """Open a copy of a case, to read only; the case itself is neither locked nor changed.

        Raises
        ------
        UserError
            If it cannot be read or is damaged, or this program has it open.
        """
        refuse_open_here(path)
        # A log that a crash left behind can only be read where SQLite may write, so a copy is read.
        with contextlib.ExitStack() as stack, in_words(path):
            copy = stack.enter_context(copied(path))
            read_through(copy, path)
            database = sqlite3.connect(copy, isolation_level=None)
            stack.callback(database.close)
            migrate(database)
            return cls(path, database, stack.pop_all())

    def close(self) -> None:
        """Carry the log into the file, and let go of it. Doing it twice does no harm."""
        self.backups.stop()
        if self._flusher is not None:
            self._flusher.close()
        try:
            if not self.read_only:
                self._database.execute("PRAGMA synchronous = FULL")
                # At rest a case is one plain file: it can be copied, mailed, and read from a read-only folder.
                self._database.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.Error:
            pass  # the log stays beside the file, and the next opening reads it
        finally:
            self._database.close()
            note_closed(self._here)
            if not self.read_only:
                mark_closed(self.path)
            if self._copy is not None:
                self._copy.close()

    def tidy(self) -> None:
        """Carry the log into the file if it has grown long; for moments when nobody waits.

        Raises
        ------
        UserError
            If what was committed could not be flushed to the disk.
        """
        self._check_flushed()
        if self._commits >= _COMMITS_UNTIL_TIDY and not self.read_only:
            self._commits = 0
            # If it cannot be carried over it stays in the log, and closing tries again.
            with contextlib.suppress(sqlite3.Error):
                self._database.execute("PRAGMA wal_checkpoint(PASSIVE)")
                self._begin_log_anew()

    def flush(self) -> None:
        """Wait until everything committed is on the disk.

        Raises
        ------
        UserError
            If it could not be brought there.
        """
        if self._flusher is not None:
            self._flusher.wait()
        self._check_flushed()

    def _check_flushed(self) -> None:
        if self._flusher is not None and self._flusher.error is not None:
            raise UserError(
                tr(
                    "the last changes may not be on the disk ({reason})",
                    reason=self._flusher.error.strerror or self._flusher.error,
                ),
                path=self.path,
                advice=tr("They are still in this window: save the case on another disk now."),
            )

    def copy_to(self, path: Path) -> None:
        """Write the whole case, journal included, to another file, in one step.

        Raises
        ------
        UserError
            If it cannot be written, or is a case that is open elsewhere.
        """
        if is_there(path):
            refuse_open_case(path)
        part = path.with_name(path.name + ".part")
        with in_words(path, "making"):
            path.parent.mkdir(parents=True, exist_ok=True)
            part.unlink(missing_ok=True)
            try:
                target = sqlite3.connect(part, isolation_level=None)
                try:
                    self._database.backup(target)
                    finish_copy(target, path)
                finally:
                    target.close()
                put_in_place(part, path)
            finally:
                part.unlink(missing_ok=True)

    # -- slides

    def slides(self) -> list[SlideRow]:
        """All slides in their order, removed ones included."""
        columns = "id, path, relative, sha256, removed, next_id, fields, summary"
        with in_words(self.path):
            rows = self._database.execute(f"SELECT {columns} FROM slides ORDER BY position, id").fetchall()
        try:
            return [self._slide(row) for row in rows]
        except ValueError as error:
            raise damaged(self.path, str(error)) from error

    def _slide(self, row: Sequence[Any]) -> SlideRow:
        id, path, relative, sha256, removed, next_id, fields, summary = row
        where = Path(path)
        if relative and not is_there(where):
            beside = self.path.parent / relative
            where = Path(os.path.normpath(beside)) if is_there(beside) else where
        return SlideRow(id, where, sha256, bool(removed), next_id, json.loads(fields), json.loads(summary))

    def add_slides(self, files: Iterable[tuple[Path, str]]) -> list[int]:
        """Add slides by path and SHA-256 at the end; returns their ids."""
        ids: list[int] = []
        with self._transaction():
            (position,) = self._database.execute("SELECT COALESCE(MAX(position), 0) FROM slides").fetchone()
            for path, sha256 in files:
                position += 1
                cursor = self._database.execute(
                    "INSERT INTO slides (position, path, relative, sha256) VALUES (?, ?, ?, ?)",
                    (position, str(path), relative_to(path, self.path), sha256),
                )
                assert cursor.lastrowid is not None
                ids.append(cursor.lastrowid)
                self._note(SLIDE_ADDED, cursor.lastrowid, after=str(path))
        return ids

    def set_removed(self, slide: int, removed: bool) -> None:
        """Take a slide out of the case, or bring it back; its chromosomes and journal stay."""
        with self._transaction():
            self._database.execute("UPDATE slides SET removed = ? WHERE id = ?", (removed, slide))
            self._note(SLIDE_REMOVED if removed else SLIDE_BACK, slide)

    def set_file(self, slide: int, path: Path, sha256: str) -> None:
        """Say where the image of a slide lies now, and what it holds."""
        with self._transaction():
            (before,) = self._database.execute("SELECT path FROM slides WHERE id = ?", (slide,)).fetchone()
            self._note(IMAGE_FOUND, slide, before=before, after=str(path))
            self._database.execute(
                "UPDATE slides SET path = ?, relative = ?, sha256 = ? WHERE id = ?",
                (str(path), relative_to(path, self.path), sha256, slide),
            )

    # -- chromosomes and journal

    def chromosomes(self, slide: int) -> dict[int, Chromosome]:
        """The chromosomes of a slide as they are now, by id.

        Raises
        ------
        UserError
            If what the file holds is damaged.
        """
        with in_words(self.path):
            rows = self._database.execute(
                "SELECT data FROM chromosomes WHERE slide = ? ORDER BY id", (slide,)
            ).fetchall()
        try:
            chromosomes = [chromosome_from_bytes(data) for (data,) in rows]
        except ValueError as error:
            raise damaged(self.path, str(error)) from error
        return {chromosome.id: chromosome for chromosome in chromosomes}

    def commit(
        self,
        slide: int,
        kind: Kind,
        title: str,
        command: Command | None,
        *,
        changed: Iterable[Chromosome],
        removed: Iterable[int],
        next_id: int,
        fields: Mapping[str, Any],
        summary: Mapping[str, Any],
    ) -> int:
        """Write one step and its outcome, all or nothing; no crash of the program takes it back afterwards.

        Parameters
        ----------
        slide
            Id of the slide.
        kind
            "do" for a new command, "with" for one that is undone together with the command
            before it, "undo" or "redo" for a step through the history.
        command
            The command of "do" and "with"; None for the others.
        changed, removed
            Chromosomes as they are afterwards, and ids of those that are gone.
        next_id, fields, summary
            The slide's other columns afterwards.

        Returns
        -------
        int
            The number of the row in the journal.

        Raises
        ------
        UserError
            If it cannot be written (full or read-only disk); the file is then as before.
        """
        self._check_flushed()
        data = None if command is None else to_bytes(command)
        rows = [(slide, chromosome.id, chromosome_to_bytes(chromosome)) for chromosome in changed]
        with self._transaction():
            cursor = self._database.execute(
                "INSERT INTO journal (slide, kind, time, title, data, person) VALUES (?, ?, ?, ?, ?, ?)",
                (slide, kind, time.time(), title, data, self.person),
            )
            gone = [(slide, id) for id in removed]
            self._database.executemany("DELETE FROM chromosomes WHERE slide = ? AND id = ?", gone)
            self._database.executemany("INSERT OR REPLACE INTO chromosomes (slide, id, data) VALUES (?, ?, ?)", rows)
            self._database.execute(
                "UPDATE slides SET next_id = ?, fields = ?, summary = ? WHERE id = ?",
                (next_id, json.dumps(fields), json.dumps(summary), slide),
            )
        self._commits += 1
        if self._flusher is not None:
            self._flusher.ask()
        assert cursor.lastrowid is not None
        return cursor.lastrowid


def _begin_log(database: sqlite3.Connection) -> bool:
    """Let commits go to a log; returns whether they do."""
    try:
        (mode,) = database.execute("PRAGMA journal_mode = WAL").fetchone()
    except sqlite3.OperationalError as error:
        if error_code(error) not in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            raise
        return False
    return bool(mode == "wal")


def _logs(path: Path) -> tuple[Path, Path]:
    """Where steps lie that were not carried into the file yet."""
    return path.with_name(path.name + "-wal"), path.with_name(path.name + "-journal")


def _with_backup(error: Damaged, path: Path) -> UserError:
    """The error for a case that is damaged, with its newest backup, if there is one."""
    backups = backups_of(path)
    if not backups:
        return error
    newest = backups[0]
    advice = f"{error.advice} Its last backup is of {newest.when_said}: {newest.path} is a case that can be opened."
    return UserError(error.what, path=error.path, advice=advice.strip())
