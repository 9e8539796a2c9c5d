"""The geometry of edits: cut a mask along a line, join masks, take a crossing apart.

Everything works on arrays of the size of the masks concerned, never of the slide.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt

from chromview.core._cv import cv2
from chromview.core.chromosome import BoolArray, Box

Placed = tuple[Box, BoolArray]
"""A mask and where it lies: a box in slide pixels and a bool array of its shape."""

SMALLEST = 12
"""Pixels below which a part is a splinter of the line and no chromosome."""


def placed(mask: BoolArray, own: Box, frame: Box) -> BoolArray:
    """The part inside `frame` of a mask that lies at `own`, as a bool array of the frame's shape."""
    bits = np.zeros((frame.height, frame.width), bool)
    part = own.intersection(frame)
    if part is not None:
        rows, columns = part.slices
        bits[rows.start - frame.top : rows.stop - frame.top, columns.start - frame.left : columns.stop - frame.left] = (
            mask[rows.start - own.top : rows.stop - own.top, columns.start - own.left : columns.stop - own.left]
        )
    return bits


def holes(mask: BoolArray) -> BoolArray:
    """What a mask ``(h, w)`` encloses and does not hold; corners close a ring too."""
    outside = np.pad((~mask).astype(np.uint8), 1, constant_values=1)
    cv2.floodFill(outside, None, (0, 0), 0, flags=4)
    return outside[1:-1, 1:-1] > 0


def enclosed(points: npt.ArrayLike, shape: tuple[int, int]) -> Placed | None:
    """Pixels inside a closed outline.

    Parameters
    ----------
    points
        ``(n, 2)`` corners (y, x) in slide pixels; the last is joined to the first.
    shape
        (H, W) of the slide.

    Returns
    -------
    tuple of Box and bool array, or None
        Pixels whose middle lies inside; None if there is none on the slide.
    """
    corners = np.asarray(points, np.float64).reshape(-1, 2)
    low, high = np.floor(corners.min(axis=0)).astype(int), np.ceil(corners.max(axis=0)).astype(int)
    box = Box(int(low[0]), int(low[1]), int(high[0]), int(high[1])).intersection(Box(0, 0, *shape))
    if box is None:
        return None
    # Every side turns the pixels to its right over, row by row; what was turned over an odd number of times is inside.
    # skimage.draw.polygon tests every pixel against every side, which takes half a second for a large outline.
    turned = np.zeros((box.height, box.width + 1), np.uint8)
    for (y0, x0), (y1, x1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 == y1:
            continue
        (top, left), (bottom, right) = sorted(((y0, x0), (y1, x1)))
        # The middle of pixel 0 is at 0.5.
        first, last = max(int(np.ceil(top - 0.5)), box.top), min(int(np.ceil(bottom - 0.5)), box.bottom)
        if last > first:
            rows = np.arange(first, last)
            at = left + (rows + 0.5 - top) * (right - left) / (bottom - top)
            columns = np.clip(np.ceil(at - 0.5).astype(int) - box.left, 0, box.width)
            turned[rows - box.top, columns] ^= 1
    bits = np.bitwise_xor.accumulate(turned, axis=1)[:, :-1].astype(bool)
    return (box, bits) if bits.any() else None


def cut(box: Box, mask: BoolArray, line: npt.ArrayLike) -> list[BoolArray]:
    """Cut a mask along a line.

    Parameters
    ----------
    box, mask
        Where the mask lies on the slide, and its ``(h, w)`` bool bits.
    line
        ``(n, 2)`` corners (y, x) of the line in slide pixels, n at least 2.

    Returns
    -------
    list of ``(h, w)`` bool
        Two parts or more, the largest first; disjoint, and together the mask. Pixels under the
        line go to the nearest part, as do splinters of a few pixels and components that the line
        does not touch.

    Raises
    ------
    ValueError
        If the line does not go through the mask from side to side.
    """
    points = np.asarray(line, np.float64).reshape(-1, 2)
    drawn = np.zeros(mask.shape, np.uint8)
    corners = np.floor(points[:, ::-1] - (box.left, box.top)).astype(np.int32)
    # A line whose pixels share edges parts everything that is connected over edges or corners.
    cv2.polylines(drawn, [corners.reshape(-1, 1, 2)], False, 1, 1, cv2.LINE_4)
    under = (drawn > 0) & mask
    count, labels = cv2.connectedComponents((mask & ~under).astype(np.uint8), connectivity=8)
    _, wholes = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    areas = np.bincount(labels.ravel(), minlength=count)
    families: dict[int, list[int]] = {}
    for label in range(1, count):
        if areas[label] >= SMALLEST:
            families.setdefault(int(wholes[labels == label][0]), []).append(label)
    parts = [label for family in families.values() if len(family) > 1 for label in family]
    if not parts:
        raise ValueError("the line does not cut the mask in two")
    return sorted(_shared_out(mask, labels, parts), key=lambda part: -int(part.sum()))


def _shared_out(mask: BoolArray, labels: npt.NDArray[np.int32], parts: Sequence[int]) -> list[BoolArray]:
    """Give every pixel of `mask` to one of the components `parts`: components whole, the rest pixel by pixel."""
    kept = np.isin(labels, parts)
    distance, nearest = distance_transform_edt(~kept, return_indices=True)
    owner = labels[nearest[0], nearest[1]]
    for label in np.unique(labels[mask & ~kept]):
        if label:
            where = labels == label
            owner[where] = owner[where][np.argmin(distance[where])]
    return [mask & (owner == part) for part in parts]


def join(parts: Sequence[Placed], through: Sequence[Placed] = ()) -> Placed:
    """Join masks into one.

    Parts that do not touch are arms on two sides of a chromosome that lies over them: the way
    between them is filled where it runs through one of the masks in `through`, so that the joined
    chromosome gets its share of the overlap.

    Parameters
    ----------
    parts
        Two masks or more.
    through
        Masks of the other chromosomes nearby.

    Returns
    -------
    tuple of Box and bool array
        The joined mask and its box.
    """
    box = parts[0][0]
    for other, _ in parts[1:]:
        box = box.union(other)
    joined = placed(parts[0][1], parts[0][0], box)
    covered = np.zeros_like(joined)
    for own, mask in through:
        covered |= placed(mask, own, box)
    for own, mask in parts[1:]:
        part = placed(mask, own, box)
        way = bridge(joined, part) if _near(parts[0][0], own) else None
        joined = joined | part
        if way is not None:
            joined |= way & covered
    return box, joined


def _near(first: Box, second: Box) -> bool:
    """Whether two boxes are no further apart than the larger one is long: arms of one chromosome could be."""
    rows = max(first.top, second.top) - min(first.bottom, second.bottom)
    columns = max(first.left, second.left) - min(first.right, second.right)
    return max(rows, columns) <= max(first.height, first.width, second.height, second.width)


def bridge(first: BoolArray, second: BoolArray) -> BoolArray | None:
    """The way between two masks that do not touch, as wide as their ends; None if they touch."""
    gap, nearest = distance_transform_edt(~first, return_indices=True)
    length = np.where(second, gap, np.inf)
    end = np.unravel_index(np.argmin(length), length.shape)
    if length[end] < 2:
        return None
    start = int(nearest[0][end]), int(nearest[1][end])
    ends = [_tip(mask, point) for mask, point in ((first, start), (second, (int(end[0]), int(end[1]))))]
    return hull(first.shape, np.concatenate(ends))


def hull(shape: tuple[int, ...], points: npt.NDArray[np.intp]) -> BoolArray:
    """Convex hull of points (y, x), filled."""
    filled = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(filled, cv2.convexHull(points[:, ::-1].astype(np.int32).reshape(-1, 1, 2)), 1)
    return filled > 0


def _tip(mask: BoolArray, point: tuple[int, int]) -> npt.NDArray[np.intp]:
    """Pixels (y, x) of `mask` around `point` on its edge: its end there, a little deeper than wide."""
    inside = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    rows, columns = np.nonzero(mask)
    away = np.hypot(rows - point[0], columns - point[1])
    # The widest place near the point tells how wide the end is; look no further than that width.
    half = 1.0
    for _ in range(4):
        near = away <= 2 * half + 1
        half = max(half, float(inside[rows[near], columns[near]].max()))
    # Deep enough to hold the whole width of an end that is cut aslant; it adds nothing to a straight one.
    near = away <= 2.5 * half
    return np.stack([rows[near], columns[near]], axis=1)


def divide_overlap(first: Placed, second: Placed) -> tuple[BoolArray, BoolArray]:
    """Give each shared pixel to one of two masks: the one whose own pixels are nearer.

    Returns
    -------
    tuple of two bool arrays
        The masks in their own boxes afterwards; they share nothing, and together cover what they did.

    Raises
    ------
    ValueError
        If they share no pixel, or one lies wholly in the other.
    """
    box = first[0].union(second[0])
    a, b = placed(first[1], first[0], box), placed(second[1], second[0], box)
    shared = a & b
    if not shared.any():
        raise ValueError("the two masks share no pixel")
    own_a, own_b = a & ~b, b & ~a
    if not own_a.any() or not own_b.any():
        raise ValueError("one mask lies wholly in the other")
    to_first = shared & (distance_transform_edt(~own_a) <= distance_transform_edt(~own_b))
    a, b = own_a | to_first, own_b | (shared & ~to_first)
    return placed(a, box, first[0]), placed(b, box, second[0])


def axis_inside(axis: npt.NDArray[np.float32] | None, box: Box, mask: BoolArray) -> npt.NDArray[np.float32] | None:
    """The longest run of an axis that lies in a mask, in the axis' direction; None if there is hardly any.

    Keeps the direction (and so the polarity) of the axis for a part of its chromosome.

    Parameters
    ----------
    axis
        ``(n, 2)`` float32 (y, x) in slide pixels, or None.
    box, mask
        Where the mask lies, and its bits.
    """
    if axis is None or len(axis) < 2:
        return None
    rows, columns = np.floor(axis[:, 0]).astype(int) - box.top, np.floor(axis[:, 1]).astype(int) - box.left
    valid = (rows >= 0) & (rows < box.height) & (columns >= 0) & (columns < box.width)
    inside = np.zeros(len(axis), bool)
    inside[valid] = mask[rows[valid], columns[valid]]
    steps = np.diff(np.concatenate(([False], inside, [False])).astype(np.int8))
    starts, stops = np.flatnonzero(steps > 0), np.flatnonzero(steps < 0)
    if not starts.size:
        return None
    longest = int(np.argmax(stops - starts))
    start, stop = int(starts[longest]), int(stops[longest])
    return axis[start:stop].copy() if stop - start >= 5 else None


LEAST_LEFT = 0.3
"""Share of its pixels that a mask keeps when its edge moves inwards; one that would keep less stays as it is."""


def with_edge_moved(
    box: Box, mask: BoolArray, outwards: bool, others: Sequence[Placed], shape: tuple[int, int]
) -> Placed:
    """A mask whose edge lies one pixel further out or in.

    Parameters
    ----------
    box, mask
        Where it lies, and ``(h, w)`` bool in the box.
    others
        Other chromosomes: outwards it does not grow into them.
    shape
        ``(H, W)`` of the slide, beyond which it does not grow either.
    """
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    frame = box.grown(1, shape)
    before = placed(mask, box, frame)
    if not outwards:
        # What lies beyond the slide is no edge.
        after = cv2.erode(before.astype(np.uint8), cross, borderType=cv2.BORDER_REPLICATE) > 0
        return (frame, after) if after.sum() >= LEAST_LEFT * before.sum() else (box, mask)
    after = cv2.dilate(before.astype(np.uint8), cross) > 0
    for other_box, other in others:
        if other_box.intersection(frame) is not None:
            after &= before | ~placed(other, other_box, frame)
    return frame, after
