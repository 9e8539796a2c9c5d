"""From grey values to darkness: the stain, the scale of grey and the file format must not matter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from chromview.core._cv import cv2
from chromview.core.chromosome import SlideImage, Stain
from chromview.core.scale import CHROMOSOME_WIDTH
from chromview.simulate.metaphase import Simulated, simulate_metaphase
from chromview.simulate.samples import SAMPLES
from chromview.storage.images import read_image
from chromview.vision.prepare import (
    FOREGROUND_LEVEL,
    bright_ground,
    chromosome_mask,
    chromosome_width,
    normalise,
    tell_stain,
    to_darkness,
)


@pytest.fixture(scope="module")
def bright() -> Simulated:
    return simulate_metaphase("46,XX", seed=5, nuclei=1)


@pytest.fixture(scope="module")
def fluorescent() -> Simulated:
    return simulate_metaphase("46,XY", stain=Stain.DAPI, seed=6, shape=(517, 645), nuclei=1)


def all_masks(simulated: Simulated) -> np.ndarray:
    mask = np.zeros(simulated.image.shape, bool)
    for chromosome in simulated.countable:
        mask[chromosome.box.slices] |= chromosome.mask
    return mask


@pytest.mark.parametrize("name", list(SAMPLES))
def test_the_stain_of_every_sample_is_told(name: str, repository: Path) -> None:
    slide = read_image(repository / "resources" / "samples" / f"{name}.png")
    assert tell_stain(slide) == (Stain.DAPI if "dapi" in name else Stain.G_BAND, False)


@pytest.mark.parametrize("stain", list(Stain))
def test_an_inverted_slide_is_noticed_where_the_stain_is_given(
    bright: Simulated, fluorescent: Simulated, stain: Stain
) -> None:
    image = fluorescent.image if stain.bright_on_dark else bright.image
    assert tell_stain(SlideImage(image), stain) == (stain, False)
    assert tell_stain(SlideImage(255 - image), stain) == (stain, True)


def test_ground_is_told_by_most_pixels_not_by_the_extremes() -> None:
    rng = np.random.default_rng(0)
    image = rng.normal(200, 4, (200, 200)).clip(0, 255).astype(np.uint8)
    image[40:90, 40:90] = 60
    assert bright_ground(image)
    assert not bright_ground(255 - image)
    # A bright hot pixel in a dim fluorescent slide.
    dim = rng.normal(12, 2, (200, 200)).clip(0, 255).astype(np.uint16)
    dim[50:60, 50:100] = 60
    dim[3, 3] = 65535
    assert not bright_ground(dim)


@pytest.mark.parametrize("which", ["bright", "fluorescent"])
def test_darkness_is_nothing_on_ground_and_070_on_chromosomes(which: str, request: pytest.FixtureRequest) -> None:
    simulated: Simulated = request.getfixturevalue(which)
    darkness = to_darkness(simulated.image, simulated.stain)
    assert darkness.dtype == np.float32
    assert darkness.shape == simulated.image.shape
    assert -0.2 <= darkness.min() <= darkness.max() <= 1.5
    stained = all_masks(simulated)
    away = cv2.erode((~stained).astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
    assert abs(float(np.median(darkness[away]))) < 0.08
    assert np.percentile(darkness[stained], 80) == pytest.approx(FOREGROUND_LEVEL, abs=0.15)
    assert darkness[stained].mean() > 5 * max(0.01, abs(float(np.median(darkness[away]))))


def test_eight_and_sixteen_bits_give_the_same(bright: Simulated) -> None:
    eight = to_darkness(bright.image, Stain.G_BAND)
    sixteen = to_darkness(bright.image.astype(np.uint16) * 257, Stain.G_BAND)
    assert np.abs(eight - sixteen).max() < 1e-3


def test_a_camera_of_twelve_bits_in_a_file_of_sixteen_gives_the_same(fluorescent: Simulated) -> None:
    eight = to_darkness(fluorescent.image, Stain.DAPI)
    twelve = to_darkness(fluorescent.image.astype(np.uint16) * 16, Stain.DAPI)
    assert np.abs(eight - twelve).max() < 1e-3


def test_an_inverted_slide_gives_the_same_darkness(bright: Simulated) -> None:
    usual = to_darkness(bright.image, Stain.G_BAND)
    inverted = to_darkness(255 - bright.image, Stain.G_BAND, inverted=True)
    assert np.abs(usual - inverted).max() < 1e-3


def test_exposure_and_contrast_do_not_matter(bright: Simulated) -> None:
    usual = to_darkness(bright.image, Stain.G_BAND)
    faint = to_darkness(np.rint(bright.image * 0.5 + 60).astype(np.uint8), Stain.G_BAND)
    assert np.abs(usual - faint).mean() < 0.02


@pytest.mark.parametrize("value", [0, 7, 128, 255])
@pytest.mark.parametrize("stain", list(Stain))
def test_an_image_of_one_value_is_all_ground(value: int, stain: Stain) -> None:
    pixels = np.full((30, 40), value, np.uint8)
    assert not to_darkness(pixels, stain, tell_stain(SlideImage(pixels), stain)[1]).any()
    assert tell_stain(SlideImage(pixels))[0] in Stain


def test_two_values_and_one_pixel() -> None:
    assert normalise(np.zeros((1, 1), np.float32)).tolist() == [[0.0]]
    two = normalise(np.array([[0.0, 0.0, 1.0]], np.float32))
    assert two[0].tolist() == pytest.approx([0.0, 0.0, FOREGROUND_LEVEL])


def strips(width: int, count: int = 12) -> np.ndarray:
    image = np.zeros((60 * ((count + 5) // 6) + 20, 420), np.uint8)
    for index in range(count):
        x, y = 40 + 60 * (index % 6), 25 + 60 * (index // 6)
        cv2.line(image, (x, y), (x, y + 36 - width // 2), 1, width)
    return image > 0


@pytest.mark.parametrize("width", [7, 11, 15])
def test_the_width_of_chromosomes_is_measured(width: int) -> None:
    told, parts = chromosome_width(strips(width))
    assert parts == 12
    assert told == pytest.approx(width, abs=1.5)


def test_the_width_grows_with_the_slide() -> None:
    small, large = (chromosome_width(cv2.resize(strips(9).astype(np.uint8), None, fx=f, fy=f) > 0)[0] for f in (1, 2))
    assert large == pytest.approx(2 * small, rel=0.1)


def test_dirt_and_a_nucleus_do_not_change_the_width() -> None:
    clean = strips(13)
    dirty = np.pad(clean, ((0, 260), (0, 0)))
    circle = cv2.circle(dirty.astype(np.uint8), (200, 270), 85, 1, -1) > 0
    rng = np.random.default_rng(3)
    circle[140:180][rng.random((40, 420)) < 0.03] = True
    assert chromosome_width(circle)[0] == pytest.approx(chromosome_width(clean)[0], rel=0.12)


def test_the_lines_of_a_printed_karyogram_do_not_tell_the_width() -> None:
    clean = strips(13)
    ruled = np.pad(clean, ((0, 200), (0, 0)))
    for line in range(clean.shape[0] + 10, ruled.shape[0] - 4, 12):
        ruled[line : line + 3, 10:410] = True
    assert chromosome_width(ruled)[0] == pytest.approx(chromosome_width(clean)[0], abs=0.1)


def test_nothing_has_no_width() -> None:
    assert chromosome_width(np.zeros((50, 50), bool)) == (0.0, 0)
    specks = np.zeros((50, 50), bool)
    specks[::7, ::7] = True
    assert chromosome_width(specks) == (0.0, 0)


def test_simulated_slides_have_the_canonical_width(bright: Simulated) -> None:
    width, parts = chromosome_width(to_darkness(bright.image, Stain.G_BAND) > 0.3)
    assert parts > 25
    assert width == pytest.approx(CHROMOSOME_WIDTH, rel=0.2)


@pytest.mark.parametrize("stain", [Stain.G_BAND, Stain.Q_BAND])
@pytest.mark.parametrize("noise", [0.0, 6.0])
def test_the_mask_of_a_single_chromosome(stain: Stain, noise: float) -> None:
    truth = np.zeros((70, 34), np.uint8)
    cv2.ellipse(truth, (17, 35), (7, 28), 0, 0, 360, 1, -1)
    darkness = truth * 150.0
    darkness[30:34] *= 0.8
    darkness[2:5, 2:5] = 140  # a speck beside it
    darkness[50, 17] = 0  # a hole in it
    rng = np.random.default_rng(1)
    ground = 20.0 if noise else 0.0
    values = (darkness + ground + noise * rng.normal(size=darkness.shape)).clip(0, 255).astype(np.uint8)
    mask = chromosome_mask(values if stain.bright_on_dark else 255 - values, stain)
    assert mask.dtype == bool
    assert mask[50, 17]
    assert not mask[2:5, 2:5].any()
    assert (mask & (truth > 0)).sum() / (mask | (truth > 0)).sum() > 0.93


def test_an_image_without_a_chromosome_has_no_mask() -> None:
    assert not chromosome_mask(np.full((20, 20), 255, np.uint8), Stain.G_BAND).any()
    assert not chromosome_mask(np.zeros((20, 20), np.uint8), Stain.Q_BAND).any()
    assert not chromosome_mask(np.full((20, 20), 77, np.uint8), Stain.G_BAND).any()


def levels(darkness: np.ndarray, simulated: Simulated) -> np.ndarray:
    return np.array([np.percentile(darkness[c.box.slices][c.mask], 80) for c in simulated.countable])


def test_chromosomes_at_the_dark_side_of_a_fluorescent_slide_are_as_dark_as_the_others(fluorescent: Simulated) -> None:
    falling = np.linspace(1.0, 0.15, fluorescent.image.shape[1])
    image = np.rint(fluorescent.image * falling).astype(np.uint8)
    # Classes do not all shine alike: each chromosome is held against itself in even light.
    in_even_light = levels(to_darkness(fluorescent.image, Stain.DAPI), fluorescent)
    as_it_is = levels(normalise(image.astype(np.float32)), fluorescent) / in_even_light
    evened = levels(to_darkness(image, Stain.DAPI), fluorescent) / in_even_light
    assert as_it_is.min() < 0.65
    assert evened.min() > 0.75
    assert evened.std() < 0.6 * as_it_is.std()


def test_a_bright_nucleus_does_not_make_chromosomes_far_from_it_faint(fluorescent: Simulated) -> None:
    image = np.rint(fluorescent.image * 0.2).astype(np.uint8)
    cv2.circle(image, (60, 60), 55, 250, -1)
    far = [c for c in fluorescent.countable if c.box.left > 200 and c.box.top > 200]
    assert len(far) > 10
    darkness = to_darkness(image, Stain.DAPI)
    level = [np.percentile(darkness[c.box.slices][c.mask], 80) for c in far]
    assert normalise(image.astype(np.float32))[far[0].box.slices][far[0].mask].max() < 0.3
    assert np.median(level) > 0.5


def test_light_is_evened_out_on_fluorescent_metaphases_alone(bright: Simulated, fluorescent: Simulated) -> None:
    assert np.array_equal(to_darkness(bright.image, Stain.G_BAND), normalise(1 - bright.image.astype(np.float32) / 255))
    first = fluorescent.countable[0]
    cut_out = fluorescent.image[first.box.grown(6, fluorescent.image.shape).slices]
    assert np.array_equal(to_darkness(cut_out, Stain.DAPI), normalise(cut_out.astype(np.float32) / 255))


def test_ground_of_a_fluorescent_slide_stays_ground(fluorescent: Simulated) -> None:
    image = np.rint(fluorescent.image * np.linspace(1.0, 0.15, fluorescent.image.shape[1])).astype(np.uint8)
    near = cv2.dilate(all_masks(fluorescent).astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
    ground = to_darkness(image, Stain.DAPI)[~near]
    assert np.percentile(ground, 90) < 0.2
