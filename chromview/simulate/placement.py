"""Where chromosomes come to lie: apart, in contact or crossing, in a roughly round cell."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from chromview.core._cv import cv2
from chromview.simulate.shape import Points, placed

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

    def free(self, without: int | None = None) -> Floats:
        """``(H, W)`` float32: distance in pixels from each pixel to the nearest chromosome, except number `without`."""
        empty = np.full(self.shape, 255, np.uint8)
        for index, points in enumerate(self.courses):
            if index != without:
                line = np.rint(points[::2, ::-1] * 8).astype(np.int32)[:, None]
                cv2.polylines(empty, [line], False, 0, max(1, round(self.width)), cv2.LINE_8, 3)
        if empty.all():
            return np.full(self.shape, float(sum(self.shape)), np.float32)
        return np.asarray(cv2.distanceTransform(empty, cv2.DIST_L2, 5), np.float32)

    def _inside(self, points: Points) -> bool:
        low, high = points.min(axis=0), points.max(axis=0)
        border = self.margin + self.width / 2
        return bool((low >= border).all() and high[0] < self.shape[0] - border and high[1] < self.shape[1] - border)

    def _clearance(self, points: Points, free: Floats) -> npt.NDArray[np.float32]:
        """Free space at the side of each point of a course, pixels; below 0 it lies on another one."""
        index = np.clip(np.rint(points[::2]).astype(int), 0, np.array(self.shape) - 1)
        # Chromosomes end with their course, so beside the tips this is half a width too careful.
        return np.asarray(free[index[:, 0], index[:, 1]] - self.width / 2, np.float32)

    def lay_apart(self, points: Points, region: Region, gap: float, rng: np.random.Generator) -> bool:
        """Lay a course so that nothing is nearer than `gap` pixels; False if no place was found."""
        free = self.free()
        best: Points | None = None
        most = -np.inf
        for centre in region.draw(_TRIES, rng):
            moved = placed(points, (centre[0], centre[1]), float(rng.uniform(0.0, 360.0)))
            if not self._inside(moved):
                continue
            clearance = float(self._clearance(moved, free).min())
            if clearance >= gap:
                best = moved
                break
            if clearance > most:
                most = clearance
                best = moved if clearance > 1.0 else best
        if best is None:
            return False
        self.courses.append(best)
        return True

    def lay_touching(self, points: Points, region: Region, gap: float, rng: np.random.Generator) -> bool:
        """Lay a course so that it touches one that lies there and keeps off the others; False if no place was found."""
        if not self.courses:
            return False
        order = rng.permutation(len(self.courses))
        for target in order[:6]:
            others = self.free(without=int(target))
            alone = Table(self.shape, self.width, self.margin, [self.courses[int(target)]]).free()
            for _ in range(_TRIES // 4):
                anchor = self.courses[int(target)][int(rng.integers(0, len(self.courses[int(target)])))]
                turn = float(rng.uniform(0.0, 360.0))
                away = rng.uniform(0.0, 2 * np.pi)
                direction = np.array([np.sin(away), np.cos(away)])
                # Slide it in from afar until it touches.
                far, near = 1.2 * len(points) / 2 + 2 * self.width, 0.0
                turned = placed(points, (0.0, 0.0), turn)
                for _ in range(9):
                    middle = (far + near) / 2
                    if self._clearance(turned + anchor + direction * middle, alone).min() > -0.8:
                        far = middle
                    else:
                        near = middle
                moved = turned + anchor + direction * far
                clearance = float(self._clearance(moved, alone).min())
                if not -1.6 < clearance < 0.0 or not self._inside(moved) or not _within(moved, region):
                    continue
                if self._clearance(moved, others).min() >= gap:
                    self.courses.append(moved)
                    return True
        return False

    def lay_crossing(self, points: Points, region: Region, gap: float, rng: np.random.Generator) -> bool:
        """Lay a course across one that lies there, keeping off the others; False if no place was found."""
        if not self.courses:
            return False
        long_enough = [k for k, other in enumerate(self.courses) if len(other) / 2 > 2.2 * self.width]
        order = rng.permutation(np.array(long_enough or list(range(len(self.courses)))))
        for target in order[:8]:
            other = self.courses[int(target)]
            others = self.free(without=int(target))
            alone = Table(self.shape, self.width, self.margin, [other]).free()
            for _ in range(_TRIES // 4):
                here = int(rng.uniform(0.12, 0.88) * (len(other) - 1))
                there = int(rng.uniform(0.15, 0.85) * (len(points) - 1))
                turn = _crossing_turn(points, there, other, here, float(rng.uniform(40.0, 140.0)))
                if rng.random() < 0.5:
                    turn += 180.0
                turned = placed(points, (0.0, 0.0), turn)
                moved = turned + (other[here] - turned[there])
                if not self._inside(moved) or not _within(moved, region):
                    continue
                if self._clearance(moved, others).min() < gap:
                    continue
                # It shall cross once: what is on the other one is one stretch, not much longer than the crossing.
                on = self._clearance(moved, alone) < 0.0
                stretches = int(np.count_nonzero(np.diff(on.astype(np.int8), prepend=0) == 1))
                if stretches == 1 and on.sum() < 3.6 * self.width:
                    self.courses.append(moved)
                    return True
        return False


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
