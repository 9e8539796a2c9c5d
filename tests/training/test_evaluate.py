"""The figures of the model cards, on tiny sets; simulated bands, so only the magnitude is asked for."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from chromview.core.chromosome import Stain
from chromview.errors import UserError
from chromview.progress import Progress, silent
from chromview.training.datasets import read_karyotypes
from chromview.training.evaluate import evaluate_classifier, evaluate_segmenter, evaluate_weights
from chromview.training.evaluate_clusters import by_weights, evaluate_labelled, evaluate_pairs
from chromview.training.floor import otsu_components
from chromview.training.labelled import splits_file
from chromview.training.metrics import SWAPPED
from chromview.training.reports import Report
from chromview.training.runs import save_weights
from chromview.training.scenes import composed_pairs
from chromview.training.zoo import build_network
from chromview.vision.models import Models
from chromview.vision.prepare import to_darkness


def test_the_classifier_on_single_chromosomes(data: Path, models: Models) -> None:
    told: list[float] = []
    result = evaluate_classifier(
        data / "gband_karyotypes.h5", "val", models, progress=lambda _, share: told.append(share)
    )
    assert result["file"] == "gband_karyotypes.h5" and result["split"] == "val"
    assert result["chromosomes"] == 46 and result["cells"] == 1
    assert result["accuracy"] > 0.7
    assert result["top_3"] > 0.85
    assert result["top_3"] >= result["accuracy"]
    assert result["accuracy_by_cell"] > 0.7
    assert result["polarity"] > 0.8
    low, high = result["accuracy_interval"]
    assert low <= result["accuracy"] <= high
    assert set(result["f1"]) == {*(str(n) for n in range(1, 23)), "X", "Y"}
    assert sum(row["chromosomes"] for row in result["calibration"]) == 46
    assert told and told[-1] == 1.0
    json.dumps(result, allow_nan=False)


def test_the_classifier_on_true_masks_of_metaphases(data: Path, models: Models) -> None:
    result = evaluate_classifier(data / "mfish_dapi.h5", "val", models)
    assert 40 <= result["chromosomes"] <= 50
    assert "polarity" not in result
    assert 0 <= result["accuracy"] <= result["top_3"] <= 1
    # A female cell: nothing can be said of Y beyond whether it was called.
    assert result["f1"]["Y"] in (None, 0.0)
    json.dumps(result, allow_nan=False)


def test_the_segmenter_on_metaphases(data: Path, models: Models) -> None:
    report = Report()
    result = evaluate_segmenter(data / "mfish_dapi.h5", "val", models, floor=True, report=report)["metaphases"]
    assert result["slides"] == 1
    # The floor has the same figures, and a row in the same table.
    floor = result["floor"]
    assert floor.keys() == result.keys() - {"floor", "calibration", "seconds_median", "true_edges"}
    # Nor do mistakes at the edges of chromosomes count there.
    assert result["true_edges"].keys() == floor.keys()
    assert result["true_edges"]["f1_75"] >= result["f1_75"]
    assert 0 < floor["f1_75"] <= 1 and floor["class_of_found"] is None
    assert 0 < result["ap_50_95"] <= result["ap_50"] <= 1
    rows = list(csv.DictReader(io.StringIO(report.csv())))
    assert [row["method"] for row in rows] == ["chromview", "floor"]
    assert float(rows[0]["f1_50"]) == pytest.approx(result["f1_50"], abs=1e-4)
    assert {"metaphases_classes.png"} < report.pictures().keys()
    assert result["f1_50"] > 0.8
    assert result["count_error"] <= 4
    assert 0 < result["found_separated_classed"] <= 1
    assert sum(row["count"] for row in result["calibration"]) > 35
    json.dumps(result, allow_nan=False)


def test_the_segmenter_on_composed_pairs_and_cells(data: Path, models: Models) -> None:
    result = evaluate_segmenter(data / "gband_karyotypes.h5", "val", models, pairs=8, cells=1)
    pairs, cells = result["pairs"], result["cells"]
    assert pairs["images"] == 8
    assert 0 <= pairs["solved"] <= 1
    assert pairs["iou_order_free"]["mask"] > 0.8
    assert 0 <= pairs["solved_touching"] <= 1 and 0 <= pairs["solved_overlapping"] <= 1
    assert pairs["order_free"]["per_image"]["hausdorff_images"][1] == 8
    assert cells["slides"] == 1
    assert cells["f1_50"] > 0.75
    assert cells["solved_free"] > 0.75
    json.dumps(result, allow_nan=False)


def test_a_set_without_images_is_refused(headers_only: Path, models: Models) -> None:
    for evaluate in (evaluate_classifier, evaluate_segmenter):
        with pytest.raises(UserError, match=r"gband_lowres_karyotypes\.h5.*holds no"):
            evaluate(headers_only, "val", models)


def test_no_pairs_are_composed_of_fluorescent_chromosomes(data: Path, models: Models) -> None:
    with pytest.raises(UserError, match="G-banded"):
        evaluate_segmenter(data / "qband_karyotypes.h5", "val", models)


def test_what_is_no_data_file_is_said(tmp_path: Path, data: Path, models: Models) -> None:
    text = tmp_path / "text.h5"
    text.write_text("nothing")
    for evaluate in (evaluate_classifier, evaluate_segmenter):
        with pytest.raises(UserError, match="not an HDF5 file"):
            evaluate(text, "val", models)
        with pytest.raises(UserError, match="no such file"):
            evaluate(tmp_path / "none.h5", "val", models)
        with pytest.raises(UserError, match="no split"):
            evaluate(data / "gband_karyotypes.h5", "never", models)


# --- labelled sets -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clusters(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight pairs of four cases in an HDF5 file."""
    pairs = list(composed_pairs(read_karyotypes(data / "gband_karyotypes.h5", "val"), 8))
    path = tmp_path_factory.mktemp("clusters") / "clusters.h5"
    with h5py.File(path, "w") as file:
        file["image"] = np.stack([pair.image for pair in pairs])
        file["label"] = np.stack([pair.label for pair in pairs])
        file["case"] = np.array([f"case {i // 2}" for i in range(8)], "S")
    return path


def test_the_segmenter_on_a_labelled_set(clusters: Path, models: Models) -> None:
    report = Report()
    result = evaluate_segmenter(clusters, None, models, report=report)
    assert (result["file"], result["split"], result["cases"], result["images"]) == ("clusters.h5", None, 4, 8)
    assert result["iou_order_free"]["mask"] > 0.8
    assert len(report.rows) == 8
    json.dumps(result, allow_nan=False)
    with pytest.raises(UserError, match="whole slides"):
        evaluate_segmenter(clusters, None, models, floor=True)


def perfect(path: Path) -> tuple[dict[bytes, np.ndarray], list[bytes]]:
    with h5py.File(path) as file:
        images, labels = file["image"][:], file["label"][:]
    return {image.tobytes(): label for image, label in zip(images, labels, strict=True)}, []


def test_only_the_images_of_a_part_are_judged(clusters: Path, tmp_path: Path) -> None:
    known, asked = perfect(clusters)

    def labeller(images: np.ndarray, progress: Progress) -> np.ndarray:
        asked.extend(image.tobytes() for image in images)
        return np.stack([SWAPPED[known[image.tobytes()]] for image in images])

    names = [f"{i:05d}" for i in range(8)]
    splits = splits_file(tmp_path / "splits.json", [f"case {i // 2}" for i in range(8)], names)
    for where, part, count in (
        (tmp_path / "splits.json", "val", len(splits["val"])),
        (Path("published"), "test", 2),
        (None, None, 8),
    ):
        asked.clear()
        result = evaluate_labelled(clusters, part, where, labeller)
        assert result["images"] == len(asked) == count
        assert result["solved"] == 1 and result["iou_order_free"]["overlap"] == 1
        assert result["images_in_other_order"] == count
    with pytest.raises(UserError, match=r"clusters\.h5: does not say which of its images are 'val'.*--splits"):
        evaluate_labelled(clusters, "val", None, labeller)
    with pytest.raises(UserError, match=r"no images in a part 'never'.*train, val, test"):
        evaluate_labelled(clusters, "never", tmp_path / "splits.json", labeller)


def test_images_of_several_sizes_are_judged_each(tmp_path: Path) -> None:
    from chromview.storage.label_set import Form, LabelSet
    from chromview.storage.labels import write_labels

    labels = [np.zeros(shape, np.uint8) for shape in ((40, 50), (64, 64), (40, 50))]
    for number, label in enumerate(labels):
        label[5:20, 5 : 20 + number] |= 1
        label[10:30, 8:14] |= 2
    images = [np.where(label > 0, 90, 240).astype(np.uint8) for label in labels]
    write_labels(tmp_path / "set", LabelSet(tuple("abc"), images, labels, Form.PNG), Form.PNG)
    of = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    result = evaluate_labelled(
        tmp_path / "set", None, None, lambda many, _: np.stack([of[image.tobytes()] for image in many])
    )
    assert result["images"] == 3 and result["iou_given"] == [1.0] * 4


def test_composed_pairs_are_told_by_kind(data: Path) -> None:
    pairs = list(composed_pairs(read_karyotypes(data / "gband_karyotypes.h5", "val"), 8))
    truth = np.stack([pair.label for pair in pairs])
    touching = np.array([pair.touching for pair in pairs])
    answers = np.where(touching[:, None, None], truth, 0).astype(np.uint8)
    result = evaluate_pairs(pairs, lambda images, _: answers)
    assert (result["solved_touching"], result["solved_overlapping"], result["solved"]) == (1.0, 0.0, 0.25)
    no_touching = evaluate_pairs(pairs[:3], lambda images, _: truth[:3])
    assert (no_touching["solved_touching"], no_touching["solved_overlapping"]) == (None, 1.0)


# --- networks of the zoo -------------------------------------------------------------------------


def test_a_network_of_the_zoo_on_pairs_and_on_a_labelled_set(data: Path, clusters: Path, tmp_path: Path) -> None:
    """An untrained one: what it answers is compared with asking it directly."""
    from chromview.training.engine.weights import load_trained

    torch.manual_seed(0)
    network = build_network("unet", widths=(8, 8, 16))
    weights = tmp_path / "best.safetensors"
    save_weights(weights, network, architecture="unet", architecture_options={"widths": (8, 8, 16)})
    pairs = list(composed_pairs(read_karyotypes(data / "gband_karyotypes.h5", "val"), 8))
    report = Report()
    result = evaluate_weights(data / "gband_karyotypes.h5", "val", weights, pairs=8, report=report, device="cpu")
    assert (result["weights"], result["pairs"]["images"], len(report.rows)) == ("best.safetensors", 8, 8)
    restored = load_trained(weights)
    with torch.inference_mode():
        darkness = np.stack([to_darkness(pair.image, Stain.G_BAND) for pair in pairs])
        direct = restored(torch.from_numpy(darkness[:, None])).argmax(dim=1).numpy().astype(np.uint8)
    assert result["pairs"] == evaluate_pairs(pairs, lambda images, _: direct)
    # Sides that the network cannot halve are filled up with ground, and cut off again.
    odd = by_weights(weights, "cpu")(np.stack([pair.image[:94, :93] for pair in pairs]), silent)
    assert odd.shape == (8, 94, 93) and odd.max() <= 3
    assert evaluate_weights(clusters, None, weights, device="cpu")["images"] == 8
    with pytest.raises(UserError, match="holds metaphases"):
        evaluate_weights(data / "mfish_dapi.h5", "val", weights, device="cpu")


# --- the floor -----------------------------------------------------------------------------------


def test_the_floor_is_a_threshold_and_connected_regions() -> None:
    image = np.full((60, 80), 230, np.uint8)
    image[5:25, 5:12] = image[5:25, 20:27] = 80
    image[15:18, 12:20] = 80  # touching: one region
    image[40:50, 50:57] = 80
    image[30:34, 70:74] = 80  # 16 pixels are noise
    for pixels, stain in ((image, Stain.G_BAND), (255 - image, Stain.DAPI)):
        found = otsu_components(pixels, stain)
        assert [(box.top, box.left, box.bottom, box.right) for box, _ in found] == [(5, 5, 25, 27), (40, 50, 50, 57)]
        assert [int(mask.sum()) for _, mask in found] == [304, 70]
    assert otsu_components(np.full((9, 9), 7, np.uint8), Stain.DAPI) == []


def test_a_file_of_several_parts_needs_one(data: Path, models: Models) -> None:
    for name in ("gband_karyotypes.h5", "mfish_dapi.h5"):
        with pytest.raises(UserError, match=rf"{name}: has several parts.*--split"):
            evaluate_segmenter(data / name, None, models)
