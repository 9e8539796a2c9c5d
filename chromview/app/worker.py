"""The worker thread: takes jobs one after the other, loads the models once, and reports how each ended.

It is the only thread that imports torch.
"""

from __future__ import annotations

import queue
import threading
import time
import traceback
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from PySide6.QtCore import QObject, QThread, Signal

from chromview.app.preload import preload_torch
from chromview.core.chromosome import Analysis, Chromosome, SlideImage, Stain
from chromview.errors import Cancelled, UserError
from chromview.progress import CancelToken, Progress
from chromview.texts import tr

_STACK_BYTES = 16 << 20
"""Of the worker thread; some systems give other threads than the first half a megabyte only."""

_PROGRESS_EVERY = 0.04
"""Seconds between two reports of progress; more would only keep the window busy."""


class Analyse(Protocol):
    """`chromview.vision.pipeline.analyse`, or what stands in for it."""

    def __call__(
        self,
        image: SlideImage,
        models: Any,
        *,
        stain: Stain | None,
        scale: float | None,
        progress: Progress,
        cancel: CancelToken,
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
        scale: float | None,
    ) -> tuple[Chromosome, ...]: ...


class Work(Protocol):
    """A question about a slide, answered on the worker thread."""

    def __call__(self, image: SlideImage, models: Any, progress: Progress, cancel: CancelToken) -> Any: ...


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a `Work` gave."""

    value: Any


LoadModels = Callable[[str], Any]
"""From the name of a device ("auto", "cpu", "cuda", "mps") to the models; they have a `description`."""


def load_shipped(device: str) -> Any:
    preload_torch()
    from chromview.vision.models import Models

    return Models.load(device=device)


def analyse_slide(image: SlideImage, models: Any, **options: Any) -> Analysis:
    from chromview.vision.pipeline import analyse

    analysis: Analysis = analyse(image, models, **options)
    return analysis


def reread_masks(
    image: SlideImage, chromosomes: Sequence[Chromosome], ids: Collection[int], models: Any, **options: Any
) -> tuple[Chromosome, ...]:
    from chromview.vision.pipeline import reread

    read: tuple[Chromosome, ...] = reread(image, chromosomes, ids, models, **options)
    return read


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One piece of work; `chromosomes` and `ids` are given for reading masks again, `work` for a question of a `topic`.

    `scale` is what a person set (see `chromview.core.scale`).
    """

    slide_id: int | None
    generation: int
    image: SlideImage | Path | None
    stain: Stain | None
    device: str
    chromosomes: tuple[Chromosome, ...] | None = None
    ids: frozenset[int] = frozenset()
    work: Work | None = None
    topic: str = ""
    scale: float | None = None
    token: CancelToken = field(default_factory=CancelToken)

    def again(self) -> Job:
        """The same work with a token that nobody cancelled."""
        return replace(self, token=CancelToken())

    @property
    def is_analysis(self) -> bool:
        return self.slide_id is not None and self.chromosomes is None and self.work is None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer; `trace` is given if it is our fault."""

    sentence: str
    trace: str = ""


Outcome = Analysis | tuple[Chromosome, ...] | Answer | Failure | None


class Worker(QThread):
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
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._models: Any = None
        self._models_for = ""
        self._models_are_old = threading.Event()

    def give(self, job: Job) -> None:
        """Hand over a job; the thread begins with the first one."""
        self._jobs.put(job)
        if not self.isRunning():
            self.start()

    def forget_models(self) -> None:
        """Load the models anew for the next job: there are other weights."""
        self._models_are_old.set()

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

    def _outcome(self, job: Job) -> Outcome:
        try:
            return self._work(job)
        except Cancelled:
            return None
        except UserError as error:
            return Failure(str(error))
        except MemoryError:
            return Failure(
                tr("There is not enough memory for this slide. Close other programs, or make the image smaller.")
            )
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            return Failure(
                tr(
                    "The analysis failed, and that is a fault of chromview ({what}). The slide is as it was.", what=what
                ),
                traceback.format_exc(),
            )

    def _work(self, job: Job) -> Outcome:
        last_time, last_stage = 0.0, ""

        def report(stage: str, share: float) -> None:
            nonlocal last_time, last_stage
            now = time.monotonic()
            if stage != last_stage or share >= 1.0 or now - last_time >= _PROGRESS_EVERY:
                last_time, last_stage = now, stage
                self.progressed.emit(job, stage, share)

        job.token.check()
        if self._models_are_old.is_set():
            self._models_are_old.clear()
            self._models = None
        if self._models is None or self._models_for != job.device:
            report(tr("loading the models"), 0.0)
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

            report(tr("reading the image"), 0.0)
            image = read_image(image)
            self.image_read.emit(job, image)
        if job.work is not None:
            return Answer(job.work(image, self._models, report, job.token))
        if job.chromosomes is not None:
            return self._reread(image, job.chromosomes, job.ids, self._models, stain=job.stain, scale=job.scale)
        return self._analyse(image, self._models, stain=job.stain, scale=job.scale, progress=report, cancel=job.token)
