"""Darkness: the one scale of stain that the networks see."""

from __future__ import annotations

import numpy as np
import pytest

from chromview.core.chromosome import Stain
from chromview.simulate.metaphase import simulate_metaphase
from chromview.vision.prepare import FOREGROUND_LEVEL, noise_of, normalise, to_darkness


@pytest.mark.parametrize("spread", [0.6, 1.5, 4.0, 12.0])
@pytest.mark.parametrize("ground", [20.0, 128.0, 230.0])
def test_nothing_but_noise_is_empty(ground: float, spread: float) -> None:
    """Stretched to the whole range, noise would look like hundreds of specks."""
    noise = np.random.default_rng(1).normal(ground, spread, (300, 400)).clip(0, 255).astype(np.uint8)
    for stain in Stain:
        assert not to_darkness(noise, stain).any()


@pytest.mark.parametrize("stain", [Stain.G_BAND, Stain.DAPI])
@pytest.mark.parametrize("contrast", [1.0, 0.1])
def test_faint_slides_are_brought_to_the_same_level(stain: Stain, contrast: float) -> None:
    cell = simulate_metaphase(stain=stain, seed=3)
    middle = float(np.median(cell.image))
    faint = (middle + (cell.image.astype(float) - middle) * contrast).round().clip(0, 255).astype(np.uint8)
    darkness = to_darkness(faint, stain)
    stained = np.zeros(cell.image.shape, bool)
    for chromosome in cell.chromosomes:
        stained[chromosome.box.slices] |= chromosome.mask
    assert abs(float(np.percentile(darkness[stained], 80)) - FOREGROUND_LEVEL) < 0.15
    assert abs(float(np.median(darkness[~stained]))) < 0.1


def test_inverted_slide_is_the_same() -> None:
    cell = simulate_metaphase(stain=Stain.G_BAND, seed=3)
    upright = to_darkness(cell.image, Stain.G_BAND)
    np.testing.assert_allclose(to_darkness(255 - cell.image, Stain.G_BAND, inverted=True), upright, atol=1e-5)


@pytest.mark.parametrize("value", [0, 77, 255])
def test_one_value_is_empty(value: int) -> None:
    assert not to_darkness(np.full((40, 50), value, np.uint8), Stain.G_BAND).any()


@pytest.mark.parametrize("spread", [0.01, 0.05])
def test_noise_is_measured_beside_what_the_image_shows(spread: float) -> None:
    rng = np.random.default_rng(0)
    ramp = np.add.outer(np.linspace(0, 1, 200), np.linspace(0, 0.5, 300))
    ramp[50:120, 80:200] += 0.4
    noisy = (ramp + rng.normal(0, spread, ramp.shape)).astype(np.float32)
    assert noise_of(noisy) == pytest.approx(spread, rel=0.2)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 2)])
def test_tiny_images_are_taken(shape: tuple[int, int]) -> None:
    signal = np.zeros(shape, np.float32)
    assert normalise(signal).shape == shape
    assert noise_of(signal) == 0
