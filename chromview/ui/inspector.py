"""The selected chromosome: straightened beside the ideogram of its class, what it may be, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import (
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from chromview.app.confidence import calibration_text, confidence_text
from chromview.app.marks import LONGEST_NOTE
from chromview.core.axis_edit import measured_arms
from chromview.core.calibration import Calibration
from chromview.core.chromosome import CLASS_NAMES, Chromosome, DecidedBy, Kind, Mark, State
from chromview.core.ideogram import Ideogram
from chromview.texts import noop, shown, tr
from chromview.ui.axis_layer import draw_straight_axis
from chromview.ui.ideogram_paint import draw_ideogram, ideogram_of
from chromview.ui.menus import ActionSet
from chromview.ui.picture import qimage_grey

if TYPE_CHECKING:
    from chromview.core.straighten import Straightened

_STATE = {
    State.PROPOSED: noop("proposal"),
    State.ACCEPTED: noop("accepted"),
    State.EDITED: noop("corrected"),
    State.REJECTED: noop("rejected"),
}
_KIND = {
    Kind.NUCLEUS: noop("Nucleus"),
    Kind.DEBRIS: noop("Debris"),
    Kind.OTHER_CELL: noop("Chromosome of another cell"),
}
_DECIDED = {
    DecidedBy.NETWORK: noop("by the network"),
    DecidedBy.CELL: noop("by the cell as a whole"),
    DecidedBy.PERSON: noop("by a person"),
}


class Portrait(QWidget):
    """The straightened chromosome and, at the same length, the ideogram of its class.

    Signals
    -------
    centromere_moved(float)
        Where the hand put the centromere, 0..1 of the length from above.
    """

    centromere_moved = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspector.portrait")
        self.setAccessibleName(tr("Straightened chromosome beside its ideogram"))
        self.setMinimumSize(84, 110)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setMouseTracking(True)
        self.setToolTip(tr("Drag up or down to move the centromere"))
        self._image: QImage | None = None
        self._picture: Straightened | None = None
        self._held: float | None = None
        self._number, self._bands = 0, 550
        self._ideogram: Ideogram | None = None
        self._paper = QColor(255, 255, 255)

    def sizeHint(self) -> QSize:
        return QSize(96, 170)

    def show_chromosome(self, picture: Straightened | None, number: int, bright_on_dark: bool) -> None:
        """Show a straightened picture (None for none) and the ideogram of class `number` (0 for none)."""
        self._image = None if picture is None else qimage_grey(picture.image)
        self._picture = picture
        self._paper = QColor(0, 0, 0) if bright_on_dark else QColor(255, 255, 255)
        self._number = number
        self._ideogram = ideogram_of(number, self._bands)
        self.update()

    def set_bands(self, bands: int) -> None:
        """Show ideograms of 400, 550 or 850 bands."""
        self._bands = bands
        self._ideogram = ideogram_of(self._number, bands)
        self.update()

    @property
    def ideogram(self) -> Ideogram | None:
        """What stands beside the chromosome."""
        return self._ideogram

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.rect(), self._paper if self._image else self.palette().color(QPalette.ColorRole.Dark))
        if self._image is None:
            return
        rect = self.picture_rect()
        painter.drawImage(rect, self._image)
        if self._picture is not None:
            draw_straight_axis(painter, self._picture, rect, self._held)
        ink = QColor(255, 255, 255) if self._paper.lightness() < 128 else QColor(0, 0, 0)
        if self._ideogram is not None:
            box = QRectF(self.width() - 26, rect.top(), 14, rect.height())
            draw_ideogram(painter, self._ideogram, box, ink)

    def picture_rect(self) -> QRectF:
        """Where the straightened picture stands on this widget; empty without one."""
        if self._image is None:
            return QRectF()
        height = self.height() - 16.0
        scale = min(height / self._image.height(), (self.width() - 40.0) / self._image.width(), 4.0)
        tall, wide = self._image.height() * scale, self._image.width() * scale
        return QRectF((self.width() - 34 - wide) / 2, (self.height() - tall) / 2, wide, tall)

    def _over(self, event: QMouseEvent) -> bool:
        return self._image is not None and self.picture_rect().adjusted(-10, -6, 10, 6).contains(event.position())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._over(event):
            self._hold(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._held is not None:
            self._hold(event)
        else:
            self.setCursor(Qt.CursorShape.SplitVCursor if self._over(event) else Qt.CursorShape.ArrowCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._held is not None:
            share, self._held = self._held, None
            self.update()
            self.centromere_moved.emit(share)

    def _hold(self, event: QMouseEvent) -> None:
        rect = self.picture_rect()
        self._held = float(min(1.0, max(0.0, (event.position().y() - rect.top()) / max(rect.height(), 1.0))))
        self.update()


class ClassBars(QWidget):
    """The classes it may be, the likeliest first; a click chooses one."""

    chosen = Signal(int)
    LINES = 4

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspector.classes")
        self.setAccessibleName(tr("Classes it may be"))
        self.setToolTip(tr("What the network thinks of each class; click one to choose it"))
        self._best: list[tuple[float, int]] = []
        self._number = 0

    def show_classes(self, probabilities: tuple[float, ...] | None, number: int) -> None:
        """Show 24 probabilities, and which class it has now."""
        ranked = sorted(((p, n) for n, p in enumerate(probabilities or (), start=1)), reverse=True)
        self._best = ranked[: self.LINES]
        # The class it has is always among them, also where the cell moved it far from the first choice.
        now = [entry for entry in ranked if entry[1] == number]
        if now and now[0] not in self._best:
            self._best[-1] = now[0]
        self._number = number
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(140, self.LINES * (self.fontMetrics().height() + 3))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        line = self.fontMetrics().height() + 3
        accent, text = (
            self.palette().color(QPalette.ColorRole.Highlight),
            self.palette().color(QPalette.ColorRole.WindowText),
        )
        for row, (share, number) in enumerate(self._best):
            y = row * line
            font = QFont(self.font())
            font.setBold(number == self._number)
            painter.setFont(font)
            painter.setPen(text)
            painter.drawText(
                QRectF(0, y, 26, line),
                Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight,
                CLASS_NAMES[number - 1],
            )
            room = max(10.0, self.width() - 80.0)
            painter.fillRect(QRectF(32, y + 4, room, line - 8), self.palette().color(QPalette.ColorRole.Dark))
            painter.fillRect(QRectF(32, y + 4, room * share, line - 8), accent)
            painter.drawText(
                QRectF(36 + room, y, 44, line),
                Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
                f"{share:.0%}",
            )
        if not self._best:
            painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
            painter.drawText(
                self.rect(), Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap, tr("No class was read yet.")
            )

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        row = int(event.position().y() // (self.fontMetrics().height() + 3))
        if 0 <= row < len(self._best):
            self.chosen.emit(self._best[row][1])


class Inspector(QWidget):
    """The panel about the selected chromosome.

    Signals
    -------
    class_chosen(int)
        Class 1..24 that a person chose.
    note_given(str)
        What a person wrote on the chromosome.
    """

    class_chosen = Signal(int)
    note_given = Signal(str)

    def __init__(self, actions: ActionSet, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspector")
        self.setAccessibleName(tr("Inspector"))
        self.setWhatsThis(
            tr("<b>The selected chromosome</b>, straightened beside the ideogram of its class, and what it may be.")
        )
        self.portrait = Portrait(self)
        self.title = QLabel(self)
        self.title.setObjectName("inspector.title")
        bold = QFont(self.title.font())
        bold.setBold(True)
        self.title.setFont(bold)
        self.title.setWordWrap(True)
        self.doubt = QLabel(self)
        self.doubt.setObjectName("inspector.doubt")
        self.doubt.setWordWrap(True)
        self.class_edit = QLineEdit(self)
        self.class_edit.setObjectName("inspector.class")
        self.class_edit.setAccessibleName(tr("Class"))
        self.class_edit.setMaxLength(2)
        self.class_edit.setMaximumWidth(48)
        self.class_edit.setToolTip(tr("1 to 22, X or Y; Enter sets it"))
        self.class_edit.returnPressed.connect(self._class_entered)
        self.class_edit.installEventFilter(self)
        self.class_note = QLabel(self)
        self.class_note.setObjectName("inspector.class_note")
        self.note_edit = QLineEdit(self)
        self.note_edit.setObjectName("inspector.note")
        self.note_edit.setAccessibleName(tr("Note"))
        self.note_edit.setMaxLength(LONGEST_NOTE)
        self.note_edit.setPlaceholderText(tr("none"))
        self.note_edit.setToolTip(tr("Stands beside the chromosome in the karyogram and on exports; Enter keeps it"))
        self.note_edit.returnPressed.connect(self._note_entered)
        self.note_edit.installEventFilter(self)
        self.bars = ClassBars(self)
        self.bars.chosen.connect(self.class_chosen)
        self.facts = QLabel(self)
        self.facts.setObjectName("inspector.facts")
        self.facts.setWordWrap(True)
        self.facts.setTextFormat(Qt.TextFormat.PlainText)
        self.facts.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        # In a low panel what does not fit is scrolled to, and nothing is drawn over something else.
        self._scroll = QScrollArea(self)
        self._scroll.setObjectName("inspector.scroll")
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._scroll.setWidget(self.facts)
        self._scroll.setMinimumHeight(2 * self.facts.fontMetrics().lineSpacing())
        self.empty = QLabel(tr("Click a chromosome on the slide or in the karyogram."), self)
        self.empty.setObjectName("inspector.empty")
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._number, self._note, self._id = 0, "", 0
        self._build(actions)
        self.show_chromosome(None, None, 0, bright_on_dark=False)

    def _build(self, actions: ActionSet) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(2)
        for id in ("chromosome.accept", "chromosome.flip", "chromosome.turn", "chromosome.reject"):
            button = QToolButton(self)
            button.setObjectName(f"inspector.{id}")
            button.setDefaultAction(actions[id])
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
            button.setIconSize(QSize(20, 20))
            button.setAutoRaise(True)
            buttons.addWidget(button)
        buttons.addStretch(1)
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        row = QHBoxLayout()
        row.addWidget(self.class_edit)
        row.addWidget(self.class_note, 1)
        form.addRow(tr("Class"), row)
        form.addRow(tr("Note"), self.note_edit)
        column = QVBoxLayout()
        column.setSpacing(4)
        column.addWidget(self.title)
        column.addWidget(self.doubt)
        column.addLayout(form)
        column.addWidget(self.bars)
        column.addWidget(self._scroll, 1)
        column.addLayout(buttons)
        self._details = QWidget(self)
        inside = QHBoxLayout(self._details)
        inside.setContentsMargins(6, 6, 6, 6)
        inside.addWidget(self.portrait)
        inside.addLayout(column, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._details, 1)
        whole.addWidget(self.empty, 1)

    def show_chromosome(
        self,
        chromosome: Chromosome | None,
        picture: Straightened | None,
        count: int,
        *,
        bright_on_dark: bool,
        calibration: Calibration | None = None,
    ) -> None:
        """Show a chromosome of a cell of `count`; None shows what to do instead.

        What its confidence means is told by `calibration`, if one was measured.
        """
        self._details.setVisible(chromosome is not None)
        self.empty.setVisible(chromosome is None)
        if chromosome is None:
            return
        counts = chromosome.in_karyogram
        kind = tr("Chromosome") if chromosome.kind in (Kind.CHROMOSOME, Kind.CUT) else tr(_KIND[chromosome.kind])
        self.title.setText(
            tr(
                "{kind} {id} (of {count}) · {state}",
                kind=kind,
                id=chromosome.id,
                count=count,
                state=tr(_STATE[chromosome.state]),
            )
        )
        waiting = chromosome.doubts and chromosome.state is State.PROPOSED
        self.doubt.setText(tr("Please look: {list}", list=", ".join(map(shown, chromosome.doubts))) if waiting else "")
        self.doubt.setVisible(bool(waiting))
        if not self.class_edit.hasFocus() or self._number != chromosome.number:
            self.class_edit.setText(chromosome.class_name if chromosome.number else "")
        self._number = chromosome.number
        if not self.note_edit.hasFocus() or self._id != chromosome.id or self._note != chromosome.note:
            self.note_edit.setText(chromosome.note)
        self._note, self._id = chromosome.note, chromosome.id
        self.class_edit.setEnabled(counts)
        note = (
            f"{chromosome.class_confidence:.0%}, {tr(_DECIDED[chromosome.decided_by])}"
            if chromosome.number
            else tr("unknown")
        )
        self.class_note.setText(note)
        self.bars.show_classes(chromosome.probabilities, chromosome.number)
        sure = confidence_text(chromosome, calibration)
        self.facts.setText("\n".join([*([sure] if sure else []), *self._facts(chromosome, picture)]))
        self.facts.setToolTip(tr("Confidence of masks: {text}", text=calibration_text(calibration)))
        self.portrait.show_chromosome(picture, chromosome.number, bright_on_dark)

    def _facts(self, chromosome: Chromosome, picture: Straightened | None) -> list[str]:
        facts = []
        if picture is not None:
            facts.append(tr("Length {length} px, area {area} px", length=picture.length, area=chromosome.area))
        else:
            facts.append(tr("Area {area} px", area=chromosome.area))
        arms = measured_arms(chromosome)
        if arms is not None:
            facts.append(
                tr("p arm {p:.1f} px, q arm {q:.1f} px, ratio {ratio:.2f}", p=arms.p, q=arms.q, ratio=arms.ratio)
            )
            sure = (
                tr("by a person")
                if chromosome.centromere_placed
                else tr("{share:.0%} sure", share=chromosome.centromere_confidence)
            )
            facts.append(tr("Centromere index {index:.0f} %, {sure}", index=100 * arms.centromere_index, sure=sure))
        if chromosome.axis_placed:
            facts.append(tr("Axis by a person"))
        if chromosome.polarity_confidence:
            facts.append(tr("p arm up {share:.0%}", share=chromosome.polarity_confidence))
        if chromosome.mark is not Mark.NONE:
            facts.append(tr("Derivative") if chromosome.mark is Mark.DERIVATIVE else tr("Marker"))
        if chromosome.slot is None and chromosome.in_karyogram:
            facts.append(tr("In the tray: no place yet"))
        return facts

    def edit_class(self) -> None:
        """Put the cursor into the class field."""
        self.class_edit.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.class_edit.selectAll()

    def edit_note(self) -> None:
        """Put the cursor into the note."""
        self.note_edit.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.note_edit.selectAll()

    def _note_entered(self) -> None:
        self.note_edit.clearFocus()
        if self.note_edit.text() != self._note:
            self.note_given.emit(self.note_edit.text())

    def _class_entered(self) -> None:
        text = self.class_edit.text().strip().upper()
        if text in CLASS_NAMES:
            self.class_chosen.emit(CLASS_NAMES.index(text) + 1)
        else:
            self.class_note.setText(tr("1 to 22, X or Y"))
            self.class_edit.selectAll()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # In the field Enter, Tab and Esc mean what they mean in every field, not the window's actions.
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            keys = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab, Qt.Key.Key_Backtab, Qt.Key.Key_Escape)
            if event.key() in keys:
                event.accept()
                return True
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            self.class_edit.setText(CLASS_NAMES[self._number - 1] if self._number else "")
            self.note_edit.setText(self._note)
            self.class_edit.clearFocus()
            self.note_edit.clearFocus()
            return True
        return super().eventFilter(watched, event)
