"""How well axes, lengths and centromeres are found, on simulated chromosomes whose truth is known.

    python benchmarks/axis.py [--seeds N]

Prints, for bends of 0 to 180 degrees at the centromere and for whole cells, the distance between the
found and the true axis in pixels, the error of the length in percent, the error of the centromere as
a share of the length, and the time that `find_axis` takes.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree

from chromview.core.axis import arc_length, find_axis, resample
from chromview.core.centromere import find_centromere
from chromview.core.chromosome import Chromosome, FloatArray, SlideImage, Stain
from chromview.core.straighten import straighten
from chromview.simulate.chromosome import simulate_bent_chromosome
from chromview.simulate.metaphase import simulate_metaphase

COLUMNS = ("apart px", "worst px", "length %", "centromere", "with class", "ms")


def measure(slide: SlideImage, truth: Chromosome, stain: Stain) -> list[float]:
    """Errors of one chromosome in the order of `COLUMNS`."""
    assert truth.axis is not None
    assert truth.centromere is not None
    start = time.perf_counter()
    found = find_axis(truth.mask, (truth.box.top, truth.box.left))
    spent = time.perf_counter() - start
    # Which end is the p tip is not the axis's business here.
    if np.hypot(*(found[0] - truth.axis[0])) > np.hypot(*(found[-1] - truth.axis[0])):
        found = found[::-1]
    apart, worst = distances(found, truth.axis)
    lengths = arc_length(found)[-1], arc_length(truth.axis)[-1]
    straight = straighten(slide, replace(truth, axis=found, centromere=None), stain)
    picture = straight.image, straight.mask, stain.bright_on_dark
    return [
        apart,
        worst,
        100 * abs(lengths[0] - lengths[1]) / lengths[1],
        abs(find_centromere(*picture)[0] - truth.centromere),
        abs(find_centromere(*picture, classes=np.arange(1, 25) == truth.number, p_up=1.0)[0] - truth.centromere),
        1000 * spent,
    ]


def distances(found: FloatArray, true: FloatArray) -> tuple[float, float]:
    """Mean and largest distance between two axes ``(n, 2)``, both ways, in pixels."""
    one, two = resample(found, 0.25), resample(true, 0.25)
    there, back = cKDTree(two).query(one)[0], cKDTree(one).query(two)[0]
    return float(0.5 * (there.mean() + back.mean())), float(max(there.max(), back.max()))


def report(name: str, rows: list[list[float]]) -> None:
    """Print the mean of each column and the share of chromosomes within 1.5 pixels and 3 percent."""
    table = np.array(rows)
    means = "  ".join(f"{column} {value:.3f}" for column, value in zip(COLUMNS, table.mean(axis=0), strict=True))
    near, right = (table[:, 0] <= 1.5).mean(), (table[:, 2] <= 3).mean()
    print(f"{name:<22} n {len(rows):<4} {means}  | apart <= 1.5 px {near:.0%}, length <= 3 % {right:.0%}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2, help="chromosomes and cells of each kind")
    seeds = parser.parse_args().seeds
    for name, numbers in {
        "classes 1 to 12, X": (*range(1, 13), 23),
        "classes 13 to 22, Y": (*range(13, 23), 24),
    }.items():
        print(name)
        for bend in (0, 45, 90, 135, 180):
            rows = []
            for number in numbers:
                for seed in range(seeds):
                    one = simulate_bent_chromosome(number, bend, seed=seed, turn_degrees=37 * seed)
                    rows.append(measure(one.slide, one.chromosome, one.stain))
            report(f"  bent by {bend} degrees", rows)
    print("whole cells")
    for stain in (Stain.G_BAND, Stain.DAPI):
        rows = []
        for seed in range(seeds):
            cell = simulate_metaphase("46,XY", stain=stain, seed=seed)
            rows += [measure(cell.slide, chromosome, stain) for chromosome in cell.countable]
        report(f"  {stain}", rows)


if __name__ == "__main__":
    main()
