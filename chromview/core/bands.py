"""How clearly the bands of chromosomes are seen."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from chromview.core.chromosome import BoolArray

Profile = npt.NDArray[np.float64]

TIP = 4
"""Pixels of the canonical scale at either end of a profile, where the stain ends and not a band."""
LEAST_STEP = 0.02
"""Darkness by which a band stands out from its neighbours at least; less is noise."""
FEWEST = 5
"""Chromosomes that tell the clarity of a slide at least."""


def band_profile(straight: npt.NDArray[np.floating], inside: BoolArray, factor: float = 1.0) -> Profile:
    """Stain along a straightened chromosome.

    Parameters
    ----------
    straight, inside
        ``(length, width)``: darkness (0 ground, about 0.7 chromosome), and where the chromosome is.
    factor
        Canonical pixels for one pixel of the picture.

    Returns
    -------
    ``(n,)`` mean darkness across the chromosome, one value for each canonical pixel of its length.
    """
    count = inside.sum(axis=1)
    rows = np.flatnonzero(count)
    if len(rows) < 2:
        return np.zeros(0)
    along = (straight * inside).sum(axis=1)[rows] / count[rows]
    length = max(2, round(len(rows) * factor))
    return np.asarray(np.interp(np.linspace(0, len(rows) - 1, length), np.arange(len(rows)), along), np.float64)


def band_contrast(profile: Profile) -> float:
    """Contrast of neighbouring bands of one chromosome, 0 (none) to 1.

    The median of ``(dark - light) / (dark + light)`` over neighbouring extremes of the profile: the contrast of
    fringes after Michelson (Studies in Optics, 1927), with the stain in place of the light.

    Parameters
    ----------
    profile
        As of `band_profile`.
    """
    smooth = gaussian_filter1d(profile, 1.0, mode="nearest")[TIP:-TIP] if len(profile) > 2 * TIP else np.zeros(0)
    if len(smooth) < 3:
        return 0.0
    dark, light = (find_peaks(sign * smooth, prominence=LEAST_STEP)[0] for sign in (1, -1))
    places = np.sort(np.concatenate([dark, light]))
    if len(places) < 2:
        return 0.0
    first, second = smooth[places[:-1]], smooth[places[1:]]
    return float(np.median(np.abs(first - second) / np.maximum(first + second, 1e-6)))


def band_clarity(profiles: Iterable[Profile]) -> float | None:
    """Median contrast of the bands of the chromosomes of a slide; None of fewer than `FEWEST` chromosomes."""
    values = [band_contrast(profile) for profile in profiles if len(profile) > 3 * TIP]
    return round(float(np.median(values)), 3) if len(values) >= FEWEST else None
