"""Networks that a run has trained."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from chromview.errors import UserError
from chromview.training.zoo import architectures, build_network
from chromview.vision.weights import load_weights, read_metadata


def load_trained(path: Path) -> nn.Module:
    """The network of a weight file that ``chromview train segmenter --preset`` wrote, ready to be asked.

    Parameters
    ----------
    path
        ``final.safetensors`` or ``best.safetensors`` of a run.

    Returns
    -------
    torch.nn.Module
        On the processor, in evaluation mode: darkness ``(N, 1, H, W)`` float32, H and W multiples of its ``stride``, to
        logits ``(N, 4, H, W)``.

    Raises
    ------
    UserError
        If the file is missing, damaged, or of another architecture.
    """
    if not path.exists():
        raise UserError("is missing", path=path, advice="Give final.safetensors or best.safetensors of a run.")
    metadata = read_metadata(path)
    architecture = metadata.get("architecture")
    if architecture not in architectures() or not isinstance(metadata.get("architecture_options"), dict):
        raise UserError(
            f"holds a network '{architecture}' that is not one of the zoo",
            path=path,
            advice=f"Give weights of one of these: {', '.join(architectures())}.",
        )
    network = build_network(architecture, **metadata["architecture_options"])
    load_weights(path, network)
    return network.eval()
