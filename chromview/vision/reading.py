"""Reading chromosomes: from masks to axes, straight sheets, class, polarity and centromere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from chromview.core.centromere import find_centromere
from chromview.core.chromosome import Chromosome, DecidedBy, Kind, SlideImage, Stain
from chromview.core.straighten import straighten_pixels
from chromview.progress import CancelToken
from chromview.vision.assignment import assign_cell, known_class
from chromview.vision.canvas import WHOLE_CELL, Sheet, brightness_against, cell_scales
from chromview.vision.classifier import Classified
from chromview.vision.instances import SlideScale
from chromview.vision.models import Models
from chromview.vision.straight import lay_straight, own_darkness, with_axes
from chromview.vision.sureness import surplus

Float = npt.NDArray[np.float32]

CLUSTER_LIMIT = 10
"""A slide of fewer chromosomes is a single cluster, not a metaphase."""


class Slide(NamedTuple):
    """A slide as it is read: its image, darkness ``(H, W)``, stain, and whether its grey scale is inverted."""

    image: SlideImage
    darkness: Float
    stain: Stain
    inverted: bool


@dataclass(frozen=True, eq=False)
class Laid:
    """Chromosomes laid straight, ready to be read.

    Attributes
    ----------
    chromosomes
        With their axes.
    stains
        Of each, its own darkness ``(h, w)`` in its box.
    sheets
        Of each, as the classifier reads it.
    """

    chromosomes: tuple[Chromosome, ...] = ()
    stains: tuple[Float, ...] = ()
    sheets: tuple[Sheet, ...] = ()

    def __len__(self) -> int:
        return len(self.chromosomes)

    def __add__(self, other: Laid) -> Laid:
        return Laid(self.chromosomes + other.chromosomes, self.stains + other.stains, self.sheets + other.sheets)

    def at(self, places: Sequence[int]) -> Laid:
        """Those at some places, in that order."""
        return Laid(
            tuple(self.chromosomes[i] for i in places),
            tuple(self.stains[i] for i in places),
            tuple(self.sheets[i] for i in places),
        )


def lay(slide: Slide, chromosomes: Sequence[Chromosome], cancel: CancelToken, cell: Sequence[Chromosome] = ()) -> Laid:
    """Chromosomes of a slide laid straight; axes that they have are kept, `cell` is as in `with_axes`."""
    with_axis = with_axes(slide.darkness, chromosomes, cancel, cell)
    stains = own_darkness(slide.image, slide.darkness, with_axis, slide.stain, slide.inverted)
    return Laid(tuple(with_axis), tuple(stains), tuple(lay_straight(with_axis, stains, cancel)))


def classify(
    laid: Laid,
    stain: Stain,
    scale: SlideScale,
    models: Models,
    cancel: CancelToken,
    *,
    whole_cell: bool,
    cell: Sequence[Sheet] | None = None,
    settled: bool = True,
) -> Classified:
    """What the networks say of each chromosome.

    Parameters
    ----------
    scale
        Of the slide, used where the chromosomes are no whole cell.
    cell
        Sheets of the cell by which size and brightness are told, if not those of the chromosomes themselves.
    settled
        Whether these are the chromosomes that will be shown. Those that are still tried are read by the first network
        alone, also in fluorescence: there are many of them, and on `val` the second network settled them no better.
    """
    if not len(laid):
        return Classified(np.zeros((0, 24), np.float32), np.zeros(0, np.float32))
    told_by = laid.sheets if cell is None else cell
    if whole_cell:
        factor = float(cell_scales([sheet.length for sheet in told_by], ["cell"] * len(told_by))[0])
    else:
        factor = scale.factor
    bright = None
    if stain.bright_on_dark:
        levels = [sheet.level for sheet in laid.sheets]
        enough = whole_cell and len(told_by) >= WHOLE_CELL
        bright = brightness_against(levels, [sheet.level for sheet in told_by]) if enough else None
    images = np.stack([sheet.image for sheet in laid.sheets])
    glows = np.full(len(laid), stain.bright_on_dark and settled)
    return models.classifier(images, torch.full((len(laid),), factor), bright, glows, cancel=cancel)


def decided(
    chromosomes: Sequence[Chromosome], answer: Classified, stain: Stain, *, whole_cell: bool, leave_out: bool = False
) -> list[Chromosome]:
    """Chromosomes with class and polarity; decided together if they are a whole cell.

    With `leave_out` what is hardly a chromosome of the cell is debris; the class that it looks like most is kept.
    """
    if not chromosomes:
        return []
    first = answer.probabilities.argmax(axis=1) + 1
    numbers, confidence, moved = first, answer.probabilities.max(axis=1), np.zeros(len(first), bool)
    if whole_cell:
        none = None
        if leave_out:
            masks = np.array([(c.confidence, c.area) for c in chromosomes])
            none = surplus(answer.probabilities, masks[:, 0], masks[:, 1], fluorescent=stain.bright_on_dark)
        known = np.array([known_class(c) for c in chromosomes])
        numbers, confidence, moved = assign_cell(answer.probabilities, known, surplus=none)
    return [
        replace(
            chromosome,
            kind=chromosome.kind if number else Kind.DEBRIS,
            probabilities=tuple(float(v) for v in p),
            number=int(number or p.argmax() + 1),
            class_confidence=float(sure if number else p.max()),
            decided_by=DecidedBy.CELL if was_moved else DecidedBy.NETWORK,
            p_up=bool(up > 0.5),
            polarity_confidence=float(max(up, 1 - up)),
        )
        for chromosome, p, number, sure, was_moved, up in zip(
            chromosomes, answer.probabilities, numbers, confidence, moved, answer.p_up, strict=True
        )
    ]


Straight = tuple[Float, npt.NDArray[np.bool_]]


def straightened(chromosome: Chromosome, own: Float) -> Straight | None:
    """The chromosome's own stain ``(h, w)`` laid straight, and where it is in that; None without an axis."""
    if chromosome.axis is None:
        return None
    axis = chromosome.axis - np.array([chromosome.box.top, chromosome.box.left], np.float32)
    return straighten_pixels(own, chromosome.mask, axis, background=0.0)


def with_centromere(chromosome: Chromosome, straight: Straight | None) -> Chromosome:
    """The chromosome with its centromere, from its straightened stain and what is known of its class."""
    if straight is None or chromosome.centromere_placed:
        return chromosome
    pixels, inside = straight
    # What the network says of the chromosome alone, and what the whole cell decided, each as far as the latter is sure.
    sure = chromosome.class_confidence if chromosome.number else 0.0
    classes = (1 - sure) * np.array(chromosome.probabilities) + sure * (np.arange(1, 25) == chromosome.number)
    up = chromosome.polarity_confidence if chromosome.p_up else 1 - chromosome.polarity_confidence
    position, confidence = find_centromere(pixels, inside, True, classes=classes, p_up=up)
    return replace(chromosome, centromere=float(position), centromere_confidence=float(confidence))
