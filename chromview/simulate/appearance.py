"""How dark or bright each band is in each stain, and how one cell differs from the next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chromview.core.chromosome import Stain
from chromview.core.ideogram import Band, Ideogram

# Optical density of a band at the middle of a chromosome, read off real G-banded
# metaphases: the darkest bands let a fifth of the light through, the palest two thirds.
_GIEMSA = {0: 0.46, 25: 0.74, 50: 1.04, 75: 1.36, 100: 1.66}
_GIEMSA_OTHER = {"acen": 0.82, "gvar": 1.0, "stalk": 0.36}
_GIEMSA_SPECIAL = {(1, "q12"): 1.4, (9, "q12"): 0.62, (16, "q11.2"): 1.4, (24, "q12"): 1.25}

# Quinacrine follows Giemsa, but the large blocks of 1, 9 and 16 are dull and that of Y is the
# brightest thing in the cell.
_QUINACRINE = {0: 0.32, 25: 0.5, 50: 0.68, 75: 0.86, 100: 1.0}
_QUINACRINE_OTHER = {"acen": 0.5, "gvar": 0.8, "stalk": 0.25}
_QUINACRINE_SPECIAL = {(1, "q12"): 0.4, (9, "q12"): 0.35, (16, "q11.2"): 0.4, (24, "q12"): 1.6}

# DAPI prefers A and T: a weak G-banding, with the heterochromatin of 1, 9, 15, 16 and Y bright.
_DAPI = {0: 0.76, 25: 0.84, 50: 0.91, 75: 0.97, 100: 1.04}
_DAPI_OTHER = {"acen": 0.92, "gvar": 0.9, "stalk": 0.5}
_DAPI_SPECIAL = {(1, "q12"): 1.2, (9, "q12"): 1.3, (15, "p11.2"): 1.25, (16, "q11.2"): 1.25, (24, "q12"): 1.25}

# Bands alone do not tell how bright a chromosome is against its cell: what is rich in G and C shines little in all of
# its bands. Factors that bring the medians of simulated classes to those of the training sets (`docs/experiments.md`).
_SHINE = {
    Stain.Q_BAND: {
        2: 1.08, 3: 1.09, 4: 1.2, 5: 1.08, 6: 1.07, 8: 1.09, 9: 0.95, 10: 0.92, 11: 0.95, 13: 1.16,
        16: 0.84, 17: 0.74, 19: 0.67, 20: 0.85, 22: 0.72, 23: 1.1, 24: 1.05,
    },
    Stain.DAPI: {
        4: 1.07, 5: 1.06, 6: 1.07, 13: 1.06, 16: 0.94, 17: 0.84, 19: 0.78, 20: 0.85, 21: 0.94, 22: 0.76,
        23: 1.05, 24: 1.13,
    },
}  # fmt: skip

_TABLES = {
    Stain.G_BAND: (_GIEMSA, _GIEMSA_OTHER, _GIEMSA_SPECIAL),
    Stain.Q_BAND: (_QUINACRINE, _QUINACRINE_OTHER, _QUINACRINE_SPECIAL),
    Stain.DAPI: (_DAPI, _DAPI_OTHER, _DAPI_SPECIAL),
}


def band_density(number: int, band: Band, stain: Stain) -> float:
    """Stain taken up by a band of chromosome `number`.

    Returns
    -------
    For G-banding the optical density (natural logarithm) at the middle of the chromosome;
    for fluorescence the brightness relative to a dark Giemsa band, about 0.2 to 1.7.
    """
    return _of_band(number, band, stain) * _SHINE.get(stain, {}).get(number, 1.0)


def _of_band(number: int, band: Band, stain: Stain) -> float:
    """The same as if all chromosomes shone alike."""
    positive, other, special = _TABLES[stain]
    found = special.get((number, band.arm + band.name))
    if found is None and band.stain == "gvar":
        # At other resolutions a block has sub-bands: q12 is also 9q12.1.
        found = next((v for (n, b), v in special.items() if n == number and (band.arm + band.name).startswith(b)), None)
    if found is not None:
        return found
    return other[band.stain] if band.stain in other else positive[band.density]


@dataclass(frozen=True, slots=True)
class Look:
    """How the chromosomes of one cell look; one cell, one look.

    Attributes
    ----------
    stain
        The stain.
    width
        Width of a chromosome in pixels, outside the centromere.
    openness
        0 chromatids lie together as one rod; 1 arms gape as after long colcemid.
    groove
        0..1: how clearly two chromatids can be told apart while they lie together.
    strength
        Factor on the density of all bands.
    fuzz
        Standard deviation in pixels by which bands run into each other along the axis.
    texture
        Relative standard deviation of the granular unevenness of the chromatin.
    blur
        Standard deviation of the point spread in pixels.
    """

    stain: Stain
    width: float
    openness: float
    groove: float
    strength: float
    fuzz: float
    texture: float
    blur: float


def draw_look(stain: Stain, width: float, rng: np.random.Generator, *, openness: float | None = None) -> Look:
    """Draw the look of one cell.

    Parameters
    ----------
    stain
        Its stain.
    width
        Usual width of a chromosome at this magnification, pixels; varies a little from cell to cell.
    rng
        Source of chance.
    openness
        See `Look`; None: by chance, one cell in eight has open arms.
    """
    fluorescent = stain.bright_on_dark
    scale = width / 13.0
    gaping = rng.random() < 0.12
    gape = float(rng.uniform(0.15, 0.5) if gaping else rng.uniform(0.0, 0.06))
    return Look(
        stain=stain,
        width=width * rng.uniform(0.93, 1.07),
        openness=gape if openness is None else openness,
        groove=float(rng.uniform(0.1, 0.65)),
        strength=float(rng.uniform(0.84, 1.06)),
        fuzz=float(rng.uniform(0.7, 1.3)) * scale,
        texture=float(rng.uniform(0.07, 0.13)) * (0.6 if fluorescent else 1.0),
        blur=float(rng.uniform(1.2, 1.85) if fluorescent else rng.uniform(0.95, 1.35)) * scale,
    )


def bands_of_homologue(ideogram: Ideogram, rng: np.random.Generator) -> Ideogram:
    """One homologue: its variable heterochromatin, satellites and stalks longer or shorter than the table's.

    The chromosome's length changes with them by what they gained or lost.
    """
    bands: list[Band] = []
    at = 0.0
    for band in ideogram.bands:
        length = band.length
        if band.stain in ("gvar", "stalk"):
            length *= float(np.clip(rng.normal(1.0, 0.16), 0.6, 1.45))
        bands.append(Band(band.arm, band.name, at, at + length, band.stain, band.density))
        at += length
    return Ideogram(ideogram.number, tuple(bands))
