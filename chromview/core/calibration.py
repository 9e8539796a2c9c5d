"""What a confidence means: of chromosomes that were given such a one, the share that was right."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

EDGES = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.01)
"""Confidences between which chromosomes are taken together."""
FEWEST = 20
"""Chromosomes that tell a share at least."""


@dataclass(frozen=True)
class Bin:
    """Chromosomes with a confidence of `low` to below `high`: their mean confidence, the share right, their number."""

    low: float
    high: float
    confidence: float
    right: float
    count: int


def binned(confidence: Sequence[float], right: Sequence[bool]) -> tuple[Bin, ...]:
    """The calibration curve of chromosomes by `EDGES`; bins without any are left out."""
    sure, hits = np.asarray(confidence, float), np.asarray(right, bool)
    bins = []
    for low, high in pairwise(EDGES):
        chosen = (sure >= low) & (sure < high)
        if chosen.any():
            mean, share = float(sure[chosen].mean()), float(hits[chosen].mean())
            bins.append(Bin(low, min(high, 1.0), round(mean, 3), round(share, 3), int(chosen.sum())))
    return tuple(bins)


@dataclass(frozen=True)
class Calibration:
    """A calibration curve, and what it was measured on.

    Attributes
    ----------
    data
        Set and split, as a person reads it.
    weights
        SHA-256 of each weight file, by its name.
    bins
        The curve, from the lowest confidence.
    """

    data: str
    weights: Mapping[str, str] = field(default_factory=dict)
    bins: tuple[Bin, ...] = ()

    def share_right(self, confidence: float) -> float | None:
        """Share right among those of like confidence; None where fewer than `FEWEST` tell it."""
        for one in self.bins:
            if one.low <= confidence < one.high or (confidence >= 1.0 <= one.high):
                return one.right if one.count >= FEWEST else None
        return None

    def from_on(self, confidence: float) -> tuple[float, int]:
        """Share right among those of `confidence` (one of `EDGES`) and more, and how many they are; NaN of none."""
        chosen = [one for one in self.bins if one.low >= confidence - 1e-9]
        count = sum(one.count for one in chosen)
        return (sum(one.right * one.count for one in chosen) / count if count else float("nan")), count

    def fits(self, models: Mapping[str, str]) -> bool:
        """Whether it was measured with the weights (SHA-256 by name) that a slide was analysed with."""
        return bool(models) and all(models.get(name) == sha256 for name, sha256 in self.weights.items())


def to_json(parts: Mapping[str, Calibration]) -> str:
    """Calibrations by the name of the part of the data."""
    plain = {
        name: {**asdict(one), "weights": dict(one.weights), "bins": [asdict(b) for b in one.bins]}
        for name, one in parts.items()
    }
    return json.dumps(plain, indent=2) + "\n"


def from_json(text: str) -> dict[str, Calibration]:
    """What `to_json` wrote.

    Raises
    ------
    ValueError
        If it is something else.
    """
    try:
        raw: dict[str, Any] = json.loads(text)
        return {
            name: Calibration(
                str(one["data"]),
                {str(k): str(v) for k, v in one["weights"].items()},
                tuple(Bin(**b) for b in one["bins"]),
            )
            for name, one in raw.items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no calibration ({error})") from error
