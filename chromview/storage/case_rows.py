"""What a case file tells: its slides, and what can be undone on each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Kind = Literal["do", "with", "undo", "redo"]


@dataclass(frozen=True, slots=True)
class SlideRow:
    """A slide as the case file has it.

    Attributes
    ----------
    path
        Where the image lies: as it was added, or beside the case if both were moved together.
    sha256
        Of the image file when it was added.
    removed
        Taken out of the case; kept, so that adding it again brings everything back.
    next_id
        Lowest chromosome id that was never used.
    fields, summary
        What the analysis said about the slide, and what can be counted from its chromosomes;
        JSON values by name, their meaning is the document's.
    """

    id: int
    path: Path
    sha256: str
    removed: bool
    next_id: int
    fields: dict[str, Any]
    summary: dict[str, Any]


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One row of the journal without its bytes.

    Attributes
    ----------
    seq, slide
        Its number, and the slide it is about.
    kind
        As in `CaseFile.commit`.
    time
        Seconds since 1970.
    person
        Who was at the program; empty where an older version did not write it down.
    title
        What was done.
    """

    seq: int
    slide: int
    kind: Kind
    time: float
    person: str
    title: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a case beside the commands; `slide` is None if it was the whole case."""

    seq: int
    slide: int | None
    time: float
    person: str
    title: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One step of undo or redo: the rows of its commands in the journal, and its title."""

    seqs: tuple[int, ...]
    title: str


@dataclass(frozen=True, slots=True)
class History:
    """What can be undone and redone, the next one last."""

    undo: tuple[Entry, ...] = ()
    redo: tuple[Entry, ...] = ()

    @classmethod
    def of(cls, rows: Iterable[tuple[Kind, int, str]]) -> History:
        """The history after rows of the journal (kind, number, title) in their order.

        Raises
        ------
        ValueError
            If a row takes back what was never done.
        """
        undo: list[Entry] = []
        redo: list[Entry] = []
        try:
            for kind, seq, title in rows:
                match kind:
                    case "do":
                        undo.append(Entry((seq,), title))
                        redo.clear()
                    case "with":
                        last = undo.pop()
                        undo.append(Entry((*last.seqs, seq), last.title))
                        redo.clear()
                    case "undo":
                        redo.append(undo.pop())
                    case "redo":
                        undo.append(redo.pop())
        except IndexError:
            raise ValueError("the journal does not fit together") from None
        return cls(tuple(undo), tuple(redo))

    def after(self, kind: Kind, seq: int, title: str) -> History:
        """The history after one more row of the journal."""
        match kind:
            case "do":
                return History((*self.undo, Entry((seq,), title)), ())
            case "with":
                if not self.undo:
                    raise ValueError("nothing to go with")
                last = self.undo[-1]
                return History((*self.undo[:-1], Entry((*last.seqs, seq), last.title)), ())
            case "undo":
                if not self.undo:
                    raise ValueError("nothing to undo")
                return History(self.undo[:-1], (*self.redo, self.undo[-1]))
            case "redo":
                if not self.redo:
                    raise ValueError("nothing to redo")
                return History((*self.undo, self.redo[-1]), self.redo[:-1])
