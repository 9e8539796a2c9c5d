"""How many chromosomes are classified in a second, against torchvision's ResNet50 at 224 pixels, in one run.

    python benchmarks/throughput.py [--threads N] [--seconds S] [--batch N] [--json FILE]

    network       sheets of straightened chromosomes to class and polarity: `Classifier`, which shows each chromosome to
                  the shipped network twice, upside down as well
    fluorescent   the same of fluorescent chromosomes, which the second network is shown as well
    from image    the same from images of single chromosomes: mask, axis, straightening, network
    resnet50      torchvision's ResNet50 (24 classes, random weights), 3 x 224 x 224, float32, batches of 32, which are
                  ready made

They take turns on the same threads, so that whatever else the machine does slows all of them; the median over the
turns is told. The chromosomes are simulated; how fast a network is does not depend on what it sees.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from report import finish, parser, table

TURNS = 5


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--seconds", type=float, default=4, help="of each turn; there are five of each kind")
    arguments.add_argument("--batch", type=int, default=128, help="chromosomes that ours is given at once")
    given = arguments.parse_args()
    # Read when the libraries are loaded, so before anything of the program is imported.
    os.environ["OMP_NUM_THREADS"] = str(given.threads)
    import torch

    torch.set_num_threads(given.threads)
    from chromview.core._cv import cv2
    from chromview.core.chromosome import Stain
    from chromview.simulate.chromosome import simulate_chromosome
    from chromview.vision._torchvision import torchvision
    from chromview.vision.canvas import to_sheet
    from chromview.vision.models import Models
    from chromview.vision.pipeline import classify_images
    from chromview.vision.prepare import chromosome_mask

    cv2.setNumThreads(given.threads)
    models = Models.load("cpu")
    images = [simulate_chromosome(1 + n % 24, seed=n).image for n in range(given.batch)]
    masks = [chromosome_mask(image, Stain.G_BAND) for image in images]
    pairs = zip(images, masks, strict=True)
    sheets = np.stack([to_sheet(np.float32(255) - image, mask).image for image, mask in pairs])
    scales = torch.ones(len(sheets))
    published = torchvision.models.resnet50(weights=None, num_classes=24).eval()
    pictures = torch.rand(32, 3, 224, 224)

    def resnet50() -> int:
        with torch.inference_mode():
            published(pictures)
        return len(pictures)

    def network() -> int:
        models.classifier(sheets, scales)
        return len(sheets)

    def fluorescent() -> int:
        models.classifier(sheets, scales, glows=np.ones(len(sheets), np.bool_))
        return len(sheets)

    def from_image() -> int:
        classify_images(images, models, stain=Stain.G_BAND)
        return len(images)

    ways: dict[str, Callable[[], int]] = {
        "resnet50": resnet50,
        "network": network,
        "fluorescent": fluorescent,
        "from image": from_image,
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for work in ways.values():
        work()  # libraries warm up
    for _ in range(TURNS):
        for name, work in ways.items():
            done, start = 0, time.perf_counter()
            while time.perf_counter() - start < given.seconds:
                done += work()
            rates[name].append(done / (time.perf_counter() - start))
    median = {name: statistics.median(values) for name, values in rates.items()}
    rows: list[dict[str, Any]] = [
        {"": name, "a second": value, "times resnet50": value / median["resnet50"]} for name, value in median.items()
    ]
    table(rows)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    finish(
        {
            "threads": given.threads,
            "batch": given.batch,
            "device": models.description,
            "load": load,
            "a second": median,
            "turns": rates,
        },
        given.json,
    )


if __name__ == "__main__":
    main()
