"""Arrows of the karyogram: they stay on their band, on the screen, in pictures and in the journal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from chromview.core.arrows import FARTHEST, arrow_at, spot
from chromview.core.chromosome import Arrow, Box, Chromosome, Slot, Stain
from chromview.core.commands import Command, FieldsChanged, from_bytes, to_bytes
from chromview.core.karyogram import layout, render
from chromview.core.straighten import Straightened

MIDDLE, LENGTH = (200.0, 100.0), 80.0


def chromosome(**fields: object) -> Chromosome:
    return Chromosome(1, Box(0, 0, 4, 4), np.ones((4, 4), bool), number=1, slot=Slot(1, 0), **fields)  # type: ignore[arg-type]


def test_an_arrow_stays_on_its_band_when_the_chromosome_is_flipped_or_turned() -> None:
    arrow = Arrow(0.25, -0.4, 180.0)
    plain = spot(arrow, chromosome(), MIDDLE, LENGTH)
    assert (plain.x, plain.y) == pytest.approx((220, 68)) and plain.along == pytest.approx((-1, 0))
    flipped = spot(arrow, chromosome(p_up=False), MIDDLE, LENGTH)
    assert (flipped.x, flipped.y) == pytest.approx((180, 132)) and flipped.along == pytest.approx((1, 0))
    turned = spot(arrow, chromosome(angle=90.0), MIDDLE, LENGTH)  # counter-clockwise: what was above is left
    assert (turned.x, turned.y) == pytest.approx((168, 80)) and turned.along == pytest.approx((0, 1))


@pytest.mark.parametrize("fields", [{}, {"p_up": False}, {"angle": 30.0, "p_up": False}])
@pytest.mark.parametrize("arrow", [Arrow(0.2, 0.1, 180.0), Arrow(-0.3, -0.45, 37.5), Arrow(0.0, 0.6, 270.0)])
def test_where_it_is_dragged_to_is_where_it_is(arrow: Arrow, fields: dict[str, object]) -> None:
    there = spot(arrow, chromosome(**fields), MIDDLE, LENGTH)
    assert arrow_at((there.x, there.y), there.end, chromosome(**fields), MIDDLE, LENGTH) == pytest.approx(
        arrow, abs=0.06
    )


def test_it_cannot_be_dragged_away_from_its_chromosome() -> None:
    arrow = arrow_at((2000.0, 100.0), (2100.0, 100.0), chromosome(), MIDDLE, LENGTH)
    assert np.hypot(arrow.x, arrow.y) == pytest.approx(FARTHEST, abs=1e-3)
    assert arrow_at((200.0, 100.0), (200.0, 100.0), chromosome(), MIDDLE, LENGTH).angle == 180.0


def test_the_journal_brings_arrows_back_exactly() -> None:
    arrows = (Arrow(0.25, -0.4, 180.0), Arrow(-0.1, 0.3, 12.5))
    back = from_bytes(to_bytes(Command("Arrow", (FieldsChanged(1, {"arrows": ()}, {"arrows": arrows}),))))
    change = back.changes[0]
    assert isinstance(change, FieldsChanged) and change.after["arrows"] == arrows
    assert isinstance(change.after["arrows"][0], Arrow)


@pytest.mark.parametrize("stain", [Stain.G_BAND, Stain.Q_BAND])
@pytest.mark.parametrize("zoom", [1.0, 2.0])
def test_the_picture_of_the_karyogram_has_the_arrow_at_its_place(stain: Stain, zoom: float) -> None:
    ground = 0 if stain.bright_on_dark else 255
    axis = np.stack([np.arange(80.0), np.full(80, 8.0)], axis=1).astype(np.float32)
    straight = Straightened(np.full((80, 16), 128, np.uint8), np.ones((80, 16), bool), axis, 30.0)
    one = chromosome(arrows=(Arrow(0.3, -0.2, 180.0),))
    plan = layout([one], {1: straight}, scale=1.0)
    bare = render(plan, {1: straight}, stain=stain, zoom=zoom, pointed_at={1: replace(one, arrows=())})
    drawn = render(plan, {1: straight}, stain=stain, zoom=zoom, pointed_at={1: one})
    placed = plan.of(1)
    assert placed is not None
    at = spot(one.arrows[0], one, placed.rect.centre, 80 * plan.scale)
    rows, columns = np.nonzero((bare != drawn).any(axis=2))
    assert rows.mean() == pytest.approx(zoom * at.y, abs=2 * zoom)
    assert columns.min() == pytest.approx(zoom * at.x, abs=3 * zoom)
    assert columns.max() == pytest.approx(zoom * at.end[0], abs=3 * zoom)
    middle = drawn[round(zoom * at.y), round(zoom * (at.x + 6))]
    assert abs(int(middle[0]) - ground) > 150  # it can be seen on the paper
