"""EfficientNet-Lite, a network that knew photographs before it learned chromosomes."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from chromview.vision.networks import ReadingNet

SIZES = {"efficientnet_lite0": (1.0, 1.0), "efficientnet_lite1": (1.0, 1.1), "efficientnet_lite2": (1.1, 1.2)}
"""How many times as wide and as deep as the first each published one is."""
ENLARGED = (224, 64)
"""Rows and columns that the canvas is enlarged to: things in photographs are larger than bands are."""
STAGES = (
    (16, 3, 1, 1, 1),
    (24, 3, 2, 6, 2),
    (40, 5, 2, 6, 2),
    (80, 3, 2, 6, 3),
    (112, 5, 1, 6, 3),
    (192, 5, 2, 6, 4),
    (320, 3, 1, 6, 1),
)
"""Channels, kernel, stride, expansion and blocks of each stage, of the first of them."""
STEM = 32
EPSILON = 1e-3
"""Of the normalisation, as published."""


class _Depthwise(nn.Conv2d):
    """Each channel convolved by itself."""

    def __init__(self, channels: int, kernel: int, stride: int) -> None:
        super().__init__(channels, channels, kernel, stride, kernel // 2, groups=channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        # Gradients of these take processors up to 200 times as long in bfloat16 as in single precision.
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float()).to(x.dtype)


class _InvertedResidual(nn.Module):
    """Inverted residual of MobileNet v2 (Sandler et al. 2018): made wide, each channel by itself, made narrow again."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        layers: list[nn.Module] = []
        if expansion > 1:
            layers += [nn.Conv2d(inputs, wide, 1, bias=False), nn.BatchNorm2d(wide, EPSILON), nn.ReLU6(inplace=True)]
        layers += [_Depthwise(wide, kernel, stride), nn.BatchNorm2d(wide, EPSILON), nn.ReLU6(inplace=True)]
        layers += [nn.Conv2d(wide, outputs, 1, bias=False), nn.BatchNorm2d(outputs, EPSILON)]
        self.layers = nn.Sequential(*layers)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y if self.adds else y


class EfficientNetLite(ReadingNet):
    """EfficientNet-Lite (Tan and Le 2019, without squeeze and excitation), up to its last stage.

    Its layers come in the order of the published ones, so that it can begin with weights of ImageNet
    (`chromview.training.runs.begin_with_imagenet`).

    Parameters
    ----------
    name
        One of `SIZES`.
    """

    def __init__(self, name: str = "efficientnet_lite0", dropout: float = 0.3) -> None:
        wider, deeper = SIZES[name]
        layers: list[nn.Module] = [
            nn.Conv2d(1, STEM, 3, 2, 1, bias=False),
            nn.BatchNorm2d(STEM, EPSILON),
            nn.ReLU6(inplace=True),
        ]
        channels = STEM
        for at, (usual, kernel, stride, expansion, blocks) in enumerate(STAGES):
            outputs = _rounded(usual * wider)
            # The first and the last stage of the Lite family are no deeper.
            repeats = blocks if at in (0, len(STAGES) - 1) else math.ceil(blocks * deeper)
            for block in range(repeats):
                layers.append(_InvertedResidual(channels, outputs, kernel, 1 if block else stride, expansion))
                channels = outputs
        super().__init__(nn.Sequential(*layers), channels, ENLARGED[0] // 32, 32, dropout)

    def features(self, x: Tensor) -> Tensor:
        """Feature map of canvases ``(N, 1, H, W)``."""
        x = F.interpolate(x, ENLARGED, mode="bilinear", align_corners=False)
        # Photographs come as -1 to 1.
        return super().features((2 * x - 1).contiguous(memory_format=torch.channels_last))


def _rounded(channels: float) -> int:
    """To a multiple of 8 that is no more than a tenth less."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8
