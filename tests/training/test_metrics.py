"""Scores of four-label masks do not depend on which chromosome somebody called 1."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from chromview.errors import UserError
from chromview.storage.label_images import paint
from chromview.training.metrics import SWAPPED, compare_folders, confusion, pooled, score_image


def labels(seed: int, count: int = 3) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).integers(0, 4, (count, 11, 13), np.uint8))


def score(predicted: list[np.ndarray], truth: list[np.ndarray]) -> dict[str, object]:
    return pooled([score_image(p, t) for p, t in zip(predicted, truth, strict=True)], resamples=50)


def test_numbers_by_hand() -> None:
    truth = np.array([[0, 1, 1, 3], [0, 2, 2, 2]], np.uint8)
    predicted = np.array([[0, 1, 3, 3], [1, 2, 2, 0]], np.uint8)
    result = pooled([score_image(predicted, truth)])
    assert result["images"] == 1
    assert result["iou_given"] == [1 / 3, 1 / 3, 2 / 3, 1 / 2]
    assert result["iou_order_free"]["chromosomes"] == 3 / 6
    assert result["iou_order_free"]["overlap"] == 1 / 2
    assert result["iou_order_free"]["mask"] == (3 + 3) / (4 + 5)
    assert result["given"]["precision"] == [1 / 2, 1 / 2, 1.0, 1 / 2]
    assert result["given"]["recall"] == [1 / 2, 1 / 2, 2 / 3, 1.0]
    assert result["given"]["dice"] == [1 / 2, 1 / 2, 4 / 5, 2 / 3]
    assert result["pixel_accuracy"] == 5 / 8


def test_perfect_in_the_other_order() -> None:
    truth = labels(1)
    result = score([SWAPPED[one] for one in truth], truth)
    assert result["iou_order_free"] == {"chromosomes": 1.0, "overlap": 1.0, "mask": 1.0}
    assert result["images_in_other_order"] == 3
    given_scores = result["iou_given"]
    assert given_scores[0] == given_scores[3] == 1.0  # type: ignore[index]
    assert given_scores[1] == given_scores[2] == 0.0  # type: ignore[index]


@given(
    st.integers(0, 10_000),
    st.lists(st.booleans(), min_size=3, max_size=3),
    st.lists(st.booleans(), min_size=3, max_size=3),
)
@settings(max_examples=40, deadline=None)
def test_changing_the_order_anywhere_changes_no_order_free_score(
    seed: int, of_predicted: list[bool], of_truth: list[bool]
) -> None:
    predicted, truth = labels(seed), labels(seed + 1)
    before = score(predicted, truth)
    after = score(
        [SWAPPED[one] if swap else one for one, swap in zip(predicted, of_predicted, strict=True)],
        [SWAPPED[one] if swap else one for one, swap in zip(truth, of_truth, strict=True)],
    )
    assert after["iou_order_free"] == pytest.approx(before["iou_order_free"])
    assert after["interval_95"] == {k: pytest.approx(v) for k, v in before["interval_95"].items()}  # type: ignore[attr-defined]


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_order_free_is_never_below_both_orders(seed: int) -> None:
    predicted, truth = labels(seed, 1)[0], labels(seed + 1, 1)[0]
    best = pooled([score_image(predicted, truth)], resamples=2)["iou_order_free"]["chromosomes"]
    for one in (predicted, SWAPPED[predicted]):
        counts = confusion(one, truth)
        hits = counts[1, 1] + counts[2, 2]
        union = counts[1:3].sum() + counts[:, 1:3].sum() - hits
        assert best >= hits / union - 1e-12


def test_what_occurs_nowhere_has_no_score() -> None:
    nothing = np.zeros((4, 4), np.uint8)
    result = pooled([score_image(nothing, nothing)])
    assert result["iou_given"] == [1.0, None, None, None]
    assert result["iou_order_free"] == {"chromosomes": None, "overlap": None, "mask": None}


def test_pixels_are_pooled_and_not_images() -> None:
    small_wrong = (np.full((2, 2), 1, np.uint8), np.full((2, 2), 0, np.uint8))
    large_right = (np.full((10, 10), 1, np.uint8), np.full((10, 10), 1, np.uint8))
    result = pooled([score_image(*small_wrong), score_image(*large_right)])
    assert result["iou_given"][1] == 100 / 104


def folder(path: Path, pictures: dict[str, np.ndarray]) -> Path:
    path.mkdir()
    for name, picture in pictures.items():
        Image.fromarray(picture).save(path / name)
    return path


def test_folders_of_labels_and_of_painted_masks(tmp_path: Path) -> None:
    truth = labels(4)
    gt = folder(tmp_path / "gt", {f"{i}.png": one for i, one in enumerate(truth)})
    pred = folder(tmp_path / "pred", {f"{i}.tif": one for i, one in enumerate(truth)})
    painted = folder(tmp_path / "painted", {f"{i}.png": paint(one) for i, one in enumerate(truth)})
    for other in (pred, painted):
        result = compare_folders(other, gt)
        assert result["iou_given"] == [1.0, 1.0, 1.0, 1.0]
        assert result["images"] == 3


def test_folders_that_do_not_fit_together(tmp_path: Path) -> None:
    truth = labels(4)
    gt = folder(tmp_path / "gt", {"a.png": truth[0], "b.png": truth[1]})
    with pytest.raises(UserError, match="has no label image 'b'"):
        compare_folders(folder(tmp_path / "fewer", {"a.png": truth[0]}), gt)
    with pytest.raises(UserError, match=r"gt: has no label image 'c'"):
        compare_folders(folder(tmp_path / "more", {f"{n}.png": truth[0] for n in "abc"}), gt)
    with pytest.raises(UserError, match="is 13 x 10 pixels"):
        compare_folders(folder(tmp_path / "size", {"a.png": truth[0][:-1], "b.png": truth[1]}), gt)
    wrong = truth[1].copy()
    wrong[0, 0] = 4
    with pytest.raises(UserError, match=r"b\.png: is not a four-label mask: it has values up to 4"):
        compare_folders(folder(tmp_path / "values", {"a.png": truth[0], "b.png": wrong}), gt)
    with pytest.raises(UserError, match="not a folder"):
        compare_folders(tmp_path / "gone", gt)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="without images"):
        compare_folders(tmp_path / "empty", gt)
