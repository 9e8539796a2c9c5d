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

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from chromview.core._cv import cv2
from chromview.core.chromosome import BoolArray, FloatArray
from chromview.core.curves import Points, arc_length, normals, resample, smooth, tangents
from chromview.core.tube import fit_tube
from chromview.core.ways import Ways, between_prongs

__all__ = [
    "CrossSections",
    "arc_length",
    "cross_sections",
    "find_axis",
    "nearest",
    "normals",
    "resample",
    "smooth",
    "tangents",
    "usual_width",
]

_PAD = 3
_ROUNDS = 3
_BENT = 1.2
"""Turn of an axis, radians, from which on the inner side of its bend is looked at."""
_TUBE, _TUBE_SHORT = 0.7, 0.5
"""Turn of an axis, radians, from which on it is that of a tube fitted to the outline; of those shorter than
four widths."""
_TURN, _MORE = 1.4, 1.5
"""Turn of a tube, radians, from which on it counts, and by how much it may be more than that of the middles of
cross-sections."""
_NO_TUBE = 0.06
"""Mean distance of an outline from its tube, in widths, from which on it is none, as with open chromatids."""
_PALE = 0.25
"""Share of a chromosome's own stain (80th percentile) below which a pixel between two arms is none of it."""


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
    offsets: Points


def cross_sections(field: npt.NDArray[np.float32], axis: Points, reach: int) -> CrossSections:
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
    along = tangents(axis)
    if (along @ along.mean(axis=0)).min() < 0.8:
        # Only an axis that turns can come near itself again.
        inside &= nearest(axis, x, y, offsets)
    return CrossSections(inside, offsets)


def nearest(axis: Points, x: npt.NDArray[np.float32], y: npt.NDArray[np.float32], offsets: Points) -> BoolArray:
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
    distance = cv2.distanceTransform(away, cv2.DIST_L2, 3)
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


def _holes(mask: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Numbered parts outside a mask that has a border of zeros, and the area of each; holes from 2 on."""
    _, parts, stats, _ = cv2.connectedComponentsWithStats(1 - mask, connectivity=4)
    # The border is the first that the numbering meets: after 0, the mask itself.
    return parts, stats[:, cv2.CC_STAT_AREA]


def _without_holes(mask: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Holes filled that are small against the chromosome, after bridges that close them were cut.

    Arms of a folded chromosome, and chromatids, touch over a few pixels and enclose a hole; a
    bridge that an opening removes without losing anything else was no part of the chromosome.
    The eye of a ring or a loop stays.
    """
    parts, area = _holes(mask)
    if len(area) <= 2:
        return mask
    half_width = float(cv2.distanceTransform(mask, cv2.DIST_L2, 5).max())
    if half_width >= 4 and area[2:].max() >= 6:
        size = 5 if half_width >= 6 else 3
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
        opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, disc)
        fewer, left = _holes(opened)
        if left[2:].sum() < 0.5 * area[2:].sum() and _in_one(opened, 0.93 * float(np.count_nonzero(mask))):
            mask, parts, area = opened, fewer, left
    fill = area <= max(4.0, 1.5 * half_width**2)
    fill[:2] = False
    return mask | fill[parts].astype(np.uint8)


def _in_one(mask: npt.NDArray[np.uint8], area: float) -> bool:
    """Whether a mask is one part of at least `area` pixels."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    return count == 2 and float(stats[1, cv2.CC_STAT_AREA]) >= area


def _straight(mask: npt.NDArray[np.uint8]) -> Points:
    """The line through the centre along which a mask is longest, ``(n, 2)``."""
    points = np.argwhere(mask > 0).astype(float)
    centre = points.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov(points.T) if len(points) > 1 else np.eye(2))
    along = (points - centre) @ vectors[:, 1]
    return resample(np.stack([centre + along.min() * vectors[:, 1], centre + along.max() * vectors[:, 1]]))


def _trim(axis: Points, length: float) -> Points:
    """An axis without `length` pixels at each end."""
    along = arc_length(axis)
    keep = (along >= length) & (along <= along[-1] - length)
    return axis[keep] if np.count_nonzero(keep) >= 3 else axis


def _extend(axis: Points, by: int, span: int, spacing: float = 1.0) -> Points:
    """An axis lengthened by `by` points at both ends, in the direction of its last `span` points."""
    step = spacing * np.arange(1, by + 1)[:, None]
    span = min(span, len(axis) - 1)

    def direction(piece: Points) -> Points:
        vector = piece[-1] - piece[0]
        return np.asarray(vector / max(float(np.hypot(*vector)), 1e-9))

    head = direction(axis[span::-1] if span < len(axis) else axis[::-1])
    tail = direction(axis[-1 - span :])
    return np.concatenate([(axis[0] + step * head)[::-1], axis, axis[-1] + step * tail])


def _to_the_tips(
    field: npt.NDArray[np.float32], axis: Points, half_width: float, reach: int
) -> tuple[Points, BoolArray]:
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


def usual_width(masks: Iterable[BoolArray]) -> float | None:
    """Width that chromosomes of a slide usually have, for `find_axis`.

    Parameters
    ----------
    masks
        ``(h, w)`` bool each.

    Returns
    -------
    In pixels: the diameter of the largest circle inside, of the middle one of all; None without masks.
    """
    depths = [
        float(cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, 5).max())
        for mask in masks
        if mask.size
    ]
    return 2 * float(np.median(depths)) if depths else None


def find_axis(
    mask: BoolArray,
    origin: tuple[float, float] = (0.0, 0.0),
    *,
    usual_width: float | None = None,
    stain: npt.NDArray[np.floating] | None = None,
) -> FloatArray:
    """Axis of a chromosome from its mask, smooth, from tip to tip.

    Parameters
    ----------
    mask
        ``(h, w)`` bool. If it has several parts the largest counts; small holes are filled.
    origin
        (y, x) of the mask's first pixel on the slide, added to every point.
    usual_width
        Width in pixels that chromosomes of this slide usually have, if that is known. With
        it an arch whose arms are half as wide is taken for the open chromatids of an
        acrocentric chromosome, without it for a chromosome bent in the middle.
    stain
        ``(h, w)`` stain of each pixel over the ground, in any unit, if it is known. Masks are
        filled on the inner side of a sharp bend, where there is next to no stain; of a bent
        chromosome such pixels do not count then.

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
    axis = _axis_of(whole, usual_width)
    if stain is not None:
        pale = stain <= _PALE * np.percentile(stain[mask], 80)
        stained = mask & ~pale
        if np.count_nonzero(stained) > 0.8 * np.count_nonzero(mask):
            if _share_on(pale, axis - _PAD) > 0.3:
                # It may run between two arms that the mask joins.
                apart = clean_mask(stained)
                folded = _axis_of(apart, usual_width)
                if _turn(folded) > 2 * _BENT:
                    whole, axis = apart, folded
            elif _bent(whole, axis):
                whole = clean_mask(stained)
    if _bent(whole, axis):
        tube = _as_a_tube(whole, axis)
        if tube is not None:
            axis = tube
        elif stain is not None and _turn(axis) > _BENT:
            axis = _axis_of(whole, usual_width)
    if axis[0, 0] > axis[-1, 0]:
        axis = axis[::-1]
    return np.ascontiguousarray(axis - _PAD + np.asarray(origin, float), dtype=np.float32)


def _turn(axis: Points) -> float:
    """Largest angle between two directions of an axis, radians; its ends count less the shorter they are."""
    along = tangents(axis)
    angle = np.unwrap(np.arctan2(along[:, 0], along[:, 1]))
    size = max(1, min(5, len(angle) // 4))
    smooth_angle = np.convolve(angle, np.full(size, 1 / size), "valid")
    return float(np.ptp(smooth_angle))


def _share_on(there: BoolArray, axis: Points) -> float:
    """Share of the points of an axis that lie on pixels of a mask."""
    rows, columns = np.round(axis).astype(np.intp).T
    inside = (rows >= 0) & (columns >= 0) & (rows < there.shape[0]) & (columns < there.shape[1])
    return np.count_nonzero(there[rows[inside], columns[inside]]) / len(axis)


def _axis_of(whole: npt.NDArray[np.uint8], usual_width: float | None) -> Points:
    """Axis of what `clean_mask` gives, in its coordinates, from the middles of cross-sections."""
    depth = cv2.distanceTransform(whole, cv2.DIST_L2, 3)
    area = float(np.count_nonzero(whole))
    ways = Ways(whole, depth)
    path = ways.longest()
    length = float(arc_length(ways.points[path])[-1])
    half_width = max(1.0, 0.5 * area / max(length, 1.0))
    guess, arch = between_prongs(ways, path, half_width, usual_width)
    axis = resample(guess)
    # Between two prongs a chromosome is twice as wide, and the way shorter.
    length = float(arc_length(axis)[-1])
    half_width = max(1.0, 0.5 * area / max(length, 1.0))
    straight = length < 3 or length**2 < 2.2 * area
    if straight and not arch:
        # A short one: its longest path runs from corner to corner, and its outline tells no bend.
        axis = _straight(whole)
        half_width = max(1.0, 0.5 * area / max(float(arc_length(axis)[-1]), 1.0))
    elif not arch:
        axis = _trim(axis, half_width)
    if len(axis) >= 2:
        axis = _refine(whole, axis, half_width, straight)
    if len(axis) < 2:
        axis = np.stack([axis[0] - (0.5, 0), axis[0] + (0.5, 0)])
    return resample(axis)


def _bent(whole: npt.NDArray[np.uint8], axis: Points) -> bool:
    """Whether an axis turns so much that a tube tells it better than the middles of cross-sections."""
    if len(axis) < 5:
        return False
    # Of a short one the first guess runs from corner to corner and hides most of the bend.
    short = float(arc_length(axis)[-1]) ** 2 < 4 * np.count_nonzero(whole)
    return _turn(axis) > (_TUBE_SHORT if short else _TUBE)


def _as_a_tube(whole: npt.NDArray[np.uint8], axis: Points) -> Points | None:
    """Axis of the tube that fits a mask of a bent chromosome; None where none does."""
    length = float(arc_length(axis)[-1])
    width = np.count_nonzero(whole) / length
    fitted, apart = fit_tube(whole, axis, width)
    like = 0.6 < float(arc_length(fitted)[-1]) / length < 1.4
    # What is hardly bent stays with its cross-sections, whose ends follow a real outline more closely; a tube that
    # curls where they are much straighter has followed a stalk or a satellite.
    turn = _turn(fitted)
    bent = _TURN < turn < _turn(axis) + _MORE
    return fitted if like and bent and apart < _NO_TUBE * width else None


def _refine(mask: npt.NDArray[np.uint8], axis: Points, half_width: float, straight: bool) -> Points:
    """Axis moved to the middle of its cross-sections, smooth, and reaching to the tips."""
    field = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.7)
    reach = round(2.5 * half_width) + 3
    if straight:
        # A short one stays a straight line: third differences would let a parabola through.
        stiffness, order = 4 * half_width, 2
    else:
        # The shorter for its width, the less its outline tells of bends, and the more of its corners.
        slender = len(axis) / (2 * half_width) + 1
        stiffness, order = max(1.5, 0.7 * half_width * max(1.0, 5 / slender)), 3
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
        low, high = _without_web(axis, low, high)
        middle = 0.5 * (low + high) - reach
        # The caps are round and ragged: their middle says little about the direction.
        edge = np.minimum(np.arange(len(axis)), np.arange(len(axis))[::-1]) / max(half_width, 1.0)
        weights = np.where(count > 0, np.clip(edge, 0.05, 1.0), 0.0) * _both_prongs(low, high, count)
        middle = np.clip(np.where(count > 0, middle, 0.0), -half_width, half_width)
        moved = axis + middle[:, None] * normals(axis)
        # Smoothed twice over, what the first time took away (Tukey's twicing), so that bends are not cut.
        once = smooth(moved, weights, stiffness, order)
        axis = resample(once + smooth(moved - once, weights, stiffness, order))
    # The last bit of the way is drawn on straight: a blunt end pulls its middle towards a corner.
    if len(axis) > 4 * half_width:
        axis = _trim(axis, 0.6 * half_width)
    axis, _ = _to_the_tips(field, axis, half_width, reach)
    # The points are middles of pixels: the tips are half a pixel further.
    return _extend(axis, 1, max(2, round(half_width)), 0.5) if len(axis) > 1 else axis


def _without_web(axis: Points, low: npt.NDArray[np.intp], high: npt.NDArray[np.intp]) -> tuple[Points, Points]:
    """Edges ``(n,)`` of the cross-sections, the inner one of a sharp bend moved out to the usual width.

    Blur and generous masks fill the inner side of a bend like a web; its outer side is true.
    """
    usual = float(np.median(high - low + 1))
    turn = gaussian_filter1d((np.gradient(tangents(axis), axis=0) * normals(axis)).sum(axis=1), max(1.0, usual / 6))
    # Sharp: the radius is less than three widths or so.
    sharp = 0.7 / usual
    outer_low, outer_high = high - usual + 1, low + usual - 1
    return (
        np.where(turn < -sharp, np.maximum(low, outer_low), low),
        np.where(turn > sharp, np.minimum(high, outer_high), high),
    )


def _both_prongs(low: Points, high: Points, count: npt.NDArray[np.intp]) -> Points:
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
