"""The magic outline on images whose chromosomes are known exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chromview.core.chromosome import BoolArray, Box, Chromosome, Stain
from chromview.core.edit_masks import Placed
from chromview.core.magic import Surroundings
from chromview.core.masks import slide_mask, touch
from chromview.simulate.metaphase import simulate_metaphase

EDGE = 0.4


def grow(
    image: Any, point: tuple[int, int], window: Box, *, dark: bool, edge: float, barrier: BoolArray | None = None
) -> Placed | None:
    return Surroundings(image, point, window, dark=dark).grow(edge, barrier)


def free(chromosomes: list[Chromosome]) -> list[Chromosome]:
    return [c for c in chromosomes if not any(touch(c, o) for o in chromosomes if o.id != c.id)]


@pytest.mark.parametrize("stain", [Stain.G_BAND, Stain.DAPI])
def test_any_point_of_a_free_chromosome_grows_to_its_outline(stain: Stain) -> None:
    cell = simulate_metaphase("46,XY", seed=5, stain=stain)
    rng = np.random.default_rng(1)
    counted = [c for c in cell.chromosomes if c.in_karyogram]
    scores = []
    for c in free(counted):
        ys, xs = np.nonzero(c.mask)
        n = int(rng.integers(len(ys)))
        y, x = c.box.top + int(ys[n]), c.box.left + int(xs[n])
        window = Box(y, x, y + 1, x + 1).grown(100, cell.image.shape)
        grown = grow(cell.image, (y, x), window, dark=not stain.bright_on_dark, edge=EDGE)
        assert grown is not None
        frame = grown[0].union(c.box)
        mine = np.zeros((frame.height, frame.width), bool)
        top, left = grown[0].top - frame.top, grown[0].left - frame.left
        mine[top : top + grown[0].height, left : left + grown[0].width] = grown[1]
        truth = slide_mask(c, frame)
        scores.append(float((mine & truth).sum() / (mine | truth).sum()))
    assert len(scores) > 20
    assert np.median(scores) > 0.9
    assert min(scores) > 0.7


def test_a_lower_edge_reaches_further() -> None:
    cell = simulate_metaphase("46,XY", seed=5)
    c = free([c for c in cell.chromosomes if c.in_karyogram])[0]
    ys, xs = np.nonzero(c.mask)
    y, x = c.box.top + int(ys[len(ys) // 2]), c.box.left + int(xs[len(ys) // 2])
    window = Box(y, x, y + 1, x + 1).grown(100, cell.image.shape)
    regions = [grow(cell.image, (y, x), window, dark=True, edge=edge) for edge in (0.6, 0.4, 0.2)]
    sizes = [0 if region is None else int(region[1].sum()) for region in regions]
    assert 0 < sizes[0] < sizes[1] < sizes[2]


def test_a_barrier_is_not_entered_and_not_jumped() -> None:
    image = np.full((60, 60), 220, np.uint8)
    image[20:40, 5:55] = 60
    barrier = np.zeros((60, 60), bool)
    barrier[:, 30:34] = True
    grown = grow(image, (30, 10), Box(0, 0, 60, 60), dark=True, edge=EDGE, barrier=barrier)
    assert grown is not None
    assert grown[0].right <= 30
    assert grow(image, (30, 31), Box(0, 0, 60, 60), dark=True, edge=EDGE, barrier=barrier) is None


def test_a_hole_in_the_stain_is_filled() -> None:
    image = np.full((60, 60), 220, np.uint8)
    image[20:40, 5:55] = 60
    image[28:32, 28:32] = 215
    grown = grow(image, (30, 10), Box(0, 0, 60, 60), dark=True, edge=EDGE)
    assert grown is not None
    assert grown[1].all()


@pytest.mark.parametrize("value", [0, 128, 255])
def test_the_ground_and_an_empty_image_give_nothing(value: int) -> None:
    empty = np.full((40, 40), value, np.uint8)
    assert grow(empty, (20, 20), Box(0, 0, 40, 40), dark=True, edge=EDGE) is None
    image = np.full((60, 60), 220, np.uint8)
    image[20:40, 5:55] = 60
    assert grow(image, (5, 30), Box(0, 0, 60, 60), dark=True, edge=EDGE) is None


def test_sixteen_bits_are_seen_as_eight() -> None:
    image = np.full((60, 60), 220, np.uint8)
    image[20:40, 5:55] = 60
    window = Box(0, 0, 60, 60)
    eight = grow(image, (30, 10), window, dark=True, edge=EDGE)
    sixteen = grow(image.astype(np.uint16) * 257, (30, 10), window, dark=True, edge=EDGE)
    assert eight is not None
    assert sixteen is not None
    assert eight[0] == sixteen[0]
    assert np.array_equal(eight[1], sixteen[1])
