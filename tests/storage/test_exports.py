"""What leaves the program for a slide says exactly what is on it."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chromview.core.chromosome import Analysis, Chromosome, DecidedBy, Kind, Quality, SlideImage, Slot, Stain, State
from chromview.errors import UserError
from chromview.storage import coco
from chromview.storage.exports import (
    ANALYSIS_FILES,
    CSV_COLUMNS,
    annotations_json,
    karyotype_csv,
    tilt,
    write_analysis,
    write_folder,
    write_karyogram_png,
)

SHAPE = (200, 300)


def bar(id: int, top: int, left: int, height: int, width: int, **fields: object) -> Chromosome:
    """An upright or lying bar with its axis, p tip above or to the left."""
    mask = np.zeros(SHAPE, bool)
    mask[top : top + height, left : left + width] = True
    middle_row, middle_column = top + (height - 1) / 2, left + (width - 1) / 2
    if height >= width:
        rows = np.arange(top, top + height)
        axis = np.stack([rows, np.full(len(rows), middle_column)], axis=1)
    else:
        columns = np.arange(left, left + width)
        axis = np.stack([np.full(len(columns), middle_row), columns], axis=1)
    values: dict[str, object] = {"axis": axis.astype(np.float32), "number": 1, "class_confidence": 0.9, **fields}
    return Chromosome.from_slide_mask(id, mask, **values)


@pytest.fixture
def slide() -> SlideImage:
    pixels = np.full(SHAPE, 240, np.uint8)
    pixels[20:180, 20:280] -= (np.arange(160) % 90).astype(np.uint8)[:, None]
    return SlideImage(pixels, path="/somewhere/cell 7.png", sha256="ab" * 32)


@pytest.fixture
def analysis() -> Analysis:
    chromosomes = (
        bar(4, 30, 40, 90, 12, number=21, slot=Slot(21, 2), centromere=0.25, p_up=True, decided_by=DecidedBy.CELL),
        bar(2, 60, 20, 10, 70, number=24, slot=Slot(24, 0), centromere=0.25, p_up=False, polarity_confidence=0.75),
        bar(3, 20, 150, 60, 12, number=23, axis=None),
        bar(5, 20, 200, 20, 20, kind=Kind.NUCLEUS, number=0),
        bar(6, 60, 200, 40, 10, state=State.REJECTED),
    )
    return Analysis(SHAPE, Stain.G_BAND, False, 1.0, chromosomes, "47,XY,+21", False, Quality(count=3), {})


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_table_has_the_columns_of_the_contract_and_one_row_a_chromosome(analysis: Analysis) -> None:
    text = karyotype_csv(analysis.chromosomes, SHAPE)
    assert text.splitlines()[0] == (
        "chromosome_id,class,confidence,decided_by,slot,x,y,width,height,angle_deg,polarity,"
        "polarity_confidence,length_px,centromere_index,area_px,overlap_px"
    )
    second, third, fourth = rows(text)
    assert [row["chromosome_id"] for row in (second, third, fourth)] == ["2", "3", "4"]
    assert (fourth["class"], fourth["slot"], fourth["decided_by"]) == ("21", "21.3", "cell")
    assert [fourth[key] for key in ("x", "y", "width", "height", "area_px")] == ["40", "30", "12", "90", "1080"]
    assert fourth["polarity"] == "up"
    assert float(fourth["angle_deg"]) == 0
    assert float(fourth["length_px"]) == 89
    assert float(fourth["centromere_index"]) == 0.25
    assert (second["class"], float(second["centromere_index"]), second["polarity_confidence"]) == ("Y", 0.75, "0.75")
    assert fourth["overlap_px"] == second["overlap_px"] == "120"
    assert (third["class"], third["slot"], third["length_px"], third["centromere_index"]) == ("X", "", "", "")
    assert third["overlap_px"] == "0"


@pytest.mark.parametrize("degrees", [-80, -45, -1, 0, 30, 60, 90])
@pytest.mark.parametrize("p_up", [True, False])
@pytest.mark.parametrize("p_first", [True, False])
def test_angle_and_polarity_say_how_to_set_a_chromosome_upright(degrees: int, p_up: bool, p_first: bool) -> None:
    """Turned back by the angle, and by 180 degrees if down, the p tip is above."""
    angle = math.radians(degrees)
    up = np.array([-math.cos(angle), -math.sin(angle)])  # (y, x) of the upper half, turned counter-clockwise
    middle = np.array([100.0, 150.0])
    p_tip, q_tip = (middle + 40 * up, middle - 40 * up) if p_up else (middle - 40 * up, middle + 40 * up)
    axis = np.linspace(p_tip, q_tip, 81)[:: 1 if p_first else -1]
    chromosome = replace(bar(1, 60, 110, 80, 80), axis=axis.astype(np.float32), p_up=p_first)
    measured, upward = tilt(chromosome)
    assert measured == pytest.approx(degrees, abs=0.01)
    assert upward is p_up


def test_annotations_are_coco_with_both_masks_of_an_overlap(slide: SlideImage, analysis: Analysis) -> None:
    content = json.loads(annotations_json(slide, analysis.chromosomes))
    assert content["images"] == [
        {"id": 1, "file_name": "cell 7.png", "width": 300, "height": 200, "sha256": slide.sha256}
    ]
    assert [c["name"] for c in content["categories"]][20:] == ["21", "22", "X", "Y"]
    by_id = {entry["id"]: entry for entry in content["annotations"]}
    assert sorted(by_id) == [2, 3, 4]
    for chromosome in analysis.chromosomes[:3]:
        entry = by_id[chromosome.id]
        mask = coco.decode(entry["segmentation"], *SHAPE)
        expected = np.zeros(SHAPE, bool)
        expected[chromosome.box.slices] = chromosome.mask
        np.testing.assert_array_equal(mask, expected)
        assert entry["area"] == chromosome.area
        assert entry["category_id"] == chromosome.number
        box = chromosome.box
        assert entry["bbox"] == [box.left, box.top, box.width, box.height]
        assert entry["score"] == 0.9
        assert set(CSV_COLUMNS) <= set(entry["attributes"])
    assert by_id[4]["attributes"]["overlap_px"] == 120
    assert by_id[3]["attributes"]["length_px"] is None
    assert isinstance(by_id[4]["segmentation"]["counts"], str)


def test_the_folder_of_a_slide(tmp_path: Path, slide: SlideImage, analysis: Analysis) -> None:
    write_analysis(tmp_path / "out" / "cell 7", slide, analysis)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["cell 7"]
    assert sorted(p.name for p in (tmp_path / "out" / "cell 7").iterdir()) == sorted(ANALYSIS_FILES)
    picture = np.asarray(Image.open(tmp_path / "out" / "cell 7" / "karyogram.png"))
    assert picture.ndim == 3
    assert (picture < 100).any()
    assert json.loads((tmp_path / "out" / "cell 7" / "annotations.json").read_text())["info"]["proposal"] == "47,XY,+21"


def test_a_second_analysis_replaces_its_files_and_nothing_else(
    tmp_path: Path, slide: SlideImage, analysis: Analysis
) -> None:
    write_analysis(tmp_path / "cell", slide, analysis)
    (tmp_path / "cell" / "notes.txt").write_text("counted by hand: 47")
    write_analysis(tmp_path / "cell", slide, replace(analysis, chromosomes=analysis.chromosomes[:1]))
    assert len(rows((tmp_path / "cell" / "karyotype.csv").read_text())) == 1
    assert (tmp_path / "cell" / "notes.txt").read_text() == "counted by hand: 47"


def test_a_slide_without_chromosomes(tmp_path: Path, slide: SlideImage, analysis: Analysis) -> None:
    write_analysis(tmp_path / "cell", slide, replace(analysis, chromosomes=(), proposal=""))
    assert rows((tmp_path / "cell" / "karyotype.csv").read_text()) == []
    assert json.loads((tmp_path / "cell" / "annotations.json").read_text())["annotations"] == []
    with Image.open(tmp_path / "cell" / "karyogram.png") as picture:
        assert picture.size[0] > 100


@pytest.mark.parametrize("stain", list(Stain))
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_karyogram_of_every_stain_and_depth(
    tmp_path: Path, slide: SlideImage, analysis: Analysis, stain: Stain, dtype: type
) -> None:
    image = SlideImage((slide.pixels.astype(dtype)) * (dtype(257) if dtype is np.uint16 else dtype(1)))
    write_karyogram_png(tmp_path / "k.png", image, analysis.chromosomes, stain, title="cell 7 - 47,XY,+21")
    assert np.asarray(Image.open(tmp_path / "k.png")).std() > 1


def test_a_file_in_the_place_of_the_folder(tmp_path: Path, slide: SlideImage, analysis: Analysis) -> None:
    (tmp_path / "cell").write_text("precious")
    with pytest.raises(UserError, match="is a file, not a folder"):
        write_analysis(tmp_path / "cell", slide, analysis)
    with pytest.raises(UserError, match="not a folder"):
        write_analysis(tmp_path / "cell" / "below", slide, analysis)
    assert (tmp_path / "cell").read_text() == "precious"


def test_nothing_is_left_when_making_a_file_fails(tmp_path: Path) -> None:
    (tmp_path / "cell").mkdir()
    (tmp_path / "cell" / "a.txt").write_text("old")

    def fails() -> bytes:
        raise RuntimeError("in the middle")

    for folder in ("cell", "new"):
        with pytest.raises(RuntimeError):
            write_folder(tmp_path / folder, {"a.txt": lambda: b"new", "b.txt": fails})
    assert [p.name for p in tmp_path.iterdir()] == ["cell"]
    assert [p.read_text() for p in (tmp_path / "cell").iterdir()] == ["old"]


WRITE = """
import sys
from pathlib import Path
from chromview.errors import UserError
from chromview.storage.exports import write_folder
{before}
try:
    write_folder(sys.argv[1], {{"a.csv": lambda: b"x" * 100, "large.png": lambda: b"y" * 400_000}})
except UserError as error:
    print(error)
"""


def outcome(folder: Path, before: str = "") -> str:
    code = WRITE.format(before=before)
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert not done.stderr
    return done.stdout.strip()


def test_a_disk_that_takes_no_more(tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: the write fails in the middle just so."""
    assert resource.RLIMIT_FSIZE is not None
    before = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))"
    (tmp_path / "cell").mkdir()
    (tmp_path / "cell" / "a.csv").write_text("old")
    said = outcome(tmp_path / "cell", before)
    assert said.startswith(f"{tmp_path / 'cell' / 'large.png'}: could not be written")
    assert ".part" not in said
    assert [p.name for p in tmp_path.iterdir()] == ["cell"]
    assert (tmp_path / "cell" / "a.csv").read_text() == "old"


def test_a_full_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], capture_output=True, check=False
    ) if os.geteuid() == 0 else None  # fmt: skip
    if mounted is None or mounted.returncode:
        pytest.skip("a small disk cannot be made here")
    try:
        said = outcome(disk / "cell")
        assert "the disk is full" in said
        assert not list(disk.iterdir())
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True, capture_output=True)
        assert "can only be read" in outcome(disk / "cell")
    finally:
        subprocess.run(["umount", str(disk)], check=False)


def test_a_folder_without_permission(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(0o555)
    before = "import os\nif os.geteuid() == 0: os.setgid(65534); os.setuid(65534)"
    assert "permission" in outcome(closed / "cell", before)
    assert not list(closed.iterdir())
