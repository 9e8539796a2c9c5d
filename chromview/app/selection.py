"""Which slide is shown and which chromosomes are meant: one place, for every panel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from PySide6.QtCore import QObject, Signal

from chromview.app.slides import is_doubtful
from chromview.core.chromosome import Chromosome


class Selection(QObject):
    """The slide shown, the selected chromosome and the second one.

    Signals
    -------
    slide_changed()
        Another slide is shown, or none.
    changed()
        Another chromosome is selected, or none.
    """

    slide_changed = Signal()
    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._slide: int | None = None
        self._chromosome: int | None = None
        self._second: int | None = None

    @property
    def slide(self) -> int | None:
        """Id of the slide shown."""
        return self._slide

    @property
    def chromosome(self) -> int | None:
        """Id of the selected chromosome."""
        return self._chromosome

    @property
    def second(self) -> int | None:
        """Id of the second chromosome, if a person chose one."""
        return self._second

    def show_slide(self, slide: int | None) -> None:
        """Show another slide; nothing on it is selected."""
        if slide == self._slide:
            return
        self._slide, self._chromosome, self._second = slide, None, None
        self.slide_changed.emit()
        self.changed.emit()

    def select(self, chromosome: int | None, second: int | None = None) -> None:
        """Select a chromosome, and a second one with it."""
        if chromosome is None or second == chromosome:
            second = None
        if (chromosome, second) != (self._chromosome, self._second):
            self._chromosome, self._second = chromosome, second
            self.changed.emit()

    def forget_missing(self, present: Iterable[int]) -> None:
        """Deselect what is no longer on the slide."""
        ids = set(present)
        if self._chromosome not in ids:
            self.select(None)
        elif self._second is not None and self._second not in ids:
            self.select(self._chromosome)


def at(chromosomes: Mapping[int, Chromosome], y: int, x: int, *, reach: int = 2) -> list[int]:
    """Ids of what lies at a slide pixel, the most likely meant first.

    Parameters
    ----------
    chromosomes
        Of the slide.
    y, x
        Slide pixel.
    reach
        When nothing lies exactly there, how far around to look, in pixels.

    Returns
    -------
    list of int
        Chromosomes before nuclei, debris and rejected ones, smaller before larger.
    """

    def hits(chromosome: Chromosome, around: int) -> bool:
        box = chromosome.box
        if not (box.top - around <= y < box.bottom + around and box.left - around <= x < box.right + around):
            return False
        top, left = max(0, y - around - box.top), max(0, x - around - box.left)
        part = chromosome.mask[top : y + around + 1 - box.top, left : x + around + 1 - box.left]
        return bool(part.any())

    for around in (0, reach):
        found = [c for c in chromosomes.values() if hits(c, around)]
        if found:
            return [c.id for c in sorted(found, key=lambda c: (not c.in_karyogram, c.area, c.id))]
    return []


def touching(chromosomes: Mapping[int, Chromosome], id: int, reach: int = 1) -> list[int]:
    """Ids of the chromosomes that overlap or touch one, most shared pixels first.

    Parameters
    ----------
    chromosomes
        Of the slide.
    id
        The chromosome asked about.
    reach
        Pixels between two masks that still count as touching.
    """
    mine = chromosomes.get(id)
    if mine is None or not mine.area:
        return []
    pad = reach
    height, width = mine.mask.shape
    grown = np.zeros((height + 2 * pad, width + 2 * pad), bool)
    for dy in range(2 * pad + 1):
        for dx in range(2 * pad + 1):
            grown[dy : dy + height, dx : dx + width] |= mine.mask
    top, left = mine.box.top - pad, mine.box.left - pad
    shared: list[tuple[int, int]] = []
    for other in chromosomes.values():
        if other.id == id or not other.in_karyogram:
            continue
        box = other.box
        y0, y1 = max(top, box.top), min(top + grown.shape[0], box.bottom)
        x0, x1 = max(left, box.left), min(left + grown.shape[1], box.right)
        if y0 >= y1 or x0 >= x1:
            continue
        both = (
            grown[y0 - top : y1 - top, x0 - left : x1 - left]
            & other.mask[y0 - box.top : y1 - box.top, x0 - box.left : x1 - box.left]
        )
        count = int(np.count_nonzero(both))
        if count:
            shared.append((-count, other.id))
    return [other for _, other in sorted(shared)]


def second_of(
    chromosomes: Mapping[int, Chromosome], selected: int | None, explicit: int | None, *, cluster: bool
) -> int | None:
    """Which chromosome label 2, join and split overlap mean.

    The one a person chose; else the other one of a cluster of two; else the only one that touches
    the selected chromosome. None where it would be a guess.
    """
    if selected is None or selected not in chromosomes:
        return None
    if explicit is not None and explicit in chromosomes:
        return explicit
    if cluster:
        others = [c.id for c in chromosomes.values() if c.in_karyogram and c.id != selected]
        return others[0] if len(others) == 1 else None
    neighbours = touching(chromosomes, selected)
    return neighbours[0] if len(neighbours) == 1 else None


def reading_order(chromosome: Chromosome) -> tuple[int, int, int]:
    """Sort key: by place in the karyogram, the tray last, then by id."""
    if chromosome.slot is None:
        return (99, 0, chromosome.id)
    return (chromosome.slot.number, chromosome.slot.position, chromosome.id)


def doubtful(chromosomes: Mapping[int, Chromosome]) -> tuple[int, ...]:
    """Ids of what waits to be looked at: proposals with doubts, in the order of the karyogram."""
    waiting = [c for c in chromosomes.values() if is_doubtful(c)]
    return tuple(c.id for c in sorted(waiting, key=reading_order))


def step(ids: tuple[int, ...], order: tuple[int, ...], current: int | None, direction: int) -> int | None:
    """The next or last of `ids` from `current` in the order `order`, around the end.

    Parameters
    ----------
    ids
        Where to go, in order.
    order
        All ids in the same order, so that one that is not in `ids` has a place too.
    current
        Where we are.
    direction
        1 forward, -1 back.
    """
    if not ids:
        return None
    if current is None or current not in order:
        return ids[0] if direction > 0 else ids[-1]
    place = {id: index for index, id in enumerate(order)}
    here = place[current]
    if direction > 0:
        return next((id for id in ids if place[id] > here), ids[0])
    return next((id for id in reversed(ids) if place[id] < here), ids[-1])
