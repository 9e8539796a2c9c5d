"""Analyses in the background: one worker thread, a queue, and answers that say what they answer.

The window's thread decides what runs; the worker thread only computes, and is the only one that
imports torch. Nothing is ever terminated: work is asked to stop through its `CancelToken`, and
`shutdown` waits until it did.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QObject, Signal

from chromview.app.worker import (
    Analyse,
    Answer,
    Failure,
    Job,
    LoadModels,
    Outcome,
    Reread,
    Work,
    Worker,
    analyse_slide,
    load_shipped,
    reread_masks,
)
from chromview.core.chromosome import Analysis, Chromosome, SlideImage, Stain

_log = logging.getLogger(__name__)

question_numbers = itertools.count(1)
"""Numbers of questions (see `Jobs.ask`): one row for all who ask, so that nobody takes the answer to another."""


class Jobs(QObject):
    """Runs analyses one after the other, away from the window's thread.

    Parameters
    ----------
    analyse, reread, load_models
        What is run; the pipeline unless something else is given. They run on the worker thread.
    device
        What to compute on: "auto", "cpu", "cuda" or "mps".
    """

    started = Signal(int)
    """slide: its analysis begins."""
    progress = Signal(int, str, float)
    """slide, stage, share of the whole 0..1."""
    image_read = Signal(int, object)
    """slide, `SlideImage`: an image that was given by its path has been read."""
    finished = Signal(int, int, object)
    """slide, generation, `Analysis`."""
    reread_finished = Signal(int, object, object)
    """slide, the chromosomes (tuple) as they were given, and as they were read (tuple)."""
    answered = Signal(int, int, object)
    """slide, number of a question (see `ask`), its answer."""
    asking = Signal(int, int, str, float)
    """slide, number of a question, stage, share of the work on it 0..1."""
    unanswered = Signal(int, int, str)
    """slide, number of a question, why there is no answer; empty if it was cancelled."""
    failed = Signal(int, str)
    """slide, a sentence that says what is wrong and what to do."""
    fault = Signal(str)
    """Our fault and not the user's: the trace, to be copied into a report. `failed` comes as well."""
    cancelled = Signal(int)
    """slide: its analysis was cancelled, running or waiting."""
    device = Signal(str)
    """What is computed on, for example "CPU (bf16)"; known once the models are loaded."""
    queue_changed = Signal()
    """What runs or waits is different now."""

    def __init__(
        self,
        analyse: Analyse = analyse_slide,
        load_models: LoadModels = load_shipped,
        reread: Reread = reread_masks,
        *,
        device: str = "auto",
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._device = device
        self._waiting: list[Job] = []
        self._running: Job | None = None
        self._quiet = False  # whether what runs was stopped without anything to be said about it
        self._closed = False
        self._thread = Worker(analyse, load_models, reread, self)
        self._thread.progressed.connect(self._progressed)
        self._thread.image_read.connect(self._image_read)
        self._thread.device.connect(self.device)
        self._thread.ended.connect(self._ended)
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.shutdown)

    # -- asking

    def analyse(
        self,
        slide_id: int,
        generation: int,
        image: SlideImage | Path,
        *,
        stain: Stain | None = None,
        scale: float | None = None,
        first: bool = False,
    ) -> None:
        """Analyse a slide.

        An earlier analysis of the same slide is superseded: if it runs it is stopped, and it
        gives no answer.

        Parameters
        ----------
        slide_id, generation
            What is asked for (see `Document.request`); the answer carries both.
        image
            The image, or its file, which is then read on the worker thread.
        stain
            If known; else it is told from the image.
        scale
            If a person set it; else it is found from the chromosomes.
        first
            Whether to do it at once, as for the slide that is looked at (see `prefer`); else it
            waits for its turn.
        """
        if self._closed:
            return
        job = Job(slide_id, generation, image, stain, self._device, scale=scale)
        self._waiting = [w for w in self._waiting if not (w.is_analysis and w.slide_id == slide_id)]
        running = self._running
        if running is not None and running.is_analysis and running.slide_id == slide_id:
            self._stop_quietly(running)
            self._waiting.insert(0, job)
        else:
            self._waiting.append(job)
            if first:
                self._to_front(job)
        self._next()
        self.queue_changed.emit()

    def prefer(self, slide_id: int) -> None:
        """Analyse a waiting slide now, because it is looked at. Does nothing for one that does not wait.

        What runs for another slide is stopped, and begun again afterwards.
        """
        job = next((w for w in self._waiting if w.is_analysis and w.slide_id == slide_id), None)
        if job is not None:
            self._to_front(job)
            self._next()
            self.queue_changed.emit()

    def _to_front(self, job: Job) -> None:
        self._waiting.remove(job)
        running = self._running
        if running is not None and running.is_analysis and not running.token.cancelled:
            self._stop_quietly(running)
            self._waiting.insert(0, running.again())
        self._waiting.insert(0, job)

    def _stop_quietly(self, running: Job) -> None:
        """Stop what runs because something else comes first; nobody cancelled it."""
        self._quiet = self._quiet or not running.token.cancelled
        running.token.cancel()

    def reread(
        self,
        slide_id: int,
        image: SlideImage | Path,
        chromosomes: Sequence[Chromosome],
        ids: Collection[int],
        *,
        stain: Stain | None = None,
        scale: float | None = None,
    ) -> None:
        """Read axis, centromere and class of `ids` anew, after a person changed their masks.

        Comes before waiting analyses, but stops none. If it cannot be done nothing is said: the
        masks are right, and the next analysis reads them.
        """
        if self._closed or not ids:
            return
        job = Job(slide_id, 0, image, stain, self._device, tuple(chromosomes), frozenset(ids), scale=scale)
        place = sum(1 for waiting in self._waiting if not waiting.is_analysis)
        self._waiting.insert(place, job)
        self._next()

    def ask(self, slide_id: int, number: int, image: SlideImage | Path, work: Work, *, topic: str) -> None:
        """Have a question about a slide answered; `answered` carries slide and number (of `question_numbers`).

        Comes before waiting analyses, but stops none. A question of the same topic about the same slide that waits or
        runs is dropped.
        """
        if self._closed:
            return
        self.drop_questions(slide_id, topic)
        job = Job(slide_id, number, image, None, self._device, work=work, topic=topic)
        place = sum(1 for waiting in self._waiting if not waiting.is_analysis)
        self._waiting.insert(place, job)
        self._next()
        self.queue_changed.emit()

    def drop_questions(self, slide_id: int | None, topic: str | None = None) -> None:
        """Forget what was asked about a slide, or about all; of one topic, or of every one."""

        def meant(job: Job) -> bool:
            return job.work is not None and slide_id in (None, job.slide_id) and topic in (None, job.topic)

        gone = [w for w in self._waiting if meant(w)]
        self._waiting = [w for w in self._waiting if w not in gone]
        for job in gone:
            self.unanswered.emit(job.slide_id, job.generation, "")
        running = self._running
        if running is not None and meant(running):
            running.token.cancel()

    def prepare(self) -> None:
        """Load the models now, so that the first analysis need not; `device` tells when they are there."""
        if not self._closed:
            self._waiting.append(Job(None, 0, None, None, self._device))
            self._next()

    def set_device(self, device: str) -> None:
        """Compute on another device from the next analysis on; loads the models for it."""
        self._device = device
        self._waiting = [replace(w, device=device) for w in self._waiting]
        self.prepare()

    def reload_models(self) -> None:
        """Use other weights from the next job on."""
        self._thread.forget_models()

    def cancel(self, slide_id: int | None = None) -> None:
        """Stop the analysis of a slide, or of all, and what is asked; `cancelled` tells when it has stopped."""
        self.drop_questions(slide_id)
        gone = [w for w in self._waiting if w.is_analysis and slide_id in (None, w.slide_id)]
        self._waiting = [w for w in self._waiting if w not in gone]
        running = self._running
        if running is not None and running.is_analysis and slide_id in (None, running.slide_id):
            running.token.cancel()
        for job in gone:
            assert job.slide_id is not None
            self.cancelled.emit(job.slide_id)
        self.queue_changed.emit()

    @property
    def running(self) -> int | None:
        """The slide that is being analysed, or None."""
        running = self._running
        return running.slide_id if running is not None and running.is_analysis else None

    @property
    def waiting(self) -> tuple[int, ...]:
        """The slides whose analysis waits, the next one first."""
        return tuple(w.slide_id for w in self._waiting if w.is_analysis and w.slide_id is not None)

    def shutdown(self) -> None:
        """Stop everything and wait until the worker thread has ended. Doing it twice does no harm."""
        self._closed = True
        self._waiting.clear()
        if self._running is not None:
            self._running.token.cancel()
        self._thread.finish()

    # -- on the window's thread, when the worker reports

    def _next(self) -> None:
        if self._running is None and self._waiting:
            job = self._running = self._waiting.pop(0)
            self._quiet = False
            if job.is_analysis and job.slide_id is not None:
                self.started.emit(job.slide_id)
            self._thread.give(job)

    def _progressed(self, job: Job, stage: str, share: float) -> None:
        if job is self._running and job.is_analysis and not job.token.cancelled:
            self.progress.emit(job.slide_id, stage, share)
        elif job is self._running and job.work is not None and not job.token.cancelled:
            self.asking.emit(job.slide_id, job.generation, stage, share)

    def _image_read(self, job: Job, image: SlideImage) -> None:
        if not self._closed and job.slide_id is not None:
            self.image_read.emit(job.slide_id, image)

    def _ended(self, job: Job, outcome: Outcome) -> None:
        self._running = None
        if self._closed:
            return
        if job.is_analysis:
            self._tell(job, outcome)
        elif job.work is not None:
            if isinstance(outcome, Answer) and not job.token.cancelled:
                self.answered.emit(job.slide_id, job.generation, outcome.value)
            else:
                why = outcome.sentence if isinstance(outcome, Failure) and not job.token.cancelled else ""
                self.unanswered.emit(job.slide_id, job.generation, why)
        elif job.chromosomes is not None and isinstance(outcome, tuple):
            self.reread_finished.emit(job.slide_id, job.chromosomes, outcome)
        if isinstance(outcome, Failure) and outcome.trace:
            _log.error("%s", outcome.trace)
            self.fault.emit(outcome.trace)
        self._next()
        self.queue_changed.emit()

    def _tell(self, job: Job, outcome: Outcome) -> None:
        assert job.slide_id is not None
        again = [w for w in self._waiting if (w.slide_id, w.generation) == (job.slide_id, job.generation)]
        if again and isinstance(outcome, Analysis):
            # It was to make way for another slide, but was done before it looked: nothing to begin again.
            self._waiting = [w for w in self._waiting if w not in again]
            self.finished.emit(job.slide_id, job.generation, outcome)
        elif job.token.cancelled:
            if not self._quiet:
                self.cancelled.emit(job.slide_id)
        elif isinstance(outcome, Analysis):
            self.finished.emit(job.slide_id, job.generation, outcome)
        elif isinstance(outcome, Failure):
            self.failed.emit(job.slide_id, outcome.sentence)
