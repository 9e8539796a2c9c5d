"""What a run is trained and scored on: a labelled set, or pairs composed as they are needed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, DistributedSampler

from chromview.core.chromosome import Stain
from chromview.errors import UserError
from chromview.storage.files import is_folder, sha256, write_text
from chromview.training.cluster_samples import LARGEST_CLUSTER, MOST, make_cluster
from chromview.training.compose import Bank
from chromview.training.datasets import read_karyotypes
from chromview.training.labelled import (
    SHARES,
    LabelledSet,
    Splits,
    k_folds,
    published_split,
    read_labelled,
    read_splits,
    splits_file,
)
from chromview.training.pair_samples import LARGEST, PairMix, make_pair
from chromview.training.scenes import composed_pairs
from chromview.vision.prepare import bright_ground, to_darkness

Float = npt.NDArray[np.float32]
Example = tuple[Tensor, Tensor]
"""Darkness ``(1, S, S)`` float32 and labels ``(S, S)`` int64."""
Notice = Callable[[str], None]
"""Called with a sentence that a person should read, though the run goes on."""

KARYOTYPES = "gband_karyotypes.h5"
FLUORESCENT = "qband_karyotypes.h5"
LABELS = ("background", "first chromosome", "second chromosome", "overlap")
COMPOSED_PER_EPOCH = 4800
COMPOSED_TO_SCORE = 300
LOST = 0.01
"""Share of the chromosomes' pixels that a crop may take away before it is said."""


class LabelledSquares(Dataset[Example]):
    """Clusters as squares, the middle of each where it is larger and on clean ground where it is smaller.

    Parameters
    ----------
    content
        Images and labels.
    size
        Side of the squares, pixels.
    turn_seed
        Of random quarter turns and reflections; None leaves everything as it is.
    repeat
        How often each image occurs.
    """

    def __init__(self, content: LabelledSet, size: int, turn_seed: int | None = None, repeat: int = 1) -> None:
        self.content, self.size, self.turn_seed, self.repeat = content, size, turn_seed, repeat

    def __len__(self) -> int:
        return self.repeat * len(self.content)

    def __getitem__(self, index: int) -> Example:
        # Indices go on from epoch to epoch (`EndlessIndices`), so that one image is turned otherwise each time.
        number = index % len(self.content)
        image, label = self.content.images[number], self.content.labels[number]
        stain = Stain.G_BAND if bright_ground(image) else Stain.DAPI
        # As the whole image tells it, before anything is cut off.
        darkness, label = _square(to_darkness(image, stain), self.size), _square(label, self.size)
        if self.turn_seed is not None:
            turns, mirrored = divmod(int(np.random.default_rng((self.turn_seed, index)).integers(8)), 2)
            darkness, label = np.rot90(darkness, turns), np.rot90(label, turns)
            if mirrored:
                darkness, label = darkness[:, ::-1], label[:, ::-1]
        return _example(darkness, label)


class ComposedSquares(Dataset[Example]):
    """Clusters composed of real chromosomes, a new one for every index: pairs, or 2 to `most` chromosomes.

    The cluster of an index depends on it and the seed alone: whatever network, batch or number of workers asks, it is
    the same.
    """

    def __init__(
        self, bright_field: Bank, fluorescent: Bank | None, count: int, size: int, seed: int, most: int = 2
    ) -> None:
        self.bright_field, self.fluorescent = bright_field, fluorescent
        self.count, self.size, self.seed, self.most = count, size, seed, most

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Example:
        rng = np.random.default_rng((self.seed, index))
        if self.most == 2:
            darkness, label = make_pair(rng, self.bright_field, self.fluorescent, PairMix())
        else:
            darkness, label = make_cluster(rng, self.bright_field, self.fluorescent, PairMix(), self.most)
        return _example(_square(darkness, self.size), _square(label, self.size))


class EndlessIndices(DistributedSampler[Any]):
    """Indices in an order of each epoch's own, divided among processes, that go on where the last epoch ended."""

    def __iter__(self) -> Iterator[int]:
        for index in super().__iter__():
            yield index + self.epoch * len(self.dataset)  # type: ignore[arg-type]


class Fold(NamedTuple):
    """One of the folds of a cross-validation: its `number`, from 1, `of` how many."""

    number: int
    of: int


class Shown(NamedTuple):
    """What of a source is shown in training, and how.

    Attributes
    ----------
    seed
        Of the split, of composed pairs, of turns and reflections.
    turn
        Whether images of a labelled set are turned and mirrored at random.
    limit
        Most images of a labelled set, pairs in an epoch.
    repeat
        How often an epoch shows each image of a labelled set.
    limit_val
        Most images to choose by.
    published
        Whether a labelled set is divided as the 13,434 pairs were when they were published.
    """

    seed: int
    turn: bool = False
    limit: int | None = None
    repeat: int = 1
    limit_val: int | None = None
    published: bool = False


@dataclass(frozen=True)
class Parts:
    """What one network is trained on (`train`), chosen by (`val`) and reported on (`test`, which not all have)."""

    train: Dataset[Example]
    val: LabelledSquares
    test: LabelledSquares | None


class Loaders(LightningDataModule):
    """Batches of the parts for one process among those that train together."""

    def __init__(self, parts: Parts, batch: int, seed: int, workers: int) -> None:
        super().__init__()
        self.parts, self.batch, self.seed, self.workers = parts, batch, seed, workers

    def train_dataloader(self) -> DataLoader[Example]:
        """The share of this process; a last batch that is not full is left out, if there are others."""
        assert self.trainer
        train, processes = self.parts.train, self.trainer.world_size
        order = EndlessIndices(train, processes, self.trainer.global_rank, seed=self.seed)
        several = len(order) >= self.batch
        return DataLoader(
            train,
            self.batch,
            sampler=order,
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
            drop_last=several,
        )

    def val_dataloader(self) -> DataLoader[Example]:
        """All of it in each process, so that no image counts twice."""
        return DataLoader(self.parts.val, self.batch, num_workers=self.workers, persistent_workers=self.workers > 0)


class LabelledSource:
    """A labelled set, read once and divided by case.

    Raises
    ------
    UserError
        As `read_labelled`.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.content = path, read_labelled(path)
        digest = hashlib.sha256()
        content = self.content
        for one in zip(content.names, content.groups, content.images, content.labels, strict=True):
            name, group, image, label = one
            digest.update(f"{name}|{group}|{image.shape}|".encode("utf-8", "replace"))
            digest.update(image.tobytes() + label.tobytes())
        self.fingerprint = digest.hexdigest()[:16]

    def size_for(self, preset: int) -> int:
        """Side of the squares: the preset's, but no larger than the largest image."""
        largest: int = max(max(label.shape) for label in self.content.labels)
        return min(preset, largest)

    def parts(self, splits: Path, fold: Fold | None, size: int, shown: Shown, notice: Notice) -> Parts:
        """Training, validation and, where there are cases enough, test, divided by case.

        Parameters
        ----------
        splits
            File that says so; where it is not there it is written.
        fold
            For a cross-validation, which has no test.
        size
            Side of the squares.
        shown
            What is trained on, and how.
        notice
            Told what is wrong with the set, but not wrong enough to stop.

        Raises
        ------
        UserError
            If there are too few cases, or `splits` is of another set.
        """
        content = self.content
        if fold and not splits.exists():
            made = k_folds(content.groups, fold.of, shown.seed)[fold.number - 1]
            named = {part: [content.names[i] for i in members] for part, members in made.items()}
            write_text(splits, json.dumps({"seed": shown.seed, "folds": fold.of, "splits": named}, indent=1) + "\n")
        if fold:
            divided = read_splits(splits, content.groups, content.names)
        elif shown.published:
            divided = self._as_published(splits)
        else:
            enough = len(set(content.groups)) >= len(SHARES)
            shares = SHARES if enough else {part: SHARES[part] for part in ("train", "val")}
            divided = splits_file(splits, content.groups, content.names, shares=shares, seed=shown.seed)
        for part in ("train", "val"):
            if not divided.get(part):
                raise UserError(f"has no image in the part '{part}'", path=splits, advice="Remove it to divide anew.")
        train = content.subset(divided["train"][: shown.limit])
        _warn(self.path, train, size, notice)
        test = content.subset(divided.get("test", []))
        return Parts(
            LabelledSquares(train, size, shown.seed if shown.turn else None, shown.repeat),
            LabelledSquares(content.subset(divided["val"][: shown.limit_val]), size),
            LabelledSquares(test, size) if len(test) else None,
        )

    def _as_published(self, splits: Path) -> Splits:
        """The last fifth is ``test``; of the rest, the last eighth is ``val``, which the authors did without."""
        content = self.content
        if not splits.exists():
            if content.groups != content.names:
                raise UserError(
                    "says of which case its images are, and the published split knows no cases",
                    path=self.path,
                    advice="Leave --split away.",
                )
            made = published_split(len(content))
            border = len(made["train"]) * 7 // 8
            made["train"], made["val"] = made["train"][:border], made["train"][border:]
            named = {part: [content.names[i] for i in made[part]] for part in SHARES}
            write_text(splits, json.dumps({"published": True, "splits": named}, indent=1) + "\n")
        return read_splits(splits, content.groups, content.names)


class ComposedSource:
    """Clusters composed of the single chromosomes in a folder: those of `train` to train on, those of `val` to choose.

    What is measured on `test` is left to ``chromview evaluate``.

    Parameters
    ----------
    folder
        With `KARYOTYPES`, perhaps `FLUORESCENT`.
    most
        Chromosomes in a cluster to train on; those to choose by are always pairs.

    Raises
    ------
    UserError
        If the sets cannot be read.
    """

    def __init__(self, folder: Path, most: int = 2) -> None:
        self.path, self.most = folder, most
        self._train = read_karyotypes(folder / KARYOTYPES, "train")
        self._val = read_karyotypes(folder / KARYOTYPES, "val")
        glowing = folder / FLUORESCENT
        self._fluorescent = read_karyotypes(glowing, "train") if glowing.exists() else None
        files = [folder / KARYOTYPES, *([glowing] if self._fluorescent else [])]
        self.fingerprint = sha256(b"".join(file.read_bytes() for file in files))[:16]

    def size_for(self, preset: int) -> int:
        """Side of the squares: what every pair fits in, so that all presets see the same."""
        return LARGEST if self.most == 2 else LARGEST_CLUSTER

    def parts(self, splits: Path, fold: Fold | None, size: int, shown: Shown, notice: Notice) -> Parts:
        """Clusters to train on, and 300 fixed pairs; the set divides its cases itself.

        Raises
        ------
        UserError
            If a cross-validation or the published split is asked for.
        """
        if fold or shown.published:
            what, option = ("are no folds", "--folds") if fold else ("is no other split", "--split")
            raise UserError(
                f"divides its cases itself, so there {what}", path=self.path, advice=f"Leave {option} away."
            )
        scored = list(composed_pairs(self._val, shown.limit_val or COMPOSED_TO_SCORE, seed=1))
        names = tuple(f"{index:05d}" for index in range(len(scored)))
        fixed = LabelledSet(tuple(pair.image for pair in scored), tuple(pair.label for pair in scored), names, names)
        fluorescent = Bank([self._fluorescent]) if self._fluorescent else None
        count = shown.limit or COMPOSED_PER_EPOCH
        return Parts(
            ComposedSquares(Bank([self._train]), fluorescent, count, size, shown.seed, self.most),
            LabelledSquares(fixed, size),
            None,
        )


Source = LabelledSource | ComposedSource


def open_source(path: Path, most: int = 2) -> Source:
    """The source that `path` is: a folder of single chromosomes to compose `most` at a time of, or a labelled set.

    Raises
    ------
    UserError
        If it is neither, or damaged, or cannot be composed that way.
    """
    if not 2 <= most <= MOST:
        raise UserError(f"--chromosomes {most} is not 2 to {MOST}")
    if is_folder(path) and (path / KARYOTYPES).exists():
        return ComposedSource(path, most)
    if most > 2:
        raise UserError("holds clusters that are not composed here", path=path, advice="Leave --chromosomes away.")
    return LabelledSource(path)


def _warn(path: Path, content: LabelledSet, size: int, notice: Notice) -> None:
    """Say what cannot be learned from these images, and what a crop takes away."""
    counts = np.sum([np.bincount(label.ravel(), minlength=4) for label in content.labels], axis=0)
    kept = np.sum([np.bincount(_square(label, size).ravel(), minlength=4) for label in content.labels], axis=0)
    for number, count in enumerate(counts):
        if not count:
            notice(f"{path}: label {number} ({LABELS[number]}) never occurs in what is trained on; it is not learned.")
    lost = 1 - kept[1:].sum() / max(1, counts[1:].sum())
    if lost > LOST:
        largest = max(max(label.shape) for label in content.labels)
        notice(
            f"{path}: squares of {size} pixels cut off {100 * lost:.0f} % of the chromosomes. "
            f"--size {largest} keeps all of them."
        )


def _square(pixels: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """The middle ``(size, size)`` of pixels ``(H, W)``, or all of them amid zeros."""
    for axis, length in enumerate(pixels.shape):
        # The first row of what is cut out is rounded up, as the authors of the 13,434 pairs did.
        if length > size:
            start = (length - size + 1) // 2
            pixels = pixels.take(range(start, start + size), axis=axis)
        else:
            before = (size - length) // 2
            margins = [(0, 0), (0, 0)]
            margins[axis] = (before, size - length - before)
            pixels = np.pad(pixels, margins)
    return pixels


def _example(darkness: Float, label: npt.NDArray[np.uint8]) -> Example:
    return torch.from_numpy(np.ascontiguousarray(darkness)[None]), torch.from_numpy(label.astype(np.int64))
