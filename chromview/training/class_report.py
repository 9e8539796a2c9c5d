"""What an evaluation of a classifier leaves besides figures: a row for each chromosome, matrices, the worst ones."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from chromview.core.chromosome import CLASS_NAMES
from chromview.core.karyogram import label_font
from chromview.storage.exports import png, write_folder
from chromview.storage.files import write_text
from chromview.training.reports import matrix_picture

if TYPE_CHECKING:
    from chromview.training.evaluate_classes import Truth

WORST = 48
"""Chromosomes of each part that are drawn."""
_COLUMNS, _TILE, _LINES = 12, 128, 34

UInt8 = npt.NDArray[np.uint8]


class ClassReport:
    """Rows and pictures of single chromosomes, collected part by part.

    Parameters
    ----------
    worst
        Chromosomes of each part that are drawn: wrong ones with the least probability of the true class first.
    """

    def __init__(self, worst: int = WORST) -> None:
        self.rows: list[dict[str, Any]] = []
        self._worst = worst
        self._pictures: dict[str, Callable[[], bytes]] = {}

    def add(
        self,
        part: str,
        truth: Truth,
        probabilities: npt.NDArray[np.floating],
        p_up: npt.NDArray[Any] | None,
        whole: npt.NDArray[np.int64] | None,
    ) -> None:
        """A part of a set with what was answered; the parameters are those of `evaluate_classes.figures`."""
        single = probabilities.argmax(axis=1) + 1
        of_truth = probabilities[np.arange(len(single)), truth.numbers - 1]
        rank = (probabilities > of_truth[:, None]).sum(axis=1) + 1
        for i, number in enumerate(truth.numbers):
            row: dict[str, Any] = {
                "part": part,
                "index": i,
                "case": truth.cases[i],
                "cell": truth.cells[i],
                "class": CLASS_NAMES[number - 1],
                "answer": CLASS_NAMES[single[i] - 1],
                "answer_by_cell": "" if whole is None else CLASS_NAMES[whole[i] - 1],
                "right": int(single[i] == number),
                "right_by_cell": "" if whole is None else int(whole[i] == number),
                "confidence": round(float(probabilities[i].max()), 4),
                "probability_of_truth": round(float(of_truth[i]), 6),
                "rank_of_truth": int(rank[i]),
                "polarity_right": "" if p_up is None else int(p_up[i]),
            }
            self.rows.append(row)
        if not self._worst:
            return
        for name, answers in (("", single), ("_by_cell", whole)):
            if answers is not None:
                counts = np.zeros((24, 24), np.int64)
                np.add.at(counts, (truth.numbers - 1, answers - 1), 1)
                title = f"classes of {part}{', decided by cell' if name else ''}"
                self._pictures[f"{part}_confusion{name}.png"] = partial(matrix_picture, counts, CLASS_NAMES, title)
        wrong = np.flatnonzero(single != truth.numbers)
        chosen = wrong[np.argsort(of_truth[wrong], kind="stable")][: self._worst]
        tiles = [
            (
                truth.images[i],
                f"{CLASS_NAMES[truth.numbers[i] - 1]}, not {CLASS_NAMES[single[i] - 1]}",
                f"{of_truth[i]:.2f}, not {probabilities[i].max():.2f}",
            )
            for i in map(int, chosen)
        ]
        title = f"Worst of {part}: {len(wrong)} of {len(single)} wrong"
        self._pictures[f"{part}_worst.png"] = partial(
            worst_picture, tiles, title, 0 if truth.stain.bright_on_dark else 255
        )

    def csv(self) -> str:
        """The rows as a table."""
        text = io.StringIO()
        writer = csv.DictWriter(text, list(self.rows[0]) if self.rows else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return text.getvalue()

    def pictures(self) -> dict[str, Callable[[], bytes]]:
        """File names and what draws them."""
        return dict(self._pictures)

    def write(self, table: Path | None, pictures: Path | None) -> None:
        """Write the table and the folder of pictures, those that are asked for; raises `UserError` if that fails."""
        if table is not None:
            write_text(table, self.csv())
        if pictures is not None:
            write_folder(pictures, self.pictures())


def worst_picture(tiles: list[tuple[UInt8, str, str]], title: str, ground: int) -> bytes:
    """PNG: chromosomes as they stand in the file, all at one scale, each with two lines below.

    The first line has the true class and the answer, the second their probabilities.
    """
    rows = max(1, -(-len(tiles) // _COLUMNS))
    page = Image.new("RGB", (_COLUMNS * _TILE, 40 + rows * (_TILE + _LINES)), "white")
    draw = ImageDraw.Draw(page)
    draw.text((8, 20), title, fill="black", font=label_font(16), anchor="lm")
    longest = max((max(image.shape) for image, _, _ in tiles), default=1)
    factor = min(2.0, (_TILE - 8) / longest)
    for place, (image, first, second) in enumerate(tiles):
        row, column = divmod(place, _COLUMNS)
        left, top = column * _TILE, 40 + row * (_TILE + _LINES)
        draw.rectangle([left, top, left + _TILE - 1, top + _TILE - 1], fill=(ground,) * 3, outline="#d0d0d0")
        size = max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor))
        shown = Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)
        page.paste(shown, (left + (_TILE - size[0]) // 2, top + (_TILE - size[1]) // 2))
        for line, words in enumerate((first, second)):
            at = left + _TILE // 2, top + _TILE + 9 + 15 * line
            draw.text(at, words, fill="black", font=label_font(12), anchor="mm")
    return png(np.asarray(page))
