"""The recipe of the desktop bundle: it runs, and what it carries exists."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any


def carried(repository: Path) -> dict[str, Any]:
    """Run the recipe as PyInstaller does, and return what it asks to be analysed."""
    asked: dict[str, Any] = {}

    def analysis(scripts: list[str], **options: Any) -> SimpleNamespace:
        asked.update(options, scripts=scripts)
        return SimpleNamespace(pure=[], scripts=[], binaries=[], datas=options["datas"])

    def step(*_: Any, **__: Any) -> object:
        return object()

    spec = repository / "packaging" / "chromview.spec"
    given = {"SPECPATH": str(spec.parent), "Analysis": analysis, "PYZ": step, "EXE": step, "COLLECT": step}
    exec(compile(spec.read_text(encoding="utf-8"), str(spec), "exec"), {**given, "BUNDLE": step})
    return asked


def test_what_the_bundle_carries_exists(repository: Path) -> None:
    asked = carried(repository)
    assert all(Path(source).exists() for source, _ in asked["datas"])
    assert all(Path(script).is_file() for script in asked["scripts"])


def test_weights_and_samples_lie_where_the_program_looks(repository: Path) -> None:
    places = {target: Path(source) for source, target in carried(repository)["datas"]}
    assert places["models"] == repository / "models"
    assert places["resources"] == repository / "resources"


def test_start_of_the_bundle_is_the_program(repository: Path) -> None:
    [start] = carried(repository)["scripts"]
    done = subprocess.run([sys.executable, start, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "analyse" in done.stdout


def test_commands_that_are_imported_by_name_are_carried(repository: Path) -> None:
    folder = repository / "chromview" / "cli"
    modules = {f"chromview.cli.{file.stem}" for file in folder.glob("*.py")} - {"chromview.cli.__init__"}
    assert len(modules) > 3 and modules <= set(carried(repository)["hiddenimports"])
