"""Training of the segmenter: one U-Net that sees every pixel and answers prompts."""

from __future__ import annotations

import copy
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from chromview.training.correction_samples import TruthSlide, simulated
from chromview.training.datasets import Metaphase, read_karyotypes, read_metaphases
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
from chromview.training.segmenter_samples import SeenMetaphase, SegmenterSamples, Sources, make_sample, open_sources
from chromview.vision.networks import UNet, channels_last

OUTPUTS = ("foreground", "overlap", "contact", "chromosome")


@dataclass
class SegmenterOptions:
    """Options of a run; `data` is the folder of the sets, `out` the folder of the run."""

    data: Path
    out: Path
    widths: tuple[int, ...] = (16, 32, 64, 128, 160)
    size: int = 128
    batch: int = 24
    steps_per_epoch: int = 250
    epochs: int = 20
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    averaging: float = 0.995
    """Share of the old in the running average of the weights, each step; the average is what ships."""
    seed: int = 0
    workers: int = 1
    start_from: Path | None = None
    """Weights to begin with; their network may be narrower."""
    fluorescent: bool = False
    """Of fluorescent chromosomes alone."""
    simulated: int = 0
    """Simulated metaphases to cut windows from as well."""


def dice_loss(logits: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """1 - soft Dice (Milletari et al. 2016) over a batch ``(N, H, W)``, of the pixels that are `valid`."""
    p = torch.sigmoid(logits)
    if valid is not None:
        p, target = p * valid, target * valid
    loss: Tensor = 1 - (2 * (p * target).sum() + 1) / (p.sum() + target.sum() + 1)
    return loss


def segmenter_loss(logits: Tensor, targets: Tensor, prompted: Tensor, valid: Tensor | None = None) -> Tensor:
    """Cross-entropy and Dice of the four answers; the prompted one only where a prompt was given.

    Parameters
    ----------
    logits, targets
        ``(N, 4, H, W)``.
    prompted
        ``(N,)`` bool.
    valid
        ``(N, H, W)`` of 0 and 1: where the truth about pixels is known; everywhere if None. What belongs to the
        chromosome asked for is known everywhere.
    """
    logits = logits.float()
    loss: Tensor = logits.new_zeros(())
    # Overlaps and contact lines are rare and thin: a line drawn in doubt costs less than one missed,
    # since pieces that were cut without need are joined again.
    for channel, (weight, positive) in enumerate(((1.0, 1.0), (2.0, 2.0), (2.0, 5.0))):
        z, t = logits[:, channel], targets[:, channel]
        rare = F.binary_cross_entropy_with_logits(z, t, weight=valid, pos_weight=z.new_tensor(positive))
        loss = loss + weight * rare + 0.3 * dice_loss(z, t, valid)
    if prompted.any():
        z, t = logits[prompted, 3], targets[prompted, 3]
        # A pixel of a neighbour is a worse mistake than one of the ground.
        closeness = 1 + 3 * targets[prompted, 0]
        each = F.binary_cross_entropy_with_logits(z, t, reduction="none")
        loss = loss + (closeness * each).mean() + dice_loss(z, t)
    return loss


@torch.no_grad()
def validate(network: nn.Module, batches: list[tuple[Tensor, Tensor, Tensor]]) -> dict[str, float]:
    """Loss and pooled IoU of each answer on fixed batches."""
    network.eval()
    hits, unions, losses = np.zeros(4), np.zeros(4), []
    for inputs, targets, prompted in batches:
        with mixed_precision():
            logits = network(inputs.to(memory_format=torch.channels_last))
        losses.append(segmenter_loss(logits, targets, prompted).item())
        found, truth = logits > 0, targets > 0.5
        found[:, 3] &= prompted[:, None, None]
        hits += (found & truth).sum(dim=(0, 2, 3)).numpy()
        unions += (found | truth).sum(dim=(0, 2, 3)).numpy()
    iou = hits / np.maximum(unions, 1)
    return {"val_loss": float(np.mean(losses)), **{f"iou_{n}": float(v) for n, v in zip(OUTPUTS, iou, strict=True)}}


def _sources(options: SegmenterOptions, split: str) -> Sources:
    data = options.data
    gband = None if options.fluorescent else read_karyotypes(data / "gband_karyotypes.h5", split)
    qband_file, mfish_file = data / "qband_karyotypes.h5", data / "mfish_dapi.h5"
    qband = read_karyotypes(qband_file, split) if qband_file.exists() else None
    metaphases = read_metaphases(mfish_file, split) if mfish_file.exists() else []
    sources = open_sources(gband, qband, metaphases)
    if not options.simulated or split != "train":  # `val` stays what it was, so that runs can be compared
        return sources
    made = simulated(options.simulated, options.seed, lambda _: None, fluorescent=options.fluorescent, openness=0.6)
    return replace(sources, simulated=tuple(_seen(slide) for slide in made))


def _seen(slide: TruthSlide) -> SeenMetaphase:
    """A simulated slide as one of a set."""
    truth = Metaphase(slide.name, slide.name, "", np.asarray(slide.image.pixels, np.uint8), slide.instances)
    return SeenMetaphase(truth, slide.darkness, slide.scale)


def main(options: SegmenterOptions) -> Path:
    """Train, or go on with the run in `options.out`; return the file of the best weights.

    Every epoch writes ``latest.ckpt`` and a row of ``log.csv``; the averaged weights with the best IoU of the
    prompted chromosome on `val` are ``best.safetensors``.

    Raises
    ------
    UserError
        If data are missing, a checkpoint is damaged, or the loss is no number any more.
    """
    options.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    network = UNet(2, len(OUTPUTS), options.widths)
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
    rng = np.random.default_rng(options.seed + 1)
    held_out = _sources(options, "val")
    drawn = [make_sample(rng, held_out, options.size) for _ in range(192)]
    fixed = [
        (
            torch.from_numpy(np.stack([s[0] for s in drawn[i : i + 32]])),
            torch.from_numpy(np.stack([s[1] for s in drawn[i : i + 32]])),
            torch.tensor([s[2] for s in drawn[i : i + 32]]),
        )
        for i in range(0, len(drawn), 32)
    ]
    # Another stream after each resumption, so that no sample is seen twice.
    samples = SegmenterSamples(_sources(options, "train"), options.batch, options.size, options.seed + 1000 * first + 7)
    # Only other processes can fetch ahead.
    ahead = 4 if options.workers else None
    loader = iter(DataLoader(samples, batch_size=None, num_workers=options.workers, prefetch_factor=ahead))
    for epoch in range(first, options.epochs):
        network.train()
        started, total = time.perf_counter(), 0.0
        for step in range(options.steps_per_epoch):
            inputs, targets, prompted = next(loader)
            with mixed_precision():
                logits = network(inputs.to(memory_format=torch.channels_last))
            loss = segmenter_loss(logits, targets, prompted)
            total += descend(loss, network, optimiser, schedule, run=options.out, epoch=epoch)
            average_into(average, network, options.averaging, epoch * options.steps_per_epoch + step)
        scores = validate(average, fixed)
        row = {
            "epoch": epoch + 1,
            "train_loss": round(total / options.steps_per_epoch, 4),
            **{name: round(value, 4) for name, value in scores.items()},
            "seconds": round(time.perf_counter() - started, 1),
        }
        log_row(options.out / "log.csv", **row)
        print(row, flush=True)
        if scores["iou_chromosome"] > best:
            best = scores["iou_chromosome"]
            save_weights(
                weights,
                average,
                architecture="UNet",
                widths=list(options.widths),
                outputs=list(OUTPUTS),
                epoch=epoch + 1,
            )
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
