"""Who may call whom: the table of docs/architecture.md on the real package."""

from __future__ import annotations

import ast
import json
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import chromview

PACKAGE = Path(chromview.__file__).parent

# Modules directly in the package that every room may import.
COMMON = {"errors", "progress", "places", "texts", "__init__"}
# Room -> rooms it may import at any time.
ALLOWED = {
    "core": {"core"},
    "storage": {"core", "storage"},
    "vision": {"core", "vision"},
    "simulate": {"core", "simulate"},
    "training": {"core", "storage", "vision", "simulate", "training"},
    "app": {"core", "storage", "app"},
    "ui": {"app", "core", "ui"},
    "serve": {"batch", "core", "storage", "serve"},
}
# Room -> rooms it may import inside functions only, because they bring torch.
LATE = {"app": {"vision"}, "serve": {"vision"}}
QT = {"PySide6", "shiboken6", "pyqtgraph", "superqt", "qtpy", "qtawesome"}
TORCH = {"torch", "torchvision", "safetensors"}
# Room -> other packages it never imports, not even inside a function.
FORBIDDEN = {
    "core": QT | TORCH,
    "storage": QT | TORCH,
    "simulate": QT | TORCH,
    "vision": QT,
    "training": QT,
    "app": (QT - {"PySide6", "shiboken6"}),
    "ui": TORCH,
    "serve": QT,
}
# Qt without widgets: what a document and its jobs may know of it.
QT_MODULES_OF_APP = {"PySide6.QtCore"}


class Import(NamedTuple):
    module: str
    name: str
    late: bool
    line: int


def imports(path: Path) -> Iterator[Import]:
    """Imports of the module at `path`; those under ``if TYPE_CHECKING`` never run and are left out."""

    def walk(node: ast.AST, late: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                for other in child.orelse:
                    yield from walk(other, late)
                continue
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Import(alias.name, "", late, child.lineno)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{path}:{child.lineno}: relative import"
                for alias in child.names:
                    yield Import(child.module or "", alias.name, late, child.lineno)
            inside = late or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from walk(child, inside)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")), late=False)


def modules_of(room: str) -> list[Path]:
    found = sorted((PACKAGE / room).rglob("*.py"))
    assert len(found) > 1, f"the room {room} is empty"
    return found


def own_room(item: Import) -> str | None:
    """Room, or common module, that an import of our own leads to; None for other packages."""
    parts = item.module.split(".")
    if parts[0] != "chromview":
        return None
    if len(parts) > 1:
        return parts[1]
    return item.name if (PACKAGE / item.name).is_dir() or (PACKAGE / f"{item.name}.py").exists() else "__init__"


@pytest.mark.parametrize("room", ALLOWED)
def test_rooms_import_only_the_rooms_below(room: str) -> None:
    wrong = []
    for path in modules_of(room):
        for item in imports(path):
            target = own_room(item)
            if target is None or target in COMMON | ALLOWED[room]:
                continue
            if item.late and target in LATE.get(room, set()):
                continue
            wrong.append(f"{path.relative_to(PACKAGE)}:{item.line} imports {item.module}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("room", FORBIDDEN)
def test_rooms_keep_away_from_what_they_must_not_know(room: str) -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)}:{item.line} imports {item.module}"
        for path in modules_of(room)
        for item in imports(path)
        if item.module.split(".")[0] in FORBIDDEN[room]
    ]
    assert not wrong, "\n".join(wrong)


def test_app_knows_no_widgets_and_imports_torch_late() -> None:
    wrong = []
    for path in modules_of("app"):
        for item in imports(path):
            top = item.module.split(".")[0]
            qt = f"PySide6.{item.name}" if item.module == "PySide6" else item.module
            if (top == "PySide6" and qt not in QT_MODULES_OF_APP) or (top in TORCH and not item.late):
                wrong.append(f"{path.relative_to(PACKAGE)}:{item.line} imports {item.module}")
    assert not wrong, "\n".join(wrong)


def test_common_modules_import_nothing_of_ours() -> None:
    for name in COMMON:
        for item in imports(PACKAGE / f"{name}.py"):
            assert own_room(item) in COMMON | {None}, f"{name}.py:{item.line}"


@pytest.mark.parametrize(
    ("package", "only"),
    [("cv2", "core/_cv.py"), ("torchvision", "vision/_torchvision.py")],
)
def test_packages_that_need_care_are_imported_in_one_place(package: str, only: str) -> None:
    """`import cv2` changes the environment of Qt, `import torchvision` fails beside a CPU build of torch."""
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        for item in imports(path):
            if item.module.split(".")[0] != package or path == PACKAGE / only:
                continue
            # A submodule is fine where the prepared package comes first.
            prepared = any(own.module == "chromview.vision._torchvision" for own in imports(path))
            if not (package == "torchvision" and prepared):
                wrong.append(f"{path.relative_to(PACKAGE)}:{item.line}")
    assert not wrong, "\n".join(wrong)


def run(code: str) -> str:
    """Run `code` in a fresh interpreter."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def loaded_by(*rooms: str) -> set[str]:
    """Top-level packages in a fresh interpreter after every module of these rooms was imported."""
    names = [
        module.name
        for room in rooms
        for module in pkgutil.walk_packages([str(PACKAGE / room)], f"chromview.{room}.")
        if not module.name.endswith("__main__")
    ]
    assert names
    code = f"""
import importlib, json, os, sys
for name in {names!r}:
    importlib.import_module(name)
assert "QT_QPA_PLATFORM_PLUGIN_PATH" not in os.environ and "QT_QPA_FONTDIR" not in os.environ
print(json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}})))
"""
    return set(json.loads(run(code).splitlines()[-1]))


@pytest.mark.parametrize(
    ("rooms", "never"),
    [
        (("core", "storage", "simulate"), QT | TORCH),
        (("vision", "training"), QT),
        (("app", "ui"), TORCH),
    ],
    ids=["below-torch-and-qt", "networks-without-qt", "window-before-torch"],
)
def test_importing_a_room_brings_nothing_forbidden(rooms: tuple[str, ...], never: set[str]) -> None:
    """What stands in the import statements is one thing; what is then in memory is another."""
    assert not loaded_by(*rooms) & never


def test_command_line_answers_before_torch_and_qt() -> None:
    """`--help` is instant only if the heavy packages wait until they are needed."""
    heavy = sorted(QT | TORCH)
    loaded = run(f"import sys, chromview.cli; print([name for name in {heavy!r} if name in sys.modules])")
    assert loaded.strip() == "[]"
