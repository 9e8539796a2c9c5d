"""The geometry of edits: cut a mask along a line, join masks, take a crossing apart.

Everything works on arrays of the size of the masks concerned, never of the slide.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt
from skimage.morphology import skeletonize

from chromview.core._cv import cv2
from chromview.core.chromosome import BoolArray, Box

Placed = tuple[Box, BoolArray]
"""A mask and where it lies: a box in slide pixels and a bool array of its shape."""

_SMALLEST = 12
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
    from skimage.draw import polygon

    corners = np.asarray(points, np.float64).reshape(-1, 2)
    low, high = np.floor(corners.min(axis=0)).astype(int), np.ceil(corners.max(axis=0)).astype(int)
    box = Box(int(low[0]), int(low[1]), int(high[0]), int(high[1])).intersection(Box(0, 0, *shape))
    if box is None:
        return None
    bits = np.zeros((box.height, box.width), bool)
    # The middle of pixel 0 is at 0.5 of the slide.
    rows, columns = polygon(corners[:, 0] - box.top - 0.5, corners[:, 1] - box.left - 0.5, bits.shape)
    bits[rows, columns] = True
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
        if areas[label] >= _SMALLEST:
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
        bridge = _bridge(joined, part) if _near(parts[0][0], own) else None
        joined = joined | part
        if bridge is not None:
            joined |= bridge & covered
    return box, joined


def _near(first: Box, second: Box) -> bool:
    """Whether two boxes are no further apart than the larger one is long: arms of one chromosome could be."""
    rows = max(first.top, second.top) - min(first.bottom, second.bottom)
    columns = max(first.left, second.left) - min(first.right, second.right)
    return max(rows, columns) <= max(first.height, first.width, second.height, second.width)


def _bridge(first: BoolArray, second: BoolArray) -> BoolArray | None:
    """The way between two masks that do not touch, as wide as their ends; None if they touch."""
    gap, nearest = distance_transform_edt(~first, return_indices=True)
    length = np.where(second, gap, np.inf)
    end = np.unravel_index(np.argmin(length), length.shape)
    if length[end] < 2:
        return None
    start = int(nearest[0][end]), int(nearest[1][end])
    ends = [_tip(mask, point) for mask, point in ((first, start), (second, (int(end[0]), int(end[1]))))]
    return _hull(first.shape, np.concatenate(ends))


def _hull(shape: tuple[int, ...], points: npt.NDArray[np.intp]) -> BoolArray:
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


def split_crossing(mask: BoolArray) -> tuple[BoolArray, BoolArray]:
    """Take a crossing that was seen as one chromosome apart; both get the pixels of the overlap.

    The crossing point is sought among the forks of the skeleton: a disc around it, just large
    enough, parts the mask into arms. Arms that continue each other best belong together, and the
    way between the two arms of a chromosome is its share of the crossing. With three arms (a tip
    lying on another chromosome) two continue each other, and the third is the other chromosome.

    Parameters
    ----------
    mask
        ``(h, w)`` bool.

    Returns
    -------
    tuple of two ``(h, w)`` bool
        Together the mask; their overlap is the crossing. The larger first.

    Raises
    ------
    ValueError
        If no place is found where two chromosomes could cross.
    """
    padded = np.pad(mask, 2)
    inside = distance_transform_edt(padded)
    best: tuple[float, tuple[BoolArray, BoolArray]] | None = None
    for centre in _crossing_points(padded, inside):
        found = _arms(padded, inside, centre)
        if found is None:
            continue
        arms, edges = found
        bend, pair = _paired(padded, arms, edges, centre)
        if best is None or bend < best[0]:
            best = bend, pair
    if best is None:
        raise ValueError("no crossing was found")
    first, second = (part[2:-2, 2:-2] for part in best[1])
    return (first, second) if first.sum() >= second.sum() else (second, first)


def _crossing_points(mask: BoolArray, inside: npt.NDArray[np.float64]) -> list[tuple[float, float]]:
    """Forks of the skeleton, and the middle between two that are near: an X often shows as two Y."""
    skeleton = skeletonize(mask).astype(np.uint8)
    neighbours = cv2.filter2D(skeleton, -1, np.ones((3, 3), np.float32), borderType=cv2.BORDER_CONSTANT)
    forks = ((skeleton > 0) & (neighbours >= 4)).astype(np.uint8)
    count, _, _, centres = cv2.connectedComponentsWithStats(forks, connectivity=8)
    points = [(float(y), float(x)) for x, y in centres[1:count]]
    # Forks at bumps of the edge lie in shallow places; those of a crossing in the deepest ones.
    points = sorted(points, key=lambda p: -inside[round(p[0]), round(p[1])])[:8]
    middles = [
        ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
        for a, b in itertools.combinations(points, 2)
        if np.hypot(a[0] - b[0], a[1] - b[1]) <= 4 * inside[round(a[0]), round(a[1])]
    ]
    return [p for p in (*middles, *points) if mask[round(p[0]), round(p[1])]]


def _arms(
    mask: BoolArray, inside: npt.NDArray[np.float64], centre: tuple[float, float]
) -> tuple[list[BoolArray], list[npt.NDArray[np.intp]]] | None:
    """Three or four arms that a disc around `centre` leaves, and their pixels (y, x) along the disc.

    Four if any radius gives four.
    """
    away = np.hypot(np.arange(mask.shape[0])[:, None] - centre[0], np.arange(mask.shape[1])[None, :] - centre[1])
    radius = float(inside[round(centre[0]), round(centre[1])])
    three: tuple[list[BoolArray], list[npt.NDArray[np.intp]]] | None = None
    for factor in (1.1, 1.3, 1.5, 1.8, 2.1, 2.5, 3.0):
        outside = mask & (away > factor * radius)
        count, labels = cv2.connectedComponents(outside.astype(np.uint8), connectivity=8)
        areas = np.bincount(labels.ravel(), minlength=count)
        # An arm is longer than the crossing is thick, or it is only a corner of it.
        arms = [labels == label for label in range(1, count) if areas[label] >= max(_SMALLEST, 0.6 * radius**2)]
        edges = [np.argwhere(arm & (away <= factor * radius + 2)) for arm in arms]
        if len(arms) == 4:
            return arms, edges
        if len(arms) == 3 and three is None:
            three = arms, edges
    return three


def _paired(
    mask: BoolArray,
    arms: Sequence[BoolArray],
    edges: Sequence[npt.NDArray[np.intp]],
    centre: tuple[float, float],
) -> tuple[float, tuple[BoolArray, BoolArray]]:
    """The two chromosomes of the best pairing of arms, and how much they bend (degrees)."""
    if len(arms) == 4:
        pairings: list[tuple[tuple[int, ...], tuple[int, ...]]] = [((0, 1), (2, 3)), ((0, 2), (1, 3)), ((0, 3), (1, 2))]
    else:
        pairings = [((0, 1), (2,)), ((0, 2), (1,)), ((1, 2), (0,))]
    directions = [_direction(arm, centre) for arm in arms]

    def bend(pair: tuple[int, ...]) -> float:
        if len(pair) == 1:
            return 20.0  # a tip on another chromosome is less likely than two that cross
        cosine = float(np.dot(directions[pair[0]], directions[pair[1]]))
        return 180.0 - float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))

    pairing = min(pairings, key=lambda both: bend(both[0]) + bend(both[1]))
    parts = []
    for pair in pairing:
        part = arms[pair[0]].copy()
        ends = edges[pair[0]]
        if len(pair) == 2:
            part |= arms[pair[1]]
            ends = np.concatenate([ends, edges[pair[1]]])
        else:
            ends = np.concatenate([ends, np.round([centre]).astype(np.intp)])
        part |= _hull(mask.shape, ends) & mask
        parts.append(part)
    # What no way covers (the corners between the arms) goes to the nearer of the two.
    rest = mask & ~parts[0] & ~parts[1]
    to_first = rest & (distance_transform_edt(~parts[0]) <= distance_transform_edt(~parts[1]))
    return bend(pairing[0]) + bend(pairing[1]), (parts[0] | to_first, parts[1] | (rest & ~to_first))


def _direction(arm: BoolArray, centre: tuple[float, float]) -> npt.NDArray[np.float64]:
    """Unit vector (y, x) in which an arm leaves the centre: towards its nearer half."""
    points = np.argwhere(arm) - np.asarray(centre)
    away = np.hypot(points[:, 0], points[:, 1])
    near = points[away <= np.median(away)]
    mean = near.mean(axis=0)
    return np.asarray(mean / max(float(np.hypot(*mean)), 1e-9))


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
