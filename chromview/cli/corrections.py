"""``chromview train segmenter --corrections`` and ``chromview weights``: training on corrections, and what is used."""

from __future__ import annotations

import _thread
import argparse
import contextlib
import getpass
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from chromview.errors import UserError
from chromview.terminal import Parser, Terminal

CASE_SUFFIX = ".chromview"


def train(given: Sequence[str], terminal: Terminal) -> int:
    """Train on the corrections in cases and folders, and keep the better weights."""
    parser = Parser(
        prog="chromview train segmenter --corrections",
        description="Train the segmenter on with masks that people corrected, compare it on slides left out, and use "
        "the better weights from now on. Needs nothing but this machine, and sends nothing anywhere.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--corrections", type=Path, nargs="+", required=True, metavar="PATH", default=argparse.SUPPRESS,
        help="cases (.chromview), or folders with an export of labels as COCO",
    )  # fmt: skip
    parser.add_argument("--who", default=_account(), metavar="NAME", help="whose training it is, for the card")
    parser.add_argument("--steps", type=int, default=300, metavar="N", help="length of the training")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="of the processor; the priority is low")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the split, and of what is left to chance")
    parser.add_argument("--json", action="store_true", help="print progress and result, one JSON object a line")
    # Of the window: what it wrote is removed at the end, and when it goes away without a word, so does this.
    parser.add_argument("--for-window", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args(given)
    if min(chosen.steps, chosen.threads) < 1:
        parser.error("--steps and --threads must be at least 1")
    lower_priority()
    if chosen.for_window:
        _end_with_the_window(chosen.corrections)
    with _folders(chosen.corrections, terminal) as folders:
        try:
            from chromview.training.fine_tune import Epoch, FineTuning
            from chromview.training.train_corrections import CorrectionOptions, train_on_corrections
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in ("torch", "safetensors"):
                raise
            raise UserError(
                f"training needs the package '{error.name}', which is not installed",
                advice="Install chromview again with all it needs.",
            ) from error

        def told(stage: str, share: float, epoch: Epoch | None = None) -> None:
            terminal.progress(stage, share)
            if chosen.json:
                more = {"epoch": [epoch.number, epoch.of, round(epoch.loss, 4)]} if epoch else {}
                print(json.dumps({"stage": stage, "share": round(share, 3), **more}), flush=True)

        options = CorrectionOptions(
            folders, chosen.who, chosen.threads, how=FineTuning(steps=chosen.steps, seed=chosen.seed)
        )
        result = train_on_corrections(options, told)
    terminal.clear()
    print(json.dumps({"result": result.as_json()}, allow_nan=False) if chosen.json else result.why, flush=True)
    return 0


def weights(given: Sequence[str], terminal: Terminal) -> int:
    """List the weights of the segmenter on this machine, or choose which are used."""
    parser = Parser(
        prog="chromview weights",
        description="Weights of the segmenter: those that ship, and those trained on this machine; * marks those used.",
    )
    parser.add_argument("--use", metavar="NAME", help="use these from now on; 'shipped' goes back to those that ship")
    parser.add_argument("--json", action="store_true", help="print the card of each, one JSON object a line")
    chosen = parser.parse_args(given)
    from chromview.places import own_segmenter
    from chromview.storage.own_weights import SHIPPED, own_weights, use

    if chosen.use:
        use(chosen.use)
        terminal.say(f"Used from now on: {chosen.use}")
        return 0
    used = {own_segmenter(fluorescent=kind) for kind in (False, True)} - {None}
    if chosen.json:
        print(json.dumps({"name": SHIPPED, "used": not used}))
    else:
        print(f"{' ' if used else '*'} {SHIPPED}")
    for one in own_weights():
        if chosen.json:
            print(json.dumps({"name": one.name, "used": one.path in used, "file": str(one.path), "card": one.card}))
        else:
            print(f"{'*' if one.path in used else ' '} {one.name}  {one.summary}")
    return 0


def lower_priority() -> None:
    """Give way to every other program, the window above all."""
    if sys.platform == "win32":
        import ctypes

        below_normal = 0x4000
        kernel = ctypes.windll.kernel32
        kernel.SetPriorityClass(kernel.GetCurrentProcess(), below_normal)
    else:
        with contextlib.suppress(OSError):
            os.nice(10)


def _end_with_the_window(folders: Sequence[Path]) -> None:
    """End at once when the window closes our input, as it does to cancel and when it ends in whatever way.

    Nothing is half written then: weights and card are put in place whole, the choice of what is used last.
    """

    def watch() -> None:
        while os.read(0, 64):
            pass
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        _thread.interrupt_main()
        # Where the main thread is deep in a library it hears of that only later, and the window waits.
        time.sleep(2)
        os._exit(130)

    threading.Thread(target=watch, name="window", daemon=True).start()


@contextlib.contextmanager
def _folders(paths: Sequence[Path], terminal: Terminal) -> Iterator[tuple[Path, ...]]:
    """Folders of corrections; those of cases are written beside the temporary files and removed at the end."""
    with tempfile.TemporaryDirectory(prefix="chromview-") as work:
        folders = []
        for number, path in enumerate(paths):
            if path.suffix == CASE_SUFFIX:
                folder = Path(work) / str(number)
                _write_case(path, folder, terminal)
                folders.append(folder)
            else:
                folders.append(path)
        yield tuple(folders)


def _write_case(path: Path, folder: Path, terminal: Terminal) -> None:
    from chromview.app.document import Document
    from chromview.app.label_sources import label_sources
    from chromview.storage.corrections import write_corrections

    document = Document.open(path)
    try:
        sources = label_sources(document, [info.id for info in document.slides])
        found = write_corrections(folder, sources, progress=terminal.progress)
    finally:
        document.close()
    for note in found.notes:
        terminal.warn(note)


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # an account without a name
        return ""
