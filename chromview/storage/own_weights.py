"""Weights of the segmenter that were trained on this machine: each with its card, one of them or the shipped in use."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chromview.errors import UserError
from chromview.places import FLUORESCENT, IN_USE, own_models_dir, own_segmenter
from chromview.storage.files import make_folder, os_problem, write_bytes, write_text
from chromview.texts import tr

SHIPPED = "shipped"


@dataclass(frozen=True, slots=True)
class OwnWeights:
    """Weights trained here; `card` is what is known of them, as `keep` was given it."""

    path: Path
    card: Mapping[str, Any]

    @property
    def name(self) -> str:
        """How they are called on the command line and in the window."""
        return self.path.stem

    @property
    def summary(self) -> str:
        """One line: when, by whom, from how much, and what it brought."""
        data, numbers = self.card.get("data") or {}, self.card.get("held_out") or {}
        old, new = (numbers.get(which) or {} for which in ("old", "new"))
        return (
            f"{self.card.get('trained', '?')}, {self.card.get('who') or 'nobody named'}: "
            f"{data.get('slides', '?')} slides, {data.get('corrected', '?')} masks by persons; "
            f"F1 at IoU .75 {old.get('f1_75', '?')} → {new.get('f1_75', '?')}"
        )


def own_weights() -> list[OwnWeights]:
    """Weights that were trained here, the newest first; those whose card cannot be read are left out."""
    found = []
    for path in own_models_dir().glob("segmenter*-*.safetensors"):
        with contextlib.suppress(OSError, ValueError):
            card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            if isinstance(card, dict):
                found.append(OwnWeights(path, card))
    return sorted(found, key=lambda one: one.path.stem.partition("-")[2], reverse=True)


def in_use(*, fluorescent: bool | None = None) -> OwnWeights | None:
    """The weights trained here that are used on slides of one kind, or were chosen last; None while the shipped are."""
    path = own_segmenter(fluorescent=fluorescent)
    if path is None:
        return None
    return next((one for one in own_weights() if one.path == path), OwnWeights(path, {}))


def use(name: str) -> OwnWeights | None:
    """Use these weights from now on: `OwnWeights.name`, or "shipped" to go back.

    Raises
    ------
    UserError
        If there are none of that name, or it cannot be written.
    """
    if name == SHIPPED:
        try:
            (own_models_dir() / IN_USE).unlink(missing_ok=True)
        except OSError as error:
            raise os_problem(error, own_models_dir() / IN_USE) from error
        return None
    chosen = next((one for one in own_weights() if one.name == name), None)
    if chosen is None:
        raise UserError(
            tr("there are no weights '{name}' in {folder}", name=name, folder=own_models_dir()),
            advice=tr("There are: {names}.", names=", ".join([SHIPPED, *(one.name for one in own_weights())])),
        )
    _put_in_use(chosen.path)
    return chosen


def _put_in_use(path: Path) -> None:
    # Those of the other kind of slide stay as they were chosen.
    other = own_segmenter(fluorescent=not path.name.startswith(FLUORESCENT))
    write_text(path.parent / IN_USE, "\n".join([path.name, *([other.name] if other else [])]))


def check_room(size: int) -> Path:
    """Make the folder of own weights and see that a file of so many bytes can be written there; the folder.

    Raises
    ------
    UserError
        If not.
    """
    folder = make_folder(own_models_dir())
    with contextlib.suppress(OSError):  # where nobody knows, writing will tell
        if shutil.disk_usage(folder).free < size:
            raise os_problem(OSError(errno.ENOSPC, ""), folder)
    if not os.access(folder, os.W_OK):
        raise os_problem(OSError(errno.EACCES, ""), folder)
    return folder


def keep(weights: bytes, card: Mapping[str, Any], *, fluorescent: bool = False) -> OwnWeights:
    """Write new weights with their card, and use them from now on. The weights come last into use, whole or not at all.

    Raises
    ------
    UserError
        If the disk is full or read-only. Those used before are used then as well.
    """
    folder = check_room(len(weights))
    stem = f"{FLUORESCENT if fluorescent else 'segmenter'}-{time.strftime('%Y%m%d-%H%M%S')}"
    number = 1
    while (path := folder / f"{stem}{'' if number == 1 else f'-{number}'}.safetensors").exists():
        number += 1
    try:
        write_bytes(path, weights)
        write_text(path.with_suffix(".json"), json.dumps(card, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
        _put_in_use(path)
    except UserError:
        for file in (path, path.with_suffix(".json")):
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)
        raise
    return OwnWeights(path, dict(card))
