"""What a hand that knows the truth could do next: every gesture of the program that may bring a slide nearer to it.

Lines and outlines are drawn as a hand draws them: a few points, each some tenths of a pixel off. Used by
`perfect_user.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, pairwise

import numpy as np
import numpy.typing as npt
from desk import Desk, Placed, Standing, Truth

from chromview.app.tools import Label, Over, Tool
from chromview.core._cv import cv2
from chromview.core.axis import find_axis
from chromview.core.chromosome import BoolArray, Box, Chromosome
from chromview.core.edit_masks import placed

Line = list[tuple[float, float]]

TREMBLE = 0.6
"""Pixels (standard deviation) by which each point that is drawn is off."""
COARSE = 1.2
"""Pixels between a mask's edge and the outline that is drawn around it, at most, before the hand trembles."""
EDGES = (0.4, 0.55, 0.25)
"""Edges of the magic outline: the usual one, and two that a drag of the click asks for."""


@dataclass(frozen=True)
class Gesture:
    """One thing to do.

    Attributes
    ----------
    kind
        For the tables.
    deed
        Does it, by the program's own deeds.
    cost
        Actions that it counts as.
    masks
        What would count afterwards, where that is known without trying; None: try.
    """

    kind: str
    deed: Callable[[], object]
    cost: int = 1
    masks: tuple[Placed, ...] | None = None


def window_of(boxes: Sequence[Box], margin: int, shape: tuple[int, int]) -> Box:
    """A box around boxes."""
    whole = boxes[0]
    for box in boxes[1:]:
        whole = whole.union(box)
    return whole.grown(margin, shape)


class Hand:
    """Thinks up gestures for one slide.

    Parameters
    ----------
    desk
        Where it works.
    truth
        What it knows.
    seed
        Of its trembling.
    """

    def __init__(self, desk: Desk, truth: Truth, seed: int) -> None:
        self.desk, self.truth = desk, truth
        self._rng = np.random.default_rng(seed)
        image = desk.controller.image
        assert image is not None
        self.shape = image.shape
        widths = [2 * float(cv2.distanceTransform(np.pad(m, 1).astype(np.uint8), cv2.DIST_L2, 5).max())
                  for _, m in truth.placed]  # fmt: skip
        self.width = float(np.median(widths))
        """Of a chromosome, in pixels."""

    # -- drawing -------------------------------------------------------------------------

    def _drawn(self, points: npt.NDArray[np.floating], turn: bool = False) -> Line:
        shaken = points + self._rng.normal(0, TREMBLE, points.shape)
        return [(float(y), float(x)) for y, x in (shaken[:, ::-1] if turn else shaken)]

    def _outline(self, box: Box, mask: BoolArray) -> Line | None:
        """Around the largest part of a mask."""
        contours, _ = cv2.findContours(np.pad(mask, 1).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        if not contours:
            return None
        largest = max(contours, key=cv2.contourArea)
        corners = cv2.approxPolyDP(largest, COARSE, True)[:, 0].astype(float)
        if len(corners) < 3:
            return None
        # A contour runs through the middles of pixels, an outline around them.
        middle = corners.mean(axis=0)
        away = corners - middle
        corners += 0.5 * away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)
        return self._drawn(corners - 1 + 0.5 + (box.left, box.top), turn=True)

    def _along(self, box: Box, mask: BoolArray, points: int = 7) -> Line:
        """Along the middle of a mask, from tip to tip."""
        axis = find_axis(mask, (box.top + 0.5, box.left + 0.5))
        chosen = np.linspace(0, len(axis) - 1, min(points, len(axis))).round().astype(int)
        return self._drawn(axis[chosen].astype(float))

    def _between(self, frame: Box, first: BoolArray, second: BoolArray, within: BoolArray) -> Line | None:
        """A line between two masks of a frame, through what they are both part of."""
        if not first.any() or not second.any():
            return None
        to_first = cv2.distanceTransform((~first).astype(np.uint8), cv2.DIST_L2, 5)
        to_second = cv2.distanceTransform((~second).astype(np.uint8), cv2.DIST_L2, 5)
        side = (to_first <= to_second).astype(np.uint8)
        edge = (cv2.dilate(side, np.ones((3, 3), np.uint8)) > side) & within
        count, labels = cv2.connectedComponents(edge.astype(np.uint8), connectivity=8)
        if count < 2:
            return None
        part = 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
        points = np.argwhere(labels == part).astype(float) + 0.5
        if len(points) < 3:
            return None
        middle = points.mean(axis=0)
        _, _, directions = np.linalg.svd(points - middle, full_matrices=False)
        along = (points - middle) @ directions[0]
        corners = [
            points[chosen].mean(axis=0) for chosen in np.array_split(np.argsort(along), min(5, len(points) // 2))
        ]
        line = np.array(corners if len(corners) > 1 else [points[along.argmin()], points[along.argmax()]])
        start, end = line[0] - line[min(1, len(line) - 1)], line[-1] - line[-2]
        reach = 0.8 * self.width
        line = np.vstack([
            line[0] + reach * start / max(np.hypot(*start), 1e-6), line,
            line[-1] + reach * end / max(np.hypot(*end), 1e-6),
        ])  # fmt: skip
        return self._drawn(line + (frame.top, frame.left))

    # -- hands on the program ------------------------------------------------------------

    def _select(self, id: int | None, second: int | None = None) -> None:
        self.desk.controller.selection.select(id, second)

    def _take(self, tool: Tool, over: Over = Over.SAFE, label: Label = Label.FIRST) -> None:
        tools = self.desk.controller.tools
        tools.set_tool(tool)
        if tool.has_label:
            tools.set_label(label)
        tools.set_over(over)

    def _perform(self, action: str, id: int, second: int | None = None) -> Callable[[], object]:
        def deed() -> None:
            self._select(id, second)
            self.desk.performer.perform(action)

        return deed

    def _lasso(
        self, outline: Line, id: int | None, over: Over, *, taking: bool = False, second: int | None = None
    ) -> Callable[[], object]:
        def deed() -> None:
            self._select(id, second)
            self._take(Tool.LASSO, over)
            self.desk.performer.lasso(outline, taking)

        return deed

    def _brush(self, tool: Tool, line: Line, size: float, id: int | None, over: Over) -> Callable[[], object]:
        def deed() -> None:
            self._select(id)
            self._take(tool, over)
            self.desk.controller.tools.set_size(max(2, round(size)))
            stroke = self.desk.performer.begin_stroke(line[0], [])
            if stroke is None:
                return
            diameter = self.desk.controller.tools.size
            stroke.extend(line[0], line[0], diameter)
            for start, end in pairwise(line):
                stroke.extend(start, end, diameter)
            self.desk.performer.commit_stroke(stroke)

        return deed

    def _magic(self, at: tuple[float, float], id: int | None, edge: float, found: list[int]) -> Callable[[], object]:
        def deed() -> None:
            self._select(id)
            self._take(Tool.MAGIC)
            stroke = self.desk.performer.magic(at, edge, False, found)
            if stroke is not None:
                self.desk.performer.commit_stroke(stroke)

        return deed

    # -- thinking up ---------------------------------------------------------------------

    def regions(self, standing: Standing, counted: Sequence[Chromosome]) -> list[tuple[list[int], list[int]]]:
        """Missing truths and extra chromosomes (indices) that have to do with each other, by region."""
        nodes = [("t", n) for n in standing.missing] + [("c", n) for n in standing.extra]
        group = {node: {node} for node in nodes}
        for t in standing.missing:
            for c in standing.extra:
                if standing.ious[t, c] > 0.02 and group["t", t] is not group["c", c]:
                    both = group["t", t] | group["c", c]
                    for node in both:
                        group[node] = both
        found = {id(members): members for members in group.values()}.values()
        return [
            (sorted(n for kind, n in members if kind == "t"), sorted(n for kind, n in members if kind == "c"))
            for members in found
        ]

    def for_masks(
        self, standing: Standing, counted: Sequence[Chromosome], truths: Sequence[int], extras: Sequence[int]
    ) -> Iterator[Gesture]:
        """Gestures that may mend one region, the easiest first."""
        for action in ("mask.edges_out", "mask.edges_in"):
            yield Gesture(action.partition(".")[2].replace("_", " "), partial(self.desk.performer.perform, action))
        for index in extras:
            yield Gesture("reject", self._perform("chromosome.reject", counted[index].id))
            yield Gesture("split overlap", self._perform("mask.split_overlap", counted[index].id))
        touched = sorted({int(c) for t in truths for c in np.flatnonzero(standing.ious[t] > 0.02)} | set(extras))
        for a, b in combinations([c for c in touched if c in extras], 2):
            yield Gesture("join", self._perform("mask.join", counted[a].id, counted[b].id))
        for t in truths:
            yield from self._for_truth(standing, counted, t)

    def _for_truth(self, standing: Standing, counted: Sequence[Chromosome], t: int) -> Iterator[Gesture]:
        box, mask = self.truth.placed[t]
        covers = [int(c) for c in np.argsort(-standing.ious[t]) if standing.ious[t, c] > 0.02][:4]
        solving = set(standing.match.tolist())
        for other in self.desk.chromosomes.values():
            if not other.in_karyogram and other.box.intersection(box):
                yield Gesture("restore", self._perform("chromosome.restore", other.id))
        depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
        for c in covers:  # a click on the middle is best where no other chromosome lies
            depth[placed(counted[c].mask, counted[c].box, box)] *= 0.5
        y, x = np.unravel_index(int(depth.argmax()), depth.shape)
        at = float(box.top + y) + 0.5, float(box.left + x) + 0.5
        pixel = Box(box.top + int(y), box.left + int(x), box.top + int(y) + 1, box.left + int(x) + 1)
        under = [counted[c].id for c in covers if placed(counted[c].mask, counted[c].box, pixel).any()]
        for edge in EDGES:
            yield Gesture("magic outline", self._magic(at, under[0] if under else None, edge, under))
        line = self._along(box, mask)
        yield Gesture("split a crossing", self._split(line))
        for c in covers:
            yield from self._cuts(counted[c], t)
        for c in covers:
            if c not in solving or standing.ious[t, c] > 0.3:
                yield from self._reshape(counted, c, t, covers)
        width = 2 * float(cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5).max())
        over = Over.ANYTHING if covers else Over.SAFE
        yield Gesture("new chromosome, brush", self._brush(Tool.NEW, line, 0.9 * width, None, over))
        outline = self._outline(box, mask)
        if outline is not None:
            yield Gesture("new chromosome, lasso", self._lasso(outline, None, over))

    def _split(self, line: Line) -> Callable[[], object]:
        def deed() -> None:
            self._take(Tool.SPLIT)
            self.desk.performer.split_along(line)

        return deed

    def _cuts(self, chromosome: Chromosome, t: int) -> Iterator[Gesture]:
        """Cuts between a truth and what else lies in a chromosome."""
        mine = self.truth.placed[t]
        frame = window_of([chromosome.box], 2, self.shape)
        whole = placed(chromosome.mask, chromosome.box, frame)
        own = placed(mine[1], mine[0], frame) & whole
        rest = np.zeros_like(own)
        for n, (box, mask) in enumerate(self.truth.placed):
            if n != t and box.intersection(frame) is not None:
                rest |= placed(mask, box, frame) & whole
        for others in (rest & ~own, whole & ~own):
            line = self._between(frame, own & ~rest, others, whole) if others.sum() > 15 else None
            if line is not None:
                yield Gesture("cut", self._cut(line, chromosome.id))

    def _cut(self, line: Line, id: int) -> Callable[[], object]:
        def deed() -> None:
            self._select(id)
            self._take(Tool.CUT)
            self.desk.performer.cut(line)

        return deed

    def _reshape(self, counted: Sequence[Chromosome], c: int, t: int, covers: Sequence[int]) -> Iterator[Gesture]:
        """Give a chromosome what it lacks of a truth, or take out what it has too much."""
        chromosome, (box, mask) = counted[c], self.truth.placed[t]
        frame = window_of([chromosome.box, box], 2, self.shape)
        now, wanted = placed(chromosome.mask, chromosome.box, frame), placed(mask, box, frame)
        for taking, difference in ((False, wanted & ~now), (True, now & ~wanted)):
            part = _largest(difference)
            if part.sum() < 8:
                continue
            if not taking:  # a hand draws a little over the edge that is there already
                part |= (cv2.dilate(part.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0) & (now | wanted)
            deep = 2 * float(cv2.distanceTransform(np.pad(part, 1).astype(np.uint8), cv2.DIST_L2, 5).max())
            tool, kind = (Tool.ERASE, "eraser") if taking else (Tool.BRUSH, "brush")
            line = self._along(frame, part, points=5)
            yield Gesture(kind, self._brush(tool, line, deep, chromosome.id, Over.ANYTHING))
            outline = self._outline(frame, part)
            if outline is None:
                continue
            kind = "lasso, take out" if taking else "lasso, add"
            yield Gesture(kind, self._lasso(outline, chromosome.id, Over.ANYTHING, taking=taking))
            if not taking:
                for d in covers:
                    if d != c:
                        give = self._lasso(outline, chromosome.id, Over.ANYTHING, second=counted[d].id)
                        yield Gesture("lasso, from the second", give)

    # -- asking the model ----------------------------------------------------------------

    def cluster_of(self, counted: Sequence[Chromosome], id: int) -> tuple[list[Chromosome], list[int]]:
        """The chromosomes that a question about one is about, and the truths that lie in them."""
        self._select(id)
        asked = list(self.desk.asker.cluster)
        inside = []
        for n, (box, mask) in enumerate(self.truth.placed):
            covered = np.zeros(mask.shape, bool)
            for chromosome in asked:
                covered |= placed(chromosome.mask, chromosome.box, box)
            if (covered & mask).sum() >= 0.5 * mask.sum():
                inside.append(n)
        return asked, inside

    def for_asking(self, counted: Sequence[Chromosome], id: int, *, strokes: bool = False) -> Iterator[Gesture]:
        """What the model answers when it is asked about the cluster of a chromosome, one gesture for each answer."""
        asked, inside = self.cluster_of(counted, id)
        if not inside or not asked:
            return
        kept = {c.id for c in self.desk.asker.theirs}
        ids = {c.id for c in asked} - kept
        rest = [(c.box, c.mask) for c in counted if c.id not in ids]
        lines = [self._along(*self.truth.placed[n]) for n in inside] if strokes else []
        wanted = len(inside) - len(kept)
        if wanted < 1:
            return
        for count in (None,) if strokes else (wanted, None):
            answers = self.desk.ask(count, lines)
            for index, answer in enumerate(answers):
                masks = (*rest, *((part.box, part.mask) for part in answer.parts))
                kind = "ask with strokes" if strokes else "ask with number" if count else "ask"
                yield Gesture(
                    f"{kind}: {answer.how}", self._answer(id, count, lines, index), 2 + len(lines), tuple(masks)
                )
            self.desk.asker.forget()

    def _answer(self, id: int, count: int | None, lines: Sequence[Line], index: int) -> Callable[[], object]:
        def deed() -> None:
            self._select(id)
            self.desk.ask(count, lines)
            self.desk.asker.take(index)

        return deed


def _largest(mask: BoolArray) -> BoolArray:
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    if count < 2:
        return mask
    return np.asarray(labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:])), bool)
