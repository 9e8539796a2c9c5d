"""What a training run can be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal


def _told(what: str, default: Any = None) -> Any:
    return field(default=default, metadata={"help": what})


@dataclass(frozen=True)
class RunOptions:
    """Options of ``chromview train segmenter --preset``; what is None is left to the preset.

    Attributes
    ----------
    data
        A labelled set, or a folder of single chromosomes of which pairs are composed.
    out
        Folder of the run.
    preset
        Name of a configuration of the zoo.
    """

    data: Path = field(
        metadata={"help": "labelled set (HDF5, npz, COCO, folder), or folder with gband_karyotypes.h5 to compose of"}
    )
    out: Path = field(metadata={"help": "folder of the run; the same command goes on with a run that was interrupted"})
    preset: str = field(metadata={"help": "configuration; 'list' prints them"})
    epochs: int | None = _told("most epochs")
    batch: int | None = _told("images in a step")
    learning_rate: float | None = _told("of the network; a run may go on with another one")
    weight_decay: float | None = _told("of the network")
    size: int | None = _told("side of the squares that are trained on, pixels")
    loss: str | None = _told("name of the loss")
    optimiser: Literal["adam", "adamw", "sgd", "rmsprop"] | None = _told("name of the optimiser")
    schedule: Literal["constant", "plateau", "one-cycle", "step"] | None = _told("of the learning rate")
    patience: int | None = _told("epochs without a lower loss of validation that end the run; 0: it never ends early")
    widths: tuple[int, ...] | None = _told("channels of each level of the network")
    order_free: bool = _told("compare each image with the better of the two orders of its chromosomes", True)
    augment: bool = _told("turn and mirror the images of a labelled set at random", False)
    split: Literal["case", "published"] = _told(
        "how a labelled set is divided: by case, or as the 13,434 pairs were (the last fifth is test)", "case"
    )
    chromosomes: int = _told("most in a composed cluster, 2 to 5; it has at least 2", 2)
    limit_samples: int | None = _told("most images of a labelled set to train on; composed pairs in an epoch")
    limit_validation: int | None = _told("most images of validation; composed are 300 unless told otherwise")
    repeat: int = _told("times that an epoch shows each image of a labelled set; more than 1 for very small sets", 1)
    folds: int | None = _told("cross-validation with this many folds by case, one after another")
    fold: int | None = _told("only this fold, from 1")
    seed: int = _told("of the first weights, the split, the order and the composed pairs", 0)
    workers: int = _told("processes that prepare images", 1)
    pictures_every: int = _told("epochs between two pictures of samples", 10)
    device: Literal["auto", "cpu", "cuda", "mps"] = _told("where the network runs", "auto")
    precision: Literal["auto", "float32", "bfloat16"] = _told("auto: bfloat16 where the device has it", "auto")
    devices: int = _told("processors or graphics cards of each machine", 1)
    nodes: int = _told("machines; the same command runs on each, see docs/training.md", 1)
    strategy: str = _told("how Lightning divides the work among devices: auto, ddp, fsdp ...", "auto")
