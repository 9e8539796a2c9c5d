"""What the window says of confidences and of the quality of a slide."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from chromview.core.calibration import Bin, Calibration, to_json
from chromview.core.chromosome import Quality
from chromview.storage.case_export import SLIDES_COLUMNS, SLIDES_TABLE, SlideExport, write_case
from chromview.storage.images import read_image
from chromview.ui.window import MainWindow

from .helpers import Sample, show_sample, single

WEIGHTS = {"segmenter.safetensors": "ab" * 32}


def test_the_inspector_says_what_a_confidence_means(
    window: MainWindow, cell: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models").mkdir()
    bins = (Bin(0.8, 0.9, 0.86, 0.9, 40), Bin(0.9, 0.95, 0.93, 0.97, 100), Bin(0.95, 1.0, 0.98, 0.99, 300))
    text = to_json({"cells": Calibration("cells of a set", WEIGHTS, bins)})
    (tmp_path / "models" / "calibration.json").write_text(text, encoding="utf-8")
    monkeypatch.setenv("CHROMVIEW_MODELS", str(tmp_path / "models"))
    sure = tuple(replace(c, confidence=0.85) for c in cell.analysis.chromosomes)
    show_sample(window, Sample(cell.path, replace(cell.analysis, chromosomes=sure, models=WEIGHTS)))
    window.performer.select(single(window).id)
    facts = window.inspector.facts
    assert "Mask: likely right (85% sure; of 100 such, 90 are right)" in facts.text()
    assert "of 400 chromosomes given 90 % and more, 98.5% were right (IoU .75; cells of a set)" in facts.toolTip()
    window.perform("chromosome.accept")
    window.controller.settle()
    assert "a person stands behind it" in facts.text()


def test_what_was_not_measured_for_these_weights_is_said(window: MainWindow, cell: Sample) -> None:
    other = replace(cell.analysis, models={"segmenter.safetensors": "00"})
    show_sample(window, Sample(cell.path, other))
    window.performer.select(single(window).id)
    assert "how often that is right was not measured" in window.inspector.facts.text()


def test_the_list_of_slides_tells_quality_or_that_it_is_unknown(window: MainWindow, cell: Sample) -> None:
    told = Quality(46, 3, 2, 2.14, 0.9, 0.12)
    show_sample(window, Sample(cell.path, replace(cell.analysis, quality=told)))
    index = window.slides.list.index(0)
    tip = window.slides.list.data(index, Qt.ItemDataRole.ToolTipRole)
    assert "3 clusters, about 2 overlaps, spread in widths of a chromosome: 2.1" in str(tip)
    assert "band clarity (0 to 1): 0.12, overall (0 to 1): 0.90" in str(tip)
    document, slide = window.controller.document, window.controller.selection.slide
    assert slide is not None
    document.set_analysis(slide, replace(cell.analysis, quality=Quality(46, 3)), document.request(slide))
    window.controller.settle()
    tip = str(window.slides.list.data(index, Qt.ItemDataRole.ToolTipRole))
    assert "overlaps unknown" in tip and "band clarity (0 to 1): unknown" in tip


def test_an_export_of_the_case_has_a_table_of_slides(cell: Sample, tmp_path: Path) -> None:
    known = replace(cell.analysis, quality=Quality(46, 3, 2, 2.14, 0.9, None))
    export = SlideExport("cell", "cell", lambda: read_image(cell.path), lambda *, shape: known)
    write_case(tmp_path / "out", [export], {"table"})
    head, row = (tmp_path / "out" / SLIDES_TABLE).read_text(encoding="utf-8").splitlines()
    assert head.split(",") == list(SLIDES_COLUMNS)
    assert row.startswith("cell,") and row.endswith(",3,2,2.14,unknown,0.9")
