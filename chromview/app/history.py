"""The history of a case and its backups, as the window shows them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from chromview.storage.audit import Audit as Audit
from chromview.storage.audit import AuditRow as AuditRow
from chromview.storage.audit import csv_text
from chromview.storage.audit import table as table
from chromview.storage.case_backups import Backup as Backup
from chromview.storage.case_backups import backups_folder as backups_folder
from chromview.storage.case_backups import backups_of as backups_of
from chromview.storage.files import write_text


def write_table(path: Path, lines: Iterable[Iterable[str]]) -> None:
    """Write lines of the history as CSV, in one step.

    Raises
    ------
    UserError
        If it cannot be written.
    """
    write_text(path, csv_text(lines))
