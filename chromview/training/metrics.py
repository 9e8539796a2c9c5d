"""Scores of four-label masks: as the labels stand, and without caring which chromosome is 1.

Which chromosome of a cluster carries the label 1 is arbitrary, so the order-free scores take for each image
the better of the two orders. Everything is pooled: intersections and unions are added over all images before they
are divided, so that a pixel counts the same in every image. Background is never in an average.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from chromview.errors import UserError
from chromview.progress import Progress, silent
from chromview.storage.images import find_images
from chromview.storage.label_images import read_label_image

Labels = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int64]

SWAPPED: npt.NDArray[np.uint8] = np.array([0, 2, 1, 3], np.uint8)
"""Labels after chromosomes 1 and 2 have changed places."""


class ImageScore(NamedTuple):
    """Confusion of one image.

    Attributes
    ----------
    given
        ``(4, 4)`` pixels by true (row) and predicted (column) label, as the labels stand.
    ordered
        The same in the better of the two orders.
    swapped
        Whether that is the other order.
    """

    given: Counts
    ordered: Counts
    swapped: bool


def confusion(predicted: npt.NDArray[Any], truth: npt.NDArray[Any]) -> Counts:
    """Pixels by true (row) and predicted (column) label, ``(4, 4)`` int64.

    Parameters
    ----------
    predicted, truth
        Labels 0..3 of one shape.

    Raises
    ------
    ValueError
        If shapes differ or a label is above 3.
    """
    if predicted.shape != truth.shape:
        raise ValueError(f"shapes {predicted.shape} and {truth.shape} differ")
    if predicted.size and (predicted.max() > 3 or truth.max() > 3):
        raise ValueError("labels go from 0 to 3")
    pairs = truth.astype(np.int64).ravel() * 4 + predicted.astype(np.int64).ravel()
    return np.bincount(pairs, minlength=16).reshape(4, 4).astype(np.int64)


def score_image(predicted: npt.NDArray[Any], truth: npt.NDArray[Any]) -> ImageScore:
    """Compare one image's labels ``(H, W)``, 0..3, with the truth."""
    given = confusion(predicted, truth)
    other = given[:, SWAPPED]  # the columns change places when the predicted labels do
    swapped = chromosomes_iou(other) > chromosomes_iou(given)
    return ImageScore(given, other if swapped else given, bool(swapped))


def intersections_and_unions(counts: Counts) -> tuple[Counts, Counts]:
    """Of each label, from a confusion ``(..., 4, 4)``; two arrays ``(..., 4)``."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    return hits, counts.sum(axis=-1) + counts.sum(axis=-2) - hits


def chromosomes_iou(counts: Counts) -> float:
    """IoU of the labels 1 and 2 together, so that it does not matter which is which; 0 where there is neither."""
    hits, unions = intersections_and_unions(counts)
    union = int(unions[1] + unions[2])
    return float(hits[1] + hits[2]) / union if union else 0.0


def pooled(scores: Iterable[ImageScore], *, resamples: int = 1000, seed: int = 0) -> dict[str, Any]:
    """Scores over all images.

    Parameters
    ----------
    scores
        One for each image.
    resamples, seed
        Of the bootstrap over images that gives the intervals.

    Returns
    -------
    dict
        ``iou_given`` (four, labels 0 to 3 as they stand), ``iou_order_free`` (``chromosomes``: labels 1 and 2 pooled,
        ``overlap``: label 3, ``mask``: each chromosome with its overlap), ``interval_95`` of the latter, ``precision``,
        ``recall`` and ``dice`` (four each) as given and order-free, ``pixel_accuracy``, ``images``,
        ``images_in_other_order``. A score of something that occurs nowhere is None.
    """
    collected = list(scores)
    given = np.stack([score.given for score in collected])
    ordered = np.stack([score.ordered for score in collected])
    hits, unions = intersections_and_unions(given.sum(axis=0))
    free = {name: measure(ordered.sum(axis=0)) for name, measure in _ORDER_FREE.items()}
    drawn = np.random.default_rng(seed).multinomial(
        len(collected), np.full(len(collected), 1 / len(collected)), resamples
    )
    sums = np.einsum("rn,nij->rij", drawn, ordered)
    total = int(given.sum())
    return {
        "images": len(collected),
        "iou_given": [_ratio(hit, union) for hit, union in zip(hits, unions, strict=True)],
        "iou_order_free": free,
        "interval_95": {name: _interval([measure(one) for one in sums]) for name, measure in _ORDER_FREE.items()},
        "given": _by_class(given.sum(axis=0)),
        "order_free": _by_class(ordered.sum(axis=0)),
        "pixel_accuracy": _ratio(np.trace(ordered.sum(axis=0)), total),
        "images_in_other_order": sum(score.swapped for score in collected),
    }


def compare_folders(predicted: Path | str, truth: Path | str, progress: Progress = silent) -> dict[str, Any]:
    """Scores of the label pictures in one folder against those of the same names in another.

    Names are compared without their endings.

    Returns
    -------
    dict
        As `pooled`.

    Raises
    ------
    UserError
        If names, sizes or values do not fit.
    """
    files, true_files = (_by_stem(folder) for folder in (predicted, truth))
    for here, there, folder, other in ((files, true_files, truth, predicted), (true_files, files, predicted, truth)):
        missing = sorted(here.keys() - there.keys())
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise UserError(
                f"has no label image '{missing[0]}'{more}, but {other} has",
                path=folder,
                advice="Give two folders with images of the same names.",
            )
    scores = []
    for index, (stem, file) in enumerate(files.items()):
        progress("compare", index / len(files))
        found, true = read_label_image(file, clean=False), read_label_image(true_files[stem], clean=False)
        if found.shape != true.shape:
            sizes = [f"{width} x {height}" for height, width in (found.shape, true.shape)]
            raise UserError(
                f"is {sizes[0]} pixels, but {true_files[stem]} is {sizes[1]}",
                path=file,
                advice="Label images that are compared must have one size.",
            )
        scores.append(score_image(found, true))
    progress("compare", 1.0)
    return pooled(scores)


def _by_stem(folder: Path | str) -> dict[str, Path]:
    if not Path(folder).is_dir():
        raise UserError("is not a folder", path=folder, advice="Give a folder of label images.")
    files: dict[str, Path] = {}
    for file in find_images([folder]):
        if file.stem in files:
            raise UserError(f"has '{file.name}' and '{files[file.stem].name}'", path=folder, advice="Keep one of them.")
        files[file.stem] = file
    return files


def _mask_iou(counts: Counts) -> float | None:
    """IoU of the chromosomes with their overlaps: label 1 or 3, and label 2 or 3, pooled."""
    hit = union = 0
    for label in (1, 2):
        inside = np.isin(np.arange(4), (label, 3))
        both = int(counts[np.ix_(inside, inside)].sum())
        hit += both
        union += int(counts[inside].sum() + counts[:, inside].sum()) - both
    return _ratio(hit, union)


def _overlap_iou(counts: Counts) -> float | None:
    hits, unions = intersections_and_unions(counts)
    return _ratio(hits[3], unions[3])


def _chromosomes_or_none(counts: Counts) -> float | None:
    _, unions = intersections_and_unions(counts)
    return chromosomes_iou(counts) if unions[1] + unions[2] else None


_ORDER_FREE: dict[str, Callable[[Counts], float | None]] = {
    "chromosomes": _chromosomes_or_none,
    "overlap": _overlap_iou,
    "mask": _mask_iou,
}


def _by_class(counts: Counts) -> dict[str, list[float | None]]:
    hits = np.diagonal(counts)
    found, true = counts.sum(axis=0), counts.sum(axis=1)
    return {
        "precision": [_ratio(hit, n) for hit, n in zip(hits, found, strict=True)],
        "recall": [_ratio(hit, n) for hit, n in zip(hits, true, strict=True)],
        "dice": [_ratio(2 * hit, n) for hit, n in zip(hits, found + true, strict=True)],
    }


def _interval(values: list[float | None]) -> list[float] | None:
    known = [value for value in values if value is not None]
    return [float(v) for v in np.percentile(known, (2.5, 97.5))] if known else None


def _ratio(part: float | np.number[Any], whole: float | np.number[Any]) -> float | None:
    return float(part) / float(whole) if whole else None
