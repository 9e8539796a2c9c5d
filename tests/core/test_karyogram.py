from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chromview.core.chromosome import Box, Chromosome, Slot, Stain, State
from chromview.core.karyogram import KaryogramLayout, layout, render, turned
from chromview.core.karyotype import ARMS, ROWS, X, Y, assign_slots
from chromview.core.straighten import Straightened

Cell = tuple[list[Chromosome], dict[int, Straightened]]


def cell(numbers: Sequence[int], *, known: bool = True, pixels_per_unit: float = 0.008) -> Cell:
    """Grey rectangles as long as chromosomes of these classes, with their centromeres."""
    chromosomes, straightened = [], {}
    for id, number in enumerate(numbers, 1):
        arms = ARMS[number - 1] if number else ARMS[9]
        length = max(8, round(arms.length * pixels_per_unit))
        mask = np.zeros((length, 19), bool)
        mask[:, 2:17] = True
        image = np.where(mask, 90, 255).astype(np.uint8)
        row = arms.centromere_index * length if known else None
        straightened[id] = Straightened(image, mask, np.zeros((length, 2), np.float32), row)
        box = Box(0, 10 * id, length, 10 * id + 19)
        chromosomes.append(Chromosome(id, box, mask.copy(), number=number))
    return list(assign_slots(chromosomes)), straightened


NORMAL = [*range(1, 23)] * 2


def row_of(plan: KaryogramLayout, number: int) -> int:
    return next(i for i, row in enumerate(ROWS) if any(number in block for block in row))


def test_a_normal_cell_stands_as_in_a_laboratory() -> None:
    chromosomes, straightened = cell([*NORMAL, X, Y])
    plan = layout(chromosomes, straightened)
    assert len(plan.placed) == 46
    assert plan.tray.height == 0
    areas = {area.number: area for area in plan.classes}
    assert sorted(areas) == list(range(1, 25))
    for row, blocks in zip(plan.rows, ROWS, strict=True):
        numbers = [number for block in blocks for number in block]
        lefts = [areas[number].rect.x for number in numbers]
        assert lefts == sorted(lefts)
        assert {areas[number].rect.y for number in numbers} == {row.rect.y}
    tops = [row.rect.y for row in plan.rows]
    assert tops == sorted(tops)
    # Nothing is missing, so no empty place is drawn.
    assert not [place for place in plan.places if place.expected and place.taken_by is None]


def test_centromeres_lie_on_one_line_and_sizes_are_to_one_scale() -> None:
    chromosomes, straightened = cell([*NORMAL, X, X])
    plan = layout(chromosomes, straightened)
    for placed in plan.placed:
        straight = straightened[placed.id]
        assert placed.slot is not None
        line = plan.rows[row_of(plan, placed.slot.number)].centromere_y
        assert straight.centromere_row is not None
        assert placed.rect.y + straight.centromere_row * plan.scale == pytest.approx(line)
        assert placed.centromere_y == pytest.approx(line)
        assert placed.centromere_known
        assert placed.rect.height == pytest.approx(straight.length * plan.scale)
        assert placed.rect.width == pytest.approx(straight.image.shape[1] * plan.scale)


def test_unknown_centromeres_are_put_where_the_class_has_them() -> None:
    known, unknown = layout(*cell([*NORMAL, X, X])), layout(*cell([*NORMAL, X, X], known=False))
    for one, other in zip(known.placed, unknown.placed, strict=True):
        assert one.rect.y == pytest.approx(other.rect.y)
        assert not other.centromere_known


@pytest.mark.parametrize("copies", [0, 1, 2, 3, 5])
def test_as_many_places_as_chromosomes_and_never_fewer_than_two(copies: int) -> None:
    numbers = [n for n in NORMAL if n != 21] + [21] * copies + [X, X]
    plan = layout(*cell(numbers))
    area = next(area for area in plan.classes if area.number == 21)
    places = [place for place in plan.places if place.slot.number == 21]
    assert area.count == copies
    assert sum(place.taken_by is not None for place in places) == copies
    assert sum(place.expected and place.taken_by is None for place in places) == max(0, 2 - copies)
    # There is always one more to drop into.
    assert len(places) == max(copies, 2) + 1
    assert sorted(place.slot.position for place in places) == list(range(len(places)))


def test_a_gap_between_positions_stays_where_it_is() -> None:
    chromosomes, straightened = cell([*NORMAL, X, X])
    moved = [replace(c, slot=Slot(5, 3)) if c.slot == Slot(5, 1) else c for c in chromosomes]
    plan = layout(moved, straightened)
    fives = {place.slot.position: place.taken_by for place in plan.places if place.slot.number == 5}
    assert [fives[p] is not None for p in range(4)] == [True, False, False, True]


@pytest.mark.parametrize(("sex", "empty"), [([X, Y], []), ([X, X], []), ([X], [X]), ([Y], [X]), ([], [X, X])])
def test_a_missing_sex_chromosome_is_an_x(sex: list[int], empty: list[int]) -> None:
    plan = layout(*cell([*NORMAL, *sex]))
    missing = [place.slot.number for place in plan.places if place.expected and place.taken_by is None]
    assert missing == empty


def test_what_has_no_place_lies_in_the_tray() -> None:
    chromosomes, straightened = cell([*NORMAL, X, X, 0, 0, 0])
    plan = layout(chromosomes, straightened)
    lying = [placed for placed in plan.placed if placed.slot is None]
    assert len(lying) == 3
    for placed in lying:
        assert plan.in_tray(*placed.rect.centre)
        assert placed.rect.right <= plan.tray.right
        assert placed.rect.bottom <= plan.tray.bottom
        assert plan.chromosome_at(*placed.rect.centre) == placed.id


def test_a_full_tray_takes_several_lines() -> None:
    plan = layout(*cell([0] * 60))
    assert len({placed.rect.y for placed in plan.placed}) > 1
    for placed in plan.placed:
        assert placed.rect.right <= plan.tray.right
        assert placed.rect.bottom <= plan.tray.bottom


def test_an_empty_tray_can_be_shown() -> None:
    chromosomes, straightened = cell([*NORMAL, X, X])
    shown = layout(chromosomes, straightened, show_tray=True)
    assert shown.tray.height > 0
    assert shown.height > layout(chromosomes, straightened).height


def test_an_empty_cell_has_a_karyogram_of_empty_places() -> None:
    plan = layout([], {})
    assert not plan.placed
    assert sum(place.expected for place in plan.places) == 46
    page = render(plan, {}, stain=Stain.G_BAND, title="Nothing yet")
    assert page.shape[2] == 3


def test_rejected_ones_and_those_without_a_picture_are_left_out() -> None:
    chromosomes, straightened = cell([*NORMAL, X, X])
    chromosomes[0] = replace(chromosomes[0], state=State.REJECTED)
    del straightened[2]
    plan = layout(chromosomes, straightened)
    assert plan.of(1) is None
    assert plan.of(2) is None
    assert len(plan.placed) == 44


def test_points_tell_what_is_there() -> None:
    chromosomes, straightened = cell([*NORMAL, X, Y])
    plan = layout(chromosomes, straightened)
    for placed in plan.placed:
        assert plan.chromosome_at(*placed.rect.centre) == placed.id
        assert plan.slot_at(*placed.rect.centre) == placed.slot
    assert plan.chromosome_at(-5, -5) is None
    assert plan.slot_at(plan.width + 1, 10) is None


def test_places_do_not_overlap() -> None:
    plan = layout(*cell([*NORMAL, 21, 8, 8, X, X, Y]))
    rects = [place.rect for place in plan.places]
    for i, a in enumerate(rects):
        assert a.x >= 0
        assert a.right <= plan.width
        for b in rects[i + 1 :]:
            apart = a.right <= b.x + 1e-6 or b.right <= a.x + 1e-6 or a.bottom <= b.y or b.bottom <= a.y
            assert apart


@settings(deadline=None)
@given(st.lists(st.integers(0, 24), max_size=60), st.booleans())
def test_every_cell_fits_on_its_canvas(numbers: list[int], known: bool) -> None:
    chromosomes, straightened = cell(numbers, known=known)
    plan = layout(chromosomes, straightened)
    assert sorted(placed.id for placed in plan.placed) == [c.id for c in chromosomes]
    for placed in plan.placed:
        assert placed.rect.x >= 0
        assert placed.rect.y >= 0
        assert placed.rect.right <= plan.width + 1e-6
        assert placed.rect.bottom <= plan.height + 1e-6
    assert plan == layout(chromosomes, straightened)


@pytest.mark.parametrize("width", [900, 1200, 2400])
def test_the_width_can_be_chosen(width: float) -> None:
    chromosomes, straightened = cell([*NORMAL, X, X, 21])
    plan = layout(chromosomes, straightened, width=width)
    assert plan.width == pytest.approx(width, rel=0.01)


def test_a_turned_chromosome_gets_room_and_keeps_its_centromere_on_the_line() -> None:
    chromosomes, straightened = cell([*NORMAL, X, X])
    turned_one = [replace(c, angle=90.0) if c.id == 1 else c for c in chromosomes]
    plan = layout(turned_one, straightened)
    placed = plan.of(1)
    assert placed is not None
    height, width = straightened[1].image.shape
    assert placed.rect.width == pytest.approx(height * plan.scale, abs=1.5 * plan.scale)
    assert placed.rect.height == pytest.approx(width * plan.scale, abs=1.5 * plan.scale)
    line = plan.rows[0].centromere_y
    assert placed.rect.y < line < placed.rect.bottom
    assert turned(straightened[1], 90.0, stain=Stain.G_BAND).shape == (width, height)
    np.testing.assert_array_equal(turned(straightened[1], 180.0, stain=Stain.G_BAND), straightened[1].image[::-1, ::-1])


@pytest.mark.parametrize(("stain", "paper"), [(Stain.G_BAND, 255), (Stain.DAPI, 0)])
def test_the_picture_shows_every_chromosome_in_its_place(stain: Stain, paper: int) -> None:
    chromosomes, straightened = cell([*NORMAL, X, Y])
    if stain.bright_on_dark:
        straightened = {id: replace(s, image=255 - s.image) for id, s in straightened.items()}
    plan = layout(chromosomes, straightened)
    page = render(plan, straightened, stain=stain, footer="")
    assert page.dtype == np.uint8
    assert page.shape == (round(plan.height), round(plan.width), 3)
    assert (page[0] == paper).all()
    for placed in plan.placed:
        x, y = placed.rect.centre
        assert abs(int(page[round(y), round(x), 0]) - (90 if stain is Stain.G_BAND else 165)) < 5


def test_title_and_footer_take_room_only_if_there_are_any() -> None:
    chromosomes, straightened = cell([*NORMAL, X, X])
    plan = layout(chromosomes, straightened)
    bare = render(plan, straightened, stain=Stain.G_BAND, footer="")
    full = render(plan, straightened, stain=Stain.G_BAND, title="Slide 3    46,XX")
    assert full.shape[0] > bare.shape[0]
    assert (full[:40] < 128).any()
    assert (full[-30:] < 200).any()
    start = (full.shape[0] - bare.shape[0]) - 34
    np.testing.assert_array_equal(full[start : start + bare.shape[0]], bare)


def test_a_picture_smaller_than_the_slide_keeps_its_greys() -> None:
    chromosomes, straightened = cell([*NORMAL, X, X], pixels_per_unit=0.05)
    plan = layout(chromosomes, straightened)
    assert plan.scale < 1
    page = render(plan, straightened, stain=Stain.G_BAND)
    assert page[..., 0].min() < 100
