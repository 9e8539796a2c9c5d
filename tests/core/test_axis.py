import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from chromview.core.axis import arc_length, find_axis, resample, usual_width
from chromview.core.chromosome import Stain
from chromview.simulate.chromosome import simulate_bent_chromosome
from chromview.simulate.metaphase import simulate_metaphase

from .shapes import axis_errors, line, tube, turned_by


@pytest.mark.parametrize("turn", [0, 17, 45, 80, 90])
@pytest.mark.parametrize(("length", "width"), [(120, 18), (70, 14), (40, 12)])
@pytest.mark.parametrize("bend", [0, 60, 120, 180])
def test_axis_follows_a_curve(length: float, width: float, bend: float, turn: float) -> None:
    mask, true = tube(turned_by(line(length, bend), turn), width)
    apart, longer = axis_errors(find_axis(mask), true)
    assert apart < 0.75
    assert longer < (0.03 if length > 40 else 0.06)


@pytest.mark.parametrize("turn", [0, 30, 75])
@pytest.mark.parametrize("bend", [-90, 120, 165])
def test_axis_follows_a_sharp_bend_at_the_centromere(bend: float, turn: float) -> None:
    mask, true = tube(turned_by(line(110, bend, at=0.4, over=0.3), turn), 16, waist=0.4)
    apart, longer = axis_errors(find_axis(mask), true)
    assert apart < 0.75
    assert longer < 0.03


@pytest.mark.parametrize("turn", [0, 20, 45, 90])
@pytest.mark.parametrize("prongs", [2, 4, 7])
@pytest.mark.parametrize(("length", "width"), [(120, 18), (60, 14), (42, 12)])
def test_open_chromatids_have_one_axis_between_them(length: float, width: float, prongs: float, turn: float) -> None:
    mask, true = tube(turned_by(line(length), turn), width, prongs=prongs)
    apart, longer = axis_errors(find_axis(mask), true)
    assert apart < 0.75
    assert longer < 0.05


@pytest.mark.parametrize("turn", [0, 45])
def test_open_chromatids_of_a_bent_chromosome(turn: float) -> None:
    mask, true = tube(turned_by(line(100, 60), turn), 16, prongs=4)
    assert axis_errors(find_axis(mask), true)[0] < 0.75


def test_holes_and_notches_do_not_matter() -> None:
    mask, true = tube(line(100, 90), 16)
    rng = np.random.default_rng(1)
    ragged = mask & ~(rng.random(mask.shape) < 0.03)
    middle = np.round(true[200]).astype(int)
    ragged[middle[0] - 2 : middle[0] + 3, middle[1] - 2 : middle[1] + 3] = False
    apart, longer = axis_errors(find_axis(ragged), true)
    assert apart < 1.0
    assert longer < 0.03


def test_crumbs_beside_the_chromosome_do_not_matter() -> None:
    mask, true = tube(line(80), 14)
    mask[0, 0] = True
    mask[-2:, -2:] = True
    apart, longer = axis_errors(find_axis(mask), true)
    assert apart < 0.75
    assert longer < 0.03


def test_a_folded_chromosome_keeps_its_length() -> None:
    # The arms lie side by side with two pixels between them.
    mask, true = tube(line(120, 180, over=0.24), 16)
    apart, longer = axis_errors(find_axis(mask), true)
    assert apart < 1.0
    assert longer < 0.04


def test_arms_that_touch_at_a_few_pixels_are_still_two_arms() -> None:
    mask, true = tube(line(140, 180, over=0.3), 16)
    # A bridge two pixels high between the arms encloses a hole.
    columns = np.flatnonzero(mask[24, :])
    assert np.diff(columns).max() > 4
    mask[24:26, columns[0] : columns[-1] + 1] = True
    apart, longer = axis_errors(find_axis(mask), true)
    assert apart < 1.0
    assert longer < 0.05


@pytest.mark.parametrize("turn", [0, 20, 45, 90])
@pytest.mark.parametrize(("length", "width"), [(24, 12), (18, 11), (12, 8)])
def test_short_ones_are_straight_and_reach_the_tips(length: float, width: float, turn: float) -> None:
    mask, true = tube(turned_by(line(length), turn), width)
    axis = find_axis(mask)
    assert axis_errors(axis, true)[0] < 0.75
    assert abs(arc_length(axis)[-1] - length) < 1.5
    chord = np.hypot(*(axis[-1] - axis[0]))
    assert chord > 0.99 * arc_length(axis)[-1]


@pytest.mark.parametrize("stain", [Stain.G_BAND, Stain.DAPI])
@pytest.mark.parametrize("bend", [0, 90, 150])
@pytest.mark.parametrize("number", [1, 8, 14])
def test_axis_of_simulated_chromosomes(number: int, bend: float, stain: Stain) -> None:
    truth = simulate_bent_chromosome(number, bend, stain=stain, seed=3, turn_degrees=25).chromosome
    assert truth.axis is not None
    apart, longer = axis_errors(find_axis(truth.mask, (truth.box.top, truth.box.left)), truth.axis)
    assert apart < 1.5
    assert longer < 0.06


def test_axes_of_a_whole_simulated_cell() -> None:
    cell = simulate_metaphase("46,XY", seed=11)
    errors = np.array(
        [axis_errors(find_axis(c.mask, (c.box.top, c.box.left)), c.axis) for c in cell.countable if c.axis is not None]
    )
    assert len(errors) == 46
    assert np.mean(errors[:, 0]) < 0.5
    assert np.mean(errors[:, 0] < 1.5) > 0.95
    assert np.median(errors[:, 1]) < 0.02


def test_long_arms_wide_open_are_one_chromosome() -> None:
    # The way from one long chromatid into the other is longer than that through the short arms.
    mask = np.zeros((70, 80), bool)
    mask[11:27, 34:47] = True
    for side in (-1, 1):
        for t in np.linspace(0, 1, 200):
            y, x = 22 + 34 * t, 40 + side * (3 + 11 * t)
            yy, xx = np.ogrid[:70, :80]
            mask |= (yy - y) ** 2 + (xx - x) ** 2 < 4.5**2
    axis = find_axis(mask)
    assert np.abs(axis[:, 1] - 40).mean() < 1.5
    rows = np.flatnonzero(mask.any(axis=1))
    assert abs(arc_length(axis)[-1] - len(rows)) < 0.06 * len(rows)


def test_the_usual_width_tells_open_arms_from_a_bend() -> None:
    arch, bent = tube(turned_by(line(84, 150, over=0.3), -75), 9)
    assert axis_errors(find_axis(arch), bent)[0] < 1.0
    assert axis_errors(find_axis(arch, usual_width=9), bent)[0] < 1.0
    axis = find_axis(arch, usual_width=18)
    # Between the arms, as long as one of them, the middle of the arch at one end.
    assert arc_length(axis)[-1] < 0.65 * 84
    assert np.hypot(*(axis - axis.mean(axis=0)).T).max() < 30


def test_usual_width_is_that_of_most() -> None:
    widths = [14, 14, 15, 14, 7, 30]
    assert usual_width(tube(line(60), width)[0] for width in widths) == pytest.approx(14, abs=1.5)
    assert usual_width([]) is None


def test_origin_moves_the_axis() -> None:
    mask, _ = tube(line(50, 40), 12)
    np.testing.assert_allclose(find_axis(mask, (100, 7)), find_axis(mask) + [100, 7], atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 1), (2, 2), (1, 9), (3, 2), (8, 8)])
def test_the_smallest_masks_have_an_axis(shape: tuple[int, int]) -> None:
    axis = find_axis(np.ones(shape, bool))
    assert axis.dtype == np.float32
    assert len(axis) >= 2
    assert arc_length(axis)[-1] > 0
    assert np.isfinite(axis).all()


@settings(deadline=None)
@given(hnp.arrays(bool, st.tuples(st.integers(1, 24), st.integers(1, 24))))
def test_every_mask_has_an_axis_within_reach(mask: np.ndarray) -> None:
    if not mask.any():
        with pytest.raises(ValueError, match="empty"):
            find_axis(mask)
        return
    axis = find_axis(mask)
    assert axis.ndim == 2
    assert axis.shape[1] == 2
    assert len(axis) >= 2
    assert np.isfinite(axis).all()
    steps = np.diff(arc_length(axis))
    assert (steps > 0).all()
    assert steps.max() <= 1.6
    assert (axis > -6).all()
    assert (axis < np.array(mask.shape) + 6).all()
    assert axis[0, 0] <= axis[-1, 0]


@settings(deadline=None)
@given(hnp.arrays(np.float64, st.tuples(st.integers(1, 20), st.just(2)), elements=st.floats(-50, 50)))
def test_resampling_keeps_the_ends(points: np.ndarray) -> None:
    again = resample(points)
    np.testing.assert_array_equal(again[0], points[0])
    if arc_length(points)[-1] > 0:
        np.testing.assert_allclose(again[-1], points[-1], atol=1e-9)


def test_the_stain_tells_a_web_between_bent_arms_from_chromosome() -> None:
    errors = []
    for number in (9, 10, 11):
        one = simulate_bent_chromosome(number, 180, seed=2, turn_degrees=74)
        true = one.chromosome
        origin = (true.box.top, true.box.left)
        stain = np.median(one.image) - one.image[true.box.slices].astype(float)
        assert true.axis is not None
        errors.append(
            [
                axis_errors(axis, true.axis)[0]
                for axis in (find_axis(true.mask, origin), find_axis(true.mask, origin, stain=stain))
            ]
        )
    without, informed = np.mean(errors, axis=0)
    assert informed < 0.6 and informed < 0.8 * without


def test_a_chromosome_that_is_not_bent_keeps_its_palest_bands() -> None:
    one = simulate_bent_chromosome(4, 20, seed=2)
    mask = one.chromosome.mask
    stain = np.where(np.arange(mask.shape[0])[:, None] % 20 < 10, 0.01, 1.0) * mask
    assert np.array_equal(find_axis(mask), find_axis(mask, stain=stain))


def errors_of_hairpin(number: int, seed: int, turn_degrees: float = 0.0) -> tuple[float, float]:
    """`axis_errors` of a simulated chromosome that is bent by 180 degrees, its stain known."""
    one = simulate_bent_chromosome(number, 180, seed=seed, turn_degrees=turn_degrees)
    truth = one.chromosome
    assert truth.axis is not None
    stain = np.abs(one.image[truth.box.slices].astype(np.float32) - np.float32(np.median(one.image)))
    return axis_errors(find_axis(truth.mask, (truth.box.top, truth.box.left), stain=stain), truth.axis)


@pytest.mark.parametrize("seed", [100, 102])
@pytest.mark.parametrize("number", [3, 11, 17, 22])
def test_hairpins_keep_length_and_ends(number: int, seed: int) -> None:
    apart, longer = errors_of_hairpin(number, seed, 37 * seed)
    assert apart < 1.0
    assert longer < 0.08


def test_arms_that_the_mask_joins_are_two_where_the_stain_says_so() -> None:
    apart, longer = errors_of_hairpin(1, 0)
    assert apart < 0.75
    assert longer < 0.03
