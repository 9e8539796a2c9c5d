"""How many actions a person who makes no mistake needs to bring slides to the truth.

A slide is analysed as the window does it. Then a scripted user who knows the truth, and who looks ahead at what each
action would do, takes by turns the action that mends most, by the same deeds that the window's tools and actions call.
Slides are cells composed of single chromosomes (`*_karyotypes.h5`, the same cells as in `chromview evaluate`) or
metaphases with truth (`mfish_dapi.h5`).

    python benchmarks/perfect_user.py --data gband_karyotypes.h5 --split val --cells 8

What is reached: first every true chromosome has a mask of its own (IoU 0.75 or more) and nothing else counts as a
chromosome ("masks"); then each of them stands in a place of its class and, where the truth knows it, has its p arm up
("all").

One action is one gesture that changes the slide or asks the model: a line that cuts or is drawn along a chromosome,
an outline of the lasso, a stroke of brush or eraser from press to release, a click (or drag) of the magic outline,
join, split overlap, reject, restore, a class that is typed, a swap, a flip. Asking the model again counts as two, once
for the question (with its number) and once for the answer that is taken, and each stroke that is drawn as a hint as one
more. Not counted as actions are selecting what an action is about (`selections`), taking a tool in hand, what it may
paint over and its size (`settings`), and accepting what is right and still waits to be looked at (`to_confirm`); they
stand beside.

At the end everything is undone, and the proposal must be there again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from desk import Desk, Standing, Truth
from gestures import Gesture, Hand

from chromview.app.selection import doubtful
from chromview.core.chromosome import Chromosome
from chromview.core.commands import same
from chromview.training.datasets import Instance, read_karyotypes, read_metaphases
from chromview.training.evaluate_classes import holds_metaphases
from chromview.training.scenes import composed_cells
from chromview.vision.models import Models

PATIENCE = 120
"""Actions on one slide after which it counts as not reached."""

Watch = Callable[[Desk, Truth, str], None]


@dataclass
class Work:
    """What a slide needed.

    Attributes
    ----------
    steps
        Stage ("masks", "class", "polarity"), kind, cost, and how much was wrong before and after each action.
    wrong_masks, wrong_classes, wrong_polarities
        Of the proposal; classes and polarities among what has the right mask.
    selections, settings
        Changes of the selection and of tools that the actions needed.
    to_confirm
        Doubtful chromosomes of the proposal.
    reached_masks, reached_all, undone
        Whether the truth was reached, and the proposal again at the end.
    """

    name: str
    chromosomes: int
    steps: list[tuple[str, str, int, int, int]] = field(default_factory=list)
    wrong_masks: int = 0
    wrong_classes: int = 0
    wrong_polarities: int = 0
    selections: int = 0
    settings: int = 0
    to_confirm: int = 0
    reached_masks: bool = False
    reached_all: bool = False
    undone: bool = False
    seconds: float = 0.0

    def actions(self, *stages: str) -> int:
        """Actions of some stages: "masks", "class", "polarity"."""
        return sum(cost for stage, _, cost, _, _ in self.steps if stage in stages)


def work_through(
    desk: Desk,
    name: str,
    pixels: npt.NDArray[np.uint8],
    instances: Sequence[Instance],
    seed: int = 0,
    watch: Watch | None = None,
) -> Work:
    """Bring one slide to the truth and take everything back again."""
    started = time.perf_counter()
    desk.show(name, pixels)
    truth = Truth(instances)
    hand = Hand(desk, truth, seed)
    proposal = dict(desk.chromosomes)
    work = Work(name, len(instances), to_confirm=len(doubtful(proposal)))
    standing = truth.of(desk.counted)
    work.wrong_masks = standing.wrong
    work.wrong_classes = len(wrong_classes(truth, standing, desk.counted))
    work.wrong_polarities = len(wrong_polarities(truth, standing, desk.counted))
    counter = _Counter(desk, work)
    if watch is not None:
        watch(desk, truth, "proposal")
    work.reached_masks = _mend(desk, hand, truth, work)
    work.reached_all = work.reached_masks and _name(desk, truth, work)
    counter.stop()
    if watch is not None:
        watch(desk, truth, "end")
    desk.undo_all()
    now = desk.chromosomes
    work.undone = list(now) == list(proposal) and all(same(now[id], proposal[id]) for id in now)
    work.seconds = time.perf_counter() - started
    return work


class _Counter:
    """Counts, while actions are done and not only tried, what is selected and what is set."""

    def __init__(self, desk: Desk, work: Work) -> None:
        self._desk, self._work = desk, work
        desk.controller.selection.changed.connect(self._selected)
        desk.controller.tools.changed.connect(self._set)

    def _selected(self) -> None:
        selection = self._desk.controller.selection
        if self._desk.doing and selection.chromosome is not None:
            self._work.selections += 1 if selection.second is None else 2

    def _set(self) -> None:
        self._work.settings += self._desk.doing

    def stop(self) -> None:
        self._desk.controller.selection.changed.disconnect(self._selected)
        self._desk.controller.tools.changed.disconnect(self._set)


# -- masks -------------------------------------------------------------------------------


def _mend(desk: Desk, hand: Hand, truth: Truth, work: Work) -> bool:
    """Bring the masks to the truth; whether that was possible."""
    while work.actions("masks") < PATIENCE:
        counted = desk.counted
        standing = truth.of(counted)
        if not standing.wrong:
            return True
        regions = hand.regions(standing, counted)
        chosen = _best(desk, hand, truth, standing, counted, *regions[0])
        if chosen is None:
            return False
        desk.do(chosen.deed)
        after = truth.of(desk.counted)
        work.steps.append(("masks", chosen.kind, chosen.cost, standing.wrong, after.wrong))
        truth.forget()
    return False


def _best(
    desk: Desk, hand: Hand, truth: Truth, standing: Standing, counted: Sequence[Chromosome],
    truths: Sequence[int], extras: Sequence[int],
) -> Gesture | None:  # fmt: skip
    """The gesture that mends most of a region for what it costs; None if none mends anything."""
    best: tuple[tuple[float, float], Gesture] | None = None

    def consider(gestures: Iterator[Gesture]) -> None:
        nonlocal best
        for gesture in gestures:
            if gesture.masks is not None:
                after = truth.standing(gesture.masks)
            else:
                tried = desk.tried(gesture.deed)
                if tried is None:
                    continue
                after = truth.of(tried)
            value = (standing.wrong - after.wrong) / gesture.cost, after.likeness - standing.likeness
            if after.wrong < standing.wrong and (best is None or value > (best[0][0] + 1e-9, best[0][1] + 0.02)
                                                 or value[0] > best[0][0] + 1e-9):  # fmt: skip
                best = value, gesture

    consider(hand.for_masks(standing, counted, truths, extras))
    wrong = len(truths) + len(extras)
    near = [int(standing.ious[t].argmax()) for t in truths if standing.ious.size and standing.ious[t].max() > 0.02]
    for index in dict.fromkeys((*extras[:1], *near[:1])):
        if best is None or best[0][0] < wrong / 2:
            consider(hand.for_asking(counted, counted[index].id))
            _, inside = hand.cluster_of(counted, counted[index].id)
            if best is None or best[0][0] < wrong / (2 + len(inside)):
                consider(hand.for_asking(counted, counted[index].id, strokes=True))
    return None if best is None else best[1]


# -- classes and polarity ----------------------------------------------------------------


def matched(standing: Standing, counted: Sequence[Chromosome]) -> Iterator[tuple[int, Chromosome]]:
    """Truths and the chromosomes that solve them."""
    for t, c in enumerate(standing.match):
        if c >= 0:
            yield t, counted[int(c)]


def wrong_classes(truth: Truth, standing: Standing, counted: Sequence[Chromosome]) -> dict[int, int]:
    """Id -> true class of chromosomes that stand in no place of their class."""
    return {
        chromosome.id: truth.instances[t].number
        for t, chromosome in matched(standing, counted)
        if chromosome.slot is None or chromosome.slot.number != truth.instances[t].number
    }


def wrong_polarities(truth: Truth, standing: Standing, counted: Sequence[Chromosome]) -> list[int]:
    """Ids of chromosomes whose p arm is down."""
    found = []
    for t, chromosome in matched(standing, counted):
        up = truth.instances[t].up
        if up is None or chromosome.axis is None:
            continue
        first, last = chromosome.axis[0], chromosome.axis[-1]
        if (float(np.dot(first - last, up)) > 0) != chromosome.p_up:
            found.append(chromosome.id)
    return found


def _name(desk: Desk, truth: Truth, work: Work) -> bool:
    """Give every chromosome its class and polarity; whether that was possible."""

    def wrong(counted: Sequence[Chromosome]) -> dict[int, int]:
        return wrong_classes(truth, truth.of(counted), counted)

    while work.actions("class") < PATIENCE:
        waiting = wrong(desk.counted)
        if not waiting:
            break
        best: tuple[int, Gesture] | None = None
        for gesture in _for_classes(desk, waiting):
            tried = desk.tried(gesture.deed)
            left = len(waiting) if tried is None else len(wrong(tried))
            # A class that is typed stays, so that typing ends even where others move for it.
            if (gesture.kind == "set class" or left < len(waiting)) and (best is None or left < best[0]):
                best = left, gesture
        if best is None:
            return False
        desk.do(best[1].deed)
        work.steps.append(("class", best[1].kind, 1, len(waiting), len(wrong(desk.counted))))
    else:
        return False
    while work.actions("polarity") < PATIENCE:
        down = wrong_polarities(truth, truth.of(desk.counted), desk.counted)
        if not down:
            return not wrong(desk.counted)
        desk.do(_flip(desk, down[0]))
        after = wrong_polarities(truth, truth.of(desk.counted), desk.counted)
        work.steps.append(("polarity", "flip", 1, len(down), len(after)))
    return False


def _for_classes(desk: Desk, waiting: dict[int, int]) -> Iterator[Gesture]:
    def type_class(id: int, number: int) -> Callable[[], object]:
        def deed() -> None:
            desk.controller.selection.select(id)
            desk.performer.set_class(number)

        return deed

    def swap(id: int, other: int) -> Callable[[], object]:
        def deed() -> None:
            desk.controller.selection.select(id, other)
            desk.performer.perform("karyogram.swap")

        return deed

    there = desk.chromosomes
    for id, number in waiting.items():
        yield Gesture("set class", type_class(id, number))
        for other, wanted in waiting.items():
            slot, others = there[id].slot, there[other].slot
            if id < other and slot is not None and others is not None and slot.number == wanted:
                yield Gesture("swap", swap(id, other))


def _flip(desk: Desk, id: int) -> Callable[[], object]:
    def deed() -> None:
        desk.controller.selection.select(id)
        desk.performer.perform("chromosome.flip")

    return deed


# -- figures -----------------------------------------------------------------------------


def summary(works: Sequence[Work]) -> dict[str, Any]:
    """Medians a cell, and actions by kind."""
    masks = [w.actions("masks") for w in works]
    everything = [w.actions("masks", "class", "polarity") for w in works]

    def spread(values: Sequence[float]) -> dict[str, float]:
        low, middle, high = np.percentile(values, (25, 50, 75))
        return {"median": float(middle), "quartiles": [float(low), float(high)],
                "mean": round(float(np.mean(values)), 2), "most": float(max(values))}  # fmt: skip

    kinds: Counter[str] = Counter()
    mended: Counter[str] = Counter()
    for work in works:
        for stage, kind, cost, before, after in work.steps:
            kinds[f"{stage}: {kind}"] += cost
            mended[f"{stage}: {kind}"] += before - after
    return {
        "cells": len(works),
        "actions_masks": spread(masks),
        "actions_all": spread(everything),
        "wrong_in_proposal": {
            "masks": spread([w.wrong_masks for w in works]),
            "classes": spread([w.wrong_classes for w in works]),
            "polarities": spread([w.wrong_polarities for w in works]),
        },
        "reached_masks": sum(w.reached_masks for w in works),
        "reached_all": sum(w.reached_all for w in works),
        "undone": sum(w.undone for w in works),
        "selections_median": float(np.median([w.selections for w in works])),
        "settings_median": float(np.median([w.settings for w in works])),
        "to_confirm_median": float(np.median([w.to_confirm for w in works])),
        "by_action": {kind: {"actions": count, "mended": mended[kind]} for kind, count in kinds.most_common()},
    }


def slides_of(path: Path, split: str, cells: int | None, seed: int) -> Iterator[tuple[str, Any, Sequence[Instance]]]:
    """Name, image and true chromosomes of the slides of a part."""
    if holds_metaphases(path):
        for metaphase in read_metaphases(path, split)[:cells]:
            yield metaphase.name, metaphase.image, metaphase.instances
    else:
        for cell in composed_cells(read_karyotypes(path, split), cells or 40, seed):
            yield cell.name, cell.image, cell.instances


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="a *_karyotypes.h5 file, or mfish_dapi.h5")
    parser.add_argument("--split", default="val", choices=("train", "val", "test"))
    parser.add_argument("--cells", type=int, help="the first so many; all, 40 composed ones, if left away")
    parser.add_argument("--seed", type=int, default=0, help="of the composition, and of the trembling of the hand")
    parser.add_argument("--verbose", action="store_true", help="every action")
    options = parser.parse_args()
    works = []
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder), Models.load())
        for name, image, instances in slides_of(options.data, options.split, options.cells, options.seed):
            work = work_through(desk, name, image, instances, options.seed)
            works.append(work)
            line = {
                "cell": name, "masks": work.actions("masks"), "class": work.actions("class"),
                "polarity": work.actions("polarity"), "reached": work.reached_all, "undone": work.undone,
                "seconds": round(work.seconds, 1),
            }  # fmt: skip
            print(json.dumps({**line, **({"steps": work.steps} if options.verbose else {})}), flush=True)
        desk.close()
    print(json.dumps(summary(works), indent=1))


if __name__ == "__main__":
    main()
