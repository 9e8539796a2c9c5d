"""The analysis as the window shows it: progress, cancel, and answers that find their slide."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication

from chromview.app.jobs import Jobs
from chromview.core.chromosome import Analysis, Chromosome, Quality, SlideImage, Stain
from chromview.errors import UserError
from chromview.progress import CancelToken, Progress
from chromview.ui.window import MainWindow

from .helpers import Hand, Sample, inside, open_files, settle, show_sample


class Engine:
    """Stands in for the networks: knows the answer of each sample, and gives it when told to."""

    def __init__(self, *samples: Sample) -> None:
        self.answers = {sample.analysis.shape: sample.analysis for sample in samples}
        self.go = threading.Event()
        self.asked: list[str] = []

    def __call__(
        self,
        image: SlideImage,
        models: Any,
        *,
        stain: Stain | None,
        progress: Progress,
        cancel: CancelToken,
        **more: Any,
    ) -> Analysis:
        self.asked.append(Path(image.path).name)
        progress("finding chromosomes", 0.41)
        while not self.go.wait(0.005):
            cancel.check()
        progress("reading classes", 0.9)
        return self.answers[image.shape]


@pytest.fixture
def engine(cell: Sample, cluster: Sample) -> Iterator[Engine]:
    made = Engine(cell, cluster)
    yield made
    made.go.set()


@pytest.fixture
def working(open_window: Callable[..., MainWindow], engine: Engine) -> MainWindow:
    """A window whose analysis waits for the test's word."""
    window = open_window(
        jobs=Jobs(analyse=engine, load_models=lambda device: SimpleNamespace(description="CPU (test)"))
    )
    window.actions_by_id["case.analyse_new"].setChecked(True)
    window.perform("case.analyse_new")
    return window


def test_a_new_slide_is_analysed_by_itself_with_progress(
    working: MainWindow, engine: Engine, cell: Sample, qtbot: Any
) -> None:
    window = working
    open_files(window, cell.path)
    assert window.viewer.picture is not None  # the slide is there at once
    qtbot.waitUntil(lambda: "finding chromosomes" in window.status.slide.text())
    assert window.status.progress.isVisible()
    assert window.status.progress.value() == 41
    assert window.status.cancel.isVisible()
    assert window.device_button.text() == "Device: CPU (test)"
    assert "being analysed" in window.karyogram.empty_text
    engine.go.set()
    qtbot.waitUntil(lambda: len(window.controller.chromosomes) == len(cell.analysis.chromosomes))
    settle(window)
    qtbot.waitUntil(lambda: not window.status.progress.isVisible())
    assert window.karyogram_panel.formula.text() == "47,XY,+21"
    assert len(window.viewer.chromosomes) == len(cell.analysis.chromosomes)


def test_cancel_stops_it_and_leaves_the_slide_as_it_was(
    working: MainWindow, engine: Engine, cell: Sample, qtbot: Any
) -> None:
    window = working
    open_files(window, cell.path)
    qtbot.waitUntil(lambda: bool(engine.asked) and window.status.cancel.isEnabled())
    window.status.cancel.click()
    qtbot.waitUntil(lambda: not window.status.progress.isVisible())
    assert not window.controller.chromosomes
    assert window.status.said.text() == "Analysis cancelled"
    engine.go.set()
    window.perform("case.analyse")
    qtbot.waitUntil(lambda: len(window.controller.chromosomes) > 0)


def test_an_answer_lands_on_the_slide_it_was_computed_for(
    working: MainWindow, engine: Engine, cell: Sample, cluster: Sample, qtbot: Any
) -> None:
    window = working
    open_files(window, cell.path)
    first = window.controller.selection.slide
    qtbot.waitUntil(lambda: bool(engine.asked))
    open_files(window, cluster.path)
    second = window.controller.selection.slide
    assert first is not None
    assert second is not None
    assert first != second
    document = window.controller.document
    engine.go.set()
    qtbot.waitUntil(lambda: bool(document.chromosomes(first)) and bool(document.chromosomes(second)))
    assert window.controller.selection.slide == second
    assert len(document.chromosomes(first)) == len(cell.analysis.chromosomes)
    assert len(document.chromosomes(second)) == len(cluster.analysis.chromosomes)
    settle(window)
    assert len(window.viewer.chromosomes) == len(cluster.analysis.chromosomes)


def test_what_a_person_edited_stays(working: MainWindow, engine: Engine, cell: Sample, qtbot: Any) -> None:
    window = working
    engine.go.set()
    open_files(window, cell.path)
    qtbot.waitUntil(lambda: len(window.controller.chromosomes) > 0)
    id = next(c.id for c in window.controller.chromosomes.values() if c.number == 9)
    window.performer.select(id)
    window.performer.set_class(12)
    window.perform("case.analyse")
    qtbot.waitUntil(lambda: len(engine.asked) == 2 and not window.controller.state.analysing)
    assert window.controller.chromosomes[id].number == 12
    assert len(window.controller.chromosomes) == len(cell.analysis.chromosomes)


def test_missing_weights_are_said_over_the_slide(
    open_window: Callable[..., MainWindow], cell: Sample, qtbot: Any
) -> None:
    def missing(device: str) -> Any:
        raise UserError("the weights are missing", path="segmenter.safetensors", advice="Install chromview again.")

    window = open_window(jobs=Jobs(load_models=missing))
    open_files(window, cell.path)
    window.perform("case.analyse")
    qtbot.waitUntil(lambda: "segmenter.safetensors" in window.bar("viewer").text)
    assert window.viewer.picture is not None
    assert not window.status.progress.isVisible()


def test_closing_while_it_runs_ends_everything(working: MainWindow, engine: Engine, cell: Sample, qtbot: Any) -> None:
    window = working
    open_files(window, cell.path)
    qtbot.waitUntil(lambda: bool(engine.asked))
    window.close()
    QApplication.processEvents()
    assert not window.isVisible()


def test_after_an_edit_the_masks_are_read_anew_and_undo_takes_that_back_too(
    open_window: Callable[..., MainWindow], cell: Sample, qtbot: Any
) -> None:
    def reread(
        image: SlideImage,
        chromosomes: Sequence[Chromosome],
        ids: Collection[int],
        models: Any,
        *,
        stain: Stain | None,
        **more: Any,
    ) -> tuple[Chromosome, ...]:
        as_3 = tuple(float(number == 3) for number in range(1, 25))
        return tuple(replace(c, number=3, probabilities=as_3) for c in chromosomes if c.id in ids)

    window = open_window(jobs=Jobs(load_models=lambda device: SimpleNamespace(description="CPU (test)"), reread=reread))
    show_sample(window, cell)
    chromosome = next(c for c in window.controller.chromosomes.values() if c.number == 9)
    window.performer.select(chromosome.id)
    window.perform("mask.erase")
    at = inside(window, chromosome.id)
    Hand(window.viewer).drag(at, at)
    assert window.controller.chromosomes[chromosome.id].area < chromosome.area
    qtbot.waitUntil(lambda: window.controller.chromosomes[chromosome.id].number == 3)
    window.perform("edit.undo")
    assert window.controller.chromosomes[chromosome.id].number == 9
    assert window.controller.chromosomes[chromosome.id].area == chromosome.area


def test_a_slide_without_chromosomes_says_what_to_do(window: MainWindow, cell: Sample) -> None:
    open_files(window, cell.path)
    slide = window.controller.selection.slide
    assert slide is not None
    nothing = replace(cell.analysis, chromosomes=(), quality=Quality(count=0))
    document = window.controller.document
    document.set_analysis(slide, nothing, document.request(slide))
    settle(window)
    assert "No chromosome was found" in window.karyogram.empty_text
    window.perform("case.stain_dapi")
    settle(window)
    assert window.controller.stain is Stain.DAPI
    assert window.actions_by_id["case.stain_dapi"].isChecked()
