"""What people corrected becomes data to learn from: only what a person stands behind, and never too little."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chromview.core.chromosome import DecidedBy, Kind, SlideImage, State
from chromview.core.masks import slide_mask
from chromview.errors import UserError
from chromview.simulate.metaphase import Simulated, simulate_cluster
from chromview.storage.corrections import (
    LEAST_CHROMOSOMES,
    LEAST_CORRECTED,
    LEAST_SLIDES,
    Tally,
    read_corrections,
    tally,
    tally_of,
    write_corrections,
)
from chromview.storage.label_export import LabelSource, Product, export_labels


def source_of(made: Simulated, states: dict[int, State], name: str = "slide.png", **fields: object) -> LabelSource:
    """A slide whose chromosomes have these states, the others were edited."""
    chromosomes = {c.id: replace(c, state=states.get(c.id, State.EDITED)) for c in made.chromosomes}
    image = SlideImage(made.image, path=name, sha256="ab")
    source = LabelSource(name, "case 1", lambda: image, "ab", made.stain, False, chromosomes)
    return replace(source, **fields)


@pytest.fixture(scope="module")
def made() -> Simulated:
    return simulate_cluster(6, seed=4, shape=(200, 200))


def test_only_what_a_person_stands_behind_is_learned(made: Simulated, tmp_path: Path) -> None:
    first, second, third, *rest = (c.id for c in made.countable)
    states = {first: State.PROPOSED, second: State.REJECTED, third: State.ACCEPTED}
    source = source_of(made, states)
    found = write_corrections(tmp_path / "out", [source])
    assert (found.slides, found.whole, found.chromosomes, found.corrected) == (1, 0, len(rest) + 1, len(rest))
    [slide] = read_corrections(tmp_path / "out")
    assert (slide.name, slide.case, slide.stain, slide.whole) == ("slide.png", "case 1", made.stain, False)
    assert np.array_equal(slide.image.pixels, made.image)
    by_id = {c.id: c for c in made.countable}
    masks = [one.mask for one in slide.chromosomes]
    assert all(np.array_equal(mask, by_id[id].mask) for id, mask in zip([third, *rest], masks, strict=True))
    assert [one.by_person for one in slide.chromosomes] == [False, *[True] * len(rest)]
    nobody = slide_mask(by_id[first], made.image.shape) | slide_mask(by_id[second], made.image.shape)
    assert np.array_equal(slide.unjudged, nobody)
    counted, read = tally([source]), tally_of([slide])
    assert counted.summary == read.summary == found.summary


@pytest.mark.parametrize(
    "fields",
    [{"kind": Kind.CUT}, {"kind": Kind.DEBRIS, "decided_by": DecidedBy.CELL, "state": State.ACCEPTED}],
    ids=("cut", "left out"),
)
def test_what_is_cut_by_the_border_or_left_out_is_neither_right_nor_wrong(
    made: Simulated, tmp_path: Path, fields: dict[str, Any]
) -> None:
    source = source_of(made, {})
    cut = next(iter(source.chromosomes))
    chromosomes = dict(source.chromosomes)
    chromosomes[cut] = replace(chromosomes[cut], **{"state": State.PROPOSED, **fields})
    write_corrections(tmp_path / "out", [replace(source, chromosomes=chromosomes)])
    [slide] = read_corrections(tmp_path / "out")
    assert slide.whole and slide.unjudged.sum() == chromosomes[cut].area


def test_a_slide_is_not_whole_before_somebody_looked_at_what_was_left_out(made: Simulated, tmp_path: Path) -> None:
    source = source_of(made, {})
    cut = next(iter(source.chromosomes))
    chromosomes = dict(source.chromosomes)
    left_out = {"kind": Kind.DEBRIS, "decided_by": DecidedBy.CELL, "state": State.PROPOSED}
    chromosomes[cut] = replace(chromosomes[cut], **left_out)
    write_corrections(tmp_path / "out", [replace(source, chromosomes=chromosomes)])
    [slide] = read_corrections(tmp_path / "out")
    assert not slide.whole and slide.unjudged.sum() == chromosomes[cut].area


def test_slides_that_nobody_worked_on_teach_nothing(made: Simulated, tmp_path: Path) -> None:
    untouched = source_of(made, dict.fromkeys([c.id for c in made.chromosomes], State.PROPOSED))
    rejected = source_of(made, {}, left_out="the slide was rejected")
    found = tally([untouched, rejected])
    assert found.slides == 0 and found.notes == ["slide.png is left out: the slide was rejected."]
    assert str(LEAST_SLIDES) in found.too_few and str(LEAST_CHROMOSOMES) in found.too_few
    assert not Tally(LEAST_SLIDES, 0, LEAST_CHROMOSOMES, LEAST_CORRECTED).too_few
    assert "1 more corrected mask needed" in Tally(LEAST_SLIDES, 0, LEAST_CHROMOSOMES, LEAST_CORRECTED - 1).too_few


def test_an_image_that_changed_is_left_out_with_a_sentence(made: Simulated, tmp_path: Path) -> None:
    changed = source_of(made, {}, read=lambda: SlideImage(made.image, sha256="other"))

    def gone() -> SlideImage:
        raise UserError("does not exist", path="slide.png")

    found = write_corrections(tmp_path / "out", [changed, source_of(made, {}, read=gone)])
    assert found.slides == 0 and len(found.notes) == 2
    assert read_corrections(tmp_path / "out") == []


def test_an_export_of_labels_is_read_as_well(made: Simulated, tmp_path: Path) -> None:
    export_labels(tmp_path / "labels", [source_of(made, {}, is_cluster=True)], [Product.COCO])
    [slide] = read_corrections(tmp_path / "labels")
    assert slide.whole and slide.stain is None and len(slide.chromosomes) == len(made.countable)
    assert all(one.by_person for one in slide.chromosomes)


def test_what_is_no_folder_of_corrections_is_said(made: Simulated, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a folder of corrections"):
        read_corrections(tmp_path / "nothing")
    with pytest.raises(UserError, match=r"has no slides\.json"):
        read_corrections(tmp_path)
    write_corrections(tmp_path / "out", [source_of(made, {})])
    path = tmp_path / "out" / "slides.json"
    path.write_text(path.read_text().replace('"counts": "', '"counts": "!'))
    with pytest.raises(UserError, match="is damaged"):
        read_corrections(tmp_path / "out")
