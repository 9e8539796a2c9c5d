"""Outlines of masks as lines, kept until a mask changes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainterPath, QPolygonF

from chromview.core._cv import cv2
from chromview.core.chromosome import BoolArray, Box, Chromosome


def trace(mask: BoolArray, top: int, left: int, tolerance: float = 0.0) -> QPainterPath:
    """The outline of a mask ``(h, w)`` whose first pixel is slide pixel (`top`, `left`).

    Corners are left out as long as the line moves by no more than `tolerance` pixels.

    The line runs through the centres of the mask's border pixels, holes included.
    """
    path = QPainterPath()
    if not mask.size:
        return path
    contours, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    for contour in contours:
        if tolerance:
            contour = cv2.approxPolyDP(contour, tolerance, True)
        points = contour.reshape(-1, 2)
        corners = [QPointF(float(x) + left + 0.5, float(y) + top + 0.5) for x, y in points]
        polygon = QPolygonF(corners)
        if len(corners) == 1:  # a single pixel has no length; give it some, so that it is seen
            polygon = QPolygonF(QRectF(corners[0].x() - 0.3, corners[0].y() - 0.3, 0.6, 0.6))
        path.addPolygon(polygon)
        path.closeSubpath()
    return path


class Outlines:
    """Outlines by chromosome id; a mask that is the same object is not traced again."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[BoolArray, Box, QPainterPath]] = {}
        self._tolerance = 0.0

    def prepare(self, scale: float) -> None:
        """Be about to draw at `scale` screen pixels for a slide pixel: from afar, fewer corners do."""
        tolerance = 0.0 if scale > 2.5 else 0.5 if scale > 0.7 else 1.0
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

    def of(self, chromosome: Chromosome) -> QPainterPath:
        """The outline of a chromosome."""
        known = self._known.get(chromosome.id)
        if known is not None and known[0] is chromosome.mask and known[1] == chromosome.box:
            return known[2]
        path = trace(chromosome.mask, chromosome.box.top, chromosome.box.left, self._tolerance)
        self._known[chromosome.id] = (chromosome.mask, chromosome.box, path)
        return path
