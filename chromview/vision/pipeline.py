"""The whole way: a slide becomes chromosomes, straightened, classified and placed in a karyogram.

The window's worker, the command line and the tests all call `analyse`.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chromview.core.bands import band_clarity, band_profile
from chromview.core.centromere import find_centromere
from chromview.core.chromosome import Analysis, Chromosome, DecidedBy, Kind, SlideImage, Stain, State
from chromview.core.doubts import doubts_of
from chromview.core.karyotype import assign_slots, formula
from chromview.core.straighten import straighten_pixels
from chromview.errors import UserError
from chromview.places import models_dir, own_segmenter
from chromview.progress import CancelToken, Progress, silent
from chromview.texts import tr
from chromview.vision.assignment import assign_cell, known_class
from chromview.vision.canvas import SHEET, Sheet, cell_brightness, cell_scales, to_sheet
from chromview.vision.classifier import Classifier
from chromview.vision.instances import SlideScale, find_instances, measure_quality, scale_of
from chromview.vision.pairs import PairSegmenter, label_pairs
from chromview.vision.prepare import METAPHASE, bright_ground, chromosome_mask, to_darkness
from chromview.vision.segmenter import Segmenter
from chromview.vision.straight import lay_straight, own_darkness, with_axes
from chromview.vision.sureness import surplus
from chromview.vision.weights import Device, choose_device, hash_of

SEGMENTER_FILE = "segmenter.safetensors"
FLUORESCENT_FILE = "segmenter_fluorescent.safetensors"
CLASSIFIER_FILE = "classifier.safetensors"
PAIRS_FILE = "pairs.safetensors"
WEIGHT_FILES = (SEGMENTER_FILE, FLUORESCENT_FILE, CLASSIFIER_FILE, PAIRS_FILE)

CLUSTER_LIMIT = 10
"""A slide of fewer chromosomes is a single cluster, not a metaphase."""


@dataclass(frozen=True, eq=False)
class Models:
    """The networks, loaded on one device: those that ship, or the segmenter that was trained on this machine."""

    segmenter: Segmenter
    fluorescent: Segmenter
    classifier: Classifier
    pairs: PairSegmenter
    device: Device
    hashes: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of each weight file, by its name."""

    @classmethod
    def load(cls, device: str = "auto", folder: Path | None = None) -> Models:
        """Load the networks.

        Parameters
        ----------
        device
            "auto" (CUDA, then MPS, then CPU), "cpu", "cuda" or "mps".
        folder
            Of the weight files. If None, the shipped ones, with the segmenter in use (`own_segmenter`).

        Raises
        ------
        UserError
            If the device is not there, or weights are missing or damaged.
        """
        chosen = choose_device(device)
        own = own_segmenter(fluorescent=False) if folder is None else None
        own_fluorescent = own_segmenter(fluorescent=True) if folder is None else None
        folder = folder or models_dir()
        bright, *others = [
            own or folder / SEGMENTER_FILE,
            own_fluorescent or folder / FLUORESCENT_FILE,
            folder / CLASSIFIER_FILE,
            folder / PAIRS_FILE,
        ]
        networks = (
            _segmenter(bright, chosen, own, fluorescent=False),
            _segmenter(others[0], chosen, own_fluorescent, fluorescent=True),
            Classifier(others[1], chosen),
            PairSegmenter(others[2], chosen),
        )
        return cls(*networks, chosen, {file.name: hash_of(file) for file in (bright, *others)})

    def segmenter_of(self, stain: Stain) -> Segmenter:
        """The segmenter of slides of a stain."""
        return self.fluorescent if stain.bright_on_dark else self.segmenter

    @property
    def description(self) -> str:
        """Device and precision, for example "CPU (bf16)"."""
        return self.device.description


def _segmenter(path: Path, device: Device, own: Path | None, *, fluorescent: bool) -> Segmenter:
    try:
        return Segmenter(path, device, fluorescent=fluorescent)
    except UserError as error:
        if own is None:
            raise
        advice = tr(
            "Go back to those that ship: Case > Weights of the segmenter, or 'chromview weights --use shipped'."
        )
        raise UserError(error.what, path=path, advice=advice) from error


def tell_stain(image: SlideImage, stain: Stain | None = None) -> tuple[Stain, bool]:
    """The stain of a slide and whether its grey scale is inverted.

    Without a hint a slide on bright ground is G-banded and one on dark ground DAPI; with one, a ground
    that contradicts it means that the image was inverted.
    """
    bright = bright_ground(image.pixels)
    if stain is None:
        return (Stain.G_BAND if bright else Stain.DAPI), False
    return stain, stain.bright_on_dark == bright


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
        darkness = to_darkness(image.pixels, stain, inverted)
    with stage("find", 0.05):
        # Of light that adds up the pair network has seen clusters of two; on metaphases it is of no use there.
        is_small = min(image.shape) < METAPHASE
        pairs = models.pairs if is_small or not stain.bright_on_dark else None
        found, seen_at = find_instances(
            darkness, models.segmenter_of(stain), cancel, pairs, fluorescent=stain.bright_on_dark, scale=scale
        )
    counted = [c for c in found if c.kind is Kind.CHROMOSOME]
    is_cluster = len(counted) < CLUSTER_LIMIT
    if is_cluster:
        # A cluster is cut out tightly, so that its chromosomes may well reach the border.
        found = [replace(c, kind=Kind.CHROMOSOME) if c.kind is Kind.CUT else c for c in found]
        counted = [c for c in found if c.kind is Kind.CHROMOSOME]
    with stage("straighten", 0.6):
        counted = with_axes(darkness, counted, cancel)
        stains = own_darkness(image, darkness, counted, stain, inverted)
        sheets = lay_straight(counted, stains, cancel)
    with stage("classify", 0.75):
        read = _classified(
            counted, sheets, stain, seen_at, models, cancel, whole_cell=not is_cluster, leave_out=not is_cluster
        )
        laid = [_laid(c, own) for c, own in zip(read, stains, strict=True)]
        read = [_with_centromere(c, straight) for c, straight in zip(read, laid, strict=True)]
        clarity = band_clarity(band_profile(*straight, seen_at.factor) for straight in laid if straight)
    with stage("place", 0.95):
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


def _classified(
    chromosomes: Sequence[Chromosome],
    sheets: Sequence[Sheet],
    stain: Stain,
    scale: SlideScale,
    models: Models,
    cancel: CancelToken,
    *,
    whole_cell: bool,
    leave_out: bool = False,
) -> list[Chromosome]:
    """Chromosomes with class and polarity; decided together if they are a whole cell.

    With `leave_out` what is hardly a chromosome of the cell is debris; the class that it looks like most is kept.
    """
    if not chromosomes:
        return []
    lengths = [sheet.length for sheet in sheets]
    cells = ["cell"] * len(sheets) if whole_cell else None
    factors = (
        cell_scales(lengths, cells)
        if whole_cell
        else cell_scales(lengths[:0], None).new_full((len(lengths),), scale.factor)
    )
    images = np.stack([sheet.image for sheet in sheets])
    bright = cell_brightness([sheet.level for sheet in sheets], cells) if stain.bright_on_dark else None
    answer = models.classifier(images, factors, bright, cancel=cancel)
    first = answer.probabilities.argmax(axis=1) + 1
    numbers, confidence, moved = first, answer.probabilities.max(axis=1), np.zeros(len(first), bool)
    if whole_cell:
        none = None
        if leave_out:
            masks = np.array([(c.confidence, c.area) for c in chromosomes])
            none = surplus(answer.probabilities, masks[:, 0], masks[:, 1], fluorescent=stain.bright_on_dark)
        known = np.array([known_class(c) for c in chromosomes])
        numbers, confidence, moved = assign_cell(answer.probabilities, known, surplus=none)
    return [
        replace(
            chromosome,
            kind=chromosome.kind if number else Kind.DEBRIS,
            probabilities=tuple(float(v) for v in p),
            number=int(number or p.argmax() + 1),
            class_confidence=float(sure if number else p.max()),
            decided_by=DecidedBy.CELL if was_moved else DecidedBy.NETWORK,
            p_up=bool(up > 0.5),
            polarity_confidence=float(max(up, 1 - up)),
        )
        for chromosome, p, number, sure, was_moved, up in zip(
            chromosomes, answer.probabilities, numbers, confidence, moved, answer.p_up, strict=True
        )
    ]


Laid = tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]


def _laid(chromosome: Chromosome, own: npt.NDArray[np.float32]) -> Laid | None:
    """The chromosome's own stain ``(h, w)`` laid straight, and where it is in that; None without an axis."""
    if chromosome.axis is None:
        return None
    axis = chromosome.axis - np.array([chromosome.box.top, chromosome.box.left], np.float32)
    return straighten_pixels(own, chromosome.mask, axis, background=0.0)


def _with_centromere(chromosome: Chromosome, laid: Laid | None) -> Chromosome:
    """The chromosome with its centromere, from its straightened stain and what is known of its class."""
    if laid is None or chromosome.centromere_placed:
        return chromosome
    straight, inside = laid
    # What the network says of the chromosome alone, and what the whole cell decided, each as far as the latter is sure.
    sure = chromosome.class_confidence if chromosome.number else 0.0
    classes = (1 - sure) * np.array(chromosome.probabilities) + sure * (np.arange(1, 25) == chromosome.number)
    up = chromosome.polarity_confidence if chromosome.p_up else 1 - chromosome.polarity_confidence
    position, confidence = find_centromere(straight, inside, True, classes=classes, p_up=up)
    return replace(chromosome, centromere=float(position), centromere_confidence=float(confidence))


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
    counted = with_axes(darkness, counted, cancel)
    stains = own_darkness(image, darkness, counted, stain, inverted)
    sheets = lay_straight(counted, stains, cancel)
    progress("classify", 0.5)
    whole = len(counted) >= CLUSTER_LIMIT
    seen_at = scale_of(counted, fluorescent=stain.bright_on_dark) if scale is None else SlideScale(scale)
    classified = _classified(counted, sheets, stain, seen_at, models, cancel, whole_cell=whole)
    read = {c.id: _with_centromere(c, _laid(c, own)) for c, own in zip(classified, stains, strict=True) if c.id in ids}
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
    empty = np.zeros(len(images), bool)
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
        levels[index] = level if one.bright_on_dark else 0.0
        progress("straighten", 0.5 * (index + 1) / len(images))
    answer = models.classifier(
        sheets,
        cell_scales(lengths, cells),
        cell_brightness(levels, cells),
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
