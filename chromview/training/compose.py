"""Scenes composed on the fly from real chromosomes: crossing, touching, free, with exact truth.

Stain absorbs in bright-field, so where two chromosomes lie on each other their transmittances
multiply; fluorescence adds up, though not in full. A part of the scenes is opaque, since some slides are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chromview.core._cv import cv2
from chromview.core.chromosome import Box, Stain
from chromview.training.datasets import Karyotypes, Metaphase
from chromview.vision.prepare import chromosome_mask

Float = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

DAPI_SCALE = 1.35
"""Magnification that brings the chromosomes of the M-FISH slides to the width of the G-banded ones."""

ADDED = (0.5, 0.35)
"""Mean and spread of the share of its light that the fainter of two fluorescent chromosomes adds where they cross: in
362 crossings of M-FISH `train` 0.15, 0.53 and 0.78 at the quartiles."""


@dataclass(frozen=True)
class Patch:
    """A single chromosome: darkness ``(h, w)`` float32 0..1, zero outside its mask ``(h, w)`` bool.

    `up` is the direction (y, x) from the q arm to the p arm, of length 1; None where nobody knows.
    """

    darkness: Float
    mask: Bool
    number: int
    up: tuple[float, float] | None = None


@dataclass(frozen=True)
class Placed:
    """A patch in a scene, its top-left corner at (top, left)."""

    patch: Patch
    top: int
    left: int

    @property
    def box(self) -> Box:
        height, width = self.patch.mask.shape
        return Box(self.top, self.left, self.top + height, self.left + width)


def shared(a: Placed, b: Placed) -> int:
    """Pixels that two placed chromosomes have in common."""
    box = a.box.intersection(b.box)
    if box is None:
        return 0
    in_a = a.patch.mask[box.top - a.top : box.bottom - a.top, box.left - a.left : box.right - a.left]
    in_b = b.patch.mask[box.top - b.top : box.bottom - b.top, box.left - b.left : box.right - b.left]
    return int(np.count_nonzero(in_a & in_b))


class Bank:
    """Chromosomes to compose from, decoded when asked for.

    Parameters
    ----------
    sets
        Single chromosomes; those of one stain are one bank.
    metaphases
        Metaphases whose free chromosomes are cut out and used too (magnified by `DAPI_SCALE`).
    """

    def __init__(self, sets: Sequence[Karyotypes], metaphases: Sequence[Metaphase] = ()) -> None:
        self._single = [(s, i) for s in sets for i in range(len(s))]
        self._free = [(m, i) for m in metaphases for i in m.instances if i.kind == "free"]
        self._levels: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._single) + len(self._free)

    def draw(self, rng: np.random.Generator) -> Patch:
        """One chromosome at random."""
        return self[int(rng.integers(len(self)))]

    def __getitem__(self, index: int) -> Patch:
        if index < len(self._single):
            karyotypes, i = self._single[index]
            image = karyotypes.images[i]
            mask = chromosome_mask(image, karyotypes.stain)
            dark = image if karyotypes.stain.bright_on_dark else 255 - image
            darkness = dark.astype(np.float32) / 255.0
            if karyotypes.stain.bright_on_dark:
                darkness *= 0.7 / max(float(np.percentile(darkness[mask], 80)) if mask.any() else 1.0, 1e-3)
            # The G-banded sets hold chromosomes p arm up, the Q-banded one as they lay.
            up = None if karyotypes.stain.bright_on_dark else (-1.0, 0.0)
            return Patch(darkness * mask, mask, int(karyotypes.numbers[i]), up)
        metaphase, instance = self._free[index - len(self._single)]
        box = instance.box.grown(1, metaphase.image.shape)
        mask = np.zeros((box.height, box.width), bool)
        top, left = instance.box.top - box.top, instance.box.left - box.left
        mask[top : top + instance.box.height, left : left + instance.box.width] = instance.mask
        values = metaphase.image[box.slices].astype(np.float32)
        ground = float(values[~mask].min()) if not mask.all() else 0.0
        darkness = (values - ground) * (0.7 / max(float(np.percentile(values[mask], 80)) - ground, 1.0))
        return turned(Patch(np.clip(darkness, 0, 1.5) * mask, mask, instance.number), 0.0, DAPI_SCALE)


def turned(patch: Patch, angle: float, scale: float = 1.0, mirrored: bool = False) -> Patch:
    """The patch turned by `angle` degrees, magnified and trimmed to its mask."""
    height, width = patch.mask.shape
    side = int(np.ceil(np.hypot(height, width) * scale)) + 3
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, scale)
    matrix[:, 2] += (side - 1) / 2 - np.array([(width - 1) / 2, (height - 1) / 2])
    darkness = cv2.warpAffine(patch.darkness, matrix, (side, side), flags=cv2.INTER_LINEAR)
    mask = cv2.warpAffine(patch.mask.astype(np.float32), matrix, (side, side), flags=cv2.INTER_LINEAR) > 0.5
    if mirrored:
        darkness, mask = darkness[:, ::-1], mask[:, ::-1]
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return patch
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    mask = np.ascontiguousarray(mask[window])
    up = None
    if patch.up is not None:
        y, x = patch.up
        turn = np.deg2rad(angle)
        y, x = y * np.cos(turn) - x * np.sin(turn), x * np.cos(turn) + y * np.sin(turn)
        up = float(y), float(-x if mirrored else x)
    return Patch(np.ascontiguousarray(darkness[window]) * mask, mask, patch.number, up)


def _random_point(rng: np.random.Generator, mask: Bool) -> tuple[int, int]:
    points = np.flatnonzero(mask)
    y, x = divmod(int(points[rng.integers(points.size)]), mask.shape[1])
    return y, x


def cross(
    rng: np.random.Generator, base: Placed, patch: Patch, smallest: float = 0.04, largest: float = 0.45
) -> Placed | None:
    """Lay `patch` across `base` so that they share 4 to 45 % of the smaller one; None if ten tries fail."""
    for _ in range(10):
        y0, x0 = _random_point(rng, base.patch.mask)
        y1, x1 = _random_point(rng, patch.mask)
        placed = Placed(patch, base.top + y0 - y1, base.left + x0 - x1)
        share = shared(base, placed) / max(1, min(base.patch.mask.sum(), patch.mask.sum()))
        if smallest <= share <= largest:
            return placed
    return None


def touch(rng: np.random.Generator, base: Placed, patch: Patch, gap: int = 0) -> Placed:
    """Push `patch` against `base` from a random side until they are `gap` pixels from sharing any."""
    angle = rng.uniform(0, 2 * np.pi)
    direction = np.array([np.sin(angle), np.cos(angle)])
    points = _random_point(rng, base.patch.mask), _random_point(rng, patch.mask)
    return _pushed(base, patch, direction, points, gap)


def touch_along(rng: np.random.Generator, base: Placed, patch: Patch, gap: int = 0) -> Placed:
    """As `touch`, but end to end, end to side, or side by side, which chance alone hardly brings about.

    That is how chromosomes of real metaphases lie that are taken for one. Half of them are pressed together, so that no
    light shows between their rims; what both rims cover belongs to `base`.
    """
    axis = _long_axis(base.patch.mask)
    way = rng.random()
    if way < 0.4:  # side by side
        patch = _turned_to(patch, axis, rng.normal(0, 10))
        direction = np.array([-axis[1], axis[0]]) * rng.choice((-1.0, 1.0))
        points = _random_point(rng, base.patch.mask), _random_point(rng, patch.mask)
    else:
        direction = axis * rng.choice((-1.0, 1.0))
        if way < 0.75:  # end to end; else the end of the one meets whatever of the other
            patch = _turned_to(patch, direction, rng.normal(0, 25))
        points = _farthest(base.patch.mask, direction), _farthest(patch.mask, -direction)
    if rng.random() < 0.5:
        return _pushed(base, patch, direction, points, gap)
    pressed = _pushed(base, patch, direction, points, -int(rng.integers(1, 3)))
    own = patch.mask.copy()
    box = pressed.box.intersection(base.box)
    if box is not None:
        on_base = slice(box.top - base.top, box.bottom - base.top), slice(box.left - base.left, box.right - base.left)
        own[
            box.top - pressed.top : box.bottom - pressed.top, box.left - pressed.left : box.right - pressed.left
        ] &= ~base.patch.mask[on_base]
    # The stain stays where the mask was given away: light is absorbed by both rims.
    return Placed(Patch(patch.darkness, own, patch.number, patch.up), pressed.top, pressed.left)


def _long_axis(mask: Bool) -> npt.NDArray[np.float64]:
    """Direction (y, x), of length 1, in which a mask ``(h, w)`` is longest."""
    _, vectors = np.linalg.eigh(np.cov(np.argwhere(mask).T))
    longest: npt.NDArray[np.float64] = vectors[:, -1]
    return longest


def _farthest(mask: Bool, direction: npt.NDArray[np.float64]) -> tuple[int, int]:
    """The point of a mask that lies farthest in a direction (y, x)."""
    points = np.argwhere(mask)
    y, x = points[int((points @ direction).argmax())]
    return int(y), int(x)


def _turned_to(patch: Patch, direction: npt.NDArray[np.float64], beside: float) -> Patch:
    """The patch with its long axis in a direction (y, x), give or take `beside` degrees."""
    own = _long_axis(patch.mask)
    now, wanted = (np.degrees(np.arctan2(-y, x)) for y, x in (own, direction))
    return turned(patch, float(wanted - now + beside))


def _pushed(
    base: Placed,
    patch: Patch,
    direction: npt.NDArray[np.float64],
    points: tuple[tuple[int, int], tuple[int, int]],
    gap: int,
) -> Placed:
    """`patch`, laid on `base` so that two points meet and then pushed in a direction (y, x) until they only touch."""
    (y0, x0), (y1, x1) = points
    start = np.array([base.top + y0 - y1, base.left + x0 - x1], float)

    def at(distance: float) -> Placed:
        y, x = np.rint(start + distance * direction).astype(int)
        return Placed(patch, int(y), int(x))

    inside, outside = 0.0, float(sum(base.patch.mask.shape) + sum(patch.mask.shape))
    while outside - inside > 0.6:
        middle = (inside + outside) / 2
        if shared(base, at(middle)):
            inside = middle
        else:
            outside = middle
    return at(outside + gap)


@dataclass(frozen=True)
class Scene:
    """A composed window: darkness ``(H, W)`` float32 and the masks of its chromosomes ``(n, H, W)`` bool."""

    darkness: Float
    masks: Bool
    numbers: tuple[int, ...]


def render(
    rng: np.random.Generator, placed: Sequence[Placed], window: Box, stain: Stain, opaque: float = 0.15
) -> Scene:
    """Draw placed chromosomes into a window; those wholly outside it are left out."""
    height, width = window.height, window.width
    light = np.ones((height, width), np.float32)
    glow = np.zeros((height, width), np.float32)
    masks, numbers = [], []
    covers = rng.random() < opaque
    absorption = rng.uniform(0.75, 1.0)
    added = float(np.clip(rng.normal(*ADDED), 0, 1.1)) if stain.bright_on_dark else 1.0
    for item in placed:
        box = item.box.intersection(window)
        if box is None:
            continue
        inner = slice(box.top - item.top, box.bottom - item.top), slice(box.left - item.left, box.right - item.left)
        outer = (
            slice(box.top - window.top, box.bottom - window.top),
            slice(box.left - window.left, box.right - window.left),
        )
        darkness, mask = item.patch.darkness[inner], item.patch.mask[inner]
        if not mask.any():
            continue
        whole = np.zeros((height, width), bool)
        whole[outer] = mask
        masks.append(whole)
        numbers.append(item.patch.number)
        if covers:
            light[outer] = np.where(mask, 1 - darkness, light[outer])
            glow[outer] = np.where(mask, darkness, glow[outer])
        else:
            light[outer] *= 1 - absorption * darkness
            seen = darkness * absorption
            glow[outer] = np.maximum(glow[outer], seen) + added * np.minimum(glow[outer], seen)
    result = glow if stain.bright_on_dark else 1 - light
    stack = np.stack(masks) if masks else np.zeros((0, height, width), bool)
    return Scene(result, stack, tuple(numbers))


def cluster_of(
    rng: np.random.Generator,
    bank: Bank,
    count: int,
    *,
    touching: float = 0.35,
    along: float = 0.5,
    scale: tuple[float, float] = (0.8, 1.2),
) -> list[Placed]:
    """`count` chromosomes of one cluster, each across or against one that is there already.

    `touching` is the share of those that only touch, `along` that of `touch_along` among these.
    """
    magnified = float(rng.uniform(*scale))
    placed = [Placed(turned(bank.draw(rng), rng.uniform(0, 360), magnified, rng.random() < 0.5), 0, 0)]
    for _ in range(20 * count):
        if len(placed) >= count:
            break
        patch = turned(bank.draw(rng), rng.uniform(0, 360), magnified, rng.random() < 0.5)
        base = placed[int(rng.integers(len(placed)))]
        crossing = rng.random() >= touching
        if crossing:
            new = cross(rng, base, patch)
        else:
            how = touch_along if along and rng.random() < along else touch
            new = how(rng, base, patch, int(rng.integers(0, 2)))
        if new is None:
            continue
        extra = [shared(new, other) for other in placed if other is not base]
        if crossing or not any(extra):
            placed.append(new)
    return placed


def bounding_box(placed: Sequence[Placed]) -> Box:
    """Box around all placed chromosomes."""
    box = placed[0].box
    for item in placed[1:]:
        box = box.union(item.box)
    return box


def strangers(rng: np.random.Generator, bank: Bank, placed: list[Placed], window: Box, count: int) -> list[Placed]:
    """`placed` and up to `count` more chromosomes in the window that touch nothing."""
    result = list(placed)
    scale = float(rng.uniform(0.85, 1.15))
    for _ in range(count):
        patch = turned(bank.draw(rng), rng.uniform(0, 360), scale, rng.random() < 0.5)
        for _ in range(6):
            top = int(rng.integers(window.top - patch.mask.shape[0] // 2, window.bottom))
            left = int(rng.integers(window.left - patch.mask.shape[1] // 2, window.right))
            new = Placed(patch, top, left)
            around = Placed(Patch(patch.darkness, np.ones_like(patch.mask), 0), top, left)
            if not any(shared(around, other) for other in result):
                result.append(new)
                break
    return result


def smooth_field(rng: np.random.Generator, shape: tuple[int, int], cells: int) -> Float:
    """Noise ``(H, W)`` that varies smoothly, as many cells across as told; standard deviation about 1."""
    coarse = rng.normal(0, 1, (cells, cells)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32)


def soiled(rng: np.random.Generator, darkness: Float, masks: Bool, nuclei: float = 0.15, debris: float = 0.25) -> Float:
    """The window with nuclei and debris beside the chromosomes, as probable as told."""
    height, width = darkness.shape
    free = ~masks.any(axis=0) if len(masks) else np.ones(darkness.shape, bool)
    distance = cv2.distanceTransform(free.astype(np.uint8), cv2.DIST_L2, 3)
    result = darkness.copy()
    yy, xx = np.mgrid[:height, :width].astype(np.float32)
    if rng.random() < nuclei:
        for _ in range(8):
            cy, cx = rng.uniform(-0.2, 1.2) * height, rng.uniform(-0.2, 1.2) * width
            radius = rng.uniform(28, 90)
            stretch, angle = rng.uniform(0.75, 1.0), rng.uniform(0, np.pi)
            u = (xx - cx) * np.cos(angle) + (yy - cy) * np.sin(angle)
            v = -(xx - cx) * np.sin(angle) + (yy - cy) * np.cos(angle)
            r = np.sqrt(u**2 + (v / stretch) ** 2) / radius
            disc = r < 1
            if disc.any() and distance[disc].min() > 3:
                texture = 1 + 0.25 * smooth_field(rng, darkness.shape, 24) + 0.1 * smooth_field(rng, darkness.shape, 60)
                edge = np.clip((1 - r) * radius / 2.5, 0, 1)
                result = np.maximum(result, edge * rng.uniform(0.2, 0.8) * np.clip(texture, 0.3, 1.7))
                break
    if rng.random() < debris:
        for _ in range(int(rng.integers(1, 7))):
            cy, cx = int(rng.integers(height)), int(rng.integers(width))
            radius = rng.uniform(0.8, 5)
            if distance[cy, cx] < radius + 3:
                continue
            blob = np.exp(-(((yy - cy) ** 2 + (xx - cx) ** 2) / (2 * (radius * 0.6) ** 2)))
            if radius > 2.5:
                blob *= np.clip(1 + 0.8 * smooth_field(rng, darkness.shape, 40), 0, 1.5)
            result = np.maximum(result, blob * rng.uniform(0.2, 1.0))
    if rng.random() < debris / 2:
        cloud = np.clip(smooth_field(rng, darkness.shape, 10) - 0.8, 0, 1) * np.clip(
            smooth_field(rng, darkness.shape, 50), 0, 1
        )
        result = np.maximum(result, cloud * rng.uniform(0.05, 0.3) * (distance > 3))
    return result.astype(np.float32)


def photographed(rng: np.random.Generator, darkness: Float) -> Float:
    """Blur, uneven light, camera noise and gain, each as often as slides have it."""
    result = darkness
    if rng.random() < 0.5:
        result = cv2.GaussianBlur(result, (0, 0), float(rng.uniform(0.3, 1.2)))
    if rng.random() < 0.65:
        result = result + rng.uniform(0, 0.05) * smooth_field(rng, darkness.shape, int(rng.integers(2, 6)))
        noise = rng.normal(0, 1, darkness.shape).astype(np.float32)
        if rng.random() < 0.5:
            noise = cv2.GaussianBlur(noise, (0, 0), 0.8) * 1.8
        result = result + rng.uniform(0.002, 0.035) * noise
    if rng.random() < 0.4:
        result = np.sign(result) * np.abs(result) ** np.float32(rng.uniform(0.75, 1.3))
    return np.asarray(result * rng.uniform(0.6, 1.3), np.float32)
