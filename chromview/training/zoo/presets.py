"""Published configurations of segmenters, by name; see docs/zoo.md for what differs from the published code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Adversary:
    """A discriminator that a segmenter is trained against.

    Attributes
    ----------
    discriminator, discriminator_options
        Architecture for `build_discriminator`.
    kind
        Adversarial loss of both sides, see `zoo.adversarial.judged`.
    weight, loss_weight
        Weights of the adversarial term and of the loss of the preset in what the segmenter is trained with.
    optimiser, learning_rate, betas, weight_decay
        How the discriminator is trained.
    """

    kind: Literal["bce", "least-squares"]
    discriminator: str = "patch"
    discriminator_options: Mapping[str, Any] = field(default_factory=dict)
    weight: float = 1.0
    loss_weight: float = 1.0
    optimiser: Literal["adam", "adamw", "sgd", "rmsprop"] = "adam"
    learning_rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)
    weight_decay: float = 0.0


@dataclass(frozen=True)
class Preset:
    """A network and how it is trained.

    Attributes
    ----------
    name, source
        Name, and the publication.
    architecture, architecture_options
        For `build_network`.
    loss, loss_options
        For `chromview.training.losses.build_loss`.
    optimiser, learning_rate, betas, weight_decay
        How it is trained; the first of `betas` is the momentum of optimisers that have one.
    batch, epochs
        Images in a step, most epochs.
    size
        Side in pixels of the squares it was trained on.
    schedule, schedule_options
        Of the learning rate; for "plateau" ``factor`` and ``patience`` as in torch.
    patience
        Epochs without a lower loss of validation that end the training, or None.
    adversary
        What it is trained against, or None.
    """

    name: str
    source: str
    architecture: str
    architecture_options: Mapping[str, Any] = field(default_factory=dict)
    loss: str = "cross-entropy"
    loss_options: Mapping[str, Any] = field(default_factory=dict)
    optimiser: Literal["adam", "adamw", "sgd", "rmsprop"] = "adam"
    learning_rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    batch: int = 1
    epochs: int = 100
    size: int = 128
    schedule: Literal["constant", "plateau", "one-cycle", "step"] = "constant"
    schedule_options: Mapping[str, Any] = field(default_factory=dict)
    patience: int | None = None
    adversary: Adversary | None = None


LILY_HU = "Hu et al. 2017, arXiv 1712.07639"
ARKA_JU = "github.com/ArkaJU/SegNet---Chromosome, 2020"
TIRYAKI = "Tiryaki et al. 2022, Cytometry A 101:507"
MEI = "Mei et al. 2022, Entropy 24:522"
SATHYAN = "Sathyan et al. 2025, doi 10.1002/ima.70133"

WIDE = [64, 128, 256, 512, 1024]

# The five networks that were trained both alone and against a discriminator.
_COMPARED: dict[str, tuple[str, dict[str, Any]]] = {
    "unet": ("published-unet", {"widths": WIDE}),
    "attention-unet": ("attention-unet", {"widths": WIDE}),
    "r2-unet": ("r2-unet", {"widths": WIDE}),
    "r2-attention-unet": ("r2-attention-unet", {"widths": WIDE}),
    "nested-unet": ("nested-unet", {"widths": WIDE}),
}


def _alone(name: str, architecture: str, options: dict[str, Any]) -> Preset:
    return Preset(
        name,
        f"{SATHYAN}, compared networks",
        architecture,
        options,
        loss="dice",
        loss_options={"ground": True},
        learning_rate=1e-4,
        weight_decay=5e-4,
        epochs=250,
    )


def _against(name: str, architecture: str, options: dict[str, Any]) -> Preset:
    return Preset(
        f"cgan-{name}",
        f"{MEI}; code of {SATHYAN}",
        architecture,
        {**options, "start_deviation": 0.02},
        loss="lovasz",
        learning_rate=2e-4,
        betas=(0.5, 0.999),
        epochs=250,
        adversary=Adversary("least-squares", loss_weight=10.0),
    )


def _afm(name: str, architecture: str, options: dict[str, Any], learning_rate: float) -> Preset:
    return Preset(
        name,
        TIRYAKI,
        architecture,
        options,
        loss="dice",
        learning_rate=learning_rate,
        batch=6,
        size=512,
        schedule="plateau",
        schedule_options={"factor": 0.1, "patience": 3, "min_lr": 1e-8},
        patience=5,
    )


def _presets() -> list[Preset]:
    chromview = Preset(
        "chromview",
        "this program: the network of its segmenter",
        "unet",
        {"widths": [16, 32, 64, 128, 160]},
        loss="cross-entropy+dice",
        optimiser="adamw",
        learning_rate=2e-3,
        weight_decay=1e-4,
        batch=16,
        epochs=30,
        schedule="one-cycle",
    )
    lily_hu = Preset(
        "lilyhu",
        LILY_HU,
        "published-unet",
        {"widths": [64, 128, 256], "block": "plain", "up": "transposed"},
        loss="squared-error",
        loss_options={"raw": True},
        batch=32,
        epochs=30,
        size=88,
    )
    segnet = Preset("segnet", ARKA_JU, "segnet", batch=16, epochs=10, size=88, patience=2)
    alone = [_alone(name, *network) for name, network in {**_COMPARED, "segnet-dice": ("segnet", {})}.items()]
    against = [_against(name, *network) for name, network in _COMPARED.items()]
    p3gan = Preset(
        "p3gan",
        SATHYAN,
        "pix2pix",
        loss="l1+tversky",
        learning_rate=2e-4,
        betas=(0.5, 0.999),
        size=256,
        adversary=Adversary(
            "bce", discriminator_options={"widths": [64, 128, 256, 512, 512], "strides": [2, 2, 2, 2, 1]}
        ),
    )
    afm = [
        _afm(
            f"afm-unet-{levels}",
            "published-unet",
            {"widths": [16 * 2**level for level in range(levels)], "up": "resized-2x2", "dropout": 0.5},
            1e-3,
        )
        for levels in range(2, 6)
    ]
    afm += [_afm(f"u-vgg{layers}", "u-vgg", {"layers": layers}, 1e-4) for layers in (16, 19)]
    afm.append(_afm("u-xception", "u-xception", {}, 1e-4))
    return [chromview, lily_hu, segnet, *alone, *against, p3gan, *afm]


PRESETS: dict[str, Preset] = {preset.name: preset for preset in _presets()}
"""Every configuration, by its name."""
