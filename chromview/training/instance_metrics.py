"""How well instances were found: matched one to one, counted by kind, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from chromview.core.chromosome import Box
from chromview.training.datasets import Instance

Bool = npt.NDArray[np.bool_]
Float = npt.NDArray[np.float64]
KINDS = ("free", "touching", "overlapping")
THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""IoU at which average precision is taken: .5, .55 ... .95."""
EDGE_REACH = 8
"""Pixels by which an edge may lie elsewhere in `with_true_edges`: a good half of a chromosome's width."""
_RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class SlideScore:
    """One slide, matched.

    Attributes
    ----------
    iou
        ``(truths,)`` IoU of each true chromosome with its match, 0 where it has none.
    match
        ``(truths,)`` index of the match, or -1.
    kinds
        Of the true chromosomes.
    found
        Number of predicted chromosomes.
    aji
        Aggregated Jaccard index (Kumar et al. 2017) of the slide.
    confidence
        ``(found,)`` of the predicted chromosomes, or None.
    hits
        ``(10, found)`` bool: whether a predicted chromosome is a hit at each of `THRESHOLDS`, or None.
    classed
        ``(truths,)`` bool: whether the match has the right class, or None.
    """

    iou: npt.NDArray[np.float64]
    match: npt.NDArray[np.int64]
    kinds: tuple[str, ...]
    found: int
    aji: float
    confidence: Float | None = None
    hits: Bool | None = None
    classed: Bool | None = None


def _iou(a: tuple[Box, Bool], b: tuple[Box, Bool]) -> tuple[int, int]:
    (box_a, mask_a), (box_b, mask_b) = a, b
    both = box_a.intersection(box_b)
    areas = int(mask_a.sum()) + int(mask_b.sum())
    if both is None:
        return 0, areas
    in_a = mask_a[both.top - box_a.top : both.bottom - box_a.top, both.left - box_a.left : both.right - box_a.left]
    in_b = mask_b[both.top - box_b.top : both.bottom - box_b.top, both.left - box_b.left : both.right - box_b.left]
    hit = int((in_a & in_b).sum())
    return hit, areas - hit


def score_slide(
    truth: Sequence[Instance],
    predicted: Sequence[tuple[Box, Bool]],
    confidence: Sequence[float] | None = None,
    numbers: Sequence[int] | None = None,
) -> SlideScore:
    """Match predicted masks to the truth, one to one, by the Hungarian method on IoU.

    Parameters
    ----------
    truth, predicted
        Chromosomes of one slide.
    confidence, numbers
        Of the predicted ones: how sure they are, for average precision, and their classes 1..24.
    """
    hits = np.zeros((len(truth), len(predicted)))
    unions = np.ones((len(truth), len(predicted)))
    for i, instance in enumerate(truth):
        for j, candidate in enumerate(predicted):
            hits[i, j], unions[i, j] = _iou((instance.box, instance.mask), candidate)
    iou = hits / np.maximum(unions, 1)
    match = np.full(len(truth), -1)
    best = np.zeros(len(truth))
    rows, columns = linear_sum_assignment(-iou)
    for i, j in zip(rows, columns, strict=True):
        if iou[i, j] > 0:
            match[i], best[i] = j, iou[i, j]
    # AJI: each truth with its best prediction, every prediction that is nobody's best added below.
    areas = np.array([int(mask.sum()) for _, mask in predicted], float)
    top, bottom, used = 0.0, 0.0, set()
    for i, instance in enumerate(truth):
        if len(predicted) and iou[i].max() > 0:
            j = int(iou[i].argmax())
            top, bottom = top + hits[i, j], bottom + unions[i, j]
            used.add(j)
        else:
            bottom += int(instance.mask.sum())
    bottom += float(sum(areas[j] for j in range(len(predicted)) if j not in used))
    sure = None if confidence is None else np.asarray(confidence, np.float64)
    classed = None
    if numbers is not None:
        classed = np.array([j >= 0 and numbers[j] == t.number for j, t in zip(match, truth, strict=True)], bool)
    return SlideScore(
        best,
        match,
        tuple(t.kind for t in truth),
        len(predicted),
        top / bottom if bottom else 1.0,
        sure,
        None if sure is None else _hits_by_confidence(iou, sure),
        classed,
    )


def with_true_edges(
    truth: Sequence[Instance], predicted: Sequence[tuple[Box, Bool]], shape: tuple[int, int]
) -> list[tuple[Box, Bool]]:
    """The predicted chromosomes as if whoever found them had known where the edges against the ground are drawn.

    Pixels that belong to no true chromosome are taken away, and those of true ones that nobody has go to the nearest
    predicted chromosome within `EDGE_REACH`. How chromosomes are parted from each other and what they share stays as
    it is. The score of these against the score of the predicted ones tells mistakes at edges from mistakes in
    separating.

    Parameters
    ----------
    shape
        Height and width of the slide.
    """
    ground = np.ones(shape, np.bool_)
    for instance in truth:
        ground[instance.box.slices] &= ~instance.mask
    owner = np.zeros(shape, np.int32)
    for number, (box, mask) in enumerate(predicted, start=1):
        owner[box.slices][mask] = number
    distance, (rows, columns) = ndimage.distance_transform_edt(owner == 0, return_indices=True)
    gained = np.where((owner == 0) & ~ground & (distance <= EDGE_REACH), owner[rows, columns], 0)
    result = []
    for number, (box, mask) in enumerate(predicted, start=1):
        around = box.grown(EDGE_REACH, shape)
        drawn = gained[around.slices] == number
        own = drawn[box.top - around.top : box.bottom - around.top, box.left - around.left : box.right - around.left]
        own |= mask & ~ground[box.slices]
        result.append((around, drawn))
    return result


def _hits_by_confidence(iou: Float, confidence: Float) -> Bool:
    """Which predictions are hits at each of `THRESHOLDS`: the surest first takes the best truth that is left."""
    hits = np.zeros((len(THRESHOLDS), iou.shape[1]), bool)
    if not iou.shape[0]:
        return hits
    order = np.argsort(-confidence, kind="stable")
    for row, threshold in enumerate(THRESHOLDS):
        left = iou.copy()
        for j in order:
            i = int(left[:, j].argmax())
            if left[i, j] >= threshold - 1e-10:
                hits[row, j] = True
                left[i] = -1
    return hits


def average_precision(scores: Sequence[SlideScore], thresholds: Sequence[float] = THRESHOLDS) -> float:
    """Average precision as COCO has it, pooled over slides; the mean over `thresholds`, each one of `THRESHOLDS`.

    Precision is interpolated at 101 recalls. Chromosomes of equal confidence enter together, so that their order plays
    no role. NaN where no confidence is known or nothing is there.
    """
    confidences = [s.confidence for s in scores if s.confidence is not None]
    hits = [s.hits for s in scores if s.hits is not None]
    truths = sum(len(s.iou) for s in scores)
    if len(confidences) < len(scores) or len(hits) < len(scores) or not truths:
        return float("nan")
    confidence = np.concatenate(confidences)
    if not confidence.size:
        return 0.0
    order = np.argsort(-confidence, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(confidence[order])), confidence.size - 1)
    rows = [THRESHOLDS.index(round(threshold, 2)) for threshold in thresholds]
    right = np.cumsum(np.concatenate(hits, axis=1)[rows][:, order], axis=1)[:, ends]
    precision = np.maximum.accumulate((right / (ends + 1))[:, ::-1], axis=1)[:, ::-1]
    values = []
    for recalled, precise in zip(right / truths, precision, strict=True):
        places = np.searchsorted(recalled, _RECALLS, side="left")
        values.append(np.append(precise, 0.0)[places].mean())
    return float(np.mean(values))


def f1(scores: Sequence[SlideScore], threshold: float) -> float:
    """F1 of chromosomes found at an IoU, pooled over slides."""
    hits = sum(int((s.iou >= threshold).sum()) for s in scores)
    return 2 * hits / max(1, sum(len(s.iou) + s.found for s in scores))


def solved(scores: Sequence[SlideScore], kind: str) -> float:
    """Share of the true chromosomes of a kind whose match has IoU 0.75 or more; NaN if there are none."""
    values = [iou >= 0.75 for s in scores for iou, k in zip(s.iou, s.kinds, strict=True) if k == kind]
    return float(np.mean(values)) if values else float("nan")


def cells_right(scores: Sequence[SlideScore]) -> float:
    """Share of slides where every chromosome is solved and nothing else was found."""
    return float(np.mean([bool((s.iou >= 0.75).all()) and s.found == len(s.iou) for s in scores]))


def count_error(scores: Sequence[SlideScore]) -> float:
    """Mean absolute difference between chromosomes found and there."""
    return float(np.mean([abs(s.found - len(s.iou)) for s in scores]))


def class_of_found(scores: Sequence[SlideScore]) -> float:
    """Share with the right class among the true chromosomes found at IoU 0.5; NaN if none was, or nobody asked."""
    values = [right for s in scores if s.classed is not None for right in s.classed[s.iou >= 0.5]]
    return float(np.mean(values)) if values else float("nan")


def found_separated_classed(scores: Sequence[SlideScore]) -> float:
    """Share of all true chromosomes that are solved and have the right class; NaN if nobody asked."""
    values = [right for s in scores if s.classed is not None for right in s.classed & (s.iou >= 0.75)]
    return float(np.mean(values)) if values else float("nan")


def summary(scores: Sequence[SlideScore], *, resamples: int = 500, seed: int = 0) -> dict[str, Any]:
    """All figures over slides, each with its 95 % bootstrap interval over slides as ``NAME_interval``.

    None where a figure cannot be told, because no slide has a chromosome of that kind, or nothing is known of
    confidences or classes.
    """
    measures: dict[str, Callable[[Sequence[SlideScore]], float]] = {
        "f1_50": partial(f1, threshold=0.5),
        "f1_75": partial(f1, threshold=0.75),
        **{f"solved_{kind}": partial(solved, kind=kind) for kind in KINDS},
        "cells_right": cells_right,
        "count_error": count_error,
        "aji": lambda slides: float(np.mean([slide.aji for slide in slides])),
        "f1_mean_50_95": lambda slides: float(np.mean([f1(slides, t) for t in np.arange(0.5, 0.96, 0.05)])),
        "ap_50": partial(average_precision, thresholds=(0.5,)),
        "ap_75": partial(average_precision, thresholds=(0.75,)),
        "ap_50_95": average_precision,
        "class_of_found": class_of_found,
        "found_separated_classed": found_separated_classed,
    }
    rng = np.random.default_rng(seed)
    draws = [[scores[i] for i in rng.integers(len(scores), size=len(scores))] for _ in range(resamples)]
    result: dict[str, Any] = {
        "slides": len(scores),
        "chromosomes": {kind: sum(k == kind for s in scores for k in s.kinds) for kind in KINDS},
    }
    for name, measure in measures.items():
        value = measure(scores)
        if np.isnan(value):
            # JSON has no NaN.
            result[name] = result[f"{name}_interval"] = None
            continue
        result[name] = round(value, 4)
        low, high = np.nanpercentile([measure(draw) for draw in draws], (2.5, 97.5))
        result[f"{name}_interval"] = [round(float(low), 4), round(float(high), 4)]
    return result
