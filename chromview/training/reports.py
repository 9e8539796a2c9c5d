"""What an evaluation leaves besides its numbers: a table with a row for each image, and pictures of what went wrong."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from scipy import ndimage

from chromview.core.calibration import Bin, binned
from chromview.core.chromosome import CLASS_NAMES, Box
from chromview.storage.exports import png, write_folder
from chromview.storage.files import write_text
from chromview.storage.label_images import paint
from chromview.training.datasets import Instance
from chromview.training.instance_metrics import KINDS, SlideScore, average_precision, f1
from chromview.training.metrics import (
    SOLVED,
    SWAPPED,
    Counts,
    ImageScore,
    class_scores,
    order_free_iou,
    overall_scores,
    solved,
)

UInt8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]
Row = dict[str, Any]

WORST = 12
"""Images of each part that are drawn."""
OURS = "chromview"
"""Method whose answers are drawn."""

GROUND = np.array([255, 255, 255], np.uint8)
RIGHT = np.array([200, 200, 200], np.uint8)
MISSED = np.array([220, 50, 32], np.uint8)
ADDED = np.array([0, 90, 181], np.uint8)
CONFUSED = np.array([230, 159, 0], np.uint8)
"""Colours of differences, told apart by everyone: grey is right, red was missed, blue is too much, orange has another
label."""


class Compared(NamedTuple):
    """One image's labels ``(H, W)`` and their truth, the image where it is at hand, and the case it is from."""

    name: str
    predicted: UInt8
    truth: UInt8
    image: UInt8 | None = None
    case: str = ""


class Found(NamedTuple):
    """What was found on one slide.

    Attributes
    ----------
    masks
        Box and mask of each chromosome.
    numbers
        Their classes 1..24, 0 where one has none; None where nobody asked.
    """

    masks: Sequence[tuple[Box, Bool]]
    numbers: Sequence[int] | None = None


def judged(score: SlideScore) -> list[tuple[float, bool]]:
    """Confidence of each chromosome found on a slide, and whether it is right (IoU .75)."""
    right = {int(j) for j, iou in zip(score.match, score.iou, strict=True) if iou >= SOLVED}
    assert score.confidence is not None
    return [(float(confidence), j in right) for j, confidence in enumerate(score.confidence)]


class Report:
    """Rows and pictures, collected while images are compared.

    Parameters
    ----------
    worst
        Images of each part that are drawn; 0 keeps none of them in memory.
    """

    def __init__(self, worst: int = WORST) -> None:
        self.rows: list[Row] = []
        self._worst = worst
        self._drawn: dict[str, list[tuple[float, str, Callable[[], bytes]]]] = {}
        self._labels: dict[str, Counts] = {}
        self._classes: dict[str, Counts] = {}
        self._judged: dict[str, list[tuple[float, bool]]] = {}

    def add_labels(self, part: str, one: Compared, score: ImageScore) -> None:
        """A cluster of two; the lower the IoU of its chromosomes with their overlaps, the worse."""
        free = {name: float(value) for name, value in order_free_iou(score.ordered).items()}
        height, width = one.truth.shape
        row: Row = {"part": part, "method": OURS, "name": one.name, "case": one.case, "height": height, "width": width}
        row |= {"other_order": int(score.swapped), "solved": float(solved(score.given))}
        row |= {f"iou_{name}": value for name, value in free.items()}
        for way, counts, far in (
            ("given", score.given, score.hausdorff_given),
            ("order_free", score.ordered, score.hausdorff_ordered),
        ):
            scores = class_scores(counts) | ({} if far is None else {"hausdorff": far})
            row |= {f"{way}_{name}": float(value) for name, value in overall_scores(counts).items()}
            row |= {f"{way}_{name}_{i}": float(v) for name, values in scores.items() for i, v in enumerate(values)}
        self.rows.append(row)
        both = np.stack([score.given, score.ordered])
        self._labels[part] = self._labels.get(part, np.zeros_like(both)) + both
        self._consider(part, free["mask"], one.name, partial(labels_picture, one, score.swapped))

    def add_slide(
        self,
        part: str,
        method: str,
        name: str,
        image: UInt8,
        truth: Sequence[Instance],
        found: Found,
        score: SlideScore,
        **more: float,
    ) -> None:
        """A slide; the lower F1 at IoU .75, the worse."""
        right = score.iou >= SOLVED
        row: Row = {"part": part, "method": method, "name": name, "height": image.shape[0], "width": image.shape[1]}
        row |= {"chromosomes": len(truth), "found": score.found, "count_error": abs(score.found - len(truth))}
        row |= {"f1_50": f1([score], 0.5), "f1_75": f1([score], SOLVED), "aji": score.aji}
        row |= {"ap_50": average_precision([score], (0.5,)), "ap_50_95": average_precision([score])}
        for kind in KINDS:
            there = np.array([k == kind for k in score.kinds], bool)
            row |= {kind: int(there.sum()), f"solved_{kind}": int(right[there].sum())}
        row |= {"cell_right": int(right.all() and score.found == len(truth)), **more}
        self.rows.append(row)
        if method != OURS:
            return
        if score.confidence is not None:
            self._judged.setdefault(part, []).extend(judged(score))
        if found.numbers is not None:
            counts = self._classes.setdefault(part, np.zeros((24, 24), np.int64))
            for i in map(int, np.flatnonzero(score.iou >= 0.5)):
                number = found.numbers[score.match[i]]
                if number:  # 0 is no class
                    counts[truth[i].number - 1, number - 1] += 1
        self._consider(part, row["f1_75"], name, partial(slide_picture, image, truth, found.masks, score))

    def _consider(self, part: str, value: float, name: str, draw: Callable[[], bytes]) -> None:
        if np.isnan(value):
            return
        kept = self._drawn.setdefault(part, [])
        kept.append((value, name, draw))
        kept.sort(key=lambda one: one[:2])
        del kept[self._worst :]

    def csv(self) -> str:
        """The rows as a table; what cannot be told is an empty cell."""
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in self.rows)
        return text.getvalue()

    def calibrations(self) -> dict[str, tuple[Bin, ...]]:
        """The calibration curve of each part."""
        return {
            part: binned([sure for sure, _ in pairs], [right for _, right in pairs])
            for part, pairs in self._judged.items()
        }

    def pictures(self) -> dict[str, Callable[[], bytes]]:
        """File names and what makes them: confusion matrices, calibration curves, the worst images of each part."""
        files: dict[str, Callable[[], bytes]] = {}
        names = ("0", "1", "2", "3")
        for part, (given, ordered) in self._labels.items():
            files[f"{part}_confusion_given.png"] = partial(matrix_picture, given, names, "labels as they stand")
            files[f"{part}_confusion.png"] = partial(matrix_picture, ordered, names, "labels, the better order")
        for part, counts in self._classes.items():
            files[f"{part}_classes.png"] = partial(matrix_picture, counts, CLASS_NAMES, "classes of what was found")
        for part, bins in self.calibrations().items():
            files[f"{part}_calibration.png"] = partial(calibration_picture, bins, f"{part}: confidence and share right")
            files[f"{part}_calibration.csv"] = partial(calibration_csv, bins)
        for part, worst in self._drawn.items():
            for place, (_, name, draw) in enumerate(worst, start=1):
                tidy = "".join(c if c.isalnum() or c in "-_" else "_" for c in Path(name).stem)[:60]
                files[f"{part}_worst_{place:02d}_{tidy}.png"] = draw
        return files

    def write(self, table: Path | None, pictures: Path | None) -> None:
        """Write the table and the folder of pictures, those that are asked for.

        Raises
        ------
        UserError
            If they cannot be written.
        """
        if table is not None:
            write_text(table, self.csv())
        if pictures is not None:
            write_folder(pictures, self.pictures())


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return "" if np.isnan(value) else round(value, 6)
    return "" if value is None else value


# --- pictures ------------------------------------------------------------------------------------


def labels_picture(one: Compared, swapped: bool) -> bytes:
    """PNG: image, truth, answer in the better order, and their difference (see `MISSED` and what stands beside it)."""
    answer = SWAPPED[one.predicted] if swapped else one.predicted
    difference = np.where((one.truth > 0)[..., None], RIGHT, GROUND)
    wrong = answer != one.truth
    difference[wrong] = CONFUSED
    difference[wrong & ((answer & ~one.truth) == 0)] = MISSED
    difference[wrong & ((one.truth & ~answer) == 0)] = ADDED
    tiles = [paint(one.truth, "white"), paint(answer, "white"), difference]
    if one.image is not None:
        tiles.insert(0, np.repeat(one.image[..., None], 3, axis=2))
    times = max(1, 256 // max(one.truth.shape))
    return png(_row([tile.repeat(times, axis=0).repeat(times, axis=1) for tile in tiles]))


def slide_picture(
    image: UInt8, truth: Sequence[Instance], found: Sequence[tuple[Box, Bool]], score: SlideScore
) -> bytes:
    """PNG: image, true and found chromosomes in many colours, and what is wrong.

    Outlines of true chromosomes that are not solved are red, of found ones that solve nothing blue.
    """
    true = [(one.box, one.mask) for one in truth]
    solving = {int(match) for match, iou in zip(score.match, score.iou, strict=True) if iou >= SOLVED}
    grey = np.repeat(image[..., None], 3, axis=2)
    faint: UInt8 = (127 + grey // 2).astype(np.uint8)
    # Two pixels wide below one, so that both are seen where they run along the same border.
    wrong = _outlined(faint, [one for i, one in enumerate(true) if score.iou[i] < SOLVED], MISSED, width=2)
    wrong = _outlined(wrong, [one for j, one in enumerate(found) if j not in solving], ADDED)
    return png(_row([grey, _coloured(image.shape, true), _coloured(image.shape, found), wrong]))


def _row(tiles: Sequence[UInt8]) -> UInt8:
    """Pictures side by side, with a grey line between them."""
    edged = [np.pad(tile, ((0, 0), (0, 4), (0, 0)), constant_values=128) for tile in tiles[:-1]]
    return np.hstack([*edged, tiles[-1]])


def _coloured(shape: tuple[int, ...], masks: Sequence[tuple[Box, Bool]]) -> UInt8:
    """Each mask in a colour of its own on white; where several lie on each other, black."""
    picture = np.full((*shape[:2], 3), 255, np.uint8)
    count = np.zeros(shape[:2], np.uint8)
    for number, (box, mask) in enumerate(masks):
        # Neighbouring numbers get distant hues (golden angle), so that touching chromosomes differ.
        hue = np.array([number * 0.618 % 1 * 6 + shift for shift in (0, 4, 2)]) % 6
        picture[box.slices][mask] = np.clip(np.abs(hue - 3) - 1, 0, 1) * 190 + 40
        count[box.slices] += mask
    picture[count > 1] = 0
    return picture


def _outlined(picture: UInt8, masks: Sequence[tuple[Box, Bool]], colour: UInt8, width: int = 1) -> UInt8:
    drawn = picture.copy()
    for box, mask in masks:
        drawn[box.slices][mask & ~ndimage.binary_erosion(mask, iterations=width)] = colour
    return drawn


def matrix_picture(counts: Counts, names: Sequence[str], title: str) -> bytes:
    """PNG of a confusion matrix: truth in rows, answer in columns, each row in per cent of its sum."""
    side, left, top = 44 if len(names) > 8 else 84, 60, 64
    size = len(names) * side
    picture = Image.new("RGB", (left + size + 16, top + size + 16), "white")
    draw = ImageDraw.Draw(picture)
    draw.text((left, 8), f"{title}: rows truth, columns answer, per cent of the row", fill="black")
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for i, name in enumerate(names):
        draw.text((left - 34, top + i * side + side // 2 - 6), name, fill="black")
        draw.text((left + i * side + side // 2 - 6, top - 20), name, fill="black")
        for j in range(len(names)):
            box = (left + j * side, top + i * side, left + (j + 1) * side, top + (i + 1) * side)
            level = round(255 * (1 - float(shares[i, j]) ** 0.5))
            draw.rectangle(box, fill=(level, level, 255), outline="#d0d0d0")
            if counts[i, j]:
                ink = "white" if level < 128 else "black"
                draw.text((box[0] + 6, box[1] + side // 2 - 6), f"{100 * shares[i, j]:.1f}", fill=ink)
    return png(np.asarray(picture))


def calibration_csv(bins: Sequence[Bin]) -> bytes:
    """The calibration curve as a table: bounds of the confidence, its mean, the share right, how many."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = [one.name for one in fields(Bin)]
    writer.writerow(columns)
    writer.writerows([getattr(one, name) for name in columns] for one in bins)
    return text.getvalue().encode()


def calibration_picture(bins: Sequence[Bin], title: str) -> bytes:
    """PNG of the calibration curve: mean confidence against share right, with 95 % intervals after Wilson (1927).

    On the grey diagonal a confidence means what it says; above it, chromosomes are right more often.
    """
    side, left, top = 400, 70, 50
    picture = Image.new("RGB", (left + side + 120, top + side + 60), "white")
    draw = ImageDraw.Draw(picture)

    def at(x: float, y: float) -> tuple[float, float]:
        return left + side * x, top + side * (1 - y)

    draw.text((left, 14), title, fill="black")
    for step in range(11):
        share = step / 10
        draw.line([at(share, 0), at(share, 1)], fill="#e0e0e0")
        draw.line([at(0, share), at(1, share)], fill="#e0e0e0")
        draw.text((at(share, 0)[0] - 8, top + side + 8), f"{share:.1f}", fill="black")
        draw.text((left - 28, at(0, share)[1] - 6), f"{share:.1f}", fill="black")
    draw.line([at(0, 0), at(1, 1)], fill="#808080", width=2)
    points = [at(one.confidence, one.right) for one in bins]
    draw.line(points, fill=tuple(int(v) for v in ADDED), width=3)
    for one, (x, y) in zip(bins, points, strict=True):
        low, high = _wilson(one.right, one.count)
        draw.line([at(one.confidence, low), at(one.confidence, high)], fill=tuple(int(v) for v in ADDED), width=1)
        draw.ellipse((x - 4, y - 4, x + 4, y + 4), fill=tuple(int(v) for v in ADDED))
        draw.text((x + 7, y + 2), f"n = {one.count}", fill="black")
    draw.text((left + side / 2 - 70, top + side + 30), "mean confidence", fill="black")
    draw.text((6, top - 18), "share right", fill="black")
    return png(np.asarray(picture))


def _wilson(share: float, count: int) -> tuple[float, float]:
    """95 % interval of a share of `count`."""
    z = 1.959964
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * np.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))
