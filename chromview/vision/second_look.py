"""A second opinion on clusters of a slide: would two chromosomes explain this region better?

The segmenter cuts a cluster where it sees overlaps and contact lines; what it does not see it cannot cut. The pair
network was made for clusters of two and sees them better, but is quick to see two. It is believed where its looks
from several tips agree. Where it sees one chromosome that was cut in two, that is believed as well.

In a heap of more it paints chromosomes 1 and 2 in turns, as a map is coloured: what hangs together in one colour is a
chromosome, or several that only touch. So where the segmenter had found more than two, the parts of each colour are
taken one by one, and each is shown once more by itself, as long as the segmenter had seen more chromosomes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from chromview.core._cv import cv2
from chromview.core.chromosome import Box
from chromview.progress import CancelToken
from chromview.vision.pairs import PairSegmenter, as_probabilities, masks_of

Float = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

AGREEMENT = 0.65
"""Of the looks, above which two chromosomes are believed; chosen on `val`."""
HINT = 0.1
"""Probability of an overlap or contact line that makes an uncut region worth asking about; chosen on `val`."""
AGREEMENT_UNCUT = 0.8
"""The same for a region that the segmenter did not cut: one bent chromosome more often than two; chosen on `val`."""
SURE = 0.95
"""The same for a part of a heap; chosen on `val` and on simulated metaphases, which have heaps."""
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
    """The chromosomes of a region: probabilities ``(n, h, w)`` in its frame; how sure they are, 0..1."""

    probabilities: Float
    confidence: float


def second_look(
    darkness: Float,
    regions: Sequence[Region],
    network: PairSegmenter,
    cancel: CancelToken | None = None,
    *,
    heaps: bool = True,
) -> list[Opinion | None]:
    """What the pair network says of the regions of a slide; None of those that it is not believed about.

    Parameters
    ----------
    darkness
        ``(H, W)`` at the canonical scale.
    heaps
        Whether regions of more than two are taken apart; of light that adds up they are not told well.
    """
    asked = [index for index, region in enumerate(regions) if region.parts > 1 or region.hint > HINT]
    shown = [_shown(darkness[regions[i].frame.slices], regions[i].own) for i in asked]
    opinions: list[Opinion | None] = [None] * len(regions)
    for index, answer in zip(asked, network.separate(shown, cancel), strict=True):
        small, large = masks_of(answer.probabilities)
        if small.sum() < SMALLEST_CHROMOSOME:
            # That one chromosome was cut in two is seen well; of more parts there are usually more chromosomes.
            if regions[index].parts == 2:
                opinions[index] = Opinion((1 - answer.probabilities[:1]) * (small | large), 1.0)
        elif answer.agreement > (AGREEMENT if regions[index].parts > 1 else AGREEMENT_UNCUT):
            opinions[index] = Opinion(as_probabilities(answer.probabilities, (small, large)), answer.agreement)
    return _heaps_apart(darkness, regions, opinions, network, cancel) if heaps else opinions


def _shown(darkness: Float, own: Bool) -> Float:
    """Only this region: another chromosome beside it is none of the two."""
    near = cv2.dilate(own.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    return np.where(near, darkness, 0).astype(np.float32)


def _heaps_apart(
    darkness: Float,
    regions: Sequence[Region],
    opinions: Sequence[Opinion | None],
    network: PairSegmenter,
    cancel: CancelToken | None,
) -> list[Opinion | None]:
    """The same, with the colours of heaps of more than two taken apart."""
    parts: dict[int, list[Float]] = {}
    shown: list[Float] = []
    for index, (region, opinion) in enumerate(zip(regions, opinions, strict=True)):
        if opinion is None or region.parts < 3:
            continue
        parts[index] = [part for colour in opinion.probabilities for part in _hanging_together(colour)]
        shown += [_shown(darkness[region.frame.slices], part > 0.5) for part in parts[index]]
    answers = iter(network.separate(shown, cancel))
    result = list(opinions)
    for index, own in parts.items():
        opinion = opinions[index]
        assert opinion is not None
        seen = [next(answers) for _ in own]
        # The segmenter cuts rather too often than too seldom: there are no more chromosomes than it found.
        missing = regions[index].parts - len(own)
        chromosomes = list(own)
        for number in sorted(range(len(own)), key=lambda n: -seen[n].agreement):
            masks = masks_of(seen[number].probabilities)
            if missing > 0 and masks[0].sum() >= SMALLEST_CHROMOSOME and seen[number].agreement > SURE:
                both = as_probabilities(seen[number].probabilities, masks) * (own[number] > 0.5)
                chromosomes[number] = both[0]
                chromosomes.append(both[1])
                missing -= 1
        if chromosomes:
            result[index] = Opinion(np.stack(chromosomes), opinion.confidence)
    return result


def _hanging_together(probability: Float) -> list[Float]:
    """Each part of ``(h, w)`` that is large enough for a chromosome, by itself."""
    labels, count = ndimage.label(probability > 0.5, structure=np.ones((3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    return [
        np.where(labels == part, probability, np.minimum(probability, 0.49)).astype(np.float32)
        for part in range(1, count + 1)
        if sizes[part] >= SMALLEST_CHROMOSOME
    ]
