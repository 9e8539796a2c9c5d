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


class Surroundings:
    """What is around a point, to see where the stain ends; the edge can then be asked for again and again.

    Ground and stain are told by Otsu's threshold (1979) of the window: the median of what lies on either side.

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
    """

    def __init__(
        self,
        pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16],
        point: tuple[int, int],
        window: Box,
        *,
        dark: bool,
    ) -> None:
        self.window = window
        self._at = point[0] - window.top, point[1] - window.left
        self._stained = False
        part = pixels[window.slices]
        low, high = float(part.min()), float(part.max())
        if high <= low:
            return
        # 256 steps of the window's own range: a hundredth of what an edge is.
        scale = (-255 if dark else 255) / (high - low)
        signal = cv2.convertScaleAbs(part, alpha=scale, beta=-(high if dark else low) * scale)
        self._signal = cv2.GaussianBlur(signal, (0, 0), 1.0)
        threshold, _ = cv2.threshold(self._signal, 0, 255, cv2.THRESH_OTSU)
        counts = np.bincount(self._signal.ravel(), minlength=256)
        below, above = counts[: int(threshold) + 1], counts[int(threshold) + 1 :]
        if not below.any() or not above.any():
            return
        self._ground, stain = _median(below), int(threshold) + 1 + _median(above)
        self._depth = stain - self._ground
        # Ground alone has two sides too: those of its noise.
        every = max(1, max(pixels.shape) // 160)
        darkest, brightest = np.percentile(pixels[::every, ::every], (0.5, 99.5))
        self._here = int(self._signal[self._at]) - self._ground
        deep = self._depth * (high - low) / 255 >= LEAST_STAIN * (brightest - darkest)
        self._stained = bool(deep and self._here >= LEAST_CONTRAST * self._depth)

    def grow(self, edge: float, barrier: BoolArray | None = None) -> Placed | None:
        """The stained region around the point, to its edge, holes filled.

        The edge is where the grey value, a little smoothed, is a share `edge` of the way from ground to stain. A point
        in a light band is reached as long as it is darker than the ground.

        Parameters
        ----------
        edge
            0..1; smaller reaches further.
        barrier
            Bool of the shape of the window: pixels that may not be entered.

        Returns
        -------
        tuple of Box and bool array, or None
            None where nothing is stained at the point, or the barrier holds it.
        """
        if not self._stained:
            return None
        # A point in a light band lies under the edge of the whole: from there the edge is found lower.
        level = self._ground + min(edge * self._depth, 0.8 * self._here)
        free = self._signal > level
        if barrier is not None:
            free &= ~barrier
        if not free[self._at]:
            return None
        _, parts, stats, _ = cv2.connectedComponentsWithStats(free.astype(np.uint8), connectivity=4)
        number = int(parts[self._at])
        left, top, width, height = (int(v) for v in stats[number, :4])
        part = slice(top, top + height), slice(left, left + width)
        region = parts[part] == number
        inner = holes(region)
        if barrier is not None:
            inner &= ~barrier[part]
        box = Box(
            self.window.top + top, self.window.left + left, self.window.top + top + height,
            self.window.left + left + width,
        )  # fmt: skip
        return box, region | inner


def _median(counts: npt.NDArray[np.intp]) -> int:
    """Index that has half of the counts below it."""
    return int(np.searchsorted(np.cumsum(counts), counts.sum() / 2))
