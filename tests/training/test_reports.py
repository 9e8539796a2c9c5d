"""Tables and pictures of an evaluation: a row for each image, and the worst ones drawn."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chromview.core.chromosome import Box
from chromview.errors import UserError
from chromview.training.datasets import Instance
from chromview.training.instance_metrics import score_slide
from chromview.training.metrics import SWAPPED, score_image
from chromview.training.reports import (
    ADDED,
    CONFUSED,
    GROUND,
    MISSED,
    OURS,
    RIGHT,
    Compared,
    Found,
    Report,
    labels_picture,
    matrix_picture,
    slide_picture,
)


def bars() -> np.ndarray:
    label = np.zeros((64, 64), np.uint8)
    label[8:20, 4:60] |= 1
    label[4:60, 20:32] |= 2
    return label


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def table(report: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(report.csv())))


def add(report: Report, name: str, answer: np.ndarray) -> None:
    one = Compared(name, answer, bars(), np.full((64, 64), 200, np.uint8), "case 1")
    report.add_labels("labels", one, score_image(answer, bars(), distances=True))


def damaged(columns: int) -> np.ndarray:
    label = bars()
    label[:, 64 - columns :] = 0
    return label


def test_a_row_for_each_image() -> None:
    report = Report()
    add(report, "perfect", SWAPPED[bars()])
    add(report, "half", damaged(40))
    rows = table(report)
    assert [row["name"] for row in rows] == ["perfect", "half"]
    assert {row["part"] for row in rows} == {"labels"} and {row["case"] for row in rows} == {"case 1"}
    assert [row["other_order"] for row in rows] == ["1", "0"]
    assert [float(row["solved"]) for row in rows] == [1, 0]
    assert float(rows[0]["iou_mask"]) == 1
    for name in ("iou", "dice", "precision", "recall", "accuracy", "mcc"):
        assert float(rows[0][f"order_free_{name}_1"]) == 1
        assert 0 <= float(rows[1][f"order_free_{name}_1"]) < 1 or name == "precision"
        assert float(rows[0][f"given_{name}_1"]) < 1
    assert float(rows[0]["order_free_hausdorff_1"]) == 0
    assert float(rows[0]["given_hausdorff_1"]) > 10


def test_what_cannot_be_told_is_an_empty_cell() -> None:
    report = Report()
    nothing = np.zeros((8, 8), np.uint8)
    report.add_labels("labels", Compared("empty", nothing, nothing), score_image(nothing, nothing, distances=True))
    row = table(report)[0]
    assert row["order_free_iou_1"] == row["iou_overlap"] == row["solved"] == row["given_hausdorff_3"] == ""
    # Nothing can be wrong in it, so it is not among the worst.
    assert [name for name in report.pictures() if "worst" in name] == []


def test_the_worst_are_drawn_worst_first() -> None:
    report = Report(worst=3)
    for columns in (0, 30, 10, 50, 20):
        add(report, f"cut {columns}", damaged(columns))
    names = [name for name in report.pictures() if "worst" in name]
    assert names == [f"labels_worst_0{i}_cut_{c}.png" for i, c in ((1, 50), (2, 30), (3, 20))]
    table_only = Report(worst=0)
    add(table_only, "cut", damaged(30))
    assert not any("worst" in name for name in table_only.pictures())


def test_truth_answer_and_difference_stand_side_by_side() -> None:
    truth = bars()
    answer = truth.copy()
    answer[4:8, 20:32] = 0  # missed
    answer[40:44, 40:44] = 1  # made up
    answer[50:60, 20:32] = 1  # another label
    answer[8:20, 22:30] = 1  # an overlap that was not seen: a part is missing
    image = np.arange(64 * 64).reshape(64, 64).astype(np.uint8)
    picture = pixels(labels_picture(Compared("a", answer, truth, image), swapped=False))
    side = 256
    assert picture.shape == (side, 4 * side + 3 * 4, 3)
    tiles = [picture[:: side // 64, i * (side + 4) : i * (side + 4) + side : side // 64] for i in range(4)]
    np.testing.assert_array_equal(tiles[0][..., 0], image)
    assert tiles[1][30, 25].tolist() == [0, 255, 0] and tiles[1][10, 25].tolist() == [0, 0, 255]
    assert tiles[2][41, 41].tolist() == [255, 0, 0]
    for (y, x), colour in {
        (0, 0): GROUND,
        (30, 25): RIGHT,
        (5, 25): MISSED,
        (10, 25): MISSED,
        (41, 41): ADDED,
        (55, 25): CONFUSED,
    }.items():
        assert tiles[3][y, x].tolist() == colour.tolist(), (y, x)
    # In the other order nothing is wrong, and without the image there are three tiles.
    other = pixels(labels_picture(Compared("a", SWAPPED[truth], truth), swapped=True))
    assert other.shape == (side, 3 * side + 2 * 4, 3)
    assert {tuple(c) for c in other[:, 2 * (side + 4) :].reshape(-1, 3).tolist()} == {tuple(GROUND), tuple(RIGHT)}


def slide() -> tuple[list[Instance], list[tuple[Box, np.ndarray]]]:
    def block(top: int, left: int) -> tuple[Box, np.ndarray]:
        return Box(top, left, top + 20, left + 8), np.ones((20, 8), bool)

    places = [(4, 4), (4, 12), (40, 40)]
    truth = [
        Instance(i + 1, *block(*place), kind)
        for i, (place, kind) in enumerate(zip(places, ("touching", "touching", "free"), strict=True))
    ]
    return truth, [block(4, 4), block(40, 40), block(70, 10)]


def test_a_row_for_each_slide_and_method() -> None:
    truth, found = slide()
    image = np.full((100, 120), 220, np.uint8)
    report = Report()
    score = score_slide(truth, found, [0.9, 0.8, 0.3], [1, 5, 7])
    report.add_slide("cells", OURS, "cell", image, truth, Found(found, [1, 5, 7]), score, seconds=1.5)
    other = score_slide(truth, found[:1], [1.0])
    report.add_slide("cells", "floor", "cell", image, truth, Found(found[:1]), other)
    ours, floor = table(report)
    assert (ours["method"], floor["method"]) == (OURS, "floor")
    assert (ours["chromosomes"], ours["found"], ours["count_error"], floor["count_error"]) == ("3", "3", "0", "2")
    assert (ours["touching"], ours["solved_touching"], ours["free"], ours["solved_free"]) == ("2", "1", "1", "1")
    assert float(ours["f1_50"]) == pytest.approx(4 / 6, abs=1e-6)
    assert ours["seconds"] == "1.5" and floor["seconds"] == ""
    assert float(ours["ap_50"]) == pytest.approx(67 / 101, abs=1e-6)
    names = list(report.pictures())
    # The floor is not drawn.
    curve = ["cells_calibration.png", "cells_calibration.csv"]
    assert names == ["cells_classes.png", *curve, "cells_worst_01_cell.png"]


def test_missed_chromosomes_are_outlined_red_and_wrong_ones_blue() -> None:
    truth, found = slide()
    image = np.full((100, 120), 220, np.uint8)
    picture = pixels(slide_picture(image, truth, found, score_slide(truth, found)))
    assert picture.shape == (100, 4 * 120 + 3 * 4, 3)
    wrong = picture[:, 3 * 124 :]
    assert wrong[4, 15].tolist() == wrong[5, 15].tolist() == MISSED.tolist()
    assert wrong[70, 12].tolist() == ADDED.tolist()
    assert (wrong[40:60, 40:48] == wrong[0, 0]).all()  # solved
    colours = picture[:, 124 : 124 + 120]
    assert colours[10, 6].tolist() != colours[10, 14].tolist() != [255, 255, 255]


def test_confusion_of_two_labels_shows_where_it_is() -> None:
    counts = np.array([[90, 10], [0, 100]], np.int64)
    picture = pixels(matrix_picture(counts, ("a", "b"), "test"))
    assert picture.shape[2] == 3 and picture.std() > 10
    side, left, top = 84, 60, 64
    middles = [[int(picture[top + i * side + 8, left + j * side + 76, 0]) for j in range(2)] for i in range(2)]
    assert middles[1] == [255, 0]
    assert middles[0][0] < middles[0][1] < 255


def test_written_whole_or_not_at_all(tmp_path: Path) -> None:
    report = Report()
    add(report, "half/../odd name?", damaged(40))
    report.write(tmp_path / "a.csv", tmp_path / "pictures")
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 2
    names = sorted(file.name for file in (tmp_path / "pictures").iterdir())
    assert names == ["labels_confusion.png", "labels_confusion_given.png", "labels_worst_01_odd_name_.png"]
    with pytest.raises(UserError, match="file, not a folder"):
        report.write(None, tmp_path / "a.csv")
    assert not list(tmp_path.rglob("*.part"))
