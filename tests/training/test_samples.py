"""What the networks are shown while they learn: prompts lie where they should, targets agree with each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from chromview.core._cv import cv2
from chromview.core.chromosome import Stain
from chromview.core.edges import edged
from chromview.training.classifier_samples import (
    Sheets,
    all_sheets,
    augmented,
    karyotype_sheets,
    metaphase_sheets,
    simulated_sheets,
)
from chromview.training.datasets import read_karyotypes, read_metaphases
from chromview.training.segmenter_samples import (
    SegmenterSamples,
    Sources,
    cut_out,
    make_sample,
    open_sources,
    pixel_truth,
    random_prompt,
)
from chromview.training.train_classifier import shuffled
from chromview.vision.canvas import CANVAS, SHEET

SIZE = 96


@pytest.fixture(scope="module")
def sources(data: Path) -> Sources:
    return open_sources(
        read_karyotypes(data / "gband_karyotypes.h5", "train"),
        read_karyotypes(data / "qband_karyotypes.h5", "train"),
        read_metaphases(data / "mfish_dapi.h5", "train"),
    )


def test_what_every_pixel_is() -> None:
    masks = np.zeros((3, 12, 20), bool)
    masks[0, 2:10, 2:6] = True
    masks[1, 4:6, 4:12] = True  # crosses the first
    masks[2, 2:10, 14:18] = True  # two pixels from the second
    foreground, overlap, contact = pixel_truth(masks)
    assert np.array_equal(foreground > 0, masks.any(axis=0))
    assert np.array_equal(overlap > 0, masks[0] & masks[1])
    assert not contact[:, 6:].any()
    # One pixel nearer, and there is a line between them.
    masks[2] = np.roll(masks[2], -1, axis=1)
    contact = pixel_truth(masks)[2] > 0
    assert contact[4:6, 12].all()
    assert not contact[8:, :].any()
    assert not (contact & (masks[0] & masks[1])).any()


def test_touching_chromosomes_have_a_line_and_no_overlap() -> None:
    masks = np.zeros((2, 10, 12), bool)
    masks[0, 2:8, 2:6] = masks[1, 2:8, 6:10] = True
    _, overlap, contact = pixel_truth(masks)
    assert not overlap.any()
    assert contact[2:8, 5:7].all()
    assert not contact[:, :4].any() and not contact[:, 8:].any()


def test_no_chromosomes_no_truth() -> None:
    assert pixel_truth(np.zeros((0, 5, 7), bool)).shape == (3, 5, 7)


def test_a_prompt_marks_the_chromosome_that_is_asked_for() -> None:
    rng = np.random.default_rng(0)
    mask = np.zeros((64, 64), bool)
    mask[10:54, 20:30] = True
    blocked = np.zeros_like(mask)
    blocked[28:36, 15:40] = True
    allowed = cv2.dilate(mask.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    sizes, on_one_side = [], 0
    for _ in range(200):
        prompt = random_prompt(rng, mask, blocked)
        assert prompt.dtype == bool and prompt.shape == mask.shape
        assert (prompt & mask).any()
        # Dabs and pieces may be a little broader than the chromosome, never elsewhere.
        assert not (prompt & ~allowed).any()
        sizes.append(int(prompt.sum()))
        on_one_side += not (prompt[:28].any() and prompt[36:].any())
    assert min(sizes) < 40 and max(sizes) > 150  # dabs and pieces
    assert on_one_side > 100


def test_a_chromosome_that_is_all_overlap_can_be_asked_for() -> None:
    rng = np.random.default_rng(1)
    mask = np.zeros((20, 20), bool)
    mask[5:15, 5:9] = True
    for _ in range(20):
        assert (random_prompt(rng, mask, mask) & mask).any()


def test_samples_are_consistent(sources: Sources) -> None:
    rng = np.random.default_rng(2)
    asked = overlaps = contacts = 0
    for _ in range(80):
        inputs, targets, prompted = make_sample(rng, sources, SIZE)
        assert inputs.shape == (2, SIZE, SIZE) and targets.shape == (4, SIZE, SIZE)
        assert inputs.dtype == targets.dtype == np.float32
        assert np.isfinite(inputs).all()
        assert set(np.unique(targets)) <= {0, 1} and set(np.unique(inputs[1])) <= {0, 1}
        foreground, overlap, contact, chromosome = targets > 0
        assert not (overlap & ~foreground).any()
        assert not (overlap & contact).any()
        assert not (chromosome & ~foreground).any()
        assert prompted == inputs[1].any() == chromosome.any()
        if prompted:
            assert (chromosome & (inputs[1] > 0)).any()
        if foreground.any() and not foreground.all():
            assert inputs[0][foreground].mean() > inputs[0][~foreground].mean()
        asked, overlaps, contacts = asked + prompted, overlaps + overlap.any(), contacts + contact.any()
    assert 40 < asked < 75
    assert overlaps > 30
    assert contacts > 20


def test_windows_of_real_slides_show_the_masks_where_the_stain_is(sources: Sources) -> None:
    rng = np.random.default_rng(3)
    for _ in range(15):
        scene = cut_out(rng, sources.metaphases[0], SIZE)
        assert scene.masks.shape[1:] == scene.darkness.shape == (SIZE, SIZE)
        inside = scene.masks.any(axis=0)
        if inside.sum() > 200:
            away = cv2.dilate(inside.astype(np.uint8), np.ones((7, 7), np.uint8)) == 0
            assert np.median(scene.darkness[inside]) > 2 * np.median(scene.darkness[away])


def test_every_fifth_window_is_of_simulated_slides(sources: Sources) -> None:
    rng = np.random.default_rng(6)
    bright = replace(sources.metaphases[0], darkness=sources.metaphases[0].darkness + 9)
    shown = replace(sources, simulated=(bright,))
    share = np.mean([make_sample(rng, shown, SIZE)[0][0].max() > 5 for _ in range(200)])
    assert 0.1 < share < 0.3


def test_samples_of_g_banding_alone(data: Path) -> None:
    only = open_sources(read_karyotypes(data / "gband_karyotypes.h5", "train"), None, [])
    inputs, _, _ = make_sample(np.random.default_rng(4), only, SIZE)
    assert inputs.shape == (2, SIZE, SIZE)


def test_streams_repeat_by_seed_and_differ_between_seeds(sources: Sources) -> None:
    one, same, other = (next(iter(SegmenterSamples(sources, 3, SIZE, seed))) for seed in (5, 5, 6))
    assert one[0].shape == (3, 2, SIZE, SIZE) and one[1].shape == (3, 4, SIZE, SIZE) and one[2].dtype == torch.bool
    assert all(torch.equal(a, b) for a, b in zip(one, same, strict=True))
    assert not torch.equal(one[0], other[0])


@pytest.fixture(scope="module")
def sheets(data: Path) -> dict[str, Sheets]:
    return all_sheets(data, "train")


def test_sheets_of_every_set(sheets: dict[str, Sheets]) -> None:
    assert set(sheets) == {"gband", "qband", "mfish_dapi"}
    for name, part in sheets.items():
        n = len(part)
        assert 40 <= n <= 50
        assert part.sheets.shape == (n, 1, *SHEET) and part.sheets.dtype == torch.uint8
        assert part.numbers.shape == part.scales.shape == part.lengths.shape == part.polarity_known.shape == (n,)
        assert len(part.cells) == n and len(set(part.cells)) == 1
        assert ((part.numbers >= 1) & (part.numbers <= 24)).all()
        # The polarity is that of the image only where karyograms were cut up.
        assert part.polarity_known.all() == part.polarity_known.any() == (name == "gband")
        assert (part.scales == part.scales[0]).all()
        # Chromosome 1 is longer than chromosome 21 on any stain.
        assert part.lengths[part.numbers == 1].mean() > 1.6 * part.lengths[part.numbers == 21].mean()
    joined = Sheets.joined(list(sheets.values()))
    assert len(joined) == sum(len(part) for part in sheets.values())
    assert joined.cells[-1] == sheets["mfish_dapi"].cells[-1] or len(set(joined.cells)) == 3


def test_g_banded_sheets_have_the_p_arm_up(data: Path) -> None:
    """The image is upright in the file, and the sheet must not turn it."""
    karyotypes = read_karyotypes(data / "gband_karyotypes.h5", "train")
    part = karyotype_sheets(data / "gband_karyotypes.h5", "train")
    agree = 0
    for image, sheet in zip(karyotypes.images, part.sheets[:, 0].numpy(), strict=True):
        rows = np.flatnonzero((sheet > 20).any(axis=1))
        profile = sheet[rows[0] : rows[-1] + 1].sum(axis=1).astype(float)
        ink = 255.0 - image
        drawn = ink[(ink > 20).any(axis=1)].sum(axis=1)
        drawn = np.interp(np.linspace(0, 1, len(profile)), np.linspace(0, 1, len(drawn)), drawn)
        agree += np.corrcoef(profile, drawn)[0, 1] > np.corrcoef(profile[::-1], drawn)[0, 1]
    assert agree >= 44


def test_augmented_batches(sheets: dict[str, Sheets]) -> None:
    part = Sheets.joined(list(sheets.values()))
    chosen = torch.arange(0, len(part), 2)
    x, bright, numbers, up, known = augmented(part, chosen, torch.Generator().manual_seed(1))
    assert x.shape == (len(chosen), 1, *CANVAS)
    assert x.isfinite().all()
    assert torch.equal(numbers, part.numbers[chosen] - 1)
    # Only fluorescent chromosomes have a brightness, and not all of them are told it.
    assert (part.brightness.isnan() == ~part.glows).all()
    told = ~bright.isnan()
    assert not (told & ~part.glows[chosen]).any()
    assert 0.6 < told[part.glows[chosen]].float().mean() < 1
    assert torch.allclose(bright[told], part.brightness[chosen][told], atol=0.25)
    assert torch.equal(known, part.polarity_known[chosen])
    assert 0.25 < up.float().mean() < 0.75
    again = augmented(part, chosen, torch.Generator().manual_seed(1))
    assert torch.equal(x, again.canvases) and torch.equal(up, again.up)
    other = augmented(part, chosen, torch.Generator().manual_seed(2))
    assert not torch.equal(x, other.canvases)


def test_up_is_what_the_canvas_shows() -> None:
    sheet = torch.zeros(80, 1, *SHEET, dtype=torch.uint8)
    sheet[:, :, 60:124, 22:34] = 80
    sheet[:, :, 60:85, 22:34] = 200  # the p arm is dark
    bars = Sheets(
        sheet,
        torch.ones(80, dtype=torch.int64),
        torch.ones(80),
        torch.full((80,), 64.0),
        torch.full((80,), torch.nan),
        torch.ones(80, dtype=torch.bool),
        torch.zeros(80, dtype=torch.bool),
        torch.ones(80),
        ["a"] * 80,
    )
    x, _, _, up, _ = augmented(bars, torch.arange(80), torch.Generator().manual_seed(3))
    middle = CANVAS[0] // 2
    top_heavy = x[:, 0, :middle].sum(dim=(1, 2)) > x[:, 0, middle:].sum(dim=(1, 2))
    assert (top_heavy == up).float().mean() > 0.95


def test_edges_drawn_anew_weigh_as_much_as_one_chromosome(data: Path) -> None:
    drawn = metaphase_sheets(data / "mfish_dapi.h5", "train")
    anew = metaphase_sheets(data / "mfish_dapi.h5", "train", edges=(0.2, 0.5))
    assert len(anew) == 3 * len(drawn)
    assert float(anew.weights.sum()) == pytest.approx(len(drawn)) == pytest.approx(float(drawn.weights.sum()))
    assert len(set(anew.cells)) == 3
    wide, narrow = (anew.lengths[[f"edge {edge}" in cell for cell in anew.cells]] for edge in (0.2, 0.5))
    assert wide.mean() > narrow.mean()


def test_an_edge_falls_where_the_stain_does() -> None:
    rows, columns = np.mgrid[:40, :24]
    stain = np.clip(1.0 - np.abs(columns - 12) / 8.0, 0, 1) * (np.abs(rows - 20) < 15)
    mask = stain > 0.5
    nobody = np.zeros_like(mask)
    areas = [int(edged(stain, mask, nobody, level).sum()) for level in (0.2, 0.35, 0.5, 0.7)]
    assert areas == sorted(areas, reverse=True) and areas[0] > areas[-1]
    neighbour = columns > 15
    assert not (edged(stain, mask, neighbour & ~mask, 0.2) & neighbour & ~mask).any()
    assert np.array_equal(edged(stain * 0, mask, nobody, 0.5), mask)


@pytest.mark.parametrize("stain", [Stain.G_BAND, Stain.DAPI])
def test_simulated_sheets_have_the_p_arm_up(stain: Stain) -> None:
    part = simulated_sheets(stain, 1, seed=7)
    assert len(part) == 46 and part.polarity_known.all() and part.glows.all() == stain.bright_on_dark
    again = simulated_sheets(stain, 1, seed=7)
    assert torch.equal(part.sheets, again.sheets)
    # Of an acrocentric the short arm is up: its narrow upper end holds less stain than the lower one.
    for number in (13, 14, 15):
        for sheet in part.sheets[part.numbers == number, 0].float():
            inked = sheet[sheet.sum(1) > 0]
            third = len(inked) // 4
            assert inked[:third].sum() < inked[-third:].sum()


def test_shares_of_what_is_shown(sheets: dict[str, Sheets]) -> None:
    everything = Sheets.joined(list(sheets.values()))
    generator = torch.Generator().manual_seed(0)
    assert sorted(shuffled(everything, 0.0, generator).tolist()) == list(range(len(everything)))
    many = torch.cat([shuffled(everything, 0.8, generator) for _ in range(20)])
    assert float(everything.glows[many].float().mean()) == pytest.approx(0.8, abs=0.05)
