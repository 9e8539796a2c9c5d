"""From masks to sheets: axes, the stain that is each chromosome's own, and chromosomes laid straight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from chromview.core.axis import usual_width
from chromview.core.chromosome import Chromosome, SlideImage, Stain
from chromview.core.masks import overlap_area
from chromview.core.straighten import find_levels
from chromview.core.undarken import own_shares
from chromview.progress import CancelToken
from chromview.vision.canvas import WHOLE_CELL, Sheet, canvas_axis, to_sheet

Float = npt.NDArray[np.float32]


def _local(darkness: Float, chromosome: Chromosome) -> Float:
    window: Float = np.clip(darkness[chromosome.box.slices], 0, None)
    return window


def with_axes(
    darkness: Float, chromosomes: Sequence[Chromosome], cancel: CancelToken, cell: Sequence[Chromosome] = ()
) -> list[Chromosome]:
    """The chromosomes, each with its axis; one that it has already is kept.

    Parameters
    ----------
    darkness
        ``(H, W)`` of the slide.
    cell
        Further chromosomes, by which the usual width is told as well.
    """
    whole = [*chromosomes, *cell]
    usual = usual_width(chromosome.mask for chromosome in whole) if len(whole) >= WHOLE_CELL else None
    result = []
    for chromosome in chromosomes:
        cancel.check()
        if chromosome.axis is None:
            axis = canvas_axis(chromosome.mask, usual, _local(darkness, chromosome))
            origin = np.array([chromosome.box.top, chromosome.box.left], np.float32)
            chromosome = replace(chromosome, axis=(axis + origin).astype(np.float32))
        result.append(chromosome)
    return result


def own_darkness(
    image: SlideImage, darkness: Float, chromosomes: Sequence[Chromosome], stain: Stain, inverted: bool
) -> list[Float]:
    """Darkness ``(h, w)`` in the box of each chromosome; in pixels that it shares, the estimate of its own."""
    if not any(overlap_area(a, b) for a, b in combinations(chromosomes, 2)):
        return [_local(darkness, c) for c in chromosomes]
    ground = find_levels(image, stain, inverted).ground(stain)
    shares = own_shares(image, chromosomes, stain, ground=ground, inverted=inverted)
    return [_local(darkness, c) * shares[c.id] if c.id in shares else _local(darkness, c) for c in chromosomes]


def lay_straight(chromosomes: Sequence[Chromosome], stains: Sequence[Float], cancel: CancelToken) -> list[Sheet]:
    """The sheet of each chromosome, from its axis and its own stain ``(h, w)``."""
    sheets = []
    for chromosome, own in zip(chromosomes, stains, strict=True):
        cancel.check()
        assert chromosome.axis is not None
        origin = np.array([chromosome.box.top, chromosome.box.left], np.float32)
        sheets.append(to_sheet(own, chromosome.mask, chromosome.axis - origin))
    return sheets
