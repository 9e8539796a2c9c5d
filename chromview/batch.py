"""What the commands do with files: read, call the pipeline, write; one bad file of many stops nothing.

The module knows no terminal: it is given a `Progress` and hands back what was done. Networks are imported late, so
that a wrong name is told at once and not after torch has been loaded.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from chromview.core.chromosome import CLASS_NAMES, Analysis, SlideImage, Stain
from chromview.core.masks import clusters, overlap_area
from chromview.core.scale import check_width, factor_of
from chromview.errors import UserError
from chromview.progress import Progress, silent
from chromview.storage.exports import counted, write_analysis
from chromview.storage.files import is_folder, make_folder, os_problem, write_text
from chromview.storage.images import find_images, read_image
from chromview.storage.label_set import Form, to_bytes
from chromview.storage.labels import form_of, read_labels, write_labels

if TYPE_CHECKING:
    from chromview.vision.models import Models
    from chromview.vision.pipeline import ClassifiedImages

CLASS_COLUMNS: tuple[str, ...] = ("index", "class", "polarity", *(f"p_{name}" for name in CLASS_NAMES))
"""Columns of the CSV of `classify`; for a folder of images `file` follows them."""


@dataclass(frozen=True)
class Done:
    """One image that was analysed and written to `folder`."""

    file: Path
    folder: Path
    image: SlideImage
    analysis: Analysis

    def summary(self) -> dict[str, Any]:
        """What ``--json`` prints of it."""
        return {"file": str(self.file), **summarise(self.image, self.analysis), "folder": str(self.folder)}


def summarise(image: SlideImage, analysis: Analysis) -> dict[str, Any]:
    """The counts, the proposal and the times of one analysis."""
    chromosomes = counted(analysis.chromosomes)
    groups = clusters(chromosomes)
    by_id = {one.id: one for one in chromosomes}
    pairs = [(a, b) for group in groups for i, a in enumerate(group) for b in group[i + 1 :]]
    return {
        "chromosomes": len(chromosomes),
        "clusters": len(groups),
        "overlaps": sum(overlap_area(by_id[a], by_id[b]) > 0 for a, b in pairs),
        "proposal": analysis.proposal,
        "seconds": {stage: round(value, 4) for stage, value in analysis.seconds.items()},
        "stain": str(analysis.stain),
        "single_cluster": analysis.is_cluster,
        "doubtful": sum(bool(one.doubts) for one in chromosomes),
        "scale": round(analysis.scale, 4),
        "spread": analysis.quality.spread,
        "band_clarity": analysis.quality.band_clarity,
        "quality": analysis.quality.overall,
        "notes": list(image.notes),
    }


def load_models(device: str, folder: Path | None = None) -> Models:
    """Import torch and load the shipped weights, or those in `folder`; raises `UserError` if they are not there."""
    from chromview.vision.models import Models

    return Models.load(device, folder)


def stain_of(name: str) -> Stain | None:
    """The stain of this name; None for "auto"."""
    return None if name == "auto" else Stain(name)


def analyse_all(
    paths: Sequence[Path | str],
    out: Path,
    *,
    stain: Stain | None = None,
    width: float | None = None,
    device: str = "auto",
    failed: Callable[[Exception, Path], None],
    progress: Progress = silent,
) -> Iterator[Done]:
    """Analyse images and folders of images, and write a folder for each into `out`.

    Parameters
    ----------
    paths
        Images, or folders of them.
    out
        Folder, made if need be. An image NAME.ext goes to ``out/NAME``; a second image of that name
        ("a.tif" beside "a.png") to a folder of its whole file name.
    stain, device
        As in `chromview.vision.pipeline`.
    width
        Of a chromosome in pixels of the images, which tells their scale; found from the chromosomes if None.
    failed
        Called for each path that could not be read, analysed or written; the others are still done.
    progress
        Told the file and the share of all.

    Yields
    ------
    Done
        One for each image, as soon as its files are written.

    Raises
    ------
    UserError
        If nothing can be done at all: no readable path, no weights, no output folder, a width that no chromosome has.
    """
    if width is not None:
        check_width(width)
    files: dict[Path, None] = {}
    problems: list[tuple[UserError, Path]] = []
    for path in paths:
        try:
            files.update(dict.fromkeys(find_images([path])))
        except UserError as error:
            problems.append((error, Path(path)))
    if not files and len(problems) == 1:
        raise problems[0][0]
    for problem, path in problems:
        failed(problem, path)
    if not files:
        return
    make_folder(out)
    targets = _targets(list(files), out)
    images: list[SlideImage | None] = [None] * len(targets)
    if len(targets) == 1:  # a single file that cannot be read is told before torch is loaded
        images[0] = read_image(targets[0][0])
    models = load_models(device)
    for index, (file, folder) in enumerate(targets):

        def report(stage: str, share: float, index: int = index, file: Path = file) -> None:
            progress(f"{file.name}: {stage}", (index + share) / len(targets))

        try:
            image = images[index] or read_image(file)
            yield Done(file, folder, image, _analyse(image, folder, models, stain, width, report))
        except Exception as error:
            # A fault of ours in one image must not cost the others; whoever called decides what is said.
            failed(error, file)


def _analyse(
    image: SlideImage, folder: Path, models: Models, stain: Stain | None, width: float | None, progress: Progress
) -> Analysis:
    from chromview.vision.pipeline import analyse

    if width is not None:
        _check_width_of(image, width)
    scale = None if width is None else factor_of(width)
    analysis = analyse(image, models, stain=stain, scale=scale, progress=progress)
    if not counted(analysis.chromosomes):
        raise UserError(
            "no chromosome was found in this image",
            path=image.path,
            advice="Check that it shows a metaphase or a cluster, and give its stain with --stain.",
        )
    write_analysis(folder, image, analysis)
    return analysis


def _check_width_of(image: SlideImage, width: float) -> None:
    """Say which image cannot be analysed with a width."""
    try:
        check_width(width, image.shape)
    except UserError as error:
        raise UserError(error.what, path=image.path, advice=error.advice) from error


def _targets(files: Sequence[Path], out: Path) -> list[tuple[Path, Path]]:
    """File and its folder; no two files share one, and none is the file itself."""
    taken: set[Path] = set()
    targets = []
    for file in files:
        names = (file.stem, file.name, *(f"{file.name}-{number}" for number in range(2, len(files) + 2)))
        folder = next(out / name for name in names if out / name not in taken)
        taken.add(folder)
        targets.append((file, folder))
    return targets


def label_file(source: Path, target: Path, *, device: str = "auto", progress: Progress = silent) -> int:
    """Four-label masks of all clusters in a container, written to another of the same kind.

    Parameters
    ----------
    source
        HDF5, npz, a folder of pictures or one picture.
    target
        What is written: images and labels; for pictures, label pictures of the same names and nothing else.

    Returns
    -------
    int
        Number of clusters.

    Raises
    ------
    UserError
        If `source` holds no images, weights are missing, or `target` cannot be written.
    """
    content = read_labels(source)
    if content.images is None:
        raise UserError(
            "holds labels but no images", path=source, advice="Give the images themselves; labels are made from them."
        )
    # Pictures stay pictures and HDF5 stays HDF5; an ending of the output that says something else decides.
    form: Form = Form.PNG if content.form is Form.PAINTED else content.form
    wanted = form_of(target) if target.suffix else form
    if wanted is not form and not (form is Form.PAIRS and wanted is Form.HDF5):
        form = wanted
    _check_target(target)
    from chromview.vision.pipeline import label_clusters

    models = load_models(device)
    labels: list[npt.NDArray[np.uint8]] = [np.zeros(image.shape, np.uint8) for image in content.images]
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for index, image in enumerate(content.images):
        by_shape.setdefault(image.shape, []).append(index)
    done = 0
    for members in by_shape.values():

        def report(stage: str, share: float, done: int = done, count: int = len(members)) -> None:
            progress(stage, (done + share * count) / len(labels))

        found = label_clusters(np.stack([content.images[i] for i in members]), models, progress=report)
        for index, label in zip(members, found, strict=True):
            labels[index] = label
        done += len(members)
    write_labels(target, replace(content, labels=labels), form, labels_only=True)
    return len(labels)


def classify_file(
    source: Path,
    target: Path,
    *,
    split: str | None = None,
    by_cell: bool = False,
    stain: Stain | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> int:
    """Class and polarity of single chromosomes, written as CSV.

    Parameters
    ----------
    source
        A ``*_karyotypes.h5`` file, or a folder of images of single chromosomes (or one image).
    target
        The CSV: `CLASS_COLUMNS`, one row an image in the file's order, from 0.
    split
        Which part of the HDF5 file.
    by_cell
        Whether the chromosomes of one cell are decided together; a folder is one cell.

    Returns
    -------
    int
        Number of chromosomes.

    Raises
    ------
    UserError
        If `source` cannot be read, has no such split, weights are missing, or `target` cannot be written.
    """
    files: list[Path] = []
    cells: list[str] | None
    if is_folder(source) or source.suffix.lower() not in (".h5", ".hdf5"):
        if split is not None:
            raise UserError("is no HDF5 file, so it has no split", path=source, advice="Leave --split away.")
        files = find_images([source])
        images = [to_bytes(read_image(file).pixels) for file in files]
        cells = ["cell"] * len(images) if by_cell else None
    else:
        from chromview.training.datasets import read_karyotypes

        data = read_karyotypes(source, split or _only_split(source))
        images, cells, stain = data.images, [str(cell) for cell in data.cells], stain or data.stain
    _check_target(target)
    from chromview.vision.pipeline import classify_images

    models = load_models(device)
    answer = classify_images(images, models, stain=stain, cells=cells, by_cell=by_cell, progress=progress)
    write_text(target, classes_csv(answer, [file.name for file in files]))
    return len(images)


def classes_csv(answer: ClassifiedImages, files: Sequence[str] = ()) -> str:
    """Text of the CSV of `classify`; `files` adds a column with the name of each."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*CLASS_COLUMNS, *(["file"] if files else [])])
    for index, (number, up, probabilities) in enumerate(
        zip(answer.numbers, answer.p_up, answer.probabilities, strict=True)
    ):
        row = [index, CLASS_NAMES[int(number) - 1], "up" if up else "down", *(f"{p:.6f}" for p in probabilities)]
        writer.writerow([*row, files[index]] if files else row)
    return text.getvalue()


def _only_split(path: Path) -> str:
    import h5py

    from chromview.storage.files import check_readable

    check_readable(path, limit=1 << 40)
    try:
        with h5py.File(path) as file:
            splits = [name for name in file if isinstance(file[name], h5py.Group)]
    except (OSError, RuntimeError, KeyError) as error:
        raise UserError(f"is not an HDF5 file ({error})", path=path, advice="Give a *_karyotypes.h5 file.") from error
    if len(splits) != 1:
        told = ", ".join(splits) or "none"
        raise UserError(f"has several splits or none ({told})", path=path, advice="Name one with --split.")
    return str(splits[0])


def _check_target(target: Path) -> None:
    """Tell a wrong output before the work and not after it."""
    folder = target if is_folder(target) else target.parent
    try:
        folder.stat()
    except OSError as error:
        raise os_problem(error, folder) from error
