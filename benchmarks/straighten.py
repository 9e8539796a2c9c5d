"""Straightening on simulated chromosomes whose truth is known: axis, length, bands, centromere.

    python benchmarks/straighten.py [--seeds N] [--cells N] [--first SEED] [--json FILE]

Part one: chromosomes of all 24 classes, G-banded, bent by 0 to 180 degrees at the centromere. Part two: all
chromosomes of simulated cells in three stains, bent and open as chance will have it. Masks are the true ones; the axis
is found as the pipeline does it, from mask and stain (and the usual width, in cells).

    axis px     mean distance between the found and the true axis, both ways
    length %    error of the length
    bands       correlation of the band profile along the found axis with the one along the true axis, same photograph
    sibling     the same with the profile of the same chromosome photographed unbent, along its true axis; other grains
                of stain lie in the two photographs, so that even the true axis only reaches what `ceiling` says
    centromere  share within 5 % of the length: by shape and bands alone; with the class known; with class and polarity;
                in cells also as an analysis finds it, with what the shipped classifier says of class and polarity

Which end is the p tip is not the axis's business: found axes run the way that the true one runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from axis import distances
from report import finish, parser, table

from chromview.core.axis import arc_length, find_axis, usual_width
from chromview.core.centromere import band_profile, find_centromere
from chromview.core.chromosome import Chromosome, FloatArray, SlideImage, Stain
from chromview.core.straighten import Levels, find_levels, straighten
from chromview.simulate.chromosome import simulate_bent_chromosome
from chromview.simulate.metaphase import Simulated, simulate_metaphase
from chromview.vision.models import Models
from chromview.vision.pipeline import reread

BENDS = (0, 45, 90, 135, 180)
LONG = (*range(1, 13), 23)
STEPS = 100
NEAR = 0.05
"""Share of the length within which a centromere counts as found."""


def profile(
    slide: SlideImage, chromosome: Chromosome, axis: FloatArray, stain: Stain, levels: Levels
) -> npt.NDArray[np.float64]:
    """Band profile along an axis, ``(STEPS,)``."""
    straight = straighten(slide, replace(chromosome, axis=axis, p_up=True, centromere=None), stain, levels=levels)
    rows = band_profile(straight.image, straight.mask, stain.bright_on_dark)
    return np.interp((np.arange(STEPS) + 0.5) / STEPS, (np.arange(len(rows)) + 0.5) / len(rows), rows)


def correlation(one: npt.NDArray[np.float64], two: npt.NDArray[np.float64]) -> float:
    """Pearson's r."""
    return float(np.corrcoef(one, two)[0, 1])


def measure(
    slide: SlideImage, truth: Chromosome, stain: Stain, levels: Levels, usual: float | None = None
) -> tuple[dict[str, float], FloatArray]:
    """Errors of one chromosome, and its found axis."""
    assert truth.axis is not None
    assert truth.centromere is not None
    grey = slide.pixels[truth.box.slices].astype(np.float32)
    over_ground = np.abs(grey - np.float32(np.median(slide.pixels)))
    found = find_axis(truth.mask, (truth.box.top, truth.box.left), usual_width=usual, stain=over_ground)
    if np.hypot(*(found[0] - truth.axis[0])) > np.hypot(*(found[-1] - truth.axis[0])):
        found = found[::-1]
    length, true_length = float(arc_length(found)[-1]), float(arc_length(truth.axis)[-1])
    straight = straighten(slide, replace(truth, axis=found, centromere=None, p_up=True), stain, levels=levels)
    picture = straight.image, straight.mask, stain.bright_on_dark
    plain = find_centromere(*picture)[0]
    classes = np.arange(1, 25) == truth.number
    classed = find_centromere(*picture, classes=classes)[0]
    known = find_centromere(*picture, classes=classes, p_up=1.0)[0]
    bands = correlation(profile(slide, truth, found, stain, levels), profile(slide, truth, truth.axis, stain, levels))
    errors = {
        "axis px": distances(found, truth.axis)[0],
        "length %": 100 * abs(length - true_length) / true_length,
        "bands": bands,
        "centromere": abs(plain - truth.centromere),
        "with class": abs(classed - truth.centromere),
        "and polarity": abs(known - truth.centromere),
    }
    return errors, found


def summary(name: str, rows: Iterable[Mapping[str, float]]) -> dict[str, Any]:
    """Means, and shares of those that are near enough, as one line of the table."""
    rows = list(rows)
    values = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    line: dict[str, Any] = {"": name, "n": len(rows), "axis px": float(values["axis px"].mean())}
    line["<= 1.5"] = float((values["axis px"] <= 1.5).mean())
    line["length %"] = float(values["length %"].mean())
    line["<= 3 %"] = float((values["length %"] <= 3).mean())
    for key in ("bands", "sibling", "ceiling"):
        if key in values:
            line[key] = float(values[key].mean())
    for key in ("centromere", "with class", "and polarity", "as analysed"):
        if key not in values:
            continue
        line[key] = float((values[key] <= NEAR).mean())
    return line


def bends(seeds: range) -> list[dict[str, Any]]:
    """Part one."""
    lines, everything = [], []
    for name, numbers in {"1-12, X": LONG, "13-22, Y": tuple(n for n in range(1, 25) if n not in LONG)}.items():
        straight: dict[tuple[int, int], npt.NDArray[np.float64]] = {}
        for bend in BENDS:
            rows = []
            for number in numbers:
                for seed in seeds:
                    one = simulate_bent_chromosome(number, bend, seed=seed, turn_degrees=37 * seed)
                    truth, levels = one.chromosome, find_levels(one.slide, one.stain)
                    assert truth.axis is not None
                    errors, found = measure(one.slide, truth, one.stain, levels)
                    along_true = profile(one.slide, truth, truth.axis, one.stain, levels)
                    sibling = straight.setdefault((number, seed), along_true)  # bend 0 comes first
                    along_found = profile(one.slide, truth, found, one.stain, levels)
                    errors["sibling"] = correlation(along_found, sibling)
                    errors["ceiling"] = correlation(along_true, sibling)
                    rows.append(errors)
            lines.append(summary(f"{name} by {bend}", rows))
            everything += rows
    lines.append(summary("all", everything))
    return lines


def analysed_centromeres(cell: Simulated, stain: Stain, models: Models) -> list[float]:
    """Error of every centromere as a share of the length, with axis and class as the analysis has them."""
    given = [
        replace(truth, id=id, number=0, axis=None, centromere=None, class_confidence=0.0)
        for id, truth in enumerate(cell.countable, start=1)
    ]
    found = {c.id: c for c in reread(cell.slide, given, {c.id for c in given}, models, stain=stain)}
    errors = []
    for id, truth in enumerate(cell.countable, start=1):
        axis, share = found[id].axis, found[id].centromere
        assert axis is not None and truth.axis is not None and share is not None and truth.centromere is not None
        turned = np.hypot(*(axis[0] - truth.axis[0])) > np.hypot(*(axis[-1] - truth.axis[0]))
        errors.append(abs((1 - share if turned else share) - truth.centromere))
    return errors


def whole_cells(seeds: range) -> list[dict[str, Any]]:
    """Part two."""
    lines, everything = [], []
    models = Models.load("cpu")
    for stain in Stain:
        rows = []
        for seed in seeds:
            cell = simulate_metaphase("46,XY", stain=stain, seed=seed)
            levels, usual = find_levels(cell.slide, stain), usual_width(c.mask for c in cell.countable)
            analysed = analysed_centromeres(cell, stain, models)
            for truth, error in zip(cell.countable, analysed, strict=True):
                rows.append(measure(cell.slide, truth, stain, levels, usual)[0] | {"as analysed": error})
        lines.append(summary(str(stain), rows))
        everything += rows
    lines.append(summary("all", everything))
    return lines


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--seeds", type=int, default=10, help="chromosomes of each class and bend")
    arguments.add_argument("--cells", type=int, default=8, help="cells of each stain")
    arguments.add_argument("--first", type=int, default=0, help="first seed")
    given = arguments.parse_args()
    result: dict[str, Any] = {}
    for part, make, count in (("bends", bends, given.seeds), ("cells", whole_cells, given.cells)):
        if count:
            print(part)
            result[part] = make(range(given.first, given.first + count))
            table(result[part])
    finish(result, given.json)


if __name__ == "__main__":
    main()
