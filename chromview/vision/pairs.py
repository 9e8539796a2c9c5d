"""Clusters of two: one look of the pair network gives both chromosomes and what they share.

Which chromosome of a pair is 1 is arbitrary, but all pixels of an image must agree on it. A network that has to make
that choice itself makes it anew at every arm. Here a seed makes it: a dab on a tip of the cluster, which lies on one
chromosome whatever the other does. The chromosome under the seed is 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch import Tensor

from chromview.core._cv import cv2
from chromview.core.chromosome import Box
from chromview.core.scale import CHROMOSOME_WIDTH
from chromview.progress import CancelToken
from chromview.vision.networks import UNet, ready
from chromview.vision.prepare import chromosome_width
from chromview.vision.weights import Device, load_weights, read_metadata

Float = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

STAINED = 0.3
"""Darkness above which a pixel is taken for chromosome where seeds are looked for."""
SEED_RADIUS = 4
MARGIN = 4
"""Pixels of ground that the network sees around a cluster."""
BATCH_PIXELS = 400_000
CERTAIN = 0.98
"""Mean probability of the likeliest label of stained pixels, above which most looks are left out; chosen on `val`."""
USUAL = (0.5, 3.5)
"""Factors on the width of chromosomes between which a cluster is seen at its own scale."""
SWAPPED = np.array([0, 2, 1, 3])
"""Labels after the chromosomes have changed places."""


class Attitude(Enum):
    """How a cluster is shown; each is its own inverse."""

    AS_IT_LIES = auto()
    MIRRORED = auto()
    TRANSPOSED = auto()
    TURNED = auto()

    def of(self, images: Tensor) -> Tensor:
        """Images ``(N, C, H, W)`` in this attitude."""
        match self:
            case Attitude.MIRRORED:
                return images.flip(3)
            case Attitude.TRANSPOSED:
                return images.transpose(2, 3)
            case Attitude.TURNED:
                return images.flip(2, 3)
            case _:
                return images


def tips(darkness: Float, count: int = 2) -> list[tuple[int, int]]:
    """The `count` tips of the largest stained part of ``(H, W)``, (row, column), farthest first.

    The first is farthest from the middle, every further one farthest from those before it. Of an image without stain
    it is the middle.
    """
    mask = (cv2.GaussianBlur(darkness, (0, 0), 1.0) > STAINED).astype(np.uint8)
    parts, labels, stats, middles = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if parts < 2:
        return [(darkness.shape[0] // 2, darkness.shape[1] // 2)] * count
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    points = np.argwhere(labels == largest)
    squared = ((points - middles[largest][::-1]) ** 2).sum(axis=1)
    chosen: list[tuple[int, int]] = []
    for _ in range(count):
        y, x = points[int(squared.argmax())]
        chosen.append((int(y), int(x)))
        distance = ((points - (y, x)) ** 2).sum(axis=1)
        squared = distance if len(chosen) == 1 else np.minimum(squared, distance)
    return chosen


def dab(shape: tuple[int, int], point: tuple[int, int], radius: int = SEED_RADIUS) -> Bool:
    """A disc around a point (row, column)."""
    canvas = np.zeros(shape, np.uint8)
    cv2.circle(canvas, (point[1], point[0]), radius, 1, -1)
    return canvas > 0


@dataclass(frozen=True, eq=False)
class Separated:
    """A cluster of two as the looks at it say.

    Attributes
    ----------
    looks
        Probabilities ``(4, h, w)`` of the four labels, of each look, in one order of the chromosomes.
    """

    looks: tuple[Float, ...]

    @cached_property
    def probabilities(self) -> Float:
        """``(4, h, w)``, the mean of the looks."""
        return np.asarray(np.mean(self.looks, axis=0), np.float32) if len(self.looks) > 1 else self.looks[0]

    @cached_property
    def agreement(self) -> float:
        """Mean IoU of the looks with their mean, of the worse chromosome; 0 where one look sees one chromosome only."""
        masks = masks_of(self.probabilities)
        return float(np.mean([_alike(masks, masks_of(look)) for look in self.looks]))


class PairSegmenter:
    """The pair network on a device.

    Parameters
    ----------
    path
        Weight file.
    device
        Where it runs.

    Raises
    ------
    UserError
        If the weights are missing, damaged or of another architecture.
    """

    def __init__(self, path: Path, device: Device) -> None:
        self._network = UNet(2, 4, read_metadata(path).get("widths", (16, 32, 96, 192, 256)))
        load_weights(path, self._network)
        ready(self._network, device.torch_device)
        self._device = device

    @torch.inference_mode()
    def _run(self, batch: Tensor) -> Tensor:
        batch = batch.to(self._device.torch_device, memory_format=torch.channels_last)
        with torch.autocast(self._device.torch_device.type, torch.bfloat16, enabled=self._device.half):
            logits = self._network(batch)
        return torch.softmax(logits.float(), dim=1).cpu()

    def look(
        self,
        looks: Sequence[tuple[Float, Bool]],
        cancel: CancelToken | None = None,
        *,
        attitude: Attitude = Attitude.AS_IT_LIES,
        lying: bool = False,
    ) -> list[Float]:
        """The four labels of clusters, each with a seed.

        Parameters
        ----------
        looks
            Pairs of darkness ``(h, w)`` and seed ``(h, w)`` bool, of any size.
        attitude
            In which they are shown; the answers are as they lie.
        lying
            Show those that are higher than wide transposed. More of them then share a size, and so a batch.

        Returns
        -------
        Probabilities ``(4, h, w)`` of background, the chromosome under the seed, the other one, and both.
        """
        stride = self._network.stride
        boxes = [_stained_box(darkness) for darkness, _ in looks]
        upright = [lying and box.height > box.width for box in boxes]
        stepped = [(-(-box.height // stride) * stride, -(-box.width // stride) * stride) for box in boxes]
        sides = [size[::-1] if turn else size for size, turn in zip(stepped, upright, strict=True)]
        order = sorted(range(len(looks)), key=lambda i: sides[i])
        answers: list[Float] = [np.zeros((0, 0, 0), np.float32)] * len(looks)
        start = 0
        while start < len(order):
            if cancel:
                cancel.check()
            # Of one size only: padding a batch to its largest costs more than a small batch does.
            height, width = sides[order[start]]
            stop = start + 1
            while stop < len(order) and sides[order[stop]] == (height, width):
                if height * width * (stop - start + 1) > BATCH_PIXELS:
                    break
                stop += 1
            inputs = torch.zeros(stop - start, 2, height, width)
            for row, index in zip(inputs, order[start:stop], strict=True):
                darkness, seed = looks[index]
                box = boxes[index]
                shown = np.stack((darkness[box.slices], seed[box.slices].astype(np.float32)))
                shown = shown.transpose(0, 2, 1) if upright[index] else shown
                row[:, : shown.shape[1], : shown.shape[2]] = torch.from_numpy(shown)
            seen = attitude.of(self._run(attitude.of(inputs)))
            for answer, index in zip(seen.numpy(), order[start:stop], strict=True):
                box, shape = boxes[index], looks[index][0].shape
                answer = answer.transpose(0, 2, 1) if upright[index] else answer
                whole = np.zeros((4, *shape), np.float32)
                whole[0] = 1
                whole[(slice(None), *box.slices)] = answer[:, : box.height, : box.width]
                answers[index] = whole
            start = stop
        return answers

    def separate(
        self, clusters: Sequence[Float], cancel: CancelToken | None = None, *, thorough: bool = False
    ) -> list[Separated]:
        """The two chromosomes of each cluster, darkness ``(h, w)``.

        Two looks start at two tips, the second of them mirrored; they are put in the order of chromosomes in which
        they agree.

        Parameters
        ----------
        thorough
            Take four looks instead, in four attitudes, where the first is not certain; where it is, a second one if it
            sees an overlap, whose edges every look makes better.
        """
        seeds = [tips(darkness, 2) for darkness in clusters]
        seen: list[list[Float]] = [[] for _ in clusters]

        def look_at(indices: Sequence[int], tip: int, attitude: Attitude) -> None:
            shown = [(clusters[i], dab(clusters[i].shape, seeds[i][tip])) for i in indices]
            answers = self.look(shown, cancel, attitude=attitude, lying=thorough)
            for index, answer in zip(indices, answers, strict=True):
                seen[index].append(in_order_of(seen[index][0], answer) if seen[index] else answer)

        every = range(len(clusters))
        look_at(every, 0, Attitude.AS_IT_LIES)
        if not thorough:
            look_at(every, 1, Attitude.MIRRORED)
        else:
            doubtful = [i for i in every if _certainty(seen[i][0]) <= CERTAIN]
            crossing = [i for i in every if (seen[i][0].argmax(axis=0) == 3).any()]
            look_at(doubtful, 1, Attitude.MIRRORED)
            look_at(doubtful, 0, Attitude.TRANSPOSED)
            look_at(sorted({*doubtful, *crossing}), 1, Attitude.TURNED)
        return [Separated(tuple(looks)) for looks in seen]


def _certainty(probabilities: Float) -> float:
    """Mean probability of the likeliest label of the stained pixels; 0 where nothing is stained."""
    stained = probabilities[0] < 0.5
    return float(probabilities[:, stained].max(axis=0).mean()) if stained.any() else 0.0


def _alike(first: tuple[Bool, Bool], second: tuple[Bool, Bool]) -> float:
    """IoU of the worse of two chromosomes, in the better order."""

    def iou(a: Bool, b: Bool) -> float:
        return float((a & b).sum() / max(1, (a | b).sum()))

    same = min(iou(first[0], second[0]), iou(first[1], second[1]))
    return max(same, min(iou(first[0], second[1]), iou(first[1], second[0])))


def in_order_of(first: Float, other: Float) -> Float:
    """`other` ``(4, h, w)`` with its chromosomes in the order that agrees better with `first`."""
    same = float((first[1] * other[1]).sum() + (first[2] * other[2]).sum())
    crossed = float((first[1] * other[2]).sum() + (first[2] * other[1]).sum())
    return other if same >= crossed else other[SWAPPED]


def masks_of(probabilities: Float) -> tuple[Bool, Bool]:
    """Masks ``(h, w)`` of the two chromosomes, the smaller first; crumbs go to the chromosome that they lie in.

    A part of one chromosome that hangs together with the other alone is a mistake of the network, unless it is large.
    """
    label = probabilities.argmax(axis=0)
    for own, other in ((1, 2), (2, 1)):
        mask = (label == own) | (label == 3)
        parts, count = ndimage.label(mask, structure=np.ones((3, 3)))
        if count < 2:
            continue
        sizes = np.bincount(parts.ravel())[1:]
        for part in 1 + np.flatnonzero(sizes < 0.2 * sizes.max()):
            crumb = parts == part
            around = cv2.dilate(crumb.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
            label[crumb] = other if ((label == other) | (label == 3))[around & ~crumb].any() else 0
    first, second = (label == 1) | (label == 3), (label == 2) | (label == 3)
    return (first, second) if first.sum() <= second.sum() else (second, first)


def as_probabilities(mean: Float, masks: tuple[Bool, Bool]) -> Float:
    """Probability ``(2, h, w)`` of the chromosome of each mask, above one half within it and nowhere else.

    Parameters
    ----------
    mean
        ``(4, h, w)`` of the labels, which may count the two in the other order.
    masks
        Of the two, as of `masks_of`.
    """
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


def _stained_box(darkness: Float) -> Box:
    """Box of what is stained, with a margin; the whole image where nothing is."""
    stained = cv2.GaussianBlur(darkness, (0, 0), 1.0) > STAINED / 2
    rows, columns = np.flatnonzero(stained.any(axis=1)), np.flatnonzero(stained.any(axis=0))
    height, width = darkness.shape
    if not rows.size:
        return Box(0, 0, height, width)
    return Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1).grown(MARGIN, (height, width))


def label_pairs(
    images: Sequence[Float], network: PairSegmenter, cancel: CancelToken | None = None
) -> list[npt.NDArray[np.uint8]]:
    """Four-label masks of clusters of two.

    Parameters
    ----------
    images
        Darkness ``(h, w)`` each. Chromosomes far wider or narrower than the canonical ones are brought to
        that width and the answer back.

    Returns
    -------
    ``(h, w)`` uint8 each: 0 background, 1 and 2 the two chromosomes (1 the smaller), 3 both.
    """
    factors = [_factor(darkness) for darkness in images]
    scaled = [_resized(darkness, factor) for darkness, factor in zip(images, factors, strict=True)]
    labels = []
    for darkness, separated in zip(images, network.separate(scaled, cancel, thorough=True), strict=True):
        height, width = darkness.shape
        answer = separated.probabilities
        if answer.shape[1:] != darkness.shape:
            answer = np.stack([cv2.resize(channel, (width, height)) for channel in answer])
        small, large = masks_of(answer)
        labels.append(small.astype(np.uint8) + 2 * large.astype(np.uint8))
    return labels


def _factor(darkness: Float) -> float:
    width, parts = chromosome_width(darkness > STAINED)
    wanted = CHROMOSOME_WIDTH / width if parts else 1.0
    # Two chromosomes tell their width badly (one in six pairs of `val` seems a third narrower than it is), and the
    # network knows a range of sizes: only what is far from all of them is resized.
    return 1.0 if USUAL[0] <= wanted <= USUAL[1] else float(np.clip(wanted, 0.1, 4.0))


def _resized(darkness: Float, factor: float) -> Float:
    if factor == 1.0:
        return darkness
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(darkness, None, fx=factor, fy=factor, interpolation=how), np.float32)
