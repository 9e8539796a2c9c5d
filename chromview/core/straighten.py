"""A chromosome laid straight: resampled at right angles to its axis, one pixel a step.

Length along the axis is kept, so that sizes can be compared and measured; outside the mask
the background of the stain is put, so that neighbours do not show.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chromview.core._cv import cv2
from chromview.core.axis import find_axis, nearest, normals, resample
from chromview.core.chromosome import BoolArray, Chromosome, FloatArray, SlideImage, Stain
from chromview.core.undarken import own_shares

_Image = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Straightened:
    """One chromosome, straight, p arm up as far as known.

    Attributes
    ----------
    image
        ``(L, W)`` uint8; the background is white for a stain dark on bright, else black.
    mask
        ``(L, W)`` bool.
    axis
        ``(L, 2)`` float32: the slide position (y, x) of the middle of each row.
    centromere_row
        Row of the centromere, counted from the upper edge, or None where it is not known.
    """

    image: _Image
    mask: BoolArray
    axis: FloatArray
    centromere_row: float | None

    @property
    def length(self) -> int:
        """Rows of the image: the length in slide pixels."""
        return int(self.image.shape[0])


class Levels(NamedTuple):
    """Grey values of a slide that become black and white, ``black < white``; swapped if `inverted`."""

    black: float
    white: float
    inverted: bool = False

    def apply(self, pixels: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
        """Pixels as float32 0..255, with the stain's usual side bright."""
        scale = np.float32(255 / (self.white - self.black))
        grey: npt.NDArray[np.float32] = np.clip((pixels.astype(np.float32) - np.float32(self.black)) * scale, 0, 255)
        return 255 - grey if self.inverted else grey

    def ground(self, stain: Stain) -> float:
        """Grey value of the slide's ground."""
        return self.white if stain.bright_on_dark == self.inverted else self.black


def find_levels(image: SlideImage, stain: Stain, inverted: bool = False) -> Levels:
    """Grey levels of a slide, one pair for all its chromosomes, so that they stay comparable.

    The background, which is most of a slide, becomes pure white (or black, for a fluorescent
    stain), as laboratories print karyograms; the darkest (brightest) chromosomes keep a
    little distance from the other end.

    Parameters
    ----------
    inverted
        Whether the grey scale runs the other way than `stain` usually has it.
    """
    pixels = image.pixels
    if not pixels.size:
        return Levels(0.0, 1.0, inverted)
    step = max(1, round((pixels.size / 250_000) ** 0.5))
    sample = pixels[::step, ::step]
    low, middle, high = (float(v) for v in np.percentile(sample, (0.2, 50, 99.8)))
    bright_background = stain.bright_on_dark == inverted
    if bright_background:
        # The median is background even in a dense metaphase; a tightly cut cluster has less of it.
        background = max(middle, low + 0.8 * (high - low))
        black, white = low - 0.06 * (background - low), background
    else:
        background = min(middle, high - 0.8 * (high - low))
        black, white = background, high + 0.06 * (high - background)
    if white - black < 1e-3:
        black, white = float(np.iinfo(pixels.dtype).min), float(np.iinfo(pixels.dtype).max)
    return Levels(black, white, inverted)


def straighten_pixels(
    pixels: npt.NDArray[np.number],
    mask: BoolArray,
    axis: npt.NDArray[np.floating],
    *,
    background: float,
    margin: int = 1,
) -> tuple[npt.NDArray[np.float32], BoolArray]:
    """Pixels beside an axis, as a straight picture.

    Parameters
    ----------
    pixels
        ``(H, W)`` of any number type.
    mask
        ``(H, W)`` bool: the chromosome.
    axis
        ``(n, 2)`` points (y, x) in the same frame; sampled again at steps of one pixel.
    background
        Value outside the mask.
    margin
        Columns of background left free on each side.

    Returns
    -------
    Image ``(L, W)`` float32 in the units of `pixels` and mask ``(L, W)`` bool; L is the
    length of the axis in pixels, the axis is the middle column (W is odd).

    Raises
    ------
    ValueError
        If shapes differ or the axis has fewer than two points or no length.
    """
    if pixels.shape != mask.shape:
        raise ValueError(f"pixels {pixels.shape} and mask {mask.shape} must have one shape")
    # A row is a slice one pixel thick, sampled in its middle: L rows for an axis of length L.
    line = _row_centres(axis)
    reach = _reach(mask, line)
    offsets = np.arange(-reach, reach + 1, dtype=float)
    points = line[:, None, :] + offsets[None, :, None] * normals(line)[:, None, :]
    x, y = points[..., 1].astype(np.float32), points[..., 0].astype(np.float32)
    own = nearest(line, x, y, offsets)
    share = cv2.remap(mask.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    share = np.where(own, share, 0)
    value = cv2.remap(pixels.astype(np.float32), x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    # Cubic interpolation overshoots at steep edges; values the picture does not hold must not appear.
    value = np.clip(value, pixels.min(), pixels.max())
    inside = share > 0.5
    # The outline fades over one pixel instead of in steps.
    alpha = np.clip(1.5 * share, 0, 1).astype(np.float32)
    image = alpha * value + (1 - alpha) * np.float32(background)
    columns = np.flatnonzero((alpha > 0).any(axis=0))
    half = int(np.abs(columns - reach).max(initial=0)) + margin
    image = np.pad(image, ((0, 0), (margin, margin)), constant_values=background)
    inside = np.pad(inside, ((0, 0), (margin, margin)))
    cut = slice(reach + margin - half, reach + margin + half + 1)
    return np.ascontiguousarray(image[:, cut], dtype=np.float32), np.ascontiguousarray(inside[:, cut])


def _row_centres(axis: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    if len(axis) < 2:
        raise ValueError("an axis needs two points")
    line = resample(axis)
    if len(line) < 2:
        raise ValueError("an axis needs a length")
    return 0.5 * (line[:-1] + line[1:]) if len(line) > 2 else line


def _reach(mask: BoolArray, line: npt.NDArray[np.float64]) -> int:
    """How far the mask goes from the axis, in whole pixels."""
    away = np.full(mask.shape, 255, np.uint8)
    drawn = np.round(line[:, ::-1] * 16).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(away, [drawn], False, 0, 1, cv2.LINE_8, 4)
    if away.all() or not mask.any():
        return 1
    distance = cv2.distanceTransform(away, cv2.DIST_L2, 5)
    return int(np.ceil(distance[mask].max())) + 1


def straighten(
    image: SlideImage,
    chromosome: Chromosome,
    stain: Stain,
    *,
    inverted: bool = False,
    levels: Levels | None = None,
    share: FloatArray | None = None,
) -> Straightened:
    """One chromosome of a slide, laid straight, p arm up.

    Parameters
    ----------
    image
        The slide, uint8 or uint16.
    chromosome
        Its `axis` is used, or found from its mask; `p_up` says which end goes up.
    stain, inverted
        What the grey values mean.
    levels
        Of the slide (`find_levels`); computed if not given.
    share
        Of the stain in its pixels, what is its own (`chromview.core.undarken.own_shares`); all of it if not given.

    Raises
    ------
    ValueError
        If the mask is empty.
    """
    if not chromosome.area:
        raise ValueError(f"chromosome {chromosome.id} has an empty mask")
    levels = levels or find_levels(image, stain, inverted)
    box = chromosome.box.grown(3, image.shape)
    top, left = chromosome.box.top - box.top, chromosome.box.left - box.left
    mask = np.zeros((box.height, box.width), bool)
    mask[top : top + chromosome.mask.shape[0], left : left + chromosome.mask.shape[1]] = chromosome.mask
    background = 0.0 if stain.bright_on_dark else 255.0
    grey = levels.apply(image.pixels[box.slices])
    found = chromosome.axis is None or len(chromosome.axis) < 2
    if found or chromosome.axis is None:
        axis = find_axis(mask, (box.top, box.left), stain=np.abs(grey - np.float32(background)))
    else:
        axis = chromosome.axis
    if share is not None:
        own = grey[top : top + share.shape[0], left : left + share.shape[1]]
        own += (share - 1) * (own - np.float32(background))
    if not chromosome.p_up:
        axis = axis[::-1]
    corner = np.array([box.top, box.left], np.float32)
    straight, inside = straighten_pixels(grey, mask, axis - corner, background=background)
    row = None
    if chromosome.centromere is not None and not found:
        place = chromosome.centromere if chromosome.p_up else 1 - chromosome.centromere
        row = place * len(straight)
    return Straightened(
        np.clip(np.round(straight), 0, 255).astype(np.uint8), inside, _row_centres(axis).astype(np.float32), row
    )


def straighten_all(
    image: SlideImage,
    chromosomes: Iterable[Chromosome],
    stain: Stain,
    *,
    inverted: bool = False,
) -> dict[int, Straightened]:
    """Straightened picture of every chromosome that has a mask, by id, all with the slide's one pair of levels.

    Where chromosomes share pixels, each is shown with the estimate of its own stain.
    """
    levels = find_levels(image, stain, inverted)
    those = [c for c in chromosomes if c.area]
    shares = own_shares(image, those, stain, ground=levels.ground(stain), inverted=inverted)
    return {c.id: straighten(image, c, stain, inverted=inverted, levels=levels, share=shares.get(c.id)) for c in those}
