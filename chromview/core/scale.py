"""The scale of a slide: how wide its chromosomes are, and by which factor it is resampled for the networks.

The networks know chromosomes of one width. A slide whose chromosomes are wider is made smaller before they see it, one
whose chromosomes are narrower larger. The width is taken and not the length, because chromosomes of one photograph are
equally wide, and lengths differ with class and contraction.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from chromview.core.chromosome import Chromosome
from chromview.core.curves import arc_length
from chromview.errors import UserError
from chromview.texts import tr

CHROMOSOME_WIDTH = 12.5
"""Width in pixels of a chromosome at the canonical scale, that of the G-banded training set."""
LEAST_FACTOR, LARGEST_FACTOR = 0.1, 4.0
"""Of resampling."""
NARROWEST, WIDEST = round(CHROMOSOME_WIDTH / LARGEST_FACTOR, 1), CHROMOSOME_WIDTH / LEAST_FACTOR
"""Widths in slide pixels that can be analysed."""
LARGEST_RESAMPLED = 64_000_000
"""Pixels; a slide of 4096 x 4096 may still be doubled nearly."""


def factor_of(width: float) -> float:
    """Canonical pixels for one slide pixel, where chromosomes are `width` slide pixels wide."""
    return CHROMOSOME_WIDTH / width


def width_of(factor: float) -> float:
    """Width in slide pixels of the chromosomes of a slide that is resampled by `factor`."""
    return CHROMOSOME_WIDTH / factor


def check_width(width: float, shape: tuple[int, int] | None = None) -> None:
    """Say what is wrong with a width that a person gave.

    Parameters
    ----------
    width
        Slide pixels.
    shape
        (H, W) of the slide, where it is known.

    Raises
    ------
    UserError
        If no slide can be analysed with it, or not one as large as this.
    """
    if not np.isfinite(width) or not NARROWEST <= width <= WIDEST:
        raise UserError(
            tr("a chromosome cannot be {width} pixels wide here", width=f"{width:g}"),
            advice=tr(
                "Give its width across, {low} to {high} pixels of the slide.", low=f"{NARROWEST:g}", high=f"{WIDEST:g}"
            ),
        )
    if shape is not None and shape[0] * shape[1] * factor_of(width) ** 2 > LARGEST_RESAMPLED:
        raise UserError(
            tr(
                "with chromosomes {width} pixels wide, a slide of {columns} x {rows} pixels would be enlarged to more "
                "than {most} million pixels",
                width=f"{width:g}",
                columns=shape[1],
                rows=shape[0],
                most=LARGEST_RESAMPLED // 10**6,
            ),
            advice=tr("Give a larger width, or cut the slide to the metaphase."),
        )


def typical_width(chromosomes: Iterable[Chromosome]) -> float | None:
    """Median width of chromosomes in slide pixels: area over the length of the axis; None where none has an axis."""
    widths = [
        c.area / float(arc_length(c.axis)[-1])
        for c in chromosomes
        if c.axis is not None and len(c.axis) > 1 and c.area and arc_length(c.axis)[-1] > 0
    ]
    return float(np.median(widths)) if widths else None
