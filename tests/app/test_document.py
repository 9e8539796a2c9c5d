"""What a person does in a case, step by step, and what the views are told of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from chromview.app.document import Changed, Document
from chromview.app.selection import doubtful
from chromview.app.slides import SlideState
from chromview.core.chromosome import Analysis, Box, Chromosome, DecidedBy, Kind, Quality, Slot, Stain, State
from chromview.core.commands import same
from chromview.errors import UserError


def rectangle(id: int, top: int, left: int, height: int, width: int, **fields: Any) -> Chromosome:
    """A chromosome that fills its box."""
    return Chromosome(id, Box(top, left, top + height, left + width), np.ones((height, width), bool), **fields)


def analysis(*chromosomes: Chromosome, **fields: Any) -> Analysis:
    """An analysis that found these."""
    values: dict[str, Any] = {
        "shape": (200, 200),
        "stain": Stain.G_BAND,
        "inverted": False,
        "scale": 1.0,
        "chromosomes": chromosomes,
        "proposal": "",
        "is_cluster": False,
        "quality": Quality(count=len(chromosomes), overlaps=0, spread=1.5),
        "seconds": {},
    }
    return Analysis(**{**values, **fields})


def three() -> Analysis:
    """Two of class 7 and a doubtful 21, far from each other."""
    return analysis(
        rectangle(1, 10, 10, 40, 12, number=7, slot=Slot(7, 0), p_up=True, class_confidence=0.9),
        rectangle(2, 10, 60, 40, 12, number=7, slot=Slot(7, 1), class_confidence=0.9),
        rectangle(3, 100, 60, 20, 12, number=21, slot=Slot(21, 0), doubts=("class",)),
    )


@pytest.fixture
def analysed(document: Document, slide: int) -> int:
    """The slide with three proposals."""
    assert document.set_analysis(slide, three(), document.request(slide))
    return slide


def snapshot(document: Document, slide: int) -> dict[int, Chromosome]:
    return dict(document.chromosomes(slide))


def unchanged(document: Document, slide: int, before: dict[int, Chromosome]) -> bool:
    now = document.chromosomes(slide)
    return list(now) == list(before) and all(same(now[id], before[id]) for id in now)


def test_every_edit_is_one_step_that_is_named_and_taken_back_exactly(document: Document, analysed: int) -> None:
    bits = np.zeros((10, 30), bool)
    bits[:, 5:] = True
    edits: list[tuple[Callable[[], object], str]] = [
        (lambda: document.paint(analysed, {1: (Box(5, 5, 15, 35), bits)}, "Brush on chromosome 7"), "Brush on"),
        (lambda: document.paint(analysed, {0: (Box(150, 5, 160, 35), bits)}, "New chromosome"), "New chromosome"),
        (lambda: document.new_chromosome(analysed, Box(150, 5, 160, 35), bits), "New chromosome"),
        (lambda: document.cut(analysed, 1, [(30, 0), (30, 40)]), "Cut of chromosome 7"),
        (lambda: document.join(analysed, [1, 2]), "Joining of chromosome 7 and chromosome 7"),
        (lambda: document.move_edges(analysed, True, (200, 200)), "Edges of all masks outwards"),
        (lambda: document.move_edges(analysed, False, (200, 200)), "Edges of all masks inwards"),
        (lambda: document.accept(analysed, [3]), "Acceptance of chromosome 21"),
        (lambda: document.accept_rest(analysed), "Acceptance of the rest"),
        (lambda: document.reject(analysed, [1, 3]), "Rejection of chromosome 7 and chromosome 21"),
        (lambda: document.set_class(analysed, 3, 23), "Class X for chromosome 21"),
        (lambda: document.flip(analysed, 2), "Flip of chromosome 7"),
        (lambda: document.turn(analysed, 2, 15.0), "Turning of chromosome 7"),
        (lambda: document.move_to_slot(analysed, 3, Slot(7, 0)), "Move of chromosome 21 to place 7.1"),
        (lambda: document.move_to_slot(analysed, 3, None), "Move of chromosome 21 to the tray"),
        (lambda: document.set_stain(analysed, Stain.DAPI), "Stain dapi"),
    ]
    for do, title in edits:
        before, info = snapshot(document, analysed), document.slide(analysed)
        do()
        after = snapshot(document, analysed)
        assert document.undo_title(analysed).startswith(f"Undo {title[0].lower()}{title[1:]}")  # type: ignore[union-attr]
        assert document.undo(analysed) is not None
        assert unchanged(document, analysed, before)
        assert document.slide(analysed) == info
        assert document.redo_title(analysed).startswith(f"Redo {title[0].lower()}{title[1:]}")  # type: ignore[union-attr]
        document.redo(analysed)
        assert unchanged(document, analysed, after)
        document.undo(analysed)
    assert document.undo_title(analysed) == "Undo analysis"


def test_a_case_is_reopened_exactly_as_it_was_undo_included(document: Document, analysed: int, qapp: object) -> None:
    document.cut(analysed, 1, [(30, 0), (30, 40)])
    document.set_class(analysed, 3, 22)
    document.reject(analysed, [2])
    document.undo(analysed)
    before, infos = snapshot(document, analysed), document.slides
    titles = document.undo_title(analysed), document.redo_title(analysed)
    document.close()
    again = Document.open(document.path)
    assert unchanged(again, analysed, before)
    assert again.slides == infos
    assert (again.undo_title(analysed), again.redo_title(analysed)) == titles
    assert titles == ("Undo class 22 for chromosome 21", "Redo rejection of chromosome 7")
    again.redo(analysed)
    assert again.chromosomes(analysed)[2].state is State.REJECTED
    while again.undo(analysed):
        pass
    assert not again.chromosomes(analysed)
    again.close()


def test_a_new_edit_ends_what_could_be_redone(document: Document, analysed: int) -> None:
    document.flip(analysed, 1)
    document.undo(analysed)
    document.flip(analysed, 2)
    assert document.redo_title(analysed) is None
    assert document.redo(analysed) is None


def test_undo_is_per_slide(document: Document, analysed: int, picture: Callable[..., Path]) -> None:
    (other,) = document.add_slides([picture("other.png", 1)])
    document.new_chromosome(other, Box(0, 0, 5, 5), np.ones((5, 5), bool))
    document.flip(analysed, 1)
    document.undo(other)
    assert not document.chromosomes(other)
    assert document.undo_title(analysed) == "Undo flip of chromosome 7"
    assert document.undo_title(other) is None
    assert document.undo(other) is None


def test_views_are_told_what_changed_and_no_more(document: Document, analysed: int) -> None:
    told: list[Changed] = []
    document.changed.connect(told.append)
    document.paint(analysed, {1: (Box(10, 10, 12, 12), np.zeros((2, 2), bool))}, "Eraser")
    document.accept(analysed, [2])
    document.accept(analysed, [2])
    document.undo(analysed)
    assert [c.ids for c in told] == [{1}, {2}, {2}]
    assert told[0].masks and not told[1].masks
    assert told[1].box == document.chromosomes(analysed)[2].box
    assert all(c.slide_id == analysed for c in told)


def test_a_mapping_of_chromosomes_never_changes_under_a_view(document: Document, analysed: int) -> None:
    held = document.chromosomes(analysed)
    document.reject(analysed, [1])
    assert held[1].state is State.PROPOSED
    with pytest.raises(TypeError):
        held[1] = held[2]  # type: ignore[index]
    with pytest.raises(ValueError, match="read-only"):
        held[1].mask[0, 0] = False


def test_edits_happen_in_transactions_only(document: Document, analysed: int) -> None:
    before = snapshot(document, analysed)
    with pytest.raises(ZeroDivisionError), document.transaction(analysed, "Half") as edit:
        edit.remove(1)
        edit.add(rectangle(0, 0, 0, 5, 5))
        _ = 1 / 0
    assert unchanged(document, analysed, before)
    with pytest.raises(RuntimeError, match="outside"):
        edit.remove(2)
    with pytest.raises(RuntimeError, match="inside another"), document.transaction(analysed, "Outer"):
        document.flip(analysed, 1)
    assert unchanged(document, analysed, before)
    with document.transaction(analysed, "Nothing") as edit:
        edit.replace(before[1])
        edit.remove(edit.add(rectangle(0, 0, 0, 5, 5)))
    assert document.undo_title(analysed) == "Undo analysis"


def test_an_id_is_never_used_twice(document: Document, analysed: int) -> None:
    first = document.new_chromosome(analysed, Box(0, 0, 5, 5), np.ones((5, 5), bool))
    document.undo(analysed)
    second = document.new_chromosome(analysed, Box(0, 0, 5, 5), np.ones((5, 5), bool))
    assert second == first + 1 == document.next_id(analysed) - 1
    with pytest.raises(ValueError, match="used before"), document.transaction(analysed, "Old") as edit:
        edit.add(rectangle(first, 0, 0, 3, 3))


def test_painting_a_chromosome_away_removes_it_and_closes_its_place(document: Document, analysed: int) -> None:
    box = document.chromosomes(analysed)[1].box
    document.paint(analysed, {1: (box, np.zeros((box.height, box.width), bool))}, "Eraser")
    assert list(document.chromosomes(analysed)) == [2, 3]
    assert document.chromosomes(analysed)[2].slot == Slot(7, 0)
    document.undo(analysed)
    assert document.chromosomes(analysed)[2].slot == Slot(7, 1)


def test_a_cut_keeps_the_larger_part_and_a_miss_changes_nothing(document: Document, analysed: int) -> None:
    whole = document.chromosomes(analysed)[1]
    assert document.cut(analysed, 1, [(25, 0), (25, 40)]) == (1, 4)
    kept, new = (document.chromosomes(analysed)[id] for id in (1, 4))
    assert kept.area + new.area == whole.area and kept.area > new.area
    assert (kept.number, kept.slot, kept.state) == (7, Slot(7, 0), State.EDITED)
    assert (new.number, new.slot, new.state) == (0, None, State.EDITED)
    before = snapshot(document, analysed)
    with pytest.raises(UserError, match="does not cut"):
        document.cut(analysed, 2, [(0, 0), (5, 5)])
    assert unchanged(document, analysed, before)


def test_joining_keeps_the_largest_and_frees_the_others_places(document: Document, analysed: int) -> None:
    assert document.join(analysed, [3, 1]) == 1
    joined = document.chromosomes(analysed)[1]
    assert joined.area == 40 * 12 + 20 * 12
    assert list(document.chromosomes(analysed)) == [1, 2]
    with pytest.raises(UserError, match="two"):
        document.join(analysed, [1])


def test_edges_move_where_nobody_looked_and_come_back_exactly(document: Document, analysed: int) -> None:
    document.accept(analysed, [3])
    before = snapshot(document, analysed)
    assert document.move_edges(analysed, True, (200, 200)) == (1, 2)
    wider = snapshot(document, analysed)
    assert [wider[id].area > before[id].area for id in (1, 2, 3)] == [True, True, False]
    assert wider[1].state is State.PROPOSED and wider[1].slot == before[1].slot
    assert document.move_edges(analysed, False, (200, 200)) == (1, 2)
    assert document.move_edges(analysed, False, (200, 200)) == (1, 2)
    assert document.chromosomes(analysed)[1].area < before[1].area
    for _ in range(3):
        document.undo(analysed)
    assert unchanged(document, analysed, before)
    document.accept(analysed, [1, 2])
    with pytest.raises(UserError, match="by a person"):
        document.move_edges(analysed, True, (200, 200))


def test_an_overlap_is_split_between_two_that_only_touch(document: Document, slide: int) -> None:
    a = document.new_chromosome(slide, Box(0, 0, 20, 20), np.ones((20, 20), bool))
    b = document.new_chromosome(slide, Box(0, 15, 20, 40), np.ones((20, 25), bool))
    document.split_overlap(slide, [a, b])
    first, second = (document.chromosomes(slide)[id] for id in (a, b))
    assert first.box.intersection(second.box) is None
    assert first.area + second.area == 20 * 40
    with pytest.raises(UserError, match="nothing to split"):
        document.split_overlap(slide, [a, b])


def test_a_crossing_is_split_into_two_that_share_it(document: Document, slide: int) -> None:
    cross = np.zeros((60, 60), bool)
    cross[25:35, :] = cross[:, 25:35] = True
    id = document.new_chromosome(slide, Box(20, 20, 80, 80), cross)
    first, second = (document.chromosomes(slide)[i] for i in document.split_overlap(slide, id))
    assert first.area + second.area > cross.sum() + 50
    with pytest.raises(UserError, match="no crossing"):
        document.split_overlap(slide, first.id)


def test_decisions_of_a_person(document: Document, analysed: int) -> None:
    document.set_class(analysed, 3, 7)
    third = document.chromosomes(analysed)[3]
    assert (third.number, third.slot, third.decided_by, third.state) == (7, Slot(7, 2), DecidedBy.PERSON, State.EDITED)
    document.reject(analysed, [1])
    assert [document.chromosomes(analysed)[id].slot for id in (1, 2, 3)] == [None, Slot(7, 0), Slot(7, 1)]
    document.restore(analysed, [1])
    assert document.chromosomes(analysed)[1].slot == Slot(7, 2)
    document.move_to_slot(analysed, 1, Slot(7, 0))
    assert [document.chromosomes(analysed)[id].slot for id in (1, 2, 3)] == [Slot(7, 0), Slot(7, 2), Slot(7, 1)]
    document.move_to_slot(analysed, 1, Slot(9, 0))
    moved = document.chromosomes(analysed)[1]
    assert (moved.number, moved.slot, moved.decided_by) == (9, Slot(9, 0), DecidedBy.PERSON)
    document.move_to_slot(analysed, 3, Slot(9, 0))
    assert [document.chromosomes(analysed)[id].slot for id in (1, 2, 3)] == [Slot(9, 1), Slot(7, 0), Slot(9, 0)]
    up = moved.p_up
    document.flip(analysed, [1, 2])
    assert document.chromosomes(analysed)[1].p_up is not up
    document.turn(analysed, 1, 190.0)
    assert document.chromosomes(analysed)[1].angle == -170.0
    document.set_class(analysed, 1, 0)
    assert document.chromosomes(analysed)[1].slot is None
    with pytest.raises(ValueError, match="no class"):
        document.set_class(analysed, 1, 25)


def test_accepting_stands_behind_proposals_only(document: Document, analysed: int) -> None:
    document.flip(analysed, 1)
    document.reject(analysed, [3])
    assert document.accept_rest(analysed) == 1
    assert [c.state for c in document.chromosomes(analysed).values()] == [State.EDITED, State.ACCEPTED, State.REJECTED]
    assert document.accept_rest(analysed) == 0
    assert document.undo_title(analysed) == "Undo acceptance of the rest"


def test_the_list_tells_how_far_each_slide_is(document: Document, slide: int) -> None:
    assert document.slide(slide).state is SlideState.NEW
    document.set_analysis(slide, three(), document.request(slide))
    info = document.slide(slide)
    assert (info.state, info.count, info.doubtful, info.untouched) == (SlideState.PROPOSED, 3, 1, 3)
    assert (info.stain, info.quality.spread, info.shape) == (Stain.G_BAND, 1.5, (200, 200))
    document.accept(slide, [3])
    info = document.slide(slide)
    assert (info.state, info.doubtful, info.untouched) == (SlideState.STARTED, 0, 2)
    document.accept_rest(slide)
    assert document.slide(slide).state is SlideState.DONE


def test_a_slide_is_reviewed_when_what_was_left_out_was_looked_at_too(document: Document, slide: int) -> None:
    left_out = rectangle(
        4, 150, 10, 9, 9, kind=Kind.DEBRIS, decided_by=DecidedBy.CELL, doubts=("no chromosome of this cell",)
    )
    document.set_analysis(slide, analysis(*three().chromosomes, left_out), document.request(slide))
    info = document.slide(slide)
    assert (info.count, info.doubtful, info.untouched) == (3, 2, 4)
    assert doubtful(document.chromosomes(slide)) == (3, 4)
    document.accept(slide, [1, 2, 3])
    assert document.slide(slide).state is SlideState.STARTED
    with pytest.raises(UserError, match="left out"):
        document.set_state(slide, SlideState.DONE)
    document.accept(slide, [4])
    assert document.slide(slide).state is SlideState.DONE
    document.undo(slide)
    document.restore(slide, [4])
    info = document.slide(slide)
    assert (info.state, info.count) == (SlideState.DONE, 4)
    document.undo(slide)
    assert document.accept_rest(slide) == 1
    assert document.slide(slide).state is SlideState.DONE
    assert not document.chromosomes(slide)[4].in_karyogram


def test_the_proposed_karyotype_follows_the_edits(document: Document, slide: int) -> None:
    numbers = [n for n in range(1, 23) for _ in range(2)] + [23, 24]
    cell = [rectangle(n + 1, 0, 4 * n, 4, 3, number=number) for n, number in enumerate(numbers)]
    document.set_analysis(slide, analysis(*cell), document.request(slide))
    assert document.slide(slide).proposal == "46,XY"
    document.set_class(slide, 1, 21)
    assert document.slide(slide).proposal == "46,XY,-1,+21"
    document.undo(slide)
    assert document.slide(slide).proposal == "46,XY"


# -- answers of the models


def test_what_a_person_decided_no_model_changes(document: Document, analysed: int) -> None:
    document.flip(analysed, 1)
    document.reject(analysed, [3])
    kept = {id: document.chromosomes(analysed)[id] for id in (1, 3)}
    fresh = analysis(
        rectangle(1, 12, 10, 40, 12, number=9, slot=Slot(9, 0)),
        rectangle(2, 10, 61, 40, 12, number=7, slot=Slot(7, 0)),
        rectangle(3, 101, 60, 20, 12, number=21, slot=Slot(21, 0)),
        rectangle(4, 150, 100, 20, 12, number=22, slot=Slot(22, 0)),
    )
    assert document.set_analysis(analysed, fresh, document.request(analysed))
    now = document.chromosomes(analysed)
    assert all(same(now[id], kept[id]) for id in kept)
    assert 2 not in now
    new = [c for c in now.values() if c.state is State.PROPOSED]
    assert [(c.number, c.slot) for c in new] == [(7, Slot(7, 1)), (22, Slot(22, 0))]
    document.undo(analysed)
    assert list(document.chromosomes(analysed)) == [1, 2, 3]


def test_a_chromosome_crossing_an_accepted_one_is_still_proposed(document: Document, slide: int) -> None:
    document.new_chromosome(slide, Box(50, 0, 62, 100), np.ones((12, 100), bool))
    crossing = rectangle(1, 0, 40, 120, 12)
    document.set_analysis(slide, analysis(crossing), document.request(slide))
    assert len(document.chromosomes(slide)) == 2


def test_two_found_inside_a_rejected_one_are_proposed(document: Document, slide: int) -> None:
    wrong = document.new_chromosome(slide, Box(0, 0, 40, 40), np.ones((40, 40), bool))
    document.reject(slide, [wrong])
    found = analysis(rectangle(1, 0, 0, 40, 15), rectangle(2, 0, 22, 40, 18))
    document.set_analysis(slide, found, document.request(slide))
    assert len(document.chromosomes(slide)) == 3


def test_late_answers_are_dropped(document: Document, slide: int, picture: Callable[..., Path]) -> None:
    old = document.request(slide)
    new = document.request(slide)
    assert not document.set_analysis(slide, three(), old)
    assert not document.chromosomes(slide)
    assert document.set_analysis(slide, three(), new)
    assert not document.set_analysis(slide, analysis(), new)
    withdrawn = document.request(slide)
    document.withdraw(slide)
    assert not document.set_analysis(slide, analysis(), withdrawn)
    asked = document.request(slide)
    document.remove_slide(slide)
    assert not document.set_analysis(slide, analysis(), asked)
    assert not document.set_analysis(999, analysis(), asked)


def test_edits_while_the_model_runs_survive_its_answer(document: Document, analysed: int) -> None:
    asked = document.request(analysed)
    document.cut(analysed, 1, [(25, 0), (25, 40)])
    assert document.set_analysis(analysed, three(), asked)
    parts = [c for c in document.chromosomes(analysed).values() if c.state is State.EDITED]
    assert len(parts) == 2
    assert all(
        c.box.intersection(Box(10, 10, 50, 22)) is None or c in parts for c in document.chromosomes(analysed).values()
    )


def test_a_reading_is_undone_with_the_edit_it_follows(document: Document, analysed: int) -> None:
    before = snapshot(document, analysed)
    _, new = document.cut(analysed, 1, [(25, 0), (25, 40)])
    asked = [document.chromosomes(analysed)[id] for id in (1, new)]
    axis = np.array([[26, 16], [48, 16]], np.float32)
    read = [
        rectangle(1, *_place(asked[0]), number=12, axis=axis, centromere=0.4, class_confidence=0.8),
        rectangle(new, *_place(asked[1]), number=13, centromere=0.1, class_confidence=0.8),
    ]
    assert document.apply_reread(analysed, asked, read)
    now = document.chromosomes(analysed)
    assert [(now[id].number, now[id].slot) for id in (1, new)] == [(12, Slot(12, 0)), (13, Slot(13, 0))]
    assert now[1].centromere == 0.4 and now[1].state is State.EDITED
    assert now[2].slot == Slot(7, 0)
    assert document.undo_title(analysed) == "Undo cut of chromosome 7"
    document.undo(analysed)
    assert unchanged(document, analysed, before)
    document.redo(analysed)
    assert document.chromosomes(analysed)[new].number == 13


def test_a_reading_that_no_longer_fits_is_dropped(document: Document, analysed: int) -> None:
    document.flip(analysed, 2)
    document.set_class(analysed, 2, 8)
    person = document.chromosomes(analysed)[2]
    read = rectangle(2, *_place(person), number=3, p_up=person.p_up is False, centromere=0.3)
    assert document.apply_reread(analysed, [person], [read])
    now = document.chromosomes(analysed)[2]
    assert (now.number, now.p_up, now.centromere) == (8, person.p_up, 0.3)
    document.paint(analysed, {2: (person.box, np.eye(40, 12, dtype=bool))}, "Eraser")
    assert not document.apply_reread(analysed, [person], [read])
    document.undo(analysed)
    assert not document.apply_reread(analysed, [person], [read])
    assert document.redo_title(analysed) == "Redo eraser"
    assert not document.apply_reread(999, [person], [read])


def test_classes_that_nobody_decided_on_follow_what_a_person_said(document: Document, slide: int) -> None:
    numbers = [n for n in range(1, 23) for _ in range(2)] + [23, 24]
    found = []
    for n, number in enumerate(numbers):
        row = np.full(24, 0.03 / 23)
        row[number - 1] = 0.97
        if number in (9, 10) and numbers[n - 1] == number:  # the second 9 and the second 10 hardly differ
            row[:] = 0.02 / 22
            row[[8, 9]] = (0.5, 0.48) if number == 9 else (0.48, 0.5)
        place = Slot(number, int(numbers[n - 1] == number))
        fields = {"number": number, "slot": place, "probabilities": tuple(row.tolist()), "class_confidence": 0.9}
        found.append(rectangle(n + 1, 5 * (n // 8), 20 * (n % 8), 4, 9, **fields))
    document.set_analysis(slide, analysis(*found), document.request(slide))
    before = document.chromosomes(slide)
    nine, ten = numbers.index(9) + 2, numbers.index(10) + 2

    document.set_class(slide, ten, 9)
    assert document.agree(slide) == 1
    now = document.chromosomes(slide)
    assert (now[nine].number, now[nine].slot) == (10, Slot(10, 1))
    assert (now[ten].number, now[ten].slot, now[ten].decided_by) == (9, Slot(9, 1), DecidedBy.PERSON)
    assert now[nine].state is State.PROPOSED
    assert [now[id].number for id in now if id not in (nine, ten)] == [
        before[id].number for id in before if id not in (nine, ten)
    ]
    assert document.undo_title(slide) == "Undo class 9 for chromosome 10"
    document.undo(slide)
    assert unchanged(document, slide, before)
    assert not document.agree(slide)  # what was taken back says nothing

    # What somebody accepted does not follow any more.
    document.accept(slide, [nine])
    document.set_class(slide, ten, 9)
    document.agree(slide)
    assert document.chromosomes(slide)[nine].number == 9


def _place(chromosome: Chromosome) -> tuple[int, int, int, int]:
    return chromosome.box.top, chromosome.box.left, chromosome.box.height, chromosome.box.width


def test_nuclei_are_no_chromosomes_until_a_person_says_so(document: Document, slide: int) -> None:
    found = analysis(rectangle(1, 0, 0, 50, 50, kind=Kind.NUCLEUS), rectangle(2, 100, 100, 9, 9, number=21))
    document.set_analysis(slide, found, document.request(slide))
    assert document.slide(slide).count == 1
    with pytest.raises(UserError, match="not in the karyogram"):
        document.move_to_slot(slide, 1, Slot(1, 0))
    document.restore(slide, [1])
    assert document.slide(slide).count == 2
    assert document.undo_title(slide) == "Undo restoring of a nucleus"


def test_a_document_tells_its_views(document: Document, slide: int, qtbot: QtBot) -> None:
    with qtbot.waitSignals([document.changed, document.slide_changed, document.undo_changed]):
        document.new_chromosome(slide, Box(0, 0, 5, 5), np.ones((5, 5), bool))
    with qtbot.waitSignal(document.slides_changed):
        document.remove_slide(slide)


def test_a_move_into_a_gap_of_its_own_class_takes_nobody_elses_place(document: Document, slide: int) -> None:
    first, last = (rectangle(id, 10, 50 * id, 40, 12, number=7, slot=Slot(7, 2 * id - 2)) for id in (1, 2))
    assert document.set_analysis(slide, analysis(first, last), document.request(slide))
    document.move_to_slot(slide, 1, Slot(7, 1))
    assert [c.slot for c in document.chromosomes(slide).values()] == [Slot(7, 1), Slot(7, 2)]


@pytest.mark.parametrize("leave", ["reject", "join"])
def test_several_of_one_class_leave_their_places_in_one_step(document: Document, slide: int, leave: str) -> None:
    """Those that stay move up without a gap, and no two of them come into one place."""
    size = 60 if leave == "join" else 20
    found = [rectangle(n, 10, 30 * n, size if n == 5 else 20, 12, number=7, slot=Slot(7, n - 1)) for n in range(1, 7)]
    document.set_analysis(slide, analysis(*found), document.request(slide))
    getattr(document, leave)(slide, [1, 3, 5])
    there = document.chromosomes(slide)
    places = {id: there[id].slot for id in (2, 4, 5, 6) if id in there and there[id].slot is not None}
    expected = (2, 4, 5, 6) if leave == "join" else (2, 4, 6)
    assert places == {id: Slot(7, n) for n, id in enumerate(expected)}
