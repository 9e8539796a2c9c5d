"""Analyses in the background: one worker thread, a queue, and answers that say what they answer.

The window's thread decides what runs; the worker thread only computes, and is the only one that
imports torch. Nothing is ever terminated: work is asked to stop through its `CancelToken`, and
`shutdown` waits until it did.
"""

from __future__ import annotations

import logging
import queue
import time
import traceback
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from PySide6.QtCore import QCoreApplication, QObject, QThread, Signal

from chromview.app.preload import preload_torch
from chromview.core.chromosome import Analysis, Chromosome, SlideImage, Stain
from chromview.errors import Cancelled, UserError
from chromview.progress import CancelToken, Progress

_log = logging.getLogger(__name__)

_STACK_BYTES = 16 << 20
"""Of the worker thread; some systems give other threads than the first half a megabyte only."""

_PROGRESS_EVERY = 0.04
"""Seconds between two reports of progress; more would only keep the window busy."""


class Analyse(Protocol):
    """`chromview.vision.pipeline.analyse`, or what stands in for it."""

    def __call__(
        self, image: SlideImage, models: Any, *, stain: Stain | None, progress: Progress, cancel: CancelToken
    ) -> Analysis: ...


class Reread(Protocol):
    """`chromview.vision.pipeline.reread`, or what stands in for it."""

    def __call__(
        self,
        image: SlideImage,
        chromosomes: Sequence[Chromosome],
        ids: Collection[int],
        models: Any,
        *,
        stain: Stain | None,
    ) -> tuple[Chromosome, ...]: ...


LoadModels = Callable[[str], Any]
"""From the name of a device ("auto", "cpu", "cuda", "mps") to the models; they have a `description`."""


def _load_models(device: str) -> Any:
    preload_torch()
    from chromview.vision.pipeline import Models

    return Models.load(device=device)


def _analyse(image: SlideImage, models: Any, **options: Any) -> Analysis:
    from chromview.vision.pipeline import analyse

    analysis: Analysis = analyse(image, models, **options)
    return analysis


def _reread(
    image: SlideImage, chromosomes: Sequence[Chromosome], ids: Collection[int], models: Any, **options: Any
) -> tuple[Chromosome, ...]:
    from chromview.vision.pipeline import reread

    read: tuple[Chromosome, ...] = reread(image, chromosomes, ids, models, **options)
    return read


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """One piece of work; `chromosomes` and `ids` are given for reading masks again."""

    slide_id: int | None
    generation: int
    image: SlideImage | Path | None
    stain: Stain | None
    device: str
    chromosomes: tuple[Chromosome, ...] | None = None
    ids: frozenset[int] = frozenset()
    token: CancelToken = field(default_factory=CancelToken)

    def again(self) -> _Job:
        """The same work with a token that nobody cancelled."""
        return _Job(self.slide_id, self.generation, self.image, self.stain, self.device, self.chromosomes, self.ids)

    @property
    def is_analysis(self) -> bool:
        return self.slide_id is not None and self.chromosomes is None


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
        analyse: Analyse = _analyse,
        load_models: LoadModels = _load_models,
        reread: Reread = _reread,
        *,
        device: str = "auto",
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._device = device
        self._waiting: list[_Job] = []
        self._running: _Job | None = None
        self._quiet = False  # whether what runs was stopped without anything to be said about it
        self._closed = False
        self._thread = _Worker(analyse, load_models, reread, self)
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
        first
            Whether to do it at once, as for the slide that is looked at (see `prefer`); else it
            waits for its turn.
        """
        if self._closed:
            return
        job = _Job(slide_id, generation, image, stain, self._device)
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

    def _to_front(self, job: _Job) -> None:
        self._waiting.remove(job)
        running = self._running
        if running is not None and running.is_analysis and not running.token.cancelled:
            self._stop_quietly(running)
            self._waiting.insert(0, running.again())
        self._waiting.insert(0, job)

    def _stop_quietly(self, running: _Job) -> None:
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
    ) -> None:
        """Read axis, centromere and class of `ids` anew, after a person changed their masks.

        Comes before waiting analyses, but stops none. If it cannot be done nothing is said: the
        masks are right, and the next analysis reads them.
        """
        if self._closed or not ids:
            return
        job = _Job(slide_id, 0, image, stain, self._device, tuple(chromosomes), frozenset(ids))
        place = sum(1 for waiting in self._waiting if not waiting.is_analysis)
        self._waiting.insert(place, job)
        self._next()

    def prepare(self) -> None:
        """Load the models now, so that the first analysis need not; `device` tells when they are there."""
        if not self._closed:
            self._waiting.append(_Job(None, 0, None, None, self._device))
            self._next()

    def set_device(self, device: str) -> None:
        """Compute on another device from the next analysis on; loads the models for it."""
        self._device = device
        self._waiting = [
            _Job(w.slide_id, w.generation, w.image, w.stain, device, w.chromosomes, w.ids) for w in self._waiting
        ]
        self.prepare()

    def cancel(self, slide_id: int | None = None) -> None:
        """Stop the analysis of a slide, or of all; `cancelled` tells when it has stopped."""
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

    def _progressed(self, job: _Job, stage: str, share: float) -> None:
        if job is self._running and job.is_analysis and not job.token.cancelled:
            self.progress.emit(job.slide_id, stage, share)

    def _image_read(self, job: _Job, image: SlideImage) -> None:
        if not self._closed and job.slide_id is not None:
            self.image_read.emit(job.slide_id, image)

    def _ended(self, job: _Job, outcome: _Outcome) -> None:
        self._running = None
        if self._closed:
            return
        if job.is_analysis:
            self._tell(job, outcome)
        elif job.chromosomes is not None and isinstance(outcome, tuple):
            self.reread_finished.emit(job.slide_id, job.chromosomes, outcome)
        if isinstance(outcome, _Failure) and outcome.trace:
            _log.error("%s", outcome.trace)
            self.fault.emit(outcome.trace)
        self._next()
        self.queue_changed.emit()

    def _tell(self, job: _Job, outcome: _Outcome) -> None:
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
        elif isinstance(outcome, _Failure):
            self.failed.emit(job.slide_id, outcome.sentence)


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why there is no answer; `trace` is given if it is our fault."""

    sentence: str
    trace: str = ""


_Outcome = Analysis | tuple[Chromosome, ...] | _Failure | None


class _Worker(QThread):
    """Takes jobs from a queue, one after the other, until it is told to finish."""

    progressed = Signal(object, str, float)
    image_read = Signal(object, object)
    device = Signal(str)
    ended = Signal(object, object)

    def __init__(self, analyse: Analyse, load_models: LoadModels, reread: Reread, parent: QObject) -> None:
        super().__init__(parent)
        self.setObjectName("analysis")
        self.setStackSize(_STACK_BYTES)
        self._analyse = analyse
        self._load_models = load_models
        self._reread = reread
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._models: Any = None
        self._models_for = ""

    def give(self, job: _Job) -> None:
        """Hand over a job; the thread begins with the first one."""
        self._jobs.put(job)
        if not self.isRunning():
            self.start()

    def finish(self) -> None:
        """Let the thread end after what it does now, and wait for it."""
        if self.isRunning():
            self._jobs.put(None)
            self.wait()

    def run(self) -> None:
        while (job := self._jobs.get()) is not None:
            self.ended.emit(job, self._outcome(job))
            # Nothing may keep the last image and its answer alive while the thread waits.
            del job
        self._models = None

    def _outcome(self, job: _Job) -> _Outcome:
        try:
            return self._work(job)
        except Cancelled:
            return None
        except UserError as error:
            return _Failure(str(error))
        except MemoryError:
            return _Failure(
                "There is not enough memory for this slide. Close other programs, or make the image smaller."
            )
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            return _Failure(
                f"The analysis failed, and that is a fault of chromview ({what}). The slide is as it was.",
                traceback.format_exc(),
            )

    def _work(self, job: _Job) -> _Outcome:
        last_time, last_stage = 0.0, ""

        def report(stage: str, share: float) -> None:
            nonlocal last_time, last_stage
            now = time.monotonic()
            if stage != last_stage or share >= 1.0 or now - last_time >= _PROGRESS_EVERY:
                last_time, last_stage = now, stage
                self.progressed.emit(job, stage, share)

        job.token.check()
        if self._models is None or self._models_for != job.device:
            report("loading the models", 0.0)
            self._models = None
            self._models = self._load_models(job.device)
            self._models_for = job.device
            self.device.emit(str(self._models.description))
        job.token.check()
        image = job.image
        if image is None:
            return None
        if isinstance(image, Path):
            from chromview.storage.images import read_image

            report("reading the image", 0.0)
            image = read_image(image)
            self.image_read.emit(job, image)
        if job.chromosomes is not None:
            return self._reread(image, job.chromosomes, job.ids, self._models, stain=job.stain)
        return self._analyse(image, self._models, stain=job.stain, progress=report, cancel=job.token)
