"""Clusters of two cut out of their slides, alone on the ground, with their four-label masks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from chromview.core._cv import cv2
from chromview.core.chromosome import BoolArray, Chromosome
from chromview.core.masks import four_label, slide_mask
from chromview.storage.label_set import Grey

MARGIN = 10
"""Pixels around a cluster that is cut out of its slide."""
_HALO = 2
"""Pixels around a neighbour that still show its edge."""


def cut_out(
    pixels: Grey, pair: Sequence[Chromosome], others: Iterable[Chromosome], *, whole: bool = False
) -> tuple[Grey, npt.NDArray[np.uint8]]:
    """Image and four-label mask of a cluster of two.

    Parameters
    ----------
    pixels
        ``(H, W)`` uint8 of the slide.
    pair
        Its two chromosomes, label 1 first.
    others
        What else is on the slide; the ground is put in its place, so that the image shows the two alone.
    whole
        Whether the slide is cut out as a whole.

    Returns
    -------
    Image and label, ``(h, w)`` uint8 both.
    """
    shape = pixels.shape[0], pixels.shape[1]
    box = pair[0].box.union(pair[1].box).grown(max(shape) if whole else MARGIN, shape)
    image, label = pixels[box.slices].copy(), four_label(pair, box)
    ids = {c.id for c in pair}
    neighbours = np.zeros(label.shape, bool)
    for other in others:
        if other.id not in ids and other.box.intersection(box) is not None:
            neighbours |= slide_mask(other, box)
    if neighbours.any():
        grown = _grown(neighbours) & ~(label > 0)
        image[grown] = _ground(image, grown | _grown(label > 0))
    return image, label


def _grown(mask: BoolArray) -> BoolArray:
    size = 2 * _HALO + 1
    grown: BoolArray = cv2.dilate(mask.view(np.uint8), np.ones((size, size), np.uint8)).view(bool)
    return grown


def _ground(image: Grey, stained: BoolArray) -> int:
    """Grey value of the ground: the median of what is not stained, or of the border where everything is."""
    free = image[~stained]
    if not free.size:
        free = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    return int(np.median(free))


def padded(image: Grey, label: Grey, shape: tuple[int, int]) -> tuple[Grey, Grey]:
    """Image and label in the middle of ground of `shape` (h, w), which is not smaller."""
    ground = _ground(image, _grown(label > 0))
    wide_image, wide_label = np.full(shape, ground, np.uint8), np.zeros(shape, np.uint8)
    top, left = (shape[0] - image.shape[0]) // 2, (shape[1] - image.shape[1]) // 2
    place = slice(top, top + image.shape[0]), slice(left, left + image.shape[1])
    wide_image[place], wide_label[place] = image, label
    return wide_image, wide_label
