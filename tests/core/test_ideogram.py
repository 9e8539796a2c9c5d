from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from chromview.core.ideogram import RESOLUTIONS, load_ideograms
from chromview.errors import UserError


@pytest.mark.parametrize("bands", RESOLUTIONS)
def test_bands_follow_each_other_without_gap_from_tip_to_tip(bands: int) -> None:
    for ideogram in load_ideograms(bands):
        assert ideogram.bands[0].start == 0
        for before, after in zip(ideogram.bands, ideogram.bands[1:], strict=False):
            assert before.stop == after.start
            assert after.length > 0
            assert (before.arm, after.arm) != ("q", "p")


def test_finer_tables_have_more_bands() -> None:
    counts = [sum(len(ideogram.bands) for ideogram in load_ideograms(bands)) for bands in RESOLUTIONS]
    assert counts == sorted(counts)
    assert counts[0] > 350


def test_arms_are_those_of_the_textbook() -> None:
    ideograms = {ideogram.name: ideogram for ideogram in load_ideograms(550)}
    assert {name for name, ideogram in ideograms.items() if ideogram.acrocentric} == {"13", "14", "15", "21", "22"}
    for name in ("1", "3", "16", "19", "20"):
        assert 0.42 < ideograms[name].centromere < 0.5
    for name in ("4", "5", "18"):
        assert ideograms[name].centromere < 0.3
    assert ideograms["1"].length == max(ideogram.length for ideogram in ideograms.values())
    assert ideograms["21"].length == min(ideogram.length for ideogram in ideograms.values())


def test_profile_keeps_the_total_whatever_the_number_of_steps() -> None:
    ideogram = load_ideograms(850)[0]
    exact = sum(band.density * band.length for band in ideogram.bands) / ideogram.length
    for count in (1, 7, 100, 4000):
        profile = ideogram.profile(lambda band: float(band.density), count)
        assert profile.shape == (count,)
        assert np.isclose(profile.mean(), exact)


def test_profile_shows_single_bands() -> None:
    ideogram = load_ideograms(550)[8]
    profile = ideogram.profile(lambda band: float(band.stain == "gvar"), 1000)
    inside = np.flatnonzero(profile > 0.5) / 1000 * ideogram.length
    block = next(band for band in ideogram.bands if band.stain == "gvar")
    assert np.isclose(inside.min(), block.start, atol=10)
    assert np.isclose(inside.max(), block.stop, atol=10)


def test_unknown_resolution() -> None:
    with pytest.raises(ValueError, match="300"):
        load_ideograms(300)


@pytest.mark.parametrize(
    "content", [None, "nonsense\n1,2\n", "bands,chromosome,arm,band,iscn_start,iscn_stop,stain,density\n"]
)
def test_missing_or_damaged_table_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    monkeypatch.setenv("CHROMVIEW_RESOURCES", str(tmp_path))
    if content is not None:
        (tmp_path / "ideograms.csv").write_text(content)
    with pytest.raises(UserError, match=r"ideograms\.csv"):
        load_ideograms.__wrapped__(550)


@pytest.mark.data
@pytest.mark.parametrize("bands", RESOLUTIONS)
def test_figures_are_those_of_the_source(shared_data: Path, repository: Path, bands: int) -> None:
    with (repository / "resources" / "ideograms.csv").open(newline="") as stream:
        ours = [
            list(row.values())[1:]
            for row in csv.DictReader(line for line in stream if line[0] != "#")
            if row["bands"] == str(bands)
        ]
    with (shared_data / "ideograms" / f"human_GRCh38_{bands}.tsv").open() as stream:
        theirs = [(line.rstrip("\n").split("\t") + [""] * 9)[:9] for line in stream if line[0] != "#"]
    assert ours == theirs
