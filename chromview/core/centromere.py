"""Where the centromere is: from the narrowing of a straightened chromosome, and where chromatids join.

At the centromere the outline narrows and, where the chromatids stand open, the gap between
them closes. Both show in one number for each row: how far the stain is spread to the sides
of the row's middle. The centromere is the row where that number is small against what it is
in both arms. What is known of human chromosomes settles what the outline leaves open: the
prior over all classes, or over the one class if it is known.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from chromview.core.chromosome import BoolArray
from chromview.core.karyotype import ARMS

_Float = npt.NDArray[np.float64]

_SPREAD = 0.045
"""Standard deviation of the centromere's place between chromosomes of one class, as a share of the length."""
_WEIGHT = 15.0
"""Log odds that a row as narrow as nothing would speak for the centromere."""
_POSITIONS = 101


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


@lru_cache(maxsize=64)
def _prior(number: int, p_up: bool | None) -> _Float:
    """Log of how likely each of 101 positions from the top is, for a class (0: any) and polarity (None: either)."""
    position = np.linspace(0, 1, _POSITIONS)
    total = np.zeros(_POSITIONS)
    for arms in ARMS if number == 0 else (ARMS[number - 1],):
        for up in (True, False) if p_up is None else (p_up,):
            expected = arms.centromere_index if up else 1 - arms.centromere_index
            total += np.exp(-0.5 * ((position - expected) / _SPREAD) ** 2)
    log: _Float = np.log(total / total.max() + (0.02 if number == 0 else 1e-4))
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
    number: int = 0,
    p_up: bool | None = None,
) -> tuple[float, float]:
    """Position of the centromere of a straightened chromosome.

    Parameters
    ----------
    image, mask
        ``(L, W)`` picture and mask, the axis from top to bottom.
    bright_on_dark
        Whether stain is bright.
    number
        Class 1..24 if it is known, else 0.
    p_up
        Whether the p arm is at the top, or None if that is not known.

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
    profile = narrowing(spread_profile(image[first:last], mask[first:last], bright_on_dark))
    inner = (np.arange(len(profile)) + 0.5) / len(profile)
    evidence = _WEIGHT * profile + np.interp(inner, np.linspace(0, 1, _POSITIONS), _prior(number, p_up))
    share = np.exp(evidence - evidence.max())
    share /= share.sum()
    best = int(np.argmax(gaussian_filter1d(share, max(0.5, 0.015 * len(profile)), mode="constant")))
    near = np.abs(inner - inner[best]) <= max(0.05, 1.01 / len(profile))
    position = float((share * inner)[near].sum() / share[near].sum())
    confidence = float(share[near].sum())
    return (first + position * (last - first)) / mask.shape[0], confidence
