"""Four-label masks go from every container to every other and come back as they were."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from chromview.errors import UserError
from chromview.storage.label_images import PAINTS, paint, read_label_image, unpaint
from chromview.storage.labels import Form, LabelSet, convert, read_labels, write_labels


def cross(height: int = 94, width: int = 93, shift: int = 0) -> np.ndarray:
    """Labels of two crossing bars."""
    label = np.zeros((height, width), np.uint8)
    label[20 + shift : 34 + shift, 10:80] |= 1
    label[8:88, 40 + shift : 52 + shift] |= 2
    return label


def photograph(label: np.ndarray, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(-20, 20, label.shape)
    return np.clip(np.choose(label, [235, 130, 110, 60]) + noise, 0, 255).astype(np.uint8)


@pytest.fixture
def clusters() -> LabelSet:
    labels = [cross(shift=shift) for shift in range(5)]
    images = [photograph(label, seed) for seed, label in enumerate(labels)]
    return LabelSet(tuple(f"cell_{i}.png" for i in range(5)), images, labels, Form.HDF5)


WAYS = [
    (Form.HDF5, "a.h5"),
    (Form.PAIRS, "a.h5"),
    (Form.NPZ, "a.npz"),
    (Form.PNG, "a"),
    (Form.PAINTED, "a"),
    (Form.COCO, "a.json"),
]


@pytest.mark.parametrize(("form", "name"), WAYS)
def test_every_form_comes_back_as_it_was(tmp_path: Path, clusters: LabelSet, form: Form, name: str) -> None:
    write_labels(tmp_path / name, clusters, form)
    back = read_labels(tmp_path / name)
    assert back.form is form
    assert [Path(n).stem for n in back.names] == [Path(n).stem for n in clusters.names]
    assert back.images is not None and back.labels is not None
    np.testing.assert_array_equal(back.images, clusters.images)
    np.testing.assert_array_equal(back.labels, clusters.labels)
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize(("form", "name"), WAYS)
@pytest.mark.parametrize(("then", "there"), WAYS)
def test_from_every_form_to_every_other(
    tmp_path: Path, clusters: LabelSet, form: Form, name: str, then: Form, there: str
) -> None:
    write_labels(tmp_path / name, clusters, form)
    (tmp_path / "out").mkdir()
    convert(tmp_path / name, tmp_path / "out" / there, form=then)
    np.testing.assert_array_equal(read_labels(tmp_path / "out" / there).labels, clusters.labels)


def test_the_documented_layout_of_each_form(tmp_path: Path, clusters: LabelSet) -> None:
    write_labels(tmp_path / "a.h5", clusters, Form.HDF5)
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["image"].shape == file["label"].shape == (5, 94, 93)
        assert file["image"].dtype == file["label"].dtype == np.uint8
    write_labels(tmp_path / "b.h5", clusters, Form.PAIRS)
    with h5py.File(tmp_path / "b.h5") as file:
        assert file["dataset_1"].shape == (5, 94, 93, 2)
        np.testing.assert_array_equal(file["dataset_1"][..., 1], clusters.labels)
    write_labels(tmp_path / "a.npz", clusters, Form.NPZ)
    with np.load(tmp_path / "a.npz") as file:
        np.testing.assert_array_equal(file["arr_0"], clusters.images)
        np.testing.assert_array_equal(file["arr_1"], clusters.labels)


def test_painted_pictures_have_pure_colours_only(tmp_path: Path, clusters: LabelSet) -> None:
    for background, colour in (("black", (0, 0, 0)), ("white", (255, 255, 255))):
        write_labels(tmp_path / background, clusters, Form.PAINTED, background=background)
        picture = np.asarray(Image.open(tmp_path / background / "labels" / "cell_0.png"))
        assert {tuple(c) for c in picture.reshape(-1, 3).tolist()} == {colour, (255, 0, 0), (0, 255, 0), (0, 0, 255)}
        np.testing.assert_array_equal(read_labels(tmp_path / background).labels, clusters.labels)


def test_one_picture_to_and_from_paint(tmp_path: Path) -> None:
    label = cross()
    for background in ("black", "white"):
        Image.fromarray(paint(label, background)).save(tmp_path / "painted.png")
        convert(tmp_path / "painted.png", tmp_path / "label.png")
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "label.png")), label)
        convert(tmp_path / "label.png", tmp_path / "again.png", background=background)
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "again.png")), paint(label, background))


def test_a_folder_of_painted_pictures_becomes_labels_of_the_same_names(tmp_path: Path) -> None:
    (tmp_path / "painted").mkdir()
    for shift in range(3):
        Image.fromarray(paint(cross(shift=shift), "white")).save(tmp_path / "painted" / f"{shift}.png")
    convert(tmp_path / "painted", tmp_path / "labels")
    assert sorted(p.name for p in (tmp_path / "labels").iterdir()) == ["0.png", "1.png", "2.png"]
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "labels" / "2.png")), cross(shift=2))


def test_colours_of_softened_edges_go_to_the_nearest_paint(tmp_path: Path) -> None:
    big = Image.fromarray(paint(cross(188, 186), "black")).convert("RGB")
    soft = np.asarray(big.resize((372, 376), Image.Resampling.BILINEAR))
    Image.fromarray(soft).save(tmp_path / "a.png")
    label = read_label_image(tmp_path / "a.png")
    assert (label[1::2, 1::2] == cross(188, 186)).mean() > 0.98
    assert set(np.unique(label)) == {0, 1, 2, 3}


@given(st.integers(0, 2**32 - 1), st.sampled_from(["black", "white"]))
@settings(max_examples=30, deadline=None)
def test_paint_and_back_is_the_same(seed: int, background: str) -> None:
    label = np.random.default_rng(seed).integers(0, 4, (9, 7), np.uint8)
    np.testing.assert_array_equal(unpaint(paint(label, background)), label)


def test_palette_pictures(tmp_path: Path) -> None:
    label = cross()
    picture = Image.fromarray(label, "L").convert("P")
    for colours in (PAINTS[:4], np.array([[9, 9, 9], [80, 80, 80], [160, 160, 160], [250, 250, 250]])):
        picture = Image.new("P", label.shape[::-1])
        picture.putpalette(colours.astype(np.uint8).tobytes() + bytes(252 * 3))
        picture.putdata(label.ravel().tolist())
        picture.save(tmp_path / "a.png")
        np.testing.assert_array_equal(read_label_image(tmp_path / "a.png"), label)


def test_grey_png_of_two_bits(tmp_path: Path) -> None:
    import struct
    import zlib

    label = cross(40, 92)[:, :92]
    packed = (label[:, 0::4] << 6 | label[:, 1::4] << 4 | label[:, 2::4] << 2 | label[:, 3::4]).astype(np.uint8)
    raw = b"".join(b"\0" + line.tobytes() for line in packed)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 92, 40, 2, 0, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(data)
    np.testing.assert_array_equal(read_label_image(tmp_path / "a.png"), label)


def test_known_defects_are_cleaned_in_every_foreign_container(tmp_path: Path) -> None:
    truth = np.stack([cross(), cross(shift=3)])
    images = np.stack([photograph(label) for label in truth])
    dirty = truth.copy()
    dirty[0, 27, 20], dirty[0, 60, 45], dirty[1, 5, 5] = 7, 4, 2  # two stray values, one mislabelled pixel
    with h5py.File(tmp_path / "image_label.h5", "w") as file:
        file["image"], file["label"] = images, dirty
    with h5py.File(tmp_path / "pairs.h5", "w") as file:
        file["dataset_1"] = np.stack([images, dirty], axis=-1)
    np.savez(tmp_path / "a.npz", images, dirty)
    (tmp_path / "png").mkdir()
    (tmp_path / "tif").mkdir()
    for index, label in enumerate(dirty):
        Image.fromarray(label).save(tmp_path / "png" / f"{index}.png")
        tifffile.imwrite(tmp_path / "tif" / f"{index}.tif", label)
    for name in ("image_label.h5", "pairs.h5", "a.npz", "png", "tif"):
        np.testing.assert_array_equal(read_labels(tmp_path / name).labels, truth, err_msg=name)


def test_npz_with_painted_pictures_as_networks_leave_them(tmp_path: Path) -> None:
    truth = np.stack([cross(), cross(shift=3)])
    painted = np.stack([paint(label, "white") for label in truth])
    grey = np.repeat(np.stack([photograph(label) for label in truth])[..., None], 3, axis=3)
    for masks, images in (
        (painted, grey),
        (painted / 255.0, grey / 255.0),
        (painted / 127.5 - 1, grey / 127.5 - 1),
        (np.eye(4, dtype=np.uint8)[truth], grey),
        (truth[..., None], grey[..., :1]),
    ):
        np.savez(tmp_path / "a.npz", images, masks)
        back = read_labels(tmp_path / "a.npz")
        np.testing.assert_array_equal(back.labels, truth)
        assert back.images is not None
        assert np.asarray(back.images).shape == truth.shape


def test_images_without_labels(tmp_path: Path, clusters: LabelSet) -> None:
    assert clusters.images is not None
    (tmp_path / "photos").mkdir()
    for name, image in zip(clusters.names, clusters.images, strict=True):
        Image.fromarray(image).save(tmp_path / "photos" / name)
    convert(tmp_path / "photos", tmp_path / "a.h5")
    back = read_labels(tmp_path / "a.h5")
    assert back.labels is None
    np.testing.assert_array_equal(back.images, clusters.images)
    for target in ("a.json", "painted"):
        with pytest.raises(UserError, match="no labels"):
            convert(tmp_path / "photos", tmp_path / target, form=Form.PAINTED if target == "painted" else None)


def test_coco_of_other_programs(tmp_path: Path) -> None:
    import json

    entry = {"id": 7, "file_name": "a.png", "height": 20, "width": 30}
    polygon = {"id": 1, "image_id": 7, "segmentation": [[2, 2, 12, 2, 12, 12, 2, 12]], "category_id": 1}
    runs = {"id": 2, "image_id": 7, "segmentation": {"size": [20, 30], "counts": [100, 200, 300]}, "category_id": 1}
    (tmp_path / "a.json").write_text(json.dumps({"images": [entry], "annotations": [polygon, runs], "categories": []}))
    label = read_labels(tmp_path / "a.json").labels[0]  # type: ignore[index]
    assert label.shape == (20, 30)
    assert (label & 2).astype(bool).sum() == 200
    assert 90 <= (label & 1).sum() <= 121
    assert (label == 3).any()
    for damaged in (
        {"size": [20, 30], "counts": [100, 900]},
        {"size": [2, 3], "counts": "06"},
        {"size": [20, 30], "counts": "PPYo"},
        [],
    ):
        runs["segmentation"] = damaged
        (tmp_path / "a.json").write_text(json.dumps({"images": [entry], "annotations": [runs], "categories": []}))
        with pytest.raises(UserError, match="damaged mask"):
            read_labels(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.h5", b"", "empty"),
        ("a.h5", b"not HDF5 at all, but text", "not an HDF5 file"),
        ("a.h5", b"\x89HDF\r\n\x1a\n" + bytes(100), "damaged HDF5"),
        ("a.npz", b"PK\x03\x04 cut off", "damaged npz"),
        ("a.npz", b"text", "damaged npz"),
        ("a.json", b"{", "not a JSON"),
        ("a.json", b"[1, 2]", "not a COCO"),
        ("a.json", b'{"images": [{"id": 1}], "annotations": []}', "without 'height'"),
        ("a.json", b'{"images": [], "annotations": []}', "no images"),
        ("a.xyz", b"text", "no container"),
        ("a.png", b"text", "text"),
    ],
)
def test_damaged_containers(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=said) as caught:
        read_labels(tmp_path / name)
    assert name in str(caught.value)


def test_containers_of_something_else(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["train/pixels"] = np.zeros(10, np.uint8)
    with pytest.raises(UserError, match="holds no clusters, but train"):
        read_labels(tmp_path / "a.h5")
    np.savez(tmp_path / "a.npz", x=np.zeros(3))
    with pytest.raises(UserError, match="arr_0"):
        read_labels(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", np.zeros((2, 5, 5), np.uint8), np.full((2, 5, 5), 200, np.uint8))
    with pytest.raises(UserError, match="values up to 200"):
        read_labels(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", np.array([{"a": 1}], dtype=object))
    with pytest.raises(UserError, match="damaged npz"):
        read_labels(tmp_path / "c.npz")
    with pytest.raises(UserError, match="does not exist"):
        read_labels(tmp_path / "gone.h5")


def test_images_and_labels_that_do_not_belong_together(tmp_path: Path) -> None:
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    Image.fromarray(photograph(cross())).save(tmp_path / "images" / "a.png")
    Image.fromarray(cross()[:-1]).save(tmp_path / "labels" / "a.png")
    with pytest.raises(UserError, match="its label"):
        read_labels(tmp_path)
    Image.fromarray(cross()).save(tmp_path / "labels" / "b.png")
    with pytest.raises(UserError, match="'b' in only one"):
        read_labels(tmp_path)


def test_images_may_lie_beside_the_folder_of_their_labels(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    Image.fromarray(photograph(cross())).save(tmp_path / "a.png")
    Image.fromarray(cross()).save(tmp_path / "labels" / "a.png")
    (tmp_path / "a_truth.npz").write_bytes(b"not looked at")
    read = read_labels(tmp_path)
    assert read.names == ("a.png",) and read.images is not None and read.labels is not None
    np.testing.assert_array_equal(read.images[0], photograph(cross()))
    np.testing.assert_array_equal(read.labels[0], cross())
    Image.fromarray(photograph(cross())).save(tmp_path / "b.png")
    with pytest.raises(UserError, match="'b' in only one"):
        read_labels(tmp_path)


def test_sizes_that_differ_fit_into_folders_only(tmp_path: Path) -> None:
    labels = [cross(), cross(100, 110)]
    mixed = LabelSet(("a", "b"), [photograph(label) for label in labels], labels, Form.PNG)
    with pytest.raises(UserError, match="one size"):
        write_labels(tmp_path / "a.h5", mixed, Form.HDF5)
    assert not list(tmp_path.iterdir())
    for form, name in ((Form.PNG, "a"), (Form.COCO, "a.json")):
        write_labels(tmp_path / name, mixed, form)
        back = read_labels(tmp_path / name)
        assert [label.shape for label in back.labels or ()] == [(94, 93), (100, 110)]


def test_a_photograph_is_no_label(tmp_path: Path) -> None:
    Image.fromarray(photograph(cross())).save(tmp_path / "a.png")
    with pytest.raises(UserError, match="not a four-label mask"):
        read_label_image(tmp_path / "a.png")
    colour = np.random.default_rng(0).integers(0, 255, (30, 30, 3), np.uint8)
    Image.fromarray(colour).save(tmp_path / "b.png")
    with pytest.raises(UserError, match="not a painted mask"):
        read_label_image(tmp_path / "b.png")


@given(data=st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_labels_survive_our_own_files(tmp_path: Path, data: st.DataObject) -> None:
    """Single pixels included: only containers of others are cleaned."""
    seed = data.draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    labels = [rng.integers(0, 4, (12, 15), np.uint8) for _ in range(2)]
    own = LabelSet(("a", "b"), labels, labels, Form.HDF5)
    for form, name in ((Form.HDF5, "a.h5"), (Form.NPZ, "a.npz"), (Form.COCO, "a.json"), (Form.PNG, f"folder_{seed}")):
        images = [photograph(label) for label in labels]
        write_labels(tmp_path / name, LabelSet(own.names, images, labels, Form.HDF5), form)
        np.testing.assert_array_equal(read_labels(tmp_path / name).labels, labels)


def test_an_impossible_size_is_refused_at_once(tmp_path: Path) -> None:
    """HDF5 would make up what is missing, for hours."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("image", (1 << 30, 1000, 1000), np.uint8, chunks=(1, 1000, 1000))
    with pytest.raises(UserError, match="impossible size"):
        read_labels(tmp_path / "a.h5")
