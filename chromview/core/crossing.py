"""Two chromosomes that cross and were seen as one: take them apart, the overlap in both."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt
from skimage.morphology import skeletonize

from chromview.core._cv import cv2
from chromview.core.chromosome import BoolArray
from chromview.core.edit_masks import SMALLEST, bridge, hull


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
        bend, pair = _paired(padded, arms, edges, centre, _pairings(len(arms)))
        if best is None or bend < best[0]:
            best = bend, pair
    if best is None:
        raise ValueError("no crossing was found")
    first, second = (part[2:-2, 2:-2] for part in best[1])
    return (first, second) if first.sum() >= second.sum() else (second, first)


def split_along(mask: BoolArray, line: npt.ArrayLike) -> tuple[BoolArray, BoolArray]:
    """Take a crossing apart where a person drew along one of the two chromosomes; both get the pixels of the overlap.

    The two arms that the line runs through are one chromosome, whatever their bend, the others are the other one. Where
    the skeleton shows no fork the line itself, as wide as the chromosome, is the one, and what it parts is the other.

    Parameters
    ----------
    mask
        ``(h, w)`` bool.
    line
        ``(n, 2)`` points (y, x) in pixels of the mask, from one arm through the crossing into another.

    Returns
    -------
    tuple of two ``(h, w)`` bool
        The chromosome along the line, and the other one; together the mask.

    Raises
    ------
    ValueError
        If the line does not run through the mask, or there is nothing beside it.
    """
    padded = np.pad(mask, 2)
    inside = distance_transform_edt(padded)
    drawn = np.zeros(padded.shape, np.uint8)
    corners = np.floor(np.asarray(line, np.float64).reshape(-1, 2)[:, ::-1] + 2).astype(np.int32)
    cv2.polylines(drawn, [corners.reshape(-1, 1, 2)], False, 1, 1)
    under = (drawn > 0) & padded
    if under.sum() < SMALLEST:
        raise ValueError("the line does not run through the mask")
    away = distance_transform_edt(~under)
    best: tuple[float, tuple[BoolArray, BoolArray]] | None = None
    for centre in _crossing_points(padded, inside):
        place = round(centre[0]), round(centre[1])
        found = _arms(padded, inside, centre) if away[place] <= 1.5 * inside[place] + 2 else None
        if found is None:
            continue
        arms, edges = found
        along = [int((arm & under).sum()) for arm in arms]
        chosen = tuple(n for n in range(len(arms)) if along[n] >= 3)
        if len(chosen) != 2:
            continue
        rest = tuple(n for n in range(len(arms)) if n not in chosen)
        bend, pair = _paired(padded, arms, edges, centre, [(chosen, rest)])
        if best is None or bend < best[0]:
            best = bend, pair
    first, second = best[1] if best is not None else _band(padded, under, inside, away)
    return first[2:-2, 2:-2], second[2:-2, 2:-2]


def _band(
    mask: BoolArray, under: BoolArray, inside: npt.NDArray[np.float64], away: npt.NDArray[np.float64]
) -> tuple[BoolArray, BoolArray]:
    """A line as wide as a chromosome, and what it parts together with the way between."""
    first = mask & (away <= float(np.median(inside[under])) + 1)
    count, labels = cv2.connectedComponents((mask & ~first).astype(np.uint8), connectivity=8)
    areas = np.bincount(labels.ravel(), minlength=count)[1:]
    parts = [labels == n + 1 for n in np.argsort(-areas)[:2] if areas[n] >= SMALLEST]
    if not parts:
        raise ValueError("there is nothing beside the line")
    second = parts[0]
    for part in parts[1:]:
        way = bridge(second, part)
        second = second | part if way is None else second | part | (way & mask)
    return mask & ~(second & ~first), second


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
        arms = [labels == label for label in range(1, count) if areas[label] >= max(SMALLEST, 0.6 * radius**2)]
        # What does not reach the disc is a part of a mask in pieces, and no arm.
        arms = [arm for arm in arms if (arm & (away <= factor * radius + 2)).any()]
        edges = [np.argwhere(arm & (away <= factor * radius + 2)) for arm in arms]
        if len(arms) == 4:
            return arms, edges
        if len(arms) == 3 and three is None:
            three = arms, edges
    return three


def _pairings(arms: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """The ways to share three or four arms out to two chromosomes."""
    if arms == 4:
        return [((0, 1), (2, 3)), ((0, 2), (1, 3)), ((0, 3), (1, 2))]
    return [((0, 1), (2,)), ((0, 2), (1,)), ((1, 2), (0,))]


def _paired(
    mask: BoolArray,
    arms: Sequence[BoolArray],
    edges: Sequence[npt.NDArray[np.intp]],
    centre: tuple[float, float],
    pairings: Sequence[tuple[tuple[int, ...], tuple[int, ...]]],
) -> tuple[float, tuple[BoolArray, BoolArray]]:
    """The two chromosomes of the best pairing of arms, and how much they bend (degrees)."""
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
        part |= hull(mask.shape, ends) & mask
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
