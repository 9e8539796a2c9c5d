"""How probable it is that a fluorescent chromosome was found with its whole mask, and that any was found at all.

The network is surer than people agree with each other. What it says is weighed against what tends to go wrong: the
edge, where a chromosome is so faint or blurred that people may draw it elsewhere, and clusters.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.special import entr, expit, logit

from chromview.core.chromosome import Chromosome, Kind
from chromview.core.edges import REACH, edged
from chromview.core.masks import clusters, slide_mask

ALONE = (0.89, -0.84)
"""Slope and offset on the logit (Platt 1999), for a mask of which nothing else is known."""
OFFSET, OF_NETWORK = -3.95, 0.39
OF_CUES = (1.56, 4.17, -0.79, -0.89, 0.31)
"""A logistic regression: offset, weight of the network's logit, and of `cues`. Fitted to what was found on `val` and
`train` and drawn in by 15 %, so that of those on slides held out as many are right as it says
(`benchmarks/confidence.py`)."""


SURPLUS = (-3.42, (-0.30, -0.78, 0.07, 1.80))
SURPLUS_FLUORESCENT = (-4.65, (0.15, -0.67, -1.19, 1.53))
"""Logistic regressions: offset, and weights of the logits of the likeliest class and of the mask's confidence, of the
logarithm of the area against the median, and of the entropy of the classes in nats (`benchmarks/surplus.py`)."""


def sure_alone(certainty: float) -> float:
    """How probable it is that a mask found by itself is right, from the certainty of the network, 0..1."""
    slope, offset = ALONE
    return float(expit(slope * _logit(certainty) + offset))


def with_confidence(
    chromosomes: Sequence[Chromosome], darkness: npt.NDArray[np.float32], ids: Collection[int] | None = None
) -> list[Chromosome]:
    """The same with the confidence of those that count as chromosomes weighed anew.

    Parameters
    ----------
    chromosomes
        As the network found them; their confidence is its certainty.
    darkness
        ``(H, W)`` of the slide.
    ids
        Of those to weigh, if not all; the others have been.
    """
    known = cues(chromosomes, darkness)
    return [
        c
        if ids is not None and c.id not in ids
        else replace(
            c,
            confidence=float(expit(OFFSET + OF_NETWORK * _logit(c.confidence) + np.dot(OF_CUES, known[c.id])))
            if c.id in known
            else sure_alone(c.confidence),
        )
        for c in chromosomes
    ]


def surplus(
    probabilities: npt.NDArray[np.floating],
    confidence: npt.NDArray[np.floating],
    areas: npt.NDArray[np.floating],
    *,
    fluorescent: bool,
) -> npt.NDArray[np.float64]:
    """How probable it is that something found is no chromosome, or a part of one that was found already, ``(n,)``.

    Parameters
    ----------
    probabilities
        ``(n, 24)`` of the classes.
    confidence, areas
        ``(n,)`` each: of the masks, and in pixels.

    Returns
    -------
    0 for what is larger than most: it holds a chromosome at least, even where nobody can say which.
    """
    offset, weights = SURPLUS_FLUORESCENT if fluorescent else SURPLUS
    told = expit(offset + surplus_cues(probabilities, confidence, areas) @ weights)
    return np.where(np.asarray(areas) > np.median(areas), 0.0, told)


def surplus_cues(
    probabilities: npt.NDArray[np.floating], confidence: npt.NDArray[np.floating], areas: npt.NDArray[np.floating]
) -> npt.NDArray[np.float64]:
    """What `surplus` goes by, ``(n, 4)``; see `SURPLUS`."""
    p = np.asarray(probabilities, np.float64)
    return np.stack(
        (
            logit(np.clip(p.max(axis=1), 0.02, 0.999)),
            logit(np.clip(confidence, 0.01, 0.995)),
            np.log(areas / np.median(areas)),
            entr(p).sum(axis=1),
        ),
        axis=1,
    )


def cues(
    chromosomes: Sequence[Chromosome], darkness: npt.NDArray[np.float32]
) -> dict[int, tuple[float, float, float, float, float]]:
    """What tells, beside the network, whether a mask is right; of those that count as chromosomes, by id.

    Returns
    -------
    IoU of the mask with the same drawn anew at 15 and at 50 % of its brightness; 1 if it lies in a cluster, and
    if in one of more than two; logarithm of its area against the median.
    """
    counted = [c for c in chromosomes if c.kind is Kind.CHROMOSOME]
    if not counted:
        return {}
    size = {member: len(group) for group in clusters(counted) for member in group}
    usual = float(np.median([c.area for c in counted]))
    stain = np.clip(darkness, 0, None)
    taken = np.zeros(darkness.shape, np.bool_)
    for c in chromosomes:
        taken[c.box.slices] |= c.mask
    return {
        c.id: (
            edge_agreement(c, stain, taken, 0.15),
            edge_agreement(c, stain, taken, 0.5),
            float(size.get(c.id, 1) > 1),
            float(size.get(c.id, 1) > 2),
            float(np.log(c.area / usual)),
        )
        for c in counted
    }


def edge_agreement(
    chromosome: Chromosome, stain: npt.NDArray[np.float32], taken: npt.NDArray[np.bool_], level: float
) -> float:
    """IoU of a mask with the same whose edge lies where its stain falls below a share of its own.

    Parameters
    ----------
    stain, taken
        ``(H, W)`` of the slide: darkness above ground, and where any chromosome is.
    level
        As of `edged`.
    """
    box = chromosome.box.grown(REACH + 1, (stain.shape[0], stain.shape[1]))
    mask = slide_mask(chromosome, box)
    other = edged(stain[box.slices], mask, taken[box.slices] & ~mask, level)
    return float((other & mask).sum() / (other | mask).sum())


def _logit(certainty: float) -> float:
    return float(logit(np.clip(certainty, 0.001, 0.999)))
