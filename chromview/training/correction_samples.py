"""What the segmenter is trained on again: windows of slides with corrected masks, and of simulated slides beside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from chromview.core._cv import cv2
from chromview.core.chromosome import Box, Chromosome, SlideImage, Stain
from chromview.simulate import simulate_metaphase
from chromview.storage.corrections import CorrectedSlide, Judged
from chromview.training.compose import photographed
from chromview.training.datasets import Instance
from chromview.training.segmenter_samples import asked
from chromview.vision.instances import scale_of
from chromview.vision.prepare import normalise, tell_stain, to_darkness

Float = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

NEAR = 12
"""Pixels around a judged chromosome in which everything is known, where the slide as a whole was not reviewed."""


@dataclass(frozen=True, eq=False)
class TruthSlide:
    """A slide to learn from or to be judged on.

    Attributes
    ----------
    name, image, stain, inverted
        Of the slide.
    chromosomes
        Its true chromosomes.
    known
        ``(H, W)`` where the truth about pixels is known.
    unjudged
        ``(H, W)`` what nobody judged.
    """

    name: str
    image: SlideImage
    stain: Stain
    inverted: bool
    chromosomes: tuple[Judged, ...]
    known: Bool
    unjudged: Bool

    @cached_property
    def darkness(self) -> Float:
        """``(H, W)`` as the network sees the slide."""
        return to_darkness(self.image.pixels, self.stain, self.inverted)

    @cached_property
    def scale(self) -> float:
        """Canonical pixels for one of the slide."""
        found = [Chromosome(n, c.box, c.mask) for n, c in enumerate(self.chromosomes, start=1)]
        return scale_of(found, fluorescent=self.stain.bright_on_dark).factor

    @cached_property
    def instances(self) -> tuple[Instance, ...]:
        """The chromosomes with their kind: free, touching, overlapping (12 pixels or more are shared)."""
        count = np.zeros(self.image.shape, np.uint8)
        for one in self.chromosomes:
            count[one.box.slices] += one.mask
        result = []
        for one in self.chromosomes:
            around = one.box.grown(2, self.image.shape)
            own = np.zeros((around.height, around.width), np.uint8)
            top, left = one.box.top - around.top, one.box.left - around.left
            own[top : top + one.box.height, left : left + one.box.width] = one.mask
            shared = int(((count[one.box.slices] > 1) & one.mask).sum())
            grown = cv2.dilate(own, np.ones((5, 5), np.uint8)) > 0
            near = (grown & (count[around.slices] > own)).any()
            kind = "overlapping" if shared >= 12 else "touching" if near else "free"
            result.append(Instance(one.number, one.box, one.mask, kind))
        return tuple(result)


def truth_of(slide: CorrectedSlide) -> TruthSlide:
    """What is known of a corrected slide."""
    stain, inverted = (slide.stain, slide.inverted) if slide.stain is not None else tell_stain(slide.image)
    unjudged = cv2.dilate(slide.unjudged.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    known = ~unjudged
    if not slide.whole:
        judged = np.zeros(slide.image.shape, np.uint8)
        for one in slide.chromosomes:
            judged[one.box.slices] |= one.mask.astype(np.uint8)
        known &= cv2.distanceTransform(1 - judged, cv2.DIST_L2, 3) <= NEAR
    return TruthSlide(slide.name, slide.image, stain, inverted, slide.chromosomes, known, slide.unjudged)


def simulated(
    count: int, seed: int, told: Callable[[float], object], *, fluorescent: bool, openness: float = 0.25
) -> list[TruthSlide]:
    """Simulated metaphases, fluorescent or bright-field, with their exact truth.

    `told` gets the share that is done; chromatids gape by up to `openness`, see `simulate_metaphase`.
    """
    rng = np.random.default_rng(seed)
    slides = []
    stains = (Stain.DAPI, Stain.Q_BAND) if fluorescent else (Stain.G_BAND,)
    for index in range(count):
        told(index / count)
        drawn = simulate_metaphase(
            "46,XX" if rng.random() < 0.5 else "46,XY",
            stain=stains[index % len(stains)],
            seed=int(rng.integers(1 << 31)),
            openness=float(rng.uniform(0, openness)),
            crossings=int(rng.integers(2, 8)),
            contacts=int(rng.integers(2, 8)),
        )
        judged = tuple(Judged(c.box, c.mask, c.number, False) for c in drawn.countable)
        everywhere = np.ones(drawn.image.shape, bool)
        slides.append(
            TruthSlide(
                f"simulated {index + 1}", SlideImage(drawn.image), drawn.stain, False, judged, everywhere, ~everywhere
            )
        )
    return slides


class Window(NamedTuple):
    """Darkness ``(H, W)``, masks ``(n, H, W)``, which of them a person made ``(n,)``, where pixels are known."""

    darkness: Float
    masks: Bool
    by_person: Bool
    known: Bool


def window(rng: np.random.Generator, slide: TruthSlide, size: int) -> Window:
    """A window of a slide, turned, mirrored and magnified; more often around what a person corrected."""
    pool = list(slide.chromosomes)
    corrected = [c for c in pool if c.by_person]
    if corrected and rng.random() < 0.6:
        pool = corrected
    box = pool[int(rng.integers(len(pool)))].box
    y, x = (box.top + box.bottom) / 2, (box.left + box.right) / 2
    matrix = cv2.getRotationMatrix2D((x, y), float(rng.uniform(0, 360)), slide.scale * float(rng.uniform(0.85, 1.18)))
    if rng.random() < 0.5:
        matrix = np.diag([-1.0, 1.0]) @ matrix
        matrix[0, 2] += 2 * x
    matrix[:, 2] += size / 2 - np.array([x, y]) + rng.normal(0, size / 10, 2)
    frame = (size, size)
    darkness = cv2.warpAffine(slide.darkness, matrix, frame, flags=cv2.INTER_LINEAR, borderValue=0)
    known = cv2.warpAffine(slide.known.astype(np.uint8), matrix, frame, flags=cv2.INTER_NEAREST, borderValue=1) > 0
    masks, by_person = [], []
    for one in slide.chromosomes:
        mask = _moved(one.box, one.mask, matrix, size)
        if mask is not None:
            masks.append(mask)
            by_person.append(one.by_person)
    stack = np.stack(masks) if masks else np.zeros((0, *frame), bool)
    return Window(darkness, stack, np.array(by_person, bool), known)


def _moved(box: Box, mask: Bool, matrix: npt.NDArray[np.float64], size: int) -> Bool | None:
    corners = np.array([(c, r, 1.0) for r in (box.top, box.bottom) for c in (box.left, box.right)]) @ matrix.T
    if (corners.max(0) < 0).any() or (corners.min(0) > size).any():
        return None
    local = matrix.copy()
    local[:, 2] += matrix[:, :2] @ np.array([box.left, box.top])
    moved = cv2.warpAffine(mask.astype(np.float32), local, (size, size), flags=cv2.INTER_LINEAR) > 0.5
    return moved if moved.any() else None


class Batch(NamedTuple):
    """Inputs ``(N, 2, H, W)``, targets ``(N, 4, H, W)``, prompted ``(N,)``, where pixels are known ``(N, H, W)``."""

    inputs: Tensor
    targets: Tensor
    prompted: Tensor
    known: Tensor


def draw_batch(rng: np.random.Generator, slides: Sequence[TruthSlide], count: int, size: int) -> Batch:
    """`count` windows of slides, each slide as often as the others."""
    inputs, targets, prompted, known = [], [], [], []
    for _ in range(count):
        seen = window(rng, slides[int(rng.integers(len(slides)))], size)
        darkness = seen.darkness
        if rng.random() < 0.3:
            darkness = normalise(photographed(rng, darkness))
        darkness = darkness * np.float32(rng.uniform(0.85, 1.18)) + np.float32(rng.normal(0, 0.015))
        wanted = seen.by_person if rng.random() < 0.5 else None
        x, y, p = asked(rng, darkness, seen.masks, wanted)
        inputs.append(x)
        targets.append(y)
        prompted.append(p)
        known.append(seen.known.astype(np.float32))
    return Batch(
        torch.from_numpy(np.stack(inputs)),
        torch.from_numpy(np.stack(targets)),
        torch.tensor(prompted),
        torch.from_numpy(np.stack(known)),
    )
