"""A preset as Lightning trains it: network, loss, optimiser and what is said of each epoch."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import ReduceLROnPlateau

from chromview.errors import UserError
from chromview.training.engine.data import Example
from chromview.training.engine.schedules import build_optimiser, build_schedule
from chromview.training.losses import build_loss
from chromview.training.metrics import ImageScore, pooled, score_image, solved
from chromview.training.zoo import Preset, build_discriminator, build_network
from chromview.training.zoo.adversarial import judged
from chromview.vision.networks import channels_last

MAY_CHANGE = ("epochs", "learning_rate")
"""Settings that a run may go on with otherwise than it began."""


class SegmenterModule(LightningModule):
    """A network trained with one loss.

    Parameters
    ----------
    preset
        What is trained, and how; its size is rounded up to what the network takes (`size`).
    settings
        Everything that the result depends on, as it is noted in checkpoints.
    """

    def __init__(self, preset: Preset, settings: dict[str, Any]) -> None:
        super().__init__()
        self.preset, self.settings = preset, settings
        self.network = build_network(preset.architecture, **preset.architecture_options)
        channels_last(self.network)
        stride = int(self.network.stride)  # type: ignore[arg-type]  # an attribute of all networks of the zoo
        self.size = -(-preset.size // stride) * stride
        _try_sizes(self.network, (preset.batch, 1, self.size, self.size))
        self.loss = build_loss(preset.loss, order_free=settings["order_free"], **preset.loss_options)
        self._scores: list[ImageScore] = []

    def forward(self, darkness: Tensor) -> Tensor:
        """Logits ``(N, 4, S, S)`` float32 of darkness ``(N, 1, S, S)``."""
        logits: Tensor = self.network(darkness)
        return logits.float()

    # --- one epoch ---

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Make what is random depend on the step alone, so that a resumed run goes on as if it never stopped.

        Once an epoch is not enough: what Lightning draws while it opens its loaders is more in a resumed run.
        """
        drawn = np.random.SeedSequence((self.settings["seed"], self.current_epoch, batch_idx, self.global_rank))
        torch.manual_seed(int(drawn.generate_state(1)[0]))

    def training_step(self, batch: Example, batch_idx: int) -> Tensor | None:
        """Loss of a batch."""
        darkness, labels = batch
        loss = self.finite(self.loss(self(darkness), labels))
        self.report("train_loss", loss, len(labels))
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Turn the learning rate of a one-cycle run."""
        if self._schedule and self.preset.schedule == "one-cycle":
            self._schedule.step()

    def validation_step(self, batch: Example, batch_idx: int) -> None:
        """Loss, and the confusion of each image."""
        darkness, labels = batch
        logits = self(darkness)
        self.report("val_loss", self.finite(self.loss(logits, labels)), len(labels))
        answers = logits.argmax(dim=1).cpu().numpy()
        self._scores += [score_image(a, t) for a, t in zip(answers, labels.cpu().numpy(), strict=True)]

    def on_validation_epoch_end(self) -> None:
        """Scores without order, pooled over all images; then the learning rate of the next epoch."""
        for name, value in order_free(self._scores).items():
            self.report(f"val_{name}", torch.tensor(value), len(self._scores))
        self._scores.clear()
        if isinstance(self._schedule, ReduceLROnPlateau):
            self._schedule.step(self.trainer.callback_metrics["val_loss"].item())
        elif self._schedule and self.preset.schedule != "one-cycle":
            self._schedule.step()

    def report(self, name: str, value: Tensor, count: int) -> None:
        """Log the mean of `value` over an epoch."""
        self.log(name, value, on_step=False, on_epoch=True, batch_size=count, sync_dist=True)

    def finite(self, loss: Tensor) -> Tensor:
        """`loss`, if it is a number.

        Raises
        ------
        UserError
            If it is not.
        """
        if not torch.isfinite(loss):
            raise UserError(
                f"the loss of epoch {self.current_epoch + 1} is no number any more",
                advice="The same command with a smaller --learning-rate goes on from the last good epoch.",
            )
        return loss

    # --- optimisers and checkpoints ---

    def configure_optimizers(self) -> Any:
        """The optimiser of the network, and its schedule."""
        p = self.preset
        optimiser = build_optimiser(p.optimiser, self.network.parameters(), p.learning_rate, p.betas, p.weight_decay)
        steps = int(self.trainer.estimated_stepping_batches) // max(1, self.trainer.max_epochs or 1)
        self._schedule = build_schedule(p.schedule, optimiser, p.epochs, steps, p.schedule_options)
        if self._schedule is None:
            return optimiser
        # What Lightning must be told of a plateau, though it does not turn it itself.
        monitor = {"monitor": "val_loss"} if self.automatic_optimization else {}
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": self._schedule, **monitor}}

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        """Do nothing: Lightning would turn a plateau schedule after the checkpoint was written, and lose it."""

    @property
    def learning_rate(self) -> float:
        """Learning rate of the network."""
        optimisers = self.optimizers()
        first = optimisers[0] if isinstance(optimisers, list) else optimisers
        return float(first.param_groups[0]["lr"])

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Note what is trained."""
        checkpoint["chromview"] = json.dumps(self.settings)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take over another learning rate; that all else is as it was is checked before (`check_settings`)."""
        ratio = self.preset.learning_rate / json.loads(checkpoint["chromview"])["learning_rate"]
        for group in checkpoint["optimizer_states"][0]["param_groups"]:
            group.update({key: group[key] * ratio for key in ("lr", "initial_lr") if key in group})
        for state in checkpoint["lr_schedulers"]:
            state.update({key: [v * ratio for v in state[key]] for key in ("base_lrs", "_last_lr") if key in state})


@torch.no_grad()
def _try_sizes(network: nn.Module, *shapes: tuple[int, ...]) -> None:
    """Raise at once what a batch of these shapes would raise in training, without computing anything."""
    copy.deepcopy(network).to("meta").train()(*(torch.empty(shape, device="meta") for shape in shapes))


class AdversarialModule(SegmenterModule):
    """A network trained with its loss and against a discriminator, which sees images with true or answered labels."""

    def __init__(self, preset: Preset, settings: dict[str, Any]) -> None:
        super().__init__(preset, settings)
        assert preset.adversary
        self.automatic_optimization = False
        self.adversary = preset.adversary
        self.discriminator = build_discriminator(preset.adversary)
        channels_last(self.discriminator)
        _try_sizes(self.discriminator, *((preset.batch, channels, self.size, self.size) for channels in (1, 4)))

    def training_step(self, batch: Example, batch_idx: int) -> None:
        """A step of the discriminator, then one of the network against it."""
        (darkness, labels), kind = batch, self.adversary.kind
        network_optimiser, discriminator_optimiser = self.optimizers()  # type: ignore[attr-defined]  # a list
        logits = self(darkness)
        answer = torch.softmax(logits, dim=1)
        truth = F.one_hot(labels, 4).permute(0, 3, 1, 2).to(answer.dtype)
        told = judged(self.discriminator(darkness, truth), True, kind)
        deceived = judged(self.discriminator(darkness, answer.detach()), False, kind)
        discriminating = self.finite((told + deceived) / 2)
        discriminator_optimiser.zero_grad()
        self.manual_backward(discriminating)
        discriminator_optimiser.step()
        loss = self.loss(logits, labels)
        adversarial = judged(self.discriminator(darkness, answer), True, kind)
        total = self.finite(self.adversary.loss_weight * loss + self.adversary.weight * adversarial)
        network_optimiser.zero_grad()
        self.manual_backward(total)
        network_optimiser.step()
        self.report("train_loss", loss, len(labels))
        self.report("train_adversarial_loss", adversarial, len(labels))
        self.report("train_discriminator_loss", discriminating, len(labels))

    def configure_optimizers(self) -> Any:
        """The optimisers of the network and of the discriminator; a schedule is of the network alone."""
        a = self.adversary
        parameters = self.discriminator.parameters()
        other = build_optimiser(a.optimiser, parameters, a.learning_rate, a.betas, a.weight_decay)
        first = super().configure_optimizers()
        return [first if isinstance(first, dict) else {"optimizer": first}, {"optimizer": other}]


def order_free(scores: list[ImageScore]) -> dict[str, float]:
    """IoU of the chromosomes and of the overlap in the better order, pooled; ``iou`` is the mean of the two.

    ``solved`` is the share of images that are `solved`. What occurs neither in truth nor in the answers is left out of
    the means and is NaN.
    """
    free = pooled(scores, resamples=1)["iou_order_free"]
    known = {name: float("nan") if free[name] is None else free[name] for name in ("chromosomes", "overlap")}
    present = [value for value in known.values() if value == value]
    right = solved(np.stack([score.given for score in scores]))
    told = right[~np.isnan(right)]
    return {
        **known,
        "iou": sum(present) / len(present) if present else 0.0,
        "solved": float(told.mean()) if told.size else float("nan"),
    }


def check_settings(path: Path, checkpoint: dict[str, Any], settings: dict[str, Any]) -> None:
    """See that a run goes on with what it began with.

    Raises
    ------
    UserError
        If the checkpoint is of another kind of run, of another architecture or otherwise set.
    """
    try:
        noted: dict[str, Any] = json.loads(checkpoint["chromview"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            "is a checkpoint of another kind of run", path=path, advice="Name another folder with --out."
        ) from error
    wrong = [name for name in settings if name not in MAY_CHANGE and noted.get(name) != settings[name]]
    if wrong:
        differences = ", ".join(f"{name} {noted.get(name)}, not {settings[name]}" for name in wrong[:3])
        raise UserError(
            f"is a checkpoint of another run: {differences}",
            path=path,
            advice="Go on with the options that the run began with, or name another folder with --out.",
        )
