"""The homologues of one class side by side: large, centromeres on one line, their ideogram beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QDialog, QLabel, QVBoxLayout, QWidget

from chromview.core.axis_edit import measured_arms
from chromview.core.chromosome import CLASS_NAMES, Chromosome, State
from chromview.texts import noop, tr
from chromview.ui.ideogram_paint import draw_ideogram, ideogram_of
from chromview.ui.picture import qimage_grey

if TYPE_CHECKING:
    from chromview.core.straighten import Straightened
    from chromview.ui.window import MainWindow

_GAP = 30.0
_MARGIN = 18.0
_TEXT = 76.0
_IDEOGRAM = 26.0
_NAMES = 64.0
_STATES = {
    State.PROPOSED: noop("proposal"),
    State.ACCEPTED: noop("accepted"),
    State.EDITED: noop("corrected"),
    State.REJECTED: noop("rejected"),
}


class HomologuesView(QWidget):
    """The picture of the homologues."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("homologues.view")
        self.setAccessibleName(tr("Homologues side by side"))
        self.setWhatsThis(
            tr(
                "<b>Homologues side by side</b>, p arm up, at one scale, centromeres on one line, "
                "beside the ideogram of their class. View > Ideograms chooses how many bands it shows."
            )
        )
        self.setMinimumSize(QSize(320, 360))
        self._shown: list[tuple[Chromosome, Straightened, QImage]] = []
        self._number, self._bands, self._selected = 0, 550, 0
        self._dark = False

    @property
    def shown(self) -> list[int]:
        """Ids of the chromosomes that are drawn, from left to right."""
        return [chromosome.id for chromosome, _, _ in self._shown]

    def show_homologues(
        self,
        chromosomes: Sequence[Chromosome],
        pictures: Mapping[int, Straightened],
        *,
        number: int,
        bands: int,
        selected: int,
        dark: bool,
    ) -> None:
        """Show these chromosomes of class `number`; `dark` where the stain shines on black."""
        self._shown = [(c, pictures[c.id], qimage_grey(pictures[c.id].image)) for c in chromosomes if c.id in pictures]
        self._number, self._bands, self._selected, self._dark = number, bands, selected, dark
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        paper, ink = QColor(255, 255, 255), QColor(25, 25, 28)
        if self._dark:
            paper, ink = QColor(0, 0, 0), QColor(232, 234, 237)
        painter.fillRect(self.rect(), paper)
        if not self._shown:
            return
        ups = [_above(c, s) for c, s, _ in self._shown]
        downs = [s.length - up for (_, s, _), up in zip(self._shown, ups, strict=True)]
        wide = sum(image.width() for _, _, image in self._shown)
        ideogram = ideogram_of(self._number, self._bands)
        left = _MARGIN + (_NAMES + _IDEOGRAM + _GAP if ideogram else 0.0)
        room = self.width() - left - _MARGIN - _GAP * (len(self._shown) - 1)
        tall = self.height() - 2 * _MARGIN - _TEXT
        scale = max(0.2, min(tall / (max(ups) + max(downs)), room / wide, 8.0))
        line = _MARGIN + max(ups) * scale
        painter.setPen(QPen(QColor(ink.red(), ink.green(), ink.blue(), 90), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(_MARGIN, line), QPointF(self.width() - _MARGIN, line))
        font = QFont(self.font())
        if ideogram is not None:
            # As long as the homologues are on average, each arm for itself.
            top = line - scale * sum(ups) / len(ups)
            bottom = line + scale * sum(downs) / len(downs)
            small = QFont(font)
            small.setPixelSize(9)
            box = QRectF(_MARGIN + _NAMES, top, _IDEOGRAM, bottom - top)
            draw_ideogram(painter, ideogram, box, ink, centromere=line, names=small)
        x = left
        font.setPixelSize(12)
        for (chromosome, _, image), up in zip(self._shown, ups, strict=True):
            width, height = image.width() * scale, image.height() * scale
            target = QRectF(x, line - up * scale, width, height)
            painter.drawImage(target, image)
            if chromosome.id == self._selected:
                painter.setPen(QPen(self.palette().highlight().color(), 2))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(target.adjusted(-4, -4, 4, 4))
            painter.setFont(font)
            painter.setPen(ink)
            text = QRectF(x - _GAP / 2, self.height() - _TEXT, width + _GAP, _TEXT - 4)
            flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
            painter.drawText(text, flags, "\n".join(words(chromosome, image.height())))
            x += width + _GAP


def words(chromosome: Chromosome, length: int) -> list[str]:
    """What stands below a homologue."""
    said = [
        f"{chromosome.slot or chromosome.class_name} · {tr(_STATES.get(chromosome.state, chromosome.state))}",
        f"{length} px",
    ]
    arms = measured_arms(chromosome)
    if arms is not None:
        said[1] += ", " + tr("CI {index:.0f} %", index=100 * arms.centromere_index)
    if chromosome.caption:
        said.append(chromosome.caption)
    return said


def _above(chromosome: Chromosome, picture: Straightened) -> float:
    """Rows above the centromere; where nobody knows it, as many as its class has on average, else half."""
    if picture.centromere_row is not None:
        return float(picture.centromere_row)
    ideogram = ideogram_of(chromosome.number, 550)
    return picture.length * (ideogram.centromere if ideogram is not None else 0.5)


class HomologuesWindow(QDialog):
    """Follows the selection and every edit; stays open beside the work.

    Parameters
    ----------
    window
        Whose slide it shows.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.setObjectName("homologues")
        self.setWindowTitle(tr("Homologues") + " — chromview")
        self.resize(480, 560)
        self.controller = window.controller
        self._window = window
        self.title = QLabel(self)
        self.title.setObjectName("homologues.title")
        self.view = HomologuesView(self)
        column = QVBoxLayout(self)
        column.addWidget(self.title)
        column.addWidget(self.view, 1)
        self.controller.selection.changed.connect(self.refresh)
        self.controller.cell_changed.connect(self.refresh)
        window.bands_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the class of the selected chromosome as it is now."""
        id = self.controller.selection.chromosome
        there, info = self.controller.chromosomes, self.controller.info
        chosen = there.get(id) if id is not None else None
        if chosen is None or info is None or not chosen.number:
            self.title.setText(tr("Select a chromosome with a class."))
            self.view.show_homologues([], {}, number=0, bands=550, selected=0, dark=False)
            return
        found = [c for c in there.values() if c.in_karyogram and c.number == chosen.number]
        found.sort(key=lambda c: (c.slot is None, c.slot.position if c.slot else 0, c.id))
        many = tr("one") if len(found) == 1 else str(len(found))
        self.title.setText(
            tr(
                "Chromosome {number} of {name}: {many}",
                number=CLASS_NAMES[chosen.number - 1],
                name=info.name,
                many=many,
            )
        )
        self.view.show_homologues(
            found,
            self.controller.background.pictures(info.id),
            number=chosen.number,
            bands=self._window.deeds.bands,
            selected=chosen.id,
            dark=self.controller.stain.bright_on_dark,
        )
