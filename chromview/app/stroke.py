"""One stroke of the brush, from press to release: which masks change, and where."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from chromview.app.overlay import meeting
from chromview.app.tools import Label, Over, Tool
from chromview.core.chromosome import BoolArray, Box, Chromosome
from chromview.core.masks import paste, slide_mask

NEW_ID = 0
"""Stands for the chromosome that a stroke is about to make; real ids start at 1."""

_ROOM = 64
"""Pixels by which the array of a mask is made larger than it has to be."""


def capsule(
    start: tuple[float, float], end: tuple[float, float], diameter: float, shape: tuple[int, int]
) -> tuple[Box, BoolArray] | None:
    """Pixels that a round brush covers on the way between two points.

    Parameters
    ----------
    start, end
        (y, x) in slide pixels; the centre of pixel (0, 0) is (0.5, 0.5).
    diameter
        Of the brush in slide pixels.
    shape
        (H, W) of the slide.

    Returns
    -------
    tuple of Box and bool array of the box's shape, or None
        None where the brush is beside the slide.
    """
    radius = max(0.5, diameter / 2)
    (y0, x0), (y1, x1) = start, end
    box = Box(
        int(np.floor(min(y0, y1) - radius)), int(np.floor(min(x0, x1) - radius)),
        int(np.ceil(max(y0, y1) + radius)), int(np.ceil(max(x0, x1) + radius)),
    ).intersection(Box(0, 0, *shape))  # fmt: skip
    if box is None:
        return None
    rows = np.arange(box.top, box.bottom, dtype=np.float32)[:, None] + np.float32(0.5 - y0)
    columns = np.arange(box.left, box.right, dtype=np.float32)[None, :] + np.float32(0.5 - x0)
    dy, dx = y1 - y0, x1 - x0
    length = dy * dy + dx * dx
    if length > 1e-6:  # shorter than a thousandth of a pixel is a point
        along = np.clip((rows * np.float32(dy) + columns * np.float32(dx)) / np.float32(length), 0, 1)
        distance = (rows - along * np.float32(dy)) ** 2 + (columns - along * np.float32(dx)) ** 2
    else:
        distance = rows**2 + columns**2
    inside = distance <= np.float32(radius * radius)
    if diameter <= 1:  # a brush of one pixel must hit a pixel wherever its centre lies
        y, x = int(np.floor(y1)) - box.top, int(np.floor(x1)) - box.left
        if 0 <= y < box.height and 0 <= x < box.width:
            inside[y, x] = True
    return box, inside


class Stroke:
    """The masks while the brush is down; the document learns of them on release.

    Parameters
    ----------
    chromosomes
        Of the slide.
    shape
        (H, W) of the slide.
    tool, label
        What is painted.
    first, second
        Ids of chromosome 1 and 2; `first` is None for a chromosome that does not exist yet.
    pair_meant
        Whether `second` was chosen by a person or the slide is a cluster of two. Only then does label
        1 or 0 take pixels away from the second chromosome: a neighbour that was merely near is safe.

    over
        Which pixels may change.

    Notes
    -----
    Chromosomes outside the pair never change. Unless `over` says so, labels 1 and 2 do not paint onto them
    either, so that a finished neighbour gets no accidental overlap; label 3 is how an overlap is painted.
    """

    def __init__(
        self,
        chromosomes: Mapping[int, Chromosome],
        shape: tuple[int, int],
        *,
        tool: Tool,
        label: Label,
        first: int | None,
        second: int | None,
        pair_meant: bool,
        over: Over = Over.SAFE,
    ) -> None:
        self.shape = shape
        self.first = NEW_ID if first is None else first
        self.second = second
        self.box: Box | None = None
        self.deed = ""
        """What made it, for the title of the command; the brush or the eraser if empty."""
        self._add: list[int] = []
        self._take: list[int] = []
        self._plan(tool, label, pair_meant)
        self._before = {id: chromosomes.get(id) for id in dict.fromkeys((*self._add, *self._take))}
        # Never arrays of the slide: on a large one making them takes longer than a whole stroke may.
        self._masks: dict[int, tuple[Box, BoolArray]] = {
            id: (Box(0, 0, 0, 0), np.zeros((0, 0), bool)) if old is None else (old.box, old.mask.copy())
            for id, old in self._before.items()
        }
        # Whether only pixels of a label may change, and whether what may not be painted may not be taken away either.
        self._only_there = over in (Over.FIRST, Over.SECOND, Over.BOTH) and not self.makes_new
        self._gate_takes = over is Over.BACKGROUND or self._only_there
        self._over = over
        self._pair = [None if id is None else chromosomes.get(id) for id in (self.first, self.second)]
        pair = {self.first, self.second} if pair_meant else {self.first}
        spared: list[Chromosome] = []
        if over is Over.BACKGROUND:
            spared = [c for c in chromosomes.values() if c.in_karyogram]
        elif over is not Over.ANYTHING and (self._only_there or (self._add and label is not Label.BOTH)):
            pair = pair | self._before.keys() | ({self.second} if self._only_there else set())
            spared = [c for c in chromosomes.values() if c.in_karyogram and c.id not in pair]
        self._spared = spared
        self._spared_boxes = np.array([c.box for c in spared], np.intp).reshape(-1, 4)

    def _plan(self, tool: Tool, label: Label, pair_meant: bool) -> None:
        first, second = self.first, self.second
        both = [first] if second is None or not pair_meant else [first, second]
        if tool is Tool.NEW or first == NEW_ID:
            self._add = [NEW_ID]
        elif tool is Tool.ERASE:
            if label is Label.SECOND and second is not None:
                self._take = [second]
            else:
                self._take = [first] if label is Label.FIRST else both
        elif label is Label.BACKGROUND:
            self._take = both
        elif label is Label.FIRST:
            self._add, self._take = [first], both[1:]
        elif label is Label.SECOND and second is not None:
            self._add, self._take = [second], [first]
        elif label is Label.BOTH:
            self._add = [first] if second is None else [first, second]

    @property
    def does_something(self) -> bool:
        """False for label 2 while no second chromosome is known."""
        return bool(self._add or self._take)

    @property
    def makes_new(self) -> bool:
        """Whether the stroke paints a chromosome that does not exist yet."""
        return NEW_ID in self._before

    @property
    def erases(self) -> bool:
        """Whether the stroke only takes pixels away."""
        return not self._add

    @property
    def ids(self) -> tuple[int, ...]:
        """Ids whose masks may change."""
        return tuple(self._before)

    def mask(self, id: int) -> tuple[Box, BoolArray]:
        """One of the masks as it is now: bool of the shape of a box that holds all of it."""
        return self._masks[id]

    def extend(self, start: tuple[float, float], end: tuple[float, float], diameter: float) -> Box | None:
        """Move the brush from `start` to `end` (y, x).

        Returns
        -------
        Box or None
            The rectangle of slide pixels that has to be painted again.
        """
        covered = capsule(start, end, diameter, self.shape)
        if covered is None:
            return None
        self.cover(*covered)
        return covered[0]

    def cover(self, box: Box, inside: BoolArray) -> None:
        """Paint the pixels `inside`, bool of the shape of `box`, which lies on the slide."""
        barrier = self.barrier(box)
        painted = inside if barrier is None else inside & ~barrier
        for id in self._add:
            own, bits = self._reaching(id, box)
            bits[_within(box, own)] |= painted
        taken = painted if self._gate_takes else inside
        for id in self._take:
            own, bits = self._masks[id]
            part = own.intersection(box)
            if part is not None:
                bits[_within(part, own)] &= ~taken[_within(part, box)]
        self.box = box if self.box is None else self.box.union(box)

    def _reaching(self, id: int, box: Box) -> tuple[Box, BoolArray]:
        """One of the masks in a box that holds `box` as well."""
        own, bits = self._masks[id]
        whole = own.union(box) if bits.size else box
        if whole != own:
            # With room for what the hand will do next, so that not every move copies the mask.
            wide = whole.grown(_ROOM + max(whole.height, whole.width) // 4, self.shape)
            larger = np.zeros((wide.height, wide.width), bool)
            if bits.size:
                larger[_within(own, wide)] = bits
            self._masks[id] = own, bits = wide, larger
        return own, bits

    def restart(self) -> None:
        """Take back everything that was painted, as if the stroke had just begun."""
        if self.box is not None:
            for id, (own, bits) in self._masks.items():
                part = own.intersection(self.box)
                if part is not None:
                    old = self._before[id]
                    bits[_within(part, own)] = False if old is None else slide_mask(old, part)
            self.box = None

    def barrier(self, box: Box) -> BoolArray | None:
        """Pixels of a rectangle that the stroke may not paint, bool of its shape; None if there are none."""
        near = meeting(self._spared_boxes, box)
        if not self._only_there and not near:
            return None
        closed = np.zeros((box.height, box.width), bool)
        for index in near:
            paste(closed, self._spared[index], box)
        return closed | ~self._labelled(box) if self._only_there else closed

    def _labelled(self, box: Box) -> BoolArray:
        """Pixels of a rectangle that had the label, 1 to 3, which alone may be painted over."""
        first, second = (
            np.zeros((box.height, box.width), bool) if c is None else slide_mask(c, box) for c in self._pair
        )
        return {Over.FIRST: first & ~second, Over.SECOND: second & ~first, Over.BOTH: first & second}[self._over]

    def fill_rings(self) -> None:
        """Paint what a ring that the stroke closed encloses; holes that were there before stay."""
        from chromview.core.edit_masks import holes

        if self.box is None:
            return
        for id in self._add:
            old = self._before[id]
            box = self.box if old is None else self.box.union(old.box)
            own, bits = self._reaching(id, box)
            closed = holes(bits[_within(box, own)])
            if old is not None:
                closed &= ~holes(slide_mask(old, box))
            if closed.any():
                self.cover(box, closed)

    def result(self) -> dict[int, tuple[Box, BoolArray]]:
        """What changed: id -> (box, bits after the stroke inside the box); empty if nothing did."""
        changed: dict[int, tuple[Box, BoolArray]] = {}
        for id, (own, bits) in self._masks.items():
            box = None if self.box is None else own.intersection(self.box)
            if box is None:
                continue
            old = self._before[id]
            after = bits[_within(box, own)]
            if after.any() if old is None else (after != slide_mask(old, box)).any():
                changed[id] = (box, after.copy())
        return changed


def _within(part: Box, whole: Box) -> tuple[slice, slice]:
    """Index of `part` in an array of the shape of `whole`, which holds it."""
    return (
        slice(part.top - whole.top, part.bottom - whole.top),
        slice(part.left - whole.left, part.right - whole.left),
    )
