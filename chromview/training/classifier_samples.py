"""Training samples of the classifier: straightened chromosomes of every stain we have data for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from chromview.core.chromosome import Stain
from chromview.training.datasets import read_karyotypes, read_metaphases
from chromview.vision.canvas import CANVAS, canvases, cell_scales, to_sheet
from chromview.vision.prepare import chromosome_mask, to_darkness


@dataclass
class Sheets:
    """Straightened chromosomes of one split.

    Attributes
    ----------
    sheets
        ``(N, 1, *SHEET)`` uint8, upper end first; where the polarity is known, p arm up.
    numbers
        ``(N,)`` int64, class 1..24.
    scales
        ``(N,)`` canvas pixels for a slide pixel, from the cell.
    lengths
        ``(N,)`` pixels.
    polarity_known
        ``(N,)`` bool.
    cells
        Name of the cell of each.
    """

    sheets: Tensor
    numbers: Tensor
    scales: Tensor
    lengths: Tensor
    polarity_known: Tensor
    cells: list[str]

    def __len__(self) -> int:
        return len(self.sheets)

    @staticmethod
    def joined(parts: list[Sheets]) -> Sheets:
        """Several sets as one."""
        return Sheets(
            torch.cat([part.sheets for part in parts]),
            torch.cat([part.numbers for part in parts]),
            torch.cat([part.scales for part in parts]),
            torch.cat([part.lengths for part in parts]),
            torch.cat([part.polarity_known for part in parts]),
            [cell for part in parts for cell in part.cells],
        )


def _pack(rows: list[tuple[np.ndarray, float, int, str]], polarity_known: bool) -> Sheets:
    lengths = [row[1] for row in rows]
    cells = [row[3] for row in rows]
    return Sheets(
        torch.from_numpy(np.stack([row[0] for row in rows]))[:, None],
        torch.tensor([row[2] for row in rows]),
        cell_scales(lengths, cells),
        torch.tensor(lengths),
        torch.full((len(rows),), polarity_known),
        cells,
    )


def karyotype_sheets(path: Path, split: str) -> Sheets:
    """Sheets of a ``*_karyotypes.h5`` file; polarity is known where the background is white."""
    data = read_karyotypes(path, split)
    rows = []
    for image, number, cell in zip(data.images, data.numbers, data.cells, strict=True):
        mask = chromosome_mask(image, data.stain)
        if mask.sum() < 12:
            continue
        sheet, length = to_sheet(image if data.stain.bright_on_dark else 255 - image, mask)
        rows.append((sheet, length, int(number), str(cell)))
    return _pack(rows, not data.stain.bright_on_dark)


def metaphase_sheets(path: Path, split: str) -> Sheets:
    """Sheets of the true masks of an M-FISH file; polarity is not known there."""
    rows = []
    for metaphase in read_metaphases(path, split):
        darkness = to_darkness(metaphase.image, Stain.DAPI)
        for instance in metaphase.instances:
            if instance.mask.sum() < 40:
                continue
            sheet, length = to_sheet(np.clip(darkness[instance.box.slices], 0, None), instance.mask)
            rows.append((sheet, length, instance.number, metaphase.name))
    return _pack(rows, False)


def all_sheets(folder: Path, split: str) -> dict[str, Sheets]:
    """Sheets of every set that lies in the folder and can be read, by name."""
    found = {}
    for name in ("gband", "gband_lowres", "qband"):
        path = folder / f"{name}_karyotypes.h5"
        if path.exists() and read_karyotypes(path, split).readable:
            found[name] = karyotype_sheets(path, split)
    path = folder / "mfish_dapi.h5"
    if path.exists():
        found["mfish_dapi"] = metaphase_sheets(path, split)
    return found


def augmented(data: Sheets, chosen: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A training batch: canvases, class 0..23, p arm up, whether that is known.

    Size jitters by 4 % about that of the cell (every fifth by 12 %, for slides of few chromosomes), and
    turn, shift, width, contrast, blur, noise, a dark bar of a crossing chromosome and a lost tip follow.
    """
    n = len(chosen)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator)

    spread = torch.where(uniform(n) < 0.2, 0.12, 0.04)
    scales = data.scales[chosen] * torch.exp(normal(n) * spread)
    x = canvases(
        data.sheets[chosen],
        scales,
        turn=normal(n) * 0.06,
        shift=normal(n, 2) * torch.tensor([1.0, 2.0]),
        stretch=torch.exp(normal(n) * 0.1),
    )
    lost = uniform(n) < 0.15
    if lost.any():
        rows = torch.arange(CANVAS[0])[None] - (CANVAS[0] - data.lengths[chosen] * scales)[:, None] / 2
        x = x * ~((rows < uniform(n)[:, None] * 5) & lost[:, None])[:, None, :, None]
    bar = uniform(n) < 0.12
    if bar.any():
        middle = uniform(n)[:, None] * CANVAS[0]
        inside = ((torch.arange(CANVAS[0])[None] - middle).abs() < 4 + 6 * uniform(n)[:, None]) & bar[:, None]
        x = x + (x > 0.08) * inside[:, None, :, None] * (0.2 + 0.4 * uniform(n)[:, None, None, None])
    blurred = torch.nn.functional.avg_pool2d(x, 3, stride=1, padding=1)
    amount = (uniform(n) * 1.6 - 0.8).clamp(min=-0.3)[:, None, None, None]
    x = x + amount * (blurred - x)
    exponent = torch.exp(normal(n) * 0.25)[:, None, None, None]
    x = x.clamp(min=0) ** exponent * torch.exp(normal(n) * 0.12)[:, None, None, None]
    x = x + normal(*x.shape) * (0.03 * uniform(n))[:, None, None, None]
    down = uniform(n) < 0.5
    x = torch.where(down[:, None, None, None], x.flip(2), x)
    mirrored = uniform(n) < 0.5
    x = torch.where(mirrored[:, None, None, None], x.flip(3), x)
    return x, data.numbers[chosen] - 1, ~down, data.polarity_known[chosen]
