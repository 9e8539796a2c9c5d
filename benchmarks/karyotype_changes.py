"""How often the proposed formula is right, on whole cells of a split and on cells changed from them.

A third 21, 18 or 13 is taken from another cell; a Y, or the first X, is taken away; an X of another cell is added
to cells with a Y. Chromosomes are the single images of the set, so that segmentation has no part in it.

    python benchmarks/karyotype_changes.py --data gband_karyotypes.h5 --split val
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chromview.core.karyotype import X, Y, formula
from chromview.training.datasets import Karyotypes, read_karyotypes
from chromview.vision.assignment import assign_cell
from chromview.vision.models import Models
from chromview.vision.pipeline import classify_images

Members = npt.NDArray[np.int64]


def changed_cells(data: Karyotypes, seed: int = 0) -> Iterator[tuple[str, Members]]:
    """What was changed, and the indices of the chromosomes of the cell after it; cells of 46 only."""
    rng = np.random.default_rng(seed)

    def from_another_cell(number: int, cell: str) -> int:
        return int(rng.choice(np.flatnonzero((data.numbers == number) & (data.cells != cell))))

    for cell in np.unique(data.cells):
        members = np.flatnonzero(data.cells == cell)
        if len(members) != 46:
            continue
        yield "normal", members
        for number in (21, 18, 13):
            yield f"+{number}", np.append(members, from_another_cell(number, cell))
        numbers = data.numbers[members]
        males = np.flatnonzero(numbers == Y)
        sex = males if len(males) else np.flatnonzero(numbers == X)
        if len(sex):
            yield "45,X", np.delete(members, sex[0])
        if len(males):
            yield "47,XXY", np.append(members, from_another_cell(X, cell))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="a *_karyotypes.h5 file")
    parser.add_argument("--split", default="val")
    options = parser.parse_args()
    data = read_karyotypes(options.data, options.split)
    cells = [str(cell) for cell in data.cells]
    probabilities = classify_images(data.images, Models.load(), stain=data.stain, cells=cells).probabilities
    right: dict[str, list[bool]] = {}
    for change, members in changed_cells(data):
        proposal = formula(assign_cell(probabilities[members]).numbers)
        right.setdefault(change, []).append(proposal == formula(data.numbers[members]))
    for change, values in right.items():
        print(json.dumps({"change": change, "cells": len(values), "formula_right": round(float(np.mean(values)), 3)}))


if __name__ == "__main__":
    main()
