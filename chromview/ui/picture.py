"""From a slide's grey values to what is drawn: contrast, inversion and smaller copies."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QImage

from chromview.core._cv import cv2
from chromview.core.chromosome import Box
from chromview.core.enhance import Enhancement, enhance

GreyArray = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]


def qimage_grey(pixels: npt.NDArray[np.uint8]) -> QImage:
    """A ``QImage`` of its own from ``(H, W)`` uint8 grey values."""
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape
    return QImage(pixels.data, width, height, width, QImage.Format.Format_Grayscale8).copy()


def _looked_up(table: npt.NDArray[np.uint8], grey: GreyArray) -> npt.NDArray[np.uint8]:
    """Grey values through a table of 256 or 65536 entries."""
    if grey.dtype == np.uint8:
        return np.asarray(cv2.LUT(np.ascontiguousarray(grey), table), np.uint8)
    return table[grey]


class Picture:
    """One slide as it is shown.

    Parameters
    ----------
    pixels
        ``(H, W)`` uint8 or uint16 grey values.

    Attributes
    ----------
    top
        The largest grey value that can be: 255 or 65535 (or the largest there is, for 12 bit cameras).
    levels
        Grey values shown as black and as white.
    inverted
        Whether black and white are exchanged.
    histogram
        ``(128,)`` float 0..1, counts over 0..top, the square root of each.
    enhancement
        What is done to the pixels before they are shown; `pixels` stay as they are.
    """

    def __init__(self, pixels: GreyArray) -> None:
        self.pixels = pixels
        self.top = 255
        if pixels.dtype == np.uint16:
            # 12 and 14 bit cameras use the lower part of 16 bits only.
            self.top = max(255, (1 << int(pixels.max(initial=0)).bit_length()) - 1)
        self.enhancement = Enhancement()
        self._drawn: GreyArray = pixels
        self._count()
        self.levels = (0, self.top)
        self.inverted = False
        self._smaller: dict[int, GreyArray] = {1: pixels}
        # The image lies over the memory of the array.
        self._shown: dict[int, tuple[Box, QImage, npt.NDArray[np.uint8]]] = {}

    def _count(self) -> None:
        counts = np.bincount(self._drawn[::4, ::4].ravel() >> 0, minlength=self.top + 1).astype(np.float64)
        self._counts = counts[: self.top + 1]
        bins = np.add.reduceat(self._counts, np.linspace(0, self.top + 1, 129).astype(int)[:-1])
        bins = np.sqrt(bins)
        self.histogram = bins / max(1.0, float(bins.max()))

    def enhanced(self, how: Enhancement) -> GreyArray:
        """The pixels enhanced, for `show_enhanced`; on any thread, since nothing is changed."""
        return np.minimum(enhance(self.pixels, how), self.top) if how else self.pixels

    def show_enhanced(self, how: Enhancement, drawn: GreyArray) -> None:
        """Show what `enhanced` made, at levels that suit it."""
        self.enhancement = how
        self._drawn = drawn
        self._smaller = {1: self._drawn}
        self._shown.clear()
        self._count()
        self.levels = self.auto_levels()

    def auto_levels(self) -> tuple[int, int]:
        """Grey values that leave half a percent of the pixels darker and brighter."""
        share = np.cumsum(self._counts) / max(1.0, float(self._counts.sum()))
        low, high = int(np.searchsorted(share, 0.005)), int(np.searchsorted(share, 0.995))
        return (low, high) if high - low > 2 else (0, self.top)

    def set_levels(self, levels: tuple[int, int], inverted: bool) -> bool:
        """Show other grey values; whether that changes anything."""
        low = max(0, min(levels[0], self.top - 1))
        wanted = (low, max(low + 1, min(levels[1], self.top)))
        if (wanted, inverted) == (self.levels, self.inverted):
            return False
        self.levels, self.inverted = wanted, inverted
        self._shown.clear()
        return True

    def _table(self) -> npt.NDArray[np.uint8]:
        low, high = self.levels
        size = 256 if self.pixels.dtype == np.uint8 else 65536
        ramp = (np.arange(size, dtype=np.float32) - low) / (high - low)
        table = (np.clip(ramp, 0, 1) * 255 + 0.5).astype(np.uint8)
        return 255 - table if self.inverted else table

    def image(self, scale: float, visible: Box) -> tuple[QImage, Box]:
        """The image to draw at `scale` screen pixels for a slide pixel.

        Parameters
        ----------
        scale
            Of the screen; a slide seen from afar is drawn from a smaller copy, which keeps it from glittering.
        visible
            The slide pixels that are in sight, inside the slide.

        Returns
        -------
        tuple of QImage and Box
            An image, and the rectangle of slide pixels that it covers: what is in sight and, so that a little
            movement asks for nothing new, more.
        """
        factor = 1
        while scale * factor <= 0.5 and factor < 16 and min(self.pixels.shape) // (factor * 2) > 0:
            factor *= 2
        known = self._shown.get(factor)
        if known is not None and known[0].intersection(visible) == visible:
            return known[1], known[0]
        grey = self._reduced(factor)
        margin = max(256, (visible.height + visible.width) // 4)
        wide = visible.grown(margin, self.pixels.shape)
        height, width = grey.shape
        part = Box(
            wide.top // factor, wide.left // factor,
            min(height, -(-wide.bottom // factor)), min(width, -(-wide.right // factor)),
        )  # fmt: skip
        levels = _looked_up(self._table(), grey[part.slices])
        # The raster painter draws RGB32 several times faster than grey.
        colours = cv2.cvtColor(levels, cv2.COLOR_GRAY2BGRA)
        image = QImage(colours.data, part.width, part.height, 4 * part.width, QImage.Format.Format_RGB32)
        covered = Box(part.top * factor, part.left * factor, part.bottom * factor, part.right * factor)
        self._shown[factor] = covered, image, colours
        return image, covered

    def _reduced(self, factor: int) -> GreyArray:
        """The slide made smaller by a whole factor; the last row and column may stand for fewer pixels."""
        if factor not in self._smaller:
            height, width = self.pixels.shape
            size = (max(1, -(-width // factor)), max(1, -(-height // factor)))
            self._smaller[factor] = cv2.resize(self._drawn, size, interpolation=cv2.INTER_AREA)
        return self._smaller[factor]
