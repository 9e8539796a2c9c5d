"""What geometry leaves open, settled by what the chromosomes look like.

Where a chromosome cannot be read it may be two that touch, or a part of one. Its cluster is then shown to the networks
once more by itself, and what they see there is read as well. It takes the place of what was found if its chromosomes
are read more clearly and make a likelier cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from chromview.core.alternatives import ALIKE, Alternative, Part, iou, same
from chromview.core.chromosome import Box, Chromosome
from chromview.core.masks import clusters, overlap_area
from chromview.progress import CancelToken
from chromview.vision.again import unprompted
from chromview.vision.assignment import FLOOR, cost_of_cell
from chromview.vision.classifier import Classified
from chromview.vision.instances import CRUMB, SlideScale
from chromview.vision.models import Models
from chromview.vision.reading import Laid, Slide, classify, lay
from chromview.vision.sureness import with_confidence

MOST_OF_A_SLIDE = 100
"""Chromosomes of a slide up to which it is settled. Of several cells the places of one tell nothing, and every question
takes its time."""
UNCLEAR, UNCLEAR_FLUORESCENT = 0.95, 0.75
"""Probability of the likeliest class below which a chromosome is shown again. In fluorescence, where far more are read
with less, asking about those mends as many as it breaks."""
UNREAD = 0.5
"""The same for parts of a larger heap, of which only those are shown again, by themselves."""
WORTH = 1.5
"""Nats by which another way has to be better. Chosen on `val`, as is what the clearness counts."""
TWO = 0.9
"""Share of the median area from which on one that lies alone may be two. Of five on `val` that the networks part
rightly the smallest has 1.15; two of the smallest chromosomes together have less, and are not looked for."""
NOISE = 0.05
"""Nats by which chromosomes may be read less clearly on average without being so."""
JOINED = 0.1
"""Nats by which the worst read chromosome must be read more clearly where there are fewer: it costs nothing on `val`
and `train`, and on a real metaphase it kept two from being joined that were read badly before and after."""
MOST = 4
"""Chromosomes of a cluster that is seen anew. In larger heaps too little is read for the classes to tell anything: on
40 metaphases of `train` ways to see them won none and lost five."""
WITHIN = 0.8
"""Share of a chromosome that may lie on another: one within another is a pattern of its bands."""
OF_READING = 2.0
"""What the clearness of the reading counts beside the cost of the cell."""


@dataclass(frozen=True, eq=False)
class _Way:
    """Another way to see some chromosomes of a cell: their places, what it would be instead, and how that reads."""

    places: tuple[int, ...]
    laid: Laid
    answer: Classified


def settle(
    slide: Slide, laid: Laid, answer: Classified, scale: SlideScale, models: Models, cancel: CancelToken
) -> tuple[Laid, Classified]:
    """The chromosomes of a whole cell, with those that another way of seeing them explains better exchanged.

    Parameters
    ----------
    laid, answer
        The chromosomes as they were found, and what the network says of each.

    Returns
    -------
    Chromosomes and answer anew; where anything was exchanged the ids count from 1, from top to bottom.
    """
    if len(laid) > MOST_OF_A_SLIDE:
        return laid, answer
    seen = list(_ways(slide, laid, answer, scale, models, cancel))
    new = sum((way for _, way in seen), Laid())
    read = classify(new, slide.stain, scale, models, cancel, whole_cell=True, cell=laid.sheets, settled=False)
    ends = np.cumsum([len(way) for _, way in seen])
    answers = [
        Classified(*(part[end - len(way) : end] for part in read)) for (_, way), end in zip(seen, ends, strict=True)
    ]
    taken = _taken(answer, [_Way(*way, said) for way, said in zip(seen, answers, strict=True)])
    if not taken:
        return laid, answer
    known = {c.id for c in laid.chromosomes}
    left = _left(len(laid), *taken)
    laid = sum((way.laid for way in taken), laid.at(left))
    answer = Classified(
        np.concatenate([answer.probabilities[left], *(way.answer.probabilities for way in taken)]),
        np.concatenate([answer.p_up[left], *(way.answer.p_up for way in taken)]),
    )
    boxes = [c.box for c in laid.chromosomes]
    order = sorted(range(len(laid)), key=lambda i: (boxes[i].top, boxes[i].left))
    laid = laid.at(order)
    chromosomes: Sequence[Chromosome] = laid.chromosomes
    if slide.stain.bright_on_dark:
        chromosomes = with_confidence(chromosomes, slide.darkness, {c.id for c in chromosomes} - known)
    numbered = tuple(replace(c, id=i) for i, c in enumerate(chromosomes, start=1))
    return Laid(numbered, laid.stains, laid.sheets), Classified(answer.probabilities[order], answer.p_up[order])


def _groups(chromosomes: Sequence[Chromosome], unread: Sequence[Chromosome]) -> list[tuple[int, ...]]:
    """Ids of what may have to be seen anew together.

    Clusters, chromosomes that lie alone, and, of heaps too large for that, what cannot be read and lies together.
    """
    groups = clusters(chromosomes)
    together = {id for group in groups for id in group}
    in_heaps = {id for group in groups if len(group) > MOST for id in group}
    parts = clusters([c for c in unread if c.id in in_heaps])
    return [
        *(group for group in [*groups, *parts] if len(group) <= MOST),
        *((c.id,) for c in chromosomes if c.id not in together),
    ]


def _taken(answer: Classified, ways: list[_Way]) -> list[_Way]:
    """The ways that are worth it, the best first, each judged with those before it; no two of one chromosome."""
    taken: list[_Way] = []
    while ways:
        gained = [_gain(answer, taken, way) for way in ways]
        best = int(np.argmax(gained))
        if gained[best] <= WORTH:
            break
        taken.append(ways[best])
        ways = [way for way in ways if not set(way.places) & set(taken[-1].places)]
    return taken


def _left(count: int, *ways: _Way) -> list[int]:
    """Places of the chromosomes that none of these ways is about."""
    gone = {place for way in ways for place in way.places}
    return [place for place in range(count) if place not in gone]


def _gain(answer: Classified, taken: Sequence[_Way], way: _Way) -> float:
    """Nats by which a cell is better with a way than without it, others having been taken."""
    rest = answer.probabilities[_left(len(answer.probabilities), *taken, way)]
    others = [other.answer.probabilities for other in taken]
    old, new = answer.probabilities[list(way.places)], way.answer.probabilities
    before, after = _clearness(old), _clearness(new)
    # Fewer chromosomes cost less, however badly they are read.
    if after.mean() < before.mean() - NOISE or (len(new) < len(old) and after.min() < before.min() + JOINED):
        return 0.0
    cheaper = cost_of_cell(np.concatenate([rest, *others, old])) - cost_of_cell(np.concatenate([rest, *others, new]))
    return cheaper + OF_READING * float(after.sum() - before.sum())


def _clearness(probabilities: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Of each chromosome, the logarithm of the likeliest class."""
    return np.asarray(np.log(probabilities.max(axis=1) + FLOOR), np.float32)


def _ways(
    slide: Slide, laid: Laid, answer: Classified, scale: SlideScale, models: Models, cancel: CancelToken
) -> Iterator[tuple[tuple[int, ...], Laid]]:
    """Other ways to see what is not read clearly: which places they are about, and the chromosomes there would be."""
    chromosomes = laid.chromosomes
    place = {c.id: i for i, c in enumerate(chromosomes)}
    usual = float(np.median([c.area for c in chromosomes]))
    cost = cost_of_cell(answer.probabilities)
    read = answer.probabilities.max(axis=1)
    clear = read >= (UNCLEAR_FLUORESCENT if slide.stain.bright_on_dark else UNCLEAR)
    unread = [c for c, sure in zip(chromosomes, read, strict=True) if sure < UNREAD]
    free = 1 + max(place)
    for ids in _groups(chromosomes, unread):
        group = tuple(place[id] for id in ids)
        others = [i for i in range(len(chromosomes)) if i not in group]
        too_small = len(group) == 1 and chromosomes[group[0]].area < TWO * usual
        if too_small or clear[list(group)].all():
            continue
        if not _may_be_worth(answer.probabilities[list(group)], answer.probabilities[others], cost):
            continue
        found, rest = [chromosomes[i] for i in group], [chromosomes[i] for i in others]
        as_found = Alternative("", tuple(Part(c.box, c.mask, c.confidence) for c in found))
        for way in unprompted(slide.darkness, found, rest, models, slide.stain, scale.factor, cancel):
            parts = [_as_chromosome(part, found, id) for id, part in enumerate(way.parts, start=free)]
            free += len(parts)
            crumbs = min(part.area for part in parts) < CRUMB * usual
            if _is_another(way, as_found) and not crumbs and not _one_within_another(parts):
                new = lay(slide, parts, cancel, rest)
                found += new.chromosomes  # what another way sees too has its axis already
                yield group, new


def _may_be_worth(own: npt.NDArray[np.float32], others: npt.NDArray[np.float32], cost: float) -> bool:
    """Whether another way would be taken if each of its chromosomes, one more at most, were of whatever class fits."""
    fitting = np.ones((len(own) + 1, 24), np.float32)
    least = min(cost_of_cell(np.concatenate([others, fitting[:n]])) for n in range(1, len(own) + 2))
    return cost - least - OF_READING * float(_clearness(own).sum()) > WORTH


def _is_another(way: Alternative, as_found: Alternative) -> bool:
    """Whether it is no mere drawing anew of what was found; one that sees far fewer or far more sees something else."""
    parts, before = len(way.parts), len(as_found.parts)
    return abs(parts - before) < 2 and (parts, before) != (1, 1) and not same(way, as_found)


def _one_within_another(parts: Sequence[Chromosome]) -> bool:
    return any(overlap_area(a, b) > WITHIN * min(a.area, b.area) for a, b in combinations(parts, 2))


def _as_chromosome(part: Part, found: Sequence[Chromosome], id: int) -> Chromosome:
    """The chromosome that was found so already, with its axis, or a new one."""
    for chromosome in found:
        if iou(part[:2], (chromosome.box, chromosome.mask)) >= ALIKE:
            return chromosome
    empty = Chromosome(id, Box(0, 0, 0, 0), np.zeros((0, 0), np.bool_), confidence=part.confidence)
    return empty.with_mask(part.box, part.mask)
