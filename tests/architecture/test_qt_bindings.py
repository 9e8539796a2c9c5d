"""The bindings must survive minutes of use, not only short tests.

PySide6 6.12.0 on Python 3.11 loses a reference to None in every call that returns nothing, and the
program aborts when the last one is gone.
"""

from __future__ import annotations

import sys

from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

CALLS = 20_000


def test_calls_that_return_nothing_keep_none_alive(qtbot: QtBot) -> None:
    widget = QWidget()
    qtbot.addWidget(widget)
    widget.update()
    before = sys.getrefcount(None)
    for _ in range(CALLS):
        widget.update()
    # Other threads and caches move the count by a few; the fault moves it by one a call.
    assert abs(sys.getrefcount(None) - before) < CALLS // 100
