"""``chromview evaluate``: its options, and what it does with them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chromview.cli.common import add_device, laboratory, parser_of, use_models
from chromview.errors import UserError
from chromview.terminal import Parser, Terminal


@laboratory()
def evaluate(given: Sequence[str], terminal: Terminal) -> int:
    """Measure, and print or write the numbers."""
    parser = parser_of("evaluate")
    _add_options(parser)
    add_device(parser)
    chosen = parser.parse_args(given)
    _check(parser, chosen)
    use_models(chosen.models)
    return _run(chosen, terminal)


def _add_options(parser: argparse.ArgumentParser) -> None:
    """All options but those of the device."""
    parser.add_argument("what", choices=("segmenter", "classifier"))
    parser.add_argument("--pred", type=Path, metavar="DIR", help="label images to judge (segmenter)")
    parser.add_argument("--gt", type=Path, metavar="DIR", help="true label images of the same names")
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FILE",
        help="data with truth that the model is run on; a labelled set may be a folder",
    )
    parser.add_argument("--split", metavar="NAME", help="part of the data: val or test")
    parser.add_argument(
        "--splits",
        type=Path,
        metavar="FILE",
        help="what the parts of a labelled set are; 'published' for the 13,434 pairs",
    )
    parser.add_argument(
        "--weights", type=Path, metavar="FILE", help="judge this network that was trained with --preset"
    )
    parser.add_argument("--floor", action="store_true", help="Otsu's threshold beside it, on whole slides (segmenter)")
    parser.add_argument("--pairs", type=int, default=600, metavar="N", help="pairs that are composed (default: 600)")
    parser.add_argument("--cells", type=int, default=40, metavar="N", help="cells that are composed (default: 40)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here instead of printing them")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write a table with a row for each image")
    parser.add_argument(
        "--pictures", type=Path, metavar="DIR", help="draw confusion matrices, calibration curves and the worst images"
    )
    parser.add_argument(
        "--calibration",
        type=Path,
        metavar="FILE",
        help="write what confidences mean, for the window, into this file; other parts in it stay (segmenter, slides)",
    )


def _check(parser: Parser, chosen: argparse.Namespace) -> None:
    """End with one line where options do not go together."""
    folders, segmenter = (chosen.pred, chosen.gt), chosen.what == "segmenter"
    if any(folders) == bool(chosen.data):
        parser.error("give either --pred and --gt, or --data and --split")
    if any(folders) and not (all(folders) and segmenter):
        parser.error("--pred and --gt go together, and judge a segmenter")
    if not segmenter and not chosen.split:
        parser.error("--data and --split go together")
    of_data = ("split", "splits", "weights", "floor")
    wrong = next((name for name in of_data if any(folders) and getattr(chosen, name)), None)
    if wrong:
        parser.error(f"--{wrong} goes with --data")
    if chosen.calibration and (chosen.weights or not chosen.data):
        parser.error("--calibration goes with --data and the networks of the program")
    of_segmenter = ("splits", "floor", "calibration")
    wrong = next((name for name in of_segmenter if not segmenter and getattr(chosen, name)), None)
    if wrong:
        parser.error(f"--{wrong} is for a segmenter")
    if chosen.weights and chosen.floor:
        parser.error("--floor is for whole slides, and --weights label clusters")
    if chosen.splits and not chosen.split:
        parser.error("--splits needs --split")
    if min(chosen.pairs, chosen.cells) < 1:
        parser.error("--pairs and --cells must be at least 1")


def _run(chosen: argparse.Namespace, terminal: Terminal) -> int:
    """Evaluate, then write everything that was asked for."""
    from chromview.storage.files import write_text

    # Before the work of an hour, not after it.
    for file in (chosen.json, chosen.csv, chosen.calibration):
        if file is not None and not file.parent.is_dir():
            raise UserError("is not a folder", path=file.parent, advice="Make it first, or name a file elsewhere.")
        if file is not None and file.is_dir():
            raise UserError("is a folder, not a file", path=file, advice="Give the name of a file in it.")
    if chosen.pictures is not None and chosen.pictures.exists() and not chosen.pictures.is_dir():
        raise UserError("is a file, not a folder", path=chosen.pictures, advice="Choose another folder.")
    report = _report(chosen) if chosen.csv or chosen.pictures else None
    result = _result(chosen, terminal, report)
    text = json.dumps(result, indent=2, allow_nan=False) + "\n"
    terminal.clear()
    if report is not None:
        report.write(chosen.csv, chosen.pictures)
    if chosen.calibration:
        write_text(chosen.calibration, _calibration(chosen, result))
    if chosen.json:
        write_text(chosen.json, text)
    else:
        print(text, end="")
    return 0


def _calibration(chosen: argparse.Namespace, result: dict[str, Any]) -> str:
    """The calibrations in the file, with those of this evaluation in their places."""
    from chromview.core.calibration import Bin, Calibration, from_json, to_json
    from chromview.places import models_dir
    from chromview.vision.models import FLUORESCENT_FILE, PAIRS_FILE, SEGMENTER_FILE
    from chromview.vision.weights import hash_of

    try:
        parts = from_json(chosen.calibration.read_text(encoding="utf-8")) if chosen.calibration.exists() else {}
    except (OSError, ValueError) as error:
        raise UserError(
            f"holds no calibrations ({error})", path=chosen.calibration, advice="Name another file, or remove it."
        ) from error
    curves = {
        part: one["calibration"] for part, one in result.items() if isinstance(one, dict) and "calibration" in one
    }
    if not curves:
        raise UserError("holds no whole slides, which a calibration is of", path=chosen.data)
    # On fluorescent metaphases the pair network is not asked.
    files = {"cells": (SEGMENTER_FILE, PAIRS_FILE), "metaphases": (FLUORESCENT_FILE,)}
    for part, rows in curves.items():
        weights = {name: hash_of(models_dir() / name) for name in files[part]}
        data = f"{part} of {chosen.data.stem} {chosen.split}"
        parts[part] = Calibration(data, weights, tuple(Bin(**row) for row in rows))
    return to_json(parts)


def _report(chosen: argparse.Namespace) -> Any:
    """What collects rows and pictures; a table alone needs no picture in memory."""
    if chosen.what == "classifier":
        from chromview.training.class_report import WORST as CHROMOSOMES
        from chromview.training.class_report import ClassReport

        return ClassReport(CHROMOSOMES if chosen.pictures else 0)
    from chromview.training.reports import WORST, Report

    return Report(WORST if chosen.pictures else 0)


def _result(chosen: argparse.Namespace, terminal: Terminal, report: Any) -> dict[str, Any]:
    if chosen.pred:
        from chromview.training.evaluate_clusters import compare_folders

        return compare_folders(chosen.pred, chosen.gt, terminal.progress, report=report)
    from chromview.storage.files import check_readable, is_folder

    if not is_folder(chosen.data):
        check_readable(chosen.data, limit=1 << 40)
    from chromview.batch import load_models
    from chromview.places import models_dir
    from chromview.training.evaluate import evaluate_classifier, evaluate_segmenter, evaluate_weights

    if chosen.what == "classifier":
        told: dict[str, Any] = {"progress": terminal.progress, "report": report}
        if chosen.weights:
            from chromview.training.evaluate_classes import evaluate_published

            return evaluate_published(chosen.data, chosen.split, chosen.weights, device=chosen.device, **told)
        return evaluate_classifier(chosen.data, chosen.split, load_models(chosen.device, models_dir()), **told)
    common = {"splits": chosen.splits, "pairs": chosen.pairs, "report": report}
    if chosen.weights:
        return evaluate_weights(
            chosen.data, chosen.split, chosen.weights, terminal.progress, device=chosen.device, **common
        )
    return evaluate_segmenter(
        chosen.data,
        chosen.split,
        # Not those trained on this machine: the numbers of the cards are meant.
        load_models(chosen.device, models_dir()),
        terminal.progress,
        cells=chosen.cells,
        floor=chosen.floor,
        **common,
    )
