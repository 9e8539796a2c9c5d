"""The audit list: who did what to a case, when, and what was before and after; read from its journal.

The list itself is read without the commands, which is quick for any number of them; what one changed is put into words
when somebody looks at it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chromview.core.chromosome import CLASS_NAMES, Chromosome
from chromview.core.commands import Change, Command, Created, FieldsChanged, MaskChanged, Removed, SlideChanged, joined
from chromview.storage.case_file import CaseFile
from chromview.storage.case_rows import Event, Kind
from chromview.storage.provenance import iso
from chromview.texts import noop

COLUMNS = ("when", "who", "slide", "kind", "what", "before", "after")
"""Of the table that is exported."""

_FIELDS: dict[str, str] = {
    "kind": noop("kind"),
    "state": noop("state"),
    "confidence": noop("certainty of the mask"),
    "doubts": noop("doubts"),
    "axis": noop("axis"),
    "centromere": noop("centromere"),
    "centromere_confidence": noop("certainty of the centromere"),
    "probabilities": noop("most likely"),
    "number": noop("class"),
    "class_confidence": noop("certainty of the class"),
    "decided_by": noop("decided by"),
    "p_up": noop("p arm"),
    "polarity_confidence": noop("certainty of the polarity"),
    "slot": noop("place"),
    "angle": noop("turned by"),
    "axis_placed": noop("axis by hand"),
    "centromere_placed": noop("centromere by hand"),
    "mark": noop("mark"),
    "note": noop("note"),
    "arrows": noop("arrows"),
}
_SLIDE_FIELDS: dict[str, str] = {
    "stain": noop("stain"),
    "inverted": noop("inverted"),
    "scale": noop("scale"),
    "is_cluster": noop("single cluster"),
    "shape": noop("shape"),
    "quality": noop("quality"),
    "models": noop("models"),
    "set_state": noop("state of the slide"),
    "set_scale": noop("scale by a person"),
    "annotations": noop("annotations"),
}
_VALUES: tuple[str, ...] = (
    noop("proposed"), noop("accepted"), noop("edited"), noop("rejected"), noop("chromosome"), noop("nucleus"),
    noop("debris"), noop("cut by the border"), noop("of another cell"), noop("network"), noop("cell"),
    noop("person"), noop("started"), noop("done"), noop("counted"),
    noop("up"), noop("down"), noop("tray"), noop("mask"), noop("yes"), noop("no"),
)  # fmt: skip
"""Words among the values of fields."""
_TOLD_OF_NEW = ("number", "slot", "state", "kind")
"""Fields that are told of a chromosome that appears or goes."""

Words = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One line of the list.

    Attributes
    ----------
    when
        Seconds since 1970.
    person
        Who was at the program; empty where an older version did not write it down.
    slide
        The slide, or None if it was the whole case.
    kind
        "do", "with" (follows from the command before it), "undo" or "redo"; "case" for what is no command.
    title
        What was done; for "undo" what was taken back.
    seqs
        Rows of the journal that hold the commands.
    event
        What else happened.
    """

    when: float
    person: str
    slide: int | None
    kind: str
    title: str
    seqs: tuple[int, ...] = ()
    event: Event | None = None


class Audit:
    """The audit list of an open case, oldest first.

    Parameters
    ----------
    file
        The case.
    """

    def __init__(self, file: CaseFile) -> None:
        self._file = file
        self._last = 0
        self._last_event = 0
        self._undo: dict[int, list[tuple[int, ...]]] = {}
        self._redo: dict[int, list[tuple[int, ...]]] = {}
        self.rows: list[AuditRow] = []
        self.refresh()

    def refresh(self) -> int:
        """Read what was added since the last time; returns how many lines are new. They are at the end.

        Raises
        ------
        UserError
            If the case cannot be read.
        """
        fresh = []
        for row in self._file.journal(self._last):
            self._last = row.seq
            seqs = self._walk(row.slide, row.kind, row.seq)
            fresh.append(AuditRow(row.time, row.person, row.slide, row.kind, row.title, seqs))
        for event in self._file.events(self._last_event):
            self._last_event = event.seq
            fresh.append(AuditRow(event.time, event.person, event.slide, "case", event.title, (), event))
        fresh.sort(key=lambda row: row.when)
        self.rows += fresh
        return len(fresh)

    def _walk(self, slide: int, kind: Kind, seq: int) -> tuple[int, ...]:
        """The commands that a row of the journal did, took back or did again."""
        undo, redo = self._undo.setdefault(slide, []), self._redo.setdefault(slide, [])
        match kind:
            case "do":
                undo.append((seq,))
                redo.clear()
            case "with" if undo:
                undo[-1] = (*undo[-1], seq)
                redo.clear()
            case "undo" if undo:
                redo.append(undo.pop())
                return redo[-1]
            case "redo" if redo:
                undo.append(redo.pop())
                return undo[-1]
        return (seq,) if kind in ("do", "with") else ()

    def change(self, row: AuditRow, words: Words = str) -> tuple[str, str]:
        """What was there before, and afterwards.

        Parameters
        ----------
        row
            One of `rows`.
        words
            Translates a word; without it, English.

        Raises
        ------
        UserError
            If the case is damaged there.
        """
        if row.event is not None:
            return row.event.before, row.event.after
        if not row.seqs:
            return "", ""
        command = joined([self._file.command(seq) for seq in row.seqs])
        return described(command.inverted() if row.kind == "undo" else command, words)


def described(command: Command, words: Words = str) -> tuple[str, str]:
    """What a command changes, before and after, in words; chromosomes are called by their number on the slide."""
    said = [_said(change, words) for change in command.changes]
    return "; ".join(before for before, _ in said if before), "; ".join(after for _, after in said if after)


def _said(change: Change, words: Words) -> tuple[str, str]:
    match change:
        case MaskChanged():
            more = np.count_nonzero(change.after & ~change.before)
            less = np.count_nonzero(change.before & ~change.after)
            where = f"y {change.box.top}..{change.box.bottom - 1}, x {change.box.left}..{change.box.right - 1}"
            mask = words("mask")
            return (
                f"#{change.id} {mask} {np.count_nonzero(change.before)} px ({where})",
                f"#{change.id} {mask} {np.count_nonzero(change.after)} px (+{more} −{less})",
            )
        case Created(chromosome):
            return "", _whole(chromosome, words)
        case Removed(chromosome):
            return _whole(chromosome, words), ""
        case FieldsChanged():
            return _fields(change.id, change.before, words), _fields(change.id, change.after, words)
        case SlideChanged():
            return _slide(change.before, words), _slide(change.after, words)


def _whole(chromosome: Chromosome, words: Words) -> str:
    known = {name: getattr(chromosome, name) for name in _TOLD_OF_NEW}
    return f"{_fields(chromosome.id, known, words)}, {chromosome.area} px"


def _fields(id: int, values: Mapping[str, Any], words: Words) -> str:
    return f"#{id} " + ", ".join(f"{words(_FIELDS.get(n, n))} {_value(n, v, words)}" for n, v in values.items())


def _slide(values: Mapping[str, Any], words: Words) -> str:
    return ", ".join(f"{words(_SLIDE_FIELDS.get(n, n))} {_value(n, v, words)}" for n, v in values.items())


def _value(name: str, value: Any, words: Words) -> str:
    match name:
        case "number":
            return CLASS_NAMES[value - 1] if value else "?"
        case "p_up":
            return words("up") if value else words("down")
        case "state" | "kind" | "decided_by" | "set_state" if value in _VALUES:
            return words(str(value))
        case "angle":
            return f"{value:g}°"
        case "slot":
            return words("tray") if value is None else str(value)
        case "axis" if value is not None:
            (y, x), (end_y, end_x) = value[0], value[-1]
            return f"({y:.0f}, {x:.0f})..({end_y:.0f}, {end_x:.0f})"
        case "arrows" if value:
            return ", ".join(f"({arrow.x:g}, {arrow.y:g}) {arrow.angle:g}°" for arrow in value)
        case "annotations" if value:
            return ", ".join(f"“{text}” ({y:g}, {x:g})" for text, y, x, _ in value)
        case "probabilities" if value:
            best = int(np.argmax(value))
            return f"{CLASS_NAMES[best]} ({value[best]:.2f})"
    if value is None or value == "" or value == ():
        return "–"
    if isinstance(value, bool):
        return words("yes") if value else words("no")
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, (list, tuple)):
        return " ".join(map(str, value))
    if isinstance(value, Mapping):
        return " ".join(f"{key}={_short(held)}" for key, held in value.items() if held is not None)
    return str(value)


def _short(value: object) -> str:
    """A value inside a list; of a SHA-256, the beginning."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)[:12]


def table(audit: Audit, rows: Iterable[AuditRow], names: Mapping[int, str]) -> Iterable[tuple[str, ...]]:
    """Lines of the table that is exported, with the headings first (see `COLUMNS`).

    Parameters
    ----------
    audit, rows
        The list, and those of its rows that are wanted.
    names
        Names of the slides by id.

    Yields
    ------
    tuple of str
        Times in UTC after ISO 8601; before and after in English.
    """
    yield COLUMNS
    for row in rows:
        slide = "" if row.slide is None else names.get(row.slide, str(row.slide))
        yield (iso(row.when) or "", row.person, slide, row.kind, row.title, *audit.change(row))


def csv_text(lines: Iterable[Iterable[str]]) -> str:
    """Lines of a table as CSV; what a spreadsheet would take for a formula gets an apostrophe before it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([_harmless(cell) for cell in line] for line in lines)
    return out.getvalue()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell[:1] in "=+-@\t\r" and cell else cell
