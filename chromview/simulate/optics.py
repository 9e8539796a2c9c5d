"""Light and camera: from stain on the slide to grey values.

In bright-field each layer lets a share of the light through, so densities of layers on top of
each other add and the light multiplies (Lambert-Beer). In fluorescence light adds, until the
camera saturates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from chromview.core._cv import cv2
from chromview.core.chromosome import Box
from chromview.simulate.appearance import Look

Floats = npt.NDArray[np.float32]


class Layer(Protocol):
    """Something on the slide that takes up stain."""

    @property
    def box(self) -> Box:
        """Where it lies."""
        ...

    @property
    def density(self) -> Floats:
        """``(box.height, box.width)`` float32: optical density, or fluorescence."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """Illumination and camera of one photograph.

    Attributes
    ----------
    background
        ``(H, W)`` float32, grey values of the empty slide.
    exposure
        Fluorescence only: grey value of a density of 1 before saturation.
    halo
        Bright-field: strength of the bright seam around dark things; fluorescence: share
        of the light that is spread as haze.
    noise
        Standard deviation of the camera's read noise, grey values.
    shot
        Variance of the shot noise for each grey value.
    """

    background: Floats
    exposure: float
    halo: float
    noise: float
    shot: float


def tone(shape: tuple[int, int], cells: float, rng: np.random.Generator) -> Floats:
    """Smooth two-dimensional variation of about -1..1 over an image.

    Parameters
    ----------
    shape
        (H, W).
    cells
        About how many light and dark regions fit along the shorter side.
    rng
        Source of chance.
    """
    short = min(shape)
    step = max(2.0, short / max(cells, 1.0))
    grid = (int(np.ceil(shape[0] / step)) + 3, int(np.ceil(shape[1] / step)) + 3)
    coarse = rng.standard_normal(grid).astype(np.float32)
    size = (int(grid[1] * step), int(grid[0] * step))
    fine = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    top = rng.integers(0, max(1, fine.shape[0] - shape[0]))
    left = rng.integers(0, max(1, fine.shape[1] - shape[1]))
    part = fine[top : top + shape[0], left : left + shape[1]]
    return np.asarray(np.clip(part / 1.6, -1.3, 1.3), np.float32)


def draw_light(look: Look, shape: tuple[int, int], rng: np.random.Generator, *, uneven: float = 1.0) -> Light:
    """Draw illumination and camera for one photograph.

    Parameters
    ----------
    look
        Of the cell; its stain decides the kind of light.
    shape
        (H, W).
    rng
        Source of chance.
    uneven
        0 an even background, 1 as usual, more a badly adjusted lamp.
    """
    rows = (np.linspace(-1.0, 1.0, shape[0], dtype=np.float32) if shape[0] > 1 else np.zeros(1, np.float32))[:, None]
    columns = (np.linspace(-1.0, 1.0, shape[1], dtype=np.float32) if shape[1] > 1 else np.zeros(1, np.float32))[None]
    centre = rng.uniform(-0.4, 0.4, 2)
    fall = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2
    slope = rng.normal(0.0, 1.0) * rows + rng.normal(0.0, 1.0) * columns
    cloud = tone(shape, 3.0, rng) + 0.5 * tone(shape, 8.0, rng) + 0.3 * tone(shape, min(shape) / look.width, rng)
    if look.stain.bright_on_dark:
        level = rng.uniform(4.0, 9.0)
        background = level * (1.0 + uneven * (0.1 * cloud - 0.08 * fall + 0.06 * slope))
        return Light(
            background=np.asarray(np.maximum(background, 0.0), np.float32),
            exposure=float(rng.uniform(125.0, 195.0)),
            halo=float(rng.uniform(0.02, 0.06)),
            noise=float(rng.uniform(0.6, 1.3)),
            shot=float(rng.uniform(0.02, 0.05)),
        )
    level = rng.uniform(226.0, 240.0)
    background = level + uneven * (rng.uniform(1.5, 4.0) * cloud - rng.uniform(1.0, 5.0) * fall + 1.5 * slope)
    return Light(
        background=np.asarray(background, np.float32),
        exposure=1.0,
        halo=float(rng.uniform(0.1, 0.35)),
        noise=float(rng.uniform(0.8, 2.2)),
        shot=float(rng.uniform(0.004, 0.01)),
    )


SATURATION = 330.0
"""Grey value that fluorescence approaches however much of it lies on top of each other; the camera ends at 255."""


def photograph(
    layers: Sequence[Layer],
    light: Light,
    look: Look,
    rng: np.random.Generator,
    *,
    haze: Floats | None = None,
) -> npt.NDArray[np.uint8]:
    """Photograph what lies on the slide.

    Parameters
    ----------
    layers
        Chromosomes, nuclei, debris; where they lie on top of each other, their densities add.
    light, look
        Of this photograph and this cell.
    rng
        Source of the camera's noise.
    haze
        ``(H, W)`` float32, density of what is out of focus; None for none.

    Returns
    -------
    ``(H, W)`` uint8.
    """
    shape = light.background.shape
    density = np.zeros(shape, np.float32)
    for layer in layers:
        density[layer.box.slices] += layer.density
    if look.stain.bright_on_dark:
        signal = SATURATION * (1.0 - np.exp(-density * (light.exposure / SATURATION)))
        if haze is not None:
            signal += light.exposure * haze
        sharp = _blurred(signal, look.blur)
        wide = _blurred_wide(signal, 5.0 * look.blur)
        picture = light.background + (1.0 - light.halo) * sharp + light.halo * 2.0 * wide
    else:
        if haze is not None:
            density += haze
        passed = light.background * np.exp(-density)
        picture = _blurred(passed, look.blur)
        # Slightly phase-dense edges and the camera's sharpening leave a bright seam.
        picture += light.halo * (picture - _blurred(picture, 2.6 * look.blur))
    noise = rng.standard_normal(shape, dtype=np.float32)
    # Neighbouring pixels share noise, as after the colour filter or compression of real cameras.
    noise = 0.6 * noise + 1.1 * _blurred(rng.standard_normal(shape, dtype=np.float32), 0.8)
    picture += noise * np.sqrt(light.noise**2 + light.shot * np.maximum(picture, 0.0))
    return np.asarray(np.clip(np.rint(picture), 0, 255), np.uint8)


def _blurred(image: Floats, sigma: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), max(sigma, 0.2), borderType=cv2.BORDER_REFLECT), np.float32)


def _blurred_wide(image: Floats, sigma: float) -> Floats:
    """As `_blurred` for large `sigma`, on a quarter of the pixels."""
    small = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return np.asarray(
        cv2.resize(_blurred(small, sigma / 2), image.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32
    )
