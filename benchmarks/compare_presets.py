"""All published segmenters, trained on the same composed pairs with the same small budget and scored on the same pairs.

    python benchmarks/compare_presets.py --data FOLDER --out FOLDER [--samples N] [--batch N] [--pairs N]
                                         [--precision P] [--presets NAME ...] [--threads N] [--keep]

FOLDER of the data holds gband_karyotypes.h5 (and qband_karyotypes.h5). Every preset of the zoo sees the same pairs
once, composed from cells of `train`, in the same order and in steps of as many, with its own loss (indifferent to which
chromosome is 1), optimiser, learning rate and discriminator, from random weights where no others lie on the machine.
Then it answers the same fixed pairs of `val`. The shipped networks answer those too; they were trained for longer.

One row a network goes to OUT/comparison.csv as soon as it is known; the same command goes on with the networks that
have none. One that cannot be trained gets a row that says why, and is tried again by the same command. At the end, and
with --table at once, the rows are printed as a table of Markdown; --table takes further OUT, if the presets were
divided among several runs. Default budget: about 50 minutes on two cores with bfloat16 and nothing else to do.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

SHIPPED = "shipped"
COLUMNS = (
    "network", "weights", "samples", "steps", "precision", "train_loss", "chromosomes", "overlap", "solved", "seconds",
    "failed",
)  # fmt: skip
CHEAPEST_FIRST = (
    "chromview", "afm-unet-2", "afm-unet-3", "afm-unet-4", "afm-unet-5", "lilyhu", "u-xception", "segnet",
    "segnet-dice", "u-vgg16", "u-vgg19", "p3gan", "unet", "attention-unet", "cgan-unet", "cgan-attention-unet",
    "nested-unet", "cgan-nested-unet", "r2-unet", "r2-attention-unet", "cgan-r2-unet", "cgan-r2-attention-unet",
)  # fmt: skip
"""So that an interrupted comparison has most of its rows; presets that are not named here come last."""

Row = dict[str, Any]


def main() -> None:
    """Train what has no row yet, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=512)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--precision", choices=("auto", "float32", "bfloat16"), default="auto")
    parser.add_argument("--presets", nargs="+", metavar="NAME", help="only these, in this order")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep", action="store_true", help="keep the final weights of each network")
    parser.add_argument(
        "--table", nargs="*", type=Path, metavar="OUT", help="print the rows of --out and of these, and train nothing"
    )
    chosen = parser.parse_args()
    # Read when the libraries are loaded, so before anything of the program is imported.
    os.environ["OMP_NUM_THREADS"] = str(chosen.threads)
    from chromview.errors import UserError

    try:
        if chosen.table is None:
            compare(chosen)
        rows = [row for out in (chosen.out, *(chosen.table or ())) for row in read(out / "comparison.csv")]
    except UserError as error:
        sys.exit(f"compare_presets: {error}")
    print(markdown(rows))


def compare(chosen: argparse.Namespace) -> None:
    """Add a row for each network that has none."""
    import torch

    torch.set_num_threads(chosen.threads)
    from chromview.core._cv import cv2
    from chromview.errors import UserError
    from chromview.training.zoo import PRESETS

    cv2.setNumThreads(1)
    same_budget(chosen)
    known = [*(name for name in CHEAPEST_FIRST if name in PRESETS), *(n for n in PRESETS if n not in CHEAPEST_FIRST)]
    names = chosen.presets or [SHIPPED, *known]
    strangers = [name for name in names if name not in (SHIPPED, *PRESETS)]
    if strangers:
        raise UserError(f"there is no preset '{strangers[0]}'", advice=f"There are {', '.join(known)}.")
    table = chosen.out / "comparison.csv"
    for number, name in enumerate(names, 1):
        if any(row["network"] == name and not row["failed"] for row in read(table)):
            continue
        started = time.perf_counter()
        try:
            row = shipped(chosen) if name == SHIPPED else trained(name, chosen)
        except (UserError, RuntimeError) as error:
            row = {"failed": str(error)}
        row |= {"network": name, "seconds": f"{time.perf_counter() - started:.0f}"}
        write(table, [*(one for one in read(table) if one["network"] != name), row])
        print(f"{number} of {len(names)}: {row}", flush=True)


def same_budget(chosen: argparse.Namespace) -> None:
    """See that what is in the folder was made with these options, or note them."""
    from chromview.errors import UserError
    from chromview.storage.files import make_folder, write_text

    budget = {name: getattr(chosen, name) for name in ("samples", "batch", "pairs", "precision")}
    noted = make_folder(chosen.out) / "budget.json"
    if noted.exists() and json.loads(noted.read_text(encoding="utf-8")) != budget:
        raise UserError("is a comparison with another budget", path=noted, advice="Name another folder with --out.")
    write_text(noted, json.dumps(budget) + "\n")


def trained(name: str, chosen: argparse.Namespace) -> Row:
    """Train one preset, and what it scores."""
    from chromview.training.engine.options import RunOptions
    from chromview.training.engine.run import train
    from chromview.training.engine.weights import load_trained
    from chromview.vision.weights import choose_device

    folder = chosen.out / name
    (scores,) = train(
        RunOptions(
            chosen.data,
            folder,
            name,
            epochs=1,
            batch=chosen.batch,
            patience=0,
            limit_samples=chosen.samples,
            limit_validation=chosen.pairs,
            precision=chosen.precision,
            device="cpu",
        ),
        notice=lambda sentence: print(sentence, flush=True),
    )
    network = load_trained(folder / "final.safetensors")
    half = choose_device("cpu").half and chosen.precision != "float32"
    row = {
        "weights": sum(parameter.numel() for parameter in network.parameters()),
        "samples": chosen.samples,
        "steps": chosen.samples // chosen.batch,
        "precision": "bfloat16" if half else "float32",
        "train_loss": read(folder / "log.csv")[-1]["train_loss"],
        **{what: f"{float(scores[f'val_{what}']):.4f}" for what in ("chromosomes", "overlap", "solved")},
    }
    if chosen.keep:
        for file in folder.glob("*.ckpt"):
            file.unlink()
    else:
        shutil.rmtree(folder)
    return row


def shipped(chosen: argparse.Namespace) -> Row:
    """What the shipped networks score on the same pairs."""
    from chromview.training.datasets import read_karyotypes
    from chromview.training.engine.data import KARYOTYPES
    from chromview.training.evaluate_clusters import by_models, evaluate_pairs
    from chromview.training.scenes import composed_pairs
    from chromview.vision.models import Models

    # The pairs that the presets are scored on (`ComposedSource.parts`).
    pairs = list(composed_pairs(read_karyotypes(chosen.data / KARYOTYPES, "val"), chosen.pairs, seed=1))
    scores = evaluate_pairs(pairs, by_models(Models.load("cpu")))
    free = scores["iou_order_free"]
    return {
        "chromosomes": f"{free['chromosomes']:.4f}",
        "overlap": f"{free['overlap']:.4f}",
        "solved": f"{scores['solved']:.4f}",
    }


def read(path: Path) -> list[Row]:
    """Rows of a CSV file; none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: list[Row]) -> None:
    """Write all rows in one step."""
    import io

    from chromview.storage.files import write_text

    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def markdown(rows: list[Row]) -> str:
    """The rows, best first: by the mean of both IoU."""

    def goodness(row: Row) -> float:
        return float(row["chromosomes"]) + float(row["overlap"]) if row["overlap"] else -1.0

    shown = [name for name in COLUMNS if any(row[name] for row in rows)]
    lines = [shown, ["---"] * len(shown)]
    lines += [[row[name] or "" for name in shown] for row in sorted(rows, key=goodness, reverse=True)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
