"""Between the window and the document: what each action does, without a single widget.

The window shows `Controller.state` and asks for actions by their id. Only what needs a file dialog
or concerns how things look stays with the window.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from chromview.app.adding import Adder
from chromview.app.analyses import Analyses
from chromview.app.background import Background
from chromview.app.document import Changed, Document
from chromview.app.exporter import Exporter
from chromview.app.jobs import Jobs
from chromview.app.person import login_name
from chromview.app.reading import Reader
from chromview.app.selection import Selection
from chromview.app.slides import LEFT_ASIDE, Order, SlideInfo, SlideState, Sorting
from chromview.app.steps import SlideSteps
from chromview.app.tools import Tools
from chromview.app.trainer import Trainer
from chromview.app.view_state import ViewState, resolve
from chromview.app.weights import WeightsInUse
from chromview.core.chromosome import Chromosome, SlideImage, Stain
from chromview.errors import UserError
from chromview.storage.case_backups import Backup, put_back
from chromview.storage.case_file import CASE_SUFFIX
from chromview.storage.case_journal import BACKUP_PUT_BACK
from chromview.texts import tr

PAUSE_MS = 120
"""After an edit straightened pictures are made anew, unless the next stroke begins before."""


class Controller(QObject):
    """Holds the case and everything that works on it.

    Parameters
    ----------
    jobs
        The worker of the analysis; shut down by `shutdown`.

    Signals
    -------
    state_changed(object, object)
        The new and the last `ViewState`; once for any number of changes in a row.
    case_changed()
        Another case is open.
    image_changed()
        Another slide's image is shown (see `image`).
    chromosomes_changed(object)
        The `Changed` of the slide shown, or None if everything may be different. For what lies under the hand: it
        comes at once.
    cell_changed()
        Chromosomes of the slide shown, or their straightened pictures, are different. For the panels beside it: where
        masks changed it comes with the state, so that no stroke waits for them.
    reveal(object)
        A `Box` of the slide shown that the view should go to.
    said(str)
        A short sentence for the status line.
    problem(str, str)
        A sentence, and the panel it concerns: "viewer", "slides" or "karyogram".
    mended(str)
        The sentence of an edit that could not be done, once another one was.
    """

    state_changed = Signal(object, object)
    case_changed = Signal()
    image_changed = Signal()
    chromosomes_changed = Signal(object)
    cell_changed = Signal()
    reveal = Signal(object)
    said = Signal(str)
    problem = Signal(str, str)
    mended = Signal(str)

    def __init__(self, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.jobs = jobs
        self.tools = Tools(self)
        self.selection = Selection(self)
        self.background = Background(self)
        self.reader = Reader(self)
        self._adder = Adder(self)
        self.exporter = Exporter(self)
        self.trainer = Trainer(self)
        self._weights = WeightsInUse()
        self._refused: dict[str, str] = {}
        """What could not be done last, by panel."""
        self._sorting = Sorting()
        self.analyse_new = True
        self.person = login_name()
        self._document: Document | None = None
        self._image: SlideImage | None = None
        self._turning = False
        self._place = 0
        self._state = ViewState()
        self._cell_told = True
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.timeout.connect(self._resolve)
        # Straightening competes with the brush for the interpreter, so it waits for a pause.
        self._pictures_soon = QTimer(self)
        self._pictures_soon.setSingleShot(True)
        self._pictures_soon.setInterval(PAUSE_MS)
        self._pictures_soon.timeout.connect(self._want_pictures)
        self.selection.changed.connect(self._later.start)
        self.selection.slide_changed.connect(self._show_slide)
        self.background.pictures_ready.connect(self._pictures_ready)
        self.background.done.connect(self.said)
        self.background.failed.connect(lambda sentence: self.problem.emit(sentence, "karyogram"))
        self.exporter.changed.connect(self._later.start)
        self.exporter.failed.connect(lambda sentence: self.problem.emit(sentence, "slides"))
        self.exporter.cancelled.connect(
            lambda what: self.said.emit(tr("Cancelled, nothing was written: {what}", what=what))
        )
        self.trainer.changed.connect(self._later.start)
        self.trainer.failed.connect(lambda sentence: self.problem.emit(sentence, "slides"))
        self.trainer.cancelled.connect(lambda: self.said.emit(tr("Training cancelled, the weights are as they were")))
        jobs.image_read.connect(self._image_read)
        self.analyses = Analyses(self)
        self.analyses.changed.connect(self._later.start)
        self.analyses.failed.connect(lambda sentence: self.problem.emit(sentence, "viewer"))
        self.analyses.said.connect(self.said)
        self.steps = SlideSteps(self)
        self.steps.changed.connect(self._later.start)

    # -- state ---------------------------------------------------------------------------

    @property
    def state(self) -> ViewState:
        """What the window shows; up to date after `settle`."""
        return self._state

    @property
    def document(self) -> Document:
        """The open case.

        Raises
        ------
        RuntimeError
            Before the first case is open.
        """
        if self._document is None:
            raise RuntimeError("no case is open")
        return self._document

    @property
    def slides(self) -> tuple[SlideInfo, ...]:
        """Slides of the case in the order of the list; none before a case is open."""
        return () if self._document is None else self._sorting.infos(self._document.slides)

    @property
    def image(self) -> SlideImage | None:
        """Image of the slide shown, or None if there is none or it cannot be read."""
        return self._image

    @property
    def info(self) -> SlideInfo | None:
        """The slide shown."""
        if self._document is None or self.selection.slide is None:
            return None
        return self._document.find_slide(self.selection.slide)

    @property
    def chromosomes(self) -> Mapping[int, Chromosome]:
        """Chromosomes of the slide shown; none where the case file is damaged."""
        info = self.info
        try:
            return {} if info is None else self.document.chromosomes(info.id)
        except UserError:
            return {}

    @property
    def stain(self) -> Stain:
        """Stain of the slide shown; G-bands as long as nobody said."""
        info = self.info
        return Stain.G_BAND if info is None or info.stain is None else info.stain

    def settle(self) -> None:
        """Bring `state` up to date now."""
        self._later.stop()
        self._resolve()

    def _resolve(self) -> None:
        if self._document is None:
            return
        self._tell_cell()
        new = resolve(
            self._document, self.selection, running=self.analyses.running, waiting=len(self.jobs.waiting),
            device=self.analyses.device, case_name="" if self._document.untitled else self._document.name,
            reading=self.reader.looking, exporting=self.exporter.status, slides=self.slides,
            training=self.trainer.status, weights=self._weights,
            inspecting=self.steps.share,
        )  # fmt: skip
        if new != self._state:
            old, self._state = self._state, new
            self.state_changed.emit(new, old)

    def _tell_cell(self) -> None:
        if not self._cell_told:
            self._cell_told = True
            self.cell_changed.emit()

    # -- the case ------------------------------------------------------------------------

    def set_document(self, document: Document) -> None:
        """Show another case; the one before is closed."""
        old, self._document = self._document, document
        if old is not None:
            self.cancel_all()
            old.close()
            old.deleteLater()
        self.reader.forget()
        self.background.clear()
        self.analyses.forget()
        self._sorting.again()
        document.setParent(self)
        document.person = self.person
        document.changed.connect(self._document_changed)
        document.slide_changed.connect(self._later.start)
        document.slides_changed.connect(self._slides_changed)
        document.undo_changed.connect(self._later.start)
        document.problem.connect(lambda sentence: self.problem.emit(sentence, "slides"))
        self.selection.show_slide(None)
        self.case_changed.emit()
        slides = self.slides
        finished = LEFT_ASIDE | {SlideState.DONE}
        first = next((info.id for info in slides if info.state not in finished), slides[0].id if slides else None)
        self.selection.show_slide(first)
        if first is None:  # no slide was shown just before, so nobody was told
            self._show_slide()
        self.settle()
        if document.recovery:
            self.problem.emit(document.recovery, "slides")

    def set_person(self, name: str) -> None:
        """Say who works here: recorded with every step from now on."""
        self.person = name
        if self._document is not None:
            self._document.person = name

    def restore(self, backup: Backup) -> None:
        """Put a backup in the place of the case that is open; what is open now is kept as a backup before.

        Raises
        ------
        UserError
            If either cannot be written, or the backup is damaged. The case is then as it was.
        """
        document = self.document
        document.back_up()
        self.cancel_all()
        document.close()
        try:
            put_back(backup.path, document.path)
        finally:
            self.set_document(Document.open(document.path))
        self.document.note(BACKUP_PUT_BACK, after=backup.path.name)
        self.said.emit(tr("The case is as it was on {when}", when=backup.when_said))

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Open a case file, or add images and folders to the case.

        Raises
        ------
        UserError
            If the case cannot be opened. Of images, `problem` tells it.
        """
        cases = [path for path in paths if path.suffix == CASE_SUFFIX]
        if cases:
            self.set_document(Document.open(cases[0]))
        others = [path for path in paths if path.suffix != CASE_SUFFIX]
        if others:
            self.add_slides(others)

    def add_slides(self, paths: Sequence[Path]) -> None:
        """Add images and folders, show the first new one and begin to analyse them.

        They are read beside the window and arrive as they are read; `problem` tells which cannot be read, and those
        are not added.
        """
        self._adder.add(paths)

    def files_added(self, ids: Sequence[int], fresh: Sequence[int], *, first: bool) -> None:
        """Slides are in the case now: `fresh` ones, and of `ids` others that were there before.

        Parameters
        ----------
        ids, fresh
            Slides.
        first
            Whether to show the first of them.
        """
        if first:
            show = (fresh or ids)[0]
            if show == self.selection.slide and self._image is None:
                self._show_slide()  # a missing one has come back
            self.selection.show_slide(show)
        if self.analyse_new:
            unread = {info.id for info in self.document.slides if info.state is SlideState.NEW}
            self.analyses.analyse([id for id in fresh if id in unread])

    @property
    def slide_order(self) -> Order:
        """How the list of slides is sorted."""
        return self._sorting.order

    def sort_slides(self, order: Order) -> None:
        """Sort the list of slides; it is sorted anew when another slide is shown, and not while one is worked on."""
        self._sorting.order = order
        self._sorting.again()
        self._later.start()

    def _slides_changed(self) -> None:
        self._sorting.again()
        slides = [info.id for info in self.slides]
        if self.selection.slide not in slides:
            self.selection.show_slide(slides[0] if slides else None)
        self._later.start()

    def attempt(self, work: Callable[[], object], where: str = "viewer") -> bool:
        """Do something that may fail for a reason a person can mend; says so over the panel `where`.

        Returns
        -------
        bool
            Whether it worked.
        """
        try:
            work()
        except UserError as error:
            self._refused[where] = str(error)
            self.problem.emit(str(error), where)
            return False
        return True

    def shutdown(self) -> None:
        """Stop everything in the background and close the case."""
        self._later.stop()
        self._pictures_soon.stop()
        self.analyses.hold(True)
        self.reader.shutdown()
        self.exporter.shutdown()
        self.trainer.shutdown()
        self.background.shutdown()
        self.jobs.shutdown()
        if self._document is not None:
            self._document.close()

    # -- the slide shown -----------------------------------------------------------------

    def _show_slide(self) -> None:
        self._sorting.again()
        info = self.info
        self._image = None
        self.tools.forget_label()  # what 2 and 3 mean on another slide is another thing
        if info is None:
            self.reader.look_no_more()
        else:
            self.jobs.prefer(info.id)
            self.attempt(partial(self.document.check_slide, info.id), "slides")
            self._image = self.document.known_image(info.id)
            if self._image is not None:
                self.reader.look_no_more()
            else:
                self._turning = True
                try:
                    self.reader.look(info.path, partial(self._looked, info.id))
                finally:
                    self._turning = False
        self._image_shown()

    def _image_shown(self) -> None:
        self.image_changed.emit()
        self.chromosomes_changed.emit(None)
        self._cell_told = False
        # Not at once: who turns the slides has no use for them, and they would be in the way of the next one.
        self.background.leave_other_slides(self.selection.slide)
        self._pictures_soon.start()
        self._later.start()
        if self._image is not None:
            self._expect_neighbours()

    def _expect_neighbours(self) -> None:
        """Have the slides read that a person may turn to next, first the one in the direction of the last step."""
        slides = self.slides
        place = next((n for n, info in enumerate(slides) if info.id == self.selection.slide), 0)
        ahead = 1 if place >= self._place else -1
        self._place = place
        near = [slides[n] for n in (place + ahead, place + 2 * ahead, place - ahead) if 0 <= n < len(slides)]
        unread = [info for info in near if not info.missing and self.document.known_image(info.id) is None]
        self.reader.expect([info.path for info in unread])

    def _looked(self, slide: int, outcome: SlideImage | UserError) -> None:
        if slide != self.selection.slide:
            return
        if isinstance(outcome, UserError):
            self.problem.emit(str(self.document.no_image(slide, outcome)), "viewer")
        else:
            self.document.give_image(slide, outcome)
            self._image = outcome
        if not self._turning:
            self._image_shown()

    def _document_changed(self, change: Changed) -> None:
        # An edit is in the file: what an earlier one could not do is past. What concerns slides and files is not.
        for where in ("viewer", "karyogram"):
            refused = self._refused.pop(where, None)
            if refused is not None:
                self.mended.emit(refused)
        if change.slide_id == self.selection.slide:
            self.selection.forget_missing(self.chromosomes)
            self.chromosomes_changed.emit(change)
            self._cell_told = False
            if not change.masks:
                self._tell_cell()
            self.background.hold_pictures(True)
            self._pictures_soon.start()
        self._later.start()

    def painting(self, busy: bool) -> None:
        """Told when a stroke begins and when it is done: between them pictures wait."""
        if busy:
            self.background.hold_pictures(True)
            self._pictures_soon.stop()
        elif self._image is None:
            self.background.hold_pictures(False)
        else:
            self._pictures_soon.start()
        self.analyses.hold(busy)

    def _want_pictures(self) -> None:
        info = self.info
        self._pictures_soon.stop()
        self.background.hold_pictures(False)
        if info is not None and self._image is not None:
            shown = [c for c in self.chromosomes.values() if c.in_karyogram or c.id == self.selection.chromosome]
            self.background.want_pictures(info.id, self._image, shown, self.stain, inverted=info.inverted)

    def _pictures_ready(self, slide: int) -> None:
        if slide == self.selection.slide:
            self._cell_told = False
            self._later.start()

    def _image_read(self, slide: int, image: SlideImage) -> None:
        if self._document is None:
            return
        self._document.give_image(slide, image)
        if slide == self.selection.slide and self._image is None and self._document.known_image(slide) is image:
            self.reader.look_no_more()
            self._looked(slide, image)

    # -- what runs -----------------------------------------------------------------------

    def cancel_all(self) -> None:
        """Stop what is analysed or written and forget what waits."""
        self.jobs.cancel()
        self.exporter.cancel()
        self._later.start()

    def cancel_what_runs(self) -> None:
        """Stop what is analysed or written; if nothing is, the training."""
        if self.state.analysing or self.state.exporting is not None or self.state.inspecting is not None:
            self.cancel_all()
        else:
            self.trainer.cancel()

    def show_weights(self, used: WeightsInUse, *, changed: bool = True) -> None:
        """Say which weights are in use; if they `changed`, the next job loads them."""
        self._weights = used
        if changed:
            self.jobs.reload_models()
        self._later.start()
