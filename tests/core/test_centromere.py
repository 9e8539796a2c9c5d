from pathlib import Path

import h5py
import numpy as np
import pytest

from chromview.core.axis import find_axis
from chromview.core.centromere import find_centromere, narrowing, spread_profile
from chromview.core.chromosome import Stain
from chromview.core.karyotype import ARMS
from chromview.core.straighten import straighten, straighten_pixels
from chromview.simulate.metaphase import simulate_metaphase


def waisted(
    centromere: float, length: int = 90, width: int = 16, open_arms: bool = False, bright: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """A straight chromosome with a narrowing, or with chromatids that join, at a share of its length."""
    y, x = np.mgrid[:length, : width + 9]
    off = np.abs(x - (width + 8) / 2)
    waist = np.exp(-0.5 * ((y / length - centromere) / 0.03) ** 2)
    mask = off <= width / 2 * (1 - (0.0 if open_arms else 0.45) * waist)
    if open_arms:
        mask &= off >= 2.5 * (1 - waist)
    image = np.where(mask, 80, 255)
    return (255 - image if bright else image).astype(np.uint8), mask


@pytest.mark.parametrize("bright", [False, True])
@pytest.mark.parametrize("centromere", [0.25, 0.38, 0.5, 0.62, 0.75])
def test_a_narrowing_is_found(centromere: float, bright: bool) -> None:
    image, mask = waisted(centromere, bright=bright)
    position, confidence = find_centromere(image, mask, bright)
    assert position == pytest.approx(centromere, abs=0.02)
    assert confidence > 0.6


@pytest.mark.parametrize("centromere", [0.3, 0.45])
def test_the_place_where_chromatids_join_is_found(centromere: float) -> None:
    image, mask = waisted(centromere, open_arms=True)
    spread = spread_profile(image, mask, False)
    assert abs(int(np.argmax(narrowing(spread)[5:-5])) + 5 - centromere * 90) <= 3
    assert find_centromere(image, mask, False)[0] == pytest.approx(centromere, abs=0.03)


def test_spread_of_an_even_row_is_its_width() -> None:
    mask = np.zeros((4, 30), bool)
    mask[1:3, 5:25] = True
    spread = spread_profile(np.where(mask, 100, 255), mask, False)
    assert spread[1] == pytest.approx(20, abs=0.2)
    assert spread[0] == 0


def test_free_rows_above_and_below_count_as_length_of_the_picture() -> None:
    image, mask = waisted(0.4)
    padded = np.pad(mask, ((10, 20), (0, 0)))
    position, _ = find_centromere(np.pad(image, ((10, 20), (0, 0)), constant_values=255), padded, False)
    assert position * 120 == pytest.approx(10 + 0.4 * 90, abs=2)


def test_without_a_narrowing_the_confidence_is_low_and_the_class_decides() -> None:
    mask = np.zeros((80, 20), bool)
    mask[:, 3:17] = True
    image = np.where(mask, 90, 255)
    assert find_centromere(image, mask, False)[1] < 0.4
    for number in (1, 9, 13):
        expected = ARMS[number - 1].centromere_index
        known = np.arange(1, 25) == number
        assert find_centromere(image, mask, False, classes=known, p_up=1)[0] == pytest.approx(expected, abs=0.03)
        assert find_centromere(image, mask, False, classes=known, p_up=0)[0] == pytest.approx(1 - expected, abs=0.03)


def test_a_class_that_is_only_likely_still_tells_where_to_look() -> None:
    mask = np.zeros((80, 20), bool)
    mask[:, 3:17] = True
    classes = np.full(24, 0.4 / 23)
    classes[12] = 0.6  # 13, acrocentric
    position, confidence = find_centromere(np.where(mask, 90, 255), mask, False, classes=classes, p_up=0.9)
    assert position == pytest.approx(ARMS[12].centromere_index, abs=0.05)
    assert confidence < find_centromere(np.where(mask, 90, 255), mask, False, classes=np.eye(24)[12], p_up=1)[1]


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 8])
def test_hardly_any_rows(rows: int) -> None:
    mask = np.zeros((9, 7), bool)
    mask[:rows, 1:6] = True
    position, confidence = find_centromere(np.where(mask, 0, 255), mask, False)
    assert 0 <= position <= 1
    assert 0 <= confidence <= 1


@pytest.mark.parametrize("stain", [Stain.G_BAND, Stain.DAPI])
def test_centromeres_of_a_simulated_cell(stain: Stain) -> None:
    cell = simulate_metaphase("46,XX", stain=stain, seed=21)
    plain, informed = [], []
    for chromosome in cell.countable:
        straight = straighten(cell.slide, chromosome, stain)
        truth = chromosome.centromere
        picture = straight.image, straight.mask, stain.bright_on_dark
        plain.append(abs(find_centromere(*picture)[0] - truth))
        informed.append(
            abs(find_centromere(*picture, classes=np.arange(1, 25) == chromosome.number, p_up=1)[0] - truth)
        )
    assert np.median(plain) < 0.03
    assert np.mean(informed) < 0.02


@pytest.mark.data
def test_centromeres_of_real_chromosomes_are_where_the_ideogram_has_them(shared_data: Path) -> None:
    errors = []
    with h5py.File(shared_data / "gband_karyotypes.h5") as file:
        split = file["val"]
        for index in range(138):
            shape = int(split["height"][index]), int(split["width"][index])
            start = int(split["offset"][index])
            pixels = np.pad(split["pixels"][start : start + shape[0] * shape[1]].reshape(shape), 2, constant_values=255)
            number = int(split["chromosome_class"][index])
            # Acrocentric chromosomes have no narrowing to measure.
            if number in (13, 14, 15, 21, 22, 24):
                continue
            mask = pixels < 250
            image, inside = straighten_pixels(pixels, mask, find_axis(mask), background=255)
            position, _ = find_centromere(image, inside, False)
            expected = ARMS[number - 1].centromere_index
            errors.append(min(abs(position - expected), abs(1 - position - expected)))
    assert len(errors) > 100
    assert np.median(errors) < 0.03
    assert np.mean(np.array(errors) < 0.06) > 0.85
