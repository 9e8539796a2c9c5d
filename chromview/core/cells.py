"""A case from its cells: how many of each class every cell has, what most of them have, and the clones.

The formula of a case follows ISCN: clones stand by decreasing number of cells, the normal one last, each with its
cells in square brackets (``47,XY,+21[12]/46,XY[3]``). What counts as a clone is ISCN's rule as well: a gain has to be
seen in two cells, a loss in three, because single chromosomes get lost when cells are spread on glass. Whether a mosaic
is constitutional (``mos``) or acquired cannot be seen in a picture, so neither is written. It is a proposal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from chromview.core.chromosome import CLASS_NAMES, Chromosome, Mark
from chromview.core.doubts import awaits_judgement
from chromview.core.karyotype import AUTOSOMES, X, Y, formula, ploidy

CELLS_OF_GAIN = 2
"""Cells that have to show a further chromosome before it makes a clone (ISCN)."""
CELLS_OF_LOSS = 3
"""Cells that have to lack a chromosome before that makes a clone (ISCN)."""

Counts = tuple[int, ...]
"""How many chromosomes there are of class 1..24."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a case.

    Attributes
    ----------
    name
        Of its slide.
    counts
        Chromosomes of class 1..24.
    without_class
        Chromosomes whose class nobody knows.
    accepted
        Whether a person stands behind every chromosome that counts.
    slide
        Number of the slide in its case, 0 if it has none.
    derivatives, markers
        Classes of the derivatives among `counts`, and how many of `without_class` are markers.
    """

    name: str
    counts: Counts
    without_class: int = 0
    accepted: bool = False
    slide: int = 0
    derivatives: tuple[int, ...] = ()
    markers: int = 0

    @property
    def marked(self) -> bool:
        """Whether a chromosome is a derivative or a marker, which numbers of whole chromosomes do not tell."""
        return bool(self.derivatives) or self.markers > 0

    @property
    def total(self) -> int:
        """Chromosomes, those without a class included."""
        return sum(self.counts) + self.without_class

    @property
    def formula(self) -> str:
        """Its karyotype as far as whole chromosomes go, "" if none has a class."""
        return formula_of(self.counts, self.derivatives, self.markers)


def cell_of(name: str, chromosomes: Iterable[Chromosome], slide: int = 0) -> Cell:
    """The cell that these chromosomes of a slide are; nuclei, debris and rejected ones do not count."""
    everything = list(chromosomes)
    counted = [c for c in everything if c.in_karyogram and c.area]
    numbers = Counter(c.number for c in counted)
    return Cell(
        name,
        tuple(numbers[number] for number in range(1, 25)),
        numbers[0],
        bool(counted) and not any(map(awaits_judgement, everything)),
        slide,
        tuple(sorted(c.number for c in counted if c.mark is Mark.DERIVATIVE and c.number)),
        sum(c.mark is Mark.MARKER for c in counted),
    )


def formula_of(counts: Sequence[int], derivatives: Sequence[int] = (), markers: int = 0) -> str:
    """The karyotype of a cell with this many chromosomes of class 1..24."""
    numbers = (number for number, count in enumerate(counts, start=1) for _ in range(count))
    return formula(numbers, derivatives=derivatives, markers=markers)


class Change(NamedTuple):
    """Where the consensus differs from a normal cell."""

    text: str
    """As in the formula, for example "+21"; for sex chromosomes what there is, "X" or "XXY"."""
    cells: int
    """How many cells show exactly that."""


@dataclass(frozen=True, slots=True)
class Consensus:
    """What most cells have, each class for itself.

    Attributes
    ----------
    counts
        The most frequent number of each class; the sex chromosomes are decided together.
    support
        For each class, how many cells have that number.
    formula
        The karyotype with these counts.
    cells, agreeing
        How many cells there are, and how many have exactly this karyotype.
    changes
        Where it differs from 46,XX and 46,XY, with the cells that show it.
    """

    counts: Counts
    support: Counts
    formula: str
    cells: int
    agreeing: int
    changes: tuple[Change, ...]


def find_consensus(cells: Sequence[Cell]) -> Consensus | None:
    """The consensus of cells, or None if there are none.

    Where two numbers are equally frequent the normal one, then the smaller change from it, is taken: a case with
    one cell for a trisomy and one against it has shown none yet.
    """
    if not cells:
        return None
    sets = _sets(cells)
    counts = [0] * 24
    for number in AUTOSOMES:
        seen = Counter(cell.counts[number - 1] for cell in cells)
        counts[number - 1] = min(seen, key=lambda count: (-seen[count], abs(count - sets), count))
    sexes = Counter(_sex(cell.counts) for cell in cells)
    sex = min(sexes, key=lambda pair: (-sexes[pair], abs(sum(pair) - sets), pair[1], pair))
    counts[X - 1], counts[Y - 1] = sex
    support = [sum(cell.counts[index] == counts[index] for cell in cells) for index in range(24)]
    changes = [
        Change(sign + CLASS_NAMES[number - 1], support[number - 1])
        for number in AUTOSOMES
        for sign in ("+" if counts[number - 1] > sets else "-",) * abs(counts[number - 1] - sets)
    ]
    if sex not in _normal_sexes(sets):
        changes.insert(0, Change("X" * sex[0] + "Y" * sex[1] or "?", sexes[sex]))
    exact = tuple(counts)
    return Consensus(
        exact,
        tuple(support),
        formula_of(exact),
        len(cells),
        sum(cell.counts == exact for cell in cells),
        tuple(changes),
    )


@dataclass(frozen=True, slots=True)
class Clone:
    """Cells of one karyotype, enough of them to be no accident."""

    formula: str
    cells: tuple[Cell, ...]
    normal: bool

    def __str__(self) -> str:
        return f"{self.formula}[{len(self.cells)}]"


class Clones(NamedTuple):
    """The clones of a case in ISCN's order, and the cells that are in none."""

    clones: tuple[Clone, ...]
    others: tuple[Cell, ...]

    @property
    def formula(self) -> str:
        """All clones, "" if there is none."""
        return "/".join(map(str, self.clones))


def find_clones(cells: Sequence[Cell]) -> Clones:
    """Cells of exactly one karyotype together, as far as ISCN calls them a clone.

    A normal cell is one by itself; cells that gained chromosomes are from `CELLS_OF_GAIN` on, cells that lack any
    from `CELLS_OF_LOSS` on. Cells with chromosomes without a class, and with
    derivatives or markers, are in no clone: whether two of those are the same, numbers cannot tell.
    """
    together: dict[Counts, list[Cell]] = {}
    for cell in cells:
        if not cell.without_class and not cell.marked and sum(cell.counts) > 0:
            together.setdefault(cell.counts, []).append(cell)
    clones = []
    for counts, members in together.items():
        normal = _is_normal(counts)
        needed = 1 if normal else CELLS_OF_LOSS if _lacks(counts) else CELLS_OF_GAIN
        if len(members) >= needed:
            clones.append(Clone(formula_of(counts), tuple(members), normal))
    clones.sort(key=lambda clone: (clone.normal, -len(clone.cells), clone.formula))
    inside = {id(cell) for clone in clones for cell in clone.cells}
    return Clones(tuple(clones), tuple(cell for cell in cells if id(cell) not in inside))


def _sets(cells: Sequence[Cell]) -> int:
    """Sets of chromosomes that the cell in the middle has."""
    totals = sorted(sum(cell.counts) for cell in cells)
    return max(2, ploidy(totals[len(totals) // 2]))


def _sex(counts: Sequence[int]) -> tuple[int, int]:
    return counts[X - 1], counts[Y - 1]


def _normal_sexes(sets: int) -> tuple[tuple[int, int], ...]:
    return tuple((sets - y, y) for y in range(sets))


def _is_normal(counts: Sequence[int]) -> bool:
    return all(counts[number - 1] == 2 for number in AUTOSOMES) and _sex(counts) in _normal_sexes(2)


def _lacks(counts: Sequence[int]) -> bool:
    sets = max(2, ploidy(sum(counts)))
    x, y = _sex(counts)
    return x + y < sets or any(counts[number - 1] < sets for number in AUTOSOMES)
