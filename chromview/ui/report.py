"""The report of a slide or a case, set on A4 pages as PDF."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QBuffer, QIODevice, QMarginsF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPageLayout, QPageSize, QPainter, QPdfWriter, QPen

from chromview.app.report import Head, Page
from chromview.texts import noop, tr

DPI = 300
_MM = DPI / 25.4
_MARGIN = 18.0
"""Millimetres around the page."""
_INK, _FAINT, _WARN = QColor(20, 20, 24), QColor(110, 116, 124), QColor(150, 60, 0)
_PURPOSE = noop("For research use. Not a medical device.")


def pdf(head: Head, pages: Iterator[Page]) -> bytes:
    """The report as the bytes of a PDF file; may be called on any thread.

    Parameters
    ----------
    head
        What stands on every page; its table, if it has one, stands on pages of its own before the others.
    pages
        One a slide, made while they are set.
    """
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setPageLayout(
        QPageLayout(QPageSize(QPageSize.PageSizeId.A4), QPageLayout.Orientation.Portrait, QMarginsF(0, 0, 0, 0))
    )
    writer.setResolution(DPI)
    writer.setTitle(tr("Karyotype report: {case}", case=head.case))
    writer.setCreator(head.program)
    sheet = QRectF(0, 0, 210 * _MM, 297 * _MM)
    painter = QPainter(writer)
    try:
        painter.setRenderHint(QPainter.RenderHint.LosslessImageRendering)
        number = 0
        for rows in _chunks(head.table, 34):
            if number:
                writer.newPage()
            number += 1
            paint_table(painter, sheet, head, rows, number)
        for page in pages:
            if number:
                writer.newPage()
            number += 1
            paint_page(painter, sheet, head, page, number)
    finally:
        painter.end()
    buffer.close()
    return bytes(buffer.data().data())


def paint_page(painter: QPainter, sheet: QRectF, head: Head, page: Page, number: int) -> None:
    """Set one slide on a sheet of A4, in pixels of `DPI`."""
    body = _frame(painter, sheet, head, number)
    y = body.top()
    if page.karyotype:
        y += _text(painter, page.karyotype, QRectF(body.left(), y, body.width(), 20 * _MM), 20, bold=True)
    colour = _INK if page.reviewed else _WARN
    y += _text(painter, page.verdict, QRectF(body.left(), y, body.width(), 12 * _MM), 11, bold=True, colour=colour)
    y += 2 * _MM
    facts = 62 * _MM
    room = QRectF(body.left(), y, body.width(), body.bottom() - facts - 4 * _MM - y)
    y += _image(painter, page.karyogram, room, lossless=True).height() + 4 * _MM
    half = (body.width() - 6 * _MM) / 2
    left = QRectF(body.left(), y, half, body.bottom() - y)
    _image(painter, page.picture, left, lossless=False)
    _facts(painter, QRectF(left.right() + 6 * _MM, y, half, body.bottom() - y), page)


def paint_table(
    painter: QPainter, sheet: QRectF, head: Head, rows: tuple[tuple[str, str, str, str, str], ...], number: int
) -> None:
    """Set the karyotype of the case and some lines of its table on a sheet."""
    body = _frame(painter, sheet, head, number)
    y = body.top()
    if head.clones:
        y += _text(painter, head.clones, QRectF(body.left(), y, body.width(), 30 * _MM), 18, bold=True)
        said = tr("Reviewed: a person stands behind every chromosome of these cells.")
        if not head.reviewed:
            said = tr("PROPOSAL, not a finding: not every chromosome of these cells was accepted by a person.")
        colour = _INK if head.reviewed else _WARN
        y += _text(painter, said, QRectF(body.left(), y, body.width(), 12 * _MM), 11, bold=True, colour=colour)
        y += 3 * _MM
    shares = (0.36, 0.14, 0.14, 0.22, 0.14)
    lines = ((tr("Slide"), tr("State"), tr("Chromosomes"), tr("Karyotype"), ""), *rows)
    for index, line in enumerate(lines):
        x = body.left()
        for share, text in zip(shares, line, strict=True):
            box = QRectF(x, y, share * body.width() - 2 * _MM, 6 * _MM)
            font = _font(10, bold=index == 0)
            painter.setFont(font)
            painter.setPen(_INK)
            shown = QFontMetricsF(font, painter.device()).elidedText(text, Qt.TextElideMode.ElideMiddle, box.width())
            painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
            x += share * body.width()
        y += 6 * _MM
        painter.setPen(QPen(_FAINT, 0.15 * _MM))
        painter.drawLine(round(body.left()), round(y), round(body.right()), round(y))


def _frame(painter: QPainter, sheet: QRectF, head: Head, number: int) -> QRectF:
    """Lines above and below; returns what is left between them."""
    inner = sheet.adjusted(_MARGIN * _MM, 12 * _MM, -_MARGIN * _MM, -10 * _MM)
    line = QRectF(inner.left(), inner.top(), inner.width(), 6 * _MM)
    _line(painter, line, tr("Case {case}", case=head.case), Qt.AlignmentFlag.AlignLeft, bold=True)
    signed = f"{head.signed}, {head.written}" if head.signed else head.written
    _line(painter, line, signed, Qt.AlignmentFlag.AlignRight)
    foot = QRectF(inner.left(), inner.bottom() - 6 * _MM, inner.width(), 6 * _MM)
    _line(painter, foot, f"{tr(_PURPOSE)} {head.program}", Qt.AlignmentFlag.AlignLeft, colour=_FAINT)
    _line(painter, foot, tr("Page {number}", number=number), Qt.AlignmentFlag.AlignRight, colour=_FAINT)
    painter.setPen(QPen(_FAINT, 0.2 * _MM))
    for y in (line.bottom() + 1 * _MM, foot.top() - 1 * _MM):
        painter.drawLine(round(inner.left()), round(y), round(inner.right()), round(y))
    return inner.adjusted(0, 10 * _MM, 0, -9 * _MM)


def _font(points: float, *, bold: bool = False) -> QFont:
    font = QFont()
    font.setPixelSize(round(points / 72 * DPI))
    font.setBold(bold)
    return font


def _line(
    painter: QPainter, box: QRectF, text: str, side: Qt.AlignmentFlag, *, bold: bool = False, colour: QColor = _INK
) -> None:
    painter.setFont(_font(9.5, bold=bold))
    painter.setPen(colour)
    painter.drawText(box, side | Qt.AlignmentFlag.AlignVCenter, text)


def _text(
    painter: QPainter, text: str, box: QRectF, points: float, *, bold: bool = False, colour: QColor = _INK
) -> float:
    """Set text in as many lines as it takes; returns their height."""
    painter.setFont(_font(points, bold=bold))
    painter.setPen(colour)
    flags = Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextWordWrap
    used = painter.boundingRect(box, flags, text)
    if used.width() > box.width():  # a word that is longer than the line
        flags |= Qt.TextFlag.TextWrapAnywhere
        used = painter.boundingRect(box, flags, text)
    painter.drawText(box, flags, text)
    return used.height()


def _image(painter: QPainter, pixels: npt.NDArray[np.uint8], room: QRectF, *, lossless: bool) -> QRectF:
    """Draw a picture as large as it fits, from the upper left; returns where it is."""
    height, width, _ = pixels.shape
    pixels = np.ascontiguousarray(pixels)
    image = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    factor = min(room.width() / width, room.height() / height)
    target = QRectF(room.left(), room.top(), width * factor, height * factor)
    if lossless:  # a photograph is kept smaller
        target.moveLeft(room.left() + (room.width() - target.width()) / 2)
    painter.setRenderHint(QPainter.RenderHint.LosslessImageRendering, lossless)
    painter.drawImage(target, image)
    return target


def _facts(painter: QPainter, box: QRectF, page: Page) -> None:
    y = box.top()
    label = 26 * _MM
    for heading, text in page.facts:
        _text(painter, heading, QRectF(box.left(), y, label, 10 * _MM), 8.5, bold=True)
        inside = QRectF(box.left() + label, y, box.width() - label, box.bottom() - y)
        y += _text(painter, text, inside, 8.5) + 0.8 * _MM


def _chunks(
    rows: tuple[tuple[str, str, str, str, str], ...], size: int
) -> Iterator[tuple[tuple[str, str, str, str, str], ...]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
