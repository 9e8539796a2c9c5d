"""What several commands have in common: their list, and options that mean the same in each."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chromview.errors import UserError
from chromview.terminal import Parser

STAINS = ("auto", "g-band", "q-band", "dapi")
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
LABORATORY = ("lightning", "segmentation_models_pytorch", "timm")
"""What only training published networks needs, and their weights when they are judged."""


@contextlib.contextmanager
def laboratory() -> Iterator[None]:
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


def parser_of(command: str, **options: Any) -> Parser:
    """The parser of a command, which describes itself as in `COMMANDS`."""
    return Parser(prog=f"chromview {command}", description=f"{COMMANDS[command].capitalize()}.", **options)


def add_device(parser: argparse.ArgumentParser) -> None:
    """Where networks run, and which."""
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where the networks run (default: auto)")
    parser.add_argument("--models", type=Path, metavar="DIR", help="folder of weights, instead of the shipped ones")


def use_models(folder: Path | None) -> None:
    """From here on the weights in this folder, if one was given."""
    if folder is not None:
        if not folder.is_dir():
            raise UserError("is not a folder", path=folder, advice="Give the folder that holds the weights.")
        os.environ["CHROMVIEW_MODELS"] = str(folder)
