"""Arrows that a person puts on the karyogram, where they stand and how they look.

An arrow belongs to a chromosome and moves with it: it is kept relative to the straightened picture along the axis, so
that it stays on its band when the chromosome is dragged, turned or flipped, and in every export.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chromview.core.chromosome import Arrow, Chromosome

LENGTH = 26.0
"""From tip to end, canvas pixels."""
_HEAD, _HALF_HEAD, _HALF_SHAFT = 10.0, 5.0, 1.3
REACH = 60.0
"""Canvas pixels around a picture within which its arrows lie."""
FARTHEST = 0.75
"""Of the picture's length, from its middle to the tip of an arrow."""


class Spot(NamedTuple):
    """Where an arrow is on the canvas: its tip (x, y), and the unit vector (x, y) that it points along."""

    x: float
    y: float
    along: tuple[float, float]

    @property
    def end(self) -> tuple[float, float]:
        """The end without a head."""
        return self.x - LENGTH * self.along[0], self.y - LENGTH * self.along[1]

    def outline(self) -> list[tuple[float, float]]:
        """Its seven corners (x, y), the tip first."""
        return outline((self.x, self.y), self.along, LENGTH)


def outline(
    tip: tuple[float, float], along: tuple[float, float], length: float, scale: float = 1.0
) -> list[tuple[float, float]]:
    """Seven corners (x, y) of an arrow, the tip first.

    Parameters
    ----------
    tip, along
        (x, y) of the tip, and the unit vector (x, y) that it points along.
    length
        From tip to end.
    scale
        Of head and shaft, which are otherwise of the same size whatever the length.
    """
    forward = np.array(along)
    side = np.array([-forward[1], forward[0]])
    head = min(_HEAD * scale, 0.7 * length)
    points = ((0.0, 0.0), (head, _HALF_HEAD * scale), (head, _HALF_SHAFT * scale), (length, _HALF_SHAFT * scale))
    left = [np.array(tip) - back * forward + out * side for back, out in points]
    right = [np.array(tip) - back * forward - out * side for back, out in reversed(points[1:])]
    return [(float(x), float(y)) for x, y in (*left, *right)]


def spot(arrow: Arrow, chromosome: Chromosome, middle: tuple[float, float], length: float) -> Spot:
    """Where an arrow is.

    Parameters
    ----------
    arrow, chromosome
        The arrow, and whose it is.
    middle
        (x, y) of the middle of the chromosome's picture on the canvas.
    length
        Of the picture before it is turned, canvas pixels.
    """
    turn = _turn(chromosome)
    x, y = turn @ (arrow.x, arrow.y)
    radians = np.deg2rad(arrow.angle)
    along = turn @ (np.cos(radians), -np.sin(radians))
    return Spot(middle[0] + x * length, middle[1] + y * length, (float(along[0]), float(along[1])))


def arrow_at(
    tip: tuple[float, float],
    end: tuple[float, float],
    chromosome: Chromosome,
    middle: tuple[float, float],
    length: float,
) -> Arrow:
    """The arrow whose tip and end are at these points (x, y) of the canvas; the inverse of `spot`.

    Its tip stays near the chromosome, and an arrow without a direction points to the left.
    """
    back = _turn(chromosome).T
    x, y = back @ np.subtract(tip, middle) / max(length, 1e-6)
    far = float(np.hypot(x, y))
    if far > FARTHEST:
        x, y = x * FARTHEST / far, y * FARTHEST / far
    along = back @ np.subtract(tip, end)
    angle = np.rad2deg(np.arctan2(-along[1], along[0])) if np.hypot(*along) > 1e-6 else 180.0
    return Arrow(round(float(x), 4), round(float(y), 4), round(float(angle) % 360, 1))


def _turn(chromosome: Chromosome) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """From the straightened chromosome along its axis to the canvas: flipped, and turned by a person."""
    radians = np.deg2rad(chromosome.angle + (0 if chromosome.p_up else 180))
    c, s = np.cos(radians), np.sin(radians)
    return np.array([[c, s], [-s, c]])
