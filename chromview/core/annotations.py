"""Texts and arrows that a person puts on the picture of a slide, and how they look.

An annotation belongs to the slide, not to a chromosome: it stays where it was put, on the screen and in
exported pictures.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from chromview.core.arrows import outline
from chromview.core.chromosome import Chromosome


class Annotation(NamedTuple):
    """A text on the slide, an arrow, or a text with an arrow.

    Attributes
    ----------
    text
        "" for an arrow alone.
    y, x
        The middle of the text, where an arrow begins; slide pixels, the corner of the slide is (0, 0).
    tip
        (y, x) of what the arrow points at; None for a text alone.
    """

    text: str
    y: float
    x: float
    tip: tuple[float, float] | None = None

    def moved(self, y: float, x: float) -> Annotation:
        """The whole moved by so many pixels."""
        tip = None if self.tip is None else (self.tip[0] + y, self.tip[1] + x)
        return self._replace(y=self.y + y, x=self.x + x, tip=tip)

    def inside(self, shape: tuple[int, int]) -> Annotation:
        """The same with every point on a slide of `shape` (H, W), rounded to a tenth of a pixel."""

        def kept(value: float, size: int) -> float:
            return round(min(max(float(value), 0.0), float(size)), 1)

        tip = None if self.tip is None else (kept(self.tip[0], shape[0]), kept(self.tip[1], shape[1]))
        return Annotation(self.text, kept(self.y, shape[0]), kept(self.x, shape[1]), tip)


def to_json(annotations: Iterable[Annotation]) -> list[Any] | None:
    """Annotations as a case file keeps them; None for none."""
    return [[a.text, a.y, a.x, None if a.tip is None else list(a.tip)] for a in annotations] or None


def from_json(values: Sequence[Sequence[Any]] | None) -> tuple[Annotation, ...]:
    """The inverse of `to_json`.

    Raises
    ------
    ValueError, TypeError
        If the values are none that `to_json` made.
    """
    return tuple(
        Annotation(str(text), float(y), float(x), None if tip is None else (float(tip[0]), float(tip[1])))
        for text, y, x, tip in values or ()
    )


def arrow_outline(
    middle: tuple[float, float], tip: tuple[float, float], half: tuple[float, float], letters: float
) -> list[tuple[float, float]]:
    """The arrow of an annotation, drawn from the edge of its text.

    Parameters
    ----------
    middle, tip
        (x, y) of the text and of the tip, pixels of the picture that is drawn.
    half
        Half width and half height of the text with its margin; (0, 0) without a text.
    letters
        Height of the letters; head and shaft go with them.

    Returns
    -------
    Seven corners (x, y), the tip first; empty if the tip lies on the text.
    """
    way = np.subtract(tip, middle)
    away = float(np.hypot(*way))
    if away < 1e-6:
        return []
    along = way / away
    # How far the line runs below the text before it leaves it on one side.
    hidden = min((h / abs(a) for h, a in zip(half, along, strict=True) if abs(a) > 1e-9), default=0.0)
    length = away - hidden
    if length < 0.25 * letters:
        return []
    return outline(tip, (float(along[0]), float(along[1])), length, letters / 13)


def place_beside(
    chromosome: Chromosome, others: Iterable[Chromosome], shape: tuple[int, int], far: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Where a text about a chromosome can stand, and where its arrow meets the chromosome.

    Parameters
    ----------
    chromosome, others
        The chromosome, and those that should not be covered.
    shape
        (H, W) of the slide.
    far
        From the edge of the chromosome to the text, slide pixels.

    Returns
    -------
    text, tip
        (y, x) each: of eight directions the one in which least lies and the slide does not end.
    """
    rows, columns = np.nonzero(chromosome.mask)
    points = np.stack([rows + chromosome.box.top, columns + chromosome.box.left], axis=1) + 0.5
    middle = points.mean(axis=0)
    taken = np.concatenate([np.argwhere(c.mask)[::7] + (c.box.top, c.box.left) for c in (chromosome, *others)])
    best: tuple[float, tuple[float, float], tuple[float, float]] | None = None
    for direction in np.deg2rad(np.arange(-45, 315, 45)):  # the first, up to the right, if all are alike
        way = np.array([np.sin(direction), np.cos(direction)])
        along = (points - middle) @ way
        tip = points[int(np.argmax(along))]
        text = tip + far * way
        on_slide = np.clip(text, 0, shape)
        cost = float((np.abs(taken - on_slide).max(axis=1) < far).mean() + 10 * np.abs(text - on_slide).sum() / far)
        if best is None or cost < best[0] - 1e-9:
            best = cost, (float(on_slide[0]), float(on_slide[1])), (float(tip[0]), float(tip[1]))
    assert best is not None
    return best[1], best[2]
