"""Where a mask and a class come from: which model or person, when, in which step; read from the journal of a slide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from chromview.core.chromosome import Chromosome, DecidedBy, State
from chromview.core.commands import Command, Created, FieldsChanged, MaskChanged, Removed, SlideChanged

MODEL, PERSON = "model", "person"


@dataclass(frozen=True, slots=True)
class Source:
    """Who made something last.

    Attributes
    ----------
    by
        "model" or "person".
    when
        Seconds since 1970; None where the journal does not tell.
    step
        What the step is called, for example "Cut of chromosome 7".
    models
        SHA-256 of each weight file by name, if a model made it and they are known.
    """

    by: str
    when: float | None = None
    step: str = ""
    models: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """For a JSON file; the time in UTC after ISO 8601."""
        return {"by": self.by, "when": iso(self.when), "step": self.step, "models": dict(self.models) or None}


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who made a mask last, who said the class, and who decided on the chromosome (accepted, edited, rejected)."""

    mask: Source
    chromosome_class: Source
    decided: Source | None = None


def iso(when: float | None) -> str | None:
    """Seconds since 1970 as ISO 8601 in UTC, to the second."""
    return None if when is None else datetime.fromtimestamp(when, UTC).isoformat(timespec="seconds")


def provenance(steps: Iterable[tuple[float, Command]], chromosomes: Mapping[int, Chromosome]) -> dict[int, Provenance]:
    """Provenance of each chromosome.

    Parameters
    ----------
    steps
        When each command was done, and the command, in order; without what was taken back.
    chromosomes
        As they are now, by id. One whose making the steps do not tell is judged by its state alone.

    Returns
    -------
    dict
        One entry for each of `chromosomes`. A mask comes from a model as long as it is what the model proposed, also
        after somebody accepted it; what a person painted, cut, joined or made comes from a person.
    """
    masks: dict[int, Source] = {}
    classes: dict[int, Source] = {}
    decided: dict[int, Source] = {}
    states: dict[int, State] = {}
    models: Mapping[str, str] = {}
    for when, command in steps:
        made: set[int] = set()
        classified: dict[int, DecidedBy] = {}
        for change in command.changes:
            match change:
                case Created(chromosome):
                    states[chromosome.id] = chromosome.state
                    made.add(chromosome.id)
                    classified[chromosome.id] = chromosome.decided_by
                case MaskChanged():
                    made.add(change.id)
                case FieldsChanged():
                    if "state" in change.after:
                        states[change.id] = change.after["state"]
                        decided[change.id] = Source(PERSON, when, command.title)
                    if "number" in change.after or "decided_by" in change.after:
                        was = classes[change.id].by if change.id in classes else MODEL
                        kept = DecidedBy.PERSON if was == PERSON else DecidedBy.NETWORK
                        classified[change.id] = change.after.get("decided_by", kept)
                case SlideChanged():
                    models = change.after.get("models") or models
                case Removed():
                    pass
        for id in made:
            by_model = states.get(id, State.PROPOSED) is State.PROPOSED
            masks[id] = Source(MODEL, when, command.title, models) if by_model else Source(PERSON, when, command.title)
        for id, by in classified.items():
            person = by is DecidedBy.PERSON
            classes[id] = Source(PERSON, when, command.title) if person else Source(MODEL, when, command.title, models)
    result = {}
    for id, now in chromosomes.items():
        mask = masks.get(id) or Source(PERSON if now.state is State.EDITED else MODEL)
        said = classes.get(id) or Source(PERSON if now.decided_by is DecidedBy.PERSON else MODEL)
        result[id] = Provenance(mask, said, decided.get(id) if now.state is not State.PROPOSED else None)
    return result


def chromosome_record(
    chromosome: Chromosome, known: Provenance, written: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """What a JSON file says of a chromosome and where it comes from; `written` are its places in other files."""
    return {
        "chromosome_id": chromosome.id,
        "kind": str(chromosome.kind),
        "state": str(chromosome.state),
        "class": chromosome.class_name if chromosome.number else None,
        "class_decided_by": str(chromosome.decided_by),
        "polarity": "p arm up" if chromosome.polarity_confidence else "unknown",
        "mask_from": known.mask.as_json(),
        "class_from": known.chromosome_class.as_json(),
        "decided": known.decided.as_json() if known.decided else None,
        "written_to": list(written),
    }
