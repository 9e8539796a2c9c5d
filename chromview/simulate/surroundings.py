"""What else lies on a slide: interphase nuclei, debris, smudges, the remains of the cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chromview.core._cv import cv2
from chromview.core.chromosome import BoolArray, Box, Chromosome, Kind
from chromview.simulate.appearance import Look
from chromview.simulate.optics import tone

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """Something on the slide that is not a chromosome.

    Attributes
    ----------
    kind
        `Kind.NUCLEUS` or `Kind.DEBRIS`.
    box, density, mask
        As for a chromosome's `Drawing`.
    """

    kind: Kind
    box: Box
    density: Floats
    mask: BoolArray

    def chromosome(self, id: int) -> Chromosome:
        """The truth about it: an instance of its kind, without axis or class."""
        return Chromosome(id=id, box=self.box, mask=self.mask.copy(), kind=self.kind).with_mask(self.box, self.mask)


def _blob(
    centre: tuple[float, float], radius: float, shape: tuple[int, int], raggedness: float, rng: np.random.Generator
) -> tuple[Box, Floats] | None:
    """Rectangle of a round thing on the slide, and each pixel's distance from its middle in radii."""
    reach = radius * (1.0 + 2.0 * raggedness) * 1.2 + 3
    box = Box(
        max(0, int(centre[0] - reach)),
        max(0, int(centre[1] - reach)),
        min(shape[0], int(centre[0] + reach) + 1),
        min(shape[1], int(centre[1] + reach) + 1),
    )
    if box.height < 2 or box.width < 2:
        return None
    rows, columns = np.mgrid[box.top : box.bottom, box.left : box.right].astype(np.float32)
    y, x = rows - centre[0], columns - centre[1]
    angle = np.arctan2(y, x)
    outline = np.ones_like(angle)
    for order in (2, 3, 4, 5):
        outline += raggedness / order * rng.normal(0.0, 1.0) * np.cos(order * angle + rng.uniform(0, 2 * np.pi))
    return box, np.asarray(np.hypot(y, x) / (radius * np.clip(outline, 0.5, 1.6)), np.float32)


def _grain(shape: tuple[int, int], sigma: float, rng: np.random.Generator) -> Floats:
    noise = cv2.GaussianBlur(
        rng.standard_normal(shape).astype(np.float32), (0, 0), max(sigma, 0.4), borderType=cv2.BORDER_REFLECT
    )
    return np.asarray(noise / max(float(noise.std()), 1e-6), np.float32)


def draw_nucleus(
    centre: tuple[float, float], radius: float, look: Look, shape: tuple[int, int], rng: np.random.Generator
) -> Thing | None:
    """An interphase nucleus: a mottled disc with nucleoli.

    Parameters
    ----------
    centre, radius
        (y, x) and radius in pixels; the centre may lie outside the slide.
    look
        Of the cell beside it.
    shape
        (H, W) of the slide.
    rng
        Source of chance.

    Returns
    -------
    The nucleus, or None if nothing of it lies on the slide.
    """
    found = _blob(centre, radius, shape, 0.05, rng)
    if found is None:
        return None
    box, distance = found
    size = (box.height, box.width)
    edge = np.clip((1.0 - distance) * radius / 1.5 + 0.5, 0.0, 1.0)
    # A flattened ball: hardly thinner at its side.
    thickness = (1.0 - np.clip(distance, 0.0, 1.0) ** 6) ** 0.5 * 0.25 + 0.75
    mottle = 0.5 * _grain(size, 0.09 * look.width, rng) + 0.6 * _grain(size, 0.3 * look.width, rng)
    cloud = tone(size, 2.5, rng) if min(size) > 24 else np.zeros(size, np.float32)
    base = rng.uniform(0.42, 0.72)
    body = base * thickness * (1.0 + 0.085 * mottle + 0.08 * cloud)
    rows, columns = np.mgrid[: box.height, : box.width]
    for _ in range(int(rng.integers(2, 9))):
        where = rng.uniform(0.0, 0.8) * radius
        turn = rng.uniform(0.0, 2 * np.pi)
        y, x = centre[0] - box.top + where * np.sin(turn), centre[1] - box.left + where * np.cos(turn)
        spot = float(rng.uniform(0.12, 0.42)) * look.width
        bump = np.exp(-((((rows - y) ** 2 + (columns - x) ** 2) / (2 * spot * spot)) ** 1.5))
        # Giemsa darkens chromocentres; with DAPI nucleoli are holes.
        body = body * (1.0 + (rng.uniform(-0.5, 0.6) if look.stain.bright_on_dark else rng.uniform(0.25, 0.9)) * bump)
    mask = distance <= 1.0
    if not mask.any():
        return None
    return Thing(Kind.NUCLEUS, box, np.asarray(np.maximum(body, 0.0) * edge, np.float32), mask)


def draw_debris(
    centre: tuple[float, float], radius: float, look: Look, shape: tuple[int, int], rng: np.random.Generator
) -> Thing | None:
    """A speck of precipitate or dust, irregular, from faint to nearly black.

    Parameters
    ----------
    centre, radius
        (y, x) and radius in pixels.
    look, shape, rng
        As in `draw_nucleus`.

    Returns
    -------
    The speck, or None if it is smaller than a pixel or lies outside the slide.
    """
    found = _blob(centre, radius, shape, 0.3, rng)
    if found is None:
        return None
    box, distance = found
    strength = rng.uniform(0.15, 0.9) if look.stain.bright_on_dark else rng.uniform(0.35, 2.2)
    body = strength * np.clip(1.25 - distance, 0.0, 1.0) ** 0.7
    body *= np.clip(1.0 + 0.3 * _grain((box.height, box.width), 0.12 * look.width, rng), 0.2, 2.0)
    mask = distance <= 1.0
    if not mask.any():
        return None
    return Thing(Kind.DEBRIS, box, np.asarray(body, np.float32), mask)


def draw_haze(cell: Floats, look: Look, rng: np.random.Generator, *, smudges: int) -> Floats:
    """Faint stain out of focus: the cytoplasm of the dividing cell, and smudges.

    Parameters
    ----------
    cell
        ``(H, W)`` float32, 1 where the cell lies, falling to 0 around it.
    look
        Of the cell.
    rng
        Source of chance.
    smudges
        Number of faint patches anywhere on the slide.

    Returns
    -------
    ``(H, W)`` float32 density, mostly below 0.1.
    """
    shape = (int(cell.shape[0]), int(cell.shape[1]))
    strength = rng.uniform(0.004, 0.02) if look.stain.bright_on_dark else rng.uniform(0.005, 0.03)
    patchy = 1.0 + 0.5 * tone(shape, 12.0, rng) + 0.3 * tone(shape, 30.0, rng)
    haze = strength * cell * patchy
    for _ in range(smudges):
        centre = (float(rng.uniform(0, shape[0])), float(rng.uniform(0, shape[1])))
        radius = float(rng.uniform(0.6, 3.0)) * look.width
        found = _blob(centre, radius, shape, 0.35, rng)
        if found is None:
            continue
        box, distance = found
        patch = np.exp(-(distance**3)) * rng.uniform(0.02, 0.13)
        # Out of focus fluorescence is smooth; precipitated stain is a powder.
        powder = 0.12 if look.stain.bright_on_dark else 0.5
        haze[box.slices] += patch * np.clip(
            1.0 + powder * _grain((box.height, box.width), 0.12 * look.width, rng), 0.0, 2.5
        )
    return np.asarray(np.maximum(haze, 0.0), np.float32)
