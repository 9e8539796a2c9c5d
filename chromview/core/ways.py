"""The first guess of an axis: the longest way through a mask, and what stands beside it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from chromview.core._cv import cv2
from chromview.core.curves import Points, arc_length, spread

_STEPS = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0))


class Ways:
    """Shortest ways inside a mask (with a border of zeros), over its pixels, that keep to the middle."""

    def __init__(self, mask: npt.NDArray[np.uint8], depth: npt.NDArray[np.float32]) -> None:
        self.number = np.full(mask.shape, -1, np.int32)
        inside = mask > 0
        self.points = np.argwhere(inside).astype(np.float64)
        count = len(self.points)
        self.number[inside] = np.arange(count, dtype=np.int32)
        self.depth = depth[inside]
        # Steps at the outline cost some times those in the middle of the same place.
        middle = cv2.dilate(depth, np.ones((5, 5), np.uint8))
        price = (1 + 4 * (1 - depth / np.maximum(middle, np.float32(1e-6))) ** 2 + 2 / (1 + depth))[inside]
        # Rows of the sparse matrix are written as they are: building it from pairs costs more than the search.
        offsets = np.array([dy * mask.shape[1] + dx for dy, dx in _STEPS])
        lengths = np.array([float(np.hypot(dy, dx)) for dy, dx in _STEPS])
        beside = self.number.ravel()[np.flatnonzero(inside)[:, None] + offsets]
        there = beside >= 0
        costs = 0.5 * lengths * (price[:, None] + price[beside])
        starts = np.concatenate([[0], np.cumsum(np.count_nonzero(there, axis=1))]).astype(np.int32)
        self.graph = csr_array((costs[there], beside[there], starts), shape=(count, count))

    def longest(self) -> npt.NDArray[np.intp]:
        """Pixel numbers of the way between the two points farthest from each other."""
        start = int(np.argmax(self.depth))
        first = int(np.argmax(_finite(dijkstra(self.graph, indices=start))))
        away, before = dijkstra(self.graph, indices=first, return_predecessors=True)
        return self._back(int(np.argmax(_finite(away))), before)

    def branches(self, path: npt.NDArray[np.intp]) -> list[npt.NDArray[np.intp]]:
        """Ways from `path` to the points farthest from it, one for each half of the path that has any."""
        away, before, root = dijkstra(self.graph, indices=path, return_predecessors=True, min_only=True)
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


def _finite(distance: Points) -> Points:
    return np.where(np.isfinite(distance), distance, -1.0)


class _Branch(NamedTuple):
    at: int
    """Index of the path's point that it leaves."""
    points: Points
    """From there to its tip."""
    length: float
    juts_out: float
    """How far its tip is beyond the circle about its thickest place; nothing in the bulge of a bend."""


def between_prongs(
    ways: Ways, path: npt.NDArray[np.intp], half_width: float, usual_width: float | None
) -> tuple[Points, bool]:
    """The longest path, moved to the middle between the two chromatids where these stand open.

    Open chromatids make two prongs at an end. The longest path runs into one of them, or, if
    one pair of arms is short, from one prong of the long arms into the other. A branch
    counts as a prong if it is long for the width.

    Parameters
    ----------
    half_width
        Of what the path runs through, in pixels.
    usual_width
        Width of the slide's chromosomes, if it is known. It tells two open arms of an acrocentric
        chromosome, half as wide each, from a chromosome bent in the middle.

    Returns
    -------
    ``(n, 2)`` points, and whether they lead between the two halves of an arch, so that their direction
    holds even for a chromosome wider than long.
    """
    points = ways.points[path]
    line = np.full(ways.number.shape, 255, np.uint8)
    cv2.polylines(line, [points[:, ::-1].astype(np.int32).reshape(-1, 1, 2)], False, 0, 1)
    away = cv2.distanceTransform(line, cv2.DIST_L2, 3)
    branches: list[_Branch] = []
    if float(away[ways.number >= 0].max()) >= 1.25 * half_width:
        for way in ways.branches(path):
            other = ways.points[way]
            length = float(arc_length(other)[-1])
            if length >= 0.8 * half_width:
                # The bulge of a bend ends where its outline is; a prong goes on.
                deepest = int(np.argmax(ways.depth[way]))
                juts_out = float(np.hypot(*(other[-1] - other[deepest]))) - float(ways.depth[way[deepest]])
                if juts_out > 0.45 * half_width:
                    branches.append(_Branch(int(np.flatnonzero(path == way[0])[0]), other, length, juts_out))
    narrow = usual_width is not None and 2 * half_width < 0.67 * usual_width
    # Chromatids are thick for their length; slender arms rather belong to a folded chromosome, whose corner juts out.
    slender = not narrow and float(arc_length(points)[-1]) > 13 * half_width
    stubs = [branch for branch in branches if branch.juts_out > (0.8 if slender else 0.45) * half_width]
    arch = _over_the_arch(points, stubs, narrow)
    return (_ends_moved(points, branches), False) if arch is None else (arch, True)


def _over_the_arch(points: Points, branches: list[_Branch], narrow: bool) -> Points | None:
    """Axis between the two halves of a path that is an arch with a stub on its outer side, or None."""
    along = arc_length(points)
    stubs = [branch for branch in branches if 0.3 <= along[branch.at] / along[-1] <= 0.7]
    if stubs:
        top = round(sum(branch.at for branch in stubs) / len(stubs))
    elif narrow:
        chord = points[-1] - points[0]
        top = int(np.argmax(np.abs((points - points[0]) @ np.array([-chord[1], chord[0]]))))
    else:
        return None
    lengths = float(along[top]), float(along[-1] - along[top])
    if min(lengths) < 0.7 * max(lengths):
        return None
    left, right = _direction(points[top::-1]), _direction(points[top:])
    if left @ right < -0.2:
        return None
    down = left + right
    if any(_direction(branch.points) @ down > -0.5 for branch in stubs):
        return None
    count = max(top + 1, len(points) - top)
    arms = 0.5 * (spread(points[top::-1], count) + spread(points[top:], count))
    if not stubs:
        return arms
    count = max(len(branch.points) for branch in stubs)
    stub = sum((spread(branch.points, count) for branch in stubs), np.zeros((count, 2))) / len(stubs)
    return np.concatenate([stub[::-1], arms])


def _direction(line: Points) -> Points:
    step: Points = line[-1] - line[0]
    return step / max(float(np.hypot(step[0], step[1])), 1e-9)


def _ends_moved(points: Points, branches: list[_Branch]) -> Points:
    """The path, each end moved half way to the prong beside it."""
    ends: list[Points | None] = [None, None]
    joints = [0, len(points) - 1]
    for at, other, length, _ in branches:
        side = int(at >= len(points) // 2)
        own = points[at:] if side else points[at::-1]
        if not 0.4 <= float(arc_length(own)[-1]) / length <= 2.5:
            continue
        count = max(len(own), len(other))
        ends[side] = 0.5 * (spread(own, count) + spread(other, count))
        joints[side] = at
    head, tail = ends
    parts = [points[joints[0] : joints[1] + 1]]
    if head is not None:
        parts.insert(0, head[::-1])
    if tail is not None:
        parts.append(tail)
    return np.concatenate(parts)
