from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from chromview.simulate.shape import STEP, course, placed, thinned


def directions(points: np.ndarray) -> np.ndarray:
    step = np.diff(points, axis=0)
    return np.unwrap(np.arctan2(step[:, 1], step[:, 0]))


@given(
    length=st.floats(8, 200),
    bend=st.floats(-180, 180),
    at=st.floats(0, 1),
    radius=st.floats(1, 40),
    wave=st.floats(-15, 15),
)
def test_a_course_has_the_length_and_the_bend_that_were_asked_for(
    length: float, bend: float, at: float, radius: float, wave: float
) -> None:
    points = course(length, bend_degrees=bend, bend_at=at, bend_radius=radius, wave_degrees=(wave, 0.0))
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    assert np.isclose(steps.sum(), length, rtol=1e-3)
    assert np.allclose(steps, STEP, rtol=0.05)
    # The angle between the tips, apart from the last half step on each side.
    turned = np.degrees(directions(points)[-1] - directions(points)[0])
    tolerance = 1.0 + 2 * np.degrees(np.abs(np.diff(directions(points))).max())
    assert abs(turned - bend) < tolerance
    assert np.allclose(points.min(axis=0) + points.max(axis=0), 0.0, atol=1e-6)


def test_bending_happens_where_it_was_asked_for() -> None:
    points = course(120.0, bend_degrees=90.0, bend_at=0.25, bend_radius=5.0)
    turning = np.abs(np.diff(directions(points)))
    assert np.isclose(turning.argmax() * STEP, 30.0, atol=6.0)
    assert turning[120:].max() < 1e-6


@given(st.floats(-400, 400), st.floats(-50, 50), st.floats(-50, 50))
def test_placing_turns_and_moves_but_does_not_stretch(turn: float, y: float, x: float) -> None:
    points = course(60.0, bend_degrees=50.0)
    moved = placed(points, (y, x), turn)
    assert np.allclose(np.linalg.norm(np.diff(moved, axis=0), axis=1), np.linalg.norm(np.diff(points, axis=0), axis=1))
    assert np.allclose(placed(moved - (y, x), (0.0, 0.0), -turn), points, atol=1e-9)


def test_a_positive_turn_is_counter_clockwise_on_the_screen() -> None:
    down = np.array([[0.0, 0.0], [10.0, 0.0]])
    assert np.allclose(placed(down, (0.0, 0.0), 90.0)[1], [0.0, 10.0])


def test_the_axis_has_points_a_pixel_apart_and_keeps_the_tips() -> None:
    points = course(83.0, bend_degrees=70.0)
    axis = thinned(points)
    assert axis.dtype == np.float32
    assert np.allclose(axis[[0, -1]], points[[0, -1]], atol=1e-4)
    assert np.allclose(np.linalg.norm(np.diff(axis, axis=0), axis=1), 1.0, atol=0.05)
