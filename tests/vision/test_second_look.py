"""What the pair network changes about the clusters of a slide, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest

from chromview.core._cv import cv2
from chromview.core.chromosome import Box, Kind, SlideImage
from chromview.simulate.metaphase import simulate_cluster, simulate_metaphase
from chromview.vision.models import Models
from chromview.vision.pipeline import analyse
from chromview.vision.prepare import to_darkness
from chromview.vision.second_look import Region, second_look


def region(darkness: np.ndarray, parts: int, hint: float = 1.0) -> Region:
    return Region(Box(0, 0, *darkness.shape), darkness > 0.2, hint, parts)


def darkness_of(count: int, seed: int) -> np.ndarray:
    cluster = simulate_cluster(count, seed=seed, shape=(160, 160), crossing=True)
    return to_darkness(cluster.image, cluster.stain)


def test_a_region_without_any_hint_is_not_asked_about(models: Models) -> None:
    darkness = darkness_of(2, 3)
    assert second_look(darkness, [region(darkness, 1, hint=0.0)], models.pairs) == [None]


def test_a_crossing_that_was_not_cut_becomes_two(models: Models) -> None:
    darkness = darkness_of(2, 3)
    (opinion,) = second_look(darkness, [region(darkness, 1)], models.pairs)
    assert opinion is not None
    masks = opinion.probabilities > 0.5
    assert len(masks) == 2
    assert (masks[0] & masks[1]).any()


@pytest.mark.parametrize("seed", [1, 4])
def test_a_heap_of_three_is_not_made_two(models: Models, seed: int) -> None:
    darkness = darkness_of(3, seed)
    (opinion,) = second_look(darkness, [region(darkness, 3)], models.pairs)
    assert opinion is not None
    assert len(opinion.probabilities) == 3


def test_smears_far_paler_than_the_cell_are_debris(models: Models) -> None:
    cell = simulate_metaphase(seed=41, nuclei=0, debris=0)
    smears = np.zeros(cell.image.shape, np.uint8)
    truth = np.zeros(cell.image.shape, bool)
    for c in cell.chromosomes:
        truth[c.box.grown(12, cell.image.shape).slices] = True
    rng = np.random.default_rng(0)
    painted = 0
    while painted < 8:
        y, x = (int(rng.integers(30, side - 30)) for side in cell.image.shape)
        if not (truth | (smears > 0))[y - 25 : y + 25, x - 25 : x + 25].any():
            cv2.ellipse(smears, (x, y), (18, 6), float(rng.uniform(0, 180)), 0, 360, 1, -1)
            painted += 1
    light = cv2.GaussianBlur(1 - 0.2 * smears.astype(np.float32), (0, 0), 1.0)
    found = analyse(SlideImage((cell.image * light).astype(np.uint8)), models).chromosomes
    on_smears = [c for c in found if (smears[c.box.slices][c.mask] > 0).mean() > 0.5]
    assert on_smears
    assert all(c.kind is Kind.DEBRIS for c in on_smears)


def test_a_small_thing_that_lies_far_from_the_cell_is_debris(models: Models) -> None:
    cell = simulate_metaphase(seed=41, nuclei=0, debris=0)
    image = np.pad(cell.image, ((0, 0), (0, 200)), mode="edge")
    size = float(np.sqrt(np.median([c.area for c in cell.chromosomes])))
    y, x = 200, cell.image.shape[1] + 140
    speck = cv2.ellipse(
        np.zeros(image.shape, np.uint8), (x, y), (round(0.36 * size), round(0.18 * size)), 30, 0, 360, 1, -1
    )
    stained = cv2.GaussianBlur(1 - 0.6 * speck.astype(np.float32), (0, 0), 1.2)
    found = analyse(SlideImage((image * stained).astype(np.uint8)), models).chromosomes
    there = [c for c in found if c.box.top <= y < c.box.bottom and c.box.left <= x < c.box.right]
    assert [c.kind for c in there] == [Kind.DEBRIS]
    assert sum(c.kind is Kind.CHROMOSOME for c in found) >= 44
