"""The pixels of the overlay, however they came about, are those that all masks together make."""

from __future__ import annotations

import numpy as np
import pytest

from chromview.app.overlay import Layer, Overlay
from chromview.core.chromosome import Box, Chromosome, State
from chromview.ui.mask_layer import MaskLayer

SHAPE = (90, 120)


def scattered(seed: int) -> dict[int, Chromosome]:
    """Twelve ragged masks, many of which overlap; one is rejected."""
    rng = np.random.default_rng(seed)
    made = {}
    for id in range(1, 13):
        top, left = int(rng.integers(0, 70)), int(rng.integers(0, 95))
        bits = rng.random((int(rng.integers(4, 20)), int(rng.integers(4, 25)))) < 0.8
        bits[0, 0] = bits[-1, -1] = True
        state = State.REJECTED if id == 5 else State.PROPOSED
        made[id] = Chromosome(id, Box(top, left, top + bits.shape[0], left + bits.shape[1]), bits, state=state)
    return made


@pytest.mark.parametrize("fill", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_a_whole_slide_is_composed_as_if_every_pixel_were_looked_at(seed: int, fill: bool) -> None:
    chromosomes = scattered(seed)
    layer = MaskLayer(lambda box, margin: None)
    layer.reset(SHAPE)
    layer.fill_all = fill
    layer.show(chromosomes, cluster=False)
    plain = Overlay(SHAPE)
    layers = [Layer(c.box, c.mask, layer.colour(c.id), fill) for c in chromosomes.values() if c.in_karyogram]
    plain.compose(Box(0, 0, *SHAPE), layers, opacity=layer.opacity)
    assert plain.pixels.any()
    assert layer._overlay is not None
    assert np.array_equal(layer._overlay.pixels, plain.pixels)
