"""Loading torch without stopping the window."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import sys
from pathlib import Path


def preload_torch() -> None:
    """Bring torch's largest library into memory; call it on the worker thread, before torch is imported.

    Python holds its lock while it loads a library for an import, and 430 MB take it half a second or more, in which
    no other thread runs, the window's neither. A foreign function is called without the lock: so is ``dlopen`` here,
    and the import then finds the library in place. Where this cannot be done the import does it as ever.
    """
    if "torch" in sys.modules or sys.platform != "linux":
        return
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return
    library = Path(found.origin).with_name("lib") / "libtorch_cpu.so"
    with contextlib.suppress(OSError, AttributeError):  # a C library that does not have it under this name
        dlopen = ctypes.CDLL(None).dlopen
        dlopen.restype, dlopen.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int)
        dlopen(os.fsencode(library), os.RTLD_LAZY)
