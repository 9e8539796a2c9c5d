import numpy as np
import pytest

from chromview.core.axis import arc_length, find_axis
from chromview.core.chromosome import Chromosome, SlideImage, Stain
from chromview.core.straighten import find_levels, straighten, straighten_all, straighten_pixels
from chromview.simulate.chromosome import simulate_bent_chromosome

from .shapes import line, tube, turned_by


def banded(mask: np.ndarray, true: np.ndarray, period: float = 12.0) -> np.ndarray:
    """Grey values 60 and 160 in bands across the tube, 240 outside."""
    pixels = np.stack(np.mgrid[: mask.shape[0], : mask.shape[1]], axis=-1).reshape(-1, 1, 2)
    nearest = np.concatenate(
        [np.argmin(((part - true[None]) ** 2).sum(-1), axis=1) for part in np.array_split(pixels, 40)]
    )
    along = arc_length(true)[nearest].reshape(mask.shape)
    return np.where(mask, np.where((along // (period / 2)) % 2 > 0, 60, 160), 240).astype(np.uint8)


@pytest.mark.parametrize("turn", [0, 40, 90])
@pytest.mark.parametrize("bend", [0, 90, 180])
def test_bands_of_a_bent_chromosome_become_level(bend: float, turn: float) -> None:
    mask, true = tube(turned_by(line(96, bend), turn), 14)
    image, inside = straighten_pixels(banded(mask, true), mask, find_axis(mask), background=240)
    assert abs(len(image) - 96) <= 3
    core = image[8:-8, image.shape[1] // 2 - 3 : image.shape[1] // 2 + 4]
    # The values change along the chromosome, hardly across it.
    assert core.std(axis=1).mean() < 12
    assert core.mean(axis=1).std() > 35
    assert inside[len(inside) // 2].sum() == pytest.approx(14, abs=2)
    assert abs(int(inside.sum()) - int(mask.sum())) < 0.08 * mask.sum()


def test_left_stays_left() -> None:
    pixels = np.full((60, 40), 200, np.uint8)
    mask = np.zeros((60, 40), bool)
    mask[10:50, 12:27] = True
    pixels[10:50, 12:19] = 50
    straight, _ = straighten_pixels(pixels, mask, find_axis(mask), background=200)
    half = straight.shape[1] // 2
    assert straight[20, 2:half].mean() < straight[20, half + 1 : -2].mean() - 80
    # Turned by a quarter it is the same picture, not its mirror image.
    turned, _ = straighten_pixels(
        np.rot90(pixels).copy(), np.rot90(mask).copy(), find_axis(np.rot90(mask).copy()), background=200
    )
    halves = turned[20, 2:half].mean(), turned[20, half + 1 : -2].mean()
    axis = find_axis(np.rot90(mask).copy())
    down_is_right = axis[-1, 1] > axis[0, 1]
    assert (halves[0] < halves[1]) == down_is_right


def test_a_straight_upright_chromosome_stays_as_it_is() -> None:
    rng = np.random.default_rng(0)
    mask = np.zeros((50, 31), bool)
    mask[5:45, 8:23] = True
    pixels = rng.integers(20, 200, mask.shape).astype(np.uint8)
    axis = np.stack([np.linspace(4.5, 44.5, 41), np.full(41, 15.0)], axis=1)
    image, inside = straighten_pixels(pixels, mask, axis, background=255)
    assert image.shape[0] == 40
    left = image.shape[1] // 2 - 6
    np.testing.assert_allclose(image[2:-2, left : left + 13], pixels[7:43, 9:22], atol=1)
    assert inside.sum() == mask.sum()


@pytest.mark.parametrize(("stain", "background"), [(Stain.G_BAND, 255), (Stain.DAPI, 0)])
def test_neighbours_do_not_show(stain: Stain, background: int) -> None:
    mask, true = tube(line(60), 12)
    pixels = banded(mask, true)
    pixels[:, :5] = 30
    pixels = pixels if stain is Stain.G_BAND else 255 - pixels
    straight = straighten(SlideImage(pixels), Chromosome.from_slide_mask(1, mask), stain)
    assert straight.image.dtype == np.uint8
    assert (straight.image[:, 0] == background).all()
    assert (straight.image[:, -1] == background).all()
    assert straight.length == straight.image.shape[0] == len(straight.axis)


def test_polarity_turns_it_over_and_the_centromere_with_it() -> None:
    drawn = simulate_bent_chromosome(4, 60, seed=2)
    up = straighten(drawn.slide, drawn.chromosome, drawn.stain)
    assert drawn.chromosome.centromere is not None
    assert drawn.chromosome.axis is not None
    assert up.centromere_row == pytest.approx(drawn.chromosome.centromere * up.length)
    from dataclasses import replace

    down = straighten(drawn.slide, replace(drawn.chromosome, p_up=False), drawn.stain)
    assert down.centromere_row is not None
    assert up.centromere_row is not None
    assert down.centromere_row == pytest.approx(down.length - up.centromere_row)
    np.testing.assert_allclose(down.image.astype(int), up.image[::-1, ::-1], atol=12)
    np.testing.assert_allclose(down.axis[::-1], up.axis, atol=1e-3)


def test_straightened_length_is_the_length_of_the_axis() -> None:
    for bend in (0, 70, 140):
        drawn = simulate_bent_chromosome(2, bend, seed=5, turn_degrees=30)
        assert drawn.chromosome.axis is not None
        straight = straighten(drawn.slide, drawn.chromosome, drawn.stain)
        assert abs(straight.length - arc_length(drawn.chromosome.axis)[-1]) <= 1


def test_sixteen_bits_and_inverted_slides_look_the_same() -> None:
    drawn = simulate_bent_chromosome(7, 20, seed=1)
    usual = straighten(drawn.slide, drawn.chromosome, drawn.stain).image.astype(int)
    deep = SlideImage(drawn.image.astype(np.uint16) * 200 + 1000)
    np.testing.assert_allclose(straighten(deep, drawn.chromosome, drawn.stain).image, usual, atol=3)
    negative = SlideImage(255 - drawn.image)
    np.testing.assert_allclose(straighten(negative, drawn.chromosome, drawn.stain, inverted=True).image, usual, atol=16)


def test_one_pair_of_levels_for_the_slide() -> None:
    mask = np.zeros((60, 60), bool)
    mask[5:30, 5:15] = True
    other = np.roll(mask, 30, axis=1)
    pixels = np.full((60, 60), 220, np.uint8)
    pixels[mask], pixels[other] = 60, 140
    chromosomes = [Chromosome.from_slide_mask(1, mask), Chromosome.from_slide_mask(2, other)]
    both = straighten_all(SlideImage(pixels), chromosomes, Stain.G_BAND)
    dark, pale = (both[id].image[12, both[id].image.shape[1] // 2] for id in (1, 2))
    assert dark < 40
    assert 100 < pale < 180


@pytest.mark.parametrize("value", [0, 7, 255])
@pytest.mark.parametrize("stain", list(Stain))
def test_a_slide_of_one_grey_has_levels(value: int, stain: Stain) -> None:
    levels = find_levels(SlideImage(np.full((20, 20), value, np.uint8)), stain)
    assert levels.black < levels.white
    assert np.isfinite(levels.apply(np.full((2, 2), value, np.uint8))).all()


def test_a_mask_at_the_border_of_the_slide() -> None:
    mask = np.zeros((40, 40), bool)
    mask[0:25, 0:9] = True
    pixels = np.where(mask, 80, 230).astype(np.uint8)
    straight = straighten(SlideImage(pixels), Chromosome.from_slide_mask(1, mask), Stain.G_BAND)
    assert abs(straight.length - 25) <= 1
    assert straight.mask.sum() == pytest.approx(mask.sum(), rel=0.1)


def test_what_cannot_be_straightened_is_refused() -> None:
    pixels, mask = np.zeros((9, 9), np.uint8), np.ones((9, 9), bool)
    with pytest.raises(ValueError, match="shape"):
        straighten_pixels(pixels, mask[:5], np.array([[0, 0], [8, 0]]), background=0)
    with pytest.raises(ValueError, match="two points"):
        straighten_pixels(pixels, mask, np.array([[0, 0]]), background=0)
    with pytest.raises(ValueError, match="length"):
        straighten_pixels(pixels, mask, np.array([[3, 3], [3, 3]]), background=0)
