"""Drawing a karyogram with a painter, from the layout of the core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPen, QPixmap, QPolygonF, QTransform

from chromview.core.arrows import REACH, spot
from chromview.core.chromosome import Arrow, Chromosome, State
from chromview.core.karyotype import GROUPS
from chromview.texts import tr
from chromview.ui.axis_layer import draw_straight_axis
from chromview.ui.ideogram_paint import draw_ideogram, ideogram_of
from chromview.ui.mask_layer import DOUBT
from chromview.ui.picture import qimage_grey

if TYPE_CHECKING:
    from chromview.core.karyogram import ClassArea, KaryogramLayout
    from chromview.core.straighten import Straightened

_FIRST_OF_BLOCK = {1: "A", 4: "B", 6: "C", 13: "D", 16: "E", 19: "F", 21: "G"}
CAPTION = 84.0
"""Canvas pixels that mark and note may be wide."""
FRAME = 8
"""Screen pixels by which frame and tick reach beyond a picture."""
assert set(_FIRST_OF_BLOCK.values()) == set(GROUPS)


class KaryogramPainter:
    """Keeps the pictures as images and draws places, labels, marks and what is dragged."""

    def __init__(self) -> None:
        self.selected: int | None = None
        self.second: int | None = None
        self.typed = ""
        self.axis = True
        """Whether axis and centromere of the selected chromosome are drawn."""
        self.ideograms, self.bands = False, 550
        """Whether ideograms stand beside the chromosomes, and of how many bands."""
        self.zoom = 1.0
        """Screen pixels for a canvas pixel; letters are drawn larger where it is small."""
        self.arrow: tuple[int, int] | None = None
        """The arrow that is chosen: id of its chromosome, and which of its arrows."""
        self.moving: tuple[int, int, Arrow] | None = None
        """The arrow under the hand, and where it is now."""
        self.cluster = False
        self.accent = QColor(11, 99, 181)
        self.paper = QColor(255, 255, 255)
        self.ink = QColor(25, 25, 28)
        self._chromosomes: Mapping[int, Chromosome] = {}
        self._images: dict[int, tuple[Straightened, QImage]] = {}
        self._ready: dict[int, tuple[tuple[float, ...], QPixmap]] = {}

    def show(
        self,
        chromosomes: Mapping[int, Chromosome],
        pictures: Mapping[int, Straightened],
        *,
        bright_on_dark: bool,
        cluster: bool,
    ) -> None:
        """Draw these chromosomes from now on.

        The paper is the background of the stain; of a cluster nobody expects two of each class.
        """
        self.cluster = cluster
        self._chromosomes = chromosomes
        self.paper = QColor(0, 0, 0) if bright_on_dark else QColor(255, 255, 255)
        self.ink = QColor(232, 234, 237) if bright_on_dark else QColor(25, 25, 28)
        for id in self._images.keys() - pictures.keys():
            del self._images[id]
            self._ready.pop(id, None)
        for id, picture in pictures.items():
            known = self._images.get(id)
            if known is None or known[0] is not picture:
                self._images[id] = (picture, self._transparent(picture, bright_on_dark))
                self._ready.pop(id, None)

    def _transparent(self, picture: Straightened, bright_on_dark: bool) -> QImage:
        """The picture with its background taken away, so that turned ones do not cover neighbours."""
        image = qimage_grey(picture.image).convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
        # Grey as alpha would lighten the bands; only what is pure background becomes transparent.
        opaque = np.where(picture.image == (0 if bright_on_dark else 255), 0, 255).astype(np.uint8)
        image.setAlphaChannel(qimage_grey(opaque))
        return image

    def paint(
        self,
        painter: QPainter,
        canvas: KaryogramLayout,
        font: QFont,
        drag: tuple[int, float, float] | None,
        part: QRectF,
    ) -> None:
        """Draw everything that reaches into `part`; the painter stands in canvas pixels.

        Parameters
        ----------
        painter
            On the paper, which is filled already.
        canvas
            Where everything stands.
        font
            Of the panel.
        drag
            Id of the chromosome that is dragged and the pointer's (x, y), or None.
        part
            What is painted now, in canvas pixels.
        """
        if drag is not None:
            self._paint_allowed(painter, canvas, drag)
        for area in canvas.classes:
            # Letters and counts may be wider than the class.
            if part.intersects(QRectF(*area.rect).united(QRectF(*area.label)).adjusted(-60, -40, 60, 40)):
                self._paint_class(painter, area, font)
        self._paint_empty(painter, canvas)
        if part.intersects(QRectF(*canvas.tray)):
            self._paint_tray(painter, canvas, font)
        around = FRAME / self.zoom
        near = part.adjusted(-around, -around, around, around)
        for placed in canvas.placed:
            box = QRectF(*placed.rect)
            if placed.id in self._chromosomes and self._chromosomes[placed.id].arrows:
                box.adjust(-REACH - box.height(), -REACH, REACH + box.height(), REACH)
            if placed.id in self._chromosomes and self._chromosomes[placed.id].caption:
                box.adjust(-CAPTION / 2, -2 * FRAME / self.zoom, CAPTION / 2, 2 * FRAME / self.zoom)
            if (drag is None or placed.id != drag[0]) and near.intersects(box):
                self._paint_one(painter, placed.id, placed.rect, canvas.scale)
        if drag is not None:
            placed_drag = canvas.of(drag[0])
            if placed_drag is not None:
                width, height = placed_drag.rect.width, placed_drag.rect.height
                painter.setOpacity(0.85)
                self._paint_one(
                    painter, drag[0], (drag[1] - width / 2, drag[2] - height / 2, width, height), canvas.scale
                )
                painter.setOpacity(1.0)
        if self.typed:
            self._paint_typed(painter, canvas, font)

    def _letters(self, usual: int, least: float) -> int:
        """Height of letters in canvas pixels: `usual`, but at least `least` pixels on the screen."""
        return max(usual, round(least / self.zoom))

    def _faint(self, strength: int) -> QColor:
        return QColor(self.ink.red(), self.ink.green(), self.ink.blue(), strength)

    def _paint_class(self, painter: QPainter, area: ClassArea, font: QFont) -> None:
        label = QRectF(*area.label)
        painter.setPen(QPen(self._faint(190), 1.4))
        painter.drawLine(QPointF(label.left() + 4, area.line_y), QPointF(label.right() - 4, area.line_y))
        bold = QFont(font)
        bold.setPixelSize(self._letters(16, 11))
        wrong = area.count != area.expected and not self.cluster
        bold.setBold(wrong)
        painter.setFont(bold)
        painter.setPen(self._faint(90) if self.cluster and not area.count else self.ink)
        text = QRectF(label.center().x() - 60, area.line_y + 1, 120, 34)
        # A count that differs is written out: colour or weight alone would be missed.
        name = f"{area.name} ×{area.count}" if wrong and (area.count or area.expected) else area.name
        painter.drawText(text, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, name)
        ideogram = ideogram_of(area.number, self.bands) if area.ideogram is not None else None
        if area.ideogram is not None and ideogram is not None:
            draw_ideogram(painter, ideogram, QRectF(*area.ideogram), self.ink)
        group = _FIRST_OF_BLOCK.get(area.number)
        if group is not None:
            small = QFont(font)
            small.setPixelSize(self._letters(14, 9))
            painter.setFont(small)
            painter.setPen(self._faint(140))
            corner = QRectF(area.rect.x - 18, area.rect.y - 10, 40, 40)
            painter.drawText(corner, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, group)

    def _paint_empty(self, painter: QPainter, canvas: KaryogramLayout) -> None:
        painter.setPen(QPen(self._faint(110), 1.0, Qt.PenStyle.DashLine))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for place in canvas.places:
            if place.taken_by is None and place.expected and not self.cluster:
                rect = QRectF(*place.outline)
                painter.drawRoundedRect(rect, min(6.0, rect.width() / 3), min(6.0, rect.width() / 3))

    def _paint_tray(self, painter: QPainter, canvas: KaryogramLayout, font: QFont) -> None:
        tray = QRectF(*canvas.tray)
        if tray.height() <= 0:
            return
        painter.setPen(QPen(self._faint(90), 1.0))
        painter.setBrush(self._faint(10))
        painter.drawRoundedRect(tray, 4, 4)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        small = QFont(font)
        small.setPixelSize(self._letters(14, 9))
        painter.setFont(small)
        painter.setPen(self._faint(170))
        count = sum(placed.slot is None for placed in canvas.placed)
        text = tr("Tray: {count} without a place", count=count) if count else tr("Tray: what has no place yet")
        painter.drawText(tray.adjusted(6, 3, -6, 0), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, text)

    def _paint_one(self, painter: QPainter, id: int, rect: tuple[float, float, float, float], scale: float) -> None:
        chromosome, entry = self._chromosomes.get(id), self._images.get(id)
        if chromosome is None or entry is None:
            return
        frame = QRectF(*rect)
        if id in (self.selected, self.second):
            painter.setPen(QPen(self.accent, 2.4 if id == self.selected else 1.4))
            painter.setBrush(QColor(self.accent.red(), self.accent.green(), self.accent.blue(), 38))
            painter.drawRoundedRect(frame.adjusted(-3, -3, 3, 3), 4, 4)
        self._paint_picture(painter, id, frame.center(), chromosome.angle, scale)
        if id == self.selected and self.axis:
            image = entry[1]
            painter.save()
            painter.translate(frame.center())
            painter.rotate(-chromosome.angle)
            painter.scale(scale, scale)
            draw_straight_axis(
                painter, entry[0], QRectF(-image.width() / 2, -image.height() / 2, image.width(), image.height())
            )
            painter.restore()
        self._paint_arrows(painter, chromosome, frame.center(), entry[1].height() * scale)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if chromosome.caption:
            self._paint_caption(painter, chromosome.caption, frame, below=chromosome.slot is None)
        if chromosome.state is State.PROPOSED and chromosome.doubts:
            for colour, width in ((self._faint(120), 2.2), (DOUBT, 1.5)):
                painter.setPen(QPen(colour, width, Qt.PenStyle.DashLine))
                painter.drawRoundedRect(frame.adjusted(-2, -2, 2, 2), 4, 4)
        elif chromosome.state is not State.PROPOSED:
            self._paint_check(painter, frame)

    def _paint_arrows(self, painter: QPainter, chromosome: Chromosome, middle: QPointF, length: float) -> None:
        for index, arrow in enumerate(chromosome.arrows):
            if self.moving is not None and self.moving[:2] == (chromosome.id, index):
                arrow = self.moving[2]
            at = spot(arrow, chromosome, (middle.x(), middle.y()), length)
            chosen = self.arrow == (chromosome.id, index)
            painter.setPen(QPen(self.paper, 1.2))
            painter.setBrush(self.accent if chosen else self.ink)
            painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in at.outline()]))
            if chosen:
                painter.setPen(QPen(self.accent, 1.5))
                painter.setBrush(self.paper)
                painter.drawEllipse(QPointF(*at.end), 4, 4)

    def _paint_caption(self, painter: QPainter, caption: str, frame: QRectF, *, below: bool) -> None:
        """Mark and note above the picture, or below; what is too long is cut, the inspector has all of it."""
        small = QFont(painter.font())
        small.setPixelSize(self._letters(12, 9))
        painter.setFont(small)
        tall = 1.3 * small.pixelSize()
        top = frame.bottom() + 1 if below else frame.top() - tall - 1
        box = QRectF(frame.center().x() - CAPTION / 2, top, CAPTION, tall)
        metrics = QFontMetricsF(small)
        painter.setPen(self.ink)
        text = metrics.elidedText(caption, Qt.TextElideMode.ElideRight, CAPTION)
        painter.drawText(box, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom, text)

    def _paint_picture(self, painter: QPainter, id: int, centre: QPointF, angle: float, scale: float) -> None:
        """Draw a straightened picture, scaled and turned once and kept: all of them anew would take a frame's time."""
        world, ratio = painter.worldTransform(), painter.device().devicePixelRatioF()
        size = scale * world.m11() * ratio
        known = self._ready.get(id)
        if known is None or known[0] != (size, angle):
            turned = self._images[id][1].transformed(
                QTransform().rotate(-angle).scale(size, size), Qt.TransformationMode.SmoothTransformation
            )
            known = (size, angle), QPixmap.fromImage(turned)
            self._ready[id] = known
        pixmap = known[1]
        at = world.map(centre) * ratio - QPointF(pixmap.width() / 2, pixmap.height() / 2)
        painter.save()
        painter.resetTransform()
        painter.scale(1 / ratio, 1 / ratio)  # whole pixels of the screen: nothing is interpolated a second time
        painter.drawPixmap(round(at.x()), round(at.y()), pixmap)
        painter.restore()

    def _paint_check(self, painter: QPainter, frame: QRectF) -> None:
        """A small tick: a person stands behind it."""
        x, y = frame.right() - 3, frame.top() - 1
        painter.setPen(QPen(QColor(0, 140, 90), 1.8, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawPolyline([QPointF(x - 3, y), QPointF(x - 1, y + 2.5), QPointF(x + 3.5, y - 3)])

    def _paint_allowed(self, painter: QPainter, canvas: KaryogramLayout, drag: tuple[int, float, float]) -> None:
        id, x, y = drag
        own = self._chromosomes[id].slot if id in self._chromosomes else None
        number = self._chromosomes[id].number if id in self._chromosomes else 0
        painter.setPen(Qt.PenStyle.NoPen)
        for place in canvas.places:
            if place.slot == own:
                continue
            hovered = place.rect.holds(x, y)
            strength = 130 if hovered else 46 if place.slot.number == number else 22
            painter.setBrush(QColor(self.accent.red(), self.accent.green(), self.accent.blue(), strength))
            painter.drawRoundedRect(QRectF(*place.rect).adjusted(1, 1, -1, -1), 4, 4)
        if own is not None:
            strength = 130 if canvas.in_tray(x, y) else 30
            painter.setBrush(QColor(self.accent.red(), self.accent.green(), self.accent.blue(), strength))
            painter.drawRoundedRect(QRectF(*canvas.tray), 4, 4)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _paint_typed(self, painter: QPainter, canvas: KaryogramLayout, font: QFont) -> None:
        placed = None if self.selected is None else canvas.of(self.selected)
        centre = QPointF(*placed.rect.centre) if placed is not None else QPointF(canvas.width / 2, 30)
        large = QFont(font)
        large.setPixelSize(22)
        large.setBold(True)
        painter.setFont(large)
        plate = QRectF(centre.x() - 32, centre.y() - 18, 64, 36)
        painter.setPen(QPen(self.accent, 2))
        painter.setBrush(QColor(20, 20, 24, 235))
        painter.drawRoundedRect(plate, 6, 6)
        painter.setPen(QColor(255, 255, 255))
        painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, f"{self.typed}_")
        painter.setBrush(Qt.BrushStyle.NoBrush)
