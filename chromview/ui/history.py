"""The audit list in a window: who did what to the case, when, before and after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelection,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSize,
    Qt,
    QTimer,
)
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from chromview.app.history import Audit, AuditRow, table, write_table
from chromview.errors import UserError
from chromview.texts import inside, noop, shown, tr, tr_n

if TYPE_CHECKING:
    from chromview.ui.window import MainWindow

PAUSE_MS = 300
"""After an edit the list follows, unless another one comes before."""

_HEADINGS = (noop("When"), noop("Who"), noop("Slide"), noop("What"), noop("Before"), noop("After"))
_WIDTHS = (150, 110, 150, 230, 250, 250)
_WHEN, _WHO, _SLIDE, _WHAT, _BEFORE, _AFTER = range(6)
_LONGEST = 160
"""Letters of before and after in a line of the list; below it stands all of it."""

Index = QModelIndex | QPersistentModelIndex


def what(row: AuditRow) -> str:
    """What was done, in a line."""
    step = shown(row.title)
    match row.kind:
        case "undo":
            return tr("Undo of {step}", step=inside(step))
        case "redo":
            return tr("Redo of {step}", step=inside(step))
    return step


class AuditModel(QAbstractTableModel):
    """Lines of the audit list, the newest first. What a step changed is read when it is looked at."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._audit: Audit | None = None
        self._names: dict[int, str] = {}
        self._slide: int | None = None
        self._rows: list[AuditRow] = []
        self._known: dict[AuditRow, tuple[str, str]] = {}

    @property
    def rows(self) -> Sequence[AuditRow]:
        """The lines that are shown, the newest first."""
        return self._rows

    def show_audit(self, audit: Audit | None, names: dict[int, str], slide: int | None) -> None:
        """Show the lines of a list, of all slides or of one."""
        self.beginResetModel()
        self._audit, self._names, self._slide = audit, names, slide
        self._known.clear()
        self._rows = self._wanted(audit.rows if audit is not None else ())
        self.endResetModel()

    def follow(self, names: dict[int, str], fresh: int) -> None:
        """Take the last `fresh` lines of the list, which are new."""
        self._names = names
        rows = self._wanted(self._audit.rows[-fresh:]) if self._audit is not None and fresh else []
        if rows:
            self.beginInsertRows(QModelIndex(), 0, len(rows) - 1)
            self._rows[:0] = rows
            self.endInsertRows()

    def _wanted(self, rows: Sequence[AuditRow]) -> list[AuditRow]:
        return [row for row in reversed(rows) if self._slide is None or row.slide == self._slide]

    def change(self, row: AuditRow) -> tuple[str, str]:
        """Before and after of a line, in words; why they cannot be told where the case is damaged."""
        known = self._known.get(row)
        if known is None and self._audit is not None:
            try:
                known = self._audit.change(row, tr)
            except UserError as error:
                known = str(error), ""
            self._known[row] = known
        return known or ("", "")

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  (Qt's own default)
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(_HEADINGS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return tr(_HEADINGS[section])
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid() or role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        row = self._rows[index.row()]
        if role == Qt.ItemDataRole.ToolTipRole:
            # The list shows the time here; where the case travels, the zone has to be known.
            return _when(row).strftime("%Y-%m-%d %H:%M:%S %z") if index.column() == _WHEN else None
        match index.column():
            case 0:
                return _when(row).strftime("%Y-%m-%d %H:%M:%S")
            case 1:
                return row.person or tr("unknown")
            case 2:
                return tr("the case") if row.slide is None else self._names.get(row.slide, str(row.slide))
            case 3:
                return what(row)
        text = self.change(row)[index.column() - _BEFORE]
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _when(row: AuditRow) -> datetime:
    """The local time of a line, with its zone."""
    return datetime.fromtimestamp(row.when).astimezone()


class HistoryWindow(QDialog):
    """The audit list; it stays open beside the work and follows every edit.

    Parameters
    ----------
    window
        Whose case it shows.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.setObjectName("history")
        self.setWindowTitle(tr("History of the case — chromview"))
        self.resize(1160, 620)
        self.controller = window.controller
        self._window = window
        self._audit: Audit | None = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(PAUSE_MS)
        self._soon.timeout.connect(self.follow)
        self.model = AuditModel(self)
        self._build()
        self.controller.state_changed.connect(self._later)
        self.controller.case_changed.connect(self._forget)

    def _build(self) -> None:
        self.slides = QComboBox(self)
        self.slides.setObjectName("history.slide")
        self.slides.setAccessibleName(tr("Slide whose steps are shown"))
        self.slides.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.slides.activated.connect(self._filter)
        label = QLabel(tr("&Slide"), self)
        label.setBuddy(self.slides)
        self.count = QLabel(self)
        self.count.setObjectName("history.count")
        self.export_button = QPushButton(tr("&Export as CSV…"), self)
        self.export_button.setObjectName("history.export")
        self.export_button.setAutoDefault(False)
        self.export_button.clicked.connect(self._ask_export)
        self.list = QTableView(self)
        self.list.setCornerWidget(QWidget(self.list))
        self.list.setObjectName("history.list")
        self.list.setAccessibleName(tr("Steps, the newest first"))
        self.list.setWhatsThis(
            tr(
                "<b>History.</b> Every step with who did it and when, also what was taken back; nothing is ever "
                "removed from it. Enter goes to the slide. Below stands all that the selected step changed."
            )
        )
        self.list.setModel(self.model)
        self.list.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setTabKeyNavigation(False)
        self.list.setWordWrap(False)
        self.list.verticalHeader().hide()
        # One height for all lines: measuring each would read every command of the case.
        self.list.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 8)
        for column, width in enumerate(_WIDTHS):
            self.list.setColumnWidth(column, width)
        self.list.horizontalHeader().setStretchLastSection(True)
        self.list.activated.connect(self._go)
        self.list.selectionModel().selectionChanged.connect(self._show_change)
        self.change = QPlainTextEdit(self)
        self.change.setObjectName("history.change")
        self.change.setAccessibleName(tr("What the selected step changed"))
        self.change.setReadOnly(True)
        self.change.setTabChangesFocus(True)
        halves = QSplitter(Qt.Orientation.Vertical, self)
        halves.setObjectName("history.halves")
        halves.addWidget(self.list)
        halves.addWidget(self.change)
        halves.setStretchFactor(0, 1)
        halves.setSizes([430, 110])
        line = QHBoxLayout()
        line.addWidget(label)
        line.addWidget(self.slides)
        line.addWidget(self.count)
        line.addStretch(1)
        line.addWidget(self.export_button)
        whole = QVBoxLayout(self)
        whole.addLayout(line)
        whole.addWidget(halves, 1)

    def sizeHint(self) -> QSize:
        return QSize(1160, 620)

    # -- showing -------------------------------------------------------------------------

    @property
    def slide(self) -> int | None:
        """The slide whose steps are shown; None for all."""
        chosen = self.slides.currentData()
        return None if chosen is None else int(chosen)

    def _names(self) -> dict[int, str]:
        return self.controller.document.slide_names()

    def refresh(self) -> None:
        """Read the list of the case that is open and show it."""

        def read() -> None:
            self._audit = self.controller.document.audit()

        self._soon.stop()
        self._audit = None
        self.controller.attempt(read, "slides")
        self._fill_slides()
        self._filter()

    def follow(self) -> None:
        """Show what was done since."""
        self._soon.stop()
        if self._audit is None or not self.isVisible():
            return
        fresh: list[int] = []
        audit = self._audit
        self.controller.attempt(lambda: fresh.append(audit.refresh()), "slides")
        self.model.follow(self._names(), fresh[0] if fresh else 0)
        self._fill_slides()
        self._say_count()

    def _later(self) -> None:
        if self.isVisible():
            self._soon.start()

    def _forget(self) -> None:
        self._audit = None
        if self.isVisible():
            self.refresh()
        else:
            self.model.show_audit(None, {}, None)

    def _fill_slides(self) -> None:
        names = self._names()
        if {self.slides.itemData(n): self.slides.itemText(n) for n in range(1, self.slides.count())} == names:
            return
        chosen = self.slide
        self.slides.clear()
        self.slides.addItem(tr("All slides"), None)
        for id, name in names.items():
            self.slides.addItem(name, id)
        self.slides.setCurrentIndex(max(0, self.slides.findData(chosen)) if chosen is not None else 0)

    def _filter(self) -> None:
        self.model.show_audit(self._audit, self._names(), self.slide)
        self.change.clear()
        self._say_count()
        if self.model.rowCount():
            self.list.selectRow(0)

    def _say_count(self) -> None:
        count = self.model.rowCount()
        self.count.setText(tr_n("{n} step", "{n} steps", count))
        self.export_button.setEnabled(count > 0)

    def _show_change(self, selected: QItemSelection, deselected: QItemSelection) -> None:
        rows = self.list.selectionModel().selectedRows()
        if not rows:
            self.change.clear()
            return
        row = self.model.rows[rows[0].row()]
        before, after = self.model.change(row)
        when = _when(row).strftime("%Y-%m-%d %H:%M:%S %z")
        self.change.setPlainText(
            f"{when}  {row.person}  {what(row)}\n{tr('Before')}: {before or '–'}\n{tr('After')}: {after or '–'}"
        )

    def _go(self, index: QModelIndex) -> None:
        slide = self.model.rows[index.row()].slide
        if slide in {info.id for info in self.controller.slides}:
            self.controller.selection.show_slide(slide)

    # -- export --------------------------------------------------------------------------

    def _ask_export(self) -> None:
        name = " ".join((self.controller.document.name, "history.csv"))
        start = str(self._window.deeds.exports.folder() / name)
        path, _ = QFileDialog.getSaveFileName(self, tr("Export history"), start, "CSV (*.csv)")
        if path:
            self._window.settings.setValue("folder", str(Path(path).parent))
            self.export(Path(path))

    def export(self, path: Path) -> None:
        """Write the lines that are shown as CSV, oldest first, times in UTC."""
        audit = self._audit
        if audit is None:
            return
        lines: list[tuple[str, ...]] = []

        def steps() -> Iterator[None]:
            for line in table(audit, list(reversed(self.model.rows)), self._names()):
                lines.append(line)
                yield

        def deed() -> None:
            write_table(path, lines)
            self.controller.said.emit(tr("Written: {path}", path=path))

        # The commands are read on this thread, a few at a time.
        exporter = self.controller.exporter
        exporter.prepare(tr("the history"), steps(), lambda: self.controller.attempt(deed, "slides"))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        self._soon.stop()
        super().hideEvent(event)
