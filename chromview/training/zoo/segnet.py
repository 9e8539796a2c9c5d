"""SegNet with dropout, as it was trained on overlapping chromosomes."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


class SegNet(nn.Module):
    """Encoder and decoder without skip connections or pooling indices (github.com/ArkaJU/SegNet---Chromosome, 2020).

    After SegNet (Badrinarayanan et al. 2017). Each convolution is followed by ReLU and then batch normalisation. The
    published last layer has ReLU and dropout behind it, so that no answer is negative; here it ends in logits.

    Parameters
    ----------
    widths
        Channels of the three levels.
    dropout
        Shares dropped after each level and after the first level of the decoder.
    """

    stride = 4

    def __init__(
        self, widths: Sequence[int] = (64, 128, 256), dropout: Sequence[float] = (0.25, 0.5, 0.5, 0.5)
    ) -> None:
        super().__init__()
        fine, middle, coarse = widths
        self.layers = nn.Sequential(
            *_convolutions(1, fine, 2), nn.MaxPool2d(2), nn.Dropout(dropout[0]),
            *_convolutions(fine, middle, 3), nn.MaxPool2d(2), nn.Dropout(dropout[1]),
            *_convolutions(middle, coarse, 3), nn.Dropout(dropout[2]),
            nn.Upsample(scale_factor=2), *_convolutions(coarse, middle, 3), nn.Dropout(dropout[3]),
            nn.Upsample(scale_factor=2), *_convolutions(middle, fine, 2), nn.Conv2d(fine, 4, 3, padding=1),
        )  # fmt: skip
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                assert module.bias is not None
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, 4, H, W)`` of images ``(N, 1, H, W)``, H and W multiples of `stride`."""
        logits: Tensor = self.layers(x)
        return logits


def _convolutions(inputs: int, outputs: int, count: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for channels in (inputs, *[outputs] * (count - 1)):
        layers += [nn.Conv2d(channels, outputs, 3, padding=1), nn.ReLU(inplace=True), nn.BatchNorm2d(outputs)]
    return layers
