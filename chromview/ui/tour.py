"""A tour on the samples: a few callouts beside what they speak of. Nothing waits for it, and Esc ends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from chromview.app.actions import BY_ID, plain
from chromview.texts import noop, tr

if TYPE_CHECKING:
    from chromview.ui.window import MainWindow

SEEN = "tour/seen"
"""Setting: whether somebody took the tour, to its end or not."""
_WIDTH = 320
_GAP = 10


@dataclass(frozen=True, slots=True)
class Step:
    """One callout.

    Attributes
    ----------
    title, text
        What it says, in English.
    target
        Object name of the widget that it stands beside.
    action
        Id of what can be tried here, or "". Whoever does it, by the button or by key, is taken to the next step.
    """

    title: str
    text: str
    target: str
    action: str = ""


STEPS = (
    Step(
        noop("Open slides"),
        noop(
            "A slide is one image: a metaphase, or a single cluster. Drop images or a folder on "
            "the window, or open the samples now. They are analysed in the background; you can "
            "look at them meanwhile."
        ),
        "slides",
        "file.open_samples",
    ),
    Step(
        noop("Look at the masks"),
        noop(
            "When a slide is analysed, each chromosome has its outline. Pixels that belong to two chromosomes are "
            "hatched. The wheel zooms, M hides the masks and shows them again, PgDn goes to the next slide."
        ),
        "viewer",
        "view.masks",
    ),
    Step(
        noop("Doubtful ones first"),
        noop(
            "You need not check all 46: Tab goes to the next chromosome that the model is not sure of, and the line "
            "below says why."
        ),
        "status",
        "chromosome.next_doubtful",
    ),
    Step(
        noop("Correct an overlap"),
        noop(
            "With the brush (B) and label 3 you paint pixels that belong to both chromosomes, with "
            "label 1 or 2 those of one. O takes an overlap apart, and the model can be asked again "
            "(G). Ctrl+Z takes everything back."
        ),
        "tools",
        "mask.brush",
    ),
    Step(
        noop("Accept"),
        noop(
            "Enter accepts the selected chromosome and goes to the next doubtful one; Shift+Enter "
            "accepts everything that is left. Each edit is saved at once; there is nothing to save."
        ),
        "status",
    ),
    Step(
        noop("The karyogram"),
        noop(
            "It moves with the slide: select here, and it is selected there. Drag a chromosome to "
            "another place, type its class, turn it over with F. The formula below is a proposal."
        ),
        "karyogram.panel",
        "view.review_layout",
    ),
    Step(
        noop("Export"),
        noop(
            "File > Export slide writes the karyogram, a table and the annotations; a report as "
            "PDF and whole cases are there as well. F1 explains what is under the pointer, Ctrl+F1 "
            "shows every key."
        ),
        "menus",
    ),
)


class Callout(QFrame):
    """The words of a step, with buttons."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("tour")
        self.setAccessibleName(tr("Tour"))
        self.setAutoFillBackground(True)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setFixedWidth(_WIDTH)
        self.title = QLabel(self)
        self.title.setObjectName("tour.title")
        self.text = QLabel(self)
        self.text.setObjectName("tour.text")
        self.text.setWordWrap(True)
        self.count = QLabel(self)
        self.count.setObjectName("tour.count")
        self.end = self._button("tour.end", tr("End (Esc)"))
        self.back = self._button("tour.back", tr("Back"))
        self.next = self._button("tour.next", tr("Next"))
        self.attempt = self._button("tour.try", "")
        row = QHBoxLayout()
        row.addWidget(self.end)
        row.addStretch(1)
        row.addWidget(self.back)
        row.addWidget(self.next)
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.count)
        column = QVBoxLayout(self)
        column.addLayout(head)
        column.addWidget(self.text)
        column.addWidget(self.attempt)
        column.addLayout(row)
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        # In the colour of the frame around what it speaks of; its own frame is lost on panels of the same grey.
        painter = QPainter(self)
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Highlight), 2))
        painter.drawRect(self.rect().adjusted(1, 1, -1, -1))
        painter.end()

    def _button(self, name: str, text: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setObjectName(name)
        button.installEventFilter(self)
        return button

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """On a button, Enter presses it and Tab goes to the next one, before they are keys of the window."""
        keys = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if isinstance(event, QKeyEvent) and isinstance(watched, QPushButton):
            if event.type() == QEvent.Type.ShortcutOverride and event.key() in (
                *keys, Qt.Key.Key_Space, Qt.Key.Key_Tab, Qt.Key.Key_Backtab,
            ):  # fmt: skip
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress and event.key() in keys:
                watched.click()
                return True
        return super().eventFilter(watched, event)


class Frame(QWidget):
    """A frame around what a step speaks of; the mouse goes through it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("tour.frame")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(QPen(self.palette().highlight().color(), 3))
        painter.drawRect(self.rect().adjusted(1, 1, -2, -2))
        painter.end()


class Tour(QObject):
    """Leads through `STEPS`.

    Parameters
    ----------
    window
        On which the callouts lie.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.step = -1
        self.frame = Frame(window)
        self.callout = Callout(window)
        self.callout.next.clicked.connect(self.forward)
        self.callout.back.clicked.connect(lambda: self._go(self.step - 1))
        self.callout.end.clicked.connect(self.end)
        self.callout.attempt.clicked.connect(self._try)
        for number, step in enumerate(STEPS):
            if step.action:
                window.actions_by_id[step.action].triggered.connect(lambda _=False, n=number: self._tried(n))

    @property
    def running(self) -> bool:
        """Whether a callout is shown."""
        return self.step >= 0

    def begin(self) -> None:
        """Show the first callout, with the keyboard in it."""
        if not self.running:
            self._window.installEventFilter(self)
        self._window.settings.setValue(SEEN, "true")
        self._go(0)
        (self.callout.attempt if STEPS[0].action else self.callout.next).setFocus()

    def forward(self) -> None:
        """Show the next callout; after the last one the tour is over."""
        if self.step + 1 < len(STEPS):
            self._go(self.step + 1)
        else:
            self.end()

    def end(self) -> None:
        """Take the callout away."""
        if not self.running:
            return
        self.step = -1
        self._window.removeEventFilter(self)
        focused = self._window.focusWidget()
        inside = focused is not None and self.callout.isAncestorOf(focused)
        self.callout.hide()
        self.frame.hide()
        if inside:
            self._window.viewer.setFocus()

    def _go(self, number: int) -> None:
        self.step = number
        step, callout = STEPS[number], self.callout
        callout.title.setText(f"<b>{tr(step.title)}</b>")
        callout.text.setText(tr(step.text))
        callout.count.setText(f"{number + 1}/{len(STEPS)}")
        callout.back.setEnabled(number > 0)
        callout.next.setText(tr("Next") if number + 1 < len(STEPS) else tr("Done"))
        callout.attempt.setVisible(bool(step.action))
        if step.action:
            keys = self._window.actions_by_id[step.action].shortcut().toString()
            title = plain(tr(BY_ID[step.action].title))
            callout.attempt.setText(f"{title} ({keys})" if keys else title)
        self._place()
        callout.show()
        self.frame.show()
        self.frame.raise_()
        callout.raise_()
        focused = self._window.focusWidget()
        if focused is not None and callout.isAncestorOf(focused) and not (focused.isEnabled() and focused.isVisible()):
            callout.next.setFocus()

    def _try(self) -> None:
        self._window.actions_by_id[STEPS[self.step].action].trigger()

    def _tried(self, number: int) -> None:
        if self.step == number:
            self.forward()

    def _place(self) -> None:
        """Put the callout beside its target, where there is room, and the frame around it."""
        window = self._window
        target = window.findChild(QWidget, STEPS[self.step].target)
        assert target is not None
        whole = window.rect()
        shown = target.isVisible() and target.window() is window
        around = (
            QRect(target.mapTo(window, QPoint(0, 0)), target.size()) if shown else QRect(whole.center(), QPoint(0, 0))
        )
        self.frame.setVisible(shown)
        self.frame.setGeometry(around)
        self.callout.adjustSize()
        size = self.callout.sizeHint().expandedTo(self.callout.minimumSizeHint())
        size.setWidth(_WIDTH)
        middle = around.center() - QPoint(size.width() // 2, size.height() // 2)
        places = (
            QPoint(around.right() + _GAP, middle.y()),
            QPoint(around.left() - _GAP - size.width(), middle.y()),
            QPoint(middle.x(), around.top() - _GAP - size.height()),
            QPoint(middle.x(), around.bottom() + _GAP),
            QPoint(around.right() - size.width() - _GAP, around.top() + _GAP),
        )
        inner = whole.adjusted(4, 4, -4, -4)
        for at in places:
            # Along the target it may slide into the window; across it has to fit.
            moved = QPoint(
                max(inner.left(), min(at.x(), inner.right() - size.width())),
                max(inner.top(), min(at.y(), inner.bottom() - size.height())),
            )
            box = QRect(moved, size)
            if inner.contains(box) and not box.intersects(around):
                break
        self.callout.setGeometry(QRect(moved, size))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Esc ends the tour unless somebody else wanted it; the callout stays beside its target."""
        if isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape and self.running:
            if event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress:
                self.end()
                return True
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest) and self.running:
            self._place()
        return super().eventFilter(watched, event)
