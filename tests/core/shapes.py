"""Chromosome-like masks whose axis is known exactly: tubes about a drawn line."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from chromview.core.axis import arc_length, normals, resample

Points = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def line(length: float, turn_degrees: float = 0.0, *, at: float = 0.5, over: float = 1.0) -> Points:
    """A line of `length` pixels that turns by `turn_degrees`, about `at`, over a share `over` of its length."""
    share = np.linspace(0, 1, 401)
    bend = (np.abs(share - at) <= over / 2).astype(float)
    heading = np.cumsum(bend / bend.sum() * np.radians(turn_degrees))
    steps = np.stack([np.cos(heading), np.sin(heading)], axis=1) * length / 400
    return np.concatenate([[[0.0, 0.0]], np.cumsum(steps, axis=0)])


def turned_by(points: Points, degrees: float) -> Points:
    """The line turned about its first point."""
    angle = np.radians(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(points @ matrix.T)


def tube(
    points: Points, width: float, *, waist: float | None = None, prongs: float = 0.0, open_share: float = 0.35
) -> tuple[Mask, Points]:
    """Mask of a tube with round ends that reach exactly to the ends of the line, and the line inside it.

    `waist` narrows it there; `prongs` opens the chromatids at both ends, by that many pixels
    to each side at the tips, over a share `open_share` of the length.
    """
    points = points - points.min(axis=0) + width / 2 + prongs + 3
    height, breadth = np.ceil(points.max(axis=0) + width / 2 + prongs + 3).astype(int)
    pixels = np.stack(np.mgrid[:height, :breadth], axis=-1).reshape(-1, 2).astype(float)
    distance, index = cKDTree(points).query(pixels)
    along = arc_length(points)
    length = float(along[-1])
    end = np.minimum(along, length - along)
    half = np.full(len(points), width / 2)
    if waist is not None:
        half *= 1 - 0.45 * np.exp(-0.5 * ((along / length - waist) / 0.03) ** 2)
    if prongs:
        aside = np.abs(((pixels - points[index]) * normals(points)[index]).sum(axis=1))
        opening = np.clip(1 - end / (open_share * length), 0, 1)[index] * prongs
        thickness = _rounded(np.full(len(points), 0.28 * width), end)[index]
        inside = (np.abs(aside - width / 4 - opening) < thickness) | ((opening == 0) & (distance < half[index]))
        inside &= distance < width
    else:
        inside = distance < _rounded(half, end)[index]
    return inside.reshape(height, breadth), points


def _rounded(half: Points, end: Points) -> Points:
    cap = np.clip(end / (0.9 * half.max()), 0, 1)
    return np.asarray(half * np.sqrt(1 - (1 - cap) ** 2))


def axis_errors(found: npt.NDArray[np.floating], true: npt.NDArray[np.floating]) -> tuple[float, float]:
    """Mean distance between two axes in pixels, and the difference of their lengths as a share of the second's."""
    one, two = resample(found, 0.25), resample(true, 0.25)
    apart = 0.5 * (cKDTree(two).query(one)[0].mean() + cKDTree(one).query(two)[0].mean())
    lengths = arc_length(found)[-1], arc_length(true)[-1]
    return float(apart), float(abs(lengths[0] - lengths[1]) / lengths[1])
