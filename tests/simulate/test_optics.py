from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from chromview.core.chromosome import Box, Stain
from chromview.simulate.appearance import Look, draw_look
from chromview.simulate.optics import Light, draw_light, photograph, tone


@dataclass(frozen=True)
class Patch:
    box: Box
    density: np.ndarray


def scene(stain: Stain) -> tuple[Look, Light, np.random.Generator]:
    rng = np.random.default_rng(0)
    look = replace(draw_look(stain, 13.0, rng), blur=0.8)
    light = draw_light(look, (80, 80), rng, uneven=0.0)
    return look, replace(light, noise=0.0, shot=0.0, halo=0.0), rng


def grey(stain: Stain, densities: list[float]) -> tuple[float, float]:
    """Grey value in the middle of patches on top of each other, and of the background."""
    look, light, rng = scene(stain)
    patches = [Patch(Box(20, 20, 60, 60), np.full((40, 40), density, np.float32)) for density in densities]
    image = photograph(patches, light, look, rng)
    return float(image[40, 40]), float(image[4, 4])


def test_in_bright_field_layers_multiply() -> None:
    first, background = grey(Stain.G_BAND, [0.5])
    second, _ = grey(Stain.G_BAND, [0.8])
    both, _ = grey(Stain.G_BAND, [0.5, 0.8])
    assert background > 200
    assert both / background == pytest.approx(first / background * second / background, abs=0.01)
    assert first / background == pytest.approx(np.exp(-0.5), abs=0.01)


@pytest.mark.parametrize("stain", [Stain.DAPI, Stain.Q_BAND])
def test_in_fluorescence_layers_add_up_to_saturation(stain: Stain) -> None:
    single, background = grey(stain, [0.8])
    double, _ = grey(stain, [0.8, 0.8])
    many, _ = grey(stain, [0.8] * 20)
    assert background < 20
    assert single + 20 < double < 2 * single - background
    assert many == 255


def test_tone_varies_slowly_and_stays_small() -> None:
    found = tone((200, 300), 3.0, np.random.default_rng(1))
    assert found.shape == (200, 300)
    assert np.abs(found).max() <= 1.3
    assert found.std() > 0.1
    assert np.abs(np.diff(found, axis=0)).max() < 0.1
