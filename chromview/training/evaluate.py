"""The numbers of the model cards: shipped networks on data with truth, by split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from chromview.core.calibration import binned
from chromview.core.chromosome import Analysis, SlideImage, Stain
from chromview.errors import UserError
from chromview.progress import Progress, silent
from chromview.storage.files import is_folder
from chromview.training.datasets import Instance, Karyotypes, read_karyotypes, read_metaphases
from chromview.training.evaluate_classes import evaluate_classifier as evaluate_classifier
from chromview.training.evaluate_classes import holds_metaphases
from chromview.training.evaluate_clusters import by_models, by_weights, evaluate_labelled, evaluate_pairs
from chromview.training.floor import otsu_components
from chromview.training.instance_metrics import SlideScore, score_slide, summary, with_true_edges
from chromview.training.metrics import confusion, solved
from chromview.training.reports import OURS, Found, Report, judged
from chromview.training.scenes import composed_cells, composed_pairs
from chromview.vision.models import Models
from chromview.vision.pipeline import analyse

PAIRS = 600
CELLS = 40


def evaluate_segmenter(
    path: Path | str,
    split: str | None,
    models: Models,
    progress: Progress = silent,
    *,
    splits: Path | None = None,
    pairs: int = PAIRS,
    cells: int = CELLS,
    floor: bool = False,
    report: Report | None = None,
) -> dict[str, Any]:
    """Segmentation on metaphases with truth, on pairs and cells composed from single chromosomes, or on a labelled set.

    Parameters
    ----------
    path
        ``mfish_dapi.h5``, a ``*_karyotypes.h5``, or a labelled set (`read_labelled`).
    split
        Part of the set. Of a labelled set, which needs none, `splits` says what the parts are.
    pairs, cells
        How many are composed; the published figures are those of the usual numbers.
    floor
        Also score Otsu's threshold with connected components on the same slides.
    report
        Gets a row and, of the worst, a picture for each image.

    Raises
    ------
    UserError
        If the file cannot be read or has no such split.
    """
    path = Path(path)
    if is_labelled(path):
        if floor:
            raise UserError("holds clusters, and the floor is for whole slides", path=path, advice="Leave it away.")
        return evaluate_labelled(path, split, splits, by_models(models), progress, report=report)
    metaphases = holds_metaphases(path)
    if split is None:
        raise UserError("has several parts", path=path, advice="Say which one with --split: val or test.")
    job = _Slides(models, progress, floor, report)
    if metaphases:
        slides = [(m.name, m.image, m.instances) for m in read_metaphases(path, split)]
        return {"file": path.name, "split": split, "metaphases": job.score("metaphases", slides, Stain.DAPI)}
    data = _to_compose(path, split)
    pair_scores = evaluate_pairs(list(composed_pairs(data, pairs)), by_models(models), report=report)
    progress("pairs", 0.1)
    slides = [(cell.name, cell.image, cell.instances) for cell in composed_cells(data, cells)]
    return {
        "file": path.name,
        "split": split,
        "pairs": pair_scores,
        "cells": job.score("cells", slides, Stain.G_BAND),
    }


def evaluate_weights(
    path: Path | str,
    split: str | None,
    weights: Path,
    progress: Progress = silent,
    *,
    device: str = "auto",
    splits: Path | None = None,
    pairs: int = PAIRS,
    report: Report | None = None,
) -> dict[str, Any]:
    """A network of the zoo, from the weights that its training wrote, on composed pairs or on a labelled set.

    Parameters and what it returns are as of `evaluate_segmenter`; there are no cells, since such a network labels
    clusters of two.

    Raises
    ------
    UserError
        If weights or file cannot be read, there is no such split, or the file holds metaphases.
    """
    path = Path(path)
    labeller = by_weights(weights, device)
    if is_labelled(path):
        return evaluate_labelled(path, split, splits, labeller, progress, report=report)
    if holds_metaphases(path):
        raise UserError("holds metaphases, and these weights label clusters of two", path=path)
    if split is None:
        raise UserError("has several parts", path=path, advice="Say which one with --split: val or test.")
    drawn = list(composed_pairs(_to_compose(path, split), pairs))
    return {
        "file": path.name,
        "split": split,
        "weights": weights.name,
        "pairs": evaluate_pairs(drawn, labeller, progress, report=report),
    }


def is_labelled(path: Path) -> bool:
    """Whether `path` is a labelled set by its looks: anything but an HDF5 file of metaphases or karyotypes."""
    if path.suffix.lower() not in (".h5", ".hdf5"):
        return is_folder(path) or path.suffix.lower() in (".npz", ".json")
    try:
        with h5py.File(path) as file:
            return any(isinstance(item, h5py.Dataset) for item in file.values())
    except OSError:
        return False  # whoever reads it says what is wrong


def _to_compose(path: Path, split: str) -> Karyotypes:
    data = read_karyotypes(path, split)
    if not data.readable or data.stain.bright_on_dark:
        raise UserError("holds no G-banded chromosomes to compose clusters from", path=path)
    return data


def solved_pair(label: npt.NDArray[np.uint8], truth: npt.NDArray[np.uint8]) -> bool:
    """Whether both chromosomes have IoU 0.75 or more, in the better of the two orders."""
    return bool(solved(confusion(label, truth)) == 1)


Slide = tuple[str, npt.NDArray[np.uint8], Sequence[Instance]]


@dataclass(frozen=True)
class _Slides:
    """Scores of whole slides: name, image and true chromosomes of each."""

    models: Models
    progress: Progress
    floor: bool
    report: Report | None

    def score(self, part: str, slides: Sequence[Slide], stain: Stain) -> dict[str, Any]:
        """Figures over all slides; ``true_edges`` as if edges were known (`with_true_edges`), those of the floor."""
        if not slides:
            return {"slides": 0}
        ours: list[SlideScore] = []
        edged: list[SlideScore] = []
        floor: list[SlideScore] = []
        seconds: list[float] = []
        for index, slide in enumerate(slides):
            score, apart_from_edges, took = self._ours(part, slide, stain)
            ours.append(score)
            edged.append(apart_from_edges)
            seconds.append(took)
            if self.floor:
                floor.append(self._floor(part, slide, stain))
            self.progress("slides", (index + 1) / len(slides))
        result = {
            **summary(ours),
            "true_edges": summary(edged),
            "calibration": _calibration(ours),
            "seconds_median": round(float(np.median(seconds)), 3),
        }
        return {**result, "floor": summary(floor)} if floor else result

    def _ours(self, part: str, slide: Slide, stain: Stain) -> tuple[SlideScore, SlideScore, float]:
        name, image, truth = slide
        answer: Analysis = analyse(SlideImage(image), self.models, stain=stain)
        counted = [c for c in answer.chromosomes if c.in_karyogram]
        masks = [(c.box, c.mask) for c in counted]
        numbers, confidence = [c.number for c in counted], [c.confidence for c in counted]
        score = score_slide(truth, masks, confidence, numbers)
        height, width = image.shape[:2]
        edged = score_slide(truth, with_true_edges(truth, masks, (height, width)), confidence, numbers)
        seconds = sum(answer.seconds.values())
        if self.report is not None:
            found = Found(masks, numbers)
            self.report.add_slide(part, OURS, name, image, truth, found, score, seconds=seconds)
        return score, edged, seconds

    def _floor(self, part: str, slide: Slide, stain: Stain) -> SlideScore:
        name, image, truth = slide
        masks = otsu_components(image, stain)
        # A threshold is as sure of one as of the other.
        score = score_slide(truth, masks, [1.0] * len(masks))
        if self.report is not None:
            self.report.add_slide(part, "floor", name, image, truth, Found(masks), score)
        return score


def _calibration(scores: Sequence[SlideScore]) -> list[dict[str, float]]:
    """Of chromosomes of like confidence, the share that is right (IoU 0.75)."""
    pairs = [pair for score in scores for pair in judged(score)]
    return [asdict(one) for one in binned([sure for sure, _ in pairs], [right for _, right in pairs])]
