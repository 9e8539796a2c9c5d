"""Labelled sets of every published form, and splits of them by case."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from chromview.errors import UserError
from chromview.storage.label_images import paint
from chromview.storage.label_set import Form, LabelSet
from chromview.storage.labels import write_labels
from chromview.training.labelled import (
    LabelledSet,
    clean_as_published,
    k_folds,
    published_split,
    read_labelled,
    read_splits,
    split_by_case,
    splits_file,
)


def cross(shift: int = 0, shape: tuple[int, int] = (94, 93)) -> np.ndarray:
    label = np.zeros(shape, np.uint8)
    label[20 + shift : 34 + shift, 10:80] |= 1
    label[8:88, 40 + shift : 52 + shift] |= 2
    return label


def photograph(label: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(int(label.sum())).integers(-20, 20, label.shape)
    return np.clip(np.choose(label, [235, 130, 110, 60]) + noise, 0, 255).astype(np.uint8)


LABELS = [cross(shift) for shift in range(4)]
IMAGES = [photograph(label) for label in LABELS]


def dataset_1(path: Path, labels: np.ndarray, key: str = "dataset_1") -> Path:
    with h5py.File(path, "w") as file:
        file[key] = np.stack([np.stack(IMAGES[: len(labels)]), labels], axis=-1)
    return path


def folders(path: Path, labels: list[np.ndarray], image_folder: str = "images", label_folder: str = "labels") -> Path:
    for folder, pictures in ((image_folder, IMAGES), (label_folder, labels)):
        (path / folder).mkdir(parents=True)
        for index, picture in enumerate(pictures):
            Image.fromarray(picture).save(path / folder / f"cell{index}.png")
    return path


# --- every form ----------------------------------------------------------------------------------


def published_forms(folder: Path) -> dict[str, Path]:
    """The same four clusters as each publication stores them, by other programs than ours."""
    stacked, grey = np.stack(LABELS), np.stack(IMAGES)
    with h5py.File(folder / "image_label.h5", "w") as file:
        file["image"], file["label"] = grey, stacked
    np.savez(folder / "grey.npz", grey, stacked)
    np.savez(folder / "colour.npz", np.repeat(grey[..., None], 3, 3), np.stack([paint(x, "white") for x in LABELS]))
    forms = {name: folder / name for name in ("image_label.h5", "grey.npz", "colour.npz")}
    forms["dataset_1"] = dataset_1(folder / "pairs.h5", stacked)
    forms["rcc_data"] = dataset_1(folder / "rcc.h5", stacked, "rcc_data")
    forms["png"] = folders(folder / "png", LABELS)
    forms["white"] = folders(folder / "white", [paint(x, "white") for x in LABELS], "image", "masks")
    forms["black"] = folders(folder / "black", [paint(x, "black") for x in LABELS])
    write_labels(folder / "coco.json", LabelSet(tuple("abcd"), IMAGES, LABELS, Form.COCO), Form.COCO)
    write_labels(folder / "own.h5", LabelSet(tuple("abcd"), IMAGES, LABELS, Form.HDF5), Form.HDF5)
    return {**forms, "coco": folder / "coco.json", "own": folder / "own.h5"}


def test_every_published_form_holds_the_same_clusters(tmp_path: Path) -> None:
    for form, path in published_forms(tmp_path).items():
        data = read_labelled(path)
        assert len(data) == len(data.labels) == len(data.names) == len(data.groups) == 4
        assert {x.dtype for x in (*data.images, *data.labels)} == {np.dtype(np.uint8)}
        # The crosses have no pixel that the published cleaning would change.
        np.testing.assert_array_equal(data.labels, LABELS, err_msg=form)
        np.testing.assert_array_equal(data.images, IMAGES, err_msg=form)
        assert data.groups == data.names and len(set(data.names)) == 4
        assert data.missing == ()


def test_clusters_of_different_sizes(tmp_path: Path) -> None:
    labels = [cross(), cross(shape=(120, 100))]
    sizes = LabelSet(("a", "b"), [photograph(x) for x in labels], labels, Form.PNG)
    write_labels(tmp_path / "set", sizes, Form.PNG)
    data = read_labelled(tmp_path / "set")
    assert [image.shape for image in data.images] == [label.shape for label in data.labels] == [(94, 93), (120, 100)]


def test_the_published_window_of_88_pixels(tmp_path: Path) -> None:
    data = read_labelled(dataset_1(tmp_path / "pairs.h5", np.stack(LABELS)))
    small = data.cropped(88)
    for whole, window in ((LABELS, small.labels), (IMAGES, small.images)):
        assert {x.shape for x in window} == {(88, 88)}
        # Published: from 3 in both directions, in 94 rows as in 93 columns.
        np.testing.assert_array_equal(window, [x[3:91, 3:91] for x in whole])
    assert (small.names, small.groups) == (data.names, data.groups)
    assert {x.shape for x in data.cropped(200).images} == {(94, 93)}


def test_a_part_of_a_set() -> None:
    data = LabelledSet(tuple(IMAGES), tuple(LABELS), tuple("abcd"), tuple("xxyy"))
    part = data.subset([3, 1])
    assert (part.names, part.groups) == (("d", "b"), ("y", "x"))
    np.testing.assert_array_equal(part.labels, [LABELS[3], LABELS[1]])


def test_labels_that_never_occur_are_told() -> None:
    apart = np.where(LABELS[0] == 3, 1, LABELS[0]).astype(np.uint8)
    assert LabelledSet((IMAGES[0],), (apart,), ("a",), ("a",)).missing == (3,)


# --- cleaning ------------------------------------------------------------------------------------


def published_rule(label: np.ndarray) -> np.ndarray:
    """The rule word by word, for a pixel at a time."""
    height, width = label.shape
    clean = np.zeros((height, width), np.uint8)
    for y in range(height):
        for x in range(width):
            around = [
                int(label[i, j]) if 0 <= i < height and 0 <= j < width else 0
                for i in range(y - 1, y + 2)
                for j in range(x - 1, x + 2)
            ]
            own = around.pop(4)
            if own > 3 or (own > 0 and around.count(own) + 1 <= 3):
                clean[y, x] = max(range(4), key=lambda value: (around.count(value), -value))
            else:
                clean[y, x] = own
    return clean


@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 12))
@settings(max_examples=40, deadline=None)
def test_cleaning_is_the_published_rule(seed: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    label = rng.choice(np.array([0, 1, 2, 3, 4, 7], np.uint8), (height, width), p=[0.3, 0.3, 0.2, 0.1, 0.06, 0.04])
    np.testing.assert_array_equal(clean_as_published(label), published_rule(label))
    np.testing.assert_array_equal(clean_as_published(label[None])[0], published_rule(label))


def test_dataset_1_is_cleaned_as_published_and_our_own_files_are_not(tmp_path: Path) -> None:
    dirty = LABELS[0].copy()
    dirty[27, 20], dirty[60, 45] = 4, 7  # above 3, inside the chromosomes
    dirty[5, 5:8] = 2  # three in a row: kept by the cleaning of other sets, background as published
    data = read_labelled(dataset_1(tmp_path / "pairs.h5", dirty[None]))
    np.testing.assert_array_equal(data.labels[0], LABELS[0])
    few = LABELS[0].copy()
    few[5, 5:8] = 2
    write_labels(tmp_path / "own.h5", LabelSet(("a",), IMAGES[:1], [few], Form.PAIRS), Form.PAIRS)
    np.testing.assert_array_equal(read_labelled(tmp_path / "own.h5").labels[0], few)


# --- what cannot be used -------------------------------------------------------------------------


def test_sets_without_labels_or_images(tmp_path: Path) -> None:
    np.savez(tmp_path / "images.npz", np.stack(IMAGES))
    np.savez(tmp_path / "labels.npz", arr_1=np.stack(LABELS))
    (tmp_path / "photographs").mkdir()
    Image.fromarray(IMAGES[0]).save(tmp_path / "photographs" / "a.png")
    write_labels(tmp_path / "coco.json", LabelSet(("a",), None, LABELS[:1], Form.COCO), Form.COCO)
    for name, said in (
        ("images.npz", "images but no labels"),
        ("photographs", "images but no labels"),
        ("labels.npz", "labels but no images"),
        ("coco.json", "labels but not all of their pictures"),
    ):
        with pytest.raises(UserError, match=rf"{name}: holds {said}"):
            read_labelled(tmp_path / name)


def test_labels_outside_of_0_to_3(tmp_path: Path) -> None:
    seven = np.where(np.stack(LABELS) == 2, 7, np.stack(LABELS))
    np.savez(tmp_path / "seven.npz", np.stack(IMAGES), seven)
    np.savez(tmp_path / "minus.npz", np.stack(IMAGES), np.where(seven == 7, -1, seven.astype(np.int16)))
    folders(tmp_path / "png", [np.where(x == 2, 200, x).astype(np.uint8) for x in LABELS])
    for name, said in (("seven.npz", "values up to 7"), ("minus.npz", "values from -1 to 3"), ("png", "no four-label")):
        with pytest.raises(UserError, match=said):
            read_labelled(tmp_path / name)
    with pytest.raises(UserError, match="values up to 7"):
        read_labelled(dataset_1(tmp_path / "pairs.h5", seven))


def test_images_and_labels_of_different_sizes(tmp_path: Path) -> None:
    np.savez(tmp_path / "size.npz", np.stack(IMAGES), np.stack(LABELS)[:, :-1])
    np.savez(tmp_path / "count.npz", np.stack(IMAGES), np.stack(LABELS)[:-1])
    for name in ("size.npz", "count.npz"):
        with pytest.raises(UserError, match=rf"{name}: has images .* and labels .* of different size"):
            read_labelled(tmp_path / name)
    folders(tmp_path / "png", [x[:-1] for x in LABELS])
    with pytest.raises(UserError, match=r"cell0\.png: is \(94, 93\) pixels"):
        read_labelled(tmp_path / "png")


# --- cases ---------------------------------------------------------------------------------------


def test_cases_in_hdf5_and_in_tables(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image"], file["label"] = np.stack(IMAGES), np.stack(LABELS)
        file["case"] = np.array([b"p1", b"p1", b"p2", b"p3"])
    assert read_labelled(tmp_path / "a.h5").groups == ("p1", "p1", "p2", "p3")
    folders(tmp_path / "png", LABELS)
    table = "name,case\n" + "".join(f"cell{i},p{i // 2}\n" for i in range(4))
    (tmp_path / "png" / "cases.csv").write_text(table)
    assert read_labelled(tmp_path / "png").groups == ("p0", "p0", "p1", "p1")
    np.savez(tmp_path / "b.npz", np.stack(IMAGES), np.stack(LABELS))
    (tmp_path / "b_cases.csv").write_text("name,case\n" + "".join(f"{i:05d},q\n" for i in range(4)))
    assert read_labelled(tmp_path / "b.npz").groups == ("q",) * 4


def test_cases_that_do_not_fit(tmp_path: Path) -> None:
    folders(tmp_path / "png", LABELS)
    (tmp_path / "png" / "cases.csv").write_text("name,case\ncell0,p\n")
    with pytest.raises(UserError, match=r"cases\.csv: says nothing about the image 'cell1\.png'"):
        read_labelled(tmp_path / "png")
    (tmp_path / "png" / "cases.csv").write_text("image;patient\ncell0;p\n")
    with pytest.raises(UserError, match="not a table of cases"):
        read_labelled(tmp_path / "png")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image"], file["label"] = np.stack(IMAGES), np.stack(LABELS)
        file["case"] = np.array([b"p1", b"p1"])
    with pytest.raises(UserError, match=r"a\.h5: has 'case' of shape \(2,\), but 4 images"):
        read_labelled(tmp_path / "a.h5")


# --- splits --------------------------------------------------------------------------------------


@given(
    st.lists(st.integers(0, 30), min_size=5, max_size=200).filter(lambda groups: len(set(groups)) >= 3),
    st.integers(0, 1000),
)
@settings(max_examples=60, deadline=None)
def test_each_case_is_in_one_part_and_no_part_is_empty(numbers: list[int], seed: int) -> None:
    groups = [f"case {number}" for number in numbers]
    splits = split_by_case(groups, {"train": 0.7, "val": 0.15, "test": 0.15}, seed)
    assert sorted(i for part in splits.values() for i in part) == list(range(len(groups)))
    assert all(splits.values())
    cases = [{groups[i] for i in part} for part in splits.values()]
    assert sum(map(len, cases)) == len(set(groups))
    assert splits == split_by_case(groups, {"train": 0.7, "val": 0.15, "test": 0.15}, seed)


def test_shares_are_kept_and_the_order_of_images_plays_no_role() -> None:
    groups = [f"{i:04d}" for i in range(1000)]
    splits = split_by_case(groups, {"train": 8, "val": 1, "test": 1}, seed=3)
    assert {part: len(indices) for part, indices in splits.items()} == {"train": 800, "val": 100, "test": 100}
    backwards = split_by_case(groups[::-1], {"train": 8, "val": 1, "test": 1}, seed=3)
    for part, indices in splits.items():
        assert {groups[i] for i in indices} == {groups[::-1][i] for i in backwards[part]}
    assert splits != split_by_case(groups, {"train": 8, "val": 1, "test": 1}, seed=4)


def test_folds_by_case() -> None:
    groups = [f"case {i % 13}" for i in range(100)]
    folds = k_folds(groups, 5, seed=1)
    assert len(folds) == 5
    assert sorted(i for fold in folds for i in fold["val"]) == list(range(100))
    for fold in folds:
        assert sorted(fold["train"] + fold["val"]) == list(range(100))
        assert not {groups[i] for i in fold["train"]} & {groups[i] for i in fold["val"]}
        assert 10 <= len(fold["val"]) <= 30


def test_too_few_cases() -> None:
    with pytest.raises(UserError, match="2 cases, too few for 3 parts"):
        split_by_case(["a", "a", "b"], {"train": 1, "val": 1, "test": 1})
    with pytest.raises(UserError, match="2 cases, too few for 5 parts"):
        k_folds(["a", "b"], 5)


def test_the_split_of_the_publication() -> None:
    splits = published_split(13434)
    assert len(splits["test"]) == 2687
    assert splits["train"] == list(range(10747)) and splits["test"][0] == 10747


def test_a_split_is_written_once_and_read_again(tmp_path: Path) -> None:
    names = [f"image {i}" for i in range(30)]
    groups = [f"case {i // 3}" for i in range(30)]
    made = splits_file(tmp_path / "splits.json", groups, names, seed=5)
    before = (tmp_path / "splits.json").read_bytes()
    assert splits_file(tmp_path / "splits.json", groups, names, seed=6, shares={"train": 1, "val": 1}) == made
    assert (tmp_path / "splits.json").read_bytes() == before
    # The file goes by names, so another order of the same images is no other set.
    turned = read_splits(tmp_path / "splits.json", groups[::-1], names[::-1])
    assert {names[::-1][i] for i in turned["val"]} == {names[i] for i in made["val"]}
    assert splits_file(tmp_path / "numbers.json", groups) == splits_file(tmp_path / "numbers.json", groups)


def test_a_split_of_other_images_is_refused(tmp_path: Path) -> None:
    names = [f"image {i}" for i in range(9)]
    groups = [f"case {i}" for i in range(9)]
    path = tmp_path / "splits.json"
    splits_file(path, groups, names)
    with pytest.raises(UserError, match=r"splits\.json: names other images.*1 of this set missing \('new'\)"):
        splits_file(path, [*groups, "z"], [*names, "new"])
    with pytest.raises(UserError, match=r"2 that this set does not have \('.*' and others\)"):
        splits_file(path, groups[:-2], names[:-2])
    with pytest.raises(UserError, match="has the case 'same' in both"):
        splits_file(path, ["same"] * 9, names)
    content = json.loads(path.read_text())
    content["splits"]["val"] = content["splits"]["train"]
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"names other images|more than once"):
        splits_file(path, groups, names)
    for text in ("{", "[]", '{"splits": [1]}', '{"splits": {"train": 3}}'):
        path.write_text(text)
        with pytest.raises(UserError, match="not a file of splits"):
            splits_file(path, groups, names)
