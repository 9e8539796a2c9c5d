"""The whole way: a slide becomes chromosomes, straightened, classified and placed in a karyogram.

The window's worker, the command line and the tests all call `analyse`.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chromview.core.bands import band_clarity, band_profile
from chromview.core.chromosome import Analysis, Chromosome, DecidedBy, Kind, SlideImage, Stain, State
from chromview.core.doubts import doubts_of
from chromview.core.karyotype import assign_slots, formula
from chromview.progress import CancelToken, Progress, silent
from chromview.vision.assignment import assign_cell
from chromview.vision.canvas import SHEET, cell_brightness, cell_scales, to_sheet
from chromview.vision.instances import SlideScale, find_instances, measure_quality, scale_of
from chromview.vision.models import Models
from chromview.vision.pairs import label_pairs
from chromview.vision.prepare import METAPHASE, bright_ground, chromosome_mask, tell_stain, to_darkness
from chromview.vision.reading import CLUSTER_LIMIT, Slide, classify, decided, lay, straightened, with_centromere
from chromview.vision.settle import settle


def analyse(
    image: SlideImage,
    models: Models,
    *,
    stain: Stain | None = None,
    scale: float | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> Analysis:
    """Analyse one slide, a metaphase or a single cluster.

    Parameters
    ----------
    image
        The slide as it was read.
    models
        Loaded networks.
    stain
        The stain, or None to tell it from the ground.
    scale
        Canonical pixels for one slide pixel (see `chromview.core.scale`), or None to find it from the chromosomes.
    progress, cancel
        Told of each stage; looked at between and within stages.

    Raises
    ------
    UserError
        If the slide cannot be resampled by such a scale.
    Cancelled
        If the token was set.
    """
    cancel = cancel or CancelToken()
    seconds: dict[str, float] = {}

    @contextmanager
    def stage(name: str, share: float) -> Iterator[None]:
        cancel.check()
        progress(name, share)
        started = time.perf_counter()
        yield
        seconds[name] = round(time.perf_counter() - started, 4)

    with stage("prepare", 0.0):
        stain, inverted = tell_stain(image, stain)
        slide = Slide(image, to_darkness(image.pixels, stain, inverted), stain, inverted)
    with stage("find", 0.05):
        # Of light that adds up the pair network has seen clusters of two; on metaphases it is of no use there.
        is_small = min(image.shape) < METAPHASE
        pairs = models.pairs if is_small or not stain.bright_on_dark else None
        found, seen_at = find_instances(
            slide.darkness, models.segmenter_of(stain), cancel, pairs, fluorescent=stain.bright_on_dark, scale=scale
        )
    counted = [c for c in found if c.kind is Kind.CHROMOSOME]
    is_cluster = len(counted) < CLUSTER_LIMIT
    if is_cluster:
        # A cluster is cut out tightly, so that its chromosomes may well reach the border.
        found = [replace(c, kind=Kind.CHROMOSOME) if c.kind is Kind.CUT else c for c in found]
        counted = [c for c in found if c.kind is Kind.CHROMOSOME]
    with stage("straighten", 0.6):
        laid = lay(slide, counted, cancel)
    with stage("classify", 0.75):
        answer = classify(laid, stain, seen_at, models, cancel, whole_cell=not is_cluster, settled=is_cluster)
    with stage("settle", 0.8):
        if not is_cluster:
            settled, answer = settle(slide, laid, answer, seen_at, models, cancel)
            if settled is not laid:
                others = [c for c in found if c.kind is not Kind.CHROMOSOME]
                others = [replace(c, id=i) for i, c in enumerate(others, start=len(settled) + 1)]
                laid, found = settled, [*settled.chromosomes, *others]
    with stage("place", 0.95):
        if stain.bright_on_dark and not is_cluster:
            # By both networks now, at the scale that the cell has since it was settled.
            answer = classify(laid, stain, seen_at, models, cancel, whole_cell=True)
        read = decided(laid.chromosomes, answer, stain, whole_cell=not is_cluster, leave_out=not is_cluster)
        straight = [straightened(c, own) for c, own in zip(read, laid.stains, strict=True)]
        read = [with_centromere(c, pixels) for c, pixels in zip(read, straight, strict=True)]
        clarity = band_clarity(band_profile(*pixels, seen_at.factor) for pixels in straight if pixels)
        by_id = {c.id: c for c in read}
        chromosomes = assign_slots([by_id.get(c.id, c) for c in found])
        if not is_cluster:
            chromosomes = tuple(replace(c, doubts=doubts_of(c, chromosomes)) for c in chromosomes)
        proposal = "" if is_cluster else formula(c.number for c in chromosomes if c.in_karyogram)
    progress("place", 1.0)
    return Analysis(
        shape=image.shape,
        stain=stain,
        inverted=inverted,
        scale=seen_at.factor,
        chromosomes=chromosomes,
        proposal=proposal,
        is_cluster=is_cluster,
        quality=measure_quality(chromosomes, is_cluster, band_clarity=clarity),
        seconds=seconds,
        models=dict(models.hashes),
    )


def reread(
    image: SlideImage,
    chromosomes: Sequence[Chromosome],
    ids: Collection[int],
    models: Models,
    *,
    stain: Stain | None = None,
    scale: float | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> tuple[Chromosome, ...]:
    """Chromosomes `ids` of a slide read anew after their masks were edited.

    Axis, centromere, class and polarity are found again, with the others of the slide as their cell;
    masks stay, and so does a class that a person chose. The others are returned as they are.
    """
    cancel = cancel or CancelToken()
    stain, inverted = tell_stain(image, stain)
    darkness = to_darkness(image.pixels, stain, inverted)
    counted = [
        replace(c, axis=None) if c.id in ids and not c.axis_placed else c
        for c in chromosomes
        if c.kind is Kind.CHROMOSOME and c.area >= 4
    ]
    counted = [c for c in counted if c.state is not State.REJECTED or c.id in ids]
    progress("straighten", 0.1)
    laid = lay(Slide(image, darkness, stain, inverted), counted, cancel)
    progress("classify", 0.5)
    whole = len(counted) >= CLUSTER_LIMIT
    seen_at = scale_of(counted, fluorescent=stain.bright_on_dark) if scale is None else SlideScale(scale)
    answer = classify(laid, stain, seen_at, models, cancel, whole_cell=whole)
    classified = decided(laid.chromosomes, answer, stain, whole_cell=whole)
    read = {
        c.id: with_centromere(c, straightened(c, own))
        for c, own in zip(classified, laid.stains, strict=True)
        if c.id in ids
    }
    result = []
    for old in chromosomes:
        new = read.get(old.id)
        if new is None:
            result.append(old)
        elif old.decided_by is DecidedBy.PERSON:
            result.append(replace(new, number=old.number, class_confidence=1.0, decided_by=old.decided_by))
        else:
            result.append(new)
    placed = assign_slots(result)
    if not whole:
        return placed
    return tuple(replace(c, doubts=doubts_of(c, placed)) if c.id in read else c for c in placed)


def label_clusters(
    images: npt.NDArray[np.uint8],
    models: Models,
    *,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
    batch: int = 256,
) -> npt.NDArray[np.uint8]:
    """Four-label masks of clusters of two.

    Parameters
    ----------
    images
        ``(N, H, W)`` uint8, on bright or dark ground.

    Returns
    -------
    ``(N, H, W)`` uint8: 0 background, 1 and 2 the two chromosomes (1 the smaller), 3 both.
    """
    labels = np.zeros(images.shape, np.uint8)
    for start in range(0, len(images), batch):
        if cancel:
            cancel.check()
        chunk = [_small_darkness(image) for image in images[start : start + batch]]
        labels[start : start + len(chunk)] = label_pairs(chunk, models.pairs, cancel)
        progress("label", (start + len(chunk)) / len(images))
    return labels


def _small_darkness(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    stain = Stain.G_BAND if bright_ground(image) else Stain.DAPI
    return to_darkness(image, stain)


class ClassifiedImages(NamedTuple):
    """Classes of images of single chromosomes: numbers (N,), p_up (N,) bool, probabilities (N, 24)."""

    numbers: npt.NDArray[np.int64]
    p_up: npt.NDArray[np.bool_]
    probabilities: npt.NDArray[np.float32]


def classify_images(
    images: Sequence[npt.NDArray[np.uint8]],
    models: Models,
    *,
    masks: Sequence[npt.NDArray[np.bool_]] | None = None,
    stain: Stain | None = None,
    cells: Sequence[str] | None = None,
    by_cell: bool = False,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> ClassifiedImages:
    """Class and polarity of images that hold one chromosome each.

    Parameters
    ----------
    images
        ``(h, w)`` uint8 each.
    masks
        ``(h, w)`` bool, what of each image is the chromosome; its largest stained part if None.
    stain
        The stain, or None to tell it from the ground of each image.
    cells
        Name of the cell of each; chromosomes of one cell share their scale.
    by_cell
        Whether the chromosomes of one cell are decided together.

    Returns
    -------
    `p_up` tells whether the p arm is up as the image stands. An image in which nothing is stained has
    equal probabilities and class 1.
    """
    sheets = np.zeros((len(images), *SHEET), np.uint8)
    lengths, levels = np.ones(len(images)), np.zeros(len(images))
    empty, glows = np.zeros(len(images), bool), np.zeros(len(images), bool)
    for index, image in enumerate(images):
        if cancel:
            cancel.check()
        one, inverted = tell_stain(SlideImage(image), stain)
        image = 255 - image if inverted else image
        mask = chromosome_mask(image, one) if masks is None else masks[index]
        if mask.sum() < 12:
            empty[index] = True
            continue
        dark = image if one.bright_on_dark else 255 - image
        ground = 0.0 if (dark == 0).mean() > 0.05 else float(np.median(dark[~mask])) if not mask.all() else 0.0
        sheets[index], lengths[index], level = to_sheet(np.clip(dark - ground, 0, None), mask)
        glows[index] = one.bright_on_dark
        levels[index] = level if glows[index] else 0.0
        progress("straighten", 0.5 * (index + 1) / len(images))
    answer = models.classifier(
        sheets,
        cell_scales(lengths, cells),
        cell_brightness(levels, cells),
        glows,
        lambda name, share: progress(name, 0.5 + share / 2),
        cancel,
    )
    probabilities = answer.probabilities
    probabilities[empty] = 1 / 24
    numbers = probabilities.argmax(axis=1).astype(np.int64) + 1
    if by_cell:
        names = np.asarray(cells) if cells is not None else np.zeros(len(images))
        for name in np.unique(names):
            members = np.flatnonzero((names == name) & ~empty)
            numbers[members] = assign_cell(probabilities[members]).numbers
    return ClassifiedImages(numbers, answer.p_up > 0.5, probabilities)
