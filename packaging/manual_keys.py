"""Write the page of keys in docs/manual.md from the list of actions.

    .venv/bin/python packaging/manual_keys.py

A test compares the two, so an action with a new key needs this once.
"""

from __future__ import annotations

from pathlib import Path

from chromview.app.actions import GESTURES, Menu, of_menu

MANUAL = Path(__file__).resolve().parent.parent / "docs" / "manual.md"
BEGIN = "<!-- keys: written by packaging/manual_keys.py -->"
END = "<!-- end of keys -->"


def cell(text: str) -> str:
    """Text that is safe in a cell of a table."""
    return text.replace("|", "\\|")


def key(sequence: str) -> str:
    """One key sequence, as code; a key that is itself a backtick does not occur."""
    return f"`{cell(sequence)}`"


def table() -> str:
    """All actions by menu, with keys, as Markdown."""
    parts = []
    for menu in Menu:
        parts += [f"### {menu}", "", "| action | key | |", "|---|---|---|"]
        for action in of_menu(menu):
            keys = " or ".join(map(key, action.shortcuts))
            where = f" ({action.where})" if action.where else ""
            title = (
                action.plain_title if not action.submenu else f"{action.submenu.replace('&', '')}: {action.plain_title}"
            )
            parts.append(f"| {cell(title)} | {keys}{where} | {cell(action.help)} |")
        parts.append("")
    parts += ["### Mouse and typing", "", "| | |", "|---|---|"]
    parts += [f"| {cell(gesture)} | {cell(does)} |" for gesture, does in GESTURES]
    return "\n".join(parts)


def with_keys(manual: str) -> str:
    """The manual with its page of keys as the actions have it.

    Raises
    ------
    ValueError
        If the marks around the page of keys are not there.
    """
    before, begin, rest = manual.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{MANUAL.name} lacks the marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    MANUAL.write_text(with_keys(MANUAL.read_text(encoding="utf-8")), encoding="utf-8")
