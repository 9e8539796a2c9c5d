"""What a case file tells of its past: the journal, what can be undone, and what happened beside the commands."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from chromview.core.commands import Command, from_bytes
from chromview.storage.case_rows import Event, History, JournalRow
from chromview.storage.case_schema import damaged, in_words
from chromview.storage.case_transaction import Transaction
from chromview.texts import stored, tr

SLIDE_ADDED, SLIDE_REMOVED = stored("Slide added"), stored("Slide removed")
SLIDE_BACK, IMAGE_FOUND = stored("Slide brought back"), stored("Image found again")
BACKUP_PUT_BACK = stored("Backup put back")
"""What is written down beside the commands."""


class CaseJournal:
    """The part of a `CaseFile` that concerns its past.

    Parameters
    ----------
    path, database
        The file and its connection.
    may_write
        Whether it may be written.
    """

    def __init__(self, path: Path, database: sqlite3.Connection, *, may_write: bool) -> None:
        self.path = path
        self._database = database
        self._may_write = may_write
        self._person = ""

    def _transaction(self) -> Transaction:
        return Transaction(self._database, self.path, may_write=self._may_write)

    # -- what happened

    def note(self, title: str, *, before: str = "", after: str = "") -> None:
        """Write down something that happened to the case as a whole.

        Raises
        ------
        UserError
            If it cannot be written.
        """
        with self._transaction():
            self._note(title, None, before=before, after=after)

    def _note(self, title: str, slide: int | None, *, before: str = "", after: str = "") -> None:
        values = (slide, time.time(), self._person, title, before, after)
        self._database.execute(
            "INSERT INTO events (slide, time, person, title, before, after) VALUES (?, ?, ?, ?, ?, ?)", values
        )

    def events(self, after: int = 0) -> list[Event]:
        """What happened beside the commands, in order: slides added and removed, a backup put back."""
        query = "SELECT seq, slide, time, person, title, before, after FROM events WHERE seq > ? ORDER BY seq"
        with in_words(self.path):
            return [Event(*row) for row in self._database.execute(query, (after,))]

    def journal(self, after: int = 0) -> list[JournalRow]:
        """The rows of the journal with numbers above `after`, of all slides, in order."""
        query = "SELECT seq, slide, kind, time, person, title FROM journal WHERE seq > ? ORDER BY seq"
        with in_words(self.path):
            return [JournalRow(*row) for row in self._database.execute(query, (after,))]

    def last_change(self) -> float | None:
        """When something was written last, seconds since 1970; None if nothing ever was."""
        last = "SELECT time FROM {} ORDER BY seq DESC LIMIT 1"
        with in_words(self.path):
            rows = [self._database.execute(last.format(table)).fetchone() for table in ("journal", "events")]
        return max((float(row[0]) for row in rows if row is not None), default=None)

    def last_row(self) -> JournalRow | None:
        """The last row of the journal; None if nothing was done yet."""
        query = "SELECT seq, slide, kind, time, person, title FROM journal ORDER BY seq DESC LIMIT 1"
        with in_words(self.path):
            row = self._database.execute(query).fetchone()
        return None if row is None else JournalRow(*row)

    def history(self, slide: int) -> History:
        """What can be undone and redone on a slide.

        Raises
        ------
        UserError
            If the journal does not fit together.
        """
        with in_words(self.path):
            rows = self._database.execute("SELECT kind, seq, title FROM journal WHERE slide = ? ORDER BY seq", (slide,))
            try:
                return History.of(rows)
            except ValueError as error:
                raise damaged(self.path, tr("the journal does not fit together")) from error

    def steps(self, slide: int) -> list[tuple[float, bytes]]:
        """What was done to a slide and not taken back, in order: when (seconds since 1970), and the command's bytes."""
        undo = [seq for entry in self.history(slide).undo for seq in entry.seqs]
        with in_words(self.path):
            rows = self._database.execute("SELECT seq, time, data FROM journal WHERE slide = ?", (slide,))
            known = {seq: (time, data) for seq, time, data in rows}
        return [known[seq] for seq in undo]

    def command(self, seq: int) -> Command:
        """The command of one row of the journal.

        Raises
        ------
        UserError
            If it is damaged.
        """
        with in_words(self.path):
            row = self._database.execute("SELECT data FROM journal WHERE seq = ?", (seq,)).fetchone()
        try:
            if row is None or row[0] is None:
                raise ValueError(f"row {seq} of the journal is missing")
            return from_bytes(row[0])
        except ValueError as error:
            raise damaged(self.path, str(error)) from error
