"""Tables of numbers as CSV and Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from chromview.storage.files import write_text

Row = Mapping[str, float | int | str]


def _columns(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _shown(value: float | int | str) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write rows in one step; what a row lacks stays empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _columns(rows), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _shown(value) for name, value in row.items()} for row in rows)
    write_text(path, text.getvalue())


def write_markdown(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as a table of Markdown."""
    columns = _columns(rows)
    lines = [columns, ["---"] * len(columns), *([_shown(row.get(name, "")) for name in columns] for row in rows)]
    write_text(path, "".join(f"| {' | '.join(line)} |\n" for line in lines))
