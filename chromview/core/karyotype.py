"""Classes, groups and the formula of a karyotype (ISCN), and places for chromosomes.

Nothing here presumes two of each class: a third 21 gets a third place and is written
``+21``, which is what the examination is made for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from chromview.core.chromosome import CLASS_NAMES, Chromosome, Mark, Slot

X = 23
Y = 24
AUTOSOMES = range(1, 23)

GROUPS: Mapping[str, tuple[int, ...]] = {
    "A": (1, 2, 3),
    "B": (4, 5),
    "C": (6, 7, 8, 9, 10, 11, 12, X),
    "D": (13, 14, 15),
    "E": (16, 17, 18),
    "F": (19, 20),
    "G": (21, 22, Y),
}
"""Class numbers of the seven groups of the Denver and Paris conferences; X is of group C, Y of group G."""

ROWS: tuple[tuple[tuple[int, ...], ...], ...] = (
    ((1, 2, 3), (4, 5)),
    ((6, 7, 8, 9, 10, 11, 12),),
    ((13, 14, 15), (16, 17, 18)),
    ((19, 20), (21, 22), (X, Y)),
)
"""The four rows of a laboratory karyogram, from above; in each the blocks from left to right. The
sex chromosomes stand together at the end, whatever their group."""


class Arms(NamedTuple):
    """Lengths of the arms on the ISCN scale, where chromosome 1 is 15,100 long."""

    p: int
    q: int

    @property
    def length(self) -> int:
        return self.p + self.q

    @property
    def centromere_index(self) -> float:
        """Length of the p arm over the whole length, 0..0.5."""
        return self.p / (self.p + self.q)


ARMS: tuple[Arms, ...] = tuple(
    Arms(p, q)
    for p, q in (
        (7394, 7706), (5665, 8735), (5573, 6127), (3095, 8075), (2845, 7755), (3856, 6244),
        (3391, 5959), (2743, 5507), (2634, 5316), (2620, 5430), (3348, 4632), (2105, 5395),
        (1204, 5306), (1222, 5078), (1275, 4795), (2187, 2933), (1618, 3332), (1301, 3349),
        (1880, 2240), (1729, 2041), (1203, 1997), (1232, 2168), (3241, 5369), (883, 2767),
    )
)  # fmt: skip
"""Expected arms of class 1..24, ``ARMS[number - 1]``: NCBI's ideograms of GRCh38 at 550 bands (public domain)."""


def group_of(number: int) -> str:
    """Letter of the group that class `number`, 1..24, belongs to.

    Raises
    ------
    ValueError
        If there is no such class.
    """
    for letter, numbers in GROUPS.items():
        if number in numbers:
            return letter
    raise ValueError(f"there is no class {number}; classes are 1 to 24")


def ploidy(count: int) -> int:
    """Sets of chromosomes that a cell with `count` chromosomes has, by ISCN's ranges.

    Near-haploid up to 34, near-diploid to 57, near-triploid to 80, near-tetraploid to 103, and so on.
    """
    return 1 if count <= 34 else 2 + (count - 35) // 23


def formula_of_cell(chromosomes: Iterable[Chromosome]) -> str:
    """The karyotype of these chromosomes, marks included; rejected ones, nuclei and debris do not count."""
    counted = [c for c in chromosomes if c.in_karyogram]
    return formula(
        (c.number for c in counted if c.mark is not Mark.MARKER),
        derivatives=[c.number for c in counted if c.mark is Mark.DERIVATIVE and c.number],
        markers=sum(c.mark is Mark.MARKER for c in counted),
    )


def formula(numbers: Iterable[int], *, derivatives: Sequence[int] = (), markers: int = 0) -> str:
    """The karyotype of a cell in ISCN's notation, as far as whole chromosomes go.

    Total, sex chromosomes, then what is too many and missing in the order of the
    chromosomes, one entry for each: ``46,XX``, ``47,XY,+21``, ``45,X``, ``48,XXY,+18``.
    A cell far from 46 is written against its own number of sets (``69,XXX``), which is
    named where anything differs from them (``70<3n>,XXY,+21``). Where no sex chromosome was
    found a question mark stands for them: ``44,?``.

    Parameters
    ----------
    numbers
        Class number of each chromosome, 1..24. Zeros, chromosomes without a class, are left
        out of everything: the formula claims nothing about them.
    derivatives
        Class numbers of those among them that are derivatives: ``46,XX,der(9)``, and ``47,XX,+der(9)`` where one is
        too many.
    markers
        How many markers there are besides: ``47,XX,+mar``, ``48,XX,+2mar``.

    Returns
    -------
    The formula, or "" if there is no chromosome with a class.

    Raises
    ------
    ValueError
        If a number is not 0..24.
    """
    counts = Counter(numbers)
    counts.pop(0, None)
    if any(number not in range(1, 25) for number in counts):
        raise ValueError(f"classes are 1 to 24, not {sorted(counts)}")
    total = counts.total() + markers
    if not total:
        return ""
    sets = ploidy(total)
    changed = Counter(derivatives)
    sex = "X" * (counts[X] - changed[X]) + "Y" * (counts[Y] - changed[Y])
    changes = [f"der({CLASS_NAMES[number - 1]})" for number in (X, Y) for _ in range(changed[number])]
    for number in AUTOSOMES:
        name, extra = CLASS_NAMES[number - 1], counts[number] - sets
        gained = min(changed[number], max(extra, 0))  # a derivative beside a whole set of homologues is the gain
        changes += ["-" + name] * -extra + ["+" + name] * (extra - gained)
        changes += [f"+der({name})"] * gained + [f"der({name})"] * (changed[number] - gained)
    if markers:
        changes.append(f"+{markers if markers > 1 else ''}mar")
    level = f"<{sets}n>" if sets != 2 and (changes or len(sex) != sets) else ""
    return ",".join([f"{total}{level}", sex or "?", *changes])


def expected_copies(counts: Mapping[int, int]) -> dict[int, int]:
    """How many places each class should have in a cell, so that what is missing shows as empty.

    Parameters
    ----------
    counts
        Chromosomes of each class that the cell has.

    Returns
    -------
    For class 1..24: the cell's number of sets for an autosome. The sex chromosomes share as
    many: those that are not Y are expected to be X. A cluster's few chromosomes are measured
    against two sets as well.
    """
    total = sum(count for number, count in counts.items() if number)
    sets = max(2, ploidy(total))
    expected = dict.fromkeys(AUTOSOMES, sets)
    expected[Y] = min(counts.get(Y, 0), sets - 1)
    expected[X] = sets - expected[Y]
    return expected


def _reading_order(chromosome: Chromosome) -> tuple[int, int, int]:
    return chromosome.box.left + chromosome.box.right, chromosome.box.top + chromosome.box.bottom, chromosome.id


def free_position(chromosomes: Iterable[Chromosome], number: int) -> int:
    """The first place of class `number` in which none of `chromosomes` stands."""
    taken = {c.slot.position for c in chromosomes if c.in_karyogram and c.slot and c.slot.number == number}
    return next(position for position in range(len(taken) + 1) if position not in taken)


def assign_slots(chromosomes: Sequence[Chromosome]) -> tuple[Chromosome, ...]:
    """The same chromosomes, each with a place in the karyogram.

    Who already stands in a place of its class keeps it, if it is the only one there; the
    others get the first free places of their class, from left to right on the slide. There
    are as many places as chromosomes. Those without a class, and nuclei, debris and
    rejected ones, have none.

    Parameters
    ----------
    chromosomes
        Of one slide.

    Returns
    -------
    In the same order; objects that need no change are the same objects.
    """
    slots: dict[int, Slot] = {}
    taken: set[Slot] = set()
    counted = [index for index, c in enumerate(chromosomes) if c.in_karyogram and c.number]
    for index in counted:
        slot = chromosomes[index].slot
        if slot is not None and slot.number == chromosomes[index].number and slot not in taken:
            slots[index] = slot
            taken.add(slot)
    for index in sorted((i for i in counted if i not in slots), key=lambda i: _reading_order(chromosomes[i])):
        number = chromosomes[index].number
        slot = next(s for s in (Slot(number, p) for p in range(len(counted) + 1)) if s not in taken)
        slots[index] = slot
        taken.add(slot)
    return tuple(
        c if c.slot == slots.get(index) else replace(c, slot=slots.get(index)) for index, c in enumerate(chromosomes)
    )
