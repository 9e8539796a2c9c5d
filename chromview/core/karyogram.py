"""The karyogram: its layout, and the picture of it that a laboratory files.

The window draws from the same layout (`chromview.core.karyogram_layout`), so that what is
exported is what was seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from chromview.core._cv import cv2
from chromview.core.arrows import spot
from chromview.core.chromosome import Chromosome, Stain
from chromview.core.ideogram import BAND_GREY, DENSITY_GREY, Ideogram, load_ideograms
from chromview.core.karyogram_layout import layout, turn_matrix
from chromview.core.karyogram_plan import ClassArea, KaryogramLayout, Place, Placed, Rect, Row
from chromview.core.straighten import Straightened

__all__ = [
    "ClassArea",
    "KaryogramLayout",
    "Place",
    "Placed",
    "Rect",
    "Row",
    "layout",
    "render",
    "turn_matrix",
    "turned",
]

_HEADER = 44
_FOOTER = 34
_CAPTION = 84
_Colour = tuple[int, int, int]


class _Colours(NamedTuple):
    paper: _Colour
    ink: _Colour
    faint: _Colour
    empty: _Colour


_ON_WHITE = _Colours((255, 255, 255), (20, 20, 20), (205, 212, 220), (150, 158, 168))
_ON_BLACK = _Colours((0, 0, 0), (235, 235, 235), (58, 64, 72), (120, 128, 138))


@lru_cache(maxsize=16)
def label_font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font of exported pictures; Pillow carries it, so that they are the same on every machine."""
    return ImageFont.load_default(size=size)


def turned(straight: Straightened, angle: float, *, stain: Stain) -> npt.NDArray[np.uint8]:
    """Picture of a straightened chromosome, turned as a person turned it in the karyogram.

    Parameters
    ----------
    angle
        Degrees counter-clockwise, about the middle of the picture.

    Returns
    -------
    ``(h, w)`` uint8 with nothing cut off and the stain's background around it.
    """
    image = straight.image
    matrix, (height, width) = turn_matrix((image.shape[0], image.shape[1]), angle)
    if (height, width) == image.shape and angle % 360 == 0:
        return image
    background = 0 if stain.bright_on_dark else 255
    result: npt.NDArray[np.uint8] = cv2.warpAffine(
        image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT, borderValue=background
    )
    return result


def render(
    plan: KaryogramLayout,
    straightened: Mapping[int, Straightened],
    *,
    stain: Stain,
    title: str = "",
    footer: str = "For research use",
    zoom: float = 1.0,
    captions: Mapping[int, str] | None = None,
    pointed_at: Mapping[int, Chromosome] | None = None,
    bands: int = 550,
) -> npt.NDArray[np.uint8]:
    """Picture of a karyogram.

    Parameters
    ----------
    plan
        From `layout`.
    straightened
        Pictures of the chromosomes by id, the same that the layout was made with.
    stain
        Decides between dark on white and bright on black.
    title, footer
        Lines above (left) and below (right); no room is taken for an empty one.
    zoom
        Pixels of the picture for a canvas pixel; letters and lines grow with it.
    captions
        What stands above some pictures, by id: marks and notes. Long ones are cut.
    pointed_at
        Chromosomes by id whose arrows are drawn.
    bands
        Of the ideograms, where `plan` has room for them.

    Returns
    -------
    ``(H, W, 3)`` uint8 RGB.
    """
    colours = _ON_BLACK if stain.bright_on_dark else _ON_WHITE
    plan = plan.enlarged(zoom)
    above, below = round(_HEADER * zoom) * bool(title), round(_FOOTER * zoom) * bool(footer)
    width, height = round(plan.width), round(plan.height)
    page = Image.new("RGB", (width, height + above + below), colours.paper)
    draw = ImageDraw.Draw(page)
    _draw_frame(draw, plan, above, colours, zoom, bands)
    canvas = np.asarray(page).copy()
    for placed in plan.placed:
        straight = straightened.get(placed.id)
        if straight is not None:
            _paste(canvas, turned(straight, placed.angle, stain=stain), placed.rect, above, stain)
    page = Image.fromarray(canvas)
    draw = ImageDraw.Draw(page)
    for placed in plan.placed:
        caption = (captions or {}).get(placed.id, "")
        if caption:
            _draw_caption(draw, caption, placed, above, colours, zoom)
    for placed in plan.placed:
        chromosome = (pointed_at or {}).get(placed.id)
        if chromosome is not None and placed.id in straightened:
            length = straightened[placed.id].image.shape[0] * plan.scale
            _draw_arrows(draw, chromosome, placed, length, above, colours, zoom)
    if title:
        at = 24 * zoom, (_HEADER / 2 + 4) * zoom
        draw.text(at, title, fill=colours.ink, font=label_font(round(19 * zoom)), anchor="lm")
    if footer:
        at = width - 24 * zoom, height + above + below / 2 - 6 * zoom
        draw.text(at, footer, fill=colours.empty, font=label_font(round(14 * zoom)), anchor="rm")
    return np.asarray(page).copy()


def _draw_frame(
    draw: ImageDraw.ImageDraw, plan: KaryogramLayout, dy: int, colours: _Colours, zoom: float, bands: int
) -> None:
    """Everything but the chromosomes: lines, names, empty places, the tray."""
    lines = {row.rect.y: row.centromere_y for row in plan.rows}
    thin, small = max(1, round(zoom)), label_font(round(14 * zoom))
    for area in plan.classes:
        y = lines[area.rect.y] + dy
        draw.line([(area.rect.x, y), (area.rect.right, y)], fill=colours.faint, width=thin)
        base = area.line_y + dy
        draw.line([(area.label.x, base), (area.label.right, base)], fill=colours.ink, width=thin)
        for x in (area.label.x, area.label.right):
            draw.line([(x, base - 3 * zoom), (x, base)], fill=colours.ink, width=thin)
        if area.ideogram is not None:
            _draw_ideogram(draw, load_ideograms(bands)[area.number - 1], area.ideogram, dy, colours, thin)
        middle = area.label.centre[0], base + (area.label.bottom - area.line_y) / 2 + 1
        draw.text(middle, area.name, fill=colours.ink, font=label_font(round(20 * zoom)), anchor="mm")
    for place in plan.places:
        if place.expected and place.taken_by is None:
            _dashed(draw, place.outline, dy, colours.empty, 4 * thin, thin)
    if plan.tray.height:
        box = plan.tray
        draw.rectangle([box.x, box.y + dy, box.right, box.bottom + dy], outline=colours.faint, width=thin)
        at = box.x + 8 * zoom, box.y + dy + 12 * zoom
        draw.text(at, "Without a place", fill=colours.empty, font=small, anchor="lm")


def _draw_ideogram(
    draw: ImageDraw.ImageDraw, ideogram: Ideogram, rect: Rect, dy: int, colours: _Colours, thin: int
) -> None:
    """Bands grey by their density, the centromere red and drawn in."""
    left, right, scale = rect.x, rect.right, rect.height / ideogram.length
    for band in ideogram.bands:
        top, bottom = rect.y + dy + band.start * scale, rect.y + dy + band.stop * scale
        if band.stain == "acen":
            tip, base = (bottom, top) if band.arm == "p" else (top, bottom)
            draw.polygon([(left, base), (right, base), ((left + right) / 2, tip)], fill=(190, 70, 70))
        else:
            grey = BAND_GREY.get(band.stain, DENSITY_GREY.get(band.density, 255))
            draw.rectangle([left, top, right, bottom], fill=(grey, grey, grey))
    middle = rect.y + dy + ideogram.centromere * rect.height
    for upper, lower in ((rect.y + dy, middle), (middle, rect.bottom + dy)):
        draw.rounded_rectangle([left, upper, right, lower], radius=3 * thin, outline=colours.ink, width=thin)


def _draw_caption(
    draw: ImageDraw.ImageDraw, caption: str, placed: Placed, dy: int, colours: _Colours, zoom: float
) -> None:
    """Above a place; in the tray, below, where its title does not stand."""
    font = label_font(round(12 * zoom))
    shown = caption
    while draw.textlength(shown, font=font) > _CAPTION * zoom and len(shown) > 2:
        shown = f"{shown.rstrip('…')[:-1]}…"
    rect = placed.rect
    y, anchor = (rect.y - 2 * zoom, "mb") if placed.slot is not None else (rect.bottom + 2 * zoom, "mt")
    draw.text((rect.centre[0], y + dy), shown, fill=colours.ink, font=font, anchor=anchor)


def _draw_arrows(
    draw: ImageDraw.ImageDraw,
    chromosome: Chromosome,
    placed: Placed,
    length: float,
    dy: int,
    colours: _Colours,
    zoom: float,
) -> None:
    """Arrows of a chromosome whose picture is `length` long before it is turned."""
    centre = placed.rect.centre
    for arrow in chromosome.arrows:
        outline = spot(arrow, chromosome, (centre[0] / zoom, centre[1] / zoom), length / zoom).outline()
        points = [(x * zoom, y * zoom + dy) for x, y in outline]
        draw.polygon(points, fill=colours.ink, outline=colours.paper, width=max(1, round(zoom)))


def _dashed(draw: ImageDraw.ImageDraw, box: Rect, dy: int, colour: _Colour, dash: int, thin: int) -> None:
    """Outline of an empty place."""
    left, top, right, bottom = round(box.x), round(box.y) + dy, round(box.right), round(box.bottom) + dy
    for x in range(left, right, 2 * dash):
        for y in (top, bottom):
            draw.line([(x, y), (min(x + dash, right), y)], fill=colour, width=thin)
    for y in range(top, bottom, 2 * dash):
        for x in (left, right):
            draw.line([(x, y), (x, min(y + dash, bottom))], fill=colour, width=thin)


def _paste(canvas: npt.NDArray[np.uint8], image: npt.NDArray[np.uint8], rect: Rect, dy: int, stain: Stain) -> None:
    """Put a picture at its place, to a fraction of a pixel, without covering its neighbours by its background."""
    height, width = image.shape
    left, top = int(np.floor(rect.x)), int(np.floor(rect.y + dy))
    right, bottom = int(np.ceil(rect.right)) + 1, int(np.ceil(rect.bottom + dy)) + 1
    fx, fy = rect.width / width, rect.height / height
    # Pixel middles are at whole numbers on both sides.
    matrix = np.array(
        [
            [fx, 0, rect.x - left + 0.5 * fx - 0.5],
            [0, fy, rect.y + dy - top + 0.5 * fy - 0.5],
        ]
    )
    background = 0 if stain.bright_on_dark else 255
    if fx < 1:
        # Half of the pixels would be skipped otherwise.
        size = max(1, round(rect.width)), max(1, round(rect.height))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        matrix[0, 0], matrix[1, 1] = rect.width / size[0], rect.height / size[1]
        matrix[:, 2] = (
            rect.x - left + 0.5 * matrix[0, 0] - 0.5,
            rect.y + dy - top + 0.5 * matrix[1, 1] - 0.5,
        )
    drawn = cv2.warpAffine(
        image,
        matrix,
        (right - left, bottom - top),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=background,
    )
    top_cut, left_cut = max(0, -top), max(0, -left)
    there = canvas[max(0, top) : bottom, max(0, left) : right]
    drawn = drawn[top_cut : top_cut + there.shape[0], left_cut : left_cut + there.shape[1], None]
    # Ink adds up on white paper and light on black: the darker (brighter) of the two shows.
    np.copyto(there, np.maximum(there, drawn) if stain.bright_on_dark else np.minimum(there, drawn))
