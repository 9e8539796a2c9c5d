"""Four-label masks against the truth: two folders of pictures, a labelled set, composed pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from chromview.errors import UserError
from chromview.progress import Progress, silent
from chromview.storage.images import find_images
from chromview.storage.label_images import read_label_image
from chromview.training.labelled import PUBLISHED, LabelledSet, published_split, read_labelled, read_splits
from chromview.training.metrics import ImageScore, pooled, score_image, solved
from chromview.training.reports import Compared, Report
from chromview.training.scenes import ComposedPair

if TYPE_CHECKING:
    from chromview.vision.models import Models

UInt8 = npt.NDArray[np.uint8]
Labeller = Callable[[UInt8, Progress], UInt8]
"""Labels ``(N, H, W)`` 0..3 of images ``(N, H, W)`` uint8, telling how far it is."""

LABELS = "labels"
"""Part of a report that holds what is compared here, where there is nothing else."""


def by_models(models: Models) -> Labeller:
    """The shipped networks."""
    from chromview.vision.pipeline import label_clusters

    return lambda images, progress: label_clusters(images, models, progress=progress)


def by_weights(path: Path, device: str = "auto") -> Labeller:
    """The network of a weight file that ``chromview train segmenter --preset`` wrote.

    Raises
    ------
    UserError
        If the file is missing, damaged, or of another architecture.
    """
    import torch

    from chromview.core.chromosome import Stain
    from chromview.training.engine.weights import load_trained
    from chromview.vision.prepare import bright_ground, to_darkness
    from chromview.vision.weights import choose_device

    where = choose_device(device).torch_device
    network = load_trained(path).to(where)
    stride: int = network.stride  # type: ignore[assignment]  # of every network of the zoo

    @torch.inference_mode()
    def label(images: UInt8, progress: Progress) -> UInt8:
        height, width = images.shape[1:]
        # Clean ground below and at the right, until the network can halve the sides as often as it does.
        margins = ((0, 0), (0, -height % stride), (0, -width % stride))
        labels = np.zeros(images.shape, np.uint8)
        for start in range(0, len(images), _BATCH):
            chunk = images[start : start + _BATCH]
            stains = [Stain.G_BAND if bright_ground(image) else Stain.DAPI for image in chunk]
            darkness = np.stack([to_darkness(image, stain) for image, stain in zip(chunk, stains, strict=True)])
            logits = network(torch.from_numpy(np.pad(darkness, margins)[:, None]).to(where))
            answers = logits.argmax(dim=1).to(torch.uint8).cpu().numpy()
            labels[start : start + len(chunk)] = answers[:, :height, :width]
            progress("label", (start + len(chunk)) / len(images))
        return labels

    return label


_BATCH = 32


def compare_folders(
    predicted: Path | str, truth: Path | str, progress: Progress = silent, *, report: Report | None = None
) -> dict[str, Any]:
    """Scores of the label pictures in one folder against those of the same names in another.

    Names are compared without their endings; labels are compared as they are, without cleaning.

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
        scores.append(_compared(Compared(stem, found, true), report, LABELS))
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


def evaluate_labelled(
    path: Path,
    split: str | None,
    splits: Path | None,
    labeller: Labeller,
    progress: Progress = silent,
    *,
    report: Report | None = None,
) -> dict[str, Any]:
    """Scores of a labeller on a labelled set; the bootstrap draws cases.

    Parameters
    ----------
    path
        See `read_labelled`.
    split
        Part of the set that is judged; all of it if None.
    splits
        File that says what the parts are (`splits_file`), or ``published``.
    labeller
        What is judged.

    Returns
    -------
    dict
        As `pooled`, with ``file``, ``split`` and ``cases``.

    Raises
    ------
    UserError
        If the set or the file of splits cannot be used, or has no such part.
    """
    data = _part(read_labelled(path), path, split, splits)
    answers: list[UInt8] = [np.zeros_like(label) for label in data.labels]
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for index, image in enumerate(data.images):
        by_shape.setdefault(image.shape, []).append(index)
    done = 0
    for members in by_shape.values():

        def told(stage: str, share: float, done: int = done, count: int = len(members)) -> None:
            progress(stage, 0.9 * (done + share * count) / len(data))

        found = labeller(np.stack([data.images[i] for i in members]), told)
        for index, label in zip(members, found, strict=True):
            answers[index] = label
        done += len(members)
    scores = []
    for index, answer in enumerate(answers):
        progress("compare", 0.9 + 0.1 * index / len(data))
        one = Compared(data.names[index], answer, data.labels[index], data.images[index], data.groups[index])
        scores.append(_compared(one, report, LABELS))
    return {
        "file": path.name,
        "split": split,
        "cases": len(set(data.groups)),
        **pooled(scores, groups=data.groups),
    }


def _part(data: LabelledSet, path: Path, split: str | None, splits: Path | None) -> LabelledSet:
    if split is None:
        return data
    if splits is None:
        raise UserError(
            f"does not say which of its images are '{split}'",
            path=path,
            advice="Give the file of splits with --splits ('published' for the 13,434 pairs), or leave --split away.",
        )
    published = str(splits) == PUBLISHED
    parts = published_split(len(data)) if published else read_splits(splits, data.groups, data.names)
    if not parts.get(split):
        raise UserError(f"has no images in a part '{split}'", path=splits, advice=f"It has: {', '.join(parts)}.")
    return data.subset(parts[split])


def evaluate_pairs(
    pairs: Sequence[ComposedPair], labeller: Labeller, progress: Progress = silent, *, report: Report | None = None
) -> dict[str, Any]:
    """Scores of a labeller on composed pairs.

    Returns
    -------
    dict
        As `pooled`, with ``solved_touching`` and ``solved_overlapping``, of the pairs that only touch and of the rest.
    """
    answers = labeller(np.stack([pair.image for pair in pairs]), progress)
    scores = [
        _compared(Compared(f"{index:05d}", answer, pair.label, pair.image), report, "pairs")
        for index, (answer, pair) in enumerate(zip(answers, pairs, strict=True))
    ]
    result = pooled(scores)
    right = solved(np.stack([score.given for score in scores]))
    for kind, touching in (("touching", True), ("overlapping", False)):
        chosen = right[[pair.touching is touching for pair in pairs]]
        result[f"solved_{kind}"] = float(chosen.mean()) if chosen.size else None
    return result


def _compared(one: Compared, report: Report | None, part: str) -> ImageScore:
    score = score_image(one.predicted, one.truth, distances=True)
    if report is not None:
        report.add_labels(part, one, score)
    return score
