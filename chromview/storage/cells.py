"""What leaves the program for a case as a whole: the table of its cells, and the strip of one class."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from chromview.core.cells import Cell, find_clones, find_consensus
from chromview.core.chromosome import CLASS_NAMES
from chromview.core.strip import StripItem, layout_strip, render_strip
from chromview.storage.exports import png
from chromview.storage.files import write_bytes, write_text

CELL_COLUMNS: tuple[str, ...] = (
    "row", "slide", "chromosomes", *CLASS_NAMES, "without_class", "karyotype", "cells", "accepted",
)  # fmt: skip
"""Columns of the table of cells; what they mean says `cells_csv`."""


def cells_csv(cells: Sequence[Cell]) -> str:
    """The table of the cells of a case as CSV.

    Returns
    -------
    str
        One line for each cell (`row` is "cell"): name of the slide, chromosomes, how many of each class and without
        one, karyotype, and whether a person accepted all of it ("yes", "no"). Then a line "consensus" with the most
        frequent number of each class, and one "clone" for each clone in ISCN's order; their `cells` says how many
        cells have exactly that karyotype. All karyotypes are proposals.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, CELL_COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for cell in cells:
        writer.writerow(
            {
                "row": "cell",
                "slide": cell.name,
                "chromosomes": cell.total,
                **dict(zip(CLASS_NAMES, cell.counts, strict=True)),
                "without_class": cell.without_class,
                "karyotype": cell.formula,
                "accepted": "yes" if cell.accepted else "no",
            }
        )
    consensus = find_consensus(cells)
    if consensus is not None:
        writer.writerow(_summary("consensus", consensus.counts, consensus.formula, consensus.agreeing))
    for clone in find_clones(cells).clones:
        writer.writerow(_summary("clone", clone.cells[0].counts, clone.formula, len(clone.cells)))
    return text.getvalue()


def _summary(row: str, counts: Sequence[int], formula: str, cells: int) -> dict[str, object]:
    by_class = dict(zip(CLASS_NAMES, counts, strict=True))
    return {"row": row, "chromosomes": sum(counts), **by_class, "karyotype": formula, "cells": cells}


def write_cells_csv(path: Path | str, cells: Sequence[Cell]) -> None:
    """Write the table of the cells of a case; raises `UserError` if that fails."""
    write_text(path, cells_csv(cells))


def write_strip_png(path: Path | str, items: Sequence[StripItem], title: str = "") -> None:
    """Write a strip of chromosomes as PNG; raises `UserError` if that fails."""
    write_bytes(path, png(render_strip(layout_strip(items), title=title)))
