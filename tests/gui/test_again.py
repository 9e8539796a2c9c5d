"""Asking the model again about one cluster, and choosing from its answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from chromview.app.jobs import Jobs
from chromview.core.alternatives import Alternative, Part
from chromview.core.chromosome import Chromosome, SlideImage, State
from chromview.core.commands import same
from chromview.core.masks import overlap_area
from chromview.errors import UserError
from chromview.progress import CancelToken
from chromview.ui.window import MainWindow

from .helpers import Hand, Sample, equal, inside, settle, show_sample, single, snapshot


class Engine:
    """Stands in for the networks: answers with masks made of what it was asked about, when told to."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.go = threading.Event()
        self.go.set()
        self.fails = False
        self.ways = 2

    def __call__(
        self,
        image: SlideImage,
        cluster: Sequence[Chromosome],
        others: Sequence[Chromosome],
        models: Any,
        **options: Any,
    ) -> tuple[Alternative, ...]:
        cancel: CancelToken = options["cancel"]
        self.asked.append({"ids": [c.id for c in cluster], "others": [c.id for c in others], **options})
        while not self.go.wait(0.005):
            cancel.check()
        if self.fails:
            raise UserError("the weights are missing", advice="Install chromview again.")
        whole = np.zeros(image.shape, bool)
        for c in cluster:
            whole[c.box.slices] |= c.mask
        rows = np.flatnonzero(whole.any(axis=1))
        middle = int(rows[len(rows) // 2])
        halves = [whole.copy(), whole.copy()]
        halves[0][middle + 2 :] = False
        halves[1][: middle - 2] = False
        two, one = Alternative("pieces", _parts(halves)), Alternative("one chromosome", _parts([whole]))
        return (*[two] * (self.ways - 1), one)


def _parts(masks: Sequence[Any]) -> tuple[Part, ...]:
    made = [Chromosome.from_slide_mask(1, mask) for mask in masks]
    return tuple(Part(c.box, c.mask, 0.8) for c in made)


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine()
    yield made
    made.go.set()


@pytest.fixture
def asking(open_window: Callable[..., MainWindow], engine: Engine, cell: Sample) -> MainWindow:
    """A window on the metaphase whose model can be asked again."""

    def as_it_was(image: SlideImage, chromosomes: Sequence[Chromosome], *rest: Any, **options: Any) -> tuple[Any, ...]:
        return tuple(chromosomes)

    models = SimpleNamespace(description="CPU (test)")
    window = open_window(jobs=Jobs(load_models=lambda device: models, reread=as_it_was))
    window.asker.ask_again = engine
    show_sample(window, cell)
    return window


def crossing(window: MainWindow) -> tuple[Chromosome, Chromosome]:
    """Two that share pixels and touch nothing else."""
    counted = [c for c in window.controller.chromosomes.values() if c.in_karyogram]
    for a in counted:
        window.performer.select(a.id, reveal=False)
        cluster = window.asker.cluster
        if len(cluster) == 2 and overlap_area(*cluster):
            window.performer.select(None)
            return cluster[0], cluster[1]
    raise AssertionError("no crossing of two")


def answered(window: MainWindow, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: not window.asker.waiting)
    QApplication.processEvents()


def test_an_answer_is_chosen_by_keyboard_and_is_one_command(asking: MainWindow, engine: Engine, qtbot: Any) -> None:
    window = asking
    pair = crossing(window)
    Hand(window.viewer).click(inside(window, pair[0].id))
    before = snapshot(window)
    qtbot.keyClick(window.viewer, Qt.Key.Key_G)
    assert window.again.isVisible()
    assert "This cluster has 2" in window.again.about.text()
    answered(window, qtbot)
    assert engine.asked[0]["ids"] == [c.id for c in pair]
    assert not {c.id for c in pair} & set(engine.asked[0]["others"])
    assert engine.asked[0]["count"] is None
    assert [c.text() for c in window.again.choices] == ["1  Segmenter: 2", "2  Uncut: 1"]
    assert not window.again.choices[0].icon().isNull()
    assert window.focusWidget() is window.again.choices[0]
    assert equal(snapshot(window), before)
    qtbot.keyClick(window.again.choices[0], Qt.Key.Key_Right)
    assert window.focusWidget() is window.again.choices[1]
    qtbot.keyClick(window.again.choices[1], Qt.Key.Key_Return)
    settle(window)
    assert not window.again.isVisible()
    assert window.focusWidget() is window.viewer
    gone = {c.id for c in pair} - set(window.controller.chromosomes)
    assert gone
    made = [c for id, c in window.controller.chromosomes.items() if id not in before or not same(before[id], c)]
    made = [c for c in made if c.box.intersection(pair[0].box.union(pair[1].box)) is not None]
    assert sum(c.state is State.EDITED for c in made) == 1
    assert window.controller.state.undo_title is not None
    assert window.controller.state.undo_title.startswith("Undo new segmentation of")
    window.perform("edit.undo")
    assert equal(snapshot(window), before)
    window.perform("edit.redo")
    assert not gone & set(window.controller.chromosomes)


def test_answers_wider_than_the_slide_are_scrolled_to(asking: MainWindow, engine: Engine, qtbot: Any) -> None:
    a, _ = crossing(asking)
    asking.performer.select(a.id)
    asking.again.open()
    answered(asking, qtbot)
    narrowest = asking.minimumSizeHint().width()
    engine.ways = 6
    asking.again.ask()
    answered(asking, qtbot)
    assert len(asking.again.choices) == 6
    assert asking.minimumSizeHint().width() == narrowest
    asking.resize(narrowest, 700)
    QApplication.processEvents()
    first, last = asking.again.choices[0], asking.again.choices[-1]
    assert last.visibleRegion().isEmpty()
    first.setFocus()
    qtbot.keyClick(first, Qt.Key.Key_Left)
    assert last.hasFocus()
    assert not last.visibleRegion().isEmpty()


def test_the_number_of_chromosomes_can_be_typed(asking: MainWindow, engine: Engine, qtbot: Any) -> None:
    window = asking
    pair = crossing(window)
    Hand(window.viewer).click(inside(window, pair[0].id))
    qtbot.keyClick(window.viewer, Qt.Key.Key_G)
    answered(window, qtbot)
    window.again.count.setFocus()
    window.again.count.selectAll()
    qtbot.keyClicks(window.again.count, "3")
    assert not engine.asked[1:]
    qtbot.keyClick(window.again.count, Qt.Key.Key_Return)
    answered(window, qtbot)
    assert engine.asked[1]["count"] == 3
    assert window.controller.tools.label == 1  # the digit was for the field


def test_a_digit_takes_an_answer(asking: MainWindow, engine: Engine, qtbot: Any) -> None:
    window = asking
    pair = crossing(window)
    Hand(window.viewer).click(inside(window, pair[0].id))
    window.perform("mask.ask_again")
    answered(window, qtbot)
    qtbot.keyClick(window.again.choices[0], Qt.Key.Key_2)
    assert len({c.id for c in pair} & set(window.controller.chromosomes)) == 1
    assert not window.again.isVisible()


def test_what_a_person_edited_is_asked_about_and_kept(asking: MainWindow, engine: Engine, qtbot: Any) -> None:
    window = asking
    first, second = crossing(window)
    Hand(window.viewer).click(inside(window, first.id))
    window.perform("chromosome.accept")
    settle(window)
    accepted = window.controller.chromosomes[first.id]
    window.performer.select(second.id)
    window.perform("mask.ask_again")
    answered(window, qtbot)
    assert window.again.keep.isVisible()
    assert window.again.keep.text() == "Keep the one that a person edited or accepted"
    assert engine.asked[-1]["ids"] == [second.id]
    assert first.id in engine.asked[-1]["others"]
    qtbot.keyClick(window.again.choices[0], Qt.Key.Key_Return)
    assert same(window.controller.chromosomes[first.id], accepted)
    window.perform("edit.undo")
    window.performer.select(second.id)
    window.perform("mask.ask_again")
    answered(window, qtbot)
    window.again.keep.click()
    answered(window, qtbot)
    assert sorted(engine.asked[-1]["ids"]) == sorted([first.id, second.id])


def test_a_stroke_on_each_chromosome_is_a_hint(asking: MainWindow, engine: Engine, qtbot: Any) -> None:
    window = asking
    pair = crossing(window)
    window.perform("mask.hint")
    assert "Draw a stroke along each chromosome" in window.status.said.text()
    before = snapshot(window)
    plain = window.viewer.grab().toImage()
    for c in pair:
        assert c.axis is not None
        way = [window.viewer.to_screen(float(y), float(x)) for y, x in c.axis[2:-2:6]]
        Hand(window.viewer).drag(*way)
    assert window.again.isVisible()
    assert window.again.strokes.text() == "2 strokes ✕"
    assert len(window.viewer.hints) == 2
    assert window.viewer.grab().toImage() != plain
    assert equal(snapshot(window), before)
    window.viewer.setFocus()
    qtbot.keyClick(window.viewer, Qt.Key.Key_G)
    answered(window, qtbot)
    assert len(engine.asked[-1]["strokes"]) == 2
    assert window.focusWidget() is window.again.choices[0]
    assert sorted(engine.asked[-1]["ids"]) == sorted(c.id for c in pair)
    window.again.strokes.click()
    assert window.viewer.hints == ()
    assert window.again.choices == []


def test_escape_closes_and_nothing_changed(asking: MainWindow, engine: Engine, qtbot: Any) -> None:
    window = asking
    pair = crossing(window)
    Hand(window.viewer).click(inside(window, pair[0].id))
    before = snapshot(window)
    window.perform("mask.ask_again")
    answered(window, qtbot)
    qtbot.keyClick(window.again.choices[0], Qt.Key.Key_Escape)
    assert not window.again.isVisible()
    assert equal(snapshot(window), before)


def test_escape_stops_a_question_that_is_still_asked(asking: MainWindow, engine: Engine, qtbot: Any) -> None:
    window = asking
    Hand(window.viewer).click(inside(window, crossing(window)[0].id))
    before = snapshot(window)
    engine.go.clear()
    window.perform("mask.ask_again")
    qtbot.waitUntil(lambda: bool(engine.asked))
    window.actions_by_id["mask.select"].trigger()
    qtbot.waitUntil(lambda: window.controller.jobs._running is None)  # nobody let it go on
    assert not window.asker.waiting
    assert not window.again.isVisible()
    assert equal(snapshot(window), before)


def test_a_late_answer_for_a_cluster_that_changed_is_not_used(asking: MainWindow, engine: Engine, qtbot: Any) -> None:
    window = asking
    pair = crossing(window)
    Hand(window.viewer).click(inside(window, pair[0].id))
    engine.go.clear()
    window.perform("mask.ask_again")
    qtbot.waitUntil(lambda: bool(engine.asked))
    window.perform("chromosome.reject")
    settle(window)
    assert "changed meanwhile" in window.status.said.text()
    after = snapshot(window)
    engine.go.set()
    qtbot.waitUntil(lambda: window.controller.jobs._running is None)
    QApplication.processEvents()
    assert window.asker.alternatives == ()
    assert window.again.choices == []
    assert equal(snapshot(window), after)


def test_another_slide_has_nothing_of_the_question(
    asking: MainWindow, engine: Engine, cluster: Sample, qtbot: Any
) -> None:
    window = asking
    pair = crossing(window)
    Hand(window.viewer).click(inside(window, pair[0].id))
    engine.go.clear()
    window.perform("mask.ask_again")
    qtbot.waitUntil(lambda: bool(engine.asked))
    other = show_sample(window, cluster)
    before = snapshot(window)
    engine.go.set()
    qtbot.waitUntil(lambda: window.controller.jobs._running is None)
    QApplication.processEvents()
    assert window.controller.selection.slide == other
    assert window.asker.alternatives == ()
    assert equal(snapshot(window), before)


def test_no_weights_are_said_over_the_slide(asking: MainWindow, engine: Engine, qtbot: Any) -> None:
    window = asking
    engine.fails = True
    Hand(window.viewer).click(inside(window, single(window).id))
    window.perform("mask.ask_again")
    answered(window, qtbot)
    assert "weights are missing" in window.bar("viewer").text


def test_with_nothing_selected_it_says_what_to_do(asking: MainWindow, engine: Engine) -> None:
    window = asking
    window.performer.select(None)
    window.perform("mask.ask_again")
    assert "Select a chromosome of the cluster" in window.status.said.text()
    assert not window.again.isVisible()
    assert not engine.asked
