import os
import subprocess
import sys

import pytest

_SCRIPT = """
import os
from chromview.core._cv import cv2
print(os.environ.get("QT_QPA_PLATFORM_PLUGIN_PATH"), os.environ.get("QT_QPA_FONTDIR"), cv2.getNumThreads())
"""


def _after_import(**variables: str) -> list[str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR")}
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT], env=environment | variables, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_importing_opencv_leaves_qt_alone() -> None:
    assert _after_import()[:2] == ["None", "None"]


@pytest.mark.parametrize("variable", ["QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR"])
def test_what_the_person_set_for_qt_stays(variable: str) -> None:
    assert "/somewhere" in _after_import(**{variable: "/somewhere"})
