"""The figures of the model cards, on tiny sets; simulated bands, so only the magnitude is asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chromview.errors import UserError
from chromview.training.evaluate import evaluate_classifier, evaluate_segmenter
from chromview.vision.pipeline import Models


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
    result = evaluate_segmenter(data / "mfish_dapi.h5", "val", models)["metaphases"]
    assert result["slides"] == 1
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
