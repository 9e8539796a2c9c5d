"""The page of keys: every action with its key, and what the mouse and typing do."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from chromview.app.actions import GESTURES, Menu, menu_title, of_menu, plain
from chromview.texts import tr


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
