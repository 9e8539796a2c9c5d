"""Slide files read beside the window: disks and networks are slow, and decoding a large image takes its time.

Three threads, so that the slide that somebody wants to look at waits neither for a folder that is being added nor for
one that may be looked at next.
"""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Qt, Signal, Slot

from chromview.app.background import THUMBNAIL
from chromview.core.chromosome import SlideImage
from chromview.errors import UserError
from chromview.progress import CancelToken
from chromview.texts import tr

T = TypeVar("T")
_Answers = queue.SimpleQueue[Callable[[], None]]

_log = logging.getLogger(__name__)

SOON = 0.1
"""Seconds that the window waits for files that are being added before it goes on without."""

AT_ONCE = 0.03
"""Seconds that it waits for a slide to look at: one that is nearly there need not flicker, and a hand that turns the
slides must not be held."""

_BATCH_EVERY = 0.3
"""Seconds between two deliveries of files that are being added."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A file that was read in order to be added.

    Attributes
    ----------
    path, sha256
        Where it lies, and the hash of its bytes.
    thumbnail
        ``(h, w)`` uint8.
    image
        Decoded, for the first file only: it is the one that is going to be looked at.
    """

    path: Path
    sha256: str
    thumbnail: npt.NDArray[np.uint8]
    image: SlideImage | None


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Some of the files that are being added.

    Attributes
    ----------
    found, failed
        What was read since the last batch, and what is wrong with the rest.
    done, total
        Files looked at so far, and of how many.
    """

    found: tuple[Found, ...]
    failed: tuple[UserError, ...]
    done: int
    total: int

    @property
    def last(self) -> bool:
        """Whether this was all."""
        return self.done >= self.total


class Reader(QObject):
    """Reads images to look at and images to add; lives on the thread of the window.

    Answers arrive there, through the event loop or in `wait`.
    """

    _arrived = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._looking = ThreadPoolExecutor(1, thread_name_prefix="look")
        self._adding = ThreadPoolExecutor(1, thread_name_prefix="add")
        self._expecting = ThreadPoolExecutor(1, thread_name_prefix="expect")
        self._expected: dict[Path, Future[SlideImage | UserError]] = {}
        self._looked: _Answers = queue.SimpleQueue()
        self._added: _Answers = queue.SimpleQueue()
        self._look: tuple[Future[None], CancelToken] | None = None
        self._adds: dict[Future[None], CancelToken] = {}
        self._arrived.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    # -- asking

    def look(self, path: Path, then: Callable[[SlideImage | UserError], None]) -> None:
        """Read one image and hand it, or what is wrong with it, to `then`; an earlier wish is dropped.

        Waits a moment for it; what takes longer arrives later.
        """
        self.look_no_more()
        token = CancelToken()
        expected = self._expected.pop(path, None)
        if expected is not None and expected.cancel():
            expected = None  # nobody has begun with it, and it would wait there for others
        if expected is not None and expected.done():
            image = expected.result()
            if isinstance(image, SlideImage):
                then(image)
                return
            expected = None  # what was wrong with it a while ago may be mended by now

        def work() -> None:
            if not token.cancelled:
                image = _outcome(path, partial(_read, path)) if expected is None else expected.result()
                self._answer(self._looked, token, lambda: then(image))

        self._look = self._looking.submit(work), token
        wait([self._look[0]], AT_ONCE)
        self._deliver_looked()

    def expect(self, paths: Sequence[Path]) -> None:
        """Read these images already, in their order: they may be looked at next. Others are expected no more."""
        for path in self._expected.keys() - set(paths):
            self._expected.pop(path).cancel()
        for path in paths:
            if path not in self._expected:
                self._expected[path] = self._expecting.submit(_outcome, path, partial(_read, path))

    def look_no_more(self) -> None:
        """Want no image any more."""
        if self._look is not None:
            self._look[0].cancel()
            self._look[1].cancel()
            self._look = None

    def add(self, paths: Sequence[Path], then: Callable[[Batch | UserError], None]) -> None:
        """Read files, and folders with the images in them; hands them to `then` in batches, or why there are none.

        Waits a moment for the first; what takes longer arrives later.
        """
        token = CancelToken()

        def work() -> None:
            from chromview.storage.images import find_images

            files = _outcome(paths[0], lambda: find_images(paths))
            if isinstance(files, UserError):
                problem = files
                self._answer(self._added, token, lambda: then(problem))
                return
            found: list[Found] = []
            failed: list[UserError] = []
            told = time.monotonic()
            for done, path in enumerate(files, 1):
                if token.cancelled:
                    return
                read = _outcome(path, partial(_found, path.absolute(), keep=done == 1))
                if isinstance(read, Found):
                    found.append(read)
                else:
                    failed.append(read)
                if done == len(files) or time.monotonic() - told > _BATCH_EVERY:
                    batch = Batch(tuple(found), tuple(failed), done, len(files))
                    self._answer(self._added, token, partial(then, batch))
                    found, failed, told = [], [], time.monotonic()

        future = self._adding.submit(work)
        self._adds[future] = token
        wait([future], SOON)
        self._deliver_added()

    def forget(self) -> None:
        """Want nothing any more: another case is opened."""
        self.look_no_more()
        self.expect(())
        for future, token in self._adds.items():
            token.cancel()
            future.cancel()
        self._adds.clear()

    @property
    def looking(self) -> bool:
        """Whether an image that somebody wants to look at is still to come."""
        return self._look is not None

    @property
    def busy(self) -> bool:
        """Whether an answer is still to come."""
        return bool(self._adds) or self._look is not None

    def wait(self, seconds: float | None = None) -> None:
        """Wait until everything asked for was answered, at most some time (None: without end)."""
        end = None if seconds is None else time.monotonic() + seconds
        while self.busy:
            futures = [*self._adds, *([] if self._look is None else [self._look[0]])]
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                break
            wait(futures, left)
            self._deliver()

    def shutdown(self) -> None:
        """Drop what waits and wait for the file that is being read. Doing it twice does no harm."""
        self.forget()
        for pool in (self._looking, self._adding, self._expecting):
            pool.shutdown(cancel_futures=True)

    # -- answering

    def _answer(self, to: _Answers, token: CancelToken, deliver: Callable[[], None]) -> None:
        def unless_cancelled() -> None:
            if not token.cancelled:
                deliver()

        to.put(unless_cancelled)
        self._arrived.emit()

    @Slot()
    def _deliver(self) -> None:
        self._deliver_looked()
        self._deliver_added()

    def _deliver_looked(self) -> None:
        if self._look is not None and self._look[0].done():
            self._look = None
        _hand_over(self._looked)

    def _deliver_added(self) -> None:
        self._adds = {future: token for future, token in self._adds.items() if not future.done()}
        _hand_over(self._added)


def _hand_over(answers: _Answers) -> None:
    while True:
        try:
            deliver = answers.get_nowait()
        except queue.Empty:
            return
        deliver()


def _outcome(path: Path, work: Callable[[], T]) -> T | UserError:
    try:
        return work()
    except UserError as error:
        return error
    except MemoryError:
        return UserError(
            tr("needs more memory than there is"), path=path, advice=tr("Close other programs and try again.")
        )
    except Exception as error:  # nobody else would ever hear of it on this thread
        _log.exception("reading failed")
        return UserError(
            tr(
                "cannot be read, and that is a fault of chromview ({name}: {error})",
                name=type(error).__name__,
                error=error,
            ),
            path=path,
        )


def _read(path: Path) -> SlideImage:
    from chromview.storage.images import read_image

    return read_image(path)


def _found(path: Path, *, keep: bool) -> Found:
    from chromview.storage.images import read_image, thumbnail

    image = read_image(path)
    return Found(path, image.sha256, thumbnail(image, THUMBNAIL), image if keep else None)
