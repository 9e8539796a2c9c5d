"""What lies in the repository: sizes, cards, and nothing of anybody's machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

MODULE_LINES = 800
ALL_WEIGHTS_BYTES = 60_000_000
ONE_FILE_BYTES = 50_000_000
# Home folders and mount points of particular machines; a path in a program's own words begins elsewhere.
MACHINE_PATH = re.compile(
    r"(?<![\w.~}/-])/(?:work|root|home/(?!user\b|you\b)\w+|Users/(?!you\b)\w+|mnt/\w+)/\w|[A-Z]:\\Users\\(?!you\b)\w"
)
TEXT = {".py", ".md", ".toml", ".txt", ".json", ".csv", ".tsv", ".spec", ".sh", ".svg", ".qss", ".cfg", ".ini", ""}


def tracked(repository: Path) -> list[Path]:
    """Files under version control, as they are in the working tree."""
    git = shutil.which("git")
    if git is None or not (repository / ".git").exists():
        pytest.skip("needs git and a clone, to know which files belong to the project")
    # The clone may belong to another user than the one who runs the tests, in a container for instance.
    listed = subprocess.run(
        [git, "-c", f"safe.directory={repository}", "ls-files", "-z"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    )
    files = [repository / name for name in listed.stdout.split("\0") if name]
    return [path for path in files if path.is_file()]


def test_no_module_is_too_long(repository: Path) -> None:
    modules = [path for path in tracked(repository) if path.suffix == ".py"]
    assert modules
    long = {
        str(path.relative_to(repository)): lines
        for path in modules
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MODULE_LINES
    }
    assert not long


def test_no_path_of_a_machine_is_in_a_file(repository: Path) -> None:
    here = Path(__file__).resolve()
    found = []
    for path in tracked(repository):
        if path.suffix not in TEXT or path.resolve() == here:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if MACHINE_PATH.search(line):
                found.append(f"{path.relative_to(repository)}:{number}: {line.strip()[:100]}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "is_path"),
    [
        ("python /work/main/x.py", True),
        ("open('/root/data/a.png')", True),
        ("/home/maria/slides", True),
        (r"C:\Users\maria\slides", True),
        ("https://example.org/home/page/one", False),
        ("analyse /home/user/slides", False),
        ("../work/main", False),
        ("tests/work/a.py", False),
    ],
)
def test_machine_paths_are_recognised(text: str, is_path: bool) -> None:
    assert bool(MACHINE_PATH.search(text)) is is_path


def test_every_model_has_a_card(repository: Path) -> None:
    weights = sorted((repository / "models").rglob("*.safetensors"))
    assert weights, "no weights in models/"
    for path in weights:
        card = path.with_suffix(".md")
        assert card.is_file(), f"{path.name} has no card {card.name}"
        text = card.read_text(encoding="utf-8").lower()
        # The list: data, terms, split, command, numbers.
        missing = [word for word in ("data", "terms", "split", "command", "research use") if word not in text]
        assert not missing, f"{card.name} says nothing about: {', '.join(missing)}"
        assert re.search(r"\d+\.\d+", text), f"{card.name} has no measured number"


def test_weights_are_small_enough_to_be_cloned(repository: Path) -> None:
    sizes = {path.name: path.stat().st_size for path in (repository / "models").rglob("*") if path.is_file()}
    assert sum(sizes.values()) < ALL_WEIGHTS_BYTES, sizes
    large = {path.name for path in tracked(repository) if path.stat().st_size > ONE_FILE_BYTES}
    assert not large


def test_samples_and_weights_travel_with_the_clone(repository: Path) -> None:
    """What the two commands of the README need must not be ignored by git or forgotten."""
    files = {path.relative_to(repository).as_posix() for path in tracked(repository)}
    on_disk = {
        path.relative_to(repository).as_posix()
        for folder in ("models", "resources")
        for path in (repository / folder).rglob("*")
        if path.is_file() and path.suffix != ".part" and "__pycache__" not in path.parts
    }
    assert any(name.startswith("resources/samples/") and name.endswith(".png") for name in files)
    assert not on_disk - files


def test_links_between_documents_lead_somewhere(repository: Path) -> None:
    broken = [
        f"{path.relative_to(repository)} -> {target}"
        for path in tracked(repository)
        if path.suffix == ".md"
        for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", path.read_text(encoding="utf-8"))
        if not (path.parent / target).exists()
    ]
    assert not broken
