"""Instances of a slide: scale, chromosomes, nuclei and debris, and how good the slide is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from chromview.core._cv import cv2
from chromview.core.chromosome import Box, Chromosome, Kind, Quality
from chromview.core.masks import clusters, overlap_area
from chromview.core.scale import CHROMOSOME_WIDTH, LARGEST_FACTOR, LEAST_FACTOR, check_width, typical_width, width_of
from chromview.progress import CancelToken, Progress, silent
from chromview.vision.other_cells import of_another_cell
from chromview.vision.pairs import PairSegmenter
from chromview.vision.pieces import EIGHT, Found, find_chromosomes
from chromview.vision.prepare import chromosome_width
from chromview.vision.segmenter import PixelMaps, Segmenter
from chromview.vision.sureness import with_confidence

Float = npt.NDArray[np.float32]

KEEP_SCALE = (0.82, 1.15)
"""Within these factors the network sees a slide as well as at its canonical scale."""
KEEP_SCALE_FLUORESCENT = (0.95, 1.06)
KEEP_SCALE_OF_FEW = (0.66, 1.5)
"""The same where fewer than six parts tell the scale, and tell it badly."""
NUCLEUS_AREA, DEBRIS_AREA = 3000, 45
"""Canonical pixels: larger stained regions without chromosomes are nuclei, smaller than the second dirt of no note."""
STAINED = 0.3
GLOW = 0.7
"""Probability above which a pixel belongs to a fluorescent chromosome: how far its glow counts, people draw differently
from slide to slide, and the network errs to the wide side; chosen on `val`."""
CRUMB = 0.12
"""Share of the median area; the smallest chromosomes, 21 and Y, have a third."""
PALE = 0.45
"""Darkness of the darkest tenth, as a share of the median of the cell; chosen on `val`, where smears have up to 0.37,
chromosomes 0.52 and more (in fluorescence) or 0.81 and more (in bright-field)."""
SPECK, LONELY = 0.33, 2.5
"""Shares of the median area and of its square root: what is smaller than the first and farther than the second from
all others is no chromosome. Of 5,300 true ones (`train` and `val`) those that lie as far have .39 and more."""
FAINT = 0.15
"""Darkness by which a chromosome is at least darker than its surroundings."""


class SlideScale(NamedTuple):
    """Canonical pixels for one slide pixel."""

    factor: float


class Seen(NamedTuple):
    """A slide as the network saw it: darkness and maps ``(h, w)`` at the canonical scale, and the factor to it."""

    darkness: Float
    maps: PixelMaps
    factor: float


def see(
    darkness: Float,
    segmenter: Segmenter,
    cancel: CancelToken,
    *,
    fluorescent: bool = False,
    scale: float | None = None,
    progress: Progress = silent,
) -> Seen:
    """What the network says of every pixel of a slide, at the scale that its chromosomes tell.

    Parameters
    ----------
    darkness
        ``(H, W)`` float32 at the slide's own resolution.
    fluorescent
        The network of fluorescent slides has to see them nearer to its own scale.
    scale
        Canonical pixels for one slide pixel, where a person said so; it is then taken as it is.

    Raises
    ------
    UserError
        If the slide cannot be resampled by such a scale.
    """
    shape = int(darkness.shape[0]), int(darkness.shape[1])
    if scale is not None:
        check_width(width_of(scale), shape)
        return Seen(*_seen(darkness, scale, segmenter, cancel, progress), scale)
    factor = _first_scale(*chromosome_width(darkness > STAINED))
    scaled, maps = _seen(darkness, factor, segmenter, cancel, progress)
    # What is chromosome and what is dirt is known only now: measure again, without the dirt.
    keep = KEEP_SCALE_FLUORESCENT if fluorescent else KEEP_SCALE
    better = _scale(*chromosome_width(maps.foreground > 0.5), factor, keep)
    if not keep[0] + 0.05 < better / factor < keep[1]:
        factor = better
        scaled, maps = _seen(darkness, factor, segmenter, cancel, progress)
    return Seen(scaled, maps, factor)


def find_instances(
    darkness: Float,
    segmenter: Segmenter,
    cancel: CancelToken,
    pairs: PairSegmenter | None = None,
    *,
    scale: float | None = None,
    fluorescent: bool = False,
) -> tuple[list[Chromosome], SlideScale]:
    """Chromosomes, nuclei and debris of a slide.

    Parameters
    ----------
    darkness
        ``(H, W)`` float32 at the slide's own resolution.
    pairs
        Gives a second opinion on clusters that may be of two.
    scale
        As for `see`.

    Returns
    -------
    Instances with ids from 1, chromosomes first, from top to bottom; and the scale that was found.
    """
    if not (darkness > STAINED).any():
        return [], SlideScale(1.0 if scale is None else scale)
    seen = see(darkness, segmenter, cancel, fluorescent=fluorescent, scale=scale)
    found = find_chromosomes(seen.darkness, seen.maps, segmenter, cancel, pairs=pairs, heaps=not fluorescent)
    return as_instances(found, seen, darkness, fluorescent=fluorescent), SlideScale(seen.factor)


def as_instances(found: Sequence[Found], seen: Seen, darkness: Float, *, fluorescent: bool = False) -> list[Chromosome]:
    """What was found on a slide ``(H, W)`` with what it is: chromosomes, nuclei and debris, as of `find_instances`."""
    shape = (int(darkness.shape[0]), int(darkness.shape[1]))
    scaled, maps, factor = seen
    chromosomes: list[Chromosome] = []
    for item in sorted(found, key=lambda f: (f.box.top, f.box.left)):
        mask, box = on_slide(item, factor, shape, fluorescent=fluorescent)
        if mask.any():
            kind = _kind_by_stain(item, scaled, maps) or _kind(box, mask, shape)
            empty = Chromosome(len(chromosomes) + 1, Box(0, 0, 0, 0), np.zeros((0, 0), bool), kind)
            chromosomes.append(replace(empty, confidence=item.confidence).with_mask(box, mask))
    chromosomes = _without_dirt(chromosomes, darkness)
    others = of_another_cell(chromosomes)
    chromosomes = [replace(c, kind=Kind.OTHER_CELL) if c.id in others else c for c in chromosomes]
    if fluorescent:
        chromosomes = with_confidence(chromosomes, darkness)
    for box, mask, kind in _other_things(scaled, maps, factor, shape):
        chromosomes.append(
            Chromosome(len(chromosomes) + 1, Box(0, 0, 0, 0), np.zeros((0, 0), bool), kind).with_mask(box, mask)
        )
    return chromosomes


def scale_of(chromosomes: Sequence[Chromosome], *, fluorescent: bool) -> SlideScale:
    """The scale that a slide is seen at, from the masks of its chromosomes."""
    keep = KEEP_SCALE_FLUORESCENT if fluorescent else KEEP_SCALE
    widths = [chromosome_width(np.pad(c.mask, 1))[0] for c in chromosomes if c.area]
    known = [width for width in widths if width > 0]
    return SlideScale(_scale(float(np.median(known)), len(known), 1.0, keep) if known else 1.0)


def _first_scale(width: float, parts: int) -> float:
    """Factor to look at a slide with first: its own scale, unless the stained parts are far from any chromosome's.

    Dirt makes them look thinner than chromosomes are: on composed cells of `val` by up to 1.9 times.
    """
    wanted = CHROMOSOME_WIDTH / width if parts >= 6 else 1.0
    return 1.0 if 0.55 < wanted < 2.4 else float(np.clip(wanted, LEAST_FACTOR, LARGEST_FACTOR))


def _without_dirt(found: list[Chromosome], darkness: Float) -> list[Chromosome]:
    """The same, with what is unlike the chromosomes of its cell as debris.

    Crumbs are far smaller, smears far paler, and specks are small and lie by themselves.
    """
    chromosomes = [c for c in found if c.kind is Kind.CHROMOSOME]
    if len(chromosomes) < 10:
        return found
    stain = {c.id: float(np.percentile(darkness[c.box.slices][c.mask], 90)) for c in chromosomes}
    least = CRUMB * float(np.median([c.area for c in chromosomes]))
    palest = PALE * float(np.median(list(stain.values())))
    dirt = {c.id for c in chromosomes if c.area < least or stain[c.id] < palest}
    dirt |= _lonely_specks([c for c in chromosomes if c.id not in dirt])
    return [replace(c, kind=Kind.DEBRIS) if c.id in dirt else c for c in found]


def _lonely_specks(chromosomes: Sequence[Chromosome]) -> set[int]:
    """Ids of those that are small and far from all others."""
    usual = float(np.median([c.area for c in chromosomes])) if chromosomes else 0.0
    small = [c for c in chromosomes if c.area < SPECK * usual]
    if not small:
        return set()
    points = {c.id: np.argwhere(c.mask) + (c.box.top, c.box.left) for c in chromosomes}
    lonely = set()
    for speck in small:
        others = np.concatenate([points[c.id] for c in chromosomes if c is not speck])
        if cKDTree(points[speck.id]).query(others)[0].min() > LONELY * np.sqrt(usual):
            lonely.add(speck.id)
    return lonely


def _scale(width: float, parts: int, factor: float, keep: tuple[float, float] = KEEP_SCALE) -> float:
    """Factor on the slide that brings chromosomes of `width` (seen at `factor`) to the canonical width."""
    if not parts or width <= 0:
        return factor
    wanted = factor * CHROMOSOME_WIDTH / width
    if parts < 6:
        low, high = KEEP_SCALE_OF_FEW
        return 1.0 if low <= wanted <= high else float(np.clip(wanted, low, high))
    low, high = keep
    return 1.0 if low <= wanted <= high else float(np.clip(wanted, LEAST_FACTOR, LARGEST_FACTOR))


def _seen(
    darkness: Float, factor: float, segmenter: Segmenter, cancel: CancelToken, progress: Progress
) -> tuple[Float, PixelMaps]:
    scaled = darkness
    if factor != 1.0:
        size = max(16, round(darkness.shape[1] * factor)), max(16, round(darkness.shape[0] * factor))
        scaled = cv2.resize(darkness, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    return scaled, segmenter.pixels(scaled, cancel, progress=progress)


def on_slide(
    item: Found, factor: float, shape: tuple[int, int], *, fluorescent: bool = False
) -> tuple[npt.NDArray[np.bool_], Box]:
    """Mask and box of something found at the canonical scale, in slide pixels."""
    level = GLOW if fluorescent else 0.5
    if factor == 1.0:
        return item.probability > level, item.box
    return _resized(item.probability, item.box, factor, shape, level)


def _resized(
    probability: Float, at: Box, factor: float, shape: tuple[int, int], level: float = 0.5
) -> tuple[npt.NDArray[np.bool_], Box]:
    box = Box(
        max(0, int(np.floor(at.top / factor)) - 1),
        max(0, int(np.floor(at.left / factor)) - 1),
        min(shape[0], int(np.ceil(at.bottom / factor)) + 1),
        min(shape[1], int(np.ceil(at.right / factor)) + 1),
    )
    # A pixel's middle lies at + 0.5 in both frames.
    x = ((np.arange(box.left, box.right) + 0.5) * factor - 0.5 - at.left).astype(np.float32)
    y = ((np.arange(box.top, box.bottom) + 0.5) * factor - 0.5 - at.top).astype(np.float32)
    grid_x, grid_y = np.meshgrid(x, y)
    value = cv2.remap(probability, grid_x, grid_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return value > level, box


def _kind_by_stain(item: Found, darkness: Float, maps: PixelMaps) -> Kind | None:
    """What something found is, if it is too large, too faint, or lies in something stained; None for a chromosome."""
    depth = cv2.distanceTransform(np.pad(item.mask, 1).astype(np.uint8), cv2.DIST_L2, 3).max()
    if int(item.mask.sum()) > NUCLEUS_AREA and float(depth) > 1.5 * CHROMOSOME_WIDTH:
        return Kind.NUCLEUS
    region = item.box.grown(7, (darkness.shape[0], darkness.shape[1]))
    own = np.zeros((region.height, region.width), np.uint8)
    top, left = item.box.top - region.top, item.box.left - region.left
    own[top : top + item.box.height, left : left + item.box.width] = item.mask
    ring = (cv2.dilate(own, np.ones((13, 13), np.uint8)) > 0) & (cv2.dilate(own, np.ones((5, 5), np.uint8)) == 0)
    ring &= maps.foreground[region.slices] < 0.3
    inside = float(np.mean(darkness[region.slices][own > 0]))
    around = float(np.median(darkness[region.slices][ring])) if ring.sum() >= 20 else 0.0
    # A chromosome stands out; a fold of a nucleus lies in stain, and a smear hardly has any.
    return Kind.DEBRIS if inside - around < max(FAINT, 0.35 * inside) else None


def _kind(box: Box, mask: npt.NDArray[np.bool_], shape: tuple[int, int]) -> Kind:
    at_border = sum(
        int(np.count_nonzero(edge))
        for edge, reached in (
            (mask[0], box.top == 0),
            (mask[-1], box.bottom == shape[0]),
            (mask[:, 0], box.left == 0),
            (mask[:, -1], box.right == shape[1]),
        )
        if reached
    )
    return Kind.CUT if at_border >= 4 else Kind.CHROMOSOME


def _other_things(
    darkness: Float, maps: PixelMaps, factor: float, shape: tuple[int, int]
) -> list[tuple[Box, npt.NDArray[np.bool_], Kind]]:
    """Stained regions that the network does not take for chromosomes."""
    cell = cv2.dilate((maps.foreground > 0.3).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    stained = (cv2.GaussianBlur(darkness, (0, 0), 1.5) > STAINED) & ~cell
    labels, _ = ndimage.label(stained, structure=EIGHT)
    things = []
    for index, window in enumerate(ndimage.find_objects(labels), start=1):
        own = labels[window] == index
        area = int(own.sum())
        if area < DEBRIS_AREA:
            continue
        kind = Kind.NUCLEUS if area >= NUCLEUS_AREA else Kind.DEBRIS
        at = Box(window[0].start, window[1].start, window[0].stop, window[1].stop)
        mask, box = (own, at) if factor == 1.0 else _resized(own.astype(np.float32), at, factor, shape)
        if mask.any():
            things.append((box, mask, kind))
    return things


def measure_quality(
    chromosomes: tuple[Chromosome, ...], is_cluster: bool, *, band_clarity: float | None = None
) -> Quality:
    """Count, clusters, overlaps, spread and overall quality; None where a value cannot be told."""
    counted = [c for c in chromosomes if c.in_karyogram]
    if not counted:
        return Quality(count=0)
    groups = [group for group in clusters(counted) if len(group) > 1]
    by_id = {c.id: c for c in counted}
    crossings = sum(
        overlap_area(by_id[a], by_id[b]) > 0 for group in groups for i, a in enumerate(group) for b in group[i + 1 :]
    )
    if is_cluster:
        return Quality(len(counted), len(groups), crossings, band_clarity=band_clarity)
    centres = np.array([((c.box.top + c.box.bottom) / 2, (c.box.left + c.box.right) / 2) for c in counted])
    width = typical_width(counted)
    spread = None
    if width and len(centres) > 1:
        nearest = cKDTree(centres).query(centres, k=2)[0][:, 1]
        spread = round(float(np.median(nearest)) / width, 3)
    free = 1 - sum(len(group) for group in groups) / len(counted)
    sure = float(np.mean([c.confidence for c in counted]))
    near_46 = float(np.exp(-abs(len(counted) - 46) / 6))
    overall = round((free + sure + near_46) / 3, 3)
    return Quality(len(counted), len(groups), crossings, spread, overall, band_clarity)
