"""Networks by the names that presets and weight files give them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import nn

from chromview.errors import UserError
from chromview.training.zoo.adversarial import PatchDiscriminator, Pix2PixGenerator
from chromview.training.zoo.blocks import start_normally
from chromview.training.zoo.pretrained import VggUNet, XceptionUNet
from chromview.training.zoo.segnet import SegNet
from chromview.training.zoo.unets import NestedUNet, PublishedUNet
from chromview.vision.networks import UNet

ARCHITECTURES: dict[str, Callable[..., nn.Module]] = {
    "unet": partial(UNet, 1, 4),
    "published-unet": PublishedUNet,
    "attention-unet": partial(PublishedUNet, attention=True),
    "r2-unet": partial(PublishedUNet, block="recurrent"),
    "r2-attention-unet": partial(PublishedUNet, block="recurrent", attention=True),
    "nested-unet": NestedUNet,
    "segnet": SegNet,
    "pix2pix": Pix2PixGenerator,
    "u-vgg": VggUNet,
    "u-xception": XceptionUNet,
}
"""What makes a network, by its name."""

DISCRIMINATORS: dict[str, Callable[..., nn.Module]] = {"patch": PatchDiscriminator}
"""What makes a discriminator, by its name."""


def make(known: Mapping[str, Callable[..., nn.Module]], kind: str, name: str, options: Mapping[str, Any]) -> nn.Module:
    """The network `name` of `known` with these options; `kind` is what to call it in an error.

    Raises
    ------
    UserError
        If there is no such network, or it has no such option.
    """
    if name not in known:
        raise UserError(f"there is no {kind} '{name}'", advice=f"There are {', '.join(known)}.")
    widths = options.get("widths", (1, 1))
    if len(widths) < 2 or any(not isinstance(width, int) or width < 1 for width in widths):
        raise UserError(
            f"the widths {', '.join(map(str, widths))} make no network",
            advice="Give the channels of at least two levels as whole numbers above 0.",
        )
    signature = inspect.signature(known[name])
    try:
        signature.bind(**options)
    except TypeError as error:
        raise UserError(
            f"the {kind} '{name}' cannot be built: {error}",
            advice=f"Its options are {', '.join(signature.parameters)}.",
        ) from None
    return known[name](**options)


def build(architecture: str, start_deviation: float | None, options: Mapping[str, Any]) -> nn.Module:
    """See `chromview.training.zoo.build_network`."""
    network = make(ARCHITECTURES, "architecture", architecture, options)
    if start_deviation is not None:
        start_normally(network, start_deviation)
    return network
