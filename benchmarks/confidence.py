"""How often masks found on fluorescent slides are right, by what tells it, and the weights of these cues.

    python benchmarks/confidence.py --data mfish_dapi.h5 [--splits val train] [--drawn-in 0.85] [--json FILE]

Every metaphase of the splits is segmented; a mask is right if its match has an IoU of .75. A logistic regression on the
certainty of the network and the cues of `vision/sureness.py` is fitted, to all slides and seven times to six parts of
seven. Printed are its weights as they ship (all slopes and the offset times `--drawn-in`), and how many are right by
confidence: as fitted, on the slides held out, and as the program says today.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from report import finish, parser, table
from scipy.optimize import minimize
from scipy.special import expit, logit

from chromview.core.chromosome import Stain
from chromview.progress import CancelToken
from chromview.training.datasets import read_metaphases
from chromview.training.instance_metrics import score_slide
from chromview.vision.instances import find_instances
from chromview.vision.models import Models
from chromview.vision.prepare import to_darkness
from chromview.vision.sureness import OF_CUES, OF_NETWORK, OFFSET, cues

RIGHT = 0.75
PARTS = 7
BINS = (0.0, 0.5, 0.7, 0.8, 0.9, 1.0)
NAMES = ("network", "edge at .15", "edge at .5", "cluster", "heap", "area")
Floats = npt.NDArray[np.float64]


def found_on(path: Path, splits: list[str], models: Models) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """Cues ``(n, 6)``, right ``(n,)`` of 0 and 1, and number of the slide ``(n,)`` of what is found."""
    rows: list[tuple[float, ...]] = []
    rights: list[Floats] = []
    slides: list[int] = []
    metaphases = [m for split in splits for m in read_metaphases(path, split)]
    for number, metaphase in enumerate(metaphases):
        darkness = to_darkness(metaphase.image, Stain.DAPI)
        segmenter = models.segmenter_of(Stain.DAPI)
        everything, _ = find_instances(darkness, segmenter, CancelToken(), fluorescent=True)
        found = [c for c in everything if c.in_karyogram]
        told = cues(everything, darkness)
        score = score_slide(metaphase.instances, [(c.box, c.mask) for c in found])
        right = np.zeros(len(found))
        right[score.match[(score.match >= 0) & (score.iou >= RIGHT)]] = 1
        for c, is_right in zip(found, right, strict=True):
            if c.id in told:
                # The certainty of the network is what the confidence was made of.
                rest = OFFSET + float(np.dot(OF_CUES, told[c.id]))
                rows.append(((float(logit(c.confidence)) - rest) / OF_NETWORK, *told[c.id]))
                rights.append(is_right)
                slides.append(number)
    return np.array(rows), np.array(rights, float), np.array(slides)


def fitted(values: Floats, right: Floats) -> Floats:
    """Offset and slopes ``(1 + m,)`` of a logistic regression, slopes of standardised cues held small a little."""
    middle, spread = values.mean(axis=0), values.std(axis=0)
    standard = (values - middle) / spread

    def loss(t: Floats) -> tuple[float, Floats]:
        z = t[0] + standard @ t[1:]
        wrong = expit(z) - right
        gradient = np.concatenate(([wrong.mean()], (wrong[:, None] * standard).mean(axis=0) + 2e-3 * t[1:]))
        return float(np.mean(np.logaddexp(0, z) - right * z) + 1e-3 * (t[1:] ** 2).sum()), gradient

    t = minimize(loss, np.zeros(1 + values.shape[1]), jac=True).x
    slopes = t[1:] / spread
    return np.concatenate(([t[0] - float(slopes @ middle)], slopes))


def said(weights: Floats, values: Floats) -> Floats:
    """Confidence ``(n,)``."""
    return np.asarray(expit(weights[0] + values @ weights[1:]))


def by_confidence(what: str, confidence: Floats, right: Floats) -> dict[str, Any]:
    """Log-likelihood loss, and share right with how many in each bin."""
    row: dict[str, Any] = {
        "": what,
        "loss": float(-np.mean(np.where(right > 0, np.log(confidence), np.log(1 - confidence)))),
    }
    for low, high in pairwise(BINS):
        inside = (confidence >= low) & (confidence < high)
        row[f"{low} to {high}"] = f"{right[inside].mean():.2f} of {inside.sum()}" if inside.any() else "none"
    return row


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--data", type=Path, required=True, help="mfish_dapi.h5")
    arguments.add_argument("--splits", nargs="+", default=["val", "train"])
    arguments.add_argument("--drawn-in", type=float, default=0.85)
    arguments.add_argument("--seed", type=int, default=0, help="of the division into parts")
    given = arguments.parse_args()
    values, right, slides = found_on(given.data, given.splits, Models.load("cpu"))
    part = np.random.default_rng(given.seed).integers(PARTS, size=slides.max() + 1)[slides]
    held_out = np.zeros(len(right))
    network = np.zeros(len(right))
    for n in range(PARTS):
        out = part == n
        held_out[out] = said(given.drawn_in * fitted(values[~out], right[~out]), values[out])
        network[out] = said(fitted(values[~out, :1], right[~out]), values[out, :1])
    weights = given.drawn_in * fitted(values, right)
    rows = [
        by_confidence("held out, the network alone", network, right),
        by_confidence("held out", held_out, right),
        by_confidence("fitted", said(weights, values), right),
        by_confidence("as it ships", said(np.array((OFFSET, OF_NETWORK, *OF_CUES)), values), right),
    ]
    table(rows)
    print(f"offset {weights[0]:.2f},", ", ".join(f"{n} {w:.2f}" for n, w in zip(NAMES, weights[1:], strict=True)))
    finish({"splits": given.splits, "masks": len(right), "weights": weights.tolist(), "rows": rows}, given.json)


if __name__ == "__main__":
    main()
