"""Everything fits the smallest screen, 1280 x 720, in both languages, light and dark: nothing is cut or too wide."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QPoint, QRect, QSettings, Qt
from PySide6.QtWidgets import QApplication, QCheckBox, QLabel, QPushButton, QRadioButton, QToolButton, QWidget

from chromview import texts
from chromview.ui.window import MainWindow

from .helpers import Sample, settle, show_sample, single

WIDTH, HEIGHT = 1280, 720
DIALOGS = (
    "karyogram.compare",
    "case.cells",
    "case.history",
    "case.backups",
    "case.person",
    "case.train",
    "case.weights",
    "file.export_case",
    "file.export_labels",
    "help.shortcuts",
    "help.about",
)


@pytest.fixture(params=["en", "de"])
def small(
    request: pytest.FixtureRequest, open_window: Callable[..., MainWindow], settings: QSettings, cell: Sample
) -> Iterator[MainWindow]:
    """A window on a metaphase, as large as the smallest screen."""
    settings.setValue("view/language", request.param)
    settings.setValue("view/colours", "dark" if request.param == "de" else "light")
    window = open_window()
    window.resize(WIDTH, HEIGHT)
    show_sample(window, cell)
    yield window
    texts.use(texts.SOURCE)


def arrange(window: MainWindow) -> None:
    """Let layouts come to rest."""
    settle(window)
    for _ in range(3):
        QApplication.sendPostedEvents()
        QApplication.processEvents()


def text_width(widget: QWidget, text: str) -> int:
    return widget.fontMetrics().size(Qt.TextFlag.TextShowMnemonic, text).width()


def cut_short(root: QWidget) -> list[str]:
    """Names and texts of what is shown in `root` without all of its text."""
    wrong = []
    for widget in (root, *root.findChildren(QWidget)):
        if not widget.isVisible():
            continue
        if isinstance(widget, QPushButton):
            bad = widget.width() < text_width(widget, widget.text()) + 4
        elif isinstance(widget, (QCheckBox, QRadioButton)):
            bad = widget.width() < widget.sizeHint().width()
        elif isinstance(widget, QToolButton):
            worded = widget.toolButtonStyle() != Qt.ToolButtonStyle.ToolButtonIconOnly or widget.icon().isNull()
            shown = widget.defaultAction().iconText() if widget.defaultAction() is not None else widget.text()
            bad = worded and widget.width() < text_width(widget, shown) + 2
        elif isinstance(widget, QLabel) and widget.text() and widget.objectName() != "status.said":
            if widget.wordWrap():
                bad = widget.height() < widget.heightForWidth(widget.width())
            else:
                bad = widget.width() < widget.sizeHint().width()
        else:
            continue
        if bad:
            wrong.append(f"{widget.objectName()}: {widget.text()} ({widget.width()} x {widget.height()})")
    return wrong


def beside_each_other(root: QWidget) -> list[str]:
    """Buttons of `root` that lie on one another."""
    buttons = [b for b in root.findChildren(QWidget) if isinstance(b, (QPushButton, QToolButton)) and b.isVisible()]
    places = [(b, QRect(b.mapTo(root, QPoint(0, 0)), b.size())) for b in buttons]
    return [
        f"{a.objectName()} on {b.objectName()}"
        for n, (a, one) in enumerate(places)
        for b, other in places[n + 1 :]
        if one.intersects(other) and a.parentWidget() is b.parentWidget()
    ]


def check(window: MainWindow, what: str) -> None:
    arrange(window)
    assert (window.width(), window.height()) == (WIDTH, HEIGHT), what
    least = window.minimumSizeHint()
    assert least.width() <= WIDTH and least.height() <= HEIGHT, what
    assert cut_short(window) == [], what
    assert beside_each_other(window) == [], what


def test_the_window_and_its_panels_fit_the_smallest_screen(small: MainWindow) -> None:
    window = small
    check(window, "nothing selected")
    window.performer.go_doubtful(1)
    check(window, "a doubtful one")
    docks = {name: dock.width() for name, dock in window.docks.items()}
    for action in ("mask.ask_again", "case.scale"):
        window.perform(action)
        check(window, action)
    assert {name: dock.width() for name, dock in window.docks.items()} == docks  # no panel pushes another aside
    window.again.leave()
    window.scale.leave()
    longest = {}
    for action in ("view.review_layout", "view.correct_layout", "view.reset_layout"):
        window.perform(action)
        check(window, action)
        rects = [window.karyogram.rect_of(id) for id in window.controller.chromosomes]
        longest[action] = max(rect.height() for rect in rects if rect is not None)
        assert window.karyogram.height() <= window.karyogram_panel.area.viewport().height()  # all of it in sight
    assert longest["view.review_layout"] > 1.4 * longest["view.correct_layout"]
    window.perform("mask.annotate_selected")
    check(window, "writing on the slide")
    window.perform("mask.select")
    window.say_problem("a/long/folder/cell 17.tif: the disk is full. Make room, or choose another disk. " * 3, "viewer")
    check(window, "a problem")


def test_dialogs_and_the_tour_fit_the_smallest_screen(small: MainWindow) -> None:
    window = small
    window.performer.select(single(window).id, reveal=False)
    window.controller.settle()
    for action in DIALOGS:
        window.actions_by_id[action].trigger()
        arrange(window)
        shown = [w for w in QApplication.topLevelWidgets() if w is not window and w.isVisible()]
        assert shown, action
        for dialog in shown:
            size = dialog.minimumSizeHint().expandedTo(dialog.size())
            assert size.width() <= WIDTH and size.height() <= HEIGHT - 40, action  # title bar and task bar
            assert cut_short(dialog) == [] and beside_each_other(dialog) == [], action
            dialog.close()
    window.tour.begin()
    for _ in range(20):
        if not window.tour.running:
            break
        arrange(window)
        callout = window.tour.callout
        assert window.rect().contains(QRect(callout.mapTo(window, QPoint(0, 0)), callout.size()))
        assert cut_short(callout) == []
        window.tour.forward()
    assert not window.tour.running
