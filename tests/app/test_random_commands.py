"""Whatever a person does, in any order: undo takes it back exactly, and reopening changes nothing.

The steps, and what must hold after each, are those of `benchmarks/random_commands.py`, which takes 10,000 of them.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from pathlib import Path
from random import Random
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule


def _load() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "random_commands.py"
    spec = importlib.util.spec_from_file_location("random_commands", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


walks = _load()
slides = st.integers(0, 1)
seeds = st.integers(0, 999)


class OneCase(RuleBasedStateMachine):
    """A case with two slides, and beside it what it should hold."""

    @initialize(seed=seeds)
    def begin(self, seed: int) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.walk = walks.Walk(Path(self.folder.name))
        for slide in self.walk.slides:
            self.walk.edit(slide, "analysis", Random(seed))

    def teardown(self) -> None:
        if hasattr(self, "walk"):
            self.walk.close()
            self.folder.cleanup()

    @rule(slide=slides, name=st.sampled_from(list(walks.EDITS)), seed=seeds)
    def edit(self, slide: int, name: str, seed: int) -> None:
        self.walk.edit(self.walk.slides[slide], name, Random(seed))

    @rule(slide=slides, name=st.sampled_from([n for n in walks.EDITS for _ in range(walks.EDITS[n][0])]), seed=seeds)
    def edit_as_often_as_people_do(self, slide: int, name: str, seed: int) -> None:
        self.walk.edit(self.walk.slides[slide], name, Random(seed))

    @rule(slide=slides, times=st.integers(1, 4))
    def undo(self, slide: int, times: int) -> None:
        for _ in range(times):
            self.walk.undo(self.walk.slides[slide])

    @rule(slide=slides, times=st.integers(1, 4))
    def redo(self, slide: int, times: int) -> None:
        for _ in range(times):
            self.walk.redo(self.walk.slides[slide])

    @rule()
    def reopen(self) -> None:
        self.walk.reopen()

    @rule(number=st.integers(0, 1))
    def save_as(self, number: int) -> None:
        self.walk.save_as(number)

    @rule(slide=slides)
    def remove_and_bring_back(self, slide: int) -> None:
        self.walk.remove_and_bring_back(self.walk.slides[slide])

    @rule()
    def replay(self) -> None:
        self.walk.check_journal()

    @invariant()
    def holds(self) -> None:
        if hasattr(self, "walk"):
            self.walk.check()


@pytest.mark.usefixtures("qapp")
class TestOneCase(OneCase.TestCase):  # type: ignore[misc, name-defined]
    settings = settings(max_examples=4, stateful_step_count=22, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.usefixtures("qapp")
def test_everything_is_taken_back_exactly_after_reopening(tmp_path: Path) -> None:
    walk = walks.Walk(tmp_path)
    for step in range(100):
        walk.random_step(Random(f"back {step}"))
        walk.check()
    walk.check_journal()
    for slide in walk.slides:
        walks.take_all_back(walk, slide)
    walk.reopen()
    walk.check()
    walk.close()
