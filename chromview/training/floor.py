"""The floor that every segmenter must stand above: one threshold, and every connected region is a chromosome."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.filters import threshold_otsu

from chromview.core.chromosome import Box, Stain
from chromview.training.datasets import SMALLEST_PART


def otsu_components(image: npt.NDArray[np.uint8], stain: Stain) -> list[tuple[Box, npt.NDArray[np.bool_]]]:
    """8-connected regions on the stained side of Otsu's threshold, those of at least `SMALLEST_PART` pixels.

    Parameters
    ----------
    image
        ``(H, W)`` uint8.
    stain
        Tells which side is stained.

    Returns
    -------
    Box and mask of each.

    Notes
    -----
    Otsu, A threshold selection method from gray-level histograms, IEEE Trans. SMC 9 (1979).
    """
    if image.min() == image.max():
        return []
    threshold = threshold_otsu(image)
    stained = image > threshold if stain.bright_on_dark else image <= threshold
    regions, _ = ndimage.label(stained, structure=np.ones((3, 3)))
    found = []
    for number, window in enumerate(ndimage.find_objects(regions), start=1):
        mask = regions[window] == number
        if mask.sum() >= SMALLEST_PART:
            rows, columns = window
            found.append((Box(rows.start, columns.start, rows.stop, columns.stop), mask))
    return found
