"""The labels of a case, ready to be written by another thread as training data."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from chromview.app.document import Document
from chromview.core.chromosome import SlideImage, Stain
from chromview.core.commands import Command, from_bytes
from chromview.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from chromview.storage.label_export import LabelSource


def label_sources(document: Document, slides: Iterable[int]) -> list[LabelSource]:
    """What the slides hold now; edits that follow do not change it.

    Raises
    ------
    UserError
        If the case file is damaged.
    """
    from chromview.storage.label_export import LabelSource

    wanted = set(slides)
    sources = []
    for info in document.slides:
        if info.id not in wanted:
            continue
        known = document.known_image(info.id)
        sources.append(
            LabelSource(
                name=info.name,
                case=document.name,
                read=partial(_known, known) if known is not None else partial(_read, info.path),
                sha256=info.sha256,
                stain=info.stain or Stain.G_BAND,
                inverted=info.inverted,
                chromosomes=document.chromosomes(info.id),
                steps=partial(_decoded, document.steps(info.id), document.path),
                is_cluster=info.is_cluster,
            )
        )
    return sources


def _known(image: SlideImage) -> SlideImage:
    return image


def _read(path: Path) -> SlideImage:
    from chromview.storage.images import read_image

    return read_image(path)


def _decoded(steps: Iterable[tuple[float, bytes]], case: Path) -> list[tuple[float, Command]]:
    try:
        return [(when, from_bytes(data)) for when, data in steps]
    except (ValueError, TypeError) as error:
        raise UserError(
            f"the case file is damaged ({error})", path=case, advice="Take the last good copy of the case."
        ) from error
