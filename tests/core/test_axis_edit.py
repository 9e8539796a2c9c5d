"""An axis under the hand stays smooth, keeps what was not touched, and measures the arms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from chromview.core.axis_edit import ArmLengths, carried_over, measured_arms, moved, point_at, share_of
from chromview.core.chromosome import Box, Chromosome
from chromview.core.curves import arc_length, tangents

STRAIGHT = np.column_stack([np.arange(81.0), np.full(81, 20.0)])


def test_a_place_on_the_axis_is_found_again() -> None:
    bent = np.array([[0.0, 0.0], [30.0, 0.0], [30.0, 10.0]])
    for share in (0.0, 0.2, 0.75, 0.9, 1.0):
        found, away = share_of(bent, point_at(bent, share))
        assert found == pytest.approx(share) and away == pytest.approx(0, abs=1e-9)
    share, away = share_of(STRAIGHT, (40.0, 27.0))
    assert share == pytest.approx(0.5) and away == pytest.approx(7)


def test_a_point_in_the_middle_takes_its_surroundings_along_and_leaves_the_tips() -> None:
    axis = moved(STRAIGHT, 0.5, (40.0, 30.0))
    assert axis.dtype == np.float32
    assert share_of(axis, (40.0, 30.0))[1] < 0.1
    assert np.allclose(axis[0], STRAIGHT[0]) and np.allclose(axis[-1], STRAIGHT[-1])
    steps = np.hypot(*np.diff(axis, axis=0).T)
    assert steps.min() > 0.9 and steps.max() < 1.1
    turns = tangents(axis.astype(float))
    assert (turns[1:] * turns[:-1]).sum(axis=1).min() > 0.95, "a corner in the axis"


def test_a_tip_makes_the_axis_longer_or_shorter() -> None:
    longer = moved(STRAIGHT, 1.0, (92.0, 20.0))
    assert arc_length(longer)[-1] == pytest.approx(92)
    assert np.allclose(longer[0], STRAIGHT[0])
    shorter = moved(STRAIGHT, 0.01, (10.0, 20.0))
    assert np.allclose(shorter[0], (10, 20)) and arc_length(shorter)[-1] == pytest.approx(70)


def test_nothing_is_no_axis() -> None:
    with pytest.raises(ValueError, match="length"):
        moved(np.array([[0.0, 0.0], [3.0, 0.0]]), 1.0, (0.0, 0.0))


def test_the_centromere_stays_beside_its_place() -> None:
    reversed_axis = STRAIGHT[::-1]
    assert carried_over(0.25, STRAIGHT, reversed_axis) == pytest.approx(0.75)
    longer = np.vstack([STRAIGHT, [[160.0, 20.0]]])
    assert carried_over(0.5, STRAIGHT, longer) == pytest.approx(0.25)


def test_arms_are_measured_along_the_axis_from_the_p_tip() -> None:
    whole = Chromosome(1, Box(0, 15, 81, 26), np.ones((81, 11), bool), axis=STRAIGHT.astype(np.float32))
    assert measured_arms(whole) is None

    def of(**fields: object) -> ArmLengths:
        from dataclasses import replace

        arms = measured_arms(replace(whole, **fields))  # type: ignore[arg-type]
        assert arms is not None
        return arms

    arms = of(centromere=0.25)
    assert (arms.p, arms.q) == pytest.approx((20, 60))
    assert arms.ratio == pytest.approx(3) and arms.centromere_index == pytest.approx(0.25)
    turned = of(centromere=0.25, p_up=False)
    assert (turned.p, turned.q) == pytest.approx((60, 20)) and turned.ratio == pytest.approx(3)
    assert math.isinf(of(centromere=0.0).ratio)
