"""Scores of four-label masks: as the labels stand, and without caring which chromosome is 1.

Which chromosome of a cluster carries the label 1 is arbitrary, so the order-free scores take for each image
the better of the two orders. Pooled scores add up pixels over all images before they are divided, so that a pixel
counts the same in every image; the means over images stand beside them. Background is never in an average.

What cannot be told is None and never 0 or 1: every score of a label that occurs neither in truth nor in answer, the
precision of one that is never answered, the recall of one that is never true, and the Hausdorff distance where one of
the two sides is empty. A label that is there and was missed altogether has IoU, Dice and recall 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt

Labels = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

SWAPPED: npt.NDArray[np.uint8] = np.array([0, 2, 1, 3], np.uint8)
"""Labels after chromosomes 1 and 2 have changed places."""

SOLVED = 0.75
"""IoU at which a chromosome counts as solved."""


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
    hausdorff_given, hausdorff_ordered
        ``(4,)`` Hausdorff distance of each label in pixels, NaN where it cannot be told; None if nobody asked.
    """

    given: Counts
    ordered: Counts
    swapped: bool
    hausdorff_given: Floats | None = None
    hausdorff_ordered: Floats | None = None


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


def score_image(predicted: npt.NDArray[Any], truth: npt.NDArray[Any], *, distances: bool = False) -> ImageScore:
    """Compare one image's labels ``(H, W)``, 0..3, with the truth; `distances` adds the Hausdorff distances."""
    given = confusion(predicted, truth)
    other = given[:, SWAPPED]  # the columns change places when the predicted labels do
    swapped = bool(chromosomes_iou(other) > chromosomes_iou(given))
    ordered = other if swapped else given
    if not distances:
        return ImageScore(given, ordered, swapped)
    far = np.array([hausdorff(predicted == label, truth == label) for label in range(4)])
    far_ordered = far.copy()
    if swapped:
        for label in (1, 2):
            far_ordered[label] = hausdorff(predicted == SWAPPED[label], truth == label)
    return ImageScore(given, ordered, swapped, far, far_ordered)


def hausdorff(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> float:
    """Hausdorff distance of two masks ``(H, W)`` in pixels, between centres; NaN if one of them is empty."""
    if not (first.any() and second.any()):
        return float("nan")
    farthest = 0.0
    for one, other in ((first, second), (second, first)):
        outside = one & ~other  # what lies in both has distance 0
        if outside.any():
            farthest = max(farthest, float(distance_transform_edt(~other)[outside].max()))
    return farthest


def intersections_and_unions(counts: Counts) -> tuple[Counts, Counts]:
    """Of each label, from a confusion ``(..., 4, 4)``; two arrays ``(..., 4)``."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    return hits, counts.sum(axis=-1) + counts.sum(axis=-2) - hits


def chromosomes_iou(counts: Counts) -> float:
    """IoU of the labels 1 and 2 together, so that it does not matter which is which; 0 where there is neither."""
    hits, unions = intersections_and_unions(counts)
    union = int(unions[1] + unions[2])
    return float(hits[1] + hits[2]) / union if union else 0.0


def class_scores(counts: npt.NDArray[Any]) -> dict[str, Floats]:
    """Scores of each label against all others.

    Parameters
    ----------
    counts
        Confusions ``(..., 4, 4)``.

    Returns
    -------
    dict
        ``iou``, ``dice``, ``precision``, ``recall``, ``accuracy`` (of the question "this label or not") and ``mcc``
        (Matthews 1975), ``(..., 4)`` each, NaN where it cannot be told.
    """
    counts = counts.astype(np.float64)
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    true, found = counts.sum(axis=-1), counts.sum(axis=-2)
    total = counts.sum(axis=(-2, -1))[..., None]
    neither = total - true - found + hits
    product = true * found * (total - true) * (total - found)
    return {
        "iou": _divided(hits, true + found - hits),
        "dice": _divided(2 * hits, true + found),
        "precision": _divided(hits, found),
        "recall": _divided(hits, true),
        # Of a label that is nowhere every pixel is right; that says nothing.
        "accuracy": np.where(true + found > 0, _divided(hits + neither, np.broadcast_to(total, hits.shape)), np.nan),
        "mcc": _divided(hits * neither - (found - hits) * (true - hits), np.sqrt(product)),
    }


def overall_scores(counts: npt.NDArray[Any]) -> dict[str, Floats]:
    """Of all four labels together, ``(...)`` each: ``pixel_accuracy``, and ``mcc_all`` (R_K of Gorodkin 2004)."""
    counts = counts.astype(np.float64)
    right = np.trace(counts, axis1=-2, axis2=-1)
    total = counts.sum(axis=(-2, -1))
    true, found = counts.sum(axis=-1), counts.sum(axis=-2)
    spread = (total**2 - (found**2).sum(axis=-1)) * (total**2 - (true**2).sum(axis=-1))
    return {
        "pixel_accuracy": _divided(right, total),
        "mcc_all": _divided(right * total - (true * found).sum(axis=-1), np.sqrt(spread)),
    }


def order_free_iou(counts: npt.NDArray[Any]) -> dict[str, Floats]:
    """IoU over confusions ``(..., 4, 4)`` in the better order, ``(...)`` each, NaN where it cannot be told.

    ``chromosomes``: labels 1 and 2 pooled; ``overlap``: label 3; ``mask``: each chromosome with its overlap, pooled.
    """
    hits, unions = intersections_and_unions(counts)
    mask = [_mask_parts(counts, label, label) for label in (1, 2)]
    return {
        "chromosomes": _divided(hits[..., 1] + hits[..., 2], unions[..., 1] + unions[..., 2]),
        "overlap": _divided(hits[..., 3], unions[..., 3]),
        "mask": _divided(mask[0][0] + mask[1][0], mask[0][1] + mask[1][1]),
    }


def solved(counts: npt.NDArray[Any]) -> Floats:
    """Whether each image is solved: 1.0 or 0.0, NaN where there is nothing to solve.

    Solved means that in the better of the two orders every true chromosome, its overlap included, has IoU 0.75 or
    more with the answer, and that no second one was found where there is only one.

    Parameters
    ----------
    counts
        Confusions ``(..., 4, 4)``, in whatever order.
    """
    good = {}
    for true in (1, 2):
        for found in (1, 2):
            hit, union = _mask_parts(counts, true, found)
            good[true, found] = (union == 0) | (_divided(hit, union) >= SOLVED)
    either = (good[1, 1] & good[2, 2]) | (good[1, 2] & good[2, 1])
    return np.where(counts[..., 1:, :].sum(axis=(-2, -1)) > 0, either.astype(np.float64), np.nan)


def _mask_parts(counts: npt.NDArray[Any], true: int, found: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Intersection and union of a true and a found chromosome, each with its overlap."""
    rows, columns = [true, 3], [found, 3]
    hit = counts[..., rows, :][..., columns].sum(axis=(-2, -1))
    return hit, counts[..., rows, :].sum(axis=(-2, -1)) + counts[..., columns].sum(axis=(-2, -1)) - hit


def pooled(
    scores: Iterable[ImageScore], *, groups: Sequence[str] | None = None, resamples: int = 1000, seed: int = 0
) -> dict[str, Any]:
    """Scores over all images.

    Parameters
    ----------
    scores
        One for each image.
    groups
        Case of each image: the bootstrap draws whole cases. Without it, it draws images.
    resamples, seed
        Of the bootstrap that gives the intervals, 95 % each.

    Returns
    -------
    dict
        ``images``, ``images_in_other_order``, ``iou_given`` (four, labels 0 to 3 as they stand), ``iou_order_free``
        (as `order_free_iou`) with its ``interval_95``, ``pixel_accuracy`` in the better order, ``solved`` (share of the
        images, as `solved`) with ``solved_interval``, and ``given`` and ``order_free``: of each label the scores of
        `class_scores` and their intervals, over all labels those of `overall_scores`, under ``per_image`` the
        means over the images that have a score, and how many those are. Where distances were measured ``per_image``
        has ``hausdorff`` too, and ``hausdorff_one_sided`` counts the images where only truth or only the answer has
        the label.
    """
    collected = list(scores)
    if not collected:
        raise ValueError("no images to compare")
    resample = _Resampling(len(collected), groups, resamples, seed)
    given = np.stack([score.given for score in collected])
    ordered = np.stack([score.ordered for score in collected])
    sums = resample.totals(ordered.reshape(-1, 16)).reshape(-1, 4, 4)
    free_intervals = {name: _interval(values) for name, values in order_free_iou(sums).items()}
    right = solved(given)
    result: dict[str, Any] = {
        "images": len(collected),
        "iou_given": _plain(class_scores(given.sum(axis=0))["iou"]),
        "iou_order_free": {name: _plain(value) for name, value in order_free_iou(ordered.sum(axis=0)).items()},
        "interval_95": free_intervals,
        "solved": _plain(_mean(right)),
        "solved_interval": _interval(resample.means(right[:, None])[:, 0]),
        "pixel_accuracy": _plain(overall_scores(ordered.sum(axis=0))["pixel_accuracy"]),
        "images_in_other_order": sum(score.swapped for score in collected),
    }
    for name, counts, far in (
        ("given", given, [score.hausdorff_given for score in collected]),
        ("order_free", ordered, [score.hausdorff_ordered for score in collected]),
    ):
        result[name] = _both_ways(counts, [row for row in far if row is not None], resample)
    return result


def _both_ways(counts: Counts, distances: Sequence[Floats], resample: _Resampling) -> dict[str, Any]:
    """Scores pooled over pixels and as means over images, each with its interval."""
    result: dict[str, Any] = {}
    total, sums = counts.sum(axis=0), resample.totals(counts.reshape(-1, 16)).reshape(-1, 4, 4)
    for measure in (class_scores, overall_scores):
        drawn = measure(sums)
        for name, value in measure(total).items():
            result[name] = _plain(value)
            result[f"{name}_interval"] = _interval(drawn[name])
    single = class_scores(counts)
    means: dict[str, Any] = {}
    if len(distances) == len(counts):
        single["hausdorff"] = np.stack(distances)
    for name, values in single.items():
        means[name] = _plain(_mean(values))
        means[f"{name}_interval"] = _interval(resample.means(values))
        means[f"{name}_images"] = np.isfinite(values).sum(axis=0).tolist()
    if "hausdorff" in single:
        present = (counts.sum(axis=-1) > 0) | (counts.sum(axis=-2) > 0)
        means["hausdorff_one_sided"] = (present & np.isnan(single["hausdorff"])).sum(axis=0).tolist()
    result["per_image"] = means
    return result


class _Resampling:
    """Bootstrap over groups of images: how often each is drawn, the same for every score."""

    def __init__(self, count: int, groups: Sequence[str] | None, resamples: int, seed: int) -> None:
        names = np.arange(count) if groups is None else np.asarray(groups)
        self._group = np.unique(names, return_inverse=True)[1].ravel()
        self._groups = int(self._group.max()) + 1
        self._resamples, self._seed = resamples, seed

    def totals(self, values: npt.NDArray[Any]) -> Floats:
        """Sums of `values` ``(images, K)`` in each resample, ``(resamples, K)``."""
        sums = np.zeros((self._groups, values.shape[1]))
        np.add.at(sums, self._group, values)
        return np.concatenate([drawn @ sums for drawn in self._drawn()])

    def means(self, values: Floats) -> Floats:
        """Means of `values` ``(images, K)`` in each resample, of those that are numbers."""
        known = np.isfinite(values)
        both = self.totals(np.hstack([np.where(known, values, 0.0), known]))
        width = values.shape[1]
        return _divided(both[:, :width], both[:, width:])

    def _drawn(self) -> Iterator[Floats]:
        rng = np.random.default_rng(self._seed)
        even = np.full(self._groups, 1 / self._groups)
        for start in range(0, self._resamples, 100):  # all at once, large sets would need gigabytes
            yield rng.multinomial(self._groups, even, min(100, self._resamples - start)).astype(np.float64)


def _divided(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> Floats:
    """`part` by `whole`, NaN where `whole` is 0."""
    quotient: Floats = np.full(np.shape(part), np.nan)
    np.divide(part, whole, out=quotient, where=np.asarray(whole) != 0)
    return quotient


def _mean(values: Floats) -> Floats:
    """Mean over the first axis of those that are numbers."""
    known = np.isfinite(values)
    return _divided(np.where(known, values, 0.0).sum(axis=0), known.sum(axis=0))


def _plain(values: Floats) -> Any:
    """Numbers as JSON has them: NaN is None."""
    return [_plain(value) for value in values] if np.ndim(values) else None if np.isnan(values) else float(values)


def _interval(values: Floats) -> Any:
    """Interval of 95 % over the first axis: ``[low, high]`` for each score, None for one that is never known."""
    if values.ndim > 1:
        return [_interval(values[:, column]) for column in range(values.shape[1])]
    known = values[np.isfinite(values)]
    return [float(v) for v in np.percentile(known, (2.5, 97.5))] if known.size else None
