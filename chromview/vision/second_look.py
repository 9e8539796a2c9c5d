"""A second opinion on clusters of a slide: would two chromosomes explain this region better?

The segmenter cuts a cluster where it sees overlaps and contact lines; what it does not see it cannot cut. The pair
network was made for clusters of two and sees them better, but is quick to see two. It is believed where its looks
from several tips agree: of a region that holds more or less than two chromosomes they seldom do. Where it sees one
chromosome that was cut in two, that is believed as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chromview.core._cv import cv2
from chromview.core.chromosome import Box
from chromview.progress import CancelToken
from chromview.vision.pairs import PairSegmenter, masks_of

Float = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

AGREEMENT = 0.65
"""Of the looks, above which two chromosomes are believed; chosen on `val`."""
HINT = 0.1
"""Probability of an overlap or contact line that makes an uncut region worth asking about; chosen on `val`."""
SMALLEST_CHROMOSOME = 40
"""Pixels of the canonical scale; a second chromosome below that is none."""


@dataclass(frozen=True, eq=False)
class Region:
    """A connected region of the foreground.

    Attributes
    ----------
    frame
        A box around it, with a margin.
    own
        ``(h, w)`` its pixels in the frame.
    hint
        Highest probability in it of an overlap or a contact line.
    parts
        Chromosomes that were found in it.
    """

    frame: Box
    own: Bool
    hint: float
    parts: int


@dataclass(frozen=True, eq=False)
class Opinion:
    """The chromosomes of a region, one or two: probabilities ``(n, h, w)`` in its frame; how sure they are, 0..1."""

    probabilities: Float
    confidence: float


def second_look(
    darkness: Float, regions: Sequence[Region], network: PairSegmenter, cancel: CancelToken | None = None
) -> list[Opinion | None]:
    """What the pair network says of the regions of a slide; None of those that it is not believed about.

    Parameters
    ----------
    darkness
        ``(H, W)`` at the canonical scale.
    """
    asked = [index for index, region in enumerate(regions) if region.parts > 1 or region.hint > HINT]
    shown = []
    for index in asked:
        region = regions[index]
        # Only this region: another chromosome beside it is none of the two.
        near = cv2.dilate(region.own.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
        shown.append(np.where(near, darkness[region.frame.slices], 0).astype(np.float32))
    opinions: list[Opinion | None] = [None] * len(regions)
    for index, answer in zip(asked, network.separate(shown, cancel), strict=True):
        small, large = masks_of(answer.probabilities)
        if small.sum() < SMALLEST_CHROMOSOME:
            # That one chromosome was cut in two is seen well; of more parts there are usually more chromosomes.
            if regions[index].parts == 2:
                opinions[index] = Opinion((1 - answer.probabilities[:1]) * (small | large), 1.0)
        elif answer.agreement > AGREEMENT:
            opinions[index] = Opinion(_as_probabilities(answer.probabilities, (small, large)), answer.agreement)
    return opinions


def _as_probabilities(mean: Float, masks: tuple[Bool, Bool]) -> Float:
    # Shared pixels belong to both; what a mask gained or lost as a crumb keeps its side of the level.
    of_first, of_second = mean[1] + mean[3], mean[2] + mean[3]
    if (masks[0] & (of_first > of_second)).sum() < (masks[0] & (of_second > of_first)).sum():
        of_first, of_second = of_second, of_first
    return np.stack(
        [
            np.where(mask, np.maximum(p, 0.51), np.minimum(p, 0.49)).astype(np.float32)
            for mask, p in zip(masks, (of_first, of_second), strict=True)
        ]
    )
