"""What one step changed, as views are told."""

from __future__ import annotations

from dataclasses import dataclass

from chromview.core.chromosome import Box


@dataclass(frozen=True, slots=True)
class Changed:
    """What one step changed on a slide.

    Attributes
    ----------
    slide_id
        The slide.
    ids
        Chromosomes made, removed or changed.
    box
        Rectangle of slide pixels to paint again: everything of these chromosomes that looked or
        looks different. None if nothing in the image looks different.
    place
        Where a person would look for it: the rectangle of the mask pixels that differ, else `box`.
    masks, fields
        Whether masks changed, and whether anything else did.
    """

    slide_id: int
    ids: frozenset[int]
    box: Box | None
    place: Box | None
    masks: bool
    fields: bool
