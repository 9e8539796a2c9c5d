"""U-Nets around classifiers: U-VGG16, U-VGG19 and U-Xception (Tiryaki 2022, Cytometry A 101:507).

Their encoders start from ImageNet where the weights lie on this machine, and at random where not; nothing is
downloaded. ``network.origin`` says which it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from chromview.errors import UserError
from chromview.training.zoo.blocks import Convolutions, transposed
from chromview.vision._torchvision import torchvision


def weights_folder() -> Path:
    """Where torch keeps weights that were once downloaded."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def start_from_file(encoder: nn.Module, name: str, pretrained: bool) -> str:
    """Give an encoder the weights of the file `name` in `weights_folder`, if it is there; say where they are from.

    Weights of parts that the encoder does not have, such as the classifier, are left out.

    Raises
    ------
    UserError
        If the file is there but is damaged or of another network.
    """
    path = weights_folder() / name
    if not pretrained:
        return "random"
    if not path.exists():
        return f"random, because {path} is not there"
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        wanted = encoder.state_dict().keys()
        encoder.load_state_dict({key: value for key, value in state.items() if key in wanted})
    except Exception as error:  # torch raises a dozen kinds here, all of which mean the same to the user
        raise UserError(
            f"does not hold the weights of this encoder ({type(error).__name__})",
            path=path,
            advice="Remove the file to start at random, or put the right one in its place.",
        ) from error
    return f"ImageNet, {path}"


VGG = {16: ("D", "vgg16-397923af.pth"), 19: ("E", "vgg19-dcbb9e9d.pth")}
"""Layers of a VGG, its letter in the paper, and torchvision's weights."""
VGG_WIDTHS = (64, 128, 256, 512, 512)
"""Channels of its levels, as published."""


class VggUNet(nn.Module):
    """VGG (Simonyan and Zisserman 2015) up to its last convolution, and a decoder with skip connections of all levels.

    Parameters
    ----------
    layers
        16 or 19, weights of the classifier.
    pretrained
        Start the encoder from ImageNet if its file of `VGG` is in `weights_folder`, and has these widths.
    widths
        Channels of each of the five levels.

    Attributes
    ----------
    origin : str
        Where the first weights of the encoder are from.
    """

    mean: Tensor
    deviation: Tensor
    stride = 16

    def __init__(self, layers: Literal[16, 19], pretrained: bool = True, widths: Sequence[int] = VGG_WIDTHS) -> None:
        super().__init__()
        if layers not in VGG:
            raise ValueError(f"there is no VGG of {layers} layers, only 16 and 19")
        if len(widths) != len(VGG_WIDTHS):
            raise ValueError(f"it has {len(VGG_WIDTHS)} levels, not {len(widths)}")
        letter, file = VGG[layers]
        levels = "".join("M" if one == "M" else "C" for one in torchvision.models.vgg.cfgs[letter]).split("M")
        plan = [one for level, width in zip(levels, widths, strict=False) for one in [*[width] * len(level), "M"]]
        # The last pooling leads to the classifier.
        self.features = torchvision.models.vgg.make_layers(plan)[:-1]
        self.origin = start_from_file(self, file, pretrained and tuple(widths) == VGG_WIDTHS)
        steps = list(zip(widths[-2::-1], widths[:0:-1], strict=True))
        self.up = nn.ModuleList(transposed(coarse, fine) for fine, coarse in steps)
        self.join = nn.ModuleList(Convolutions(2 * fine, fine) for fine, _ in steps)
        self.head = nn.Conv2d(widths[0], 4, 1)
        # Colours of ImageNet, which its weights expect in this range.
        self.register_buffer("mean", torch.tensor((0.485, 0.456, 0.406)).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor((0.229, 0.224, 0.225)).view(1, 3, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, 4, H, W)`` of images ``(N, 1, H, W)``, H and W multiples of `stride`."""
        x = (x - self.mean) / self.deviation
        skips: list[Tensor] = []
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                skips.append(x)
            x = layer(x)
        for up, join in zip(self.up, self.join, strict=True):
            x = join(torch.cat((up(x), skips.pop()), dim=1))
        logits: Tensor = self.head(x)
        return logits


class _Residual(nn.Module):
    """LeakyReLU, batch normalisation and two convolutions beside a normalised shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LeakyReLU(0.1),
            nn.BatchNorm2d(channels),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
            nn.LeakyReLU(0.1),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
        )
        self.shortcut = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.layers(x) + self.shortcut(x)
        return answer


def _level(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1), _Residual(outputs), _Residual(outputs), nn.LeakyReLU(0.1)
    )


class XceptionUNet(nn.Module):
    """Xception (Chollet 2017) up to its twelfth block, and a decoder of residual blocks with four skip connections.

    Parameters
    ----------
    pretrained
        Start the encoder from ImageNet if ``xception-43020ad28.pth`` is in `weights_folder`.
    dropout
        Share dropped before each level of the decoder while training, a fifth of that for the finer skip connections.
    widths
        Channels of each of the six levels of the decoder; the encoder has those it was published with.

    Attributes
    ----------
    origin : str
        Where the first weights of the encoder are from.
    """

    stride = 32
    skips = (128, 256, 728, 1024)

    def __init__(
        self,
        pretrained: bool = True,
        dropout: float = 0.5,
        widths: Sequence[int] = (16, 32, 64, 128, 256, 512),
    ) -> None:
        super().__init__()
        if len(widths) != 6:
            raise ValueError(f"its decoder has 6 levels, not {len(widths)}")
        # timm takes seconds to import, and imports torchvision, which is prepared by now.
        from timm.models.xception import Xception

        self.encoder = Xception()
        for unused in ("conv3", "bn3", "act3", "conv4", "bn4", "act4", "global_pool", "fc"):
            delattr(self.encoder, unused)
        self.origin = start_from_file(self.encoder, "xception-43020ad28.pth", pretrained)
        # What the last block answers is not used, only what it pools.
        self.encoder.block12.skip = self.encoder.block12.skipbn = None
        # Without padding the levels would not be halves of each other; the published network pads them afterwards.
        self.encoder.conv1.padding = self.encoder.conv2.padding = (1, 1)
        *fine, coarsest = widths
        self.middle = _level(self.skips[-1], coarsest)
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(coarse, width, 3, stride=2, padding=1, output_padding=1)
            for width, coarse in reversed(list(zip(fine, widths[1:], strict=True)))
        )
        self.join = nn.ModuleList(
            _level(width + skip, width) for width, skip in zip(fine[::-1], (*self.skips[::-1], 0), strict=True)
        )
        self.dropouts = nn.ModuleList(nn.Dropout(dropout * share) for share in (1, 1, 0.2, 0.2, 1))
        self.before_middle, self.before_head = nn.Dropout(dropout), nn.Dropout(dropout / 2)
        self.head = nn.Conv2d(widths[0], 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, 4, H, W)`` of images ``(N, 1, H, W)``, H and W multiples of `stride`."""
        skips = self._encode(x)
        skips[-1] = F.leaky_relu(skips[-1], 0.1)
        x = self.middle(self.before_middle(F.max_pool2d(skips[-1], 2)))
        for up, dropout, join in zip(self.up, self.dropouts, self.join, strict=True):
            x = up(x)
            # The finest level has no skip connection: Xception starts at half the resolution.
            x = join(dropout(torch.cat((x, skips.pop()), dim=1) if skips else x))
        logits: Tensor = self.head(self.before_head(x))
        return logits

    def _encode(self, x: Tensor) -> list[Tensor]:
        """What the four halving blocks pool, at 1/2, 1/4, 1/8 and 1/16 of the resolution."""
        encoder = self.encoder
        # Its weights expect three colours from -1 to 1.
        x = (2 * x - 1).expand(-1, 3, -1, -1)
        x = encoder.act1(encoder.bn1(encoder.conv1(x)))
        x = encoder.act2(encoder.bn2(encoder.conv2(x)))
        skips: list[Tensor] = []
        for number in range(1, 13):
            block = getattr(encoder, f"block{number}")
            if not isinstance(block.rep[-1], nn.MaxPool2d):
                x = block(x)
                continue
            before = block.rep[:-1](x)
            skips.append(before)
            if number < 12:
                x = block.rep[-1](before) + block.skipbn(block.skip(x))
        return skips
