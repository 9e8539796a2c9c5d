"""Tiny labelled sets that are easy to learn, in every form that they are published in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from chromview.storage.label_images import paint

UInt8 = npt.NDArray[np.uint8]
SetOf = Callable[..., Path]


def crossed_bars(count: int, shape: tuple[int, int], seed: int = 0) -> tuple[UInt8, UInt8]:
    """Images and labels ``(count, H, W)``: an upright bar 1, a brighter lying bar 2, both 3 where they cross."""
    rng = np.random.default_rng(seed)
    height, width = shape
    thick = min(shape) // 4
    labels = np.zeros((count, *shape), np.uint8)
    for label in labels:
        x, y = rng.integers(2, width - thick - 2), rng.integers(2, height - thick - 2)
        label[2:-2, x : x + thick] += 1
        label[y : y + thick, 2:-2] += 2
    grey = np.array([10, 110, 170, 240])[labels]
    return np.clip(grey + rng.normal(0, 4, labels.shape), 0, 255).astype(np.uint8), labels


def write(form: str, folder: Path, images: UInt8, labels: UInt8) -> Path:
    """Write a set as it is published, without anything that only this program writes."""
    if form == "dataset_1":  # Hu et al. 2017
        with h5py.File(folder / "pairs.h5", "w") as file:
            file["dataset_1"] = np.stack([images, labels], axis=-1)
        return folder / "pairs.h5"
    if form == "hdf5":
        with h5py.File(folder / "set.h5", "w") as file:
            file["image"], file["label"] = images, labels
        return folder / "set.h5"
    if form == "npz":  # Sathyan et al. 2025: colour pictures, truth painted on white
        white = 255 - images
        np.savez(
            folder / "set.npz", np.repeat(white[..., None], 3, axis=3), np.stack([paint(x, "white") for x in labels])
        )
        return folder / "set.npz"
    pictures = [paint(label) for label in labels] if form == "painted" else labels
    for name, arrays in (("images", images), ("labels", pictures)):
        (folder / name).mkdir()
        for index, array in enumerate(arrays):
            Image.fromarray(array).save(folder / name / f"{index:02d}.png")
    return folder


@pytest.fixture
def set_of(tmp_path: Path) -> SetOf:
    """A function that writes a set of crossed bars: ``set_of(form="hdf5", count=12, shape=(32, 32), seed=0)``."""

    def make(form: str = "hdf5", count: int = 12, shape: tuple[int, int] = (32, 32), seed: int = 0) -> Path:
        folder = tmp_path / f"{form}-{count}-{seed}"
        folder.mkdir()
        return write(form, folder, *crossed_bars(count, shape, seed))

    return make
