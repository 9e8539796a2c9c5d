"""Two chromosomes that lie across each other: what each of them has of the stain that both show."""

from dataclasses import replace

import numpy as np
import pytest

from chromview.core.chromosome import Chromosome, SlideImage, Stain
from chromview.core.straighten import straighten_all
from chromview.core.undarken import own_shares

from .shapes import line, tube, turned_by


def banded(bend: float, turn: float) -> tuple[np.ndarray, np.ndarray]:
    """Mask and absorbed share of the light ``(160, 160)`` of a chromosome with bands, in the middle."""
    mask, true = tube(turned_by(line(96, bend), turn), 14)
    points = np.argwhere(mask)
    along = ((points[:, None] - true[None]) ** 2).sum(-1).argmin(axis=1) / len(true) * 96
    absorbed = np.zeros(mask.shape)
    absorbed[mask] = 0.4 + 0.25 * np.sin(2 * np.pi * along / 12)
    top, left = (160 - mask.shape[0]) // 2, (160 - mask.shape[1]) // 2
    around = ((top, 160 - mask.shape[0] - top), (left, 160 - mask.shape[1] - left))
    return np.pad(mask, around), np.pad(absorbed, around)


def with_axes(image: SlideImage, *masks: np.ndarray) -> list[Chromosome]:
    chromosomes = [Chromosome.from_slide_mask(n, mask) for n, mask in enumerate(masks, start=1)]
    straight = straighten_all(image, chromosomes, Stain.G_BAND)
    return [replace(c, axis=straight[c.id].axis) for c in chromosomes]


def slide(first: np.ndarray, second: np.ndarray, stain: Stain, opaque: bool = False) -> SlideImage:
    """Light that goes through both (or comes from both); `opaque`: the second hides the first."""
    if opaque:
        both = np.where(second > 0, second, first)
    elif stain.bright_on_dark:
        both = (first + second) / 1.5
    else:
        both = 1 - (1 - first) * (1 - second)
    light = 20 + 200 * both if stain.bright_on_dark else 230 * (1 - both)
    return SlideImage(np.rint(light).astype(np.uint8))


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.mean(axis=1), b.mean(axis=1))[0, 1])


@pytest.mark.parametrize("stain", [Stain.G_BAND, Stain.DAPI])
@pytest.mark.parametrize("angle", [40, 90])
def test_a_straightened_chromosome_shows_its_own_bands(angle: float, stain: Stain) -> None:
    (one, dark), (two, across) = banded(0, 0), banded(0, angle)
    together = slide(dark, across, stain)
    pair = with_axes(together, one, two)
    alone = straighten_all(slide(dark, np.zeros_like(dark), stain), pair[:1], stain)[1].image.astype(float)
    as_seen = straighten_all(together, pair[:1], stain)[1].image.astype(float)
    own = straighten_all(together, pair, stain)[1].image.astype(float)
    assert correlation(own, alone) > 0.95 > correlation(as_seen, alone)


def test_what_one_chromosome_hides_is_left_as_it_is() -> None:
    (one, dark), (two, across) = banded(0, 0), banded(0, 90)
    image = slide(dark, across, Stain.G_BAND, opaque=True)
    pair = with_axes(image, one, two)
    shares = own_shares(image, pair, Stain.G_BAND, ground=230.0)
    assert all(np.allclose(share, 1) for share in shares.values())


def test_a_negative_gives_the_same_shares() -> None:
    (one, dark), (two, across) = banded(60, 10), banded(0, 90)
    image = slide(dark, across, Stain.G_BAND)
    pair = with_axes(image, one, two)
    usual = own_shares(image, pair, Stain.G_BAND, ground=230.0)
    negative = own_shares(SlideImage(255 - image.pixels), pair, Stain.G_BAND, ground=25.0, inverted=True)
    assert usual.keys() == negative.keys() == {1, 2}
    for id, share in usual.items():
        assert share.shape == pair[id - 1].mask.shape
        assert ((share >= 0) & (share <= 1)).all() and share.min() < 0.8
        np.testing.assert_allclose(share, negative[id], atol=1e-4)


def test_chromosomes_that_only_touch_have_all_of_their_stain() -> None:
    mask, dark = banded(0, 0)
    beside = np.roll(mask, 14, axis=1)
    image = slide(dark, np.roll(dark, 14, axis=1) * (beside & ~mask), Stain.G_BAND)
    pair = with_axes(image, mask, beside & ~mask)
    assert own_shares(image, pair, Stain.G_BAND, ground=230.0) == {}
