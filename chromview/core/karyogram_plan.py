"""A karyogram as positions: what stands where, frozen and compared by value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from chromview.core.chromosome import Slot


class Rect(NamedTuple):
    """Rectangle in canvas pixels, x to the right, y down."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def centre(self) -> tuple[float, float]:
        """(x, y)."""
        return self.x + self.width / 2, self.y + self.height / 2

    def enlarged(self, factor: float) -> Rect:
        """The same on a canvas that is larger by `factor`."""
        return Rect(*(side * factor for side in self))

    def holds(self, x: float, y: float) -> bool:
        """Whether the point lies in it; left and upper edge count, right and lower do not."""
        return self.x <= x < self.right and self.y <= y < self.bottom


@dataclass(frozen=True, slots=True)
class Placed:
    """Where the picture of one chromosome is drawn.

    Attributes
    ----------
    id
        Of the chromosome.
    slot
        Its place, or None in the tray.
    rect
        Of its picture, turned by the chromosome's `angle`, background included.
    centromere_y
        Height of its centromere on the canvas; where it is not known, of the point that
        was put on the row's line instead. None in the tray.
    centromere_known
        Whether the centromere was found.
    angle
        How far a person turned it, degrees counter-clockwise.
    """

    id: int
    slot: Slot | None
    rect: Rect
    centromere_y: float | None
    centromere_known: bool
    angle: float = 0.0


@dataclass(frozen=True, slots=True)
class Place:
    """A place for one chromosome.

    Attributes
    ----------
    slot
        Class and position.
    rect
        Area that takes a drop; the places of a row lie side by side without gaps inside a class.
    outline
        Rectangle to draw for it when it is empty: as large as that chromosome would be.
    taken_by
        Id of the chromosome that stands there, or None.
    expected
        Whether a place left empty here means that a chromosome is missing; if not, it is room
        for an extra copy and is shown only while something is dragged.
    """

    slot: Slot
    rect: Rect
    outline: Rect
    taken_by: int | None
    expected: bool


@dataclass(frozen=True, slots=True)
class ClassArea:
    """All that belongs to one class.

    Attributes
    ----------
    number, name
        Class 1..24 and "1" .. "22", "X", "Y".
    rect
        Area of its places and its label.
    label
        Rectangle below its line, in the middle of which the name stands.
    line_y
        Height of the line under its chromosomes, drawn over the width of `label`.
    count, expected
        How many chromosomes stand there and how many should.
    ideogram
        Where its ideogram is drawn, its centromere on the row's line; None where there is none.
    """

    number: int
    name: str
    rect: Rect
    label: Rect
    line_y: float
    count: int
    expected: int
    ideogram: Rect | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its rectangle, and the line (y, from x to x) that its centromeres lie on."""

    rect: Rect
    centromere_y: float


@dataclass(frozen=True, slots=True)
class KaryogramLayout:
    """A karyogram, ready to be drawn; compared by value, so that a view can repaint what changed.

    Attributes
    ----------
    width, height
        Of the canvas in pixels.
    scale
        Canvas pixels for a slide pixel, one for the cell.
    placed
        Chromosomes with a picture, those in the tray last.
    places, classes, rows
        See `Place`, `ClassArea` and `Row`.
    tray
        Area for what has no place; of height 0 if there is nothing and none was asked for.
    """

    width: float
    height: float
    scale: float
    placed: tuple[Placed, ...]
    places: tuple[Place, ...]
    classes: tuple[ClassArea, ...]
    rows: tuple[Row, ...]
    tray: Rect

    def enlarged(self, factor: float) -> KaryogramLayout:
        """The same layout, everything larger by `factor`; for printing at more pixels an inch than a screen has."""
        if factor == 1:
            return self
        placed = [
            replace(p, rect=p.rect.enlarged(factor), centromere_y=p.centromere_y and p.centromere_y * factor)
            for p in self.placed
        ]
        places = [replace(p, rect=p.rect.enlarged(factor), outline=p.outline.enlarged(factor)) for p in self.places]
        classes = [
            replace(
                c,
                rect=c.rect.enlarged(factor),
                label=c.label.enlarged(factor),
                line_y=c.line_y * factor,
                ideogram=c.ideogram and c.ideogram.enlarged(factor),
            )
            for c in self.classes
        ]
        rows = [Row(row.rect.enlarged(factor), row.centromere_y * factor) for row in self.rows]
        return KaryogramLayout(
            self.width * factor,
            self.height * factor,
            self.scale * factor,
            tuple(placed),
            tuple(places),
            tuple(classes),
            tuple(rows),
            self.tray.enlarged(factor),
        )

    def chromosome_at(self, x: float, y: float) -> int | None:
        """Id of the chromosome whose picture is at a point; of several the one whose middle is nearest."""
        hits = [placed for placed in self.placed if placed.rect.holds(x, y)]
        if not hits:
            return None
        return min(hits, key=lambda p: (p.rect.centre[0] - x) ** 2 + (p.rect.centre[1] - y) ** 2).id

    def slot_at(self, x: float, y: float) -> Slot | None:
        """The place at a point, also that for an extra copy; None outside all of them."""
        return next((place.slot for place in self.places if place.rect.holds(x, y)), None)

    def in_tray(self, x: float, y: float) -> bool:
        """Whether a point lies in the tray."""
        return self.tray.holds(x, y)

    def of(self, id: int) -> Placed | None:
        """Where chromosome `id` is drawn, or None if it is not."""
        return next((placed for placed in self.placed if placed.id == id), None)
