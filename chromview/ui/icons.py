"""Icons drawn with the text colour, so that they are right in the dark and in the light."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPalette, QPen, QPixmap, QPolygonF

SIZE = 24.0

_BLUE, _ORANGE = QColor(0, 114, 178), QColor(230, 126, 0)


def _select(p: QPainter) -> None:
    p.setBrush(p.pen().color())
    p.drawPolygon(
        QPolygonF([QPointF(*xy) for xy in ((6, 3), (6, 19), (10, 15), (13, 21), (15.5, 20), (12.5, 14), (18, 14))])
    )


def _brush(p: QPainter) -> None:
    p.drawLine(QPointF(20, 4), QPointF(12, 12))
    p.setBrush(p.pen().color())
    path = QPainterPath(QPointF(12, 11))
    path.cubicTo(8, 10, 6, 14, 4, 20)
    path.cubicTo(10, 20, 14, 18, 13, 12)
    p.drawPath(path)


def _erase(p: QPainter) -> None:
    p.drawPolygon(QPolygonF([QPointF(*xy) for xy in ((4, 15), (13, 5), (20, 11), (11, 20), (8, 20))]))
    p.drawLine(QPointF(9, 10), QPointF(16, 15.5))


def _cut(p: QPainter) -> None:
    p.drawLine(QPointF(6, 3), QPointF(16, 17))
    p.drawLine(QPointF(18, 3), QPointF(8, 17))
    p.drawEllipse(QPointF(6.5, 18.5), 2.6, 2.6)
    p.drawEllipse(QPointF(17.5, 18.5), 2.6, 2.6)


def _new(p: QPainter) -> None:
    p.drawRoundedRect(QRectF(8.5, 3, 7, 18), 3.5, 3.5)
    p.drawLine(QPointF(12, 9), QPointF(12, 15))
    p.drawLine(QPointF(9, 12), QPointF(15, 12))


def _lasso(p: QPainter) -> None:
    p.drawEllipse(QRectF(3, 4, 18, 11))
    p.drawEllipse(QPointF(8, 16), 2.2, 2.2)
    path = QPainterPath(QPointF(8, 18))
    path.cubicTo(9, 22, 14, 20, 13, 22)
    p.drawPath(path)


def _magic(p: QPainter) -> None:
    p.drawLine(QPointF(4, 20), QPointF(14, 10))
    for x, y, reach in ((17.5, 6.5, 3.5), (8.5, 5.5, 2.0), (19.0, 15.5, 2.0)):
        p.drawLine(QPointF(x - reach, y), QPointF(x + reach, y))
        p.drawLine(QPointF(x, y - reach), QPointF(x, y + reach))


def _crossing(p: QPainter) -> None:
    for colour, start, end in ((_BLUE, (5, 5), (19, 19)), (_ORANGE, (19, 5), (5, 19))):
        p.setPen(QPen(colour, 5.0, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        p.drawLine(QPointF(*start), QPointF(*end))


def _hint(p: QPainter) -> None:
    for x, colour in ((4.0, _BLUE), (12.0, _ORANGE)):
        path = QPainterPath(QPointF(x, 19))
        path.cubicTo(x + 1, 12, x + 6, 12, x + 7, 5)
        p.setPen(QPen(colour, 3.2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        p.drawPath(path)


def _again(p: QPainter) -> None:
    p.drawArc(QRectF(4, 4, 16, 16), 40 * 16, 280 * 16)
    p.drawPolyline([QPointF(20.5, 4), QPointF(18.6, 8.8), QPointF(13.6, 7.4)])
    font = p.font()
    font.setPixelSize(11)
    font.setBold(True)
    p.setFont(font)
    p.drawText(QRectF(4, 4, 16, 16), Qt.AlignmentFlag.AlignCenter, "?")


def _annotate(p: QPainter) -> None:
    p.drawLine(QPointF(12, 12), QPointF(20, 4))
    p.drawPolyline([QPointF(13.5, 4), QPointF(20, 4), QPointF(20, 10.5)])
    font = p.font()
    font.setPixelSize(14)
    font.setBold(True)
    p.setFont(font)
    p.drawText(QRectF(1, 9, 13, 15), Qt.AlignmentFlag.AlignCenter, "T")


def _ring(p: QPainter) -> None:
    p.drawEllipse(QRectF(3, 3, 18, 18))
    p.setBrush(p.pen().color())
    p.drawEllipse(QRectF(7.5, 7.5, 9, 9))


def _axis(p: QPainter) -> None:
    path = QPainterPath(QPointF(7, 3))
    path.cubicTo(7, 11, 18, 13, 17, 21)
    p.drawPath(path)
    p.drawLine(QPointF(8, 14), QPointF(15.5, 8.5))
    p.setBrush(p.pen().color())
    for x, y in ((7, 3.5), (17, 20.5)):
        p.drawEllipse(QPointF(x, y), 1.6, 1.6)


def _join(p: QPainter) -> None:
    p.drawRoundedRect(QRectF(3, 8, 7, 8), 3, 3)
    p.drawRoundedRect(QRectF(14, 8, 7, 8), 3, 3)
    p.drawLine(QPointF(10, 12), QPointF(14, 12))


def _split(p: QPainter) -> None:
    p.setBrush(QColor(_BLUE.red(), _BLUE.green(), _BLUE.blue(), 130))
    p.drawEllipse(QPointF(9, 12), 6, 6)
    p.setBrush(QColor(_ORANGE.red(), _ORANGE.green(), _ORANGE.blue(), 130))
    p.drawEllipse(QPointF(15, 12), 6, 6)


def _reject(p: QPainter) -> None:
    p.drawLine(QPointF(6, 6), QPointF(18, 18))
    p.drawLine(QPointF(18, 6), QPointF(6, 18))


def _accept(p: QPainter) -> None:
    p.drawPolyline([QPointF(4, 13), QPointF(10, 19), QPointF(20, 6)])


def _flip(p: QPainter) -> None:
    p.drawLine(QPointF(8, 20), QPointF(8, 5))
    p.drawPolyline([QPointF(4.5, 9), QPointF(8, 4.5), QPointF(11.5, 9)])
    p.drawLine(QPointF(16, 4), QPointF(16, 19))
    p.drawPolyline([QPointF(12.5, 15), QPointF(16, 19.5), QPointF(19.5, 15)])


def _turn(p: QPainter) -> None:
    p.drawArc(QRectF(5, 5, 14, 14), 30 * 16, 270 * 16)
    p.drawPolyline([QPointF(19.5, 3.5), QPointF(18.2, 8.6), QPointF(13.2, 7.4)])


def _undo(p: QPainter) -> None:
    p.drawPolyline([QPointF(8, 4), QPointF(4, 8), QPointF(8, 12)])
    path = QPainterPath(QPointF(4, 8))
    path.lineTo(14, 8)
    path.cubicTo(21, 8, 21, 19, 14, 19)
    path.lineTo(9, 19)
    p.drawPath(path)


def _redo(p: QPainter) -> None:
    p.translate(SIZE, 0)
    p.scale(-1, 1)
    _undo(p)


def _invert(p: QPainter) -> None:
    p.drawEllipse(QPointF(12, 12), 8, 8)
    p.setBrush(p.pen().color())
    p.drawPie(QRectF(4, 4, 16, 16), 90 * 16, 180 * 16)


def _fit(p: QPainter) -> None:
    for x, y, dx, dy in ((4, 4, 1, 1), (20, 4, -1, 1), (4, 20, 1, -1), (20, 20, -1, -1)):
        p.drawLine(QPointF(x, y), QPointF(x + 5 * dx, y))
        p.drawLine(QPointF(x, y), QPointF(x, y + 5 * dy))


def _label(number: int) -> Callable[[QPainter], None]:
    def draw(p: QPainter) -> None:
        text = p.pen()
        area = QRectF(3, 3, 18, 18)
        if number:
            p.setBrush({1: _BLUE, 2: _ORANGE, 3: _BLUE}[number])
            p.setPen(Qt.PenStyle.NoPen)
            p.drawRoundedRect(area, 4, 4)
        if number == 3:
            p.setPen(QPen(_ORANGE, 2.4))
            p.setClipRect(area)
            for x in range(-12, 24, 7):
                p.drawLine(QPointF(x, 22), QPointF(x + 20, 2))
            p.setClipping(False)
        p.setBrush(Qt.BrushStyle.NoBrush)
        p.setPen(QPen(text.color(), 1.4))
        p.drawRoundedRect(area, 4, 4)
        p.setPen(QColor(255, 255, 255) if number else text.color())
        font = p.font()
        font.setPixelSize(14)
        font.setBold(True)
        p.setFont(font)
        p.drawText(area, Qt.AlignmentFlag.AlignCenter, str(number))

    return draw


_DRAWINGS: dict[str, Callable[[QPainter], None]] = {
    "mask.select": _select,
    "mask.brush": _brush,
    "mask.erase": _erase,
    "mask.cut": _cut,
    "mask.new": _new,
    "mask.lasso": _lasso,
    "mask.magic": _magic,
    "mask.split": _crossing,
    "mask.hint": _hint,
    "mask.ask_again": _again,
    "mask.fill_rings": _ring,
    "mask.axis": _axis,
    "mask.annotate": _annotate,
    "mask.join": _join,
    "mask.split_overlap": _split,
    "mask.label0": _label(0),
    "mask.label1": _label(1),
    "mask.label2": _label(2),
    "mask.label3": _label(3),
    "chromosome.accept": _accept,
    "chromosome.reject": _reject,
    "chromosome.flip": _flip,
    "chromosome.turn": _turn,
    "edit.undo": _undo,
    "edit.redo": _redo,
    "view.invert": _invert,
    "view.fit": _fit,
}


def _pixmap(draw: Callable[[QPainter], None], colour: QColor, ratio: float) -> QPixmap:
    pixmap = QPixmap(round(SIZE * ratio), round(SIZE * ratio))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colour, 1.8, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    draw(painter)
    painter.end()
    return pixmap


def icon(action_id: str, palette: QPalette) -> QIcon:
    """Icon of an action in the colours of a palette; an empty one if the action has none."""
    draw = _DRAWINGS.get(action_id)
    result = QIcon()
    if draw is None:
        return result
    for group, mode in (
        (QPalette.ColorGroup.Active, QIcon.Mode.Normal),
        (QPalette.ColorGroup.Disabled, QIcon.Mode.Disabled),
    ):
        for ratio in (1.0, 2.0):
            result.addPixmap(_pixmap(draw, palette.color(group, QPalette.ColorRole.ButtonText), ratio), mode)
    return result


def window_icon() -> QIcon:
    """The program's icon: two chromosomes that cross."""
    result = QIcon()
    for size in (16, 32, 64, 128):
        pixmap = QPixmap(size, size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.scale(size / SIZE, size / SIZE)
        for colour, angle in ((_BLUE, 35.0), (_ORANGE, -35.0)):
            painter.save()
            painter.translate(12, 12)
            painter.rotate(angle)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colour.red(), colour.green(), colour.blue(), 215))
            painter.drawRoundedRect(QRectF(-3.2, -10.5, 6.4, 21), 3.2, 3.2)
            painter.restore()
        painter.end()
        result.addPixmap(pixmap)
    return result
