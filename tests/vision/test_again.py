"""The model asked again about one cluster, with the shipped networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chromview.core.alternatives import Alternative, by_person, distinct, iou, pairs
from chromview.core.chromosome import Box, Chromosome, DecidedBy, SlideImage, Stain, State
from chromview.errors import Cancelled
from chromview.progress import CancelToken
from chromview.simulate.metaphase import Simulated, simulate_cluster
from chromview.vision.again import OFFERED, ask_again, unprompted
from chromview.vision.models import Models
from chromview.vision.prepare import to_darkness


@pytest.fixture(scope="module")
def crossing() -> Simulated:
    return simulate_cluster(seed=2)


def as_found(made: Simulated) -> list[Chromosome]:
    """The two as one chromosome, as if nothing had cut them."""
    whole = np.zeros(made.image.shape, bool)
    for c in made.chromosomes:
        whole[c.box.slices] |= c.mask
    return [Chromosome.from_slide_mask(1, whole)]


def score(alternative: Alternative, truth: Simulated) -> float:
    """Mean IoU over the true chromosomes; one that is not found counts 0."""
    masks = [(c.box, c.mask) for c in truth.chromosomes]
    parts = [part[:2] for part in alternative.parts]
    return sum(iou(parts[i], masks[j]) for i, j in pairs(parts, masks)) / len(masks)


def test_alternatives_hold_the_truth_and_one_chromosome(models: Models, crossing: Simulated) -> None:
    image = SlideImage(crossing.image)
    seen = ask_again(image, as_found(crossing), [], models, stain=crossing.stain)
    assert max(score(alternative, crossing) for alternative in seen) > 0.75
    assert any(alternative.how == "one chromosome" for alternative in seen)
    assert len(distinct(seen)) == len(seen) > 1
    for alternative in seen:
        for part in alternative.parts:
            assert part.mask.shape == (part.box.height, part.box.width)
            assert part.mask.any()
            assert part.box.intersection(Box(0, 0, *image.shape)) == part.box


def test_with_a_number_there_are_so_many(models: Models, crossing: Simulated) -> None:
    seen = ask_again(SlideImage(crossing.image), as_found(crossing), [], models, stain=crossing.stain, count=2)
    assert {len(alternative.parts) for alternative in seen} == {2}
    assert max(score(alternative, crossing) for alternative in seen) > 0.75
    (one,) = ask_again(SlideImage(crossing.image), as_found(crossing), [], models, stain=crossing.stain, count=1)
    assert len(one.parts) == 1


@pytest.mark.parametrize(("stain", "how"), [(Stain.G_BAND, "pair network"), (Stain.DAPI, "pieces joined")])
def test_what_is_seen_otherwise_when_it_is_shown_otherwise_is_offered_too(
    stain: Stain, how: str, models: Models
) -> None:
    """Heaps of three: the networks are in doubt, and a person has more than one answer of each to choose from."""
    offered = []
    for seed in (2, 4, 6):
        made = simulate_cluster(3, stain=stain, seed=seed, crossing=True, shape=(160, 180))
        ways = ask_again(SlideImage(made.image), as_found(made), [], models, stain=stain)
        assert len(ways) <= OFFERED
        assert ways[-1].how == "one chromosome"
        offered.append([way.how for way in ways].count(how))
    assert max(offered) > 1


@pytest.mark.parametrize("seed", [2, 3, 4, 5])
def test_each_of_two_has_the_confidence_of_its_own_mask(models: Models, seed: int) -> None:
    made = simulate_cluster(seed=seed)
    for way in ask_again(SlideImage(made.image), as_found(made), [], models, stain=made.stain):
        if way.how == "pair network":
            assert all(part.confidence > 0.5 for part in way.parts)


@pytest.mark.parametrize("stain", [Stain.G_BAND, Stain.DAPI])
def test_however_a_cluster_is_shown_the_answers_lie_where_it_lies(stain: Stain, models: Models) -> None:
    ways = []
    for seed in (2, 4, 6, 7):
        made = simulate_cluster(2, stain=stain, seed=seed, crossing=True, shape=(120, 150))
        [cluster] = as_found(made)
        darkness = to_darkness(made.image, stain)
        for way in unprompted(darkness, [cluster], [], models, stain, 1.0, CancelToken()):
            whole = np.zeros(made.image.shape, bool)
            for part in way.parts:
                whole[part.box.slices] |= part.mask
            seen = Chromosome.from_slide_mask(2, whole)
            assert iou((seen.box, seen.mask), (cluster.box, cluster.mask)) > 0.7, way.how
            ways.append(way.how)
    assert set(ways) == {"pieces", "pieces joined" if stain.bright_on_dark else "pair network"}


def test_a_stroke_on_each_chromosome_separates_them(models: Models, crossing: Simulated) -> None:
    strokes = []
    for c in crossing.chromosomes:
        assert c.axis is not None
        strokes.append([(float(y), float(x)) for y, x in c.axis[3:-3:4]])
    seen = ask_again(SlideImage(crossing.image), [], [], models, stain=crossing.stain, strokes=strokes)
    assert seen[0].how == "strokes"
    assert len(seen[0].parts) == 2
    assert score(seen[0], crossing) > 0.75


def test_nothing_stained_has_no_answer(models: Models, crossing: Simulated) -> None:
    image = SlideImage(crossing.image)
    assert ask_again(image, [], [], models, stain=crossing.stain) == ()
    corner = [(1.0, 1.0), (1.0, 3.0)]
    assert ask_again(image, [], [], models, stain=crossing.stain, strokes=[corner]) == ()


def test_it_can_be_cancelled(models: Models, crossing: Simulated) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        ask_again(SlideImage(crossing.image), as_found(crossing), [], models, stain=crossing.stain, cancel=token)


@pytest.mark.parametrize(
    ("fields", "theirs"),
    [
        ({}, False),
        ({"state": State.REJECTED}, False),
        ({"state": State.EDITED}, True),
        ({"state": State.ACCEPTED}, True),
        ({"decided_by": DecidedBy.PERSON}, True),
        ({"axis_placed": True}, True),
    ],
)
def test_what_a_person_did_is_known(fields: dict[str, Any], theirs: bool) -> None:
    assert by_person(Chromosome(1, Box(0, 0, 2, 2), np.ones((2, 2), bool), **fields)) is theirs
