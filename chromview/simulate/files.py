"""Simulated slides as files: the photograph, its truth, and the four-label mask of a cluster of two."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
from PIL import Image

from chromview.core.chromosome import Chromosome, Kind
from chromview.core.masks import four_label
from chromview.errors import UserError
from chromview.simulate.metaphase import Simulated

TRUTH_SUFFIX = "_truth.npz"
LABELS_FOLDER = "labels"


def write_simulated(folder: Path | str, simulated: Simulated, name: str, *, truth: bool = True) -> list[Path]:
    """Write a simulated slide into a folder, which is made if need be.

    - ``NAME.png``: the photograph, 8 bit grey.
    - ``NAME_truth.npz``: arrays, one row an instance, n of them on a slide of H x W:
      ``masks`` (n, H, W) bool, overlaps set in both; ``kind`` (n,) "chromosome", "nucleus" or "debris";
      ``number`` (n,) class 1..24 (23 = X, 24 = Y), 0 for what is no chromosome; ``centromere`` (n,)
      0..1 of the axis from the p tip, NaN where there is none; ``axis`` (m, 2) float32 points (y, x) of all axes, p tip
      first, one after another, those of instance i at ``axis[axis_start[i]:axis_start[i + 1]]``;
      ``stain``, ``karyotype``, ``seed``.
    - ``labels/NAME.png``, for a cluster of two: 0 background, 1 first, 2 second, 3 both. In a folder
      of its own, so that photographs and labels have equal names and are never mistaken for each other.

    Parameters
    ----------
    folder
        Where to write.
    simulated
        What to write.
    name
        Name of the files, without suffix.
    truth
        Whether to write the truth as well.

    Returns
    -------
    The files written.

    Raises
    ------
    UserError
        If they cannot be written; none is left half-written.
    """
    folder = Path(folder)
    written = [_write(folder / f"{name}.png", lambda stream: _save_png(stream, simulated.image))]
    if truth:
        written.append(_write(folder / f"{name}{TRUTH_SUFFIX}", lambda stream: _save_truth(stream, simulated)))
        if len(simulated.chromosomes) == 2 and not simulated.karyotype:
            height, width = simulated.image.shape
            label = four_label(simulated.chromosomes, (int(height), int(width)))
            written.append(_write(folder / LABELS_FOLDER / f"{name}.png", lambda stream: _save_png(stream, label)))
    return written


def read_truth(path: Path | str) -> tuple[Chromosome, ...]:
    """Read what `write_simulated` wrote as truth.

    Parameters
    ----------
    path
        A ``NAME_truth.npz``.

    Returns
    -------
    The instances with the ids they had, masks, axes, centromeres and classes.

    Raises
    ------
    UserError
        If the file cannot be read or is no such truth.
    """
    path = Path(path)
    try:
        # Opened here, because NumPy leaves a damaged file open.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as data:
            arrays = {key: data[key] for key in ("masks", "kind", "number", "centromere", "axis", "axis_start", "id")}
    except OSError as error:
        raise UserError(f"cannot be read ({error.strerror or 'not a truth file'})", path=path) from error
    except (KeyError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise UserError(
            "is not the truth of a simulated slide", path=path, advice='Such files come from "chromview simulate".'
        ) from error
    found = []
    for index in range(len(arrays["masks"])):
        axis = arrays["axis"][arrays["axis_start"][index] : arrays["axis_start"][index + 1]]
        centromere = float(arrays["centromere"][index])
        known = bool(np.isfinite(centromere))
        found.append(
            Chromosome.from_slide_mask(
                int(arrays["id"][index]),
                arrays["masks"][index],
                kind=Kind({kind.name.lower(): kind for kind in Kind}[str(arrays["kind"][index])]),
                axis=axis if len(axis) else None,
                centromere=centromere if known else None,
                centromere_confidence=float(known),
                number=int(arrays["number"][index]),
                class_confidence=float(known),
                polarity_confidence=float(known),
            )
        )
    return tuple(found)


def _save_png(stream: IO[bytes], pixels: npt.NDArray[np.uint8]) -> None:
    Image.fromarray(pixels).save(stream, format="PNG", optimize=True)


def _save_truth(stream: IO[bytes], simulated: Simulated) -> None:
    height, width = simulated.image.shape
    chromosomes = simulated.chromosomes
    masks = np.zeros((len(chromosomes), height, width), np.bool_)
    for mask, chromosome in zip(masks, chromosomes, strict=True):
        mask[chromosome.box.slices] = chromosome.mask
    axes = [np.zeros((0, 2), np.float32) if c.axis is None else c.axis for c in chromosomes]
    np.savez_compressed(
        stream,
        masks=masks,
        id=np.array([c.id for c in chromosomes], np.int32),
        kind=np.array([c.kind.name.lower() for c in chromosomes]),
        number=np.array([c.number for c in chromosomes], np.uint8),
        centromere=np.array([np.nan if c.centromere is None else c.centromere for c in chromosomes], np.float32),
        axis=np.concatenate([*axes, np.zeros((0, 2), np.float32)]),
        axis_start=np.cumsum([0, *(len(axis) for axis in axes)]).astype(np.int64),
        stain=np.array(str(simulated.stain)),
        karyotype=np.array(simulated.karyotype),
        seed=np.array(simulated.seed, np.int64),
    )


def _write(path: Path, save: Callable[[IO[bytes]], None]) -> Path:
    """Write a file beside its place, then put it there; on failure nothing is left."""
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as stream:
                save(stream)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UserError(
            f"cannot be written ({error.strerror or error})",
            path=path,
            advice="Choose a folder that you may write to and a disk with room.",
        ) from error
    return path
