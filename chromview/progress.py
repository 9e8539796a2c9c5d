"""Progress and cancellation, as every stage of the pipeline understands them."""

from __future__ import annotations

import threading
from collections.abc import Callable

from chromview.errors import Cancelled

Progress = Callable[[str, float], None]
"""Called with the name of the stage and the share of the whole that is done, 0..1."""


class CancelToken:
    """Set from one thread, looked at from another."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the work that holds this token to stop."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether the work was asked to stop."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise `Cancelled` if the work was asked to stop."""
        if self._event.is_set():
            raise Cancelled


def silent(stage: str, share: float) -> None:
    """Progress for callers that do not want any."""
