"""A transaction: the only way in which chromosomes change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from chromview.core.chromosome import Chromosome
from chromview.core.commands import Change, Command, Created, Removed, SlideChanged, difference, normal


class Edit:
    """The changes of one transaction, collected until it ends; made by `Document.transaction`."""

    def __init__(self, chromosomes: Mapping[int, Chromosome], fields: Mapping[str, Any], next_id: int) -> None:
        self._old = chromosomes
        self._new = dict(chromosomes)
        self._fields = fields
        self._new_fields = dict(fields)
        self._next_id = next_id
        self._open = True

    @property
    def chromosomes(self) -> Mapping[int, Chromosome]:
        """The chromosomes as they stand in this transaction, by id."""
        return MappingProxyType(self._new)

    @property
    def next_id(self) -> int:
        """Lowest id that was never used on the slide."""
        return self._next_id

    def replace(self, chromosome: Chromosome) -> None:
        """Put `chromosome` in the place of the one with its id; with an empty mask it is removed.

        Raises
        ------
        KeyError
            If there is none with this id.
        RuntimeError
            If the transaction is over.
        """
        self._check(chromosome.id)
        chromosome = normal(chromosome)
        if chromosome.area:
            self._new[chromosome.id] = chromosome
        else:
            del self._new[chromosome.id]

    def add(self, chromosome: Chromosome) -> int:
        """Add a chromosome; id 0 takes the next free id. Returns the id.

        Raises
        ------
        ValueError
            If the id was used before on this slide, or the mask is empty.
        RuntimeError
            If the transaction is over.
        """
        self._check()
        if chromosome.id == 0:
            chromosome = replace(chromosome, id=self._next_id)
        if chromosome.id < self._next_id:
            raise ValueError(f"id {chromosome.id} was used before; the next free one is {self._next_id}")
        chromosome = normal(chromosome)
        if not chromosome.area:
            raise ValueError("the mask of a chromosome must not be empty")
        self._new[chromosome.id] = chromosome
        self._next_id = chromosome.id + 1
        return chromosome.id

    def remove(self, id: int) -> None:
        """Take the chromosome `id` away.

        Raises
        ------
        KeyError
            If there is none with this id.
        RuntimeError
            If the transaction is over.
        """
        self._check(id)
        del self._new[id]

    def set_fields(self, fields: Mapping[str, Any]) -> None:
        """Change what is known about the slide as a whole (JSON values by name)."""
        self._check()
        self._new_fields.update(fields)

    def _check(self, id: int | None = None) -> None:
        if not self._open:
            raise RuntimeError("an edit outside its transaction")
        if id is not None and id not in self._new:
            raise KeyError(id)

    def close(self) -> None:
        """End the transaction: every further edit raises."""
        self._open = False

    def command(self, title: str) -> Command | None:
        """What changed since the beginning, or None if nothing did."""
        changes: list[Change] = [Removed(old) for id, old in self._old.items() if id not in self._new]
        for id, new in self._new.items():
            old = self._old.get(id)
            if old is None:
                changes.append(Created(new))
            elif old is not new:
                changes.extend(difference(old, new))
        names = [n for n, value in self._new_fields.items() if value != self._fields.get(n)]
        if names:
            before, after = {n: self._fields.get(n) for n in names}, {n: self._new_fields[n] for n in names}
            changes.append(SlideChanged(before, after))
        return Command(title, tuple(changes)) if changes else None
