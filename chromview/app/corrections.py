"""What people corrected in the open case and in others, collected for a training."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from chromview.app.document import Document
from chromview.app.label_sources import label_sources
from chromview.errors import UserError
from chromview.places import own_models_dir
from chromview.progress import CancelToken, Progress
from chromview.storage.files import make_folder, os_problem
from chromview.texts import tr

if TYPE_CHECKING:
    from chromview.app.controller import Controller
    from chromview.storage.corrections import Tally
    from chromview.storage.label_export import LabelSource


@dataclass(frozen=True, slots=True)
class Collected:
    """Names of the cases, how much there is in one sentence, why it is too little ("" if not), and what went wrong."""

    cases: tuple[str, ...]
    summary: str
    too_few: str
    problem: str = ""


Then = Callable[[Collected], None]


class Collection:
    """The slides of the open case and of further ones; lives on the thread of the window."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._sources: dict[Path, list[LabelSource]] = {}

    def begin(self, then: Then) -> None:
        """Take the slides of the open case as they are now, and no others; `then` gets what there is."""
        self._sources = {}
        self._take(self._controller.document, then, close=False)

    def add(self, path: Path, then: Then) -> None:
        """Take the slides of another case as well.

        Raises
        ------
        UserError
            If it is there already, or cannot be opened.
        """
        path = path.resolve()
        if path in self._sources:
            raise UserError(tr("is in the list already"), path=path)
        self._take(Document.open(path), then, close=True)

    def _take(self, document: Document, then: Then, *, close: bool) -> None:
        slides = [info.id for info in document.slides]
        path = document.path.resolve()

        def read() -> None:
            problem = ""
            try:
                self._sources[path] = label_sources(document, slides)
            except UserError as error:
                problem = str(error)
            finally:
                if close:
                    document.close()
                    document.deleteLater()
            self.count(then, problem)

        # The case file is read on this thread, a little at a time.
        self._controller.exporter.prepare(tr("the corrections"), map(document.chromosomes, slides), read)

    def count(self, then: Then, problem: str = "") -> None:
        """Count beside the window, and hand on what there is."""
        cases = tuple(path.stem for path in self._sources)
        sources = [source for one in self._sources.values() for source in one]

        def work() -> Tally | UserError:
            from chromview.storage.corrections import tally

            try:
                return tally(sources)
            except UserError as error:
                return error

        def counted(found: Tally | UserError) -> None:
            if isinstance(found, UserError):
                then(Collected(cases, "", str(found), problem))
            else:
                then(Collected(cases, found.summary, found.too_few, problem))

        self._controller.background.ask(work, counted)

    def writing(self, folder: Path) -> Callable[[Progress, CancelToken], tuple[str, ...]]:
        """The work of writing what was collected to ``corrections`` in `folder`; it gives what had to be left out."""
        return partial(_write, [source for one in self._sources.values() for source in one], folder)


def _write(sources: list[LabelSource], folder: Path, progress: Progress, cancel: CancelToken) -> tuple[str, ...]:
    from chromview.storage.corrections import write_corrections

    try:
        found = write_corrections(folder / "corrections", sources, progress=progress, cancel=cancel)
        if found.too_few:
            raise UserError(" ".join((found.too_few, *found.notes)))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return tuple(found.notes)


def new_work_folder() -> Path:
    """A new folder among the program's own files, for what a training needs.

    Raises
    ------
    UserError
        If it cannot be made.
    """
    parent = make_folder(own_models_dir())
    try:
        return Path(tempfile.mkdtemp(prefix="training-", dir=parent))
    except OSError as error:
        raise os_problem(error, parent) from error
