"""How long the analysis of one metaphase takes, with the shipped networks loaded.

    python benchmarks/analyse.py [--stain S] [--runs N] [--threads N] [--device D] [--json]

The slide is simulated from a fixed seed: 620 x 760 pixels, 46 chromosomes, some of which cross and
touch. Reading the image file and loading the networks are not part of the time; the first analysis,
which warms up the libraries, is told apart. Prints the machine, median and longest time, the median of
each stage, and what was found, since a fast answer that is wrong is worth nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from pathlib import Path
from typing import Any

KARYOTYPE, SEED, SHAPE = "46,XY", 20240, (620, 760)
STAINS = ("g-band", "q-band", "dapi")


def processor() -> str:
    """Name of the processor, as the system has it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def load_average() -> float | None:
    """Processes that wanted to run in the last minute; None where the system does not tell."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def measure(stain_name: str, runs: int, threads: int, device: str) -> dict[str, Any]:
    """Times of `runs` analyses in seconds."""
    # Read when the libraries are loaded, so before anything of the program is imported.
    os.environ["OMP_NUM_THREADS"] = str(threads)
    import torch

    torch.set_num_threads(threads)
    from chromview.core._cv import cv2
    from chromview.core.chromosome import Stain
    from chromview.simulate.metaphase import simulate_metaphase
    from chromview.vision.models import Models
    from chromview.vision.pipeline import analyse

    cv2.setNumThreads(threads)
    busy = load_average()
    stain = Stain(stain_name)
    simulated = simulate_metaphase(KARYOTYPE, stain=stain, seed=SEED, shape=SHAPE, crossings=4, contacts=4, nuclei=1)
    started = time.perf_counter()
    models = Models.load(device)
    loading = time.perf_counter() - started
    walls, processor_times, stages = [], [], []
    for _ in range(runs + 1):
        started, used = time.perf_counter(), time.process_time()
        analysis = analyse(simulated.slide, models)
        walls.append(time.perf_counter() - started)
        processor_times.append(time.process_time() - used)
        stages.append(analysis.seconds)
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": models.description,
        "threads": threads,
        "load_before": busy,
        "load_networks": round(loading, 3),
        "first": round(walls[0], 3),
        "runs": runs,
        "median": round(statistics.median(walls[1:]), 3),
        "longest": round(max(walls[1:]), 3),
        "processor_median": round(statistics.median(processor_times[1:]), 3),
        "stages": {name: round(statistics.median(s[name] for s in stages[1:]), 3) for name in stages[-1]},
        "chromosomes": len(simulated.countable),
        "found": analysis.quality.count,
        "proposal": analysis.proposal,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stain", choices=STAINS, default=STAINS[0], help=f"stain of the slide ({STAINS[0]})")
    parser.add_argument("--runs", type=int, default=7, help="analyses after the first (7)")
    parser.add_argument("--threads", type=int, default=2, help="threads of the libraries (2)")
    parser.add_argument("--device", default="cpu", help="auto, cpu, cuda or mps (cpu)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if options.runs < 1 or options.threads < 1:
        parser.error("runs and threads must be at least 1")
    result = measure(options.stain, options.runs, options.threads, options.device)
    if options.json:
        print(json.dumps(result))
        return
    print(f"{result['processor']}, {result['cores']} cores, {result['system']}")
    print(
        f"Python {result['python']}, torch {result['torch']}, {result['device']}, {result['threads']} threads, "
        f"load before {result['load_before']}"
    )
    print(f"networks loaded in {result['load_networks']} s, first analysis {result['first']} s")
    print(
        f"{result['runs']} analyses of {SHAPE[0]} x {SHAPE[1]} pixels: median {result['median']} s, "
        f"longest {result['longest']} s (processor time {result['processor_median']} s)"
    )
    for name, seconds in result["stages"].items():
        print(f"  {name:<12}{seconds:8.3f} s")
    print(f"found {result['found']} of {result['chromosomes']} chromosomes: {result['proposal']}")


if __name__ == "__main__":
    main()
