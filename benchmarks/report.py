"""What the benchmarks share: a table for the eye and JSON for the record."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser that takes ``--json FILE``; `description` is the docstring of the script."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--json", type=Path, help="write the result to this file as well as to standard output")
    return made


def table(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows that have the same keys, floats with three digits."""
    if not rows:
        return
    cells = [[f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values()] for row in rows]
    heads = [str(key) for key in rows[0]]
    widths = [max(len(line[n]) for line in (heads, *cells)) for n in range(len(heads))]
    for line in (heads, *cells):
        print("  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)))


def finish(result: Mapping[str, Any], path: Path | None) -> None:
    """Print the result as one line of JSON, and write it to `path` if there is one."""
    print(json.dumps(result))
    if path is not None:
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
