"""What every training run shares: checkpoints that survive, a log, weights as they ship."""

from __future__ import annotations

import csv
import json
import math
import os
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from chromview.errors import UserError
from chromview.vision.efficientnet import EfficientNetLite
from chromview.vision.networks import UNet
from chromview.vision.weights import choose_device, load_weights, read_metadata


def mixed_precision() -> torch.autocast:
    """Autocast to bfloat16 for training on the CPU, where the processor has instructions for it; else it is slower."""
    return torch.autocast("cpu", torch.bfloat16, enabled=choose_device("cpu").half)


def save_checkpoint(path: Path, **state: Any) -> None:
    """Write a checkpoint beside and put it in place, so that an interrupted run can go on."""
    part = path.with_suffix(path.suffix + ".part")
    with part.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint.

    Raises
    ------
    UserError
        If it is damaged or not a checkpoint.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a dozen kinds here, all of which mean the same to the user
        raise UserError(
            f"is not a checkpoint that can be read ({type(error).__name__})",
            path=path,
            advice="Remove it to start this run anew.",
        ) from error
    return state


def resume(path: Path, **parts: Any) -> dict[str, Any]:
    """Read a checkpoint and put the states of `parts` (networks, optimisers) back, by their names in it.

    Raises
    ------
    UserError
        If it is damaged, or of a run of another kind or size.
    """
    state = load_checkpoint(path)
    try:
        for name, part in parts.items():
            part.load_state_dict(state[name])
        int(state["epoch"]), float(state["best"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UserError(
            "is a checkpoint of another kind of run, or of other widths",
            path=path,
            advice="Go on with the options that the run began with, or name another folder.",
        ) from error
    return state


def save_weights(path: Path, network: nn.Module, **metadata: object) -> None:
    """Write weights in half precision as safetensors, `metadata` as JSON in the header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in network.state_dict().items()
    }
    part = path.with_suffix(path.suffix + ".part")
    # Not `save_file`: the files it makes can be read by nobody but their owner.
    with part.open("wb") as file:
        file.write(save(tensors, metadata={"chromview": json.dumps(metadata)}))
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def log_row(path: Path, **row: float | int | str) -> None:
    """Append a row to a run's CSV log, with a header where the file is new."""
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)


def one_cycle(
    optimiser: torch.optim.Optimizer, steps: int, done: int = 0, warm_up: float = 0.12
) -> torch.optim.lr_scheduler.LambdaLR:
    """Learning rate that rises over the first `warm_up` of all steps and falls to nothing as a cosine.

    After Smith (2018). It depends on nothing but the step, so that a run which goes on, perhaps for
    longer than was planned, finds its place by `done`.
    """

    def factor(step: int) -> float:
        share = min(1.0, (step + done) / max(1, steps))
        if share < warm_up:
            return 0.04 + 0.96 * share / warm_up
        return 0.5 * (1 + math.cos(math.pi * (share - warm_up) / (1 - warm_up))) + 1e-4

    return torch.optim.lr_scheduler.LambdaLR(optimiser, factor)


def descend(
    loss: Tensor,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    *,
    run: Path,
    epoch: int,
) -> float:
    """One step down the gradient of `loss`, its norm clipped to 5; the value of the loss.

    Raises
    ------
    UserError
        If the loss is no number any more; `run` and `epoch` (from 0) say where.
    """
    if not torch.isfinite(loss):
        raise UserError(
            f"the loss of epoch {epoch + 1} is no number any more",
            path=run,
            advice="Start again from the last checkpoint with a smaller learning rate.",
        )
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    optimiser.step()
    schedule.step()
    return float(loss.item())


@torch.no_grad()
def load_narrower(path: Path, network: UNet) -> None:
    """Begin with the weights of a U-Net of as many levels that are no wider; new channels keep their first values.

    The last layer is taken as well: of a network with other answers it is soon learned anew, and a run that goes on
    from weights of this network begins where those ended.

    Raises
    ------
    UserError
        If the file is missing, damaged, or of a network that does not fit into this one.
    """
    widths = tuple(read_metadata(path).get("widths", ()))
    if len(widths) != len(network.widths) or any(a > b for a, b in zip(widths, network.widths, strict=True)):
        raise UserError(
            f"holds a network of widths {widths}, which does not fit into {network.widths}",
            path=path,
            advice="Begin with weights of as many levels that are no wider.",
        )
    old = UNet(2, 4, widths)
    load_weights(path, old)
    levels = len(widths)
    for name, target in network.state_dict().items():
        source = old.state_dict()[name]
        if not source.ndim:
            continue
        if source.ndim == 1:
            target[: len(source)] = source
            continue
        kept = torch.arange(source.shape[1])
        if name.startswith("up.") and ".0.weight" in name:
            # Its inputs are those of the coarser level and, behind them, those of its own.
            coarse = levels - 1 - int(name.split(".")[1])
            kept[widths[coarse] :] += network.widths[coarse] - widths[coarse]
        target[: len(source), kept] = source


@torch.no_grad()
def begin_with_imagenet(path: Path, network: EfficientNetLite) -> None:
    """Begin with published weights of ImageNet, a state of PyTorch (``.pth``); heads keep their first values.

    Layers are told by their order, since everyone names them otherwise. What follows the last stage is left out, and
    the three colours are seen as one grey.

    Raises
    ------
    UserError
        If the file cannot be read, or holds another network.
    """
    published = load_checkpoint(path)
    # Without the numbers of batches that were seen, which some do not publish.
    own = [value for value in network.stages.state_dict().values() if value.ndim]
    given = [value for value in published.values() if isinstance(value, Tensor) and value.ndim][: len(own)]
    if given and given[0].ndim == 4:
        given[0] = given[0].sum(1, keepdim=True)
    if [value.shape for value in given] != [value.shape for value in own]:
        raise UserError(
            "does not hold weights of this network",
            path=path,
            advice="Give the published weights of the network that --network names.",
        )
    for target, source in zip(own, given, strict=True):
        target.copy_(source)


@torch.no_grad()
def average_into(average: nn.Module, network: nn.Module, keep: float, done: int) -> None:
    """Move the running average of a network's weights towards it, after a step.

    Parameters
    ----------
    keep
        Share of the old. It starts small, so that the first steps do not linger in the average.
    done
        Steps that were taken before.
    """
    keep = min(keep, (1 + done) / (10 + done))
    for old, new in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if old.is_floating_point():
            old.lerp_(new, 1 - keep)
        else:
            old.copy_(new)
