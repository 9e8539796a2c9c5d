"""``chromview train``: the networks of the program, and published ones by their presets."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import sys
import types
import typing
from collections.abc import Sequence
from typing import Any

from chromview.cli.common import laboratory, parser_of
from chromview.errors import UserError
from chromview.terminal import Parser, Terminal

TRAINED = ("segmenter", "classifier", "pairs")
PUBLISHED = ("segmenter", "classifier")
"""What others have published networks for, to train with ``--preset``."""


def train(given: Sequence[str], terminal: Terminal) -> int:
    """Train a network, or go on with a run."""
    if not given or given[0] not in TRAINED:
        parser = parser_of("train", usage="chromview train {segmenter,classifier,pairs} --data DIR --out DIR ...")
        parser.add_argument("what", choices=TRAINED, help="'train WHAT --help' lists its options")
        parser.parse_args(given)
        parser.error(f"give one of {', '.join(TRAINED)} first")
    what = given[0]
    if what in PUBLISHED and any(one.partition("=")[0] == "--preset" for one in given):
        return _train_preset(what, given[1:], terminal)
    if what == "segmenter" and any(one.partition("=")[0] == "--corrections" for one in given):
        from chromview.cli import corrections

        return corrections.train(given[1:], terminal)
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


@laboratory()
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
    "network": "resnet18 as the first classifier that ships, efficientnet_lite2 as the second",
    "imagenet": "published weights of ImageNet (.pth) that an EfficientNet-Lite begins with",
    "edges": "metaphases also with the edges of their masks drawn anew",
    "simulated": "so many simulated slides as well, for the classifier so many of each stain",
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
