"""Small work beside the window: straightened pictures and thumbnails, on one thread of its own.

Each answer carries what it was asked for; one that no longer fits is dropped. The analysis has its
own worker in `chromview.app.jobs`.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal, Slot

from chromview.core.chromosome import Chromosome, SlideImage, Stain
from chromview.errors import UserError
from chromview.progress import CancelToken
from chromview.texts import tr

if TYPE_CHECKING:
    from chromview.core.straighten import Levels, Straightened

    _Made = tuple[Chromosome, Straightened]

T = TypeVar("T")

_Key = tuple[int, tuple[str, str, bool]]
"""A slide, and what its pictures are made from: the image's hash, the stain, whether it is inverted."""

_log = logging.getLogger(__name__)

_SHELVES = 12
"""Slides whose pictures are kept."""

THUMBNAIL = 96
"""Longer side of a thumbnail in pixels."""


class _Work(QRunnable):
    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__()
        self._work = work

    def run(self) -> None:
        self._work()


class Background(QObject):
    """One thread for short work; answers arrive on the thread of the window.

    Signals
    -------
    pictures_ready(int)
        Straightened pictures of a slide are there or newer than before.
    thumbnail_ready(int)
        The thumbnail of a slide is there.
    done(str)
        Work given to `do` has ended well; what it was asked to say.
    failed(str)
        It has not; a sentence with what to do.
    """

    done = Signal(str)
    failed = Signal(str)
    pictures_ready = Signal(int)
    thumbnail_ready = Signal(int)
    _answered = Signal(object, object)
    _pictures_made = Signal(object, object, object)
    _thumbnail = Signal(object, object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._pool.setExpiryTimeout(-1)
        self._cancel = CancelToken()
        self._shelves: dict[int, _Shelf] = {}
        self._thumbnails: dict[int, npt.NDArray[np.uint8] | None] = {}
        self._asked: dict[int, Path] = {}
        self._making: tuple[int, CancelToken] | None = None
        self._go_on = threading.Event()
        self._go_on.set()
        self._held: list[tuple[_Key, Levels | None, list[_Made]]] = []
        # Emitted on the pool's thread, so these arrive through the event loop.
        self._answered.connect(self._take_answer)
        self._pictures_made.connect(self._take_pictures)
        self._thumbnail.connect(self._take_thumbnail)

    def clear(self) -> None:
        """Forget everything: another case is opened."""
        self._pool.clear()
        self._cancel.cancel()
        self._cancel = CancelToken()
        self.leave_other_slides(None)
        self._shelves.clear()
        self._thumbnails.clear()
        self._asked.clear()
        self._held.clear()
        self._go_on.set()

    def shutdown(self) -> None:
        """Drop what waits and wait for what runs (some milliseconds)."""
        self.clear()
        self._pool.waitForDone()

    def do(self, work: Callable[[], None], say: str) -> None:
        """Run `work` soon; `done` says `say` when it has ended, `failed` why it could not."""

        def then_say() -> None:
            work()
            self.done.emit(say)

        self._pool.start(_Work(lambda: self._guarded(then_say, tr("Nothing was written."))), 1)

    def ask(self, work: Callable[[], T], then: Callable[[T], None]) -> None:
        """Run `work` soon and hand its result to `then` on the thread of the window, unless another case is open."""
        cancel = self._cancel

        def answer() -> None:
            result = work()
            self._answered.emit(cancel, lambda: then(result))

        self._pool.start(_Work(lambda: self._guarded(answer, tr("Nothing was changed."))), 1)

    @Slot(object, object)
    def _take_answer(self, cancel: CancelToken, deliver: Callable[[], None]) -> None:
        if not cancel.cancelled:
            deliver()

    def _guarded(self, work: Callable[[], None], outcome: str) -> None:
        try:
            work()
        except UserError as error:
            self.failed.emit(str(error))
        except Exception as error:  # nobody else would ever hear of it on this thread
            _log.exception("work in the background failed")
            self.failed.emit(
                tr(
                    "This is a fault of chromview: {name}: {error}. {outcome}",
                    name=type(error).__name__,
                    error=error,
                    outcome=outcome,
                )
            )

    # -- straightened pictures -----------------------------------------------------------

    def pictures(self, slide: int) -> Mapping[int, Straightened]:
        """Straightened pictures of a slide by chromosome id, as far as they are there; never waits."""
        shelf = self._shelves.get(slide)
        return {} if shelf is None else MappingProxyType(shelf.pictures)

    def want_pictures(
        self, slide: int, image: SlideImage, chromosomes: Iterable[Chromosome], stain: Stain, *, inverted: bool
    ) -> None:
        """Ask for pictures of these chromosomes; those that did not change are not made again.

        An older picture of a changed chromosome stays until the new one is there.
        """
        shelf = self._shelves[slide] = self._shelves.pop(slide, _Shelf())
        for old in list(self._shelves)[:-_SHELVES]:
            del self._shelves[old]
        meaning = (image.sha256, str(stain), inverted)
        if shelf.meaning != meaning:
            shelf.meaning, shelf.levels = meaning, None
            shelf.pictures.clear()
            shelf.drawn.clear()
            shelf.made_from.clear()
        wanted = {c.id: c for c in chromosomes if c.area}
        changed = [c for c in wanted.values() if not _same_picture(shelf.made_from.get(c.id), c)]
        # What lies on a changed chromosome, or lay on it before, has another share of the stain now.
        moved = [c.box for c in changed] + [shelf.made_from[c.id].box for c in changed if c.id in shelf.made_from]
        for id in shelf.made_from.keys() - wanted.keys():
            moved.append(shelf.made_from.pop(id).box)
            shelf.pictures.pop(id, None)
            shelf.drawn.pop(id, None)
        todo = {c.id for c in changed}
        if len(todo) < len(wanted):
            todo |= {c.id for c in wanted.values() if any(c.box.intersection(box) for box in moved)}
        if not todo:
            return
        shelf.made_from.update((id, wanted[id]) for id in todo)
        if self._making is None or self._making[0] != slide:
            self._making = (slide, CancelToken())
        cancel, levels = self._making[1], shelf.levels

        def straighten_all() -> None:
            # Here and not above: it brings half a second of imports, and the window should open first.
            from chromview.core.straighten import find_levels, straighten
            from chromview.core.undarken import own_shares

            found = levels
            made: list[_Made] = []
            try:
                if found is None:
                    found = find_levels(image, stain, inverted)
                boxes = [wanted[id].box for id in todo]
                near = [c for c in wanted.values() if any(c.box.intersection(box) for box in boxes)]
                shares = own_shares(image, near, stain, ground=found.ground(stain), inverted=inverted)
                for chromosome in [wanted[id] for id in todo]:
                    self._go_on.wait()
                    if cancel.cancelled:
                        break
                    share = shares.get(chromosome.id)
                    with contextlib.suppress(ValueError):  # a mask of a pixel or two has no axis: its place stays empty
                        picture = straighten(image, chromosome, stain, inverted=inverted, levels=found, share=share)
                        made.append((chromosome, picture))
            finally:
                self._pictures_made.emit((slide, meaning), found, made)

        def unless_left() -> None:
            if not cancel.cancelled:
                self._guarded(straighten_all, tr("A chromosome could not be drawn."))

        self._pool.start(_Work(unless_left), 2)

    def leave_other_slides(self, slide: int | None) -> None:
        """Make no more pictures of other slides than this one, until somebody wants them again."""
        if self._making is not None and self._making[0] != slide:
            left, token = self._making
            token.cancel()
            self._making = None
            if left in self._shelves:
                self._shelves[left].give_up()

    def hold_pictures(self, held: bool) -> None:
        """While `held`, no picture is begun, and those that are ready wait: either would stop the hand that paints."""
        if held:
            self._go_on.clear()
        else:
            self._go_on.set()
            waiting, self._held = self._held, []
            for key, levels, made in waiting:
                self._take_pictures(key, levels, made)

    @Slot(object, object, object)
    def _take_pictures(self, key: _Key, levels: Levels | None, made: list[_Made]) -> None:
        if not self._go_on.is_set():
            self._held.append((key, levels, made))
            return
        slide, meaning = key
        shelf = self._shelves.get(slide)
        if shelf is None or shelf.meaning != meaning:
            return
        shelf.levels = levels or shelf.levels
        for chromosome, picture in made:
            # A later edit of the same chromosome has asked anew in the meantime: this answer is late.
            if shelf.made_from.get(chromosome.id) is chromosome:
                shelf.pictures[chromosome.id] = picture
                shelf.drawn[chromosome.id] = chromosome
        self.pictures_ready.emit(slide)

    # -- thumbnails ----------------------------------------------------------------------

    def thumbnail(self, slide: int) -> npt.NDArray[np.uint8] | None:
        """Thumbnail ``(h, w)`` uint8 of a slide, or None while it is not there (or cannot be made)."""
        return self._thumbnails.get(slide)

    def unreadable(self, slide: int) -> bool:
        """Whether a thumbnail was asked for and the image cannot be read."""
        return slide in self._thumbnails and self._thumbnails[slide] is None

    def give_thumbnail(self, slide: int, path: Path, small: npt.NDArray[np.uint8]) -> None:
        """Take the thumbnail of a slide that was read elsewhere."""
        self._asked[slide] = path
        self._take_thumbnail(slide, path, small)

    def want_thumbnail(self, slide: int, path: Path) -> None:
        """Ask for the thumbnail of a slide; once for each file."""
        if self._asked.get(slide) == path:
            return
        self._asked[slide] = path
        cancel = self._cancel

        def work() -> None:
            from chromview.storage.images import read_image, thumbnail

            if cancel.cancelled:
                return
            try:
                small = thumbnail(read_image(path), THUMBNAIL)
            except UserError:
                small = None  # the slide itself says what is wrong when it is opened
            if not cancel.cancelled:
                self._thumbnail.emit(slide, path, small)

        self._pool.start(_Work(work), 0)

    @Slot(object, object, object)
    def _take_thumbnail(self, slide: int, path: Path, small: npt.NDArray[np.uint8] | None) -> None:
        if self._asked.get(slide) == path:
            self._thumbnails[slide] = small
            self.thumbnail_ready.emit(slide)


@dataclass(slots=True)
class _Shelf:
    """Pictures of one slide: what each was drawn from, and what it is wanted from."""

    meaning: tuple[str, str, bool] = ("", "", False)
    levels: Levels | None = None
    pictures: dict[int, Straightened] = field(default_factory=dict)
    made_from: dict[int, Chromosome] = field(default_factory=dict)
    drawn: dict[int, Chromosome] = field(default_factory=dict)

    def give_up(self) -> None:
        """Want nothing that is not there."""
        self.made_from = {id: c for id, c in self.made_from.items() if self.drawn.get(id) is c}


def _same_picture(old: Chromosome | None, new: Chromosome) -> bool:
    return (
        old is not None
        and old.mask is new.mask
        and old.box == new.box
        and old.axis is new.axis
        and old.p_up == new.p_up
        and old.centromere == new.centromere
    )
