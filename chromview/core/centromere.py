"""Where the centromere is: from the narrowing of a straightened chromosome, where chromatids join, and its bands.

At the centromere the outline narrows and, where the chromatids stand open, the gap between
them closes. Both show in one number for each row: how far the stain is spread to the sides
of the row's middle. The centromere is the row where that number is small against what it is
in both arms. What is known of human chromosomes settles what the outline leaves open: where
the centromere of a class is, over all classes or the one that is known. How much each class, and
each way up, counts is told by the bands: how well they agree with its ideogram. That finds the
right end of acrocentric chromosomes, whose outline hardly narrows anywhere.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from chromview.core.chromosome import BoolArray
from chromview.core.ideogram import Band, load_ideograms
from chromview.core.karyotype import ARMS

_Float = npt.NDArray[np.float64]

_SPREAD = 0.045
"""Standard deviation of the centromere's place between chromosomes of one class, as a share of the length."""
_WEIGHT = 15.0
"""Log odds that a row as narrow as nothing would speak for the centromere."""
_POSITIONS = 101
_FLOOR, _FLOOR_OF_CLASS = 0.02, 1e-4
"""What the prior leaves to a place where no class, or not the known class, has its centromere."""

_BANDS = 100
"""Steps of a band profile along the chromosome."""
_TIPS = slice(4, -4)
"""Steps that are compared: tips fade into the ground."""
_BELIEF = 8.0
"""Log odds of a class, and of its way up, for one whole unit of correlation with its ideogram.

Where the log likelihood of class and polarity of 600 real G-banded chromosomes (training set) is
highest; simulated ones would have it at 10."""
_CONTRAST = 0.14
"""Relative standard deviation of a profile from which on its bands are believed so much.

Nine of ten G- and Q-banded chromosomes have it, and half of it is usual for DAPI, where grain and
pale tips weigh as much as bands."""
_SHIFTS, _STRETCHES = (-0.03, -0.015, 0.0, 0.015, 0.03), (0.96, 1.0, 1.04)
"""By how much an axis may be off, as shares of its length, when bands are compared."""
_FADE = 0.0145
"""Blur of an ideogram, as a share of the length of chromosome 1 (1.5 pixels of 104)."""


def spread_profile(image: npt.NDArray[np.number], mask: BoolArray, bright_on_dark: bool) -> _Float:
    """How far the stain reaches to the sides, for each row of a straightened chromosome.

    Parameters
    ----------
    image, mask
        ``(L, W)``; rows without mask count as empty.
    bright_on_dark
        Whether stain is bright.

    Returns
    -------
    ``(L,)`` float64 in pixels: twice the root mean square distance of the stain from the
    row's middle, times the square root of 3, which is the width of an evenly stained row.
    """
    value = np.where(mask, image, 0).astype(np.float64)
    if not bright_on_dark:
        top = float(image.max()) if image.size else 0.0
        value = np.where(mask, top - image.astype(np.float64), 0)
    # A little of the plain outline keeps pale rows from being all noise.
    weight = value + 0.15 * max(float(value.max(initial=0.0)), 1e-6) * mask
    x = np.arange(weight.shape[1], dtype=float)
    mass = weight.sum(axis=1)
    some = mass > 0
    mass = np.where(some, mass, 1.0)
    middle = (weight @ x) / mass
    variance = (weight @ x**2) / mass - middle**2
    return np.where(some, np.sqrt(12 * np.maximum(variance, 0)), 0.0)


def band_profile(image: npt.NDArray[np.number], mask: BoolArray, bright_on_dark: bool) -> _Float:
    """Mean stain of each row of a straightened chromosome.

    Parameters
    ----------
    image, mask
        ``(L, W)``.
    bright_on_dark
        Whether stain is bright.

    Returns
    -------
    ``(L,)`` float64 in grey values, more for more stain; 0 for rows without mask.
    """
    value = image.astype(np.float64)
    stain = value if bright_on_dark else float(value.max(initial=0.0)) - value
    profile: _Float = np.where(mask, stain, 0).sum(axis=1) / np.maximum(np.count_nonzero(mask, axis=1), 1)
    return profile


def _darkness(band: Band) -> float:
    """How dark a band of an ideogram is expected to stain, 0..1 and a little below for stalks."""
    return {"gneg": 0.0, "acen": 0.3, "gvar": 0.55, "stalk": -0.2}.get(band.stain, band.density / 100)


@cache
def _templates() -> _Float:
    """Band profiles of the 24 ideograms, p arm up and then down, ``(2, 24, steps)``, mean 0 and length 1."""
    fine = 4
    rows = []
    for ideogram in load_ideograms(550):
        profile = ideogram.profile(_darkness, fine * _BANDS)
        fade = _FADE * fine * _BANDS * load_ideograms(550)[0].length / ideogram.length
        rows.append(gaussian_filter1d(profile, fade, mode="nearest").reshape(_BANDS, fine).mean(axis=1))
    up = np.array(rows)
    return _unit(np.stack([up, up[:, ::-1]])[..., _TIPS])


def _unit(profiles: _Float) -> _Float:
    centred = profiles - profiles.mean(axis=-1, keepdims=True)
    result: _Float = centred / np.maximum(np.linalg.norm(centred, axis=-1, keepdims=True), 1e-9)
    return result


def band_agreement(profile: npt.NDArray[np.number]) -> _Float:
    """How well the bands of a chromosome agree with each ideogram.

    Parameters
    ----------
    profile
        ``(L,)`` from `band_profile`, from tip to tip.

    Returns
    -------
    ``(2, 24)`` float64: correlation -1..1 with classes 1..24, the first row with the p arm at the
    beginning of the profile, the second with it at the end. The best of a few small shifts and
    stretches counts. 0 everywhere for a profile of less than four rows.
    """
    if len(profile) < 4:
        return np.zeros((2, 24))
    at = (np.arange(_BANDS) + 0.5) / _BANDS
    rows = (np.arange(len(profile)) + 0.5) / len(profile)
    warped = [
        np.interp((at - 0.5) / stretch + 0.5 + shift, rows, profile) for shift in _SHIFTS for stretch in _STRETCHES
    ]
    found = _unit(np.array(warped, np.float64)[:, _TIPS])
    agreement: _Float = (_templates() @ found.T).max(axis=-1)
    return agreement


@cache
def _places() -> _Float:
    """How likely each of 101 positions is for each class, p arm up and then down, ``(2, 24, 101)``."""
    position = np.linspace(0, 1, _POSITIONS)
    index = np.array([arms.centromere_index for arms in ARMS])
    expected = np.stack([index, 1 - index])[..., None]
    likely: _Float = np.exp(-0.5 * ((position - expected) / _SPREAD) ** 2)
    return likely


def _belief(profile: _Float) -> _Float:
    """Log odds ``(2, 24)`` of polarity and class from a band profile; less where bands hardly show."""
    inner = profile[len(profile) // 10 : len(profile) - len(profile) // 10]
    contrast = float(inner.std() / max(float(inner.mean()), 1e-9))
    return _BELIEF * min(1.0, contrast / _CONTRAST) ** 2 * band_agreement(profile)


def _prior(belief: _Float, classes: npt.NDArray[np.floating] | None, p_up: float) -> _Float:
    """Log of how likely each of 101 positions is, from the bands and what is known of class and polarity."""
    known = np.full(24, 1 / 24) if classes is None else np.asarray(classes, float)
    weight = np.exp(belief - belief.max()) * known * np.array([[p_up], [1 - p_up]])
    total = (weight[..., None] * _places()).sum(axis=(0, 1))
    floor = _FLOOR + (_FLOOR_OF_CLASS - _FLOOR) * (known.max() - 1 / 24) / (1 - 1 / 24)
    log: _Float = np.log(total / total.max() + floor)
    return log


def narrowing(spread: _Float) -> _Float:
    """How much narrower each row is than the arms above and below it.

    Parameters
    ----------
    spread
        ``(L,)`` from `spread_profile`.

    Returns
    -------
    ``(L,)`` float64, 0 where a row is not narrower than one of its sides, towards 1 where it
    is much narrower than both.
    """
    length = len(spread)
    smooth = gaussian_filter1d(spread, max(0.8, 0.012 * length), mode="nearest")
    above = np.maximum.accumulate(smooth)
    below = np.maximum.accumulate(smooth[::-1])[::-1]
    # The widest place near counts as well as the widest of the whole arm.
    size = 2 * max(2, round(0.2 * length)) + 1
    near = maximum_filter1d(smooth, size, mode="nearest")
    shoulder = np.minimum(np.minimum(above, below), near)
    result: _Float = np.clip(1 - smooth / np.maximum(shoulder, 1e-6), 0, 1)
    return result


def find_centromere(
    image: npt.NDArray[np.number],
    mask: BoolArray,
    bright_on_dark: bool,
    *,
    classes: npt.NDArray[np.floating] | None = None,
    p_up: float = 0.5,
) -> tuple[float, float]:
    """Position of the centromere of a straightened chromosome.

    Parameters
    ----------
    image, mask
        ``(L, W)`` picture and mask, the axis from top to bottom.
    bright_on_dark
        Whether stain is bright.
    classes
        ``(24,)`` probability of each class, if something is known of it.
    p_up
        Probability that the p arm is at the top.

    Returns
    -------
    Position from the top, 0..1 of the length, and a confidence 0..1: the share of the
    evidence that lies within 5 % of the length around that position. A mask without rows gives
    ``(0.5, 0.0)``.
    """
    rows = np.flatnonzero(mask.any(axis=1))
    if len(rows) < 3:
        return 0.5, 0.0
    first, last = int(rows[0]), int(rows[-1]) + 1
    whole = image[first:last], mask[first:last], bright_on_dark
    profile = narrowing(spread_profile(*whole))
    inner = (np.arange(len(profile)) + 0.5) / len(profile)
    prior = _prior(_belief(band_profile(*whole)), classes, p_up)
    evidence = _WEIGHT * profile + np.interp(inner, np.linspace(0, 1, _POSITIONS), prior)
    share = np.exp(evidence - evidence.max())
    share /= share.sum()
    best = int(np.argmax(gaussian_filter1d(share, max(0.5, 0.015 * len(profile)), mode="constant")))
    near = np.abs(inner - inner[best]) <= max(0.05, 1.01 / len(profile))
    position = float((share * inner)[near].sum() / share[near].sum())
    confidence = float(share[near].sum())
    return (first + position * (last - first)) / mask.shape[0], confidence
