"""Single chromosomes as squares of one size, and how a file of them is divided: by case, or image by image.

Every chromosome fills its square, whatever its length was: that is how the published networks see them, and why they
cannot tell classes by length.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from chromview.core._cv import cv2
from chromview.core.chromosome import Stain
from chromview.errors import UserError
from chromview.storage.files import sha256
from chromview.training.classifiers.presets import Augmentation
from chromview.training.datasets import Karyotypes, read_karyotypes
from chromview.training.labelled import split_by_case
from chromview.vision._torchvision import torchvision as torchvision

SplitKind = Literal["case", "image"]
IMAGE_SHARES = {"train": 0.7, "val": 0.2, "test": 0.1}
"""The published division, image by image."""

UInt8 = npt.NDArray[np.uint8]
Example = tuple[Tensor, Tensor]
"""A square ``(1, S, S)`` float32 0..1, and its class 0..23, a number."""


def square(image: UInt8, size: int, stain: Stain) -> Tensor:
    """An image ``(h, w)`` in the middle of a black square, resized to `size`: ``(1, size, size)`` uint8.

    Images on bright ground are inverted, so that what is padded, and what comes in where an image is moved, is ground.
    """
    if not stain.bright_on_dark:
        image = 255 - image
    height, width = image.shape
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    padded = np.zeros((side, side), np.uint8)
    padded[top : top + height, left : left + width] = image
    way = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    return torch.from_numpy(cv2.resize(padded, (size, size), interpolation=way))[None]


class Squares(Dataset[Example]):
    """Chromosomes as a network sees them.

    Parameters
    ----------
    data
        Images and classes.
    members
        Which of them, as indices.
    size
        Side of the squares, pixels.
    augmentation, seed
        What is done at random in training. Indices past the end begin anew, with other random numbers, so that a
        sample depends on the index and the seed alone.
    """

    def __init__(
        self, data: Karyotypes, members: list[int], size: int, augmentation: Augmentation | None = None, seed: int = 0
    ) -> None:
        self.data, self.members, self.size, self.seed = data, members, size, seed
        self._augment = None if augmentation is None else augmenter(augmentation)

    def __len__(self) -> int:
        return len(self.members)

    def __getitem__(self, index: int) -> Example:
        member = self.members[index % len(self.members)]
        image = square(self.data.images[member], self.size, self.data.stain).float() / 255
        if self._augment is not None:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(1_000_003 * self.seed + index)
                image = self._augment(image)
        return image, torch.tensor(int(self.data.numbers[member]) - 1)


def augmenter(how: Augmentation) -> Callable[[Tensor], Tensor]:
    """The published augmentation for images ``(1, S, S)`` float 0..1 on black ground."""
    # Not above: it can be imported because `torchvision` was prepared.
    from torchvision.transforms import v2

    transform: Callable[[Tensor], Tensor] = v2.RandomApply(
        [
            v2.ColorJitter(how.brightness, how.contrast, how.saturation, how.hue),
            v2.RandomAffine(
                how.degrees,
                translate=(how.translate, how.translate),
                scale=how.scale,
                shear=how.shear,
                interpolation=v2.InterpolationMode.BILINEAR,
            ),
            v2.GaussianBlur(how.blur_kernel, how.blur_sigma),
        ],
        p=how.share,
    )
    return transform


class Divided(NamedTuple):
    """A file of chromosomes and the indices of its parts `train`, `val` and, of images, `test`."""

    data: Karyotypes
    parts: dict[str, list[int]]
    fingerprint: str


def read_divided(path: Path, split: SplitKind, seed: int = 0) -> Divided:
    """Read a ``*_karyotypes.h5`` file for training.

    Parameters
    ----------
    split
        "case": its own ``train`` and ``val``, which share no case. "image": the images of both together, divided at
        random as the published networks were, so that chromosomes of one cell are on both sides. The file's
        ``test`` is never read.
    seed
        Of the division by image.

    Raises
    ------
    UserError
        As `read_karyotypes`; or if its images hold no chromosomes.
    """
    train, val = (read_karyotypes(path, part) for part in ("train", "val"))
    for data in (train, val):
        if not data.readable:
            raise UserError(
                "holds no images of chromosomes (nearly all of its pixels are zero where the ground should be white)",
                path=path,
                advice="Make the file again from the original images.",
            )
    both = Karyotypes(
        train.images + val.images,
        np.concatenate([train.numbers, val.numbers]),
        np.concatenate([train.cells, val.cells]),
        np.concatenate([train.cases, val.cases]),
        train.stain,
    )
    count = len(train)
    if split == "case":
        parts = {"train": list(range(count)), "val": list(range(count, len(both)))}
    else:
        # Each image is a case of its own here.
        parts = split_by_case([f"{index:07d}" for index in range(len(both))], IMAGE_SHARES, seed)
    pixels = b"".join(image.tobytes() for image in both.images)
    return Divided(both, parts, sha256(pixels + both.numbers.tobytes())[:16])
