"""The command that trains a segmenter of the zoo, as a script outside the project calls it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from chromview.cli import main
from chromview.training.zoo import PRESETS

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process; its code, what it said on stdout and on stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        code = main(["train", "segmenter", *(str(argument) for argument in arguments)])
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    labels = np.zeros((8, 24, 24), np.uint8)
    labels[:, 2:22, 8:13] += 1
    labels[:, 10:15, 2:22] += 2
    with h5py.File(tmp_path / "set.h5", "w") as file:
        file["image"] = np.clip(60 * labels + rng.normal(9, 3, labels.shape), 0, 255).astype(np.uint8)
        file["label"] = labels
    return tmp_path / "set.h5"


def test_presets_are_listed(run: Run) -> None:
    code, out, err = run("--preset", "list")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == list(PRESETS)


def test_a_preset_explains_its_options(run: Run) -> None:
    code, out, err = run("--preset", "segnet", "--help")
    assert (code, err) == (0, "")
    for option in ("--learning-rate", "--folds", "--schedule", "--precision", "--devices"):
        assert option in out


def test_a_network_is_trained_without_a_word_and_goes_on(run: Run, data: Path, tmp_path: Path) -> None:
    command = ("--preset", "chromview", "--data", data, "--out", tmp_path / "run", "--widths", 4, 6, "--workers", 1)
    assert run(*command, "--epochs", 1) == (0, "", "")
    assert run(*command, "--epochs", 2) == (0, "", "")
    assert len((tmp_path / "run" / "log.csv").read_text().splitlines()) == 3
    code, out, err = run(*command, "--epochs", 3, "--batch", 2)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "latest.ckpt" in err and "batch 16, not 2" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--preset", "resnet", "--data", "{data}", "--out", "o"), "resnet"),
        (("--preset", "segnet", "--data", "gone.h5", "--out", "o"), "gone.h5"),
        (("--preset", "segnet", "--out", "o"), "--data"),
        (("--preset", "segnet", "--data", "{data}", "--out", "o", "--schedule", "cosine"), "cosine"),
        (("--preset",), "--preset"),
    ],
)
def test_bad_arguments_are_one_line_and_two(run: Run, data: Path, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = run(*(argument.format(data=data) for argument in arguments))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err


WITHOUT = """
import sys
for name in ("lightning", "segmentation_models_pytorch", "timm"):
    sys.modules[name] = None  # as if it were not installed
from chromview.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_laboratory_that_is_not_installed_is_told(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = ("train", "segmenter", "--preset", "chromview", "--data", str(data), "--out", str(out))
    ended = subprocess.run([sys.executable, "-c", WITHOUT, *command], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (2, "", 1)
    assert "'lightning', which is not installed" in ended.stderr and "pip install 'chromview[train]'" in ended.stderr
    assert not out.exists()
