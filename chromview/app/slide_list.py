"""The slides of an open case, in memory: what is known of each, and which files they are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chromview.app.slides import SlideInfo, info_of
from chromview.core.chromosome import Chromosome
from chromview.errors import UserError
from chromview.storage.case_file import CaseFile
from chromview.storage.case_rows import History, SlideRow
from chromview.storage.case_schema import damaged, in_words, is_there

_OBJECT = 2500
"""Bytes of a chromosome without its arrays: 24 probabilities, its box and its fields."""


@dataclass(slots=True)
class Slide:
    """One slide; `chromosomes` and `history` are None until somebody asks for them.

    Attributes
    ----------
    row
        As the case file has it.
    missing, changed
        Whether its image file is gone, or holds something else.
    generation
        Number of the answer that is wanted; 0 if none is.
    next_id, fields, summary
        As in `SlideRow`, kept up to date by every step.
    """

    row: SlideRow
    missing: bool = False
    changed: bool = False
    generation: int = 0
    chromosomes: Mapping[int, Chromosome] | None = None
    history: History | None = None
    next_id: int = 1
    fields: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)


class SlideList:
    """The slides of `file`; those that were removed are remembered, and not shown.

    Raises
    ------
    UserError
        If the file holds values that no version of the program wrote.
    """

    def __init__(self, file: CaseFile) -> None:
        self._file = file
        self._slides: dict[int, Slide] = {}
        self._infos: dict[int, SlideInfo] = {}
        self._in_order: tuple[SlideInfo, ...] | None = None
        self._kept: dict[int, int] = {}
        """Bytes of the chromosomes that are in memory, by slide, the one looked at last at the end."""
        self.read()

    def __getitem__(self, id: int) -> Slide:
        return self._slides[id]

    def get(self, id: int) -> Slide | None:
        """The slide with this id, if it is in the case."""
        slide = self._slides.get(id)
        return None if slide is None or slide.row.removed else slide

    def __len__(self) -> int:
        """How many there ever were, removed ones included."""
        return len(self._slides)

    @property
    def infos(self) -> tuple[SlideInfo, ...]:
        """The slides in their order; the same tuple as long as nothing is different."""
        if self._in_order is None:
            self._in_order = tuple(self.info(id) for id, slide in self._slides.items() if not slide.row.removed)
        return self._in_order

    def names(self) -> dict[int, str]:
        """Names by id, removed slides included."""
        return {id: slide.row.path.name for id, slide in self._slides.items()}

    def info(self, id: int) -> SlideInfo:
        """One slide."""
        info = self._infos.get(id)
        if info is None:
            slide = self._slides[id]
            row = slide.row
            try:
                info = info_of(
                    id, row.path, row.sha256, slide.fields, slide.summary, missing=slide.missing, changed=slide.changed
                )
            except (ValueError, TypeError, IndexError) as error:
                raise damaged(self._file.path, str(error)) from error
            self._infos[id] = info
        return info

    def touch(self, id: int) -> None:
        """Say that something about a slide is different now."""
        self._infos.pop(id, None)
        self._in_order = None

    def keep(self, id: int, most: int) -> None:
        """Forget chromosomes that can be read again; those of slide `id` stay, and `most` bytes of those kept last."""
        size = self._kept.pop(id, 0)
        self._kept[id] = size or _size(self._slides[id])
        place = {kept: n for n, kept in enumerate(self._kept)}
        there = [n for n, slide in self._slides.items() if slide.chromosomes is not None]
        # What was never looked at, but read for a table, is the first to go.
        for other in sorted(there, key=lambda n: place.get(n, -1), reverse=True):
            slide = self._slides[other]
            if other == id:
                continue
            if other not in self._kept:
                self._kept = {other: _size(slide), **self._kept}
            most -= self._kept[other]
            if most < 0:
                slide.chromosomes = None
                del self._kept[other]

    def mark(self, id: int, *, missing: bool, changed: bool) -> bool:
        """Say how it stands with the image file of a slide; returns whether that is news."""
        slide = self._slides[id]
        if (slide.missing, slide.changed) == (missing, changed):
            return False
        slide.missing, slide.changed = missing, changed
        self.touch(id)
        return True

    def read(self, file: CaseFile | None = None) -> None:
        """Read the list again, from another file if one is given; chromosomes in memory stay."""
        self._file = file or self._file
        slides: dict[int, Slide] = {}
        for row in self._file.slides():
            slide = self._slides.get(row.id) or Slide(row)
            slide.row, slide.next_id, slide.fields, slide.summary = row, row.next_id, row.fields, row.summary
            slide.missing = not is_there(row.path)
            slides[row.id] = slide
        self._slides = slides
        self._infos.clear()
        self._in_order = None
        _ = self.infos  # what this program did not write is told now, and not while painting

    def add(self, paths: Iterable[Path]) -> tuple[list[int], list[UserError]]:
        """Read the hashes of files and add them; returns their slides in order, and what was wrong with the others.

        Raises
        ------
        UserError
            If the case file cannot be written, or not one file could be read.
        """
        files: list[tuple[Path, str]] = []
        failed: list[UserError] = []
        for path in paths:
            where = path.absolute()
            try:
                with in_words(where), where.open("rb") as file:
                    files.append((where, hashlib.file_digest(file, "sha256").hexdigest()))
            except UserError as error:
                failed.append(error)
        if failed and not files:
            raise failed[0]
        return self.add_files(files), failed

    def add_files(self, files: Iterable[tuple[Path, str]]) -> list[int]:
        """Add files by path and SHA-256; returns their slides in order.

        What is in the case already is not added twice: a removed slide comes back, and one whose
        file is missing is found again by its content.

        Raises
        ------
        UserError
            If the case file cannot be written.
        """
        ids: list[int] = []
        fresh: dict[int, tuple[Path, str]] = {}
        for path, sha256 in files:
            known = self._known(path, sha256)
            if known is None:
                fresh[len(ids)] = (path, sha256)
            ids.append(known or 0)
        for place, id in zip(fresh, self._file.add_slides(fresh.values()), strict=True):
            ids[place] = id
        self.read()
        return ids

    def _known(self, path: Path, sha256: str) -> int | None:
        """The slide that a file is already, brought back or pointed to it if need be."""
        for id, slide in self._slides.items():
            row = slide.row
            if row.sha256 == sha256 and (row.path == path or slide.missing):
                if row.path != path:
                    self._file.set_file(id, path, sha256)
                if row.removed:
                    self._file.set_removed(id, False)
                return id
            if row.path == path and not row.removed:
                return id
        return None


def _size(slide: Slide) -> int:
    """About how many bytes the chromosomes of a slide take."""
    everything = (slide.chromosomes or {}).values()
    return sum(_OBJECT + c.mask.nbytes + (0 if c.axis is None else c.axis.nbytes) for c in everything)
