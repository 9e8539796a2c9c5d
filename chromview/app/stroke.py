"""One stroke of the brush, from press to release: which masks change, and where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from chromview.app.tools import Label, Over, Tool
from chromview.core.chromosome import BoolArray, Box, Chromosome

NEW_ID = 0
"""Stands for the chromosome that a stroke is about to make; real ids start at 1."""


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
        # Zeroed pages cost nothing until they are touched, so whole-slide arrays are cheap here.
        self.masks: dict[int, BoolArray] = {}
        for id in (*self._add, *self._take):
            if id not in self.masks:
                mask = np.zeros(shape, bool)
                if id in chromosomes:
                    mask[chromosomes[id].box.slices] = chromosomes[id].mask
                self.masks[id] = mask
        self._before = {id: chromosomes.get(id) for id in self.masks}
        # Where `_gate` is true may not be painted, or, with `_only_there`, nothing but that.
        self._gate: BoolArray | None = None
        self._only_there = over in (Over.FIRST, Over.SECOND, Over.BOTH) and not self.makes_new
        self._gate_takes = over is Over.BACKGROUND or self._only_there
        pair = {self.first, self.second} if pair_meant else {self.first}
        if over is Over.BACKGROUND:
            self._gate = self._united(c for c in chromosomes.values() if c.in_karyogram)
        elif over is not Over.ANYTHING and (self._only_there or (self._add and label is not Label.BOTH)):
            pair = pair | self.masks.keys() | ({self.second} if self._only_there else set())
            self._gate = self._united(c for c in chromosomes.values() if c.in_karyogram and c.id not in pair)
        if self._only_there and self._gate is not None:
            self._gate = self._labelled(chromosomes, over, self._gate)

    def _united(self, chromosomes: Iterable[Chromosome]) -> BoolArray:
        """Pixels ``(H, W)`` of any of the chromosomes."""
        united = np.zeros(self.shape, bool)
        for chromosome in chromosomes:
            united[chromosome.box.slices] |= chromosome.mask
        return united

    def _labelled(self, chromosomes: Mapping[int, Chromosome], over: Over, others: BoolArray) -> BoolArray:
        """Pixels ``(H, W)`` of a label 1 to 3 and of no chromosome outside the pair."""
        first, second = (
            self._united(chromosomes[id] for id in (wanted,) if id is not None and id in chromosomes)
            for wanted in (self.first, self.second)
        )
        there = {Over.FIRST: first & ~second, Over.SECOND: second & ~first, Over.BOTH: first & second}[over]
        return there & ~others

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
        return NEW_ID in self.masks

    @property
    def erases(self) -> bool:
        """Whether the stroke only takes pixels away."""
        return not self._add

    @property
    def ids(self) -> tuple[int, ...]:
        """Ids whose masks may change."""
        return tuple(self.masks)

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
        painted = inside
        if self._gate is not None:
            gate = self._gate[box.slices]
            painted = inside & (gate if self._only_there else ~gate)
        for id in self._add:
            self.masks[id][box.slices] |= painted
        taken = painted if self._gate_takes else inside
        for id in self._take:
            self.masks[id][box.slices] &= ~taken
        self.box = box if self.box is None else self.box.union(box)

    def restart(self) -> None:
        """Take back everything that was painted, as if the stroke had just begun."""
        from chromview.core.edit_masks import placed

        if self.box is not None:
            for id, mask in self.masks.items():
                old = self._before[id]
                mask[self.box.slices] = False if old is None else placed(old.mask, old.box, self.box)
            self.box = None

    def barrier(self, box: Box) -> BoolArray | None:
        """Pixels of a rectangle that the stroke may not paint; None if there is none anywhere."""
        if self._gate is None:
            return None
        gate = self._gate[box.slices]
        return ~gate if self._only_there else gate

    def fill_rings(self) -> None:
        """Paint what a ring that the stroke closed encloses; holes that were there before stay."""
        from chromview.core.edit_masks import holes, placed

        if self.box is None:
            return
        for id in self._add:
            old = self._before[id]
            box = self.box if old is None else self.box.union(old.box)
            closed = holes(self.masks[id][box.slices])
            if old is not None:
                closed &= ~holes(placed(old.mask, old.box, box))
            if closed.any():
                self.cover(box, closed)

    def result(self) -> dict[int, tuple[Box, BoolArray]]:
        """What changed: id -> (box, bits after the stroke inside the box); empty if nothing did."""
        if self.box is None:
            return {}
        changed: dict[int, tuple[Box, BoolArray]] = {}
        for id, mask in self.masks.items():
            bits = mask[self.box.slices]
            before = np.zeros(bits.shape, bool)
            chromosome = self._before[id]
            part = None if chromosome is None else chromosome.box.intersection(self.box)
            if chromosome is not None and part is not None:
                there = part.top - chromosome.box.top, part.left - chromosome.box.left
                before[
                    part.top - self.box.top : part.bottom - self.box.top,
                    part.left - self.box.left : part.right - self.box.left,
                ] = chromosome.mask[there[0] : there[0] + part.height, there[1] : there[1] + part.width]
            if (bits != before).any():
                changed[id] = (self.box, bits.copy())
        return changed
