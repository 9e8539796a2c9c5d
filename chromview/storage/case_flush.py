"""Brings a file to the disk while the program goes on."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

PAUSE, LONGEST = 0.02, 0.2
"""Seconds without a new request before a flush begins, and after how many it begins in any case."""


class Flusher:
    """Flushes a file whenever it is asked to, on a thread of its own.

    What was written outlives the program from the moment it was written; flushing makes it outlive
    the machine's power as well. That takes from half a millisecond to a tenth of a second,
    depending on the disk and on who else writes, and a window must not wait for it. While a file is flushed, many file
    systems let nobody write to it; so a flush begins when there is a short pause.

    Parameters
    ----------
    path
        The file; it need not exist before the first `ask`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = threading.Condition()
        self._asked = 0
        self._done = 0
        self._closing = False
        self._error: OSError | None = None
        self._thread: threading.Thread | None = None

    @property
    def error(self) -> OSError | None:
        """Why flushing failed, if it ever did: what was written last may not be on the disk."""
        return self._error

    def ask(self) -> None:
        """Flush what has been written up to now, in the next pause. Returns at once."""
        with self._turn:
            self._asked += 1
            self._turn.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="flush", daemon=True)
                self._thread.start()

    def wait(self) -> None:
        """Wait until everything that was asked for is on the disk, or failed."""
        with self._turn:
            self._turn.wait_for(lambda: self._done >= self._asked)

    def close(self) -> None:
        """Do what was asked for, and end the thread."""
        with self._turn:
            self._closing = True
            self._turn.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._turn:
                self._turn.wait_for(lambda: self._done < self._asked or self._closing)
                latest = time.monotonic() + LONGEST
                while not self._closing and time.monotonic() < latest:
                    if not self._turn.wait(PAUSE):
                        break
                wanted = self._asked
                if self._done >= wanted:
                    return
            try:
                with self._path.open("rb+") as file:
                    os.fsync(file.fileno())
            except OSError as error:
                self._error = error
            with self._turn:
                self._done = wanted
                self._turn.notify_all()
