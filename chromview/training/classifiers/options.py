"""What the training of a published classifier can be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal


def _told(what: str, default: Any = None) -> Any:
    return field(default=default, metadata={"help": what})


@dataclass(frozen=True)
class ClassifierRun:
    """Options of ``chromview train classifier --preset``; what is None is left to the preset."""

    data: Path = field(metadata={"help": "a *_karyotypes.h5 file"})
    out: Path = field(metadata={"help": "folder of the run; the same command goes on with a run that was interrupted"})
    preset: str = field(metadata={"help": "network; 'list' prints them"})
    split: Literal["case", "image"] = _told(
        "case: the file's own train and val; image: their images divided at random, as published", "case"
    )
    epochs: int | None = _told("most epochs")
    batch: int | None = _told("images in a step")
    learning_rate: float | None = _told("a run may go on with another one")
    weight_decay: float | None = _told("of all weights")
    optimiser: Literal["adam", "sgd", "rmsprop"] | None = _told("sgd and rmsprop without momentum, as published")
    patience: int | None = _told("epochs without a higher accuracy of validation that end the run; 0: never")
    size: int | None = _told("side of the squares, pixels")
    pretrained: bool = _told("start from ImageNet where its weights are on this machine", True)
    augment: bool = _told("as published: turn, shift, shear, light and blur at random", True)
    limit_samples: int | None = _told("most images to train on")
    seed: int = _told("of the first weights, the division by image, the order and the augmentation", 0)
    workers: int = _told("processes that prepare images", 1)
    pictures_every: int = _told("epochs between two pictures of samples", 10)
    device: Literal["auto", "cpu", "cuda", "mps"] = _told("where the network runs", "auto")
    precision: Literal["auto", "float32", "bfloat16"] = _told("auto: bfloat16 where the device has it", "auto")
