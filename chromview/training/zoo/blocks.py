"""Parts that the published U-Nets are put together from."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Convolutions(nn.Sequential):
    """Two 3x3 convolutions, each with batch normalisation (or none) and ReLU."""

    def __init__(self, inputs: int, outputs: int, *, normalised: bool = True) -> None:
        layers: list[nn.Module] = []
        for channels in (inputs, outputs):
            layers.append(nn.Conv2d(channels, outputs, 3, padding=1))
            if normalised:
                layers.append(nn.BatchNorm2d(outputs))
            layers.append(nn.ReLU(inplace=True))
        super().__init__(*layers)


class _Recurrent(nn.Module):
    """A convolution that sees its own answer: y = f(x), then `times` times y = f(x + y), always the same weights.

    What batch normalisation measures for later use is measured of each step by itself. The published code keeps one
    mean and variance for all steps, which fits none of them: its networks answer otherwise in use than in training.
    """

    def __init__(self, channels: int, times: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, channels, 3, padding=1)
        self.measured = nn.ModuleList(nn.BatchNorm2d(channels, affine=False) for _ in range(times + 1))
        self.weight, self.bias = nn.Parameter(torch.ones(channels, 1, 1)), nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor | None = None
        for norm in self.measured:
            y = norm(self.convolution(x if y is None else x + y))
            y = torch.relu(y * self.weight + self.bias)
        assert y is not None
        return y


class RecurrentResidual(nn.Module):
    """Block of R2U-Net (Alom et al. 2018, arXiv 1802.06955, figure 4d): two recurrent convolutions and a shortcut."""

    def __init__(self, inputs: int, outputs: int, times: int = 2) -> None:
        super().__init__()
        self.fit = nn.Conv2d(inputs, outputs, 1)
        self.recurrent = nn.Sequential(_Recurrent(outputs, times), _Recurrent(outputs, times))

    def forward(self, x: Tensor) -> Tensor:
        x = self.fit(x)
        answer: Tensor = x + self.recurrent(x)
        return answer


class AttentionGate(nn.Module):
    """Additive attention gate (Oktay et al. 2018, arXiv 1804.03999): what a skip connection lets through, per pixel.

    The gating signal is already at the size of what it gates, as in the published chromosome networks.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        between = channels // 2
        self.gating = nn.Sequential(nn.Conv2d(channels, between, 1), nn.BatchNorm2d(between))
        self.gated = nn.Sequential(nn.Conv2d(channels, between, 1), nn.BatchNorm2d(between))
        self.weight = nn.Sequential(nn.Conv2d(between, 1, 1), nn.BatchNorm2d(1), nn.Sigmoid())

    def forward(self, signal: Tensor, skip: Tensor) -> Tensor:
        weighted: Tensor = skip * self.weight(torch.relu(self.gating(signal) + self.gated(skip)))
        return weighted


def transposed(inputs: int, outputs: int) -> nn.Module:
    """Twice the size by a 2x2 transposed convolution."""
    return nn.ConvTranspose2d(inputs, outputs, 2, stride=2)


def resized(inputs: int, outputs: int, *, kernel: int = 3, normalised: bool = True) -> nn.Sequential:
    """Twice the size by repeating pixels, then a convolution, batch normalisation (or none) and ReLU."""
    more = kernel - 1
    layers: list[nn.Module] = [
        nn.Upsample(scale_factor=2),
        # An even kernel has no middle: like Keras, the extra row and column are at the bottom and right.
        nn.ZeroPad2d((more // 2, more - more // 2, more // 2, more - more // 2)),
        nn.Conv2d(inputs, outputs, kernel),
    ]
    if normalised:
        layers.append(nn.BatchNorm2d(outputs))
    return nn.Sequential(*layers, nn.ReLU(inplace=True))


def start_normally(network: nn.Module, deviation: float = 0.02) -> None:
    """Draw first weights from a normal distribution, as DCGAN (Radford et al. 2016) and pix2pix do."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, deviation)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d | nn.InstanceNorm2d) and module.affine:
            nn.init.normal_(module.weight, 1.0, deviation)
            nn.init.zeros_(module.bias)
