"""A training run from its options to weights that can be used."""

from __future__ import annotations

import dataclasses
import json
import logging
import statistics
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.utilities.warnings import PossibleUserWarning
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback, EarlyStopping
from torch import nn
from torch.utils.data import DataLoader

from chromview.errors import UserError
from chromview.progress import Progress, silent
from chromview.storage.files import make_folder, write_text
from chromview.training.engine.callbacks import AtomicCheckpoints, Record, ShowProgress, also
from chromview.training.engine.data import Fold, LabelledSquares, Loaders, Notice, Parts, Shown, Source, open_source
from chromview.training.engine.modules import AdversarialModule, SegmenterModule, check_settings, order_free
from chromview.training.engine.options import RunOptions
from chromview.training.engine.tables import Row, write_csv, write_markdown
from chromview.training.engine.weights import load_trained
from chromview.training.labelled import PUBLISHED
from chromview.training.metrics import score_image
from chromview.training.runs import load_checkpoint
from chromview.training.zoo import PRESETS, Preset, origin_of
from chromview.vision.weights import choose_device, read_metadata

ACCELERATORS = {"cpu": "cpu", "cuda": "gpu", "mps": "mps"}
# What Lightning tells of itself and of what else could be bought.
for _name in ("lightning.pytorch", "lightning.fabric"):
    logging.getLogger(_name).setLevel(logging.ERROR)
ABOVE_ZERO = (
    "epochs", "batch", "learning_rate", "size", "limit_samples", "limit_validation", "repeat", "pictures_every",
    "devices", "nodes",
)  # fmt: skip
OVERRIDES = ("epochs", "batch", "learning_rate", "weight_decay", "size", "loss", "optimiser", "schedule", "patience")


def train(
    options: RunOptions,
    *,
    progress: Progress = silent,
    notice: Notice = print,
    presets: Mapping[str, Preset] = PRESETS,
) -> list[Row]:
    """Train what `options` say, or go on with it.

    Parameters
    ----------
    options
        See `RunOptions`.
    progress
        Told where the run is.
    notice
        Told, in a sentence, what is wrong but not wrong enough to stop.
    presets
        Configurations by name, of which `options` name one.

    Returns
    -------
    list of dict
        As in ``results.csv``: for each network its best epoch and the scores of that.

    Raises
    ------
    UserError
        If there is no such preset, device or loss, the data cannot be used, the folder holds another run, or the loss
        is no number any more.
    """
    chosen = _folds(options)
    source = open_source(options.data, options.chromosomes)
    preset = resolved(options, source, presets)
    rows: list[Row] = []
    for fold in chosen:
        folder = options.out if fold is None else options.out / f"fold_{fold.number}"
        row = _train_one(_Run(preset, options, source, folder, fold, progress, notice))
        if row is None:  # another process of this run writes the results
            return []
        rows.append(row)
    if options.folds:
        # Those that were trained before, one by one, are in the table too.
        rows = [row for row in map(_results_of, sorted(options.out.glob("fold_*/final.safetensors"))) if row]
        rows += _summary(rows)
    write_csv(options.out / "results.csv", rows)
    write_markdown(options.out / "results.md", rows)
    return rows


def resolved(options: RunOptions, source: Source, presets: Mapping[str, Preset] = PRESETS) -> Preset:
    """The preset that `options` name, with what they override and what the data need.

    Raises
    ------
    UserError
        If there is no such preset, or a number makes no sense.
    """
    if options.preset not in presets:
        raise UserError(f"there is no preset '{options.preset}'", advice=f"There are {', '.join(presets)}.")
    for name in ABOVE_ZERO:
        value = getattr(options, name)
        if value is not None and value <= 0:
            raise UserError(f"--{name.replace('_', '-')} {value} is not above 0")
    preset = presets[options.preset]
    changed = {name: getattr(options, name) for name in OVERRIDES if getattr(options, name) is not None}
    if "loss" in changed and changed["loss"] != preset.loss:
        changed["loss_options"] = {}
    if changed.get("patience") == 0:
        changed["patience"] = None
    if options.widths:
        changed["architecture_options"] = {**preset.architecture_options, "widths": options.widths}
    changed["size"] = options.size or source.size_for(preset.size)
    return dataclasses.replace(preset, **changed)


def _folds(options: RunOptions) -> list[Fold | None]:
    if options.folds is None:
        if options.fold is not None:
            raise UserError("--fold needs --folds", advice="Say how many folds there are.")
        return [None]
    if options.split == PUBLISHED:
        raise UserError("the published split has no folds", advice="Leave --folds or --split away.")
    if options.folds < 2:
        raise UserError(f"--folds {options.folds} is no cross-validation", advice="Give at least 2.")
    if options.fold is None:
        if options.devices * options.nodes > 1:
            raise UserError(
                "several devices train one fold at a time", advice="Give --fold 1, then --fold 2, and so on."
            )
        return [Fold(number, options.folds) for number in range(1, options.folds + 1)]
    if not 1 <= options.fold <= options.folds:
        raise UserError(f"there is no fold {options.fold}", advice=f"Give --fold 1 to {options.folds}.")
    return [Fold(options.fold, options.folds)]


@dataclasses.dataclass(frozen=True)
class _Run:
    """One network to train, and where."""

    preset: Preset
    options: RunOptions
    source: Source
    folder: Path
    fold: Fold | None
    progress: Progress
    notice: Notice

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that the result depends on, as JSON has it."""
        o = self.options
        others = {
            "order_free": o.order_free,
            "augment": o.augment,
            "split": o.split,
            "chromosomes": o.chromosomes,
            "limit_samples": o.limit_samples,
            "limit_validation": o.limit_validation,
            "repeat": o.repeat,
            "seed": o.seed,
            "fold": None if self.fold is None else list(self.fold),
            "data": self.source.fingerprint,
        }
        told: dict[str, Any] = json.loads(json.dumps({**dataclasses.asdict(self.preset), **others}))
        return told

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self.preset.name if self.fold is None else f"{self.preset.name}, fold {self.fold.number}"


def _train_one(run: _Run) -> Row | None:
    """Train one network; its row of the results, or None in all processes but the first."""
    options, preset, settings = run.options, run.preset, run.settings
    device = choose_device(options.device)
    if options.precision == "bfloat16" and not device.half:
        raise UserError("this processor computes nothing in bfloat16", advice="Leave --precision away.")
    epochs, stopped, latest = preset.epochs, False, run.folder / "latest.ckpt"
    if latest.exists():
        checkpoint = load_checkpoint(latest)
        check_settings(latest, checkpoint, settings)
        noted = checkpoint["callbacks"]["Record"]
        done, stopped = len(noted["history"]), noted["stopped"]
        epochs = done if stopped else max(epochs, done)
        results = _results_of(run.folder / "final.safetensors")
        if results and epochs == done == results["epochs"]:
            return results
    torch.manual_seed(options.seed)
    module = _module(preset, settings)
    parts = run.source.parts(
        make_folder(run.folder) / "splits.json",
        run.fold,
        module.size,
        Shown(
            options.seed,
            options.augment,
            options.limit_samples,
            options.repeat,
            options.limit_validation,
            options.split == PUBLISHED,
        ),
        run.notice,
    )
    write_text(run.folder / "settings.json", json.dumps(settings, indent=1) + "\n")
    if origin_of(module.network).startswith("random,"):
        run.notice(f"{run.name}: the first weights are {origin_of(module.network)}.")
    record = Record(run.folder, parts.val, options.pictures_every, _metadata(run, parts))
    callbacks: list[Callback] = [record, ShowProgress(run.progress, run.name)]
    if preset.patience is not None:
        callbacks.append(EarlyStopping("val_loss", patience=preset.patience, verbose=False))
    half = device.half and options.precision != "float32"
    trainer = Trainer(
        accelerator=ACCELERATORS[device.torch_device.type],
        devices=options.devices,
        num_nodes=options.nodes,
        strategy=options.strategy,
        precision="bf16-mixed" if half else "32-true",
        max_epochs=epochs,
        callbacks=callbacks,
        plugins=[AtomicCheckpoints()],
        default_root_dir=run.folder,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )
    _fit(trainer, module, Loaders(parts, preset.batch, options.seed, options.workers), latest)
    if not trainer.is_global_zero:
        return None
    also(latest, run.folder / "final.ckpt")
    record.write_log()
    best = record.best
    row: dict[str, float | int | str] = {"preset": preset.name, "fold": run.fold.number if run.fold else ""}
    row |= {"epochs": len(record.history), "best_epoch": best["epoch"]}
    row |= {name: value for name, value in best.items() if name.startswith("val_")}
    if parts.test:
        scores = score(load_trained(run.folder / "best.safetensors").to(device.torch_device), parts.test, preset.batch)
        row |= {f"test_{name}": value for name, value in scores.items()}
    record.save_weights("final", module, results=row)
    return row


def _module(preset: Preset, settings: dict[str, Any]) -> SegmenterModule:
    try:
        return (AdversarialModule if preset.adversary else SegmenterModule)(preset, settings)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(
            f"the network of '{preset.name}' cannot be built that way ({error})",
            advice="Leave --widths and --size away, or give as many widths as it has levels.",
        ) from error


def _fit(trainer: Trainer, module: SegmenterModule, loaders: Loaders, latest: Path) -> None:
    """Train from the beginning or from `latest`, and say nothing of Lightning's own."""
    try:
        with warnings.catch_warnings():
            # Hints on how this could be faster, and on evaluation modes.
            warnings.simplefilter("ignore", PossibleUserWarning)
            # Of Lightning 2.6 beside torch 2.13.
            warnings.filterwarnings("ignore", ".*LeafSpec.*", FutureWarning)
            trainer.fit(module, loaders, ckpt_path=latest if latest.exists() else None, weights_only=True)
    except SystemExit as stop:
        if isinstance(stop.__context__, KeyboardInterrupt):  # Lightning makes one of the other
            raise KeyboardInterrupt from stop
        raise


@torch.inference_mode()
def score(network: nn.Module, squares: LabelledSquares, batch: int) -> dict[str, float]:
    """Scores of `order_free` of a network on labelled squares, on the device of the network."""
    device = next(network.parameters()).device
    scores = []
    for darkness, labels in DataLoader(squares, batch):
        answers = network(darkness.to(device)).argmax(dim=1).cpu().numpy()
        scores += [score_image(a, t) for a, t in zip(answers, labels.numpy(), strict=True)]
    return order_free(scores)


def _metadata(run: _Run, parts: Parts) -> dict[str, Any]:
    """What a weight file says of its network, besides the epoch."""
    settings = run.settings
    keys = ("architecture", "architecture_options", "size", "data", "seed", "fold", "loss", "order_free")
    sizes = {part: len(getattr(parts, part)) for part in ("train", "val", "test") if getattr(parts, part)}
    return {"preset": run.preset.name, **{key: settings[key] for key in keys}, "split": sizes}


def _results_of(weights: Path) -> dict[str, float | int | str] | None:
    """Row of the results that final weights hold; None where there are none."""
    if not weights.exists():
        return None
    results: dict[str, float | int | str] | None = read_metadata(weights).get("results")
    return results


def _summary(rows: list[Row]) -> list[Row]:
    """Mean and standard deviation over the folds."""
    if len(rows) < 2:
        return []
    names = [name for name in rows[0] if name.startswith("val_")]
    columns = {name: [float(row[name]) for row in rows] for name in names}
    first = {"preset": rows[0]["preset"]}
    return [
        {**first, "fold": "mean", **{name: statistics.fmean(values) for name, values in columns.items()}},
        {**first, "fold": "standard deviation", **{name: statistics.stdev(v) for name, v in columns.items()}},
    ]
