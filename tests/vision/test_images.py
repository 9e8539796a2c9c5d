"""Clusters and single chromosomes that come as images of their own, many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from chromview.core.chromosome import Chromosome, SlideImage, Stain
from chromview.core.masks import four_label
from chromview.core.straighten import straighten
from chromview.errors import Cancelled
from chromview.progress import CancelToken
from chromview.simulate.metaphase import Simulated, simulate_cluster, simulate_metaphase
from chromview.vision.models import Models
from chromview.vision.pipeline import classify_images, label_clusters, reread


def iou(label: np.ndarray, truth: np.ndarray) -> float:
    """Of the worse of the two chromosomes, in the better order."""

    def one(a: int, b: int) -> float:
        x, y = (label & a) > 0, (truth & b) > 0
        return float((x & y).sum() / max(1, (x | y).sum()))

    return max(min(one(1, 1), one(2, 2)), min(one(1, 2), one(2, 1)))


@pytest.fixture(scope="module")
def clusters() -> list[Simulated]:
    return [simulate_cluster(2, seed=seed, crossing=seed % 3 != 0) for seed in range(10, 19)]


def test_clusters_are_labelled(clusters: Sequence[Simulated], models: Models) -> None:
    images = np.stack([c.image for c in clusters])
    told: list[float] = []
    labels = label_clusters(images, models, progress=lambda _, share: told.append(share), batch=4)
    assert labels.shape == images.shape
    assert labels.dtype == np.uint8
    assert set(np.unique(labels)) <= {0, 1, 2, 3}
    assert told == sorted(told) and told[-1] == 1.0
    truth = [four_label(c.countable, c.image.shape) for c in clusters]
    foreground = [((a > 0) & (b > 0)).sum() / ((a > 0) | (b > 0)).sum() for a, b in zip(labels, truth, strict=True)]
    assert min(foreground) > 0.8
    scores = [iou(a, b) for a, b in zip(labels, truth, strict=True)]
    assert np.mean(np.array(scores) > 0.7) > 0.6
    for label in labels:
        sizes = [int(((label & which) > 0).sum()) for which in (1, 2)]
        # "1 the smaller"; where only one was found it is 1 throughout.
        assert sizes[0] <= sizes[1] or sizes[1] == 0


def test_labels_do_not_depend_on_the_batch_or_on_the_stain(clusters: Sequence[Simulated], models: Models) -> None:
    images = np.stack([c.image for c in clusters[:4]])
    together = label_clusters(images, models)
    for image, label in zip(images, together, strict=True):
        alone = label_clusters(image[None], models)[0]
        assert (alone != label).mean() < 0.01
    dark = label_clusters(255 - images, models)
    assert (dark != together).mean() < 0.01


def test_no_clusters_and_blank_ones(models: Models) -> None:
    assert label_clusters(np.zeros((0, 64, 64), np.uint8), models).shape == (0, 64, 64)
    for value in (0, 255):
        assert not label_clusters(np.full((2, 50, 70), value, np.uint8), models).any()


@pytest.fixture(scope="module")
def cell() -> tuple[list[np.ndarray], list[int]]:
    """The chromosomes of a cell as a karyogram shows them, p arm up, on white."""
    simulated = simulate_metaphase("46,XY", seed=9, crossings=0, contacts=0, nuclei=0, debris=0, bends=0.3)
    return [upright(simulated, c) for c in simulated.countable], [c.number for c in simulated.countable]


def upright(simulated: Simulated, chromosome: Chromosome) -> np.ndarray:
    return straighten(simulated.slide, chromosome, simulated.stain).image


def test_chromosomes_are_classified(cell: tuple[list[np.ndarray], list[int]], models: Models) -> None:
    """The bands are simulated, so the networks read them less surely than real ones."""
    images, numbers = cell
    cells = ["a"] * len(images)
    told: list[float] = []
    single = classify_images(images, models, cells=cells, progress=lambda _, share: told.append(share))
    assert single.probabilities.shape == (46, 24)
    assert np.allclose(single.probabilities.sum(axis=1), 1, atol=1e-3)
    assert (single.numbers == single.probabilities.argmax(axis=1) + 1).all()
    assert told == sorted(told) and told[-1] == 1.0
    order = np.argsort(-single.probabilities, axis=1)[:, :3] + 1
    assert (single.numbers == numbers).mean() > 0.75
    assert np.mean([n in top for n, top in zip(numbers, order, strict=True)]) > 0.85
    assert single.p_up.mean() > 0.85


def test_a_cell_decided_together_has_two_of_each(cell: tuple[list[np.ndarray], list[int]], models: Models) -> None:
    images, numbers = cell
    single = classify_images(images, models, cells=["a"] * 46)
    whole = classify_images(images, models, cells=["a"] * 46, by_cell=True)
    assert (whole.probabilities == single.probabilities).all()
    counts = np.bincount(whole.numbers, minlength=25)[1:]
    assert np.abs(counts[:22] - 2).sum() <= np.abs(np.bincount(single.numbers, minlength=25)[1:23] - 2).sum()
    assert counts.max() <= 4
    assert (whole.numbers == numbers).sum() >= (single.numbers == numbers).sum() - 2


def test_cells_are_decided_apart(cell: tuple[list[np.ndarray], list[int]], models: Models) -> None:
    """Two cells, their chromosomes mixed: each is decided as if it were alone."""
    images, _ = cell
    alone = classify_images(images, models, cells=["a"] * 46, by_cell=True).numbers
    mixed = classify_images(
        [image for image in images for _ in range(2)], models, cells=["a", "b"] * 46, by_cell=True
    ).numbers
    assert (mixed[::2] == alone).all()
    assert (mixed[1::2] == alone).all()


@pytest.fixture(scope="module")
def glowing() -> tuple[Simulated, list[np.ndarray], int]:
    """A DAPI cell, its chromosomes cut out, and which of them is a 13: as bright as most, where a 22 is dull."""
    simulated = simulate_metaphase("46,XY", stain=Stain.DAPI, seed=17, crossings=0, contacts=0, nuclei=0, debris=0)
    cut_out = [np.where(c.mask, simulated.image[c.box.slices], 0).astype(np.uint8) for c in simulated.countable]
    return simulated, cut_out, [c.number for c in simulated.countable].index(13)


def dull_classes(probabilities: np.ndarray) -> float:
    """How much is said for 17, 19, 20 and 22, in nats against 13."""
    said = np.log(np.asarray(probabilities, float) + 1e-9)
    return float(said[[16, 18, 19, 21]].mean() - said[12])


def test_how_bright_a_fluorescent_chromosome_is_against_its_cell_counts(
    glowing: tuple[Simulated, list[np.ndarray], int], models: Models
) -> None:
    _, images, index = glowing
    dimmed = [image // 2 if n == index else image for n, image in enumerate(images)]
    told = [
        dull_classes(
            classify_images(
                way, models, masks=[image > 0 for image in images], stain=Stain.DAPI, cells=cells
            ).probabilities[index]
        )
        for way in (images, dimmed)
        for cells in (["a"] * len(images), None)
    ]
    in_cell, alone, dimmed_in_cell, dimmed_alone = told
    assert dimmed_in_cell > in_cell + 0.5
    # By itself it has no brightness of its own; halving it costs grey values, no more.
    assert abs(dimmed_alone - alone) < 0.25 * (dimmed_in_cell - in_cell)


def test_brightness_counts_on_a_slide(glowing: tuple[Simulated, list[np.ndarray], int], models: Models) -> None:
    simulated, _, index = glowing
    chromosome = simulated.countable[index]
    dimmed = simulated.image.copy()
    dimmed[chromosome.box.slices][chromosome.mask] //= 2
    unread = [replace(c, number=0, probabilities=None, axis=None) for c in simulated.countable]
    told = [
        next(c for c in reread(SlideImage(image), unread, {chromosome.id}, models) if c.id == chromosome.id)
        for image in (simulated.image, dimmed)
    ]
    as_it_is, dull = (dull_classes(np.array(c.probabilities)) for c in told)
    assert dull > as_it_is + 0.5


def test_upside_down_is_told(cell: tuple[list[np.ndarray], list[int]], models: Models) -> None:
    images = cell[0]
    up = classify_images(images, models, cells=["a"] * 46)
    down = classify_images([image[::-1].copy() for image in images], models, cells=["a"] * 46)
    assert (up.p_up != down.p_up).mean() > 0.9
    assert (up.numbers == down.numbers).mean() > 0.9


def test_an_inverted_image_is_classified_alike(cell: tuple[list[np.ndarray], list[int]], models: Models) -> None:
    images = cell[0][:12]
    usual = classify_images(images, models, stain=Stain.G_BAND)
    inverted = classify_images([255 - image for image in images], models, stain=Stain.G_BAND)
    assert (usual.numbers == inverted.numbers).all()


def test_images_without_a_chromosome_say_that_they_know_nothing(models: Models) -> None:
    blank = [np.full((30, 20), 255, np.uint8), np.zeros((5, 5), np.uint8), np.full((1, 1), 3, np.uint8)]
    answer = classify_images(blank, models, by_cell=True)
    assert np.allclose(answer.probabilities, 1 / 24)
    assert (answer.numbers == 1).all()
    nothing = classify_images([], models)
    assert nothing.numbers.shape == (0,)
    assert nothing.probabilities.shape == (0, 24)


def test_cancelling(cell: tuple[list[np.ndarray], list[int]], models: Models) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        classify_images(cell[0][:2], models, cancel=token)
    with pytest.raises(Cancelled):
        label_clusters(np.zeros((1, 32, 32), np.uint8), models, cancel=token)
