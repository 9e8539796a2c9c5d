"""The steps of the segmentation over the slide shown: asked for on demand, kept for the last few slides."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Protocol

from PySide6.QtCore import QObject, Signal

from chromview.app.jobs import question_numbers
from chromview.core.chromosome import SlideImage, Stain
from chromview.core.steps import Steps
from chromview.progress import CancelToken, Progress
from chromview.texts import tr

if TYPE_CHECKING:
    from chromview.app.controller import Controller

MAPS = ("foreground", "overlap", "contact", "pieces")
"""What the network and the rules after it say of the pixels; the names are the ends of the actions' ids."""
AXES = "axes"
"""The axes of all chromosomes, which the document knows."""
SHOWABLE = (*MAPS, AXES)
TOPIC = "steps"
KEPT_BYTES = 192 << 20
"""Of steps of slides; those of one slide of 4096 x 4096 take 64 MiB."""

Key = tuple[int, Stain | None, float | None]


class Inspect(Protocol):
    """`chromview.vision.inspect.inspect_slide`, or what stands in for it."""

    def __call__(
        self,
        image: SlideImage,
        models: Any,
        *,
        stain: Stain | None,
        scale: float | None,
        progress: Progress,
        cancel: CancelToken,
    ) -> Steps: ...


def _inspect(*arguments: Any, **options: Any) -> Steps:
    from chromview.vision.inspect import inspect_slide

    steps: Steps = inspect_slide(*arguments, **options)
    return steps


class SlideSteps(QObject):
    """Which steps are shown over the slide, and what they are.

    A question carries its slide and a number; an answer that is late is dropped. What was answered is kept, with the
    stain and the scale that it was asked for, as long as it fits into `KEPT_BYTES`; nothing of it is in the case file.

    Parameters
    ----------
    controller
        Whose slide is meant, and whose worker answers.
    inspect
        Runs on the worker thread.

    Signals
    -------
    changed()
        What is shown, or how far the answer is, is different now.
    """

    changed = Signal()

    def __init__(self, controller: Controller, inspect: Inspect = _inspect) -> None:
        super().__init__(controller)
        self._controller = controller
        self.inspect = inspect
        self._shown: frozenset[str] = frozenset()
        self._known: OrderedDict[Key, Steps] = OrderedDict()
        self._asked: tuple[int, Key] | None = None
        self._share = 0.0
        controller.jobs.answered.connect(self._answered)
        controller.jobs.unanswered.connect(self._unanswered)
        controller.jobs.asking.connect(self._asking)
        controller.image_changed.connect(self._want)
        controller.state_changed.connect(self._want)
        controller.case_changed.connect(self._forget)

    @property
    def shown(self) -> frozenset[str]:
        """Names of `SHOWABLE` that are shown over the slide."""
        return self._shown

    @property
    def steps(self) -> Steps | None:
        """The steps of the slide shown; None as long as nobody asked for them or the answer is to come."""
        key = self._key()
        return None if key is None else self._known.get(key)

    @property
    def share(self) -> float | None:
        """How far the answer is, 0..1; None if none is waited for."""
        return None if self._asked is None else self._share

    def turn(self, name: str) -> None:
        """Show one of `SHOWABLE` over the slide, or, if it is shown, no longer."""
        self._shown ^= {name}
        self._want()

    def _key(self) -> Key | None:
        info = self._controller.info
        return None if info is None else (info.id, info.stain, info.chosen_scale)

    def _want(self) -> None:
        """Ask for what is shown and not known, and for nothing else."""
        key, image = self._key(), self._controller.image
        needed = bool(self._shown & set(MAPS)) and key is not None and image is not None
        if self._asked is not None and (not needed or key in self._known or self._asked[1] != key):
            (_, (slide, *_)), self._asked = self._asked, None
            self._controller.jobs.drop_questions(slide, TOPIC)
        if needed and key is not None and image is not None:
            if key in self._known:
                self._known.move_to_end(key)
            elif self._asked is None:
                self._ask(key, image)
        self.changed.emit()

    def _ask(self, key: Key, image: SlideImage) -> None:
        slide, stain, scale = key
        number, inspect = next(question_numbers), self.inspect

        def work(image: SlideImage, models: Any, progress: Progress, cancel: CancelToken) -> Steps:
            return inspect(image, models, stain=stain, scale=scale, progress=progress, cancel=cancel)

        self._asked, self._share = (number, key), 0.0
        self._controller.jobs.ask(slide, number, image, work, topic=TOPIC)

    def _asking(self, slide: int, number: int, stage: str, share: float) -> None:
        if self._asked is not None and self._asked[0] == number:
            self._share = share
            self.changed.emit()

    def _answered(self, slide: int, number: int, steps: Steps) -> None:
        if self._asked is None or self._asked[0] != number:
            return
        (_, key), self._asked = self._asked, None
        self._known[key] = steps
        while len(self._known) > 1 and sum(s.nbytes for s in self._known.values()) > KEPT_BYTES:
            self._known.popitem(last=False)
        self.changed.emit()

    def _unanswered(self, slide: int, number: int, why: str) -> None:
        if self._asked is None or self._asked[0] != number:
            return
        # Without maps there is nothing to show; asked for again, they are begun anew.
        self._asked = None
        self._shown -= set(MAPS)
        if why:
            self._controller.problem.emit(why, "viewer")
        else:
            self._controller.said.emit(tr("Cancelled; the steps are not shown"))
        self.changed.emit()

    def _forget(self) -> None:
        self._known.clear()
        self._want()
