"""The commands. What they are called, take and return is a contract with scripts outside the project.

0 is success, 2 bad arguments or a file that cannot be used (one line on stderr names it), 1 a fault of ours,
130 interrupted. On a terminal a line shows the progress; in a pipe nothing but what was asked for is printed.
Everything heavy (torch, Qt, OpenCV) is imported inside the command that needs it, so that ``--help`` is instant.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Sequence

from chromview import __version__
from chromview.cli.common import COMMANDS
from chromview.errors import Cancelled, UserError
from chromview.terminal import Parser, Terminal

_MODULES = {
    "analyse": "slides",
    "label": "slides",
    "classify": "slides",
    "serve": "serve",
    "evaluate": "evaluate",
    "train": "train",
    "convert": "files",
    "simulate": "files",
    "history": "history",
    "weights": "corrections",
}
"""The module of this package where the function of each command's name is."""


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
            module = importlib.import_module(f"chromview.cli.{_MODULES[given[0]]}")
            code = int(getattr(module, given[0])(given[1:], terminal))
            print(end="", flush=True)  # here, where a reader that has enough is no error, and not at the end of Python
            return code
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
