from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy import ndimage

from chromview.core.chromosome import Chromosome, Kind, Stain
from chromview.core.masks import four_label
from chromview.errors import UserError
from chromview.simulate import Simulated, simulate_cluster, simulate_metaphase
from chromview.simulate.formula import chromosome_numbers

EIGHT = np.ones((3, 3))


def depth(found: Simulated) -> np.ndarray:
    """How many chromosomes lie on each pixel."""
    count = np.zeros(found.image.shape, int)
    for chromosome in found.countable:
        count[chromosome.box.slices] += chromosome.mask
    return count


def whole(found: Simulated, chromosome: Chromosome) -> np.ndarray:
    mask = np.zeros(found.image.shape, bool)
    mask[chromosome.box.slices] = chromosome.mask
    return mask


@pytest.fixture(scope="module")
def cell() -> Simulated:
    return simulate_metaphase("47,XY,+21", seed=5, nuclei=1, debris=6)


def test_a_cell_has_the_chromosomes_of_its_karyotype(cell: Simulated) -> None:
    assert cell.image.shape == (620, 760)
    assert cell.image.dtype == np.uint8
    assert cell.karyotype == "47,XY,+21"
    assert Counter(c.number for c in cell.countable) == Counter(chromosome_numbers("47,XY,+21"))
    assert [c.id for c in cell.chromosomes] == list(range(1, len(cell.chromosomes) + 1))


def test_the_truth_fits_the_picture(cell: Simulated) -> None:
    anything = np.zeros(cell.image.shape, bool)
    for chromosome in cell.chromosomes:
        mask = whole(cell, chromosome)
        anything |= mask
        if chromosome.kind is Kind.CHROMOSOME:
            assert ndimage.label(mask, EIGHT)[1] == 1
            assert chromosome.axis is not None
            low, high = chromosome.axis.min(axis=0), chromosome.axis.max(axis=0)
            assert low[0] > chromosome.box.top - 3
            assert high[0] < chromosome.box.bottom + 3
            assert low[1] > chromosome.box.left - 3
            assert high[1] < chromosome.box.right + 3
        else:
            assert chromosome.axis is None
            assert chromosome.number == 0
    near = ndimage.binary_dilation(anything, iterations=4)
    background = np.median(cell.image[~near])
    assert background > 205
    # What is dark has an owner, and what has an owner is dark.
    assert (cell.image[~near] < background - 60).mean() < 1e-3
    inner = ndimage.binary_erosion(depth(cell) > 0, iterations=2)
    assert (cell.image[inner] < background - 40).mean() > 0.97


def test_nuclei_and_debris_are_told_apart(cell: Simulated) -> None:
    kinds = Counter(c.kind for c in cell.chromosomes)
    assert kinds[Kind.NUCLEUS] == 1
    assert 1 <= kinds[Kind.DEBRIS] <= 6
    nucleus = next(c for c in cell.chromosomes if c.kind is Kind.NUCLEUS)
    assert nucleus.area > max(c.area for c in cell.countable)


@pytest.mark.parametrize("seed", range(3))
def test_a_clean_cell_has_neither_contacts_nor_overlaps(seed: int) -> None:
    found = simulate_metaphase("46,XX", seed=seed, crossings=0, contacts=0, nuclei=0, debris=0)
    assert depth(found).max() == 1
    assert ndimage.label(depth(found) > 0, EIGHT)[1] == 46


@pytest.mark.parametrize("seed", range(3))
def test_crossings_and_contacts_are_those_ordered(seed: int) -> None:
    crossed = simulate_metaphase("46,XY", seed=seed, crossings=4, contacts=0, nuclei=0, debris=0)
    overlap, _ = ndimage.label(depth(crossed) > 1, EIGHT)
    large = np.bincount(overlap.ravel())[1:] > 40
    assert large.sum() == 4
    assert ndimage.label(depth(crossed) > 0, EIGHT)[1] == 42
    touching = simulate_metaphase("46,XY", seed=seed, crossings=0, contacts=5, nuclei=0, debris=0)
    assert ndimage.label(ndimage.binary_dilation(depth(touching) > 0), EIGHT)[1] <= 42
    assert (depth(touching) > 1).sum() < 5 * 60


def test_overlaps_are_darker_in_bright_field_and_brighter_in_fluorescence() -> None:
    for stain, sign in ((Stain.G_BAND, -1), (Stain.DAPI, 1)):
        found = simulate_metaphase("46,XX", stain=stain, seed=8, crossings=6, contacts=0, nuclei=0)
        both = found.image[ndimage.binary_erosion(depth(found) == 2, iterations=2)].mean()
        one = found.image[ndimage.binary_erosion(depth(found) == 1, iterations=2)].mean()
        assert sign * (both - one) > 30


def test_fluorescence_is_bright_on_dark() -> None:
    found = simulate_metaphase("46,XX", stain=Stain.DAPI, seed=2, nuclei=0)
    assert np.median(found.image) < 20
    assert np.median(found.image[depth(found) > 0]) > 60


def test_long_chromosomes_are_long() -> None:
    found = simulate_metaphase("46,XX", seed=3)
    area = {n: np.mean([c.area for c in found.countable if c.number == n]) for n in (1, 6, 13, 21)}
    assert area[1] > area[6] > area[13] > area[21]
    assert 2.5 < area[1] / area[21] < 6.5


def test_the_same_order_gives_the_same_pixels() -> None:
    first, again = (simulate_metaphase("45,X", seed=9, shape=(300, 320)) for _ in range(2))
    assert (first.image == again.image).all()
    assert all((a.mask == b.mask).all() for a, b in zip(first.chromosomes, again.chromosomes, strict=True))
    assert (simulate_metaphase("45,X", seed=10, shape=(300, 320)).image != first.image).any()


@pytest.mark.parametrize("shape", [(160, 160), (200, 900), (517, 645)])
@pytest.mark.parametrize("bands", [400, 850])
def test_cells_fit_on_slides_of_many_sizes(shape: tuple[int, int], bands: int) -> None:
    found = simulate_metaphase("46,XY", seed=1, shape=shape, bands=bands)
    assert found.image.shape == shape
    assert len(found.countable) == 46


def test_triploid_cells_fit_too() -> None:
    assert len(simulate_metaphase("69,XXY", seed=1).countable) == 69


@pytest.mark.parametrize(
    "order",
    [{"karyotype": "46"}, {"bands": 500}, {"shape": (20, 20)}, {"shape": (620, 90000)}, {"scale": 4.0}],
)
def test_impossible_cells(order: dict[str, object]) -> None:
    with pytest.raises(UserError):
        simulate_metaphase(**({"karyotype": "46,XX", "seed": 0} | order))  # type: ignore[arg-type]


@pytest.mark.parametrize("crossing", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_a_cluster_is_one_region(seed: int, crossing: bool) -> None:
    found = simulate_cluster(2, seed=seed, crossing=crossing)
    assert found.image.shape == (128, 128)
    assert ndimage.label(depth(found) > 0, EIGHT)[1] == 1
    label = four_label(found.chromosomes, (128, 128))
    assert set(np.unique(label)) >= {0, 1, 2}
    shared = int((label == 3).sum())
    assert shared > 60 if crossing else shared < 60
    edge = np.ones((128, 128), bool)
    edge[1:-1, 1:-1] = False
    assert not (depth(found)[edge]).any()


def test_clusters_of_more_and_of_chosen_classes() -> None:
    found = simulate_cluster(4, seed=1, shape=(220, 220), numbers=(1, 5, 9, 24), crossing=True)
    assert [c.number for c in found.chromosomes] == [1, 5, 9, 24]
    assert ndimage.label(depth(found) > 0, EIGHT)[1] == 1


def test_a_small_canvas_gets_smaller_chromosomes() -> None:
    found = simulate_cluster(2, seed=3, shape=(64, 60), numbers=(1, 2))
    assert found.image.shape == (64, 60)
    assert len(found.chromosomes) == 2


@pytest.mark.parametrize(("stain", "paper"), [(Stain.G_BAND, 255), (Stain.DAPI, 0)])
def test_cut_out_clusters_lie_on_plain_paper(stain: Stain, paper: int) -> None:
    found = simulate_cluster(2, stain=stain, seed=4, cut_out=True)
    far = ~ndimage.binary_dilation(depth(found) > 0, EIGHT, iterations=6)
    assert (found.image[far] == paper).all()
    assert (found.image[depth(found) > 0] != paper).mean() > 0.98


@pytest.mark.parametrize(
    "order", [{"count": 0}, {"count": 13}, {"numbers": (1,)}, {"numbers": (1, 30)}, {"shape": (10, 10)}]
)
def test_impossible_clusters(order: dict[str, object]) -> None:
    with pytest.raises(UserError):
        simulate_cluster(**({"count": 2, "seed": 0} | order))  # type: ignore[arg-type]
