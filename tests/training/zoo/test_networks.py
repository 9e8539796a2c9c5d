"""Networks of the zoo: every one of the presets builds, keeps shapes, is as large as published, and can be kept."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load, save
from torch import nn

from chromview.errors import UserError
from chromview.training.zoo import PRESETS, Preset, architectures, build_network, origin_of


def layout(preset: Preset) -> str:
    """What a preset's network is made of; first weights that are drawn otherwise make no other network."""
    options = {key: value for key, value in preset.architecture_options.items() if key != "start_deviation"}
    return json.dumps([preset.architecture, options])


# Presets share networks; each is looked at once, by the first preset that has it.
DISTINCT = list({layout(preset): preset for preset in reversed(PRESETS.values())}.values())

# Small relatives of every architecture, for what takes a backward pass.
SMALL: dict[str, dict[str, Any]] = {
    "unet": {"widths": [4, 6, 8]},
    "published-unet": {"widths": [4, 6, 8], "block": "plain", "up": "transposed"},
    "attention-unet": {"widths": [4, 6, 8]},
    "r2-unet": {"widths": [4, 6, 8]},
    "r2-attention-unet": {"widths": [4, 6, 8]},
    "nested-unet": {"widths": [4, 6, 8]},
    "segnet": {"widths": [4, 6, 8]},
    "pix2pix": {"widths": [4, 6, 8, 8]},
    "u-vgg": {"layers": 16},
    "u-xception": {},
}


def weights(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def size_of(preset: Preset) -> int:
    """Weights of a preset's network, without making their values."""
    with torch.device("meta"):
        return weights(build_network(preset.architecture, **preset.architecture_options))


@pytest.mark.parametrize("preset", DISTINCT, ids=lambda preset: preset.name)
def test_network_of_a_preset_answers_every_pixel_and_can_be_kept(preset: Preset) -> None:
    torch.manual_seed(0)
    network = build_network(preset.architecture, **preset.architecture_options).eval()
    # Taller than wide, so that a swapped axis shows; the largest stride is enough for a square.
    image = torch.rand(1, 1, (2 if network.stride < 256 else 1) * network.stride, network.stride)
    with torch.no_grad():
        logits = network(image)
    assert logits.shape == (1, 4, *image.shape[2:])
    assert logits.dtype == torch.float32 and torch.isfinite(logits).all()

    kept = load(save(network.state_dict()))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        assert not torch.equal(network(image), logits)
        network.load_state_dict(kept)
        assert torch.equal(network(image), logits)


@pytest.mark.parametrize("architecture", SMALL)
def test_every_weight_is_used_and_learns(architecture: str) -> None:
    torch.manual_seed(0)
    network = build_network(architecture, **SMALL[architecture]).train()
    # Two images, since batch normalisation needs more than one value where they shrink to one pixel.
    images, labels = torch.rand(2, 1, 32, 32), torch.randint(0, 4, (2, 32, 32))
    nn.functional.cross_entropy(network(images), labels).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name

    again = build_network(architecture, **SMALL[architecture])
    again.load_state_dict(load(save(network.state_dict())))
    with torch.no_grad():
        assert torch.equal(again.eval()(images), network.eval()(images))


def test_every_architecture_is_looked_at() -> None:
    assert set(SMALL) == set(architectures())
    assert {preset.architecture for preset in PRESETS.values()} == set(architectures())


@pytest.mark.parametrize("levels", [2, 3, 4, 5])
@pytest.mark.parametrize("architecture", ["unet", "published-unet", "attention-unet", "r2-unet", "nested-unet"])
def test_u_nets_have_any_number_of_levels_of_any_width(architecture: str, levels: int) -> None:
    network = build_network(architecture, widths=list(range(3, 3 + levels))).eval()
    assert network.stride == 2 ** (levels - 1)
    with torch.no_grad():
        assert network(torch.zeros(1, 1, 3 * network.stride, network.stride)).shape[2:] == (
            3 * network.stride,
            network.stride,
        )


@pytest.mark.parametrize(
    ("name", "millions"),
    [("lilyhu", 1.86), ("segnet", 2.59)],
)
def test_small_networks_have_the_published_size(name: str, millions: float) -> None:
    """Hu et al. 2017 (layers of OverlapSegmentationNet.py); SegNet.py of ArkaJU, 2.6 million."""
    assert round(size_of(PRESETS[name]) / 1e6, 2) == millions


@pytest.mark.parametrize(
    ("name", "published", "channels"),
    [("afm-unet-5", 1_943_985, 16), ("u-vgg19", 31_168_193, 64), ("u-xception", 38_370_009, 16)],
)
def test_networks_of_the_cell_images_have_the_published_size(name: str, published: int, channels: int) -> None:
    """Trainable parameters that Keras printed in train_valid_*.ipynb of github.com/mairon-lima/Cell-segmentation.

    Those networks answer one map; ours answer four, each of which has a weight for every channel and a bias.
    """
    assert size_of(PRESETS[name]) == published + 3 * (channels + 1)


def test_vgg16_and_vgg19_differ_as_the_classifiers_do() -> None:
    """Convolutions of VGG16 and VGG19: 14,714,688 and 20,024,384 weights (Keras applications without top)."""
    assert size_of(PRESETS["u-vgg19"]) - size_of(PRESETS["u-vgg16"]) == 20_024_384 - 14_714_688


def test_generator_has_the_published_size() -> None:
    """54,419,459 trainable parameters of the pix2pix generator that ChromSeg_P3GAN_train.py takes over.

    Brownlee 2019, "How to Implement Pix2Pix GAN Models From Scratch With Keras". It sees three channels of 4x4 weights
    and answers three; ours sees one and answers four.
    """
    assert size_of(PRESETS["p3gan"]) == 54_419_459 - 2 * 64 * 16 + (128 * 16 + 1)


def convolution(inputs: int, outputs: int, side: int = 3) -> int:
    return (inputs * side * side + 1) * outputs


def normalised(inputs: int, outputs: int, side: int = 3) -> int:
    return convolution(inputs, outputs, side) + 2 * outputs


def test_compared_networks_are_laid_out_as_published() -> None:
    """Sizes counted from the layers in ``cGAN models/util/networks.py`` of ChromSeg-P3GAN's repository."""
    widths = [64, 128, 256, 512, 1024]
    downs, steps = list(pairwise((1, *widths))), list(pairwise(widths))

    def double(inputs: int, outputs: int) -> int:
        return normalised(inputs, outputs) + normalised(outputs, outputs)

    def recurrent(inputs: int, outputs: int) -> int:
        return convolution(inputs, outputs, 1) + 2 * normalised(outputs, outputs)

    gates = sum(2 * normalised(f, f // 2, 1) + normalised(f // 2, 1, 1) for f, _ in steps)
    ups, head = sum(normalised(coarse, fine) for fine, coarse in steps), convolution(64, 4, 1)
    expected = {}
    for name, block in (("unet", double), ("r2-unet", recurrent)):
        expected[name] = sum(block(*d) for d in downs) + ups + sum(block(2 * f, f) for f, _ in steps) + head
    expected["attention-unet"] = expected["unet"] + gates
    expected["r2-attention-unet"] = expected["r2-unet"] + gates
    across = sum(
        double(column * fine + coarse, fine)
        for level, (fine, coarse) in enumerate(steps)
        for column in range(1, len(widths) - level)
    )
    expected["nested-unet"] = sum(double(*d) for d in downs) + across + head
    assert {name: size_of(PRESETS[name]) for name in expected} == expected
    assert {name: size_of(PRESETS[f"cgan-{name}"]) for name in expected} == expected


def test_recurrence_costs_no_weights() -> None:
    from chromview.training.zoo.blocks import RecurrentResidual

    torch.manual_seed(0)
    once, thrice = RecurrentResidual(2, 4, times=1).eval(), RecurrentResidual(2, 4, times=3).eval()
    assert weights(once) == weights(thrice)
    # What is measured for batch normalisation is no weight, and there is more of it.
    assert not thrice.load_state_dict(once.state_dict(), strict=False).unexpected_keys
    image = torch.rand(1, 2, 5, 5)
    assert not torch.allclose(once(image), thrice(image))


def test_attention_only_takes_away() -> None:
    from chromview.training.zoo.blocks import AttentionGate

    torch.manual_seed(0)
    skip = torch.rand(2, 8, 6, 6)
    passed = AttentionGate(8).eval()(torch.randn(2, 8, 6, 6), skip)
    shares = passed / skip
    assert (shares > 0).all() and (shares < 1).all()
    # One share a pixel, the same for all channels.
    assert torch.allclose(shares, shares[:, :1].expand_as(shares), atol=1e-5)


def test_generator_answers_each_image_by_itself() -> None:
    """Not so the published one, whose batch normalisation and dropout stay in training mode."""
    torch.manual_seed(0)
    network = build_network("pix2pix", widths=[4, 8, 8]).eval()
    images = torch.rand(3, 1, 16, 16)
    with torch.no_grad():
        together = network(images)
        assert torch.equal(network(images), together)
        assert torch.allclose(network(images[1:2]), together[1:2], atol=1e-5)


def test_first_weights_can_be_drawn_as_pix2pix_draws_them() -> None:
    torch.manual_seed(0)
    network = build_network("attention-unet", widths=[16, 32, 64], start_deviation=0.02)
    drawn = torch.cat([m.weight.flatten() for m in network.modules() if isinstance(m, nn.Conv2d)])
    scales = torch.cat([m.weight for m in network.modules() if isinstance(m, nn.BatchNorm2d)])
    assert drawn.std().item() == pytest.approx(0.02, rel=0.02)
    assert (scales.mean().item(), scales.std().item()) == (pytest.approx(1, abs=0.005), pytest.approx(0.02, rel=0.2))


@pytest.mark.parametrize(
    ("architecture", "options", "says"),
    [
        ("transformer", {}, "no architecture 'transformer'.*unet"),
        ("segnet", {"levels": 3}, "'segnet' cannot be built.*levels.*widths, dropout"),
        ("unet", {}, "'unet' cannot be built.*widths"),
        ("unet", {"widths": [16]}, "at least two levels"),
        ("unet", {"widths": [16, 0]}, "16, 0"),
        ("unet", {"widths": [16, 2.5]}, "whole numbers"),
    ],
)
def test_what_does_not_exist_is_said(architecture: str, options: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        build_network(architecture, **options)


def test_values_that_make_no_network_are_refused() -> None:
    with pytest.raises(ValueError, match="17 layers"):
        build_network("u-vgg", layers=17)
    with pytest.raises(ValueError):
        build_network("segnet", widths=[4, 8])


def test_origin_of_a_network_that_is_always_new() -> None:
    assert origin_of(build_network("unet", widths=[2, 2])) == "random"


def test_presets_are_listed_without_torch() -> None:
    """`chromview train segmenter --help` names them and must be instant."""
    code = "import sys, chromview.training.zoo as zoo; print(len(zoo.PRESETS), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(len(PRESETS)), "False"]


def test_table_of_the_presets_is_right(repository: Path) -> None:
    table = (repository / "docs" / "zoo.md").read_text(encoding="utf-8").partition("## Sources")[0]
    rows = {match[1]: match[0] for match in re.finditer(r"^\| `([\w-]+)` \|.*$", table, re.MULTILINE)}
    assert list(rows) == list(PRESETS)
    for name, preset in PRESETS.items():
        cells = [cell.strip() for cell in rows[name].strip("|").split("|")]
        assert cells[2] == f"{size_of(preset):,}"
        assert preset.loss in cells[3]
        assert cells[4].startswith(f"{preset.optimiser} {preset.learning_rate:g}")
        assert cells[5] == f"{preset.batch}, {preset.size}, {preset.epochs}"
        assert cells[6].startswith(preset.schedule)
