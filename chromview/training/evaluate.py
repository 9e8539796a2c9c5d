"""The numbers of the model cards: shipped networks on data with truth, by split."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from chromview.core.chromosome import CLASS_NAMES, Analysis, SlideImage, Stain
from chromview.errors import UserError
from chromview.progress import Progress, silent
from chromview.training.datasets import Instance, read_karyotypes, read_metaphases
from chromview.training.instance_metrics import score_slide, summary
from chromview.training.metrics import pooled, score_image
from chromview.training.scenes import composed_cells, composed_pairs
from chromview.vision.pipeline import Models, analyse, classify_images, label_clusters

PAIRS = 600
CELLS = 40


def _interval(values: npt.NDArray[np.floating], groups: Sequence[str], seed: int = 0) -> list[float]:
    """95 % bootstrap interval of a mean, resampling whole groups (cells)."""
    names, index = np.unique(np.asarray(groups), return_inverse=True)
    totals = np.bincount(index, weights=values)
    counts = np.bincount(index)
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(names), size=(1000, len(names)))
    low, high = np.percentile(totals[draws].sum(1) / counts[draws].sum(1), (2.5, 97.5))
    return [round(float(low), 4), round(float(high), 4)]


def evaluate_classifier(path: Path | str, split: str, models: Models, progress: Progress = silent) -> dict[str, Any]:
    """Class and polarity of single chromosomes of a ``*_karyotypes.h5`` or of an M-FISH file's true masks.

    Returns
    -------
    Accuracy of single chromosomes, of the cell as a whole, share of cells all right, top 3, F1 by class,
    polarity (where the set has one), calibration, each with how many; intervals over cells.

    Raises
    ------
    UserError
        If the file cannot be read, or holds no images that could be classified.
    """
    path = Path(path)
    polarity_known = False
    if _holds_metaphases(path):
        images, numbers, cells, stain = _true_masks(path, split)
    else:
        data = read_karyotypes(path, split)
        if not data.readable:
            raise UserError(
                "holds no images of chromosomes (nearly all of its pixels are zero where the ground should be white)",
                path=path,
                advice="Make the file again from the original images; sizes alone cannot be classified.",
            )
        images, numbers, cells, stain = data.images, data.numbers, [str(c) for c in data.cells], data.stain
        polarity_known = not data.stain.bright_on_dark
    single = classify_images(images, models, stain=stain, cells=cells, progress=progress)
    whole = classify_images(images, models, stain=stain, cells=cells, by_cell=True)
    right, right_whole = single.numbers == numbers, whole.numbers == numbers
    names = np.asarray(cells)
    complete = [bool(right_whole[names == name].all()) for name in np.unique(names)]
    order = np.argsort(-single.probabilities, axis=1)[:, :3] + 1
    confidence = single.probabilities.max(axis=1)
    bins = np.clip((confidence * 10).astype(int), 0, 9)
    result: dict[str, Any] = {
        "file": path.name,
        "split": split,
        "chromosomes": len(numbers),
        "cells": len(complete),
        "accuracy": round(float(right.mean()), 4),
        "accuracy_interval": _interval(right, cells),
        "accuracy_by_cell": round(float(right_whole.mean()), 4),
        "accuracy_by_cell_interval": _interval(right_whole, cells),
        "cells_all_right": round(float(np.mean(complete)), 4),
        "top_3": round(float((order == numbers[:, None]).any(axis=1).mean()), 4),
        "f1": _f1_by_class(numbers, single.numbers),
        "calibration": [
            {
                "confidence": round(float(confidence[bins == b].mean()), 3),
                "accuracy": round(float(right[bins == b].mean()), 3),
                "chromosomes": int((bins == b).sum()),
            }
            for b in range(10)
            if (bins == b).any()
        ],
    }
    if polarity_known:
        result["polarity"] = round(float(single.p_up.mean()), 4)
        result["polarity_interval"] = _interval(single.p_up.astype(float), cells)
    return result


def _f1_by_class(truth: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64]) -> dict[str, float | None]:
    scores: dict[str, float | None] = {}
    for number, name in enumerate(CLASS_NAMES, start=1):
        hits = int(((truth == number) & (predicted == number)).sum())
        both = int((truth == number).sum() + (predicted == number).sum())
        scores[name] = round(2 * hits / both, 4) if both else None
    return scores


def _holds_metaphases(path: Path) -> bool:
    if not path.is_file():
        raise UserError("there is no such file", path=path, advice="Give a data file with truth.")
    try:
        with h5py.File(path) as file:
            first = next(iter(file.values()), None)
            return isinstance(first, h5py.Group) and "pixels" not in first
    except OSError as error:
        raise UserError("is not an HDF5 file", path=path, advice="Give a data file with truth.") from error


def _true_masks(path: Path, split: str) -> tuple[list[npt.NDArray[np.uint8]], npt.NDArray[np.int64], list[str], Stain]:
    images, numbers, cells = [], [], []
    for metaphase in read_metaphases(path, split):
        ground = int(np.median(metaphase.image))
        for instance in metaphase.instances:
            values = metaphase.image[instance.box.slices].astype(int) - ground
            images.append(np.where(instance.mask, np.clip(values, 21, 255), 0).astype(np.uint8))
            numbers.append(instance.number)
            cells.append(metaphase.name)
    return images, np.array(numbers), cells, Stain.DAPI


def evaluate_segmenter(
    path: Path | str,
    split: str,
    models: Models,
    progress: Progress = silent,
    *,
    pairs: int = PAIRS,
    cells: int = CELLS,
) -> dict[str, Any]:
    """Segmentation on metaphases with truth, or on pairs and cells composed from single chromosomes.

    Parameters
    ----------
    pairs, cells
        How many are composed; the published figures are those of the usual numbers.

    Raises
    ------
    UserError
        If the file cannot be read or has no such split.
    """
    path = Path(path)
    if _holds_metaphases(path):
        slides = [(m.image, m.instances) for m in read_metaphases(path, split)]
        return {"file": path.name, "split": split, "metaphases": _slides(slides, models, Stain.DAPI, progress)}
    data = read_karyotypes(path, split)
    if not data.readable or data.stain.bright_on_dark:
        raise UserError("holds no G-banded chromosomes to compose clusters from", path=path)
    drawn = list(composed_pairs(data, pairs))
    progress("pairs", 0.1)
    labels = label_clusters(np.stack([pair.image for pair in drawn]), models)
    both_solved = [_solved_pair(label, pair.label) for label, pair in zip(labels, drawn, strict=True)]
    pair_scores = pooled(score_image(label, pair.label) for label, pair in zip(labels, drawn, strict=True))
    pair_scores["solved"] = round(float(np.mean(both_solved)), 4)
    pair_scores["solved_touching"] = round(
        float(np.mean([s for s, p in zip(both_solved, drawn, strict=True) if p.touching])), 4
    )
    slides = [(cell.image, cell.instances) for cell in composed_cells(data, cells)]
    return {
        "file": path.name,
        "split": split,
        "pairs": pair_scores,
        "cells": _slides(slides, models, Stain.G_BAND, progress),
    }


def _solved_pair(label: npt.NDArray[np.uint8], truth: npt.NDArray[np.uint8]) -> bool:
    """Whether both chromosomes have IoU 0.75 or more, in the better of the two orders."""

    def iou(a: int, b: int) -> float:
        first, second = (label & a) > 0, (truth & b) > 0
        return float((first & second).sum() / max(1, (first | second).sum()))

    return max(min(iou(1, 1), iou(2, 2)), min(iou(1, 2), iou(2, 1))) >= 0.75


def _slides(
    slides: Iterable[tuple[npt.NDArray[np.uint8], Sequence[Instance]]],
    models: Models,
    stain: Stain,
    progress: Progress,
) -> dict[str, Any]:
    slides = list(slides)
    if not slides:
        return {"slides": 0}
    scores, classed_right, whole_right, truths, seconds = [], 0, 0, 0, []
    confidences: list[tuple[float, bool]] = []
    for index, (image, instances) in enumerate(slides):
        answer: Analysis = analyse(SlideImage(image), models, stain=stain)
        seconds.append(sum(answer.seconds.values()))
        counted = [c for c in answer.chromosomes if c.in_karyogram]
        score = score_slide(instances, [(c.box, c.mask) for c in counted])
        scores.append(score)
        hit = {int(j): i for i, j in enumerate(score.match) if j >= 0}
        for j, chromosome in enumerate(counted):
            confidences.append((chromosome.confidence, j in hit and bool(score.iou[hit[j]] >= 0.75)))
        for i, instance in enumerate(instances):
            if score.iou[i] >= 0.5:
                truths += 1
                same = counted[score.match[i]].number == instance.number
                classed_right += same
                whole_right += same and score.iou[i] >= 0.75
        progress("slides", (index + 1) / len(slides))
    total = sum(len(s.iou) for s in scores)
    return {
        **summary(scores),
        "class_of_found": round(classed_right / max(1, truths), 4),
        "found_separated_classed": round(whole_right / max(1, total), 4),
        "calibration": _calibration(confidences),
        "seconds_median": round(float(np.median(seconds)), 3),
    }


def _calibration(pairs: Sequence[tuple[float, bool]]) -> list[dict[str, float]]:
    """Of chromosomes of like confidence, the share that is right (IoU 0.75)."""
    rows = []
    edges = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.01)
    for low, high in pairwise(edges):
        chosen = [right for confidence, right in pairs if low <= confidence < high]
        if chosen:
            mean = float(np.mean([c for c, _ in pairs if low <= c < high]))
            rows.append({"confidence": round(mean, 3), "right": round(float(np.mean(chosen)), 3), "count": len(chosen)})
    return rows
