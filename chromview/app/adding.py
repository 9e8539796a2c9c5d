"""Files that a person gives become slides of the case, as they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from chromview.app.reading import Batch, Found
from chromview.errors import UserError
from chromview.texts import tr, tr_n

if TYPE_CHECKING:
    from chromview.app.controller import Controller

_TOLD = 4
"""Of so many files that cannot be read it is said what is wrong with them; of the others only the names."""


@dataclass(slots=True)
class _Adding:
    """How far it is: slides that are new, all of them, and what is wrong with the other files."""

    fresh: int = 0
    known: int = 0
    failed: list[UserError] = field(default_factory=list)


class Adder:
    """Adds files to the controller's case; those that cannot be read are told, and not added."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def add(self, paths: Sequence[Path]) -> None:
        """Read files, and folders with the images in them, and add them."""
        self._controller.reader.add(paths, partial(self._take, _Adding()))

    def _take(self, adding: _Adding, batch: Batch | UserError) -> None:
        controller = self._controller
        if isinstance(batch, UserError):
            controller.problem.emit(str(batch), "slides")
            return
        adding.failed.extend(batch.failed)
        if not controller.attempt(lambda: self._add(adding, batch.found), "slides"):
            controller.reader.forget()  # the case cannot take them; the rest would fail in the same way
        elif batch.last:
            if adding.failed:
                controller.problem.emit(not_added(adding.failed, batch.total), "slides")
            if adding.known:
                controller.said.emit(added(adding.fresh))
        else:
            controller.said.emit(tr("{done} of {total} files are read …", done=batch.done, total=batch.total))

    def _add(self, adding: _Adding, found: Sequence[Found]) -> None:
        if not found:
            return
        controller = self._controller
        before = {info.id for info in controller.slides}
        ids = controller.document.add_files([(file.path, file.sha256) for file in found])
        fresh = [id for id in ids if id not in before]
        for id, file in zip(ids, found, strict=True):
            controller.background.give_thumbnail(id, file.path, file.thumbnail)
            if file.image is not None:
                controller.document.give_image(id, file.image)
        first = not adding.known or bool(fresh and not adding.fresh)
        adding.known += len(ids)
        adding.fresh += len(fresh)
        controller.files_added(ids, fresh, first=first)


def added(fresh: int) -> str:
    """What is said after files were added."""
    if not fresh:
        return tr("Nothing new: they are in the case already")
    return tr_n("{n} slide added", "{n} slides added", fresh)


def not_added(failed: Sequence[UserError], total: int) -> str:
    """What is said of files that were not added, out of `total`."""
    if total == 1:
        return tr("{sentence} It was not added.", sentence=failed[0])
    lines = [tr_n("One file was not added:", "{n} of {total} files were not added:", len(failed), total=total)]
    lines += [str(error) for error in failed[:_TOLD]]
    if len(failed) > _TOLD:
        rest = [error.path.name for error in failed[_TOLD:] if error.path is not None]
        lines.append(tr("And: {list}", list=", ".join(rest[:20])) + (" …" if len(rest) > 20 else ""))
    return "\n".join(lines)
