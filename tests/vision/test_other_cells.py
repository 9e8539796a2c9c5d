"""Which chromosomes belong to another cell that reaches into the photograph."""

from __future__ import annotations

import numpy as np
import pytest

from chromview.core.chromosome import Box, Chromosome, Kind, SlideImage
from chromview.simulate.metaphase import simulate_metaphase
from chromview.vision.models import Models
from chromview.vision.other_cells import of_another_cell
from chromview.vision.pipeline import analyse


def bar(id: int, y: float, x: float, kind: Kind = Kind.CHROMOSOME) -> Chromosome:
    return Chromosome(id, Box(round(y), round(x), round(y) + 30, round(x) + 10), np.ones((30, 10), bool), kind)


def cell(count: int, y: float, x: float, first: int = 1) -> list[Chromosome]:
    """Bars in rows of seven, eleven pixels of ground between them."""
    return [bar(first + k, y + 41 * (k // 7), x + 21 * (k % 7)) for k in range(count)]


def beside(count: int, x: float, cut: int = 2) -> list[Chromosome]:
    """Bars of another cell, the first of them cut by the border."""
    bars = cell(count + cut, 50, x, first=101)
    return [*(bar(c.id, c.box.top, c.box.left, Kind.CUT) for c in bars[:cut]), *bars[cut:]]


@pytest.mark.parametrize("turned", [False, True])
def test_chromosomes_beyond_a_strip_of_ground_belong_to_another_cell(turned: bool) -> None:
    found = [*cell(45, 20, 20), *beside(9, 230)]
    if turned:
        found = [
            Chromosome(c.id, Box(c.box.left, c.box.top, c.box.right, c.box.bottom), c.mask.T, c.kind) for c in found
        ]
    others = of_another_cell(found)
    assert others == {c.id for c in found if c.id > 100 and c.kind is Kind.CHROMOSOME}


@pytest.mark.parametrize(
    "found",
    [
        [*cell(46, 20, 20), *beside(3, 230)],  # 49: a cell in which some were cut in two
        [*cell(45, 20, 20), *beside(9, 230, cut=1)],  # hardly reaches over the border
        [*cell(45, 20, 20), *beside(9, 120)],  # no ground between them
        [*cell(30, 20, 20), *beside(30, 230)],  # neither is a whole cell
        cell(92, 20, 20),
        [],
    ],
)
def test_otherwise_all_are_of_one_cell(found: list[Chromosome]) -> None:
    assert of_another_cell(found) == set()


def test_a_metaphase_with_another_one_at_the_border(models: Models) -> None:
    """The photograph ends within the second cell; the first is found as if it were alone."""
    own = simulate_metaphase("46,XY", seed=51, nuclei=0, debris=0, crossings=0, contacts=0)
    other = simulate_metaphase("46,XX", seed=52, nuclei=0, debris=0, crossings=0, contacts=0)
    width = other.image.shape[1] // 2
    photograph = np.hstack([own.image, other.image[:, :width]])
    analysis = analyse(SlideImage(photograph), models)
    left = [c for c in analysis.chromosomes if (c.box.left + c.box.right) / 2 < own.image.shape[1]]
    right = [c for c in analysis.chromosomes if c not in left and c.kind in (Kind.CHROMOSOME, Kind.OTHER_CELL)]
    assert sum(c.in_karyogram for c in left) == 46
    assert len(right) >= 5 and all(c.kind is Kind.OTHER_CELL and not c.number for c in right)
    assert analysis.quality.count == 46
    assert analysis.proposal == "46,XY"
