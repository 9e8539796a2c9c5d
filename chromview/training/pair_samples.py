"""Training samples of the pair network: clusters of two composed on the fly, as four labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from chromview.core.chromosome import Box, Stain
from chromview.training.compose import Bank, Placed, bounding_box, cross, photographed, render, touch, turned
from chromview.training.segmenter_samples import random_prompt
from chromview.vision.pairs import dab, tips
from chromview.vision.prepare import normalise

Float = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.uint8]

LARGEST = 128
"""Pixels; a pair that does not fit is not used, as in the measure."""
SWAPPED = np.array([0, 2, 1, 3], np.uint8)
STEP = 16
"""Windows are as small as the pair allows, in steps of what the network halves."""


@dataclass(frozen=True)
class PairMix:
    """How often what is shown, as shares; the rest are absorbing G-banded pairs at their true size.

    Attributes
    ----------
    touching
        Pairs that only touch.
    single
        Windows that hold one chromosome, so that one can be told from two.
    opaque
        Pairs of which the upper one hides the lower.
    fluorescent
        Pairs of which the light adds up.
    resized
        Pairs magnified by 0.75 to 1.3.
    """

    touching: float = 0.25
    single: float = 0.12
    opaque: float = 0.08
    fluorescent: float = 0.12
    resized: float = 0.4


def make_pair(
    rng: np.random.Generator, bright_field: Bank, fluorescent: Bank | None, mix: PairMix
) -> tuple[Float, Labels]:
    """One pair in the smallest window that holds it.

    Returns
    -------
    darkness
        ``(S, S)`` float32, S a multiple of `STEP` up to `LARGEST`.
    label
        ``(S, S)`` uint8: 0 background, 1 and 2 the two chromosomes in no particular order, 3 both.
    """
    while True:
        glows = bool(fluorescent) and rng.random() < mix.fluorescent
        bank = fluorescent if glows and fluorescent else bright_field
        scale = float(rng.uniform(0.75, 1.3)) if rng.random() < mix.resized else 1.0
        placed = [Placed(turned(bank.draw(rng), rng.uniform(0, 360), scale, rng.random() < 0.5), 0, 0)]
        if rng.random() >= mix.single:
            patch = turned(bank.draw(rng), rng.uniform(0, 360), scale, rng.random() < 0.5)
            second = touch(rng, placed[0], patch) if rng.random() < mix.touching else cross(rng, placed[0], patch)
            if second is None:
                continue
            placed.append(second)
        box = bounding_box(placed)
        size = -(-(max(box.height, box.width) + 4) // STEP) * STEP
        if size > LARGEST:
            continue
        # Anywhere in the window, so that no place means anything.
        top = box.top - int(rng.integers(2, size - box.height - 1))
        left = box.left - int(rng.integers(2, size - box.width - 1))
        window = Box(top, left, top + size, left + size)
        opaque = mix.opaque / max(1e-6, 1 - mix.fluorescent)
        scene = render(rng, placed, window, Stain.DAPI if glows else Stain.G_BAND, opaque=opaque)
        if len(scene.masks) != len(placed):
            continue
        darkness = photographed(rng, scene.darkness) if rng.random() < 0.6 else scene.darkness
        darkness = normalise(darkness)
        if not darkness.any():
            continue
        label = scene.masks[0].astype(np.uint8)
        if len(placed) == 2:
            label += 2 * scene.masks[1].astype(np.uint8)
        return darkness, label


def seeded(rng: np.random.Generator, darkness: Float, label: Labels) -> tuple[Bool, Labels]:
    """A seed for a pair, and the label in the order that it asks for: the chromosome under the seed is 1.

    Two of five seeds are tips, as the program finds them; one is a dab anywhere on one chromosome, as a person may
    click; two are parts of what only one chromosome covers, as a first answer gives them. Where a tip lies on both
    chromosomes or on none, the order stays as it is.
    """
    kind = rng.random()
    if kind < 0.4:
        found = tips(darkness)
        point = found[int(rng.integers(len(found)))]
        return dab(label.shape, point), SWAPPED[label] if label[point] == 2 else label
    own = np.flatnonzero((label == 1) | (label == 2))
    y, x = divmod(int(own[rng.integers(own.size)]), label.shape[1])
    if label[y, x] == 2:
        label = SWAPPED[label]
    if kind < 0.6:
        return dab(label.shape, (y, x), int(rng.integers(2, 6))), label
    return random_prompt(rng, (label & 1) > 0, label == 3), label


class PairSamples(IterableDataset[tuple[Tensor, Tensor]]):
    """Endless batches of pairs of like size: darkness and seed ``(N, 2, S, S)`` float32, labels ``(N, S, S)`` int64.

    Small pairs share small windows: three quarters of all pairs fit in 101 pixels, and what is background
    anyway costs time and teaches nothing.
    """

    def __init__(
        self, bright_field: Bank, fluorescent: Bank | None, batch: int, seed: int, mix: PairMix | None = None
    ) -> None:
        self.bright_field, self.fluorescent = bright_field, fluorescent
        self.batch, self.seed, self.mix = batch, seed, mix or PairMix()

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        worker = get_worker_info()
        rng = np.random.default_rng((self.seed, worker.id if worker else 0))
        waiting: dict[int, list[tuple[Float, Labels]]] = {}
        while True:
            darkness, label = make_pair(rng, self.bright_field, self.fluorescent, self.mix)
            seed, label = seeded(rng, darkness, label)
            inputs = np.stack((darkness, seed.astype(np.float32)))
            # Sizes below half the largest are rare; they go with the next.
            size = max(label.shape[0], LARGEST // 2)
            margin = size - label.shape[0]
            if margin:
                inputs = np.pad(inputs, ((0, 0), (0, margin), (0, margin)))
                label = np.pad(label, ((0, margin), (0, margin)))
            group = waiting.setdefault(size, [])
            group.append((inputs, label))
            if len(group) == self.batch:
                del waiting[size]
                yield (
                    torch.from_numpy(np.stack([d for d, _ in group])),
                    torch.from_numpy(np.stack([t for _, t in group]).astype(np.int64)),
                )
