"""Actions that concern files, layout and looks: what the window itself does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSettings
from PySide6.QtGui import QCursor, QGuiApplication
from PySide6.QtWidgets import QApplication, QFileDialog, QWhatsThis, QWidget

from chromview.app import exporting
from chromview.app.document import CASE_SUFFIX, Document
from chromview.app.slides import Order, SlideInfo
from chromview.app.steps import SHOWABLE
from chromview.core.enhance import Enhancement
from chromview.core.ideogram import RESOLUTIONS
from chromview.places import resources_dir
from chromview.texts import LANGUAGES, noop, tr
from chromview.ui import language, theme
from chromview.ui.case_deeds import CaseDeeds
from chromview.ui.exports import Exports
from chromview.ui.training import Training

if TYPE_CHECKING:
    from chromview.ui.cells import CellsWindow
    from chromview.ui.window import MainWindow

_RECENT = 8
_IMAGES = noop("Images (*.png *.jpg *.jpeg *.bmp *.dib *.tif *.tiff);;All files (*)")


class Deeds:
    """The window's own part of the table from action id to deed."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self.controller = window.controller
        self._colours = theme.SYSTEM
        self._device = "auto"
        viewer, check = window.viewer, window.actions_by_id
        self._table: dict[str, Callable[[], object]] = {
            "file.new_case": lambda: self.new_case(),
            "file.open_case": self._ask_open,
            "file.save_as": self._ask_save,
            "file.add_slides": self._ask_slides,
            "file.add_folder": self._ask_folder,
            "file.open_samples": self.open_samples,
            "file.export": self._ask_export,
            "file.export_karyogram": self._ask_karyogram,
            "file.export_table": self._ask_table,
            "file.quit": window.close,
            "view.review_layout": window.review_layout,
            "view.correct_layout": window.correct_layout,
            "view.reset_layout": window.default_layout,
            "view.fit": viewer.fit,
            "view.actual_size": viewer.actual_size,
            "view.zoom_in": lambda: viewer.zoom(1.25),
            "view.zoom_out": lambda: viewer.zoom(0.8),
            "view.zoom_selected": self._zoom_selected,
            "view.invert": lambda: viewer.set_inverted(check["view.invert"].isChecked()),
            "view.auto_contrast": self._auto_contrast,
            "view.full_contrast": self._full_contrast,
            "view.masks": lambda: viewer.set_view(masks=check["view.masks"].isChecked()),
            "view.fill": lambda: viewer.set_view(fill=check["view.fill"].isChecked()),
            "view.numbers": lambda: viewer.set_view(numbers=check["view.numbers"].isChecked()),
            "view.axis": self._show_axis,
            "view.system_colours": lambda: self.use_colours(theme.SYSTEM),
            "view.light": lambda: self.use_colours(theme.LIGHT),
            "view.dark": lambda: self.use_colours(theme.DARK),
            "mask.ask_again": window.again.open,
            "mask.annotate_selected": self._annotate_selected,
            "mask.next_annotation": window.viewer.annotations.choose_next,
            "chromosome.set_class": window.inspector.edit_class,
            "karyogram.copy_formula": self._copy_formula,
            "karyogram.next_arrow": window.karyogram.arrows.choose_next,
            "karyogram.annotate": window.inspector.edit_note,
            "karyogram.compare": self.show_homologues,
            "case.analyse_new": self._analyse_new,
            "case.scale": window.scale.open,
            "case.cells": self.show_cells,
            "help.under_cursor": self.help_under_cursor,
            "help.shortcuts": self._shortcuts,
            "help.tour": window.tour.begin,
            "help.about": self._about,
        }
        self.exports = Exports(window)
        self.case = CaseDeeds(window)
        self._table |= self.case.table()
        self.bands = 550
        self._table |= {f"view.bands_{bands}": partial(self.use_bands, bands) for bands in RESOLUTIONS}
        self._table |= dict.fromkeys(("view.even_ground", "view.local_contrast", "view.sharpen"), self._enhance)
        self._table["view.ideograms"] = lambda: window.karyogram.show_ideograms(check["view.ideograms"].isChecked())
        self.training = Training(window, self.exports)
        self._table |= self.exports.table() | self.training.table()
        for device in ("auto", "cuda", "mps", "cpu"):
            self._table[f"case.device_{device}"] = partial(self.use_device, device)
        for step in SHOWABLE:
            self._table[f"view.steps_{step}"] = partial(self.controller.steps.turn, step)
        for name in (language.SYSTEM, *LANGUAGES):
            self._table[f"view.language_{name}"] = partial(self.use_language, name)
        check.check("view.masks", True)
        check.check("view.axis", True)

    def perform(self, action: str) -> bool:
        """Do what an action asks for; False if it is not one of the window's own."""
        deed = self._table.get(action)
        if deed is not None:
            deed()
        return deed is not None

    def knows(self, action: str) -> bool:
        """Whether an action is done here."""
        return action in self._table

    # -- remembering ---------------------------------------------------------------------

    def restore(self, settings: QSettings) -> None:
        """Take colours, device and tools as they were left."""
        window, tools = self.window, self.controller.tools
        colours = str(settings.value("view/colours", theme.SYSTEM))
        self.use_colours(colours if colours in (theme.SYSTEM, theme.LIGHT, theme.DARK) else theme.SYSTEM)
        window.actions_by_id.check(f"view.language_{language.chosen(settings)}", True)
        device = str(settings.value("case/device", "auto"))
        self._device = device if device in ("auto", "cuda", "mps", "cpu") else "auto"
        window.actions_by_id.check(f"case.device_{self._device}", True)
        self.controller.analyse_new = str(settings.value("case/analyse_new", "true")).lower() == "true"
        window.actions_by_id.check("case.analyse_new", self.controller.analyse_new)
        order = str(settings.value("view/sort", Order.ADDED))
        self.controller.sort_slides(Order(order) if order in list(Order) else Order.ADDED)
        window.actions_by_id.check(f"view.sort_{self.controller.slide_order}", True)
        self.case.restore(settings)
        bands = _whole(settings.value("view/bands"), self.bands)
        self.use_bands(bands if bands in RESOLUTIONS else self.bands)
        window.actions_by_id.check("view.ideograms", str(settings.value("view/ideograms")) == "true")
        window.karyogram.show_ideograms(window.actions_by_id["view.ideograms"].isChecked())
        self.training.restore(settings)
        tools.set_size(_whole(settings.value("tools/size"), tools.size))
        tools.set_opacity(_whole(settings.value("tools/opacity"), round(100 * tools.opacity)) / 100)
        tools.set_fill_rings(str(settings.value("tools/fill_rings", "false")).lower() == "true")
        self._fill_recent()

    def remember(self, settings: QSettings) -> None:
        """Write colours, device and tools."""
        self.training.remember(settings)
        settings.setValue("view/colours", self._colours)
        settings.setValue("view/sort", str(self.controller.slide_order))
        settings.setValue("view/bands", self.bands)
        settings.setValue("view/ideograms", "true" if self.window.karyogram.drawing.ideograms else "false")
        settings.setValue("case/device", self._device)
        settings.setValue("case/analyse_new", "true" if self.controller.analyse_new else "false")
        settings.setValue("tools/fill_rings", "true" if self.controller.tools.fill_rings else "false")
        settings.setValue("tools/size", self.controller.tools.size)
        settings.setValue("tools/opacity", round(100 * self.controller.tools.opacity))

    def remember_case(self) -> None:
        """Put the open case on top of the recent ones."""
        path = str(self.controller.document.path)
        recent = [path, *(other for other in self.recent() if other != path)]
        self.window.settings.setValue("case/recent", recent[:_RECENT])
        self._fill_recent()

    def recent(self) -> list[str]:
        """Case files opened last, the newest first, as far as they are still there."""
        value = self.window.settings.value("case/recent")
        paths = [value] if isinstance(value, str) else [p for p in value if isinstance(p, str)] if value else []
        return [path for path in paths if Path(path).exists()]

    def _fill_recent(self) -> None:
        menu = self.window.recent_menu
        menu.clear()
        for path in self.recent():
            action = menu.addAction(Path(path).stem.replace("&", "&&"))
            action.setToolTip(path)
            action.triggered.connect(lambda checked=False, path=path: self.open_paths([Path(path)]))
        menu.setEnabled(not menu.isEmpty())

    # -- files ---------------------------------------------------------------------------

    def new_case(self) -> None:
        """Begin an empty case; the one open now stays in its file."""
        self.controller.attempt(lambda: self.controller.set_document(Document.new()), "slides")

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Open a case, or add images and folders; what is wrong is said over the slides."""
        if paths:
            self.window.bar("slides").clear()
            if self.controller.attempt(lambda: self.controller.open_paths(paths), "slides"):
                self.window.viewer.setFocus()

    def open_samples(self) -> None:
        """Add the samples that come with the program."""
        samples = sorted((resources_dir() / "samples").glob("*.png"))
        # Whole cells first: they are what a new user wants to see.
        samples.sort(key=lambda path: path.name.startswith("cluster"))
        self.open_paths(samples or [resources_dir() / "samples"])

    def _folder(self) -> str:
        return str(self.window.settings.value("folder") or Path.home())

    def _keep_folder(self, path: str) -> Path:
        chosen = Path(path)
        self.window.settings.setValue("folder", str(chosen if chosen.is_dir() else chosen.parent))
        return chosen

    def _ask_open(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self.window, tr("Open case"), self._folder(), tr("Cases") + f" (*{CASE_SUFFIX})"
        )
        if path:
            self.open_paths([self._keep_folder(path)])

    def _ask_save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self.window, tr("Save case as"), self._folder(), tr("Cases") + f" (*{CASE_SUFFIX})"
        )
        if path:
            self.save_as(self._keep_folder(path))

    def save_as(self, path: Path) -> None:
        """Go on in another file."""

        def deed() -> None:
            self.controller.document.save_as(path)
            self.controller.said.emit(tr("The case is in {path}", path=self.controller.document.path))

        if self.controller.attempt(deed, "slides"):
            self.remember_case()
            self.controller.settle()

    def _ask_slides(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self.window, tr("Add slides"), self._folder(), tr(_IMAGES))
        if paths:
            self._keep_folder(paths[0])
            self.open_paths([Path(path) for path in paths])

    def _ask_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self.window, tr("Add folder"), self._folder())
        if path:
            self.open_paths([self._keep_folder(path)])

    def _ask_export(self) -> None:
        info = self.controller.info
        path = QFileDialog.getExistingDirectory(self.window, tr("Export slide into folder"), self._folder())
        if path and info is not None:
            self.export(self._keep_folder(path) / Path(info.name).stem)

    def _ask_karyogram(self) -> None:
        path = self._ask_target(tr("Export karyogram"), "karyogram.png", "PNG (*.png)")
        if path is not None:
            self.export_karyogram(path)

    def _ask_table(self) -> None:
        path = self._ask_target(tr("Export table"), "karyotype.csv", "CSV (*.csv)")
        if path is not None:
            self.export_table(path)

    def _ask_target(self, title: str, name: str, kind: str) -> Path | None:
        info = self.controller.info
        stem = Path(info.name).stem if info is not None else "slide"
        start = str(Path(self._folder()) / f"{stem} {name}")
        path, _ = QFileDialog.getSaveFileName(self.window, title, start, kind)
        return self._keep_folder(path) if path else None

    def export(self, folder: Path) -> None:
        """Write karyogram, table and annotations of the slide shown into a folder."""
        self._export(folder, exporting.whole)

    def export_karyogram(self, path: Path) -> None:
        """Write the karyogram of the slide shown as PNG."""
        self._export(path, partial(exporting.karyogram, bands=self.shown_bands))

    def export_table(self, path: Path) -> None:
        """Write the table of the slide shown as CSV."""
        self._export(path, exporting.table)

    def _export(self, path: Path, prepare: Callable[[Document, SlideInfo, Path], exporting.Work]) -> None:
        info = self.controller.info
        if info is None:
            return

        def deed() -> None:
            work = prepare(self.controller.document, info, path)
            self.controller.said.emit(tr("Writing {name} …", name=path.name))
            self.controller.background.do(work, tr("Written: {path}", path=path))

        self.controller.attempt(deed, "karyogram")

    def show_cells(self) -> CellsWindow:
        """Show all cells of the case side by side; the same window each time."""
        from chromview.ui.cells import CellsWindow

        cells = self.window.findChild(CellsWindow, "cells") or CellsWindow(self.window)
        cells.show()
        cells.activateWindow()
        return cells

    def show_homologues(self) -> None:
        """Show the homologues of the selected chromosome side by side; the same window each time."""
        from chromview.ui.homologues import HomologuesWindow

        found = self.window.findChild(HomologuesWindow, "homologues") or HomologuesWindow(self.window)
        found.show()
        found.activateWindow()

    def _annotate_selected(self) -> None:
        self.window.performer.perform("mask.annotate")  # which says what can be done with it
        self.window.viewer.annotations.add_beside_selected()

    # -- looks ---------------------------------------------------------------------------

    def use_colours(self, choice: str) -> None:
        """Dark, light, or as the system has it."""
        self._colours = choice
        theme.use(choice)
        names = {theme.SYSTEM: "view.system_colours", theme.LIGHT: "view.light", theme.DARK: "view.dark"}
        self.window.actions_by_id.check(names[choice], True)
        self.window.actions_by_id.recolour()

    def use_language(self, choice: str) -> None:
        """Have texts in this language, or that of the system, from the next start."""
        language.remember(self.window.settings, choice)
        self.window.actions_by_id.check(f"view.language_{choice}", True)
        self.controller.said.emit(tr("The language changes when chromview is started again"))

    def use_device(self, device: str) -> None:
        """Compute on another device from now on."""
        self._device = device
        self.window.actions_by_id.check(f"case.device_{device}", True)
        self.controller.jobs.set_device(device)
        self.controller.said.emit(tr("The models are loaded for the other device …"))

    @property
    def device(self) -> str:
        """The device a person chose: "auto", "cuda", "mps" or "cpu"."""
        return self._device

    def _analyse_new(self) -> None:
        self.controller.analyse_new = self.window.actions_by_id["case.analyse_new"].isChecked()

    def _auto_contrast(self) -> None:
        picture = self.window.viewer.picture
        if picture is not None:
            self.window.viewer.set_levels(*picture.auto_levels())

    def _enhance(self) -> None:
        on = [
            self.window.actions_by_id[f"view.{name}"].isChecked()
            for name in ("even_ground", "local_contrast", "sharpen")
        ]
        self.window.viewer.enhance(Enhancement(*on))

    def _full_contrast(self) -> None:
        picture = self.window.viewer.picture
        if picture is not None:
            self.window.viewer.set_levels(0, picture.top)

    @property
    def shown_bands(self) -> int:
        """Bands of the ideograms that the karyogram shows, 0 while it shows none; exports do the same."""
        return self.bands if self.window.karyogram.drawing.ideograms else 0

    def use_bands(self, bands: int) -> None:
        """Show ideograms of 400, 550 or 850 bands, wherever they are shown."""
        self.bands = bands
        self.window.actions_by_id.check(f"view.bands_{bands}", True)
        self.window.inspector.portrait.set_bands(bands)
        self.window.karyogram.set_bands(bands)
        self.window.bands_changed.emit(bands)

    def _show_axis(self) -> None:
        shown = self.window.actions_by_id["view.axis"].isChecked()
        self.window.viewer.axis.set_view(visible=shown)
        self.window.karyogram.drawing.axis = shown
        self.window.karyogram.update()

    def _zoom_selected(self) -> None:
        id = self.controller.selection.chromosome
        if id is not None and id in self.controller.chromosomes:
            self.window.viewer.reveal(self.controller.chromosomes[id].box, close=True)

    def _copy_formula(self) -> None:
        state = self.controller.state
        QGuiApplication.clipboard().setText(state.proposal)
        self.controller.said.emit(
            tr("Copied: {proposal}", proposal=state.proposal) if state.proposal else tr("There is no proposal yet")
        )

    # -- help ----------------------------------------------------------------------------

    def help_under_cursor(self) -> None:
        """Explain what the pointer is on."""
        at = QCursor.pos()
        widget: QWidget | None = QApplication.widgetAt(at)
        while widget is not None and not widget.whatsThis():
            widget = widget.parentWidget()
        if widget is None:
            self._shortcuts()
        else:
            QWhatsThis.showText(at, widget.whatsThis(), self.window)

    def _shortcuts(self) -> None:
        from chromview.ui.help import ShortcutPage

        ShortcutPage(self.window).show()

    def _about(self) -> None:
        from chromview.ui.help import About

        About(self.window, self.controller.state.weights).show()


def _whole(value: object, otherwise: int) -> int:
    """A whole number from the settings, where anything may stand."""
    try:
        return int(str(value))
    except ValueError:
        return otherwise
