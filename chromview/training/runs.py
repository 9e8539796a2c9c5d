"""What every training run shares: checkpoints that survive, a log, weights as they ship."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from chromview.errors import UserError


def save_checkpoint(path: Path, **state: Any) -> None:
    """Write a checkpoint beside and put it in place, so that an interrupted run can go on."""
    part = path.with_suffix(path.suffix + ".part")
    torch.save(state, part)
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


def save_weights(path: Path, network: nn.Module, **metadata: object) -> None:
    """Write weights in half precision as safetensors, `metadata` as JSON in the header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in network.state_dict().items()
    }
    part = path.with_suffix(path.suffix + ".part")
    save_file(tensors, part, metadata={"chromview": json.dumps(metadata)})
    with part.open("rb+") as file:
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
