"""Training samples of the classifier: straightened chromosomes of every stain we have data for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from chromview.core.chromosome import Stain
from chromview.core.edges import REACH, edged
from chromview.simulate.metaphase import simulate_metaphase
from chromview.training.datasets import read_karyotypes, read_metaphases
from chromview.vision.canvas import CANVAS, Sheet, canvas_axis, canvases, cell_brightness, cell_scales, to_sheet
from chromview.vision.prepare import chromosome_mask, to_darkness

EDGES = (0.2, 0.35, 0.5)
"""Shares of a chromosome's brightness at which its edge is drawn anew: people drew it at 0.11 to 0.59."""


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
    brightness
        ``(N,)`` against the cell (`cell_brightness`), NaN where not known.
    polarity_known, glows
        ``(N,)`` bool; whether it is fluorescent.
    weights
        ``(N,)`` float32, how often it is shown in relation to others.
    cells
        Name of the cell of each.
    """

    sheets: Tensor
    numbers: Tensor
    scales: Tensor
    lengths: Tensor
    brightness: Tensor
    polarity_known: Tensor
    glows: Tensor
    weights: Tensor
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
            torch.cat([part.brightness for part in parts]),
            torch.cat([part.polarity_known for part in parts]),
            torch.cat([part.glows for part in parts]),
            torch.cat([part.weights for part in parts]),
            [cell for part in parts for cell in part.cells],
        )


@dataclass
class _Rows:
    """Chromosomes on their way into `Sheets`: sheet, class, cell and weight of each."""

    sheets: list[Sheet] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    def add(self, sheet: Sheet, number: int, cell: str, weight: float = 1.0) -> None:
        self.sheets.append(sheet)
        self.numbers.append(number)
        self.cells.append(cell)
        self.weights.append(weight)

    def packed(self, *, polarity_known: bool, glows: bool) -> Sheets:
        n = len(self.sheets)
        lengths = [sheet.length for sheet in self.sheets]
        # Images of bright field are of a contrast of their own, as they were cut out for karyograms.
        levels = [sheet.level if glows else 0.0 for sheet in self.sheets]
        images = np.stack([sheet.image for sheet in self.sheets])
        return Sheets(
            torch.from_numpy(images)[:, None],
            torch.tensor(self.numbers),
            cell_scales(lengths, self.cells),
            torch.tensor(lengths),
            cell_brightness(levels, self.cells),
            torch.full((n,), polarity_known),
            torch.full((n,), glows),
            torch.tensor(self.weights),
            self.cells,
        )


def karyotype_sheets(path: Path, split: str) -> Sheets:
    """Sheets of a ``*_karyotypes.h5`` file; polarity is known where the background is white."""
    data = read_karyotypes(path, split)
    rows = _Rows()
    for image, number, cell in zip(data.images, data.numbers, data.cells, strict=True):
        mask = chromosome_mask(image, data.stain)
        if mask.sum() < 12:
            continue
        rows.add(to_sheet(image if data.stain.bright_on_dark else 255 - image, mask), int(number), str(cell))
    glows = data.stain.bright_on_dark
    return rows.packed(polarity_known=not glows, glows=glows)


def metaphase_sheets(path: Path, split: str, edges: Sequence[float] = ()) -> Sheets:
    """Sheets of the true masks of an M-FISH file; polarity is not known there.

    With `edges` every chromosome is there once more for each, its mask ending at that share of its
    brightness. As drawn and drawn anew weigh alike, together as much as one chromosome.
    """
    rows = _Rows()
    for metaphase in read_metaphases(path, split):
        darkness = np.clip(to_darkness(metaphase.image, Stain.DAPI), 0, None)
        taken = np.zeros(darkness.shape, np.bool_)
        for instance in metaphase.instances:
            taken[instance.box.slices] |= instance.mask
        for instance in metaphase.instances:
            if instance.mask.sum() < 40:
                continue
            sheet = to_sheet(darkness[instance.box.slices], instance.mask)
            rows.add(sheet, instance.number, metaphase.name, 0.5 if edges else 1.0)
            own = instance.box
            box = own.grown(REACH + 1, darkness.shape)
            mask = np.zeros((box.height, box.width), np.bool_)
            mask[own.top - box.top : own.bottom - box.top, own.left - box.left : own.right - box.left] = instance.mask
            for edge in edges:
                sheet = to_sheet(
                    darkness[box.slices], edged(darkness[box.slices], mask, taken[box.slices] & ~mask, edge)
                )
                # A cell of its own, since its lengths are others as well.
                rows.add(sheet, instance.number, f"{metaphase.name}, edge {edge}", 0.5 / len(edges))
    return rows.packed(polarity_known=False, glows=True)


def simulated_sheets(stain: Stain, cells: int, seed: int) -> Sheets:
    """Sheets of simulated cells, true masks, from 400 to 850 bands; polarity is known."""
    rng = np.random.default_rng((seed, tuple(Stain).index(stain)))
    rows = _Rows()
    for cell in range(cells):
        karyotype, bands = ("46,XX", "46,XY")[cell % 2], (400, 550, 850)[cell % 3]
        made = simulate_metaphase(karyotype, stain=stain, seed=int(rng.integers(2**31)), bands=bands, crossings=0)
        darkness = np.clip(to_darkness(made.image, stain), 0, None)
        for chromosome in made.countable:
            stained = darkness[chromosome.box.slices]
            axis = canvas_axis(chromosome.mask, stain=stained)
            assert chromosome.axis is not None and chromosome.number is not None
            p_tip = chromosome.axis[0] - (chromosome.box.top, chromosome.box.left)
            if np.hypot(*(axis[-1] - p_tip)) < np.hypot(*(axis[0] - p_tip)):
                axis = np.ascontiguousarray(axis[::-1])
            sheet = to_sheet(stained, chromosome.mask, axis)
            rows.add(sheet, chromosome.number, f"simulated {stain.value} {cell}")
    return rows.packed(polarity_known=True, glows=stain.bright_on_dark)


def all_sheets(folder: Path, split: str, edges: Sequence[float] = ()) -> dict[str, Sheets]:
    """Sheets of every set that lies in the folder and can be read, by name; `edges` as in `metaphase_sheets`."""
    found = {}
    for name in ("gband", "gband_lowres", "qband"):
        path = folder / f"{name}_karyotypes.h5"
        if path.exists() and read_karyotypes(path, split).readable:
            found[name] = karyotype_sheets(path, split)
    path = folder / "mfish_dapi.h5"
    if path.exists():
        found["mfish_dapi"] = metaphase_sheets(path, split, edges)
    return found


class Batch(NamedTuple):
    """What one training step is shown.

    Attributes
    ----------
    canvases
        ``(N, 1, *CANVAS)``.
    brightness
        ``(N,)``, NaN where not told.
    classes
        ``(N,)`` 0..23.
    up, polarity_known
        ``(N,)`` bool: whether the p arm is up on the canvas, and whether that is known.
    """

    canvases: Tensor
    brightness: Tensor
    classes: Tensor
    up: Tensor
    polarity_known: Tensor


def augmented(data: Sheets, chosen: Tensor, generator: torch.Generator) -> Batch:
    """A training batch.

    Size jitters by 4 % about that of the cell (every fifth by 12 %, for slides of few chromosomes), and
    turn, shift, width, stretches along the axis, contrast, uneven light, blur, noise, a dark bar of a crossing
    chromosome and a lost tip follow. The brightness jitters by 4 %, and every sixth is told none.
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
        # One part of a chromosome is condensed a little more than the next.
        warp=functional.interpolate(normal(n, 1, 7) * 1.2, CANVAS[0], mode="linear", align_corners=True)[:, 0],
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
    coarse = uniform(n) < 0.15
    if coarse.any():
        size = [round(side * float(0.4 + 0.4 * uniform(1))) for side in CANVAS]
        small = functional.interpolate(x[coarse], size=size, mode="area")
        x[coarse] = functional.interpolate(small, size=CANVAS, mode="bilinear", align_corners=False)
    exponent = torch.exp(normal(n) * 0.25)[:, None, None, None]
    x = x.clamp(min=0) ** exponent * torch.exp(normal(n) * 0.12)[:, None, None, None]
    slope = torch.linspace(-1, 1, CANVAS[0])[None] * normal(n, 1) * 0.12
    x = x * torch.exp(slope)[:, None, :, None]
    x = x + normal(*x.shape) * (0.03 * uniform(n))[:, None, None, None]
    down = uniform(n) < 0.5
    x = torch.where(down[:, None, None, None], x.flip(2), x)
    mirrored = uniform(n) < 0.5
    x = torch.where(mirrored[:, None, None, None], x.flip(3), x)
    bright = data.brightness[chosen] + normal(n) * 0.04
    bright[uniform(n) < 1 / 6] = torch.nan
    return Batch(x, bright, data.numbers[chosen] - 1, ~down, data.polarity_known[chosen])
