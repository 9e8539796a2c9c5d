"""Selection, colours, the overlay's pixels, actions: everything of the window that needs no window."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtGui import QKeySequence

from chromview.app.actions import ACTIONS, BY_ID
from chromview.app.keys_page import shortcut_page
from chromview.app.overlay import BLUE, ORANGE, PALETTE, Layer, Overlay, assign_colours, premultiplied
from chromview.app.selection import Selection, at, doubtful, second_of, step, touching
from chromview.app.tools import MAX_SIZE, MIN_SIZE, Label, Tool, Tools
from chromview.app.view_state import Running, ViewState
from chromview.core.chromosome import Box, Chromosome, Kind, Slot, State

SHAPE = (60, 80)


def bar(id: int, top: int, left: int, bottom: int, right: int, **fields: object) -> Chromosome:
    mask = np.zeros(SHAPE, bool)
    mask[top:bottom, left:right] = True
    return Chromosome.from_slide_mask(id, mask, **fields)


# 1 and 2 cross, 3 touches 2, 4 is alone, 5 is a nucleus around 4.
CELL = {
    c.id: c
    for c in (
        bar(1, 10, 10, 16, 50),
        bar(2, 4, 20, 30, 26),
        bar(3, 20, 26, 25, 40),
        bar(4, 45, 60, 50, 70),
        bar(5, 40, 55, 55, 75, kind=Kind.NUCLEUS),
    )
}


def test_what_lies_under_a_point() -> None:
    assert at(CELL, 12, 12) == [1]
    assert at(CELL, 12, 22) == [2, 1]  # the smaller one first
    assert at(CELL, 47, 65) == [4, 5]  # chromosomes before nuclei
    assert at(CELL, 41, 56) == [5]
    assert at(CELL, 58, 5) == []
    assert at(CELL, 17, 12, reach=2) == [1]


def test_what_touches() -> None:
    assert touching(CELL, 2) == [1, 3]
    assert touching(CELL, 1) == [2]
    assert touching(CELL, 4) == []
    assert touching(CELL, 99) == []


def test_the_second_chromosome_is_never_a_guess() -> None:
    assert second_of(CELL, 1, None, cluster=False) == 2
    assert second_of(CELL, 2, None, cluster=False) is None  # two neighbours
    assert second_of(CELL, 2, 3, cluster=False) == 3
    assert second_of(CELL, None, 3, cluster=False) is None
    pair = {1: CELL[1], 4: CELL[4]}
    assert second_of(pair, 4, None, cluster=True) == 1
    assert second_of(pair, 4, None, cluster=False) is None


def test_doubtful_ones_come_in_the_order_of_the_karyogram() -> None:
    cell = {
        1: bar(1, 0, 0, 4, 4, doubts=("class",), slot=Slot(9, 0)),
        2: bar(2, 0, 0, 4, 4, doubts=("class",), slot=Slot(3, 1)),
        3: bar(3, 0, 0, 4, 4, doubts=("class",), slot=Slot(3, 0), state=State.ACCEPTED),
        4: bar(4, 0, 0, 4, 4, doubts=("class",)),
    }
    assert doubtful(cell) == (2, 1, 4)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=12, unique=True), st.data())
def test_stepping_goes_through_all_of_them_and_around(order: list[int], data: st.DataObject) -> None:
    ids = tuple(id for id in order if data.draw(st.booleans())) or (order[0],)
    start = data.draw(st.sampled_from([None, *order]))
    seen, current = [], start
    for _ in ids:
        current = step(ids, tuple(order), current, 1)
        seen.append(current)
    assert sorted(seen) == sorted(ids)
    back = [current]
    for _ in ids[1:]:
        current = step(ids, tuple(order), current, -1)
        back.append(current)
    assert back == seen[::-1]


def test_selection_forgets_what_is_gone() -> None:
    selection = Selection()
    told: list[None] = []
    selection.changed.connect(lambda: told.append(None))
    selection.show_slide(7)
    selection.select(1, 2)
    selection.forget_missing([1])
    assert (selection.chromosome, selection.second) == (1, None)
    selection.forget_missing([])
    assert selection.chromosome is None
    selection.select(3, 3)
    assert selection.second is None
    selection.show_slide(8)
    assert selection.chromosome is None
    count = len(told)
    selection.show_slide(8)
    assert len(told) == count


@given(st.integers(1, 12), st.randoms(use_true_random=False))
def test_neighbours_differ_and_edits_recolour_nobody(count: int, random: st.random.Random) -> None:
    cell = {}
    for id in range(1, count + 1):
        y, x = random.randrange(0, 50), random.randrange(0, 70)
        cell[id] = bar(id, y, x, y + 6, x + 6)
    colours = assign_colours(cell)
    for a in cell.values():
        for b in cell.values():
            if a.id != b.id and a.box.intersection(b.box) is not None:
                assert colours[a.id] != colours[b.id]
    fewer = {id: c for id, c in cell.items() if id != 1}
    again = assign_colours({**fewer, 99: bar(99, 0, 0, 5, 5)}, colours)
    assert all(again[id] == colours[id] for id in fewer)


def test_a_cluster_of_two_is_blue_and_orange() -> None:
    colours = assign_colours({3: CELL[3], 1: CELL[1]}, cluster=True)
    assert colours == {1: BLUE, 3: ORANGE}


def test_the_overlay_hatches_overlaps_in_both_colours_and_fills_on_demand() -> None:
    overlay = Overlay(SHAPE)
    first, second = (Layer(CELL[id].box, CELL[id].mask, PALETTE[id]) for id in (1, 2))
    overlay.compose(Box(0, 0, *SHAPE), [first, second], opacity=0.5)
    shared = overlay.pixels[10:16, 20:26]
    assert set(np.unique(shared)) == {premultiplied(PALETTE[1], 0.75), premultiplied(PALETTE[2], 0.75)}
    rest = overlay.pixels.copy()
    rest[10:16, 20:26] = 0
    assert not rest.any()
    overlay.compose(Box(0, 0, *SHAPE), [first._replace(filled=True), second], opacity=0.5)
    assert overlay.pixels[12, 12] == premultiplied(PALETTE[1], 0.5)
    assert overlay.pixels[6, 22] == 0


@given(st.integers(0, 50), st.integers(0, 70), st.integers(1, 30), st.integers(1, 30), st.booleans())
def test_composing_a_rectangle_gives_what_composing_everything_gives(
    top: int, left: int, height: int, width: int, edged: bool
) -> None:
    layers = [Layer(c.box, c.mask, PALETTE[c.id], c.id % 2 == 0, edged) for c in CELL.values()]
    all_at_once, in_part = Overlay(SHAPE), Overlay(SHAPE)
    all_at_once.compose(Box(0, 0, *SHAPE), layers, opacity=0.4)
    box = Box(top, left, min(SHAPE[0], top + height), min(SHAPE[1], left + width))
    in_part.compose(box, layers, opacity=0.4)
    assert np.array_equal(in_part.pixels[box.slices], all_at_once.pixels[box.slices])
    outside = in_part.pixels.copy()
    outside[box.slices] = 0
    assert not outside.any()


def test_the_brush_grows_and_shrinks_and_stays_in_its_range() -> None:
    tools = Tools()
    for steps in (1, -1):
        before = tools.size
        tools.resize(steps)
        assert (tools.size - before) * steps > 0
    tools.resize(-100)
    assert tools.size == MIN_SIZE
    tools.resize(200)
    assert tools.size == MAX_SIZE


def test_choosing_a_label_takes_the_brush_but_keeps_the_eraser() -> None:
    tools = Tools()
    tools.set_label(Label.BOTH)
    assert tools.tool is Tool.BRUSH
    tools.set_tool(Tool.ERASE)
    tools.set_label(Label.SECOND)
    assert tools.tool is Tool.ERASE
    tools.forget_label()
    assert (tools.tool, tools.label) == (Tool.ERASE, Label.FIRST)


def test_every_action_is_declared_once_and_said_in_words() -> None:
    assert len(BY_ID) == len(ACTIONS)
    for action in ACTIONS:
        assert action.help.endswith(".")
        assert action.plain_title
        for key in action.shortcuts:
            assert not QKeySequence(key).isEmpty()
    page = shortcut_page()
    assert all(action.help.split(".")[0][:20] in page.replace("&#x27;", "'") for action in ACTIONS if action.shortcuts)


@pytest.mark.parametrize(
    ("state", "enabled", "disabled"),
    [
        (ViewState(), {"file.add_slides", "help.about"}, {"edit.undo", "view.fit", "case.next_slide", "case.cancel"}),
        (ViewState(slide=1, slide_count=2), {"view.fit", "mask.brush", "case.analyse"}, {"mask.cut", "file.export"}),
        (ViewState(slide=1, slide_count=1, missing=True), {"case.remove_slide"}, {"case.analyse", "mask.brush"}),
        (ViewState(slide=1, slide_count=1, count=3, selected=4), {"chromosome.flip", "file.export"}, {"mask.join"}),
        (ViewState(slide=1, slide_count=1, count=3, selected=4, second=5), {"mask.join"}, {"edit.redo"}),
        (ViewState(slide=1, slide_count=1, undo_title="Undo flip"), {"edit.undo"}, {"edit.redo"}),
        (ViewState(running=Running(1, "find", 0.4)), {"case.cancel"}, {"chromosome.accept"}),
        (ViewState(slide=1, slide_count=1, count=3, doubtful=(2,)), {"chromosome.next_doubtful"}, {"chromosome.flip"}),
    ],
)
def test_what_can_be_done_follows_from_the_state(state: ViewState, enabled: set[str], disabled: set[str]) -> None:
    can = {action.id for action in ACTIONS if action.enabled_when(state)}
    assert enabled <= can
    assert not disabled & can
