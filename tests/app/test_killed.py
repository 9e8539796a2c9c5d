"""The program is killed while it edits: every step that was finished is there.

The round is that of `benchmarks/kill9.py`, which takes two hundred.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

if sys.platform == "win32":
    pytest.skip("killed in another way there", allow_module_level=True)


def _load(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    folder = Path(__file__).resolve().parents[2] / "benchmarks"
    monkeypatch.syspath_prepend(str(folder))
    spec = importlib.util.spec_from_file_location("kill9", folder / "kill9.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.usefixtures("qapp")
def test_a_killed_program_loses_no_finished_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kill9 = _load(monkeypatch)
    path = kill9.make_case(tmp_path)
    finished, missing, more = kill9.round_of(path, "test", 12, 0.005)
    assert finished >= 12 and missing == 0 and more <= 1
    assert kill9.check_backups(path) <= 2
