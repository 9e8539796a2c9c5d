"""The cells of a case side by side: table, consensus, strip, exports, and the way back to a slide."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QApplication

from chromview.ui.cells import CellsWindow
from chromview.ui.window import MainWindow

from .helpers import Hand, Sample, show_sample


@pytest.fixture
def three_cells(window: MainWindow, cell: Sample, cluster: Sample, tmp_path: Path) -> MainWindow:
    """A case with two cells of 47,XY,+21, one without the third 21, and a cluster."""
    add(window, cell)
    with Image.open(cell.path) as image:
        grey = np.asarray(image).copy()
    for name, without_third in (("second.png", False), ("third.png", True)):
        grey[0, 0] ^= 1 + without_third  # another file, and so another slide
        Image.fromarray(grey).save(tmp_path / name)
        chromosomes = list(cell.analysis.chromosomes)
        if without_third:
            chromosomes.remove(next(c for c in chromosomes if c.number == 21))
        add(window, Sample(tmp_path / name, replace(cell.analysis, chromosomes=tuple(chromosomes))))
    add(window, cluster)
    window.controller.settle()
    return window


def add(window: MainWindow, sample: Sample) -> None:
    """Add a slide with its analysis, without waiting for its karyogram."""
    document = window.controller.document
    (slide,) = document.add_slides([sample.path])
    assert document.set_analysis(slide, sample.analysis, document.request(slide))


def opened(window: MainWindow) -> CellsWindow:
    window.perform("case.cells")
    cells = window.findChild(CellsWindow, "cells")
    assert cells is not None
    ready(cells)
    return cells


def ready(cells: CellsWindow) -> None:
    """Let what was asked for arrive."""
    cells.refresh()
    cells.controller.background._pool.waitForDone()
    QApplication.processEvents()


def row(cells: CellsWindow, number: int) -> list[str]:
    items = [cells.table.item(number, column) for column in range(cells.table.columnCount())]
    return [item.text() for item in items if item is not None]


def of_class(window: MainWindow, number: int) -> int:
    return next(c.id for c in window.controller.chromosomes.values() if c.in_karyogram and c.number == number)


def test_every_cell_has_a_row_and_the_consensus_follows(three_cells: MainWindow) -> None:
    cells = opened(three_cells)
    assert cells.table.rowCount() == 4
    assert [row(cells, n)[0] for n in range(4)] == ["cell.png", "second.png", "third.png", "Consensus"]
    assert [row(cells, n)[-1] for n in range(4)] == ["47,XY,+21", "47,XY,+21", "46,XY", "47,XY,+21"]
    assert row(cells, 2)[1 + 21] == "2"
    odd = cells.table.item(2, 1 + 21)
    assert odd is not None and odd.font().bold()
    assert "47,XY,+21</b>, in 2 of 3 cells exactly (+21 in 2) · proposal" in cells.consensus.text()
    assert "47,XY,+21[2]/46,XY[1]</b> · proposal" in cells.clones.text()
    assert cells.note.text() == "3 of 3 cells are not accepted yet"


def test_a_cell_without_its_tick_does_not_count(three_cells: MainWindow) -> None:
    cells = opened(three_cells)
    item = cells.table.item(2, 0)
    assert item is not None
    item.setCheckState(Qt.CheckState.Unchecked)
    ready(cells)
    assert "in 2 of 2 cells" in cells.consensus.text()
    assert "47,XY,+21[2]</b>" in cells.clones.text()
    assert {one.name for one in shown(cells)} == {"cell.png", "second.png"}
    again = cells.table.item(2, 0)
    assert again is not None
    again.setCheckState(Qt.CheckState.Checked)
    assert "in 2 of 3 cells" in cells.consensus.text()


def shown(cells: CellsWindow) -> list[Any]:
    plan = cells.strip.layout_shown
    assert plan is not None
    return [placed.item for placed in plan.placed]


def test_the_strip_shows_the_class_of_every_cell(three_cells: MainWindow) -> None:
    cells = opened(three_cells)
    assert cells.classes.currentText() == "Chromosome 21"
    assert [item.name for item in shown(cells)] == ["cell.png"] * 3 + ["second.png"] * 3 + ["third.png"] * 2
    cells.table.horizontalHeader().sectionClicked.emit(2 + 23)
    ready(cells)
    assert [item.name for item in shown(cells)] == ["cell.png", "second.png", "third.png"]
    cells.classes.setCurrentIndex(0)
    ready(cells)
    assert len(shown(cells)) == 6
    assert all(item.straight.length > 50 for item in shown(cells))


def test_a_click_in_the_strip_goes_to_the_chromosome(three_cells: MainWindow) -> None:
    window = three_cells
    cells = opened(window)
    plan = cells.strip.layout_shown
    assert plan is not None
    placed = plan.placed[4]
    Hand(cells.strip).click(QPointF(placed.left + placed.width / 2, placed.top + placed.height / 2))
    window.controller.settle()
    assert window.controller.selection.slide == placed.item.slide
    assert window.controller.selection.chromosome == placed.item.chromosome
    assert window.controller.chromosomes[placed.item.chromosome].number == 21
    Hand(cells.strip).click(QPointF(1, 1))
    assert window.controller.selection.chromosome == placed.item.chromosome
    cells.table.cellDoubleClicked.emit(2, 0)
    assert window.controller.info is not None and window.controller.info.name == "third.png"
    cells.table.cellDoubleClicked.emit(3, 0)  # the consensus is no slide
    assert window.controller.info.name == "third.png"


def test_an_edit_shows_in_table_and_strip(three_cells: MainWindow, qtbot: Any) -> None:
    window = three_cells
    cells = opened(window)
    first = window.controller.slides[0].id
    window.controller.selection.show_slide(first)
    id = of_class(window, 21)
    before = next(item for item in shown(cells) if (item.slide, item.chromosome) == (first, id))
    kept = next(item for item in shown(cells) if item.slide == first and item.chromosome != id)
    window.controller.document.flip(first, id)
    qtbot.waitUntil(lambda: cells._soon.isActive() is False)
    ready(cells)
    after = next(item for item in shown(cells) if (item.slide, item.chromosome) == (first, id))
    assert (after.straight.image[::-1, ::-1] == before.straight.image).mean() > 0.9
    # What did not change is not made again.
    assert any(item.straight is kept.straight for item in shown(cells))
    window.controller.document.set_class(first, id, 22)
    ready(cells)
    assert row(cells, 0)[-1] == "47,XY,+22"
    assert len(shown(cells)) == 7


def test_exports_hold_what_is_shown(three_cells: MainWindow, tmp_path: Path) -> None:
    window = three_cells
    cells = opened(window)
    cells.export_counts(tmp_path / "cells.csv")
    cells.export_strip(tmp_path / "strip.png")
    window.controller.background._pool.waitForDone()
    QApplication.processEvents()
    with (tmp_path / "cells.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["row"] for r in rows] == ["cell", "cell", "cell", "consensus", "clone", "clone"]
    assert [r["21"] for r in rows] == ["3", "3", "2", "3", "3", "2"]
    assert [r["cells"] for r in rows[3:]] == ["2", "2", "1"]
    assert rows[3]["karyotype"] == "47,XY,+21"
    assert {r["accepted"] for r in rows[:3]} == {"no"}
    plan = cells.strip.layout_shown
    assert plan is not None
    with Image.open(tmp_path / "strip.png") as picture:
        assert picture.size == (plan.width, plan.height)
    # A problem is said in the window.
    cells.export_counts(tmp_path / "nowhere" / "cells.csv")
    window.controller.background._pool.waitForDone()
    QApplication.processEvents()
    assert "nowhere" in window.bar("karyogram").text


def test_a_slide_whose_image_is_gone_is_named_and_the_others_are_shown(three_cells: MainWindow) -> None:
    window = three_cells
    window.controller.slides[1].path.unlink()
    cells = opened(window)
    assert {item.name for item in shown(cells)} == {"cell.png", "third.png"}
    assert "second.png" in window.bar("slides").text


def test_a_case_without_cells_says_what_to_do(window: MainWindow, cluster: Sample) -> None:
    show_sample(window, cluster)
    cells = opened(window)
    assert cells.table.rowCount() == 0
    assert "analyse" in cells.consensus.text()
    assert shown(cells) == []


def test_another_case_is_another_table(three_cells: MainWindow, cell: Sample) -> None:
    window = three_cells
    cells = opened(window)
    window.deeds.new_case()
    ready(cells)
    assert cells.table.rowCount() == 0
    show_sample(window, replace(cell, analysis=replace(cell.analysis)))
    ready(cells)
    assert row(cells, 0)[0] == "cell.png"
    assert len(shown(cells)) == 3


def test_the_same_window_opens_again(three_cells: MainWindow) -> None:
    cells = opened(three_cells)
    cells.close()
    assert opened(three_cells) is cells
    assert cells.isVisible()


def test_closing_while_a_strip_is_made_is_no_trouble(three_cells: MainWindow) -> None:
    three_cells.perform("case.cells")
    three_cells.close()
    assert three_cells.controller.background._pool.activeThreadCount() == 0
