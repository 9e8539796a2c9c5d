"""An axis under the hand: where a point lies on it, and what it looks like after a part of it was moved."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chromview.core.chromosome import Chromosome, FloatArray
from chromview.core.curves import Points, arc_length, resample

LEAST_LENGTH = 2.0
"""Length in pixels below which a line is no axis."""
TIP = 0.06
"""Share of the length at each end that moves with its tip."""


def point_at(axis: npt.NDArray[np.floating], share: float) -> tuple[float, float]:
    """Point (y, x) of an axis ``(n, 2)`` at `share` 0..1 of its length from its first point."""
    along = arc_length(axis)
    wanted = float(np.clip(share, 0, 1)) * along[-1]
    return float(np.interp(wanted, along, axis[:, 0])), float(np.interp(wanted, along, axis[:, 1]))


def share_of(axis: npt.NDArray[np.floating], point: tuple[float, float]) -> tuple[float, float]:
    """Where an axis ``(n, 2)``, n >= 2, comes nearest to a point (y, x).

    Returns
    -------
    Share 0..1 of the length from the first point, and the distance in pixels.
    """
    line: Points = np.asarray(axis, np.float64)
    steps = np.diff(line, axis=0)
    squared = np.maximum((steps**2).sum(axis=1), 1e-12)
    part = np.clip(((np.asarray(point) - line[:-1]) * steps).sum(axis=1) / squared, 0, 1)
    away = np.hypot(*(line[:-1] + part[:, None] * steps - np.asarray(point)).T)
    best = int(np.argmin(away))
    along = arc_length(line)
    share = (along[best] + part[best] * (along[best + 1] - along[best])) / max(float(along[-1]), 1e-9)
    return float(share), float(away[best])


def carried_over(centromere: float, old: npt.NDArray[np.floating], new: npt.NDArray[np.floating]) -> float:
    """Place on the axis `new`, 0..1, that lies beside the place `centromere` of the axis `old`."""
    return share_of(new, point_at(old, centromere))[0]


def moved(
    axis: npt.NDArray[np.floating], share: float, to: tuple[float, float], reach: float | None = None
) -> FloatArray:
    """An axis after its point at `share` was drawn to another place.

    The points beside it follow, less and less (half a cosine), so that the axis stays smooth; the
    rest of it, and both tips unless one of them is held, stay where they are.

    Parameters
    ----------
    axis
        ``(n, 2)`` points (y, x) in pixels, n >= 2.
    share
        Which point is held, 0..1 of the length from the first point.
    to
        Where it is drawn to, (y, x).
    reach
        Length along the axis that follows, to each side, in pixels; a quarter of the length, and at
        least one and a half times the way it is moved, if None.

    Returns
    -------
    ``(m, 2)`` float32, about one pixel apart.

    Raises
    ------
    ValueError
        If the axis would be shorter than `LEAST_LENGTH`.
    """
    line = resample(axis)
    along = arc_length(line)
    length = float(along[-1])
    # So near a tip that nothing could follow on that side, the tip is what is meant.
    share = float(np.clip(share, 0, 1))
    share = 0.0 if share < TIP else 1.0 if share > 1 - TIP else share
    held = share * length
    step = np.asarray(to, np.float64) - np.asarray(point_at(line, share))
    if reach is None:
        reach = max(0.25 * length, 1.5 * float(np.hypot(step[0], step[1])))
    # A tip that is not held stays where it is: the pull ends there.
    before = reach if held == 0 else min(reach, held)
    behind = reach if held == length else min(reach, length - held)
    away = np.where(along < held, (held - along) / before, (along - held) / behind)
    weight = 0.5 * (1 + np.cos(np.pi * np.minimum(away, 1.0)))
    result = resample(line + weight[:, None] * step)
    if arc_length(result)[-1] < LEAST_LENGTH:
        raise ValueError("an axis needs a length")
    return result.astype(np.float32)


class ArmLengths(NamedTuple):
    """Measured lengths of the two arms, in pixels along the axis."""

    p: float
    q: float

    @property
    def ratio(self) -> float:
        """Arm ratio r, the longer arm over the shorter one (Levan, Fredga and Sandberg, Hereditas 52, 1964)."""
        shorter, longer = sorted((self.p, self.q))
        return longer / shorter if shorter > 0 else float("inf")

    @property
    def centromere_index(self) -> float:
        """Length of the p arm over the whole length, 0..1."""
        return self.p / (self.p + self.q)


def measured_arms(chromosome: Chromosome) -> ArmLengths | None:
    """Arms of a chromosome as its axis, centromere and polarity stand; None while one of them is not known."""
    if chromosome.axis is None or chromosome.centromere is None or len(chromosome.axis) < 2:
        return None
    length = float(arc_length(chromosome.axis)[-1])
    if length <= 0:
        return None
    share = chromosome.centromere if chromosome.p_up else 1 - chromosome.centromere
    return ArmLengths(share * length, (1 - share) * length)
