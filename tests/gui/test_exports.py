"""What leaves the window for the file: pictures that know their size, the report, and whole cases."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QImage, QPainter

from chromview.app.report import Head, Page, report_work, verdict
from chromview.core.chromosome import State
from chromview.progress import CancelToken
from chromview.ui.export_dialog import ExportDialog
from chromview.ui.report import DPI, paint_page, pdf
from chromview.ui.window import MainWindow

from .helpers import Sample, open_files, settle, show_sample, written


def pages(path: Path) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", path.read_bytes()))


def dialog_of(window: MainWindow) -> ExportDialog:
    window.actions_by_id["file.export_case"].trigger()
    dialog = window.findChild(ExportDialog, "export")
    assert dialog is not None and dialog.isVisible()
    return dialog


def test_the_karyogram_is_as_wide_as_a_page_at_300_dpi(cell_window: MainWindow, tmp_path: Path) -> None:
    cell_window.deeds.export_karyogram(tmp_path / "k.png")
    written(cell_window)
    with Image.open(tmp_path / "k.png") as picture:
        assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        wide, tall = (side / 300 * 25.4 for side in picture.size)
    assert wide == pytest.approx(170, abs=3) and 80 < tall < 257  # millimetres: fits on A4


def test_the_numbered_slide_shows_the_slide_with_lines_and_letters(cell_window: MainWindow, tmp_path: Path) -> None:
    cell_window.deeds.exports.export_metaphase(tmp_path / "n.png")
    written(cell_window)
    with Image.open(tmp_path / "n.png") as picture:
        assert max(picture.size) >= 1600 and picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        pixels = np.asarray(picture).astype(int)
    blue = (pixels[..., 2] - pixels[..., 0]) > 100
    orange = (pixels[..., 0] - pixels[..., 2]) > 100
    assert blue.sum() > 1000 and orange.sum() > 1000


def test_a_report_is_a_pdf_of_one_page_and_says_whose_it_is(cell_window: MainWindow, tmp_path: Path) -> None:
    window = cell_window
    window.deeds.exports.export_report(tmp_path / "r.pdf")
    written(window)
    content = (tmp_path / "r.pdf").read_bytes()
    assert content.startswith(b"%PDF") and pages(tmp_path / "r.pdf") == 1
    assert content.count(b"/Subtype /Image") >= 2
    assert str(tmp_path / "r.pdf") in window.status.said.text()


def page_of(window: MainWindow) -> Page:
    """The page of the slide shown, as the report gets it."""
    found: list[Page] = []
    info = window.controller.info
    assert info is not None

    def take(head: object, given: Any) -> bytes:
        found.extend(given)
        return b""

    report_work(window.controller.document, [info], "", take, whole_case=False)(lambda s, x: None, CancelToken())
    return found[0]


def test_a_proposal_is_called_one_until_everything_was_reviewed(cell_window: MainWindow) -> None:
    window = cell_window
    count = window.controller.state.count
    before = page_of(window)
    assert not before.reviewed and before.karyotype == "47,XY,+21"
    assert before.verdict == f"PROPOSAL, not a finding: nobody has accepted {count} of {count} chromosomes yet."
    window.perform("chromosome.accept_rest")
    last = next(c.id for c in window.controller.chromosomes.values() if c.number == 21)
    window.performer.select(last)
    after = page_of(window)
    assert after.reviewed and after.verdict.startswith("Reviewed")
    assert dict(after.facts)["Chromosomes"] == f"{count}: {count} accepted, 0 corrected, 0 proposed"
    assert dict(after.facts)["Classes"] == "autosomes two each, except 21 ×3; X ×1, Y ×1"


def test_the_page_is_drawn_with_colour_for_a_proposal(cell_window: MainWindow) -> None:
    sheet = QImage(round(210 / 25.4 * DPI), round(297 / 25.4 * DPI), QImage.Format.Format_RGB32)
    page = page_of(cell_window)
    drawn = []
    for shown in (page, replace(page, reviewed=True, verdict="Reviewed")):
        sheet.fill(Qt.GlobalColor.white)
        painter = QPainter(sheet)
        paint_page(painter, QRectF(sheet.rect()), Head("case", "A. B.", "today", "chromview"), shown, 1)
        painter.end()
        pixels = np.array(sheet.constBits()).reshape(sheet.height(), sheet.width(), 4)
        drawn.append(pixels.copy())
    for pixels in drawn:
        ink = pixels[..., :3].min(axis=2) < 128
        assert ink[: len(ink) // 2].mean() > 0.01 and ink[len(ink) // 2 :].mean() > 0.01
        assert not ink[:, :100].any() and not ink[:, -100:].any()  # nothing runs off the page

    def reddish(pixels: np.ndarray) -> int:
        return int(np.count_nonzero((pixels[:700, :, 2].astype(int) - pixels[:700, :, 0]) > 120))

    assert reddish(drawn[0]) > 1000 > reddish(drawn[1])


def test_verdicts(cell: Sample) -> None:
    chromosomes = [c for c in cell.analysis.chromosomes if c.in_karyogram]
    assert "nobody has accepted" in verdict(chromosomes)
    accepted = [replace(c, state=State.ACCEPTED) for c in chromosomes]
    assert verdict(accepted).startswith("Reviewed")
    assert "nobody has looked at 2 that were left out" in verdict(accepted, 2)
    assert "1 of" in verdict([*accepted[1:], chromosomes[0]])


def test_a_whole_case_is_written_into_one_folder(
    window: MainWindow, cell: Sample, cluster: Sample, tmp_path: Path, qtbot: Any
) -> None:
    show_sample(window, cell)
    show_sample(window, cluster)
    dialog = dialog_of(window)
    dialog.signed.setText("M. Muster")
    dialog.folder.setText(str(tmp_path / "out"))
    qtbot.mouseClick(dialog.export, Qt.MouseButton.LeftButton)
    written(window)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "cell", "cluster", "karyotypes.csv", "report.pdf", "slides.csv",
    ]  # fmt: skip
    for slide in ("cell", "cluster"):
        assert sorted(path.name for path in (tmp_path / "out" / slide).iterdir()) == [
            "annotations.json", "karyogram.png", "karyotype.csv", "metaphase.png",
        ]  # fmt: skip
    with (tmp_path / "out" / "karyotypes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["slide"] for row in rows} == {"cell.png", "cluster.png"}
    assert len(rows) == sum(c.in_karyogram for s in (cell, cluster) for c in s.analysis.chromosomes)
    assert pages(tmp_path / "out" / "report.pdf") == 3  # the table, and one a slide
    assert window.settings.value("person/name") == "M. Muster"
    assert "Written: 2 slides" in window.status.said.text()


def test_only_what_was_asked_for_of_one_slide(cell_window: MainWindow, tmp_path: Path, qtbot: Any) -> None:
    dialog = dialog_of(cell_window)
    dialog.one_slide.click()
    for name, box in dialog.parts.items():
        box.setChecked(name == "table")
    dialog.folder.setText(str(tmp_path / "out"))
    qtbot.mouseClick(dialog.export, Qt.MouseButton.LeftButton)
    written(cell_window)
    assert sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*")) == [
        "cell", "cell/karyotype.csv", "karyotypes.csv", "slides.csv",
    ]  # fmt: skip


def test_an_export_without_anything_to_write_says_so(window: MainWindow, cell: Sample, tmp_path: Path) -> None:
    open_files(window, cell.path)
    settle(window)
    dialog = dialog_of(window)
    dialog.folder.setText(str(tmp_path / "out"))
    dialog.parts["report"].setChecked(False)
    dialog.export.click()
    written(window)
    assert "nothing to write" in window.bar("slides").text and "no chromosomes" in window.bar("slides").text
    assert not (tmp_path / "out").exists()


def test_a_slide_that_cannot_be_read_is_left_out_and_said(
    window: MainWindow, cell: Sample, cluster: Sample, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.png"
    copy.write_bytes(cluster.path.read_bytes())
    show_sample(window, Sample(copy, cluster.analysis))
    show_sample(window, cell)
    window.controller.document._images.clear()
    copy.write_bytes(b"no image")
    dialog = dialog_of(window)
    dialog.parts["report"].setChecked(False)
    dialog.folder.setText(str(tmp_path / "out"))
    dialog.export.click()
    written(window)
    assert "copy.png is left out" in window.bar("slides").text
    assert (tmp_path / "out" / "cell" / "karyogram.png").is_file()


def test_the_report_of_a_case_has_its_table_first(cell_window: MainWindow) -> None:
    window = cell_window
    work = report_work(window.controller.document, list(window.controller.slides), "x", pdf, whole_case=True)
    content = work(lambda s, x: None, CancelToken())
    assert len(re.findall(rb"/Type\s*/Page\b", content)) == 2
