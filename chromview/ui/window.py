"""The window: panels around the slide, and the wires between them and the controller."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QEvent, QPoint, QSettings, QSize, Qt, Signal
from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDropEvent, QKeyEvent, QShowEvent, QStatusTipEvent
from PySide6.QtWidgets import QDockWidget, QMainWindow, QMenu, QToolButton, QVBoxLayout, QWidget

from chromview.app.asking import Asker
from chromview.app.confidence import calibration_of
from chromview.app.controller import Controller
from chromview.app.document import Changed
from chromview.app.perform import Performer
from chromview.app.tools import Tool
from chromview.app.view_state import ViewState
from chromview.core.chromosome import Box, Stain
from chromview.texts import tr
from chromview.ui import theme
from chromview.ui.again import AgainPanel
from chromview.ui.bars import Bar, with_bar
from chromview.ui.deeds import Deeds
from chromview.ui.empty import EmptyState
from chromview.ui.hands import Hands
from chromview.ui.icons import window_icon
from chromview.ui.inspector import Inspector
from chromview.ui.karyogram_panel import KaryogramPanel
from chromview.ui.menus import ActionSet
from chromview.ui.scale_panel import ScalePanel
from chromview.ui.slides import SlidesPanel
from chromview.ui.status import StatusLine
from chromview.ui.steps_layer import StepsShown
from chromview.ui.toolstrip import ToolStrip, target_text
from chromview.ui.tour import SEEN, Tour
from chromview.ui.viewer import Viewer

LAYOUT_VERSION = 1
SLIDES_WIDTH = 156
DEFAULT_SHARE = 0.36
"""Of the window's width, for the karyogram; the slide stays the largest thing."""


_STAINS = {Stain.G_BAND: "case.stain_g", Stain.Q_BAND: "case.stain_q", Stain.DAPI: "case.stain_dapi"}


class MainWindow(QMainWindow):
    """The one window.

    Parameters
    ----------
    controller
        Before a case is open, so that nothing it says about the case is missed.
    settings
        Where layout and colours are remembered.
    """

    bands_changed = Signal(int)
    """How many bands ideograms show now."""

    def __init__(self, controller: Controller, settings: QSettings) -> None:
        super().__init__()
        self.setObjectName("window")
        self.setWindowIcon(window_icon())
        self.setAcceptDrops(True)
        self.setDockNestingEnabled(True)
        # The panels at the sides have the whole height; what is docked below stands under the slide.
        self.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)
        self.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
        self.controller = controller
        self.settings = settings
        self.performer = Performer(controller)
        self.actions_by_id = ActionSet(self, self.perform)
        self._bars: dict[str, Bar] = {}
        self._share_when_shown = False
        self._build()
        self.tour = Tour(self)
        self.deeds = Deeds(self)
        self._connect()
        self._restore()
        self.show_state(controller.state, controller.state)

    # -- building ------------------------------------------------------------------------

    def _build(self) -> None:
        actions = self.actions_by_id
        self.viewer = Viewer(self.controller.tools)
        self.viewer.compute = self.controller.background.ask
        self.asker = Asker(self.controller, parent=self)
        self.again = AgainPanel(self.asker)
        self.scale = ScalePanel(self.controller, self.performer, actions["mask.measure"])
        self.strip = ToolStrip(actions, self.controller.tools)
        self.empty = EmptyState(actions, self.viewer)
        inside = QVBoxLayout(self.viewer)
        inside.addWidget(self.empty)
        holder, self._bars["viewer"] = with_bar(self.viewer, "viewer")
        middle = QWidget()
        middle.setObjectName("middle")
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        # What concerns the slides stands here too: their panel is too narrow for sentences.
        self._bars["slides"] = Bar("slides.bar", middle)
        column.addWidget(self._bars["slides"])
        column.addWidget(holder, 1)
        column.addWidget(self.again)
        column.addWidget(self.scale)
        column.addWidget(self.strip)
        self.setCentralWidget(middle)
        self.slides = SlidesPanel(self.controller.background)
        self.karyogram_panel = KaryogramPanel()
        self.karyogram = self.karyogram_panel.view
        self.inspector = Inspector(actions)
        self.docks = {
            name: self._dock(name, title, panel)
            for name, title, panel in (
                ("slides", tr("Slides"), self.slides),
                ("karyogram", tr("Karyogram"), self.karyogram_panel),
                ("inspector", tr("Inspector"), self.inspector),
            )
        }
        self.status = StatusLine(actions)
        self.menuBar().setObjectName("menus")
        bar = self.statusBar()
        bar.setObjectName("status.bar")
        bar.setSizeGripEnabled(False)
        bar.addPermanentWidget(self.status, 1)
        actions.fill_menu_bar([dock.toggleViewAction() for dock in self.docks.values()])
        self.recent_menu = QMenu(tr("Open &recent"), self)
        self.recent_menu.setObjectName("menu.file.recent")
        file_menu = self.findChild(QMenu, "menu.file")
        assert file_menu is not None
        file_menu.insertMenu(actions["file.save_as"], self.recent_menu)
        self.device_button = QToolButton(self)
        self.device_button.setObjectName("device")
        self.device_button.setAutoRaise(True)
        # Room beside the text for the small arrow that says that there is a menu.
        self.device_button.setStyleSheet("QToolButton { border: none; padding-right: 16px; }")
        self.device_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.device_button.setToolTip(tr("What the analysis is computed on; click to change it"))
        devices = QMenu(self.device_button)
        devices.setObjectName("device.menu")
        devices.addActions([actions[f"case.device_{name}"] for name in ("auto", "cuda", "mps", "cpu")])
        self.device_button.setMenu(devices)
        self.menuBar().setCornerWidget(self.device_button)

    def _dock(self, name: str, title: str, panel: QWidget) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(f"panel.{name}")
        if name in self._bars:
            dock.setWidget(panel)
        else:
            holder, self._bars[name] = with_bar(panel, name)
            dock.setWidget(holder)
        dock.toggleViewAction().setObjectName(f"view.panel.{name}")
        return dock

    def default_layout(self) -> None:
        """Put every panel where it is at first."""
        left, right = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
        for dock in self.docks.values():
            dock.setFloating(False)
            self.removeDockWidget(dock)
        self.addDockWidget(left, self.docks["slides"])
        self.addDockWidget(right, self.docks["karyogram"])
        self.splitDockWidget(self.docks["karyogram"], self.docks["inspector"], Qt.Orientation.Vertical)
        for dock in self.docks.values():
            dock.show()
        self.share_width(DEFAULT_SHARE)

    def review_layout(self) -> None:
        """The karyogram large: it has the whole height, and the inspector stands below the slide."""
        inspector, right = self.docks["inspector"], Qt.DockWidgetArea.RightDockWidgetArea
        if not inspector.isFloating() and self.dockWidgetArea(inspector) == right:
            self.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, inspector)
        self.share_width(0.56)

    def correct_layout(self) -> None:
        """The slide large, the inspector below the karyogram."""
        inspector = self.docks["inspector"]
        if not inspector.isFloating() and self.dockWidgetArea(inspector) == Qt.DockWidgetArea.BottomDockWidgetArea:
            self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, inspector)
            self.splitDockWidget(self.docks["karyogram"], inspector, Qt.Orientation.Vertical)
        self.share_width(0.3)

    def share_width(self, karyogram: float) -> None:
        """Give the karyogram this share of the width, and the slide what is left."""
        for dock in self.docks.values():
            dock.setVisible(True)
        width = max(self.width(), 800)
        horizontal = [self.docks["slides"], self.docks["karyogram"]]
        self.resizeDocks(horizontal, [SLIDES_WIDTH, round(width * karyogram)], Qt.Orientation.Horizontal)
        tall = max(self.height() - 90, 400)
        inspector = min(round(tall * 0.46), 290)
        if self.dockWidgetArea(self.docks["inspector"]) == Qt.DockWidgetArea.RightDockWidgetArea:
            vertical = [self.docks["karyogram"], self.docks["inspector"]]
            self.resizeDocks(vertical, [tall - inspector, inspector], Qt.Orientation.Vertical)
        else:
            self.resizeDocks([self.docks["inspector"]], [round(0.9 * inspector)], Qt.Orientation.Vertical)

    def _connect(self) -> None:
        controller, viewer, view = self.controller, self.viewer, self.karyogram
        controller.state_changed.connect(self.show_state)
        controller.case_changed.connect(self.slides.list.forget_thumbnails)
        controller.case_changed.connect(self.deeds.remember_case)
        controller.image_changed.connect(self._image_changed)
        controller.chromosomes_changed.connect(self._chromosomes_changed)
        controller.cell_changed.connect(self._show_cell)
        controller.selection.changed.connect(self._selection_changed)
        controller.reveal.connect(self._reveal)
        controller.said.connect(self.status.say)
        controller.problem.connect(self.say_problem)
        for bar in self._bars.values():
            controller.mended.connect(bar.forget)
        controller.tools.changed.connect(self._tools_changed)
        self.slides.chosen.connect(controller.selection.show_slide)
        viewer.clicked.connect(self._viewer_clicked)
        check = self.actions_by_id.check
        self.steps = StepsShown(controller.steps, viewer.steps, viewer.legend, viewer.update, check)
        self.hands = Hands(viewer, self.performer, self.asker)
        viewer.levels_changed.connect(self._levels_changed)
        viewer.menu_wanted.connect(self._context_menu)
        self.strip.levels.changed.connect(viewer.set_levels)
        viewer.width_measured.connect(self.scale.measured)
        view.pointer_elsewhere = viewer.underMouse
        view.clicked.connect(self._karyogram_clicked)
        view.activated.connect(lambda id: self._reveal_close(id))
        view.moved.connect(self.performer.move)
        view.class_typed.connect(self.performer.set_class)
        view.menu_wanted.connect(self._context_menu)
        view.arrows_changed.connect(self.performer.set_arrows)
        self.inspector.class_chosen.connect(self._class_chosen)
        self.inspector.note_given.connect(self.performer.annotate)
        self.inspector.portrait.centromere_moved.connect(self.performer.move_centromere_in_picture)

    # -- remembering ---------------------------------------------------------------------

    def _restore(self) -> None:
        settings = self.settings
        geometry, state = settings.value("window/geometry"), settings.value("window/state")
        if not (isinstance(geometry, QByteArray) and self.restoreGeometry(geometry)):
            self._first_size()
        self.default_layout()
        # Widths only mean something once the window has its size on the screen.
        self._share_when_shown = not (isinstance(state, QByteArray) and self.restoreState(state, LAYOUT_VERSION))
        self.deeds.restore(settings)
        self._tools_changed()

    def _first_size(self) -> None:
        screen = self.screen().availableGeometry()
        self.resize(min(1440, screen.width() - 40), min(900, screen.height() - 60))

    def remember(self) -> None:
        """Write layout and choices to the settings."""
        self.settings.setValue("window/geometry", self.saveGeometry())
        self.settings.setValue("window/state", self.saveState(LAYOUT_VERSION))
        self.deeds.remember(self.settings)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._share_when_shown:
            self._share_when_shown = False
            self.share_width(DEFAULT_SHARE)

    def closeEvent(self, event: QCloseEvent) -> None:
        self.viewer.cancel_gesture()
        self.remember()
        self.hide()  # what runs may need a moment to stop; nobody has to watch it
        self.controller.shutdown()
        event.accept()

    # -- showing -------------------------------------------------------------------------

    def show_state(self, state: ViewState, old: ViewState) -> None:
        """Repaint what is different between two states."""
        self.actions_by_id.show(state)
        self.status.show_state(state)
        self.slides.show_slides(self.controller.slides, state.slide, state.running, self.controller.jobs.waiting)
        self.karyogram_panel.show_state(state)
        self.device_button.setText(tr("Device: {device}", device=state.device or tr("automatic")))
        name = state.case_name or tr("Untitled case")
        self.setWindowTitle(f"{name} — chromview")
        if state.stain is not None:
            self.actions_by_id.check(_STAINS[state.stain], True)
        self.viewer.masks.select(state.selected, state.second)
        self.karyogram.show_selection(state.selected, state.second)
        self._show_target(state)
        self.empty.setVisible(self.controller.image is None)
        self.empty.say(self._empty_text(state), buttons=not state.reading)
        if state.slide_count and self.settings.value(SEEN) is None:
            self.settings.setValue(SEEN, "true")  # who has slides found the way already
        self.empty.offer_tour(self.settings.value(SEEN) is None)

    def _empty_text(self, state: ViewState) -> str:
        if not state.slide_count:
            return tr("Drop a folder of slides here, or open the samples.")
        if state.reading and self.controller.info is not None:
            return tr("Reading {name} …", name=self.controller.info.name)
        if state.missing:
            return tr("The image of this slide is not there any more.\nAdd the file from where it is now.")
        return tr("This slide cannot be shown.")

    def _show_target(self, state: ViewState) -> None:
        self.strip.show_target(target_text(self.controller.tools.tool, state, self.controller.chromosomes))

    def _image_changed(self) -> None:
        self._bars["viewer"].clear() if self.controller.image is not None else None
        info, small = self.controller.info, None
        if info is not None and self.controller.reader.looking:
            small = self.slides.list.image(info)
        self.viewer.show_image(self.controller.image, small)
        self.viewer.set_inverted(self.actions_by_id["view.invert"].isChecked())

    def _chromosomes_changed(self, change: Changed | None) -> None:
        info = self.controller.info
        if self.controller.image is not None and info is not None:
            changed = None if change is None else change.ids
            if change is None or change.box is not None:
                self.viewer.masks.show(self.controller.chromosomes, cluster=info.is_cluster, changed=changed)
            self.viewer.annotations.show(info.annotations)
        self._show_axis()

    def _show_cell(self) -> None:
        info = self.controller.info
        pictures = {} if info is None else self.controller.background.pictures(info.id)
        dark = self.controller.stain.bright_on_dark
        cluster = info is not None and info.is_cluster
        self.karyogram.show_cell(self.controller.chromosomes, pictures, bright_on_dark=dark, cluster=cluster)
        self._show_inspector()

    def _selection_changed(self) -> None:
        self.controller.settle()
        self._show_axis()
        self._show_inspector()

    def _show_axis(self) -> None:
        id = self.controller.selection.chromosome
        shown = None if id is None or self.controller.image is None else self.controller.chromosomes.get(id)
        self.viewer.axis.show(shown)

    def _show_inspector(self) -> None:
        info = self.controller.info
        id = self.controller.selection.chromosome
        chromosome = None if id is None else self.controller.chromosomes.get(id)
        picture = None
        if info is not None and id is not None:
            picture = self.controller.background.pictures(info.id).get(id)
        count = 0 if info is None else info.count
        dark, means = self.controller.stain.bright_on_dark, calibration_of(info)
        self.inspector.show_chromosome(chromosome, picture, count, bright_on_dark=dark, calibration=means)

    def _tools_changed(self) -> None:
        tools = self.controller.tools
        self.actions_by_id.check(f"mask.{tools.tool}", True)
        self.actions_by_id.check(f"mask.label{int(tools.label)}", True)
        self.actions_by_id.check(f"mask.{tools.over}", True)
        self.actions_by_id.check("mask.fill_rings", tools.fill_rings)
        self._show_target(self.controller.state)

    def _levels_changed(self) -> None:
        picture = self.viewer.picture
        if picture is not None:
            self.strip.levels.show_levels(picture.histogram, picture.top, picture.levels)
            self.actions_by_id.check("view.invert", picture.inverted)

    def say_problem(self, sentence: str, where: str) -> None:
        """Show a sentence in the bar over a panel; over the viewer if there is no such panel."""
        bar = self._bars.get(where, self._bars["viewer"])
        if where in self.docks and where != "slides" and not self.docks[where].isVisible():
            bar = self._bars["viewer"]
        bar.say(sentence)

    def bar(self, where: str) -> Bar:
        """The bar over a panel: "viewer", "slides", "karyogram" or "inspector"."""
        return self._bars[where]

    # -- what a person does --------------------------------------------------------------

    def perform(self, action: str) -> None:
        """Do what an action asks for, by its id."""
        self.controller.settle()
        if action == "mask.select" and self._escape():
            return
        if not self.deeds.perform(action):
            self.performer.perform(action)

    def _escape(self) -> bool:
        """What Esc does before it puts the tool down: give up a stroke, or deselect."""
        self._tools_changed()
        if self.viewer.busy:
            self.viewer.cancel_gesture()
            return True
        if self.again.isVisible():
            self.again.leave()
            return True
        if self.scale.isVisible():
            self.scale.leave()
            return True
        if self.controller.tools.tool is Tool.SELECT:
            self.performer.select(None)
            return True
        return False

    def _viewer_clicked(self, id: int, control: bool) -> None:
        self.performer.select(id or None, second=control, reveal=False)

    def _karyogram_clicked(self, id: int, control: bool) -> None:
        self.performer.select(id or None, second=control)

    def _class_chosen(self, number: int) -> None:
        self.performer.set_class(number)
        self.viewer.setFocus()

    def _reveal(self, box: Box) -> None:
        if self.controller.image is not None and not self.viewer.busy:
            self.viewer.reveal(box)

    def _reveal_close(self, id: int) -> None:
        if id in self.controller.chromosomes and self.controller.image is not None:
            self.viewer.reveal(self.controller.chromosomes[id].box, close=True)

    def _context_menu(self, id: int, at: QPoint) -> None:
        if id:
            self.performer.select(id, reveal=False)
        self.controller.settle()
        menu = QMenu(self)
        menu.setObjectName("menu.context")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        names = (
            ("accept", "", "set_class", "flip", "turn", "find_axis", "", "reject", "restore")
            if id
            else ("accept_rest",)
        )
        for name in names:
            if name:
                menu.addAction(self.actions_by_id[f"chromosome.{name}"])
            else:
                menu.addSeparator()
        if id:
            menu.addAction(self.actions_by_id["mask.ask_again"])
            menu.addAction(self.actions_by_id["karyogram.to_tray"])
        menu.popup(at)

    # -- events --------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Nobody else wanted it: Space moves the slide below the pointer, wherever the focus is.
        if event.key() == Qt.Key.Key_Space and self.viewer.underMouse() and not event.isAutoRepeat():
            self.viewer.hold_to_move(True)
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self.viewer.hold_to_move(False)
        else:
            super().keyReleaseEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        event.acceptProposedAction()
        self.deeds.open_paths(paths)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QStatusTipEvent):
            if event.tip():
                self.status.say(event.tip())
            return True
        return super().event(event)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "actions_by_id"):
            self.actions_by_id.recolour()
        super().changeEvent(event)

    def sizeHint(self) -> QSize:
        return QSize(1280, 800)

    def use_colours(self, choice: str) -> None:
        """Dark, light, or as the system has it."""
        theme.use(choice)

    def panel_switch(self, name: str) -> QAction:
        """The action that shows and hides a panel."""
        return self.docks[name].toggleViewAction()
