"""Reading of weight files, and the device they run on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from chromview.errors import UserError
from chromview.texts import tr


def read_metadata(path: Path) -> dict[str, Any]:
    """What the writer of a weight file noted in its header: architecture, widths, epoch.

    Raises
    ------
    UserError
        If the file is missing, damaged, or not one of ours.
    """
    if not path.is_file():
        raise UserError(
            tr("the weights are missing"),
            path=path,
            advice=tr("Install chromview again, or point CHROMVIEW_MODELS at the folder that holds them."),
        )
    try:
        with safe_open(path, framework="pt") as file:
            noted = (file.metadata() or {}).get("chromview")
    except (SafetensorError, OSError) as error:
        raise UserError(
            tr("the weights are damaged ({error})", error=error),
            path=path,
            advice=tr("Install chromview again to replace them."),
        ) from error
    if noted is None:
        raise UserError(
            tr("is not a weight file of chromview"), path=path, advice=tr("Use a file that chromview trained.")
        )
    try:
        metadata: dict[str, Any] = dict(json.loads(noted))
    except (ValueError, TypeError) as error:
        raise UserError(
            tr("the weights are damaged (their description cannot be read)"),
            path=path,
            advice=tr("Install chromview again to replace them."),
        ) from error
    return metadata


def hash_of(path: Path) -> str:
    """SHA-256 of a weight file, hexadecimal.

    Raises
    ------
    UserError
        If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(tr("the weights cannot be read ({reason})", reason=error.strerror), path=path) from error


def load_weights(path: Path, network: nn.Module) -> dict[str, Any]:
    """Load a weight file into a network of the same architecture; return the file's metadata.

    Raises
    ------
    UserError
        If the file is missing, damaged, or of another architecture.
    """
    metadata = read_metadata(path)
    try:
        with safe_open(path, framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as error:
        raise UserError(
            tr("the weights are damaged ({error})", error=error),
            path=path,
            advice=tr("Install chromview again to replace them."),
        ) from error
    expected = network.state_dict()
    if state.keys() != expected.keys() or any(state[name].shape != expected[name].shape for name in state):
        raise UserError(
            tr("holds weights of another architecture ({name})", name=metadata.get("architecture", "unknown")),
            path=path,
            advice=tr("Give a file that was trained with this architecture and these widths."),
        )
    network.load_state_dict({name: value.to(expected[name].dtype) for name, value in state.items()})
    return metadata


@dataclass(frozen=True)
class Device:
    """Where networks run, and in which precision."""

    torch_device: torch.device
    half: bool
    """Whether bfloat16 is used."""

    @property
    def description(self) -> str:
        """As the window shows it, for example "CPU (bf16)"."""
        name = {"cpu": "CPU", "cuda": "CUDA", "mps": "MPS"}.get(self.torch_device.type, self.torch_device.type)
        return f"{name} ({'bf16' if self.half else 'float32'})"


def choose_device(wanted: str = "auto") -> Device:
    """The device told, or the best there is: CUDA, then MPS, then CPU.

    Raises
    ------
    UserError
        If this machine does not have the device that was asked for.
    """
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        wanted = next(name for name in ("cuda", "mps", "cpu") if available[name])
    if wanted not in available:
        raise UserError(tr("there is no device '{wanted}'", wanted=wanted), advice=tr("Choose auto, cpu, cuda or mps."))
    if not available[wanted]:
        raise UserError(tr("this machine has no {name} device", name=wanted.upper()), advice=tr("Choose auto or cpu."))
    # bfloat16 is slower than float32 on processors without instructions for it.
    half = wanted == "cuda" or (wanted == "cpu" and torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return Device(torch.device(wanted), bool(half))
