"""The cells of a case, and the strip of one class made from them beside the window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QObject, Signal

from chromview.app.background import Background
from chromview.app.document import Document
from chromview.app.slides import LEFT_ASIDE, SlideInfo
from chromview.core.cells import Cell, cell_of
from chromview.core.chromosome import CLASS_NAMES, Chromosome, Stain, State
from chromview.errors import Cancelled, UserError
from chromview.progress import CancelToken
from chromview.texts import tr, tr_n

if TYPE_CHECKING:
    from chromview.core.strip import StripItem

_SAME_MAGNIFICATION = 1.3
"""Slides whose scales differ by less show chromosomes of one size; the scale is a measured value."""

Key = tuple[int, int]
"""Numbers of a slide and of a chromosome on it."""


def cell_slides(document: Document) -> list[SlideInfo]:
    """The slides that show a whole cell whose chromosomes have classes, and that nobody left aside."""
    return [info for info in document.slides if info.proposal and info.state not in LEFT_ASIDE]


def cells_of(document: Document) -> list[Cell]:
    """The cells of a case as they are now, in the order of their slides.

    Raises
    ------
    UserError
        If the case file is damaged.
    """
    return [cell_of(info.name, document.chromosomes(info.id).values(), info.id) for info in cell_slides(document)]


@dataclass(frozen=True, slots=True)
class StripSource:
    """What a slide gives to a strip: its image file, and its chromosomes of the class in their order."""

    info: SlideInfo
    chromosomes: tuple[Chromosome, ...]
    scale: float


def strip_sources(document: Document, slides: Iterable[int], number: int) -> list[StripSource]:
    """Chromosomes of class `number` on these slides, homologues as they stand in the karyogram."""
    wanted = set(slides)
    infos = [info for info in cell_slides(document) if info.id in wanted]
    middle = median([info.scale for info in infos]) if infos else 1.0
    sources = []
    for info in infos:
        found = [c for c in document.chromosomes(info.id).values() if c.in_karyogram and c.number == number and c.area]
        found.sort(key=lambda c: (c.slot is None, c.slot.position if c.slot else 0, c.id))
        ratio = info.scale / middle
        alike = 1 / _SAME_MAGNIFICATION < ratio < _SAME_MAGNIFICATION
        sources.append(StripSource(info, tuple(found), 1.0 if alike else ratio))
    return sources


class Strip(NamedTuple):
    """The chromosomes of one class, and the slides whose image could not be read."""

    number: int
    items: tuple[StripItem, ...]
    unread: tuple[str, ...]
    made_from: Mapping[Key, Chromosome]

    @property
    def title(self) -> str:
        """What stands above it."""
        cells = len({item.slide for item in self.items})
        many = tr_n("{count} from {n} cell", "{count} from {n} cells", cells, count=len(self.items))
        proposed = sum(not item.accepted for item in self.items)
        note = tr(", {proposed} marked as proposals", proposed=proposed) if proposed else ""
        return (
            tr("Chromosome {name}: {many}", name=CLASS_NAMES[self.number - 1], many=many if self.items else tr("none"))
            + note
        )


def make_strip(
    sources: Sequence[StripSource], number: int, known: Strip | None = None, cancel: CancelToken | None = None
) -> Strip:
    """Lay the chromosomes of a strip straight; pictures of `known` that still fit are not made again.

    Raises
    ------
    Cancelled
        If the token was set.
    """
    from chromview.core.straighten import find_levels, straighten
    from chromview.core.strip import StripItem
    from chromview.storage.images import read_image

    pictures = {(item.slide, item.chromosome): item for item in known.items} if known else {}
    made_from = known.made_from if known else {}
    items: list[StripItem] = []
    unread: list[str] = []
    for source in sources:
        info, image, levels = source.info, None, None
        stain = info.stain or Stain.G_BAND
        for chromosome in source.chromosomes:
            if cancel:
                cancel.check()
            key = (info.id, chromosome.id)
            accepted = chromosome.state is not State.PROPOSED
            if key in pictures and made_from.get(key) is chromosome:
                items.append(replace(pictures[key], accepted=accepted, scale=source.scale))
                continue
            if image is None:
                try:
                    image = read_image(info.path)
                except UserError:
                    unread.append(info.name)
                    break
                levels = find_levels(image, stain, info.inverted)
            try:
                straight = straighten(image, chromosome, stain, inverted=info.inverted, levels=levels)
            except ValueError:
                continue  # a mask of a pixel or two has no axis
            items.append(
                StripItem(info.id, chromosome.id, info.name, straight, stain.bright_on_dark, source.scale, accepted)
            )
    shown = {(item.slide, item.chromosome) for item in items}
    return Strip(
        number,
        tuple(items),
        tuple(unread),
        {(s.info.id, c.id): c for s in sources for c in s.chromosomes if (s.info.id, c.id) in shown},
    )


class StripMaker(QObject):
    """Makes strips in the background; of several asked for in a row only the last arrives.

    Signals
    -------
    ready(object)
        A `Strip`.
    """

    ready = Signal(object)

    def __init__(self, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self._token = CancelToken()
        self._last: Strip | None = None

    def want(self, document: Document, slides: Iterable[int], number: int) -> None:
        """Ask for the strip of class `number` from these slides, as they are now.

        Raises
        ------
        UserError
            If the case file is damaged.
        """
        sources = strip_sources(document, slides, number)
        self.cancel()
        token = self._token
        known = self._last if self._last is not None and self._last.number == number else None

        def arrived(strip: Strip | None) -> None:
            if strip is not None and not token.cancelled:
                self._last = strip
                self.ready.emit(strip)

        def work() -> Strip | None:
            try:
                return make_strip(sources, number, known, token)
            except Cancelled:
                return None

        self._background.ask(work, arrived)

    def cancel(self) -> None:
        """Want no answer any more."""
        self._token.cancel()
        self._token = CancelToken()

    def forget(self) -> None:
        """Another case is open: slides with the same numbers are other ones."""
        self.cancel()
        self._last = None


def write_counts(cells: Sequence[Cell], path: Path) -> None:
    """Write the table of cells as CSV; raises `UserError` if that fails."""
    from chromview.storage.cells import write_cells_csv

    write_cells_csv(path, cells)


def write_strip(strip: Strip, path: Path) -> None:
    """Write a strip as PNG; raises `UserError` if that fails."""
    from chromview.storage.cells import write_strip_png

    write_strip_png(path, strip.items, strip.title)
