"""How time and memory of an analysis grow: with the size of the slide, and with the chromosomes in one cluster.

    python benchmarks/sizes.py [--runs N] [--json FILE]

Slides of one simulated cell: in a small and in a large field at the same resolution, and at a higher resolution, which
is brought to the canonical one. Clusters: 2 to 10 chromosomes that touch or cross, one connected region. Each line is a
process of its own, so that its peak memory is its own: of the whole program, networks and libraries included.
The exponent at the end is the slope of log time over log chromosomes: 2 would be quadratic growth.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from typing import Any

from report import finish, parser, table

SLIDES = (((620, 760), 1.0), ((1200, 1600), 1.0), ((2048, 2048), 1.0), ((4096, 4096), 1.0), ((4096, 4096), 4.0))
CLUSTERS = (2, 3, 4, 6, 8, 10)
SEEDS = (0, 1, 2)
THREADS = 2


def measure(kind: str, what: Any, runs: int) -> dict[str, Any]:
    """Seconds and peak memory of one line, in this process."""
    import numpy as np
    import torch

    torch.set_num_threads(THREADS)
    from chromview.core._cv import cv2
    from chromview.simulate.metaphase import simulate_cluster, simulate_metaphase
    from chromview.vision.models import Models
    from chromview.vision.pipeline import analyse

    cv2.setNumThreads(THREADS)
    if kind == "slide":
        (height, width), scale = what
        slides = [simulate_metaphase("46,XY", seed=20240, shape=(height, width), scale=scale)]
        line: dict[str, Any] = {"slide": f"{height} x {width}", "resolution": scale}
    else:
        slides = [simulate_cluster(what, seed=seed, shape=(480, 480)) for seed in SEEDS]
        line = {"in one cluster": what}
    models = Models.load("cpu")
    # The memory before the simulator drew its picture is not known any more: it counts as well.
    found = [analyse(slide.slide, models).quality.count for slide in slides]
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        for slide in slides:
            analyse(slide.slide, models)
        times.append((time.perf_counter() - started) / len(slides))
    return {
        **line,
        "seconds": round(statistics.median(times), 3),
        "peak GB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "found": float(np.mean([count or 0 for count in found])),
        "true": float(np.mean([len(slide.countable) for slide in slides])),
    }


def main() -> None:
    """Measure and print."""
    import numpy as np

    arguments = parser(__doc__)
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.one:
        print(json.dumps(measure(given.one[0], json.loads(given.one[1]), given.runs)))
        return
    lines: dict[str, list[dict[str, Any]]] = {"slide": [], "cluster": []}
    for kind, whats in (("slide", SLIDES), ("cluster", CLUSTERS)):
        for what in whats:
            command = [sys.executable, __file__, "--runs", str(given.runs), "--one", kind, json.dumps(what)]
            lines[kind].append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
        table(lines[kind])
    seconds = [line["seconds"] for line in lines["cluster"]]
    exponent = float(np.polyfit(np.log(CLUSTERS), np.log(seconds), 1)[0])
    print(f"exponent {exponent:.2f}")
    finish({**lines, "exponent": round(exponent, 2)}, given.json)


if __name__ == "__main__":
    main()
