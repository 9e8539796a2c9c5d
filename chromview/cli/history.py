"""``chromview history``: who did what to a case, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chromview.cli.common import parser_of
from chromview.errors import UserError
from chromview.terminal import Terminal


def history(given: Sequence[str], terminal: Terminal) -> int:
    """Print or write the history of a case, which is neither locked nor changed.

    Raises
    ------
    UserError
        If the case cannot be read, has no such slide, or the table cannot be written.
    """
    parser = parser_of("history")
    parser.add_argument("case", type=Path, metavar="CASE", help="a case file")
    parser.add_argument("--out", type=Path, metavar="CSV", help="write the table here instead of printing it")
    parser.add_argument("--slide", metavar="NAME", help="only what was done to the slide of this name")
    chosen = parser.parse_args(given)
    from chromview.storage.audit import Audit, csv_text, table
    from chromview.storage.case_file import CaseFile
    from chromview.storage.case_schema import check
    from chromview.storage.files import write_text

    check(chosen.case)
    file = CaseFile.look(chosen.case)
    try:
        names = {slide.id: slide.path.name for slide in file.slides()}
        audit = Audit(file)
        wanted = {id for id, name in names.items() if name == chosen.slide}
        if chosen.slide and not wanted:
            advice = f"It has {', '.join(sorted(names.values())) or 'no slides'}."
            raise UserError(f"has no slide {chosen.slide}", path=chosen.case, advice=advice)
        rows = [row for row in audit.rows if not chosen.slide or row.slide in wanted]
        text = csv_text(table(audit, rows, names))
    finally:
        file.close()
    if chosen.out is None:
        print(text, end="")
    else:
        write_text(chosen.out, text)
        terminal.say(f"{len(rows)} steps -> {chosen.out}")
    return 0
