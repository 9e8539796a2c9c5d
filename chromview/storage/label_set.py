"""Clusters with their four-label masks in memory, made from whatever arrays a container holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from chromview.core.masks import clean_labels
from chromview.errors import UserError
from chromview.storage.label_images import Labels, looks_like_labels, unpaint

Grey = npt.NDArray[np.uint8]
Cleaning = Callable[[npt.NDArray[np.integer[Any]]], Labels]
KNOWN_FORMS = "Known are HDF5 (.h5), npz, COCO (.json), and pictures or folders of them."


class Form(StrEnum):
    """Forms of a container; see the table of this module."""

    HDF5 = "hdf5"
    PAIRS = "pairs"
    NPZ = "npz"
    PNG = "png"
    PAINTED = "painted"
    COCO = "coco"


@dataclass(frozen=True, eq=False)
class LabelSet:
    """Clusters with their four-label masks.

    Attributes
    ----------
    names
        One a cluster, file names without folder; an ending belongs to it where it was read from a picture.
    images, labels
        ``(H, W)`` uint8 each, or None where the container has none of them.
    form
        What it was read from.
    single
        Whether it was one picture and not a container.
    """

    names: tuple[str, ...]
    images: Sequence[Grey] | None
    labels: Sequence[Labels] | None
    form: Form
    single: bool = False

    def __len__(self) -> int:
        return len(self.names)


def to_bytes(pixels: npt.NDArray[Any]) -> Grey:
    """Grey values as uint8: uint8 as they are, others stretched from their smallest..largest to 0..255."""
    if pixels.dtype == np.uint8:
        return cast("Grey", pixels)
    values = np.nan_to_num(pixels.astype(np.float32))
    low, high = float(values.min()), float(values.max())
    stretched: Grey = np.rint((values - low) * (255 / max(high - low, 1e-12))).astype(np.uint8)
    return stretched


def label_set(
    path: Path,
    images: npt.NDArray[Any] | None,
    labels: npt.NDArray[Any] | None,
    names: list[str] | None,
    form: Form,
    *,
    exact: bool,
    clean: Cleaning = clean_labels,
) -> LabelSet:
    """Check and clean what a container holds.

    Parameters
    ----------
    path
        Of the container, for what is said if something is wrong.
    images
        ``(N, H, W)``, or with one, three (colour) or four channels last; any numbers.
    labels
        ``(N, H, W)`` 0..3, or one-hot ``(N, H, W, 4)``, or painted ``(N, H, W, 3)`` in 0..255, 0..1 or -1..1.
    names
        One an image; numbers from 0 if there are none.
    exact
        Whether the labels are ours and need no cleaning.
    clean
        What is done to labels that are not.

    Raises
    ------
    UserError
        If shapes or values are none of these.
    """
    grey = None if images is None else _images(path, images)
    label = None if labels is None else _labels(path, labels, exact, clean)
    if grey is not None and label is not None and grey.shape != label.shape:
        raise UserError(
            f"has images {grey.shape} and labels {label.shape} of different size", path=path, advice=KNOWN_FORMS
        )
    count = len(grey if grey is not None else cast("Labels", label))
    if not count:
        raise UserError("holds no images", path=path, advice="Give a container with images.")
    if names is None or len(names) != count:
        names = [f"{index:05d}" for index in range(count)]
    return LabelSet(tuple(names), None if grey is None else list(grey), None if label is None else list(label), form)


def _images(path: Path, images: npt.NDArray[Any]) -> Grey:
    if images.ndim == 4 and images.shape[3] in (1, 3, 4):
        colour = images[..., : 3 if images.shape[3] >= 3 else 1]
        images = colour[..., 0] if (colour == colour[..., :1]).all() else colour @ np.array([0.299, 0.587, 0.114])
    if images.ndim != 3 or 0 in images.shape[1:] or images.dtype.kind not in "uif":
        raise UserError(f"has images of shape {images.shape} and type {images.dtype}", path=path, advice=KNOWN_FORMS)
    return to_bytes(images) if images.size else images.astype(np.uint8)


def _labels(path: Path, labels: npt.NDArray[Any], exact: bool, clean: Cleaning) -> Labels:
    if labels.ndim == 4 and labels.shape[3] == 3:  # painted pictures; as floats -1..1 or 0..1 they come from networks
        values = labels.astype(np.float32)
        if labels.dtype.kind == "f":
            low, high = float(values.min()), float(values.max())
            values = (values + 1) * 127.5 if low < 0 else values * 255 if high <= 1 else values
        pictures = np.clip(np.rint(values), 0, 255).astype(np.uint8)
        return clean(unpaint(pictures))
    if labels.ndim == 4 and labels.shape[3] == 4:
        return clean(labels.argmax(axis=3).astype(np.uint8))
    if labels.ndim == 4 and labels.shape[3] == 1:
        labels = labels[..., 0]
    if labels.ndim != 3 or labels.dtype.kind not in "uifb":
        raise UserError(f"has masks of shape {labels.shape} and type {labels.dtype}", path=path, advice=KNOWN_FORMS)
    whole = np.rint(np.nan_to_num(labels)).astype(np.int64) if labels.dtype.kind == "f" else labels
    if whole.size and not looks_like_labels(whole.reshape(len(whole), -1)):
        found = f"from {whole.min()} to {whole.max()}" if whole.min() < 0 else f"up to {whole.max()}"
        raise UserError(f"has masks with values {found}, not 0 to 3", path=path, advice=KNOWN_FORMS)
    return whole.astype(np.uint8) if exact else clean(whole)
