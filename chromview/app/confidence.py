"""What the confidence of a mask means, in words, for the weights that a slide was analysed with."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from chromview.app.slides import SlideInfo
from chromview.core.calibration import Calibration, from_json
from chromview.core.chromosome import Chromosome, Kind, State
from chromview.places import models_dir
from chromview.texts import tr

FILE = "calibration.json"
"""Beside the weights; written by ``chromview evaluate segmenter --calibration``."""
BRIGHT, FLUORESCENT = "cells", "metaphases"
"""Parts of that file: composed G-banded cells, and DAPI metaphases."""


@lru_cache(maxsize=4)
def _read(path: Path) -> dict[str, Calibration]:
    try:
        return from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # nobody measured: it is said to be unknown


def calibration_of(info: SlideInfo | None) -> Calibration | None:
    """The calibration that holds for a slide; None if none was measured for its stain and its weights."""
    if info is None or info.stain is None:
        return None
    part = FLUORESCENT if info.stain.bright_on_dark else BRIGHT
    found = _read(models_dir() / FILE).get(part)
    return found if found is not None and found.fits(dict(info.models)) else None


def confidence_text(chromosome: Chromosome, calibration: Calibration | None) -> str:
    """How far the mask of a chromosome can be relied on, in a sentence; "" where there is nothing to say."""
    if chromosome.kind not in (Kind.CHROMOSOME, Kind.CUT):
        return ""
    if chromosome.state in (State.EDITED, State.ACCEPTED):
        return tr("Mask: a person stands behind it")
    given = f"{chromosome.confidence:.0%}"
    share = None if calibration is None else calibration.share_right(chromosome.confidence)
    if share is None:
        return tr("Mask: {given} sure; how often that is right was not measured", given=given)
    return tr(
        "Mask: {words} ({given} sure; of 100 such, {right} are right)",
        words=_words(share),
        given=given,
        right=round(100 * share),
    )


def _words(share: float) -> str:
    if share >= 0.97:
        return tr("very likely right")
    if share >= 0.88:
        return tr("likely right")
    if share >= 0.65:
        return tr("uncertain")
    return tr("doubtful")


def calibration_text(calibration: Calibration | None) -> str:
    """What the confidences of a slide mean as a whole, for a report and for help."""
    if calibration is None:
        return tr("how often a confidence is right was not measured for these weights and this stain")
    share, count = calibration.from_on(0.9)
    if not count:
        return tr("no chromosome was given .9 when it was measured")
    return tr(
        "of {count} chromosomes given 90 % and more, {share} were right (IoU .75; {data})",
        count=count,
        share=f"{share:.1%}",
        data=calibration.data,
    )
