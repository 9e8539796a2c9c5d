"""Train on corrections: what a laboratory with slides of a style of its own gains, and what it costs elsewhere.

    python benchmarks/corrections.py open --threads 1
    python benchmarks/corrections.py mfish --data ../shared/data

`open`: simulated G-banded slides with gaping chromatids, `crowded`: DAPI slides full of crossings, `mfish`: every other
metaphase of `val`. The truth stands for a person's corrections. Prints one JSON object a row: old and new network on
held-out slides of the style, and, as what forgetting costs, on other slides: simulated ones of the usual style, cells
composed of real chromosomes and the M-FISH metaphases of `val`, where `--data` has them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from chromview.core.chromosome import SlideImage, Stain
from chromview.places import models_dir
from chromview.simulate import simulate_metaphase
from chromview.storage.corrections import Judged
from chromview.training.correction_samples import TruthSlide, simulated
from chromview.training.datasets import Instance, read_karyotypes, read_metaphases
from chromview.training.fine_tune import FineTuning, fine_tune, judge
from chromview.training.runs import save_weights
from chromview.training.scenes import composed_cells
from chromview.vision.models import FLUORESCENT_FILE, SEGMENTER_FILE, Models


def truth(name: str, image: np.ndarray, stain: Stain, chromosomes: list[Judged]) -> TruthSlide:
    known = np.ones(image.shape, bool)
    return TruthSlide(name, SlideImage(image), stain, False, tuple(chromosomes), known, ~known)


def judged(instances: tuple[Instance, ...]) -> list[Judged]:
    return [Judged(i.box, i.mask, i.number, True) for i in instances]


def drawn(count: int, seed: int, **style: object) -> list[TruthSlide]:
    slides = [simulate_metaphase(seed=seed + n, **style) for n in range(count)]  # type: ignore[arg-type]
    return [
        truth(f"{s.seed}", s.image, s.stain, [Judged(c.box, c.mask, c.number, True) for c in s.countable])
        for s in slides
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("style", choices=("open", "crowded", "mfish"))
    parser.add_argument("--data", type=Path, help="folder of the real data sets")
    parser.add_argument("--slides", type=int, default=6, help="corrected slides to train on")
    parser.add_argument("--held-out", type=int, default=8)
    parser.add_argument("--others", type=int, default=6, help="slides of each kind that forgetting is measured on")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--weights", type=Path, help="to begin with; the shipped ones of the kind of slide if missing")
    usual = FineTuning()
    for name in ("steps", "batch", "replay", "seed"):
        parser.add_argument(f"--{name}", type=int, default=getattr(usual, name))
    for name in ("learning_rate", "averaging", "keep"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=getattr(usual, name))
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    how = replace(usual, **{name: getattr(chosen, name) for name in usual.__dict__ if hasattr(chosen, name)})
    models = Models.load("cpu")
    if chosen.style == "mfish":
        everything = [
            truth(m.name, m.image, Stain.DAPI, judged(m.instances))
            for m in read_metaphases(chosen.data / "mfish_dapi.h5", "val")
        ]
        train, held_out = everything[::2][: chosen.slides], everything[1::2][: chosen.held_out]
    else:
        style = {"openness": 1.0} if chosen.style == "open" else {"stain": Stain.DAPI, "crossings": 12, "contacts": 12}
        train, held_out = drawn(chosen.slides, 1000, **style), drawn(chosen.held_out, 2000, **style)
    fluorescent = train[0].stain.bright_on_dark
    chosen.weights = chosen.weights or models_dir() / (FLUORESCENT_FILE if fluorescent else SEGMENTER_FILE)
    others = {"usual simulated": simulated(chosen.others, 77, lambda share: None, fluorescent=fluorescent)}
    if chosen.data and not fluorescent:
        cells = composed_cells(read_karyotypes(chosen.data / "gband_karyotypes.h5", "val"), chosen.others)
        others["composed val"] = [truth(c.name, c.image, Stain.G_BAND, judged(c.instances)) for c in cells]
    elif chosen.data and chosen.style != "mfish":
        metaphases = read_metaphases(chosen.data / "mfish_dapi.h5", "val")[: chosen.others]
        others["mfish val"] = [truth(m.name, m.image, Stain.DAPI, judged(m.instances)) for m in metaphases]
    with tempfile.TemporaryDirectory() as folder:
        new = Path(folder) / "new.safetensors"
        started = time.perf_counter()
        replay = simulated(12, how.seed, lambda share: None, fluorescent=fluorescent) if how.replay else []
        network = fine_tune(chosen.weights, train, replay, how, told=lambda epoch: print(json.dumps(epoch), flush=True))
        seconds = round(time.perf_counter() - started, 1)
        save_weights(new, network, widths=list(network.widths))
        print(json.dumps({"style": chosen.style, "seconds of training": seconds, **how.__dict__}), flush=True)
        for name, slides in {"held out": held_out, **others}.items():
            numbers = {what: judge(slides, models, w).as_json() for what, w in (("old", chosen.weights), ("new", new))}
            print(json.dumps({"slides": name, **numbers}), flush=True)


if __name__ == "__main__":
    main()
