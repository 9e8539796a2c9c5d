"""Every kind of edit at random, with undo, redo, reopening and saving in between, checked after each.

    python benchmarks/random_commands.py [--commands 10000] [--undo 10000] [--seed 0]

A case of two slides lies in a folder of its own. Beside the real document stands what it should hold: for each
slide a stack of states, one for every command that was not taken back. After each step the document must be what
the stack says, and fit together in itself (`Walk.check`). At the end commands go on without undo until as many as
asked for can be taken back; the case is opened anew, all of them are taken back, done again, and compared at each
step with what was there: every mask bit and every field.

`tests/app/test_random_commands.py` takes the same steps in another order, chosen by hypothesis.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image
from PySide6.QtCore import QCoreApplication

from chromview.app.document import Changed, Document
from chromview.app.slides import SlideInfo, SlideState, summary_of
from chromview.core.annotations import Annotation
from chromview.core.chromosome import Analysis, Arrow, Box, Chromosome, Kind, Mark, Quality, Slot, Stain, State
from chromview.core.commands import apply, same
from chromview.errors import UserError
from chromview.storage.case_file import CaseFile

SIDE = 160
MOST = 30
"""Chromosomes on a slide from which on no more are added."""

Chromosomes = Mapping[int, Chromosome]
Part = tuple[Box, np.ndarray, float]


def equal(first: Chromosomes, second: Chromosomes) -> bool:
    """Whether two slides hold the same: ids, boxes, mask bits and fields."""
    return list(first) == list(second) and all(first[id] is second[id] or same(first[id], second[id]) for id in first)


def write_image(path: Path, seed: int) -> Path:
    """A picture of `SIDE` pixels that no other seed gives."""
    pixels = np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def rod(rng: Random) -> tuple[Box, np.ndarray]:
    """A straight rod somewhere on the slide: its box and its mask."""
    y, x = rng.uniform(14, SIDE - 14), rng.uniform(14, SIDE - 14)
    angle, half, wide = rng.uniform(0, np.pi), rng.uniform(4, 30), rng.uniform(2, 6)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    along = (rows - y) * np.sin(angle) + (columns - x) * np.cos(angle)
    across = (columns - x) * np.sin(angle) - (rows - y) * np.cos(angle)
    mask = (abs(along) <= half) & (abs(across) <= wide)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
    return box, np.ascontiguousarray(mask[box.slices])


def some_line(rng: Random, near: Box | None = None) -> list[tuple[float, float]]:
    """A line of two to four points, across `near` if it is given."""
    count = rng.randint(2, 4)
    if near is None:
        return [(rng.uniform(-5, SIDE + 5), rng.uniform(-5, SIDE + 5)) for _ in range(count)]
    return [
        (rng.uniform(near.top - 4, near.bottom + 4), rng.uniform(near.left - 4, near.right + 4)) for _ in range(count)
    ]


# -- edits: each one changes the slide at random, or raises UserError where a person would be told why not -----------


def _chosen(document: Document, slide: int, rng: Random, most: int = 1) -> list[int]:
    """Ids of some chromosomes; fewer, or none, where there are not so many."""
    ids = list(document.chromosomes(slide))
    return rng.sample(ids, min(len(ids), rng.randint(1, most)))


def _near(document: Document, slide: int, id: int, rng: Random) -> int | None:
    """Another chromosome, one that touches it if there is one."""
    there = document.chromosomes(slide)
    box = there[id].box
    touching = [c.id for c in there.values() if c.id != id and c.box.intersection(box) is not None]
    others = touching or [other for other in there if other != id]
    return rng.choice(others) if others else None


def new(document: Document, slide: int, rng: Random) -> None:
    if len(document.chromosomes(slide)) < MOST:
        document.new_chromosome(slide, *rod(rng))


def paint(document: Document, slide: int, rng: Random) -> None:
    ids = _chosen(document, slide, rng, 2)
    if rng.random() < 0.1 and len(document.chromosomes(slide)) < MOST:
        ids.append(0)
    if not ids:
        return
    height, width = rng.randint(1, 30), rng.randint(1, 30)
    top, left = rng.randint(0, SIDE - height), rng.randint(0, SIDE - width)
    known = document.chromosomes(slide).get(ids[0])
    if known is not None and rng.random() < 0.8:
        top = min(max(0, known.box.top + rng.randint(-10, 10)), SIDE - height)
        left = min(max(0, known.box.left + rng.randint(-10, 10)), SIDE - width)
    noise = np.random.default_rng(rng.getrandbits(32)).random((height, width))
    bits = {id: (Box(top, left, top + height, left + width), noise < rng.choice([0.0, 0.5, 0.95, 1.1])) for id in ids}
    document.paint(slide, bits, rng.choice(["Brush", "Eraser on 7", "Overlap with brush"]))


def cut(document: Document, slide: int, rng: Random) -> None:
    for id in _chosen(document, slide, rng):
        old = document.chromosomes(slide)[id]
        parts = document.cut(slide, id, some_line(rng, old.box))
        assert sum(document.chromosomes(slide)[part].area for part in parts) == old.area, "a cut lost pixels"


def join(document: Document, slide: int, rng: Random) -> None:
    for id in _chosen(document, slide, rng):
        other = _near(document, slide, id, rng)
        if other is not None:
            document.join(slide, [id, other])


def split_overlap(document: Document, slide: int, rng: Random) -> None:
    for id in _chosen(document, slide, rng):
        other = _near(document, slide, id, rng)
        document.split_overlap(slide, id if other is None or rng.random() < 0.3 else [id, other])


def split_along(document: Document, slide: int, rng: Random) -> None:
    for id in _chosen(document, slide, rng):
        other = _near(document, slide, id, rng)
        ids = [id] if other is None or rng.random() < 0.4 else [id, other]
        box = document.chromosomes(slide)[id].box
        line = rng.choice([[(box.top, box.left), (box.bottom, box.right)], some_line(rng, box)])
        document.split_along(slide, ids, line)


def replace_cluster(document: Document, slide: int, rng: Random) -> None:
    ids = _chosen(document, slide, rng, 3)
    parts: list[Part] = [(*rod(rng), rng.random()) for _ in range(rng.randint(1, 3))]
    if ids and rng.random() < 0.5:  # one of them as it was
        kept = document.chromosomes(slide)[ids[0]]
        parts[0] = kept.box, kept.mask, 0.5
    from chromview.core.alternatives import Part as Answer

    document.replace_cluster(slide, ids, [Answer(*part) for part in parts])


def accept(document: Document, slide: int, rng: Random) -> None:
    document.accept(slide, _chosen(document, slide, rng, 3))


def move_edges(document: Document, slide: int, rng: Random) -> None:
    document.move_edges(slide, rng.random() < 0.5, (SIDE, SIDE))


def accept_rest(document: Document, slide: int, rng: Random) -> None:
    document.accept_rest(slide)


def reject(document: Document, slide: int, rng: Random) -> None:
    document.reject(slide, _chosen(document, slide, rng, 2))


def restore(document: Document, slide: int, rng: Random) -> None:
    document.restore(slide, [c.id for c in document.chromosomes(slide).values() if not c.in_karyogram][:2])


def flip(document: Document, slide: int, rng: Random) -> None:
    document.flip(slide, _chosen(document, slide, rng, 2))


def turn(document: Document, slide: int, rng: Random) -> None:
    for id in _chosen(document, slide, rng):
        document.turn(slide, id, rng.choice([15.0, -15.0, 180.0, 0.1]))


def set_class(document: Document, slide: int, rng: Random) -> None:
    for id in _chosen(document, slide, rng):
        document.set_class(slide, id, rng.choice([0, 1, 2, 2, 3, 21, 23, 24]))


def move_to_slot(document: Document, slide: int, rng: Random) -> None:
    for id in _chosen(document, slide, rng):
        slot = rng.choice([None, Slot(rng.randint(1, 4), rng.randint(0, 2))])
        document.move_to_slot(slide, id, slot)
        assert document.chromosomes(slide)[id].slot == slot, "not in the place it was moved to"


def swap(document: Document, slide: int, rng: Random) -> None:
    for id in _chosen(document, slide, rng):
        other = document.homologue_of(slide, id) or _near(document, slide, id, rng)
        if other is not None:
            document.swap(slide, id, other)


def set_mark(document: Document, slide: int, rng: Random) -> None:
    for id in _chosen(document, slide, rng):
        document.set_mark(slide, id, rng.choice(list(Mark)))


def annotate(document: Document, slide: int, rng: Random) -> None:
    for id in _chosen(document, slide, rng):
        document.annotate(slide, id, rng.choice(["", "satellites?", "t(9;22) – prüfen", "x" * 300]))


def set_arrows(document: Document, slide: int, rng: Random) -> None:
    for id in _chosen(document, slide, rng):
        had = document.chromosomes(slide)[id].arrows
        made = Arrow(rng.uniform(-20, 20), rng.random(), rng.uniform(-180, 180))
        document.set_arrows(slide, id, rng.choice([(), had[1:], (*had, made), (made,) * 99]))


def set_annotations(document: Document, slide: int, rng: Random) -> None:
    had = document.slide(slide).annotations
    tip = rng.choice([None, (rng.uniform(-9, SIDE + 9), rng.uniform(-9, SIDE + 9))])
    made = Annotation(rng.choice(["", "t(9;22) – prüfen", "x" * 99]), rng.uniform(0, SIDE), rng.uniform(0, SIDE), tip)
    document.set_annotations(slide, rng.choice([(), had[1:], (*had, made), (made,) * 99]), (SIDE, SIDE))


def set_state(document: Document, slide: int, rng: Random) -> None:
    document.set_state(slide, rng.choice([None, *SlideState]))


def set_stain(document: Document, slide: int, rng: Random) -> None:
    document.set_stain(slide, rng.choice(list(Stain)))


def set_scale(document: Document, slide: int, rng: Random) -> None:
    document.set_scale(slide, rng.choice([None, 8.0, 12.5, 30.0, 1000.0]))


def set_axis(document: Document, slide: int, rng: Random) -> None:
    for id in _chosen(document, slide, rng):
        box = document.chromosomes(slide)[id].box
        line = [(box.top, box.left), (box.top + 3.3, rng.uniform(box.left, box.right)), (box.bottom + 4, box.right)]
        document.set_axis(slide, id, line)


def set_centromere(document: Document, slide: int, rng: Random) -> None:
    for id in _chosen(document, slide, rng):
        document.set_centromere(slide, id, rng.random())


def find_axis(document: Document, slide: int, rng: Random) -> None:
    for id in _chosen(document, slide, rng):
        document.find_axis(slide, id)


def analyse(document: Document, slide: int, rng: Random) -> None:
    """An answer of the models, in time or too late; what a person decided must outlive it."""
    before = document.chromosomes(slide)
    found = []
    for n in range(rng.randint(0, 8)):
        box, mask = rod(rng)
        number = rng.randint(0, 4)
        found.append(
            Chromosome(
                n + 1, box, mask, number=number, slot=Slot(number, n) if number and rng.random() < 0.8 else None,
                kind=rng.choice([Kind.CHROMOSOME, Kind.CHROMOSOME, Kind.NUCLEUS, Kind.CUT]) if not number else
                Kind.CHROMOSOME,
                doubts=("overlap",) if rng.random() < 0.3 else (), class_confidence=rng.random(),
                probabilities=tuple(rng.random() for _ in range(24)),
                axis=np.array([(box.top, box.left), (box.bottom, box.right)], np.float32), centromere=rng.random(),
            )
        )  # fmt: skip
    generation = document.request(slide)
    late = rng.random() < 0.3
    if late:
        document.request(slide)
    stain = rng.choice(list(Stain))
    answer = Analysis(
        (SIDE, SIDE), stain, rng.random() < 0.2, 1.0, tuple(found), "", rng.random() < 0.2,
        Quality(count=len(found)), {}, {"segmenter": str(rng.randint(0, 3))},
    )  # fmt: skip
    assert document.set_analysis(slide, answer, generation) is not late
    after = document.chromosomes(slide)
    decided = [c for c in before.values() if c.state is not State.PROPOSED]
    assert all(c.id in after and same(after[c.id], c) for c in decided), "a model changed what a person decided"


def reread(document: Document, slide: int, rng: Random) -> None:
    """What the models read anew after an edit; it belongs to that edit."""
    asked = [document.chromosomes(slide)[id] for id in _chosen(document, slide, rng, 2)]
    read = [replace(c, number=rng.randint(0, 4), centromere=rng.random(), p_up=rng.random() < 0.5) for c in asked]
    if rng.random() < 0.2 and asked:  # its mask is another one by now
        asked[0] = asked[0].with_mask(asked[0].box, np.ones_like(asked[0].mask))
    document.apply_reread(slide, asked, read)


Edit = Callable[[Document, int, Random], None]

EDITS: dict[str, tuple[int, Edit]] = {
    "new": (6, new), "paint": (24, paint), "cut": (6, cut), "join": (3, join), "split overlap": (4, split_overlap),
    "split along": (4, split_along), "replace cluster": (3, replace_cluster), "edges": (2, move_edges),
    "accept": (3, accept),
    "accept rest": (1, accept_rest), "reject": (3, reject), "restore": (3, restore), "flip": (3, flip),
    "turn": (2, turn), "class": (5, set_class), "place": (5, move_to_slot), "swap": (3, swap), "mark": (3, set_mark),
    "note": (3, annotate), "state of the slide": (2, set_state), "stain": (1, set_stain), "axis": (3, set_axis),
    "scale": (1, set_scale), "arrow": (3, set_arrows), "annotations": (3, set_annotations),
    "centromere": (3, set_centromere), "axis found anew": (2, find_axis), "analysis": (2, analyse),
    "reading": (4, reread),
}  # fmt: skip
"""Every kind of edit by its name, with how often it comes."""


# -- the walk ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Held:
    """What a slide holds: its chromosomes, and what the case says of it as a whole."""

    chromosomes: Chromosomes
    info: SlideInfo

    def equals(self, other: Held) -> bool:
        return self.info == other.info and equal(self.chromosomes, other.chromosomes)


class Expected:
    """What one slide should hold, and what undo and redo should bring back."""

    def __init__(self, held: Held) -> None:
        self.now = held
        self.past: list[tuple[str, Held]] = []
        self.future: list[tuple[str, Held]] = []
        self.seen: set[int] = set(held.chromosomes)


class Walk:
    """A case with two slides, and beside it what it should hold.

    Parameters
    ----------
    folder
        Empty; gets the images and the case.

    Attributes
    ----------
    full
        Whether the last edit was refused because of the case file, and not of what was asked for.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        images = [write_image(folder / f"cell {n}.png", n) for n in (1, 2)]
        self.images = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in images}
        self.document = Document.new(folder / "case")
        self.slides = self.document.add_slides(images)
        self.expected = {slide: Expected(self.held(slide)) for slide in self.slides}
        self.done: collections.Counter[str] = collections.Counter()
        self.refused: collections.Counter[str] = collections.Counter()
        self.full = False
        self._steps: list[Changed] = []
        self._listen()

    def _listen(self) -> None:
        self.document.changed.connect(self._steps.append)

    def close(self) -> None:
        """Let go of the case; the images must be as they were."""
        self.document.close()
        self.document.deleteLater()
        for path, sha256 in self.images.items():
            assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256, "an image was written"

    def held(self, slide: int) -> Held:
        """What the document holds of a slide."""
        return Held(self.document.chromosomes(slide), self.document.slide(slide))

    # -- steps

    def edit(self, slide: int, name: str, rng: Random) -> None:
        """One edit; it is taken note of if it became a command."""
        expected = self.expected[slide]
        self._steps.clear()
        follows = name == "reading"
        could = self.document.can_follow(slide)
        try:
            EDITS[name][1](self.document, slide, rng)
        except UserError as error:
            self.refused[name] += 1
            self.full = error.path == self.document.path
            assert str(error).strip() and not self._steps, "refused, and yet something happened"
        now = self.held(slide)
        assert len(self._steps) <= 1, "one edit, several commands"
        if not self._steps:
            assert now.equals(expected.now), f"{name}: something changed without a command"
            return
        self.done[name] += 1
        self._told(self._steps[0], slide, expected.now, now)
        assert not now.equals(expected.now), f"{name}: a command that changes nothing"
        fresh = set(now.chromosomes) - set(expected.now.chromosomes)
        assert not fresh & expected.seen, "an id was used twice"
        expected.seen |= fresh
        if follows:
            assert could and expected.past and not expected.future
        else:
            title = self.document.undo_title(slide)
            assert title is not None
            expected.past.append((title, expected.now))
        expected.future.clear()
        expected.now = now

    def _told(self, step: Changed, slide: int, before: Held, after: Held) -> None:
        """The signal must name every chromosome that is different, and a box that holds every changed bit."""
        old, new = before.chromosomes, after.chromosomes
        different = {id for id in {*old, *new} if id not in old or id not in new or not same(old[id], new[id])}
        assert step.slide_id == slide and different <= step.ids, "a change was not told"
        for id in different:
            for one in (old.get(id), new.get(id)):
                other = new.get(id) if one is old.get(id) else old.get(id)
                if one is not None and (other is None or not np.array_equal(one.mask, other.mask)):
                    assert step.masks and step.box is not None

    def undo(self, slide: int) -> None:
        self._step(slide, self.document.undo, "past", "future")

    def redo(self, slide: int) -> None:
        self._step(slide, self.document.redo, "future", "past")

    def _step(self, slide: int, deed: Callable[[int], Changed | None], source: str, target: str) -> None:
        expected = self.expected[slide]
        entries: list[tuple[str, Held]] = getattr(expected, source)
        step = deed(slide)
        assert (step is not None) == bool(entries)
        if step is not None:
            title, held = entries.pop()
            getattr(expected, target).append((title, expected.now))
            self._told(step, slide, expected.now, held)
            expected.now = held
            self.done["undo" if source == "past" else "redo"] += 1

    def reopen(self) -> None:
        """Close the case and open it again."""
        path = self.document.path
        self.document.close()
        self.document.deleteLater()
        left = [p.name for p in path.parent.iterdir() if p.name.startswith(path.name)]
        assert left == [path.name], f"a case at rest is one file, not {left}"
        self.document = Document.open(path)
        self._listen()
        self.done["reopened"] += 1

    def save_as(self, number: int) -> None:
        """Go on in another file, which may hold an older state of the case."""
        self.document.save_as(self.folder / f"copy {number}")
        self.done["saved as"] += 1

    def remove_and_bring_back(self, slide: int) -> None:
        """Take a slide out of the case and add its image again."""
        path = self.document.slide(slide).path
        self.document.remove_slide(slide)
        assert slide not in {info.id for info in self.document.slides}
        assert self.document.add_slides([path]) == [slide]
        self.done["removed, added"] += 1

    def random_step(self, rng: Random) -> None:
        """One step of any kind."""
        slide = rng.choice(self.slides)
        kind = rng.random()
        if kind < 0.13:
            for _ in range(rng.choice([1, 1, 1, 2, 5, 20])):
                self.undo(slide)
        elif kind < 0.22:
            for _ in range(rng.choice([1, 1, 2, 10])):
                self.redo(slide)
        elif kind < 0.24:
            self.reopen()
        elif kind < 0.245:
            self.save_as(rng.randint(0, 2))
        elif kind < 0.25:
            self.remove_and_bring_back(slide)
        else:
            names = list(EDITS)
            self.edit(slide, rng.choices(names, [EDITS[name][0] for name in names])[0], rng)

    # -- what must hold

    def check(self) -> None:
        """The document is what it should be, and fits together in itself."""
        for slide, expected in self.expected.items():
            held = self.held(slide)
            assert held.equals(expected.now), "the document is not what it should be"
            undo = expected.past[-1][0] if expected.past else None
            redo = expected.future[-1][0].replace("Undo", "Redo", 1) if expected.future else None
            assert (self.document.undo_title(slide), self.document.redo_title(slide)) == (undo, redo)
            check_slide(held.chromosomes, held.info, self.document.next_id(slide))

    def check_journal(self) -> None:
        """The journal alone, replayed from its beginning, gives what is there; closes the case and opens it again."""
        path = self.document.path
        self.document.close()
        self.document.deleteLater()
        file = CaseFile.open(path)
        for slide, expected in self.expected.items():
            history = file.history(slide)
            assert (len(history.undo), len(history.redo)) == (len(expected.past), len(expected.future))
            replayed: dict[int, Chromosome] = {}
            for entry in history.undo:
                for seq in entry.seqs:
                    replayed = apply(replayed, file.command(seq))
            assert equal(replayed, expected.now.chromosomes), "the journal does not give what the file holds"
        file.close()
        self.document = Document.open(path)
        self._listen()


def check_slide(chromosomes: Chromosomes, info: SlideInfo, next_id: int) -> None:
    """What must be true of every slide, whatever was done to it."""
    slots = [c.slot for c in chromosomes.values() if c.slot is not None]
    assert len(slots) == len(set(slots)), "two chromosomes in one place"
    for id, c in chromosomes.items():
        assert id == c.id and 0 < id < next_id, "an id that is not its own, or was not given"
        assert c.area == np.count_nonzero(c.mask) > 0, "an empty mask"
        box = c.box
        assert 0 <= box.top < box.bottom <= SIDE and 0 <= box.left < box.right <= SIDE, "a mask outside the image"
        edges = (c.mask[0], c.mask[-1], c.mask[:, 0], c.mask[:, -1])
        assert all(edge.any() for edge in edges), "a box that is not close around its mask"
        if c.slot is not None:
            assert c.in_karyogram, "something that does not count has a place in the karyogram"
            assert c.slot.number == c.number, "a place of another class"
        assert c.centromere is None or 0 <= c.centromere <= 1
        assert c.axis is None or (c.axis.dtype == np.float32 and np.isfinite(c.axis).all())
        assert -180 <= c.angle < 180.0001
    fields = {"stain": info.stain, "is_cluster": info.is_cluster, "set_state": info.chosen_state}
    summary = summary_of(chromosomes.values(), fields)
    shown = (info.state, info.count, info.doubtful, info.untouched, info.proposal)
    assert tuple(summary.values()) == shown, "the list of slides does not say what is on the slide"


def take_all_back(walk: Walk, slide: int) -> tuple[float, float]:
    """Undo everything and redo everything, comparing at each step; seconds of the slowest undo and redo."""
    slowest = []
    for deed, entries in ((walk.undo, walk.expected[slide].past), (walk.redo, walk.expected[slide].future)):
        longest = 0.0
        while entries:
            start = time.perf_counter()
            deed(slide)
            longest = max(longest, time.perf_counter() - start)
            assert walk.held(slide).equals(walk.expected[slide].now), "not what was there"
        slowest.append(longest)
    return slowest[0], slowest[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--commands", type=int, default=10_000, help="random commands, undo and the like not counted")
    parser.add_argument("--undo", type=int, default=10_000, help="commands that are taken back after reopening")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    QCoreApplication([])
    with tempfile.TemporaryDirectory() as folder:
        walk = Walk(Path(folder))
        start = time.perf_counter()
        step = 0
        while sum(walk.done[name] for name in EDITS) < arguments.commands:
            # A generator for each step: a step that fails is found again by its number.
            try:
                walk.random_step(Random(f"{arguments.seed} {step}"))
                walk.check()
                if step % 2000 == 1999:
                    walk.check_journal()
            except BaseException:
                print(f"step {step} of seed {arguments.seed}")
                raise
            step += 1
        taken = time.perf_counter() - start
        kinds = ", ".join(f"{count} {name}" for name, count in walk.done.most_common())
        commands = sum(walk.done[name] for name in EDITS)
        print(f"{commands} commands in {step} steps, no invariant broken ({taken:.0f} s): {kinds}")
        print("refused in words:", ", ".join(f"{count} {name}" for name, count in walk.refused.most_common()))

        slide, step = walk.slides[0], 0
        names = list(EDITS)
        while len(walk.expected[slide].past) < arguments.undo:
            rng = Random(f"{arguments.seed} forward {step}")
            walk.edit(slide, rng.choices(names, [EDITS[name][0] for name in names])[0], rng)
            walk.check()
            step += 1
        walk.check_journal()
        count = len(walk.expected[slide].past)
        undo, redo = take_all_back(walk, slide)
        walk.reopen()
        walk.check()
        size = walk.document.path.stat().st_size
        walk.close()
        print(
            f"{count} commands taken back after reopening and done again, each compared bit for bit "
            f"(slowest undo {1000 * undo:.1f} ms, redo {1000 * redo:.1f} ms; case file {size / 1e6:.1f} MB)"
        )


if __name__ == "__main__":
    main()
