"""The four networks: torchvision's, with heads for 24 classes as their authors wrote them.

They start from ImageNet where torch finds the weights on this machine, and at random where not; nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from torch import Tensor, nn

from chromview.errors import UserError
from chromview.training.zoo.pretrained import start_from_file
from chromview.vision._torchvision import torchvision
from chromview.vision.weights import load_weights, read_metadata

CLASSES = 24
# Their transforms: ImageNet's red, for all three channels.
MEAN, DEVIATION = 0.485, 0.229


class PublishedClassifier(nn.Module):
    """One of the four networks.

    Parameters
    ----------
    architecture
        One of `ARCHITECTURES`.
    pretrained
        Start from ImageNet if its weights are in the folder where torch keeps them.

    Attributes
    ----------
    origin : str
        Where the first weights are from: "random", with a reason if others were wanted, or the file.

    Raises
    ------
    UserError
        If the file of the weights is damaged or of another network.
    """

    def __init__(self, architecture: str, pretrained: bool = True) -> None:
        super().__init__()
        self.architecture = architecture
        self.network, self.origin = ARCHITECTURES[architecture](pretrained)

    def forward(self, grey: Tensor) -> Tensor:
        """Logits ``(N, 24)`` of images ``(N, 1, S, S)`` float32 0..1, bright on black."""
        x = ((grey - MEAN) / DEVIATION).expand(-1, 3, -1, -1)
        logits: Tensor = self.network(x)
        return logits


def _resnet(layers: int, file: str, pretrained: bool) -> tuple[nn.Module, str]:
    network = getattr(torchvision.models, f"resnet{layers}")(weights=None)
    origin = start_from_file(network, file, pretrained)
    network.fc = nn.Linear(network.fc.in_features, CLASSES)
    return network, origin


def _resnet18(pretrained: bool) -> tuple[nn.Module, str]:
    return _resnet(18, "resnet18-f37072fd.pth", pretrained)


def _resnet50(pretrained: bool) -> tuple[nn.Module, str]:
    return _resnet(50, "resnet50-0676ba61.pth", pretrained)


def _vgg16(pretrained: bool) -> tuple[nn.Module, str]:
    """The convolutions of VGG16 with a small head: 15 M weights, where their table says 138 M."""
    vgg = torchvision.models.vgg
    network = nn.Sequential()
    network.add_module("features", vgg.make_layers(vgg.cfgs["D"]))
    origin = start_from_file(network, "vgg16-397923af.pth", pretrained)
    head = nn.Sequential(
        nn.Dropout(0.5),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(512, 256),
        nn.ReLU(inplace=True),
        nn.BatchNorm1d(256),
        nn.Dropout(0.5),
        nn.Linear(256, CLASSES),
    )
    network.add_module("classifier", head)
    return network, origin


def _inception_v3(pretrained: bool) -> tuple[nn.Module, str]:
    """Without the auxiliary answers, which their loss leaves out; its first convolution always starts anew."""
    network = torchvision.models.inception_v3(weights=None, aux_logits=False, transform_input=True, init_weights=False)
    origin = start_from_file(network, "inception_v3_google-0cc3c7bd.pth", pretrained)
    network.Conv2d_1a_3x3.conv = nn.Conv2d(3, 32, 3, stride=2, bias=False)
    network.fc = nn.Linear(network.fc.in_features, CLASSES)
    return network, origin


ARCHITECTURES: dict[str, Callable[[bool], tuple[nn.Module, str]]] = {
    "resnet18": _resnet18,
    "resnet50": _resnet50,
    "vgg16": _vgg16,
    "inception-v3": _inception_v3,
}


def load_published(path: Path) -> PublishedClassifier:
    """The network of a weight file that ``chromview train classifier --preset`` wrote, in evaluation mode.

    Raises
    ------
    UserError
        If the file is missing, damaged, or of another kind of network.
    """
    architecture = read_metadata(path).get("architecture")
    if architecture not in ARCHITECTURES:
        raise UserError(
            f"holds a network '{architecture}' that is none of the published classifiers",
            path=path,
            advice=f"Give weights of one of these: {', '.join(ARCHITECTURES)}.",
        )
    network = PublishedClassifier(architecture, pretrained=False)
    load_weights(path, network)
    return network.eval()
