"""The tour: offered at the first start, beside what it speaks of, by keyboard, and out of the way at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QRect, QSettings, Qt
from PySide6.QtWidgets import QApplication, QPushButton, QWidget

from chromview.ui.tour import STEPS
from chromview.ui.window import MainWindow

from .helpers import Sample, show_sample


def button(window: MainWindow, name: str) -> QPushButton:
    found = window.findChild(QPushButton, name)
    assert found is not None
    return found


def test_it_is_offered_until_somebody_took_it_or_opened_a_slide(
    open_window: Callable[..., MainWindow], cell: Sample, settings: QSettings
) -> None:
    window = open_window()
    assert button(window, "empty.help.tour").isVisible()
    window.close()
    again = open_window()
    assert button(again, "empty.help.tour").isVisible()
    show_sample(again, cell)
    again.close()
    settings.remove("case/recent")
    assert not button(open_window(), "empty.help.tour").isVisible()


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (900, 640), (1920, 1080)])
def test_every_callout_stands_beside_what_it_speaks_of(cell_window: MainWindow, width: int, height: int) -> None:
    window = cell_window
    window.resize(width, height)
    QApplication.processEvents()
    window.actions_by_id["help.tour"].trigger()
    for step in STEPS:
        QApplication.processEvents()
        callout, target = window.tour.callout, window.findChild(QWidget, step.target)
        assert target is not None
        assert callout.isVisible() and callout.text.text() == step.text
        assert window.rect().contains(callout.geometry()), step.title
        around = QRect(target.mapTo(window, QPoint(0, 0)), target.size())
        covered = callout.geometry().intersected(around)
        assert covered.width() * covered.height() < 0.5 * around.width() * around.height(), step.title
        # All words are inside.
        assert callout.text.height() >= callout.text.heightForWidth(callout.text.width())
        button(window, "tour.next").click()
    assert not window.tour.running and not window.tour.callout.isVisible()


def test_the_keyboard_leads_through_it_and_out_of_it(window: MainWindow, qtbot: Any, settings: QSettings) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    button(window, "empty.help.tour").setFocus()
    qtbot.keyClick(button(window, "empty.help.tour"), Qt.Key.Key_Space)
    focused = QApplication.focusWidget()
    assert focused is button(window, "tour.try")
    qtbot.keyClick(focused, Qt.Key.Key_Tab)
    while QApplication.focusWidget() is not button(window, "tour.next"):
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return)
    assert window.tour.step == 1
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Escape)
    assert not window.tour.running
    assert QApplication.focusWidget() is window.viewer
    window.actions_by_id["help.tour"].trigger()  # as often as one likes
    assert window.tour.step == 0
    window.viewer.setFocus()
    qtbot.keyClick(window.viewer, Qt.Key.Key_Escape)
    assert not window.tour.running


def test_doing_what_a_step_says_leads_to_the_next(cell_window: MainWindow, qtbot: Any) -> None:
    window = cell_window
    window.actions_by_id["help.tour"].trigger()
    for name in ("tour.next", "tour.next"):
        button(window, name).click()
    assert STEPS[window.tour.step].action == "chromosome.next_doubtful"
    window.viewer.setFocus()
    qtbot.keyClick(window.viewer, Qt.Key.Key_Tab)
    window.controller.settle()
    assert window.controller.selection.chromosome is not None
    assert STEPS[window.tour.step].action == "mask.brush"
    button(window, "tour.back").click()
    button(window, "tour.try").click()
    assert STEPS[window.tour.step].action == "mask.brush"
    assert window.viewer.isEnabled()  # nothing waits for the tour
