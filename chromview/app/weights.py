"""The weights of the segmenter as the window shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chromview.core.chromosome import Stain
from chromview.places import FLUORESCENT
from chromview.storage.own_weights import SHIPPED, OwnWeights, in_use, own_weights, use
from chromview.texts import tr

__all__ = ["SHIPPED", "WeightsInUse", "WeightsInfo", "choose", "known_weights", "weights_in_use"]


@dataclass(frozen=True, slots=True)
class WeightsInUse:
    """Names of the weights trained on this machine that are used, by kind of slide; "" while the shipped are."""

    bright: str = ""
    fluorescent: str = ""

    def of(self, stain: Stain | None) -> str:
        """Name of those that find the chromosomes of a slide; both if nobody knows yet how it was stained."""
        if stain is not None:
            return self.fluorescent if stain.bright_on_dark else self.bright
        return ", ".join(filter(None, (self.bright, self.fluorescent)))


@dataclass(frozen=True, slots=True)
class WeightsInfo:
    """Weights by name, whether they are used, and what is known of them, line by line."""

    name: str
    used: bool
    lines: tuple[str, ...]


def weights_in_use() -> WeightsInUse:
    """The weights trained on this machine that are used now."""
    bright, fluorescent = in_use(fluorescent=False), in_use(fluorescent=True)
    return WeightsInUse("" if bright is None else bright.name, "" if fluorescent is None else fluorescent.name)


def choose(name: str) -> str:
    """Use these weights from now on; their name, "" for those that ship.

    Raises
    ------
    UserError
        If they are not there any more, or it cannot be written.
    """
    used = use(name)
    return "" if used is None else used.name


def known_weights() -> list[WeightsInfo]:
    """Those that ship, then those trained here, the newest first."""
    now = weights_in_use()
    used = {now.bright, now.fluorescent} - {""}
    shipped = WeightsInfo(SHIPPED, not used, (tr("Trained for the program, on data of several laboratories."),))
    return [shipped, *(WeightsInfo(one.name, one.name in used, _lines(one)) for one in own_weights())]


def _lines(weights: OwnWeights) -> tuple[str, ...]:
    card = weights.card
    data, base = _part(card, "data"), _part(card, "base")
    glows = weights.name.startswith(FLUORESCENT)
    lines = [
        tr("For fluorescent slides.") if glows else tr("For slides in bright field."),
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
