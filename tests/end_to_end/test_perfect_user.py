"""The scripted user of the benchmark brings a spoiled proposal to the truth, with the program's own deeds."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from chromview.core.alternatives import Alternative, iou
from chromview.core.chromosome import Analysis, Chromosome, Kind, Quality, SlideImage, State
from chromview.core.karyotype import assign_slots
from chromview.core.masks import overlap_area
from chromview.simulate.metaphase import simulate_metaphase
from chromview.training.datasets import Instance


def _joined(first: Chromosome, second: Chromosome) -> Chromosome:
    whole = np.zeros((700, 800), bool)
    for c in (first, second):
        whole[c.box.slices] |= c.mask
    return replace(Chromosome.from_slide_mask(first.id, whole), number=first.number, axis=first.axis)


def _halves(chromosome: Chromosome, other_id: int) -> tuple[Chromosome, Chromosome]:
    along = 0 if chromosome.box.height > chromosome.box.width else 1
    middle = chromosome.mask.shape[along] // 2
    far = np.indices(chromosome.mask.shape)[along] >= middle
    near = chromosome.with_mask(chromosome.box, chromosome.mask & ~far)
    return near, replace(chromosome.with_mask(chromosome.box, chromosome.mask & far), id=other_id)


def test_a_spoiled_proposal_is_brought_to_the_truth_and_back(
    qapp: Any, tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(repository / "benchmarks"))
    desk_module, user = importlib.import_module("desk"), importlib.import_module("perfect_user")
    made = simulate_metaphase("46,XX", seed=5, crossings=2, contacts=0, nuclei=1, debris=0)
    there = {c.id: replace(c, state=State.PROPOSED) for c in made.chromosomes}
    counted = [c for c in there.values() if c.kind is Kind.CHROMOSOME]
    pairs = [(a, b) for a in counted for b in counted if a.id < b.id and overlap_area(a, b) > 30]
    crossing = pairs[0]
    alone = [c for c in counted if not any(overlap_area(c, o) for o in counted if o is not c)]
    alone = sorted((c for c in alone if c.area > 300), key=lambda c: -c.area)
    # One that is two, one in two, one taken for debris, a nucleus taken for one, two classes swapped, one upside down.
    there[crossing[0].id] = _joined(*crossing)
    del there[crossing[1].id]
    near, far = _halves(there[alone[0].id], 90)
    there[near.id], there[far.id] = near, far
    there[alone[1].id] = replace(there[alone[1].id], kind=Kind.DEBRIS)
    nucleus = next(c for c in there.values() if c.kind is Kind.NUCLEUS)
    there[nucleus.id] = replace(nucleus, kind=Kind.CHROMOSOME)
    a, b = next((a, b) for a in alone[2:] for b in alone[2:] if a.number < b.number)
    there[a.id], there[b.id] = replace(a, number=b.number), replace(b, number=a.number)
    flipped = next(c for c in alone[2:] if c.id not in (a.id, b.id))
    there[flipped.id] = replace(there[flipped.id], p_up=False)

    def analyse(image: SlideImage, models: Any, **options: Any) -> Analysis:
        chromosomes = assign_slots([replace(c, id=n) for n, c in enumerate(there.values(), start=1)])
        return Analysis(image.shape, made.stain, False, 1.0, chromosomes, "", False, Quality(), {})

    def read(image: SlideImage, chromosomes: Sequence[Chromosome], ids: Any, *rest: Any, **options: Any) -> Any:
        """A reader that makes no mistake."""
        result = []
        for c in chromosomes:
            same = max(counted, key=lambda t: iou((t.box, t.mask), (c.box, c.mask)))
            known = c.id in ids and iou((same.box, same.mask), (c.box, c.mask)) > 0.5
            result.append(replace(c, number=same.number, axis=same.axis, p_up=True) if known else c)
        return tuple(result)

    def ask(*arguments: Any, **options: Any) -> tuple[Alternative, ...]:
        return ()

    instances = []
    for c in counted:
        assert c.axis is not None
        up = c.axis[0] - c.axis[-1]
        up = up / np.hypot(*up)
        instances.append(Instance(c.number, c.box, c.mask, "free", (float(up[0]), float(up[1]))))
    models = SimpleNamespace(description="CPU (test)")
    desk = desk_module.Desk(tmp_path, models, ask, analyse=analyse, reread=read)
    try:
        work = user.work_through(desk, "cell", made.image, instances)
    finally:
        desk.close()
    assert work.wrong_masks == 3 + 3 + 1 + 1
    assert (work.wrong_classes, work.wrong_polarities) == (2, 1)
    assert work.reached_masks and work.reached_all, work.steps
    assert work.undone
    kinds = [kind for _, kind, *_ in work.steps]
    assert {"join", "restore", "reject", "swap", "flip"} <= set(kinds)
    assert work.actions("masks", "class", "polarity") <= 8, work.steps
