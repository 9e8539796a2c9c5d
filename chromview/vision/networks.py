"""The shipped architectures: a U-Net for pixels, a residual network for chromosomes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval


def channels_last(network: nn.Module) -> None:
    """Lay the weights out as the processor's convolutions like them: channels last."""
    # The stubs of torch do not know this call of `to`.
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def fold_normalisation(network: nn.Module) -> None:
    """Put batch normalisation into the convolution before it: the same answers with less work, in eval mode.

    The network can be trained no more, and its weights fit no file. A convolution and its normalisation must follow
    each other among the children of a module, as all of this room do.
    """
    for module in list(network.modules()):
        for (at, layer), (after, norm) in pairwise(list(module.named_children())):
            if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, at, fuse_conv_bn_eval(layer, norm))
                setattr(module, after, nn.Identity())


def ready(network: nn.Module, device: torch.device) -> None:
    """Make a network with its weights loaded ready to answer on a device: in eval mode, folded, channels last."""
    network.eval()
    fold_normalisation(network)
    network.to(device)
    channels_last(network)


def _double_convolution(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class UNet(nn.Module):
    """U-Net (Ronneberger et al. 2015) with batch normalisation and padded convolutions.

    Parameters
    ----------
    inputs, outputs
        Channels of the image and of the answer (logits).
    widths
        Channels of each level; every level but the first halves the resolution.
    """

    def __init__(self, inputs: int, outputs: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.widths = tuple(widths)
        self.down = nn.ModuleList(_double_convolution(a, b) for a, b in pairwise((inputs, *widths)))
        self.up = nn.ModuleList(
            _double_convolution(coarse + fine, fine) for fine, coarse in reversed(list(pairwise(widths)))
        )
        self.head = nn.Conv2d(widths[0], outputs, 1)

    @property
    def stride(self) -> int:
        """Height and width of the input must be multiples of this."""
        return int(2 ** (len(self.widths) - 1))

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, outputs, H, W)`` of images ``(N, inputs, H, W)``."""
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            if level:
                x = F.max_pool2d(x, 2)
            x = block(x)
            skips.append(x)
        skips.pop()
        for block in self.up:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
            x = block(torch.cat((x, skips.pop()), dim=1))
        logits: Tensor = self.head(x)
        return logits


class _Residual(nn.Module):
    """Basic block of ResNet-18 (He et al. 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = (
            nn.Identity()
            if stride == 1 and inputs == outputs
            else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.first(x)))
        return F.relu(self.norm2(self.second(y)) + self.shortcut(x))


class ReadingNet(nn.Module):
    """A network that reads a chromosome on its canvas: two heads, class (24) and polarity (p arm up).

    The canvas keeps the true size of the chromosome, so its length stays a cue; rows are
    pooled into bands, not away, since where a band lies is what tells classes apart. How bright
    it is against its cell is told beside the picture, since a picture has a brightness of its own.

    Parameters
    ----------
    stages, channels
        From canvases ``(N, 1, H, W)``, or what `features` makes of them, to a feature map, and its channels.
    rows
        Bands of the pooled feature map along the chromosome.
    cue
        Features that the brightness is made into.
    dropout
        Share of the features that is left out in training.
    """

    def __init__(self, stages: nn.Module, channels: int, rows: int, cue: int, dropout: float) -> None:
        super().__init__()
        self.stages = stages
        self.pool = nn.AdaptiveAvgPool2d((rows, 1))
        self.dropout = nn.Dropout(dropout)
        self.brightness = nn.Sequential(nn.Linear(2, cue), nn.ReLU())
        self.classes = nn.Linear(channels * rows + cue, 24)
        self.polarity = nn.Linear(channels * rows, 1)

    def features(self, x: Tensor) -> Tensor:
        """Feature map of canvases ``(N, 1, H, W)``."""
        y: Tensor = self.stages(x)
        return y

    def forward(self, x: Tensor, brightness: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Class logits ``(N, 24)`` and polarity logits ``(N,)``.

        Parameters
        ----------
        x
            ``(N, 1, H, W)`` canvases.
        brightness
            ``(N,)`` logarithm of the brightness against the cell (`canvas.cell_brightness`), NaN where not known.
        """
        if brightness is None:
            brightness = x.new_full(x.shape[:1], torch.nan)
        features = self.dropout(self.pool(self.features(x)).flatten(1))
        known = ~brightness.isnan()
        # Four times, so that it counts as much as whether it is known.
        cue = self.brightness(torch.stack((4 * brightness.nan_to_num().clamp(-1, 1), known.to(brightness.dtype)), 1))
        return self.classes(torch.cat((features, cue.to(features.dtype)), 1)), self.polarity(features).squeeze(1)


class ChromosomeNet(ReadingNet):
    """ResNet-18 with a stem of one convolution; the published one is 64 channels wide.

    Parameters
    ----------
    width
        Channels of the first stage.
    rows
        As of `ReadingNet`.
    """

    def __init__(self, width: int = 32, rows: int = 5, dropout: float = 0.3) -> None:
        stages: list[nn.Module] = []
        channels = width
        for stage, outputs in enumerate((width, 2 * width, 4 * width, 8 * width)):
            stages += [_Residual(channels, outputs, 2 if stage else 1), _Residual(outputs, outputs, 1)]
            channels = outputs
        super().__init__(nn.Sequential(*stages), channels, rows, width, dropout)
        self.stem = nn.Sequential(
            nn.Conv2d(1, width, 5, stride=2, padding=2, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
        )

    def features(self, x: Tensor) -> Tensor:
        """Feature map of canvases ``(N, 1, H, W)``."""
        return super().features(self.stem(x))
