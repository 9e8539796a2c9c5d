"""Chromosomes of another cell whose metaphase reaches into the photograph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chromview.core.chromosome import Chromosome, Kind

TOO_MANY = 50
"""Chromosomes from which on another cell is looked for."""
OWN = (36, 50)
"""How many the cell itself may have, those that were joined or cut in two by mistake included."""
FEWEST = 3
"""Chromosomes that make another cell."""
CUT_OFF = 2
"""Chromosomes of it that the border of the photograph cuts: a metaphase that is photographed lies inside."""
GAP = 0.5
"""Width of the strip between two cells, in square roots of the median area. The narrowest seen was .58."""
DIRECTIONS = 72


def of_another_cell(found: Sequence[Chromosome]) -> set[int]:
    """Ids of the chromosomes that a straight strip of ground parts from the cell that was photographed.

    The other cell must reach over the border of the photograph, and what is left must be a whole cell. Of all such
    strips the widest parts them. What other numbers of chromosomes mean, such as those of tumours, is left to people.
    The bounds were chosen on `train` of the M-FISH set: in 8 of its 105 metaphases another cell is found, and nothing
    of the own.

    Parameters
    ----------
    found
        Everything that was found on the slide; chromosomes and those that the border cuts are looked at.
    """
    whole = [c for c in found if c.kind is Kind.CHROMOSOME]
    cut = [c for c in found if c.kind is Kind.CUT]
    if len(whole) < TOO_MANY or len(cut) < CUT_OFF:
        return set()
    everything = [*whole, *cut]
    is_cut = np.arange(len(everything)) >= len(whole)
    pixels = [np.argwhere(c.mask) + (c.box.top, c.box.left) for c in everything]
    first = np.concatenate([[0], np.cumsum([len(p) for p in pixels])[:-1]])
    every_pixel = np.concatenate(pixels)
    widest = GAP * float(np.sqrt(np.median([c.area for c in whole])))
    others: set[int] = set()
    for angle in np.linspace(0, 2 * np.pi, DIRECTIONS, endpoint=False):
        along = every_pixel @ np.array([np.sin(angle), np.cos(angle)])
        low, high = np.minimum.reduceat(along, first), np.maximum.reduceat(along, first)
        order = np.argsort(low + high)
        # The strip after the k-th: from the end of all before it to the beginning of all behind it.
        ends = np.maximum.accumulate(high[order])[:-1]
        begins = np.minimum.accumulate(low[order][::-1])[::-1][1:]
        own = np.cumsum(~is_cut[order])[:-1]
        cut_off = len(cut) - np.cumsum(is_cut[order])[:-1]
        parts = (own >= OWN[0]) & (own <= OWN[1]) & (len(whole) - own >= FEWEST) & (cut_off >= CUT_OFF)
        width = np.where(parts, begins - ends, -np.inf)
        best = int(np.argmax(width))
        if width[best] > widest:
            widest = float(width[best])
            others = {everything[k].id for k in order[best + 1 :] if not is_cut[k]}
    return others
