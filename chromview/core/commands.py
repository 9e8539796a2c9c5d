"""Commands: what one edit changed on a slide, small enough to be written at once and kept for ever.

A command holds differences (the rectangle and the mask bits before and after, the old and the
new values of fields), never a copy of the slide. Applied to the chromosomes it was made from
it gives the edited ones, its inverse gives the old ones back exactly.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from chromview.core.chromosome import Arrow, BoolArray, Box, Chromosome, DecidedBy, Kind, Mark, Slot, State

FIELDS: tuple[str, ...] = tuple(f.name for f in fields(Chromosome) if f.name not in {"id", "box", "mask", "_area"})
"""Names of the fields of a chromosome that are not its identity and not its mask."""

_FORMAT = 1


@dataclass(frozen=True, slots=True, eq=False)
class MaskChanged:
    """The mask of chromosome `id` inside `box`: `before` and `after`, bool of the box's shape."""

    id: int
    box: Box
    before: BoolArray
    after: BoolArray


@dataclass(frozen=True, slots=True, eq=False)
class Created:
    """A chromosome that was not there before."""

    chromosome: Chromosome


@dataclass(frozen=True, slots=True, eq=False)
class Removed:
    """A chromosome that is not there any more."""

    chromosome: Chromosome


@dataclass(frozen=True, slots=True, eq=False)
class FieldsChanged:
    """Fields of chromosome `id` by name (see `FIELDS`), before and after."""

    id: int
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class SlideChanged:
    """What is known about the slide as a whole (stain, scale ...), as JSON values by name."""

    before: dict[str, Any]
    after: dict[str, Any]


Change = MaskChanged | Created | Removed | FieldsChanged | SlideChanged


@dataclass(frozen=True, slots=True, eq=False)
class Command:
    """One named edit of one slide: everything that one undo takes back.

    Attributes
    ----------
    title
        What was done, as a noun with its object: "Cut of chromosome 7".
    changes
        In the order in which they are applied.
    """

    title: str
    changes: tuple[Change, ...]

    def inverted(self) -> Command:
        """The command that takes this one back; it has the same title."""
        return Command(self.title, tuple(_inverted(change) for change in reversed(self.changes)))

    @property
    def ids(self) -> frozenset[int]:
        """Ids of all chromosomes that were made, removed or changed."""
        return frozenset(_id(change) for change in self.changes if not isinstance(change, SlideChanged))

    @property
    def box(self) -> Box | None:
        """Smallest rectangle of the slide that holds every changed mask bit; None if no mask changed."""
        return united(_box(change) for change in self.changes)

    @property
    def masks(self) -> bool:
        """Whether any mask was made, removed or changed."""
        return any(isinstance(change, (MaskChanged, Created, Removed)) for change in self.changes)

    @property
    def fields(self) -> bool:
        """Whether anything but masks changed."""
        return any(not isinstance(change, MaskChanged) for change in self.changes)


def united(boxes: Iterable[Box | None]) -> Box | None:
    """Smallest box around all `boxes`; None if there is none."""
    result: Box | None = None
    for box in boxes:
        if box is not None:
            result = box if result is None else result.union(box)
    return result


def normal(chromosome: Chromosome) -> Chromosome:
    """The chromosome as a document keeps it; itself if it is so already.

    Its box is drawn close around its mask and its axis is float32: only then do commands bring
    back exactly what was there, also through bytes.
    """
    mask, axis = chromosome.mask, chromosome.axis
    if axis is not None and axis.dtype != np.float32:
        chromosome = replace(chromosome, axis=axis.astype(np.float32))
    if mask.size and mask[0].any() and mask[-1].any() and mask[:, 0].any() and mask[:, -1].any():
        return chromosome
    return chromosome.with_mask(chromosome.box, mask)


def difference(old: Chromosome, new: Chromosome) -> list[Change]:
    """The changes that make `new` from `old`; both have the same id and close boxes.

    Only the two boxes are looked at, never the slide.
    """
    changes: list[Change] = []
    mask = _mask_difference(old, new)
    if mask is not None:
        changes.append(mask)
    names = [name for name in FIELDS if not _same(getattr(old, name), getattr(new, name))]
    if names:
        changes.append(FieldsChanged(old.id, {n: getattr(old, n) for n in names}, {n: getattr(new, n) for n in names}))
    return changes


def same(first: Chromosome, second: Chromosome) -> bool:
    """Whether two chromosomes are equal in everything: id, box, mask and fields."""
    return (
        first.id == second.id
        and first.box == second.box
        and np.array_equal(first.mask, second.mask)
        and all(_same(getattr(first, name), getattr(second, name)) for name in FIELDS)
    )


def apply(chromosomes: Mapping[int, Chromosome], command: Command) -> dict[int, Chromosome]:
    """The chromosomes after `command`; the ones given stay as they are.

    Raises
    ------
    ValueError
        If the command was not made from these chromosomes (an id is missing or taken, or the
        bits or fields before are others).
    """
    result = dict(chromosomes)
    for change in command.changes:
        match change:
            case Created(chromosome):
                if chromosome.id in result:
                    raise ValueError(f"chromosome {chromosome.id} is there already")
                result[chromosome.id] = chromosome
            case Removed(chromosome):
                if not same(_get(result, chromosome.id), chromosome):
                    raise ValueError(f"chromosome {chromosome.id} is not the one to remove")
                del result[chromosome.id]
            case MaskChanged():
                result[change.id] = _with_bits(_get(result, change.id), change)
            case FieldsChanged():
                old = _get(result, change.id)
                if not all(_same(getattr(old, name), value) for name, value in change.before.items()):
                    raise ValueError(f"the fields of chromosome {change.id} are not the ones to change")
                result[change.id] = replace(old, **change.after)
            case SlideChanged():
                pass
    return dict(sorted(result.items()))


def joined(commands: Sequence[Command]) -> Command:
    """Several commands, one after the other, as one with the title of the first."""
    return Command(commands[0].title, tuple(change for command in commands for change in command.changes))


def _get(chromosomes: Mapping[int, Chromosome], id: int) -> Chromosome:
    try:
        return chromosomes[id]
    except KeyError:
        raise ValueError(f"there is no chromosome {id}") from None


def _id(change: MaskChanged | Created | Removed | FieldsChanged) -> int:
    return change.chromosome.id if isinstance(change, (Created, Removed)) else change.id


def _box(change: Change) -> Box | None:
    match change:
        case MaskChanged():
            return change.box
        case Created(chromosome) | Removed(chromosome):
            return chromosome.box
        case _:
            return None


def _inverted(change: Change) -> Change:
    match change:
        case MaskChanged():
            return MaskChanged(change.id, change.box, change.after, change.before)
        case Created(chromosome):
            return Removed(chromosome)
        case Removed(chromosome):
            return Created(chromosome)
        case FieldsChanged():
            return FieldsChanged(change.id, change.after, change.before)
        case SlideChanged():
            return SlideChanged(change.after, change.before)


def _same(first: object, second: object) -> bool:
    if isinstance(first, np.ndarray) or isinstance(second, np.ndarray):
        return (
            isinstance(first, np.ndarray)
            and isinstance(second, np.ndarray)
            and first.dtype == second.dtype
            and np.array_equal(first, second)
        )
    return first == second


def _placed(chromosome: Chromosome, box: Box) -> BoolArray:
    """The mask of `chromosome` inside `box`, which holds the chromosome's own box."""
    bits = np.zeros((box.height, box.width), bool)
    top, left = chromosome.box.top - box.top, chromosome.box.left - box.left
    bits[top : top + chromosome.box.height, left : left + chromosome.box.width] = chromosome.mask
    return bits


def _mask_difference(old: Chromosome, new: Chromosome) -> MaskChanged | None:
    if old.mask is new.mask and old.box == new.box:
        return None
    whole = old.box.union(new.box)
    before, after = _placed(old, whole), _placed(new, whole)
    changed = before ^ after
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    if not rows.size:
        return None
    part = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    box = Box(
        whole.top + part[0].start, whole.left + part[1].start, whole.top + part[0].stop, whole.left + part[1].stop
    )
    return MaskChanged(old.id, box, before[part].copy(), after[part].copy())


def _with_bits(chromosome: Chromosome, change: MaskChanged) -> Chromosome:
    whole = chromosome.box.union(change.box)
    bits = _placed(chromosome, whole)
    top, left = change.box.top - whole.top, change.box.left - whole.left
    region = bits[top : top + change.box.height, left : left + change.box.width]
    if not np.array_equal(region, change.before):
        raise ValueError(f"the mask of chromosome {change.id} is not the one to change")
    region[:] = change.after
    return chromosome.with_mask(whole, bits)


# Bytes: one version byte, then zlib of (length of the JSON, JSON, arrays one after the other).
# JSON keeps float64 exactly; masks are packed to bits and axes kept as float32, both outside the
# JSON. zlib carries a checksum, so a flipped bit on the disk is found and never becomes a mask.


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be kept in a command")


class _Writer:
    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def bits(self, mask: BoolArray) -> int:
        self.parts.append(np.packbits(mask).tobytes())
        return len(self.parts) - 1

    def axis(self, axis: npt.NDArray[np.float32] | None) -> int | None:
        if axis is None:
            return None
        self.parts.append(np.ascontiguousarray(axis, dtype="<f4").tobytes())
        return len(self.parts) - 1

    def fields(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self.axis(value) if name == "axis" else value for name, value in values.items()}

    def chromosome(self, chromosome: Chromosome) -> dict[str, Any]:
        return {
            "id": chromosome.id,
            "box": chromosome.box,
            "mask": self.bits(chromosome.mask),
            "fields": self.fields({name: getattr(chromosome, name) for name in FIELDS}),
        }

    def change(self, change: Change) -> dict[str, Any]:
        match change:
            case MaskChanged():
                bits = {"before": self.bits(change.before), "after": self.bits(change.after)}
                return {"what": "mask", "id": change.id, "box": change.box, **bits}
            case Created(chromosome):
                return {"what": "created", "chromosome": self.chromosome(chromosome)}
            case Removed(chromosome):
                return {"what": "removed", "chromosome": self.chromosome(chromosome)}
            case FieldsChanged():
                before, after = self.fields(change.before), self.fields(change.after)
                return {"what": "fields", "id": change.id, "before": before, "after": after}
            case SlideChanged():
                return {"what": "slide", "before": change.before, "after": change.after}

    def finish(self, record: dict[str, Any]) -> bytes:
        record["lengths"] = [len(part) for part in self.parts]
        head = json.dumps(record, separators=(",", ":"), default=_plain).encode()
        packed = zlib.compress(b"".join((struct.pack("<I", len(head)), head, *self.parts)), 1)
        return bytes((_FORMAT,)) + packed


class _Reader:
    def __init__(self, data: bytes) -> None:
        if not data or data[0] != _FORMAT:
            raise ValueError("unknown format of a command")
        raw = zlib.decompress(data[1:])
        (length,) = struct.unpack_from("<I", raw)
        self.record: dict[str, Any] = json.loads(raw[4 : 4 + length])
        self.parts: list[bytes] = []
        position = 4 + length
        for size in self.record["lengths"]:
            self.parts.append(raw[position : position + size])
            position += size

    def bits(self, index: int, box: Box) -> BoolArray:
        packed = np.frombuffer(self.parts[index], np.uint8)
        count = box.height * box.width
        return np.unpackbits(packed, count=count).astype(bool).reshape(box.height, box.width)

    def fields(self, values: dict[str, Any]) -> dict[str, Any]:
        # A field that a later version adds keeps its default here; one that it drops is left out.
        return {name: self.field(name, value) for name, value in values.items() if name in FIELDS}

    def field(self, name: str, value: Any) -> Any:
        match name:
            case "kind":
                return Kind(value)
            case "state":
                return State(value)
            case "decided_by":
                return DecidedBy(value)
            case "doubts":
                return tuple(value)
            case "mark":
                return Mark(value)
            case "arrows":
                return tuple(Arrow(*one) for one in value)
        if value is None:
            return None
        match name:
            case "axis":
                return np.frombuffer(self.parts[value], "<f4").reshape(-1, 2).astype(np.float32)
            case "probabilities":
                return tuple(value)
            case "slot":
                return Slot(*value)
        return value

    def chromosome(self, record: dict[str, Any]) -> Chromosome:
        box = Box(*record["box"])
        return Chromosome(
            id=record["id"], box=box, mask=self.bits(record["mask"], box), **self.fields(record["fields"])
        )

    def change(self, record: dict[str, Any]) -> Change:
        match record["what"]:
            case "mask":
                box = Box(*record["box"])
                before, after = self.bits(record["before"], box), self.bits(record["after"], box)
                return MaskChanged(record["id"], box, before, after)
            case "created":
                return Created(self.chromosome(record["chromosome"]))
            case "removed":
                return Removed(self.chromosome(record["chromosome"]))
            case "fields":
                return FieldsChanged(record["id"], self.fields(record["before"]), self.fields(record["after"]))
            case "slide":
                return SlideChanged(record["before"], record["after"])
        raise ValueError(f"unknown change {record['what']!r}")


def to_bytes(command: Command) -> bytes:
    """The command as bytes: JSON and packed mask bits, compressed, with a checksum."""
    writer = _Writer()
    changes = [writer.change(change) for change in command.changes]
    return writer.finish({"title": command.title, "changes": changes})


def from_bytes(data: bytes) -> Command:
    """The command that `to_bytes` wrote.

    Raises
    ------
    ValueError
        If the bytes are damaged or of an unknown format.
    """
    try:
        reader = _Reader(data)
        record = reader.record
        return Command(record["title"], tuple(reader.change(change) for change in record["changes"]))
    except (zlib.error, struct.error, KeyError, IndexError, TypeError, UnicodeDecodeError) as error:
        raise ValueError(f"a damaged command: {error}") from error


def chromosome_to_bytes(chromosome: Chromosome) -> bytes:
    """One chromosome as bytes, in the same way as a command."""
    writer = _Writer()
    return writer.finish({"chromosome": writer.chromosome(chromosome)})


def chromosome_from_bytes(data: bytes) -> Chromosome:
    """The chromosome that `chromosome_to_bytes` wrote.

    Raises
    ------
    ValueError
        If the bytes are damaged or of an unknown format.
    """
    try:
        reader = _Reader(data)
        return reader.chromosome(reader.record["chromosome"])
    except (zlib.error, struct.error, KeyError, IndexError, TypeError, UnicodeDecodeError) as error:
        raise ValueError(f"a damaged chromosome: {error}") from error
