"""A bent tube fitted to the outline of a mask: the axis of a sharply bent chromosome.

Where a chromosome is bent within little more than its own width, the middles of cross-sections tell its axis badly:
those near the tips lie aslant and end in corners, and those in the bend reach into what fills its inner side. A tube of
one width with blunt ends, whose curvature changes as little as the outline allows, has neither trouble. It is fitted by
damped least squares (Levenberg and Marquardt) to the distances of the outline from its surface; large ones count
linearly (Huber), so that arms that touch, and webs in a bend, do not decide.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chromview.core.curves import Points, arc_length, resample, tangents

_KNOTS = 0.6
"""Distance of places where the curvature may change, in widths."""
_STIFF = 0.1
"""Price of a change of curvature."""
_ROUND = 0.94
"""Radius of the corners of the ends, in half widths: 0 cut off square, 1 a half disc.

Where straight and bent simulated chromosomes come out as long as they are."""
_FAR = 0.8
"""Distance of the outline from the tube, pixels, from which on it counts linearly."""
_WEB = 0.5
"""How much sooner it does so where the outline leaves the inner side of a bend free."""
_SHARP = 0.5
"""Curvature times width from which on that is so in full."""
_FOLD = 10.0
"""Price of a bend so sharp that the inner side of the tube would fold: curvature times half a width of 1."""
_ROUNDS = 12
_ENOUGH = 1e-2
_STEP = 1e-4


class _Course(NamedTuple):
    """Curves of p tubes: points ``(p, m, 2)`` at equal steps, and the directions there ``(p, m)``, radians."""

    points: Points
    direction: Points


class _Tube(NamedTuple):
    """Numbers that make a tube: its middle (y, x) and direction there, turns per length at its knots, length, width."""

    knots: int
    steps: int

    def course(self, tubes: Points) -> _Course:
        """Curves of tubes ``(p, knots + 5)``."""
        at = np.linspace(0, self.knots - 1, self.steps)
        first = np.minimum(at.astype(np.intp), self.knots - 2)
        share = at - first
        turns = tubes[:, 3 : 3 + self.knots]
        turn = turns[:, first] * (1 - share) + turns[:, first + 1] * share
        direction = np.zeros_like(turn)
        np.cumsum(0.5 * (turn[:, 1:] + turn[:, :-1]) / (self.steps - 1), axis=1, out=direction[:, 1:])
        middle = self.steps // 2
        direction += tubes[:, 2:3] - direction[:, middle : middle + 1]
        between = 0.5 * (direction[:, 1:] + direction[:, :-1])
        points = np.zeros((*direction.shape, 2))
        step = tubes[:, -2:-1] / (self.steps - 1)
        np.cumsum(np.cos(between) * step, axis=1, out=points[:, 1:, 0])
        np.cumsum(np.sin(between) * step, axis=1, out=points[:, 1:, 1])
        points += tubes[:, None, :2] - points[:, middle : middle + 1]
        return _Course(points, direction)

    def along(self, axis: Points, width: float) -> Points:
        """The tube along an axis, ``(knots + 5,)``."""
        length = float(arc_length(axis)[-1])
        line = resample(axis, length / (self.steps - 1))
        towards = tangents(line)
        direction = np.unwrap(np.arctan2(towards[:, 1], towards[:, 0]))
        at = np.linspace(0, 1, len(line))
        turn = np.gradient(direction, at)
        near = np.exp(-0.5 * ((at - np.linspace(0, 1, self.knots)[:, None]) * (self.knots - 1) / 0.6) ** 2)
        middle = len(line) // 2
        return np.concatenate([line[middle], [direction[middle]], near @ turn / near.sum(axis=1), [length, width]])

    def aside(
        self, tubes: Points, course: _Course, outline: Points, foot: npt.NDArray[np.intp]
    ) -> tuple[Points, Points]:
        """Place along the course and signed distance beside it, ``(p, n)`` each, of points about their feet."""
        apart = outline - course.points[:, foot]
        cos, sin = np.cos(course.direction)[:, foot], np.sin(course.direction)[:, foot]
        along = foot / (self.steps - 1) * tubes[:, -2:-1] + apart[..., 0] * cos + apart[..., 1] * sin
        return along, apart[..., 1] * cos - apart[..., 0] * sin

    def outside(self, tubes: Points, course: _Course, outline: Points, foot: npt.NDArray[np.intp]) -> Points:
        """Distance ``(p, n)`` of outline points from the surface of tubes, negative inside."""
        along, beside = self.aside(tubes, course, outline, foot)
        length, half = tubes[:, -2:-1], 0.5 * tubes[:, -1:]
        corner = _ROUND * half
        beyond = np.maximum(-along, along - length) + corner
        out = np.abs(beside) - half + corner
        rounded = np.hypot(np.maximum(beyond, 0), np.maximum(out, 0))
        return np.asarray(rounded + np.minimum(np.maximum(beyond, out), 0) - corner)

    def price(self, tubes: Points, stiffness: float, fold: float) -> Points:
        """What is least besides the distances, ``(p, 2 * knots - 1)``: changes of curvature, and folds."""
        turns = tubes[:, 3 : 3 + self.knots]
        sharp = np.abs(turns) * tubes[:, -1:] / (2 * tubes[:, -2:-1])
        return np.concatenate([stiffness * np.diff(turns, axis=1), fold * np.maximum(sharp - 0.95, 0)], axis=1)


def outline_of(mask: npt.NDArray[np.uint8]) -> Points:
    """Middles ``(n, 2)`` of the edges between the pixels of a mask, with a border of zeros, and those around it."""
    inside = mask > 0
    right = np.argwhere(inside[:, 1:] != inside[:, :-1]) + (0, 0.5)
    below = np.argwhere(inside[1:] != inside[:-1]) + (0.5, 0)
    return np.concatenate([right, below])


def fit_tube(mask: npt.NDArray[np.uint8], axis: Points, width: float) -> tuple[Points, float]:
    """Axis of the tube whose surface is nearest to the outline of a mask.

    Parameters
    ----------
    mask
        ``(h, w)`` uint8, 0 or 1, with a border of zeros.
    axis
        ``(n, 2)`` a first guess, at least a width or so long.
    width
        Of the tube, a first guess in pixels.

    Returns
    -------
    ``(m, 2)`` points from tip to tip about one pixel apart, and the mean distance of the outline from the tube's
    surface in pixels.
    """
    outline = outline_of(mask)
    length = float(arc_length(axis)[-1])
    tube = _Tube(int(np.clip(round(length / (_KNOTS * width)) + 1, 4, 16)), max(25, round(length)) | 1)
    slender = max(length / width, 1.0)
    stiffness = float(np.sqrt(_STIFF * len(outline) * (tube.knots - 1) / slender**4))
    fold = float(np.sqrt(_FOLD * len(outline) / tube.knots))
    squares = (outline**2).sum(axis=1)[:, None]

    def look(guess: Points) -> tuple[_Course, npt.NDArray[np.intp], Points, Points]:
        """Course, feet of the outline on it, its distances from the tube, and the price."""
        course = tube.course(guess[None])
        line = course.points[0]
        foot = np.argmin(squares - 2 * outline @ line.T + (line**2).sum(axis=1), axis=1)
        return (
            course,
            foot,
            tube.outside(guess[None], course, outline, foot)[0],
            tube.price(guess[None], stiffness, fold)[0],
        )

    def weigh(guess: Points, course: _Course, foot: npt.NDArray[np.intp], apart: Points) -> tuple[Points, Points]:
        """How much each outline point counts, and the distance from which on linearly."""
        beside = tube.aside(guess[None], course, outline, foot)[1][0]
        turn = np.interp(foot / (tube.steps - 1), np.linspace(0, 1, tube.knots), guess[3 : 3 + tube.knots]) / guess[-2]
        inner = np.clip(turn * np.sign(beside) * guess[-1] / _SHARP, 0, 1)
        far = np.where(apart > 0, _FAR * (1 - _WEB * inner), _FAR)
        # The outer side of a bend has more outline than the inner; a waist there would else move the axis inwards.
        return 1 / np.maximum(1 - turn * beside, 0.35), far

    def total(apart: Points, price: Points, weight: Points, far: Points) -> float:
        size = np.abs(apart)
        huber = np.where(size < far, 0.5 * size**2, far * (size - 0.5 * far))
        return float((weight * huber).sum() + 0.5 * price @ price)

    best = tube.along(axis, width)
    course, foot, apart, price = look(best)
    steps = _STEP * np.eye(len(best))
    damping = 1e-3
    for _ in range(_ROUNDS):
        weight, far = weigh(best, course, foot, apart)
        cost = total(apart, price, weight, far)
        others = best + steps
        slope = (tube.outside(others, tube.course(others), outline, foot) - apart) / _STEP
        slope_of_price = (tube.price(others, stiffness, fold) - price) / _STEP
        weighted = slope * (weight * np.minimum(1, far / np.maximum(np.abs(apart), 1e-9)))
        matrix = weighted @ slope.T + slope_of_price @ slope_of_price.T
        down = weighted @ apart + slope_of_price @ price
        gain = 0.0
        while damping < 10 and not gain:
            scaled = matrix.copy()
            scaled.flat[:: len(best) + 1] *= 1 + damping
            scaled.flat[:: len(best) + 1] += 1e-9
            moved = best - np.linalg.solve(scaled, down)
            if min(moved[-2:]) > 2:
                answer = look(moved)
                less = cost - total(*answer[2:], weight, far)
                if less > 0:
                    gain, best, (course, foot, apart, price) = less, moved, answer
            damping *= 0.2 if gain else 5
        if gain < _ENOUGH * cost:
            break
    return resample(course.points[0]), float(np.abs(apart).mean())
