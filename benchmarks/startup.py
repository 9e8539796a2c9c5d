"""How long the window takes from a cold start until it is visible and usable.

    python benchmarks/startup.py [--runs 7] [--json FILE] [PATH ...]

Each run starts a new interpreter on `chromview.ui.main`, with settings and cases of its own, and reports the
time from the start of the process until (a) the window has painted itself for the first time and (b) it has
answered a key. Nothing is cached between runs but what the system keeps of files. Prints every run and the
median; asserts no time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_CHILD = """
import sys, time
started = float(sys.argv[1])
from pathlib import Path
from PySide6.QtCore import QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
app = QApplication([])
from chromview.ui.main import make_window
window = make_window(QSettings(sys.argv[2], QSettings.Format.IniFormat), [Path(p) for p in sys.argv[3:]])
window.controller.analyse_new = False
window.show()
while not QTest.qWaitForWindowExposed(window, 50):
    pass
app.processEvents()
visible = time.time() - started
QTest.keyClick(window, Qt.Key.Key_F5)
app.processEvents()
usable = time.time() - started
heavy = sorted({"torch", "pyqtgraph", "skimage"} & set(sys.modules))
window.close()
print(visible, usable, ",".join(heavy) or "-")
"""


def run_once(paths: list[str]) -> tuple[float, float, str]:
    """Seconds until the window is visible and until it answered a key, and heavy modules that were imported."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "CHROMVIEW_CASES": str(Path(folder) / "cases")}
        environment.setdefault("QT_QPA_PLATFORM", "offscreen")
        command = [sys.executable, "-c", _CHILD, str(time.time()), str(Path(folder) / "s.ini"), *paths]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    visible, usable, heavy = done.stdout.split()
    return float(visible), float(usable), heavy


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", help="slides or a case to open")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--json", type=Path, help="write the numbers to this file too")
    options = parser.parse_args()
    runs = []
    for _ in range(options.runs):
        visible, usable, heavy = run_once(options.paths)
        runs.append((visible, usable))
        print(f"visible {visible:.2f} s, usable {usable:.2f} s, heavy modules imported: {heavy}")
    result = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "runs": options.runs,
        "visible_s": round(statistics.median(run[0] for run in runs), 3),
        "usable_s": round(statistics.median(run[1] for run in runs), 3),
        "usable_max_s": round(max(run[1] for run in runs), 3),
    }
    print(json.dumps(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
