"""How far true masks alone are from true masks: drawn anew at one share of each chromosome's brightness.

    python benchmarks/edges.py --data mfish_dapi.h5 [--split test] [--json FILE]

Everything is known here, which chromosomes there are and where they touch and cross, but for where the edges against
the ground lie: these are at one share of each chromosome's brightness, the same on all slides (`chromview.core.edges`;
masks grow by three pixels at most, and those that would lose more than three fifths are left as they are). The share
of chromosomes whose mask has an IoU of .75 (.5) with the one that a person drew is what a program reaches that finds
and separates everything right and has to choose one share for all. Besides: with the best share for each slide, which
nobody is told.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from report import finish, parser, table

from chromview.core.chromosome import Chromosome, Stain
from chromview.training.datasets import Metaphase, read_metaphases
from chromview.vision.prepare import to_darkness
from chromview.vision.sureness import edge_agreement

LEVELS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6)


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--split", default="test")
    given = arguments.parse_args()
    slides = [ious(metaphase) for metaphase in read_metaphases(given.data, given.split)]
    kinds = np.concatenate([kinds for _, kinds in slides])
    every = np.concatenate([iou for iou, _ in slides])
    best = np.concatenate([iou[:, [int((iou >= 0.75).mean(axis=0).argmax())]] for iou, _ in slides])
    named = [*((f"{level:.2f}", every[:, at]) for at, level in enumerate(LEVELS)), ("best of each slide", best[:, 0])]
    rows: list[dict[str, Any]] = [
        {
            "share of the brightness": name,
            "IoU .5": (iou >= 0.5).mean(),
            "IoU .75": (iou >= 0.75).mean(),
            **{kind: (iou[kinds == kind] >= 0.75).mean() for kind in ("free", "touching", "overlapping")},
        }
        for name, iou in named
    ]
    table(rows)
    finish({"split": given.split, "slides": len(slides), "chromosomes": len(every), "rows": rows}, given.json)


def ious(metaphase: Metaphase) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.str_]]:
    """IoU ``(n, levels)`` of each true mask with the same drawn anew, and the kind ``(n,)`` of each chromosome."""
    stain = np.clip(to_darkness(metaphase.image, Stain.DAPI), 0, None)
    drawn = [Chromosome(number, i.box, i.mask) for number, i in enumerate(metaphase.instances, start=1)]
    taken = np.zeros(stain.shape, np.bool_)
    for chromosome in drawn:
        taken[chromosome.box.slices] |= chromosome.mask
    iou = [[edge_agreement(chromosome, stain, taken, level) for level in LEVELS] for chromosome in drawn]
    return np.array(iou), np.array([instance.kind for instance in metaphase.instances])


if __name__ == "__main__":
    main()
