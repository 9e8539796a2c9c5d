"""Colours and pixels of the mask overlay, with numpy alone.

Fills and hatchings are pixels here; outlines are lines that the viewer draws at screen resolution.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chromview.core.chromosome import BoolArray, Box, Chromosome

Colour = tuple[int, int, int]

BLUE, ORANGE = 0, 1
PALETTE: tuple[Colour, ...] = (
    (0, 114, 178),
    (230, 126, 0),
    (0, 158, 115),
    (204, 60, 140),
    (150, 120, 0),
    (86, 160, 233),
    (213, 60, 20),
    (126, 87, 194),
    (60, 160, 40),
    (0, 150, 165),
    (165, 80, 50),
    (190, 90, 220),
)
"""After Okabe and Ito (2008): told apart by colour-blind eyes too, and readable on grey."""

HATCH = 3
"""Width of a stripe of the hatching in slide pixels."""


def assign_colours(
    chromosomes: Mapping[int, Chromosome], before: Mapping[int, int] | None = None, *, cluster: bool = False
) -> dict[int, int]:
    """Choose a colour for each chromosome so that neighbours differ.

    Parameters
    ----------
    chromosomes
        Of the slide.
    before
        Colours so far; kept, so that an edit does not recolour the slide.
    cluster
        In a cluster of two the first is blue and the second orange.

    Returns
    -------
    dict
        Chromosome id -> index into `PALETTE`.
    """
    counted = [c for c in chromosomes.values() if c.in_karyogram]
    if cluster and len(counted) <= 2:
        pair = sorted(c.id for c in counted)
        rest = {c.id: 2 for c in chromosomes.values() if not c.in_karyogram}
        return rest | dict(zip(pair, (BLUE, ORANGE), strict=False))
    colours = {id: colour for id, colour in (before or {}).items() if id in chromosomes}
    if len(colours) == len(chromosomes):
        return colours
    ids = sorted(chromosomes)
    boxes = np.array([chromosomes[id].box for id in ids], np.intp)
    used = [0] * len(PALETTE)
    for colour in colours.values():
        used[colour] += 1
    for id in ids:
        if id in colours:
            continue
        near = [colours[ids[n]] for n in meeting(boxes, chromosomes[id].box, 12) if ids[n] in colours]
        free = [n for n in range(len(PALETTE)) if n not in near] or sorted(range(len(PALETTE)), key=near.count)
        # The colour used least so far spreads the palette over the slide.
        colours[id] = min(free, key=lambda n: (used[n], n))
        used[colours[id]] += 1
    return colours


def meeting(boxes: npt.NDArray[np.intp], box: Box, gap: int = 0) -> list[int]:
    """Rows of `boxes`, ``(n, 4)`` in the order of a `Box`, that reach into a rectangle or come closer than `gap`."""
    top, left, bottom, right = boxes.reshape(-1, 4).T
    meets = (top < box.bottom + gap) & (bottom > box.top - gap) & (left < box.right + gap) & (right > box.left - gap)
    found: list[int] = np.flatnonzero(meets).tolist()
    return found


class Layer(NamedTuple):
    """One mask to compose: where it lies, its bits and its colour."""

    box: Box
    mask: BoolArray
    colour: Colour
    filled: bool = False
    """Overlaps are hatched in either case."""
    edged: bool = False
    """Draw its border pixels in full colour: an outline that costs nothing, for what is being painted."""


def premultiplied(colour: Colour, alpha: float) -> np.uint32:
    """One pixel of Qt's ``Format_ARGB32_Premultiplied``."""
    red, green, blue = (round(channel * alpha) for channel in colour)
    return np.uint32(round(255 * alpha) << 24 | red << 16 | green << 8 | blue)


class Overlay:
    """RGBA pixels of one slide, composed rectangle by rectangle.

    Parameters
    ----------
    shape
        (H, W) of the slide.

    Attributes
    ----------
    pixels
        ``(H, W)`` uint32, premultiplied ARGB; a ``QImage`` may lie over the same memory.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.pixels: npt.NDArray[np.uint32] = np.zeros(shape, np.uint32)
        self._used: Box | None = None

    def clear(self) -> None:
        """Make every pixel transparent."""
        if self._used is not None:  # the memory of a large slide costs nothing until it is touched
            self.pixels[self._used.slices] = 0
            self._used = None

    def compose(self, box: Box, layers: Iterable[Layer], *, opacity: float) -> None:
        """Paint one rectangle again from the masks that reach into it.

        Parameters
        ----------
        box
            Rectangle inside the slide.
        layers
            Masks, the lowest first; those beside the rectangle are skipped.
        opacity
            Of fills, 0..1.
        """
        out = np.zeros((box.height, box.width), np.uint32)
        seen: BoolArray | None = None
        stripes: BoolArray | None = None
        shared: BoolArray | None = None
        hatch_alpha = max(0.75, opacity)
        hatched: list[tuple[tuple[slice, slice], BoolArray, Colour]] = []
        edges: list[tuple[tuple[slice, slice], BoolArray, Colour]] = []
        for layer in layers:
            part = layer.box.intersection(box)
            if part is None:
                continue
            here = (
                slice(part.top - box.top, part.bottom - box.top),
                slice(part.left - box.left, part.right - box.left),
            )
            bits = layer.mask[
                part.top - layer.box.top : part.bottom - layer.box.top,
                part.left - layer.box.left : part.right - layer.box.left,
            ]
            if layer.edged:
                edges.append((here, self._edge(layer, part, bits), layer.colour))
            if layer.filled:
                out[here][bits] = premultiplied(layer.colour, opacity)
            if seen is None:
                seen = np.zeros(out.shape, bool)
                shared = np.zeros(out.shape, bool)
            assert shared is not None
            shared[here] |= seen[here] & bits
            seen[here] |= bits
            hatched.append((here, bits, layer.colour))
        if shared is not None and shared.any():
            rows = np.arange(box.top, box.bottom)[:, None]
            columns = np.arange(box.left, box.right)[None, :]
            stripes = (rows + columns) // HATCH % 2 == 0
            order = np.zeros(out.shape, bool)
            for here, bits, colour in hatched:
                # The first chromosome of an overlap takes all of it, the next every other stripe.
                mine = shared[here] & bits & (~order[here] | stripes[here])
                out[here][mine] = premultiplied(colour, hatch_alpha)
                order[here] |= shared[here] & bits
        for here, edge, colour in edges:
            out[here][edge] = premultiplied(colour, 1.0)
        self.pixels[box.slices] = out
        self._used = box if self._used is None else self._used.union(box)

    def _edge(self, layer: Layer, part: Box, bits: BoolArray) -> BoolArray:
        """Pixels of `bits`, the layer's mask inside `part`, that have a neighbour outside of the mask."""
        around = np.zeros((part.height + 2, part.width + 2), bool)
        wide = Box(part.top - 1, part.left - 1, part.bottom + 1, part.right + 1)
        seen = wide.intersection(layer.box)
        if seen is not None:
            around[
                seen.top - wide.top : seen.bottom - wide.top,
                seen.left - wide.left : seen.right - wide.left,
            ] = layer.mask[
                seen.top - layer.box.top : seen.bottom - layer.box.top,
                seen.left - layer.box.left : seen.right - layer.box.left,
            ]
        inner = around[:-2, 1:-1] & around[2:, 1:-1] & around[1:-1, :-2] & around[1:-1, 2:]
        return bits & ~inner
