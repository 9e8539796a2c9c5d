"""The canvas keeps what tells chromosomes apart: length, which end is up, size relative to the cell."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from chromview.core.axis import arc_length
from chromview.vision.canvas import (
    CANVAS,
    MEDIAN_LENGTH,
    SHEET,
    canvas_axis,
    canvases,
    cell_brightness,
    cell_scales,
    to_sheet,
    upper_end_first,
)


def bar(length: int, width: int = 14, *, dark_end: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Darkness and mask of an upright bar; its upper `dark_end` rows are twice as dark."""
    mask = np.zeros((length + 10, width + 10), bool)
    mask[5:-5, 5:-5] = True
    # Rounded, as chromosomes are.
    for row, cut in enumerate((5, 3, 2, 1)):
        for y in (5 + row, length + 4 - row):
            mask[y, : 5 + cut] = mask[y, mask.shape[1] - 5 - cut :] = False
    darkness = mask.astype(np.float32) * 0.4
    darkness[5 : 5 + dark_end] *= 2
    return darkness, mask


def rows_of(sheet: np.ndarray) -> int:
    return int((sheet > 20).any(axis=1).sum())


@pytest.mark.parametrize("length", [24, 60, 110, 160])
def test_the_length_is_kept(length: int) -> None:
    sheet, told, _ = to_sheet(*bar(length))
    assert sheet.shape == SHEET
    assert sheet.dtype == np.uint8
    assert told == pytest.approx(length, abs=2.5)
    assert rows_of(sheet) == pytest.approx(length, abs=3)


def test_the_chromosome_lies_in_the_middle() -> None:
    rows, columns = np.nonzero(to_sheet(*bar(70)).image > 20)
    assert (rows.min() + rows.max()) / 2 == pytest.approx((SHEET[0] - 1) / 2, abs=1)
    assert (columns.min() + columns.max()) / 2 == pytest.approx((SHEET[1] - 1) / 2, abs=1)


def test_one_that_is_too_long_is_shrunk_and_still_says_its_length() -> None:
    sheet, length, _ = to_sheet(*bar(300, 20))
    assert length == pytest.approx(300, abs=4)
    assert rows_of(sheet) > 0.95 * SHEET[0]
    assert int((sheet > 20).any(axis=0).sum()) == pytest.approx(20 * SHEET[0] / 300, abs=3)


def test_one_that_is_too_broad_is_cropped() -> None:
    sheet, *_ = to_sheet(*bar(120, 80), axis=np.array([[5.0, 44.5], [124.0, 44.5]]))
    assert sheet.shape == SHEET
    assert (sheet[SHEET[0] // 2] > 20).all()


def test_the_first_point_of_the_axis_is_up() -> None:
    darkness, mask = bar(80, dark_end=30)
    axis = canvas_axis(mask)
    upright = to_sheet(darkness, mask, axis).image.astype(float)
    turned = to_sheet(darkness, mask, axis[::-1].copy()).image.astype(float)
    middle = SHEET[0] // 2
    assert upright[:middle].sum() > 1.3 * upright[middle:].sum()
    assert turned[middle:].sum() > 1.3 * turned[:middle].sum()
    assert np.abs(upright - turned[::-1, ::-1]).mean() < 4


def test_axis_starts_at_the_upper_end_and_reaches_both_tips() -> None:
    _, mask = bar(80)
    axis = canvas_axis(mask)
    assert axis[0, 0] < axis[-1, 0]
    assert arc_length(axis)[-1] == pytest.approx(80, abs=2.5)
    assert (upper_end_first(axis[::-1]) == axis).all()


@pytest.mark.parametrize("factor", [0.01, 1.0, 200.0])
def test_the_unit_of_darkness_does_not_matter(factor: float) -> None:
    darkness, mask = bar(60, dark_end=20)
    usual = to_sheet(darkness, mask).image.astype(int)
    other = to_sheet(darkness * factor, mask).image.astype(int)
    assert np.abs(usual - other).max() <= 1
    inside = usual[usual > 20]
    assert np.percentile(inside, 80) == pytest.approx(178, abs=6)


def test_a_chromosome_without_stain_gives_an_empty_sheet() -> None:
    _, mask = bar(40)
    assert not to_sheet(np.zeros(mask.shape, np.float32), mask).image.any()


def test_the_smallest_masks_do_not_fail() -> None:
    for shape in ((1, 1), (2, 2), (4, 3), (1, 9)):
        sheet, length, _ = to_sheet(np.ones(shape, np.float32), np.ones(shape, bool))
        assert sheet.any()
        assert 0 < length < 15


def as_tensor(*sheets: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack(sheets))[:, None]


@pytest.mark.parametrize("scale", [0.6, 1.0, 1.5])
def test_canvases_show_the_chromosome_at_the_scale_asked_for(scale: float) -> None:
    sheet, length, _ = to_sheet(*bar(70))
    canvas = canvases(as_tensor(sheet), torch.tensor([scale]))
    assert canvas.shape == (1, 1, *CANVAS)
    assert canvas.dtype == torch.float32
    assert 0 <= canvas.min() <= canvas.max() <= 1
    rows = int((canvas[0, 0] > 0.35).any(dim=1).sum())
    assert rows == pytest.approx(length * scale, abs=3)
    columns = int((canvas[0, 0] > 0.35).any(dim=0).sum())
    assert columns == pytest.approx(14 * scale, abs=2.5)


def test_canvases_of_several_are_those_of_each() -> None:
    sheets = [to_sheet(*bar(n)).image for n in (40, 70, 100)]
    scales = torch.tensor([0.8, 1.0, 1.3])
    together = canvases(as_tensor(*sheets), scales)
    for index, sheet in enumerate(sheets):
        alone = canvases(as_tensor(sheet), scales[index : index + 1])[0]
        assert torch.allclose(together[index], alone, atol=1e-5)


def test_upside_down_on_the_sheet_is_upside_down_on_the_canvas() -> None:
    sheet = to_sheet(*bar(71, dark_end=20)).image
    one = canvases(as_tensor(sheet), torch.tensor([0.9]))
    other = canvases(as_tensor(sheet[::-1].copy()), torch.tensor([0.9]))
    assert torch.allclose(one.flip(2), other, atol=1e-5)


def test_stretch_is_on_the_width_alone_and_a_shift_moves() -> None:
    sheet = as_tensor(to_sheet(*bar(70)).image)
    one = torch.ones(1)
    usual = canvases(sheet, one)[0, 0] > 0.35
    wide = canvases(sheet, one, stretch=torch.tensor([1.5]))[0, 0] > 0.35
    assert int(wide.any(0).sum()) == pytest.approx(1.5 * int(usual.any(0).sum()), abs=2)
    assert int(wide.any(1).sum()) == pytest.approx(int(usual.any(1).sum()), abs=1)
    moved = canvases(sheet, one, shift=torch.tensor([[3.0, 0.0]]))[0, 0] > 0.35
    assert not torch.equal(moved, usual)
    assert torch.equal(moved.any(1), usual.any(1))


def test_the_median_chromosome_of_a_cell_is_brought_to_one_length() -> None:
    small, large = np.linspace(20, 60, 46), np.linspace(60, 180, 46)
    scales = cell_scales(np.concatenate((small, large)), ["small"] * 46 + ["large"] * 46).numpy()
    assert np.median(small * scales[:46]) == pytest.approx(MEDIAN_LENGTH, rel=1e-3)
    assert np.median(large * scales[46:]) == pytest.approx(MEDIAN_LENGTH, rel=1e-3)
    # Within a cell there is one scale, so that lengths stay comparable.
    assert len(set(scales[:46].tolist())) == 1


def test_a_few_chromosomes_do_not_decide_the_scale() -> None:
    assert cell_scales([10.0, 200.0], ["a", "a"]).tolist() == [1.0, 1.0]
    assert cell_scales([], None).shape == (0,)
    few_among_many = cell_scales([30.0] * 20 + [90.0] * 3, ["a"] * 20 + ["b"] * 3)
    assert few_among_many[-1] == pytest.approx(MEDIAN_LENGTH / 30.0)


def test_brightness_is_told_against_the_cell() -> None:
    darkness, mask = bar(70)
    levels = [to_sheet(darkness * factor, mask).level for factor in [1.0] * 10 + [0.5]]
    told = cell_brightness(levels, ["a"] * 11).numpy()
    assert told[:10] == pytest.approx(0, abs=1e-6)
    assert told[10] == pytest.approx(np.log(0.5), abs=1e-3)
    # However bright the slide is.
    assert cell_brightness([3 * level for level in levels], ["a"] * 11).numpy() == pytest.approx(told, abs=1e-6)


def test_brightness_is_not_guessed() -> None:
    assert cell_brightness([1.0, 2.0], ["a", "a"]).isnan().all()
    assert cell_brightness([1.0] * 20, None).isnan().all()
    assert cell_brightness([], None).shape == (0,)
    assert cell_brightness([1.0] * 10 + [0.0], ["a"] * 11).isnan().tolist() == [False] * 10 + [True]
