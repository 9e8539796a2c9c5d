"""Runs of the published classifiers, as small as can be."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from PIL import Image

from chromview.cli import main
from chromview.errors import UserError
from chromview.training.classifiers.networks import load_published
from chromview.training.classifiers.options import ClassifierRun
from chromview.training.classifiers.presets import PRESETS
from chromview.training.classifiers.samples import Squares, read_divided
from chromview.training.engine.classifier_run import resolved, train


def options(data: Path, out: Path, **given: object) -> ClassifierRun:
    """A run as small as can be: ResNet18 on squares of 32 pixels."""
    small = {"epochs": 2, "size": 32, "batch": 8, "workers": 0, "device": "cpu", "limit_samples": 24}
    return ClassifierRun(data, out, "resnet18", **{**small, **given})  # type: ignore[arg-type]


def quiet(sentence: str) -> None:
    """Nobody reads it."""


def test_a_run_leaves_weights_log_and_pictures_and_goes_on(data: Path, tmp_path: Path) -> None:
    path, out = data / "gband_karyotypes.h5", tmp_path / "run"
    said: list[str] = []
    row = train(options(path, out, epochs=1), notice=said.append)
    assert "random, because" in said[0]
    assert row["epochs"] == 1
    row = train(options(path, out), notice=quiet)
    with (out / "log.csv").open(newline="") as file:
        log = list(csv.DictReader(file))
    assert [line["epoch"] for line in log] == ["1", "2"]
    assert float(log[int(row["best_epoch"]) - 1]["val_accuracy"]) == max(float(line["val_accuracy"]) for line in log)
    written = {"best.safetensors", "final.safetensors", "latest.ckpt", "final.ckpt", "curves.png", "settings.json"}
    assert written | {"results.csv", "results.md"} <= {p.name for p in out.iterdir()}
    with Image.open(out / "samples" / "epoch_0002.png") as picture:
        assert picture.width > 200
    # A run that is at its end is done.
    assert train(options(path, out), notice=quiet) == row
    with pytest.raises(UserError, match=r"another run: split case, not image"):
        train(options(path, out, split="image"), notice=quiet)


def test_a_run_in_one_go_is_the_run_that_was_interrupted(data: Path, tmp_path: Path) -> None:
    path = data / "gband_karyotypes.h5"
    train(options(path, tmp_path / "whole"), notice=quiet)
    for epochs in (1, 2):
        train(options(path, tmp_path / "halves", epochs=epochs), notice=quiet)
    logs = []
    for name in ("whole", "halves"):
        with (tmp_path / name / "log.csv").open(newline="") as file:
            logs.append([{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)])
    assert logs[0] == logs[1]


def test_a_network_learns_what_it_sees(tmp_path: Path) -> None:
    """Two classes that a glance tells apart."""
    rng = np.random.default_rng(0)
    path = tmp_path / "easy_karyotypes.h5"
    with h5py.File(path, "w") as file:
        file.attrs["description"] = "white background"
        for split in ("train", "val"):
            numbers = np.tile([1, 2], 16)
            images = np.stack([np.where(n == 1, 60, 180) + rng.integers(0, 20, (24, 24)) for n in numbers])
            group = file.create_group(split)
            group["pixels"] = images.astype(np.uint8).ravel()
            group["offset"] = np.arange(32) * 576
            group["height"] = group["width"] = np.full(32, 24)
            group["chromosome_class"] = numbers.astype(np.uint8)
            group["case"] = group["cell"] = np.array([split] * 32, "S")
    row = train(options(path, tmp_path / "out", epochs=4, learning_rate=1e-3, augment=False), notice=quiet)
    assert float(row["val_accuracy"]) == 1.0


@pytest.mark.parametrize(
    ("given", "word"),
    [({"preset": "alexnet"}, "alexnet"), ({"epochs": 0}, "--epochs"), ({"limit_samples": -1}, "--limit-samples")],
)
def test_what_makes_no_sense_is_said(data: Path, tmp_path: Path, given: dict, word: str) -> None:
    chosen = {"preset": "resnet18", **given}
    with pytest.raises(UserError, match=word):
        train(ClassifierRun(data / "gband_karyotypes.h5", tmp_path, **chosen))
    assert not (tmp_path / "settings.json").exists()


def test_what_is_not_given_is_as_published() -> None:
    changed = resolved(ClassifierRun(Path("a"), Path("b"), "vgg16", optimiser="sgd", learning_rate=0.01, patience=0))
    assert (changed.optimiser, changed.learning_rate, changed.betas[0], changed.patience) == ("sgd", 0.01, 0.0, None)
    assert (changed.batch, changed.schedule_options, changed.size) == (16, {"step_size": 30, "gamma": 0.1}, 224)


def test_the_weights_answer_as_the_network_that_was_trained(data: Path, tmp_path: Path) -> None:
    row = train(options(data / "gband_karyotypes.h5", tmp_path, split="image", epochs=1), notice=quiet)
    network = load_published(tmp_path / "best.safetensors")
    assert not network.training
    divided = read_divided(data / "gband_karyotypes.h5", "image")
    images = torch.stack([Squares(divided.data, divided.parts["val"], 32)[i][0] for i in range(18)])
    with torch.inference_mode():
        right = sum(
            int(a == divided.data.numbers[m] - 1)
            for a, m in zip(network(images).argmax(1), divided.parts["val"], strict=True)
        )
    assert right / 18 == pytest.approx(float(row["val_accuracy"]), abs=1.5 / 18)  # weights are kept in half precision


def test_the_commands(data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "classifier", "--preset", "list"]) == 0
    listed = capfd.readouterr().out
    assert all(name in listed for name in PRESETS)
    path, out = str(data / "gband_karyotypes.h5"), tmp_path / "run"
    small = ["--epochs", "1", "--size", "32", "--limit-samples", "8", "--workers", "0", "--device", "cpu"]
    arguments = ["train", "classifier", "--preset", "resnet18", "--data", path, "--out", str(out), *small]
    assert main([*arguments, "--split", "image"]) == 0
    assert "random" in capfd.readouterr().err
    evaluate = ["evaluate", "classifier", "--data", path, "--split", "val", "--device", "cpu"]
    files = ["--csv", str(tmp_path / "rows.csv"), "--pictures", str(tmp_path / "pictures")]
    assert main([*evaluate, "--weights", str(out / "best.safetensors"), *files]) == 0
    result = json.loads(capfd.readouterr().out)
    assert result["trained_by"] == "image" and "image_level" in result
    assert len((tmp_path / "rows.csv").read_text().splitlines()) == 1 + 46 + 9
    with Image.open(tmp_path / "pictures" / "val_worst.png") as picture:
        assert picture.width > 500
    assert main([*evaluate, "--csv", str(tmp_path / "shipped.csv")]) == 0
    assert "polarity" in json.loads(capfd.readouterr().out)
    assert main(["train", "classifier", "--preset", "alexnet", "--data", path, "--out", str(out)]) == 2
    assert "alexnet" in capfd.readouterr().err


def test_the_run_can_be_imported_first() -> None:
    """Lightning imports torchvision, which has to be prepared before that; here other tests have done it already."""
    command = [sys.executable, "-c", "import chromview.training.engine.classifier_run"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
