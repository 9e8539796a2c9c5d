"""The segmenter trained on from its weights with corrected slides, and held against the old one on slides left out.

What is learned new must not cost what was known. The data that the network was trained on are not on a user's
machine, so a part of every step are simulated slides on which the answers of the old network are kept (Li and Hoiem,
Learning without forgetting, 2016); the normalisation of the network stays as it is, the rate is low, and the weights
are a running average.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from chromview.errors import UserError
from chromview.progress import CancelToken
from chromview.training.correction_samples import Batch, TruthSlide, draw_batch
from chromview.training.instance_metrics import SlideScore, f1, score_slide
from chromview.training.metrics import SOLVED
from chromview.training.runs import average_into, descend, mixed_precision, one_cycle
from chromview.training.train_segmenter import OUTPUTS, segmenter_loss
from chromview.vision.models import Models
from chromview.vision.networks import UNet, channels_last
from chromview.vision.pipeline import analyse
from chromview.vision.segmenter import Segmenter
from chromview.vision.weights import load_weights, read_metadata

HELD_OUT = 0.3
"""Share of the slides that the two networks are compared on."""


@dataclass(frozen=True)
class FineTuning:
    """How long and how carefully is trained.

    Attributes
    ----------
    steps, epochs
        Steps in all, and how often progress is told.
    batch, replay, size
        Windows of corrected and of simulated slides in each step, and their side in pixels.
    learning_rate, averaging
        Highest rate; share of the old in the running average of the weights, each step.
    keep
        Weight of the old network's answers on simulated slides.
    seed
        Of everything that is left to chance.
    """

    steps: int = 300
    epochs: int = 10
    batch: int = 6
    replay: int = 4
    size: int = 128
    learning_rate: float = 5e-4
    averaging: float = 0.98
    keep: float = 2.0
    seed: int = 0


class Epoch(NamedTuple):
    """What is told after each epoch: its number from 1, how many there are, and the mean loss on corrected windows."""

    number: int
    of: int
    loss: float


def split(slides: Sequence[TruthSlide], seed: int) -> tuple[list[TruthSlide], list[TruthSlide]]:
    """Slides to train on, and at least one that is held out; the same slides are divided the same way.

    Raises
    ------
    UserError
        If there are fewer than two.
    """
    if len(slides) < 2:
        raise UserError("one slide cannot be divided into training and comparison", advice="Correct another slide.")
    order = np.random.default_rng(seed).permutation(len(slides))
    count = max(1, round(HELD_OUT * len(slides)))
    ordered = sorted(slides, key=lambda slide: (slide.name, slide.image.sha256))
    return [ordered[i] for i in order[count:]], [ordered[i] for i in order[:count]]


def fine_tune(
    weights: Path,
    corrected: Sequence[TruthSlide],
    replay: Sequence[TruthSlide],
    how: FineTuning,
    *,
    told: Callable[[Epoch], object] = lambda epoch: None,
    cancel: CancelToken | None = None,
) -> UNet:
    """Train on from `weights`.

    Parameters
    ----------
    weights
        To begin with.
    corrected
        Slides to learn from.
    replay
        Simulated slides, on which the network shall answer as before.
    told, cancel
        Called after each epoch; looked at before each step.

    Returns
    -------
    UNet
        The running average of the weights, in eval mode.

    Raises
    ------
    UserError
        If the loss is no number any more, or the weights cannot be read.
    Cancelled
        If the token was set.
    """
    cancel = cancel or CancelToken()
    torch.manual_seed(how.seed)
    rng = np.random.default_rng(how.seed)
    old = UNet(2, len(OUTPUTS), read_metadata(weights)["widths"])
    load_weights(weights, old)
    channels_last(old)
    network, average = copy.deepcopy(old), copy.deepcopy(old)
    old.eval()
    # In eval mode the normalisation keeps its statistics: a few slides would replace those of thousands.
    network.eval()
    optimiser = torch.optim.AdamW(network.parameters(), lr=how.learning_rate, weight_decay=0.0)
    schedule = one_cycle(optimiser, how.steps)
    every = max(1, how.steps // how.epochs)
    losses: list[float] = []
    for step in range(how.steps):
        cancel.check()
        loss = _loss(network, draw_batch(rng, corrected, how.batch, how.size))
        own = float(loss.item())
        if replay and how.replay and how.keep:
            loss = loss + how.keep * _kept(network, old, draw_batch(rng, replay, how.replay, how.size))
        descend(loss, network, optimiser, schedule, run=weights, epoch=step // every)
        losses.append(own)
        average_into(average, network, how.averaging, step)
        if (step + 1) % every == 0 or step + 1 == how.steps:
            told(Epoch(-(-(step + 1) // every), -(-how.steps // every), float(np.mean(losses))))
            losses.clear()
    return average.eval()


def _loss(network: nn.Module, batch: Batch) -> Tensor:
    with mixed_precision():
        logits = network(batch.inputs.contiguous(memory_format=torch.channels_last))
    return segmenter_loss(logits, batch.targets, batch.prompted, batch.known)


def _kept(network: nn.Module, old: nn.Module, batch: Batch) -> Tensor:
    """How far the answers are from those of the old network."""
    inputs = batch.inputs.contiguous(memory_format=torch.channels_last)
    with mixed_precision():
        logits = network(inputs)
        with torch.no_grad():
            before = old(inputs)
    answers = torch.sigmoid(before.float())
    each = F.binary_cross_entropy_with_logits(logits.float(), answers, reduction="none")
    # The entropy of the answers themselves is no distance.
    floor = F.binary_cross_entropy(answers, answers, reduction="none")
    weight = each.new_tensor((1.0, 2.0, 2.0, 1.0))[:, None, None]
    return ((each - floor) * weight).mean() * len(OUTPUTS)


# --- comparison ----------------------------------------------------------------------------------


class Numbers(NamedTuple):
    """How well chromosomes are found: F1 at IoU .5 and .75, share solved (IoU .75), and of how many."""

    f1_50: float
    f1_75: float
    solved: float
    slides: int
    chromosomes: int

    @property
    def score(self) -> float:
        """What decides which network is better: the mean of the three."""
        return (self.f1_50 + self.f1_75 + self.solved) / 3

    def as_json(self) -> dict[str, Any]:
        """Rounded, for the card."""
        return {name: round(value, 4) for name, value in self._asdict().items()}


def judge(
    slides: Sequence[TruthSlide],
    models: Models,
    weights: Path,
    *,
    told: Callable[[float], object] = lambda share: None,
    cancel: CancelToken | None = None,
) -> Numbers:
    """Analyse slides as the window would with the segmenter of `weights`, and compare with the truth.

    Chromosomes are matched one to one by IoU, in whatever order they are. What is found where nobody judged, and
    chromosomes cut by the border, count neither as right nor as wrong.
    """
    chosen = replace(
        models,
        segmenter=Segmenter(weights, models.device),
        fluorescent=Segmenter(weights, models.device, fluorescent=True),
    )
    scores: list[SlideScore] = []
    for index, slide in enumerate(slides):
        told(index / len(slides))
        answer = analyse(slide.image, chosen, stain=slide.stain, cancel=cancel)
        found = [
            (c.box, c.mask)
            for c in answer.chromosomes
            if c.in_karyogram and slide.known[c.box.slices][c.mask].mean() > 0.5
        ]
        scores.append(score_slide(slide.instances, found))
    iou = np.concatenate([score.iou for score in scores])
    return Numbers(f1(scores, 0.5), f1(scores, 0.75), float((iou >= SOLVED).mean()), len(scores), len(iou))
