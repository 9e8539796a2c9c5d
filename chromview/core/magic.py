"""Magic outline: from one point of a stained thing to its edge."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chromview.core._cv import cv2
from chromview.core.chromosome import BoolArray, Box
from chromview.core.edit_masks import Placed, holes

LEAST_CONTRAST = 0.12
"""Share of the way from ground to stain that a point must be at."""
LEAST_STAIN = 0.15
"""Share of the grey range of the slide by which the stain of the surroundings must differ from the ground."""


def grow(
    pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16],
    point: tuple[int, int],
    window: Box,
    *,
    dark: bool,
    edge: float,
    barrier: BoolArray | None = None,
) -> Placed | None:
    """The stained region around a point, to its edge, holes filled.

    The edge is where the grey value, a little smoothed, is a share `edge` of the way from the ground of the
    surroundings to their stain. Both are told by Otsu's threshold (1979) of the window: the median of what lies on
    either side. A point in a light band is reached as long as it is darker than the ground.

    Parameters
    ----------
    pixels
        ``(H, W)`` grey values of the slide.
    point
        (y, x) slide pixel to begin at; inside `window`.
    window
        What may be reached, and what ground and stain are told from.
    dark
        Whether stain is darker than the ground.
    edge
        0..1; smaller reaches further.
    barrier
        Bool of the shape of `window`: pixels that may not be entered.

    Returns
    -------
    tuple of Box and bool array, or None
        None where nothing is stained at the point, or the barrier holds it.
    """
    y, x = point[0] - window.top, point[1] - window.left
    signal = pixels[window.slices].astype(np.float32)
    if dark:
        signal = float(signal.max()) - signal
    low, high = float(signal.min()), float(signal.max())
    if high <= low:
        return None
    signal = cv2.GaussianBlur((signal - low) / (high - low), (0, 0), 1.0)
    threshold, _ = cv2.threshold(np.clip(signal * 255, 0, 255).astype(np.uint8), 0, 255, cv2.THRESH_OTSU)
    stained = signal * 255 > threshold
    if stained.all() or not stained.any():
        return None
    ground, stain = float(np.median(signal[~stained])), float(np.median(signal[stained]))
    # Ground alone has two sides too: those of its noise.
    every = max(1, max(pixels.shape) // 160)
    darkest, brightest = np.percentile(pixels[::every, ::every], (0.5, 99.5))
    if (stain - ground) * (high - low) < LEAST_STAIN * (brightest - darkest):
        return None
    here = float(signal[y, x])
    if here < ground + LEAST_CONTRAST * (stain - ground):
        return None
    # A point in a light band lies under the edge of the whole: from there the edge is found lower.
    level = min(ground + edge * (stain - ground), ground + 0.8 * (here - ground))
    open_ = signal > level
    if barrier is not None:
        open_ &= ~barrier
    if not open_[y, x]:
        return None
    _, parts = cv2.connectedComponents(open_.astype(np.uint8), connectivity=4)
    region = parts == parts[y, x]
    inner = holes(region)
    if barrier is not None:
        inner &= ~barrier
    region |= inner
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    box = Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
    placed = Box(box.top + window.top, box.left + window.left, box.bottom + window.top, box.right + window.left)
    return placed, region[box.slices].copy()
