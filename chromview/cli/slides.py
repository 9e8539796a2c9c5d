"""``chromview analyse``, ``label`` and ``classify``: what the window does, without a window."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from chromview.cli.common import STAINS, add_device, parser_of, use_models
from chromview.terminal import Terminal


def analyse(given: Sequence[str], terminal: Terminal) -> int:
    """Analyse slides, and write what was found."""
    parser = parser_of("analyse")
    parser.add_argument("paths", nargs="+", metavar="PATH", help="images, or folders of images")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="gets a folder for each image")
    parser.add_argument("--stain", choices=STAINS, default="auto", help="default: told from the image")
    parser.add_argument(
        "--chromosome-width",
        type=float,
        metavar="PIXELS",
        help="width across a chromosome, which tells the scale (default: found from the chromosomes)",
    )
    add_device(parser)
    parser.add_argument("--json", action="store_true", help="print a summary of each image, one JSON object a line")
    chosen = parser.parse_args(given)
    use_models(chosen.models)
    from chromview.batch import analyse_all, stain_of

    codes = [0]

    def failed(error: Exception, path: Path) -> None:
        codes.append(terminal.problem(error, path))

    for done in analyse_all(
        chosen.paths,
        chosen.out,
        stain=stain_of(chosen.stain),
        width=chosen.chromosome_width,
        device=chosen.device,
        failed=failed,
        progress=terminal.progress,
    ):
        if chosen.json:
            terminal.clear()
            print(json.dumps(done.summary()), flush=True)
        else:
            count = done.summary()["chromosomes"]
            proposal = f", {done.analysis.proposal} proposed" if done.analysis.proposal else ""
            notes = f" ({', '.join(done.image.notes)})" if done.image.notes else ""
            terminal.say(f"{done.file}{notes}: {count} chromosomes{proposal} -> {done.folder}")
    # Bad input is the more useful answer if there was a fault of ours as well.
    return 2 if 2 in codes else max(codes)


def label(given: Sequence[str], terminal: Terminal) -> int:
    """Label clusters."""
    parser = parser_of("label")
    parser.add_argument(
        "source", type=Path, metavar="IN", help="HDF5 with 'image' or 'dataset_1', npz, or a folder of PNG or TIFF"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="OUT", help="the same kind of container, with labels"
    )
    add_device(parser)
    chosen = parser.parse_args(given)
    use_models(chosen.models)
    from chromview.batch import label_file

    count = label_file(chosen.source, chosen.out, device=chosen.device, progress=terminal.progress)
    terminal.say(f"{count} clusters -> {chosen.out}")
    return 0


def classify(given: Sequence[str], terminal: Terminal) -> int:
    """Classify single chromosomes."""
    parser = parser_of("classify")
    parser.add_argument(
        "source", type=Path, metavar="IN", help="a *_karyotypes.h5 file, or a folder of single-chromosome images"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="CSV", help="index, class, polarity, probabilities")
    parser.add_argument("--split", metavar="NAME", help="part of the HDF5 file: train, val or test")
    parser.add_argument("--by-cell", action="store_true", help="decide the chromosomes of one cell together")
    parser.add_argument("--stain", choices=STAINS, default="auto", help="default: told by the file or the images")
    add_device(parser)
    chosen = parser.parse_args(given)
    use_models(chosen.models)
    from chromview.batch import classify_file, stain_of

    count = classify_file(
        chosen.source,
        chosen.out,
        split=chosen.split,
        by_cell=chosen.by_cell,
        stain=stain_of(chosen.stain),
        device=chosen.device,
        progress=terminal.progress,
    )
    terminal.say(f"{count} chromosomes -> {chosen.out}")
    return 0
