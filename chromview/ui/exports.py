"""Actions that write files from what is shown: questions to the person, and the work that follows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from chromview.app.label_sources import LabelChoice, label_work

if TYPE_CHECKING:
    from chromview.storage.label_export import Outcome
    from chromview.ui.window import MainWindow

_SAID = 3
"""Sentences that are shown in full; all of them are in the file."""


class Exports:
    """The exports of the window beside those of `Deeds`."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self.controller = window.controller

    def table(self) -> dict[str, Callable[[], object]]:
        """From action id to deed."""
        return {"file.export_labels": self.ask_labels}

    # -- labels --------------------------------------------------------------------------

    def ask_labels(self) -> None:
        """Ask which labels to write."""
        from chromview.ui.label_dialog import LabelDialog

        info = self.controller.info
        name = f"{self.controller.document.name} labels"
        dialog = LabelDialog(
            info.name if info is not None else "", len(self.controller.slides), self.folder() / name, self.window
        )
        dialog.chosen.connect(self.export_labels)
        dialog.open()

    def export_labels(self, choice: LabelChoice) -> None:
        """Write labels for training."""
        shown = self.controller.selection.slide
        slides = [info.id for info in self.controller.slides if choice.whole_case or info.id == shown]

        def deed() -> None:
            work = label_work(self.controller.document, slides, choice)
            self.window.settings.setValue("folder", str(choice.folder.parent))
            self.controller.exporter.run("labels", work, self._labels_written)

        self.window.bar("slides").clear()
        self.controller.attempt(deed, "slides")

    def _labels_written(self, outcome: Outcome) -> None:
        self.controller.said.emit(outcome.summary)
        if outcome.notes:
            self.controller.problem.emit(shortened(outcome.notes, "provenance.json has all of it."), "slides")

    # -- where ---------------------------------------------------------------------------

    def folder(self) -> Path:
        """Where files were written last."""
        return Path(str(self.window.settings.value("folder") or Path.home()))


def shortened(sentences: Sequence[str], where: str) -> str:
    """The first sentences, how many more there are, and `where` they stand."""
    more = len(sentences) - _SAID
    rest = [f"{more} more."] if more > 0 else []
    return "Written, except: " + " ".join([*sentences[:_SAID], *rest, where])
