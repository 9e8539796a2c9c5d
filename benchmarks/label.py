"""How many clusters of two `chromview label` answers in a second, with the shipped networks loaded.

    python benchmarks/label.py [--clusters N] [--runs N] [--threads N] [--device D] [--json]

Clusters are simulated from fixed seeds: 128 x 128 pixels, two of three crossing. Reading files and loading networks are
not part of the time, and one run before the others warms up the libraries.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from typing import Any


def measure(clusters: int, runs: int, threads: int, device: str) -> dict[str, Any]:
    """Clusters a second, of each run."""
    # Read when the libraries are loaded, so before anything of the program is imported.
    os.environ["OMP_NUM_THREADS"] = str(threads)
    import numpy as np
    import torch

    torch.set_num_threads(threads)
    from chromview.core._cv import cv2
    from chromview.simulate.metaphase import simulate_cluster
    from chromview.vision.models import Models
    from chromview.vision.pipeline import label_clusters

    cv2.setNumThreads(threads)
    busy = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    images = np.stack(
        [simulate_cluster(2, seed=seed, shape=(128, 128), crossing=seed % 3 != 0).image for seed in range(clusters)]
    )
    models = Models.load(device)
    walls, processor_times = [], []
    for _ in range(runs + 1):
        started, used = time.perf_counter(), time.process_time()
        labels = label_clusters(images, models)
        walls.append(time.perf_counter() - started)
        processor_times.append(time.process_time() - used)
    return {
        "device": models.description,
        "threads": threads,
        "load_before": busy,
        "clusters": clusters,
        "both_found": int(sum(bool((label == 1).any() and (label == 2).any()) for label in labels)),
        "a_second": [round(clusters / wall, 1) for wall in walls[1:]],
        "a_processor_second": [round(clusters / used, 1) for used in processor_times[1:]],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Clusters of two labelled in a second.")
    parser.add_argument("--clusters", type=int, default=128)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    result = measure(chosen.clusters, chosen.runs, chosen.threads, chosen.device)
    if chosen.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:<20}{value}")


if __name__ == "__main__":
    main()
