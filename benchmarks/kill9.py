"""Kill the program while it edits, again and again, and count what was lost.

    python benchmarks/kill9.py [--times 50] [--seed 0]

A process of its own opens the case and edits it without pause: it paints, cuts, joins, undoes and
redoes, and after each step tells the number of the step and a digest of all chromosomes. After a
random number of steps, a random moment later, it gets SIGKILL. The case is then opened again here,
as a person would after a crash, and must hold every step that was told as finished: the same digest,
or one step more (the one in progress). The next round goes on with the same file.
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
from pathlib import Path

import numpy as np
from PIL import Image
from PySide6.QtCore import QCoreApplication

from chromview.app.document import Document
from chromview.core.chromosome import Box
from chromview.core.commands import apply, chromosome_to_bytes, same
from chromview.errors import UserError

SIDE = 1024
CHROMOSOMES = 46


def digest(document: Document, slide: int) -> str:
    """All chromosomes of the slide and what can be undone and redone, in one short word."""
    whole = hashlib.sha256()
    for chromosome in document.chromosomes(slide).values():
        whole.update(chromosome_to_bytes(chromosome))
    whole.update(f"{document.undo_title(slide)} {document.redo_title(slide)}".encode())
    return whole.hexdigest()[:16]


def make_case(path: Path) -> None:
    """A case with one slide and 46 chromosomes."""
    image = path.with_name("cell.png")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (SIDE, SIDE), dtype=np.uint8)).save(image)
    document = Document.new(path)
    (slide,) = document.add_slides([image])
    for n in range(CHROMOSOMES):
        row, column = divmod(n, 7)
        top, left = 20 + 140 * row, 20 + 140 * column
        document.new_chromosome(slide, Box(top, left, top + 90, left + 24), np.ones((90, 24), bool))
    document.close()


def edit_until_killed(path: Path, seed: int) -> None:
    """Edit without pause, and tell each step when it is finished."""
    import chromview.core.edit_masks  # noqa: F401  (cutting must not wait for its import)

    QCoreApplication([])
    document = Document.open(path)
    (slide,) = (info.id for info in document.slides)
    rng = np.random.default_rng(seed)
    step = 0
    os.write(1, f"0 {digest(document, slide)}\n".encode())
    while True:
        before = document.undo_title(slide), document.redo_title(slide), document.chromosomes(slide)
        edit_once(document, slide, rng)
        if (document.undo_title(slide), document.redo_title(slide), document.chromosomes(slide)) != before:
            step += 1
            os.write(1, f"{step} {digest(document, slide)}\n".encode())


def edit_once(document: Document, slide: int, rng: np.random.Generator) -> None:
    """One random edit; most are strokes of the brush."""
    ids = list(document.chromosomes(slide))
    chosen = document.chromosomes(slide)[int(rng.choice(ids))]
    box = chosen.box
    kind = rng.choice(["paint", "cut", "join", "undo", "redo"], p=[0.7, 0.08, 0.08, 0.09, 0.05])
    try:
        if kind == "paint":
            top, left = int(rng.integers(0, SIDE - 40)), int(rng.integers(0, SIDE - 40))
            near = Box(max(0, box.top - 10), max(0, box.left - 10), box.top + 20, box.left + 20)
            where = near if rng.random() < 0.8 else Box(top, left, top + 40, left + 40)
            bits = rng.random((where.height, where.width)) < 0.7
            document.paint(slide, {chosen.id: (where, bits)}, "Brush")
        elif kind == "cut":
            middle = (box.top + box.bottom) / 2
            document.cut(slide, chosen.id, [(middle, box.left - 3), (middle, box.right + 3)])
        elif kind == "join":
            document.join(slide, {chosen.id, int(rng.choice(ids))})
        elif kind == "undo":
            document.undo(slide)
        else:
            document.redo(slide)
    except UserError:
        return  # a cut that misses or a join with itself is no step


def round_of(path: Path, seed: int, steps: int, seconds: float) -> tuple[int, int, bool]:
    """Let a process finish some steps, kill it a moment later, open the case.

    Returns
    -------
    tuple
        Steps told as finished, how many of them are missing, and whether the one in progress was kept.
    """
    child = subprocess.Popen(
        [sys.executable, __file__, "--edit", str(path), "--seed", str(seed)], stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    first = b"".join(child.stdout.readline() for _ in range(steps + 1))
    time.sleep(seconds)
    os.kill(child.pid, signal.SIGKILL)
    told = (first + child.stdout.read()).decode().splitlines(keepends=True)
    child.wait()
    digests = [line.split()[1] for line in told if line.endswith("\n")]

    document = Document.open(path)
    (slide,) = (info.id for info in document.slides)
    check_journal(document, slide)
    found = digest(document, slide)
    kept_one_more = False
    if found != digests[-1]:
        # Is it the step in progress? Then one step back or forth leads to what was told last.
        kept_one_more = one_step_from(document, slide, digests[-1])
    document.close()
    missing = 0
    if found != digests[-1] and not kept_one_more:
        missing = len(digests) - 1 - digests.index(found) if found in digests else len(digests)
    return len(digests) - 1, missing, kept_one_more


def one_step_from(document: Document, slide: int, wanted: str) -> bool:
    """Whether undo or redo of one step gives the digest `wanted`, ignoring what a new step took from redo."""
    last = {id: chromosome_to_bytes(c) for id, c in document.chromosomes(slide).items()}
    for there, back in ((document.undo, document.redo), (document.redo, document.undo)):
        if there(slide) is None:
            continue
        found = digest(document, slide) == wanted or _only_redo_differs(document, slide, wanted)
        back(slide)
        assert {id: chromosome_to_bytes(c) for id, c in document.chromosomes(slide).items()} == last
        if found:
            return True
    return False


def _only_redo_differs(document: Document, slide: int, wanted: str) -> bool:
    titles = {None, "Redo brush", document.redo_title(slide)}
    whole = hashlib.sha256()
    for chromosome in document.chromosomes(slide).values():
        whole.update(chromosome_to_bytes(chromosome))
    for title in titles:
        one = whole.copy()
        one.update(f"{document.undo_title(slide)} {title}".encode())
        if one.hexdigest()[:16] == wanted:
            return True
    return False


def check_journal(document: Document, slide: int) -> None:
    """The journal replayed from its beginning must give what the file holds."""
    file = document._file
    replayed = {}
    for entry in file.history(slide).undo:
        for seq in entry.seqs:
            replayed = apply(replayed, file.command(seq))
    there = document.chromosomes(slide)
    if list(replayed) != list(there) or not all(same(replayed[id], there[id]) for id in there):
        raise SystemExit("the journal does not give what the file holds")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=50, help="how often the process is killed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--edit", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.edit is not None:
        edit_until_killed(arguments.edit, arguments.seed)
        return
    QCoreApplication([])
    rng = np.random.default_rng(arguments.seed)
    finished, missing, kept = 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.chromview"
        make_case(path)
        for number in range(arguments.times):
            steps, gone, one_more = round_of(
                path, arguments.seed * 1000 + number, int(rng.integers(0, 40)), float(rng.uniform(0, 0.03))
            )
            finished, missing, kept = finished + steps, missing + gone, kept + one_more
        size = path.stat().st_size
    print(f"killed {arguments.times} times; {finished} steps were finished, {missing} of them are missing afterwards")
    print(f"the step in progress was kept {kept} times; case file {size / 1e6:.1f} MB")
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()
