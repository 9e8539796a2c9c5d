"""Adversarial training: the generator of pix2pix, patch discriminators, and the losses of both sides."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from chromview.training.zoo.blocks import start_normally


class Pix2PixGenerator(nn.Module):
    """Generator of pix2pix (Isola et al. 2017) as in ChromSeg-P3GAN (Sathyan et al. 2025), with four labels as answer.

    Each step is a 4x4 convolution of stride 2, each step back a transposed one that sees the step of its size.

    Parameters
    ----------
    widths
        Channels after each of the steps.

    Notes
    -----
    The published network answers a red, green and blue picture on white by tanh; this one answers logits, so that
    ground counts no more than it should. It normalises each image by itself: that is what the published batch
    normalisation in training mode does to batches of one, and it does not change between training and use. The
    published dropout stays on in use and makes answers random; here it ends with training.
    """

    def __init__(self, widths: Sequence[int] = (64, 128, 256, 512, 512, 512, 512, 512)) -> None:
        super().__init__()
        self.stride = 2 ** len(widths)
        last = len(widths) - 1
        self.down = nn.ModuleList(
            _step(a, b, normalised=0 < i < last) for i, (a, b) in enumerate(pairwise((1, *widths)))
        )
        backwards = list(pairwise(widths[::-1]))
        self.up = nn.ModuleList(
            # All but the coarsest step get the step of their size beside what came from below.
            _step_back(a if not i else 2 * a, b, dropout=0.5 if i < 3 else 0.0)
            for i, (a, b) in enumerate(backwards)
        )
        self.head = nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(2 * widths[0], 4, 4, stride=2, padding=1))
        start_normally(self)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, 4, H, W)`` of images ``(N, 1, H, W)``, H and W multiples of `stride`."""
        skips: list[Tensor] = []
        for step in self.down:
            x = step(x)
            skips.append(x)
        skips.pop()
        for step in self.up:
            x = torch.cat((step(x), skips.pop()), dim=1)
        logits: Tensor = self.head(x)
        return logits


def _step(inputs: int, outputs: int, *, normalised: bool) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1)]
    if normalised:
        layers.append(nn.InstanceNorm2d(outputs, affine=True))
    return nn.Sequential(*layers, nn.LeakyReLU(0.2))


def _step_back(inputs: int, outputs: int, *, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.ReLU(),
        nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1),
        nn.InstanceNorm2d(outputs, affine=True),
        nn.Dropout(dropout),
    )


class PatchDiscriminator(nn.Module):
    """Says of each patch whether labels beside their image are true (Isola et al. 2017).

    Parameters
    ----------
    widths
        Channels after each convolution of 4x4 but the last.
    strides
        Their strides.

    Notes
    -----
    It answers logits. The published ones end in a sigmoid, one before least squares and one before a cross-entropy
    that takes a sigmoid itself, by which what is false never costs less than ln 2.
    """

    def __init__(self, widths: Sequence[int] = (64, 128, 256, 512), strides: Sequence[int] = (2, 2, 2, 1)) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        # An image and the four labels.
        for i, ((a, b), stride) in enumerate(zip(pairwise((5, *widths)), strides, strict=True)):
            layers.append(nn.Conv2d(a, b, 4, stride=stride, padding=1))
            if i:
                layers.append(nn.BatchNorm2d(b))
            layers.append(nn.LeakyReLU(0.2))
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, padding=1))
        start_normally(self)

    def forward(self, image: Tensor, probabilities: Tensor) -> Tensor:
        """Logits ``(N, 1, h, w)`` of images ``(N, 1, H, W)`` with labels ``(N, 4, H, W)`` from 0 to 1."""
        logits: Tensor = self.layers(torch.cat((image, probabilities), dim=1))
        return logits


def judged(logits: Tensor, true: bool, kind: Literal["bce", "least-squares"]) -> Tensor:
    """How far a discriminator's answer is from saying that all it saw is `true`, or is not.

    Parameters
    ----------
    logits
        What a `PatchDiscriminator` answers.
    true
        What it should have said. The generator's side of the game is `judged(discriminator(fake), True, kind)`, the
        discriminator's half of `judged(discriminator(real), True, kind) + judged(discriminator(fake), False, kind)`.
    kind
        Cross-entropy (Goodfellow et al. 2014), or least squares with 1 and 0 (Mao et al. 2017).
    """
    logits = logits.float()
    wanted = torch.full_like(logits, float(true))
    if kind == "bce":
        return F.binary_cross_entropy_with_logits(logits, wanted)
    if kind == "least-squares":
        return F.mse_loss(logits, wanted)
    raise ValueError(f"no adversarial loss '{kind}'")
