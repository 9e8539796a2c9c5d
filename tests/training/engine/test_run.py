"""Runs: what they leave behind, how they go on after an interruption, and what they say when something is wrong."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from chromview.errors import UserError
from chromview.training.engine.options import RunOptions
from chromview.training.engine.run import train
from chromview.training.engine.weights import load_trained
from chromview.training.runs import load_checkpoint, save_checkpoint
from chromview.training.zoo import PRESETS, Adversary
from chromview.vision.weights import choose_device, read_metadata

SetOf = Callable[..., Path]
LITTLE: dict[str, Any] = {"workers": 0, "batch": 4, "widths": (4, 6), "epochs": 2}
# The same game with a discriminator that is quickly played against.
NARROW = Adversary("least-squares", discriminator_options={"widths": [4, 4], "strides": [2, 2]}, loss_weight=10.0)
PLAYED = {**PRESETS, "cgan-unet": dataclasses.replace(PRESETS["cgan-unet"], adversary=NARROW)}


def run(data: Path, out: Path, preset: str = "chromview", **options: Any) -> list[str]:
    """Train a little; what was said meanwhile."""
    said: list[str] = []
    train(RunOptions(data, out, preset, **{**LITTLE, **options}), notice=said.append, presets=PLAYED)
    return said


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def without_time(path: Path) -> list[dict[str, str]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in table(path)]


def test_what_a_run_leaves_behind(set_of: SetOf, tmp_path: Path) -> None:
    data, out = set_of(), tmp_path / "run"
    assert run(data, out, epochs=3, pictures_every=2) == []
    assert sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()) == [
        "best.ckpt", "best.safetensors", "curves.png", "final.ckpt", "final.safetensors", "latest.ckpt", "log.csv",
        "results.csv", "results.md", "samples/epoch_0001.png", "samples/epoch_0002.png", "samples/epoch_0003.png",
        "settings.json", "splits.json",
    ]  # fmt: skip
    log = table(out / "log.csv")
    assert [row["epoch"] for row in log] == ["1", "2", "3"]
    assert all(float(row[name]) > 0 for row in log for name in ("train_loss", "val_loss", "learning_rate", "seconds"))
    assert all(0 <= float(row[name]) <= 1 for row in log for name in ("val_chromosomes", "val_overlap", "val_iou"))

    (result,) = table(out / "results.csv")
    best = max(log, key=lambda row: float(row["val_iou"]))
    assert (result["preset"], result["epochs"], result["best_epoch"]) == ("chromview", "3", best["epoch"])
    assert result["val_iou"] == best["val_iou"]
    assert 0 <= float(result["test_iou"]) <= 1
    assert len((out / "results.md").read_text().splitlines()) == 3

    metadata = read_metadata(out / "final.safetensors")
    settings = json.loads((out / "settings.json").read_text())
    assert (metadata["preset"], metadata["architecture"], metadata["epoch"]) == ("chromview", "unet", 3)
    assert metadata["architecture_options"] == {"widths": [4, 6]}
    assert metadata["data"] == settings["data"]
    assert metadata["split"] == {part: len(names) for part, names in splits(out).items()}
    assert metadata["scores"]["val_loss"] == pytest.approx(float(log[-1]["val_loss"]), rel=1e-4)
    assert read_metadata(out / "best.safetensors")["epoch"] == int(best["epoch"])
    assert {value.dtype for value in load_file(out / "final.safetensors").values()} <= {torch.float16, torch.int64}

    with Image.open(out / "samples" / "epoch_0003.png") as picture:
        # A row for each image of the validation; image, truth and answer beside each other.
        assert picture.size == (3 * 34, 34 * metadata["split"]["val"])
        colours = {tuple(colour) for colour in np.asarray(picture)[:32, 34:66].reshape(-1, 3)}
    assert colours == {(255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255)}
    with Image.open(out / "curves.png") as picture:
        assert len(np.unique(np.asarray(picture).reshape(-1, 3), axis=0)) > 5


def splits(out: Path) -> dict[str, list[str]]:
    content: dict[str, list[str]] = json.loads((out / "splits.json").read_text())["splits"]
    return content


# --- going on ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("preset", "options"),
    [
        ("chromview", {}),  # the rate turns with every step
        ("segnet", {"widths": (4, 4, 4), "schedule": "plateau", "augment": True, "patience": 5}),  # dropout
        ("cgan-unet", {"schedule": "step"}),  # two optimisers
    ],
)
def test_an_interrupted_run_goes_on_as_if_it_never_was(
    preset: str, options: dict[str, Any], set_of: SetOf, tmp_path: Path
) -> None:
    data = set_of()
    run(data, tmp_path / "whole", preset, epochs=4, **options)

    def interrupt(stage: str, share: float) -> None:
        if share > 0.6:  # within the third epoch
            raise KeyboardInterrupt

    broken = RunOptions(data, tmp_path / "broken", preset, **{**LITTLE, "epochs": 4, **options})
    with pytest.raises(KeyboardInterrupt):
        train(broken, progress=interrupt, presets=PLAYED)
    assert len(table(tmp_path / "broken" / "log.csv")) == 2
    assert not (tmp_path / "broken" / "final.safetensors").exists()
    train(broken, presets=PLAYED)

    assert without_time(tmp_path / "broken" / "log.csv") == without_time(tmp_path / "whole" / "log.csv")
    assert table(tmp_path / "broken" / "results.csv") == table(tmp_path / "whole" / "results.csv")
    for name in ("final", "best"):
        once, again = (load_file(tmp_path / out / f"{name}.safetensors") for out in ("whole", "broken"))
        assert once.keys() == again.keys()
        assert all(torch.equal(once[key], again[key]) for key in once)


def test_a_finished_run_is_left_alone_and_may_become_longer(set_of: SetOf, tmp_path: Path) -> None:
    data, out = set_of(), tmp_path / "run"
    run(data, out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    run(data, out)
    run(data, out, epochs=1)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    run(data, out, epochs=3)
    assert [row["epoch"] for row in table(out / "log.csv")] == ["1", "2", "3"]
    assert read_metadata(out / "final.safetensors")["epoch"] == 3


def test_a_run_ends_early_where_nothing_gets_better(set_of: SetOf, tmp_path: Path) -> None:
    data, out = set_of(), tmp_path / "run"
    # Without batch normalisation, and steps too small to change a number.
    still = {"learning_rate": 1e-30, "weight_decay": 0.0, "epochs": 9, "patience": 2}
    run(data, out, "lilyhu", **still)
    assert len(table(out / "log.csv")) == 3
    run(data, out, "lilyhu", **still)
    assert len(table(out / "log.csv")) == 3


def test_another_learning_rate_is_taken_over(set_of: SetOf, tmp_path: Path) -> None:
    data, out = set_of(), tmp_path / "run"
    run(data, out, "unet", learning_rate=1e-3)
    run(data, out, "unet", learning_rate=1e-4, epochs=3)
    assert [float(row["learning_rate"]) for row in table(out / "log.csv")] == pytest.approx([1e-3, 1e-3, 1e-4])


def test_a_loss_that_is_no_number_ends_the_run_and_leaves_the_last_good_epoch(set_of: SetOf, tmp_path: Path) -> None:
    data, out = set_of(), tmp_path / "run"
    run(data, out, "lilyhu", epochs=1)
    good = (out / "latest.ckpt").read_bytes()
    with pytest.raises(UserError, match="the loss of epoch 2 is no number") as caught:
        run(data, out, "lilyhu", epochs=2, learning_rate=1e36)
    assert "smaller --learning-rate" in caught.value.advice
    assert (out / "latest.ckpt").read_bytes() == good
    run(data, out, "lilyhu", epochs=2, learning_rate=1e-4)
    assert len(table(out / "log.csv")) == 2


def test_checkpoints_of_other_runs_are_refused(set_of: SetOf, tmp_path: Path) -> None:
    data, out = set_of(), tmp_path / "run"
    run(data, out)
    latest = out / "latest.ckpt"
    whole = latest.read_bytes()
    for other, named in (
        ({"preset": "segnet", "widths": None}, "architecture unet, not segnet"),
        ({"widths": (4, 8)}, "architecture_options"),
        ({"data": set_of(seed=1)}, "data"),
        ({"seed": 1}, "seed 0, not 1"),
    ):
        with pytest.raises(UserError, match=rf"latest\.ckpt.*another run.*{named}") as caught:
            run(**{"data": data, "out": out, "epochs": 3, **other})
        assert "another folder" in caught.value.advice
    save_checkpoint(latest, epoch=3, best=0.5)
    with pytest.raises(UserError, match=r"latest\.ckpt.*another kind of run"):
        run(data, out, epochs=3)
    latest.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"latest\.ckpt.*not a checkpoint"):
        run(data, out, epochs=3)
    assert latest.read_bytes() == whole[: len(whole) // 2]
    assert len(table(out / "log.csv")) == 2


# --- folds ---------------------------------------------------------------------------------------


def test_folds_are_trained_in_turn_into_one_table(set_of: SetOf, tmp_path: Path) -> None:
    data, out = set_of(count=7), tmp_path / "run"
    run(data, out, folds=3, fold=2, epochs=1)
    assert [row["fold"] for row in table(out / "results.csv")] == ["2"]
    second = (out / "fold_2" / "final.safetensors").read_bytes()
    run(data, out, folds=3, epochs=1)
    assert (out / "fold_2" / "final.safetensors").read_bytes() == second

    rows = table(out / "results.csv")
    assert [row["fold"] for row in rows] == ["1", "2", "3", "mean", "standard deviation"]
    values = [float(row["val_loss"]) for row in rows]
    assert values[3] == pytest.approx(np.mean(values[:3]), rel=1e-4)
    # Each value is rounded to six digits.
    assert values[4] == pytest.approx(np.std(values[:3], ddof=1), rel=1e-3, abs=1e-5)
    parts = [splits(out / f"fold_{number}") for number in (1, 2, 3)]
    held_back = [name for part in parts for name in part["val"]]
    assert sorted(held_back) == sorted(set(held_back)) == [f"{index:05d}" for index in range(7)]
    assert all(not set(part["train"]) & set(part["val"]) for part in parts)


# --- what is wrong with the data or the options --------------------------------------------------


def hdf5(path: Path, **arrays: Any) -> Path:
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return path


GREY = np.random.default_rng(0).integers(0, 255, (6, 32, 32)).astype(np.uint8)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"image": GREY}, "no labels"),
        ({"image": GREY, "label": GREY}, "values up to 25[0-9], not 0 to 3"),
        ({"image": GREY, "label": np.zeros((6, 30, 32), np.uint8)}, "different size"),
        ({"image": GREY, "label": GREY % 4, "case": np.array([b"one"] * 6)}, "1 cases, too few"),
    ],
    ids=["no labels", "stray values", "sizes", "one case"],
)
def test_a_set_that_cannot_be_used_is_told(arrays: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=said):
        run(hdf5(tmp_path / "set.h5", **arrays), tmp_path / "run")
    assert not list(tmp_path.glob("run/*.ckpt"))


def test_a_label_that_never_occurs_is_told_and_the_run_goes_on(set_of: SetOf, tmp_path: Path) -> None:
    with h5py.File(set_of()) as file:
        images, labels = file["image"][:], file["label"][:]
    (said,) = run(hdf5(tmp_path / "a.h5", image=images, label=np.where(labels == 3, 1, labels)), tmp_path / "run")
    assert "a.h5: label 3 (overlap) never occurs" in said
    assert table(tmp_path / "run" / "log.csv")[-1]["val_overlap"] in ("nan", "0")
    assert (tmp_path / "run" / "final.safetensors").exists()


def test_squares_that_cut_chromosomes_off_are_told(set_of: SetOf, tmp_path: Path) -> None:
    (said,) = run(set_of(), tmp_path / "run", size=16, epochs=1)
    assert "squares of 16 pixels cut off" in said and "--size 32" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"preset": "resnet"}, "no preset 'resnet'.*There are chromview, lilyhu"),
        ({"loss": "hinge"}, "no loss 'hinge'.*cross-entropy"),
        ({"epochs": 0}, "--epochs 0 is not above 0"),
        ({"preset": "segnet", "widths": (4, 4)}, "network of 'segnet' cannot be built.*--widths"),
        ({"preset": "u-vgg16", "widths": (4, 4)}, "u-vgg.*widths"),
        ({"preset": "cgan-unet", "size": 2}, "network of 'cgan-unet' cannot be built.*--size"),
        ({"folds": 1}, "--folds 1 is no cross-validation"),
        ({"folds": 3, "fold": 4}, "no fold 4"),
        ({"fold": 1}, "--fold needs --folds"),
        ({"folds": 3, "devices": 2}, "one fold at a time"),
        ({"chromosomes": 6}, "--chromosomes 6 is not 2 to 5"),
        ({"chromosomes": 3}, "not composed here.*--chromosomes"),
    ],
)
def test_options_that_make_no_sense_are_told(options: dict[str, Any], said: str, set_of: SetOf, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=said):
        run(**{"data": set_of(), "out": tmp_path / "run", **options})
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(choose_device("cpu").half, reason="this processor has bfloat16")
def test_bfloat16_is_refused_where_the_processor_has_none(set_of: SetOf, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="bfloat16"):
        run(set_of(), tmp_path / "run", precision="bfloat16")


def test_weights_of_another_kind_are_refused(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"segmenter\.safetensors.*'UNet'.*not one of the zoo"):
        load_trained(repository / "models" / "segmenter.safetensors")
    with pytest.raises(UserError, match="missing"):
        load_trained(tmp_path / "final.safetensors")


# --- how a set is divided, and what is minimised -------------------------------------------------


def test_the_published_split_is_taken_and_written_down(set_of: SetOf, tmp_path: Path) -> None:
    data, out = set_of("dataset_1", count=20), tmp_path / "run"
    run(data, out, "lilyhu", epochs=1, split="published")
    # The last fifth to report on, as published; of the rest the last eighth to choose by.
    names = [f"{index:05d}" for index in range(20)]
    assert splits(out) == {"train": names[:14], "val": names[14:16], "test": names[16:]}
    assert float(table(out / "results.csv")[0]["test_iou"]) >= 0
    with pytest.raises(UserError, match="another run: split published, not case"):
        run(data, out, "lilyhu", epochs=2)


def test_a_published_split_that_makes_no_sense_is_told(set_of: SetOf, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no folds"):
        run(set_of(), tmp_path / "run", split="published", folds=3)
    cases = hdf5(tmp_path / "cases.h5", image=GREY, label=GREY % 4, case=np.array([b"a", b"b", b"c"] * 2))
    with pytest.raises(UserError, match=r"cases\.h5.*knows no cases"):
        run(cases, tmp_path / "run", split="published")
    assert not list(tmp_path.glob("run/splits.json"))


def test_a_sum_of_losses_is_minimised(set_of: SetOf, tmp_path: Path) -> None:
    data, out = set_of(), tmp_path / "run"
    run(data, out, epochs=1, loss="10*lovasz+0.5*l1")
    assert json.loads((out / "settings.json").read_text())["loss"] == "10*lovasz+0.5*l1"
    # Lovasz is near 1 for a network that knows nothing, so that its weight shows.
    assert 3 < float(table(out / "log.csv")[0]["train_loss"]) < 10.5
    with pytest.raises(UserError, match="'ten' in front of the loss 'lovasz' is no number"):
        run(data, tmp_path / "other", loss="ten*lovasz+l1")


def test_validation_may_be_kept_short(set_of: SetOf, tmp_path: Path) -> None:
    run(set_of(count=24), tmp_path / "run", epochs=1, limit_validation=2)
    assert len(splits(tmp_path / "run")["val"]) > 2
    with Image.open(tmp_path / "run" / "samples" / "epoch_0001.png") as picture:
        assert picture.height == 2 * 34


# --- pairs that are composed ---------------------------------------------------------------------


def test_pairs_are_composed_where_single_chromosomes_are_given(data: Path, tmp_path: Path) -> None:
    run(data, tmp_path, epochs=2, limit_samples=4, limit_validation=6)
    assert len(table(tmp_path / "log.csv")) == 2
    assert read_metadata(tmp_path / "final.safetensors")["size"] == 128
    assert load_checkpoint(tmp_path / "final.ckpt")["global_step"] == 2
    with pytest.raises(UserError, match="divides its cases itself"):
        run(data, tmp_path / "folds", folds=3)
    with pytest.raises(UserError, match=r"divides its cases itself.*--split"):
        run(data, tmp_path / "published", split="published")


def test_clusters_of_several_are_composed_and_judged_by_pairs(data: Path, tmp_path: Path) -> None:
    run(data, tmp_path, epochs=1, limit_samples=4, limit_validation=3, chromosomes=5)
    assert read_metadata(tmp_path / "final.safetensors")["size"] == 192
    with Image.open(tmp_path / "samples" / "epoch_0001.png") as picture:
        assert picture.height == 3 * 194
