"""Scores of four-label masks do not depend on which chromosome somebody called 1."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import chromview.vision._torchvision  # noqa: F401  # before torchmetrics looks for torchvision
from chromview.errors import UserError
from chromview.storage.label_images import paint
from chromview.training.evaluate_clusters import compare_folders
from chromview.training.metrics import (
    SWAPPED,
    class_scores,
    confusion,
    hausdorff,
    overall_scores,
    pooled,
    score_image,
    solved,
)


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


# --- the same numbers as others ------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_agreement_with_torchmetrics(seed: int) -> None:
    """Every score of every label to 1e-6, pooled over images that differ in size."""
    import torch
    from torchmetrics.functional import classification as other

    rng = np.random.default_rng(seed)
    pairs = [
        (rng.choice(4, shape, p=[0.6, 0.2, 0.15, 0.05]), rng.choice(4, shape, p=[0.5, 0.2, 0.2, 0.1]))
        for shape in ((31, 17), (40, 40), (8, 90))
    ]
    scores = [score_image(p.astype(np.uint8), t.astype(np.uint8)) for p, t in pairs]
    result = pooled(scores, resamples=3)
    given = result["given"]
    p, t = (torch.from_numpy(np.concatenate([pair[side].ravel() for pair in pairs])) for side in (0, 1))
    theirs = {
        "iou": other.multiclass_jaccard_index(p, t, 4, average="none"),
        "dice": other.multiclass_f1_score(p, t, 4, average="none"),
        "precision": other.multiclass_precision(p, t, 4, average="none"),
        "recall": other.multiclass_recall(p, t, 4, average="none"),
    }
    for name, values in theirs.items():
        assert given[name] == pytest.approx(values.tolist(), abs=1e-6), name
    for label in range(4):
        one, true = p == label, t == label
        assert given["accuracy"][label] == pytest.approx(other.binary_accuracy(one, true).item(), abs=1e-6)
        assert given["mcc"][label] == pytest.approx(other.binary_matthews_corrcoef(one, true).item(), abs=1e-6)
    assert given["mcc_all"] == pytest.approx(other.multiclass_matthews_corrcoef(p, t, 4).item(), abs=1e-6)
    accuracy = other.multiclass_accuracy(p, t, 4, average="micro").item()
    assert given["pixel_accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert result["iou_given"] == given["iou"]
    # Image by image, and the mean of that.
    single = [other.multiclass_jaccard_index(*map(torch.from_numpy, pair), 4, average="none") for pair in pairs]
    assert given["per_image"]["iou"] == pytest.approx(torch.stack(single).mean(0).tolist(), abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_agreement_with_scikit_image(seed: int) -> None:
    from skimage.metrics import hausdorff_distance

    rng = np.random.default_rng(seed)
    images = []
    for _ in range(3):
        p, t = (np.kron(rng.integers(0, 4, (5, 6)), np.ones((4, 3))).astype(np.uint8) for _ in range(2))
        images.append((np.where(rng.random(p.shape) < 0.02, 3, p).astype(np.uint8), t))
    scores = [score_image(p, t, distances=True) for p, t in images]
    for (p, t), score in zip(images, scores, strict=True):
        better = SWAPPED[p] if score.swapped else p
        for answer, ours in ((p, score.hausdorff_given), (better, score.hausdorff_ordered)):
            theirs = [hausdorff_distance(answer == label, t == label) for label in range(4)]
            assert ours is not None
            assert ours.tolist() == pytest.approx(theirs, abs=1e-6)
    result = pooled(scores, resamples=20)
    mean = np.mean([score.hausdorff_ordered for score in scores], axis=0)
    assert result["order_free"]["per_image"]["hausdorff"] == pytest.approx(mean.tolist())
    low, high = result["order_free"]["per_image"]["hausdorff_interval"][3]
    assert low <= mean[3] <= high


# --- what cannot be told -------------------------------------------------------------------------


def test_what_occurs_nowhere_has_no_score() -> None:
    nothing = np.zeros((4, 4), np.uint8)
    result = pooled([score_image(nothing, nothing, distances=True)])
    assert result["iou_given"] == [1.0, None, None, None]
    assert result["iou_order_free"] == {"chromosomes": None, "overlap": None, "mask": None}
    assert result["solved"] is None and result["solved_interval"] is None
    for way in ("given", "order_free"):
        for name in ("iou", "dice", "precision", "recall", "accuracy"):
            assert result[way][name] == [1.0, None, None, None], name
            assert result[way][f"{name}_interval"] == [[1.0, 1.0], None, None, None]
        # Where all pixels are ground there is nothing that could correlate.
        assert result[way]["mcc"] == [None] * 4 and result[way]["mcc_all"] is None
        assert result[way]["per_image"]["hausdorff"] == [0.0, None, None, None]
        assert result[way]["per_image"]["hausdorff_one_sided"] == [0, 0, 0, 0]
    json.dumps(result, allow_nan=False)


def test_a_label_that_was_missed_or_made_up() -> None:
    truth, empty = np.zeros((6, 6), np.uint8), np.zeros((6, 6), np.uint8)
    truth[1:3, 1:5] = 1
    missed = pooled([score_image(empty, truth, distances=True)])["given"]
    assert [missed[name][1] for name in ("iou", "dice", "precision", "recall")] == [0.0, 0.0, None, 0.0]
    made_up = pooled([score_image(truth, empty, distances=True)])["given"]
    assert [made_up[name][1] for name in ("iou", "dice", "precision", "recall")] == [0.0, 0.0, 0.0, None]
    for result in (missed, made_up):
        assert result["accuracy"][1] == 28 / 36
        assert result["mcc"][1] is None
        # No distance to what is not there; that there was one such image is said.
        assert result["per_image"]["hausdorff"][1] is None
        assert result["per_image"]["hausdorff_images"] == [1, 0, 0, 0]
        assert result["per_image"]["hausdorff_one_sided"] == [0, 1, 0, 0]


def test_means_over_images_leave_out_those_without_a_score() -> None:
    truth, empty = np.zeros((6, 6), np.uint8), np.zeros((6, 6), np.uint8)
    truth[1:3, 1:5] = 1
    result = pooled([score_image(truth, truth), score_image(empty, empty), score_image(empty, truth)], resamples=200)
    means = result["given"]["per_image"]
    assert means["iou"][1] == 0.5 and means["iou_images"] == [3, 2, 0, 0]
    assert "hausdorff" not in means
    assert result["given"]["iou"][1] == 8 / 16
    assert means["iou_interval"][1] == [0.0, 1.0]


def test_distance_by_hand() -> None:
    first, second = np.zeros((9, 9), bool), np.zeros((9, 9), bool)
    first[0, 0] = second[3, 4] = True
    assert hausdorff(first, second) == hausdorff(second, first) == 5.0
    second[0, 0] = True
    assert hausdorff(first, second) == 5.0
    assert hausdorff(second, second) == 0.0
    assert np.isnan(hausdorff(first, np.zeros((9, 9), bool)))


# --- solved --------------------------------------------------------------------------------------


def bars(long: int = 10) -> np.ndarray:
    label = np.zeros((16, 16), np.uint8)
    label[2:6, 2 : 2 + long] |= 1
    label[4:14, 4:8] |= 2
    return label


def test_solved_needs_both_chromosomes_in_one_of_the_orders() -> None:
    truth = bars()

    def told(answer: np.ndarray) -> float:
        return float(solved(confusion(answer, truth)))

    assert told(truth) == told(SWAPPED[truth]) == 1
    assert told(bars(8)) == 1  # 32 of 40 pixels
    assert told(bars(7)) == 0  # 28 of 40
    assert told(np.where(truth == 2, 0, truth)) == 0
    assert told(np.zeros_like(truth)) == 0


def test_solved_where_there_is_one_chromosome_or_none() -> None:
    one = np.where(bars() & 1, 1, 0).astype(np.uint8)
    assert solved(confusion(one, one)) == solved(confusion(SWAPPED[one], one)) == 1
    assert solved(confusion(bars(), one)) == 0
    assert np.isnan(solved(confusion(one, np.zeros_like(one))))
    result = pooled([score_image(one, one), score_image(bars(), one), score_image(one, 0 * one)], resamples=20)
    assert result["solved"] == 0.5


# --- intervals -----------------------------------------------------------------------------------


def test_cases_are_drawn_as_a_whole() -> None:
    """Ten copies of one image tell no more than one does."""
    good, bad = labels(1, 1)[0], labels(2, 1)[0]
    scores = [score_image(good, good)] * 10 + [score_image(bad, good)] * 10
    by_image = pooled(scores, resamples=300)["order_free"]
    by_case = pooled(scores, groups=["a"] * 10 + ["b"] * 10, resamples=300)["order_free"]
    for name in ("iou", "dice", "precision", "recall", "accuracy", "mcc"):
        assert by_image[name] == by_case[name]
        for (low, high), (lower, higher) in zip(by_image[f"{name}_interval"], by_case[f"{name}_interval"], strict=True):
            assert lower < low < high < higher == 1.0
    one_case = pooled(scores, groups=["a"] * 20, resamples=10)["order_free"]
    assert one_case["iou_interval"][1] == [one_case["iou"][1]] * 2


def test_scores_of_many_images_at_once_are_those_of_each() -> None:
    counts = np.stack([confusion(p, t) for p, t in zip(labels(5), labels(6), strict=True)])
    for measure in (class_scores, overall_scores):
        for name, values in measure(counts).items():
            np.testing.assert_array_equal(values, [measure(one)[name] for one in counts])


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
