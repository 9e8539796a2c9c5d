"""Edits of masks: brush, new, cut, join, split overlap."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from chromview.app import slots, step_names
from chromview.app.edits import Edits, spoken, spoken_all
from chromview.core.alternatives import Part, pairs
from chromview.core.chromosome import BoolArray, Box, Chromosome, DecidedBy, Kind, State
from chromview.errors import UserError
from chromview.texts import tr

_UNREAD: dict[str, Any] = {
    "axis": None,
    "centromere": None,
    "centromere_confidence": 0.0,
    "probabilities": None,
    "polarity_confidence": 0.0,
    "axis_placed": False,
    "centromere_placed": False,
}
"""What has to be read anew when the shape of a chromosome is another one."""


class MaskEdits(Edits):
    """Edits that change which pixels a chromosome has."""

    def paint(self, slide_id: int, bits: Mapping[int, tuple[Box, BoolArray]], title: str) -> dict[int, int]:
        """Set the masks of chromosomes inside boxes, as the brush left them.

        Parameters
        ----------
        slide_id
            The slide.
        bits
            By chromosome id: a box, and the mask inside it after the stroke, bool of the box's
            shape. Outside the box the mask stays. Id 0 makes a new chromosome.
        title
            For example "Brush on chromosome 7".

        Returns
        -------
        dict
            Id given -> id it has; 0 -> the id of the new chromosome.

        Raises
        ------
        KeyError
            If an id other than 0 is not on the slide.
        UserError
            If it cannot be written.
        """
        ids: dict[int, int] = {}
        with self.transaction(slide_id, title) as edit:
            for id, (box, after) in bits.items():
                if id == 0:
                    if after.any():
                        made = Chromosome(0, box, np.ascontiguousarray(after).copy(), state=State.EDITED)
                        ids[0] = edit.add(made)
                    continue
                old = edit.chromosomes[id]
                whole = old.box.union(box)
                mask = np.zeros((whole.height, whole.width), bool)
                _put(mask, whole, old.box, old.mask)
                _put(mask, whole, box, after)
                new = old.with_mask(whole, mask)
                if new.box != old.box or not np.array_equal(new.mask, old.mask):
                    slots.leave_if(edit, old, empty=not new.area)
                    edit.replace(replace(new, state=State.EDITED))
                ids[id] = id
        return ids

    def new_chromosome(self, slide_id: int, box: Box, mask: BoolArray) -> int:
        """Add a chromosome that a person outlined; returns its id.

        Raises
        ------
        ValueError
            If the mask is empty.
        UserError
            If it cannot be written.
        """
        with self.transaction(slide_id, step_names.NEW) as edit:
            return edit.add(Chromosome(0, box, np.ascontiguousarray(mask).copy(), state=State.EDITED))

    def cut(self, slide_id: int, id: int, polyline: npt.ArrayLike) -> tuple[int, ...]:
        """Cut a chromosome along a line ``(n, 2)`` of points (y, x) in slide pixels.

        The largest part keeps the id, its class and place; the others are new and lie in the tray.

        Returns
        -------
        tuple of int
            Ids of the parts, the largest first.

        Raises
        ------
        UserError
            If the line does not go through the chromosome, or the cut cannot be written.
        """
        from chromview.core import edit_masks

        old = self.chromosomes(slide_id)[id]
        try:
            parts = edit_masks.cut(old.box, old.mask, polyline)
        except ValueError:
            raise UserError(
                tr("the line does not cut the chromosome in two"),
                advice=tr("Begin outside of it, go right through, and end outside."),
            ) from None
        with self.transaction(slide_id, step_names.CUT.format(what=spoken(old))) as edit:
            edit.replace(_part_of(old, old.box, parts[0]))
            rest = [edit.add(_stranger(_part_of(old, old.box, part))) for part in parts[1:]]
        return (id, *rest)

    def join(self, slide_id: int, ids: Collection[int]) -> int:
        """Join chromosomes into one; returns the id of the largest, which it keeps with its class and place.

        Parts that lie on two sides of another chromosome are joined through it.

        Raises
        ------
        UserError
            If there are not at least two, or it cannot be written.
        """
        from chromview.core import edit_masks

        there = self.chromosomes(slide_id)
        parts = sorted((there[id] for id in set(ids)), key=lambda c: (-c.area, c.id))
        if len(parts) < 2:
            raise UserError(tr("joining needs two chromosomes"), advice=tr("Select one, then the other with Ctrl."))
        box = parts[0].box
        for part in parts[1:]:
            box = box.union(part.box)
        others = [
            (c.box, c.mask)
            for c in there.values()
            if c.id not in set(ids) and c.in_karyogram and c.box.intersection(box) is not None
        ]
        placed = edit_masks.join([(part.box, part.mask) for part in parts], others)
        first = parts[0]
        with self.transaction(slide_id, step_names.JOINING.format(what=spoken_all(parts))) as edit:
            for part in parts[1:]:
                slots.leave(edit, part)
                edit.remove(part.id)
            whole = edit.chromosomes[first.id].with_mask(*placed)
            edit.replace(replace(whole, kind=Kind.CHROMOSOME, state=State.EDITED, doubts=(), **_UNREAD))
        return first.id

    def move_edges(self, slide_id: int, outwards: bool, shape: tuple[int, int]) -> tuple[int, ...]:
        """Move the edges of all masks that nobody looked at yet by one pixel; returns their ids.

        How far the glow of a chromosome counts is a matter of taste, and one for a whole slide. A mask that a person
        drew, corrected or accepted stays; none grows into another one or vanishes.

        Parameters
        ----------
        outwards
            Else inwards.
        shape
            ``(H, W)`` of the slide.

        Raises
        ------
        UserError
            If there is no such mask, or it cannot be written.
        """
        from chromview.core import edit_masks

        counted = [c for c in self.chromosomes(slide_id).values() if c.in_karyogram]
        there = {c.id: (c.box, c.mask) for c in counted}
        waiting = [c for c in counted if c.state is State.PROPOSED]
        if not waiting:
            raise UserError(
                tr("every mask of this slide was corrected or accepted by a person"),
                advice=tr("Use brush or magic outline for one of them."),
            )
        moved = []
        with self.transaction(slide_id, step_names.EDGES_OUT if outwards else step_names.EDGES_IN) as edit:
            for old in waiting:
                others = [placed for id, placed in there.items() if id != old.id]
                box, mask = edit_masks.with_edge_moved(old.box, old.mask, outwards, others, shape)
                new = old.with_mask(box, mask)
                if new.box != old.box or not np.array_equal(new.mask, old.mask):
                    there[old.id] = new.box, new.mask
                    edit.replace(new)
                    moved.append(old.id)
        return tuple(moved)

    def split_along(self, slide_id: int, ids: Collection[int], line: npt.ArrayLike) -> tuple[int, ...]:
        """Take a crossing apart along a line ``(n, 2)`` of points (y, x) in slide pixels, drawn on one chromosome.

        One id: it becomes two, the larger keeps the id. Two ids: their arms are shared out anew, and each chromosome
        keeps the id it has more of. Both hold the pixels they share.

        Returns
        -------
        tuple of int
            Ids of the two chromosomes, the one along the line first.

        Raises
        ------
        UserError
            If the line runs through no crossing, or it cannot be written.
        """
        from chromview.core import crossing, edit_masks

        old = [self.chromosomes(slide_id)[id] for id in sorted(set(ids))]
        box, mask = edit_masks.join([(c.box, c.mask) for c in old])
        try:
            halves = crossing.split_along(mask, np.asarray(line, float) - (box.top, box.left))
        except ValueError:
            raise UserError(
                tr("the line runs through no crossing"),
                advice=tr("Draw along one of the two chromosomes, from one arm through the crossing into the other."),
            ) from None
        if len(old) == 1:
            keeps = [0 if halves[0].sum() >= halves[1].sum() else 1]
        else:
            own = [edit_masks.placed(c.mask, c.box, box) for c in old]
            straight = (own[0] & halves[0]).sum() + (own[1] & halves[1]).sum()
            crossed = (own[0] & halves[1]).sum() + (own[1] & halves[0]).sum()
            keeps = [0, 1] if straight >= crossed else [1, 0]
        result = [0, 0]
        with self.transaction(slide_id, step_names.SPLITTING.format(what=spoken_all(old))) as edit:
            for chromosome, half in zip(old, keeps, strict=True):
                edit.replace(_part_of(chromosome, box, halves[half]))
                result[half] = chromosome.id
            if len(old) == 1:
                made = edit.add(_stranger(_part_of(old[0], box, halves[1 - keeps[0]])))
                result[1 - keeps[0]] = made
        return tuple(result)

    def replace_cluster(self, slide_id: int, ids: Collection[int], parts: Sequence[Part]) -> tuple[int, ...]:
        """Put other masks in the place of the chromosomes of a cluster.

        A mask that is the new outline of a chromosome keeps its id, its place and the class that a person chose; the
        others are new and lie in the tray until they are read.

        Parameters
        ----------
        slide_id, ids
            The slide, and the chromosomes that give way; none for chromosomes where none was.
        parts
            Box, mask ``(h, w)`` bool and confidence of each chromosome there is now.

        Returns
        -------
        tuple of int
            Ids of the chromosomes of the parts, in their order.

        Raises
        ------
        ValueError
            If a part has no pixel, or there is none.
        UserError
            If it cannot be written.
        """
        if not parts or not all(part.mask.any() for part in parts):
            raise ValueError("a cluster has at least one chromosome, and each a pixel")
        there = self.chromosomes(slide_id)
        old = [there[id] for id in sorted(set(ids))]
        kept = {n: k for k, n in pairs([(c.box, c.mask) for c in old], [part[:2] for part in parts])}
        title = step_names.SEGMENTATION.format(what=spoken_all(old)) if old else step_names.NEW_SEVERAL
        result = []
        with self.transaction(slide_id, title) as edit:
            for n, chromosome in enumerate(old):
                if n not in kept.values():
                    slots.leave(edit, chromosome)
                    edit.remove(chromosome.id)
            for n, part in enumerate(parts):
                if n in kept:
                    same = edit.chromosomes[old[kept[n]].id].with_mask(part.box, part.mask)
                    fields = {"kind": Kind.CHROMOSOME, "state": State.EDITED, "doubts": (), **_UNREAD}
                    edit.replace(replace(same, confidence=part.confidence, **fields))
                    result.append(same.id)
                else:
                    mask = np.ascontiguousarray(part.mask).copy()
                    result.append(
                        edit.add(Chromosome(0, part.box, mask, state=State.EDITED, confidence=part.confidence))
                    )
        return tuple(result)

    def split_overlap(self, slide_id: int, ids: int | Collection[int]) -> tuple[int, int]:
        """Take an overlap apart.

        One id: a crossing that was seen as one chromosome becomes two, which both hold the
        overlap. Two ids: they only touch, so their shared pixels are divided between them.

        Returns
        -------
        tuple of int
            Ids of the two chromosomes.

        Raises
        ------
        UserError
            If there is no crossing or no shared pixel, or it cannot be written.
        """
        from chromview.core import crossing, edit_masks

        wanted = [ids] if isinstance(ids, int) else sorted(set(ids))
        there = self.chromosomes(slide_id)
        if len(wanted) == 1:
            old = there[wanted[0]]
            try:
                larger, smaller = crossing.split_crossing(old.mask)
            except ValueError:
                raise UserError(
                    tr("no crossing was found in this chromosome"),
                    advice=tr("Cut it, or paint the second one with label 2."),
                ) from None
            with self.transaction(slide_id, step_names.SPLITTING.format(what=spoken(old))) as edit:
                edit.replace(_part_of(old, old.box, larger))
                made = edit.add(_stranger(_part_of(old, old.box, smaller)))
            return wanted[0], made
        if len(wanted) != 2:
            raise UserError(tr("splitting an overlap needs one or two chromosomes"))
        a, b = there[wanted[0]], there[wanted[1]]
        try:
            mask_a, mask_b = edit_masks.divide_overlap((a.box, a.mask), (b.box, b.mask))
        except ValueError as error:
            raise UserError(tr("there is nothing to split: {error}", error=error)) from None
        with self.transaction(slide_id, step_names.SPLITTING_OVERLAP.format(what=spoken_all((a, b)))) as edit:
            edit.replace(replace(a.with_mask(a.box, mask_a), state=State.EDITED))
            edit.replace(replace(b.with_mask(b.box, mask_b), state=State.EDITED))
        return a.id, b.id


def _put(target: BoolArray, frame: Box, box: Box, bits: BoolArray) -> None:
    top, left = box.top - frame.top, box.left - frame.left
    target[top : top + box.height, left : left + box.width] = bits


def _part_of(old: Chromosome, box: Box, mask: BoolArray) -> Chromosome:
    """A part of a chromosome: its axis runs the same way, the rest has to be read anew."""
    from chromview.core.edit_masks import axis_inside

    unread = {**_UNREAD, "axis": axis_inside(old.axis, box, mask), "polarity_confidence": old.polarity_confidence}
    return replace(old.with_mask(box, mask), state=State.EDITED, doubts=(), **unread)


def _stranger(part: Chromosome) -> Chromosome:
    """A part as a chromosome of its own, of which nobody knows yet which one it is."""
    return replace(
        part, id=0, number=0, class_confidence=0.0, decided_by=DecidedBy.NETWORK, slot=None, angle=0.0, arrows=()
    )
