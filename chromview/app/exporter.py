"""Long exports on a thread of their own: progress, cancel, and the outcome on the thread of the window."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

from PySide6.QtCore import QObject, QRunnable, QThreadPool, QTimer, Signal, Slot

from chromview.errors import Cancelled, UserError
from chromview.progress import CancelToken, Progress
from chromview.texts import tr

T = TypeVar("T")
_log = logging.getLogger(__name__)
_PROGRESS_EVERY = 0.1
"""Seconds between two reports of progress."""
_AT_ONCE = 0.02
"""Seconds for which the window may stand still."""


class _Work(QRunnable):
    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__()
        self._work = work

    def run(self) -> None:
        self._work()


class Exporter(QObject):
    """Writes one thing after the other.

    Signals
    -------
    changed()
        `status` is another one.
    failed(str)
        A sentence: why nothing was written, and what to do.
    cancelled(str)
        What was stopped; nothing of it was written.
    """

    changed = Signal()
    failed = Signal(str)
    cancelled = Signal(str)
    _reported = Signal(object, float)
    _ended = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._pool.setExpiryTimeout(-1)
        self._tokens: list[tuple[CancelToken, str]] = []
        self._share = 0.0
        # Emitted on the pool's thread, so these arrive through the event loop.
        self._reported.connect(self._take_report)
        self._ended.connect(self._take_end)

    @property
    def status(self) -> tuple[str, float] | None:
        """What is being written, in words, and how much of it is done (0..1); None while nothing is."""
        return (self._tokens[0][1], self._share) if self._tokens else None

    def run(self, what: str, work: Callable[[Progress, CancelToken], T], then: Callable[[T], None]) -> None:
        """Write something.

        Parameters
        ----------
        what
            In words, for the status line: "labels".
        work
            Runs on the other thread; raises `UserError` if it cannot, and `Cancelled` if it was told to stop.
        then
            Gets what `work` returns, on this thread.
        """
        token = CancelToken()
        self._tokens.append((token, what))

        def report_to() -> Progress:
            last = [0.0]

            def report(stage: str, share: float) -> None:
                now = time.monotonic()
                if now - last[0] >= _PROGRESS_EVERY:
                    last[0] = now
                    self._reported.emit(token, share)

            return report

        def guarded() -> None:
            end: Callable[[], Any]
            try:
                token.check()
                result = work(report_to(), token)
            except Cancelled:
                end = partial(self.cancelled.emit, what)
            except UserError as error:
                end = partial(self.failed.emit, str(error))
            except Exception as error:  # nobody else would ever hear of it on this thread
                _log.exception("an export failed")
                said = tr(
                    "This is a fault of chromview: {name}: {error}. Nothing was written.",
                    name=type(error).__name__,
                    error=error,
                )
                end = partial(self.failed.emit, said)
            else:
                end = partial(then, result)
            self._ended.emit(token, end)

        self._pool.start(_Work(guarded))
        self.changed.emit()

    def prepare(self, what: str, steps: Iterator[object], start: Callable[[], object]) -> None:
        """Take `steps` on this thread, a few at a time so that the window goes on, and call `start` after the last.

        For what only this thread may read: the case file. A step that raises `UserError` ends it with `failed`.
        """
        token = CancelToken()
        self._tokens.append((token, what))
        timer = QTimer(self)
        timer.setInterval(0)

        def some() -> None:
            end: Callable[[], object] | None = None
            until = time.monotonic() + _AT_ONCE
            try:
                while time.monotonic() < until:
                    token.check()
                    next(steps)
            except StopIteration:
                end = start
            except Cancelled:
                end = partial(self.cancelled.emit, what)
            except UserError as error:
                end = partial(self.failed.emit, str(error))
            if end is not None:
                timer.stop()
                timer.deleteLater()
                self._take_end(token, end)

        timer.timeout.connect(some)
        timer.start()
        self.changed.emit()

    def cancel(self) -> None:
        """Stop what is written and forget what waits."""
        for token, _ in self._tokens:
            token.cancel()

    def shutdown(self) -> None:
        """Stop, and wait until nothing runs any more."""
        self.cancel()
        for timer in self.findChildren(QTimer):
            timer.stop()
        self._pool.waitForDone()
        self._tokens.clear()

    @Slot(object, float)
    def _take_report(self, token: CancelToken, share: float) -> None:
        if self._tokens and self._tokens[0][0] is token:
            self._share = share
            self.changed.emit()

    @Slot(object, object)
    def _take_end(self, token: CancelToken, end: Callable[[], object]) -> None:
        before = len(self._tokens)
        self._tokens = [entry for entry in self._tokens if entry[0] is not token]
        self._share = 0.0
        if len(self._tokens) < before:  # not after `shutdown`
            end()
            self.changed.emit()
