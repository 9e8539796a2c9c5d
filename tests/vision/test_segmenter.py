"""Tiles and batches are matters of memory: they must not change what is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from chromview.core.chromosome import Stain
from chromview.errors import Cancelled
from chromview.progress import CancelToken
from chromview.simulate.metaphase import simulate_cluster
from chromview.training.runs import save_weights
from chromview.vision.models import Models
from chromview.vision.networks import UNet
from chromview.vision.pieces import find_chromosomes
from chromview.vision.prepare import to_darkness
from chromview.vision.segmenter import TILE, Segmenter
from chromview.vision.weights import Device


@pytest.fixture(scope="module")
def short_sighted_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a network that sees no farther than a few pixels."""
    torch.manual_seed(4)
    network = UNet(2, 4, (3, 4, 5))
    # Statistics as after training, so that the answers are not all the same.
    network.train()
    with torch.no_grad():
        for _ in range(5):
            network(torch.rand(2, 2, 32, 32))
    path = tmp_path_factory.mktemp("weights") / "short.safetensors"
    save_weights(path, network, architecture="UNet", widths=[3, 4, 5])
    return path


@pytest.fixture(scope="module")
def short_sighted(short_sighted_file: Path) -> Segmenter:
    """That network."""
    return Segmenter(short_sighted_file, Device(torch.device("cpu"), half=False))


def whole(segmenter: Segmenter, image: np.ndarray) -> np.ndarray:
    """The answer to an image in one go."""
    return np.stack(segmenter.pixels(image, tile=4 * TILE))


@pytest.mark.parametrize("shape", [(TILE + 40, 300), (300, TILE + 500), (TILE + 11, TILE + 203)])
def test_tiles_agree_with_the_whole(short_sighted: Segmenter, shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).random(shape, np.float32)
    tiled = np.stack(short_sighted.pixels(image))
    assert tiled.shape == (3, *shape)
    expected = whole(short_sighted, image)
    assert expected.std() > 0.01
    assert np.abs(tiled - expected).max() < 1e-4


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (17, 31), (64, 64)])
def test_any_size_is_answered_in_its_size(short_sighted: Segmenter, shape: tuple[int, int]) -> None:
    image = np.random.default_rng(1).random(shape, np.float32)
    maps = short_sighted.pixels(image)
    for values in maps:
        assert values.shape == shape
        assert ((values >= 0) & (values <= 1)).all()


def test_windows_of_different_sizes_share_a_batch_without_harm(short_sighted: Segmenter) -> None:
    rng = np.random.default_rng(2)
    prompts = [
        (rng.random(shape, np.float32), rng.random(shape) < 0.2)
        for shape in ((40, 60), (96, 32), (64, 64), (33, 47), (128, 100))
    ]
    together = short_sighted.complete(prompts)
    few_at_once = short_sighted.complete(prompts, batch_pixels=1)
    for (darkness, _), one, other in zip(prompts, together, few_at_once, strict=True):
        assert one.shape == other.shape == darkness.shape
        # At its right and lower edge a window may tell whether ground or nothing lies beyond.
        assert np.abs(one - other)[:-24, :-24].max(initial=0) < 1e-4


def test_the_order_of_prompts_is_kept(short_sighted: Segmenter) -> None:
    rng = np.random.default_rng(3)
    prompts = [(rng.random((n, 48), np.float32), rng.random((n, 48)) < 0.5) for n in (64, 32, 48)]
    answers = short_sighted.complete(prompts, batch_pixels=1)
    for index in (2, 0, 1):
        assert np.abs(short_sighted.complete([prompts[index]])[0] - answers[index]).max() < 1e-5


def test_nothing_to_complete(short_sighted: Segmenter) -> None:
    assert short_sighted.complete([]) == []


@pytest.mark.parametrize(
    "ask",
    [
        lambda s, token: s.pixels(np.zeros((20, 20), np.float32), token),
        lambda s, token: s.complete([(np.zeros((20, 20), np.float32), np.ones((20, 20), bool))], token),
    ],
)
def test_cancelling_is_heard(short_sighted: Segmenter, ask: Callable[[Segmenter, CancelToken], object]) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        ask(short_sighted, token)


def test_a_slide_larger_than_a_tile_has_no_seams(models: Models) -> None:
    """The shipped network sees farther than the margin of a tile; where that shows it must not matter."""
    cluster = to_darkness(simulate_cluster(2, seed=3, crossing=True).image, Stain.G_BAND)
    height, width = cluster.shape
    slide = np.zeros((height + 30, TILE + 100), np.float32)
    # Across the border of the first tile, and well inside of it.
    for left in (100, TILE - 96 - width // 2):
        slide[10 : 10 + height, left : left + width] = cluster
    maps = models.segmenter.pixels(slide)
    inside, across = (maps.foreground[:, left : left + width] > 0.5 for left in (100, TILE - 96 - width // 2))
    assert inside.any()
    assert (inside ^ across).sum() < 0.02 * inside.sum()


def test_bare_ground_around_a_cluster_changes_nothing(models: Models) -> None:
    segmenter = models.segmenter_of(Stain.G_BAND)
    cluster = to_darkness(simulate_cluster(2, seed=5).image, Stain.G_BAND)
    height, width = cluster.shape
    slide = np.zeros((600, 900), np.float32)
    slide[320 : 320 + height, 480 : 480 + width] = cluster
    maps, near = segmenter.pixels(slide), segmenter.pixels(np.pad(cluster, 64))
    for far, close in zip(maps, near, strict=True):
        assert far.shape == slide.shape
        inside = far[320 : 320 + height, 480 : 480 + width]
        assert np.abs(inside - close[64:-64, 64:-64]).mean() < 1e-3
    maps.foreground[256 : 384 + height, 416 : 544 + width] = 0
    assert maps.foreground.max() < 0.5


def test_empty_ground_holds_nothing(models: Models) -> None:
    rng = np.random.default_rng(7)
    for ground in (np.zeros((200, 240), np.float32), rng.normal(0, 0.01, (200, 240)).astype(np.float32)):
        maps = models.segmenter.pixels(ground)
        assert not (maps.foreground > 0.5).any()
        assert find_chromosomes(ground, maps, models.segmenter) == []
