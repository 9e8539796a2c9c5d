"""The commands. What they are called, take and return is a contract with scripts outside the project.

0 is success, 2 bad arguments or a file that cannot be used (one line on stderr names it), 1 a fault of ours,
130 interrupted. On a terminal a line shows the progress; in a pipe nothing but what was asked for is printed.
Everything heavy (torch, Qt, OpenCV) is imported inside the command that needs it, so that ``--help`` is instant.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import signal
import sys
import threading
import types
import typing
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from chromview import __version__
from chromview.errors import Cancelled, UserError
from chromview.terminal import Parser, Terminal

STAINS = ("auto", "g-band", "q-band", "dapi")
TRAINED = ("segmenter", "classifier", "pairs")
PUBLISHED = ("segmenter", "classifier")
"""What others have published networks for, to train with ``--preset``."""
DEVICES = ("auto", "cpu", "cuda", "mps")
COMMANDS: dict[str, str] = {
    "analyse": "find, straighten, classify and arrange the chromosomes of slides, without a window",
    "label": "four-label masks of two-chromosome clusters",
    "classify": "class and polarity of single chromosomes",
    "serve": "answer images sent over HTTP with classes or the whole analysis",
    "evaluate": "the numbers of the model cards, from data with truth",
    "train": "train a network",
    "convert": "between forms of labels: HDF5, npz, pictures, painted masks, COCO",
    "simulate": "synthetic metaphases and clusters with exact truth",
    "history": "who did what to a case, when, and what was before and after",
    "weights": "weights of the segmenter on this machine: which there are, and which are used",
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
    parser.add_argument(
        "--chromosome-width",
        type=float,
        metavar="PIXELS",
        help="width across a chromosome, which tells the scale (default: found from the chromosomes)",
    )
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


def _serve(given: Sequence[str], terminal: Terminal) -> int:
    parser = _parser("serve", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at")
    parser.add_argument("--port", type=int, default=8617, metavar="N", help="0 for any that is free")
    parser.add_argument("--network", action="store_true", help="allow a host that other machines can reach")
    parser.add_argument("--max-bytes", type=int, default=64_000_000, metavar="N", help="largest request")
    parser.add_argument("--timeout", type=float, default=120.0, metavar="SECONDS", help="longest time for a request")
    parser.add_argument("--waiting", type=int, default=4, metavar="N", help="requests that may wait for their turn")
    _device(parser)
    chosen = parser.parse_args(given)
    if not 0 <= chosen.port <= 65535:
        parser.error("--port must be 0 to 65535")
    if chosen.max_bytes < 1 or not 0 < chosen.timeout < 1e6 or chosen.waiting < 0:
        parser.error(
            "--max-bytes and --timeout must be more than 0 (and a timeout less than 1e6), --waiting not negative"
        )
    _use_models(chosen.models)
    from chromview.batch import load_models
    from chromview.serve.server import Limits, Server

    try:
        limits = Limits(chosen.max_bytes, chosen.timeout, chosen.waiting)
        with Server(chosen.host, chosen.port, limits, network=chosen.network, log=terminal.say) as server:
            if not server.loopback:
                terminal.warn(
                    "other machines can reach this server; images of patients go over the network unencrypted"
                )
            models = load_models(chosen.device)
            with _ended_by_signals(server.shutdown):
                print(server.address, flush=True)
                server.serve(models)
    except (KeyboardInterrupt, SystemExit):
        # Being stopped is how a server ends.
        terminal.clear()
    return 0


@contextlib.contextmanager
def _ended_by_signals(shutdown: Callable[[], None]) -> Iterator[None]:
    """While it lasts, Ctrl-C and a request to terminate call `shutdown` from another thread.

    As exceptions they could strike anywhere, also between the making of a request's thread and its start.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [signal.SIGINT, signal.SIGTERM]
    before = [signal.signal(n, lambda *_: threading.Thread(target=shutdown).start()) for n in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


# --- evaluate, train -----------------------------------------------------------------------------

LABORATORY = ("lightning", "segmentation_models_pytorch", "timm")
"""What only training published networks needs, and their weights when they are judged."""


@contextlib.contextmanager
def _laboratory() -> Iterator[None]:
    """Say what to install where a package of `LABORATORY` is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in LABORATORY:
            raise
        raise UserError(
            f"the published networks need the package '{missing}', which is not installed",
            advice="Install it and its companions with: pip install 'chromview[train]'",
        ) from error


@_laboratory()
def _evaluate(given: Sequence[str], terminal: Terminal) -> int:
    from chromview import cli_evaluate

    parser = _parser("evaluate")
    cli_evaluate.add_options(parser)
    _device(parser)
    chosen = parser.parse_args(given)
    cli_evaluate.check(parser, chosen)
    _use_models(chosen.models)
    return cli_evaluate.run(chosen, terminal)


def _train(given: Sequence[str], terminal: Terminal) -> int:
    if not given or given[0] not in TRAINED:
        parser = _parser("train", usage="chromview train {segmenter,classifier,pairs} --data DIR --out DIR ...")
        parser.add_argument("what", choices=TRAINED, help="'train WHAT --help' lists its options")
        parser.parse_args(given)
        parser.error(f"give one of {', '.join(TRAINED)} first")
    what = given[0]
    if what in PUBLISHED and any(one.partition("=")[0] == "--preset" for one in given):
        return _train_preset(what, given[1:], terminal)
    if what == "segmenter" and any(one.partition("=")[0] == "--corrections" for one in given):
        from chromview import cli_corrections

        return cli_corrections.train(given[1:], terminal)
    if what == "segmenter":
        from chromview.training.train_segmenter import SegmenterOptions as Options
        from chromview.training.train_segmenter import main as run
    elif what == "pairs":
        from chromview.training.train_pairs import PairOptions as Options  # type: ignore[assignment]
        from chromview.training.train_pairs import main as run  # type: ignore[assignment]
    else:
        from chromview.training.train_classifier import ClassifierOptions as Options  # type: ignore[assignment]
        from chromview.training.train_classifier import main as run  # type: ignore[assignment]
    parser = Parser(
        prog=f"chromview train {what}",
        description=f"Train the {what}; a run that was interrupted goes on where its last epoch ended.",
        epilog="'--preset list' prints the published networks that can be trained instead; "
        "'--preset NAME --help' the options of that."
        + (" '--corrections PATH ...' trains on with masks that people corrected." if what == "segmenter" else "")
        if what in PUBLISHED
        else None,
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


@_laboratory()
def _train_preset(what: str, given: Sequence[str], terminal: Terminal) -> int:
    """Any network of the zoo, or a published classifier, with what was published about its training."""
    ahead = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    ahead.add_argument("--preset")
    with contextlib.suppress(argparse.ArgumentError):  # told below, in our words
        if ahead.parse_known_args(given)[0].preset == "list":
            if what == "segmenter":
                from chromview.training.zoo import PRESETS
            else:
                from chromview.training.classifiers.presets import PRESETS
            for name, preset in PRESETS.items():
                print(f"{name:<24}{preset.source}")
            return 0
    if what == "segmenter":
        from chromview.training.engine.options import RunOptions as Options
    else:
        from chromview.training.classifiers.options import ClassifierRun as Options  # type: ignore[assignment]
    parser = Parser(
        prog=f"chromview train {what} --preset NAME",
        description="Train a published network; the same command goes on with a run that was interrupted. "
        "What is not given is as published.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    _add_options(parser, Options)
    options = Options(**vars(parser.parse_args(given)))
    if what == "segmenter":
        from chromview.training.engine.run import train
    else:
        from chromview.training.engine.classifier_run import train  # type: ignore[assignment]

    def notice(sentence: str) -> None:
        terminal.clear()
        print(f"chromview: {sentence}", file=sys.stderr)

    train(options, progress=terminal.progress, notice=notice)
    terminal.say(f"Results: {options.out / 'results.md'}")
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
        if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
            kind = next(one for one in typing.get_args(kind) if one is not type(None))
        several = typing.get_origin(kind) is tuple
        if several:
            kind = typing.get_args(kind)[0]
        told = field.metadata.get("help") or _OPTION_HELP.get(field.name, " ")
        extra: dict[str, Any] = {"dest": field.name, "help": told}
        if typing.get_origin(kind) is typing.Literal:
            extra["choices"] = typing.get_args(kind)
            kind = str
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            extra.update(required=True, default=argparse.SUPPRESS)
        elif field.default is None:
            extra["default"] = argparse.SUPPRESS
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
        "blue 3 = both) become labels and labels without images become painted masks; --as says it otherwise. "
        "A case (.chromview) becomes a new folder OUT with the labels of all its slides, in the form --as or in every "
        "form, and provenance.json.",
    )
    parser.add_argument("source", type=Path, metavar="IN")
    parser.add_argument("target", type=Path, metavar="OUT")
    parser.add_argument(
        "--as",
        dest="form",
        choices=("hdf5", "pairs", "npz", "png", "painted", "coco", "masks", "single"),
        help="form of OUT; masks (one picture a chromosome) and single (straightened, with class) of a case only",
    )
    parser.add_argument("--reviewed", action="store_true", help="of a case: only what a person accepted or corrected")
    parser.add_argument("--background", choices=("black", "white"), default="black", help="of painted masks")
    chosen = parser.parse_args(given)
    if chosen.source.suffix == ".chromview":
        return _convert_case(chosen, terminal)
    if chosen.reviewed or chosen.form in ("masks", "single"):
        parser.error("--reviewed, masks and single are for a case (.chromview)")
    from chromview.storage.label_set import Form
    from chromview.storage.labels import convert

    form = Form(chosen.form) if chosen.form else None
    content = convert(chosen.source, chosen.target, form=form, background=chosen.background)
    terminal.say(f"{len(content)} clusters -> {chosen.target}")
    return 0


def _convert_case(chosen: argparse.Namespace, terminal: Terminal) -> int:
    from chromview.app.document import Document
    from chromview.app.label_sources import FORMS, LabelChoice, label_work
    from chromview.progress import CancelToken

    document = Document.open(chosen.source)
    try:
        forms = (chosen.form,) if chosen.form else tuple(FORMS)
        choice = LabelChoice(chosen.target, forms, True, chosen.reviewed)
        work = label_work(document, [info.id for info in document.slides], choice)
        outcome = work(terminal.progress, CancelToken())
    finally:
        document.close()
    for note in outcome.notes:
        terminal.warn(note)
    terminal.say(outcome.summary)
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


def _weights(given: Sequence[str], terminal: Terminal) -> int:
    from chromview import cli_corrections

    return cli_corrections.weights(given, terminal)


def _history(given: Sequence[str], terminal: Terminal) -> int:
    from chromview import cli_history

    return cli_history.main(given, terminal, f"{COMMANDS['history'].capitalize()}.")


_HANDLERS: dict[str, Callable[[Sequence[str], Terminal], int]] = {
    "analyse": _analyse,
    "label": _label,
    "classify": _classify,
    "serve": _serve,
    "evaluate": _evaluate,
    "train": _train,
    "convert": _convert,
    "simulate": _simulate,
    "history": _history,
    "weights": _weights,
}
