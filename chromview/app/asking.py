"""Asking the model again about one cluster, and taking one of its answers.

A question carries its slide, a number and the chromosomes as they were. An answer that is late, or about chromosomes
that have changed since, is not used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from PySide6.QtCore import QObject, Signal

from chromview.app.controller import Controller
from chromview.app.jobs import question_numbers
from chromview.core.alternatives import Alternative, by_person
from chromview.core.chromosome import Chromosome, SlideImage, Stain
from chromview.core.masks import clusters
from chromview.progress import CancelToken, Progress
from chromview.texts import tr, tr_n

Stroke = tuple[tuple[float, float], ...]
TOPIC = "cluster"


class AskAgain(Protocol):
    """`chromview.vision.again.ask_again`, or what stands in for it."""

    def __call__(
        self,
        image: SlideImage,
        cluster: Sequence[Chromosome],
        others: Sequence[Chromosome],
        models: Any,
        *,
        stain: Stain | None,
        scale: float | None,
        count: int | None,
        strokes: Sequence[Stroke],
        progress: Progress,
        cancel: CancelToken,
    ) -> tuple[Alternative, ...]: ...


def _ask_again(*arguments: Any, **options: Any) -> tuple[Alternative, ...]:
    from chromview.vision.again import ask_again

    answer: tuple[Alternative, ...] = ask_again(*arguments, **options)
    return answer


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked: on which slide, about which chromosomes, with what hints."""

    slide: int
    number: int
    cluster: tuple[Chromosome, ...]
    count: int | None
    strokes: tuple[Stroke, ...]


class Asker(QObject):
    """One question at a time about the slide shown.

    Parameters
    ----------
    controller
        Whose selection says which cluster is meant, and whose worker answers.
    ask
        Runs on the worker thread.

    Signals
    -------
    changed()
        Strokes, question or answer are different now.
    taken()
        One of the answers was taken.
    """

    changed = Signal()
    taken = Signal()

    def __init__(self, controller: Controller, ask: AskAgain = _ask_again, parent: QObject | None = None) -> None:
        super().__init__(parent or controller)
        self.controller = controller
        self.ask_again = ask
        self._strokes: list[Stroke] = []
        self._question: Question | None = None
        self._waiting = False
        self._alternatives: tuple[Alternative, ...] = ()
        controller.jobs.answered.connect(self._answered)
        controller.jobs.unanswered.connect(self._unanswered)
        controller.selection.slide_changed.connect(self.forget)
        controller.selection.changed.connect(self.changed)
        controller.chromosomes_changed.connect(self._chromosomes_changed)

    # -- what is meant -------------------------------------------------------------------

    @property
    def strokes(self) -> tuple[Stroke, ...]:
        """Strokes that were drawn, one on each chromosome, in slide pixels (y, x)."""
        return tuple(self._strokes)

    @property
    def question(self) -> Question | None:
        """What was asked last, while it is of use."""
        return self._question

    @property
    def waiting(self) -> bool:
        """Whether the answer is still to come."""
        return self._waiting

    @property
    def alternatives(self) -> tuple[Alternative, ...]:
        """The answer to `question`."""
        return self._alternatives

    @property
    def cluster(self) -> tuple[Chromosome, ...]:
        """The chromosomes meant: those under the strokes, or the selected one, with all that they touch."""
        there = self.controller.chromosomes
        counted = [c for c in there.values() if c.in_karyogram]
        selected = self.controller.selection.chromosome
        meant = {c.id for c in counted if self._drawn_on(c)}
        if not self._strokes and selected is not None and selected in there:
            meant = {selected}
        groups = [set(group) for group in clusters(counted)]
        ids = set(meant).union(*(group for group in groups if group & meant))
        return tuple(there[id] for id in sorted(ids))

    @property
    def theirs(self) -> tuple[Chromosome, ...]:
        """Those of the cluster that a person edited, accepted or named."""
        return tuple(c for c in self.cluster if by_person(c))

    def _drawn_on(self, chromosome: Chromosome) -> bool:
        box = chromosome.box
        for stroke in self._strokes:
            for y, x in stroke:
                row, column = int(y) - box.top, int(x) - box.left
                if 0 <= row < box.height and 0 <= column < box.width and chromosome.mask[row, column]:
                    return True
        return False

    def add_stroke(self, points: Sequence[tuple[float, float]]) -> None:
        """Take a stroke of (y, x) as a hint: here lies one chromosome."""
        self._strokes.append(tuple(points))
        self._drop()
        self.controller.said.emit(
            tr("Stroke {count}; one on each chromosome, then G asks the model", count=len(self._strokes))
        )
        self.changed.emit()

    def clear_strokes(self) -> None:
        """Forget the strokes."""
        if self._strokes:
            self._strokes.clear()
            self._drop()
            self.changed.emit()

    def forget(self) -> None:
        """Forget strokes, question and answer."""
        self._strokes.clear()
        self._drop()
        self.changed.emit()

    def _drop(self) -> None:
        if self._waiting and self._question is not None:
            self.controller.jobs.drop_questions(self._question.slide, TOPIC)
        self._question, self._waiting, self._alternatives = None, False, ()

    # -- asking --------------------------------------------------------------------------

    def ask(self, count: int | None, *, keep: bool) -> bool:
        """Ask about the cluster that is meant.

        Parameters
        ----------
        count
            How many chromosomes there are; None if nobody says. Strokes say it by their number.
        keep
            Whether chromosomes stay that a person edited, accepted or named.

        Returns
        -------
        bool
            Whether there was anything to ask about; if not, it was said why.
        """
        controller = self.controller
        info, image = controller.info, controller.image
        if info is None or image is None:
            return False
        kept = {c.id for c in self.theirs} if keep else set()
        cluster = tuple(c for c in self.cluster if c.id not in kept)
        if not cluster and not self._strokes:
            all_kept = tr("All of this cluster was edited or accepted; let it be replaced, or draw strokes")
            none = tr("Select a chromosome of the cluster, or take H and draw a stroke on each")
            controller.said.emit(all_kept if kept else none)
            return False
        ids = {c.id for c in cluster}
        others = tuple(c for c in controller.chromosomes.values() if c.in_karyogram and c.id not in ids)
        question = Question(info.id, next(question_numbers), cluster, count, self.strokes)
        again, stain, scale = self.ask_again, info.stain, info.chosen_scale

        def work(image: SlideImage, models: Any, progress: Progress, cancel: CancelToken) -> tuple[Alternative, ...]:
            return again(
                image, cluster, others, models, stain=stain, scale=scale, count=count, strokes=question.strokes,
                progress=progress, cancel=cancel,
            )  # fmt: skip

        self._question, self._waiting, self._alternatives = question, True, ()
        controller.jobs.ask(info.id, question.number, image, work, topic=TOPIC)
        controller.said.emit(tr("Asking the model about this cluster …"))
        self.changed.emit()
        return True

    def _answered(self, slide: int, number: int, alternatives: tuple[Alternative, ...]) -> None:
        if self._question is None or self._question.number != number:
            return
        self._waiting = False
        self._alternatives = alternatives
        if not alternatives:
            self.controller.said.emit(tr("The model sees no chromosome there"))
        else:
            many = tr_n("{n} answer", "{n} answers", len(alternatives))
            self.controller.said.emit(tr("{many}: choose one with Enter, or press Esc", many=many))
        self.changed.emit()

    def _unanswered(self, slide: int, number: int, why: str) -> None:
        if self._question is None or self._question.number != number:
            return
        self._drop()
        if why:
            self.controller.problem.emit(why, "viewer")
        self.changed.emit()

    def _chromosomes_changed(self, change: object) -> None:
        if self._question is not None and not self._still_there(self._question):
            self._drop()
            self.controller.said.emit(tr("The cluster was changed meanwhile; ask again"))
        self.changed.emit()

    def _still_there(self, question: Question) -> bool:
        there = self.controller.chromosomes
        for asked in question.cluster:
            now = there.get(asked.id)
            if now is None or not np.array_equal(now.mask, asked.mask) or now.box != asked.box:
                return False
            if now.in_karyogram != asked.in_karyogram or (by_person(now) and not by_person(asked)):
                return False
        return True

    def take(self, index: int) -> None:
        """Put one of the alternatives in the place of the cluster, as one command."""
        question = self._question
        if question is None or not 0 <= index < len(self._alternatives):
            return
        parts = self._alternatives[index].parts
        controller = self.controller
        made: list[int] = []
        self.forget()  # the change below is its own
        ids = [c.id for c in question.cluster]
        if controller.attempt(lambda: made.extend(controller.document.replace_cluster(question.slide, ids, parts))):
            controller.selection.select(made[0] if made else None)
            controller.analyses.reread(made)
            self.taken.emit()
