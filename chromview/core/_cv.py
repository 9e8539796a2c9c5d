"""OpenCV, imported in the one place that undoes what its import does to Qt.

The wheel of OpenCV points Qt at plugins and fonts of its own by setting
``QT_QPA_PLATFORM_PLUGIN_PATH`` and ``QT_QPA_FONTDIR``; a window of ours started after that
would load plugins of another Qt, or none. Everything imports it from here::

    from chromview.core._cv import cv2
"""

from __future__ import annotations

import os

_VARIABLES = ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR")
_before = {name: os.environ.get(name) for name in _VARIABLES}

import cv2  # noqa: E402

for _name, _value in _before.items():
    # What the person set stays; what OpenCV set goes.
    if _value is None:
        os.environ.pop(_name, None)
    else:
        os.environ[_name] = _value

# Chromosomes are small: threads cost more than they give, and the networks need the cores.
cv2.setNumThreads(1)

__all__ = ["cv2"]
