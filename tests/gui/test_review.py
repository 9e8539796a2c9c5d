"""Reviewing: states of slides, their order, homologues, marks, notes, ideograms, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QLineEdit

from chromview.app.document import Document
from chromview.app.slides import SlideState
from chromview.core.chromosome import Mark
from chromview.ui.homologues import HomologuesWindow
from chromview.ui.window import MainWindow

from .helpers import Sample, settle, show_sample


def of_class(window: MainWindow, number: int) -> list[int]:
    found = [c for c in window.controller.chromosomes.values() if c.in_karyogram and c.number == number]
    return [c.id for c in sorted(found, key=lambda c: c.slot.position if c.slot else 99)]


def choose(window: MainWindow, id: int) -> None:
    window.performer.select(id)
    window.controller.settle()


def act(window: MainWindow, action: str) -> None:
    """Choose an action in its menu."""
    assert window.actions_by_id[action].isEnabled()
    window.actions_by_id[action].trigger()
    settle(window)


def listed(window: MainWindow) -> list[str]:
    """What the list of slides says, from above."""
    model = window.slides.list
    return [str(model.data(model.index(row))) for row in range(model.rowCount())]


def pixels(image: QImage) -> np.ndarray:
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    return np.array(image.constBits()).reshape(image.height(), image.width(), 4)[..., :3].astype(int)


# --- slides ----------------------------------------------------------------------------------------


def test_a_person_says_how_far_a_slide_is(cell_window: MainWindow) -> None:
    window = cell_window
    assert "doubtful" in listed(window)[0]
    act(window, "case.state_rejected")
    assert listed(window)[0].endswith("rejected")
    assert window.actions_by_id["edit.undo"].text() == "Undo state rejected"
    act(window, "case.state_counted")
    assert listed(window)[0].endswith("47,XY,+21 · counted only")
    act(window, "edit.undo")
    act(window, "edit.undo")
    assert "doubtful" in listed(window)[0]


def test_reviewed_is_refused_while_proposals_are_left(cell_window: MainWindow) -> None:
    window = cell_window
    act(window, "case.state_done")
    assert "still proposals" in window.bar("viewer").text
    assert window.controller.slides[0].state is SlideState.PROPOSED
    act(window, "chromosome.accept_rest")
    act(window, "case.state_started")
    assert listed(window)[0].endswith("in work")
    act(window, "case.state_done")
    assert listed(window)[0].endswith("reviewed")


def test_the_state_is_in_the_case_file(cell_window: MainWindow, tmp_path: Path) -> None:
    act(cell_window, "case.state_counted")
    cell_window.deeds.save_as(tmp_path / "case.chromview")
    cell_window.close()
    document = Document.open(tmp_path / "case.chromview")
    assert document.slides[0].state is SlideState.COUNTED
    document.undo(document.slides[0].id)
    assert document.slides[0].state is SlideState.PROPOSED
    document.close()
    document.deleteLater()


def test_slides_left_aside_are_not_among_the_cells(cell_window: MainWindow) -> None:
    from chromview.app.cells import cells_of

    assert len(cells_of(cell_window.controller.document)) == 1
    act(cell_window, "case.state_rejected")
    assert cells_of(cell_window.controller.document) == []


def test_slides_are_sorted_and_the_keys_follow(
    window: MainWindow, cell: Sample, cluster: Sample, tmp_path: Path, qtbot: Any
) -> None:
    for name, sample in (("slide 10.png", cluster), ("slide 9.png", cell)):
        path = tmp_path / name
        path.write_bytes(sample.path.read_bytes())
        show_sample(window, Sample(path, sample.analysis))
    act(window, "view.sort_name")
    assert [text.split("\n")[0] for text in listed(window)] == ["slide 9.png", "slide 10.png"]
    act(window, "view.sort_added")
    assert listed(window)[0].startswith("slide 10.png")
    act(window, "view.sort_quality")  # a whole cell before a cluster
    assert listed(window)[0].startswith("slide 9.png")
    assert window.controller.info is not None and window.controller.info.name == "slide 9.png"
    qtbot.keyClick(window.viewer, Qt.Key.Key_PageDown)
    settle(window)
    assert window.controller.info.name == "slide 10.png"
    assert window.status.slide.text().startswith("Slide 2 of 2")
    # What is done to the slide shown does not let it jump; another one shown sorts anew.
    act(window, "view.sort_state")
    act(window, "chromosome.accept_rest")
    assert listed(window)[0].startswith("slide 10.png")
    qtbot.keyClick(window.viewer, Qt.Key.Key_PageDown)
    settle(window)
    assert window.controller.info.name == "slide 9.png"
    assert listed(window)[0].startswith("slide 9.png")


# --- karyogram -------------------------------------------------------------------------------------


def test_homologues_change_places(cell_window: MainWindow, qtbot: Any) -> None:
    window = cell_window
    first, second = of_class(window, 7)
    choose(window, first)
    qtbot.keyClick(window.karyogram, Qt.Key.Key_H, Qt.KeyboardModifier.ShiftModifier)
    settle(window)
    assert of_class(window, 7) == [second, first]
    assert window.actions_by_id["edit.undo"].text() == "Undo swap of chromosome 7 and chromosome 7"
    act(window, "edit.undo")
    assert of_class(window, 7) == [first, second]


def test_two_of_different_classes_change_classes_too(cell_window: MainWindow) -> None:
    window = cell_window
    one, other = of_class(window, 6)[0], of_class(window, 7)[1]
    choose(window, one)
    window.performer.select(other, second=True)
    act(window, "karyogram.swap")
    assert window.controller.chromosomes[one].number == 7 and window.controller.chromosomes[other].number == 6
    assert str(window.controller.chromosomes[one].slot) == "7.2"
    assert window.controller.state.proposal == "47,XY,+21"


def test_of_three_it_has_to_be_said_which(cell_window: MainWindow) -> None:
    choose(cell_window, of_class(cell_window, 21)[0])
    act(cell_window, "karyogram.swap")
    assert "Ctrl+click the other one" in cell_window.bar("viewer").text


def test_a_derivative_and_a_marker_are_in_the_formula(cell_window: MainWindow) -> None:
    window = cell_window
    choose(window, of_class(window, 9)[0])
    act(window, "karyogram.derivative")
    assert window.karyogram_panel.formula.text() == "47,XY,der(9),+21"
    third = of_class(window, 21)[2]
    choose(window, third)
    act(window, "karyogram.marker")
    assert window.karyogram_panel.formula.text() == "47,XY,der(9),+mar"
    marker = window.controller.chromosomes[third]
    assert marker.mark is Mark.MARKER and marker.slot is None and marker.number == 0
    assert "Marker" in window.inspector.facts.text()
    # A class takes the name of a marker away again.
    window.performer.set_class(21)
    settle(window)
    assert window.controller.chromosomes[third].mark is Mark.NONE
    assert window.karyogram_panel.formula.text() == "47,XY,der(9),+21"
    for _ in range(3):
        act(window, "edit.undo")
    assert window.karyogram_panel.formula.text() == "47,XY,+21"


def test_a_derivative_needs_a_class(cell_window: MainWindow) -> None:
    window = cell_window
    choose(window, of_class(window, 9)[0])
    act(window, "karyogram.marker")
    act(window, "karyogram.derivative")
    assert "has no class" in window.bar("viewer").text


def test_a_note_is_typed_drawn_kept_and_undone(cell_window: MainWindow, tmp_path: Path, qtbot: Any) -> None:
    window = cell_window
    id = of_class(window, 2)[0]
    choose(window, id)
    rect = window.karyogram.rect_of(id)
    assert rect is not None
    before = pixels(window.karyogram.grab(rect.adjusted(0, -14, 0, -rect.height())).toImage())
    window.karyogram.setFocus()
    qtbot.keyClick(window.karyogram, Qt.Key.Key_T)
    field = window.findChild(QLineEdit, "inspector.note")
    qtbot.keyClicks(field, "inv(2)?")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    settle(window)
    assert window.controller.chromosomes[id].note == "inv(2)?"
    assert window.controller.chromosomes[id].state.value == "edited"
    rect = window.karyogram.rect_of(id)
    assert rect is not None
    above = rect.adjusted(0, -14, 0, -rect.height())  # where nothing stood before
    assert not np.array_equal(pixels(window.karyogram.grab(above).toImage()), before)
    with qtbot.waitSignal(window.controller.background.done):
        window.deeds.export_table(tmp_path / "k.csv")
    assert "inv(2)?" in (tmp_path / "k.csv").read_text()
    window.deeds.save_as(tmp_path / "case.chromview")
    act(window, "edit.undo")
    assert window.controller.chromosomes[id].note == "" and field.text() == ""
    act(window, "edit.redo")
    assert field.text() == "inv(2)?"


def test_escape_in_the_note_leaves_it_as_it_was(cell_window: MainWindow, qtbot: Any) -> None:
    window = cell_window
    choose(window, of_class(window, 2)[0])
    act(window, "karyogram.annotate")
    field = window.findChild(QLineEdit, "inspector.note")
    qtbot.keyClicks(field, "nonsense")
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    settle(window)
    assert field.text() == "" and not any(c.note for c in window.controller.chromosomes.values())


# --- ideograms and homologues ----------------------------------------------------------------------


@pytest.mark.parametrize(("bands", "least", "most"), [(400, 8, 30), (550, 20, 50), (850, 40, 90)])
def test_ideograms_have_three_resolutions(cell_window: MainWindow, bands: int, least: int, most: int) -> None:
    window = cell_window
    choose(window, of_class(window, 1)[0])
    act(window, f"view.bands_{bands}")
    ideogram = window.inspector.portrait.ideogram
    assert ideogram is not None and least < len(ideogram.bands) < most
    assert window.actions_by_id[f"view.bands_{bands}"].isChecked()


def test_ideograms_stand_beside_the_chromosomes(cell_window: MainWindow) -> None:
    window = cell_window
    canvas = window.karyogram.canvas
    assert canvas is not None and all(area.ideogram is None for area in canvas.classes)
    act(window, "view.ideograms")
    canvas = window.karyogram.canvas
    assert canvas is not None
    lines = {row.rect.y: row.centromere_y for row in canvas.rows}
    for area in canvas.classes:
        box = area.ideogram
        assert box is not None and box.y < lines[area.rect.y] < box.bottom
        first = next(p for p in canvas.places if p.slot.number == area.number)
        assert box.right <= first.rect.x + 10  # left of the chromosomes, on none of them
        assert not any(box.x < p.rect.right and p.rect.x < box.right and p.slot and p.slot.number == area.number
                       for p in canvas.placed)  # fmt: skip
    shown = pixels(window.karyogram.grab().toImage())
    act(window, "view.bands_850")
    assert (pixels(window.karyogram.grab().toImage()) != shown).any()
    act(window, "view.ideograms")
    canvas = window.karyogram.canvas
    assert canvas is not None and all(area.ideogram is None for area in canvas.classes)


def test_the_choice_of_ideograms_and_order_is_remembered(open_window: Any, settings: QSettings) -> None:
    window = open_window()
    window.actions_by_id["view.bands_400"].trigger()
    window.actions_by_id["view.sort_state"].trigger()
    window.close()
    again = open_window()
    assert again.deeds.bands == 400 and again.actions_by_id["view.bands_400"].isChecked()
    assert again.actions_by_id["view.sort_state"].isChecked()


def test_homologues_side_by_side_follow_selection_and_edits(cell_window: MainWindow) -> None:
    window = cell_window
    choose(window, of_class(window, 21)[0])
    act(window, "karyogram.compare")
    homologues = window.findChild(HomologuesWindow, "homologues")
    assert homologues is not None and homologues.view.shown == of_class(window, 21)
    assert "21 of cell.png: 3" in homologues.title.text()
    choose(window, of_class(window, 4)[0])
    settle(window)
    assert homologues.view.shown == of_class(window, 4)
    act(window, "karyogram.swap")
    assert homologues.view.shown == of_class(window, 4)
    before = pixels(homologues.view.grab().toImage())
    act(window, "view.bands_400")
    assert (pixels(homologues.view.grab().toImage()) != before).any()
    window.performer.select(None)
    QApplication.processEvents()
    assert homologues.view.shown == []
    homologues.close()


# --- enhancement -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["even_ground", "local_contrast", "sharpen"])
def test_enhancement_changes_the_view_and_nothing_else(cell_window: MainWindow, name: str) -> None:
    window = cell_window
    image = window.controller.image
    assert image is not None
    data, shown = image.pixels.copy(), pixels(window.viewer.grab().toImage())
    undo = window.controller.state.undo_title
    window.actions_by_id[f"view.{name}"].trigger()
    picture = window.viewer.picture
    assert picture is not None and not picture.enhancement  # it is made beside the window
    settle(window)
    assert (pixels(window.viewer.grab().toImage()) != shown).any()
    assert np.array_equal(image.pixels, data) and window.controller.image is image
    assert window.controller.state.undo_title == undo
    act(window, f"view.{name}")
    assert np.array_equal(pixels(window.viewer.grab().toImage()), shown)


def test_enhancement_stays_on_the_next_slide(cell_window: MainWindow, cluster: Sample) -> None:
    act(cell_window, "view.sharpen")
    show_sample(cell_window, cluster)
    settle(cell_window)
    assert cell_window.viewer.picture is not None and cell_window.viewer.picture.enhancement.sharpen


def test_an_enhancement_that_comes_late_is_dropped(cell_window: MainWindow, cluster: Sample) -> None:
    window = cell_window
    plain = pixels(window.viewer.grab().toImage())
    window.actions_by_id["view.sharpen"].trigger()
    window.actions_by_id["view.sharpen"].trigger()  # no more wanted before it was made
    settle(window)
    assert window.viewer.picture is not None and not window.viewer.picture.enhancement
    assert np.array_equal(pixels(window.viewer.grab().toImage()), plain)
    before = window.viewer.picture
    window.actions_by_id["view.local_contrast"].trigger()
    show_sample(window, cluster)
    settle(window)
    assert window.viewer.picture is not before and window.viewer.picture.enhancement.contrast
    assert not before.enhancement


def test_what_is_exported_has_the_ideograms_that_are_shown(cell_window: MainWindow, tmp_path: Path, qtbot: Any) -> None:
    window = cell_window
    found = []
    for shown in (False, True):
        if shown:
            act(window, "view.ideograms")
        path = tmp_path / f"{shown}.png"
        with qtbot.waitSignal(window.controller.background.done):
            window.deeds.export_karyogram(path)
        colours = pixels(QImage(str(path)))
        found.append(int(np.count_nonzero(colours[..., 2] - colours[..., 0] > 80)))  # centromeres are red
    assert found[0] == 0 and found[1] > 500
