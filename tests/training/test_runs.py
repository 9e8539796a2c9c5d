"""Runs that are interrupted go on, and what is damaged is said and left alone."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from chromview.errors import UserError
from chromview.training import train_classifier, train_segmenter
from chromview.training.runs import load_checkpoint, log_row, one_cycle, resume, save_checkpoint, save_weights
from chromview.training.train_classifier import ClassifierOptions
from chromview.training.train_segmenter import SegmenterOptions, dice_loss, segmenter_loss
from chromview.vision.classifier import Classifier
from chromview.vision.efficientnet import EfficientNetLite
from chromview.vision.networks import ChromosomeNet, UNet
from chromview.vision.segmenter import Segmenter
from chromview.vision.weights import Device, load_weights, read_metadata

CPU = Device(torch.device("cpu"), half=False)


def segmenter_options(data: Path, out: Path, **changes: object) -> SegmenterOptions:
    options = {"widths": (4, 6), "size": 64, "batch": 4, "steps_per_epoch": 2, "epochs": 1, "workers": 0, **changes}
    return SegmenterOptions(data, out, **options)


def classifier_options(data: Path, out: Path, **changes: object) -> ClassifierOptions:
    # Not 4 wide: convolutions of torch 2.13 in float32, channels last, crash there on processors without AVX-512.
    options = {"width": 8, "rows": 3, "batch": 16, "epochs": 1, **changes}
    return ClassifierOptions(data, out, **options)


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "log.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def steps_done(out: Path) -> int:
    """Steps the optimiser has seen, kept through every resumption."""
    return int(load_checkpoint(out / "latest.ckpt")["optimiser"]["state"][0]["step"])


@pytest.fixture(scope="module")
def gband_only(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One set is enough to see a run go on."""
    folder = tmp_path_factory.mktemp("gband")
    (folder / "gband_karyotypes.h5").write_bytes((data / "gband_karyotypes.h5").read_bytes())
    return folder


def test_a_segmenter_is_trained_and_goes_on(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    weights = train_segmenter.main(segmenter_options(data, out))
    assert weights == out / "best.safetensors"
    assert read_metadata(weights)["widths"] == [4, 6]
    Segmenter(weights, CPU)
    assert [row["epoch"] for row in rows(out)] == ["1"]
    assert steps_done(out) == 2
    train_segmenter.main(segmenter_options(data, out, epochs=2))
    assert [row["epoch"] for row in rows(out)] == ["1", "2"]
    assert steps_done(out) == 4
    assert load_checkpoint(out / "latest.ckpt")["epoch"] == 2
    for row in rows(out):
        assert 0 <= float(row["iou_chromosome"]) <= 1
    # All done: a third call changes nothing.
    before = (out / "latest.ckpt").read_bytes()
    train_segmenter.main(segmenter_options(data, out, epochs=2))
    assert (out / "latest.ckpt").read_bytes() == before
    assert sorted(file.name for file in out.iterdir()) == ["best.safetensors", "latest.ckpt", "log.csv"]
    _other_runs_are_refused(data, out)


def _other_runs_are_refused(data: Path, out: Path) -> None:
    """Another size, another kind of network, a damaged checkpoint: each is said, and nothing is overwritten."""
    latest = out / "latest.ckpt"
    whole = latest.read_bytes()
    with pytest.raises(UserError, match=r"latest\.ckpt.*other widths"):
        train_segmenter.main(segmenter_options(data, out, widths=(4, 8), epochs=3))
    with pytest.raises(UserError, match=r"latest\.ckpt"):
        train_classifier.main(classifier_options(data, out, epochs=3))
    latest.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"latest\.ckpt.*not a checkpoint") as caught:
        train_segmenter.main(segmenter_options(data, out, epochs=3))
    assert "Remove it" in caught.value.advice
    assert latest.read_bytes() == whole[: len(whole) // 2]


def test_a_classifier_is_trained_and_goes_on(gband_only: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    weights = train_classifier.main(classifier_options(gband_only, out))
    assert read_metadata(weights)["rows"] == 3
    Classifier(weights, CPU)
    assert steps_done(out) == 46 // 16
    train_classifier.main(classifier_options(gband_only, out, epochs=2))
    assert [row["epoch"] for row in rows(out)] == ["1", "2"]
    assert steps_done(out) == 2 * (46 // 16)
    for row in rows(out):
        assert 0 <= float(row["gband_class"]) <= 1 and 0 <= float(row["gband_polarity"]) <= 1


def published(name: str) -> dict[str, torch.Tensor]:
    """Weights of a network as others publish them: their names, three colours, and what follows the last stage."""
    torch.manual_seed(5)
    state = {f"layer{i}": value for i, value in enumerate(EfficientNetLite(name).stages.state_dict().values())}
    state["layer0"] = torch.rand(32, 3, 3, 3)
    return state | {"head.weight": torch.rand(1280, 320, 1, 1), "fc.bias": torch.rand(1000)}


def test_a_classifier_begins_with_published_weights(gband_only: Path, tmp_path: Path) -> None:
    weights = published("efficientnet_lite0")
    imagenet = tmp_path / "imagenet.pth"
    torch.save(weights, imagenet)
    given = {"network": "efficientnet_lite0", "imagenet": imagenet, "batch": 46}
    options = classifier_options(gband_only, tmp_path / "run", **given)
    begun = options.built().stages.state_dict()
    assert torch.equal(begun["0.weight"], weights["layer0"].sum(1, keepdim=True))
    assert torch.equal(list(begun.values())[-2], list(weights.values())[-4])
    trained = train_classifier.main(options)
    assert read_metadata(trained)["name"] == "efficientnet_lite0"
    Classifier(trained, CPU)
    with pytest.raises(UserError, match=r"imagenet\.pth.*weights of this network"):
        train_classifier.main(replace(options, network="efficientnet_lite2"))
    with pytest.raises(UserError, match=r"imagenet\.pth.*--network efficientnet_lite0"):
        train_classifier.main(replace(options, network="resnet18"))


def test_fewer_chromosomes_than_a_batch_are_trained_on_all_the_same(gband_only: Path, tmp_path: Path) -> None:
    train_classifier.main(classifier_options(gband_only, tmp_path, batch=500))
    assert steps_done(tmp_path) == 1


def test_training_can_start_from_weights(data: Path, tmp_path: Path) -> None:
    start = tmp_path / "start.safetensors"
    save_weights(start, UNet(2, 4, (4, 6)), architecture="UNet", widths=[4, 6])
    train_segmenter.main(segmenter_options(data, tmp_path / "run", steps_per_epoch=1, simulated=1, start_from=start))
    train_segmenter.main(
        segmenter_options(data, tmp_path / "wider", steps_per_epoch=1, widths=(4, 8), start_from=start)
    )
    with pytest.raises(UserError, match=r"start\.safetensors.*does not fit"):
        train_segmenter.main(segmenter_options(data, tmp_path / "narrower", widths=(4, 5), start_from=start))
    with pytest.raises(UserError, match=r"classifier\.safetensors.*does not fit"):
        other = tmp_path / "classifier.safetensors"
        save_weights(other, UNet(2, 4, (4, 6)), architecture="ChromosomeNet")
        train_segmenter.main(segmenter_options(data, tmp_path / "other", start_from=other))


def test_a_folder_without_data_is_said(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UserError, match="no set of chromosomes") as caught:
        train_classifier.main(classifier_options(empty, tmp_path / "run"))
    assert caught.value.path == empty
    with pytest.raises(UserError, match=r"gband_karyotypes\.h5.*no such file"):
        train_segmenter.main(segmenter_options(empty, tmp_path / "run"))


def test_a_loss_that_is_no_number_ends_the_run(gband_only: Path, data: Path, tmp_path: Path) -> None:
    broken = float("inf")
    with pytest.raises(UserError, match="no number"):
        train_classifier.main(classifier_options(gband_only, tmp_path / "c", learning_rate=broken))
    with pytest.raises(UserError, match="no number"):
        train_segmenter.main(segmenter_options(data, tmp_path / "s", learning_rate=broken))
    assert not (tmp_path / "c" / "latest.ckpt").exists()
    assert not (tmp_path / "s" / "latest.ckpt").exists()


def test_a_checkpoint_that_cannot_be_written_leaves_the_last_one(tmp_path: Path) -> None:
    path = tmp_path / "latest.ckpt"
    save_checkpoint(path, epoch=1, best=0.5, network={"a": torch.ones(3)})
    with pytest.raises(Exception, match="pickle"):
        save_checkpoint(path, epoch=2, network=lambda: None)
    state = load_checkpoint(path)
    assert state["epoch"] == 1
    assert torch.equal(state["network"]["a"], torch.ones(3))
    save_checkpoint(path, epoch=3, best=0.5)
    assert load_checkpoint(path)["epoch"] == 3


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"\x80\x04N."])
def test_no_checkpoint(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "latest.ckpt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"latest\.ckpt"):
        resume(path, network=UNet(1, 1, (2,)))


def test_a_checkpoint_runs_no_code(tmp_path: Path) -> None:
    """Checkpoints come from elsewhere, too; reading one must not execute what it holds."""

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[Path]]:
            return Path.touch, (tmp_path / "sprung",)

    torch.save({"epoch": 1, "trap": Trap()}, tmp_path / "latest.ckpt")
    with pytest.raises(UserError):
        load_checkpoint(tmp_path / "latest.ckpt")
    assert not (tmp_path / "sprung").exists()


def test_weights_round_trip(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, other = ChromosomeNet(4, 3).eval(), ChromosomeNet(4, 3).eval()
    path = tmp_path / "new" / "folder" / "weights.safetensors"
    save_weights(path, network, architecture="ChromosomeNet", width=4, rows=3)
    assert load_weights(path, other) == {"architecture": "ChromosomeNet", "width": 4, "rows": 3}
    x = torch.rand(3, 1, 144, 40)
    with torch.inference_mode():
        # Half precision is what ships.
        assert torch.allclose(network(x)[0], other(x)[0], atol=0.02)
    assert [file.name for file in path.parent.iterdir()] == ["weights.safetensors"]


def test_the_log_has_one_header(tmp_path: Path) -> None:
    for epoch in (1, 2, 3):
        log_row(tmp_path / "log.csv", epoch=epoch, loss=1 / epoch)
    assert [row["epoch"] for row in rows(tmp_path)] == ["1", "2", "3"]


def rates(steps: int, done: int, count: int) -> list[float]:
    optimiser = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=1.0)
    schedule = one_cycle(optimiser, steps, done)
    result = []
    for _ in range(count):
        result.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return result


def test_the_learning_rate_goes_on_where_it_was() -> None:
    whole = rates(100, 0, 100)
    assert whole.index(max(whole)) == pytest.approx(12, abs=1)
    assert max(whole) == pytest.approx(1, abs=0.01)
    assert whole[0] < 0.1 and whole[-1] < 0.01
    assert rates(100, 40, 60) == pytest.approx(whole[40:])


def test_losses_are_lowest_for_the_truth() -> None:
    rng = torch.Generator().manual_seed(0)
    targets = (torch.rand(2, 4, 16, 16, generator=rng) > 0.6).float()
    targets[:, 3] *= targets[:, 0]
    sure = (targets * 2 - 1) * 12
    prompted = torch.tensor([True, False])
    best = segmenter_loss(sure, targets, prompted).item()
    assert best < 0.1
    for channel in range(4):
        worse = sure.clone()
        worse[0, channel] *= -1
        assert segmenter_loss(worse, targets, prompted).item() > best + 0.5
    # What an image without a prompt says of a chromosome does not count.
    worse = sure.clone()
    worse[1, 3] *= -1
    assert segmenter_loss(worse, targets, prompted).item() == pytest.approx(best)
    assert dice_loss(sure[:, 0], targets[:, 0]).item() < 0.01 < 0.9 < dice_loss(-sure[:, 0], targets[:, 0]).item()
