"""The ideogram: bands of every human chromosome, as a table of our own.

The figures are NCBI's band tables for GRCh38 (public domain), at 400, 550 and 850 bands a
haploid set, in ``resources/ideograms.csv``.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import numpy.typing as npt

from chromview.core.chromosome import CLASS_NAMES
from chromview.errors import UserError
from chromview.places import resources_dir
from chromview.texts import tr

RESOLUTIONS: tuple[int, ...] = (400, 550, 850)
"""Numbers of bands for which there is a table."""


BAND_GREY: dict[str, int] = {"gneg": 250, "gvar": 205, "stalk": 225, "acen": 150}
"""Grey value, 0..255, that a stain is drawn with."""
DENSITY_GREY: dict[int, int] = {25: 205, 50: 150, 75: 95, 100: 40}
"""The same for the densities of "gpos" bands."""


@dataclass(frozen=True, slots=True)
class Band:
    """One band of an ideogram.

    Attributes
    ----------
    arm, name
        "p" or "q", and the band's number in that arm ("36.3").
    start, stop
        On the ISCN scale, measured from the p tip.
    stain
        "gneg", "gpos", "acen" (centromere), "gvar" (variable heterochromatin) or "stalk".
    density
        Giemsa density of a "gpos" band: 25, 50, 75 or 100; 0 for the others.
    """

    arm: str
    name: str
    start: float
    stop: float
    stain: str
    density: int

    @property
    def length(self) -> float:
        """Length on the ISCN scale."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Ideogram:
    """The bands of one chromosome from the p tip to the q tip, without gaps.

    Attributes
    ----------
    number
        Class 1..24 (23 = X, 24 = Y).
    bands
        In order from the p tip.
    """

    number: int
    bands: tuple[Band, ...]

    @property
    def name(self) -> str:
        """ "1".."22", "X" or "Y"."""
        return CLASS_NAMES[self.number - 1]

    @property
    def length(self) -> float:
        """Length on the ISCN scale; the same unit for all chromosomes."""
        return self.bands[-1].stop

    @property
    def centromere(self) -> float:
        """Where the p arm ends, 0..1 of the length from the p tip."""
        return max(band.stop for band in self.bands if band.arm == "p") / self.length

    @property
    def acrocentric(self) -> bool:
        """Whether the p arm is satellites on a stalk (13, 14, 15, 21, 22)."""
        return any(band.stain == "stalk" for band in self.bands)

    def profile(self, value: Callable[[Band], float], count: int) -> npt.NDArray[np.float64]:
        """Mean of `value` over `count` equal steps from the p tip to the q tip.

        Parameters
        ----------
        value
            Gives each band its value, for example how dark it stains.
        count
            Number of steps.

        Returns
        -------
        ``(count,)`` float64; each is the average over its step, so that bands narrower
        than a step still weigh in by their share.
        """
        edges = np.array([0.0, *(band.stop for band in self.bands)])
        heights = np.array([value(band) for band in self.bands])
        integral = np.concatenate([[0.0], np.cumsum(heights * np.diff(edges))])
        at = np.linspace(0.0, self.length, count + 1)
        return np.asarray(np.diff(np.interp(at, edges, integral)) / (self.length / count), np.float64)


def _closed(bands: list[Band]) -> tuple[Band, ...]:
    """Close what NCBI's 550 table leaves open between bands: each neighbour takes half."""
    closed = [replace(bands[0], start=0.0)]
    for band in bands[1:]:
        last = closed[-1]
        if band.start != last.stop:
            middle = (last.stop + band.start) / 2
            closed[-1] = replace(last, stop=middle)
            band = replace(band, start=middle)
        closed.append(band)
    return tuple(closed)


@cache
def load_ideograms(bands: int = 550) -> tuple[Ideogram, ...]:
    """All 24 ideograms at one resolution; the one of class number n is at ``[n - 1]``.

    Parameters
    ----------
    bands
        400, 550 or 850.

    Raises
    ------
    ValueError
        If there is no table for `bands`.
    UserError
        If the table is missing or damaged.
    """
    if bands not in RESOLUTIONS:
        raise ValueError(f"there are ideograms for {', '.join(map(str, RESOLUTIONS))} bands, not for {bands}")
    path = resources_dir() / "ideograms.csv"
    advice = tr("It belongs to the program: install chromview again.")
    found: dict[str, list[Band]] = {name: [] for name in CLASS_NAMES}
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            for row in csv.DictReader(line for line in stream if not line.startswith("#")):
                if int(row["bands"]) == bands:
                    found[row["chromosome"]].append(
                        Band(
                            arm=row["arm"],
                            name=row["band"],
                            start=float(row["iscn_start"]),
                            stop=float(row["iscn_stop"]),
                            stain=row["stain"],
                            density=int(row["density"] or 0),
                        )
                    )
    except OSError as error:
        raise UserError(tr("the table of ideograms cannot be read"), path=path, advice=advice) from error
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(tr("the table of ideograms is damaged"), path=path, advice=advice) from error
    if not all(found.values()):
        raise UserError(tr("the table of ideograms is incomplete"), path=path, advice=advice)
    return tuple(Ideogram(number, _closed(found[name])) for number, name in enumerate(CLASS_NAMES, start=1))
