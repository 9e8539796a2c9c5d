"""The commands as a script outside the project calls them, with the weights and samples that ship."""

from __future__ import annotations

import csv
import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image

from chromview.cli import COMMANDS, main
from chromview.core.chromosome import CLASS_NAMES
from chromview.places import resources_dir
from chromview.storage import coco
from chromview.storage.exports import ANALYSIS_FILES, CSV_COLUMNS

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process; its code, what it said on stdout and on stderr."""

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return call


def sample(name: str) -> Path:
    return resources_dir() / "samples" / f"{name}.png"


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_analyse_writes_what_the_contract_says(run: Run, tmp_path: Path) -> None:
    code, out, err = run("analyse", sample("metaphase_trisomy_21"), "--out", tmp_path / "out", "--json")
    assert (code, err) == (0, "")
    summary = json.loads(out)
    folder = tmp_path / "out" / "metaphase_trisomy_21"
    assert sorted(p.name for p in folder.iterdir()) == sorted(ANALYSIS_FILES)
    assert [p.name for p in (tmp_path / "out").iterdir()] == [folder.name]

    rows = table(folder / "karyotype.csv")
    assert tuple(rows[0]) == CSV_COLUMNS
    assert len(rows) == summary["chromosomes"] >= 35
    assert {row["class"] for row in rows} <= set(CLASS_NAMES)
    assert {row["polarity"] for row in rows} == {"up", "down"}
    assert summary["file"] == str(sample("metaphase_trisomy_21"))
    assert summary["proposal"].startswith(f"{len(rows)},")
    assert set(summary["seconds"]) >= {"find", "straighten", "classify"}

    with Image.open(sample("metaphase_trisomy_21")) as slide:
        width, height = slide.size
    content = json.loads((folder / "annotations.json").read_text())
    assert content["images"][0]["file_name"] == "metaphase_trisomy_21.png"
    assert {c["id"]: c["name"] for c in content["categories"]} == dict(enumerate(CLASS_NAMES, start=1))
    assert len(content["annotations"]) == len(rows)
    for entry, row in zip(content["annotations"], rows, strict=True):
        mask = coco.decode(entry["segmentation"], height, width)
        assert int(mask.sum()) == entry["area"] == int(row["area_px"])
        assert entry["bbox"] == [int(row[key]) for key in ("x", "y", "width", "height")]
        assert CLASS_NAMES[entry["category_id"] - 1] == row["class"]
    with Image.open(folder / "karyogram.png") as picture:
        assert min(picture.size) > 200


def test_analyse_of_a_folder_goes_on_after_a_bad_file(run: Run, tmp_path: Path) -> None:
    slides = tmp_path / "slides"
    slides.mkdir()
    (slides / "a.png").write_bytes(sample("cluster_crossing").read_bytes())
    (slides / "b.png").write_bytes(sample("cluster_crossing").read_bytes()[:3000])
    (slides / "c.png").write_bytes(sample("cluster_touching").read_bytes())
    code, out, err = run("analyse", slides, "--out", tmp_path / "out")
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert str(slides / "b.png") in err
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a", "c"]


def test_images_of_one_name_do_not_overwrite_each_other(run: Run, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.png").write_bytes(sample("cluster_crossing").read_bytes())
    with Image.open(sample("cluster_touching")) as image:
        tifffile.imwrite(tmp_path / "one" / "a.tif", np.asarray(image))
    code, out, _ = run("analyse", tmp_path / "one", tmp_path / "two", "--out", tmp_path / "out", "--json")
    assert code == 0
    folders = [json.loads(line)["folder"] for line in out.splitlines()]
    assert len(set(folders)) == 3
    assert all(sorted(p.name for p in Path(folder).iterdir()) == sorted(ANALYSIS_FILES) for folder in folders)


def test_formats_of_one_picture_give_one_answer(run: Run, tmp_path: Path) -> None:
    with Image.open(sample("cluster_crossing")) as image:
        grey = np.asarray(image)
    tifffile.imwrite(tmp_path / "lzw.tif", grey, compression="lzw")
    tifffile.imwrite(tmp_path / "white_is_zero.tif", 255 - grey, photometric="miniswhite")
    Image.fromarray(grey).convert("RGBA").save(tmp_path / "rgba.png")
    Image.fromarray(grey).save(tmp_path / "grey.bmp")
    code, _, err = run("analyse", tmp_path, "--out", tmp_path / "out")
    assert (code, err) == (0, "")
    tables = {p.parent.name: p.read_text() for p in (tmp_path / "out").glob("*/karyotype.csv")}
    assert len(tables) == 4
    assert len(set(tables.values())) == 1


@pytest.fixture
def pairs() -> tuple[np.ndarray, np.ndarray]:
    """Three simulated clusters of two and their labels."""
    from chromview.core.masks import four_label
    from chromview.simulate import simulate_cluster

    drawn = [simulate_cluster(2, seed=seed, shape=(128, 128), crossing=True) for seed in (3, 4, 5)]
    return (
        np.stack([one.image for one in drawn]),
        np.stack([four_label(one.chromosomes, (128, 128)) for one in drawn]),
    )


def test_label_fills_every_container(run: Run, tmp_path: Path, pairs: tuple[np.ndarray, np.ndarray]) -> None:
    images, _ = pairs
    with h5py.File(tmp_path / "in.h5", "w") as file:
        file["image"] = images
    with h5py.File(tmp_path / "pairs.h5", "w") as file:
        file["dataset_1"] = np.stack([images, np.zeros_like(images)], axis=-1)
    np.savez(tmp_path / "in.npz", images)
    (tmp_path / "png").mkdir()
    (tmp_path / "tif").mkdir()
    for index, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / "png" / f"c{index}.png")
        tifffile.imwrite(tmp_path / "tif" / f"c{index}.tif", image)
    for source, target in (
        ("in.h5", "out.h5"),
        ("pairs.h5", "out_pairs.h5"),
        ("in.npz", "out.npz"),
        ("png", "out_png"),
        ("tif", "out_tif"),
    ):
        assert run("label", tmp_path / source, "--out", tmp_path / target) == (0, "", "")
    with h5py.File(tmp_path / "out.h5") as file:
        labels = file["label"][:]
        np.testing.assert_array_equal(file["image"][:], images)
    assert labels.dtype == np.uint8
    assert labels.shape == images.shape
    assert set(np.unique(labels)) <= {0, 1, 2, 3}
    assert (labels > 0).any(axis=(1, 2)).all()
    with h5py.File(tmp_path / "out_pairs.h5") as file:
        np.testing.assert_array_equal(file["dataset_1"][..., 1], labels)
    with np.load(tmp_path / "out.npz") as file:
        np.testing.assert_array_equal(file["arr_1"], labels)
    for index in range(3):
        with Image.open(tmp_path / "out_png" / f"c{index}.png") as picture:
            np.testing.assert_array_equal(np.asarray(picture), labels[index])
        np.testing.assert_array_equal(tifffile.imread(tmp_path / "out_tif" / f"c{index}.tif"), labels[index])
    assert sorted(p.name for p in (tmp_path / "out_png").iterdir()) == ["c0.png", "c1.png", "c2.png"]


def test_evaluate_of_folders(run: Run, tmp_path: Path, pairs: tuple[np.ndarray, np.ndarray]) -> None:
    _, labels = pairs
    for folder, order in (("gt", [0, 1, 2, 3]), ("pred", [0, 2, 1, 3])):
        (tmp_path / folder).mkdir()
        for index, label in enumerate(labels):
            Image.fromarray(np.array(order, np.uint8)[label]).save(tmp_path / folder / f"{index}.png")
    arguments = ("evaluate", "segmenter", "--pred", tmp_path / "pred", "--gt", tmp_path / "gt")
    assert run(*arguments, "--json", tmp_path / "a.json") == (0, "", "")
    result = json.loads((tmp_path / "a.json").read_text())
    assert result["images"] == 3
    assert result["iou_given"][0] == result["iou_given"][3] == 1
    assert result["iou_given"][1] < 0.5
    assert result["iou_order_free"]["chromosomes"] == result["iou_order_free"]["overlap"] == 1
    code, out, _ = run(*arguments)
    assert code == 0
    assert json.loads(out) == result
    files = ("--csv", tmp_path / "a.csv", "--pictures", tmp_path / "pictures")
    assert run(*arguments, "--json", tmp_path / "a.json", *files) == (0, "", "")
    assert json.loads((tmp_path / "a.json").read_text()) == result
    assert [row["name"] for row in table(tmp_path / "a.csv")] == ["0", "1", "2"]
    assert {row["order_free_hausdorff_1"] for row in table(tmp_path / "a.csv")} == {"0.0"}
    drawn = sorted(file.name for file in (tmp_path / "pictures").iterdir())
    assert drawn == ["labels_confusion.png", "labels_confusion_given.png"] + [
        f"labels_worst_0{i + 1}_{i}.png" for i in range(3)
    ]
    (tmp_path / "pred" / "2.png").unlink()
    code, _, err = run(*arguments, "--json", tmp_path / "b.json", "--csv", tmp_path / "b.csv")
    assert code == 2
    assert "no label image '2'" in err
    assert not (tmp_path / "b.json").exists() and not (tmp_path / "b.csv").exists()


def test_evaluate_of_a_labelled_set(run: Run, tmp_path: Path, pairs: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = pairs
    np.savez(tmp_path / "set.npz", images, labels)
    arguments = ("evaluate", "segmenter", "--data", tmp_path / "set.npz")
    code, out, err = run(*arguments, "--csv", tmp_path / "a.csv")
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert (result["file"], result["images"]) == ("set.npz", 3)
    assert result["iou_order_free"]["chromosomes"] > 0.5
    assert len(table(tmp_path / "a.csv")) == 3
    code, _, err = run(*arguments, "--split", "test")
    assert code == 2 and "set.npz: does not say which of its images are 'test'" in err
    code, _, err = run(*arguments, "--csv", tmp_path / "gone" / "a.csv")
    assert code == 2 and f"{tmp_path / 'gone'}: is not a folder" in err
    np.savez(tmp_path / "images.npz", images)
    code, _, err = run("evaluate", "segmenter", "--data", tmp_path / "images.npz")
    assert code == 2 and "images.npz: holds images but no labels" in err


def single_chromosomes(path: Path, count: int = 46) -> None:
    """A ``*_karyotypes.h5`` of simulated chromosomes, p arm up and down in turn."""
    from chromview.core.chromosome import SlideImage, Stain
    from chromview.core.straighten import straighten_all
    from chromview.simulate import simulate_metaphase

    cell = simulate_metaphase("46,XY", seed=5, crossings=0, contacts=0, nuclei=0, debris=0)
    straight = straighten_all(SlideImage(cell.image), cell.chromosomes, Stain.G_BAND)
    images = [one.image[:: 1 if i % 2 == 0 else -1] for i, one in enumerate(straight.values())][:count]
    with h5py.File(path, "w") as file:
        file.attrs["description"] = "simulated, white background"
        group = file.create_group("val")
        sizes = np.array([image.shape for image in images])
        group["pixels"] = np.concatenate([image.ravel() for image in images])
        group["offset"] = np.concatenate([[0], np.cumsum(sizes.prod(axis=1))[:-1]]).astype(np.int64)
        group["height"], group["width"] = sizes[:, 0].astype(np.int32), sizes[:, 1].astype(np.int32)
        group["chromosome_class"] = np.array([one.number for one in cell.chromosomes], np.uint8)[:count]
        for name in ("case", "cell"):
            group[name] = np.full(len(images), b"a", "S24")
        group["copy"] = np.zeros(len(images), np.uint8)


def test_classify_writes_a_row_for_each_image(run: Run, tmp_path: Path) -> None:
    single_chromosomes(tmp_path / "a_karyotypes.h5")
    for options in ((), ("--by-cell",)):
        target = tmp_path / "classes.csv"
        assert run("classify", tmp_path / "a_karyotypes.h5", "--split", "val", "--out", target, *options) == (0, "", "")
        rows = table(target)
        assert list(rows[0]) == ["index", "class", "polarity", *(f"p_{name}" for name in CLASS_NAMES)]
        assert [row["index"] for row in rows] == [str(i) for i in range(46)]
        assert {row["class"] for row in rows} <= set(CLASS_NAMES)
        assert {row["polarity"] for row in rows} <= {"up", "down"}
        for row in rows:
            assert sum(float(row[f"p_{name}"]) for name in CLASS_NAMES) == pytest.approx(1, abs=1e-4)
    code, _, err = run("classify", tmp_path / "a_karyotypes.h5", "--split", "test", "--out", tmp_path / "none.csv")
    assert code == 2
    assert "a_karyotypes.h5" in err
    assert "test" in err
    assert not (tmp_path / "none.csv").exists()


def test_classify_a_folder_of_images(run: Run, tmp_path: Path) -> None:
    single_chromosomes(tmp_path / "a.h5", 4)
    (tmp_path / "images").mkdir()
    with h5py.File(tmp_path / "a.h5") as file:
        group = file["val"]
        for i, (offset, h, w) in enumerate(zip(group["offset"][:], group["height"][:], group["width"][:], strict=True)):
            pixels = group["pixels"][offset : offset + h * w].reshape(h, w)
            Image.fromarray(pixels).save(tmp_path / "images" / f"c{i + 8}.png")
    assert run("classify", tmp_path / "images", "--out", tmp_path / "a.csv") == (0, "", "")
    rows = table(tmp_path / "a.csv")
    assert [(row["index"], row["file"]) for row in rows] == [(str(i), f"c{i + 8}.png") for i in range(4)]


def test_simulate_is_repeatable_and_has_truth(run: Run, tmp_path: Path) -> None:
    options = ("--count", "2", "--seed", "7", "--clusters", "--stain", "dapi")
    for folder in ("one", "two"):
        assert run("simulate", "--out", tmp_path / folder, *options) == (0, "", "")
    names = sorted(p.name for p in (tmp_path / "one").iterdir())
    assert names == [
        "cluster_00007.png",
        "cluster_00007_truth.npz",
        "cluster_00008.png",
        "cluster_00008_truth.npz",
        "labels",
    ]
    for name in names[:-1]:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    code, _, err = run("simulate", "--out", tmp_path / "bad", "--karyotype", "46,ZZ")
    assert code == 2
    assert "46,ZZ" in err


def test_convert(run: Run, tmp_path: Path, pairs: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = pairs
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image"], file["label"] = images, labels
    steps = ["a.h5", "b.npz", "c.json", "d", "e.h5"]
    for source, target in itertools.pairwise(steps):
        assert run("convert", tmp_path / source, tmp_path / target) == (0, "", "")
    with h5py.File(tmp_path / "e.h5") as file:
        np.testing.assert_array_equal(file["label"][:], labels)
        np.testing.assert_array_equal(file["image"][:], images)
    assert run("convert", tmp_path / "d", tmp_path / "painted", "--as", "painted", "--background", "white")[0] == 0
    with Image.open(next((tmp_path / "painted" / "labels").iterdir())) as picture:
        colours = set(map(tuple, np.asarray(picture.convert("RGB")).reshape(-1, 3).tolist()))
    assert colours <= {(255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255)}


@pytest.mark.parametrize("command", ["", *COMMANDS, "train segmenter", "train classifier"])
def test_every_command_explains_itself(run: Run, command: str) -> None:
    code, out, err = run(*command.split(), "--help")
    assert (code, err) == (0, "")
    assert f"chromview {command}".strip() in out


@pytest.mark.parametrize(
    "arguments",
    [
        ("analyse",),
        ("analyse", "a.png"),
        ("analyse", "a.png", "--out", "o", "--stain", "c-band"),
        ("label", "a.h5"),
        ("classify", "--out", "a.csv"),
        ("convert", "a.png"),
        ("evaluate", "segmenter"),
        ("evaluate", "segmenter", "--pred", "a"),
        ("evaluate", "classifier", "--pred", "a", "--gt", "b"),
        ("evaluate", "classifier", "--data", "a"),
        ("evaluate", "segmenter", "--pred", "a", "--gt", "b", "--floor"),
        ("evaluate", "segmenter", "--pred", "a", "--gt", "b", "--data", "c"),
        ("evaluate", "segmenter", "--data", "a", "--splits", "published"),
        ("evaluate", "segmenter", "--data", "a", "--pairs", "0"),
        ("train",),
        ("train", "cook"),
        ("train", "segmenter", "--epochs", "three"),
        ("simulate",),
        ("simulate", "--out", "o", "--count", "0"),
        ("--colour",),
    ],
)
def test_bad_arguments_are_one_line_and_two(run: Run, arguments: tuple[str, ...]) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "--help" in err


def test_a_mistyped_command_is_told_as_such(run: Run) -> None:
    code, _, err = run("analyze")
    assert code == 2
    assert "is no command" in err
    assert "analyse" in err


def test_help_and_names_that_are_wrong_need_neither_torch_nor_qt() -> None:
    code = (
        "import sys; from chromview.cli import main\n"
        "codes = [main(a) for a in (['--help'], ['analyse', '--help'], ['analyse', 'gone.png', '--out', 'o'])]\n"
        "print(codes, sorted({'torch', 'PySide6', 'cv2'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1].startswith("[0, 0, 2]")
    assert "torch" not in done.stderr.splitlines()[-1]
    assert "PySide6" not in done.stderr.splitlines()[-1]


def test_the_window_without_a_display_is_a_sentence(tmp_path: Path) -> None:
    import os

    hidden = {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(
        [sys.executable, "-m", "chromview", str(sample("cluster_crossing"))],
        capture_output=True, text=True, check=False, env=environment, timeout=60,
    )  # fmt: skip
    if sys.platform.startswith("linux"):
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert "no display" in done.stderr
