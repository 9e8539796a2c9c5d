"""The one place that imports torchvision.

Everything that needs torchvision takes it from here::

    from chromview.vision._torchvision import torchvision

The wheel on the package index is linked against CUDA. Beside a CPU build of torch its
compiled operators cannot be loaded, and then already ``import torchvision`` fails with
"operator torchvision::nms does not exist", because it describes the shapes of operators
that were never declared. Declaring those two is enough for models and transforms;
``torchvision.ops`` and ``torchvision.io`` still say that they have no compiled part.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType

import torch

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
# The declarations live exactly as long as this object does.
_declared: list[torch.library.Library] = []


def _load_operators() -> bool:
    """Load torchvision's compiled operators; False where they do not fit this torch."""
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return False
    for suffix in (".so", ".pyd"):
        library = Path(spec.origin).with_name(f"_C{suffix}")
        if library.exists():
            try:
                torch.ops.load_library(str(library))
            except OSError:
                return False
            return True
    return False


def _declare_operators() -> None:
    """Declare the operators whose absence makes the import fail, once in a process."""
    if hasattr(torch.ops.torchvision, "nms"):
        return
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        library.define(f"{name}{_SCHEMA}")
    _declared.append(library)


def load() -> ModuleType:
    """Return torchvision, importable beside any build of torch.

    Raises
    ------
    ImportError
        If torchvision is not installed.
    """
    if not _load_operators():
        _declare_operators()
    return importlib.import_module("torchvision")


torchvision = load()
"""The package itself, ready for use."""
