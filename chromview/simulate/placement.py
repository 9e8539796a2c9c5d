"""Where chromosomes come to lie: apart, in contact or crossing, in a roughly round cell."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from chromview.core._cv import cv2
from chromview.simulate.shape import STEP, Points, placed

Floats = npt.NDArray[np.float32]

_TRIES = 160


@dataclass(frozen=True, slots=True)
class Region:
    """The ellipse on the slide in which a cell has spread.

    Attributes
    ----------
    centre
        (y, x) in pixels.
    radii
        Along y and x, pixels.
    """

    centre: tuple[float, float]
    radii: tuple[float, float]

    def draw(self, count: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        """``(count, 2)`` points (y, x), evenly spread in the ellipse."""
        turn = rng.uniform(0.0, 2 * np.pi, count)
        out = np.sqrt(rng.uniform(0.0, 1.0, count))
        return np.stack(
            [
                self.centre[0] + self.radii[0] * out * np.sin(turn),
                self.centre[1] + self.radii[1] * out * np.cos(turn),
            ],
            axis=1,
        )


@dataclass(slots=True)
class Table:
    """The slide while chromosomes are laid on it.

    Attributes
    ----------
    shape
        (H, W).
    width
        Outer width of a chromosome in pixels, gaping chromatids included.
    margin
        Free border of the slide in pixels.
    courses
        What lies there, in the order in which it was laid.
    """

    shape: tuple[int, int]
    width: float
    margin: float
    courses: list[Points] = field(default_factory=list)
    _bodies: list[_Body] = field(default_factory=list)

    def _put(self, points: Points) -> bool:
        self.courses.append(points)
        self._bodies.append(_body(points, self.width / 2))
        return True

    def free(self, *, without: int | None = None, only: int | None = None) -> Floats:
        """Distance to the nearest chromosome.

        Parameters
        ----------
        without, only
            Leave out this one, or look at this one only.

        Returns
        -------
        ``(H, W)`` float32 pixels, 0 on a chromosome.
        """
        empty = np.ones(self.shape, np.uint8)
        for index, body in enumerate(self._bodies):
            if index == without or (only is not None and index != only):
                continue
            top, left = max(0, body.top), max(0, body.left)
            bottom = min(self.shape[0], body.top + body.filled.shape[0])
            right = min(self.shape[1], body.left + body.filled.shape[1])
            part = body.filled[top - body.top : bottom - body.top, left - body.left : right - body.left]
            empty[top:bottom, left:right] &= 1 - part
        if empty.all():
            return np.full(self.shape, float(sum(self.shape)), np.float32)
        return np.asarray(cv2.distanceTransform(empty, cv2.DIST_L2, 5), np.float32)

    def _inside(self, points: Points) -> bool:
        low, high = points.min(axis=0), points.max(axis=0)
        border = self.margin + self.width / 2
        return bool((low >= border).all() and high[0] < self.shape[0] - border and high[1] < self.shape[1] - border)

    def _gap(self, outline: Points, free: Floats) -> float:
        """Least free space between an outline and what `free` was measured from, pixels; 0 where they meet."""
        index = np.clip(np.rint(outline).astype(int), 0, np.array(self.shape) - 1)
        return float(free[index[:, 0], index[:, 1]].min())

    def lay_apart(self, points: Points, region: Region, gap: float, rng: np.random.Generator) -> bool:
        """Lay a course so that nothing is nearer than `gap` pixels; False if no place was found."""
        free = self.free()
        best: Points | None = None
        most = 2.0
        for centre in region.draw(_TRIES, rng):
            moved = placed(points, (centre[0], centre[1]), float(rng.uniform(0.0, 360.0)))
            if not self._inside(moved):
                continue
            clearance = self._gap(_outline(moved, self.width / 2), free)
            if clearance >= gap:
                return self._put(moved)
            if clearance > most:
                best, most = moved, clearance
        return best is not None and self._put(best)

    def lay_touching(self, points: Points, region: Region, gap: float, rng: np.random.Generator) -> bool:
        """Lay a course so that it touches one that lies there and keeps off the others; False if no place was found."""
        for target in rng.permutation(len(self.courses))[:8]:
            others = self.free(without=int(target))
            alone = self.free(only=int(target))
            other = self.courses[int(target)]
            for _ in range(_TRIES // 8):
                turned = placed(points, (0.0, 0.0), float(rng.uniform(0.0, 360.0)))
                outline = _outline(turned, self.width / 2)
                anchor = other[int(rng.integers(0, len(other)))]
                away = rng.uniform(0.0, 2 * np.pi)
                direction = np.array([np.sin(away), np.cos(away)])
                # Slide it in from afar until it touches, then a pixel further: edges are soft.
                far, near = len(points) / 2 + 2 * self.width, 0.0
                while far - near > 0.2:
                    middle = (far + near) / 2
                    if self._gap(outline + anchor + direction * middle, alone) > 0.0:
                        far = middle
                    else:
                        near = middle
                moved = turned + anchor + direction * (near - rng.uniform(0.7, 1.5))
                if (
                    self._inside(moved)
                    and _within(moved, region)
                    and self._gap(_outline(moved, self.width / 2), others) >= gap
                    and self._on(moved, alone) == (0, 0)
                ):
                    return self._put(moved)
        return False

    def lay_crossing(self, points: Points, region: Region, gap: float, rng: np.random.Generator) -> bool:
        """Lay a course across one that lies there, keeping off the others; False if no place was found."""
        long_enough = [k for k, other in enumerate(self.courses) if len(other) / 2 > 2.2 * self.width]
        for target in rng.permutation(np.array(long_enough or list(range(len(self.courses))), int))[:8]:
            other = self.courses[int(target)]
            others = self.free(without=int(target))
            alone = self.free(only=int(target))
            for _ in range(_TRIES // 4):
                here = _crossing_point(other, self.width, rng)
                there = _crossing_point(points, self.width, rng)
                turn = _crossing_turn(points, there, other, here, float(rng.uniform(40.0, 140.0)))
                if rng.random() < 0.5:
                    turn += 180.0
                turned = placed(points, (0.0, 0.0), turn)
                moved = turned + (other[here] - turned[there])
                if not self._inside(moved) or not _within(moved, region):
                    continue
                if self._gap(_outline(moved, self.width / 2), others) < gap:
                    continue
                # It shall cross once: what lies on the other one is one stretch, not much longer than the crossing.
                stretches, length = self._on(moved, alone)
                if stretches == 1 and length < 2.0 * self.width:
                    return self._put(moved)
        return False

    def _on(self, points: Points, free: Floats) -> tuple[int, float]:
        """In how many stretches, and over how many pixels, the middle line of a course lies on others."""
        index = np.clip(np.rint(points).astype(int), 0, np.array(self.shape) - 1)
        on = free[index[:, 0], index[:, 1]] <= 0.0
        return int(np.count_nonzero(np.diff(on.astype(np.int8), prepend=0) == 1)), float(on.sum()) * STEP


@dataclass(frozen=True, slots=True, eq=False)
class _Body:
    """The area of a chromosome: its upper left corner and ``(h, w)`` uint8, 1 inside."""

    top: int
    left: int
    filled: npt.NDArray[np.uint8]


def _sides(points: Points, half: float) -> tuple[Points, Points]:
    """Both sides of a chromosome along its course, with rounded tips."""
    count = len(points)
    s = np.arange(count) * STEP
    from_tip = np.minimum(s, s[::-1])
    # As `draw_chromosome` rounds it.
    ball = np.clip(from_tip / (0.85 * half), 0.0, 1.0)
    wide = half * np.sqrt(1.0 - (1.0 - ball) ** 2.2)
    tangent = np.gradient(points, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    aside = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1) * wide[:, None]
    return points + aside, points - aside


def _outline(points: Points, half: float) -> Points:
    """Points on the edge of a chromosome, about a pixel apart."""
    left, right = _sides(points, half)
    return np.concatenate([left[::2], right[::2], points[:1], points[-1:]])


def _body(points: Points, half: float) -> _Body:
    left, right = _sides(points, half)
    both = np.concatenate([left, right])
    corner = np.floor(both.min(axis=0)).astype(int) - 1
    size = np.ceil(both.max(axis=0)).astype(int) + 2 - corner
    filled = np.zeros((int(size[0]), int(size[1])), np.uint8)
    # Piece by piece: the outline as one polygon would have holes where a sharp bend folds it.
    pieces = np.stack([left[:-2:2], left[2::2], right[2::2], right[:-2:2]], axis=1) - corner
    for piece in np.rint(pieces[..., ::-1] * 16).astype(np.int32):
        cv2.fillConvexPoly(filled, piece, 1, cv2.LINE_8, 4)
    return _Body(int(corner[0]), int(corner[1]), filled)


def _crossing_point(points: Points, width: float, rng: np.random.Generator) -> int:
    """A point of a course where it can be crossed so that something is left on both sides, if it is long enough."""
    share = min(0.42, width / (STEP * len(points)))
    return int(rng.uniform(share, 1.0 - share) * (len(points) - 1))


def _within(points: Points, region: Region) -> bool:
    """Whether the middle of a course lies in the region, a little outside allowed."""
    middle = points[len(points) // 2]
    y = (middle[0] - region.centre[0]) / max(region.radii[0], 1e-6)
    x = (middle[1] - region.centre[1]) / max(region.radii[1], 1e-6)
    return float(y * y + x * x) <= 1.15


def _crossing_turn(points: Points, there: int, other: Points, here: int, angle: float) -> float:
    """Turn in degrees after which `points` at `there` runs at `angle` degrees to `other` at `here`."""

    def heading(line: Points, at: int) -> float:
        low, high = max(0, at - 6), min(len(line) - 1, at + 6)
        step = line[high] - line[low]
        return float(np.degrees(np.arctan2(step[1], step[0])))

    return heading(other, here) + angle - heading(points, there)
