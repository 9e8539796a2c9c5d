"""Shapes of the networks, and what they must not depend on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from chromview.vision.canvas import CANVAS
from chromview.vision.efficientnet import SIZES, EfficientNetLite
from chromview.vision.networks import ChromosomeNet, UNet, channels_last, fold_normalisation


@pytest.mark.parametrize(("widths", "stride"), [((4,), 1), ((4, 8), 2), ((4, 8, 12), 4), ((2, 3, 4, 5, 6), 16)])
def test_unet_answers_at_full_resolution(widths: tuple[int, ...], stride: int) -> None:
    network = UNet(2, 4, widths).eval()
    assert network.stride == stride
    with torch.inference_mode():
        assert network(torch.zeros(3, 2, 2 * stride, 5 * stride)).shape == (3, 4, 2 * stride, 5 * stride)


@pytest.mark.parametrize("build", [lambda: UNet(1, 4, (4, 6, 8)), lambda: ChromosomeNet(4, 3), EfficientNetLite])
def test_folded_normalisation_changes_no_answer(build: Callable[[], torch.nn.Module]) -> None:
    torch.manual_seed(2)
    network = build()
    network(torch.rand(8, 1, 32, 32))  # in training mode: the running means are no longer those it began with
    network.eval()
    image = torch.rand(2, 1, 32, 24)
    with torch.inference_mode():
        before = network(image)
        fold_normalisation(network)
        assert not any(isinstance(layer, torch.nn.BatchNorm2d) for layer in network.modules())
        after = network(image)
    for a, b in zip(*((x if isinstance(x, tuple) else [x]) for x in (after, before)), strict=True):
        assert torch.allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("network", [ChromosomeNet(8, 9), EfficientNetLite()])
def test_classifier_heads(network: torch.nn.Module) -> None:
    network.eval()
    with torch.inference_mode():
        classes, polarity = network(torch.rand(5, 1, *CANVAS))
    assert classes.shape == (5, 24)
    assert polarity.shape == (5,)


def test_brightness_counts_for_the_class_alone_and_only_where_it_is_known() -> None:
    torch.manual_seed(4)
    network, x = ChromosomeNet(8, 9).eval(), torch.rand(3, 1, *CANVAS)
    with torch.inference_mode():
        without, polarity = network(x)
        told, same = network(x, torch.tensor([torch.nan, -0.4, 0.4]))
    assert torch.equal(polarity, same)
    assert torch.equal(told[0], without[0])
    assert not torch.allclose(told[1:], without[1:])


@pytest.mark.parametrize("network", [UNet(1, 2, (4, 8)), ChromosomeNet(4, 3), EfficientNetLite()])
def test_images_of_a_batch_do_not_see_each_other(network: torch.nn.Module) -> None:
    torch.manual_seed(1)
    network.eval()
    batch = torch.rand(4, 1, 64, 48)
    with torch.inference_mode():
        together, alone = network(batch), network(batch[2:3])
    for a, b in zip(
        together if isinstance(together, tuple) else [together], alone if isinstance(alone, tuple) else [alone],
        strict=True,
    ):  # fmt: skip
        assert torch.allclose(a[2:3], b, atol=1e-5)


def test_the_networks_that_knew_photographs_are_as_large_as_published() -> None:
    """Tan and Le's 4.65, 5.42 and 6.09 million, without what follows the last stage, and grey instead of colours."""
    for name, published in {"efficientnet_lite0": 4.65, "efficientnet_lite1": 5.42, "efficientnet_lite2": 6.09}.items():
        stages = EfficientNetLite(name).stages
        last = list(stages.children())[-1].layers[-1].num_features
        left_out = (last + 2) * 1280 + 1281 * 1000 + 576
        weights = sum(p.numel() for p in stages.parameters())
        assert weights + left_out == pytest.approx(published * 1e6, rel=2e-3), name
    assert len(SIZES) == 3


def test_the_layout_in_memory_changes_no_answer() -> None:
    torch.manual_seed(2)
    network = UNet(1, 1, (4, 8)).eval()
    x = torch.rand(1, 1, 32, 32)
    with torch.inference_mode():
        before = network(x)
        channels_last(network)
        assert torch.allclose(before, network(x.to(memory_format=torch.channels_last)), atol=1e-5)


def test_the_networks_learn() -> None:
    """A few steps on one batch lower the loss: every part has a gradient."""
    torch.manual_seed(3)
    unet = UNet(1, 1, (4, 8, 8))
    for network in (unet, ChromosomeNet(4, 3), EfficientNetLite()):
        x = torch.rand(4, 1, 32, 32)
        optimiser = torch.optim.Adam(network.parameters(), 1e-2)
        losses = []
        for _ in range(8):
            answer = network(x)
            loss = (
                ((answer - (x > 0.5).float()) ** 2).mean()
                if network is unet
                else torch.nn.functional.cross_entropy(answer[0], torch.arange(4)) + answer[1].square().mean()
            )
            optimiser.zero_grad()
            loss.backward()
            assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
            optimiser.step()
            losses.append(loss.item())
        assert losses[-1] < losses[0]
