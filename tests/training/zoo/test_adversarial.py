"""Discriminators and the game they play."""

from __future__ import annotations

import math

import pytest
import torch

from chromview.errors import UserError
from chromview.training.zoo import PRESETS, Adversary, build_discriminator
from chromview.training.zoo.adversarial import judged

ADVERSARIAL = {name: preset.adversary for name, preset in PRESETS.items() if preset.adversary is not None}


def test_published_adversaries_are_there() -> None:
    assert set(ADVERSARIAL) == {
        "cgan-unet", "cgan-attention-unet", "cgan-r2-unet", "cgan-r2-attention-unet", "cgan-nested-unet", "p3gan",
    }  # fmt: skip
    assert {(a.kind, a.weight, a.loss_weight) for name, a in ADVERSARIAL.items() if name != "p3gan"} == {
        ("least-squares", 1.0, 10.0)
    }
    assert (ADVERSARIAL["p3gan"].kind, PRESETS["p3gan"].loss) == ("bce", "l1+tversky")


def test_discriminator_of_p3gan_has_the_published_size() -> None:
    """6,968,257 parameters, 2,816 of them not trained (Brownlee 2019, see test_networks); one channel fewer here."""
    network = build_discriminator(ADVERSARIAL["p3gan"])
    assert sum(parameter.numel() for parameter in network.parameters()) == 6_968_257 - 2816 - 64 * 16


@pytest.mark.parametrize("kind", ["cgan-unet", "p3gan"])
def test_discriminator_judges_patches(kind: str) -> None:
    torch.manual_seed(0)
    network = build_discriminator(ADVERSARIAL[kind])
    image, labels = torch.rand(1, 1, 128, 128), torch.rand(1, 4, 128, 128)
    with torch.no_grad():
        answer = network.eval()(image, labels)
        # Something changes in one corner; the far corner does not see it.
        labels[..., :8, :8] = 1 - labels[..., :8, :8]
        change = (network(image, labels) - answer).abs()
    assert answer.shape[:2] == (1, 1) and min(answer.shape[2:]) > 1
    assert change[..., 0, 0] > 0 and change[..., -1, -1] == 0


def test_judgement_by_its_formulas() -> None:
    logits = torch.tensor([[0.3, -2.0], [1.0, 5.0]])
    share = 1 / (1 + torch.exp(-logits))
    assert judged(logits, True, "bce").item() == pytest.approx(-share.log().mean().item(), rel=1e-5)
    assert judged(logits, False, "bce").item() == pytest.approx(-(1 - share).log().mean().item(), rel=1e-5)
    assert judged(logits, True, "least-squares").item() == pytest.approx(((logits - 1) ** 2).mean().item(), rel=1e-6)
    assert judged(logits, False, "least-squares").item() == pytest.approx((logits**2).mean().item(), rel=1e-6)
    with pytest.raises(ValueError, match="wasserstein"):
        judged(logits, True, "wasserstein")  # type: ignore[arg-type]


def test_judgement_of_half_precision_is_a_number() -> None:
    logits = torch.tensor([80.0, -80.0], dtype=torch.bfloat16, requires_grad=True)
    for kind in ("bce", "least-squares"):
        loss = judged(logits, True, kind)  # type: ignore[arg-type]
        assert loss.dtype == torch.float32 and torch.isfinite(loss)
        loss.backward()
    assert logits.grad is not None and torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("kind", ["bce", "least-squares"])
def test_discriminator_learns_to_tell_right_from_wrong(kind: str) -> None:
    """The published one, with a sigmoid before that of the cross-entropy, cannot go below ln 2 for what is false."""
    torch.manual_seed(0)
    adversary = Adversary(kind, discriminator_options={"widths": [8, 16], "strides": [2, 2]})  # type: ignore[arg-type]
    network = build_discriminator(adversary)
    optimiser = torch.optim.Adam(network.parameters(), adversary.learning_rate * 10, betas=adversary.betas)
    image = torch.zeros(4, 1, 32, 32)
    image[..., 8:24, 8:24] = 1
    true = torch.cat((1 - image, image, torch.zeros(4, 2, 32, 32)), dim=1)
    false = true.flip(1)
    for _ in range(30):
        loss = (judged(network(image, true), True, kind) + judged(network(image, false), False, kind)) / 2  # type: ignore[arg-type]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < math.log(2) / 5


def test_unknown_discriminator_is_said() -> None:
    with pytest.raises(UserError, match="no discriminator 'critic'"):
        build_discriminator(Adversary("bce", discriminator="critic"))
    with pytest.raises(UserError, match="depth"):
        build_discriminator(Adversary("bce", discriminator_options={"depth": 3}))
