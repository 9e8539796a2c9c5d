"""Reading of the real data's formats, and the rules that turn a map of classes into chromosomes."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from chromview.core.chromosome import Stain
from chromview.errors import UserError
from chromview.training.classifier_samples import all_sheets
from chromview.training.datasets import metaphase_instances, read_karyotypes, read_metaphases


def class_map(*bars: tuple[int, int, int, int, int], shape: tuple[int, int] = (60, 80)) -> np.ndarray:
    """Bars (value, top, left, bottom, right), the later over the earlier."""
    values = np.zeros(shape, np.uint8)
    for value, top, left, bottom, right in bars:
        values[top:bottom, left:right] = value
    return values


def test_free_chromosomes() -> None:
    one, two = metaphase_instances(class_map((4, 5, 5, 15, 11), (4, 30, 40, 50, 46)))
    assert one.number == two.number == 4
    assert one.kind == two.kind == "free"
    assert one.box == (5, 5, 15, 11)
    assert one.mask.all() and one.mask.shape == (10, 6)


def test_two_parts_that_an_overlap_joins_are_one_chromosome() -> None:
    """A horizontal 3 lies across a vertical 9; where they cross is 255."""
    values = class_map((3, 28, 10, 34, 50), (9, 10, 26, 52, 32), (255, 28, 26, 34, 32))
    three, nine = metaphase_instances(values)
    assert (three.number, nine.number) == (3, 9)
    assert three.kind == nine.kind == "overlapping"
    assert three.box == (28, 10, 34, 50)
    assert nine.box == (10, 26, 52, 32)
    # Both have the pixels they share.
    assert three.mask.all() and nine.mask.all()


def test_parts_of_a_class_far_from_each_other_are_two_chromosomes() -> None:
    values = class_map((3, 28, 0, 34, 26), (3, 28, 32, 34, 50), (9, 0, 26, 60, 32), (255, 28, 26, 34, 31))
    # The overlap reaches the left part and, within two pixels, the right one.
    assert [i.number for i in metaphase_instances(values)] == [3, 9]
    values[28:34, 26:32] = 9
    assert [i.number for i in metaphase_instances(values)] == [3, 3, 9]


def test_small_parts_are_noise() -> None:
    values = class_map((7, 5, 5, 9, 11), (8, 30, 30, 35, 35))
    assert [i.number for i in metaphase_instances(values)] == [8]  # 24 pixels and 25
    assert metaphase_instances(np.zeros((20, 20), np.uint8)) == ()


def test_neighbours_within_two_pixels_touch() -> None:
    touching = metaphase_instances(class_map((1, 5, 5, 40, 11), (2, 5, 12, 40, 18)))
    assert [i.kind for i in touching] == ["touching", "touching"]
    apart = metaphase_instances(class_map((1, 5, 5, 40, 11), (2, 5, 14, 40, 20)))
    assert [i.kind for i in apart] == ["free", "free"]


def test_a_few_shared_pixels_are_no_overlap_yet() -> None:
    few = class_map((1, 5, 5, 40, 11), (2, 5, 12, 40, 18), (255, 10, 11, 20, 12))
    assert [i.kind for i in metaphase_instances(few)] == ["touching", "touching"]
    enough = class_map((1, 5, 5, 40, 11), (2, 5, 12, 40, 18), (255, 10, 11, 22, 12))
    assert [i.kind for i in metaphase_instances(enough)] == ["overlapping", "overlapping"]


def test_three_in_a_row_through_two_overlaps() -> None:
    values = class_map(
        (5, 20, 0, 26, 70), (6, 5, 20, 45, 26), (7, 5, 45, 45, 51), (255, 20, 20, 26, 26), (255, 20, 45, 26, 51)
    )
    found = metaphase_instances(values)
    assert [i.number for i in found] == [5, 6, 7]
    assert found[0].box == (20, 0, 26, 70) and found[0].mask.all()


def test_single_chromosomes_are_read_as_written(data: Path) -> None:
    train = read_karyotypes(data / "gband_karyotypes.h5", "train")
    assert len(train) == len(train.images) == len(train.numbers) == len(train.cells) == len(train.cases) == 46
    assert train.stain is Stain.G_BAND
    assert train.readable
    assert set(train.cells) == {"case1/cell1"}
    assert sorted(train.numbers.tolist()) == sorted([*(n for n in range(1, 23) for _ in (0, 1)), 23, 24])
    # White ground, and each image of its own size.
    assert all(np.median(np.concatenate((i[:, 0], i[:, -1]))) > 240 for i in train.images)
    assert read_karyotypes(data / "qband_karyotypes.h5", "val").stain is Stain.Q_BAND


def test_metaphases_are_read_as_written(data: Path) -> None:
    (metaphase,) = read_metaphases(data / "mfish_dapi.h5", "val")
    assert metaphase.image.shape == (517, 645)
    assert metaphase.slide == "S3" and metaphase.karyotype_code == "46,XX"
    assert 40 <= len(metaphase.instances) <= 50
    for instance in metaphase.instances:
        assert instance.mask.shape == (instance.box.height, instance.box.width)
        assert instance.mask.any(axis=1).all() or instance.mask.any()
        assert instance.kind in ("free", "touching", "overlapping")


@pytest.mark.parametrize("read", [read_karyotypes, read_metaphases])
def test_what_cannot_be_read_is_named(read, data: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    missing = tmp_path / "none.h5"
    with pytest.raises(UserError, match="no such file") as caught:
        read(missing, "train")
    assert caught.value.path == missing
    text = tmp_path / "text.h5"
    text.write_text("these are no chromosomes")
    with pytest.raises(UserError, match="cannot be read"):
        read(text, "train")
    cut = tmp_path / "cut.h5"
    whole = (data / "gband_karyotypes.h5").read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"cut\.h5"):
        read(cut, "train")


def test_a_split_that_is_not_there(data: Path) -> None:
    with pytest.raises(UserError, match="no split 'tset'") as caught:
        read_karyotypes(data / "gband_karyotypes.h5", "tset")
    assert "train" in caught.value.advice and "val" in caught.value.advice
    with pytest.raises(UserError, match="no split 'tset'"):
        read_metaphases(data / "mfish_dapi.h5", "tset")


def test_files_of_the_two_formats_are_not_mistaken_for_each_other(data: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_karyotypes(data / "mfish_dapi.h5", "val")
    with pytest.raises(UserError, match="cannot be read"):
        read_metaphases(data / "gband_karyotypes.h5", "val")


def test_pixels_that_do_not_reach_are_said(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "short.h5"
    shutil.copy(data / "gband_karyotypes.h5", path)
    with h5py.File(path, "a") as file:
        pixels = file["train/pixels"][:-200]
        del file["train/pixels"]
        file["train/pixels"] = pixels
    with pytest.raises(UserError, match=r"short\.h5"):
        read_karyotypes(path, "train")


def test_a_set_that_holds_no_images_is_noticed(headers_only: Path, data: Path) -> None:
    assert not read_karyotypes(headers_only, "train").readable
    assert read_karyotypes(data / "qband_karyotypes.h5", "train").readable
    assert all_sheets(headers_only.parent, "train") == {}


@pytest.mark.data
def test_the_real_sets_are_what_they_are_said_to_be(shared_data: Path) -> None:
    gband = read_karyotypes(shared_data / "gband_karyotypes.h5", "val")
    assert gband.readable and gband.stain is Stain.G_BAND
    qband = read_karyotypes(shared_data / "qband_karyotypes.h5", "val")
    assert qband.readable and qband.stain is Stain.Q_BAND
    assert not read_karyotypes(shared_data / "gband_lowres_karyotypes.h5", "val").readable
    splits = [set(read_karyotypes(shared_data / "gband_karyotypes.h5", s).cells) for s in ("train", "val", "test")]
    assert not (splits[0] & splits[1] or splits[0] & splits[2] or splits[1] & splits[2])
