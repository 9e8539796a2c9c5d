"""The panel that asks the model again about a cluster, and shows its answers as small pictures."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QObject, QRect, QSize, Qt
from PySide6.QtGui import QIcon, QImage, QKeyEvent, QPainter, QPixmap
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from chromview.app.asking import Asker
from chromview.app.overlay import PALETTE, Layer, Overlay
from chromview.core.alternatives import Alternative
from chromview.core.chromosome import Box, SlideImage
from chromview.core.commands import united
from chromview.texts import noop, tr, tr_n
from chromview.ui.two_rows import TwoRows

SIDE = 112
"""Of a small picture, in screen pixels."""
MOST = 12
"""Chromosomes that can be asked for."""
_NAMES = {
    "strokes": noop("By your strokes"),
    "pair network": noop("Pair network"),
    "pieces": noop("Segmenter"),
    "pieces joined": noop("Pieces joined"),
    "tips joined": noop("From the tips"),
    "one chromosome": noop("Uncut"),
}
_OWN_KEYS = frozenset(
    (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab, Qt.Key.Key_Backtab, Qt.Key.Key_Left, Qt.Key.Key_Right)
)


def count_of(alternative: Alternative) -> str:
    """How many chromosomes it has, in words."""
    number = len(alternative.parts)
    return tr_n("{n} chromosome", "{n} chromosomes", number)


def small_picture(image: SlideImage, frame: Box, alternative: Alternative, side: int) -> QImage:
    """The slide around a cluster with the masks of an alternative over it, fitted into a square of `side` pixels."""
    window = image.pixels[frame.slices].astype(np.float32)
    low, high = float(window.min()), float(window.max())
    grey = np.ascontiguousarray(255 * (window - low) / max(1.0, high - low), np.uint8)
    overlay = Overlay((frame.height, frame.width))
    layers = [
        Layer(
            Box(p.box.top - frame.top, p.box.left - frame.left, p.box.bottom - frame.top, p.box.right - frame.left),
            p.mask, PALETTE[n % len(PALETTE)], True, True,
        )
        for n, p in enumerate(alternative.parts)
    ]  # fmt: skip
    overlay.compose(Box(0, 0, frame.height, frame.width), layers, opacity=0.45)
    shown = QImage(grey.data, frame.width, frame.height, frame.width, QImage.Format.Format_Grayscale8)
    picture = shown.convertToFormat(QImage.Format.Format_RGB32)
    painter = QPainter(picture)
    pixels = overlay.pixels.view("u1")
    painter.drawImage(
        0, 0, QImage(pixels.data, frame.width, frame.height, 4 * frame.width,
                     QImage.Format.Format_ARGB32_Premultiplied)
    )  # fmt: skip
    painter.end()
    smooth = Qt.TransformationMode.SmoothTransformation
    fitted = picture.scaled(side, side, Qt.AspectRatioMode.KeepAspectRatio, smooth)
    square = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    square.fill(Qt.GlobalColor.transparent)
    painter = QPainter(square)
    left, top = (side - fitted.width()) // 2, (side - fitted.height()) // 2
    painter.drawImage(QRect(left, top, fitted.width(), fitted.height()), fitted)
    painter.end()
    return square


class AgainPanel(QFrame):
    """Below the slide while the model is asked again: how many, what to keep, and the answers to choose from."""

    def __init__(self, asker: Asker, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("again")
        self.setAccessibleName(tr("Ask the model again"))
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setWhatsThis(
            tr(
                "<b>Ask the model again.</b> It looks at the cluster of the selected chromosome, with "
                "the number you give or a stroke on each chromosome (H). The arrow keys go from answer "
                "to answer, Enter or its digit takes one, Esc closes; taking one is undone like any "
                "other edit."
            )
        )
        self.asker = asker
        self.choices: list[QToolButton] = []
        self.about = QLabel(self)
        self.about.setObjectName("again.about")
        self.count = QSpinBox(self)
        self.count.setObjectName("again.count")
        self.count.setAccessibleName(tr("Number of chromosomes"))
        self.count.setToolTip(tr("How many chromosomes there are; Enter asks"))
        self.count.setRange(0, MOST)
        self.count.setSpecialValueText(tr("any number"))
        self.strokes = QPushButton(self)
        self.strokes.setObjectName("again.strokes")
        self.strokes.setToolTip(tr("Forget the strokes that say where chromosomes lie"))
        self.keep = QCheckBox(self)
        self.keep.setObjectName("again.keep")
        self.keep.setChecked(True)
        self.go = QPushButton(tr("Ask"), self)
        self.go.setObjectName("again.ask")
        close = QToolButton(self)
        close.setObjectName("again.close")
        close.setText("✕")
        close.setAutoRaise(True)
        close.setAccessibleName(tr("Close"))
        close.setToolTip(tr("Close (Esc)"))
        top = QHBoxLayout()
        top.addWidget(TwoRows((self.about, self.count, self.strokes, self.go), (self.keep,), self), 1)
        top.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        row = QWidget(self)
        self._answers = QHBoxLayout(row)
        self._answers.setContentsMargins(0, 0, 0, 0)
        self._answers.setSpacing(4)
        # Six answers are wider than the slide may be in a small window.
        self._scroll = QScrollArea(self)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidgetResizable(True)
        self._scroll.setWidget(row)
        self._scroll.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 4, 4, 4)
        column.setSpacing(2)
        column.addLayout(top)
        column.addWidget(self._scroll)
        self.go.clicked.connect(self.ask)
        self.keep.clicked.connect(self.ask)
        self.strokes.clicked.connect(asker.clear_strokes)
        close.clicked.connect(self.leave)
        asker.changed.connect(self.refresh)
        asker.taken.connect(self.leave)
        listened: tuple[QWidget, ...] = (self.count, self.strokes, self.keep, self.go, close)
        for widget in listened:
            widget.installEventFilter(self)
        self.hide()

    # -- asking --------------------------------------------------------------------------

    def open(self) -> None:
        """Show the panel and ask at once; open already, ask again as it stands."""
        if not self.isVisible():
            self.count.setValue(0)
            self.keep.setChecked(True)
        if self.asker.strokes or self.asker.cluster:
            self.show()
            self.refresh()
            if self.asker.strokes:
                self.go.setFocus()
            else:
                self.count.setFocus()
                self.count.selectAll()
        self.ask()

    def ask(self) -> None:
        """Ask as the panel stands."""
        self.asker.ask(self.count.value() or None, keep=self.keep.isChecked())

    def leave(self) -> None:
        """Close the panel and forget what was asked."""
        if self.isVisible():
            focused = self.isAncestorOf(self.focusWidget()) if self.focusWidget() is not None else False
            self.hide()
            self.asker.forget()
            window = self.window()
            viewer = window.findChild(QWidget, "viewer")
            if viewer is not None and (focused or window.focusWidget() is None):
                viewer.setFocus()

    def refresh(self) -> None:
        """Show what is asked and what was answered."""
        asker = self.asker
        if asker.strokes and not self.isVisible():
            self.count.setValue(0)
            self.keep.setChecked(True)
            self.show()
        if not self.isVisible():
            return
        if asker.controller.info is None:
            self.hide()
            return
        number, theirs, strokes = len(asker.cluster), len(asker.theirs), len(asker.strokes)
        found = tr("No chromosome selected.") if not number else tr("This cluster has {number}.", number=number)
        ask = tr("Ask with") if strokes else tr("Ask for")
        self.about.setText(f"{found} {ask}")
        self.count.setVisible(not strokes)
        self.strokes.setVisible(bool(strokes))
        self.strokes.setText(tr_n("{n} stroke ✕", "{n} strokes ✕", strokes))
        self.keep.setVisible(bool(theirs))
        self.keep.setText(
            tr_n(
                "Keep the one that a person edited or accepted", "Keep the {n} that a person edited or accepted", theirs
            )
        )
        self.go.setText(tr("Asking …") if asker.waiting else tr("Ask"))
        self._show_answers()

    def _show_answers(self) -> None:
        alternatives, image = self.asker.alternatives, self.asker.controller.image
        shown = [choice.property("alternative") for choice in self.choices]
        if len(shown) == len(alternatives) and all(a is b for a, b in zip(shown, alternatives, strict=True)):
            return
        for choice in self.choices:
            self._answers.removeWidget(choice)
            choice.hide()
            choice.deleteLater()
        while self._answers.count():
            self._answers.takeAt(0)
        self.choices = []
        self._scroll.setVisible(bool(alternatives) and image is not None)
        frame = united(part.box for alternative in alternatives for part in alternative.parts)
        if frame is None or image is None:
            return
        frame = frame.grown(6, image.shape)
        for index, alternative in enumerate(alternatives):
            self.choices.append(self._choice(index, alternative, image, frame))
            self._answers.addWidget(self.choices[-1])
        self._answers.addStretch(1)
        bar = self._scroll.horizontalScrollBar().sizeHint().height()
        self._scroll.setFixedHeight(self.choices[0].sizeHint().height() + bar)
        if self.isAncestorOf(self.window().focusWidget() or self):
            self.choices[0].setFocus()

    def _choice(self, index: int, alternative: Alternative, image: SlideImage, frame: Box) -> QToolButton:
        choice = QToolButton(self)
        choice.setObjectName(f"again.choice{index + 1}")
        name = tr(_NAMES.get(alternative.how, alternative.how))
        many = count_of(alternative)
        choice.setText(f"{index + 1}  {name}: {len(alternative.parts)}")
        choice.setAccessibleName(tr("Answer {index}: {name}, {many}", index=index + 1, name=name, many=many))
        choice.setToolTip(
            tr("<b>{name}</b><br>{many}; Enter or {index} takes it", name=name, many=many, index=index + 1)
        )
        ratio = self.devicePixelRatioF()
        picture = QPixmap.fromImage(small_picture(image, frame, alternative, round(SIDE * ratio)))
        picture.setDevicePixelRatio(ratio)
        choice.setIcon(QIcon(picture))
        choice.setIconSize(QSize(SIDE, SIDE))
        choice.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        choice.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        choice.setAutoRaise(True)
        choice.setProperty("alternative", alternative)
        choice.clicked.connect(lambda checked=False: self.asker.take(index))
        choice.installEventFilter(self)
        return choice

    # -- keys ----------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keys that mean something here do so before the shortcuts of the window."""
        if not isinstance(event, QKeyEvent) or event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            return super().eventFilter(watched, event)
        key, is_digit = Qt.Key(event.key()), event.text().isdigit()
        if event.type() == QEvent.Type.ShortcutOverride and (key in _OWN_KEYS or is_digit):
            event.accept()
            return True
        if event.type() == QEvent.Type.KeyPress:
            return self._pressed(watched, key, event.text())
        return super().eventFilter(watched, event)

    def _pressed(self, watched: QObject, key: Qt.Key, text: str) -> bool:
        on_choice = watched in self.choices
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if isinstance(watched, (QToolButton, QPushButton, QCheckBox)):
                watched.click()
            else:
                self.count.interpretText()
                self.ask()
            return True
        if on_choice and key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            step = 1 if key == Qt.Key.Key_Right else -1
            place = next(n for n, choice in enumerate(self.choices) if choice is watched)
            chosen = self.choices[(place + step) % len(self.choices)]
            chosen.setFocus()
            self._scroll.ensureWidgetVisible(chosen)
            return True
        if on_choice and text.isdigit() and 1 <= int(text) <= len(self.choices):
            self.asker.take(int(text) - 1)
            return True
        return False
