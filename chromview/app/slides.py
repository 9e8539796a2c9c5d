"""What the window knows about a slide without opening it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from chromview.core.annotations import Annotation, from_json
from chromview.core.chromosome import Analysis, Chromosome, Kind, Quality, Stain, State
from chromview.core.doubts import awaits_judgement, was_left_out
from chromview.texts import stored, tr, tr_n

_WHOLE = 46
_CELL = 35
"""Chromosomes from which on they are taken for a cell."""


class SlideState(StrEnum):
    """How far the work on a slide is."""

    NEW = "new"
    """Nobody looked at it yet, no model and no person."""
    PROPOSED = "proposed"
    """There is a proposal, and no person touched it."""
    STARTED = "started"
    """A person decided on some of its chromosomes."""
    DONE = "done"
    """A person stands behind every chromosome that counts."""
    COUNTED = "counted"
    """A person counted its chromosomes and wants no more of it."""
    REJECTED = "rejected"
    """A person said that it is of no use."""


STATE_WORDS: dict[SlideState, str] = {
    SlideState.NEW: stored("new"),
    SlideState.PROPOSED: stored("proposed"),
    SlideState.STARTED: stored("in work"),
    SlideState.DONE: stored("reviewed"),
    SlideState.COUNTED: stored("counted only"),
    SlideState.REJECTED: stored("rejected"),
}
"""Slide states in words, as step names keep them; `texts.shown` translates them."""

LEFT_ASIDE = frozenset({SlideState.COUNTED, SlideState.REJECTED})
"""States of slides whose karyotype nobody asks for."""


class Order(StrEnum):
    """How the slides of a case are sorted."""

    ADDED = "added"
    NAME = "name"
    QUALITY = "quality"
    STATE = "state"


_UNFINISHED_FIRST = (
    SlideState.STARTED, SlideState.PROPOSED, SlideState.NEW, SlideState.DONE, SlideState.COUNTED, SlideState.REJECTED,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SlideInfo:
    """One slide of a case, as its list shows it.

    Attributes
    ----------
    id
        Number in the case, never used twice.
    path, name
        Where its image lies, and the file's name.
    sha256
        Of the image file when it was added.
    state
        How far the work on it is.
    stain, inverted, scale, is_cluster, quality, shape
        What the analysis said (see `Analysis`); stain and shape are None before.
    proposal
        Karyotype of the chromosomes as they are now, "" for a cluster or before the analysis.
    count, doubtful, untouched
        Chromosomes that count, proposals with doubts, and proposals nobody decided on.
    missing
        The image file is not where it was.
    changed
        The image file is not the one that was added: its content differs.
    models
        Weight files that the analysis used, with their SHA-256; empty where nobody knows.
    chosen_state
        The state that a person chose, which `state` follows as far as it can; None if nobody did.
    chosen_scale
        The scale that a person set for the next analysis (see `chromview.core.scale`); None if it is to be found.
    annotations
        Texts and arrows that a person put on it.
    """

    id: int
    path: Path
    sha256: str
    name: str
    state: SlideState = SlideState.NEW
    stain: Stain | None = None
    inverted: bool = False
    scale: float = 1.0
    is_cluster: bool = False
    quality: Quality = field(default_factory=Quality)
    shape: tuple[int, int] | None = None
    proposal: str = ""
    count: int = 0
    doubtful: int = 0
    untouched: int = 0
    missing: bool = False
    changed: bool = False
    models: tuple[tuple[str, str], ...] = ()
    chosen_state: SlideState | None = None
    chosen_scale: float | None = None
    annotations: tuple[Annotation, ...] = ()


def in_order(infos: Iterable[SlideInfo], order: Order) -> tuple[SlideInfo, ...]:
    """Slides sorted: by name as people read numbers, best quality first, or what is unfinished first.

    The best slide has 46 chromosomes or nearly, few overlaps and clusters, and lies well spread; clusters that were
    photographed alone and slides that nobody measured come last.
    """
    if order is Order.ADDED:
        return tuple(infos)
    keys: dict[Order, Callable[[SlideInfo], Any]] = {
        Order.NAME: lambda info: _readable(info.name),
        Order.QUALITY: _quality,
        Order.STATE: lambda info: _UNFINISHED_FIRST.index(info.state),
    }
    return tuple(sorted(infos, key=keys[order]))


class Sorting:
    """The order of the slides as it is shown: it stays as it is while a person works on one of them."""

    def __init__(self) -> None:
        self.order = Order.ADDED
        self._places: dict[int, int] | None = None

    def again(self) -> None:
        """Sort anew the next time."""
        self._places = None

    def infos(self, infos: Sequence[SlideInfo]) -> tuple[SlideInfo, ...]:
        """The slides in the order in which they were sorted last; new ones at the end."""
        if self.order is Order.ADDED:
            return tuple(infos)
        if self._places is None:
            self._places = {info.id: place for place, info in enumerate(in_order(infos, self.order))}
        places = self._places
        return tuple(sorted(infos, key=lambda info: places.get(info.id, len(places))))


def _readable(name: str) -> list[tuple[int, int, str]]:
    """Sort key by which "cell 9" comes before "cell 10"."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def _quality(info: SlideInfo) -> tuple[float, ...]:
    quality = info.quality
    if quality.count is None:
        return (2.0,)
    overlaps, clusters = quality.overlaps or 0, quality.clusters or 0
    return (float(info.is_cluster), abs(quality.count - _WHOLE), overlaps, clusters, -(quality.spread or 0.0))


def quality_text(quality: Quality) -> str:
    """Everything that was measured of a slide, in words; what cannot be told is called unknown."""
    if quality == Quality():
        return tr("unknown")

    def said(value: float | None, digits: int) -> str:
        return tr("unknown") if value is None else f"{value:.{digits}f}"

    clusters, overlaps = quality.clusters, quality.overlaps
    return ", ".join(
        (
            tr("clusters unknown") if clusters is None else tr_n("{n} cluster", "{n} clusters", clusters),
            tr("overlaps unknown") if overlaps is None else tr_n("about {n} overlap", "about {n} overlaps", overlaps),
            tr("spread in widths of a chromosome: {value}", value=said(quality.spread, 1)),
            tr("band clarity (0 to 1): {value}", value=said(quality.band_clarity, 2)),
            tr("overall (0 to 1): {value}", value=said(quality.overall, 2)),
        )
    )


def fields_of(analysis: Analysis) -> dict[str, Any]:
    """What an analysis says about the slide as a whole, as JSON values by name."""
    return {
        "stain": str(analysis.stain),
        "inverted": analysis.inverted,
        "scale": analysis.scale,
        "is_cluster": analysis.is_cluster,
        "shape": [int(side) for side in analysis.shape],
        "quality": asdict(analysis.quality),
        "models": dict(analysis.models),
    }


def summary_of(chromosomes: Iterable[Chromosome], fields: Mapping[str, Any]) -> dict[str, Any]:
    """What can be counted from the chromosomes of a slide, as JSON values by name."""
    from chromview.core.karyotype import formula_of_cell

    everything = list(chromosomes)
    counted = [c for c in everything if c.in_karyogram]
    untouched = sum(map(awaits_judgement, everything))
    doubtful = sum(is_doubtful(c) for c in everything)
    if not everything and not fields.get("stain"):
        state = SlideState.NEW
    elif counted and not untouched:
        state = SlideState.DONE
    elif all(c.state is State.PROPOSED for c in everything):
        state = SlideState.PROPOSED
    else:
        state = SlideState.STARTED
    chosen = fields.get("set_state")
    if chosen and not (chosen == SlideState.DONE and untouched):  # what came later may have to be looked at
        state = SlideState(chosen)
    # Of a slide that no model has seen, a few outlined chromosomes say nothing about the cell.
    whole = not fields.get("is_cluster") and (bool(fields.get("stain")) or len(counted) >= _CELL)
    return {
        "state": str(state),
        "count": len(counted),
        "doubtful": doubtful,
        "untouched": untouched,
        "proposal": formula_of_cell(counted) if whole else "",
    }


def is_doubtful(chromosome: Chromosome) -> bool:
    """Whether it waits to be looked at: a proposal that has doubts."""
    looked_at = chromosome.kind in (Kind.CHROMOSOME, Kind.CUT) or was_left_out(chromosome)
    return bool(chromosome.doubts) and chromosome.state is State.PROPOSED and looked_at


def info_of(
    id: int,
    path: Path,
    sha256: str,
    fields: Mapping[str, Any],
    summary: Mapping[str, Any],
    *,
    missing: bool,
    changed: bool,
) -> SlideInfo:
    """Put together what the case file holds about a slide.

    Raises
    ------
    ValueError, TypeError
        If the values are none that this program wrote.
    """
    known = {name: value for name, value in fields.items() if value is not None}
    quality = {name: value for name, value in known.get("quality", {}).items() if name in Quality.__dataclass_fields__}
    shape = known.get("shape")
    return SlideInfo(
        id=id,
        path=path,
        sha256=sha256,
        name=path.name,
        state=SlideState(summary.get("state", "new")),
        stain=Stain(known["stain"]) if "stain" in known else None,
        inverted=bool(known.get("inverted", False)),
        scale=float(known.get("scale", 1.0)),
        is_cluster=bool(known.get("is_cluster", False)),
        quality=Quality(**quality),
        shape=None if shape is None else (int(shape[0]), int(shape[1])),
        proposal=str(summary.get("proposal", "")),
        count=int(summary.get("count", 0)),
        doubtful=int(summary.get("doubtful", 0)),
        untouched=int(summary.get("untouched", 0)),
        missing=missing,
        changed=changed,
        chosen_state=SlideState(known["set_state"]) if "set_state" in known else None,
        chosen_scale=float(known["set_scale"]) if "set_scale" in known else None,
        models=tuple((str(name), str(sha256)) for name, sha256 in sorted(known.get("models", {}).items())),
        annotations=from_json(known.get("annotations")),
    )
