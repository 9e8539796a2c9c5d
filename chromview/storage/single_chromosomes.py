"""Single chromosomes, laid straight, as `chromview classify` and the training of classifiers read them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import h5py
import numpy as np
import numpy.typing as npt

from chromview import __version__
from chromview.core.chromosome import Stain


@dataclass(frozen=True, slots=True, eq=False)
class Single:
    """One straightened chromosome.

    Attributes
    ----------
    image
        ``(h, w)`` uint8, p arm up.
    number, stain
        Class 1..24, and the stain of its slide.
    case, cell, copy
        The case, the slide's name for files, and its position among the homologues.
    file
        Name of its picture in the folder.
    slide, chromosome
        Place of the slide among those written, and the chromosome's id on it.
    """

    image: npt.NDArray[np.uint8]
    number: int
    stain: Stain
    case: str
    cell: str
    copy: int
    file: str
    slide: int
    chromosome: int


def karyotypes_hdf5(members: Sequence[Single], stain: Stain) -> bytes:
    """An HDF5 file as `chromview classify` and training read it, with the one split "train"."""
    sizes = np.array([one.image.shape for one in members])
    offset = np.concatenate([[0], np.cumsum(sizes.prod(axis=1))[:-1]])
    ground = "black" if stain.bright_on_dark else "white"
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["description"] = f"{stain} human chromosomes laid straight, {ground} background, p arm up"
        file.attrs["chromview"] = np.bytes_(__version__)
        group = file.create_group("train")
        group.create_dataset("pixels", data=np.concatenate([one.image.ravel() for one in members]), compression="gzip")
        group["offset"] = offset.astype(np.int64)
        group["height"], group["width"] = sizes[:, 0].astype(np.int32), sizes[:, 1].astype(np.int32)
        group["chromosome_class"] = np.array([one.number for one in members], np.uint8)
        group["copy"] = np.array([one.copy for one in members], np.uint8)
        for name in ("case", "cell"):
            group[name] = np.array([str(getattr(one, name)).encode("utf-8", "replace") for one in members])
    return buffer.getvalue()
