#!/usr/bin/env python3
"""Set the program up and run it, or run all its tests; needs only Python 3.11 or later.

    python3 packaging/bootstrap.py run  [PATH ...]         the window; without a display, karyograms as files
    python3 packaging/bootstrap.py test [PYTEST_ARG ...]   lint, types and all tests

Both keep a virtual environment in ``.venv`` beside this folder and bring it up to date
when ``pyproject.toml`` or ``constraints.txt`` changed.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "chromview-setup.json"
SAMPLES = ROOT / "resources" / "samples"
OUT = ROOT / "out"
OLDEST = (3, 11)

# Where PyTorch publishes builds without CUDA; on Linux the package index carries the CUDA one only.
CPU_INDEX = os.environ.get("CHROMVIEW_TORCH_INDEX", "https://download.pytorch.org/whl/cpu")

# What the wheels of PySide6 and OpenCV expect of a Linux system, and the Debian package it is in.
ALWAYS_NEEDED = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
}
NEEDED_BY_A_WINDOW = {
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
}
# Each loads torch and the networks for itself.
MOST_WORKERS = 4
FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts")
FONT_PACKAGE = "fonts-dejavu-core"


class SetupError(Exception):
    """Something on this machine stands in the way; the message says what to do."""


def say(text: str) -> None:
    """Print at once, so that the order with what other programs print is kept."""
    print(text, flush=True)


def environment(**extra: str) -> dict[str, str]:
    """Variables for programs of the virtual environment: those of the caller, without another Python's."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH")}
    return {**kept, **extra}


# --- what the system must have -------------------------------------------------------


def can_load(library: str) -> bool:
    """Whether the dynamic linker finds this shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def missing_libraries(needed: Mapping[str, str], loads: Callable[[str], bool] = can_load) -> dict[str, str]:
    """Those of `needed` (library to Debian package) that are not there."""
    return {library: package for library, package in needed.items() if not loads(library)}


def has_fonts(folders: Iterable[str] = FONT_FOLDERS) -> bool:
    """Whether any outline font is installed; without one Qt draws no text."""
    return any(
        file.endswith((".ttf", ".otf", ".ttc", ".pfb"))
        for folder in folders
        for _, _, files in os.walk(Path(folder).expanduser())
        for file in files
    )


def install_with_apt(packages: Sequence[str], what_for: str) -> None:
    """Install Debian packages, or say exactly which ones a person must install.

    Raises
    ------
    SetupError
        If this is not a Debian, the user is not root, or apt-get fails.
    """
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if shutil.which("apt-get") is None:
        raise SetupError(
            f"{what_for} is missing, and there is no apt-get here to install it with.\n"
            f"Install what your system calls these Debian packages: {' '.join(packages)}"
        )
    if os.geteuid() != 0:
        raise SetupError(f"{what_for} is missing. Install it, then try again:\n  sudo {shlex.join(command)}")
    say(f"Installing {what_for}: {' '.join(packages)}")
    silent = environment(DEBIAN_FRONTEND="noninteractive")
    for step in (["apt-get", "update"], command):
        done = subprocess.run(
            step, env=silent, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        if done.returncode:
            # apt says a page on success and one telling line on failure; only the second is worth reading.
            last = done.stdout.decode(errors="replace").strip().splitlines()[-3:]
            raise SetupError(
                "\n".join([*last, f"`{shlex.join(step)}` failed. Install this, then try again: {' '.join(packages)}"])
            )


def ensure_system_libraries(*, window: bool) -> None:
    """See that Qt and OpenCV find their system libraries, and those of a window if there will be one."""
    if not sys.platform.startswith("linux"):
        return
    missing = missing_libraries(ALWAYS_NEEDED | (NEEDED_BY_A_WINDOW if window else {}))
    packages = sorted(set(missing.values())) + ([] if has_fonts() else [FONT_PACKAGE])
    if not packages:
        return
    install_with_apt(packages, "a part of the system that Qt needs")
    # This process may remember the old search path of the linker, so a new one looks.
    check = [sys.executable, "-c", "import ctypes, sys; [ctypes.CDLL(name) for name in sys.argv[1:]]", *missing]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupError(f"still missing after installing {' '.join(packages)}: {done.stderr.strip().splitlines()[-1]}")


# --- the virtual environment ---------------------------------------------------------


def venv_python(venv: Path = VENV) -> Path:
    """The interpreter of a virtual environment."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def requirements_key(root: Path = ROOT) -> str:
    """Fingerprint of all that decides what must be installed."""
    digest = hashlib.sha256()
    for part in (root / "pyproject.toml", root / "constraints.txt"):
        digest.update(part.read_bytes() + b"\0")
    # The environment points at this checkout and at this interpreter.
    digest.update(f"{root}\0{sys.version}".encode())
    return digest.hexdigest()


def installed_extras(key: str, stamp: Path = STAMP) -> set[str] | None:
    """Extras that were installed for this fingerprint, or None if the environment is missing or stale."""
    try:
        record = json.loads(stamp.read_text(encoding="utf-8"))
        return set(record["extras"]) if record["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def works(python: Path) -> bool:
    """Whether this is an interpreter of our own version that has pip."""
    if not python.exists():
        return False
    check = [str(python), "-c", "import pip, sys; print(sys.version)"]
    done = subprocess.run(check, capture_output=True, text=True, env=environment(), check=False)
    return done.returncode == 0 and done.stdout.strip() == sys.version.strip()


def create_venv() -> None:
    """Make the virtual environment anew."""
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        install_with_apt([f"python{version}-venv"], "the part of Python that makes virtual environments")
    say(f"Making a virtual environment in {VENV}")
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    if subprocess.run(command, env=environment(), check=False).returncode:
        raise SetupError(f"`{shlex.join(command)}` failed; see above.")


def pinned(package: str, constraints: Path) -> str:
    """The requirement ``package==version`` as the constraints pin it."""
    for line in constraints.read_text(encoding="utf-8").splitlines():
        if line.split("==")[0].strip().lower() == package:
            return line.split(";")[0].strip()
    raise SetupError(f"{constraints} does not pin {package}.")


def torch_options(python: Path) -> list[str]:
    """Options for pip that spare a machine without an NVIDIA card 3 GB of CUDA libraries.

    The version is pinned in any case; this is only about which build of it. A build
    without CUDA that pip's own configuration leads to is taken without asking anybody.
    """
    if not sys.platform.startswith("linux") or Path("/proc/driver/nvidia/version").exists():
        return []
    # The answer of pip goes to a file descriptor of its own; warnings may stand before it.
    ask = [str(python), "-m", "pip", "install", "--dry-run", "--no-deps", "--ignore-installed", "--quiet"]
    ask += ["--disable-pip-version-check", "--report", "-", pinned("torch", ROOT / "constraints.txt")]
    done = subprocess.run(ask, capture_output=True, text=True, env=environment(), check=False)
    if done.returncode == 0:
        report = json.loads(done.stdout[done.stdout.index("{") :])
        if "+cpu" in report["install"][0]["metadata"]["version"]:
            return []
    try:
        with urllib.request.urlopen(f"{CPU_INDEX}/torch/", timeout=5):
            return ["--extra-index-url", CPU_INDEX]
    except (OSError, ValueError):
        say("No build of torch without CUDA was found, so the large one (about 3 GB to download) is installed.")
        return []


def ensure_venv(extras: Iterable[str] = ()) -> Path:
    """Make or update the virtual environment, and return its interpreter.

    Parameters
    ----------
    extras
        Optional groups of ``pyproject.toml`` that must be there; more do no harm.

    Raises
    ------
    SetupError
        If the environment cannot be made or a package cannot be installed.
    """
    python, key, wanted = venv_python(), requirements_key(), set(extras)
    have = installed_extras(key)
    usable = works(python)
    if have is not None and wanted <= have and usable:
        return python
    if not usable:
        create_venv()
    # Without a stamp a setup that is interrupted here starts again the next time.
    STAMP.unlink(missing_ok=True)
    extras_now = sorted(wanted | (have or set()))
    target = f"{ROOT}[{','.join(extras_now)}]" if extras_now else str(ROOT)
    say("Installing packages into .venv (once; some minutes and about 2 GB of disk)")
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    install = [*pip, "install", "--quiet", "-c", str(ROOT / "constraints.txt"), *torch_options(python), "-e", target]
    if subprocess.run(install, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, check=False).returncode:
        raise SetupError("pip could not install the packages; its last lines above say why.")
    done = subprocess.run([*pip, "check"], capture_output=True, text=True, env=environment(), check=False)
    if done.returncode:
        raise SetupError(f"The installed packages do not fit together:\n{done.stdout.strip()}")
    STAMP.write_text(json.dumps({"key": key, "extras": extras_now}), encoding="utf-8")
    return python


# --- the two commands ----------------------------------------------------------------


def may_have_display() -> bool:
    """Whether this session claims to have a screen."""
    if sys.platform.startswith("linux"):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True


def display_answers(python: Path) -> bool:
    """Whether Qt can really open the display; a variable may point to one that is gone."""
    probe = [str(python), "-c", "from PySide6.QtGui import QGuiApplication; QGuiApplication([])"]
    try:
        return subprocess.run(probe, capture_output=True, env=environment(), timeout=60, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def run(paths: Sequence[str]) -> int:
    """Open the window on `paths` (the samples if there are none), or analyse them without one."""
    slides = [str(Path(path).resolve()) for path in paths] or [str(SAMPLES)]
    claimed = may_have_display()
    ensure_system_libraries(window=claimed)
    python = ensure_venv()
    program = [str(python), "-m", "chromview"]
    if claimed and display_answers(python):
        say("Opening the window. To start it without this script: .venv/bin/chromview")
        return subprocess.run([*program, *slides], env=environment(), check=False).returncode
    out = OUT / ("images" if paths else "samples")
    reason = "the display does not answer" if claimed else "there is no display"
    say(f"No window, because {reason}: analysing {', '.join(slides)} and writing karyograms to {out}")
    started = time.time()
    done = subprocess.run([*program, "analyse", *slides, "--out", str(out)], env=environment(), check=False)
    # What an earlier run left there is not this one's; file systems round times to two seconds at worst.
    karyograms = sorted(path for path in out.glob("*/karyogram.png") if path.stat().st_mtime >= started - 2)
    if done.returncode == 0 and karyograms:
        say("The karyograms (karyotype.csv and annotations.json lie beside each):")
        for path in karyograms:
            say(f"  {path}")
    return done.returncode


def run_and_keep_last_line(command: Sequence[str], env: Mapping[str, str]) -> tuple[int, str]:
    """Run a program, show what it prints as it comes, and return its code and its last line."""
    last = ""
    with subprocess.Popen(
        command, cwd=ROOT, env=dict(env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, encoding="utf-8", errors="replace",
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            last = line.rstrip() or last
    return process.returncode, last


def workers(processors: int) -> tuple[int, int]:
    """Processes that tests are shared out to, and threads of each: together no more than there are processors."""
    processes = max(1, min(processors, MOST_WORKERS))
    return processes, max(1, processors // processes)


def test(arguments: Sequence[str]) -> int:
    """Run lint, format, types and all tests; return the first failing code."""
    ensure_system_libraries(window=False)
    python = str(ensure_venv({"dev"}))
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    processes, threads = workers(processors)
    # Processes that each take every processor for a network would wait for one another.
    env = {"OMP_NUM_THREADS": str(threads), **environment(QT_QPA_PLATFORM="offscreen")}
    shared_out = ["-n", str(processes)] if processes > 1 else []
    colour = ["--color=yes"] if sys.stdout.isatty() else []
    steps = {
        "ruff check": [python, "-m", "ruff", "check", "."],
        "ruff format": [python, "-m", "ruff", "format", "--check", "."],
        "mypy": [python, "-m", "mypy"],
        "pytest": [python, "-m", "pytest", *colour, *shared_out, *arguments],
    }
    codes = {}
    closing = ""
    for name, command in steps.items():
        say(f"--- {name}")
        started = time.monotonic()
        codes[name], closing = run_and_keep_last_line(command, env)
        say(f"--- {name}: {'passed' if codes[name] == 0 else f'failed with {codes[name]}'}"
            f" in {time.monotonic() - started:.0f} s")  # fmt: skip
    failed = [name for name, code in codes.items() if code]
    say(f"failed: {', '.join(failed)}" if failed else "all passed")
    # Whoever reads only the end sees what pytest counted.
    say(closing)
    return codes[failed[0]] if failed else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    if sys.version_info < OLDEST:
        print(
            f"chromview needs Python {OLDEST[0]}.{OLDEST[1]} or later; this is {sys.version.split()[0]}.",
            file=sys.stderr,
        )
        return 2
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    opened = commands.add_parser("run", help="open the window on the samples, or write their karyograms")
    opened.add_argument("paths", nargs="*", metavar="PATH", help="images, folders or a case instead of the samples")
    commands.add_parser("test", help="run lint, types and all tests; other arguments are passed on to pytest")
    chosen, others = parser.parse_known_args(arguments)
    if others and chosen.command == "run":
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    try:
        return run(chosen.paths) if chosen.command == "run" else test(others)
    except SetupError as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
