"""The actions about training on corrections and about the weights in use."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QFileDialog

from chromview.app.corrections import Collected, Collection, new_work_folder
from chromview.app.document import CASE_SUFFIX
from chromview.app.weights import choose, known_weights, weights_in_use
from chromview.errors import UserError
from chromview.texts import tr

if TYPE_CHECKING:
    from chromview.ui.exports import Exports
    from chromview.ui.training_dialog import TrainingChoice, TrainingDialog
    from chromview.ui.window import MainWindow


class Training:
    """Asks what to train on, starts it, and says what came of it."""

    def __init__(self, window: MainWindow, exports: Exports) -> None:
        self.window = window
        self.controller = window.controller
        self._exports = exports
        self._collection = Collection(window.controller)
        self._dialog: TrainingDialog | None = None
        self.controller.trainer.ended.connect(self._ended)

    def table(self) -> dict[str, Callable[[], object]]:
        """From action id to deed."""
        return {"case.train": self.ask, "case.weights": self.ask_weights}

    # -- remembering ---------------------------------------------------------------------

    def restore(self, settings: QSettings) -> None:
        """Show which weights are in use; say what closing the window stopped."""
        self.controller.show_weights(weights_in_use(), changed=False)
        if str(settings.value("training/stopped")) == "true":
            settings.remove("training/stopped")
            self.controller.said.emit(
                tr("The training was stopped when the window was closed. The weights are as they were.")
            )

    def remember(self, settings: QSettings) -> None:
        """Note that a training is stopped because the window is closed."""
        if self.controller.trainer.status is not None:
            settings.setValue("training/stopped", "true")

    # -- training ------------------------------------------------------------------------

    def ask(self) -> None:
        """Ask what to train on and for how long."""
        from chromview.ui.training_dialog import TrainingDialog

        if self.controller.trainer.status is not None:
            self.controller.said.emit(tr("A training runs already; Ctrl+. stops it"))
            return
        cores = os.cpu_count() or 1
        dialog = TrainingDialog(self._exports.signed(), max(1, min(4, cores // 2)), cores, self.window)
        self._dialog = dialog
        dialog.finished.connect(self._closed)
        dialog.case_wanted.connect(self._ask_case)
        dialog.chosen.connect(self.start)
        self._collection.begin(self._counted)
        dialog.open()

    def _closed(self) -> None:
        self._dialog = None

    def _ask_case(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self._dialog, tr("Add a case"), str(self._exports.folder()), tr("Cases") + f" (*{CASE_SUFFIX})"
        )
        if path:
            self.add_case(Path(path))

    def add_case(self, path: Path) -> None:
        """Use the corrections of another case as well."""
        dialog = self._dialog
        if dialog is None:
            return
        dialog.counting()
        try:
            self._collection.add(path, self._counted)
        except UserError as error:
            self._collection.count(self._counted, str(error))

    def _counted(self, collected: Collected) -> None:
        if self._dialog is not None:
            missing = " ".join(one for one in (collected.problem, collected.too_few) if one)
            self._dialog.show_count(list(collected.cases), collected.summary, missing)
            # A case that could not be added keeps nobody from training on the others.
            self._dialog.start.setEnabled(not collected.too_few)

    def start(self, choice: TrainingChoice) -> None:
        """Write what is trained on, and begin."""
        self.window.settings.setValue("person/name", choice.who)
        self.window.bar("slides").clear()

        def begin() -> None:
            folder = new_work_folder()
            work = self._collection.writing(folder)

            def written(notes: tuple[str, ...]) -> None:
                for note in notes:
                    self.controller.problem.emit(note, "slides")
                self.controller.attempt(
                    lambda: self.controller.trainer.start(
                        folder, who=choice.who, steps=choice.steps, threads=choice.threads
                    ),
                    "slides",
                )

            self.controller.exporter.run(tr("the corrections"), work, written)

        self.controller.attempt(begin, "slides")

    def _ended(self, result: dict[str, Any]) -> None:
        if result["kept"]:
            self.controller.show_weights(weights_in_use())
        # It may have taken long: the sentence stays until somebody has read it.
        self.controller.problem.emit(_outcome(result), "slides")

    # -- weights -------------------------------------------------------------------------

    def ask_weights(self) -> None:
        """Show which weights there are and let the person choose."""
        from chromview.ui.weights_dialog import WeightsDialog

        dialog = WeightsDialog(known_weights(), self.window)
        dialog.chosen.connect(self.use)
        dialog.open()

    def use(self, name: str) -> None:
        """Use these weights from the next analysis on."""

        def deed() -> None:
            used = choose(name)
            self.controller.show_weights(weights_in_use())
            words = tr("weights {name}", name=used) if used else tr("the weights that ship")
            self.controller.said.emit(tr("From the next analysis on: {weights}", weights=words))

        self.controller.attempt(deed, "slides")


def _outcome(result: dict[str, Any]) -> str:
    old, new = (result["held_out"][which] for which in ("old", "new"))
    numbers = tr(
        "On {slides} held-out slides with {chromosomes} chromosomes: F1 at IoU .5 {a} → {b}, at .75 {c} → {d}, "
        "solved {e} → {f}.",
        slides=new["slides"], chromosomes=new["chromosomes"], a=_three(old["f1_50"]), b=_three(new["f1_50"]),
        c=_three(old["f1_75"]), d=_three(new["f1_75"]), e=_three(old["solved"]), f=_three(new["solved"]),
    )  # fmt: skip
    if result["kept"]:
        return tr("Trained: the new weights are better and are used from the next analysis on.") + " " + numbers
    if result["forgotten"]:
        elsewhere = [_three(result["simulated"][which]["f1_75"]) for which in ("old", "new")]
        return " ".join(
            (
                tr("Trained: the weights stay as they were, since the new ones have forgotten too much elsewhere."),
                numbers,
                tr("Simulated slides: F1 at IoU .75 {a} → {b}.", a=elsewhere[0], b=elsewhere[1]),
            )
        )
    return tr("Trained: the weights stay as they were, since the new ones are not better.") + " " + numbers


def _three(value: float) -> str:
    return f"{value:.3f}"
