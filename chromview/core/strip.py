"""All chromosomes of one class from the cells of a case, side by side: p arm up, centromeres on one line.

The window draws the picture that is exported; `StripLayout` says where in it each chromosome lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from chromview.core._cv import cv2
from chromview.core.karyogram import label_font
from chromview.core.straighten import Straightened

_ZOOM = 2
"""Picture pixels for a pixel of the slide; a strip has few chromosomes, and their bands are compared."""
_GAP = 6
_BETWEEN_CELLS = 18
_MARGIN = 16
_LABEL = 40
_TITLE = 40
_FOOTER = 28
_LABEL_WIDTH = 96
"""Least width of a cell in the strip, so that something of its name can be read."""

_Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class StripItem:
    """One chromosome of the strip.

    Attributes
    ----------
    slide, chromosome
        Their numbers, for whoever wants to go there.
    name
        Of the slide; items of one slide stand together in the order given.
    straight
        Its picture, p arm up.
    bright_on_dark
        Whether its stain shines on dark ground.
    scale
        By how much its picture is enlarged against others, where slides have different magnifications.
    accepted
        Whether a person stands behind it; a proposal is marked by a dot.
    """

    slide: int
    chromosome: int
    name: str
    straight: Straightened
    bright_on_dark: bool = False
    scale: float = 1.0
    accepted: bool = False


class Placed(NamedTuple):
    """Where an item lies in the picture, pixels: half-open, from the upper left corner."""

    item: StripItem
    left: int
    top: int
    width: int
    height: int

    def contains(self, x: float, y: float) -> bool:
        """Whether a point of the picture lies on it."""
        return self.left <= x < self.left + self.width and self.top <= y < self.top + self.height


class Label(NamedTuple):
    """A slide's name below its chromosomes, and the width there is for it."""

    name: str
    left: int
    width: int


@dataclass(frozen=True, slots=True, eq=False)
class StripLayout:
    """Where everything lies; `centromere_y` is the row on which the centromeres stand."""

    width: int
    height: int
    centromere_y: int
    placed: tuple[Placed, ...]
    labels: tuple[Label, ...]

    def at(self, x: float, y: float) -> StripItem | None:
        """The item at a point of the picture."""
        return next((placed.item for placed in self.placed if placed.contains(x, y)), None)


def layout_strip(items: Sequence[StripItem]) -> StripLayout:
    """Put chromosomes beside each other, from left to right in the order given.

    A chromosome whose centromere is not known stands with its middle on the line.
    """
    sizes = [_size(item) for item in items]
    above = [round(_centromere(item) * _ZOOM * item.scale) for item in items]
    line = _TITLE + _MARGIN + max(above, default=0)
    below = max((height - up for (height, _), up in zip(sizes, above, strict=True)), default=0)
    placed: list[Placed] = []
    labels: list[Label] = []
    x = _MARGIN
    index = 0
    for _, group in groupby(items, key=lambda item: item.slide):
        members = list(group)
        widths = [sizes[index + i][1] for i in range(len(members))]
        inner = sum(widths) + _GAP * (len(members) - 1)
        outer = max(inner, _LABEL_WIDTH)
        left = x + (outer - inner) // 2
        for item, width in zip(members, widths, strict=True):
            placed.append(Placed(item, left, line - above[index], width, sizes[index][0]))
            left += width + _GAP
            index += 1
        labels.append(Label(members[0].name, x, outer))
        x += outer + _BETWEEN_CELLS
    width = max(x - _BETWEEN_CELLS + _MARGIN if items else 0, 480)
    return StripLayout(width, line + below + _LABEL + _FOOTER, line, tuple(placed), tuple(labels))


def render_strip(plan: StripLayout, *, title: str = "", footer: str = "For research use") -> npt.NDArray[np.uint8]:
    """The strip as ``(H, W, 3)`` uint8 RGB.

    The paper is black if most chromosomes shine on dark ground, else white.
    """
    shining = sum(placed.item.bright_on_dark for placed in plan.placed)
    dark = 2 * shining > len(plan.placed)
    paper, ink, faint = (0, 235, 70) if dark else (255, 20, 200)
    canvas = np.full((plan.height, plan.width, 3), paper, np.uint8)
    canvas[plan.centromere_y, _MARGIN // 2 : plan.width - _MARGIN // 2] = faint
    for placed in plan.placed:
        image = cv2.resize(placed.item.straight.image, (placed.width, placed.height), interpolation=cv2.INTER_CUBIC)
        if placed.item.bright_on_dark is not dark:
            image = 255 - image
        window = canvas[placed.top : placed.top + placed.height, placed.left : placed.left + placed.width]
        np.copyto(window, (np.maximum if dark else np.minimum)(window, image[:, :, None]))
    page = Image.fromarray(canvas)
    draw = ImageDraw.Draw(page)
    _draw_words(draw, plan, (ink,) * 3, title, footer)
    return np.asarray(page).copy()


def _draw_words(draw: ImageDraw.ImageDraw, plan: StripLayout, ink: _Colour, title: str, footer: str) -> None:
    base = plan.height - _FOOTER - _LABEL + 8
    for label in plan.labels:
        draw.line([(label.left, base), (label.left + label.width, base)], fill=ink)
        name = _shortened(draw, label.name, label.width)
        draw.text((label.left + label.width / 2, base + 12), name, fill=ink, font=label_font(13), anchor="mm")
    for placed in plan.placed:
        if not placed.item.accepted:
            x = placed.left + placed.width / 2
            draw.ellipse([x - 2, base - 8, x + 2, base - 4], outline=ink)
    draw.text((_MARGIN, _TITLE / 2 + 2), title, fill=ink, font=label_font(17), anchor="lm")
    right = plan.width - _MARGIN, plan.height - _FOOTER / 2
    draw.text(right, footer, fill=ink, font=label_font(12), anchor="rm")


def _shortened(draw: ImageDraw.ImageDraw, name: str, width: int) -> str:
    """The name, or its beginning and its end, where slides of a case differ."""
    if draw.textlength(name, font=label_font(13)) <= width:
        return name
    for kept in range(len(name) - 2, 1, -1):
        short = f"{name[: kept // 2]}…{name[-(kept - kept // 2) :]}"
        if draw.textlength(short, font=label_font(13)) <= width:
            return short
    return "…"


def _size(item: StripItem) -> tuple[int, int]:
    height, width = item.straight.image.shape
    return max(1, round(height * _ZOOM * item.scale)), max(1, round(width * _ZOOM * item.scale))


def _centromere(item: StripItem) -> float:
    row = item.straight.centromere_row
    return item.straight.length / 2 if row is None else row
