from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from chromview.core.chromosome import Kind, Stain
from chromview.core.ideogram import load_ideograms
from chromview.simulate import SimulatedChromosome, simulate_bent_chromosome, simulate_chromosome
from chromview.simulate.appearance import band_density


def grey_along_axis(found: SimulatedChromosome) -> np.ndarray:
    axis = found.chromosome.axis
    assert axis is not None
    tangent = np.gradient(axis, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    aside = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    lines = [
        map_coordinates(found.image.astype(float), (axis + aside * d).T, order=1) for d in (-2.0, -1.0, 0.0, 1.0, 2.0)
    ]
    return np.mean(lines, axis=0)


def whole_mask(found: SimulatedChromosome) -> np.ndarray:
    mask = np.zeros(found.image.shape, bool)
    mask[found.chromosome.box.slices] = found.chromosome.mask
    return mask


def width_at(found: SimulatedChromosome, share: float) -> float:
    """Width of the mask at right angles to the axis, pixels."""
    axis = found.chromosome.axis
    assert axis is not None
    at = int(share * (len(axis) - 1))
    tangent = axis[min(at + 1, len(axis) - 1)] - axis[max(at - 1, 0)]
    tangent /= np.linalg.norm(tangent)
    line = axis[at] + np.arange(-20, 20, 0.1)[:, None] * np.array([-tangent[1], tangent[0]])
    return float(map_coordinates(whole_mask(found).astype(float), line.T, order=0).sum() * 0.1)


@pytest.mark.parametrize("stain", list(Stain))
@pytest.mark.parametrize("number", [1, 9, 13, 21, 23, 24])
def test_bands_lie_where_the_ideogram_has_them(number: int, stain: Stain) -> None:
    ideogram = load_ideograms(550)[number - 1]
    forth, back = [], []
    for seed in range(4):
        found = simulate_chromosome(number, stain=stain, seed=seed, scale=2.0, openness=0.03)
        grey = grey_along_axis(found)
        expected = ideogram.profile(lambda band: band_density(number, band, stain), len(grey))
        sign = 1 if stain.bright_on_dark else -1
        inner = slice(4, -4)
        forth.append(sign * np.corrcoef(grey[inner], expected[inner])[0, 1])
        back.append(sign * np.corrcoef(grey[::-1][inner], expected[inner])[0, 1])
    # The p arm comes first: only this way round do the bands fit.
    # With DAPI the bands are faint.
    assert np.mean(forth) > (0.3 if stain is Stain.DAPI else 0.5)
    assert np.mean(forth) > np.mean(back) + 0.1


@pytest.mark.parametrize("number", [2, 7, 14, 20, 22])
def test_mask_axis_and_centromere_agree_with_each_other(number: int) -> None:
    for seed in range(3):
        found = simulate_chromosome(number, seed=seed, openness=0.03)
        chromosome = found.chromosome
        assert chromosome.kind is Kind.CHROMOSOME
        assert chromosome.number == number
        assert chromosome.p_up
        assert chromosome.axis is not None
        assert chromosome.centromere is not None
        mask = whole_mask(found)
        assert not (mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())
        at = np.rint(chromosome.axis[3:-3]).astype(int)
        assert mask[at[:, 0], at[:, 1]].mean() > 0.9
        assert abs(chromosome.centromere - load_ideograms(550)[number - 1].centromere) < 0.12
        dark, light = found.image[mask].mean(), found.image[~mask].mean()
        assert light > 200
        assert light - dark > 60


def test_the_centromere_is_narrow() -> None:
    number = 3
    ratios = []
    for seed in range(12):
        found = simulate_bent_chromosome(number, 0.0, seed=seed, scale=3.0)
        centromere = found.chromosome.centromere
        assert centromere is not None
        ratios.append(width_at(found, centromere) / np.median([width_at(found, s) for s in (0.15, 0.25, 0.7, 0.8)]))
    assert np.mean(ratios) < 0.9


def test_relative_lengths_are_those_of_the_ideogram() -> None:
    def length(number: int) -> float:
        sizes = []
        for seed in range(5):
            axis = simulate_chromosome(number, seed=seed).chromosome.axis
            assert axis is not None
            sizes.append(np.linalg.norm(np.diff(axis, axis=0), axis=1).sum())
        return float(np.mean(sizes))

    ideograms = load_ideograms(550)
    for number in (3, 10, 17, 21, 23):
        assert np.isclose(length(number) / length(1), ideograms[number - 1].length / ideograms[0].length, rtol=0.1)


@pytest.mark.parametrize("bend", [0.0, 45.0, 90.0, 135.0, 180.0, -120.0])
def test_a_bent_chromosome_bends_by_the_angle_and_keeps_its_length(bend: float) -> None:
    straight = simulate_bent_chromosome(5, 0.0, seed=3)
    bent = simulate_bent_chromosome(5, bend, seed=3)
    axis = bent.chromosome.axis
    assert axis is not None
    assert straight.chromosome.axis is not None
    assert abs(len(axis) - len(straight.chromosome.axis)) <= 1
    first, last = axis[4] - axis[0], axis[-1] - axis[-5]
    angle = np.degrees(np.arctan2(last[1], last[0]) - np.arctan2(first[1], first[0]))
    assert abs((angle - bend + 180) % 360 - 180) < 4.0
    # The same chromosome, only bent: its bands are where they were.
    assert np.corrcoef(grey_along_axis(bent)[3:-3], grey_along_axis(straight)[3 : len(axis) - 3])[0, 1] > 0.75


def test_p_arm_points_up_at_turn_zero() -> None:
    axis = simulate_bent_chromosome(4, 0.0, seed=1, turn_degrees=0.0).chromosome.axis
    assert axis is not None
    assert axis[0, 0] < axis[-1, 0] - 50


def test_open_arms_gape_apart_from_the_axis() -> None:
    found = simulate_bent_chromosome(3, 0.0, seed=2, openness=0.6)
    closed = simulate_bent_chromosome(3, 0.0, seed=2)
    axis, centromere = found.chromosome.axis, found.chromosome.centromere
    assert axis is not None
    assert centromere is not None
    mask = whole_mask(found)
    on_axis = mask[tuple(np.rint(axis).astype(int).T)]
    # Chromatids are held together at the centromere and nowhere else.
    assert on_axis[round(centromere * (len(axis) - 1))]
    assert not on_axis[len(axis) // 6]
    assert not on_axis[-len(axis) // 6]
    assert found.chromosome.box.width > closed.chromosome.box.width + 5


def test_the_seed_decides_everything() -> None:
    assert (simulate_chromosome(6, seed=4).image == simulate_chromosome(6, seed=4).image).all()
    one, other = simulate_chromosome(6, seed=4).image, simulate_chromosome(6, seed=5).image
    assert one.shape != other.shape or (one != other).any()


def test_impossible_orders() -> None:
    with pytest.raises(ValueError, match="25"):
        simulate_chromosome(25, seed=0)
    with pytest.raises(ValueError, match="200"):
        simulate_bent_chromosome(1, 200.0, seed=0)
    with pytest.raises(ValueError, match="300"):
        simulate_chromosome(1, seed=0, bands=300)
