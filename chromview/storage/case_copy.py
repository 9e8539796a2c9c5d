"""Copies of a case: what has to be different in a file that lies elsewhere."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path


def relative_to(path: Path, case: Path) -> str:
    """`path` as seen from the folder of `case`; empty where there is no such way (another drive)."""
    try:
        return Path(os.path.relpath(path, case.parent)).as_posix()
    except ValueError:
        return ""


def finish_copy(target: sqlite3.Connection, path: Path) -> None:
    """Make one plain file of a copied case that is going to lie at `path`; its images are found from there.

    Raises
    ------
    sqlite3.Error
        If it cannot be written.
    """
    target.execute("PRAGMA journal_mode = DELETE")
    target.execute("BEGIN IMMEDIATE")
    rows = target.execute("SELECT id, path FROM slides").fetchall()
    values = [(relative_to(Path(there), path), id) for id, there in rows]
    target.executemany("UPDATE slides SET relative = ? WHERE id = ?", values)
    target.execute("COMMIT")
