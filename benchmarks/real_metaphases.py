"""Pictures of real metaphases with what was found on them, every error that somebody saw marked and counted.

    python benchmarks/real_metaphases.py --data DATA/metaphases [--out docs/pictures] [--marks FILE] [--json FILE]

The marks are a table beside this script, made by looking at the pictures: metaphase, place (y, x in its pixels),
kind, how many masks and how many real chromosomes the error concerns, and a note. They belong to one state of
weights and rules; with others they have to be looked at and made again. Masks that no mark concerns count as right.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from report import finish, parser, table

from chromview.core.chromosome import Chromosome, SlideImage

COLOURS: dict[str, tuple[int, int, int]] = {
    "joined": (213, 94, 0),
    "cut": (0, 114, 178),
    "not a chromosome": (204, 121, 167),
    "outline": (0, 140, 100),
}
"""By kind of error; the number beside the circle says which line of the list it is."""
LONGEST = 1100
"""Pixels of the longer side of a picture."""
MARGIN = 25
"""Slide pixels around the cell."""


class Mark(NamedTuple):
    """One error: where, what, how many masks it concerns, and how many chromosomes there really are."""

    metaphase: str
    y: float
    x: float
    kind: str
    masks: int
    real: int
    note: str


def read_marks(path: Path) -> list[Mark]:
    """The table of marks.

    Raises
    ------
    ValueError
        If a kind has no colour.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = [
            Mark(r["metaphase"], float(r["y"]), float(r["x"]), r["kind"], int(r["masks"]), int(r["real"]), r["note"])
            for r in csv.DictReader(file)
        ]
    unknown = {mark.kind for mark in rows} - COLOURS.keys()
    if unknown:
        raise ValueError(f"unknown kinds of errors: {', '.join(sorted(unknown))}")
    return rows


def draw(image: SlideImage, found: Sequence[Chromosome], marks: Sequence[Mark]) -> Any:
    """The part of the slide where the cell lies, with outlines and circles, as a picture of PIL."""
    from PIL import Image, ImageDraw

    from chromview.core.commands import united
    from chromview.core.karyogram import label_font
    from chromview.core.numbered import numbered_picture

    counted = [c for c in found if c.in_karyogram]
    drawn = Image.fromarray(numbered_picture(image, counted, footer="", letters=1 / 75))
    cell = united(c.box for c in counted)
    assert cell is not None  # a metaphase in which nothing was found has no picture
    cell = cell.grown(MARGIN, image.shape)
    enlarged = drawn.width / image.shape[1]
    scale = LONGEST / max(cell.height, cell.width)
    page = drawn.resize(
        (round(cell.width * scale), round(cell.height * scale)),
        Image.Resampling.LANCZOS,
        tuple(enlarged * side for side in (cell.left, cell.top, cell.right, cell.bottom)),
    )
    pen, font = ImageDraw.Draw(page), label_font(20)
    for number, mark in enumerate(marks, start=1):
        x, y = (mark.x + 0.5 - cell.left) * scale, (mark.y + 0.5 - cell.top) * scale
        colour = COLOURS[mark.kind]
        pen.ellipse((x - 34, y - 34, x + 34, y + 34), outline=colour, width=4)
        at = x + 30, y - 30
        pen.ellipse((at[0] - 14, at[1] - 14, at[0] + 14, at[1] + 14), fill=colour)
        pen.text(at, str(number), fill=(255, 255, 255), font=font, anchor="mm")
    # The octree keeps colours that few pixels have; the median cut made grey circles of them.
    return page.quantize(96, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)


def count(name: str, found: Sequence[Chromosome], marks: Sequence[Mark]) -> dict[str, Any]:
    """One line of the table: masks found, those right, real chromosomes by these marks, and errors of each kind."""
    counted = sum(c.in_karyogram for c in found)
    right = counted - sum(mark.masks for mark in marks)
    kinds = Counter(mark.kind for mark in marks)
    real = right + sum(mark.real for mark in marks)
    return {"metaphase": name, "found": counted, "right": right, "real": real, **{k: kinds[k] for k in COLOURS}}


def main() -> None:
    """Analyse, draw and count."""
    arguments: argparse.ArgumentParser = parser(__doc__)
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--out", type=Path, default=Path("docs/pictures"))
    arguments.add_argument("--marks", type=Path, default=Path(__file__).with_suffix(".csv"))
    given = arguments.parse_args()
    from chromview.storage.images import read_image
    from chromview.vision.models import Models
    from chromview.vision.pipeline import analyse

    marks = read_marks(given.marks)
    models = Models.load()
    given.out.mkdir(parents=True, exist_ok=True)
    lines = []
    for path in sorted(given.data.glob("*.png")):
        if path.stem.endswith("_karyogram"):
            continue
        image = read_image(path)
        found = analyse(image, models).chromosomes
        own = [mark for mark in marks if mark.metaphase == path.stem]
        draw(image, found, own).save(given.out / f"{path.stem}.png", optimize=True)
        lines.append(count(path.stem, found, own))
    table(lines)
    finish({"metaphases": lines, "weights": dict(models.hashes)}, given.json)


if __name__ == "__main__":
    main()
