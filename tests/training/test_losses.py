"""Losses: their values by other formulas, slopes that are numbers, and no care for which chromosome is 1."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from chromview.errors import UserError
from chromview.training.losses import LOSSES, SWAPPED, build_loss, in_better_order, soft_dice

SUM = "10*lovasz+0.5*cross-entropy"
EVERY = [*LOSSES, SUM]


def some_pairs(images: int = 3, side: int = 6, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Answers that say little, and labels in which all four occur."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(images, 4, side, side, generator=generator)
    labels = torch.randint(0, 4, (images, side, side), generator=generator)
    labels.view(images, -1)[:, :4] = torch.arange(4)
    return logits, labels


def swapped(labels: Tensor) -> Tensor:
    return torch.tensor(SWAPPED)[labels]


def value(name: str, logits: Tensor, labels: Tensor, **options: Any) -> float:
    return build_loss(name, order_free=False, **options)(logits, labels).item()


def probabilities_and_truth(logits: Tensor, labels: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """``(4, pixels)`` each, by numpy alone."""
    exponential = np.exp(logits.double().numpy())
    answers = np.moveaxis(exponential / exponential.sum(axis=1, keepdims=True), 1, 0).reshape(4, -1)
    return answers, np.stack([(labels.numpy() == label).ravel() for label in range(4)]).astype(float)


def test_pixel_losses_are_means_over_pixels() -> None:
    logits, labels = some_pairs()
    answers, truth = probabilities_and_truth(logits, labels)
    raw = np.moveaxis(logits.numpy(), 1, 0).reshape(4, -1)
    assert value("cross-entropy", logits, labels) == pytest.approx(-np.log(answers[truth == 1]).mean(), rel=1e-5)
    assert value("l1", logits, labels) == pytest.approx(np.abs(answers - truth).mean(), rel=1e-5)
    assert value("squared-error", logits, labels) == pytest.approx(((answers - truth) ** 2).mean(), rel=1e-5)
    assert value("squared-error", logits, labels, raw=True) == pytest.approx(((raw - truth) ** 2).mean(), rel=1e-5)


def test_dice_is_twice_the_common_area_over_both() -> None:
    logits, labels = some_pairs()
    answers, truth = probabilities_and_truth(logits, labels)
    each = 1 - (2 * (answers * truth).sum(axis=1) + 1) / (answers.sum(axis=1) + truth.sum(axis=1) + 1)
    assert value("dice", logits, labels) == pytest.approx(each[1:].mean(), rel=1e-5)
    assert value("dice", logits, labels, ground=True) == pytest.approx(each.mean(), rel=1e-5)
    assert value("dice", logits, labels) == pytest.approx(soft_dice(logits, labels).item(), rel=1e-6)
    assert value("log-cosh-dice", logits, labels) == pytest.approx(math.log(math.cosh(each[1:].mean())), rel=1e-5)


def test_tversky_weighs_what_is_missed_by_alpha() -> None:
    logits, labels = some_pairs()
    answers, truth = probabilities_and_truth(logits, labels)
    missed, excess = (truth * (1 - answers)).sum(axis=1), ((1 - truth) * answers).sum(axis=1)
    hit = (answers * truth).sum(axis=1)
    each = (1 - (hit + 1) / (hit + 0.7 * missed + 0.3 * excess + 1))[1:]
    assert value("tversky", logits, labels) == pytest.approx(each.mean(), rel=1e-5)
    assert value("focal-tversky", logits, labels) == pytest.approx((each**0.75).mean(), rel=1e-5)
    # With equal weights it is a Dice loss.
    even = 1 - (2 * hit + 2) / (2 * hit + missed + excess + 2)
    assert value("tversky", logits, labels, alpha=0.5) == pytest.approx(even[1:].mean(), rel=1e-5)


def test_tversky_agrees_with_the_library_where_all_labels_occur() -> None:
    """Its beta is the weight of what is missed, so that the published 0.7 is not its alpha."""
    from chromview.vision._torchvision import load

    load()
    from segmentation_models_pytorch.losses import TverskyLoss

    logits, labels = some_pairs()
    theirs = TverskyLoss("multiclass", classes=[1, 2, 3], smooth=1.0, alpha=0.3, beta=0.7)(logits, labels)
    assert value("tversky", logits, labels) == pytest.approx(theirs.item(), rel=1e-5)


def test_missing_costs_more_than_excess() -> None:
    labels = torch.zeros(1, 8, 8, dtype=torch.int64)
    labels[:, :4] = 1
    answer = torch.nn.functional.one_hot(labels, 4).permute(0, 3, 1, 2) * 20.0
    too_small, too_large = answer.clone(), answer.clone()
    too_small[:, :, 3] = torch.tensor((20.0, 0.0, 0.0, 0.0))[None, :, None]
    too_large[:, :, 4] = torch.tensor((0.0, 20.0, 0.0, 0.0))[None, :, None]
    assert value("tversky", too_small, labels) > value("tversky", too_large, labels)


def lovasz_by_definition(errors: np.ndarray, truth: np.ndarray) -> float:
    """The Lovasz extension of the Jaccard loss as in equation 9 of the paper, one set of pixels after another."""

    def jaccard_loss(mistaken: set[int]) -> float:
        true = set(np.flatnonzero(truth))
        return len(mistaken) / len(true | mistaken)

    total, before = 0.0, 0.0
    mistaken: set[int] = set()
    for pixel in np.argsort(-errors):
        mistaken.add(int(pixel))
        now = jaccard_loss(mistaken)
        total += errors[pixel] * (now - before)
        before = now
    return total


def test_lovasz_is_the_extension_of_the_jaccard_loss() -> None:
    logits, labels = some_pairs(images=2, side=4)
    labels[labels == 3] = 0
    answers, truth = probabilities_and_truth(logits, labels)
    # The fourth label does not occur and does not count.
    each = [lovasz_by_definition(np.abs(truth[label] - answers[label]), truth[label]) for label in range(3)]
    assert value("lovasz", logits, labels) == pytest.approx(np.mean(each), rel=1e-5)


@pytest.mark.parametrize("name", EVERY)
def test_perfect_answer_costs_nothing_and_a_wrong_one_something(name: str) -> None:
    _, labels = some_pairs()
    sure = torch.nn.functional.one_hot(labels, 4).permute(0, 3, 1, 2) * 100.0
    # Focal Tversky keeps a distance of 1e-7 from its infinite slope.
    assert value(name, sure, labels) == pytest.approx(0, abs=1e-4)
    assert value(name, sure.flip(1), labels) > 0.2


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("order_free", [True, False], ids=["order-free", "as-given"])
def test_slopes_are_numbers(name: str, dtype: torch.dtype, order_free: bool) -> None:
    """Also for labels that never occur, images without chromosomes, and answers without any doubt."""
    logits, labels = some_pairs()
    without_overlap = torch.where(labels == 3, 0, labels)
    empty = torch.zeros_like(labels)
    sure = torch.nn.functional.one_hot(labels, 4).permute(0, 3, 1, 2) * 100.0
    sure_of_nothing = torch.nn.functional.one_hot(empty, 4).permute(0, 3, 1, 2) * 100.0
    loss = build_loss(name, order_free=order_free)
    cases = [(logits, labels), (logits, without_overlap), (logits, empty), (sure, labels), (sure, empty)]
    for answer, truth in [*cases, (sure_of_nothing, empty), (sure.flip(1), labels)]:
        given = answer.to(dtype).requires_grad_()
        result = loss(given, truth)
        assert result.dtype == torch.float32 and result.shape == () and torch.isfinite(result)
        result.backward()
        assert given.grad is not None and torch.isfinite(given.grad).all()


@pytest.mark.parametrize("name", EVERY)
def test_half_precision_is_close(name: str) -> None:
    """What is computed from bfloat16 answers is computed in float32."""
    logits, labels = some_pairs()
    rough = logits.bfloat16()
    assert value(name, rough, labels) == pytest.approx(value(name, rough.float(), labels), rel=1e-6)


@pytest.mark.parametrize("name", EVERY)
def test_order_of_the_chromosomes_does_not_matter(name: str) -> None:
    logits, labels = some_pairs(images=4)
    loss = build_loss(name)
    results = []
    # Other images of the batch in the other order, then all of them.
    for turned in ([], [1, 3], [0, 1, 2, 3]):
        truth = labels.clone()
        truth[turned] = swapped(labels[turned])
        given = logits.clone().requires_grad_()
        result = loss(given, truth)
        result.backward()
        assert given.grad is not None
        results.append((result.item(), given.grad))
    for result, slope in results[1:]:
        assert result == pytest.approx(results[0][0], rel=1e-6)
        assert torch.allclose(slope, results[0][1], atol=1e-7)


@pytest.mark.parametrize("name", EVERY)
def test_order_is_the_one_of_the_lower_loss(name: str) -> None:
    for seed in range(6):
        logits, labels = some_pairs(images=1, seed=seed)
        both = value(name, logits, labels), value(name, logits, swapped(labels))
        assert build_loss(name)(logits, labels).item() == pytest.approx(min(both), rel=1e-6)


def test_each_image_has_its_own_order() -> None:
    _, labels = some_pairs(images=2)
    sure = torch.nn.functional.one_hot(labels, 4).permute(0, 3, 1, 2) * 20.0
    truth = torch.stack((labels[0], swapped(labels[1])))
    assert build_loss("dice")(sure, truth).item() == pytest.approx(0, abs=1e-4)
    assert value("dice", sure, truth) > 0.2
    assert torch.equal(in_better_order(sure, truth), labels)


def test_sums_are_weighted() -> None:
    logits, labels = some_pairs()
    parts = value("cross-entropy", logits, labels), value("tversky", logits, labels, alpha=0.9)
    name = "2*cross-entropy + 0.25*tversky"
    assert value(name, logits, labels, tversky={"alpha": 0.9}) == pytest.approx(2 * parts[0] + 0.25 * parts[1])


def test_loss_can_be_sent_to_another_process() -> None:
    logits, labels = some_pairs()
    loss = build_loss("cross-entropy+dice")
    assert pickle.loads(pickle.dumps(loss))(logits, labels).item() == loss(logits, labels).item()


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("hinge", {}, "no loss 'hinge'.*cross-entropy, squared-error"),
        ("dice+hinge", {}, "no loss 'hinge'"),
        ("", {}, "no loss ''"),
        ("dice", {"alpha": 0.7}, "'dice' has no option alpha.*ground"),
        ("lovasz", {"alpha": 0.7}, "'lovasz' has no option alpha.*none"),
        ("dice+l1", {"tversky": {"alpha": 0.7}}, "'tversky' is no part"),
        ("much*dice", {}, "'much' in front of the loss 'dice' is no number"),
    ],
)
def test_what_does_not_exist_is_said(name: str, options: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        build_loss(name, **options)
