"""Backups of a case: whole copies in a folder beside it, the more of them the newer.

A backup is made while the case goes on being edited, on a thread of its own: SQLite copies some pages at a time,
between the steps of the window, and takes edits made meanwhile along. It has its name only when it is whole and on
the disk. Each one is a case that can be opened.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from chromview.errors import Cancelled, UserError
from chromview.storage.case_copy import finish_copy
from chromview.storage.case_marker import local
from chromview.storage.case_schema import CASE_SUFFIX, check, check_structure, in_words, is_there, read_through
from chromview.storage.files import put_in_place

EVERY = 600.0
"""Seconds between two backups of a case that is worked on."""

NEWEST, HOURS, DAYS, MONTHS = 5, 24, 31, 12
"""What is kept: the newest ones; the last of each of the last hours, days and months in which one was made."""

_PAGES = 16
_NAME = re.compile(r" (\d{4}-\d\d-\d\d \d\d\.\d\d\.\d\d)Z$")
_FORMAT = "%Y-%m-%d %H.%M.%S"


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup: its file, and when it was made (seconds since 1970)."""

    path: Path
    when: float

    @property
    def when_said(self) -> str:
        """When it was made, as people here write it."""
        return local(self.when)


def backups_folder(case: Path) -> Path:
    """Where the backups of a case lie."""
    return case.with_name(f"{case.stem} backups")


def backups_of(case: Path) -> list[Backup]:
    """The backups of a case, the newest first; empty if there are none or nobody may look."""
    found = []
    with contextlib.suppress(OSError):
        for path in backups_folder(case).iterdir():
            match = _NAME.search(path.stem)
            if match is not None and path.suffix == CASE_SUFFIX:
                found.append(Backup(path, datetime.strptime(match[1], _FORMAT).replace(tzinfo=UTC).timestamp()))
    return sorted(found, key=lambda backup: -backup.when)


def kept(times: Iterable[float]) -> set[float]:
    """Which of the backups made at these times (seconds since 1970) are kept.

    The last `NEWEST`; and of each hour, day and month (UTC) the last one, for as many hours, days and months as
    backups were made in. A case that rests for a year loses none.
    """
    newest_first = sorted(set(times), reverse=True)
    keep = set(newest_first[:NEWEST])
    for form, count in (("%Y%m%d%H", HOURS), ("%Y%m%d", DAYS), ("%Y%m", MONTHS)):
        last: dict[str, float] = {}
        for when in newest_first:
            last.setdefault(datetime.fromtimestamp(when, UTC).strftime(form), when)
        keep.update(list(last.values())[:count])
    return keep


class Backups:
    """Makes the backups of one open case.

    Parameters
    ----------
    case
        The case file.
    database
        Its connection, which may be used on another thread; None if the case may only be read, and gets no backups.
    """

    def __init__(self, case: Path, database: sqlite3.Connection | None) -> None:
        self._case = case
        self._database = database
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._problem: UserError | None = None
        self._tried = 0.0

    def begin_if_due(self, changed: float | None) -> bool:
        """Begin one, if the case was changed since the last, and that is some minutes old; returns whether it did.

        Parameters
        ----------
        changed
            When the case was changed last, seconds since 1970; None if never.
        """
        if self._database is None or self._stopped or changed is None or self.running:
            return False
        newest = next((backup.when for backup in backups_of(self._case)), 0.0)
        # Names are exact to the second.
        if int(changed) <= newest or time.time() < max(newest, self._tried) + EVERY:
            return False
        self._tried = time.time()
        # A build of SQLite that may not be used on two threads makes them while the window waits.
        if sqlite3.threadsafety < 3:
            self._run()
        else:
            self._thread = threading.Thread(target=self._run, name="backup", daemon=True)
            self._thread.start()
        return True

    @property
    def running(self) -> bool:
        """Whether one is being made."""
        return self._thread is not None and self._thread.is_alive()

    def wait(self) -> None:
        """Wait until none is being made."""
        if self._thread is not None:
            self._thread.join()

    def stop(self) -> None:
        """Give up the one that is being made, and make no more."""
        self._stopped = True
        self.wait()

    def take_problem(self) -> UserError | None:
        """Why the last one could not be made, told once; None if it could."""
        problem, self._problem = self._problem, None
        return problem

    def make(self) -> Backup:
        """Make one now, and wait for it.

        Raises
        ------
        UserError
            If it cannot be written.
        """
        assert self._database is not None
        folder = backups_folder(self._case)
        when = int(time.time())
        path = folder / f"{self._case.stem} {datetime.fromtimestamp(when, UTC).strftime(_FORMAT)}Z{CASE_SUFFIX}"
        part = path.with_name(path.name + ".part")
        with in_words(path, "making"):
            folder.mkdir(exist_ok=True)
            try:
                with contextlib.closing(sqlite3.connect(part, isolation_level=None)) as target:
                    # What is not whole after a power failure never gets its name.
                    target.execute("PRAGMA synchronous = OFF")
                    self._database.backup(target, pages=_PAGES, progress=self._pause, sleep=0.005)
                    finish_copy(target, path)
                put_in_place(part, path)
            finally:
                for left in folder.glob("*.part*"):
                    left.unlink(missing_ok=True)
        self._thin()
        return Backup(path, float(when))

    def _run(self) -> None:
        try:
            self.make()
        except Cancelled:
            pass
        except UserError as error:
            self._problem = error

    def _pause(self, status: int, remaining: int, total: int) -> None:
        if self._stopped:
            raise Cancelled
        # Whoever waits for the connection gets it now.
        time.sleep(0.0005)

    def _thin(self) -> None:
        backups = backups_of(self._case)
        keep = kept(backup.when for backup in backups)
        for backup in backups:
            if backup.when not in keep:
                with contextlib.suppress(OSError):
                    backup.path.unlink()


def put_back(backup: Path, case: Path) -> None:
    """Put a backup in the place of its case, which must be closed, in one step; the backup stays.

    Raises
    ------
    UserError
        If the backup is damaged or gone, or there is no room. The case is then as it was.
    """
    check(backup)
    check_structure(backup)
    part = case.with_name(case.name + ".part")
    with in_words(case, "making"):
        try:
            with (
                contextlib.closing(sqlite3.connect(f"{backup.resolve().as_uri()}?mode=ro", uri=True)) as source,
                contextlib.closing(sqlite3.connect(part, isolation_level=None)) as target,
            ):
                source.backup(target)
                finish_copy(target, case)
            read_through(part, case)
            put_in_place(part, case)
        finally:
            part.unlink(missing_ok=True)


def move_backups(old: Path, new: Path) -> None:
    """Let the backups of a case that gets another name follow it, if that is possible in one step."""
    there, target = backups_folder(old), backups_folder(new)
    if is_there(there) and not is_there(target):
        with contextlib.suppress(OSError):
            there.rename(target)
