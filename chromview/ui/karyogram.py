"""The karyogram beside the slide: drawn from the layout of the core, selected, typed into, dragged in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QFont,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
)
from PySide6.QtWidgets import QApplication, QScrollArea, QWidget

from chromview.core.chromosome import CLASS_NAMES, Chromosome, Slot
from chromview.texts import tr
from chromview.ui.karyogram_arrows import ArrowHand
from chromview.ui.karyogram_paint import FRAME, KaryogramPainter
from chromview.ui.viewer import paint_focus

if TYPE_CHECKING:
    from chromview.core.karyogram import KaryogramLayout
    from chromview.core.straighten import Straightened

COMFORTABLE = 900.0
"""Width in canvas pixels at which letters and gaps stand in a good proportion to the chromosomes."""

COMFORTABLE_HEIGHT = 700.0
"""The same for the height of the panel: in a wide, low one letters and gaps would leave no room for the chromosomes."""

LEAST_ZOOM = 0.42
"""In a narrow panel everything is drawn smaller; letters stay readable, see `KaryogramPainter.zoom`."""

SLACK = 0.98
"""Share of the width that is filled."""

TYPING_MS = 900
"""After this time without a second digit, 1 and 2 mean class 1 and 2."""


class KaryogramView(QWidget):
    """The karyogram of the slide shown.

    Signals
    -------
    clicked(int, bool)
        Chromosome id (0 for none) and whether Ctrl was held.
    activated(int)
        A chromosome was double-clicked.
    moved(int, object)
        Chromosome id and the `Slot` it was dropped on, or None for the tray.
    class_typed(int)
        Class number 1..24 typed for the selected chromosome.
    menu_wanted(int, object)
        Chromosome id and global position.
    arrows_changed(int, object)
        Chromosome id and its arrows, where the hand put them.
    """

    clicked = Signal(int, bool)
    activated = Signal(int)
    moved = Signal(int, object)
    class_typed = Signal(int)
    menu_wanted = Signal(int, object)
    arrows_changed = Signal(int, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("karyogram")
        self.setAccessibleName(tr("Karyogram"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(240, 180)
        self.setWhatsThis(
            tr(
                "<b>The karyogram.</b> Click selects, here and on the slide. Drag a chromosome to "
                "another place; allowed places light up. Type 1 to 22, X or Y to set the class of the "
                "selected chromosome. F flips, R turns, Enter accepts. A dashed frame is a missing "
                "chromosome; a yellow one asks you to look."
            )
        )
        self.empty_text = tr("The karyogram appears here when the slide has been analysed.")
        self.drawing = KaryogramPainter()
        self.pointer_elsewhere: Callable[[], bool] = lambda: False
        """Whether the pointer is on the slide: then digits are labels there, wherever the focus is."""
        self._chromosomes: Mapping[int, Chromosome] = {}
        self._pictures: Mapping[int, Straightened] = {}
        self._layout: KaryogramLayout | None = None
        self._zoom, self._origin = 1.0, QPointF(0, 0)
        self._fitted = (0.0, 0.0)
        self._viewport = QSize(400, 400)
        self._laid_out: list[tuple[int, Slot | None, float, Straightened | None]] = []
        self._press: QPointF | None = None
        self._press_id = 0
        self._drag: QPointF | None = None
        self.arrows = ArrowHand(self)
        self._typed = ""
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(TYPING_MS)
        self._typing.timeout.connect(self._commit_typed)

    # -- what is shown -------------------------------------------------------------------

    @property
    def selected(self) -> int | None:
        """Id of the selected chromosome."""
        return self.drawing.selected

    @property
    def canvas(self) -> KaryogramLayout | None:
        """The layout that is drawn."""
        return self._layout

    def show_cell(
        self,
        chromosomes: Mapping[int, Chromosome],
        pictures: Mapping[int, Straightened],
        *,
        bright_on_dark: bool,
        cluster: bool,
    ) -> None:
        """Show the chromosomes of a slide with their straightened pictures."""
        before, papers = self._looks(), (self.drawing.paper, self.drawing.cluster)
        self._chromosomes, self._pictures = chromosomes, dict(pictures)
        self.drawing.show(chromosomes, self._pictures, bright_on_dark=bright_on_dark, cluster=cluster)
        if self._drag is not None and self._press_id not in chromosomes:
            self._stop_drag()
        # A layout takes some milliseconds, and a brush stroke changes nothing that it depends on.
        shown = [(c.id, c.slot, c.angle, self._pictures.get(c.id)) for c in chromosomes.values() if c.in_karyogram]
        if len(shown) != len(self._laid_out) or any(
            a[:3] != b[:3] or a[3] is not b[3] for a, b in zip(shown, self._laid_out, strict=True)
        ):
            self._laid_out = shown
            self.relayout()
        elif papers != (self.drawing.paper, self.drawing.cluster):
            self.update()
        else:
            after = self._looks()
            for id in before.keys() | after.keys():
                if before.get(id) != after.get(id):
                    self._update_one(id)
            if [look[-1] for look in before.values()] != [look[-1] for look in after.values()]:
                self.update()  # marks and notes reach beyond their chromosome

    def _looks(self) -> dict[int, tuple[object, ...]]:
        """What can be seen of each chromosome beside its picture."""
        return {c.id: (c.state, bool(c.doubts), (c.caption, c.arrows)) for c in self._chromosomes.values()}

    def _update_one(self, id: int | None) -> None:
        rect = None if id is None else self.rect_of(id)
        if rect is not None:
            self.update(rect.adjusted(-FRAME, -FRAME, FRAME, FRAME))

    def show_selection(self, selected: int | None, second: int | None) -> None:
        """Mark the selected chromosome and the second one, and scroll to it."""
        if (selected, second) != (self.drawing.selected, self.drawing.second):
            if selected != self.drawing.selected:
                self._forget_typed()
                self.arrows.choose(None)
            old = self.drawing.selected, self.drawing.second
            self.drawing.selected, self.drawing.second = selected, second
            self._scroll_to(selected)
            for id in {*old, selected, second}:
                self._update_one(id)

    def show_ideograms(self, shown: bool) -> None:
        """Show or hide ideograms beside the chromosomes."""
        if shown != self.drawing.ideograms:
            self.drawing.ideograms = shown
            self.relayout(refit=True)

    def set_bands(self, bands: int) -> None:
        """Show ideograms of 400, 550 or 850 bands."""
        self.drawing.bands = bands
        self.update()

    def set_viewport(self, size: QSize) -> None:
        """Fit the karyogram into `size`, the visible part of the scroll area."""
        if size != self._viewport:
            self._viewport = size
            self.relayout(refit=True)

    def relayout(self, *, refit: bool = False) -> None:
        """Lay the karyogram out again for the room there is.

        Parameters
        ----------
        refit
            Look for the scale that fills the room in any case. Else the scale stays as long as it does: nothing
            jumps because of one edit, and there is no search.
        """
        drawn = [c for c in self._chromosomes.values() if c.in_karyogram]
        if not drawn or not self._pictures:
            self._layout = None
            self.resize(self._viewport)
            self.update()
            return
        # Here and not above: the window opens first, and who has pictures has these imports already.
        from chromview.core.karyogram import layout

        room = max(self._viewport.width() - 4.0, 100.0), max(self._viewport.height() - 4.0, 100.0)
        zoom = min(1.0, max(LEAST_ZOOM, min(room[0] / COMFORTABLE, room[1] / COMFORTABLE_HEIGHT)))
        made, options = None, {"show_tray": True, "ideograms": self.drawing.ideograms}
        if not refit and self._layout is not None:
            made = layout(drawn, self._pictures, scale=self._layout.scale, **options)
            if not (_near(made.width, self._fitted[0]) and _near(made.height, self._fitted[1])):
                made = None
        if made is None:
            # Not to the last pixel, so that a chromosome may grow a little without all others becoming smaller.
            made = layout(drawn, self._pictures, width=SLACK * room[0] / zoom, **options)
            for _ in range(5):  # the height follows the scale, but letters and gaps do not shrink with it
                tall = made.height * zoom
                if tall <= room[1] or made.scale <= 0.2:
                    break
                made = layout(drawn, self._pictures, scale=made.scale * max(0.6, 0.97 * room[1] / tall), **options)
            self._fitted = made.width, made.height
        self._zoom = min(zoom, room[0] / made.width)
        self._layout = made
        self.drawing.zoom = self._zoom
        needed = QSize(round(made.width * self._zoom), round(made.height * self._zoom))
        self._origin = QPointF(max(0.0, (self._viewport.width() - needed.width()) / 2), 0)
        self.resize(max(self._viewport.width(), needed.width()), max(self._viewport.height(), needed.height()))
        self.update()

    def rect_of(self, id: int) -> QRect | None:
        """Where the picture of a chromosome is on this widget, or None if it is not drawn."""
        placed = None if self._layout is None else self._layout.of(id)
        if placed is None:
            return None
        return self._on_screen(QRectF(*placed.rect)).toAlignedRect()

    def chromosome(self, id: int) -> Chromosome | None:
        """A chromosome that is shown, if it is."""
        return self._chromosomes.get(id)

    def arrow_counts(self) -> list[tuple[int, int]]:
        """Ids of the chromosomes with arrows, and how many each has."""
        return [(c.id, len(c.arrows)) for c in self._chromosomes.values() if c.arrows and c.in_karyogram]

    def picture_place(self, id: int) -> tuple[tuple[float, float], float] | None:
        """Middle (x, y) of a picture on the canvas, and its length before it is turned, canvas pixels."""
        placed = None if self._layout is None else self._layout.of(id)
        picture = self._pictures.get(id)
        if placed is None or picture is None or self._layout is None:
            return None
        return placed.rect.centre, picture.image.shape[0] * self._layout.scale

    def place_rect(self, slot: Slot) -> QRect | None:
        """Where a place is on this widget, or None if there is no such place."""
        if self._layout is None:
            return None
        place = next((p for p in self._layout.places if p.slot == slot), None)
        return None if place is None else self._on_screen(QRectF(*place.rect)).toAlignedRect()

    def tray_rect(self) -> QRect | None:
        """Where the tray is on this widget."""
        return None if self._layout is None else self._on_screen(QRectF(*self._layout.tray)).toAlignedRect()

    def _on_screen(self, rect: QRectF) -> QRectF:
        corner = QPointF(rect.x() * self._zoom, rect.y() * self._zoom) + self._origin
        return QRectF(corner.x(), corner.y(), rect.width() * self._zoom, rect.height() * self._zoom)

    def to_canvas(self, point: QPointF) -> tuple[float, float]:
        """A point of the widget in canvas pixels (x, y)."""
        moved = point - self._origin
        return moved.x() / self._zoom, moved.y() / self._zoom

    def _scroll_to(self, id: int | None) -> None:
        rect = None if id is None else self.rect_of(id)
        area = next((a for a in self._ancestors() if isinstance(a, QScrollArea)), None)
        if rect is not None and area is not None:
            area.ensureVisible(rect.center().x(), rect.center().y(), rect.width() // 2 + 8, rect.height() // 2 + 8)

    def _ancestors(self) -> Iterator[QWidget]:
        widget = self.parentWidget()
        while widget is not None:
            yield widget
            widget = widget.parentWidget()

    # -- mouse ---------------------------------------------------------------------------

    def under(self, point: QPointF) -> int:
        """Id of the chromosome at a point of the widget, or 0."""
        return 0 if self._layout is None else self._layout.chromosome_at(*self.to_canvas(point)) or 0

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or self.arrows.press(event.position()):
            return
        self._press, self._press_id = event.position(), self.under(event.position())
        self.clicked.emit(self._press_id, bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.arrows.move(event.position()):
            return
        if self._press is not None and self._press_id and event.buttons() & Qt.MouseButton.LeftButton:
            far = (event.position() - self._press).manhattanLength() >= QApplication.startDragDistance()
            if self._drag is None and far:
                self.setCursor(Qt.CursorShape.ClosedHandCursor)
                self._drag = event.position()
            if self._drag is not None:
                self._drag = event.position()
                self.update()
        elif self._layout is not None:
            over = self.under(event.position())
            self.setCursor(Qt.CursorShape.OpenHandCursor if over else Qt.CursorShape.ArrowCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or self.arrows.release():
            return
        dragged, id = self._drag is not None, self._press_id
        self._stop_drag()
        if not dragged or self._layout is None or id not in self._chromosomes:
            return
        where = self.to_canvas(event.position())
        slot = self._layout.slot_at(*where)
        if slot is not None and slot != self._chromosomes[id].slot:
            self.moved.emit(id, slot)
        elif slot is None and self._layout.in_tray(*where) and self._chromosomes[id].slot is not None:
            self.moved.emit(id, None)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        id = self.under(event.position())
        if id:
            self.activated.emit(id)

    def _stop_drag(self) -> None:
        self._press, self._drag, self._press_id = None, None, 0
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.update()

    @property
    def dragging(self) -> bool:
        """Whether a chromosome is being dragged."""
        return self._drag is not None

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.menu_wanted.emit(self.under(QPointF(event.pos())), event.globalPos())

    # -- keys ----------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        # Here digits, X and Y are classes; the window's keys of the same name wait.
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._takes(event):
            event.accept()
            return True
        return super().event(event)

    def _takes(self, event: QKeyEvent) -> bool:
        if self.arrows.takes(event):
            return True
        if self.pointer_elsewhere():
            return False
        if event.modifiers() & ~(Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier):
            return False
        if self._drag is not None and event.key() == Qt.Key.Key_Escape:
            return True
        if self._typed and event.key() in (
            Qt.Key.Key_Return,
            Qt.Key.Key_Enter,
            Qt.Key.Key_Escape,
            Qt.Key.Key_Backspace,
        ):
            return True
        shifted_letter = event.modifiers() & Qt.KeyboardModifier.ShiftModifier and event.key() == Qt.Key.Key_X
        return self.selected is not None and not shifted_letter and event.text().upper() in {*"0123456789", "X", "Y"}

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if self.arrows.takes(event):
            self.arrows.key(event)
        elif self._takes(event):
            if key == Qt.Key.Key_Escape:
                self._forget_typed()
                self._stop_drag()
            elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._commit_typed()
            elif key == Qt.Key.Key_Backspace:
                self._set_typed(self._typed[:-1])
            else:
                self._type(event.text().upper())
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._go(key)
        else:
            super().keyPressEvent(event)

    def _type(self, text: str) -> None:
        if text in ("X", "Y"):
            self._set_typed(text)
            self._commit_typed()
            return
        typed = self._typed + text
        if typed not in CLASS_NAMES:
            typed = text if text in CLASS_NAMES else ""
        self._set_typed(typed)
        if typed and typed not in ("1", "2"):  # nothing that could still follow makes another class
            self._commit_typed()

    def _set_typed(self, typed: str) -> None:
        self._typing.stop()
        if typed:
            self._typing.start()
        if typed != self._typed:
            self._typed = self.drawing.typed = typed
            self.update()

    def _forget_typed(self) -> None:
        self._set_typed("")

    def _commit_typed(self) -> None:
        typed = self._typed
        self._forget_typed()
        if typed in CLASS_NAMES and self.selected is not None:
            self.class_typed.emit(CLASS_NAMES.index(typed) + 1)

    def _go(self, key: int) -> None:
        if self._layout is None or not self._layout.placed:
            return
        centres = {placed.id: placed.rect.centre for placed in self._layout.placed}
        here = centres.get(self.selected or 0)
        if here is None:
            self.clicked.emit(self._layout.placed[0].id, False)
            return
        sideways = key in (Qt.Key.Key_Left, Qt.Key.Key_Right)
        tall = 0.2 * self._layout.height
        forward = 1 if key in (Qt.Key.Key_Right, Qt.Key.Key_Down) else -1

        def cost(centre: tuple[float, float]) -> float | None:
            along, across = centre[0] - here[0], centre[1] - here[1]
            if not sideways:
                along, across = across, along
            if along * forward <= 4 or (sideways and abs(across) > tall):
                return None
            return abs(along) + 2 * abs(across)

        costs = {id: c for id, centre in centres.items() if id != self.selected and (c := cost(centre)) is not None}
        if costs:
            self.clicked.emit(min(costs, key=lambda id: costs[id]), False)

    # -- painting ------------------------------------------------------------------------

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self.update()
        super().changeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        if self._layout is None:
            painter.fillRect(event.rect(), self.palette().color(QPalette.ColorRole.Dark))
            painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
            font = QFont(self.font())
            painter.setFont(font)
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(QRectF(self.rect()).adjusted(24, 24, -24, -24), flags, self.empty_text)
            return
        painter.fillRect(event.rect(), self.drawing.paper)
        painter.translate(self._origin)
        painter.scale(self._zoom, self._zoom)
        self.drawing.accent = self.palette().color(QPalette.ColorRole.Highlight)
        drag = None if self._drag is None else (self._press_id, *self.to_canvas(self._drag))
        dirty = QRectF(event.rect())
        corner = self.to_canvas(dirty.topLeft())
        part = QRectF(*corner, dirty.width() / self._zoom, dirty.height() / self._zoom)
        self.drawing.paint(painter, self._layout, self.font(), drag, part)
        if self.hasFocus():
            painter.resetTransform()
            paint_focus(painter, self)


def _near(size: float, fitted: float) -> bool:
    """Whether a side of the canvas is what it was when it was made to fit, as far as anyone would see."""
    return 0.95 * fitted <= size <= fitted / SLACK
