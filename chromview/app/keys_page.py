"""The page of keys: every action with its key, and what the mouse and typing do."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from chromview.app.actions import Menu, menu_title, of_menu, plain
from chromview.texts import tr

GESTURES: tuple[tuple[str, str], ...] = (
    ("Wheel", "Zoom around the pointer"),
    ("Ctrl+wheel", "Size of the brush"),
    ("Space held, or middle button", "Move the slide"),
    ("Ctrl+click", "Choose the second chromosome, for label 2, join and split overlap"),
    ("Shift held, tools Lasso and Magic outline", "Take the pixels out of the chromosome"),
    ("Drag to the right or left, tool Magic outline", "Reach further, or less far"),
    ("Drag across a chromosome, tool Measure a width", "Tell how wide it is, in pixels of the slide"),
    ("Drag on the axis, tool Axis", "Move that point of the axis; at a tip, make it longer or shorter"),
    ("Drag on the bar across, tool Axis", "Move the centromere along the chromosome"),
    ("Drag in the picture of the inspector", "Move the centromere up or down"),
    ("1 4, X, Y in the karyogram", "Set the class of the selected chromosome by typing it"),
    ("Arrow keys in the karyogram", "Select the neighbour; with an arrow chosen, move that"),
    ("Drag the tip or the end of an arrow", "Move it, or turn it"),
    ("Double-click on a text, tool Annotate the slide", "Change it; no text at all leaves its arrow"),
    ("Drag in the karyogram", "Move a chromosome to another place; allowed places light up"),
)
"""What the mouse and typing do, for the page of keys."""


def shortcut_page(native: Callable[[str], str] = str) -> str:
    """Every action with its key, and every gesture, as HTML.

    Parameters
    ----------
    native
        Key sequences as they are to be shown.

    Returns
    -------
    str
        One table a menu; titles and keys escaped.
    """
    parts: list[str] = []
    for menu in Menu:
        rows = [action for action in of_menu(menu) if action.shortcuts]
        if not rows:
            continue
        parts.append(f"<h3>{escape(plain(menu_title(menu)))}</h3><table cellpadding='3' width='100%'>")
        for action in rows:
            keys = " / ".join(f"<b>{escape(native(key))}</b>" for key in action.shortcuts)
            where = f" <i>({escape(tr(action.where))})</i>" if action.where else ""
            parts.append(
                f"<tr><td width='24%'>{keys}</td><td width='26%'>{escape(plain(tr(action.title)))}{where}</td>"
                f"<td>{escape(tr(action.help))}</td></tr>"
            )
        parts.append("</table>")
    parts.append(f"<h3>{escape(tr('Mouse and typing'))}</h3><table cellpadding='3' width='100%'>")
    parts += [
        f"<tr><td width='50%'><b>{escape(tr(key))}</b></td><td>{escape(tr(does))}</td></tr>" for key, does in GESTURES
    ]
    parts.append("</table>")
    return "".join(parts)
