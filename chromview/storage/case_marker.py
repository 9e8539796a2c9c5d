"""Who has a case open: a small file beside it, for the person who finds it locked.

The lock itself is the system's (see `case_file`), and ends with the process. The marker says what a
lock cannot: who it is, and on which computer. It also tells what no lock of a network drive may tell, that
another computer has the case open, or had when it stopped.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from chromview.texts import noop, tr

_MONTHS = (
    noop("January"), noop("February"), noop("March"), noop("April"), noop("May"), noop("June"), noop("July"),
    noop("August"), noop("September"), noop("October"), noop("November"), noop("December"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class OpenedBy:
    """Who opened a case.

    Attributes
    ----------
    person, computer, process
        Name of the person and of the computer, and number of the process there.
    since
        Seconds since 1970.
    """

    person: str
    computer: str
    process: int
    since: float

    @property
    def elsewhere(self) -> bool:
        """Whether it was on another computer than this one."""
        return self.computer != socket.gethostname()

    @property
    def sentence(self) -> str:
        """For example "by Anna on PC-3, since 21 November 2026, 14:02"."""
        values = {"computer": self.computer, "when": local(self.since)}
        if not self.person:
            return tr("on {computer}, since {when}", **values)
        return tr("by {person} on {computer}, since {when}", person=self.person, **values)


def local(when: float) -> str:
    """A time (seconds since 1970) as people here write it: "21 November 2026, 14:02"."""
    there = datetime.fromtimestamp(when).astimezone()
    month = tr(_MONTHS[there.month - 1])
    return tr("{day} {month} {year}, {time}", day=there.day, month=month, year=there.year, time=f"{there:%H:%M}")


def marker_path(case: Path) -> Path:
    """Where the marker of a case lies."""
    return case.with_name(f".~lock.{case.name}")


def opened_by(case: Path) -> OpenedBy | None:
    """Who has a case open, or had when the program stopped; None if nobody says."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        said = json.loads(marker_path(case).read_text(encoding="utf-8"))
        return OpenedBy(str(said["person"]), str(said["computer"]), int(said["process"]), float(said["since"]))
    return None


def mark_open(case: Path, person: str) -> None:
    """Say that this process has the case open. Where that cannot be written, the lock alone has to do."""
    mine = OpenedBy(person, socket.gethostname(), os.getpid(), time.time())
    with contextlib.suppress(OSError):
        marker_path(case).write_text(json.dumps(asdict(mine)), encoding="utf-8")


def mark_closed(case: Path) -> None:
    """Take the marker away if it is this process's own."""
    by = opened_by(case)
    if by is not None and not by.elsewhere and by.process == os.getpid():
        with contextlib.suppress(OSError):
            marker_path(case).unlink()
