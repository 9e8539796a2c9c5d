"""What a person can do wrong on the command line: one line that names the file, exit 2, nothing half-written."""

from __future__ import annotations

import os
import shutil
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chromview.cli import main
from chromview.places import models_dir, resources_dir

SAMPLES = resources_dir() / "samples"
CLUSTER = SAMPLES / "cluster_crossing.png"


def truncated(path: Path) -> None:
    path.write_bytes(CLUSTER.read_bytes()[: CLUSTER.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def huge(path: Path) -> None:
    data = bytearray(CLUSTER.read_bytes())
    data[16:24] = struct.pack(">II", 30_000, 30_000)
    import zlib

    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    path.write_bytes(data)


def flat(path: Path) -> None:
    Image.fromarray(np.full((300, 300), 128, np.uint8)).save(path)


def text(path: Path) -> None:
    path.write_text("not an image\n" * 100)


def folder_without_images(path: Path) -> None:
    path.mkdir()
    (path / "notes.txt").write_text("nothing here")


def missing(path: Path) -> None:
    assert not path.exists()


def case_file(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\x00" + bytes(2000))


BAD: list[Callable[[Path], None]] = [
    truncated, empty, huge, flat, text, folder_without_images, missing, case_file,
]  # fmt: skip


@pytest.mark.parametrize("make", BAD)
def test_bad_slides(tmp_path: Path, capfd: pytest.CaptureFixture[str], make: Callable[[Path], None]) -> None:
    path = tmp_path / "slide.png"
    make(path)
    before = sorted(p.name for p in tmp_path.rglob("*"))
    code = main(["analyse", str(path), "--out", str(tmp_path / "out"), "--json"])
    captured = capfd.readouterr()
    assert code == 2
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith(f"chromview: {path}: ")
    shutil.rmtree(tmp_path / "out", ignore_errors=True)  # an empty folder may be there, and nothing else
    assert sorted(p.name for p in tmp_path.rglob("*")) == before


def test_an_image_without_a_chromosome(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    noise = np.random.default_rng(0).normal(230, 1.5, (400, 500))
    Image.fromarray(noise.clip(0, 255).astype(np.uint8)).save(tmp_path / "ground.png")
    code = main(["analyse", str(tmp_path / "ground.png"), "--out", str(tmp_path / "out")])
    err = capfd.readouterr().err
    assert code == 2
    assert err.startswith(f"chromview: {tmp_path / 'ground.png'}: no chromosome was found")
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("command", ["label", "classify", "convert"])
@pytest.mark.parametrize("make", [truncated, empty, huge, text, folder_without_images, missing])
def test_bad_files_for_the_other_commands(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], command: str, make: Callable[[Path], None]
) -> None:
    path = tmp_path / "slide.png"
    make(path)
    target = tmp_path / "out.npz"
    code = main([command, str(path), *([] if command == "convert" else ["--out"]), str(target)])
    captured = capfd.readouterr()
    assert (code, captured.out) == (2, "")
    assert captured.err.count("\n") == 1
    assert str(path) in captured.err
    assert not target.exists()


def test_missing_and_damaged_weights(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "models").mkdir()
    arguments = ["analyse", str(CLUSTER), "--out", str(tmp_path / "out"), "--models", str(tmp_path / "models")]
    codes = [main(arguments)]
    for file in models_dir().glob("*.safetensors"):
        (tmp_path / "models" / file.name).write_bytes(file.read_bytes()[:1000])
    codes.append(main(arguments))
    for file in models_dir().glob("*.safetensors"):
        (tmp_path / "models" / file.name).write_bytes(file.read_bytes()[:-1000])
    codes.append(main(arguments))
    lines = capfd.readouterr().err.splitlines()
    assert codes == [2, 2, 2]
    assert len(lines) == 3
    assert all(".safetensors: " in line for line in lines)
    assert not list((tmp_path / "out").rglob("*.*"))


def test_output_that_cannot_be(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("precious")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        assert main(["analyse", str(CLUSTER), "--out", str(out)]) == 2
        assert main(["label", str(CLUSTER), "--out", str(tmp_path / "gone" / "a.png")]) == 2
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 4
    assert all(str(tmp_path) in line for line in lines)
    assert (tmp_path / "file").read_text() == "precious"


def started(*arguments: str | Path, before: str = "") -> subprocess.Popen[str]:
    code = f"import sys\n{before}\nfrom chromview.cli import main\nsys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_disk_that_is_full_in_the_middle(tmp_path: Path) -> None:
    """A limit on the size of files fails a write in the middle, as a full disk does."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))"
    (tmp_path / "out" / "cluster_crossing").mkdir(parents=True)
    (tmp_path / "out" / "cluster_crossing" / "karyogram.png").write_bytes(b"of yesterday")
    with started("analyse", CLUSTER, "--out", tmp_path / "out", before=limit) as process:
        out, err = process.communicate(timeout=110)
    assert process.returncode == 2
    assert out == ""
    assert err.count("\n") == 1
    assert str(tmp_path / "out" / "cluster_crossing") in err
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["cluster_crossing"]
    assert [p.read_bytes() for p in (tmp_path / "out" / "cluster_crossing").iterdir()] == [b"of yesterday"]


@pytest.mark.skipif(not hasattr(signal, "SIGTERM") or os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle_leaves_nothing_half_written(tmp_path: Path, number: signal.Signals) -> None:
    out = tmp_path / "out"
    # As in the foreground of a terminal: what is started in the background ignores Ctrl+C, and so would its child.
    foreground = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    with started("analyse", SAMPLES, "--out", out, "--json", before=foreground) as process:
        assert process.stdout is not None
        process.stdout.readline()  # the first image is done
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode in (130, 143)
    for folder in out.iterdir():
        assert not folder.name.endswith(".part")
        assert len(list(folder.iterdir())) == 3


@pytest.mark.parametrize("quiet", [False, True])
def test_a_reader_that_has_enough_is_no_error(tmp_path: Path, quiet: bool) -> None:
    arguments: list[str | Path] = ["evaluate", "segmenter", "--pred", labels(tmp_path), "--gt", tmp_path / "labels"]
    if quiet:  # a short output waits in a buffer until the command is done
        arguments = ["weights"]
    with started(*arguments) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        assert process.stderr is not None
        err = process.stderr.read()
        process.wait(timeout=60)
    assert process.returncode == 0
    assert err == ""


def labels(folder: Path) -> Path:
    (folder / "labels").mkdir()
    Image.fromarray(np.eye(30, dtype=np.uint8)).save(folder / "labels" / "a.png")
    return folder / "labels"
