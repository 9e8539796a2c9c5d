"""Optimisers and learning rates by the names that presets give them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau, StepLR

from chromview.training.runs import one_cycle

OPTIMISERS = ("adam", "adamw", "sgd", "rmsprop")
SCHEDULES = ("constant", "plateau", "one-cycle", "step")

STEPS = 3
"""Equal parts of a run after each of which "step" makes the learning rate smaller, unless told otherwise."""


def build_optimiser(
    name: str, parameters: Iterable[nn.Parameter], learning_rate: float, betas: Sequence[float], weight_decay: float
) -> torch.optim.Optimizer:
    """One of `OPTIMISERS`; the first of `betas` is the momentum of those that have one.

    Raises
    ------
    ValueError
        If there is no optimiser of that name.
    """
    pair = (betas[0], betas[1])
    # "fused" is one pass over the weights: of 28 million, a step of Adam takes 15 instead of 270 ms on one core.
    if name == "adam":
        return torch.optim.Adam(parameters, learning_rate, pair, weight_decay=weight_decay, fused=True)
    if name == "adamw":
        return torch.optim.AdamW(parameters, learning_rate, pair, weight_decay=weight_decay, fused=True)
    if name == "sgd":
        return torch.optim.SGD(parameters, learning_rate, momentum=betas[0], weight_decay=weight_decay, fused=True)
    if name == "rmsprop":
        return torch.optim.RMSprop(parameters, learning_rate, momentum=betas[0], weight_decay=weight_decay)
    raise ValueError(f"no optimiser '{name}'")


def build_schedule(
    name: str, optimiser: torch.optim.Optimizer, epochs: int, steps: int, options: Mapping[str, Any]
) -> LRScheduler | ReduceLROnPlateau | None:
    """One of `SCHEDULES` over `epochs` epochs of `steps` steps; None for a constant rate.

    "one-cycle" (`one_cycle`) is stepped after each batch, the others after each epoch: "plateau" as torch's
    `ReduceLROnPlateau`, "step" as its `StepLR`, with its `options`.

    Raises
    ------
    ValueError
        If there is no schedule of that name.
    """
    if name == "constant":
        return None
    if name == "plateau":
        return ReduceLROnPlateau(optimiser, **options)
    if name == "step":
        return StepLR(optimiser, **{"step_size": -(-epochs // STEPS), **options})
    if name == "one-cycle":
        return one_cycle(optimiser, epochs * steps)
    raise ValueError(f"no schedule '{name}'")
