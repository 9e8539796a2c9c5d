"""Class accuracy on strongly bent chromosomes, with and without straightening, by the shipped classifier.

    python benchmarks/bent_classes.py --data gband_karyotypes.h5 [--split val] [--cells N] [--seed N] [--json FILE]

Two kinds of strongly bent chromosomes:

    made     every chromosome of N cells of the split, laid straight and then bent by a known warp: along a curve that
             turns by 90, 135 or 180 degrees within a bend of 0.8 widths' radius, at the centromere of its class or at
             random between a quarter and three quarters of the length, and lies at a random angle
    as is    those of the whole split whose own axis turns by at least `--turn` degrees (60)

Each is shown to the classifier at the scale of its cell: as it lies, turned upright along the direction in which it is
longest; straightened along its found axis, as the pipeline does it; and, for the made ones, as it was before it was
bent. The network learned from straightened chromosomes, so that the first way is not what one trained on
unstraightened images could reach.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from report import finish, parser, table
from scipy.spatial import cKDTree

from chromview.core._cv import cv2
from chromview.core.chromosome import BoolArray
from chromview.core.curves import tangents
from chromview.core.karyotype import ARMS
from chromview.core.straighten import straighten_pixels
from chromview.simulate.shape import STEP, course, placed
from chromview.training.datasets import Karyotypes, read_karyotypes
from chromview.vision.canvas import canvas_axis, cell_scales, to_sheet
from chromview.vision.models import Models
from chromview.vision.prepare import chromosome_mask

BENDS = (90, 135, 180)
Float = npt.NDArray[np.float32]
Sheet = npt.NDArray[np.uint8]


class Single(NamedTuple):
    """One chromosome: stain over the ground ``(h, w)``, its mask and its axis."""

    stain: Float
    mask: BoolArray
    axis: Float


def singles(data: Karyotypes, indices: npt.NDArray[np.intp]) -> list[Single]:
    """Chromosomes of a set with their axes."""
    found = []
    for index in indices:
        image = data.images[index]
        mask = chromosome_mask(image, data.stain)
        stain = (image if data.stain.bright_on_dark else 255 - image).astype(np.float32)
        found.append(Single(stain, mask, canvas_axis(mask, stain=stain)))
    return found


def bent(one: Single, degrees: float, at: float, turn: float) -> Single:
    """The chromosome along another curve; its axis is the curve."""
    straight, inside = straighten_pixels(one.stain, one.mask, one.axis, background=0.0)
    length, half = straight.shape[0], straight.shape[1] // 2
    width = one.mask.sum() / length
    line = course(float(length), bend_degrees=degrees, bend_at=at, bend_radius=0.8 * width)
    line = placed(line, (0.0, 0.0), turn)
    line = line - line.min(axis=0) + half + 2
    height, across = (np.ceil(line.max(axis=0)) + half + 3).astype(int)
    along = tangents(line)
    rows_of, columns_of = np.mgrid[:height, :across]
    pixels = np.column_stack([rows_of.ravel(), columns_of.ravel()]).astype(float)
    _, nearest = cKDTree(line).query(pixels)
    offset = pixels - line[nearest]
    s = nearest * STEP + (offset * along[nearest]).sum(axis=1)
    t = offset[:, 1] * along[nearest, 0] - offset[:, 0] * along[nearest, 1]
    shape = int(height), int(across)
    rows, columns = (s - 0.5).reshape(shape).astype(np.float32), (t + half).reshape(shape).astype(np.float32)
    border = {"borderMode": cv2.BORDER_CONSTANT, "borderValue": 0}
    stain = cv2.remap(straight, columns, rows, cv2.INTER_LINEAR, **border)
    mask = cv2.remap(inside.astype(np.float32), columns, rows, cv2.INTER_LINEAR, **border) > 0.5
    return Single(np.where(mask, stain, 0).astype(np.float32), mask, line.astype(np.float32))


def upright(one: Single) -> Sheet:
    """The chromosome as it lies, only turned so that it is longest from above to below."""
    points = np.argwhere(one.mask).astype(float)
    centre = points.mean(axis=0)
    direction = np.linalg.eigh(np.cov(points.T))[1][:, 1]
    reach = (points - centre) @ direction
    line = centre + np.array([[reach.min() - 0.5], [reach.max() + 0.5]]) * direction
    return to_sheet(one.stain, one.mask, line).image


def turn_of(axis: Float) -> float:
    """Largest angle between two directions of an axis, its last fifths left out, degrees."""
    along = tangents(axis.astype(float))
    angle = np.unwrap(np.arctan2(along[:, 0], along[:, 1]))
    size = max(1, len(angle) // 5)
    return float(np.degrees(np.ptp(np.convolve(angle, np.full(size, 1 / size), "valid"))))


def accuracy(
    models: Models, sheets: list[Sheet], scales: npt.NDArray[np.float32], numbers: npt.NDArray[np.int64]
) -> Any:
    """Share of sheets whose class is right."""
    import torch

    answer = models.classifier(np.stack(sheets), torch.from_numpy(scales))
    return float((answer.probabilities.argmax(axis=1) + 1 == numbers).mean())


def made(data: Karyotypes, cells: int, seed: int, models: Models) -> list[dict[str, Any]]:
    """Accuracy on chromosomes bent by a known warp."""
    rng = np.random.default_rng(seed)
    names = [name for name in np.unique(data.cells) if (data.cells == name).sum() == 46]
    chosen = rng.permutation(len(names))[:cells]
    indices = np.concatenate([np.flatnonzero(data.cells == names[i]) for i in chosen])
    numbers = data.numbers[indices]
    found = singles(data, indices)
    own = [to_sheet(one.stain, one.mask, one.axis) for one in found]
    scales = cell_scales([sheet.length for sheet in own], [str(c) for c in data.cells[indices]]).numpy()
    before = accuracy(models, [sheet.image for sheet in own], scales, numbers)
    lines = []
    for where in ("centromere", "anywhere"):
        for degrees in BENDS:
            lying, straightened, lengths = [], [], []
            for one, number in zip(found, numbers, strict=True):
                at = ARMS[number - 1].centromere_index if where == "centromere" else float(rng.uniform(0.25, 0.75))
                result = bent(one, degrees * float(rng.choice((-1, 1))), at, float(rng.uniform(0, 360)))
                lying.append(upright(result))
                sheet = to_sheet(result.stain, result.mask)
                straightened.append(sheet.image)
                lengths.append(sheet.length)
            true = np.array([sheet.length for sheet in own])
            lines.append(
                {
                    "bent": f"{degrees} at {where}",
                    "n": len(numbers),
                    "as it lies": accuracy(models, lying, scales, numbers),
                    "straightened": accuracy(models, straightened, scales, numbers),
                    "before": before,
                    "length %": float(100 * np.mean(np.abs(np.array(lengths) - true) / true)),
                }
            )
    return lines


def as_is(data: Karyotypes, least: float, models: Models) -> list[dict[str, Any]]:
    """Accuracy on the chromosomes of the split that are bent already."""
    everything = singles(data, np.arange(len(data)))
    lengths = [to_sheet(one.stain, one.mask, one.axis).length for one in everything]
    scales = cell_scales(lengths, [str(c) for c in data.cells]).numpy()
    chosen = np.flatnonzero([turn_of(one.axis) >= least for one in everything])
    if not len(chosen):
        return []
    bent_ones = [everything[i] for i in chosen]
    numbers = data.numbers[chosen]
    straightened = [to_sheet(one.stain, one.mask, one.axis).image for one in bent_ones]
    return [
        {
            "bent": f"{least:.0f} and more, as is",
            "n": len(chosen),
            "as it lies": accuracy(models, [upright(one) for one in bent_ones], scales[chosen], numbers),
            "straightened": accuracy(models, straightened, scales[chosen], numbers),
        }
    ]


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--data", type=Path, required=True, help="gband_karyotypes.h5, or another set of the kind")
    arguments.add_argument("--split", default="val")
    arguments.add_argument("--cells", type=int, default=6, help="cells whose chromosomes are bent")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--turn", type=float, default=60, help="degrees; 0 leaves the second part out")
    given = arguments.parse_args()
    models, data = Models.load("cpu"), read_karyotypes(given.data, given.split)
    result: dict[str, Any] = {"made": made(data, given.cells, given.seed, models)}
    table(result["made"])
    if given.turn:
        result["as is"] = as_is(data, given.turn, models)
        table(result["as is"])
    finish(result, given.json)


if __name__ == "__main__":
    main()
