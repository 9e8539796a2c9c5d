"""The stain of one chromosome where another one lies on it.

Light that goes through two chromosomes is absorbed by both: their transmittances multiply, so that
optical densities add; fluorescence adds as it is. What one of them has in the shared pixels is not
seen, but nearly known, because bands run across the whole width of a chromosome. So each is taken
for a band profile x along its axis that is paler towards the outline, g:

    m_k(p) = g_k(depth of pixel p in chromosome k) * x_k(place of p along the axis of k)

g and x come from the free pixels, those that no other chromosome covers. x is smooth (penalised second
differences), which fills rows without free pixels from the bands just before and behind the other
chromosome; rows that are covered in part are told by what is free of them. Of the density D that is
seen in a shared pixel, each chromosome then gets its share by these models,

    D_k(p) = D(p) * m_k(p) / sum of m_j(p) over all chromosomes j that cover p

so that what the models do not know, of grain and of bands below the other one, is divided as well.

**This is an estimate and no measurement.** It holds for stain that adds. Where one chromosome
hides the other, the shared pixels show no more than one of them; then nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chromview.core._cv import cv2
from chromview.core.chromosome import BoolArray, Box, Chromosome, FloatArray, SlideImage, Stain
from chromview.core.curves import resample, smooth
from chromview.core.masks import overlap_area, slide_mask

_Float = npt.NDArray[np.float64]

_ADDS = 0.4
"""Part of the fainter chromosome's stain that shared pixels must show on top of the other one's."""
_DARKEST = 0.98
"""Absorbed share of light beyond which a camera tells no differences."""
_STIFFNESS = 3.0
"""Length along the axis, in pixels, below which a profile is smoothed; chosen on composed pairs of `val`."""
_PALEST, _DARKEST_BAND = 0.5, 1.6
"""Stain of a band at least and at most, as a share of the chromosome's mean."""
_DEPTHS = 6
"""Pixels from the outline to where a chromosome is as dark as its middle."""


class Layer(NamedTuple):
    """One chromosome in a window.

    Attributes
    ----------
    mask
        ``(h, w)`` bool of the window's shape.
    axis
        ``(n, 2)`` points (y, x) in pixels of the window.
    """

    mask: BoolArray
    axis: FloatArray


def own_shares(
    image: SlideImage, chromosomes: Iterable[Chromosome], stain: Stain, *, ground: float, inverted: bool = False
) -> dict[int, FloatArray]:
    """Which share of the stain seen in its pixels is each chromosome's own, **estimated** (`own_stain`).

    Parameters
    ----------
    image
        The slide.
    chromosomes
        Those of the slide that count, with their axes; without an axis, a chromosome has no share to give or take.
    stain, inverted
        What the grey values mean.
    ground
        Grey value of the slide's ground.

    Returns
    -------
    By id, of chromosomes that share pixels alone: ``(h, w)`` float32 in the chromosome's box, 1 where it lies alone.
    """
    known = [c for c in chromosomes if c.axis is not None and len(c.axis) > 1 and c.area]
    shares: dict[int, FloatArray] = {}
    most = float(np.iinfo(image.pixels.dtype).max)
    if inverted:
        ground = most - ground
    for group in _overlapping(known):
        box = group[0].box
        for c in group[1:]:
            box = Box(
                min(box.top, c.box.top), min(box.left, c.box.left),
                max(box.bottom, c.box.bottom), max(box.right, c.box.right),
            )  # fmt: skip
        grey = image.pixels[box.slices].astype(np.float32)
        grey = most - grey if inverted else grey
        seen = np.clip(grey - ground, 0, None) if stain.bright_on_dark else np.clip(1 - grey / max(ground, 1.0), 0, 1)
        corner = np.array([box.top, box.left], np.float32)
        layers = [Layer(slide_mask(c, box), np.asarray(c.axis, np.float32) - corner) for c in group]
        owns = own_stain(seen.astype(np.float32), layers, absorbing=not stain.bright_on_dark)
        for c, own in zip(group, owns, strict=True):
            share = np.divide(own, seen, out=np.ones_like(own), where=seen > 1e-6)
            top, left = c.box.top - box.top, c.box.left - box.left
            shares[c.id] = np.clip(share[top : top + c.box.height, left : left + c.box.width], 0, 1).astype(np.float32)
    return shares


def _overlapping(chromosomes: Sequence[Chromosome]) -> list[list[Chromosome]]:
    """Groups that share pixels, directly or through others."""
    groups: list[list[Chromosome]] = []
    for chromosome in chromosomes:
        joined = [g for g in groups if any(overlap_area(chromosome, other) for other in g)]
        groups = [g for g in groups if not any(g is j for j in joined)]
        groups.append([chromosome, *(c for g in joined for c in g)])
    return [group for group in groups if len(group) > 1]


def own_stain(stain: FloatArray, layers: Sequence[Layer], *, absorbing: bool) -> list[FloatArray]:
    """Stain of each chromosome alone, **estimated** where they share pixels (see the module).

    Parameters
    ----------
    stain
        ``(h, w)``: share of the light that is absorbed, 0 for the ground and below 1; or, for
        fluorescence, light over the ground in any unit.
    layers
        The chromosomes of the window.
    absorbing
        Whether stain absorbs (G-bands) or shines (Q-bands, DAPI).

    Returns
    -------
    One array ``(h, w)`` float32 for each layer, in the unit of `stain`: as it was, but for the pixels
    that the layer shares. Those stay as well where the stain does not add.
    """
    seen = np.asarray(stain, np.float64)
    density = -np.log1p(-np.clip(seen, 0, _DARKEST)) if absorbing else np.clip(seen, 0, None)
    covers = np.sum([layer.mask for layer in layers], axis=0)
    results = [np.asarray(stain, np.float32).copy() for _ in layers]
    if not (covers > 1).any():
        return results
    models = [_model(layer, covers == 1, density) for layer in layers]
    whole = np.sum(models, axis=0)
    for result, layer, model in zip(results, layers, models, strict=True):
        shared = layer.mask & (covers > 1)
        others = whole - model
        fainter = np.minimum(model, others)[shared].sum()
        if (density - np.maximum(model, others))[shared].sum() < _ADDS * fainter:
            continue
        own = density * model / np.maximum(whole, 1e-6)
        result[shared] = (-np.expm1(-own) if absorbing else own)[shared]
    return results


def _model(layer: Layer, free: BoolArray, density: _Float) -> _Float:
    """What a chromosome would look like alone, ``(h, w)``; 0 outside its mask."""
    at = np.argwhere(layer.mask)
    line = resample(layer.axis)
    away = np.hypot(at[:, None, 0] - line[None, :, 0], at[:, None, 1] - line[None, :, 1])
    row = away.argmin(axis=1)
    depth = cv2.distanceTransform(np.pad(layer.mask.astype(np.uint8), 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    level = np.clip(np.rint(depth[at[:, 0], at[:, 1]]), 1, _DEPTHS).astype(np.intp)
    seen, known = density[at[:, 0], at[:, 1]], free[at[:, 0], at[:, 1]]
    count = np.bincount(row[known], minlength=len(line))
    mean = np.bincount(row[known], seen[known], minlength=len(line)) / np.maximum(count, 1)
    # How much paler the outline is than the rows it belongs to.
    shape = np.ones(_DEPTHS + 1)
    for step in range(1, _DEPTHS + 1):
        here = known & (level == step)
        usual = mean[row[here]].sum()
        shape[step] = seen[here].sum() / usual if usual > 0 else shape[step - 1]
    paler = shape[level]
    weight = np.bincount(row[known], paler[known] ** 2, minlength=len(line))
    total = np.bincount(row[known], (paler * seen)[known], minlength=len(line))
    profile = (total / np.maximum(weight, 1e-9))[:, None]
    usual_weight = max(float(np.median(weight[weight > 0])), 1e-9) if (weight > 0).any() else 1.0
    profile = smooth(profile, weight / usual_weight, _STIFFNESS, order=2)
    # Where free rows are far, at a covered tip above all, the smooth line runs anywhere.
    typical = float(seen[known].sum() / max(float(paler[known].sum()), 1e-9))
    profile = np.clip(profile, _PALEST * typical, _DARKEST_BAND * typical)
    model: _Float = np.zeros(density.shape)
    model[at[:, 0], at[:, 1]] = paler * profile[row, 0]
    return model
