"""The canvas a chromosome is classified on: straight, at its true size relative to its cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from chromview.core.axis import find_axis
from chromview.core.chromosome import BoolArray
from chromview.core.straighten import straighten_pixels

SHEET = (184, 56)
"""Rows and columns of the sheet that a straightened chromosome is kept on, in slide pixels."""
CANVAS = (144, 40)
"""Rows and columns of what the network sees."""
MEDIAN_LENGTH = 64.0
"""Length on the canvas that the median chromosome of a cell is brought to, pixels."""
WHOLE_CELL = 10
"""Chromosomes by which the scale and the brightness of a cell can be told."""


class Sheet(NamedTuple):
    """A chromosome laid straight, as the classifier reads it.

    Attributes
    ----------
    image
        ``SHEET`` uint8, its first axis point up, brought to one brightness.
    length
        Of its axis, slide pixels.
    level
        80th percentile of its stain, in the unit it was given in.
    """

    image: npt.NDArray[np.uint8]
    length: float
    level: float


def to_sheet(darkness: npt.NDArray[np.number], mask: BoolArray, axis: npt.NDArray[np.floating] | None = None) -> Sheet:
    """Lay one chromosome straight on a sheet, its first axis point up.

    Parameters
    ----------
    darkness
        ``(h, w)``, any unit that rises with stain; brought to 0..255 here by the 80th percentile.
    mask
        ``(h, w)`` bool, not empty.
    axis
        ``(n, 2)`` points (y, x); found, upper end first, if None.

    Returns
    -------
    Sheet
        With the chromosome in its middle; longer ones are shrunk to fit.
    """
    if axis is None:
        axis = canvas_axis(mask, stain=darkness.astype(np.float32))
    straight, inside = straighten_pixels(darkness.astype(np.float32), mask, axis, background=0.0, margin=0)
    length = float(straight.shape[0])
    if straight.shape[0] > SHEET[0]:
        factor = SHEET[0] / straight.shape[0]
        size = SHEET[0], max(1, round(straight.shape[1] * factor))
        straight = _resized(straight, size)
        inside = _resized(inside.astype(np.float32), size) > 0.5
    level = float(np.percentile(straight[inside], 80)) if inside.any() else 0.0
    straight = np.clip(straight * (178.0 / max(level, 1e-6)), 0, 255)
    extra = straight.shape[1] - SHEET[1]
    if extra > 0:
        straight = straight[:, extra // 2 : extra // 2 + SHEET[1]]
    sheet = np.zeros(SHEET, np.uint8)
    top, left = (SHEET[0] - straight.shape[0]) // 2, (SHEET[1] - straight.shape[1]) // 2
    sheet[top : top + straight.shape[0], left : left + straight.shape[1]] = np.rint(straight)
    return Sheet(sheet, length, level)


def _resized(image: npt.NDArray[np.float32], size: tuple[int, int]) -> npt.NDArray[np.float32]:
    tensor = torch.from_numpy(image)[None, None]
    return F.interpolate(tensor, size=size, mode="bilinear", align_corners=False)[0, 0].numpy()


def canvas_axis(
    mask: BoolArray, usual: float | None = None, stain: npt.NDArray[np.floating] | None = None
) -> npt.NDArray[np.float32]:
    """Axis ``(n, 2)`` of a mask, its upper end first; `usual` width on the slide and `stain` as in `find_axis`."""
    return upper_end_first(find_axis(mask, usual_width=usual, stain=stain))


def upper_end_first(axis: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The axis ``(n, 2)`` so that its upper end (smaller y) comes first."""
    return axis if axis[0, 0] <= axis[-1, 0] else np.ascontiguousarray(axis[::-1])


def canvases(
    sheets: Tensor,
    scales: Tensor,
    *,
    turn: Tensor | None = None,
    shift: Tensor | None = None,
    stretch: Tensor | None = None,
    warp: Tensor | None = None,
) -> Tensor:
    """Sheets as the network sees them.

    Parameters
    ----------
    sheets
        ``(N, 1, *SHEET)`` uint8.
    scales
        ``(N,)`` canvas pixels for one sheet pixel.
    turn, shift, stretch, warp
        For training: ``(N,)`` radians; ``(N, 2)`` canvas pixels (x, y); ``(N,)`` factor on the width;
        ``(N, CANVAS[0])`` sheet pixels by which each row is taken from farther down.

    Returns
    -------
    ``(N, 1, *CANVAS)`` float32, darkness with 0.7 at the 80th percentile.
    """
    n = sheets.shape[0]
    zero, one = torch.zeros(n), torch.ones(n)
    angle = zero if turn is None else turn
    wide = one if stretch is None else stretch
    cosine, sine = torch.cos(angle), torch.sin(angle)
    offset = torch.zeros(n, 2) if shift is None else shift
    # grid_sample asks, for every canvas point, where on the sheet it lies; both run from -1 to 1.
    (sheet_h, sheet_w), (canvas_h, canvas_w) = SHEET, CANVAS
    across, along = 1 / (scales * wide), 1 / scales
    theta = torch.stack(
        (
            torch.stack(
                (cosine * across * canvas_w / sheet_w, -sine * across * canvas_h / sheet_w, offset[:, 0] * 2 / sheet_w),
                1,
            ),
            torch.stack(
                (sine * along * canvas_w / sheet_h, cosine * along * canvas_h / sheet_h, offset[:, 1] * 2 / sheet_h), 1
            ),
        ),
        1,
    )
    grid = F.affine_grid(theta, [n, 1, *CANVAS], align_corners=False)
    if warp is not None:
        grid[..., 1] += warp[:, :, None] * (2 / sheet_h)
    return F.grid_sample(sheets.float() / 255.0, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def cell_scales(lengths: Sequence[float] | npt.NDArray[np.floating], cells: Sequence[str] | None) -> Tensor:
    """Canvas pixels for one slide pixel, from the median length of each cell, ``(N,)`` float32.

    A cell of fewer than `WHOLE_CELL` chromosomes says too little about its scale; for those the median over
    everything given is taken, and the native scale of the G-banded set (1) if that is few as well.
    """
    values = np.asarray(lengths, float)
    result = np.ones(len(values), np.float32)
    if len(values) >= WHOLE_CELL:
        result[:] = MEDIAN_LENGTH / np.median(values)
    for members in _members(cells):
        result[members] = MEDIAN_LENGTH / np.median(values[members])
    return torch.from_numpy(result)


def cell_brightness(levels: Sequence[float] | npt.NDArray[np.floating], cells: Sequence[str] | None) -> Tensor:
    """How much brighter than the median of its cell each chromosome shines, natural logarithm, ``(N,)`` float32.

    Of a fluorescent stain, which adds up: 19 and 22, poor in AT, are darker than others, the Y is brighter.
    NaN in cells of fewer than `WHOLE_CELL` chromosomes, without cells, and for chromosomes of no stain.
    """
    values = np.asarray(levels, float)
    result = torch.full((len(values),), torch.nan)
    for members in _members(cells):
        result[members] = brightness_against(values[members], values[members])
    return result


def brightness_against(
    levels: Sequence[float] | npt.NDArray[np.floating], cell: Sequence[float] | npt.NDArray[np.floating]
) -> Tensor:
    """How much brighter than the median of a whole cell chromosomes shine, as of `cell_brightness`."""
    values, usual = (np.log(np.maximum(np.asarray(some, float), 1e-9)) for some in (levels, cell))
    result = np.where(np.asarray(levels) > 0, values - np.median(usual), np.nan)
    return torch.from_numpy(result.astype(np.float32))


def _members(cells: Sequence[str] | None) -> list[npt.NDArray[np.bool_]]:
    """Which chromosomes make up each cell that is large enough."""
    names = np.asarray([] if cells is None else cells)
    each = [names == name for name in np.unique(names)]
    return [members for members in each if members.sum() >= WHOLE_CELL]
