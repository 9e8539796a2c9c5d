"""Losses of four-label masks, indifferent to which chromosome of a pair is called 1.

Each loss of `LOSSES` takes logits ``(N, 4, H, W)`` of any floating type and labels ``(N, H, W)`` int64 from 0 to 3, and
returns one float32 number; `build_loss` finds one by name and makes it indifferent to the order. What compares areas
(Dice, Tversky, Lovasz) pools them over the batch, so that a label that an image does not have weighs little.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from chromview.errors import UserError

Loss = Callable[[Tensor, Tensor], Tensor]

SWAPPED = (0, 2, 1, 3)
"""Labels after chromosomes 1 and 2 have changed places."""


def in_better_order(logits: Tensor, labels: Tensor) -> Tensor:
    """Labels ``(N, H, W)`` with 1 and 2 exchanged in those images where that fits the answer better.

    Parameters
    ----------
    logits
        ``(N, 4, H, W)``.
    labels
        ``(N, H, W)`` int64, 0 to 3.

    Notes
    -----
    Fits better: lower cross-entropy. Losses on what this returns do not depend on the order of the chromosomes in
    the truth: each image is compared with the better of its two orders (permutation-invariant training, Yu 2017).
    """
    with torch.no_grad():
        logits = logits.detach().float()
        other = labels.new_tensor(SWAPPED)[labels]
        cost = F.cross_entropy(logits, labels, reduction="none").sum(dim=(1, 2))
        cost_other = F.cross_entropy(logits, other, reduction="none").sum(dim=(1, 2))
        return torch.where((cost_other < cost)[:, None, None], other, labels)


def soft_dice(logits: Tensor, labels: Tensor) -> Tensor:
    """1 - mean soft Dice (Milletari et al. 2016) of labels 1 to 3, pooled over the batch."""
    probabilities = torch.softmax(logits.float(), dim=1)[:, 1:]
    truth = F.one_hot(labels, logits.shape[1]).permute(0, 3, 1, 2)[:, 1:].to(probabilities.dtype)
    both = (probabilities * truth).sum(dim=(0, 2, 3))
    total = probabilities.sum(dim=(0, 2, 3)) + truth.sum(dim=(0, 2, 3))
    return 1 - ((2 * both + 1) / (total + 1)).mean()


# --- the losses by name ---


def _answers_and_truth(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Probabilities and one-hot truth, both ``(N, 4, H, W)`` float32."""
    truth = F.one_hot(labels, logits.shape[1]).permute(0, 3, 1, 2).float()
    return torch.softmax(logits.float(), dim=1), truth


def _hits_and_errors(logits: Tensor, labels: Tensor, ground: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Soft areas hit, claimed in excess and missed, of each label, ``(3,)``, or ``(4,)`` with that of the ground."""
    answers, truth = _answers_and_truth(logits, labels)
    hit = (answers * truth).sum(dim=(0, 2, 3))
    first = 0 if ground else 1
    areas = hit, answers.sum(dim=(0, 2, 3)) - hit, truth.sum(dim=(0, 2, 3)) - hit
    return areas[0][first:], areas[1][first:], areas[2][first:]


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of the pixels."""
    return F.cross_entropy(logits.float(), labels)


def squared_error(logits: Tensor, labels: Tensor, *, raw: bool = False) -> Tensor:
    """Mean squared difference of probabilities and truth; with `raw` of the logits themselves, as Hu et al. (2017)."""
    answers, truth = _answers_and_truth(logits, labels)
    return F.mse_loss(logits.float() if raw else answers, truth)


def absolute_error(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean absolute difference of probabilities and truth (L1)."""
    return F.l1_loss(*_answers_and_truth(logits, labels))


def dice(logits: Tensor, labels: Tensor, *, ground: bool = False) -> Tensor:
    """1 - mean soft Dice (Milletari et al. 2016) of labels 1 to 3; with `ground` of all four."""
    hit, excess, missed = _hits_and_errors(logits, labels, ground)
    return 1 - ((2 * hit + 1) / (2 * hit + excess + missed + 1)).mean()


def log_cosh_dice(logits: Tensor, labels: Tensor, *, ground: bool = False) -> Tensor:
    """log(cosh(Dice loss)) (Jadon 2020, arXiv 2006.14822)."""
    return torch.log(torch.cosh(dice(logits, labels, ground=ground)))


def tversky(logits: Tensor, labels: Tensor, *, alpha: float = 0.7, ground: bool = False) -> Tensor:
    """1 - mean soft Tversky index of labels 1 to 3 (Salehi et al. 2017, arXiv 1706.05721).

    Parameters
    ----------
    logits, labels
        See above.
    alpha
        Weight of what is missed; what is claimed in excess has 1 - `alpha`.
    ground
        Whether label 0 is one of those averaged.
    """
    return _tversky_losses(logits, labels, alpha, ground).mean()


def focal_tversky(
    logits: Tensor, labels: Tensor, *, alpha: float = 0.7, gamma: float = 0.75, ground: bool = False
) -> Tensor:
    """Mean of (1 - Tversky index) ** `gamma` over the labels (Abraham and Khan 2018, arXiv 1810.07842)."""
    # A perfect answer has an infinite slope here, and zero times that is no number.
    return (_tversky_losses(logits, labels, alpha, ground).clamp_min(1e-7) ** gamma).mean()


def _tversky_losses(logits: Tensor, labels: Tensor, alpha: float, ground: bool) -> Tensor:
    hit, excess, missed = _hits_and_errors(logits, labels, ground)
    return 1 - (hit + 1) / (hit + alpha * missed + (1 - alpha) * excess + 1)


def lovasz(logits: Tensor, labels: Tensor) -> Tensor:
    """Lovasz-softmax of the labels that occur (Berman et al. 2018, arXiv 1705.08790)."""
    # It brings timm, which takes seconds to import and needs torchvision prepared.
    from chromview.vision import _torchvision

    _torchvision.load()
    from segmentation_models_pytorch.losses import LovaszLoss

    value: Tensor = LovaszLoss("multiclass")(logits.float(), labels)
    return value


LOSSES: dict[str, Callable[..., Tensor]] = {
    "cross-entropy": cross_entropy,
    "squared-error": squared_error,
    "l1": absolute_error,
    "dice": dice,
    "log-cosh-dice": log_cosh_dice,
    "tversky": tversky,
    "focal-tversky": focal_tversky,
    "lovasz": lovasz,
}
"""The losses that sums are made of, by name."""


def build_loss(name: str, *, order_free: bool = True, **options: Any) -> Loss:
    """A loss by its name, or a weighted sum of several.

    Parameters
    ----------
    name
        One of `LOSSES`, or a sum such as ``"cross-entropy+dice"`` or ``"10*lovasz+0.5*l1"``.
    order_free
        Compare each image with the truth in that order of its two chromosomes which has the lower value of this very
        loss, or of the whole sum, for that image alone (permutation-invariant training, Yu 2017).
    options
        Of the loss; of a sum, a dictionary of options by the name of the term: ``tversky={"alpha": 0.8}``.

    Raises
    ------
    UserError
        If there is no such loss, or it has no such option.
    """
    parts = [_weight_and_name(part) for part in name.split("+")]
    by_term: Mapping[str, Any] = options if len(parts) > 1 else {parts[0][1]: options}
    strangers = by_term.keys() - {term for _, term in parts}
    if strangers:
        raise UserError(f"'{', '.join(sorted(strangers))}' is no part of the loss '{name}'")
    terms = [(weight, _with_options(term, by_term.get(term, {}))) for weight, term in parts]
    loss = partial(_weighted_sum, terms)
    return partial(_in_lower_order, loss) if order_free else loss


def _weight_and_name(part: str) -> tuple[float, str]:
    weight, star, name = part.rpartition("*")
    try:
        return float(weight) if star else 1.0, name.strip()
    except ValueError:
        raise UserError(f"'{weight}' in front of the loss '{name}' is no number") from None


def _with_options(name: str, options: Mapping[str, Any]) -> Loss:
    if name not in LOSSES:
        raise UserError(f"there is no loss '{name}'", advice=f"There are {', '.join(LOSSES)}, and sums of them.")
    known = [key for key in inspect.signature(LOSSES[name]).parameters if key not in ("logits", "labels")]
    strangers = [key for key in options if key not in known]
    if strangers:
        raise UserError(
            f"the loss '{name}' has no option {', '.join(strangers)}",
            advice=f"Its options are {', '.join(known)}." if known else "It has none.",
        )
    return partial(LOSSES[name], **options)


def _weighted_sum(terms: Sequence[tuple[float, Loss]], logits: Tensor, labels: Tensor) -> Tensor:
    (weight, loss), *others = terms
    total = weight * loss(logits, labels)
    for weight, loss in others:
        total = total + weight * loss(logits, labels)
    return total


def _in_lower_order(loss: Loss, logits: Tensor, labels: Tensor) -> Tensor:
    with torch.no_grad():
        other = labels.new_tensor(SWAPPED)[labels]
        images = zip(logits.detach().split(1), labels.split(1), other.split(1), strict=True)
        worse = torch.stack([loss(image, order) > loss(image, second) for image, order, second in images])
        labels = torch.where(worse[:, None, None], other, labels)
    return loss(logits, labels)
