"""The steps of the segmentation drawn over the slide, and what their colours mean.

Colours are those of Okabe and Ito, which every eye tells apart; overlaps and contact lines are also striped, in two
directions, and what cuts has an edge.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QWidget

from chromview.app.steps import AXES, MAPS, SlideSteps
from chromview.core._cv import cv2
from chromview.core.chromosome import Box, Chromosome
from chromview.core.steps import UNCUT, Steps
from chromview.texts import tr
from chromview.ui.axis_layer import CENTROMERE, LINE, AxisLayer

UInt8 = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]

COLOURS: dict[str, Colour] = {
    "foreground": (86, 180, 233),
    "overlap": (213, 94, 0),
    "contact": (240, 228, 66),
}
"""Of the maps of probability, in the order in which they lie upon each other."""
PIECES: tuple[Colour, ...] = (
    (0, 114, 178),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (213, 94, 0),
)
"""Of the pieces of a cluster, in turns."""
UNCUT_COLOUR: Colour = (150, 150, 150)
_STRIPE = 3
"""Width of a stripe."""


class StepsLayer:
    """Steps of one slide, and how they are drawn."""

    def __init__(self) -> None:
        self.steps: Steps | None = None
        self.shown: frozenset[str] = frozenset()
        self._smaller: dict[tuple[str, int], UInt8] = {}
        self._image: tuple[int, Box, QImage] | None = None

    def show(self, steps: Steps | None, shown: Collection[str]) -> bool:
        """Show other steps; whether anything looks different."""
        if steps is self.steps and frozenset(shown) == self.shown:
            return False
        if steps is not self.steps:
            self._smaller.clear()
        self.steps, self.shown, self._image = steps, frozenset(shown), None
        return True

    def image(self, scale: float, visible: Box) -> tuple[QImage, Box] | None:
        """What to draw at `scale` screen pixels for a slide pixel, and the slide pixels it covers; None for nothing.

        Only what is `visible`, and some more around it, is composed, from smaller maps where a slide is seen from afar.
        """
        if self.steps is None or not self.shown & set(MAPS):
            return None
        factor = 1
        while scale * factor <= 0.5 and factor < 16:
            factor *= 2
        if self._image is not None:
            known, covered, image = self._image
            if known == factor and covered.intersection(visible) == visible:
                return image, covered
        wide = visible.grown(max(64, (visible.height + visible.width) // 8), self.steps.shape)
        part = Box(wide.top // factor, wide.left // factor, -(-wide.bottom // factor), -(-wide.right // factor))
        pixels = self._composed(factor, part)
        height, width = pixels.shape[:2]
        kind = QImage.Format.Format_RGBA8888_Premultiplied
        image = QImage(pixels.data, width, height, 4 * width, kind).copy()
        image = image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
        top, left = part.top * factor, part.left * factor
        covered = Box(top, left, top + height * factor, left + width * factor)
        self._image = factor, covered, image
        return image, covered

    def _map(self, name: str, factor: int, part: Box) -> UInt8:
        steps = self.steps
        assert steps is not None
        whole: UInt8 = getattr(steps, name)
        if factor > 1:
            if (name, factor) not in self._smaller:
                size = -(-whole.shape[1] // factor), -(-whole.shape[0] // factor)
                how = cv2.INTER_NEAREST if name == "pieces" else cv2.INTER_AREA
                self._smaller[name, factor] = np.asarray(cv2.resize(whole, size, interpolation=how), np.uint8)
            whole = self._smaller[name, factor]
        return whole[part.slices]

    def _composed(self, factor: int, part: Box) -> UInt8:
        """Premultiplied RGBA ``(h, w, 4)`` of a part of the reduced maps."""
        assert self.steps is not None
        shape = self._map("foreground", factor, part).shape
        colour, alpha = np.zeros((*shape, 3), np.float32), np.zeros(shape, np.float32)

        def lay(of: npt.NDArray[np.float32] | Colour, upon: npt.NDArray[np.floating]) -> None:
            colour[:] = np.asarray(of, np.float32) * upon[..., None] + colour * (1 - upon)[..., None]
            alpha[:] = upon + alpha * (1 - upon)

        if "pieces" in self.shown:
            numbers = self._map("pieces", factor, part)
            table = np.array([(0, 0, 0), UNCUT_COLOUR, *PIECES], np.float32)
            lay(np.asarray(table[numbers], np.float32), 0.45 * (numbers > 0).astype(np.float32))
            edge = _edge(numbers)
            lay((255, 255, 255), 0.95 * (edge & (numbers > UNCUT)).astype(np.float32))
            lay(UNCUT_COLOUR, 0.9 * (edge & (numbers == UNCUT)).astype(np.float32))
        y, x = np.indices(shape, np.int32)
        stripes = {"overlap": (x + y) // _STRIPE % 2 == 0, "contact": (x - y) // _STRIPE % 2 == 0}
        for (name, of), level in zip(COLOURS.items(), self.steps.levels, strict=True):
            if name not in self.shown:
                continue
            values = self._map(name, factor, part)
            strength = np.asarray(values * np.float32((0.5 if name == "foreground" else 0.95) / 255), np.float32)
            if name in stripes:
                strength[~stripes[name]] *= 0.45
            lay(of, strength)
            over = values > 255 * level
            lay(of, 0.95 * _edge(over.view(np.uint8)).astype(np.float32))
        return np.dstack([colour, 255 * alpha]).clip(0, 255).astype(np.uint8)

    def draw_axes(
        self,
        painter: QPainter,
        dirty: QRect,
        chromosomes: Mapping[int, Chromosome],
        to_screen: Callable[[float, float], QPointF],
        font: QFont,
    ) -> None:
        """Draw the axes and centromeres of all chromosomes; the painter stands in widget coordinates."""
        if AXES not in self.shown:
            return
        one = AxisLayer(lambda box, margin: None, to_screen)
        for chromosome in chromosomes.values():
            box = chromosome.box
            place = QRectF(to_screen(box.top, box.left), to_screen(box.bottom, box.right)).adjusted(-30, -30, 30, 30)
            if chromosome.in_karyogram and place.toAlignedRect().intersects(dirty):
                one.chromosome = chromosome
                one.draw(painter, dirty, font)


def _edge(values: UInt8) -> npt.NDArray[np.bool_]:
    """Where a number ends: pixels with another number above, below, left or right of them."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    edge: npt.NDArray[np.bool_] = (cv2.erode(values, cross) != values) & (values > 0)
    return edge


class _Swatch(QWidget):
    """A small piece of the colour and the pattern."""

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._name = name
        self.setFixedSize(22, 12)

    def sizeHint(self) -> QSize:
        return QSize(22, 12)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        area = self.rect()
        if self._name == AXES:
            painter.fillRect(area, QColor(60, 60, 60))
            painter.setPen(LINE)
            painter.drawLine(0, 6, 22, 6)
            painter.fillRect(QRect(10, 1, 2, 10), CENTROMERE)
            return
        if self._name == "pieces":
            for index, of in enumerate((*PIECES[:3], UNCUT_COLOUR)):
                painter.fillRect(QRect(index * 6, 0, 5, 12), QColor(*of))
            return
        colour = QColor(*COLOURS[self._name])
        painter.fillRect(area, colour)
        if self._name != "foreground":
            painter.setPen(QColor(40, 40, 40))
            lean = 6 if self._name == "overlap" else -6
            for x in range(-12, 36, 6):
                painter.drawLine(x + lean, 0, x - lean, 12)
        painter.setPen(colour)
        painter.drawRect(area.adjusted(0, 0, -1, -1))


class StepsLegend(QFrame):
    """In a corner of the slide: what the colours mean, and how far the answer is."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("steps.legend")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAutoFillBackground(True)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(8, 6, 8, 6)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(3)
        self._rows: dict[str, tuple[QWidget, QLabel]] = {}
        for row, name in enumerate((*MAPS, AXES)):
            label = QLabel(self)
            label.setObjectName(f"steps.legend.{name}")
            label.setTextFormat(Qt.TextFormat.PlainText)
            self._rows[name] = _Swatch(name, self), label
            self._grid.addWidget(self._rows[name][0], row, 0)
            self._grid.addWidget(label, row, 1)
        self.busy = QLabel(self)
        self.busy.setObjectName("steps.legend.busy")
        self._grid.addWidget(self.busy, len(self._rows), 0, 1, 2)
        self.move(10, 10)
        self.hide()

    def show_steps(self, shown: Collection[str], steps: Steps | None, share: float | None) -> None:
        """Say what is shown."""
        for name, (swatch, label) in self._rows.items():
            on = name in shown and (name == AXES or steps is not None)
            swatch.setVisible(on)
            label.setVisible(on)
            if on:
                label.setText(legend_text(name, steps))
        self.busy.setVisible(share is not None)
        if share is not None:
            self.busy.setText(tr("The segmenter looks … {share} (Ctrl+. cancels)", share=f"{share:.0%}"))
        self.setVisible(bool(shown))
        texts = [label.text() for _, label in self._rows.values() if not label.isHidden()]
        self.setAccessibleName(tr("Legend"))
        self.setAccessibleDescription("; ".join(texts))
        self.adjustSize()


def legend_text(name: str, steps: Steps | None) -> str:
    """What one of the steps is, in words."""
    if name == AXES or steps is None:
        return tr("Axes of all chromosomes; the bar across is the centromere")
    foreground, overlap, contact = (f"{level:g}" for level in steps.levels)
    if name == "foreground":
        return tr("Foreground: probability of chromosome; the line is at {level}", level=foreground)
    if name == "overlap":
        return tr("Overlap: probability of two; within the line, above {level}, it cuts", level=overlap)
    if name == "contact":
        return tr("Contact line: probability; within the line, above {level}, it cuts", level=contact)
    regions, pieces = steps.cut
    return tr("Pieces: {regions} clusters cut into {pieces}; grey is not cut", regions=regions, pieces=pieces)


class StepsShown(QObject):
    """The wires between the steps, their legend and the viewer.

    Parameters
    ----------
    steps
        What is shown.
    layer, legend
        Where.
    repaint
        Repaints the viewer.
    check
        Shows the action of a step as on or off.
    """

    def __init__(
        self,
        steps: SlideSteps,
        layer: StepsLayer,
        legend: StepsLegend,
        repaint: Callable[[], None],
        check: Callable[[str, bool], None],
    ) -> None:
        super().__init__(legend)
        self._steps, self._layer, self._legend = steps, layer, legend
        self._repaint, self._check = repaint, check
        steps.changed.connect(self._changed)

    def _changed(self) -> None:
        steps = self._steps
        if self._layer.show(steps.steps, steps.shown):
            self._repaint()
        self._legend.show_steps(steps.shown, steps.steps, steps.share)
        for name in (*MAPS, AXES):
            self._check(f"view.steps_{name}", name in steps.shown)
