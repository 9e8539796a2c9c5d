"""Who works at the program."""

from __future__ import annotations

import getpass


def login_name() -> str:
    """Name of the account; empty where it has none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
