"""Kill the program while it edits, again and again, and count what was lost.

    python benchmarks/kill9.py [--times 200] [--seed 0]

A process of its own opens the case and edits it without pause, with every kind of edit (`random_commands.py`), undo and
redo; backups are made meanwhile. After each step it tells the number of the last row of the journal and a digest of all
chromosomes. After a random number of steps, a random moment later, it gets SIGKILL. The case is then opened again
here, as a person would after a crash. It must hold every step that was told as finished, and at most one more, the one
in progress; the journal replayed up to the step told last must give the digest told, and replayed to its end what the
file holds; every backup must be a whole case. The next round goes on with the same file.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from random import Random

from PySide6.QtCore import QCoreApplication
from random_commands import EDITS, Walk, check_slide, equal

from chromview.app.document import Document
from chromview.core.chromosome import Chromosome
from chromview.core.commands import apply, chromosome_to_bytes
from chromview.errors import UserError
from chromview.storage import case_backups
from chromview.storage.case_file import CaseFile
from chromview.storage.case_rows import History


def digest(slides: Mapping[int, Mapping[int, Chromosome]]) -> str:
    """All chromosomes of all slides in one short word."""
    whole = hashlib.sha256()
    for slide, chromosomes in slides.items():
        whole.update(f"slide {slide}".encode())
        for chromosome in chromosomes.values():
            whole.update(chromosome_to_bytes(chromosome))
    return whole.hexdigest()[:16]


def make_case(folder: Path) -> Path:
    """A case with two slides, some chromosomes and steps."""
    walk = Walk(folder)
    for n in range(60):
        walk.random_step(Random(f"begin {n}"))
    path = walk.document.path
    walk.close()
    return path


def edit_until_killed(path: Path, seed: str) -> None:
    """Edit without pause, and tell each step when it is finished."""
    import chromview.core.crossing
    import chromview.core.edit_masks  # noqa: F401  (cutting must not wait for its import)

    QCoreApplication([])
    case_backups.EVERY = 0.0
    document = Document.open(path)
    slides = [info.id for info in document.slides]
    file = document._file
    rng = Random(seed)
    while True:
        row = file.last_row()
        assert row is not None
        os.write(1, f"{row.seq} {digest({id: document.chromosomes(id) for id in slides})}\n".encode())
        while file.last_row() == row:
            edit_once(document, rng.choice(slides), rng)
        file.backups.begin_if_due(file.last_change())


def edit_once(document: Document, slide: int, rng: Random) -> None:
    """One random edit, undo or redo; nothing where a person would be told why not."""
    kind = rng.random()
    if kind < 0.12:
        document.undo(slide)
    elif kind < 0.18:
        document.redo(slide)
    else:
        names = list(EDITS)
        name = rng.choices(names, [EDITS[name][0] for name in names])[0]
        try:
            EDITS[name][1](document, slide, rng)
        except UserError:
            return


def replayed(file: CaseFile, slide: int, upto: int) -> dict[int, Chromosome]:
    """The chromosomes of a slide after the row `upto` of the journal, from the commands alone."""
    rows = [(row.kind, row.seq, row.title) for row in file.journal() if row.slide == slide and row.seq <= upto]
    result: dict[int, Chromosome] = {}
    for entry in History.of(rows).undo:
        for seq in entry.seqs:
            result = apply(result, file.command(seq))
    return result


def check_backups(path: Path) -> int:
    """Every backup must be a whole case; returns how many there are."""
    backups = case_backups.backups_of(path)
    for backup in backups:
        file = CaseFile.look(backup.path)
        row = file.last_row()
        for info in file.slides():
            there = file.chromosomes(info.id)
            assert row is not None and equal(replayed(file, info.id, row.seq), there), "a backup is not whole"
        file.close()
    return len(backups)


def round_of(path: Path, seed: str, steps: int, seconds: float) -> tuple[int, int, int]:
    """Let a process finish some steps, kill it a moment later, open the case.

    Returns
    -------
    tuple
        Steps told as finished, how many of them are missing, and how many more are there.
    """
    command = [sys.executable, __file__, "--edit", str(path), "--seed", seed]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        first = b"".join(child.stdout.readline() for _ in range(steps + 1))
        time.sleep(seconds)
        os.kill(child.pid, signal.SIGKILL)
        told = (first + child.stdout.read()).decode().splitlines(keepends=True)
    lines = [line.split() for line in told if line.endswith("\n")]
    last, wanted = int(lines[-1][0]), lines[-1][1]

    document = Document.open(path)
    assert "was not closed" in document.recovery, "nobody is told that the case was not closed"
    for info in document.slides:
        check_slide(document.chromosomes(info.id), info, document.next_id(info.id))
    document.close()
    file = CaseFile.open(path)
    row = file.last_row()
    assert row is not None
    slides = [info.id for info in file.slides()]
    if row.seq >= last and digest({id: replayed(file, id, last) for id in slides}) != wanted:
        raise SystemExit(f"the journal up to step {last} (of {row.seq}) does not give what was told")
    for id in slides:
        if not equal(replayed(file, id, row.seq), file.chromosomes(id)):
            raise SystemExit("the journal does not give what the file holds")
    file.close()
    return len(lines) - 1, max(0, last - row.seq), max(0, row.seq - last)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=200, help="how often the process is killed")
    parser.add_argument("--seed", default="0")
    parser.add_argument("--edit", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.edit is not None:
        edit_until_killed(arguments.edit, arguments.seed)
        return
    QCoreApplication([])
    rng = Random(arguments.seed)
    finished = missing = kept = 0
    with tempfile.TemporaryDirectory() as folder:
        path = make_case(Path(folder))
        for number in range(arguments.times):
            steps, gone, more = round_of(path, f"{arguments.seed} {number}", rng.randint(0, 40), rng.uniform(0, 0.03))
            if more > 1:
                raise SystemExit(f"{more} steps are there that nobody was told of")
            finished, missing, kept = finished + steps, missing + gone, kept + more
        backups = check_backups(path)
        size = path.stat().st_size
    print(f"killed {arguments.times} times; {finished} steps were finished, {missing} of them are missing afterwards")
    print(f"the step in progress was kept {kept} times; {backups} backups, all whole; case file {size / 1e6:.1f} MB")
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()
