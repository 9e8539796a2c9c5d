"""The page of keys in the manual is the list of actions, not a copy that grows old."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from chromview.app.actions import ACTIONS


def test_manual_has_the_keys_of_the_window(repository: Path) -> None:
    spec = importlib.util.spec_from_file_location("manual_keys", repository / "packaging" / "manual_keys.py")
    assert spec is not None and spec.loader is not None
    writer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writer)
    manual = (repository / "docs" / "manual.md").read_text(encoding="utf-8")
    assert writer.with_keys(manual) == manual, "run: .venv/bin/python packaging/manual_keys.py"
    assert all(action.help in manual for action in ACTIONS if "|" not in action.help)
    with pytest.raises(ValueError, match="lacks the marks"):
        writer.with_keys("# Manual\n")
