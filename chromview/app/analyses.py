"""Slides on their way through the networks: analysed as a whole, or read anew where a person changed masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from chromview.app.slides import SlideInfo
from chromview.app.view_state import Running
from chromview.core.chromosome import Analysis, Chromosome, SlideImage
from chromview.texts import tr, tr_n

if TYPE_CHECKING:
    from chromview.app.controller import Controller

REREAD_MS = 700
"""After a pause this long the networks read the new masks; loading them would stop the hand."""


class Analyses(QObject):
    """Puts slides and chromosomes into the queue of the worker, and what comes back into the case.

    Attributes
    ----------
    running
        What the worker does now.
    device
        Where the networks run, in words; empty until they are loaded.

    Signals
    -------
    changed()
        Something is queued, running or done.
    said(str)
        A short sentence for the status line.
    failed(str)
        A sentence: what could not be done and why.
    """

    changed = Signal()
    said = Signal(str)
    failed = Signal(str)

    def __init__(self, controller: Controller) -> None:
        super().__init__(controller)
        self._controller = controller
        self._jobs = controller.jobs
        self.running: Running | None = None
        self.device = ""
        self._to_reread: set[int] = set()
        self._reread_on: int | None = None
        self._reread_soon = QTimer(self)
        self._reread_soon.setSingleShot(True)
        self._reread_soon.setInterval(REREAD_MS)
        self._reread_soon.timeout.connect(self.reread_now)
        self._jobs.started.connect(self._started)
        self._jobs.progress.connect(self._progress)
        self._jobs.finished.connect(self._finished)
        self._jobs.failed.connect(self._failed)
        self._jobs.cancelled.connect(self._cancelled)
        self._jobs.device.connect(self._device_told)
        self._jobs.queue_changed.connect(self._queue_changed)
        self._jobs.reread_finished.connect(self._reread_finished)

    def _image(self, info: SlideInfo) -> SlideImage | Path:
        """The image of the slide shown, if it has been read; else where it is."""
        controller = self._controller
        shown = info.id == controller.selection.slide
        return controller.image if shown and controller.image is not None else info.path

    def analyse(self, slides: Sequence[int]) -> None:
        """Put slides into the queue of the worker, the one shown at its front."""
        document = self._controller.document
        known = {info.id: info for info in document.slides}
        for slide in slides:
            info = known.get(slide)
            if info is not None and not info.missing:
                self._jobs.analyse(
                    slide,
                    document.request(slide),
                    self._image(info),
                    stain=info.stain,
                    scale=info.chosen_scale,
                    first=slide == self._controller.selection.slide,
                )
        self.changed.emit()

    def _started(self, slide: int) -> None:
        self._progress(slide, "", 0.0)

    def _progress(self, slide: int, stage: str, share: float) -> None:
        self.running = Running(slide, stage, share)
        self.changed.emit()

    def _queue_changed(self) -> None:
        if self._jobs.running is None or (self.running is not None and self.running.slide != self._jobs.running):
            self.running = None
        self.changed.emit()

    def _finished(self, slide: int, generation: int, analysis: Analysis) -> None:
        self._queue_changed()
        self._controller.attempt(lambda: self._controller.document.set_analysis(slide, analysis, generation))

    def _failed(self, slide: int, sentence: str) -> None:
        self._queue_changed()
        self.failed.emit(sentence)

    def _cancelled(self, slide: int) -> None:
        self._queue_changed()
        self.said.emit(tr("Analysis cancelled"))

    def _device_told(self, device: str) -> None:
        self.device = device
        self.changed.emit()

    # -- reading anew --------------------------------------------------------------------

    def reread(self, ids: Sequence[int]) -> None:
        """Have axis, centromere and class read anew, in the next pause, after a person changed the masks of `ids`."""
        slide = self._controller.selection.slide
        if slide != self._reread_on:
            self.reread_now()
            self._reread_on = slide
        self._to_reread.update(ids)
        self._reread_soon.start()

    def hold(self, busy: bool) -> None:
        """Nothing is read anew while the hand is `busy`."""
        if busy:
            self._reread_soon.stop()
        elif self._to_reread:
            self._reread_soon.start()

    def forget(self) -> None:
        """Read nothing of what waits for a pause."""
        self._reread_soon.stop()
        self._to_reread.clear()
        self._reread_on = None

    def reread_now(self) -> None:
        """Have read at once what waits for a pause."""
        self._reread_soon.stop()
        info = next((info for info in self._controller.slides if info.id == self._reread_on), None)
        ids, self._to_reread, self._reread_on = self._to_reread, set(), None
        if info is None or info.missing:
            return
        chromosomes = self._controller.document.chromosomes(info.id)
        there = [id for id in ids if id in chromosomes and chromosomes[id].in_karyogram]
        if there:
            self._jobs.reread(
                info.id,
                self._image(info),
                tuple(chromosomes.values()),
                there,
                stain=info.stain,
                scale=info.chosen_scale,
            )

    def _reread_finished(self, slide: int, asked: Sequence[Chromosome], read: Sequence[Chromosome]) -> None:
        if any(info.id == slide for info in self._controller.slides):
            self._controller.attempt(lambda: self._controller.document.apply_reread(slide, asked, read))
            self.agree(slide)

    def agree(self, slide: int) -> None:
        """Let classes that nobody decided on follow what a person said of other chromosomes of the cell."""
        document = self._controller.document
        if document.slide(slide).is_cluster:
            return
        moved: list[int] = []
        self._controller.attempt(lambda: moved.append(document.agree(slide)), "karyogram")
        if moved and moved[0]:
            self.said.emit(tr_n("{n} other moves to another class", "{n} others move to another class", moved[0]))
