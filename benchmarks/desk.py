"""A desk to work at: the program's document, tools and worker as the window has them, without the window.

`Desk` is what a person has in front of them, `Truth` what the scripted one knows. Used by `perfect_user.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from PySide6.QtCore import QCoreApplication, QEventLoop, QTimer
from scipy.optimize import linear_sum_assignment

from chromview.app.asking import AskAgain, Asker
from chromview.app.controller import Controller
from chromview.app.document import Document
from chromview.app.jobs import Jobs
from chromview.app.perform import Performer
from chromview.core.alternatives import Alternative, iou
from chromview.core.chromosome import BoolArray, Box, Chromosome
from chromview.training.datasets import Instance

SOLVED = 0.75
"""IoU from which on a mask is that of a true chromosome."""

Placed = tuple[Box, BoolArray]


class _Jobs(Jobs):
    @property
    def idle(self) -> bool:
        return self._running is None and not self._waiting


class _Controller(Controller):
    def _want_pictures(self) -> None:
        """Nobody looks at straightened pictures here."""


class Desk:
    """The program on one case, driven by the same deeds as the window's.

    Parameters
    ----------
    folder
        For the case and its images.
    models
        Loaded networks.
    ask
        Other function in the place of `ask_again`.
    options
        Of `Jobs`: other functions in the place of the pipeline.
    """

    def __init__(self, folder: Path, models: Any, ask: AskAgain | None = None, **options: Any) -> None:
        self.application = QCoreApplication.instance() or QCoreApplication([])
        self.folder = folder
        self.jobs = _Jobs(load_models=lambda device: models, **options)
        self.controller = _Controller(self.jobs)
        self.controller.analyse_new = False
        self.controller.set_document(Document.new(folder / "cells"))
        self.performer = Performer(self.controller)
        self.asker = Asker(self.controller, ask) if ask else Asker(self.controller)
        # Waiting for events ends at least this often, to look whether what is waited for has come.
        self._tick = QTimer(self.controller)
        self._tick.start(20)
        self.doing = False
        self.problems: list[str] = []
        self.controller.problem.connect(lambda sentence, panel: self.problems.append(sentence))

    def close(self) -> None:
        """Stop the worker and close the case."""
        self._tick.stop()
        self.controller.shutdown()
        self.controller.deleteLater()
        self.jobs.deleteLater()

    def until(self, done: Callable[[], bool]) -> None:
        """Let events happen until something is the case."""
        while not done():
            self.application.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)

    # -- the slide -----------------------------------------------------------------------

    def show(self, name: str, pixels: npt.NDArray[np.uint8]) -> None:
        """Add a slide, show it and analyse it."""
        path = self.folder / f"{name.replace('/', ' ')}.png"
        Image.fromarray(pixels).save(path)
        self.controller.add_slides([path])
        self.controller.reader.wait()
        self.until(lambda: self.controller.image is not None)
        self.controller.analyses.analyse([self.slide])
        self.until(lambda: self.jobs.idle)

    @property
    def slide(self) -> int:
        """The slide shown."""
        slide = self.controller.selection.slide
        assert slide is not None
        return slide

    @property
    def chromosomes(self) -> Mapping[int, Chromosome]:
        """What is on it."""
        return self.controller.document.chromosomes(self.slide)

    @property
    def counted(self) -> list[Chromosome]:
        """What counts as a chromosome on it."""
        return [c for c in self.chromosomes.values() if c.in_karyogram]

    # -- trying and doing ----------------------------------------------------------------

    def tried(self, deed: Callable[[], object]) -> list[Chromosome] | None:
        """What would count after a deed, which is done and taken back; None if it changes nothing."""
        selection, tools = self.controller.selection, self.controller.tools
        before, selected = self.chromosomes, (selection.chromosome, selection.second)
        held = tools.tool, tools.over, tools.size
        try:
            deed()
            if self.chromosomes is before:
                return None
            after = self.counted
            self.controller.document.undo(self.slide)
            return after
        finally:
            self.controller.analyses.forget()  # what was tried is undone: there is nothing to read
            selection.select(*selected)
            tools.set_tool(held[0])
            tools.set_over(held[1])
            tools.set_size(held[2])

    def do(self, deed: Callable[[], object]) -> None:
        """Do something for good, and let the program read what was edited."""
        self.doing = True
        try:
            deed()
        finally:
            self.doing = False
        self.rest()

    def rest(self) -> None:
        """Let the program read anew what was edited."""
        self.controller.analyses.reread_now()
        self.until(lambda: self.jobs.idle)

    def ask(self, count: int | None, strokes: Sequence[Sequence[tuple[float, float]]] = ()) -> tuple[Alternative, ...]:
        """Ask the model again about the cluster of what is selected, or of the strokes."""
        for stroke in strokes:
            self.asker.add_stroke(stroke)
        if not self.asker.ask(count, keep=True):
            self.asker.forget()
            return ()
        self.until(lambda: not self.asker.waiting)
        return self.asker.alternatives

    def undo_all(self) -> int:
        """Take everything back that was done since the analysis; how many steps that were."""
        steps = 0
        while self.controller.document.undo_title(self.slide) not in (None, "Undo analysis"):
            self.controller.document.undo(self.slide)
            steps += 1
        return steps


@dataclass(frozen=True)
class Standing:
    """How a slide stands against the truth.

    Attributes
    ----------
    ious
        ``(truths, counted)``.
    match
        Index of the chromosome that solves each truth, or -1.
    extra
        Indices of chromosomes that solve none.
    """

    ious: npt.NDArray[np.float64]
    match: npt.NDArray[np.int64]
    extra: tuple[int, ...]

    @property
    def missing(self) -> list[int]:
        """Truths that nothing solves."""
        return np.flatnonzero(self.match < 0).tolist()

    @property
    def wrong(self) -> int:
        """Truths missing and chromosomes too many."""
        return len(self.missing) + len(self.extra)

    @property
    def likeness(self) -> float:
        """How near the rest is: of two states with as much wrong, the higher one needs less."""
        if not self.ious.size:
            return 0.0
        truths = float(np.minimum(self.ious.max(axis=1), SOLVED).sum())
        return truths + float(self.ious.max(axis=0)[list(self.extra)].sum() - len(self.extra))


class Truth:
    """The true chromosomes of a slide."""

    def __init__(self, instances: Sequence[Instance]) -> None:
        self.instances = tuple(instances)
        self.placed: list[Placed] = [(i.box, i.mask) for i in instances]
        self._boxes = np.array([box for box, _ in self.placed])
        self._known: dict[int, tuple[BoolArray, npt.NDArray[np.float64]]] = {}

    def likeness(self, placed: Placed) -> npt.NDArray[np.float64]:
        """IoU ``(truths,)`` with each truth."""
        box, mask = placed
        known = self._known.get(id(mask))
        if known is not None:
            return known[1]
        values = np.zeros(len(self.placed))
        near = (self._boxes[:, :2] < box[2:]).all(axis=1) & (np.array(box[:2]) < self._boxes[:, 2:]).all(axis=1)
        for index in np.flatnonzero(near):
            values[index] = iou(self.placed[index], placed)
        self._known[id(mask)] = mask, values  # with the mask, so that its id is not used again
        return values

    def standing(self, masks: Sequence[Placed]) -> Standing:
        """Match masks with the truth, one to one."""
        ious = np.stack([self.likeness(m) for m in masks], axis=1) if masks else np.zeros((len(self.placed), 0))
        match = np.full(len(self.placed), -1)
        rows, columns = linear_sum_assignment(-(ious + (ious >= SOLVED)))
        for row, column in zip(rows, columns, strict=True):
            if ious[row, column] >= SOLVED:
                match[row] = column
        solving = set(match.tolist())
        return Standing(ious, match, tuple(n for n in range(len(masks)) if n not in solving))

    def forget(self) -> None:
        """Forget the masks that were compared so far."""
        self._known.clear()

    def of(self, chromosomes: Sequence[Chromosome]) -> Standing:
        """`standing` of chromosomes."""
        return self.standing([(c.box, c.mask) for c in chromosomes])
