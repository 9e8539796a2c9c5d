"""Enhancement of the view: an even ground, local contrast, sharper edges. It makes new pixels and changes none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chromview.core._cv import cv2

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

_SMALL = 128
"""Longer side of the copy on which the ground is found."""
_DEGREE = 3
_ROUNDS = 8
_CLIP = 2.5
_TILES = 8
_SHARPEN_SIGMA = 1.2
_SHARPEN = 0.9


@dataclass(frozen=True, slots=True)
class Enhancement:
    """What is done, in this order.

    Attributes
    ----------
    background
        The ground is made even: its slow changes over the slide are taken away.
    contrast
        Contrast is stretched in each part of the slide (CLAHE: Zuiderveld, Graphics Gems IV, 1994).
    sharpen
        Edges are made steeper (unsharp mask).
    """

    background: bool = False
    contrast: bool = False
    sharpen: bool = False

    def __bool__(self) -> bool:
        return self.background or self.contrast or self.sharpen


def enhance(pixels: Pixels, how: Enhancement) -> Pixels:
    """The slide enhanced.

    Parameters
    ----------
    pixels
        ``(H, W)`` uint8 or uint16; not changed.
    how
        What is done.

    Returns
    -------
    A new array of the same shape and dtype, or `pixels` itself if nothing is to be done.
    """
    result = pixels
    if not pixels.size:
        return result
    if how.background:
        result = _even(result)
    if how.contrast:
        result = cv2.createCLAHE(_CLIP, (_TILES, _TILES)).apply(result)
    if how.sharpen:
        blurred = cv2.GaussianBlur(result, (0, 0), _SHARPEN_SIGMA)
        result = cv2.addWeighted(result, 1 + _SHARPEN, blurred, -_SHARPEN, 0)
    return result


def _even(pixels: Pixels) -> Pixels:
    """Without the slow changes of the ground; its mean stays."""
    height, width = pixels.shape
    factor = max(1.0, max(height, width) / _SMALL)
    size = max(1, round(width / factor)), max(1, round(height / factor))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    ground = _surface(small)
    shift = cv2.resize(np.float32(ground.mean()) - ground, (width, height), interpolation=cv2.INTER_LINEAR)
    depth = cv2.CV_8U if pixels.dtype == np.uint8 else cv2.CV_16U
    evened: Pixels = cv2.add(pixels, shift, dtype=depth)  # rounds, and stays between black and white
    return evened


def _surface(grey: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """A cubic surface through the ground: fitted again and again without what lies far from it, which is stained."""
    y, x = (np.linspace(-1, 1, side) for side in grey.shape)
    powers = [(i, j) for i in range(_DEGREE + 1) for j in range(_DEGREE + 1 - i)]
    terms = np.stack([np.outer(y**i, x**j).ravel() for i, j in powers], axis=1)
    values = grey.ravel().astype(np.float64)
    kept = np.abs(values - np.median(values)) <= np.percentile(np.abs(values - np.median(values)), 75)
    surface = np.full(values.shape, np.median(values))
    for _ in range(_ROUNDS):
        if np.count_nonzero(kept) < 2 * len(powers):
            break
        some = terms[kept]
        # The few terms are of one size on -1..1, so the normal equations are safe, and far faster than a decomposition.
        surface = terms @ np.linalg.lstsq(some.T @ some, some.T @ values[kept], rcond=None)[0]
        away = np.abs(values - surface)
        kept = away <= max(1.0, 3 * float(np.median(away)))
    return surface.reshape(grey.shape).astype(np.float32)
