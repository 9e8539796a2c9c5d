"""What a run shows while it goes on: curves of its log, and samples with truth and answer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from chromview.storage.exports import png
from chromview.storage.label_images import paint

Float = npt.NDArray[np.float32]
Labels = npt.NDArray[np.uint8]

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#e69f00")
"""Of curves, told apart by everyone (Okabe and Ito 2008)."""
PANEL = (360, 240)
MARGINS = (52, 40, 12, 24)
"""Left, top, right and bottom of a panel, for what is written beside the curves."""


def curves(history: Sequence[Mapping[str, float]], panels: Mapping[str, Sequence[str]]) -> bytes:
    """PNG file of panels side by side, each with columns of a log over its epochs.

    Parameters
    ----------
    history
        Rows of the log, each with ``epoch``; a value that a row lacks, or that is no number, leaves a gap.
    panels
        Title and columns of each.
    """
    canvas = Image.new("RGB", (PANEL[0] * len(panels), PANEL[1]), "white")
    draw = ImageDraw.Draw(canvas)
    epochs = [int(row["epoch"]) for row in history]
    for place, (title, columns) in enumerate(panels.items()):
        _panel(draw, place * PANEL[0], title, columns, epochs, history)
    return png(np.asarray(canvas))


def _panel(
    draw: ImageDraw.ImageDraw,
    shift: int,
    title: str,
    columns: Sequence[str],
    epochs: Sequence[int],
    history: Sequence[Mapping[str, float]],
) -> None:
    left, top, right, bottom = shift + MARGINS[0], MARGINS[1], shift + PANEL[0] - MARGINS[2], PANEL[1] - MARGINS[3]
    values = [row[name] for row in history for name in columns if math.isfinite(row.get(name, math.nan))]
    low, high = (min(0.0, *values), max(values)) if values else (0.0, 1.0)
    high = high if high > low else low + 1
    first, last = epochs[0], max(epochs[-1], epochs[0] + 1)
    draw.text((left, 4), title, fill="black")
    draw.line((left, top, left, bottom, right, bottom), fill="#808080")
    for share in (0.0, 0.5, 1.0):
        y = bottom - share * (bottom - top)
        draw.text((shift + 4, y - 6), f"{low + share * (high - low):.3g}", fill="black")
        draw.line((left - 3, y, right, y), fill="#d0d0d0")
    draw.text((left, bottom + 6), f"{first}", fill="black")
    draw.text((right - 40, bottom + 6), f"epoch {last}", fill="black")
    for number, name in enumerate(columns):
        colour = COLOURS[number % len(COLOURS)]
        draw.text((left + number * (right - left) // len(columns), 20), name, fill=colour)
        line: list[tuple[float, float]] = []
        for epoch, row in zip(epochs, history, strict=True):
            value = row.get(name, math.nan)
            if not math.isfinite(value):
                line = []
                continue
            x = left + (epoch - first) / (last - first) * (right - left)
            line.append((x, bottom - (value - low) / (high - low) * (bottom - top)))
            draw.ellipse((line[-1][0] - 1.5, line[-1][1] - 1.5, line[-1][0] + 1.5, line[-1][1] + 1.5), fill=colour)
            if len(line) > 1:
                draw.line((*line[-2], *line[-1]), fill=colour, width=2)


def sample_sheet(samples: Sequence[tuple[Float, Labels, Labels]]) -> bytes:
    """PNG file with a row for each sample: image, truth and answer, the labels red, green and blue on white.

    Parameters
    ----------
    samples
        Darkness, true and answered labels, ``(S, S)`` each; all of one size.
    """
    rows = []
    for darkness, truth, answer in samples:
        grey = np.clip(255 * (1 - darkness), 0, 255).astype(np.uint8)
        image = np.repeat(grey[..., None], 3, axis=2)
        tiles = (image, paint(truth, "white"), paint(answer, "white"))
        rows.append(np.hstack([np.pad(tile, ((0, 2), (0, 2), (0, 0)), constant_values=128) for tile in tiles]))
    return png(np.vstack(rows))
