"""How the commands speak: one line of progress, one line about what is wrong."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from pathlib import Path
from typing import NoReturn

from chromview.errors import UserError
from chromview.progress import Progress, silent


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, where argparse prints the usage before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}. See '{self.prog} --help'.\n")


class Terminal:
    """A line of progress on a terminal, and nothing in a pipe."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._last = ""

    @property
    def progress(self) -> Progress:
        return self._show if self._shown else silent

    def _show(self, stage: str, share: float) -> None:
        line = f"{round(100 * min(max(share, 0.0), 1.0)):3d} %  {stage}"[:100]
        if line != self._last:
            self._last = line
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Take the line of progress away, before anything else is printed."""
        if self._last:
            self._last = ""
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def problem(self, error: Exception, path: Path | None = None) -> int:
        """One line about an error, at the file `path` if it does not say itself; the code to return for it."""
        self.clear()
        if isinstance(error, UserError):
            print(f"chromview: {' '.join(str(error).splitlines())}", file=sys.stderr)
            return 2
        if os.environ.get("CHROMVIEW_TRACEBACK"):
            traceback.print_exception(error, file=sys.stderr)
        fault = " ".join(f"{type(error).__name__}: {error}".splitlines())
        at = f"{path}: " if path else ""
        advice = "CHROMVIEW_TRACEBACK=1 shows where; please report it."
        print(f"chromview: {at}this is a fault of chromview and not of the file ({fault}). {advice}", file=sys.stderr)
        return 1

    def warn(self, line: str) -> None:
        """Print what a person should know before the work goes on."""
        self.clear()
        print(f"chromview: {line}", file=sys.stderr, flush=True)

    def say(self, line: str) -> None:
        """Print a result for a person; nothing in a pipe."""
        if sys.stdout.isatty():
            self.clear()
            print(line)
