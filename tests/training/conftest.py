"""Tiny data sets of simulated chromosomes, in the format of the real ones, and the shipped networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from chromview.core.chromosome import Stain
from chromview.core.straighten import straighten
from chromview.simulate.metaphase import Simulated, simulate_metaphase
from chromview.vision.models import Models


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Many small tests on many threads are slower than on one, and disturb each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def models(repository: Path) -> Models:
    """The networks that the program ships, on the processor."""
    return Models.load("cpu", repository / "models")


def write_karyotypes(path: Path, splits: dict[str, Sequence[Simulated]], ground: str) -> None:
    """The chromosomes of each split's cells, upright, one after another in one array of pixels."""
    with h5py.File(path, "w") as file:
        file.attrs["description"] = f"Single chromosomes on {ground} background."
        for split, cells in splits.items():
            images, numbers, names = [], [], []
            for cell in cells:
                for chromosome in cell.countable:
                    images.append(straighten(cell.slide, chromosome, cell.stain).image)
                    numbers.append(chromosome.number)
                    names.append(f"cell{cell.seed}")
            sizes = [image.size for image in images]
            group = file.create_group(split)
            group["pixels"] = np.concatenate([image.ravel() for image in images])
            group["offset"] = np.cumsum([0, *sizes[:-1]])
            group["height"] = np.array([image.shape[0] for image in images])
            group["width"] = np.array([image.shape[1] for image in images])
            group["chromosome_class"] = np.array(numbers, np.uint8)
            group["case"] = np.array(["case1"] * len(images), "S")
            group["cell"] = np.array(names, "S")


def write_metaphases(path: Path, splits: dict[str, Sequence[Simulated]]) -> None:
    """Slides with a map of classes, 255 where chromosomes lie on each other."""
    with h5py.File(path, "w") as file:
        for split, slides in splits.items():
            for slide in slides:
                group = file.create_group(f"{split}/slide{slide.seed}")
                group.attrs["slide"] = f"S{slide.seed}"
                group.attrs["karyotype_code"] = slide.karyotype
                classes = np.zeros(slide.image.shape, np.uint8)
                count = np.zeros(slide.image.shape, np.uint8)
                for chromosome in slide.countable:
                    classes[chromosome.box.slices][chromosome.mask] = chromosome.number
                    count[chromosome.box.slices] += chromosome.mask
                classes[count > 1] = 255
                group["image"] = slide.image
                group["class_map"] = classes


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with one cell for each split of each set."""
    folder = tmp_path_factory.mktemp("data")
    gband = [simulate_metaphase("46,XY", seed=seed, bends=0.3, crossings=0, contacts=0, nuclei=0) for seed in (1, 2)]
    write_karyotypes(folder / "gband_karyotypes.h5", {"train": gband[:1], "val": gband[1:]}, "white")
    dapi = simulate_metaphase("46,XX", seed=3, stain=Stain.DAPI, shape=(517, 645), nuclei=0)
    write_karyotypes(folder / "qband_karyotypes.h5", {"train": [dapi], "val": [dapi]}, "black")
    write_metaphases(folder / "mfish_dapi.h5", {"train": [dapi], "val": [dapi]})
    return folder


@pytest.fixture(scope="session")
def headers_only(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set whose images were lost: of each, a few bytes of a file's header and zeros."""
    path = tmp_path_factory.mktemp("lost") / "gband_lowres_karyotypes.h5"
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        file.attrs["description"] = "Single chromosomes on white background."
        for split in ("train", "val"):
            images = np.zeros((46, 40, 14), np.uint8)
            images[:, 0, :8] = rng.integers(0, 256, 8)
            group = file.create_group(split)
            group["pixels"] = images.ravel()
            group["offset"] = np.arange(46) * 560
            group["height"], group["width"] = np.full(46, 40), np.full(46, 14)
            group["chromosome_class"] = np.repeat(np.arange(1, 24), 2)
            group["case"] = group["cell"] = np.array(["a"] * 46, "S")
    return path
