"""Whatever a person does, in any order: undo takes it back exactly, and reopening changes nothing."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from PIL import Image

from chromview.app.document import Document
from chromview.core.chromosome import Analysis, Box, Chromosome, Quality, Slot, Stain, State
from chromview.core.commands import apply, same
from chromview.errors import UserError
from chromview.storage.case_file import CaseFile

SIDE = 64


def equal(first: dict[int, Chromosome], second: dict[int, Chromosome]) -> bool:
    return list(first) == list(second) and all(same(first[id], second[id]) for id in first)


boxes = st.builds(
    lambda top, left, height, width: Box(top, left, top + height, left + width),
    st.integers(0, SIDE - 24), st.integers(0, SIDE - 24), st.integers(1, 24), st.integers(1, 24),
)  # fmt: skip
points = st.tuples(st.integers(-5, SIDE + 5), st.integers(-5, SIDE + 5))


class OneCase(RuleBasedStateMachine):
    """A case with one slide, and beside it what it should hold: a stack of states."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        image = Path(self.folder.name) / "cell.png"
        Image.fromarray(np.arange(SIDE * SIDE, dtype=np.uint32).reshape(SIDE, SIDE).astype(np.uint8)).save(image)
        self.document = Document.new(Path(self.folder.name) / "case")
        (self.slide,) = self.document.add_slides([image])
        self.past: list[tuple[str, dict[int, Chromosome]]] = []
        self.future: list[tuple[str, dict[int, Chromosome]]] = []
        self.now: dict[int, Chromosome] = {}
        self.seen_ids: set[int] = set()

    def teardown(self) -> None:
        if hasattr(self, "document"):
            self.document.close()
            self.document.deleteLater()
            self.folder.cleanup()

    def _edited(self) -> None:
        """Take note of an edit, if it was one."""
        after = dict(self.document.chromosomes(self.slide))
        if equal(after, self.now):
            return
        title = self.document.undo_title(self.slide)
        assert title is not None
        self.past.append((title, self.now))
        self.future.clear()
        fresh = set(after) - set(self.now)
        assert not fresh & self.seen_ids, "an id was used twice"
        self.seen_ids |= set(after)
        self.now = after

    def _some(self, data: st.DataObject, count: int = 1) -> list[int]:
        return data.draw(st.lists(st.sampled_from(list(self.now)), min_size=count, max_size=3, unique=True))

    @rule(box=boxes, seed=st.integers(0, 9))
    def new(self, box: Box, seed: int) -> None:
        mask = np.random.default_rng(seed).random((box.height, box.width)) > 0.2
        mask[0, 0] = True
        self.document.new_chromosome(self.slide, box, mask)
        self._edited()

    @precondition(lambda self: self.now)
    @rule(data=st.data(), box=boxes, on=st.booleans())
    def paint(self, data: st.DataObject, box: Box, on: bool) -> None:
        ids = self._some(data)
        bits = np.full((box.height, box.width), on)
        self.document.paint(self.slide, dict.fromkeys(ids, (box, bits)), "Brush" if on else "Eraser")
        self._edited()

    @precondition(lambda self: self.now)
    @rule(data=st.data(), line=st.lists(points, min_size=2, max_size=4))
    def cut(self, data: st.DataObject, line: list[tuple[int, int]]) -> None:
        (id, *_) = self._some(data)
        before = self.now[id]
        try:
            parts = self.document.cut(self.slide, id, line)
        except UserError:
            parts = (id,)
        assert sum(self.document.chromosomes(self.slide)[part].area for part in parts) == before.area
        self._edited()

    @precondition(lambda self: len(self.now) > 1)
    @rule(data=st.data())
    def join(self, data: st.DataObject) -> None:
        self.document.join(self.slide, self._some(data, 2))
        self._edited()

    @precondition(lambda self: len(self.now) > 1)
    @rule(data=st.data())
    def split_overlap(self, data: st.DataObject) -> None:
        with contextlib.suppress(UserError):
            self.document.split_overlap(self.slide, self._some(data, 2)[:2])
        self._edited()

    @precondition(lambda self: self.now)
    @rule(data=st.data(), what=st.sampled_from(["accept", "reject", "restore", "flip"]))
    def decide(self, data: st.DataObject, what: str) -> None:
        getattr(self.document, what)(self.slide, self._some(data))
        self._edited()

    @rule()
    def accept_rest(self) -> None:
        self.document.accept_rest(self.slide)
        self._edited()

    @precondition(lambda self: self.now)
    @rule(data=st.data(), number=st.integers(0, 3))
    def set_class(self, data: st.DataObject, number: int) -> None:
        self.document.set_class(self.slide, self._some(data)[0], number)
        self._edited()

    @precondition(lambda self: self.now)
    @rule(data=st.data(), line=st.lists(points, min_size=2, max_size=4, unique=True), share=st.floats(0, 1))
    def place_axis(self, data: st.DataObject, line: list[tuple[int, int]], share: float) -> None:
        (id, *_) = self._some(data)
        with contextlib.suppress(ValueError):  # two points beside each other are no axis
            self.document.set_axis(self.slide, id, line)
        self._edited()
        with contextlib.suppress(UserError):
            self.document.set_centromere(self.slide, id, share)
        self._edited()

    @precondition(lambda self: any(c.in_karyogram for c in self.now.values()))
    @rule(data=st.data(), slot=st.none() | st.builds(Slot, st.integers(1, 3), st.integers(0, 2)))
    def move(self, data: st.DataObject, slot: Slot | None) -> None:
        id = data.draw(st.sampled_from([c.id for c in self.now.values() if c.in_karyogram]))
        self.document.move_to_slot(self.slide, id, slot)
        assert self.document.chromosomes(self.slide)[id].slot == slot
        self._edited()

    @rule(found=st.lists(st.tuples(boxes, st.integers(1, 3)), max_size=4), late=st.booleans())
    def analyse(self, found: list[tuple[Box, int]], late: bool) -> None:
        proposals = [
            Chromosome(n + 1, box, np.ones((box.height, box.width), bool), number=number, slot=Slot(number, n))
            for n, (box, number) in enumerate(found)
        ]
        generation = self.document.request(self.slide)
        if late:
            self.document.request(self.slide)
        answer = Analysis((SIDE, SIDE), Stain.G_BAND, False, 1.0, tuple(proposals), "", True, Quality(), {})
        kept = {id: c for id, c in self.now.items() if c.state is not State.PROPOSED}
        title = self.document.undo_title(self.slide)
        assert self.document.set_analysis(self.slide, answer, generation) is not late
        after = self.document.chromosomes(self.slide)
        assert all(same(after[id], c) for id, c in kept.items()), "a model changed what a person decided"
        if late:
            assert equal(dict(after), self.now)
        elif equal(dict(after), self.now) and self.document.undo_title(self.slide) != title:
            # Only what is known of the slide changed; that is a step as well.
            self.past.append((self.document.undo_title(self.slide) or "", self.now))
            self.future.clear()
        self._edited()

    @precondition(lambda self: self.now)
    @rule(data=st.data(), number=st.integers(1, 3))
    def reread(self, data: st.DataObject, number: int) -> None:
        asked = [self.now[id] for id in self._some(data)]
        read = [replace(c, number=number, centromere=0.5) for c in asked]
        if self.document.apply_reread(self.slide, asked, read):
            assert self.past and not self.future
            after = dict(self.document.chromosomes(self.slide))
            for old in asked:
                assert not old.centromere_placed or after[old.id].centromere == old.centromere
            self.now = after

    @rule()
    def undo(self) -> None:
        step = self.document.undo(self.slide)
        assert (step is not None) == bool(self.past)
        if self.past:
            title, before = self.past.pop()
            self.future.append((title, self.now))
            self.now = before

    @rule()
    def redo(self) -> None:
        step = self.document.redo(self.slide)
        assert (step is not None) == bool(self.future)
        if self.future:
            title, after = self.future.pop()
            self.past.append((title, self.now))
            self.now = after

    @rule()
    def reopen(self) -> None:
        infos = self.document.slides
        self.document.close()
        self.document.deleteLater()
        self.document = Document.open(self.document.path)
        assert self.document.slides == infos

    @rule(number=st.integers(0, 2))
    def save_as(self, number: int) -> None:
        self.document.save_as(Path(self.folder.name) / f"copy {number}")

    @rule()
    def replay(self) -> None:
        """The journal alone gives what is there."""
        self.document.close()
        file = CaseFile.open(self.document.path)
        replayed: dict[int, Chromosome] = {}
        for entry in file.history(self.slide).undo:
            for seq in entry.seqs:
                replayed = apply(replayed, file.command(seq))
        file.close()
        assert equal(replayed, self.now)
        self.document.deleteLater()
        self.document = Document.open(self.document.path)

    @invariant()
    def is_what_it_should_be(self) -> None:
        if not hasattr(self, "document"):
            return
        there = dict(self.document.chromosomes(self.slide))
        assert equal(there, self.now)
        assert self.document.undo_title(self.slide) == (self.past[-1][0] if self.past else None)
        redo = self.future[-1][0].replace("Undo", "Redo", 1) if self.future else None
        assert self.document.redo_title(self.slide) == redo
        slots = [c.slot for c in there.values() if c.slot is not None]
        assert len(slots) == len(set(slots)), "two chromosomes in one place"
        assert all(c.area for c in there.values())
        assert self.document.slide(self.slide).count == sum(c.in_karyogram for c in there.values())


@pytest.mark.usefixtures("qapp")
class TestOneCase(OneCase.TestCase):  # type: ignore[misc, name-defined]
    settings = settings(max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
