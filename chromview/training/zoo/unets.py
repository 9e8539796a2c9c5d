"""The published U-Nets that no library has in this form: plain, attention, recurrent residual and nested."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from chromview.training.zoo.blocks import AttentionGate, Convolutions, RecurrentResidual, resized, transposed

Kind = Literal["plain", "normalised", "recurrent"]
Up = Literal["transposed", "resized", "resized-2x2"]

BLOCKS: dict[Kind, Callable[[int, int], nn.Module]] = {
    "plain": partial(Convolutions, normalised=False),
    "normalised": Convolutions,
    "recurrent": RecurrentResidual,
}


class PublishedUNet(nn.Module):
    """U-Net (Ronneberger et al. 2015) with the parts that its published relatives differ in.

    Parameters
    ----------
    widths
        Channels of each level, finest first; every level but the first halves the resolution by max pooling.
    block
        What a level is: two convolutions, the same with batch normalisation, or a recurrent residual block.
    up
        How the resolution is doubled: a 2x2 transposed convolution, repeated pixels and a 3x3 convolution, or the
        same with 2x2 and no batch normalisation at the coarsest level (Tiryaki 2022).
    attention
        Whether skip connections pass an attention gate.
    dropout
        Share of values dropped after each pooling and after each concatenation while training.
    inputs, outputs
        Channels of the image and of the answer (logits).
    """

    def __init__(
        self,
        widths: Sequence[int] = (64, 128, 256, 512, 1024),
        block: Kind = "normalised",
        up: Up = "resized",
        *,
        attention: bool = False,
        dropout: float = 0.0,
        inputs: int = 1,
        outputs: int = 4,
    ) -> None:
        super().__init__()
        make = BLOCKS[block]
        self.stride = 2 ** (len(widths) - 1)
        self.down = nn.ModuleList(make(a, b) for a, b in pairwise((inputs, *widths)))
        # From here on coarsest first, as the decoder goes.
        steps = list(reversed(list(pairwise(widths))))
        self.up = nn.ModuleList(_up(up, coarse, fine, coarsest=not i) for i, (fine, coarse) in enumerate(steps))
        self.gates = nn.ModuleList(AttentionGate(fine) for fine, _ in steps) if attention else None
        self.join = nn.ModuleList(make(2 * fine, fine) for fine, _ in steps)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Conv2d(widths[0], outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, outputs, H, W)`` of images ``(N, inputs, H, W)``, H and W multiples of `stride`."""
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            if level:
                x = self.dropout(F.max_pool2d(x, 2))
            x = block(x)
            skips.append(x)
        skips.pop()
        for level, (up, join) in enumerate(zip(self.up, self.join, strict=True)):
            x, skip = up(x), skips.pop()
            if self.gates is not None:
                skip = self.gates[level](x, skip)
            x = join(self.dropout(torch.cat((skip, x), dim=1)))
        logits: Tensor = self.head(x)
        return logits


def _up(kind: Up, inputs: int, outputs: int, *, coarsest: bool) -> nn.Module:
    if kind == "transposed":
        return transposed(inputs, outputs)
    if kind == "resized":
        return resized(inputs, outputs)
    return resized(inputs, outputs, kernel=2, normalised=not coarsest)


class NestedUNet(nn.Module):
    """Nested U-Net, U-Net++ without deep supervision (Zhou et al. 2018, arXiv 1807.10165).

    Every skip connection is a row of blocks; each of them sees all before it in its row and the next coarser row,
    brought to its size without weights (bilinear).

    Parameters
    ----------
    widths
        Channels of each level, finest first.
    inputs, outputs
        Channels of the image and of the answer (logits).
    """

    def __init__(self, widths: Sequence[int] = (64, 128, 256, 512, 1024), *, inputs: int = 1, outputs: int = 4) -> None:
        super().__init__()
        self.depth = len(widths) - 1
        self.stride = 2**self.depth
        self.down = nn.ModuleList(Convolutions(a, b) for a, b in pairwise((inputs, *widths)))
        self.across = nn.ModuleDict(
            {
                f"{level}_{column}": Convolutions(column * fine + coarse, fine)
                for level, (fine, coarse) in enumerate(pairwise(widths))
                for column in range(1, len(widths) - level)
            }
        )
        self.head = nn.Conv2d(widths[0], outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, outputs, H, W)`` of images ``(N, inputs, H, W)``, H and W multiples of `stride`."""
        rows: list[list[Tensor]] = []
        for level, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if level else x)
            rows.append([x])
        for column in range(1, self.depth + 1):
            # Finest first, so that the coarser row still ends in the column before.
            for level in range(self.depth + 1 - column):
                coarser = F.interpolate(rows[level + 1][-1], scale_factor=2.0, mode="bilinear", align_corners=True)
                rows[level].append(self.across[f"{level}_{column}"](torch.cat((*rows[level], coarser), dim=1)))
        logits: Tensor = self.head(rows[0][-1])
        return logits
