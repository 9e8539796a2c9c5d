"""All cells of the case side by side: how many of each class, what most have, and one class from every cell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QImage, QMouseEvent, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QScrollArea,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from chromview.app.cells import Strip, StripMaker, cells_of, write_counts, write_strip
from chromview.core.cells import CELLS_OF_GAIN, CELLS_OF_LOSS, Cell, Consensus, find_clones, find_consensus
from chromview.core.chromosome import CLASS_NAMES
from chromview.texts import noop, tr

if TYPE_CHECKING:
    from chromview.core.strip import StripItem, StripLayout
    from chromview.ui.window import MainWindow

PAUSE_MS = 400
"""After an edit the table and the strip follow, unless another one comes before."""

_FIRST_CLASS = 2
_KARYOTYPE = _FIRST_CLASS + 24
_HEADINGS = (noop("Cell"), noop("Count"), *CLASS_NAMES, noop("Karyotype"))
_ISCN = noop(
    "Clones after ISCN: by decreasing number of cells, the normal one last; a gain in at least {gain} cells, a loss "
    "in at least {loss}. Whether a mosaic is constitutional is not said."
)


class StripView(QWidget):
    """The picture of a strip.

    Signals
    -------
    chosen(int, int)
        Slide and chromosome that were clicked.
    """

    chosen = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("cells.strip")
        self.setAccessibleName(tr("Chromosomes of one class from all cells"))
        self.setWhatsThis(tr("One class from all cells, p arm up, centromeres on one line. A click goes to its slide."))
        self.setMouseTracking(True)
        self.layout_shown: StripLayout | None = None
        self._picture = QImage()

    def show_strip(self, strip: Strip | None) -> None:
        """Show another strip, or none."""
        if strip is None:
            self.layout_shown, self._picture = None, QImage()
        else:
            from chromview.core.strip import layout_strip, render_strip

            self.layout_shown = layout_strip(strip.items)
            pixels = render_strip(self.layout_shown, title=strip.title)
            height, width, _ = pixels.shape
            self._picture = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
        self.setMinimumSize(self.sizeHint())
        self.resize(self.sizeHint())
        self.update()

    def sizeHint(self) -> QSize:
        return self._picture.size() if not self._picture.isNull() else QSize(480, 160)

    def item_at(self, event: QMouseEvent) -> StripItem | None:
        """The chromosome below the pointer."""
        at = event.position()
        return None if self.layout_shown is None else self.layout_shown.at(at.x(), at.y())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.drawImage(0, 0, self._picture)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        item = self.item_at(event)
        if item is not None and event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(item.slide, item.chromosome)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        item = self.item_at(event)
        self.setCursor(Qt.CursorShape.ArrowCursor if item is None else Qt.CursorShape.PointingHandCursor)
        if item is None:
            QToolTip.hideText()
        else:
            QToolTip.showText(event.globalPosition().toPoint(), item.name, self)


class CellsWindow(QDialog):
    """Table of the cells, consensus, and strip; it stays open beside the work and follows every edit.

    Parameters
    ----------
    window
        Whose case it shows.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.setObjectName("cells")
        self.setWindowTitle(tr("Cells of the case — chromview"))
        self.resize(1180, 640)
        self.controller = window.controller
        self._window = window
        self._cells: list[Cell] = []
        self._left_out: set[int] = set()
        self._strip: Strip | None = None
        self._filling = False
        self._maker = StripMaker(self.controller.background, self)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(PAUSE_MS)
        self._soon.timeout.connect(self.refresh)
        self._build()
        self._maker.ready.connect(self._show_strip)
        self.controller.state_changed.connect(self._later)
        self.controller.chromosomes_changed.connect(self._later)
        self.controller.case_changed.connect(self._forget)

    # -- building ------------------------------------------------------------------------

    def _build(self) -> None:
        self.table = QTableWidget(0, len(_HEADINGS), self)
        self.table.setObjectName("cells.table")
        self.table.setAccessibleName(tr("Chromosomes of each class in each cell"))
        self.table.setWhatsThis(
            tr(
                "Chromosomes of each class in each cell. What differs from most cells is bold. Without "
                "its tick a cell does not count. A double click goes to the slide, a click on a "
                "heading shows that class below."
            )
        )
        self.table.setHorizontalHeaderLabels([tr(heading) for heading in _HEADINGS])
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.verticalHeader().hide()
        header = self.table.horizontalHeader()
        header.setMinimumSectionSize(26)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        header.sectionClicked.connect(self._heading_clicked)
        self.table.itemChanged.connect(self._ticked)
        self.table.cellDoubleClicked.connect(self._row_opened)
        self.consensus = self._label("cells.consensus")
        self.clones = self._label("cells.clones")
        self.clones.setToolTip(tr(_ISCN, gain=CELLS_OF_GAIN, loss=CELLS_OF_LOSS))
        self.note = self._label("cells.note")
        self.classes = QComboBox(self)
        self.classes.setObjectName("cells.class")
        self.classes.setAccessibleName(tr("Class shown in the strip"))
        self.classes.addItems([tr("Chromosome {name}", name=name) for name in CLASS_NAMES])
        self.classes.setCurrentIndex(20)
        self.classes.currentIndexChanged.connect(self._want_strip)
        self.strip = StripView()
        self.strip.chosen.connect(self._go)
        area = QScrollArea(self)
        area.setObjectName("cells.strip.area")
        area.setWidget(self.strip)
        counts_button = self._button(tr("Export counts as CSV…"), "cells.export_counts", self._ask_counts)
        strip_button = self._button(tr("Export strip as PNG…"), "cells.export_strip", self._ask_strip)
        above, below = QWidget(self), QWidget(self)
        column = QVBoxLayout(above)
        column.setContentsMargins(0, 0, 0, 4)
        column.addWidget(self.table, 1)
        for label in (self.consensus, self.clones, self.note):
            column.addWidget(label)
        line = QHBoxLayout()
        line.addWidget(self.classes)
        line.addStretch(1)
        line.addWidget(counts_button)
        line.addWidget(strip_button)
        column = QVBoxLayout(below)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(line)
        column.addWidget(area, 1)
        halves = QSplitter(Qt.Orientation.Vertical, self)
        halves.setObjectName("cells.halves")
        halves.addWidget(above)
        halves.addWidget(below)
        QVBoxLayout(self).addWidget(halves)

    def _label(self, name: str) -> QLabel:
        label = QLabel(self)
        label.setObjectName(name)
        label.setWordWrap(True)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        return label

    def _button(self, text: str, name: str, does: object) -> QPushButton:
        button = QPushButton(text, self)
        button.setObjectName(name)
        button.setAutoDefault(False)
        button.clicked.connect(does)
        return button

    # -- showing -------------------------------------------------------------------------

    @property
    def cells(self) -> list[Cell]:
        """The cells that count: those with a tick."""
        return [cell for cell in self._cells if cell.slide not in self._left_out]

    def refresh(self) -> None:
        """Read the case again and show what is different."""
        self._soon.stop()

        def read() -> None:
            cells = cells_of(self.controller.document)
            if cells != self._cells or not self.consensus.text():
                self._cells = cells
                self._fill()
            self._want_strip()

        self.controller.attempt(read, "slides")

    def _later(self, *_: object) -> None:
        if self.isVisible():
            self._soon.start()

    def _forget(self) -> None:
        self._left_out.clear()
        self._maker.forget()
        self._cells = []
        self._fill()
        self._show_strip(None)
        self._later()

    def _fill(self) -> None:
        consensus = find_consensus(self.cells)
        self._filling = True
        self.table.setRowCount(len(self._cells) + (consensus is not None))
        for row, cell in enumerate(self._cells):
            self._fill_row(row, cell, consensus)
        if consensus is not None:
            self._fill_consensus(len(self._cells), consensus)
        self._filling = False
        self._say(consensus)

    def _fill_row(self, row: int, cell: Cell, consensus: Consensus | None) -> None:
        counts = cell.slide not in self._left_out
        name = QTableWidgetItem(cell.name)
        name.setFlags(name.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        name.setCheckState(Qt.CheckState.Checked if counts else Qt.CheckState.Unchecked)
        self.table.setItem(row, 0, name)
        self._put(row, 1, str(cell.total), bold=False)
        for index, count in enumerate(cell.counts):
            unlike = counts and consensus is not None and count != consensus.counts[index]
            self._put(row, _FIRST_CLASS + index, str(count) if count else "–", bold=unlike)
        unknown = " " + tr("and {n} without a class", n=cell.without_class) if cell.without_class else ""
        self._put(row, _KARYOTYPE, cell.formula + unknown, bold=False)

    def _fill_consensus(self, row: int, consensus: Consensus) -> None:
        self._put(row, 0, tr("Consensus"), bold=True)
        self._put(row, 1, str(sum(consensus.counts)), bold=True)
        for index, count in enumerate(consensus.counts):
            item = self._put(row, _FIRST_CLASS + index, str(count) if count else "–", bold=True)
            item.setToolTip(
                tr("In {support} of {cells} cells", support=consensus.support[index], cells=consensus.cells)
            )
        self._put(row, _KARYOTYPE, consensus.formula, bold=True)

    def _put(self, row: int, column: int, text: str, *, bold: bool) -> QTableWidgetItem:
        item = QTableWidgetItem(text)
        if column != _KARYOTYPE and column:
            item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
        font = item.font()
        font.setBold(bold)
        item.setFont(font)
        self.table.setItem(row, column, item)
        return item

    def _say(self, consensus: Consensus | None) -> None:
        if consensus is None:
            self.consensus.setText(tr("No slide of this case shows a whole cell with classes yet: analyse one first."))
            self.clones.clear()
            self.note.clear()
            return
        many = tr("in {agreeing} of {cells} cells exactly", agreeing=consensus.agreeing, cells=consensus.cells)
        seen = "; ".join(
            tr("{change} in {cells}", change=change.text, cells=change.cells)
            for change in dict.fromkeys(consensus.changes)
        )
        if seen:
            many += f" ({seen})"
        self.consensus.setText(
            tr("Consensus: <b>{formula}</b>, {many} · proposal", formula=consensus.formula, many=many)
        )
        found = find_clones(self.cells)
        self.clones.setText(
            tr("ISCN: <b>{formula}</b> · proposal", formula=found.formula)
            if found.clones
            else tr("ISCN: no karyotype is in enough cells.")
        )
        notes = []
        if found.others:
            notes.append(tr("in no clone: {list}", list=", ".join(cell.name for cell in found.others)))
        open_ones = sum(not cell.accepted for cell in self.cells)
        if open_ones:
            notes.append(tr("{n} of {cells} cells are not accepted yet", n=open_ones, cells=consensus.cells))
        self.note.setText("; ".join(notes))

    def _want_strip(self) -> None:
        number = self.classes.currentIndex() + 1
        slides = [cell.slide for cell in self.cells]
        if self.isVisible():
            self.controller.attempt(lambda: self._maker.want(self.controller.document, slides, number), "slides")

    def _show_strip(self, strip: Strip | None) -> None:
        self._strip = strip
        self.strip.show_strip(strip)
        if strip is not None and strip.unread:
            self.controller.problem.emit(
                tr("Images that cannot be read: {list}", list=", ".join(strip.unread)), "slides"
            )

    # -- what a person does --------------------------------------------------------------

    def _ticked(self, item: QTableWidgetItem) -> None:
        if self._filling or item.column() or item.row() >= len(self._cells):
            return
        slide = self._cells[item.row()].slide
        if item.checkState() == Qt.CheckState.Checked:
            self._left_out.discard(slide)
        else:
            self._left_out.add(slide)
        self._fill()
        self._want_strip()

    def _heading_clicked(self, column: int) -> None:
        if _FIRST_CLASS <= column < _KARYOTYPE:
            self.classes.setCurrentIndex(column - _FIRST_CLASS)

    def _row_opened(self, row: int) -> None:
        if row < len(self._cells):
            self.controller.selection.show_slide(self._cells[row].slide)

    def _go(self, slide: int, chromosome: int) -> None:
        if any(info.id == slide for info in self.controller.slides):
            self.controller.selection.show_slide(slide)
            if chromosome in self.controller.chromosomes:
                self._window.performer.select(chromosome)

    # -- files ---------------------------------------------------------------------------

    def export_counts(self, path: Path) -> None:
        """Write the table of the cells that count as CSV."""
        cells: Sequence[Cell] = tuple(self.cells)
        self.controller.background.do(lambda: write_counts(cells, path), tr("Written: {path}", path=path))

    def export_strip(self, path: Path) -> None:
        """Write the strip that is shown as PNG."""
        strip = self._strip
        if strip is not None:
            self.controller.background.do(lambda: write_strip(strip, path), tr("Written: {path}", path=path))

    def _ask_counts(self) -> None:
        path = self._ask(tr("Export counts"), "cells.csv", "CSV (*.csv)")
        if path is not None:
            self.export_counts(path)

    def _ask_strip(self) -> None:
        name = f"chromosome {CLASS_NAMES[self.classes.currentIndex()]}.png"
        path = self._ask(tr("Export strip"), name, "PNG (*.png)")
        if path is not None:
            self.export_strip(path)

    def _ask(self, title: str, name: str, kind: str) -> Path | None:
        folder = Path(str(self._window.settings.value("folder") or Path.home()))
        path, _ = QFileDialog.getSaveFileName(self, title, str(folder / name), kind)
        if not path:
            return None
        self._window.settings.setValue("folder", str(Path(path).parent))
        return Path(path)

    # -- events --------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        self._soon.stop()
        self._maker.cancel()
        super().hideEvent(event)
