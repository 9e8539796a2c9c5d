"""Fill the disk while somebody edits, exports and saves, make room again, and count what was lost.

    python benchmarks/disk_full.py [--times 50] [--seed 0]

The case lies on a disk of 6 MB (a tmpfs, where the system lets it be mounted; otherwise no file may grow beyond a
limit). In each round a file leaves a random rest of it free. Every kind of edit, undo and redo (`random_commands.py`)
go on until some are refused. Then, with the disk still full: edits that are refused must leave the document as it was
and say so in a sentence that names the case; exports, the table of the history, "Save case as" and a backup are
written whole or not at all; the case is closed and opened. Then there is room again: the document goes on, the
journal gives what the file holds, and nothing is missing but the steps that were refused.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random

from PySide6.QtCore import QCoreApplication
from random_commands import EDITS, Walk

from chromview.app import exporting
from chromview.app.document import Document
from chromview.app.label_sources import LabelChoice, label_work
from chromview.errors import UserError
from chromview.progress import CancelToken
from chromview.storage.audit import csv_text, table
from chromview.storage.files import write_text

DISK = 6_000_000
"""Bytes."""


class Tmpfs:
    """A small disk of its own, below `folder`; raises `OSError` where it may not be mounted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "disk"
        self.folder.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", str(self.folder)], capture_output=True, check=False
        )
        if done.returncode:
            raise OSError(done.stderr.decode().strip())
        self._filler = self.folder / "filler"

    @contextlib.contextmanager
    def full_but(self, left: int) -> Iterator[None]:
        """Only `left` bytes are free."""
        status = os.statvfs(self.folder)
        self._filler.write_bytes(b"x" * max(0, status.f_bavail * status.f_frsize - left))
        try:
            yield
        finally:
            self._filler.unlink()

    @contextlib.contextmanager
    def room(self) -> Iterator[None]:
        """A little room, as a person makes who was asked to."""
        if self._filler.exists():
            self._filler.write_bytes(self._filler.read_bytes()[:-400_000])
        yield

    def close(self) -> None:
        """Take the disk away."""
        # Lazily, for after an error the case is still open.
        subprocess.run(["umount", "-l", str(self.folder)], check=True)


class Limit:
    """No file may grow beyond a limit: writing fails as on a full disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "disk"
        self.folder.mkdir()

    @contextlib.contextmanager
    def full_but(self, left: int) -> Iterator[None]:
        """No file grows by more than `left` bytes over the largest there is now."""
        import resource

        largest = max((path.stat().st_size for path in self.folder.rglob("*") if path.is_file()), default=0)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest // 4 + left, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    @contextlib.contextmanager
    def room(self) -> Iterator[None]:
        """No limit, which is also one for copies on other disks."""
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    def close(self) -> None:
        """There is nothing to take away."""


def small_disk(folder: Path) -> Tmpfs | Limit:
    """A disk that can be filled."""
    try:
        return Tmpfs(folder)
    except (OSError, FileNotFoundError):
        (folder / "disk").rmdir()
        return Limit(folder)


class Filled:
    """A case on a disk that is filled again and again.

    Parameters
    ----------
    disk
        The disk.
    exports
        Names of what is exported in each round; everything if there are none.

    Attributes
    ----------
    refused
        Edits that were refused, and exports and the like.
    """

    def __init__(self, disk: Tmpfs | Limit, *exports: str) -> None:
        self.disk = disk
        self.wanted = exports
        self.walk = Walk(disk.folder)
        self.refused = {"edits": 0, "exports": 0, "openings": 0}
        for n in range(30):
            self.walk.random_step(Random(f"begin {n}"))

    def round(self, seed: str) -> None:
        """Fill the disk once, work on, and make room again."""
        rng = Random(seed)
        with self.disk.full_but(rng.choice([0, 1000, 5000, 20_000, 60_000, 150_000, 400_000]) + rng.randint(0, 8000)):
            refused, steps = 0, 0
            while refused < 4 and steps < 400:
                refused += self.step(rng)
                steps += 1
            self.exports(rng)
            self.reopen_while_full()
            for _ in range(5):
                self.step(rng)
        # There is room again.
        before = sum(self.walk.done.values())
        while sum(self.walk.done.values()) < before + 5:
            if self.step(rng):
                raise SystemExit("refused although there is room")
        self.exports(rng, must_work=True)
        self.walk.reopen()
        self.walk.check()
        self.walk.check_journal()
        self.walk.check()

    def step(self, rng: Random) -> bool:
        """One edit, undo or redo; whether it was refused for want of room."""
        walk = self.walk
        slide = rng.choice(walk.slides)
        kind = rng.random()
        deed: Callable[[], None]
        if kind < 0.15:
            deed = partial(walk.undo, slide)
        elif kind < 0.25:
            deed = partial(walk.redo, slide)
        else:
            names = list(EDITS)
            deed = partial(walk.edit, slide, rng.choices(names, [EDITS[name][0] for name in names])[0], rng)
        try:
            walk.full = False
            deed()
        except UserError as error:  # of undo and redo; `edit` tells by `full`
            check_sentence(error, walk.document.path)
            walk.full = True
        walk.check()
        self.refused["edits"] += walk.full
        return walk.full

    def exports(self, rng: Random, *, must_work: bool = False) -> None:
        """Write everything that can be written; each is there whole, or not at all."""
        document, folder = self.walk.document, self.disk.folder
        info = rng.choice(document.slides)
        audit = document.audit()
        progress, cancel = (lambda stage, share: None), CancelToken()
        choice = LabelChoice(folder / "labels", ("hdf5", "npz", "coco", "single"), whole_case=True, reviewed=False)
        parts = ("karyogram", "table", "annotations")
        kinds: dict[str, Callable[[], object]] = {
            "slide": lambda: exporting.whole(document, info, folder / "slide")(),
            "karyogram.png": lambda: exporting.karyogram(document, info, folder / "karyogram.png")(),
            "table.csv": lambda: exporting.table(document, info, folder / "table.csv")(),
            "case": lambda: exporting.case_work(document, document.slides, folder / "case export", parts, None)(
                progress, cancel
            ),
            "labels": lambda: label_work(document, [info.id], choice)(progress, cancel),
            "history.csv": lambda: write_text(folder / "history.csv", csv_text(table(audit, audit.rows, {}))),
            "copy": lambda: document._file.copy_to(folder / "copy of the case.chromview"),
            "backup": document.back_up,
        }
        for name, write in kinds.items():
            if self.wanted and name not in self.wanted:
                continue
            before = files(folder)
            try:
                write()
            except UserError as error:
                if "no labels to write" in str(error):  # of a slide without chromosomes, or one that was rejected
                    continue
                if must_work:
                    raise
                self.refused["exports"] += 1
                assert str(folder) in str(error) or str(document.path) in str(error), f"names no file: {error}"
                left = {path for path in files(folder) if path not in before}
                # A slide is written file by file, each of them whole.
                assert not left or name == "slide", f"{name} left {left}"
            left = [path for path in files(folder) if ".part" in Path(path).name]
            assert not left, f"{name} left {left}"
            remove_new(folder, before)
            self.walk.check()

    def reopen_while_full(self) -> None:
        """Close the case and open it while there is no room; what cannot be opened then can be afterwards."""
        walk = self.walk
        path = walk.document.path
        walk.document.close()
        walk.document.deleteLater()
        try:
            walk.document = Document.open(path)
        except UserError as error:
            self.refused["openings"] += 1
            check_sentence(error, path)
            with self.disk.room():
                walk.document = Document.open(path)
        walk._listen()
        walk.check()


def check_sentence(error: UserError, path: Path) -> None:
    """What is said must name the case, say what is wrong and what to do."""
    said = str(error)
    assert str(path) in said and ("disk" in said or "room" in said), f"not clear: {said}"


def files(folder: Path) -> set[str]:
    """Every file below a folder, but the case's own log."""
    return {str(path) for path in folder.rglob("*") if path.is_file() and not path.name.endswith(("-wal", "-journal"))}


def remove_new(folder: Path, before: set[str]) -> None:
    """Remove what was exported, so that the next round has the room; backups stay, thinned as they are."""
    for path in sorted(files(folder) - before, reverse=True):
        if " backups" not in path:
            Path(path).unlink()
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=50, help="how often the disk is filled")
    parser.add_argument("--seed", default="0")
    arguments = parser.parse_args()
    QCoreApplication([])
    with tempfile.TemporaryDirectory() as folder:
        disk = small_disk(Path(folder))
        try:
            filled = Filled(disk)
            for number in range(arguments.times):
                try:
                    filled.round(f"{arguments.seed} {number}")
                except BaseException:
                    print(f"round {number} of seed {arguments.seed}")
                    raise
            size = filled.walk.document.path.stat().st_size
            filled.walk.close()
        finally:
            disk.close()
    steps = sum(filled.walk.done.values())
    print(
        f"disk ({type(disk).__name__}) full {arguments.times} times: {steps} steps kept, all there afterwards; refused "
        f"with a sentence and without a trace: {', '.join(f'{n} {what}' for what, n in filled.refused.items())} "
        f"(case file {size / 1e6:.1f} MB)"
    )


if __name__ == "__main__":
    main()
