"""Drawing ideograms: grey bands by Giemsa density, the centromere in red and drawn in."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPen, QPolygonF

from chromview.core.ideogram import BAND_GREY, DENSITY_GREY, Band, Ideogram, load_ideograms
from chromview.errors import UserError

_CENTROMERE = QColor(190, 70, 70)


def ideogram_of(number: int, bands: int) -> Ideogram | None:
    """The ideogram of class `number`, 1..24, at 400, 550 or 850 bands; None without a class or without the table."""
    if not number:
        return None
    try:
        return load_ideograms(bands)[number - 1]
    except UserError:
        return None  # without its table the program still works, only without ideograms


def draw_ideogram(
    painter: QPainter,
    ideogram: Ideogram,
    rect: QRectF,
    ink: QColor,
    *,
    centromere: float | None = None,
    names: QFont | None = None,
) -> None:
    """Draw an ideogram, p arm up.

    Parameters
    ----------
    painter, ideogram
        On what, and which.
    rect
        Where.
    ink
        Of its outline and its letters.
    centromere
        At which height the centromere lies; each arm fills what is on its side. Where the whole is to be drawn at one
        scale, None.
    names
        Font of the bands' names, left of it, as far as there is room; none are written if None.
    """
    share = ideogram.centromere
    middle = rect.top() + share * rect.height() if centromere is None else centromere

    def height(position: float) -> float:
        at = position / ideogram.length
        if at <= share:
            return rect.top() + at / max(share, 1e-9) * (middle - rect.top())
        return middle + (at - share) / max(1 - share, 1e-9) * (rect.bottom() - middle)

    written = rect.top() - 100
    for band in ideogram.bands:
        top, bottom = height(band.start), height(band.stop)
        _draw_band(painter, band, QRectF(rect.left(), top, rect.width(), bottom - top))
        y = (top + bottom) / 2
        if names is not None and y - written >= 1.05 * names.pixelSize():
            written = y
            painter.setFont(names)
            painter.setPen(ink)
            box = QRectF(rect.left() - 64, y - names.pixelSize(), 60, 2 * names.pixelSize())
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, band.arm + band.name)
    painter.setPen(QPen(ink, 0.8))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    # Two arms that meet at the waist.
    for upper, lower in ((rect.top(), middle), (middle, rect.bottom())):
        arm = QRectF(rect.left(), upper, rect.width(), lower - upper)
        radius = min(4.0, arm.width() / 3, arm.height() / 2)
        painter.drawRoundedRect(arm, radius, radius)


def _draw_band(painter: QPainter, band: Band, box: QRectF) -> None:
    if band.stain == "acen":
        # The two halves of the centromere point at each other.
        tip = box.bottom() if band.arm == "p" else box.top()
        base = box.top() if band.arm == "p" else box.bottom()
        shape = QPolygonF([QPointF(box.left(), base), QPointF(box.right(), base), QPointF(box.center().x(), tip)])
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_CENTROMERE)
        painter.drawPolygon(shape)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        return
    grey = BAND_GREY.get(band.stain, DENSITY_GREY.get(band.density, 255))
    inset = 0.2 * box.width() if band.stain == "stalk" else 0.0
    painter.fillRect(box.adjusted(inset, 0, -inset, 0), QColor(grey, grey, grey))
