"""What is repainted after an edit is little, and yet the screen shows what a whole repaint would show."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRect
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QWidget

from chromview.ui.window import MainWindow

from .helpers import Hand, inside, settle, single


def values(image: QImage) -> np.ndarray:
    rgb = image.convertToFormat(QImage.Format.Format_RGB32)
    return np.frombuffer(rgb.constBits(), np.uint8).reshape(rgb.height(), rgb.width(), 4)[..., :3].astype(int)


def on_screen(window: MainWindow, widget: QWidget) -> np.ndarray:
    """What stands on the screen where the widget is, as parts of it were painted one after the other."""
    QApplication.processEvents()
    shown = window.screen().grabWindow(window.winId()).toImage()
    return values(shown.copy(QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())))


def assert_up_to_date(window: MainWindow, what: str) -> None:
    # Pictures made in a pause would lay the karyogram out between the two looks.
    window.controller._pictures_soon.stop()
    window.controller.analyses.forget()
    window.controller.background._pool.waitForDone()
    QApplication.processEvents()
    area = window.karyogram_panel.area.viewport()
    for widget in (window.viewer, area):
        seen = on_screen(window, widget)
        widget.update()
        window.karyogram.update()
        fresh = on_screen(window, widget)
        wrong = np.argwhere(np.abs(seen - fresh).max(axis=2) > 2)
        assert not len(wrong), f"{widget.objectName()} after {what}: {len(wrong)} pixels, the first at {wrong[0]}"


def test_the_screen_is_right_after_every_step(cell_window: MainWindow) -> None:
    window = cell_window
    viewer, hand = window.viewer, Hand(window.viewer)
    counted = [c for c in window.controller.chromosomes.values() if c.in_karyogram]
    doubtful = next(c.id for c in counted if c.doubts)
    assert_up_to_date(window, "opening")
    for scale in (viewer.scale, 3.0):
        viewer.zoom(scale / viewer.scale, inside(window, doubtful))
        viewer.reveal(window.controller.chromosomes[doubtful].box)
        hand.click(inside(window, doubtful))
        assert_up_to_date(window, "selecting")
        window.perform("mask.brush")
        assert_up_to_date(window, "taking the brush")
        start = inside(window, doubtful)
        hand.press(start)
        hand.move(start + QPointF(25, 12))
        hand.move(start + QPointF(40, -30))
        hand.release(start + QPointF(40, -30))
        assert_up_to_date(window, "a stroke")
        settle(window)
        assert_up_to_date(window, "the new picture")
        window.perform("mask.erase")
        hand.drag(start, start + QPointF(3, 3), start + QPointF(-12, 9))
        assert_up_to_date(window, "the eraser")
        hand.press(start)
        hand.move(start + QPointF(-30, -20))
        window.actions_by_id["mask.select"].trigger()
        hand.release(start)
        assert_up_to_date(window, "a stroke that was given up")
        window.perform("edit.undo")
        assert_up_to_date(window, "undo")
        window.perform("mask.select")
        assert_up_to_date(window, "putting the tool down")
        other = next(
            c.id for c in counted if c.id != doubtful and viewer.rect().contains(inside(window, c.id).toPoint())
        )
        hand.click(inside(window, other))
        window.perform("chromosome.accept")
        assert_up_to_date(window, "accepting")
        window.perform("chromosome.turn")
        assert_up_to_date(window, "turning")
        window.perform("view.fill")
        viewer.set_view(fill=True)
        assert_up_to_date(window, "filling")
        window.perform("edit.undo")
        window.perform("edit.undo")
        window.perform("edit.undo")
        assert_up_to_date(window, "undoing all")
    window.perform("mask.new")
    hand.drag(QPointF(30, 30), QPointF(60, 40))
    settle(window)
    assert_up_to_date(window, "a new chromosome")


class Paints(QObject):
    """Counts how often a widget is painted."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.count = 0
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.count += event.type() is QEvent.Type.Paint
        return False


def test_the_slide_is_painted_once_for_a_stroke_and_its_undo(cell_window: MainWindow) -> None:
    window = cell_window
    start = inside(window, single(window).id)
    hand, paints = Hand(window.viewer), Paints(window.viewer)
    hand.click(start)
    window.perform("mask.brush")
    hand.press(start)
    hand.move(start + QPointF(25, 12))
    paints.count = 0
    hand.release(start + QPointF(25, 12))
    assert paints.count == 1
    window.controller.settle()
    QApplication.processEvents()
    assert paints.count == 1
    for action in ("edit.undo", "edit.redo"):
        window.perform(action)
        QApplication.processEvents()
        window.controller.settle()
        QApplication.processEvents()
    assert paints.count == 3


def test_no_picture_is_made_while_the_brush_is_down(cell_window: MainWindow) -> None:
    window = cell_window
    start = inside(window, single(window).id)
    hand, background = Hand(window.viewer), window.controller.background
    hand.click(start)
    window.perform("mask.brush")
    hand.press(start)
    slide, image = window.controller.selection.slide, window.controller.image
    assert slide is not None and image is not None
    made = dict(background.pictures(slide))
    wanted = [c for c in window.controller.chromosomes.values() if c.in_karyogram]
    # As if they had been asked for just before.
    background.want_pictures(slide, image, wanted, window.controller.stain, inverted=True)
    assert not background._pool.waitForDone(100)
    assert not background.pictures(slide)
    hand.release(start)
    settle(window)
    assert background.pictures(slide).keys() == made.keys()


def test_a_drag_in_the_karyogram_leaves_nothing_behind(cell_window: MainWindow) -> None:
    window = cell_window
    counted = [c for c in window.controller.chromosomes.values() if c.in_karyogram]
    rect, other = window.karyogram.rect_of(counted[0].id), window.karyogram.rect_of(counted[-1].id)
    assert rect is not None
    assert other is not None
    hand = Hand(window.karyogram)
    hand.press(rect.center())
    hand.move(other.center())
    assert_up_to_date(window, "dragging")
    hand.move(QPoint(2, 2))
    hand.release(QPoint(2, 2))
    assert_up_to_date(window, "a drop beside every place")
