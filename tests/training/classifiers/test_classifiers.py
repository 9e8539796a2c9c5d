"""The published classifiers: how they are set, what they see, a run, and what is said of their weights."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from chromview.core.chromosome import Stain
from chromview.errors import UserError
from chromview.training.class_report import ClassReport
from chromview.training.classifiers.networks import PublishedClassifier, load_published
from chromview.training.classifiers.presets import AUGMENTATION, PRESETS
from chromview.training.classifiers.samples import Squares, read_divided, square
from chromview.training.datasets import Karyotypes
from chromview.training.evaluate_classes import Truth, decide_cells, evaluate_published, figures
from chromview.training.runs import save_weights

CLASSES = 24


# --- presets and networks ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "weights"), [("resnet18", 11.19), ("resnet50", 23.56), ("vgg16", 14.85), ("inception-v3", 21.83)]
)
def test_networks_have_the_published_sizes(name: str, weights: float) -> None:
    network = PublishedClassifier(name, pretrained=False)
    count = sum(p.numel() for p in network.parameters())
    assert count / 1e6 == pytest.approx(weights, abs=0.01)
    assert network.origin == "random"
    side = PRESETS[name].size
    assert side == (299 if name == "inception-v3" else 224)
    with torch.device("meta"):
        x = torch.empty(2, 1, side, side)
    assert network.to("meta")(x).shape == (2, CLASSES)


def test_presets_are_as_published() -> None:
    for preset in PRESETS.values():
        assert (preset.optimiser, preset.learning_rate, preset.weight_decay, preset.batch) == ("adam", 1e-4, 1e-5, 16)
        assert (preset.schedule, preset.schedule_options["gamma"], preset.patience) == ("step", 0.1, 10)


def test_networks_start_from_imagenet_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    there = PublishedClassifier("resnet18")
    assert there.origin.startswith("random, because")
    from chromview.vision._torchvision import torchvision

    known = torchvision.models.resnet18(weights=None)
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save(known.state_dict(), folder / "resnet18-f37072fd.pth")
    network = PublishedClassifier("resnet18")
    assert network.origin.startswith("ImageNet")
    assert torch.equal(network.network.layer1[0].conv1.weight, known.layer1[0].conv1.weight)
    (folder / "resnet18-f37072fd.pth").write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"resnet18-f37072fd\.pth"):
        PublishedClassifier("resnet18")


# --- samples -------------------------------------------------------------------------------------


def test_a_chromosome_fills_a_black_square() -> None:
    image = np.full((40, 10), 90, np.uint8)
    for stain, value in ((Stain.G_BAND, 165), (Stain.DAPI, 90)):
        seen = square(image, 20, stain)
        assert (seen.shape, seen.dtype) == ((1, 20, 20), torch.uint8)
        assert (seen[0, :, :6] == 0).all() and (seen[0, :, 14:] == 0).all()
        assert (seen[0, :, 9:11] == value).all()
    assert square(np.full((5, 5), 7, np.uint8), 20, Stain.DAPI).eq(7).all()


def few(stain: Stain = Stain.G_BAND) -> Karyotypes:
    ground = 0 if stain.bright_on_dark else 255
    images = [np.pad(np.full((30, 8 + n), 120, np.uint8), 4, constant_values=ground) for n in range(3)]
    names = np.array(["a", "a", "b"])
    return Karyotypes(images, np.array([1, 5, 24]), names, names, stain)


def test_augmentation_depends_on_index_and_seed_alone() -> None:
    plain = Squares(few(), [0, 1, 2], 32)
    first, again = (Squares(few(), [0, 1, 2], 32, AUGMENTATION, seed=3) for _ in range(2))
    other = Squares(few(), [0, 1, 2], 32, AUGMENTATION, seed=4)
    assert [int(plain[i][1]) for i in range(3)] == [0, 4, 23]
    changed = 0
    for index in range(12):
        image, label = first[index]
        torch.randn(3)  # whatever else is drawn
        assert torch.equal(image, again[index][0]) and label == plain[index % 3][1]
        assert image.shape == (1, 32, 32) and image.min() >= 0 and image.max() < 1.0001
        changed += not torch.equal(image, plain[index % 3][0])
    # 7 in 10 are changed, each epoch in another way.
    assert 3 <= changed < 12
    assert any(not torch.equal(first[i][0], first[i + 3][0]) for i in range(9))
    assert any(not torch.equal(first[i][0], other[i][0]) for i in range(9))


def test_what_comes_in_at_the_edges_is_ground() -> None:
    image = np.pad(np.full((6, 6), 120, np.uint8), 27, constant_values=255)
    data = Karyotypes([image], np.array([1]), np.array(["a"]), np.array(["a"]), Stain.G_BAND)
    moved = Squares(data, [0], 32, AUGMENTATION)
    for index in range(8):
        seen = moved[index][0][0]
        assert float(seen[0].max()) < 0.05 and float(seen[:, 0].max()) < 0.05


def test_divided_by_case_or_image_by_image(data: Path) -> None:
    path = data / "gband_karyotypes.h5"
    by_case, by_image = read_divided(path, "case"), read_divided(path, "image", seed=1)
    assert by_case.fingerprint == by_image.fingerprint
    cells = by_case.data.cells
    assert not set(cells[by_case.parts["train"]]) & set(cells[by_case.parts["val"]])
    assert sorted(i for part in by_image.parts.values() for i in part) == list(range(len(cells)))
    assert set(by_image.parts) == {"train", "val", "test"}
    assert len(by_image.parts["train"]) == pytest.approx(0.7 * len(cells), abs=1)
    assert set(cells[by_image.parts["train"]]) == set(cells[by_image.parts["val"]])
    assert read_divided(path, "image", seed=1).parts == by_image.parts
    assert read_divided(path, "image", seed=2).parts != by_image.parts


def test_a_set_without_images_is_refused(headers_only: Path) -> None:
    with pytest.raises(UserError, match="holds no images"):
        read_divided(headers_only, "case")


# --- evaluation ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def weights(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a network that knows nothing, as a run that was divided by image would write them."""
    path = tmp_path_factory.mktemp("weights") / "best.safetensors"
    torch.manual_seed(0)
    noted = {"architecture": "resnet18", "preset": "resnet18", "size": 32, "split": "image", "seed": 0}
    fingerprint = read_divided(data / "gband_karyotypes.h5", "image").fingerprint
    save_weights(path, PublishedClassifier("resnet18", pretrained=False), **noted, data=fingerprint)
    return path


def test_both_divisions_stand_side_by_side(data: Path, weights: Path) -> None:
    report = ClassReport()
    result = evaluate_published(data / "gband_karyotypes.h5", "val", weights, device="cpu", report=report)
    assert (result["preset"], result["trained_by"], result["chromosomes"]) == ("resnet18", "image", 46)
    assert "polarity" not in result and "accuracy_by_cell" in result
    held_back = result["image_level"]
    assert held_back["chromosomes"] == 9 and held_back["cells"] == 2
    assert "accuracy_by_cell" not in held_back
    parts = [row["part"] for row in report.rows]
    assert (parts.count("val"), parts.count("image_level")) == (46, 9)
    assert set(report.pictures()) == {
        "val_confusion.png", "val_confusion_by_cell.png", "val_worst.png",
        "image_level_confusion.png", "image_level_worst.png",
    }  # fmt: skip
    json.dumps(result, allow_nan=False)
    # On another set nothing was held back.
    assert "image_level" not in evaluate_published(data / "qband_karyotypes.h5", "val", weights, device="cpu")


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    save_weights(tmp_path / "other.safetensors", torch.nn.Linear(2, 2), architecture="ChromosomeNet")
    with pytest.raises(UserError, match="ChromosomeNet"):
        load_published(tmp_path / "other.safetensors")


def test_rows_and_pictures_of_known_answers(tmp_path: Path) -> None:
    data = few()
    truth = Truth(data.images, data.numbers, ["a", "a", "b"], ["A", "A", "B"], data.stain, True)
    probabilities = np.full((3, CLASSES), 0.01, np.float32)
    probabilities[0, 0] = probabilities[1, 7] = probabilities[2, 23] = 0.7
    probabilities[1, 4] = 0.07
    report = ClassReport()
    report.add("test", truth, probabilities, np.array([True, False, True]), None)
    result = figures(truth, probabilities, np.array([True, False, True]), None)
    assert (result["accuracy"], result["top_3"], result["polarity"]) == (0.6667, 1.0, 0.6667)
    assert result["f1"]["1"] == 1.0 and result["f1"]["5"] == 0.0 and result["f1"]["2"] is None
    report.write(tmp_path / "rows.csv", tmp_path / "pictures")
    with (tmp_path / "rows.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["class"], r["answer"], r["right"], r["rank_of_truth"]) for r in rows] == [
        ("1", "1", "1", "1"), ("5", "8", "0", "2"), ("Y", "Y", "1", "1"),
    ]  # fmt: skip
    assert rows[1]["probability_of_truth"] == "0.07"
    assert [r["polarity_right"] for r in rows] == ["1", "0", "1"]
    assert {p.name for p in (tmp_path / "pictures").iterdir()} == {"test_confusion.png", "test_worst.png"}


def test_cells_are_decided_as_the_pipeline_decides_them(data: Path) -> None:
    rng = np.random.default_rng(1)
    probabilities = rng.dirichlet(np.full(CLASSES, 0.1), 92)
    probabilities[5] = 1 / CLASSES
    cells = ["a"] * 46 + ["b"] * 46
    numbers = decide_cells(probabilities, cells)
    assert numbers[5] == 1
    for name in "ab":
        counts = np.bincount(numbers[[c == name for c in cells]], minlength=25)
        assert counts.max() <= 6
    alone = decide_cells(probabilities[46:], cells[46:])
    assert (alone == numbers[46:]).all()
