"""Axis and centromere placed by hand: named steps, kept in the case, and safe from the models."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from chromview.app.document import Document
from chromview.core.chromosome import Analysis, Box, Chromosome, Quality, Stain, State
from chromview.core.commands import same
from chromview.errors import UserError

AXIS = np.column_stack([np.arange(10.0, 51.0), np.full(41, 15.5)]).astype(np.float32)
BENT = AXIS + np.column_stack([np.zeros(41), 3 * np.sin(np.linspace(0, np.pi, 41))]).astype(np.float32)


def found(**fields: object) -> Chromosome:
    """A chromosome of class 7 as an analysis finds it."""
    values = {"axis": AXIS, "centromere": 0.4, "centromere_confidence": 0.6, "number": 7, "class_confidence": 0.9}
    return Chromosome(1, Box(10, 10, 51, 22), np.ones((41, 12), bool), **{**values, **fields})  # type: ignore[arg-type]


def analysis(chromosome: Chromosome) -> Analysis:
    return Analysis((200, 200), Stain.G_BAND, False, 1.0, (chromosome,), "", False, Quality(count=1), {})


@pytest.fixture
def analysed(document: Document, slide: int) -> int:
    """The slide with one proposal."""
    assert document.set_analysis(slide, analysis(found()), document.request(slide))
    return slide


def now(document: Document, slide: int) -> Chromosome:
    return document.chromosomes(slide)[1]


def test_each_is_one_named_step_that_is_taken_back_exactly(document: Document, analysed: int) -> None:
    before = now(document, analysed)
    for edit, title in (
        (lambda: document.set_axis(analysed, 1, BENT), "Undo axis of chromosome 7"),
        (lambda: document.set_centromere(analysed, 1, 0.3), "Undo centromere of chromosome 7"),
        (lambda: document.find_axis(analysed, 1), "Undo axis of chromosome 7 found anew"),
    ):
        edit()
        after = now(document, analysed)
        assert document.undo_title(analysed) == title
        assert after.state is State.EDITED and not same(after, before)
        document.undo(analysed)
        assert same(now(document, analysed), before)
        document.redo(analysed)
        assert same(now(document, analysed), after)
        document.undo(analysed)


def test_they_are_in_the_case_file(document: Document, analysed: int) -> None:
    document.set_axis(analysed, 1, BENT)
    document.set_centromere(analysed, 1, 0.3)
    before = now(document, analysed)
    assert before.axis_placed and before.centromere_placed
    document.close()
    again = Document.open(document.path)
    try:
        assert same(again.chromosomes(analysed)[1], before)
        again.undo(analysed)
        assert not again.chromosomes(analysed)[1].centromere_placed
    finally:
        again.close()
        again.deleteLater()


def test_the_centromere_stays_at_its_place_of_the_slide(document: Document, analysed: int) -> None:
    longer = np.vstack([AXIS, [[60.0, 15.5]], [[90.0, 15.5]]]).astype(np.float32)
    document.set_axis(analysed, 1, longer)
    assert now(document, analysed).centromere == pytest.approx(0.2)


def test_no_model_moves_what_was_placed(document: Document, analysed: int) -> None:
    document.set_axis(analysed, 1, BENT)
    document.set_centromere(analysed, 1, 0.3)
    placed = now(document, analysed)
    read = replace(placed, axis=AXIS, centromere=0.9, centromere_confidence=0.7, number=9, probabilities=(1 / 24,) * 24)
    assert document.apply_reread(analysed, [placed], [read])
    after = now(document, analysed)
    assert after.number == 9, "what was not placed is read"
    assert np.array_equal(after.axis, placed.axis)  # type: ignore[arg-type]
    assert (after.centromere, after.centromere_confidence) == (placed.centromere, 1.0)
    assert document.set_analysis(analysed, analysis(found(centromere=0.8)), document.request(analysed))
    assert same(now(document, analysed), after)
    document.paint(analysed, {1: (Box(40, 10, 60, 22), np.ones((20, 12), bool))}, "Brush on chromosome 7")
    painted = now(document, analysed)
    longer = np.column_stack([np.arange(10.0, 60.0), np.full(50, 15.5)]).astype(np.float32)
    assert document.apply_reread(analysed, [painted], [replace(painted, axis=longer, centromere=0.9)])
    assert np.array_equal(now(document, analysed).axis, placed.axis)  # type: ignore[arg-type]


def test_a_centromere_stays_where_it_was_placed_when_the_axis_is_read_anew(document: Document, analysed: int) -> None:
    document.set_centromere(analysed, 1, 0.25)
    placed = now(document, analysed)
    turned = np.ascontiguousarray(AXIS[::-1])
    assert document.apply_reread(analysed, [placed], [replace(placed, axis=turned, centromere=0.9)])
    after = now(document, analysed)
    assert after.centromere == pytest.approx(0.75) and after.centromere_placed
    assert np.array_equal(after.axis, turned)  # type: ignore[arg-type]


def test_reading_along_another_axis_is_taken_over_to_the_one_that_was_placed(document: Document, analysed: int) -> None:
    document.set_axis(analysed, 1, BENT)
    placed = now(document, analysed)
    turned = np.ascontiguousarray(AXIS[::-1])
    read = replace(placed, axis=turned, centromere=0.25, p_up=False, polarity_confidence=0.8)
    assert document.apply_reread(analysed, [placed], [read])
    after = now(document, analysed)
    assert after.centromere == pytest.approx(0.75, abs=0.02) and after.p_up


def test_what_was_placed_can_be_handed_back(document: Document, analysed: int) -> None:
    document.set_axis(analysed, 1, BENT)
    document.set_centromere(analysed, 1, 0.3)
    document.find_axis(analysed, 1)
    free = now(document, analysed)
    assert not free.axis_placed and not free.centromere_placed
    assert free.axis is not None and np.abs(free.axis[:, 1] - 15.5).max() < 0.5, "the middle of the rectangle"
    assert free.axis[0, 0] < free.axis[-1, 0], "it runs as it did"
    read = replace(free, centromere=0.55)
    assert document.apply_reread(analysed, [free], [read])
    assert now(document, analysed).centromere == 0.55


def test_another_shape_has_to_be_read_anew(document: Document, analysed: int) -> None:
    document.set_axis(analysed, 1, BENT)
    document.set_centromere(analysed, 1, 0.3)
    document.cut(analysed, 1, [(30, 0), (30, 40)])
    assert not any(c.axis_placed or c.centromere_placed for c in document.chromosomes(analysed).values())


def test_what_is_no_axis_is_refused(document: Document, analysed: int) -> None:
    before = now(document, analysed)
    for bad in (AXIS[:1], AXIS[:, :1], np.full((5, 2), np.nan), np.full((5, 2), 7.0)):
        with pytest.raises(ValueError, match="axis"):
            document.set_axis(analysed, 1, bad)
    assert same(now(document, analysed), before)
    made = document.new_chromosome(analysed, Box(100, 100, 110, 104), np.ones((10, 4), bool))
    with pytest.raises(UserError, match="no axis yet"):
        document.set_centromere(analysed, made, 0.5)
