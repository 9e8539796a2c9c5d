"""The commands. What they are called, take and return is a contract with scripts outside the project.

0 is success, 2 bad arguments or a file that cannot be used (one line on stderr names it), 1 a fault of ours,
130 interrupted. On a terminal a line shows the progress; in a pipe nothing but what was asked for is printed.
Everything heavy (torch, Qt, OpenCV) is imported inside the command that needs it, so that ``--help`` is instant.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import signal
import sys
import types
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from chromview import __version__
from chromview.errors import Cancelled, UserError
from chromview.terminal import Parser, Terminal

STAINS = ("auto", "g-band", "q-band", "dapi")
DEVICES = ("auto", "cpu", "cuda", "mps")
COMMANDS: dict[str, str] = {
    "analyse": "find, straighten, classify and arrange the chromosomes of slides, without a window",
    "label": "four-label masks of two-chromosome clusters",
    "classify": "class and polarity of single chromosomes",
    "evaluate": "the numbers of the model cards, from data with truth",
    "train": "train a network",
    "convert": "between forms of labels: HDF5, npz, pictures, painted masks, COCO",
    "simulate": "synthetic metaphases and clusters with exact truth",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, or the window.

    Parameters
    ----------
    arguments
        Without the name of the program; those of the process if None.

    Returns
    -------
    int
        What the process returns to the shell.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    terminal = Terminal()
    if arguments is None and hasattr(signal, "SIGTERM"):
        # Ended from outside, a command removes what it had begun to write, as after Ctrl+C.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        if given and given[0] in COMMANDS:
            return _HANDLERS[given[0]](given[1:], terminal)
        return _window(given)
    except SystemExit as stop:  # argparse, after --help or a wrong argument
        return stop.code if isinstance(stop.code, int) else 2
    except (KeyboardInterrupt, Cancelled):
        terminal.clear()
        return 130
    except BrokenPipeError:
        # Whoever read our output has enough; Python must not complain when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return terminal.problem(error)
    finally:
        terminal.clear()


def _parser(command: str, **options: Any) -> Parser:
    return Parser(prog=f"chromview {command}", description=f"{COMMANDS[command].capitalize()}.", **options)


def _device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where the networks run (default: auto)")
    parser.add_argument("--models", type=Path, metavar="DIR", help="folder of weights, instead of the shipped ones")


def _use_models(folder: Path | None) -> None:
    if folder is not None:
        if not folder.is_dir():
            raise UserError("is not a folder", path=folder, advice="Give the folder that holds the weights.")
        os.environ["CHROMVIEW_MODELS"] = str(folder)


# --- window --------------------------------------------------------------------------------------


def _window(given: Sequence[str]) -> int:
    commands = "\n".join(f"  {name:<10}{what}" for name, what in COMMANDS.items())
    parser = Parser(
        prog="chromview",
        usage="chromview [PATH ...]\n       chromview COMMAND ...",
        description="From photographs of dividing cells to karyograms. For research use.",
        epilog=f"commands (each explains itself with --help):\n{commands}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", help="slides, folders of slides or a case to open")
    parser.add_argument("--version", action="version", version=f"chromview {__version__}")
    paths = parser.parse_args(given).paths
    for path in paths:
        if not os.path.lexists(path):
            bare = os.sep not in path and "." not in path
            hint = f"Commands are {', '.join(COMMANDS)}." if bare else "Check the name."
            raise UserError("does not exist" + (", and is no command" if bare else ""), path=path, advice=hint)
    if sys.platform.startswith("linux") and not any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    ):
        # Qt would end the process with a report for programmers.
        raise UserError(
            "there is no display, so no window can open", advice="Without one, use 'chromview analyse PATH --out DIR'."
        )
    from chromview.ui.main import run

    return run(paths)


# --- analyse, label, classify --------------------------------------------------------------------


def _analyse(given: Sequence[str], terminal: Terminal) -> int:
    parser = _parser("analyse")
    parser.add_argument("paths", nargs="+", metavar="PATH", help="images, or folders of images")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="gets a folder for each image")
    parser.add_argument("--stain", choices=STAINS, default="auto", help="default: told from the image")
    _device(parser)
    parser.add_argument("--json", action="store_true", help="print a summary of each image, one JSON object a line")
    chosen = parser.parse_args(given)
    _use_models(chosen.models)
    from chromview.batch import analyse_all, stain_of

    codes = [0]

    def failed(error: Exception, path: Path) -> None:
        codes.append(terminal.problem(error, path))

    for done in analyse_all(
        chosen.paths,
        chosen.out,
        stain=stain_of(chosen.stain),
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


def _label(given: Sequence[str], terminal: Terminal) -> int:
    parser = _parser("label")
    parser.add_argument(
        "source", type=Path, metavar="IN", help="HDF5 with 'image' or 'dataset_1', npz, or a folder of PNG or TIFF"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="OUT", help="the same kind of container, with labels"
    )
    _device(parser)
    chosen = parser.parse_args(given)
    _use_models(chosen.models)
    from chromview.batch import label_file

    count = label_file(chosen.source, chosen.out, device=chosen.device, progress=terminal.progress)
    terminal.say(f"{count} clusters -> {chosen.out}")
    return 0


def _classify(given: Sequence[str], terminal: Terminal) -> int:
    parser = _parser("classify")
    parser.add_argument(
        "source", type=Path, metavar="IN", help="a *_karyotypes.h5 file, or a folder of single-chromosome images"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="CSV", help="index, class, polarity, probabilities")
    parser.add_argument("--split", metavar="NAME", help="part of the HDF5 file: train, val or test")
    parser.add_argument("--by-cell", action="store_true", help="decide the chromosomes of one cell together")
    parser.add_argument("--stain", choices=STAINS, default="auto", help="default: told by the file or the images")
    _device(parser)
    chosen = parser.parse_args(given)
    _use_models(chosen.models)
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


# --- evaluate, train -----------------------------------------------------------------------------


def _evaluate(given: Sequence[str], terminal: Terminal) -> int:
    parser = _parser("evaluate")
    parser.add_argument("what", choices=("segmenter", "classifier"))
    parser.add_argument("--pred", type=Path, metavar="DIR", help="label images to judge (segmenter)")
    parser.add_argument("--gt", type=Path, metavar="DIR", help="true label images of the same names")
    parser.add_argument("--data", type=Path, metavar="FILE", help="data with truth that the model is run on")
    parser.add_argument("--split", metavar="NAME", help="part of the data: val or test")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here instead of printing them")
    _device(parser)
    chosen = parser.parse_args(given)
    folders, data = (chosen.pred, chosen.gt), (chosen.data, chosen.split)
    if any(folders) == any(data):
        parser.error("give either --pred and --gt, or --data and --split")
    if any(folders) and (not all(folders) or chosen.what != "segmenter"):
        parser.error("--pred and --gt go together, and judge a segmenter")
    if any(data) and not all(data):
        parser.error("--data and --split go together")
    from chromview.storage.files import write_text

    if any(folders):
        from chromview.training.metrics import compare_folders

        result = compare_folders(chosen.pred, chosen.gt, terminal.progress)
    else:
        from chromview.storage.files import check_readable

        check_readable(chosen.data, limit=1 << 40)
        _use_models(chosen.models)
        from chromview.batch import load_models
        from chromview.training.evaluate import evaluate_classifier, evaluate_segmenter

        run = evaluate_segmenter if chosen.what == "segmenter" else evaluate_classifier
        result = run(chosen.data, chosen.split, load_models(chosen.device), terminal.progress)
    text = json.dumps(result, indent=2) + "\n"
    terminal.clear()
    if chosen.json:
        write_text(chosen.json, text)
    else:
        print(text, end="")
    return 0


def _train(given: Sequence[str], terminal: Terminal) -> int:
    if not given or given[0] not in ("segmenter", "classifier"):
        parser = _parser("train", usage="chromview train {segmenter,classifier} --data DIR --out DIR ...")
        parser.add_argument("what", choices=("segmenter", "classifier"), help="'train WHAT --help' lists its options")
        parser.parse_args(given)
        parser.error("give segmenter or classifier first")
    what = given[0]
    if what == "segmenter":
        from chromview.training.train_segmenter import SegmenterOptions as Options
        from chromview.training.train_segmenter import main as run
    else:
        from chromview.training.train_classifier import ClassifierOptions as Options  # type: ignore[assignment]
        from chromview.training.train_classifier import main as run  # type: ignore[assignment]
    parser = Parser(
        prog=f"chromview train {what}",
        description=f"Train the {what}; a run that was interrupted goes on where its last epoch ended.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    _add_options(parser, Options)
    values = vars(parser.parse_args(given[1:]))
    options = Options(**values)
    if not options.data.is_dir():
        raise UserError("is not a folder", path=options.data, advice="Give the folder of the data sets.")
    from chromview.storage.files import make_folder

    make_folder(options.out)
    terminal.say(f"Best weights: {run(options)}")
    return 0


_OPTION_HELP = {
    "data": "folder of the data sets",
    "out": "folder of the run: log, checkpoints, best weights",
    "start_from": "weights to begin with",
}


def _add_options(parser: argparse.ArgumentParser, options: Any) -> None:
    """An option for each field of a dataclass: ``learning_rate: float`` becomes ``--learning-rate``."""
    hints = typing.get_type_hints(options)
    for field in dataclasses.fields(options):
        kind = hints[field.name]
        several = typing.get_origin(kind) is tuple
        if several:
            kind = typing.get_args(kind)[0]
        elif isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
            kind = next(one for one in typing.get_args(kind) if one is not type(None))
        extra: dict[str, Any] = {"dest": field.name, "help": _OPTION_HELP.get(field.name, " ")}
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            extra.update(required=True, default=argparse.SUPPRESS)
        else:
            factory = field.default_factory
            extra["default"] = field.default if factory is dataclasses.MISSING else factory()
        name = f"--{field.name.replace('_', '-')}"
        if kind is bool:
            parser.add_argument(name, action=argparse.BooleanOptionalAction, **extra)
        elif several:
            parser.add_argument(name, type=kind, nargs="+", action=_Tuple, **extra)
        else:
            parser.add_argument(name, type=kind, **extra)


class _Tuple(argparse.Action):
    """Several values as the tuple that an option's field is."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        setattr(namespace, self.dest, tuple(values))


# --- convert, simulate ---------------------------------------------------------------------------


def _convert(given: Sequence[str], terminal: Terminal) -> int:
    parser = _parser(
        "convert",
        epilog="OUT is told by its ending: .h5, .npz, .json (COCO), .png, or a folder. Painted masks (red 1, green 2, "
        "blue 3 = both) become labels and labels without images become painted masks; --as says it otherwise.",
    )
    parser.add_argument("source", type=Path, metavar="IN")
    parser.add_argument("target", type=Path, metavar="OUT")
    parser.add_argument(
        "--as", dest="form", choices=("hdf5", "pairs", "npz", "png", "painted", "coco"), help="form of OUT"
    )
    parser.add_argument("--background", choices=("black", "white"), default="black", help="of painted masks")
    chosen = parser.parse_args(given)
    from chromview.storage.label_set import Form
    from chromview.storage.labels import convert

    form = Form(chosen.form) if chosen.form else None
    content = convert(chosen.source, chosen.target, form=form, background=chosen.background)
    terminal.say(f"{len(content)} clusters -> {chosen.target}")
    return 0


def _simulate(given: Sequence[str], terminal: Terminal) -> int:
    parser = _parser("simulate")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for images and truth")
    parser.add_argument("--samples", action="store_true", help="the samples of the program (into its own folder)")
    parser.add_argument("--karyotype", default="46,XX", help='of metaphases, for example "47,XY,+21" (default: 46,XX)')
    parser.add_argument("--count", type=int, default=1, metavar="N", help="number of images (default: 1)")
    parser.add_argument("--clusters", action="store_true", help="clusters instead of metaphases")
    parser.add_argument("--chromosomes", type=int, default=2, metavar="N", help="in a cluster (default: 2)")
    parser.add_argument("--stain", choices=STAINS[1:], default="g-band")
    parser.add_argument("--seed", type=int, default=1, help="of the first image; each further one has the next")
    parser.add_argument("--size", type=int, nargs=2, metavar=("HEIGHT", "WIDTH"), help="pixels")
    parser.add_argument("--bands", type=int, choices=(400, 550, 850), default=550)
    for what in ("crossings", "contacts", "nuclei", "debris"):
        parser.add_argument(f"--{what}", type=int, metavar="N", help="in a metaphase (default: by chance)")
    parser.add_argument("--no-truth", action="store_true", help="write the images only")
    chosen = parser.parse_args(given)
    if chosen.out is None and not chosen.samples:
        parser.error("give --out DIR, or --samples")
    if chosen.count < 1:
        parser.error("--count must be at least 1")
    from chromview.storage.files import make_folder

    if chosen.samples:
        from chromview.places import resources_dir
        from chromview.simulate.samples import write_samples

        folder = make_folder(chosen.out or resources_dir() / "samples")
        written = write_samples(folder, progress=terminal.progress)
        terminal.say(f"{len(written)} files -> {folder}")
        return 0
    from chromview.core.chromosome import Stain
    from chromview.simulate import simulate_cluster, simulate_metaphase, write_simulated

    size: dict[str, Any] = {"shape": tuple(chosen.size)} if chosen.size else {}
    common: dict[str, Any] = {"stain": Stain(chosen.stain), "bands": chosen.bands, **size}
    by_chance = {what: getattr(chosen, what) for what in ("crossings", "contacts", "nuclei", "debris")}
    folder = make_folder(chosen.out)
    for index in range(chosen.count):
        terminal.progress("simulate", index / chosen.count)
        seed = chosen.seed + index
        if chosen.clusters:
            drawn = simulate_cluster(chosen.chromosomes, seed=seed, **common)
        else:
            drawn = simulate_metaphase(chosen.karyotype, seed=seed, **common, **by_chance)
        kind = "cluster" if chosen.clusters else "metaphase"
        write_simulated(folder, drawn, f"{kind}_{seed:05d}", truth=not chosen.no_truth)
    terminal.say(f"{chosen.count} images -> {folder}")
    return 0


_HANDLERS: dict[str, Callable[[Sequence[str], Terminal], int]] = {
    "analyse": _analyse,
    "label": _label,
    "classify": _classify,
    "evaluate": _evaluate,
    "train": _train,
    "convert": _convert,
    "simulate": _simulate,
}
