"""The strip of one class: places, picture, labels."""

from __future__ import annotations

import numpy as np
import pytest

from chromview.core.straighten import Straightened
from chromview.core.strip import StripItem, layout_strip, render_strip


def item(
    slide: int, chromosome: int, rows: int = 60, centromere: float | None = 20, *, dark: bool = False, scale: float = 1
) -> StripItem:
    """A grey bar with a stripe at its centromere."""
    grey = np.full((rows, 15), 0 if dark else 255, np.uint8)
    grey[:, 3:12] = 150 if dark else 100
    straight = Straightened(grey, grey != grey[0, 0], np.zeros((rows, 2), np.float32), centromere)
    return StripItem(slide, chromosome, f"slide {slide}.png", straight, dark, scale)


def test_centromeres_stand_on_one_line_and_nothing_overlaps() -> None:
    items = [item(1, 1, 80, 30), item(1, 2, 60, 12), item(2, 1, 70, None), item(3, 9, 66, 33)]
    plan = layout_strip(items)
    for placed, one in zip(plan.placed, items, strict=True):
        assert placed.item is one
        row = one.straight.length / 2 if one.straight.centromere_row is None else one.straight.centromere_row
        assert placed.top + placed.height * row / one.straight.length == pytest.approx(plan.centromere_y, abs=1)
        assert placed.top >= 0 and placed.top + placed.height <= plan.height
    for a, b in zip(plan.placed, plan.placed[1:], strict=False):
        assert a.left + a.width < b.left
    assert plan.placed[-1].left + plan.placed[-1].width <= plan.width
    assert [label.name for label in plan.labels] == ["slide 1.png", "slide 2.png", "slide 3.png"]


def test_a_point_leads_to_its_chromosome() -> None:
    items = [item(1, 1), item(1, 2), item(2, 1)]
    plan = layout_strip(items)
    for placed in plan.placed:
        assert plan.at(placed.left + placed.width / 2, placed.top + placed.height / 2) is placed.item
    assert plan.at(1, 1) is None


def test_the_picture_shows_every_chromosome_once() -> None:
    items = [item(1, 1), item(2, 1)]
    plan = layout_strip(items)
    picture = render_strip(plan, title="Chromosome 7")
    assert picture.shape == (plan.height, plan.width, 3)
    assert picture.dtype == np.uint8
    for placed in plan.placed:
        shown = picture[placed.top : placed.top + placed.height, placed.left : placed.left + placed.width]
        assert abs(int(np.median(shown)) - 100) < 5
    without = render_strip(layout_strip(items[:1]))
    assert without.min() < 130


def test_slides_of_another_magnification_are_brought_to_one_size() -> None:
    plan = layout_strip([item(1, 1, 60, 20), item(2, 1, 30, 10, scale=2)])
    assert plan.placed[0].height == plan.placed[1].height


def test_fluorescent_chromosomes_shine_on_black_and_few_of_them_are_inverted() -> None:
    shining = render_strip(layout_strip([item(1, 1, dark=True), item(2, 1, dark=True)]))
    assert (shining[0, 0] == 0).all()
    plan = layout_strip([item(1, 1), item(2, 1), item(3, 1, dark=True)])
    mixed = render_strip(plan)
    assert (mixed[0, 0] == 255).all()
    last = plan.placed[-1]
    shown = mixed[last.top : last.top + last.height, last.left : last.left + last.width]
    assert abs(int(np.median(shown)) - 105) < 5


def test_long_names_are_shortened_to_their_place() -> None:
    long = "a very long name of a slide that nobody could read in so little room, number "
    first, second = (StripItem(n, 1, f"{long}{n}", item(n, 1).straight) for n in (1, 2))
    plan = layout_strip([first, second])
    picture = render_strip(plan)
    between = plan.labels[0].left + plan.labels[0].width + 2
    column = picture[plan.height - 70 : plan.height - 30, between : between + 10]
    assert (column == 255).all()


def test_an_empty_strip_is_a_page() -> None:
    plan = layout_strip([])
    assert render_strip(plan, title="Chromosome Y: none").shape == (plan.height, plan.width, 3)
