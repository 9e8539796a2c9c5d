"""The slides of the case: thumbnails with their state, and what to do while there are none."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import (
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from chromview.app.background import THUMBNAIL, Background
from chromview.app.slides import LEFT_ASIDE, STATE_WORDS, SlideInfo, SlideState, quality_text
from chromview.app.view_state import Running
from chromview.texts import shown, tr, tr_n
from chromview.ui.mask_layer import DOUBT
from chromview.ui.picture import qimage_grey

Index = QModelIndex | QPersistentModelIndex

_LONG = 14
"""Letters from which on a formula gives way to the number of chromosomes."""


def describe(
    info: SlideInfo, running: Running | None = None, *, waits: bool = False, unreadable: bool = False
) -> tuple[str, str, bool]:
    """What a slide's entry says.

    Returns
    -------
    tuple of str, str and bool
        First and second line below the thumbnail, and whether it needs a look.
    """
    if info.missing:
        return info.name, tr("image missing"), True
    if unreadable:
        return info.name, tr("cannot be read"), True
    if running is not None and running.slide == info.id:
        return info.name, tr("analysing {share:.0%}", share=running.share), False
    if waits:
        return info.name, tr("waiting"), False
    if info.state is SlideState.REJECTED:
        return info.name, shown(STATE_WORDS[info.state]), False
    if info.state is SlideState.NEW:
        return info.name, tr("not analysed"), False
    if info.is_cluster:
        count = tr("cluster of {count}", count=info.count)
    else:
        count = tr_n("{n} chromosome", "{n} chromosomes", info.count)
        if 0 < len(info.proposal) < _LONG:
            count = info.proposal
    if info.count == 0:
        return info.name, tr("nothing found"), True
    if info.doubtful and info.state is not SlideState.COUNTED:
        return info.name, f"{count} · {tr_n('{n} doubtful', '{n} doubtful', info.doubtful)}", True
    if info.state is SlideState.PROPOSED:
        return info.name, count, False
    return info.name, f"{count} · {shown(STATE_WORDS[info.state])}", False


_MARKS = {
    SlideState.DONE: ("✓", QColor(0, 150, 95)),
    SlideState.COUNTED: ("#", QColor(90, 98, 108)),
    SlideState.REJECTED: ("✕", QColor(90, 98, 108)),
}
"""Sign and colour of states that stand on the thumbnail."""


def _veil(palette: QPalette) -> QColor:
    """What lies over the thumbnail of a slide that was left aside."""
    colour = QColor(palette.color(QPalette.ColorRole.Base))
    colour.setAlpha(150)
    return colour


class SlideList(QAbstractListModel):
    """The slides as a list model; thumbnails come from the background."""

    InfoRole = int(Qt.ItemDataRole.UserRole) + 1

    def __init__(self, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self._infos: tuple[SlideInfo, ...] = ()
        self._running: Running | None = None
        self._waiting: tuple[int, ...] = ()
        self._images: dict[int, QImage] = {}
        background.thumbnail_ready.connect(self._thumbnail_ready)

    def show(self, infos: Sequence[SlideInfo], running: Running | None, waiting: Sequence[int]) -> None:
        """Show these slides, one of which may be in the worker's hands."""
        if infos is self._infos and running == self._running and tuple(waiting) == self._waiting:
            return
        same = [info.id for info in infos] == [info.id for info in self._infos]
        changed = (
            {new.id for new, old in zip(infos, self._infos, strict=True) if new is not old and new != old}
            | {r.slide for r in (running, self._running) if r is not None}
            | (set(waiting) ^ set(self._waiting))
            if same
            else set()
        )
        if not same:
            self.beginResetModel()
        self._infos, self._running, self._waiting = tuple(infos), running, tuple(waiting)
        if not same:
            ids = {info.id for info in infos}
            self._images = {id: image for id, image in self._images.items() if id in ids}
            self.endResetModel()
        for row, info in enumerate(self._infos):
            if info.id in changed:
                self.dataChanged.emit(self.index(row), self.index(row))

    def forget_thumbnails(self) -> None:
        """Another case: the ids mean other slides now."""
        self._images.clear()

    def _thumbnail_ready(self, slide: int) -> None:
        pixels = self._background.thumbnail(slide)
        if pixels is not None:
            self._images[slide] = qimage_grey(pixels)
        row = self.row_of(slide)
        if row >= 0:
            self.dataChanged.emit(self.index(row), self.index(row))

    def row_of(self, slide: int | None) -> int:
        """Row of a slide, or -1."""
        return next((row for row, info in enumerate(self._infos) if info.id == slide), -1)

    def info(self, index: Index) -> SlideInfo:
        """The slide of a row."""
        return self._infos[index.row()]

    def image(self, info: SlideInfo) -> QImage | None:
        """Thumbnail of a slide; made when it is first asked for, which is when its entry is in sight."""
        image = self._images.get(info.id)
        if image is None and not info.missing:
            self._background.want_thumbnail(info.id, info.path)
        return image

    def lines(self, index: Index) -> tuple[str, str, bool]:
        """What an entry says."""
        info = self.info(index)
        unreadable = self._background.unreadable(info.id)
        return describe(info, self._running, waits=info.id in self._waiting, unreadable=unreadable)

    def rowCount(self, parent: Index | None = None) -> int:
        return len(self._infos) if parent is None or not parent.isValid() else 0

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> object:
        if not index.isValid():
            return None
        name, second, _ = self.lines(index)
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{name}\n{second}"
        if role == Qt.ItemDataRole.ToolTipRole:
            info = self.info(index)
            return "\n".join([str(info.path), second, tr("Quality: {text}", text=quality_text(info.quality))])
        if role == self.InfoRole:
            return self.info(index)
        return None


class SlideDelegate(QStyledItemDelegate):
    """Draws a thumbnail with two lines and a mark."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(120, THUMBNAIL + 2 * option.fontMetrics.height() + 16)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        model = index.model()
        assert isinstance(model, SlideList)
        name, second, look = model.lines(index)
        info = model.info(index)
        rect: QRect = option.rect
        palette: QPalette = option.palette
        metrics = option.fontMetrics
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if chosen:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(palette.color(QPalette.ColorRole.Highlight))
            painter.drawRoundedRect(QRectF(rect).adjusted(2, 2, -2, -2), 5, 5)
        area = QRect(rect.left() + 6, rect.top() + 6, rect.width() - 12, THUMBNAIL)
        image = model.image(info)
        if image is not None:
            size = image.size().scaled(area.size(), Qt.AspectRatioMode.KeepAspectRatio)
            target = QRect(0, 0, size.width(), size.height())
            target.moveCenter(area.center())
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(target, image)
        else:
            painter.setPen(QPen(palette.color(QPalette.ColorRole.Mid), 1, Qt.PenStyle.DashLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(area.adjusted(8, 8, -8, -8))
        if info.state in LEFT_ASIDE:
            painter.fillRect(area, _veil(palette))
        if look or info.state in _MARKS:
            sign, colour = ("!", DOUBT) if look else _MARKS[info.state]
            self._mark(painter, QRectF(area.right() - 18, area.top() + 2, 17, 17), sign, colour)
        role = QPalette.ColorRole.HighlightedText if chosen else QPalette.ColorRole.Text
        painter.setPen(palette.color(role))
        line = QRect(area.left(), area.bottom() + 4, area.width(), metrics.height())
        # Slides of a case begin alike and differ at the end.
        painter.drawText(
            line, Qt.AlignmentFlag.AlignLeft, metrics.elidedText(name, Qt.TextElideMode.ElideLeft, line.width())
        )
        line.translate(0, metrics.height())
        painter.drawText(
            line, Qt.AlignmentFlag.AlignLeft, metrics.elidedText(second, Qt.TextElideMode.ElideRight, line.width())
        )
        painter.restore()

    def _mark(self, painter: QPainter, rect: QRectF, sign: str, colour: QColor) -> None:
        painter.save()
        painter.setPen(QPen(QColor(20, 20, 20, 200), 1))
        painter.setBrush(colour)
        painter.drawEllipse(rect)
        font = QFont(painter.font())
        font.setBold(True)
        font.setPixelSize(12)
        painter.setFont(font)
        painter.setPen(QColor(20, 20, 20) if sign == "!" else QColor(255, 255, 255))
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, sign)
        painter.restore()


class SlidesPanel(QListView):
    """The panel of slides.

    Signals
    -------
    chosen(int)
        Id of the slide a person went to.
    """

    chosen = Signal(int)

    def __init__(self, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("slides")
        self.setAccessibleName(tr("Slides"))
        self.setWhatsThis(
            tr(
                "<b>The slides of this case.</b> Drop images or a folder anywhere on the window to add "
                "some. A yellow ! asks you to look, a green tick means that every chromosome was "
                "looked at, # that the slide was only counted, ✕ that it was rejected. View > Sort "
                "slides sorts them."
            )
        )
        self.list = SlideList(background, self)
        self.setModel(self.list)
        self.setItemDelegate(SlideDelegate(self))
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumWidth(110)
        self.empty_text = tr("No slides yet.\n\nDrop images or a folder here.")
        self._showing = False
        self.selectionModel().currentChanged.connect(self._current_changed)

    def show_slides(
        self, infos: Sequence[SlideInfo], current: int | None, running: Running | None, waiting: Sequence[int]
    ) -> None:
        """Show the slides and mark the one that is shown."""
        self._showing = True
        try:
            self.list.show(infos, running, waiting)
            row = self.list.row_of(current)
            if row != self.currentIndex().row():
                self.setCurrentIndex(self.list.index(row) if row >= 0 else QModelIndex())
                if row >= 0:
                    self.scrollTo(self.list.index(row))
        finally:
            self._showing = False

    def _current_changed(self, current: QModelIndex, before: QModelIndex) -> None:
        if current.isValid() and not self._showing:
            self.chosen.emit(self.list.info(current).id)

    def dataChanged(self, first: Index, last: Index, roles: Sequence[int] = ()) -> None:
        # All entries have one size. Qt would lay out all of them anew, which takes long with a thousand.
        for row in range(first.row(), last.row() + 1):
            self.update(self.list.index(row))

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self.list.rowCount():
            painter = QPainter(self.viewport())
            painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(QRectF(self.viewport().rect()).adjusted(10, 10, -10, -10), flags, self.empty_text)
            painter.end()
