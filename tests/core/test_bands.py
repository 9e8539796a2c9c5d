"""How clearly bands are seen."""

from __future__ import annotations

import numpy as np
import pytest

from chromview.core.bands import FEWEST, band_clarity, band_contrast, band_profile


def banded(dark: float, light: float, length: int = 80, period: int = 16) -> np.ndarray:
    """A straight chromosome with bands like a cosine."""
    along = (dark + light) / 2 + (dark - light) / 2 * np.cos(2 * np.pi * np.arange(length) / period)
    return np.repeat(along[:, None], 12, axis=1)


def test_the_contrast_is_that_of_michelson() -> None:
    picture = banded(0.8, 0.4)
    profile = band_profile(picture, np.ones(picture.shape, bool))
    assert profile.shape == (80,)
    # Smoothing takes a little away: (.8 - .4) / (.8 + .4) is a third.
    assert band_contrast(profile) == pytest.approx(1 / 3, abs=0.04)


def test_a_chromosome_without_bands_has_none() -> None:
    plain = np.full((80, 12), 0.7)
    assert band_contrast(band_profile(plain, np.ones(plain.shape, bool))) == 0.0
    assert band_contrast(np.zeros(0)) == 0.0


def test_the_contrast_is_the_same_at_every_resolution() -> None:
    coarse, fine = banded(0.8, 0.4), banded(0.8, 0.4, length=320, period=64)
    first = band_contrast(band_profile(coarse, np.ones(coarse.shape, bool)))
    second = band_contrast(band_profile(fine, np.ones(fine.shape, bool), factor=0.25))
    assert first == pytest.approx(second, abs=0.01)


def test_of_a_slide_it_is_the_median_and_of_few_chromosomes_unknown() -> None:
    profiles = [band_profile(p, np.ones(p.shape, bool)) for p in [banded(0.8, 0.4)] * 3 + [banded(0.7, 0.7)] * 2]
    assert len(profiles) == FEWEST
    assert band_clarity(profiles) == pytest.approx(1 / 3, abs=0.04)
    assert band_clarity(profiles[1:]) is None
    assert band_clarity([]) is None
