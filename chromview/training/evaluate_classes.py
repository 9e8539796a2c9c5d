"""Figures of classifiers: of the one that ships, and of published ones from weights that were trained here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import numpy.typing as npt

from chromview.core.chromosome import CLASS_NAMES, Stain
from chromview.errors import UserError
from chromview.progress import Progress, silent
from chromview.training.class_report import ClassReport
from chromview.training.datasets import Karyotypes, read_karyotypes, read_metaphases
from chromview.vision.assignment import assign_cell
from chromview.vision.models import Models
from chromview.vision.pipeline import classify_images
from chromview.vision.prepare import to_darkness

if TYPE_CHECKING:
    from chromview.training.classifiers.networks import PublishedClassifier

UInt8 = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Truth:
    """Single chromosomes with their classes.

    Attributes
    ----------
    images
        ``(h, w)`` uint8 each.
    numbers
        ``(N,)`` class 1..24.
    cells, cases
        Names of the cell and the case of each.
    stain
        Of all.
    upright
        Whether all of them are known to have the p arm up.
    masks
        ``(h, w)`` bool of each chromosome in its image; None where they are found by their stain.
    """

    images: Sequence[UInt8]
    numbers: npt.NDArray[np.int64]
    cells: Sequence[str]
    cases: Sequence[str]
    stain: Stain
    upright: bool
    masks: Sequence[Bools] | None = None


def read_truth(path: Path, split: str) -> Truth:
    """Chromosomes of a ``*_karyotypes.h5``, or cut from an M-FISH file by its true masks.

    Raises
    ------
    UserError
        If the file cannot be read, has no such split, or holds no images of chromosomes.
    """
    if holds_metaphases(path):
        images, masks, numbers, cells, cases = [], [], [], [], []
        for metaphase in read_metaphases(path, split):
            # As the program sees a slide: its light evened out.
            darkness = np.clip(to_darkness(metaphase.image, Stain.DAPI) * 170, 0, 255).astype(np.uint8)
            for instance in metaphase.instances:
                images.append(np.where(instance.mask, darkness[instance.box.slices], 0).astype(np.uint8))
                masks.append(instance.mask)
                numbers.append(instance.number)
                cells.append(metaphase.name)
                cases.append(metaphase.slide)
        return Truth(images, np.array(numbers), cells, cases, Stain.DAPI, False, masks)
    data = read_karyotypes(path, split)
    if not data.readable:
        raise UserError(
            "holds no images of chromosomes (nearly all of its pixels are zero where the ground should be white)",
            path=path,
            advice="Make the file again from the original images; sizes alone cannot be classified.",
        )
    return _truth_of(data, range(len(data)))


def _truth_of(data: Karyotypes, members: Sequence[int]) -> Truth:
    return Truth(
        [data.images[i] for i in members],
        data.numbers[list(members)],
        [str(data.cells[i]) for i in members],
        [str(data.cases[i]) for i in members],
        data.stain,
        not data.stain.bright_on_dark,
    )


def holds_metaphases(path: Path) -> bool:
    """Whether a data file holds metaphases with truth, and not single chromosomes; raises `UserError` if neither."""
    if not path.is_file():
        raise UserError("there is no such file", path=path, advice="Give a data file with truth.")
    try:
        with h5py.File(path) as file:
            first = next(iter(file.values()), None)
            return isinstance(first, h5py.Group) and "pixels" not in first
    except OSError as error:
        raise UserError("is not an HDF5 file", path=path, advice="Give a data file with truth.") from error


# --- figures -------------------------------------------------------------------------------------


def interval(values: Floats, groups: Sequence[str], seed: int = 0) -> list[float]:
    """95 % bootstrap interval of a mean, resampling whole groups (cells)."""
    names, index = np.unique(np.asarray(groups), return_inverse=True)
    totals = np.bincount(index, weights=values)
    counts = np.bincount(index)
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(names), size=(1000, len(names)))
    low, high = np.percentile(totals[draws].sum(1) / counts[draws].sum(1), (2.5, 97.5))
    return [round(float(low), 4), round(float(high), 4)]


def decide_cells(probabilities: Floats, cells: Sequence[str]) -> npt.NDArray[np.int64]:
    """Classes ``(N,)`` 1..24 with the chromosomes of each cell decided together.

    Chromosomes of which nothing is known (all classes equally probable) stay as they are.
    """
    numbers: npt.NDArray[np.int64] = probabilities.argmax(axis=1).astype(np.int64) + 1
    known = probabilities.max(axis=1) > probabilities.min(axis=1)
    names = np.asarray(cells)
    for name in np.unique(names):
        members = np.flatnonzero((names == name) & known)
        numbers[members] = assign_cell(probabilities[members]).numbers
    return numbers


def figures(
    truth: Truth, probabilities: Floats, p_up: npt.NDArray[Any] | None, whole: npt.NDArray[np.int64] | None
) -> dict[str, Any]:
    """Accuracy, top 3, F1 by class and calibration; of whole cells and of polarity where these are given.

    Parameters
    ----------
    probabilities
        ``(N, 24)``.
    p_up
        ``(N,)`` whether each was read as standing upright, or None.
    whole
        ``(N,)`` classes decided by cell, or None where the cells are not whole.
    """
    numbers = truth.numbers
    order = np.argsort(-probabilities, axis=1)[:, :3] + 1
    single = order[:, 0]
    right, confidence = single == numbers, probabilities.max(axis=1)
    bins = np.clip((confidence * 10).astype(int), 0, 9)
    names = np.asarray(truth.cells)
    result: dict[str, Any] = {
        "chromosomes": len(numbers),
        "cells": len(np.unique(names)),
        "cases": len(set(truth.cases)),
        "accuracy": round(float(right.mean()), 4),
        "accuracy_interval": interval(right, truth.cells),
    }
    if whole is not None:
        right_whole = whole == numbers
        complete = [bool(right_whole[names == name].all()) for name in np.unique(names)]
        result["accuracy_by_cell"] = round(float(right_whole.mean()), 4)
        result["accuracy_by_cell_interval"] = interval(right_whole, truth.cells)
        result["cells_all_right"] = round(float(np.mean(complete)), 4)
    result["top_3"] = round(float((order == numbers[:, None]).any(axis=1).mean()), 4)
    result["f1"] = f1_by_class(numbers, single)
    result["calibration"] = [
        {
            "confidence": round(float(confidence[bins == b].mean()), 3),
            "accuracy": round(float(right[bins == b].mean()), 3),
            "chromosomes": int((bins == b).sum()),
        }
        for b in range(10)
        if (bins == b).any()
    ]
    if p_up is not None and truth.upright:
        result["polarity"] = round(float(p_up.mean()), 4)
        result["polarity_interval"] = interval(p_up.astype(float), truth.cells)
    return result


def f1_by_class(truth: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64]) -> dict[str, float | None]:
    """F1 of each class by name; None for a class that neither occurs nor was answered."""
    scores: dict[str, float | None] = {}
    for number, name in enumerate(CLASS_NAMES, start=1):
        hits = int(((truth == number) & (predicted == number)).sum())
        both = int((truth == number).sum() + (predicted == number).sum())
        scores[name] = round(2 * hits / both, 4) if both else None
    return scores


# --- the classifiers -----------------------------------------------------------------------------


def evaluate_classifier(
    path: Path | str, split: str, models: Models, progress: Progress = silent, *, report: ClassReport | None = None
) -> dict[str, Any]:
    """The classifier that ships, on single chromosomes of a ``*_karyotypes.h5`` or of an M-FISH file's true masks.

    Parameters
    ----------
    report
        Gets a row for each chromosome, and what is needed to draw the matrices and the worst ones.

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
    truth = read_truth(path, split)
    answer = classify_images(
        truth.images, models, masks=truth.masks, stain=truth.stain, cells=truth.cells, progress=progress
    )
    whole = decide_cells(answer.probabilities, truth.cells)
    p_up = answer.p_up if truth.upright else None
    if report is not None:
        report.add(split, truth, answer.probabilities, p_up, whole)
    return {"file": path.name, "split": split, **figures(truth, answer.probabilities, p_up, whole)}


def evaluate_published(
    path: Path | str,
    split: str,
    weights: Path,
    progress: Progress = silent,
    *,
    device: str = "auto",
    report: ClassReport | None = None,
) -> dict[str, Any]:
    """A published classifier from the weights that its training wrote.

    Returns
    -------
    The figures of `evaluate_classifier` on a part of the file, which no case shares with what was trained on; they have
    no polarity. Weights that were trained with a division by image on the same file also have `image_level`: the
    figures on the images that were held back then, whose cases and cells were trained on. Side by side they say how
    much of an accuracy is knowing the patient.

    Raises
    ------
    UserError
        If weights or file cannot be read, or there is no such split.
    """
    from chromview.training.classifiers.networks import load_published
    from chromview.vision.weights import choose_device, read_metadata

    path = Path(path)
    truth = read_truth(path, split)
    network = load_published(weights).to(choose_device(device).torch_device)
    noted = read_metadata(weights)
    size, trained = int(noted["size"]), str(noted["split"])
    probabilities = _asked(network, truth, size, progress)
    whole = decide_cells(probabilities, truth.cells)
    if report is not None:
        report.add(split, truth, probabilities, None, whole)
    result = {
        "file": path.name,
        "split": split,
        "weights": weights.name,
        "preset": noted["preset"],
        "trained_by": trained,
        **figures(truth, probabilities, None, whole),
    }
    if trained == "image" and not holds_metaphases(path):
        from chromview.training.classifiers.samples import read_divided

        divided = read_divided(path, "image", int(noted["seed"]))
        if divided.fingerprint == noted["data"]:
            held_back = _truth_of(divided.data, divided.parts["test"])
            of_images = _asked(network, held_back, size, progress)
            if report is not None:
                report.add("image_level", held_back, of_images, None, None)
            result["image_level"] = figures(held_back, of_images, None, None)
    return result


def _asked(network: PublishedClassifier, truth: Truth, size: int, progress: Progress) -> npt.NDArray[np.float32]:
    import torch

    from chromview.training.classifiers.samples import square

    device = next(network.parameters()).device
    answers = np.zeros((len(truth.images), len(CLASS_NAMES)), np.float32)
    batch = 32
    for start in range(0, len(answers), batch):
        squares = torch.stack([square(image, size, truth.stain) for image in truth.images[start : start + batch]])
        with torch.inference_mode():
            logits = network(squares.to(device).float() / 255)
        answers[start : start + batch] = logits.float().softmax(1).cpu().numpy()
        progress("classify", min(1.0, (start + batch) / len(answers)))
    return answers
