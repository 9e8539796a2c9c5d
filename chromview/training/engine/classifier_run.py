"""A run from its options to weights that can be asked; Lightning, checkpoints and log as those of the segmenters."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, EarlyStopping
from torch import Tensor, nn

from chromview.core.chromosome import CLASS_NAMES
from chromview.errors import UserError
from chromview.progress import Progress, silent
from chromview.storage.files import check_readable, make_folder, write_bytes, write_text
from chromview.training.class_report import worst_picture
from chromview.training.classifiers.networks import PublishedClassifier
from chromview.training.classifiers.options import ClassifierRun
from chromview.training.classifiers.presets import AUGMENTATION, NO_MOMENTUM, PRESETS
from chromview.training.classifiers.samples import Divided, Squares, read_divided
from chromview.training.engine.callbacks import AtomicCheckpoints, Record, ShowProgress, also
from chromview.training.engine.data import Loaders, Notice, Parts
from chromview.training.engine.modules import SegmenterModule, check_settings
from chromview.training.engine.pictures import curves
from chromview.training.engine.run import ACCELERATORS, _fit
from chromview.training.engine.tables import Row, write_csv, write_markdown
from chromview.training.runs import load_checkpoint
from chromview.training.zoo import Preset, origin_of
from chromview.vision.networks import channels_last
from chromview.vision.weights import choose_device

ABOVE_ZERO = ("epochs", "batch", "learning_rate", "size", "limit_samples", "pictures_every")
OVERRIDES = ("epochs", "batch", "learning_rate", "weight_decay", "optimiser", "patience", "size")
SHOWN = 24
"""Samples in a picture."""


class ClassifierModule(SegmenterModule):
    """A published classifier with cross-entropy; everything that is not about pixels is as for a segmenter."""

    def __init__(self, preset: Preset, settings: dict[str, Any]) -> None:
        LightningModule.__init__(self)  # in place of the segmenter's, which builds one
        self.preset, self.settings = preset, settings
        self.network = PublishedClassifier(preset.architecture, settings["pretrained"])
        channels_last(self.network)
        self.loss = nn.CrossEntropyLoss()
        self._right: list[Tensor] = []

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Loss, and which are right."""
        images, classes = batch
        logits = self(images)
        self.report("val_loss", self.finite(self.loss(logits, classes)), len(classes))
        self._right.append((logits.argmax(dim=1) == classes).float())

    def on_validation_epoch_end(self) -> None:
        """Accuracy; then the learning rate of the next epoch."""
        right = torch.cat(self._right)
        self._right.clear()
        self.report("val_accuracy", right.mean(), len(right))
        if self._schedule is not None:
            self._schedule.step()


class ClassifierRecord(Record):
    """After each epoch: log, curves, a picture of samples, checkpoints; the best epoch is the most accurate."""

    def __init__(self, folder: Path, shown: Squares, every: int, metadata: dict[str, Any]) -> None:
        super().__init__(folder, cast(Any, []), every, metadata)
        chosen = np.linspace(0, len(shown) - 1, min(SHOWN, len(shown))).astype(int)
        self._squares = [shown[index] for index in map(int, chosen)]

    @property
    def best(self) -> dict[str, float]:
        """Row of the most accurate epoch, the first of several."""
        return max(self.history, key=lambda row: row["val_accuracy"])

    def write_log(self) -> None:
        """Log as CSV, and its curves."""
        write_csv(self.folder / "log.csv", self.history)
        panels = {
            "loss": [name for name in self.history[0] if name.endswith("loss")],
            "accuracy of validation": ["val_accuracy"],
            "learning rate": ["learning_rate"],
        }
        write_bytes(self.folder / "curves.png", curves(self.history, panels))

    @torch.inference_mode()
    def _sheet(self, module: SegmenterModule) -> bytes:
        module.eval()
        images = torch.stack([image for image, _ in self._squares]).to(module.device)
        answers = module(images).softmax(dim=1).cpu()
        module.train()
        tiles = []
        for (image, label), answer in zip(self._squares, answers, strict=True):
            grey = (255 * image[0]).round().to(torch.uint8).numpy()
            best, number = int(answer.argmax()), int(label)
            said = "right" if best == number else f"said {CLASS_NAMES[best]}"
            tiles.append((grey, f"{CLASS_NAMES[number]}: {said}", f"{answer[best]:.2f}"))
        return worst_picture(tiles, f"Epoch {len(self.history)}", 0)


def train(options: ClassifierRun, *, progress: Progress = silent, notice: Notice = print) -> Row:
    """Train a published classifier, or go on with it.

    Parameters
    ----------
    options
        See `ClassifierRun`.
    progress
        Told where the run is.
    notice
        Told, in a sentence, what a person should know though the run goes on.

    Returns
    -------
    dict
        As in ``results.csv``: the best epoch and its scores.

    Raises
    ------
    UserError
        If there is no such preset or device, the data cannot be used, the folder holds another run, or the loss is no
        number any more.
    """
    preset = resolved(options)
    check_readable(options.data, limit=1 << 40)
    device = choose_device(options.device)
    if options.precision == "bfloat16" and not device.half:
        raise UserError("this processor computes nothing in bfloat16", advice="Leave --precision away.")
    divided = read_divided(options.data, options.split, options.seed)
    settings = _settings(options, preset, divided)
    epochs, latest = preset.epochs, make_folder(options.out) / "latest.ckpt"
    if latest.exists():
        checkpoint = load_checkpoint(latest)
        check_settings(latest, checkpoint, settings)
        noted = checkpoint["callbacks"][ClassifierRecord.__name__]
        done = len(noted["history"])
        epochs = done if noted["stopped"] else max(epochs, done)
    torch.manual_seed(options.seed)
    module = ClassifierModule(preset, settings)
    parts = _parts(options, preset, divided)
    write_text(options.out / "settings.json", json.dumps(settings, indent=1) + "\n")
    origin = origin_of(module.network)
    if origin.startswith("random,"):
        notice(f"{preset.name}: the first weights are {origin}.")
    metadata = {name: settings[name] for name in ("architecture", "size", "split", "seed", "data", "pretrained")}
    metadata |= {"preset": preset.name, "origin": origin}
    record = ClassifierRecord(options.out, cast(Any, parts.val), options.pictures_every, metadata)
    callbacks: list[Callback] = [record, ShowProgress(progress, preset.name)]
    if preset.patience is not None:
        callbacks.append(EarlyStopping("val_accuracy", patience=preset.patience, mode="max", verbose=False))
    trainer = Trainer(
        accelerator=ACCELERATORS[device.torch_device.type],
        devices=1,
        precision="bf16-mixed" if device.half and options.precision != "float32" else "32-true",
        max_epochs=epochs,
        callbacks=callbacks,
        plugins=[AtomicCheckpoints()],
        default_root_dir=options.out,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )
    _fit(trainer, module, Loaders(parts, preset.batch, options.seed, options.workers), latest)
    also(latest, options.out / "final.ckpt")
    record.write_log()
    best = record.best
    row: Row = {
        "preset": preset.name,
        "split": options.split,
        "epochs": len(record.history),
        "best_epoch": int(best["epoch"]),
        **{name: value for name, value in best.items() if name.startswith("val_")},
    }
    record.save_weights("final", module, results=row)
    write_csv(options.out / "results.csv", [row])
    write_markdown(options.out / "results.md", [row])
    return row


def resolved(options: ClassifierRun) -> Preset:
    """The preset with what `options` override.

    Raises
    ------
    UserError
        If there is no such preset, or a number makes no sense.
    """
    if options.preset not in PRESETS:
        raise UserError(f"there is no preset '{options.preset}'", advice=f"There are {', '.join(PRESETS)}.")
    for name in ABOVE_ZERO:
        value = getattr(options, name)
        if value is not None and value <= 0:
            raise UserError(f"--{name.replace('_', '-')} {value} is not above 0")
    changed = {name: getattr(options, name) for name in OVERRIDES if getattr(options, name) is not None}
    if changed.get("patience") == 0:
        changed["patience"] = None
    if changed.get("optimiser", "adam") != "adam":
        changed["betas"] = NO_MOMENTUM
    return dataclasses.replace(PRESETS[options.preset], **changed)


def _settings(options: ClassifierRun, preset: Preset, divided: Divided) -> dict[str, Any]:
    """Everything that the result depends on, as JSON has it."""
    others = {name: getattr(options, name) for name in ("split", "pretrained", "augment", "limit_samples", "seed")}
    told: dict[str, Any] = json.loads(json.dumps({**dataclasses.asdict(preset), **others, "data": divided.fingerprint}))
    return told


def _parts(options: ClassifierRun, preset: Preset, divided: Divided) -> Parts:
    train = divided.parts["train"]
    if options.limit_samples:
        chosen = np.random.default_rng(options.seed).permutation(len(train))[: options.limit_samples]
        train = [train[index] for index in chosen]
    augmentation = AUGMENTATION if options.augment else None
    return Parts(
        Squares(divided.data, train, preset.size, augmentation, options.seed),
        cast(Any, Squares(divided.data, divided.parts["val"], preset.size)),
        None,
    )
