"""Training on corrections and the choice of weights from the command line: what is wrong is said in one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from chromview.cli import main
from chromview.places import own_segmenter
from chromview.storage.own_weights import keep


def test_weights_are_listed_and_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    own = keep(b"weights", {"trained": "2026-01-02 03:04", "who": "A. Person"})
    assert main(["weights"]) == 0
    shipped, mine = capsys.readouterr().out.splitlines()
    assert shipped == "  shipped" and mine.startswith(f"* {own.name}  2026-01-02 03:04, A. Person")
    assert main(["weights", "--use", "shipped"]) == 0 and own_segmenter() is None
    assert main(["weights", "--use", own.name]) == 0 and own_segmenter() == own.path
    assert main(["weights", "--use", "none"]) == 2
    assert "there are no weights 'none'" in capsys.readouterr().err


@pytest.mark.parametrize("hidden", ["", "torch"])
def test_what_is_wrong_is_one_line(tmp_path: Path, hidden: str) -> None:
    arguments = ["train", "segmenter", "--corrections", str(tmp_path / "none")]
    code = f"import sys; from chromview.cli import main\nif {hidden!r}: sys.modules[{hidden!r}] = None\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}sys.exit(main({arguments!r}))"], capture_output=True, text=True, check=False
    )
    expected = "needs the package 'torch'" if hidden else "none: is not a folder of corrections"
    assert done.returncode == 2 and expected in done.stderr and len(done.stderr.splitlines()) == 1
