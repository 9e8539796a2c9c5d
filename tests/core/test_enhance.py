"""Enhancement makes a better view and touches nothing."""

from __future__ import annotations

import numpy as np
import pytest

from chromview.core.enhance import Enhancement, enhance
from chromview.simulate.metaphase import simulate_metaphase


@pytest.fixture(scope="module")
def slide() -> np.ndarray:
    return simulate_metaphase("46,XX", seed=7).image


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("how", [Enhancement(True), Enhancement(False, True), Enhancement(False, False, True)])
def test_the_data_stay_as_they_are(slide: np.ndarray, kind: type, how: Enhancement) -> None:
    pixels = slide.astype(kind) * kind(255 if kind is np.uint16 else 1)
    before = pixels.copy()
    result = enhance(pixels, how)
    assert np.array_equal(pixels, before)
    assert result.dtype == pixels.dtype and result.shape == pixels.shape
    assert not np.array_equal(result, before)


def test_nothing_to_do_is_nothing_done(slide: np.ndarray) -> None:
    assert enhance(slide, Enhancement()) is slide
    assert not Enhancement() and Enhancement(sharpen=True)


def test_an_uneven_ground_becomes_even_and_chromosomes_stay_dark(slide: np.ndarray) -> None:
    ramp = np.linspace(-50, 0, slide.shape[1])[None, :]
    uneven = np.clip(slide + ramp, 0, 255).astype(np.uint8)
    ground = slide > np.percentile(slide, 50)
    left, right = (np.s_[:, :100], np.s_[:, -100:])

    def difference(image: np.ndarray) -> float:
        return abs(float(image[left][ground[left]].mean()) - float(image[right][ground[right]].mean()))

    evened = enhance(uneven, Enhancement(background=True))
    assert difference(evened) < 0.2 * difference(uneven)
    dark = slide < 110
    assert evened[ground].mean() - evened[dark].mean() > 0.8 * (slide[ground].mean() - slide[dark].mean())


def test_local_contrast_and_sharpening_do_what_they_say(slide: np.ndarray) -> None:
    dull = (slide // 4 + 100).astype(np.uint8)
    assert enhance(dull, Enhancement(contrast=True)).std() > 1.5 * dull.std()
    steepness = np.abs(np.diff(slide.astype(int), axis=1)).mean()
    assert np.abs(np.diff(enhance(slide, Enhancement(sharpen=True)).astype(int), axis=1)).mean() > 1.2 * steepness


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (3, 3), (0, 0), (7, 2000)])
def test_strange_shapes(shape: tuple[int, int]) -> None:
    pixels = np.arange(shape[0] * shape[1], dtype=np.uint8).reshape(shape)
    assert enhance(pixels, Enhancement(True, True, True)).shape == shape
