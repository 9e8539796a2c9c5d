"""Training samples of the segmenter: a window, a prompt, and what the network should say of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from chromview.core._cv import cv2
from chromview.core.chromosome import Box, Stain
from chromview.core.scale import CHROMOSOME_WIDTH
from chromview.training.compose import (
    DAPI_SCALE,
    Bank,
    Scene,
    bounding_box,
    cluster_of,
    photographed,
    render,
    smooth_field,
    soiled,
    strangers,
)
from chromview.training.datasets import Karyotypes, Metaphase
from chromview.vision.prepare import chromosome_width, normalise, to_darkness

Float = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

BENT = 3.0
"""Pixels (spread) by which parts of a real window are moved against each other at most: there are few real heaps."""

UNSHARP = 0.3
"""Share of composed windows that are blurred more than photographs usually are."""

_CROSS = cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3))


def pixel_truth(masks: Bool) -> Float:
    """Foreground, overlap and contact line ``(3, H, W)`` float32 of masks ``(n, H, W)``.

    A contact line is where two chromosomes come within a pixel of each other without sharing any.
    """
    if not len(masks):
        return np.zeros((3, *masks.shape[1:]), np.float32)
    count = masks.sum(axis=0)
    overlap = (count > 1).astype(np.uint8)
    near = np.zeros(masks.shape[1:], np.uint8)
    for mask in masks:
        near += cv2.dilate(mask.astype(np.uint8), _CROSS)
    contact = (near > 1) & (cv2.dilate(overlap, _CROSS) == 0)
    return np.stack((count > 0, overlap > 0, contact)).astype(np.float32)


def random_prompt(rng: np.random.Generator, mask: Bool, blocked: Bool) -> Bool:
    """A prompt for one chromosome: a piece of it, a stroke along it, or a dab.

    Parameters
    ----------
    mask
        ``(H, W)`` the chromosome that is asked for.
    blocked
        ``(H, W)`` overlaps and contact lines, which cut chromosomes into pieces.
    """
    kind = rng.random()
    own = mask & ~blocked
    if not own.any():
        own = mask
    if kind < 0.65:
        pieces, count = ndimage.label(own)
        sizes = np.bincount(pieces.ravel(), minlength=count + 1)[1:].astype(float)
        piece = pieces == 1 + int(rng.choice(count, p=sizes / sizes.sum()))
        if rng.random() < 0.4:
            smaller = cv2.erode(piece.astype(np.uint8), _CROSS, iterations=int(rng.integers(1, 3))) > 0
            piece = smaller if smaller.any() else piece
        if rng.random() < 0.3:
            y, x = np.nonzero(piece)
            angle = rng.uniform(0, 2 * np.pi)
            along = y * np.sin(angle) + x * np.cos(angle)
            keep = along <= np.quantile(along, rng.uniform(0.3, 1.0))
            piece = np.zeros_like(piece)
            piece[y[keep], x[keep]] = True
        if rng.random() < 0.15:
            piece = cv2.dilate(piece.astype(np.uint8), _CROSS) > 0
        return np.asarray(piece, bool)
    y, x = np.nonzero(own)
    first = int(rng.integers(y.size))
    canvas = np.zeros(mask.shape, np.uint8)
    if kind < 0.85:
        second = int(rng.integers(y.size))
        ends = (int(x[first]), int(y[first])), (int(x[second]), int(y[second]))
        cv2.line(canvas, ends[0], ends[1], 1, int(rng.integers(2, 6)))
        canvas &= own.astype(np.uint8)
    else:
        cv2.circle(canvas, (int(x[first]), int(y[first])), int(rng.integers(2, 5)), 1, -1)
    return canvas > 0


@dataclass(frozen=True)
class SeenMetaphase:
    """A metaphase as the network sees it: its truth, darkness ``(H, W)``, and the factor to the canonical scale."""

    truth: Metaphase
    darkness: Float
    factor: float

    @classmethod
    def of(cls, truth: Metaphase) -> SeenMetaphase:
        """With its light evened out; its scale is that of its true chromosomes."""
        darkness = to_darkness(truth.image, Stain.DAPI)
        widths = [chromosome_width(np.pad(i.mask, 1))[0] for i in truth.instances]
        known = [width for width in widths if width > 0]
        return cls(truth, darkness, CHROMOSOME_WIDTH / float(np.median(known)) if known else DAPI_SCALE)


@dataclass(frozen=True)
class Sources:
    """What samples are made of; of fluorescent ones alone where there is no bright-field."""

    bright_field: Bank | None
    fluorescent: Bank
    metaphases: tuple[SeenMetaphase, ...]
    simulated: tuple[SeenMetaphase, ...] = ()
    """Where there are such, every fifth window is theirs: in real sets hardly any chromatids gape."""


def open_sources(gband: Karyotypes | None, qband: Karyotypes | None, metaphases: list[Metaphase]) -> Sources:
    """Banks of both kinds of stain from the data sets at hand."""
    return Sources(
        Bank([gband]) if gband else None,
        Bank([qband] if qband else [], metaphases),
        tuple(SeenMetaphase.of(metaphase) for metaphase in metaphases),
    )


def composed(rng: np.random.Generator, sources: Sources, size: int) -> Scene:
    """A window composed of single chromosomes, G-banded three times of four where there are such."""
    absorbs = sources.bright_field is not None and (rng.random() < 0.75 or not len(sources.fluorescent))
    stain = Stain.G_BAND if absorbs else Stain.DAPI
    bank = sources.bright_field if absorbs and sources.bright_field else sources.fluorescent
    count = int(rng.choice([1, 2, 3, 4, 5, 6], p=[0.06, 0.54, 0.2, 0.1, 0.06, 0.04]))
    placed = cluster_of(rng, bank, count)
    box = bounding_box(placed)
    middle = np.array([box.top + box.bottom, box.left + box.right]) / 2 + rng.normal(0, 8, 2)
    top, left = (np.rint(middle) - size // 2).astype(int)
    window = Box(int(top), int(left), int(top) + size, int(left) + size)
    if rng.random() < 0.5:
        placed = strangers(rng, bank, placed, window, int(rng.integers(1, 7)))
    return render(rng, placed, window, stain)


def cut_out(rng: np.random.Generator, seen: SeenMetaphase, size: int) -> Scene:
    """A window of a real metaphase, turned, mirrored, magnified and (two of three) bent as a whole."""
    metaphase = seen.truth
    angle, scale = rng.uniform(0, 360), seen.factor * rng.uniform(0.8, 1.25)
    if metaphase.instances and rng.random() < 0.95:
        crowded = [i for i in metaphase.instances if i.kind != "free"]
        pool = crowded if crowded and rng.random() < 0.75 else list(metaphase.instances)
        box = pool[int(rng.integers(len(pool)))].box
        y, x = (box.top + box.bottom) / 2, (box.left + box.right) / 2
    else:
        y, x = (rng.uniform(0, n) for n in metaphase.image.shape)
    matrix = cv2.getRotationMatrix2D((float(x), float(y)), angle, scale)
    if rng.random() < 0.5:
        matrix = np.diag([-1.0, 1.0]) @ matrix
        matrix[0, 2] += 2 * x
    matrix[:, 2] += size / 2 - np.array([x, y]) + rng.normal(0, 10, 2)
    # From where on the slide each pixel of the window comes.
    back = cv2.invertAffineTransform(matrix).astype(np.float32)
    columns, rows = np.meshgrid(np.arange(size, dtype=np.float32), np.arange(size, dtype=np.float32))
    if rng.random() < 2 / 3:
        amount = rng.uniform(0, BENT)
        columns, rows = (grid + amount * smooth_field(rng, (size, size), 5) for grid in (columns, rows))
    at_x = back[0, 0] * columns + back[0, 1] * rows + back[0, 2]
    at_y = back[1, 0] * columns + back[1, 1] * rows + back[1, 2]
    image = cv2.remap(seen.darkness, at_x, at_y, cv2.INTER_LINEAR)
    window = at_x.min(), at_y.min(), at_x.max(), at_y.max()
    masks = []
    for instance in metaphase.instances:
        box = instance.box
        if box.right < window[0] or box.bottom < window[1] or box.left > window[2] or box.top > window[3]:
            continue
        mask = cv2.remap(instance.mask.astype(np.float32), at_x - box.left, at_y - box.top, cv2.INTER_LINEAR) > 0.5
        if mask.any():
            masks.append(mask)
    stack = np.stack(masks) if masks else np.zeros((0, size, size), bool)
    return Scene(image, stack, ())


def make_window(rng: np.random.Generator, sources: Sources, size: int) -> tuple[Float, Bool]:
    """Darkness ``(size, size)`` of one window, composed or cut out, and the masks ``(n, size, size)`` in it."""
    seen = sources.simulated if sources.simulated and rng.random() < 0.2 else sources.metaphases
    if seen and (seen is sources.simulated or rng.random() < (0.4 if sources.bright_field else 0.65)):
        scene = cut_out(rng, seen[int(rng.integers(len(seen)))], size)
        darkness = scene.darkness
        if rng.random() < 0.4:
            darkness = photographed(rng, darkness)
    else:
        scene = composed(rng, sources, size)
        darkness = soiled(rng, scene.darkness, scene.masks)
        if rng.random() < UNSHARP:
            # Between chromosomes that touch there is stain then, as on slides, and no edge that was cut.
            darkness = np.asarray(cv2.GaussianBlur(darkness, (0, 0), float(rng.uniform(0.8, 1.8))), np.float32)
        darkness = normalise(photographed(rng, darkness))
    darkness = darkness * np.float32(rng.uniform(0.8, 1.25)) + np.float32(rng.normal(0, 0.015))
    return darkness, scene.masks


def make_sample(rng: np.random.Generator, sources: Sources, size: int) -> tuple[Float, Float, bool]:
    """One sample.

    Returns
    -------
    inputs
        ``(2, size, size)``: darkness, prompt.
    targets
        ``(4, size, size)``: foreground, overlap, contact, the chromosome asked for.
    prompted
        Whether a chromosome was asked for.
    """
    return asked(rng, *make_window(rng, sources, size))


def asked(
    rng: np.random.Generator, darkness: Float, masks: Bool, wanted: Bool | None = None
) -> tuple[Float, Float, bool]:
    """A sample as `make_sample` gives it, of a window ``(H, W)``; three times of four one chromosome is asked for.

    Parameters
    ----------
    masks
        ``(n, H, W)`` of the chromosomes in the window.
    wanted
        ``(n,)`` bool: which of them are asked for rather than the others, if any.
    """
    pixels = pixel_truth(masks)
    inputs = np.zeros((2, *darkness.shape), np.float32)
    inputs[0] = darkness
    target = np.zeros((1, *darkness.shape), np.float32)
    areas = masks.reshape(len(masks), -1).sum(axis=1) if len(masks) else np.zeros(0)
    candidates = np.flatnonzero(areas >= 30)
    prompted = bool(candidates.size) and rng.random() < 0.75
    if prompted:
        if wanted is not None and wanted[candidates].any():
            candidates = candidates[wanted[candidates]]
        elif candidates.size > 1:
            # What touches or crosses another is what the prompt is for.
            count = masks.sum(axis=0)
            crowded = [i for i in candidates if (masks[i] & (count > 1)).any() or pixels[2][masks[i]].any()]
            if crowded and rng.random() < 0.85:
                candidates = np.array(crowded)
        chosen = int(rng.choice(candidates))
        target[0] = masks[chosen]
        inputs[1] = random_prompt(rng, masks[chosen], (pixels[1] + pixels[2]) > 0)
    return inputs, np.concatenate((pixels, target)), prompted


class SegmenterSamples(IterableDataset[tuple[Tensor, Tensor, Tensor]]):
    """Endless batches of samples, another stream for every worker and every `seed`."""

    def __init__(self, sources: Sources, batch: int, size: int, seed: int) -> None:
        self.sources, self.batch, self.size, self.seed = sources, batch, size, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        worker = get_worker_info()
        rng = np.random.default_rng((self.seed, worker.id if worker else 0))
        while True:
            samples = [make_sample(rng, self.sources, self.size) for _ in range(self.batch)]
            yield (
                torch.from_numpy(np.stack([s[0] for s in samples])),
                torch.from_numpy(np.stack([s[1] for s in samples])),
                torch.tensor([s[2] for s in samples]),
            )
