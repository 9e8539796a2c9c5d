"""Training of the pair network: four labels of a cluster of two, in either order."""

from __future__ import annotations

import copy
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from chromview.core.chromosome import Stain
from chromview.training.compose import Bank
from chromview.training.datasets import read_karyotypes
from chromview.training.evaluate import solved_pair
from chromview.training.losses import in_better_order, soft_dice
from chromview.training.metrics import pooled, score_image
from chromview.training.pair_samples import PairMix, PairSamples
from chromview.training.runs import (
    average_into,
    descend,
    load_narrower,
    log_row,
    mixed_precision,
    one_cycle,
    resume,
    save_checkpoint,
    save_weights,
)
from chromview.training.scenes import ComposedPair, composed_pairs
from chromview.vision.networks import UNet, channels_last
from chromview.vision.pairs import dab, tips
from chromview.vision.prepare import to_darkness

CLASS_WEIGHTS = (0.5, 1.0, 1.0, 2.0)
"""Of background, the chromosomes and the overlap in the cross-entropy."""


@dataclass
class PairOptions:
    """Options of a run; `data` is the folder of the sets, `out` the folder of the run."""

    data: Path
    out: Path
    widths: tuple[int, ...] = (16, 32, 96, 192, 256)
    batch: int = 16
    steps_per_epoch: int = 300
    epochs: int = 16
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    averaging: float = 0.995
    """Share of the old in the running average of the weights, each step; the average is what ships."""
    seed: int = 0
    workers: int = 1
    start_from: Path | None = None
    """Weights to begin with, such as those of the shipped segmenter; their network may be narrower."""


def pair_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Weighted cross-entropy and soft Dice, in the better order of each image."""
    logits = logits.float()
    truth = in_better_order(logits, labels)
    weight = logits.new_tensor(CLASS_WEIGHTS)
    loss: Tensor = F.cross_entropy(logits, truth, weight=weight) + soft_dice(logits, truth)
    return loss


@torch.inference_mode()
def validate(network: nn.Module, pairs: list[ComposedPair]) -> dict[str, float]:
    """IoU without order and pairs solved, one view, on fixed pairs."""
    network.eval()
    labels = []
    for start in range(0, len(pairs), 32):
        chunk = np.zeros((len(pairs[start : start + 32]), 2, *pairs[0].label.shape), np.float32)
        for row, pair in zip(chunk, pairs[start : start + 32], strict=True):
            row[0] = to_darkness(pair.image, Stain.G_BAND)
            row[1] = dab(pair.label.shape, tips(row[0], 1)[0])
        with mixed_precision():
            labels.append(
                network(torch.from_numpy(chunk).contiguous(memory_format=torch.channels_last))
                .argmax(dim=1)
                .to(torch.uint8)
                .numpy()
            )
    answers = np.concatenate(labels)
    scores = pooled((score_image(a, p.label) for a, p in zip(answers, pairs, strict=True)), resamples=2)
    free = scores["iou_order_free"]
    solved = float(np.mean([solved_pair(a, p.label) for a, p in zip(answers, pairs, strict=True)]))
    return {"chromosomes": free["chromosomes"], "overlap": free["overlap"], "solved": solved}


def main(options: PairOptions) -> Path:
    """Train, or go on with the run in `options.out`; return the file of the best weights.

    Every epoch writes ``latest.ckpt`` and a row of ``log.csv``; the averaged weights with the best mean of the two
    IoU on `val` are ``best.safetensors``.

    Raises
    ------
    UserError
        If data are missing, a checkpoint is damaged, or the loss is no number any more.
    """
    options.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    network = UNet(2, 4, options.widths)
    if options.start_from:
        load_narrower(options.start_from, network)
    channels_last(network)
    average = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay)
    first, best = 0, -1.0
    latest, weights = options.out / "latest.ckpt", options.out / "best.safetensors"
    if latest.exists():
        state = resume(latest, network=network, average=average, optimiser=optimiser)
        first, best = state["epoch"], state["best"]
        for group in optimiser.param_groups:
            group["lr"] = group["initial_lr"] = options.learning_rate
    schedule = one_cycle(optimiser, options.epochs * options.steps_per_epoch, first * options.steps_per_epoch)
    gband = options.data / "gband_karyotypes.h5"
    qband = options.data / "qband_karyotypes.h5"
    fixed = list(composed_pairs(read_karyotypes(gband, "val"), 300, seed=1))
    samples = PairSamples(
        Bank([read_karyotypes(gband, "train")]),
        Bank([read_karyotypes(qband, "train")]) if qband.exists() else None,
        options.batch,
        options.seed + 1000 * first + 7,
        PairMix(),
    )
    ahead = 4 if options.workers else None
    loader = iter(DataLoader(samples, batch_size=None, num_workers=options.workers, prefetch_factor=ahead))
    for epoch in range(first, options.epochs):
        network.train()
        started, total = time.perf_counter(), 0.0
        for step in range(options.steps_per_epoch):
            inputs, labels = next(loader)
            with mixed_precision():
                logits = network(inputs.contiguous(memory_format=torch.channels_last))
            loss = pair_loss(logits, labels)
            total += descend(loss, network, optimiser, schedule, run=options.out, epoch=epoch)
            done = epoch * options.steps_per_epoch + step
            average_into(average, network, options.averaging, done)
        scores = validate(average, fixed)
        row = {
            "epoch": epoch + 1,
            "train_loss": round(total / options.steps_per_epoch, 4),
            **{name: round(value, 4) for name, value in scores.items()},
            "seconds": round(time.perf_counter() - started, 1),
        }
        log_row(options.out / "log.csv", **row)
        print(row, flush=True)
        if scores["chromosomes"] + scores["overlap"] > best:
            best = scores["chromosomes"] + scores["overlap"]
            save_weights(weights, average, architecture="UNet", widths=list(options.widths), epoch=epoch + 1)
        save_checkpoint(
            latest,
            network=network.state_dict(),
            average=average.state_dict(),
            optimiser=optimiser.state_dict(),
            epoch=epoch + 1,
            best=best,
            options={name: str(value) for name, value in asdict(options).items()},
        )
    return weights
