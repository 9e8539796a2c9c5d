"""What the segmenter sees on a slide, step by step, in slide pixels: for a person who wants to know why."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chromview.core._cv import cv2
from chromview.core.chromosome import SlideImage, Stain
from chromview.core.steps import PIECE_COLOURS, UNCUT, Steps
from chromview.progress import CancelToken, Progress, silent
from chromview.vision.instances import Seen, see
from chromview.vision.models import Models
from chromview.vision.pieces import cut_regions
from chromview.vision.prepare import tell_stain, to_darkness
from chromview.vision.segmenter import Cuts

FOREGROUND_LEVEL = 0.5
"""Probability above which a pixel is chromosome."""


def inspect_slide(
    image: SlideImage,
    models: Models,
    *,
    stain: Stain | None = None,
    scale: float | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> Steps:
    """The steps by which a slide is segmented, before its pieces are joined to chromosomes.

    Parameters
    ----------
    image, models, stain, scale
        As for `chromview.vision.pipeline.analyse`, which takes the same steps.
    progress, cancel
        Told of each part of the slide; looked at between them.

    Raises
    ------
    UserError
        If the slide cannot be resampled by such a scale.
    Cancelled
        If the token was set.
    """
    cancel = cancel or CancelToken()
    progress("prepare", 0.0)
    stain, inverted = tell_stain(image, stain)
    darkness = to_darkness(image.pixels, stain, inverted)
    cancel.check()
    segmenter = models.segmenter_of(stain)
    seen = see(
        darkness,
        segmenter,
        cancel,
        fluorescent=stain.bright_on_dark,
        scale=scale,
        progress=lambda stage, share: progress(stage, 0.05 + 0.8 * share),
    )
    progress("pieces", 0.85)
    pieces, cut = _pieces(seen, segmenter.cuts)
    cancel.check()
    progress("pieces", 0.95)
    foreground, overlap, contact = (_on_slide(_as_bytes(part), image.shape) for part in seen.maps)
    return Steps(
        foreground,
        overlap,
        contact,
        _on_slide(pieces, image.shape, exact=True),
        levels=(FOREGROUND_LEVEL, *segmenter.cuts),
        scale=seen.factor,
        cut=cut,
    )


def _pieces(seen: Seen, cuts: Cuts) -> tuple[npt.NDArray[np.uint8], tuple[int, int]]:
    """Numbers of pieces ``(h, w)`` as `Steps.pieces` has them, and how many regions are cut into how many."""
    numbers = np.zeros(seen.darkness.shape, np.uint8)
    regions = pieces = 0
    for frame, masks in cut_regions(seen.darkness.shape, seen.maps, cuts):
        part = numbers[frame.slices]
        if len(masks) == 1:
            part[masks[0]] = UNCUT
            continue
        regions, pieces = regions + 1, pieces + len(masks)
        for index, mask in enumerate(masks):
            part[mask] = UNCUT + 1 + index % PIECE_COLOURS
    return numbers, (regions, pieces)


def _as_bytes(probability: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    return (probability * 255 + 0.5).astype(np.uint8)


def _on_slide(values: npt.NDArray[np.uint8], shape: tuple[int, int], *, exact: bool = False) -> npt.NDArray[np.uint8]:
    """Values at the canonical scale in slide pixels ``(H, W)``; `exact` ones are not mixed."""
    if values.shape == shape:
        return values
    how = cv2.INTER_NEAREST if exact else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(values, (shape[1], shape[0]), interpolation=how), np.uint8)
