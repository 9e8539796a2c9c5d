"""The zoo: networks for overlapping chromosomes by name, and their published configurations.

Looking at the presets brings no torch; building a network does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chromview.training.zoo.presets import PRESETS, Adversary, Preset

if TYPE_CHECKING:
    from torch import nn

__all__ = ["PRESETS", "Adversary", "Preset", "architectures", "build_discriminator", "build_network", "origin_of"]


def architectures() -> tuple[str, ...]:
    """Names of all networks."""
    from chromview.training.zoo.networks import ARCHITECTURES

    return tuple(ARCHITECTURES)


def build_network(architecture: str, *, start_deviation: float | None = None, **options: Any) -> nn.Module:
    """A new network of this architecture.

    Parameters
    ----------
    architecture
        One of `architectures`.
    start_deviation
        Draw the first weights from a normal distribution of this standard deviation instead of torch's choice.
    options
        Of the architecture; ``widths``, the channels of each level, is one of most.

    Returns
    -------
    torch.nn.Module
        From darkness ``(N, 1, H, W)`` float32 (0 ground to about 1 stain) to logits ``(N, 4, H, W)`` of the labels
        0 to 3. H and W must be multiples of its attribute ``stride``.

    Raises
    ------
    UserError
        If there is no such architecture, or it has no such option.
    ValueError
        If an option has a value that makes no network.
    """
    from chromview.training.zoo.networks import build

    return build(architecture, start_deviation, options)


def build_discriminator(adversary: Adversary) -> nn.Module:
    """A new discriminator.

    It is called with images ``(N, 1, H, W)`` and labels ``(N, 4, H, W)`` from 0 to 1 and answers logits of patches
    ``(N, 1, h, w)``, which `chromview.training.zoo.adversarial.judged` makes a loss of.

    Raises
    ------
    UserError
        If there is no such discriminator, or it has no such option.
    """
    from chromview.training.zoo.networks import DISCRIMINATORS, make

    return make(DISCRIMINATORS, "discriminator", adversary.discriminator, adversary.discriminator_options)


def origin_of(network: nn.Module) -> str:
    """Where the first weights of a network are from: "random", with a reason if others were wanted, or a file."""
    return str(getattr(network, "origin", "random"))
