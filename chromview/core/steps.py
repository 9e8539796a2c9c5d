"""The steps of the segmentation of a slide, to be looked at: what the network sees, and the pieces it cuts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

UInt8 = npt.NDArray[np.uint8]

UNCUT = 1
"""Value in `Steps.pieces` of a region that nothing cuts; the pieces of one that is cut count from the next on."""
PIECE_COLOURS = 6
"""Pieces of one cluster are numbered by so many values, in turns."""


@dataclass(frozen=True, eq=False)
class Steps:
    """What the segmenter made of a slide before it joined pieces to chromosomes, in slide pixels.

    Attributes
    ----------
    foreground, overlap, contact
        ``(H, W)`` uint8, probability from 0 to 255 that a pixel is chromosome, shared by two, or on the line where
        two touch.
    pieces
        ``(H, W)`` uint8: 0 ground, `UNCUT` a region that nothing cuts, `UNCUT` + 1 to `UNCUT` + `PIECE_COLOURS` the
        pieces of a cluster; neighbours differ.
    levels
        Probabilities above which `foreground` is chromosome, and `overlap` and `contact` cut.
    scale
        Canonical pixels for one slide pixel at which the network saw the slide.
    cut
        Regions that are cut, and pieces they are cut into.
    """

    foreground: UInt8
    overlap: UInt8
    contact: UInt8
    pieces: UInt8
    levels: tuple[float, float, float]
    scale: float
    cut: tuple[int, int] = (0, 0)

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) of the slide."""
        return int(self.foreground.shape[0]), int(self.foreground.shape[1])

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        return self.foreground.nbytes + self.overlap.nbytes + self.contact.nbytes + self.pieces.nbytes
