"""The weights of the segmenter as the window shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chromview.storage.own_weights import SHIPPED, OwnWeights, in_use, own_weights, use
from chromview.texts import tr

__all__ = ["SHIPPED", "WeightsInfo", "choose", "known_weights", "name_in_use"]


@dataclass(frozen=True, slots=True)
class WeightsInfo:
    """Weights by name, whether they are used, and what is known of them, line by line."""

    name: str
    used: bool
    lines: tuple[str, ...]


def name_in_use() -> str:
    """Name of the weights trained on this machine that are used; "" while the shipped are."""
    used = in_use()
    return "" if used is None else used.name


def choose(name: str) -> str:
    """Use these weights from now on; the name as `name_in_use` has it.

    Raises
    ------
    UserError
        If they are not there any more, or it cannot be written.
    """
    used = use(name)
    return "" if used is None else used.name


def known_weights() -> list[WeightsInfo]:
    """Those that ship, then those trained here, the newest first."""
    used = name_in_use()
    shipped = WeightsInfo(SHIPPED, not used, (tr("Trained for the program, on data of several laboratories."),))
    return [shipped, *(WeightsInfo(one.name, one.name == used, _lines(one)) for one in own_weights())]


def _lines(weights: OwnWeights) -> tuple[str, ...]:
    card = weights.card
    data, base = _part(card, "data"), _part(card, "base")
    lines = [
        tr("Trained {when} by {who}.", when=card.get("trained", "?"), who=card.get("who") or "?"),
        tr(
            "From {slides} slides with {chromosomes} chromosomes, {corrected} of them corrected by persons.",
            **{name: data.get(name, "?") for name in ("slides", "chromosomes", "corrected")},
        ),
        *_numbers(tr("Held-out corrections"), _part(card, "held_out")),
        *_numbers(tr("Simulated slides of the usual look"), _part(card, "simulated")),
        tr("Went on from {file} ({hash}).", file=base.get("file", "?"), hash=str(base.get("sha256", "?"))[:12]),
        f"SHA-256 {str(card.get('sha256', '?'))[:12]}  {weights.path}",
    ]  # fmt: skip
    return tuple(lines)


def _numbers(what: str, numbers: Mapping[str, Any]) -> list[str]:
    old, new = _part(numbers, "old"), _part(numbers, "new")
    if not old or not new:
        return []

    def both(name: str) -> str:
        return f"{old.get(name, '?')} → {new.get(name, '?')}"

    return [
        tr(
            "{what}: F1 at IoU .5 {f1_50}, at .75 {f1_75}, solved {solved}.",
            what=what, f1_50=both("f1_50"), f1_75=both("f1_75"), solved=both("solved"),
        )
    ]  # fmt: skip


def _part(card: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A part of a card, which is a file that anybody may have changed."""
    part = card.get(name)
    return part if isinstance(part, dict) else {}
