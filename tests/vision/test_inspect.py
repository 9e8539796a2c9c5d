"""The steps of a segmentation, and a scale that a person set."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from chromview.core._cv import cv2
from chromview.core.chromosome import SlideImage
from chromview.core.scale import factor_of, typical_width
from chromview.core.steps import PIECE_COLOURS, UNCUT
from chromview.errors import Cancelled, UserError
from chromview.progress import CancelToken
from chromview.simulate.samples import SAMPLES
from chromview.vision.inspect import inspect_slide
from chromview.vision.models import Models
from chromview.vision.pipeline import analyse


def test_the_steps_lie_where_the_chromosomes_do(models: Models, answered: Callable) -> None:
    truth, found = answered("metaphase_normal_female")
    told: list[tuple[str, float]] = []
    steps = inspect_slide(truth.slide, models, progress=lambda stage, share: told.append((stage, share)))
    assert steps.shape == truth.image.shape
    assert steps.scale == found.scale
    assert steps.nbytes == 4 * truth.image.size
    inside = np.zeros(truth.image.shape, bool)
    for c in truth.countable:
        inside[c.box.slices] |= c.mask
    foreground = steps.foreground > 127
    assert (foreground & inside).sum() > 0.8 * (foreground | inside).sum()
    # Pieces are foreground without what cuts, and every cluster that is cut has two and more.
    assert not (steps.pieces[~foreground] > 0).any()
    assert steps.pieces.max() <= UNCUT + PIECE_COLOURS
    regions, pieces = steps.cut
    assert 0 < 2 * regions <= pieces
    apart = sum(cv2.connectedComponents((steps.pieces == n).astype(np.uint8))[0] - 1 for n in range(2, 8))
    assert apart >= pieces * 0.8
    shares = [share for _, share in told]
    assert shares == sorted(shares) and 0 < shares[-1] <= 1


def test_the_maps_of_a_resampled_slide_come_back_in_slide_pixels(models: Models) -> None:
    small = SAMPLES["cluster_crossing"]().image
    large = cv2.resize(small, None, fx=2.5, fy=2.5, interpolation=cv2.INTER_CUBIC)
    here = inspect_slide(SlideImage(small), models, scale=1.0)
    there = inspect_slide(SlideImage(large), models, scale=0.4)
    assert there.shape == large.shape
    back = cv2.resize(there.foreground, (small.shape[1], small.shape[0]), interpolation=cv2.INTER_AREA)
    both, either = ((back > 127) & (here.foreground > 127)).sum(), ((back > 127) | (here.foreground > 127)).sum()
    assert both > 0.95 * either


def test_a_scale_that_a_person_set_is_used(models: Models) -> None:
    small = SAMPLES["cluster_crossing"]().image
    large = SlideImage(cv2.resize(small, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC))
    given = analyse(large, models, scale=1 / 3)
    assert given.scale == pytest.approx(1 / 3)
    assert given.quality.count == 2
    width = typical_width(given.chromosomes)
    assert width is not None and factor_of(width) == pytest.approx(1 / 3, rel=0.25)
    with pytest.raises(UserError, match="cannot be 1250 pixels wide"):
        analyse(large, models, scale=0.01)


def test_it_can_be_cancelled(models: Models) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        inspect_slide(SAMPLES["cluster_crossing"]().slide, models, cancel=token)


def test_what_is_measured_of_a_metaphase(answered: Callable) -> None:
    quality = answered("metaphase_normal_female").found.quality
    assert quality.count and quality.clusters is not None and quality.overlaps is not None
    assert quality.spread is not None and 1 < quality.spread < 10
    assert quality.overall is not None and 0 < quality.overall <= 1
    assert quality.band_clarity is not None and 0.02 < quality.band_clarity < 0.6
    alone = answered("cluster_crossing").found.quality
    assert alone.count == 2 and alone.spread is None and alone.overall is None and alone.band_clarity is None
