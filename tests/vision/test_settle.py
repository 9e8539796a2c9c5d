"""What the classifier settles: two that were found as one, one that was found as two, and what is clear stays."""

from __future__ import annotations

from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from chromview.core.chromosome import Analysis, Stain
from chromview.core.doubts import was_left_out
from chromview.core.masks import overlap_area
from chromview.progress import Cancelled, CancelToken
from chromview.simulate.metaphase import simulate_metaphase
from chromview.storage.images import read_image
from chromview.vision.assignment import cost_of_cell
from chromview.vision.classifier import Classified
from chromview.vision.instances import SlideScale
from chromview.vision.models import Models
from chromview.vision.pipeline import analyse
from chromview.vision.prepare import to_darkness
from chromview.vision.reading import Laid, Slide, lay
from chromview.vision.settle import settle


def read_as(*numbers: int, sure: float = 0.95) -> np.ndarray:
    """Probabilities ``(n, 24)`` of chromosomes that are read as these classes."""
    p = np.full((len(numbers), 24), (1 - sure) / 23, np.float32)
    p[np.arange(len(numbers)), np.array(numbers) - 1] = sure
    return p


CELL = [n for n in range(1, 23) for _ in range(2)] + [23, 24]


def test_a_whole_cell_costs_less_than_one_that_lacks_a_chromosome_or_has_one_too_many() -> None:
    whole = cost_of_cell(read_as(*CELL))
    assert cost_of_cell(read_as(*CELL[1:])) > whole + 2
    assert cost_of_cell(read_as(*CELL, 1)) > whole + 2
    unclear = np.concatenate([read_as(*CELL[1:]), read_as(1, sure=0.2)])
    assert whole < cost_of_cell(unclear) < cost_of_cell(read_as(*CELL[1:]))


@pytest.fixture(scope="module")
def simulated(models: Models) -> tuple[Slide, Laid]:
    made = simulate_metaphase("46,XY", seed=5)
    slide = Slide(made.slide, to_darkness(made.image, Stain.G_BAND), Stain.G_BAND, False)
    return slide, lay(slide, made.countable, CancelToken())


def test_what_is_read_clearly_stays(simulated: tuple[Slide, Laid], models: Models) -> None:
    slide, laid = simulated
    answer = Classified(read_as(*(c.number for c in laid.chromosomes)), np.full(len(laid), 0.9, np.float32))
    same = settle(slide, laid, answer, SlideScale(1.0), models, CancelToken())
    assert same[0] is laid and same[1] is answer


def test_several_cells_on_one_slide_are_left_as_they_are(simulated: tuple[Slide, Laid], models: Models) -> None:
    slide, laid = simulated
    three = laid + laid + laid
    answer = Classified(np.full((len(three), 24), 1 / 24, np.float32), np.full(len(three), 0.9, np.float32))
    same = settle(slide, three, answer, SlideScale(1.0), models, CancelToken())
    assert same[0] is three and same[1] is answer


def test_settling_can_be_cancelled(simulated: tuple[Slide, Laid], models: Models) -> None:
    slide, laid = simulated
    answer = Classified(np.full((len(laid), 24), 1 / 24, np.float32), np.full(len(laid), 0.9, np.float32))
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        settle(slide, laid, answer, SlideScale(1.0), models, token)


@cache
def metaphase(folder: Path, name: str, models: Models) -> Analysis:
    return analyse(read_image(folder / "metaphases" / f"{name}.png"), models)


def at(analysis: Analysis, y: int, x: int) -> set[int]:
    """Ids of the chromosomes that cover a pixel."""
    return {
        c.id
        for c in analysis.chromosomes
        if c.in_karyogram
        and c.box.top <= y < c.box.bottom
        and c.box.left <= x < c.box.right
        and c.mask[y - c.box.top, x - c.box.left]
    }


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("gband_pair_8129A_001_metaphase", (305, 184), (308, 209)),
        ("gband_pair_8129A_004_metaphase", (129, 210), (112, 238)),
        ("gband_raw_0", (296, 222), (292, 211)),
        # On either side of a large one: the pair network gives both one label.
        ("gband_amniotic_103064", (335, 238), (337, 300)),
        # Read badly by itself, and no better as one with the large one.
        ("gband_pair_8129A_004_metaphase", (195, 388), (225, 460)),
    ],
)
def test_a_small_chromosome_beside_a_large_one_is_one_of_its_own(
    name: str, first: tuple[int, int], second: tuple[int, int], shared_data: Path, models: Models
) -> None:
    analysis = metaphase(shared_data, name, models)
    [one], [other] = at(analysis, *first), at(analysis, *second)
    assert one != other
    ids = [c.id for c in analysis.chromosomes]
    assert ids == list(range(1, len(ids) + 1))


def test_one_that_was_cut_at_the_side_of_a_heap_is_one(shared_data: Path, models: Models) -> None:
    analysis = metaphase(shared_data, "gband_raw_10", models)
    assert at(analysis, 197, 250) == at(analysis, 215, 248) != set()


def test_no_chromosome_lies_within_another(shared_data: Path, models: Models) -> None:
    found = [c for c in metaphase(shared_data, "gband_pair_8129A_004_metaphase", models).chromosomes if c.in_karyogram]
    assert all(overlap_area(a, b) <= 0.8 * min(a.area, b.area) for a, b in combinations(found, 2))


def test_chromatids_that_gape_are_one_chromosome(shared_data: Path, models: Models) -> None:
    analysis = metaphase(shared_data, "gband_pair_8129A_013_metaphase", models)
    assert analysis.quality.count == 46
    assert not any(was_left_out(c) for c in analysis.chromosomes)
    for tip, opposite in (((139, 526), (139, 549)), ((40, 238), (40, 258))):
        assert at(analysis, *tip) == at(analysis, *opposite) != set()
