"""Encoders that start from weights on this machine, and say so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from chromview.errors import UserError
from chromview.training.zoo import build_network, origin_of


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where torch looks for weights, empty."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    made = tmp_path / "hub" / "checkpoints"
    made.mkdir(parents=True)
    return made


def vgg_file(path: Path) -> dict[str, torch.Tensor]:
    """Weights as torchvision's file has them: the features, and a classifier that nobody here wants."""
    encoder: Any = build_network("u-vgg", layers=16, pretrained=False)
    state = {f"features.{key}": value for key, value in encoder.features.state_dict().items()}
    torch.save({**state, "classifier.0.weight": torch.zeros(2, 2)}, path)
    return state


def xception_file(path: Path) -> dict[str, torch.Tensor]:
    from timm.models.xception import Xception

    state: dict[str, torch.Tensor] = Xception(num_classes=7).state_dict()
    torch.save(state, path)
    return state


CASES = [
    ("u-vgg", {"layers": 16}, "vgg16-397923af.pth", vgg_file, ""),
    ("u-xception", {}, "xception-43020ad28.pth", xception_file, "encoder."),
]


@pytest.mark.parametrize(("architecture", "options", "file", "write", "prefix"), CASES, ids=["vgg16", "xception"])
def test_encoder_starts_from_the_file_that_is_there(
    folder: Path,
    architecture: str,
    options: dict[str, Any],
    file: str,
    write: Callable[[Path], dict[str, torch.Tensor]],
    prefix: str,
) -> None:
    torch.manual_seed(0)
    wanted = write(folder / file)
    network = build_network(architecture, **options)
    assert origin_of(network) == f"ImageNet, {folder / file}"
    have = network.state_dict()
    of_encoder = [key for key in have if key.startswith(prefix or "features.")]
    assert len(of_encoder) > 20
    for key in of_encoder:
        assert torch.equal(have[key], wanted[key.removeprefix(prefix)]), key
    # It answers with them, and another start is another network.
    assert network.eval()(torch.rand(1, 1, 32, 32)).shape == (1, 4, 32, 32)
    other = build_network(architecture, **options, pretrained=False)
    assert origin_of(other) == "random"
    assert any(not torch.equal(have[key], other.state_dict()[key]) for key in of_encoder)


@pytest.mark.parametrize(("architecture", "options", "file", "write", "prefix"), CASES, ids=["vgg16", "xception"])
def test_without_the_file_it_starts_at_random_and_says_so(
    folder: Path, architecture: str, options: dict[str, Any], file: str, write: object, prefix: str
) -> None:
    assert origin_of(build_network(architecture, **options)) == f"random, because {folder / file} is not there"
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("content", ["damaged", "of another network", "of another size"])
def test_file_that_does_not_fit_is_named(folder: Path, content: str) -> None:
    path = folder / "vgg16-397923af.pth"
    if content == "damaged":
        path.write_bytes(b"PK\x03\x04 no weights")
    elif content == "of another network":
        torch.save(nn.Linear(2, 2).state_dict(), path)
    else:
        state = vgg_file(path)
        state["features.0.weight"] = torch.zeros(8, 3, 3, 3)
        torch.save(state, path)
    with pytest.raises(UserError, match=f"{path}.*does not hold the weights"):
        build_network("u-vgg", layers=16)
