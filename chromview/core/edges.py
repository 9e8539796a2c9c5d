"""Edges of masks drawn anew, since people draw them at different brightness."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chromview.core._cv import cv2
from chromview.core.chromosome import BoolArray

REACH = 3
"""Pixels by which a mask may grow."""
LEAST = 0.4
"""Share of a mask that must be left; a chromosome so faint that less would be keeps the mask it has."""


def edged(darkness: npt.NDArray[np.floating], mask: BoolArray, others: BoolArray, level: float) -> BoolArray:
    """The mask of a chromosome, ending where its stain falls below a share of its own.

    Parameters
    ----------
    darkness
        ``(h, w)``, above ground.
    mask, others
        ``(h, w)`` bool; where it is, and where other chromosomes alone are.
    level
        Share of its 80th percentile, 0 to 1.

    Returns
    -------
    ``(h, w)`` bool, connected.
    """
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * REACH + 1, 2 * REACH + 1))
    bright = darkness > level * float(np.percentile(darkness[mask], 80))
    new = (cv2.dilate(mask.astype(np.uint8), around) > 0) & bright & ~others
    _, labels = cv2.connectedComponents(new.astype(np.uint8), connectivity=8)
    sizes = np.bincount(labels[new & mask], minlength=2)
    new = labels == 1 + int(np.argmax(sizes[1:]))
    return np.asarray(new if new.sum() >= LEAST * mask.sum() else mask, np.bool_)
