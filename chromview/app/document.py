"""The document: one open case, changed only in transactions, and always in its file.

Every edit is a command that is in the file before the signal says that it happened. Views keep
nothing of their own: they ask the document, and repaint what `Changed` names.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Self

from PySide6.QtCore import QObject, QTimer, Signal

from chromview.app.answers import Answers
from chromview.app.axis_edits import AxisEdits
from chromview.app.changed import Changed
from chromview.app.decisions import Decisions
from chromview.app.marks import Marks
from chromview.app.mask_edits import MaskEdits
from chromview.app.person import login_name
from chromview.app.recovery import recovery_sentence
from chromview.app.slide_images import SlideImages
from chromview.app.slide_list import SlideList
from chromview.app.slides import SlideInfo, summary_of
from chromview.app.transaction import Edit
from chromview.core.chromosome import Chromosome, SlideImage
from chromview.core.commands import Command, SlideChanged, apply, joined, united
from chromview.errors import UserError
from chromview.places import cases_dir
from chromview.storage.audit import Audit
from chromview.storage.case_backups import move_backups
from chromview.storage.case_file import CASE_SUFFIX, CaseFile
from chromview.storage.case_rows import History, Kind
from chromview.storage.case_schema import damaged, is_there, read_only
from chromview.texts import inside, shown, tr

__all__ = ["CASE_SUFFIX", "Changed", "Document", "SlideInfo"]

_TIDY_AFTER_MS = 2000

_MEMORY = 150 << 20
"""Bytes of chromosomes that are kept of slides that are not shown. All of it is in the case file as well."""


class Document(SlideImages, MaskEdits, AxisEdits, Decisions, Marks, Answers, QObject):
    """An open case. Lives on the thread of the window; make one with `new` or `open`.

    Attributes
    ----------
    recovery
        What to say if the case was not closed the last time; else empty.
    """

    changed = Signal(object)
    """`Changed`: chromosomes of a slide are different now."""
    slide_changed = Signal(int)
    """What `slides` says about this slide is different now."""
    slides_changed = Signal()
    """Slides were added or removed."""
    undo_changed = Signal()
    """What can be undone or redone is different now."""
    problem = Signal(str)
    """A sentence for the person: something is wrong with a file, and what to do."""

    def __init__(self, file: CaseFile, *, untitled: bool = False, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.recovery = ""
        file.person = login_name()
        self._file = file
        self._untitled = untitled
        self._slides = SlideList(file)
        self._images: OrderedDict[int, SlideImage] = OrderedDict()
        self._editing = False
        self._closed = False
        self._tidy = QTimer(self)
        self._tidy.setSingleShot(True)
        self._tidy.setInterval(_TIDY_AFTER_MS)
        self._tidy.timeout.connect(self._carry_log)

    # -- the case

    @classmethod
    def new(cls, path: Path | None = None, parent: QObject | None = None) -> Self:
        """Begin an empty case in the file `path`, or without a name among the program's own files.

        A case without a name is kept as safely as any other; `save_as` gives it one.

        Raises
        ------
        UserError
            If the file exists already or cannot be written.
        """
        if path is not None:
            return cls(CaseFile.create(_with_suffix(path)), parent=parent)
        stem = time.strftime("Untitled %Y-%m-%d %H.%M.%S")
        for number in itertools.count(1):
            name = f"{stem}{'' if number == 1 else f' ({number})'}{CASE_SUFFIX}"
            if not (cases_dir() / name).exists():
                break
        return cls(CaseFile.create(cases_dir() / name), untitled=True, parent=parent)

    @classmethod
    def open(cls, path: Path, parent: QObject | None = None) -> Self:
        """Open a case as it was left, undo included; where it may not be written, to look at only.

        Raises
        ------
        UserError
            If the file is missing, not a case, of a newer version, damaged, or open already. It is
            not changed then.
        """
        file = CaseFile.open(path)
        try:
            untitled = not file.read_only and path.resolve().parent == cases_dir().resolve()
            document = cls(file, untitled=untitled, parent=parent)
            document.recovery = recovery_sentence(file, {info.id: info.name for info in document.slides})
            document._tidy.start()  # what was changed since the last backup gets one
            return document
        except BaseException:
            file.close()
            raise

    @staticmethod
    def untitled_cases() -> list[Path]:
        """Cases that were never given a name, the newest first; some may be open in another window."""
        with contextlib.suppress(OSError):
            found = [(path.stat().st_mtime, path) for path in cases_dir().glob(f"*{CASE_SUFFIX}")]
            return [path for _, path in sorted(found, reverse=True)]
        return []

    @property
    def path(self) -> Path:
        """The case file."""
        return self._file.path

    @property
    def name(self) -> str:
        """Name of the case for the window's title."""
        return self._file.path.stem

    @property
    def untitled(self) -> bool:
        """Whether the case was never given a name."""
        return self._untitled

    @property
    def read_only(self) -> bool:
        """Whether the case can only be looked at; every edit raises `UserError`."""
        return self._file.read_only

    @property
    def person(self) -> str:
        """Who works on the case; recorded with every command. At first the name of the account."""
        return self._file.person

    @person.setter
    def person(self, name: str) -> None:
        self._file.person = name

    def slide_names(self) -> dict[int, str]:
        """Names of the slides by id, also of those that were removed."""
        return self._slides.names()

    def audit(self) -> Audit:
        """Who did what to the case, and when.

        Raises
        ------
        UserError
            If the case file cannot be read.
        """
        return Audit(self._file)

    def back_up(self) -> None:
        """Make a backup of the case beside it now, and wait for it.

        Raises
        ------
        UserError
            If it may only be read, or the backup cannot be written.
        """
        if self.read_only:
            raise read_only(self.path)
        self._file.backups.wait()
        self._file.backups.make()

    def note(self, title: str, *, before: str = "", after: str = "") -> None:
        """Write down something that happened to the case as a whole.

        Raises
        ------
        UserError
            If it cannot be written.
        """
        self._file.note(title, before=before, after=after)

    def save_as(self, path: Path) -> None:
        """Go on in the file `path`, which gets the whole case with its journal.

        The file left behind stays as it is; only a case without a name moves.

        Raises
        ------
        UserError
            If it cannot be written, or is a case open elsewhere. The document stays where it was.
        """
        path = _with_suffix(path)
        if is_there(path) and is_there(self.path) and path.samefile(self.path):
            return
        self._file.copy_to(path)
        file = CaseFile.open(path)
        file.person = self.person
        old, self._file = self._file, file
        old.close()
        if self._untitled:
            with contextlib.suppress(OSError):
                old.path.unlink()
            move_backups(old.path, path)
        self._untitled = False
        self._slides.read(file)
        self.slides_changed.emit()

    def close(self) -> None:
        """Let go of the case; everything is in its file already. Doing it twice does no harm."""
        if self._closed:
            return
        self._closed = True
        self._tidy.stop()
        empty = self._untitled and not self._slides
        self._file.close()
        if empty:
            with contextlib.suppress(OSError):
                self._file.path.unlink()

    def _carry_log(self) -> None:
        try:
            self._file.tidy()
            self._file.backups.begin_if_due(self._file.last_change())
        except UserError as error:
            self.problem.emit(str(error))
        failed = self._file.backups.take_problem()
        if failed is not None:
            self.problem.emit(tr("The case is safe, but no backup of it could be made. {why}", why=failed))

    # -- slides

    @property
    def slides(self) -> tuple[SlideInfo, ...]:
        """The slides of the case in their order."""
        return self._slides.infos

    def slide(self, slide_id: int) -> SlideInfo:
        """One slide.

        Raises
        ------
        KeyError
            If there is no such slide.
        """
        return self._slides.info(slide_id)

    def find_slide(self, slide_id: int) -> SlideInfo | None:
        """One slide, or None if it is not in the case."""
        return None if self._slides.get(slide_id) is None else self._slides.info(slide_id)

    def add_slides(self, paths: Iterable[Path | str]) -> list[int]:
        """Add images, and folders with the images in them; returns the ids of their slides in order.

        What is in the case already is not added twice: a removed slide comes back with everything
        that was on it, and a slide whose file is missing is found again by its content.

        Raises
        ------
        UserError
            If none could be added. If only some could not, `problem` says which.
        """
        from chromview.storage.images import find_images

        if self.read_only:
            raise read_only(self.path)
        ids, failed = self._slides.add(find_images(paths))
        self.slides_changed.emit()
        for error in failed:
            self.problem.emit(str(error))
        return ids

    def add_files(self, files: Iterable[tuple[Path, str]]) -> list[int]:
        """Add image files that were read already, by path and SHA-256; as `add_slides`.

        Raises
        ------
        UserError
            If the case file cannot be written.
        """
        if self.read_only:
            raise read_only(self.path)
        ids = self._slides.add_files(files)
        self.slides_changed.emit()
        return ids

    def remove_slide(self, slide_id: int) -> None:
        """Take a slide out of the case. Its image is not touched; adding it again brings its masks back.

        Raises
        ------
        UserError
            If the case file cannot be written.
        """
        self._file.set_removed(slide_id, True)
        self._images.pop(slide_id, None)
        self._slides[slide_id].generation = 0
        self._slides.read()
        self.slides_changed.emit()

    # -- chromosomes

    def chromosomes(self, slide_id: int) -> Mapping[int, Chromosome]:
        """The chromosomes of a slide by id, as they are now. The mapping given never changes afterwards.

        Raises
        ------
        UserError
            If the case file is damaged where this slide is.
        """
        slide = self._slides[slide_id]
        if slide.chromosomes is None:
            slide.chromosomes = MappingProxyType(self._file.chromosomes(slide_id))
        return slide.chromosomes

    def check_slide(self, slide_id: int) -> None:
        """Read what the case file holds about a slide; of those looked at before, as much stays in memory as may.

        Raises
        ------
        UserError
            If it is damaged there.
        """
        self.chromosomes(slide_id)
        self._history(slide_id)
        self._slides.keep(slide_id, _MEMORY)

    def next_id(self, slide_id: int) -> int:
        """Lowest id that was never used on the slide."""
        return self._slides[slide_id].next_id

    @contextlib.contextmanager
    def transaction(self, slide_id: int, title: str, *, follows: bool = False) -> Iterator[Edit]:
        """Edit a slide: what is done to the `Edit` becomes one command, or, after an exception, nothing.

        Parameters
        ----------
        slide_id
            The slide.
        title
            What is done, as a noun with its object: "Cut of chromosome 7".
        follows
            Whether it belongs to the command before it, and is undone together with that (see
            `can_follow`).

        Raises
        ------
        UserError
            At the end, if the command cannot be written; the document is then as before.
        RuntimeError
            If another transaction is open.
        """
        with self._editing_of(slide_id):
            slide = self._slides[slide_id]
            edit = Edit(self.chromosomes(slide_id), slide.fields, slide.next_id)
            try:
                yield edit
            finally:
                edit.close()
            command = edit.command(title)
            if command is None:
                return
            step = self._write(slide_id, "with" if follows else "do", title, command, edit.next_id)
        self._tell(step)

    @contextlib.contextmanager
    def _editing_of(self, slide_id: int) -> Iterator[None]:
        if self._editing:
            raise RuntimeError("a transaction inside another")
        if self.read_only:
            raise read_only(self.path)
        self._editing = True
        try:
            yield
        finally:
            self._editing = False

    def _write(self, slide_id: int, kind: Kind, title: str, command: Command, next_id: int) -> Changed:
        """Put one step into the file and, once it is there, into memory."""
        slide = self._slides[slide_id]
        old, history = self.chromosomes(slide_id), self._history(slide_id)
        new = apply(old, command)
        fields = dict(slide.fields)
        for change in command.changes:
            if isinstance(change, SlideChanged):
                fields.update(change.after)
        summary = summary_of(new.values(), fields)
        ids = command.ids
        seq = self._file.commit(
            slide_id,
            kind,
            title,
            command if kind in ("do", "with") else None,
            changed=[new[id] for id in ids if id in new],
            removed=[id for id in ids if id not in new],
            next_id=next_id,
            fields=fields,
            summary=summary,
        )
        slide.chromosomes = MappingProxyType(new)
        slide.history = history.after(kind, seq, title)
        slide.next_id, slide.fields, slide.summary = next_id, fields, summary
        self._slides.touch(slide_id)
        box = place = command.box
        if command.fields:
            # A field can change how the whole chromosome is drawn: its colour, its number, its outline.
            box = united((box, *(c[id].box for id in ids for c in (old, new) if id in c)))
        return Changed(slide_id, ids, box, place or box, command.masks, command.fields)

    def _tell(self, step: Changed) -> None:
        self._tidy.start()
        self.changed.emit(step)
        self.slide_changed.emit(step.slide_id)
        self.undo_changed.emit()

    def steps(self, slide_id: int) -> list[tuple[float, bytes]]:
        """What was done to a slide and not taken back; as `CaseFile.steps`."""
        return self._file.steps(slide_id)

    # -- undo

    def undo(self, slide_id: int) -> Changed | None:
        """Take the last step on this slide back; returns what changed, or None if there is none.

        Raises
        ------
        UserError
            If it cannot be written; the document is then as before.
        """
        return self._step(slide_id, "undo")

    def redo(self, slide_id: int) -> Changed | None:
        """Do the step that was taken back last again; returns what changed, or None if there is none.

        Raises
        ------
        UserError
            If it cannot be written; the document is then as before.
        """
        return self._step(slide_id, "redo")

    def undo_title(self, slide_id: int) -> str | None:
        """What `undo` would do, for example "Undo cut of chromosome 7"; None if there is nothing."""
        step = self.undo_step(slide_id)
        return tr("Undo {step}", step=step) if step else None

    def undo_step(self, slide_id: int) -> str:
        """The step that `undo` would take back, for example "cut of chromosome 7"; empty if there is none."""
        entries = self._history(slide_id).undo
        return inside(shown(entries[-1].title)) if entries else ""

    def redo_title(self, slide_id: int) -> str | None:
        """What `redo` would do, for example "Redo cut of chromosome 7"; None if there is nothing."""
        entries = self._history(slide_id).redo
        return tr("Redo {step}", step=inside(shown(entries[-1].title))) if entries else None

    def can_follow(self, slide_id: int) -> bool:
        """Whether a command can belong to the one before: there is one, and nothing was taken back since."""
        if self._slides.get(slide_id) is None:
            return False
        history = self._history(slide_id)
        return bool(history.undo) and not history.redo

    def _history(self, slide_id: int) -> History:
        slide = self._slides[slide_id]
        if slide.history is None:
            slide.history = self._file.history(slide_id)
        return slide.history

    def _step(self, slide_id: int, kind: Kind) -> Changed | None:
        history = self._history(slide_id)
        entries = history.undo if kind == "undo" else history.redo
        if not entries:
            return None
        with self._editing_of(slide_id):
            entry = entries[-1]
            command = joined([self._file.command(seq) for seq in entry.seqs])
            if kind == "undo":
                command = command.inverted()
            try:
                step = self._write(slide_id, kind, entry.title, command, self._slides[slide_id].next_id)
            except ValueError as error:
                raise damaged(self.path, str(error)) from error
        self._tell(step)
        return step


def _with_suffix(path: Path) -> Path:
    return path if path.suffix == CASE_SUFFIX else path.with_name(path.name + CASE_SUFFIX)
