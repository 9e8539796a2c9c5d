"""Training on corrections out of the window: the count, the refusal, the real process, cancel, and the way back."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from chromview.app.document import Document
from chromview.core.chromosome import State
from chromview.places import own_models_dir, own_segmenter
from chromview.simulate.metaphase import Simulated, simulate_metaphase
from chromview.storage.own_weights import keep
from chromview.ui.training_dialog import TrainingDialog
from chromview.ui.weights_dialog import WeightsDialog
from chromview.ui.window import MainWindow

from .helpers import Sample, open_files, show_sample, written

PATIENCE_MS = 120_000


@pytest.fixture(scope="module")
def cells() -> list[Simulated]:
    return [simulate_metaphase(seed=seed, shape=(300, 360), nuclei=0, debris=0) for seed in range(3)]


def make_case(path: Path, cells: list[Simulated]) -> Path:
    """A case whose every chromosome a person drew."""
    document = Document.new(path)
    for number, cell in enumerate(cells):
        image = path.with_name(f"{path.stem} {number}.png")
        Image.fromarray(cell.image).save(image)
        [slide] = document.add_slides([image])
        with document.transaction(slide, "Chromosomes drawn") as edit:
            for chromosome in cell.countable:
                edit.add(replace(chromosome, state=State.EDITED))
    file = document.path
    document.close()
    document.deleteLater()
    return file


@pytest.fixture
def case_window(window: MainWindow, cells: list[Simulated], tmp_path: Path) -> MainWindow:
    """A window on a case that can be trained on."""
    open_files(window, make_case(tmp_path / "mine.chromview", cells))
    return window


def ask(window: MainWindow) -> TrainingDialog:
    """Open the dialog and wait until it is counted."""
    window.actions_by_id["case.train"].trigger()
    [dialog] = [one for one in window.findChildren(TrainingDialog, "training") if one.isVisible()]
    written(window)
    return dialog


def start(window: MainWindow, qtbot: Any) -> None:
    """Ask for the shortest training there is, and wait until its process is there."""
    dialog = ask(window)
    dialog.steps.setValue(1)
    dialog.who.setText("A. Person")
    qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    written(window)
    trainer = window.controller.trainer
    assert trainer.status is not None, bar_text(window)
    qtbot.waitUntil(lambda: trainer.process_id > 0, timeout=PATIENCE_MS)
    window.controller.settle()


def hurry(window: MainWindow, qtbot: Any) -> None:
    """Take the low priority back once the process has it: the machine that runs the tests may be busy."""
    trainer = window.controller.trainer
    qtbot.waitUntil(lambda: trainer.status is None or trainer.status[1] > 0, timeout=PATIENCE_MS)
    if hasattr(os, "setpriority") and trainer.process_id:
        assert os.getpriority(os.PRIO_PROCESS, trainer.process_id) > os.getpriority(os.PRIO_PROCESS, 0)
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, trainer.process_id, os.getpriority(os.PRIO_PROCESS, 0))


def bar_text(window: MainWindow) -> str:
    return " ".join(label.text() for label in window.bar("slides").findChildren(QLabel))


def leftovers() -> list[str]:
    return [path.name for path in own_models_dir().glob("training-*")]


def test_too_few_corrections_are_counted_and_refused(window: MainWindow, cell: Sample, qtbot: Any) -> None:
    show_sample(window, cell)
    dialog = ask(window)
    assert not dialog.start.isEnabled() and dialog.missing.isVisible()
    assert "3 more slides, 60 more reviewed chromosomes, 10 more corrected masks needed" in dialog.missing.text()
    dialog.close()
    window.performer.select(min(window.controller.chromosomes))
    window.perform("chromosome.accept")
    dialog = ask(window)
    assert "1 slide of 1 case, 0 reviewed as a whole: 1 chromosome" in dialog.count.text()
    assert "2 more slides, 59 more reviewed chromosomes" in dialog.missing.text() and not dialog.start.isEnabled()
    dialog.close()


def test_further_cases_count_as_well(
    window: MainWindow, cell: Sample, cells: list[Simulated], tmp_path: Path, qtbot: Any
) -> None:
    show_sample(window, cell)
    dialog = ask(window)
    assert dialog.cases.count() == 1 and not dialog.start.isEnabled()
    other = make_case(tmp_path / "other.chromview", cells)
    window.deeds.training.add_case(other)
    assert not dialog.start.isEnabled()
    written(window)
    assert dialog.cases.count() == 2 and dialog.start.isEnabled() and not dialog.missing.isVisible()
    assert "3 slides of 1 case, 3 reviewed as a whole: 138 chromosomes" in dialog.count.text()
    window.deeds.training.add_case(other)
    written(window)
    assert "is in the list already" in dialog.missing.text() and dialog.start.isEnabled()
    window.deeds.training.add_case(tmp_path / "none.chromview")
    written(window)
    assert "none.chromview" in dialog.missing.text() and dialog.cases.count() == 2 and dialog.start.isEnabled()
    Document.open(other).close()  # nobody holds it any more
    dialog.close()


def test_a_training_runs_beside_the_window_and_says_what_came_of_it(case_window: MainWindow, qtbot: Any) -> None:
    window = case_window
    start(window, qtbot)
    assert "training: " in window.status.slide.text() and window.status.cancel.isVisible()
    assert window.actions_by_id["case.cancel"].isEnabled()
    # The window goes on meanwhile; another training does not begin.
    window.performer.select(min(window.controller.chromosomes))
    window.perform("chromosome.reject")
    assert window.controller.state.undo_title is not None
    window.actions_by_id["case.train"].trigger()
    assert "runs already" in window.status.said.text()
    stages: set[str] = set()
    window.controller.trainer.changed.connect(
        lambda: stages.add((window.controller.trainer.status or ("", 0))[0].partition(",")[0])
    )
    hurry(window, qtbot)
    qtbot.waitUntil(lambda: window.controller.trainer.status is None, timeout=PATIENCE_MS)
    window.controller.settle()
    assert {"simulating slides", "epoch 1 of 1", "looking with the new weights"} <= stages
    assert bar_text(window).startswith("Trained: ") and "On 1 held-out slides with 46 chromosomes" in bar_text(window)
    used = own_segmenter()
    # One step may be for the better or not; what is said and what is used agree.
    assert (used is not None) == ("are used from the next analysis on" in bar_text(window))
    assert window.controller.state.weights == ("" if used is None else used.stem)
    assert window.status.weights.isVisible() == (used is not None)
    if used is not None:
        assert json.loads(used.with_suffix(".json").read_text())["who"] == "A. Person"
    assert leftovers() == [] and not window.status.cancel.isVisible()


def test_cancel_stops_the_process_and_leaves_nothing(case_window: MainWindow, qtbot: Any) -> None:
    window = case_window
    start(window, qtbot)
    window.actions_by_id["case.cancel"].trigger()
    qtbot.waitUntil(lambda: window.controller.trainer.status is None, timeout=PATIENCE_MS)
    assert "Training cancelled" in window.status.said.text()
    assert leftovers() == [] and own_segmenter() is None and not bar_text(window).strip("✕ ")


def test_closing_the_window_stops_the_training_and_the_next_one_says_so(
    case_window: MainWindow, open_window: Any, qtbot: Any
) -> None:
    start(case_window, qtbot)
    case_window.close()
    assert case_window.controller.trainer.status is None and leftovers() == []
    again = open_window()
    assert "training was stopped when the window was closed" in again.status.said.text()
    assert "stopped" not in open_window().status.said.text()


def test_a_training_that_fails_says_why(case_window: MainWindow, monkeypatch: pytest.MonkeyPatch, qtbot: Any) -> None:
    monkeypatch.setenv("CHROMVIEW_MODELS", str(case_window.controller.document.path.parent))
    start(case_window, qtbot)
    qtbot.waitUntil(lambda: case_window.controller.trainer.status is None, timeout=PATIENCE_MS)
    assert "segmenter.safetensors" in bar_text(case_window) and leftovers() == []


def test_a_person_chooses_which_weights_are_used(window: MainWindow, cell: Sample, qtbot: Any) -> None:
    show_sample(window, cell)
    own = keep(b"weights", {"trained": "2026-01-02 03:04", "who": "A. Person", "data": {"slides": 3}, "held_out": 5})
    window.actions_by_id["case.weights"].trigger()
    dialog = window.findChild(WeightsDialog, "weights")
    assert dialog is not None and dialog.list.count() == 2 and dialog.list.currentRow() == 1
    assert "A. Person" in dialog.card.text() and not dialog.use.isEnabled()
    dialog.list.setCurrentRow(0)
    qtbot.mouseClick(dialog.use, Qt.MouseButton.LeftButton)
    window.controller.settle()
    assert own_segmenter() is None and not window.status.weights.isVisible()
    assert "the weights that ship" in window.status.said.text()
    window.deeds.training.use(own.name)
    window.controller.settle()
    assert own_segmenter() == own.path and window.status.weights.isVisible()
    window.actions_by_id["help.about"].trigger()
    text = window.findChild(QLabel, "about.text")
    assert text is not None and own.name in text.text()
    glowing = keep(b"weights", {"trained": "2026-01-02 03:05"}, fluorescent=True)
    window.deeds.training.use(glowing.name)
    window.controller.settle()
    assert window.status.weights.toolTip() == own.name  # the slide that is open is in bright field
    window.actions_by_id["case.stain_dapi"].trigger()
    window.controller.settle()
    assert window.status.weights.toolTip() == glowing.name
    window.actions_by_id["edit.undo"].trigger()
    window.controller.settle()
    assert window.status.weights.toolTip() == own.name
    window.actions_by_id["case.weights"].trigger()
    dialog = window.findChildren(WeightsDialog, "weights")[-1]  # the first one is still being deleted
    assert ["used now" in dialog.list.item(n).text() for n in range(3)] == [False, True, True]
    dialog.close()
    own.path.with_suffix(".json").unlink()
    window.deeds.training.use("shipped")
    window.deeds.training.use(own.name)
    assert "there are no weights" in bar_text(window)
