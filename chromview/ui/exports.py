"""Actions that write files from what is shown: questions to the person, and the work that follows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog

from chromview.app import exporting
from chromview.app.label_sources import LabelChoice, label_work
from chromview.app.person import login_name
from chromview.app.report import report_work
from chromview.app.slides import SlideInfo
from chromview.progress import CancelToken, Progress
from chromview.texts import tr
from chromview.ui.report import pdf

if TYPE_CHECKING:
    from chromview.storage.case_export import CaseWritten
    from chromview.storage.label_export import Outcome
    from chromview.ui.export_dialog import ExportChoice
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
        return {
            "file.export_labels": self.ask_labels,
            "file.export_metaphase": self.ask_metaphase,
            "file.export_report": self.ask_report,
            "file.export_case": self.ask_case,
        }

    # -- the slide shown -----------------------------------------------------------------

    def ask_metaphase(self) -> None:
        """Ask where to write the slide with its numbers."""
        path = self._ask_file(tr("Export slide with numbers"), "numbers.png", "PNG (*.png)")
        if path is not None:
            self.export_metaphase(path)

    def export_metaphase(self, path: Path) -> None:
        """Write the slide shown with its chromosomes outlined and numbered."""
        info = self.controller.info
        if info is not None:
            self.controller.attempt(
                lambda: self.controller.background.do(
                    exporting.metaphase(self.controller.document, info, path), tr("Written: {path}", path=path)
                ),
                "viewer",
            )

    def ask_report(self) -> None:
        """Ask where to write the report of the slide shown."""
        path = self._ask_file(tr("Export report"), "report.pdf", "PDF (*.pdf)")
        if path is not None:
            self.export_report(path)

    def export_report(self, path: Path) -> None:
        """Write the report of the slide shown as PDF."""
        info = self.controller.info
        if info is None:
            return

        def deed() -> None:
            make = self._report([info], self.signed(), whole_case=False)

            def work(progress: Progress, cancel: CancelToken) -> str:
                exporting.write_file(path, make(progress, cancel))
                return tr("Written: {path}", path=path)

            self.controller.exporter.run(tr("report"), work, self.controller.said.emit)

        self.controller.attempt(deed, "karyogram")

    def _report(
        self, infos: list[SlideInfo], signed: str, *, whole_case: bool
    ) -> Callable[[Progress, CancelToken], bytes]:
        return report_work(
            self.controller.document, infos, signed, pdf, whole_case=whole_case, bands=self.window.deeds.shown_bands
        )

    # -- the case ------------------------------------------------------------------------

    def ask_case(self) -> None:
        """Ask what to write of the case."""
        from chromview.ui.export_dialog import ExportDialog

        info = self.controller.info
        folder = self.folder() / f"{self.controller.document.name} export"
        name = info.name if info is not None else ""
        dialog = ExportDialog(name, len(self.controller.slides), folder, self.signed(), self.window)
        dialog.chosen.connect(self.export_case)
        dialog.open()

    def export_case(self, choice: ExportChoice) -> None:
        """Write pictures, tables and the report of the case or the slide shown."""
        shown = self.controller.selection.slide
        infos = [info for info in self.controller.slides if choice.whole_case or info.id == shown]
        self.window.settings.setValue("person/name", choice.signed)
        self.controller.set_person(choice.signed or login_name())
        self.window.settings.setValue("folder", str(choice.folder.parent))

        def deed() -> None:
            report = None
            if "report" in choice.parts:
                report = self._report(infos, choice.signed, whole_case=choice.whole_case)
            parts = [part for part in choice.parts if part != "report"]
            bands = self.window.deeds.shown_bands
            work = exporting.case_work(self.controller.document, infos, choice.folder, parts, report, bands=bands)
            self.controller.exporter.run(tr("the case"), work, self._case_written)

        self._read_then(tr("the case"), [info.id for info in infos], deed)

    def _case_written(self, written: CaseWritten) -> None:
        self.controller.said.emit(written.summary)
        if written.notes:
            self.controller.problem.emit(shortened(written.notes, ""), "slides")

    def signed(self) -> str:
        """Who makes the report: the name given last, else that of the account."""
        name = self.window.settings.value("person/name")
        return name if isinstance(name, str) else login_name()

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
            self.controller.exporter.run(tr("labels"), work, self._labels_written)

        self._read_then(tr("labels"), slides, deed)

    def _labels_written(self, outcome: Outcome) -> None:
        self.controller.said.emit(outcome.summary)
        if outcome.notes:
            self.controller.problem.emit(shortened(outcome.notes, tr("provenance.json has all of it.")), "slides")

    def _read_then(self, what: str, slides: Sequence[int], deed: Callable[[], object]) -> None:
        """Read what the case file holds of these slides, slide by slide, and then do `deed`."""
        document = self.controller.document
        self.window.bar("slides").clear()
        self.controller.exporter.prepare(
            what, map(document.chromosomes, slides), lambda: self.controller.attempt(deed, "slides")
        )

    # -- where ---------------------------------------------------------------------------

    def folder(self) -> Path:
        """Where files were written last."""
        return Path(str(self.window.settings.value("folder") or Path.home()))

    def _ask_file(self, title: str, name: str, kind: str) -> Path | None:
        info = self.controller.info
        stem = Path(info.name).stem if info is not None else "slide"
        path, _ = QFileDialog.getSaveFileName(self.window, title, str(self.folder() / f"{stem} {name}"), kind)
        if not path:
            return None
        self.window.settings.setValue("folder", str(Path(path).parent))
        return Path(path)


def shortened(sentences: Sequence[str], where: str) -> str:
    """The first sentences, how many more there are, and `where` they stand."""
    more = len(sentences) - _SAID
    rest = [tr("{n} more.", n=more)] if more > 0 else []
    return tr("Written, except:") + " " + " ".join([*sentences[:_SAID], *rest, where]).strip()
