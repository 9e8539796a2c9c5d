"""Outlines of masks as lines, kept until a mask changes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from chromview.core._cv import cv2
from chromview.core.chromosome import BoolArray, Box, Chromosome

_PIECE = 16
"""Corners of a piece. Qt needs far more than twice the time for a wide line of twice the corners, because the line is
filled as one shape."""

_PATTERNS = {Qt.PenStyle.DashLine: (7.0, 6.0), Qt.PenStyle.DotLine: (1.5, 3.0)}
"""Screen pixels on and off."""


class Outline:
    """The outline of a mask, holes included, in pieces: those beside what is painted cost nothing.

    The line runs through the centres of the mask's border pixels.

    Parameters
    ----------
    mask
        ``(h, w)``.
    top, left
        Slide pixel that the mask's first pixel lies on.
    tolerance
        Corners are left out as long as the line moves by no more than so many slide pixels.
    """

    def __init__(self, mask: BoolArray, top: int, left: int, tolerance: float = 0.0) -> None:
        self._pieces: list[tuple[QPolygonF, QRectF, float]] = []
        if not mask.size:
            return
        contours, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
        for contour in contours:
            if tolerance:
                contour = cv2.approxPolyDP(contour, tolerance, True)
            points = contour.reshape(-1, 2) + (left + 0.5, top + 0.5)
            if len(points) == 1:  # a single pixel has no length; give it some, so that it is seen
                points = points + ((-0.3, -0.3), (0.3, -0.3), (0.3, 0.3), (-0.3, 0.3))
            self._add(np.concatenate([points, points[:1]]))

    def _add(self, ring: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> None:
        lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(ring, axis=0).T))])
        corners = [QPointF(x, y) for x, y in ring.tolist()]
        for first in range(0, len(corners) - 1, _PIECE):
            piece = QPolygonF(corners[first : first + _PIECE + 1])
            self._pieces.append((piece, piece.boundingRect(), float(lengths[first])))

    def draw(
        self,
        painter: QPainter,
        colour: QColor,
        width: float,
        style: Qt.PenStyle = Qt.PenStyle.SolidLine,
        *,
        scale: float,
        inside: QRectF | None = None,
    ) -> None:
        """Draw the line `width` screen pixels wide, however far the painter is zoomed.

        Parameters
        ----------
        painter
            In slide pixels.
        colour
            Opaque, because pieces overlap where they meet.
        width
            Screen pixels.
        style
            Solid, dashed or dotted.
        scale
            Screen pixels for a slide pixel.
        inside
            Only what reaches into this rectangle of slide pixels; all of it if None.
        """
        pen = QPen(colour, width)
        pen.setCosmetic(True)
        pen.setJoinStyle(Qt.PenJoinStyle.BevelJoin)
        pattern = _PATTERNS.get(style)
        # A dash must end where it ends; a line goes on in the next piece.
        pen.setCapStyle(Qt.PenCapStyle.RoundCap if pattern is None else Qt.PenCapStyle.FlatCap)
        if pattern is not None:
            pen.setDashPattern([length / width for length in pattern])
        painter.setPen(pen)
        around = width / scale
        near = None if inside is None else inside.adjusted(-around, -around, around, around)
        for piece, box, start in self._pieces:
            # Not `intersects`, which says no to a line without height or width.
            if near is not None and (
                box.right() < near.left()
                or box.left() > near.right()
                or box.bottom() < near.top()
                or box.top() > near.bottom()
            ):
                continue
            if pattern is not None:
                pen.setDashOffset(start * scale / width)
                painter.setPen(pen)
            painter.drawPolyline(piece)


class Outlines:
    """Outlines by chromosome id; a mask that is the same object is not traced again."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[BoolArray, Box, Outline]] = {}
        self._tolerance = 0.0

    def prepare(self, scale: float) -> None:
        """Be about to draw at `scale` screen pixels for a slide pixel: from afar, fewer corners do."""
        # A little less than half a screen pixel.
        tolerance = next((t for least, t in ((2.5, 0.0), (0.7, 0.5), (0.3, 1.0)) if scale > least), 2.0)
        if tolerance != self._tolerance:
            self._tolerance = tolerance
            self._known.clear()

    def clear(self) -> None:
        """Forget every outline."""
        self._known.clear()

    def keep(self, chromosomes: Mapping[int, Chromosome]) -> None:
        """Forget the outlines of chromosomes that are gone."""
        for id in self._known.keys() - chromosomes.keys():
            del self._known[id]

    def of(self, chromosome: Chromosome) -> Outline:
        """The outline of a chromosome."""
        known = self._known.get(chromosome.id)
        if known is not None and known[0] is chromosome.mask and known[1] == chromosome.box:
            return known[2]
        outline = Outline(chromosome.mask, chromosome.box.top, chromosome.box.left, self._tolerance)
        self._known[chromosome.id] = (chromosome.mask, chromosome.box, outline)
        return outline
