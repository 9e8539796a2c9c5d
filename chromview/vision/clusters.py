"""The four-label view of a cluster of two, from however many chromosomes were found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from chromview.vision.pieces import Found
from chromview.vision.segmenter import PixelMaps


def label_cluster(found: Sequence[Found], maps: PixelMaps) -> npt.NDArray[np.uint8]:
    """Four-label mask ``(H, W)`` uint8 of a cluster that is known to hold two chromosomes.

    If more parts were found, the two largest stand for the chromosomes, and each smaller part goes to the
    one that it lies nearer to. If only one was found the cluster is labelled 1 throughout.
    """
    height, width = maps.foreground.shape
    masks = np.zeros((len(found), height, width), bool)
    for mask, item in zip(masks, found, strict=True):
        mask[item.box.slices] = item.mask
    order = np.argsort([-int(mask.sum()) for mask in masks])
    label = np.zeros((height, width), np.uint8)
    if not len(order):
        return label
    first = masks[order[0]]
    second = masks[order[1]] if len(order) > 1 else np.zeros_like(first)
    for index in order[2:]:
        rest = masks[index] & ~first & ~second
        y, x = np.nonzero(rest)
        if not y.size:
            continue
        middle = np.array([y.mean(), x.mean()])
        distances = [
            float(np.hypot(*(np.argwhere(mask) - middle).T).min()) if mask.any() else np.inf for mask in (first, second)
        ]
        if distances[0] <= distances[1]:
            first = first | rest
        else:
            second = second | rest
    small, large = (second, first) if second.any() and second.sum() <= first.sum() else (first, second)
    label += small.astype(np.uint8) + 2 * large.astype(np.uint8)
    return label
