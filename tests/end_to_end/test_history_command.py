"""``chromview history`` as a script calls it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chromview.app.document import Document
from chromview.cli import main
from chromview.core.chromosome import Box


@pytest.fixture
def case(qapp: object, tmp_path: Path) -> Path:
    """A case with two slides and some steps."""
    for n in (1, 2):
        Image.fromarray(np.full((40, 40), n, np.uint8)).save(tmp_path / f"cell {n}.png")
    document = Document.new(tmp_path / "patient 7")
    first, second = document.add_slides([tmp_path / "cell 1.png", tmp_path / "cell 2.png"])
    document.person = "Anna"
    document.new_chromosome(first, Box(0, 0, 5, 5), np.ones((5, 5), bool))
    document.new_chromosome(second, Box(0, 0, 5, 5), np.ones((5, 5), bool))
    document.undo(second)
    document.close()
    document.deleteLater()
    return tmp_path / "patient 7.chromview"


def test_the_history_is_printed_or_written_and_the_case_stays(
    case: Path, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    before = case.read_bytes()
    assert main(["history", str(case)]) == 0
    printed = capfd.readouterr().out
    rows = list(csv.DictReader(io.StringIO(printed)))
    assert [(row["kind"], row["what"]) for row in rows] == [
        ("case", "Slide added"), ("case", "Slide added"), ("do", "New chromosome"), ("do", "New chromosome"),
        ("undo", "New chromosome"),
    ]  # fmt: skip
    assert rows[2]["who"] == "Anna" and rows[2]["slide"] == "cell 1.png" and rows[4]["before"] == rows[3]["after"]
    out = tmp_path / "history.csv"
    assert main(["history", str(case), "--slide", "cell 2.png", "--out", str(out)]) == 0
    assert capfd.readouterr().out == "" and len(out.read_text(encoding="utf-8").splitlines()) == 4
    assert case.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cell 1.png", "cell 2.png", "history.csv", case.name]


def test_what_cannot_be_told_is_said(case: Path, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    def refused(*arguments: str) -> str:
        assert main(["history", *arguments]) == 2
        captured = capfd.readouterr()
        assert captured.out == "" and len(captured.err.splitlines()) == 1
        return captured.err

    assert "nowhere" in refused(str(tmp_path / "nowhere.chromview"))
    assert "cell 1.png" in refused(str(tmp_path / "cell 1.png"))
    assert "has no slide x.png" in refused(str(case), "--slide", "x.png")
    assert "nowhere" in refused(str(case), "--out", str(tmp_path / "nowhere" / "a.csv"))
