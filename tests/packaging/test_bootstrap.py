"""The script behind the README's two commands: what it needs, what it keeps, what it says."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def bootstrap(repository: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", repository / "packaging" / "bootstrap.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "constraints.txt").write_text("# comment\ntorch==2.13.0\ntorchvision==0.28.0 ; x\n")
    return tmp_path


def test_needs_only_the_standard_library(repository: Path) -> None:
    """-I and -S leave nothing but that on the path."""
    script = repository / "packaging" / "bootstrap.py"
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(script), "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "run" in done.stdout and "test" in done.stdout


def test_names_exactly_the_packages_of_missing_libraries(bootstrap: ModuleType) -> None:
    needed = {"liba.so.1": "liba1", "libb.so.2": "libb2"}
    assert bootstrap.missing_libraries(needed, lambda name: name == "liba.so.1") == {"libb.so.2": "libb2"}
    assert bootstrap.missing_libraries(needed, lambda name: True) == {}


def test_library_that_does_not_exist_is_missing(bootstrap: ModuleType) -> None:
    assert bootstrap.can_load("libthere-is-no-such-library.so.9") is False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only on Linux are they the system's")
def test_listed_libraries_are_those_that_the_window_plugin_links(bootstrap: ModuleType) -> None:
    """A library that Qt's plugin for X11 wants and the list lacks would show as a window that never opens."""
    import PySide6

    plugin = Path(PySide6.__file__).parent / "Qt" / "plugins" / "platforms" / "libqxcb.so"
    core = Path(PySide6.__file__).parent / "Qt" / "lib" / "libQt6XcbQpa.so.6"
    wanted = {
        name.decode()
        for library in (plugin, core)
        for name in re.findall(
            rb"\0(lib(?:xcb|xkbcommon|X11-xcb|EGL|GL|fontconfig|dbus)[\w.+-]*\.so\.\d+)(?=\0)", library.read_bytes()
        )
    }
    listed = {**bootstrap.ALWAYS_NEEDED, **bootstrap.NEEDED_BY_A_WINDOW}
    # libxcb itself comes with each of its parts.
    assert wanted, "the plugin links nothing: has its name changed?"
    assert wanted - {"libxcb.so.1"} <= set(listed)


def test_fonts_are_looked_for_in_folders(bootstrap: ModuleType, tmp_path: Path) -> None:
    assert not bootstrap.has_fonts([str(tmp_path), str(tmp_path / "absent")])
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "A.ttf").touch()
    assert bootstrap.has_fonts([str(tmp_path)])


def test_setup_is_stale_when_requirements_change(bootstrap: ModuleType, project: Path) -> None:
    before = bootstrap.requirements_key(project)
    assert bootstrap.requirements_key(project) == before
    (project / "constraints.txt").write_text("torch==2.13.1\n")
    assert bootstrap.requirements_key(project) != before


@pytest.mark.parametrize(
    ("content", "extras"),
    [
        ('{"key": "k", "extras": ["dev"]}', {"dev"}),
        ('{"key": "k", "extras": []}', set()),
        ('{"key": "other", "extras": ["dev"]}', None),
        ('{"key": "k"}', None),
        ("[]", None),
        ('{"key": "k", "ext', None),
        (None, None),
    ],
)
def test_only_a_whole_stamp_of_the_same_requirements_counts(
    bootstrap: ModuleType, tmp_path: Path, content: str | None, extras: set[str] | None
) -> None:
    stamp = tmp_path / "stamp.json"
    if content is not None:
        stamp.write_text(content)
    assert bootstrap.installed_extras("k", stamp) == extras


def test_pins_are_read_from_the_constraints(bootstrap: ModuleType, project: Path) -> None:
    assert bootstrap.pinned("torch", project / "constraints.txt") == "torch==2.13.0"
    assert bootstrap.pinned("torchvision", project / "constraints.txt") == "torchvision==0.28.0"
    with pytest.raises(bootstrap.SetupError, match="numpy"):
        bootstrap.pinned("numpy", project / "constraints.txt")


def test_interpreter_that_is_gone_or_broken_is_not_used(bootstrap: ModuleType, tmp_path: Path) -> None:
    assert not bootstrap.works(tmp_path / "python")
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    assert not bootstrap.works(broken)


def test_other_pythons_variables_do_not_reach_ours(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    monkeypatch.setenv("LANG", "C.UTF-8")
    env = bootstrap.environment(QT_QPA_PLATFORM="offscreen")
    assert "PYTHONPATH" not in env
    assert (env["LANG"], env["QT_QPA_PLATFORM"]) == ("C.UTF-8", "offscreen")


def test_code_and_last_line_of_a_program_are_kept(bootstrap: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    program = [sys.executable, "-c", "print('one'); print('2 passed in 1 s'); print(); raise SystemExit(7)"]
    assert bootstrap.run_and_keep_last_line(program, os.environ) == (7, "2 passed in 1 s")
    assert "one\n" in capfd.readouterr().out


def test_every_requirement_is_pinned(repository: Path) -> None:
    """What is installed tomorrow is what was tested today."""
    import tomllib

    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (repository / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = {line.split("==")[0].lower().replace("_", "-") for line in lines if "==" in line}
    wanted = [*project["dependencies"], *(one for group in project["optional-dependencies"].values() for one in group)]
    names = {re.split(r"[<>=!\[; ]", one)[0].lower().replace("_", "-") for one in wanted}
    assert names - {project["name"]} <= pins


def test_check_before_landing_is_the_test_command(repository: Path) -> None:
    check = repository / ".ci" / "run"
    assert os.access(check, os.X_OK)
    command = "python3 packaging/bootstrap.py test"
    assert command in check.read_text(encoding="utf-8")
    assert command in (repository / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("processors", [1, 2, 3, 4, 8, 64])
def test_tests_take_no_more_processors_than_there_are(bootstrap: ModuleType, processors: int) -> None:
    processes, threads = bootstrap.workers(processors)
    assert 1 <= processes <= bootstrap.MOST_WORKERS
    assert processes * threads <= processors
    assert processes == processors or processes == bootstrap.MOST_WORKERS
