"""Where everything stands in the karyogram: a pure, frozen layout that pictures and the window draw from.

Rows as laboratories have them (A B, C, D E, F G and the sex chromosomes), one scale for
the whole cell, p arms up, the centromeres of a row on one line. There are as many places as
a class has chromosomes and never fewer than the cell should have; what is missing shows as
an empty place. What has no place lies in the tray below. `chromview.core.karyogram`
draws it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chromview.core._cv import cv2
from chromview.core.chromosome import CLASS_NAMES, Chromosome, Slot
from chromview.core.karyogram_plan import ClassArea, KaryogramLayout, Place, Placed, Rect, Row
from chromview.core.karyotype import ARMS, ROWS, expected_copies
from chromview.core.straighten import Straightened

# Sizes in canvas pixels; the drawing of a cell is scaled, letters and gaps are not.
MARGIN = 24.0
LABEL_HEIGHT = 34.0
ROW_GAP = 18.0
PLACE_GAP = 10.0
CLASS_GAP = 44.0
BLOCK_GAP = 72.0
TRAY_TITLE = 22.0
IDEOGRAM_WIDTH = 12.0
LONGEST = 170.0
"""Height that the longest chromosome of a cell gets if neither scale nor width are asked for."""


class _Picture(NamedTuple):
    """Size of a picture on the canvas, and how far its centromere is from its upper edge."""

    id: int
    width: float
    height: float
    up: float
    known: bool
    angle: float = 0.0

    @property
    def down(self) -> float:
        return self.height - self.up


def turn_matrix(shape: tuple[int, int], angle: float) -> tuple[npt.NDArray[np.float64], tuple[int, int]]:
    """How a picture is turned about its middle.

    Parameters
    ----------
    shape
        ``(height, width)`` of the picture.
    angle
        Degrees counter-clockwise.

    Returns
    -------
    ``(2, 3)`` float64 matrix from (x, y) to (x, y), pixel middles at whole numbers, as
    ``cv2.warpAffine`` takes it, and ``(height, width)`` of the turned picture.
    """
    height, width = shape
    if angle % 360 == 0:
        return np.array([[1.0, 0, 0], [0, 1.0, 0]]), (height, width)
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
    c, s = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = int(np.ceil(height * c + width * s - 1e-6)), int(np.ceil(height * s + width * c - 1e-6))
    matrix[0, 2] += (size[1] - width) / 2
    matrix[1, 2] += (size[0] - height) / 2
    return matrix, size


def _picture(chromosome: Chromosome, straight: Straightened, scale: float) -> _Picture:
    shape = straight.image.shape[0], straight.image.shape[1]
    matrix, (height, width) = turn_matrix(shape, chromosome.angle)
    row = straight.centromere_row
    known = row is not None
    if row is None:
        # On the line stands where the class has its centromere; without a class, the middle.
        share = ARMS[chromosome.slot.number - 1].centromere_index if chromosome.slot else 0.5
        row = share * shape[0]
    middle = (shape[1] - 1) / 2
    up = matrix[1, 0] * middle + matrix[1, 1] * (row - 0.5) + matrix[1, 2] + 0.5
    return _Picture(
        chromosome.id, width * scale, height * scale, float(np.clip(up, 0, height)) * scale, known, chromosome.angle
    )


@dataclass(frozen=True, slots=True)
class _Class:
    """The pictures of one class by position, and the widths of its places."""

    number: int
    pictures: dict[int, _Picture]
    expected: int
    places: int
    widths: tuple[float, ...]
    missing: _Picture
    """As large as a chromosome of this class would be."""
    beside: float = 0.0
    """Room for an ideogram left of the places."""

    @property
    def width(self) -> float:
        return self.beside + sum(self.widths) + PLACE_GAP * (len(self.widths) - 1)


def layout(
    chromosomes: Sequence[Chromosome],
    straightened: Mapping[int, Straightened],
    *,
    scale: float | None = None,
    width: float | None = None,
    show_tray: bool = False,
    ideograms: bool = False,
) -> KaryogramLayout:
    """Place every chromosome of a cell.

    Parameters
    ----------
    chromosomes
        Of one slide; rejected ones, nuclei and debris are left out. Those with a `slot` stand
        in it (the second of two in the same one, in the next free one of the class), the
        others lie in the tray.
    straightened
        Their pictures by id; a chromosome without one is not drawn and its place is empty.
    scale
        Canvas pixels for a slide pixel.
    width
        Or the width in pixels that the canvas should have; the scale is chosen for it as far
        as letters and gaps allow.
    show_tray
        Whether an empty tray takes room, so that something can be dropped there.
    ideograms
        Whether there is room for an ideogram left of each class.

    Returns
    -------
    See `KaryogramLayout`. The same arguments give the same layout.
    """
    drawn = [c for c in chromosomes if c.in_karyogram and c.id in straightened]
    natural = LONGEST / max((straightened[c.id].length for c in drawn), default=LONGEST)
    if scale is None and width is not None:
        scale = _scale_for(width, natural, lambda s: _place_all(drawn, straightened, s, show_tray, ideograms).width)
    return _place_all(drawn, straightened, scale or natural, show_tray, ideograms)


def _scale_for(width: float, natural: float, width_at: Callable[[float], float]) -> float:
    """Scale at which the canvas has a width; it grows with the scale, piece by piece linearly, beside fixed gaps."""
    low, high = 0.1 * natural, natural
    while width_at(high) < width and high < 64 * natural:
        low, high = high, 2 * high
    if width_at(low) >= width:
        return low
    for _ in range(8):
        at_low, at_high = width_at(low), width_at(high)
        middle = low + (width - at_low) / max(at_high - at_low, 1e-9) * (high - low)
        at = width_at(middle)
        if abs(at - width) < 0.5:
            return middle
        low, high = (middle, high) if at < width else (low, middle)
    return low


def _place_all(
    drawn: Sequence[Chromosome],
    straightened: Mapping[int, Straightened],
    scale: float,
    show_tray: bool,
    ideograms: bool,
) -> KaryogramLayout:
    by_class, tray = _sort(drawn)
    pictures = {c.id: _picture(c, straightened[c.id], scale) for c in drawn}
    classes = _classes(by_class, pictures, drawn, IDEOGRAM_WIDTH + PLACE_GAP if ideograms else 0.0)
    inner = max(
        sum(classes[n].width + CLASS_GAP for block in row for n in block) + BLOCK_GAP * (len(row) - 1) for row in ROWS
    )
    canvas = inner + 2 * MARGIN
    placed: list[Placed] = []
    places: list[Place] = []
    areas: list[ClassArea] = []
    rows: list[Row] = []
    top = MARGIN
    for blocks in ROWS:
        row = [classes[number] for block in blocks for number in block]
        shown = [picture for c in row for picture in (*c.pictures.values(), c.missing)]
        up, down = max(p.up for p in shown), max(p.down for p in shown)
        rect = Rect(MARGIN, top, inner, up + down + LABEL_HEIGHT)
        rows.append(Row(rect, top + up))
        for number, x in _columns(blocks, classes, inner):
            _place_class(classes[number], MARGIN + x, rect, top + up, placed, places, areas)
        top = rect.bottom + ROW_GAP
    tray_rect = _place_tray([pictures[c.id] for c in tray], Rect(MARGIN, top, inner, 0.0), placed, show_tray)
    bottom = tray_rect.bottom if tray_rect.height else top - ROW_GAP
    return KaryogramLayout(
        canvas, bottom + MARGIN, scale, tuple(placed), tuple(places), tuple(areas), tuple(rows), tray_rect
    )


def _sort(drawn: Sequence[Chromosome]) -> tuple[dict[int, dict[int, Chromosome]], list[Chromosome]]:
    """Chromosomes by class and position, and those for the tray."""
    by_class: dict[int, dict[int, Chromosome]] = {number: {} for number in range(1, 25)}
    tray: list[Chromosome] = []
    late: list[tuple[int, Chromosome]] = []
    for chromosome in drawn:
        slot = chromosome.slot
        if slot is None or slot.number not in by_class:
            tray.append(chromosome)
        elif slot.position in by_class[slot.number]:
            late.append((slot.number, chromosome))
        else:
            by_class[slot.number][slot.position] = chromosome
    for number, chromosome in late:
        taken = by_class[number]
        taken[next(p for p in range(len(taken) + 1) if p not in taken)] = chromosome
    return by_class, tray


def _classes(
    by_class: Mapping[int, Mapping[int, Chromosome]],
    pictures: Mapping[int, _Picture],
    drawn: Sequence[Chromosome],
    beside: float,
) -> dict[int, _Class]:
    counts = Counter({number: len(members) for number, members in by_class.items()})
    expected = expected_copies(counts)
    # The size of what is missing follows from the size of what is there.
    unit = median(
        [pictures[c.id].height / ARMS[number - 1].length for number, m in by_class.items() for c in m.values()]
        or [LONGEST / ARMS[0].length]
    )
    usual = median([pictures[c.id].width for c in drawn] or [LONGEST / 6])
    result = {}
    for number, members in by_class.items():
        arms = ARMS[number - 1]
        missing = _Picture(0, usual * 0.8, arms.length * unit, arms.p * unit, False)
        places = max(expected[number], max(members, default=-1) + 1, 1)
        widths = tuple(
            max(usual, pictures[members[position].id].width if position in members else 0) for position in range(places)
        )
        shown = {position: pictures[c.id] for position, c in members.items()}
        result[number] = _Class(number, shown, expected[number], places, widths, missing, beside)
    return result


def _columns(blocks: Sequence[Sequence[int]], classes: Mapping[int, _Class], inner: float) -> list[tuple[int, float]]:
    """Left edge of each class of a row: blocks spread over the whole width, classes of a block together."""
    widths = [sum(classes[n].width + CLASS_GAP for n in block) for block in blocks]
    spare = inner - sum(widths)
    columns = []
    x = 0.0
    if len(blocks) == 1:
        # A block alone spreads its classes instead.
        extra = spare / max(len(blocks[0]) - 1, 1)
        for number in blocks[0]:
            columns.append((number, x + CLASS_GAP / 2))
            x += classes[number].width + CLASS_GAP + extra
        return columns
    for block, width in zip(blocks, widths, strict=True):
        start = x
        for number in block:
            columns.append((number, start + CLASS_GAP / 2))
            start += classes[number].width + CLASS_GAP
        x += width + spare / (len(blocks) - 1)
    return columns


def _place_class(
    members: _Class,
    left: float,
    row: Rect,
    line: float,
    placed: list[Placed],
    places: list[Place],
    areas: list[ClassArea],
) -> None:
    """Put one class with its left edge at `left` into a row whose centromere line is at `line`."""
    number, missing = members.number, members.missing
    base = row.bottom - LABEL_HEIGHT
    x = left + members.beside
    for position in range(members.places):
        width = members.widths[position]
        cell = Rect(x - PLACE_GAP / 2, row.y, width + PLACE_GAP, row.height)
        outline = Rect(x + (width - missing.width) / 2, line - missing.up, missing.width, missing.height)
        picture = members.pictures.get(position)
        slot = Slot(number, position)
        places.append(Place(slot, cell, outline, picture.id if picture else None, position < members.expected))
        if picture:
            rect = Rect(x + (width - picture.width) / 2, line - picture.up, picture.width, picture.height)
            placed.append(Placed(picture.id, slot, rect, line, picture.known, picture.angle))
        x += width + PLACE_GAP
    # Beside the last one there is always room to drop an extra copy.
    extra = Rect(x - PLACE_GAP / 2, row.y, CLASS_GAP - PLACE_GAP, row.height)
    outline = Rect(extra.centre[0] - missing.width / 2, line - missing.up, missing.width, missing.height)
    places.append(Place(Slot(number, members.places), extra, outline, None, False))
    rect = Rect(left - PLACE_GAP / 2, row.y, members.width + PLACE_GAP, row.height)
    beside = members.beside
    label = Rect(left + beside - PLACE_GAP / 2, base, members.width - beside + PLACE_GAP, LABEL_HEIGHT)
    ideogram = Rect(left, line - missing.up, IDEOGRAM_WIDTH, missing.height) if beside else None
    count, name = len(members.pictures), CLASS_NAMES[number - 1]
    areas.append(ClassArea(number, name, rect, label, base + 4, count, members.expected, ideogram))


def _place_tray(pictures: Sequence[_Picture], at: Rect, placed: list[Placed], show: bool) -> Rect:
    """Put pictures into the tray, in lines as long as the canvas is wide."""
    if not pictures and not show:
        return at
    x, y, line = at.x + PLACE_GAP, at.y + TRAY_TITLE, 0.0
    for picture in pictures:
        if x > at.x + PLACE_GAP and x + picture.width > at.right - PLACE_GAP:
            x, y, line = at.x + PLACE_GAP, y + line + PLACE_GAP, 0.0
        placed.append(
            Placed(picture.id, None, Rect(x, y, picture.width, picture.height), None, picture.known, picture.angle)
        )
        x += picture.width + 2 * PLACE_GAP
        line = max(line, picture.height)
    bottom = y + max(line, 2 * TRAY_TITLE) + PLACE_GAP
    return Rect(at.x, at.y, at.width, bottom - at.y)
