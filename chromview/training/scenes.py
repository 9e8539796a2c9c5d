"""Scenes the segmenter is measured on: pairs and whole cells composed from chromosomes of a split.

Unlike the training samples they follow a fixed protocol and are drawn from a fixed seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chromview.core._cv import cv2
from chromview.core.chromosome import Box, Stain
from chromview.training.compose import (
    Bank,
    Patch,
    Placed,
    bounding_box,
    cross,
    photographed,
    render,
    shared,
    soiled,
    touch,
    turned,
)
from chromview.training.datasets import Instance, Karyotypes

UInt8 = npt.NDArray[np.uint8]

PAIR_SIZE = 128
CELL_SHAPE = (620, 760)


@dataclass(frozen=True)
class ComposedPair:
    """A composed cluster of two: image ``(128, 128)`` uint8 on bright ground, four-label truth alike."""

    image: UInt8
    label: UInt8
    touching: bool


@dataclass(frozen=True)
class ComposedCell:
    """A composed metaphase: image ``(H, W)`` uint8, bright-field, and its chromosomes."""

    name: str
    image: UInt8
    instances: tuple[Instance, ...]


def _as_image(rng: np.random.Generator, darkness: npt.NDArray[np.float32], ground: tuple[float, float]) -> UInt8:
    level = rng.uniform(*ground)
    grey = np.clip(np.rint(level * (1 - darkness)), 0, 255)
    return np.asarray(grey, np.uint8)


def composed_pairs(karyotypes: Karyotypes, count: int, seed: int = 0) -> Iterator[ComposedPair]:
    """`count` pairs: absorbing overlap of 4 to 45 % of the smaller chromosome, every fourth only touching."""
    rng = np.random.default_rng(seed)
    bank = Bank([karyotypes])
    made = 0
    while made < count:
        touching = made % 4 == 3
        first = Placed(turned(bank.draw(rng), rng.uniform(0, 360), 1.0, rng.random() < 0.5), 0, 0)
        patch = turned(bank.draw(rng), rng.uniform(0, 360), 1.0, rng.random() < 0.5)
        second = touch(rng, first, patch) if touching else cross(rng, first, patch)
        if second is None:
            continue
        box = bounding_box((first, second))
        if max(box.height, box.width) > PAIR_SIZE - 4:
            continue
        top, left = box.top - (PAIR_SIZE - box.height) // 2, box.left - (PAIR_SIZE - box.width) // 2
        window = Box(top, left, top + PAIR_SIZE, left + PAIR_SIZE)
        scene = render(rng, (first, second), window, Stain.G_BAND, opaque=0.0)
        darkness = scene.darkness
        if rng.random() < 0.5:
            darkness = photographed(rng, darkness)
        label = (scene.masks[0] + 2 * scene.masks[1]).astype(np.uint8)
        made += 1
        yield ComposedPair(_as_image(rng, darkness, (235, 255)), label, touching)


def composed_cells(karyotypes: Karyotypes, count: int, seed: int = 0) -> Iterator[ComposedCell]:
    """Up to `count` cells of a split, each laid out as a metaphase of 620 x 760 pixels.

    One to six crossings of two chromosomes and as many contacts, nuclei and debris between them, uneven
    light, blur and noise.
    """
    names = [name for name in np.unique(karyotypes.cells) if (karyotypes.cells == name).sum() >= 40]
    bank = Bank([karyotypes])
    for index, name in enumerate(names[:count]):
        rng = np.random.default_rng((seed, index))
        yield _compose_cell(rng, str(name), [bank[int(i)] for i in np.flatnonzero(karyotypes.cells == name)])


def _compose_cell(rng: np.random.Generator, name: str, patches: Sequence[Patch]) -> ComposedCell:
    height, width = CELL_SHAPE
    loose = [turned(patch, rng.uniform(0, 360), 1.0) for patch in patches if patch.mask.sum() >= 30]
    order = [int(i) for i in rng.permutation(len(loose))]
    units: list[list[Placed]] = []
    for wanted, crossing in ((int(rng.integers(1, 7)), True), (int(rng.integers(1, 7)), False)):
        for _ in range(wanted):
            base = Placed(loose[order.pop()], 0, 0)
            patch = loose[order.pop()]
            other = cross(rng, base, patch) if crossing else touch(rng, base, patch)
            units.append([base, other if other is not None else touch(rng, base, patch)])
    units += [[Placed(loose[i], 0, 0)] for i in order]
    units.sort(key=lambda unit: -bounding_box(unit).height * bounding_box(unit).width)
    taken = np.zeros((height, width), np.uint8)
    placed: list[Placed] = []
    for unit in units:
        box = bounding_box(unit)
        for attempt in range(400):
            # A metaphase is round: near the middle first, anywhere where there is no more room.
            reach = 0.24 + 0.26 * min(1.0, attempt / 200)
            middle = rng.normal(0.5, reach / 1.5, 2) * (height, width)
            dy, dx = (np.rint(middle) - (box.height / 2 + box.top, box.width / 2 + box.left)).astype(int)
            moved = [Placed(p.patch, p.top + int(dy), p.left + int(dx)) for p in unit]
            around = bounding_box(moved)
            if around.top < 4 or around.left < 4 or around.bottom > height - 4 or around.right > width - 4:
                continue
            if any((taken[p.box.slices] > 0)[p.patch.mask].any() for p in moved):
                continue
            placed += moved
            for p in moved:
                region = p.box.grown(4, CELL_SHAPE)
                mask = np.zeros((region.height, region.width), np.uint8)
                y, x = p.top - region.top, p.left - region.left
                mask[y : y + p.box.height, x : x + p.box.width] = p.patch.mask
                taken[region.slices] |= cv2.dilate(mask, np.ones((7, 7), np.uint8))
            break
    scene = render(rng, placed, Box(0, 0, height, width), Stain.G_BAND, opaque=0.0)
    darkness = soiled(rng, scene.darkness, scene.masks, nuclei=0.7, debris=1.0)
    darkness = np.asarray(cv2.GaussianBlur(darkness, (0, 0), float(rng.uniform(0.3, 0.9))), np.float32)
    coarse = cv2.resize(rng.normal(0, 1, (3, 3)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    darkness = darkness + rng.uniform(0, 0.04) * coarse + rng.normal(0, rng.uniform(0.003, 0.015), (height, width))
    return ComposedCell(
        name, _as_image(rng, np.asarray(darkness, np.float32), (200, 245)), tuple(_instance(p, placed) for p in placed)
    )


def _instance(item: Placed, placed: Sequence[Placed]) -> Instance:
    others = [other for other in placed if other is not item]
    overlap = sum(shared(item, other) for other in others)
    grown = Placed(
        Patch(item.patch.darkness, cv2.dilate(np.pad(item.patch.mask, 2).astype(np.uint8), np.ones((5, 5))) > 0, 0),
        item.top - 2,
        item.left - 2,
    )
    kind = "overlapping" if overlap >= 12 else "touching" if any(shared(grown, other) for other in others) else "free"
    return Instance(item.patch.number, item.box, item.patch.mask, kind, item.patch.up)
