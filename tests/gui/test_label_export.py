"""Labels for training out of the window: the dialog, what is written, what is said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt

from chromview.cli import main
from chromview.core.masks import clusters
from chromview.storage.labels import read_labels
from chromview.ui.label_dialog import LabelDialog
from chromview.ui.window import MainWindow

from .helpers import Sample, settle, show_sample, written


def dialog_of(window: MainWindow) -> LabelDialog:
    window.actions_by_id["file.export_labels"].trigger()
    dialog = window.findChild(LabelDialog, "labels")
    assert dialog is not None and dialog.isVisible()
    return dialog


def export(window: MainWindow, dialog: LabelDialog, folder: Path, qtbot: Any) -> None:
    """Type the folder, press Export and wait until it is written."""
    dialog.folder.selectAll()
    qtbot.keyClicks(dialog.folder, str(folder))
    qtbot.mouseClick(dialog.export, Qt.MouseButton.LeftButton)
    written(window)
    assert window.controller.exporter.status is None


def test_a_case_becomes_labels_with_their_provenance(
    window: MainWindow, cell: Sample, cluster: Sample, tmp_path: Path, qtbot: Any
) -> None:
    show_sample(window, cell)
    show_sample(window, cluster)
    first = min(window.controller.chromosomes)
    window.performer.select(first)
    window.perform("chromosome.accept")
    dialog = dialog_of(window)
    for box in dialog.parts.values():
        box.setChecked(True)
    qtbot.mouseClick(dialog.reviewed, Qt.MouseButton.LeftButton)
    assert not dialog.reviewed.isChecked()
    export(window, dialog, tmp_path / "labels", qtbot)
    pairs = [g for g in clusters([c for c in cell.analysis.chromosomes if c.in_karyogram]) if len(g) == 2]
    for name in ("clusters", "clusters_painted", "clusters.h5", "clusters_pairs.h5", "clusters.npz"):
        assert len(read_labels(tmp_path / "labels" / name)) == len(pairs) + 1
    slides = json.loads((tmp_path / "labels" / "provenance.json").read_text())["slides"]
    assert [slide["name"] for slide in slides] == ["cell.png", "cluster.png"]
    records = {record["chromosome_id"]: record for record in slides[1]["chromosomes"]}
    assert records[first]["state"] == "accepted" and records[first]["decided"]["by"] == "person"
    assert {record["mask_from"]["by"] for record in records.values()} == {"model"}
    assert all(record["mask_from"]["when"] for record in records.values())
    assert "Labels of" in window.status.said.text()


def test_a_corrected_mask_is_exported_as_it_was_corrected_and_as_a_persons(
    cluster_window: MainWindow, tmp_path: Path, qtbot: Any
) -> None:
    window = cluster_window
    document, slide = window.controller.document, window.controller.selection.slide
    assert slide is not None
    first, second = sorted(window.controller.chromosomes)[:2]
    mended = window.controller.chromosomes[first].mask.copy()
    mended[:3] = False
    box = window.controller.chromosomes[first].box
    with document.transaction(slide, "Brush on a chromosome") as edit:
        old = edit.chromosomes[first]
        edit.replace(old.with_mask(box, mended))
    window.perform("chromosome.accept_rest")
    settle(window)
    dialog = dialog_of(window)
    dialog.one_slide.click()
    export(window, dialog, tmp_path / "labels", qtbot)
    read = read_labels(tmp_path / "labels" / "clusters.h5")
    assert read.labels is not None
    assert np.count_nonzero(read.labels[0] & 1) == np.count_nonzero(mended)
    assert np.count_nonzero(read.labels[0] & 2) == window.controller.chromosomes[second].area


def test_what_could_not_be_written_is_said_over_the_slides(cell_window: MainWindow, tmp_path: Path, qtbot: Any) -> None:
    window = cell_window
    dialog = dialog_of(window)
    assert dialog.reviewed.isChecked()
    export(window, dialog, tmp_path / "labels", qtbot)
    assert "not accepted yet" in window.bar("slides").text
    assert "there are no labels to write" in window.bar("slides").text
    assert not (tmp_path / "labels").exists()
    window.perform("chromosome.accept_rest")
    export(window, dialog_of(window), tmp_path / "labels", qtbot)
    assert (tmp_path / "labels" / "provenance.json").is_file()
    assert "provenance.json" in window.bar("slides").text or not window.bar("slides").isVisible()


def test_a_folder_that_is_not_empty_is_refused(cluster_window: MainWindow, tmp_path: Path, qtbot: Any) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "mine").write_text("mine")
    dialog = dialog_of(cluster_window)
    qtbot.mouseClick(dialog.reviewed, Qt.MouseButton.LeftButton)
    export(cluster_window, dialog, tmp_path / "labels", qtbot)
    assert str(tmp_path / "labels") in cluster_window.bar("slides").text
    assert [path.name for path in (tmp_path / "labels").iterdir()] == ["mine"]


def test_without_a_form_nothing_can_be_exported(cluster_window: MainWindow, qtbot: Any) -> None:
    dialog = dialog_of(cluster_window)
    for box in dialog.parts.values():
        box.setChecked(False)
    assert not dialog.export.isEnabled()
    dialog.parts["png"].click()
    assert dialog.export.isEnabled()
    dialog.close()


def test_closing_the_window_stops_an_export(cell_window: MainWindow, tmp_path: Path, qtbot: Any) -> None:
    dialog = dialog_of(cell_window)
    qtbot.mouseClick(dialog.reviewed, Qt.MouseButton.LeftButton)
    dialog.folder.setText(str(tmp_path / "labels"))
    qtbot.mouseClick(dialog.export, Qt.MouseButton.LeftButton)
    assert cell_window.controller.exporter.status is not None
    cell_window.close()
    assert not list(tmp_path.glob(".labels*"))


def test_the_command_line_writes_the_same(
    cluster_window: MainWindow, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster_window.perform("chromosome.accept_rest")
    case = tmp_path / "patient 5.chromview"
    cluster_window.deeds.save_as(case)
    cluster_window.close()
    assert main(["convert", str(case), str(tmp_path / "all"), "--reviewed"]) == 0
    assert main(["convert", str(case), str(tmp_path / "one"), "--as", "pairs"]) == 0
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == [
        "clusters_pairs.h5", "clusters_pairs_cases.csv", "provenance.json",
    ]  # fmt: skip
    assert json.loads((tmp_path / "all" / "provenance.json").read_text())["slides"][0]["case"] == "patient 5"
    assert main(["convert", str(case), str(tmp_path / "all")]) == 2
    assert "has files in it" in capsys.readouterr().err
    assert main(["convert", str(tmp_path / "one"), str(tmp_path / "x"), "--reviewed"]) == 2


def test_a_case_of_many_slides_is_read_a_few_at_a_time(cluster_window: MainWindow, tmp_path: Path) -> None:
    exporter = cluster_window.controller.exporter
    taken: list[int] = []
    done: list[bool] = []

    def steps() -> Iterator[int]:
        for number in range(3):
            taken.append(number)
            yield number

    exporter.prepare("many", steps(), lambda: done.append(True))
    assert exporter.status == ("many", 0.0) and not taken  # nothing is read before the window had its turn
    written(cluster_window)
    assert taken == [0, 1, 2] and done == [True] and exporter.status is None
    exporter.prepare("many", steps(), lambda: done.append(True))
    cluster_window.perform("case.cancel")
    written(cluster_window)
    assert done == [True] and "Cancelled" in cluster_window.status.said.text()
