"""Where the program's own files lie: weights and resources."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def _folder(name: str, variable: str) -> Path:
    override = os.environ.get(variable)
    if override:
        return Path(override)
    bundle = getattr(sys, "_MEIPASS", None)
    candidates = [Path(bundle) / name] if bundle else []
    here = Path(__file__).resolve().parent
    # A wheel carries the two folders inside the package; a checkout beside it.
    candidates += [here / "_files" / name, here.parent / name]
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    return candidates[-1]


def models_dir() -> Path:
    """Folder of the shipped weights; the variable CHROMVIEW_MODELS overrides it."""
    return _folder("models", "CHROMVIEW_MODELS")


def resources_dir() -> Path:
    """Folder of samples, icons and tables; the variable CHROMVIEW_RESOURCES overrides it."""
    return _folder("resources", "CHROMVIEW_RESOURCES")


def cases_dir() -> Path:
    """Folder of cases that were not given a name yet; the variable CHROMVIEW_CASES overrides it."""
    override = os.environ.get("CHROMVIEW_CASES")
    if override:
        return Path(override)
    import platformdirs

    return Path(platformdirs.user_data_dir("chromview", appauthor=False)) / "cases"
