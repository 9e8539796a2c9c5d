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


def own_models_dir() -> Path:
    """Folder of the weights that were trained on this machine; the variable CHROMVIEW_OWN_MODELS overrides it."""
    return _own("models", "CHROMVIEW_OWN_MODELS")


IN_USE = "in_use.txt"
"""Names, in `own_models_dir`, the weight files that are used, one of each kind of slide, the newest choice first; where
there is none, the shipped weights are used."""


FLUORESCENT = "segmenter_fluorescent"
"""Begin of the names of weights for fluorescent slides; others are for bright-field."""


def own_segmenter(*, fluorescent: bool | None = None) -> Path | None:
    """Weights trained on this machine that take the place of a shipped segmenter; None while those are used.

    Of one kind of slide, or of whatever kind they are for if `fluorescent` is None.
    Where CHROMVIEW_MODELS names a folder, its weights are used and no others.
    """
    if os.environ.get("CHROMVIEW_MODELS"):
        return None
    try:
        names = (own_models_dir() / IN_USE).read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError):
        return None
    for name in filter(None, map(str.strip, names)):
        path = own_models_dir() / name
        if name == Path(name).name and path.is_file() and fluorescent in (None, name.startswith(FLUORESCENT)):
            return path
    return None


def resources_dir() -> Path:
    """Folder of samples, icons and tables; the variable CHROMVIEW_RESOURCES overrides it."""
    return _folder("resources", "CHROMVIEW_RESOURCES")


def cases_dir() -> Path:
    """Folder of cases that were not given a name yet; the variable CHROMVIEW_CASES overrides it."""
    return _own("cases", "CHROMVIEW_CASES")


def _own(name: str, variable: str) -> Path:
    override = os.environ.get(variable)
    if override:
        return Path(override)
    import platformdirs

    return Path(platformdirs.user_data_dir("chromview", appauthor=False)) / name
