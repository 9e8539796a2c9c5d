"""Lines through a picture: length, equal steps, directions, smoothing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]


def arc_length(axis: npt.NDArray[np.floating]) -> Points:
    """Distance along an axis ``(n, 2)`` from its first point to each point, ``(n,)``, in pixels."""
    along = np.zeros(len(axis), np.float64)
    steps = np.diff(axis, axis=0)
    np.cumsum(np.hypot(steps[:, 0], steps[:, 1]), out=along[1:])
    return along


def resample(axis: npt.NDArray[np.floating], step: float = 1.0) -> Points:
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
    line: Points = np.asarray(axis, np.float64)
    along = arc_length(line)
    if along[-1] <= 0:
        return line[:1].copy()
    keep = np.concatenate([[True], np.diff(along) > 0])
    wanted = np.linspace(0, along[-1], max(2, round(along[-1] / step) + 1))
    return np.column_stack([np.interp(wanted, along[keep], line[keep, k]) for k in (0, 1)])


def tangents(axis: npt.NDArray[np.floating]) -> Points:
    """Unit vectors (y, x) along an axis ``(n, 2)``, n >= 2."""
    difference: Points = np.gradient(np.asarray(axis, float), axis=0)
    length = np.hypot(difference[:, 0], difference[:, 1])
    unit: Points = difference / np.maximum(length, 1e-9)[:, None]
    return unit


def normals(axis: npt.NDArray[np.floating]) -> Points:
    """Unit vectors (y, x) to the right-hand side of an axis that is drawn from top to bottom.

    A turn of the tangent, never a mirror, so that sampling along them keeps left and right.
    """
    along = tangents(axis)
    return np.stack([-along[:, 1], along[:, 0]], axis=1)


def smooth(points: Points, weights: Points, stiffness: float, order: int = 3) -> Points:
    """Points ``(n, 2)`` smoothed by least squares with a penalty on their differences.

    Third differences let parabolas through, so bends are not cut short.

    Parameters
    ----------
    weights
        ``(n,)``, 0 where a point is not known.
    stiffness
        Length in points below which wiggles vanish.
    """
    # Here and not above: the window draws axes, and opens before scipy is imported.
    from scipy.linalg import solveh_banded

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


def spread(line: Points, count: int) -> Points:
    """`count` points at equal distances on a polyline."""
    along = arc_length(line)
    wanted = np.linspace(0, along[-1], count)
    return np.stack([np.interp(wanted, along, line[:, k]) for k in (0, 1)], axis=1)
