"""The course of a chromosome on the slide: smooth curves with a bend that can be set."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]

STEP = 0.5
"""Distance of neighbouring points of a course, pixels."""


def course(
    length: float,
    *,
    bend_degrees: float = 0.0,
    bend_at: float = 0.5,
    bend_radius: float = 8.0,
    wave_degrees: tuple[float, float] = (0.0, 0.0),
) -> Points:
    """A plane curve of given length, described by how its direction changes along it.

    The direction turns by `bend_degrees` in all, at constant curvature around `bend_at`, with
    soft beginning and end. The waves add a gentle C and S and do not change the
    direction between the two tips.

    Parameters
    ----------
    length
        Length of the curve in pixels, at least 2.
    bend_degrees
        Angle between the directions at the two tips, counter-clockwise positive; 0 is
        straight, 180 a hairpin with parallel arms.
    bend_at
        Middle of the bend, 0..1 of the length.
    bend_radius
        Radius of the bend in pixels. It becomes smaller where the bend would not
        fit on the chromosome.
    wave_degrees
        Amplitudes of the two slowest waves of the direction.

    Returns
    -------
    ``(n, 2)`` float64 points (y, x), `STEP` apart, their middle at the origin; the first
    half points downwards.
    """
    count = max(3, round(length / STEP) + 1)
    s = np.linspace(0.0, length, count)
    bend = np.deg2rad(bend_degrees)
    # The bend has to lie on the chromosome as a whole, or the angle would not be reached.
    span = min(max(abs(bend) * bend_radius, 2.0), 0.96 * length)
    middle = float(np.clip(bend_at * length, span / 2, length - span / 2))
    at = np.clip((s - middle) / span + 0.5, 0.0, 1.0)
    # Between a linear ramp (an arc) and a smooth step: an arc with softened ends.
    ramp = 0.6 * at + 0.4 * at * at * (3.0 - 2.0 * at)
    direction = bend * ramp
    for order, amplitude in enumerate(wave_degrees, start=1):
        # sin: a C or S whose end directions equal those without the wave.
        direction = direction + np.deg2rad(amplitude) * np.sin(np.pi * (order + 1) * s / length)
    middle_direction = (direction[1:] + direction[:-1]) / 2
    step = length / (count - 1)
    points = np.zeros((count, 2))
    points[1:, 0] = np.cumsum(np.cos(middle_direction) * step)
    points[1:, 1] = np.cumsum(np.sin(middle_direction) * step)
    return np.asarray(points - (points.min(axis=0) + points.max(axis=0)) / 2, np.float64)


def random_course(length: float, width: float, centromere: float, rng: np.random.Generator, *, bends: float) -> Points:
    """A course as chromosomes on a slide have it: most nearly straight, some bent, few folded.

    Parameters
    ----------
    length, width
        Of the chromosome in pixels.
    centromere
        Where it bends most readily, 0..1.
    rng
        Source of chance.
    bends
        How readily it bends; 0 straight, 1 as usual, 2 a badly spread cell.

    Returns
    -------
    As `course`.
    """
    slender = length / width
    # Short chromosomes hardly bend: their bend would be as large as they are.
    suppleness = bends * float(np.clip((slender - 1.2) / 4.5, 0.06, 1.15))
    draw = rng.random()
    if draw < 0.62:
        bend = rng.normal(0.0, 12.0)
    elif draw < 0.9:
        bend = rng.choice((-1.0, 1.0)) * rng.uniform(18.0, 65.0)
    else:
        bend = rng.choice((-1.0, 1.0)) * rng.uniform(65.0, 120.0)
    bend = float(np.clip(bend * suppleness, -150.0, 150.0))
    at = centromere + rng.normal(0.0, 0.04) if rng.random() < 0.55 else rng.uniform(0.25, 0.75)
    waves = (float(rng.normal(0.0, 7.0)) * suppleness, float(rng.normal(0.0, 4.0)) * suppleness)
    radius = width * rng.uniform(0.75, 1.9)
    return course(length, bend_degrees=bend, bend_at=at, bend_radius=radius, wave_degrees=waves)


def placed(points: Points, centre: tuple[float, float], turn_degrees: float) -> Points:
    """`points` turned about the origin, degrees counter-clockwise as seen on the screen, then moved to `centre`."""
    angle = np.deg2rad(turn_degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    # Rows grow downwards, so counter-clockwise on the screen is this sign.
    y = points[:, 0] * cos - points[:, 1] * sin
    x = points[:, 0] * sin + points[:, 1] * cos
    return np.stack([y + centre[0], x + centre[1]], axis=1)


def thinned(points: Points, spacing: float = 1.0) -> npt.NDArray[np.float32]:
    """The same curve with points about `spacing` pixels apart, ``(n, 2)`` float32; both ends are kept."""
    length = STEP * (len(points) - 1)
    count = max(2, round(length / spacing) + 1)
    at = np.linspace(0, len(points) - 1, count)
    index = np.arange(len(points))
    return np.stack([np.interp(at, index, points[:, k]) for k in (0, 1)], axis=1).astype(np.float32)
