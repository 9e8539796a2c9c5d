"""A disk that is full, again and again: what is refused leaves no trace, and what was kept stays.

The rounds are those of `benchmarks/disk_full.py`, which takes fifty.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("resource")


def _load(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    folder = Path(__file__).resolve().parents[2] / "benchmarks"
    monkeypatch.syspath_prepend(str(folder))
    spec = importlib.util.spec_from_file_location("disk_full", folder / "disk_full.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.usefixtures("qapp")
def test_a_full_disk_costs_only_what_was_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk_full = _load(monkeypatch)
    filled = disk_full.Filled(disk_full.Limit(tmp_path), "table.csv", "history.csv", "copy", "backup")
    for number in range(2):
        filled.round(f"test {number}")
    assert filled.refused["edits"] and filled.refused["exports"]
    filled.walk.close()
