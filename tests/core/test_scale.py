"""The scale of a slide: widths of chromosomes, and what a person may say about them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from chromview.core.chromosome import Chromosome
from chromview.core.scale import NARROWEST, WIDEST, check_width, factor_of, typical_width, width_of
from chromview.errors import UserError


def strip(width: int, length: int = 60) -> Chromosome:
    """An upright chromosome with its axis."""
    mask = np.zeros((length + 20, width + 20), bool)
    mask[10 : 10 + length, 10 : 10 + width] = True
    middle = 10 + (width - 1) / 2
    axis = np.array([[9.5, middle], [9.5 + length, middle]], np.float32)
    return replace(Chromosome.from_slide_mask(1, mask), axis=axis)


def test_the_width_is_area_over_length() -> None:
    assert typical_width([strip(9), strip(11), strip(20, 30)]) == pytest.approx(11)
    assert typical_width([replace(strip(9), axis=None)]) is None
    assert typical_width([]) is None


def test_width_and_factor_belong_to_each_other() -> None:
    assert width_of(factor_of(31.0)) == pytest.approx(31.0)
    assert factor_of(25.0) == pytest.approx(0.5)
    for width in (NARROWEST, WIDEST):
        check_width(width)


@pytest.mark.parametrize("width", [0.0, -3.0, 2.0, 500.0, float("nan"), float("inf")])
def test_a_width_that_no_chromosome_has_is_told(width: float) -> None:
    with pytest.raises(UserError, match=r"cannot be .* pixels wide here.*3\.1 to 125 pixels"):
        check_width(width)


def test_a_slide_is_not_enlarged_beyond_the_memory() -> None:
    check_width(3.2, (600, 800))
    with pytest.raises(UserError, match="4096 x 4096 pixels would be enlarged"):
        check_width(3.2, (4096, 4096))
