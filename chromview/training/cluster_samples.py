"""Training samples with more than two chromosomes, as the four labels of a cluster of two."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chromview.core._cv import cv2
from chromview.core.chromosome import Box, Stain
from chromview.training.compose import Bank, bounding_box, cluster_of, photographed, render
from chromview.training.pair_samples import PairMix
from chromview.vision.prepare import normalise

Float = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.uint8]

MOST = 5
"""Chromosomes in a cluster."""
LARGEST_CLUSTER = 192
"""Pixels; a cluster of more than two that does not fit is not used."""
_NEAR = np.ones((5, 5), np.uint8)


def make_cluster(
    rng: np.random.Generator, bright_field: Bank, fluorescent: Bank | None, mix: PairMix, most: int
) -> tuple[Float, Labels]:
    """A cluster of 2 to `most` chromosomes, crossing or touching, absorbing or opaque, in a window that holds it.

    Returns
    -------
    darkness
        ``(S, S)`` float32, S up to `LARGEST_CLUSTER`.
    label
        ``(S, S)`` uint8: 0 background, 1 and 2 chromosomes, 3 where two or more lie on each other. Chromosomes that
        cross or touch have different labels, so that each can be told from its neighbours.
    """
    while True:
        glows = bool(fluorescent) and rng.random() < mix.fluorescent
        bank = fluorescent if glows and fluorescent else bright_field
        count = int(rng.integers(2, most + 1))
        scale = (0.75, 1.3) if rng.random() < mix.resized else (1.0, 1.0)
        placed = cluster_of(rng, bank, count, touching=mix.touching, along=0, scale=scale)
        box = bounding_box(placed)
        size = max(box.height, box.width) + 4
        if len(placed) < count or size > LARGEST_CLUSTER:
            continue
        # Anywhere in the window, so that no place means anything.
        top = box.top - int(rng.integers(2, size - box.height - 1))
        left = box.left - int(rng.integers(2, size - box.width - 1))
        opaque = mix.opaque / max(1e-6, 1 - mix.fluorescent)
        window = Box(top, left, top + size, left + size)
        scene = render(rng, placed, window, Stain.DAPI if glows else Stain.G_BAND, opaque=opaque)
        second = two_labels(scene.masks)
        if second is None:
            continue
        darkness = photographed(rng, scene.darkness) if rng.random() < 0.6 else scene.darkness
        darkness = normalise(darkness)
        if darkness.any():
            label: Labels = np.zeros(darkness.shape, np.uint8)
            label[scene.masks[~second].any(axis=0)] = 1
            label[scene.masks[second].any(axis=0)] += 2
            return darkness, label


def two_labels(masks: Bool) -> Bool | None:
    """Which chromosomes of a cluster get the second label, so that no two of one label come within 2 pixels.

    Parameters
    ----------
    masks
        ``(n, H, W)``, each near at least one other.

    Returns
    -------
    ``(n,)`` bool, or None where two labels are too few, as with three that cross each other.
    """
    grown = np.stack([cv2.dilate(mask.astype(np.uint8), _NEAR) > 0 for mask in masks])
    near = np.array([[bool((one & other).any()) for other in masks] for one in grown])
    np.fill_diagonal(near, False)
    label = np.full(len(masks), -1)
    label[0] = 0
    waiting = [0]
    while waiting:
        one = waiting.pop()
        for other in np.flatnonzero(near[one]):
            if label[other] < 0:
                label[other] = 1 - label[one]
                waiting.append(int(other))
    if (label < 0).any() or (near & (label[:, None] == label)).any():
        return None
    return np.asarray(label == 1)
