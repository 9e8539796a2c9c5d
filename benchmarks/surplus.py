"""What was found on slides and is no chromosome, or part of one that is there: how it is told, and what that changes.

    python benchmarks/surplus.py --data DATA [--split train] [--cells 50] [--metaphases 40] [--json FILE]

Cells composed from `gband` and metaphases of `mfish_dapi` are analysed, without leaving anything out. What is found is
matched to the truth one to one; what has no match of an IoU above .3 is surplus. A logistic regression on the cues of
`vision/sureness.py` is fitted for each stain, five times to four parts of five (whole slides). Printed are its weights
as they ship, and how many are surplus by what it says on the slides held out; then the cell as a whole, decided without
and with it: error of the count, chromosomes with the right class, formulas right, and what was left out rightly
and wrongly.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from confidence import fitted, said
from report import finish, parser, table

from chromview.core.chromosome import SlideImage, Stain
from chromview.training.datasets import read_karyotypes, read_metaphases
from chromview.training.instance_metrics import score_slide
from chromview.training.scenes import composed_cells
from chromview.vision.assignment import assign_cell
from chromview.vision.models import Models
from chromview.vision.pipeline import analyse
from chromview.vision.sureness import surplus_cues

MATCHED = 0.3
PARTS = 5
BINS = (0.0, 0.01, 0.05, 0.2, 0.5, 1.0)
NAMES = ("class", "mask", "area", "entropy")
Floats = npt.NDArray[np.float64]


AREA = NAMES.index("area")


class Read(NamedTuple):
    """A slide: classes and cues of what was found, whether it is surplus, its true class or 0; classes of the truth."""

    probabilities: Floats
    cues: Floats
    surplus: Floats
    true: npt.NDArray[np.int64]
    truth: list[int]


def read(image: npt.NDArray[np.uint8], truth: Any, stain: Stain, models: Models) -> Read:
    """One slide, analysed; what the analysis left out counts like all others."""
    answer = analyse(SlideImage(image), models, stain=stain)
    found = [c for c in answer.chromosomes if c.probabilities is not None]
    score = score_slide(truth, [(c.box, c.mask) for c in found])
    true = np.zeros(len(found), np.int64)
    for instance, match, iou in zip(truth, score.match, score.iou, strict=True):
        if match >= 0 and iou > MATCHED:
            true[match] = instance.number
    probabilities = np.array([c.probabilities for c in found])
    sure, areas = np.array([c.confidence for c in found]), np.array([c.area for c in found])
    told = surplus_cues(probabilities, sure, areas)
    return Read(probabilities, told, (true == 0).astype(float), true, [t.number for t in truth])


def fit(slides: list[Read]) -> Floats:
    """Weights fitted to what is no larger than most on slides; for all others nothing is told."""
    values, is_surplus = np.concatenate([s.cues for s in slides]), np.concatenate([s.surplus for s in slides])
    small = values[:, AREA] <= 0
    return fitted(values[small], is_surplus[small])


def decided(slides: list[Read], told: list[Floats] | None) -> dict[str, Any]:
    """What becomes of the cells, with what is told of each chromosome, or with nothing."""
    errors, right, formulas, left_out = [], 0, 0, [0, 0]
    for n, slide in enumerate(slides):
        numbers = assign_cell(slide.probabilities, surplus=None if told is None else told[n]).numbers
        errors.append(abs(int((numbers > 0).sum()) - len(slide.truth)))
        right += int(((numbers == slide.true) & (slide.true > 0)).sum())
        formulas += sorted(numbers[numbers > 0]) == sorted(slide.truth)
        for wrongly in (0, 1):
            left_out[wrongly] += int(((numbers == 0) & ((slide.true > 0) == bool(wrongly))).sum())
    return {
        "count error": round(float(np.mean(errors)), 2),
        "right class": right,
        "formulas": formulas,
        "left out rightly": left_out[0],
        "wrongly": left_out[1],
    }


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    arguments.add_argument("--split", default="train")
    arguments.add_argument("--cells", type=int, default=50)
    arguments.add_argument("--metaphases", type=int, default=40)
    given = arguments.parse_args()
    models = Models.load("cpu")
    cells = composed_cells(read_karyotypes(given.data / "gband_karyotypes.h5", given.split), given.cells)
    metaphases = read_metaphases(given.data / "mfish_dapi.h5", given.split)
    chosen = metaphases[:: max(1, len(metaphases) // given.metaphases)][: given.metaphases]
    sets = {
        "composed cells": [read(cell.image, cell.instances, Stain.G_BAND, models) for cell in cells],
        "metaphases": [read(m.image, m.instances, Stain.DAPI, models) for m in chosen],
    }
    result: dict[str, Any] = {"split": given.split}
    rows = []
    for name, slides in sets.items():
        without = [fit([s for n, s in enumerate(slides) if n % PARTS != part]) for part in range(PARTS)]
        told = [
            np.where(slide.cues[:, AREA] <= 0, said(without[n % PARTS], slide.cues), 0.0)
            for n, slide in enumerate(slides)
        ]
        weights = fit(slides)
        print(
            f"{name}: offset {weights[0]:.2f},",
            ", ".join(f"{n} {w:.2f}" for n, w in zip(NAMES, weights[1:], strict=True)),
        )
        everything, is_surplus = np.concatenate(told), np.concatenate([s.surplus for s in slides])
        for low, high in pairwise(BINS):
            inside = (everything >= low) & (everything < high)
            if inside.any():
                print(f"    said {low} to {high}: {is_surplus[inside].mean():.3f} of {inside.sum()}")
        rows += [
            {"": f"{name}, all of them", **decided(slides, None)},
            {"": f"{name}, held out", **decided(slides, told)},
        ]
        result[name] = {"weights": weights.tolist(), "slides": len(slides), "found": len(everything)}
    table(rows)
    finish({**result, "rows": rows}, given.json)


if __name__ == "__main__":
    main()
