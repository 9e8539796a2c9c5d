"""What a run leaves behind and shows, epoch by epoch."""

from __future__ import annotations

import io
import math
import shutil
import time
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import CheckpointIO
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from chromview.progress import Progress
from chromview.storage.files import make_folder, write_bytes
from chromview.training.engine.data import LabelledSquares
from chromview.training.engine.modules import SegmenterModule
from chromview.training.engine.pictures import curves, sample_sheet
from chromview.training.engine.tables import write_csv
from chromview.training.metrics import SWAPPED, score_image
from chromview.training.runs import load_checkpoint, save_weights

SHOWN = 6
"""Samples in a picture."""


class AtomicCheckpoints(CheckpointIO):
    """Checkpoints that are written whole or not at all, and read without running what is in them."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write beside, flush, put in place."""
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        write_bytes(path, buffer.getvalue())

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: Any = None) -> dict[str, Any]:
        """Read; a damaged file is a `UserError`."""
        return load_checkpoint(Path(path))

    def remove_checkpoint(self, path: Any) -> None:
        """Remove a file."""
        Path(path).unlink(missing_ok=True)


def also(file: Path, name: Path) -> None:
    """Give a checkpoint a second name, in one step.

    Checkpoints are never changed, only replaced, so that both names can be of one file; a large network needs half a
    gigabyte for each. Where the disk knows no second names it is copied.
    """
    part = name.with_suffix(name.suffix + ".part")
    part.unlink(missing_ok=True)
    try:
        part.hardlink_to(file)
    except OSError:
        shutil.copyfile(file, part)
    part.replace(name)
    part.unlink(missing_ok=True)  # replacing a file by itself leaves both


class Record(Checkpoint):
    """After each epoch: log, curves, pictures of samples, checkpoints.

    The log is written anew from a history that is part of the checkpoint, so that the two never disagree.

    Parameters
    ----------
    folder
        Of the run.
    shown
        Where the samples in the pictures come from.
    every
        Epochs between two pictures; the first and the last epoch have one, too.
    metadata
        What is noted in weight files, besides the epoch and its scores.
    """

    def __init__(self, folder: Path, shown: LabelledSquares, every: int, metadata: dict[str, Any]) -> None:
        self.folder, self.every, self.metadata = folder, every, metadata
        self.history: list[dict[str, float]] = []
        self.stopped = False
        self._shown = [shown[index] for index in range(min(SHOWN, len(shown)))]
        self._started = 0.0

    @property
    def best(self) -> dict[str, float]:
        """Row of the epoch with the best IoU."""
        return max(self.history, key=lambda row: row["val_iou"])

    def state_dict(self) -> dict[str, Any]:
        """What goes on in a resumed run."""
        return {"history": self.history, "stopped": self.stopped}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with the history of a checkpoint."""
        self.history, self.stopped = state_dict["history"], state_dict["stopped"]

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._started = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write everything; the best checkpoint before the latest, which says that it is there."""
        assert isinstance(pl_module, SegmenterModule)
        row: dict[str, float] = {"epoch": trainer.current_epoch + 1}
        row |= {name: value.item() for name, value in sorted(trainer.callback_metrics.items())}
        row |= {"learning_rate": pl_module.learning_rate, "seconds": time.perf_counter() - self._started}
        self.history.append(row)
        self.stopped = trainer.should_stop
        improved = self.best is row
        latest, best = self.folder / "latest.ckpt", self.folder / "best.ckpt"
        trainer.save_checkpoint(best if improved else latest)
        if not trainer.is_global_zero:
            return
        if improved:
            also(best, latest)
        if improved:
            self.save_weights("best", pl_module)
        self.write_log()
        epoch, last = len(self.history), self.stopped or len(self.history) == trainer.max_epochs
        if epoch == 1 or epoch % self.every == 0 or last:
            write_bytes(make_folder(self.folder / "samples") / f"epoch_{epoch:04d}.png", self._sheet(pl_module))

    def write_log(self) -> None:
        """Log as CSV, and its curves."""
        write_csv(self.folder / "log.csv", self.history)
        losses = [name for name in self.history[0] if name.endswith("loss")]
        scores = ["val_chromosomes", "val_overlap", "val_solved"]
        panels = {"loss": losses, "IoU in the better order; solved": scores, "learning rate": ["learning_rate"]}
        write_bytes(self.folder / "curves.png", curves(self.history, panels))

    def save_weights(self, name: str, module: SegmenterModule, **more: Any) -> None:
        """Write the network as it is now as ``NAME.safetensors``, in half precision."""
        row = {key: round(value, 6) for key, value in self.history[-1].items() if math.isfinite(value)}
        noted = {**self.metadata, "epoch": len(self.history), "scores": row, **more}
        save_weights(self.folder / f"{name}.safetensors", module.network, **noted)

    @torch.inference_mode()
    def _sheet(self, module: SegmenterModule) -> bytes:
        module.eval()
        darkness = torch.stack([one for one, _ in self._shown]).to(module.device)
        answers = module(darkness).argmax(dim=1).to("cpu", torch.uint8).numpy()
        module.train()
        rows = []
        for (one, label), answer in zip(self._shown, answers, strict=True):
            truth = label.numpy().astype(answer.dtype)
            # In the order of the truth, so that the colours can be compared.
            rows.append((one[0].numpy(), truth, SWAPPED[answer] if score_image(answer, truth).swapped else answer))
        return sample_sheet(rows)


class ShowProgress(Callback):
    """One line for a person: epoch, loss, share of the run that is done."""

    def __init__(self, progress: Progress, what: str) -> None:
        self.progress, self.what = progress, what

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Say where the run is."""
        if trainer.is_global_zero and trainer.max_epochs:
            share = (trainer.current_epoch + (batch_idx + 1) / trainer.num_training_batches) / trainer.max_epochs
            loss = trainer.callback_metrics.get("train_loss")
            told = f", loss {loss.item():.3f}" if loss is not None else ""
            self.progress(f"{self.what}, epoch {trainer.current_epoch + 1} of {trainer.max_epochs}{told}", share)
