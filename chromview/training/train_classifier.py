"""Training of the classifier: class and polarity together, all stains in one network."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from chromview.core.chromosome import Stain
from chromview.errors import UserError
from chromview.training.classifier_samples import EDGES, Sheets, all_sheets, augmented, simulated_sheets
from chromview.training.runs import (
    begin_with_imagenet,
    descend,
    log_row,
    mixed_precision,
    one_cycle,
    resume,
    save_checkpoint,
    save_weights,
)
from chromview.vision.canvas import canvases
from chromview.vision.efficientnet import EfficientNetLite
from chromview.vision.networks import ChromosomeNet, ReadingNet, channels_last
from chromview.vision.weights import load_weights


@dataclass
class ClassifierOptions:
    """Options of a run; `data` is the folder of the sets, `out` the folder of the run."""

    data: Path
    out: Path
    network: Literal["resnet18", "efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"] = "resnet18"
    width: int = 32
    rows: int = 9
    batch: int = 64
    epochs: int = 14
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    label_smoothing: float = 0.05
    average: float = 0.998
    seed: int = 0
    start_from: Path | None = None
    fluorescent: float = 0.0
    """Share of fluorescent chromosomes among those shown, with replacement; 0 shows each of all once an epoch."""
    edges: bool = False
    """Show those of metaphases with their edges drawn anew as well, by their brightness."""
    simulated: int = 0
    """Simulated cells of each stain to show as well."""
    imagenet: Path | None = None
    """Published weights that an EfficientNet begins with (``.pth``)."""

    def built(self) -> ReadingNet:
        """The network with its first weights.

        Raises
        ------
        UserError
            If a file of weights cannot be read, or holds those of another network.
        """
        if self.network == "resnet18":
            if self.imagenet:
                raise UserError(
                    "published weights are for an EfficientNet-Lite, and the network is resnet18",
                    path=self.imagenet,
                    advice="Give --network efficientnet_lite0, efficientnet_lite1 or efficientnet_lite2 as well.",
                )
            network: ReadingNet = ChromosomeNet(self.width, self.rows)
        else:
            network = EfficientNetLite(self.network)
            if self.imagenet:
                begin_with_imagenet(self.imagenet, network)
        if self.start_from:
            load_weights(self.start_from, network)
        channels_last(network)
        return network

    @property
    def architecture(self) -> dict[str, object]:
        """What a weight file says of the network."""
        if self.network == "resnet18":
            return {"architecture": "ChromosomeNet", "width": self.width, "rows": self.rows}
        return {"architecture": "EfficientNetLite", "name": self.network}


@torch.no_grad()
def scores(network: nn.Module, data: Sheets) -> tuple[Tensor, Tensor]:
    """Class probabilities ``(N, 24)`` and probability of p arm up ``(N,)``, both ways up averaged.

    A chromosome is shown as it lies and upside down; classes are averaged, polarity is their difference.
    """
    network.eval()
    classes, up = [], []
    for start in range(0, len(data), 256):
        chosen = slice(start, start + 256)
        x = canvases(data.sheets[chosen], data.scales[chosen])
        with mixed_precision():
            a, p = network(x, data.brightness[chosen])
            b, q = network(x.flip(2), data.brightness[chosen])
        classes.append((a.float().softmax(1) + b.float().softmax(1)) / 2)
        up.append(torch.sigmoid((p.float() - q.float()) / 2))
    return torch.cat(classes), torch.cat(up)


def accuracy(network: nn.Module, data: Sheets) -> tuple[float, float]:
    """Share of right classes, and of right polarities where they are known (else NaN)."""
    classes, up = scores(network, data)
    right = (classes.argmax(1) + 1 == data.numbers).float().mean().item()
    known = data.polarity_known
    return right, (up[known] > 0.5).float().mean().item() if known.any() else float("nan")


def shuffled(data: Sheets, fluorescent: float, generator: torch.Generator) -> Tensor:
    """As many indices as there are chromosomes, at random; see `ClassifierOptions.fluorescent`."""
    weights = data.weights
    if 0 < fluorescent < 1:
        share = torch.where(data.glows, fluorescent, 1 - fluorescent)
        weights = weights * share / torch.where(data.glows, weights[data.glows].sum(), weights[~data.glows].sum())
    elif (weights == 1).all():
        return torch.randperm(len(data), generator=generator)
    return torch.multinomial(weights, round(float(data.weights.sum())), replacement=True, generator=generator)


def main(options: ClassifierOptions) -> Path:
    """Train, or go on with the run in `options.out`; return the file of the best weights.

    Every epoch writes ``latest.ckpt`` and a row of ``log.csv``; the averaged weights with the best
    accuracy on the `val` splits (mean over the sets) are ``best.safetensors``.

    Raises
    ------
    UserError
        If there is no data, a checkpoint is damaged, or the loss is no number any more.
    """
    options.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    network = options.built()
    averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(options.average), use_buffers=True)
    train_sets = all_sheets(options.data, "train", EDGES if options.edges else ())
    val_sets = all_sheets(options.data, "val")
    if not train_sets:
        raise UserError("holds no set of chromosomes to train on", path=options.data)
    made = [simulated_sheets(stain, options.simulated, options.seed) for stain in Stain if options.simulated]
    train = Sheets.joined([*train_sets.values(), *made])
    steps = max(1, round(float(train.weights.sum())) // options.batch)
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay)
    first, best = 0, -1.0
    latest, weights = options.out / "latest.ckpt", options.out / "best.safetensors"
    if latest.exists():
        state = resume(latest, network=network, averaged=averaged, optimiser=optimiser)
        first, best = state["epoch"], state["best"]
        for group in optimiser.param_groups:
            group["lr"] = group["initial_lr"] = options.learning_rate
    schedule = one_cycle(optimiser, options.epochs * steps, first * steps)
    for epoch in range(first, options.epochs):
        generator = torch.Generator().manual_seed(options.seed + 1000 * epoch)
        network.train()
        started, total = time.perf_counter(), 0.0
        order = shuffled(train, options.fluorescent, generator)
        for step in range(steps):
            chosen = order[step * options.batch : (step + 1) * options.batch]
            shown = augmented(train, chosen, generator)
            with mixed_precision():
                classes, polarity = network(shown.canvases.to(memory_format=torch.channels_last), shown.brightness)
            loss = F.cross_entropy(classes.float(), shown.classes, label_smoothing=options.label_smoothing)
            known = shown.polarity_known
            if known.any():
                up = shown.up[known].float()
                loss = loss + 0.5 * F.binary_cross_entropy_with_logits(polarity.float()[known], up)
            total += descend(loss, network, optimiser, schedule, run=options.out, epoch=epoch)
            averaged.update_parameters(network)
        row: dict[str, float | int | str] = {"epoch": epoch + 1, "train_loss": round(total / steps, 4)}
        results = []
        for name, data in val_sets.items():
            right, upright = accuracy(averaged.module, data)
            results.append(right)
            row[f"{name}_class"] = round(right, 4)
            row[f"{name}_polarity"] = round(upright, 4)
        row["seconds"] = round(time.perf_counter() - started, 1)
        log_row(options.out / "log.csv", **row)
        print(row, flush=True)
        if sum(results) / max(1, len(results)) > best:
            best = sum(results) / max(1, len(results))
            save_weights(weights, averaged.module, **options.architecture, epoch=epoch + 1)
        save_checkpoint(
            latest,
            network=network.state_dict(),
            averaged=averaged.state_dict(),
            optimiser=optimiser.state_dict(),
            epoch=epoch + 1,
            best=best,
            options={name: str(value) for name, value in asdict(options).items()},
        )
    return weights
