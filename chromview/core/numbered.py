"""The slide with every chromosome outlined and its class beside it, as a picture for the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from chromview.core._cv import cv2
from chromview.core.annotations import Annotation, arrow_outline
from chromview.core.chromosome import BoolArray, Chromosome, SlideImage
from chromview.core.karyogram import label_font
from chromview.core.masks import slide_mask

LEAST_SIDE = 1600
"""Pixels that the longer side of the picture has at least, so that letters are sharp beside small slides."""
LETTERS = 1 / 55
"""Height of the letters as a share of the longer side."""
# Blue and orange are told apart by every eye; neighbours are told apart by their lines anyway.
_OUTLINES = ((0, 96, 190), (200, 90, 0))
_INK, _HALO = (10, 10, 10), (255, 255, 255)


class _Spot(NamedTuple):
    """Where a number stands: its middle (x, y), and where its chromosome begins."""

    x: float
    y: float
    anchor: tuple[float, float]


def numbered_picture(
    image: SlideImage,
    chromosomes: Sequence[Chromosome],
    *,
    names: Mapping[int, str] | None = None,
    annotations: Sequence[Annotation] = (),
    title: str = "",
    footer: str = "For research use",
    letters: float = LETTERS,
) -> npt.NDArray[np.uint8]:
    """Picture of a slide with its chromosomes outlined and named.

    Parameters
    ----------
    image
        The slide; its grey values are spread from the darkest to the brightest half percent.
    chromosomes
        Those that are drawn.
    names
        What stands beside each, by id; its class if not given.
    annotations
        Texts and arrows that are drawn on it; the names stand beside them.
    title, footer
        Lines above and below; no room is taken for an empty one.
    letters
        Their height as a share of the longer side.

    Returns
    -------
    ``(h, w, 3)`` uint8 RGB; small slides are enlarged by a whole factor.
    """
    factor = max(1, -(-LEAST_SIDE // max(image.shape)))
    grey = _spread(image.pixels)
    grey = cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    canvas = np.repeat(grey[:, :, None], 3, axis=2)
    taken = np.zeros(image.shape, bool)
    width = max(1, round(max(grey.shape) / 1100))
    for place, chromosome in enumerate(chromosomes):
        taken |= slide_mask(chromosome, image.shape)
        big = cv2.resize(
            slide_mask(chromosome, chromosome.box).view(np.uint8), None, fx=factor, fy=factor,
            interpolation=cv2.INTER_NEAREST,
        )  # fmt: skip
        lines, _ = cv2.findContours(big, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        moved = [line + np.array([chromosome.box.left * factor, chromosome.box.top * factor]) for line in lines]
        cv2.drawContours(canvas, moved, -1, _OUTLINES[place % 2], width, cv2.LINE_AA)
    size = max(12, round(max(grey.shape) * letters))
    page = Image.fromarray(canvas)
    draw = ImageDraw.Draw(page)
    _annotate(draw, annotations, taken, factor, size)
    _write_names(draw, chromosomes, names or {}, taken, factor, size)
    return _framed(page, title, footer, size)


def _spread(pixels: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
    low, high = (float(v) for v in np.percentile(pixels, (0.5, 99.5)))
    if high - low < 1:
        low, high = float(pixels.min()), float(max(pixels.max(), pixels.min() + 1))
    spread: npt.NDArray[np.uint8] = np.clip((pixels - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
    return spread


def _annotate(
    draw: ImageDraw.ImageDraw, annotations: Sequence[Annotation], taken: BoolArray, factor: int, size: int
) -> None:
    """Draw texts and arrows, and mark the place of the texts as taken."""
    font, halo = label_font(size), max(1, size // 9)
    height, width = (side * factor for side in taken.shape)
    for annotation in annotations:
        half_x, half_y = (draw.textlength(annotation.text, font=font) / 2 + 2 * halo, 0.6 * size)
        if not annotation.text:
            half_x = half_y = 0.0
        x = min(max(annotation.x * factor, half_x), max(width - half_x, half_x))
        y = min(max(annotation.y * factor, half_y), max(height - half_y, half_y))
        if annotation.tip is not None:
            tip = annotation.tip[1] * factor, annotation.tip[0] * factor
            corners = arrow_outline((x, y), tip, (half_x, half_y), size)
            if corners:
                draw.line([*corners, *corners[:2]], fill=_HALO, width=3 * halo, joint="curve")
                draw.polygon(corners, fill=_INK)
        if annotation.text:
            draw.text(
                (x, y), annotation.text, fill=_INK, font=font, anchor="mm", stroke_width=halo, stroke_fill=_HALO
            )  # fmt: skip
            top, bottom = max(0, round((y - half_y) / factor)), round((y + half_y) / factor) + 1
            left, right = max(0, round((x - half_x) / factor)), round((x + half_x) / factor) + 1
            taken[top:bottom, left:right] = True


def _write_names(
    draw: ImageDraw.ImageDraw,
    chromosomes: Sequence[Chromosome],
    names: Mapping[int, str],
    taken: BoolArray,
    factor: int,
    size: int,
) -> None:
    """Put each name beside its chromosome, where it hides neither a chromosome nor another name."""
    font = label_font(size)
    for chromosome in chromosomes:
        name = names.get(chromosome.id, chromosome.class_name)
        half_x = (draw.textlength(name, font=font) / 2 + 2) / factor
        half_y = 0.6 * size / factor
        spot = _free_spot(chromosome, taken, half_x, half_y)
        top, bottom = round(spot.y - half_y), round(spot.y + half_y) + 1
        left, right = round(spot.x - half_x), round(spot.x + half_x) + 1
        taken[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = True
        at = spot.x * factor, spot.y * factor
        if np.hypot(spot.x - spot.anchor[0], spot.y - spot.anchor[1]) > 1.8 * max(half_x, half_y):
            anchor = spot.anchor[0] * factor, spot.anchor[1] * factor
            draw.line([at, anchor], fill=_INK, width=max(1, size // 14))
        draw.text(at, name, fill=_INK, font=font, anchor="mm", stroke_width=max(1, size // 9), stroke_fill=_HALO)


def _free_spot(chromosome: Chromosome, taken: BoolArray, half_x: float, half_y: float) -> _Spot:
    """The nearest place around a chromosome where least is in the way."""
    rows, columns = np.nonzero(chromosome.mask)
    points = np.stack([columns + chromosome.box.left, rows + chromosome.box.top], axis=1).astype(float)
    middle = points.mean(axis=0)
    height, width = taken.shape
    best: tuple[float, _Spot] | None = None
    for direction in np.linspace(0, 2 * np.pi, 24, endpoint=False):
        way = np.array([np.cos(direction), np.sin(direction)])
        along = (points - middle) @ way
        reach = abs(way[0]) * half_x + abs(way[1]) * half_y
        start = float(along.max())
        for further in (1.0, 0.5 * reach + 3, 1.5 * reach + 6, 3 * reach + 10):
            x, y = middle + way * (start + reach + further)
            if not (half_x <= x < width - half_x and half_y <= y < height - half_y):
                continue
            area = taken[round(y - half_y) : round(y + half_y) + 1, round(x - half_x) : round(x + half_x) + 1]
            cost = float(area.mean()) * 10 + (start + further) / 60
            if best is None or cost < best[0]:
                nearest = points[int(np.argmin(((points - (x, y)) ** 2).sum(axis=1)))]
                best = cost, _Spot(float(x), float(y), (float(nearest[0]), float(nearest[1])))
    if best is not None:
        return best[1]
    return _Spot(float(middle[0]), float(middle[1]), (float(middle[0]), float(middle[1])))


def _framed(picture: Image.Image, title: str, footer: str, size: int) -> npt.NDArray[np.uint8]:
    """The picture with a line above and one below, on white."""
    band = round(2.2 * size)
    above, below = band * bool(title), band * bool(footer)
    page = Image.new("RGB", (picture.width, picture.height + above + below), _HALO)
    page.paste(picture, (0, above))
    draw = ImageDraw.Draw(page)
    if title:
        draw.text((size, above / 2), title, fill=_INK, font=label_font(size), anchor="lm")
    if footer:
        at = picture.width - size, above + picture.height + below / 2
        draw.text(at, footer, fill=(120, 120, 120), font=label_font(round(0.8 * size)), anchor="rm")
    return np.asarray(page).copy()
