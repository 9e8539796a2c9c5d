"""The axis of a chromosome: the smooth middle line of its mask, from tip to tip.

The way: the two points of the mask that are farthest apart inside it give a first path
(Dijkstra on the pixels, cheap where the distance to the outline is large, so that the
path keeps to the middle). The path is then moved, a few times, to the middle of the
cross-sections at right angles to it, smoothed by penalised least squares (Eilers,
"A perfect smoother", Anal. Chem. 75, 2003), and extended to the ends of the mask. The
cross-section reaches over gaps, so that two open chromatids get one axis between them; it
ends where another part of the axis is nearer, so that a folded arm does not count.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.linalg import solveh_banded
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from chromview.core._cv import cv2
from chromview.core.chromosome import BoolArray, FloatArray

_Float = npt.NDArray[np.float64]
_PAD = 3
_ROUNDS = 4


class CrossSections(NamedTuple):
    """The mask in coordinates of an axis.

    Attributes
    ----------
    inside
        ``(n, 2 * reach + 1)`` bool: whether the point `offset` pixels to the side of axis
        point i belongs to the mask and to this part of the axis.
    offsets
        ``(2 * reach + 1,)`` signed distances from the axis.
    """

    inside: BoolArray
    offsets: _Float


def arc_length(axis: npt.NDArray[np.floating]) -> _Float:
    """Distance along an axis ``(n, 2)`` from its first point to each point, ``(n,)``, in pixels."""
    along = np.zeros(len(axis), np.float64)
    steps = np.diff(axis, axis=0)
    np.cumsum(np.hypot(steps[:, 0], steps[:, 1]), out=along[1:])
    return along


def resample(axis: npt.NDArray[np.floating], step: float = 1.0) -> _Float:
    """The same polyline with points at equal distances.

    Parameters
    ----------
    axis
        ``(n, 2)`` points (y, x), n >= 1.
    step
        Wanted distance in pixels; the nearest one that divides the length is taken.

    Returns
    -------
    ``(m, 2)`` float64, m >= 2 unless the length is zero; first and last point kept.
    """
    line: _Float = np.asarray(axis, np.float64)
    along = arc_length(line)
    if along[-1] <= 0:
        return line[:1].copy()
    keep = np.concatenate([[True], np.diff(along) > 0])
    wanted = np.linspace(0, along[-1], max(2, round(along[-1] / step) + 1))
    return np.column_stack([np.interp(wanted, along[keep], line[keep, k]) for k in (0, 1)])


def tangents(axis: npt.NDArray[np.floating]) -> _Float:
    """Unit vectors (y, x) along an axis ``(n, 2)``, n >= 2."""
    difference: _Float = np.gradient(np.asarray(axis, float), axis=0)
    length = np.hypot(difference[:, 0], difference[:, 1])
    unit: _Float = difference / np.maximum(length, 1e-9)[:, None]
    return unit


def normals(axis: npt.NDArray[np.floating]) -> _Float:
    """Unit vectors (y, x) to the right-hand side of an axis that is drawn from top to bottom.

    A turn of the tangent, never a mirror, so that sampling along them keeps left and right.
    """
    along = tangents(axis)
    return np.stack([-along[:, 1], along[:, 0]], axis=1)


def smooth(points: _Float, weights: _Float, stiffness: float, order: int = 3) -> _Float:
    """Points ``(n, 2)`` smoothed by least squares with a penalty on their differences.

    Third differences let parabolas through, so bends are not cut short.

    Parameters
    ----------
    weights
        ``(n,)``, 0 where a point is not known.
    stiffness
        Length in points below which wiggles vanish.
    """
    n = len(points)
    if n <= order:
        return points.copy()
    # Half of the amplitude passes at the wavelength 2 pi * stiffness.
    penalty = float(stiffness) ** (2 * order)
    coefficients = np.diff(np.eye(order + 1), n=order, axis=0)[0]
    bands = np.zeros((order + 1, n))
    for lag in range(order + 1):
        product = coefficients[: order + 1 - lag] * coefficients[lag:]
        bands[order - lag, lag:] = np.convolve(np.ones(n - order), product)[: n - lag]
    bands *= penalty
    bands[order] += weights + 1e-9
    return np.asarray(solveh_banded(bands, points * weights[:, None] + 1e-9 * points))


def cross_sections(field: npt.NDArray[np.float32], axis: _Float, reach: int) -> CrossSections:
    """Where the mask lies to both sides of an axis.

    Parameters
    ----------
    field
        ``(h, w)`` float32, above 0.5 inside the mask.
    axis
        ``(n, 2)`` points in pixels of `field`, about one pixel apart.
    reach
        How far to look, in pixels.
    """
    offsets = np.arange(-reach, reach + 1, dtype=float)
    points = axis[:, None, :] + offsets[None, :, None] * normals(axis)[:, None, :]
    x, y = points[..., 1].astype(np.float32), points[..., 0].astype(np.float32)
    value = cv2.remap(field, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    inside = value > 0.5
    inside &= nearest(axis, x, y, offsets)
    return CrossSections(inside, offsets)


def nearest(axis: _Float, x: npt.NDArray[np.float32], y: npt.NDArray[np.float32], offsets: _Float) -> BoolArray:
    """Whether a point beside the axis has no other part of the axis nearer to it.

    Parameters
    ----------
    x, y
        ``(n, m)`` float32: the points `offsets` (m,) to the side of the n points of `axis`.

    Returns
    -------
    ``(n, m)`` bool.
    """
    low = np.floor(np.minimum([y.min(), x.min()], axis.min(axis=0))).astype(int) - 1
    high = np.ceil(np.maximum([y.max(), x.max()], axis.max(axis=0))).astype(int) + 2
    away = np.full(high - low, 255, np.uint8)
    line = np.round((axis - low)[:, ::-1] * 16).astype(np.int32)
    cv2.polylines(away, [line.reshape(-1, 1, 2)], False, 0, 1, cv2.LINE_8, 4)
    distance = cv2.distanceTransform(away, cv2.DIST_L2, 5)
    there = cv2.remap(distance, x - np.float32(low[1]), y - np.float32(low[0]), cv2.INTER_LINEAR)
    # The line is drawn in whole pixels: one and a half of tolerance.
    return np.asarray(there >= 0.97 * np.abs(offsets)[None, :] - 1.5)


def clean_mask(mask: BoolArray, pad: int = _PAD) -> npt.NDArray[np.uint8]:
    """The largest part of a mask without holes and one-pixel notches, with a border of zeros.

    Parameters
    ----------
    mask
        ``(h, w)`` bool.

    Returns
    -------
    ``(h + 2 * pad, w + 2 * pad)`` uint8, 0 or 1.
    """
    padded = np.pad(mask.astype(np.uint8), pad)
    count, parts, stats, _ = cv2.connectedComponentsWithStats(padded, connectivity=8)
    if count > 2:
        padded = (parts == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())).astype(np.uint8)
    return _without_holes(padded)


def _without_holes(mask: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Holes filled that are small against the chromosome; the eye of a ring or loop stays."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats(1 - mask, connectivity=4)
    if count > 2:
        half_width = float(cv2.distanceTransform(mask, cv2.DIST_L2, 5).max())
        area = stats[:, cv2.CC_STAT_AREA]
        fill = area <= max(4.0, 1.5 * half_width**2)
        fill[[0, parts[0, 0]]] = False
        mask = mask | fill[parts].astype(np.uint8)
    return mask


_STEPS = ((0, 1, 1.0), (1, 0, 1.0), (1, 1, 2**0.5), (1, -1, 2**0.5))


class _Ways:
    """Shortest ways inside a mask, over its pixels, that keep to the middle."""

    def __init__(self, mask: npt.NDArray[np.uint8], depth: npt.NDArray[np.float32]) -> None:
        self.number = np.full(mask.shape, -1, np.int32)
        inside = mask > 0
        self.points = np.argwhere(inside).astype(np.float64)
        self.number[inside] = np.arange(len(self.points), dtype=np.int32)
        self.depth = depth[inside]
        # Steps at the outline cost some times those in the middle of the same place.
        middle = cv2.dilate(depth, np.ones((5, 5), np.uint8))
        price = 1 + 4 * (1 - depth / np.maximum(middle, np.float32(1e-6))) ** 2 + 2 / (1 + depth)
        heads, tails, costs = [], [], []
        height, width = mask.shape
        for dy, dx, length in _STEPS:
            here = (slice(0, height - dy), slice(max(0, -dx), width - max(0, dx)))
            there = (slice(dy, height), slice(max(0, dx), width + min(0, dx)))
            both = inside[here] & inside[there]
            heads.append(self.number[here][both])
            tails.append(self.number[there][both])
            costs.append(0.5 * length * (price[here][both] + price[there][both]))
        ends = np.concatenate(heads), np.concatenate(tails)
        self.graph = csr_array((np.concatenate(costs), ends), shape=(len(self.points),) * 2)

    def longest(self) -> npt.NDArray[np.intp]:
        """Pixel numbers of the way between the two points farthest from each other."""
        start = int(np.argmax(self.depth))
        first = int(np.argmax(_finite(dijkstra(self.graph, directed=False, indices=start))))
        away, before = dijkstra(self.graph, directed=False, indices=first, return_predecessors=True)
        return self._back(int(np.argmax(_finite(away))), before)

    def branches(self, path: npt.NDArray[np.intp]) -> list[npt.NDArray[np.intp]]:
        """Ways from `path` to the points farthest from it, one for each half of the path that has any."""
        away, before, root = dijkstra(self.graph, directed=False, indices=path, return_predecessors=True, min_only=True)
        half = np.zeros(len(self.points), np.int8)
        half[path[len(path) // 2 :]] = 1
        side = half[np.maximum(root, 0)]
        away = np.where(root >= 0, _finite(away), -1.0)
        tips = [int(np.argmax(np.where(side == which, away, -1.0))) for which in (0, 1)]
        return [self._back(tip, before)[::-1] for tip in tips if away[tip] > 0]

    def _back(self, at: int, before: npt.NDArray[np.int32]) -> npt.NDArray[np.intp]:
        way = [at]
        while before[way[-1]] >= 0:
            way.append(int(before[way[-1]]))
        return np.array(way, np.intp)


def _finite(distance: _Float) -> _Float:
    return np.where(np.isfinite(distance), distance, -1.0)


def _between_prongs(ways: _Ways, path: npt.NDArray[np.intp], half_width: float) -> _Float:
    """The longest path, its ends moved to the middle between the two chromatids where these stand open.

    Open chromatids make two prongs at an end, and the longest path runs into one of them.
    A branch counts as the other prong if it is long for the width, joins the path at less
    than half of it and is about as long as the part of the path from there to the tip.
    """
    points = ways.points[path]
    line = np.full(ways.number.shape, 255, np.uint8)
    cv2.polylines(line, [points[:, ::-1].astype(np.int32).reshape(-1, 1, 2)], False, 0, 1)
    away = cv2.distanceTransform(line, cv2.DIST_L2, 3)
    if float(away[ways.number >= 0].max()) < 1.25 * half_width:
        return points
    ends: list[_Float | None] = [None, None]
    joints = [0, len(path) - 1]
    for branch in ways.branches(path):
        at = int(np.flatnonzero(path == branch[0])[0])
        side = int(at >= len(path) // 2)
        other = ways.points[branch]
        own = points[at:] if side else points[at::-1]
        lengths = float(arc_length(own)[-1]), float(arc_length(other)[-1])
        if lengths[1] < 0.8 * half_width or not 0.4 <= lengths[0] / lengths[1] <= 2.5:
            continue
        count = max(len(own), len(other))
        ends[side] = 0.5 * (_spread(own, count) + _spread(other, count))
        joints[side] = at
    head, tail = ends
    parts = [points[joints[0] : joints[1] + 1]]
    if head is not None:
        parts.insert(0, head[::-1])
    if tail is not None:
        parts.append(tail)
    return np.concatenate(parts)


def _spread(line: _Float, count: int) -> _Float:
    """`count` points at equal distances on a polyline."""
    along = arc_length(line)
    wanted = np.linspace(0, along[-1], count)
    return np.stack([np.interp(wanted, along, line[:, k]) for k in (0, 1)], axis=1)


def _straight(mask: npt.NDArray[np.uint8]) -> _Float:
    """The line through the centre along which a mask is longest, ``(n, 2)``."""
    points = np.argwhere(mask > 0).astype(float)
    centre = points.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov(points.T) if len(points) > 1 else np.eye(2))
    along = (points - centre) @ vectors[:, 1]
    return resample(np.stack([centre + along.min() * vectors[:, 1], centre + along.max() * vectors[:, 1]]))


def _trim(axis: _Float, length: float) -> _Float:
    """An axis without `length` pixels at each end."""
    along = arc_length(axis)
    keep = (along >= length) & (along <= along[-1] - length)
    return axis[keep] if np.count_nonzero(keep) >= 3 else axis


def _extend(axis: _Float, by: int, span: int, spacing: float = 1.0) -> _Float:
    """An axis lengthened by `by` points at both ends, in the direction of its last `span` points."""
    step = spacing * np.arange(1, by + 1)[:, None]
    span = min(span, len(axis) - 1)

    def direction(piece: _Float) -> _Float:
        vector = piece[-1] - piece[0]
        return np.asarray(vector / max(float(np.hypot(*vector)), 1e-9))

    head = direction(axis[span::-1] if span < len(axis) else axis[::-1])
    tail = direction(axis[-1 - span :])
    return np.concatenate([(axis[0] + step * head)[::-1], axis, axis[-1] + step * tail])


def _to_the_tips(
    field: npt.NDArray[np.float32], axis: _Float, half_width: float, reach: int
) -> tuple[_Float, BoolArray]:
    """Axis lengthened and cut to where the mask ends, and the mask across it."""
    longer = _extend(axis, round(2.5 * half_width) + 3, max(3, round(half_width)))
    inside = cross_sections(field, longer, reach).inside
    filled = np.count_nonzero(inside, axis=1) > 0
    # Only what hangs together with the middle of the axis: the line may meet another arm further on.
    middle = len(longer) // 2
    gaps = np.flatnonzero(~filled)
    first = int(gaps[gaps < middle].max(initial=-1)) + 1
    last = int(gaps[gaps > middle].min(initial=len(longer)))
    if last - first < 3:
        return axis, cross_sections(field, axis, reach).inside
    return longer[first:last], inside[first:last]


def find_axis(mask: BoolArray, origin: tuple[float, float] = (0.0, 0.0)) -> FloatArray:
    """Axis of a chromosome from its mask, smooth, from tip to tip.

    Parameters
    ----------
    mask
        ``(h, w)`` bool. If it has several parts the largest counts; small holes are filled.
    origin
        (y, x) of the mask's first pixel on the slide, added to every point.

    Returns
    -------
    ``(n, 2)`` float32 points (y, x), about one pixel apart, n >= 2. Which end comes first
    is not known from the mask: it is the one with the smaller y.

    Raises
    ------
    ValueError
        If the mask is empty.
    """
    if not mask.any():
        raise ValueError("an empty mask has no axis")
    whole = clean_mask(mask)
    depth = cv2.distanceTransform(whole, cv2.DIST_L2, 5)
    area = float(np.count_nonzero(whole))
    ways = _Ways(whole, depth)
    path = ways.longest()
    length = float(arc_length(ways.points[path])[-1])
    half_width = max(1.0, 0.5 * area / max(length, 1.0))
    axis = resample(_between_prongs(ways, path, half_width))
    straight = length < 3 or length**2 < 3.2 * area
    if straight:
        # A short one: its longest path runs from corner to corner, and its outline tells no bend.
        axis = _straight(whole)
        half_width = max(1.0, 0.5 * area / max(float(arc_length(axis)[-1]), 1.0))
    else:
        axis = _trim(axis, half_width)
    if len(axis) >= 2:
        axis = _refine(whole, axis, half_width, straight)
    if len(axis) < 2:
        axis = np.stack([axis[0] - (0.5, 0), axis[0] + (0.5, 0)])
    axis = resample(axis)
    if axis[0, 0] > axis[-1, 0]:
        axis = axis[::-1]
    return np.ascontiguousarray(axis - _PAD + np.asarray(origin, float), dtype=np.float32)


def _refine(mask: npt.NDArray[np.uint8], axis: _Float, half_width: float, straight: bool) -> _Float:
    """Axis moved to the middle of its cross-sections, smooth, and reaching to the tips."""
    field = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.7)
    reach = round(2.5 * half_width) + 3
    # A short one stays a straight line: third differences, which let a parabola through, are for the others.
    stiffness, order = (4 * half_width, 2) if straight else (max(1.5, 0.7 * half_width), 3)
    axis = resample(axis)
    axis = resample(smooth(axis, np.ones(len(axis)), stiffness, order))
    for _ in range(_ROUNDS):
        axis, inside = _to_the_tips(field, axis, half_width, reach)
        if len(axis) < 4:
            break
        count = np.count_nonzero(inside, axis=1)
        columns = inside.shape[1]
        low = np.argmax(inside, axis=1)
        high = columns - 1 - np.argmax(inside[:, ::-1], axis=1)
        middle = 0.5 * (low + high) - reach
        # The caps are round and ragged: their middle says little about the direction.
        edge = np.minimum(np.arange(len(axis)), np.arange(len(axis))[::-1]) / max(half_width, 1.0)
        weights = np.where(count > 0, np.clip(edge, 0.05, 1.0), 0.0) * _both_prongs(low, high, count)
        middle = np.clip(np.where(count > 0, middle, 0.0), -half_width, half_width)
        moved = axis + middle[:, None] * normals(axis)
        axis = resample(smooth(moved, weights, stiffness, order))
    axis, _ = _to_the_tips(field, axis, half_width, reach)
    # The points are middles of pixels: the tips are half a pixel further.
    return _extend(axis, 1, max(2, round(half_width)), 0.5) if len(axis) > 1 else axis


def _both_prongs(low: npt.NDArray[np.intp], high: npt.NDArray[np.intp], count: npt.NDArray[np.intp]) -> _Float:
    """Weight ``(n,)`` of each cross-section: almost none past the end of the shorter of two prongs.

    There only the longer one is left, and its middle is not the middle of the chromosome.
    """
    weight = np.ones(len(low))
    width = high - low + 1
    open_rows = np.flatnonzero(width - count >= 2)
    if len(open_rows):
        first, last = int(open_rows[0]), int(open_rows[-1])
        middle = len(low) // 2
        if first < middle:
            weight[:first][width[:first] < 0.8 * width[first]] = 1e-3
        if last >= middle:
            weight[last + 1 :][width[last + 1 :] < 0.8 * width[last]] = 1e-3
    return weight
