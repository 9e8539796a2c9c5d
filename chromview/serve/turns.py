"""Whose turn it is: one analysis at a time, a few that wait, and no more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from chromview.errors import Cancelled
from chromview.progress import CancelToken
from chromview.serve.answers import Refused

T = TypeVar("T")


class Turns:
    """Work is done on one thread in the order in which it came.

    Parameters
    ----------
    waiting
        How many may wait while one is at work.
    """

    def __init__(self, waiting: int) -> None:
        self._places = waiting + 1
        self._taken = 0
        self._lock = threading.Lock()
        self._tokens: set[CancelToken] = set()
        self._closed = False
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="analysis")

    @property
    def taken(self) -> int:
        """How many are at work or wait."""
        return self._taken

    @contextmanager
    def place(self) -> Iterator[Place]:
        """Hold a place from before the image is received until its work has really ended.

        Raises
        ------
        Refused
            503 if all places are taken.
        """
        with self._lock:
            if self._closed:
                raise Refused(503, "The server is stopping.")
            if self._taken >= self._places:
                raise Refused(503, f"{self._taken} requests are at work or waiting already.", "Try again later.")
            self._taken += 1
        place = Place(self)
        try:
            yield place
        finally:
            if not place.used:
                with self._lock:
                    self._taken -= 1

    def _do(self, work: Callable[[CancelToken], T], seconds: float) -> T:
        token = CancelToken()

        def ended(_: Future[T]) -> None:
            with self._lock:
                self._tokens.discard(token)
                self._taken -= 1

        with self._lock:
            if self._closed:
                self._taken -= 1
                raise Refused(503, "The server is stopping.")
            self._tokens.add(token)
            future = self._pool.submit(work, token)
        future.add_done_callback(ended)
        try:
            return future.result(max(0.0, seconds))
        except TimeoutError as error:
            if future.done() and not future.cancelled():
                raise  # the work's own, a fault of ours
            # The answer does not wait for the work to notice; its place stays taken until it has.
            token.cancel()
            future.cancel()
            raise Refused(
                504, "The time for one request is over.", "Send a smaller image, or allow more time."
            ) from error
        except (Cancelled, CancelledError) as error:
            raise Refused(503, "The server is stopping.") from error

    def close(self) -> None:
        """Stop what is at work, forget what waits, and wait for the thread to end."""
        with self._lock:
            self._closed = True
            tokens = list(self._tokens)
        for token in tokens:
            token.cancel()
        self._pool.shutdown(wait=True, cancel_futures=True)


class Place:
    """A place in the queue; `do` may be called once."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self.used = False

    def do(self, work: Callable[[CancelToken], T], seconds: float) -> T:
        """Do `work` when its turn comes, and return its result.

        Parameters
        ----------
        work
            Given a token that is set when the time is over or the server stops.
        seconds
            For waiting and working together.

        Raises
        ------
        Refused
            504 if the time is over, 503 if the server stops.
        """
        self.used = True
        return self._turns._do(work, seconds)
