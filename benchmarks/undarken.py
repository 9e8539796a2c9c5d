"""Whether estimating a chromosome's own stain in overlaps helps: bands and classes, with and without.

    python benchmarks/undarken.py --data gband_karyotypes.h5 [--split val] [--pairs N] [--seed N] [--json FILE]

Pairs that cross (sharing 4 to 45 % of the smaller one) are composed from single chromosomes of the split, absorbing
(`--opaque` of them so that one hides the other, as some slides have it), and every second one is photographed with
blur, noise, gain and another gamma, as for training. Masks are the true ones, axes are found from them. For each
chromosome three pictures are laid straight: its own stain, which is the truth; the slide as it is; and
`chromview.core.undarken.own_stain` of it.

    bands     correlation of the band profile with the truth: the rows that have shared pixels, and all rows
    class     accuracy of the shipped classifier, at the scale of the cell that the chromosome comes from
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from report import finish, parser, table

from chromview.core.centromere import band_profile
from chromview.core.chromosome import Box, Stain
from chromview.core.straighten import straighten_pixels
from chromview.core.undarken import Layer, own_stain
from chromview.training.compose import Bank, Placed, bounding_box, cross, photographed, render, shared, turned
from chromview.training.datasets import Karyotypes, read_karyotypes
from chromview.vision.canvas import canvas_axis, cell_scales, to_sheet
from chromview.vision.models import Models

WAYS = ("truth", "as it is", "own stain")
Float = npt.NDArray[np.float32]


def scales_of(data: Karyotypes, indices: list[int]) -> npt.NDArray[np.float32]:
    """Scale of the cell of each chromosome, from the heights of its images, which stand upright."""
    heights = [image.shape[0] for image in data.images]
    return np.asarray(cell_scales(heights, [str(c) for c in data.cells]).numpy()[indices])


def compose(data: Karyotypes, pairs: int, seed: int, opaque: float = 0.0) -> tuple[list[dict[str, Any]], list[int]]:
    """Chromosomes of composed pairs: profiles and sheets by way; and where each comes from in the set."""
    rng, bank = np.random.default_rng(seed), Bank([data])
    found: list[dict[str, Any]] = []
    sources: list[int] = []
    while len(found) < 2 * pairs:
        drawn = [int(i) for i in rng.integers(len(bank), size=2)]
        patches = [turned(bank[i], float(rng.uniform(0, 360))) for i in drawn]
        first = Placed(patches[0], 0, 0)
        second = cross(rng, first, patches[1])
        if second is None:
            continue
        tight = bounding_box((first, second))
        box = Box(tight.top - 4, tight.left - 4, tight.bottom + 4, tight.right + 4)
        scene = render(rng, (first, second), box, Stain.G_BAND, opaque=opaque)
        light = scene.darkness if len(found) % 4 else photographed(rng, scene.darkness)
        # Eight bits, as a camera gives them; then the share of the light that is absorbed.
        level = float(rng.uniform(235, 255))
        grey = np.clip(np.rint(level * (1 - light)), 0, 255).astype(np.uint8)
        seen = np.clip(1 - grey.astype(np.float32) / float(np.median(grey[~scene.masks.any(axis=0)])), 0, 1)
        axes = [canvas_axis(mask, stain=seen) for mask in scene.masks]
        layers = [Layer(mask, axis) for mask, axis in zip(scene.masks, axes, strict=True)]
        estimated = own_stain(seen, layers, absorbing=True)
        for n, (item, layer) in enumerate(zip((first, second), layers, strict=True)):
            own = np.zeros(seen.shape, np.float32)
            top, left = item.top - box.top, item.left - box.left
            own[top : top + item.box.height, left : left + item.box.width] = item.patch.darkness
            entry: dict[str, Any] = {"share": shared(first, second) / max(1, item.patch.mask.sum())}
            both = (scene.masks.sum(axis=0) > 1).astype(np.float32)
            rows, inside = straighten_pixels(both, layer.mask, layer.axis, background=0.0)
            entry["touched"] = (rows * inside).sum(axis=1) > 0.5
            for way, picture in zip(WAYS, (own, seen, estimated[n]), strict=True):
                straight, inside = straighten_pixels(picture, layer.mask, layer.axis, background=0.0)
                entry[way] = band_profile(straight, inside, True)
                entry[f"sheet {way}"] = to_sheet(picture, layer.mask, layer.axis).image
            found.append(entry)
            sources.append(drawn[n])
    return found, sources


def correlation(one: npt.NDArray[np.float64], two: npt.NDArray[np.float64]) -> float:
    """Pearson's r; nan where one of them is even."""
    return float(np.corrcoef(one, two)[0, 1]) if min(one.std(), two.std()) > 1e-6 else float("nan")


def main() -> None:
    """Measure and print."""
    import torch

    arguments = parser(__doc__)
    arguments.add_argument("--data", type=Path, required=True, help="gband_karyotypes.h5")
    arguments.add_argument("--split", default="val")
    arguments.add_argument("--pairs", type=int, default=60)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--opaque", type=float, default=0.0, help="share of pairs in which one hides the other")
    given = arguments.parse_args()
    data = read_karyotypes(given.data, given.split)
    found, sources = compose(data, given.pairs, given.seed, given.opaque)
    numbers, scales = data.numbers[sources], torch.from_numpy(scales_of(data, sources))
    models = Models.load("cpu")
    # What hardly shares anything has nothing to gain; the more it shares, the more.
    groups = {"all": 0.0, "sharing 20 % and more": 0.2}
    right = {
        way: models.classifier(np.stack([e[f"sheet {way}"] for e in found]), scales).probabilities.argmax(axis=1) + 1
        == numbers
        for way in WAYS
    }
    rows: list[dict[str, Any]] = []
    for group, least in groups.items():
        chosen = np.flatnonzero([entry["share"] >= least for entry in found])
        for way in WAYS:
            some = [found[i] for i in chosen]
            rows.append(
                {
                    "": group,
                    "n": len(chosen),
                    "way": way,
                    "bands shared": float(
                        np.nanmean([correlation(e[way][e["touched"]], e["truth"][e["touched"]]) for e in some])
                    ),
                    "bands": float(np.nanmean([correlation(e[way], e["truth"]) for e in some])),
                    "class": float(right[way][chosen].mean()),
                }
            )
    table(rows)
    finish(
        {"pairs": given.pairs, "split": given.split, "seed": given.seed, "opaque": given.opaque, "rows": rows},
        given.json,
    )


if __name__ == "__main__":
    main()
