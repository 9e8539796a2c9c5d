"""Errors by blame: what the user's files or machine cause, and how it is said."""

from __future__ import annotations

from pathlib import Path


class UserError(Exception):
    """A problem the person in front of the program can do something about.

    The message is one sentence or two that name the file and say what to do; the
    window shows it in a bar, a command prints it on stderr and returns 2.

    Parameters
    ----------
    what
        What is wrong, as a clause without the file name ("is not an image").
    path
        The file concerned, if there is one.
    advice
        What to do about it, as a full sentence.
    """

    def __init__(self, what: str, *, path: Path | str | None = None, advice: str = "") -> None:
        self.what = what
        self.path = None if path is None else Path(path)
        self.advice = advice
        sentence = what if path is None else f"{path}: {what}"
        if not sentence.endswith((".", "!", "?")):
            sentence += "."
        super().__init__(f"{sentence} {advice}".strip())


class Cancelled(Exception):
    """Raised inside a stage when its cancel token was set; never shown as an error."""
