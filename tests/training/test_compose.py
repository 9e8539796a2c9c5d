"""Composed scenes: the truth is exact, so that what is learned from it and measured on it is right."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from chromview.core._cv import cv2
from chromview.core.chromosome import Box, Stain
from chromview.training.compose import (
    Bank,
    Patch,
    Placed,
    bounding_box,
    cluster_of,
    cross,
    photographed,
    render,
    shared,
    soiled,
    strangers,
    touch,
    touch_along,
    turned,
)
from chromview.training.datasets import Karyotypes, read_karyotypes, read_metaphases
from chromview.training.scenes import ComposedCell, composed_cells, composed_pairs


@pytest.fixture(scope="module")
def karyotypes(data: Path) -> Karyotypes:
    return read_karyotypes(data / "gband_karyotypes.h5", "val")


@pytest.fixture(scope="module")
def bank(karyotypes: Karyotypes) -> Bank:
    return Bank([karyotypes])


def block(height: int, width: int, darkness: float = 0.5, number: int = 1) -> Patch:
    mask = np.ones((height, width), bool)
    return Patch(mask * np.float32(darkness), mask, number)


def test_a_bank_hands_out_what_it_was_given(bank: Bank, karyotypes: Karyotypes, data: Path) -> None:
    assert len(bank) == len(karyotypes)
    for index in (0, 20, 45):
        patch = bank[index]
        assert patch.number == karyotypes.numbers[index]
        assert patch.mask.shape == karyotypes.images[index].shape
        assert not patch.darkness[~patch.mask].any()
        assert 0.2 < np.median(patch.darkness[patch.mask]) < 1
    metaphases = read_metaphases(data / "mfish_dapi.h5", "val")
    free = [i for i in metaphases[0].instances if i.kind == "free"]
    fluorescent = Bank([], metaphases)
    assert len(fluorescent) == len(free)
    assert fluorescent[0].number == free[0].number
    assert np.percentile(fluorescent[0].darkness[fluorescent[0].mask], 80) == pytest.approx(0.7, abs=0.1)


@pytest.mark.parametrize("angle", [8, 37, 123, 233])
@pytest.mark.parametrize("scale", [0.7, 1.0, 1.5])
def test_turning_keeps_area_and_stain(bank: Bank, angle: float, scale: float) -> None:
    patch = bank[0]
    result = turned(patch, angle, scale)
    assert result.mask.sum() == pytest.approx(scale**2 * patch.mask.sum(), rel=0.06)
    assert result.darkness[result.mask].mean() == pytest.approx(patch.darkness[patch.mask].mean(), rel=0.06)
    assert result.mask[0].any() and result.mask[-1].any() and result.mask[:, 0].any() and result.mask[:, -1].any()
    assert result.number == patch.number


def test_a_mirror_image(bank: Bank) -> None:
    usual, mirrored = turned(bank[4], 37), turned(bank[4], 37, mirrored=True)
    assert np.array_equal(mirrored.mask, usual.mask[:, ::-1])
    assert np.array_equal(mirrored.darkness, usual.darkness[:, ::-1])


def test_shared_pixels_are_counted() -> None:
    a = Placed(block(10, 4), 0, 0)
    assert shared(a, Placed(block(10, 4), 5, 2)) == 5 * 2
    assert shared(a, Placed(block(3, 3), -1, -1)) == 2 * 2
    assert shared(a, Placed(block(10, 4), 0, 4)) == 0


def test_crossings_share_between_4_and_45_percent(bank: Bank) -> None:
    rng = np.random.default_rng(0)
    done = 0
    for _ in range(40):
        base = Placed(turned(bank.draw(rng), rng.uniform(0, 360)), 3, -7)
        placed = cross(rng, base, turned(bank.draw(rng), rng.uniform(0, 360)))
        if placed:
            share = shared(base, placed) / min(base.patch.mask.sum(), placed.patch.mask.sum())
            assert 0.04 <= share <= 0.45
            done += 1
    assert done > 25


def test_what_cannot_cross_is_given_up() -> None:
    rng = np.random.default_rng(0)
    assert cross(rng, Placed(block(2, 2), 0, 0), block(2, 2), smallest=0.8, largest=0.9) is None


def test_touching_chromosomes_share_nothing_and_leave_no_gap(bank: Bank) -> None:
    rng = np.random.default_rng(1)
    for _ in range(40):
        base = Placed(turned(bank.draw(rng), rng.uniform(0, 360)), 10, 20)
        placed = touch(rng, base, turned(bank.draw(rng), rng.uniform(0, 360)))
        assert shared(base, placed) == 0
        window = bounding_box((base, placed))
        scene = render(rng, (base, placed), window, Stain.G_BAND)
        grown = cv2.dilate(scene.masks[0].astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        assert (grown & scene.masks[1]).any()


def test_chromosomes_meet_end_to_end_and_side_by_side(bank: Bank) -> None:
    rng = np.random.default_rng(4)
    in_line = beside = 0
    for _ in range(60):
        base = Placed(turned(bank.draw(rng), rng.uniform(0, 360)), 0, 0)
        other = touch_along(rng, base, turned(bank.draw(rng), rng.uniform(0, 360)))
        assert shared(base, other) == 0
        grown = cv2.dilate(np.pad(other.patch.mask, 4).astype(np.uint8), np.ones((9, 9))) > 0
        near = Placed(Patch(other.patch.darkness, grown, 0), other.top - 4, other.left - 4)
        assert shared(base, near)
        axes, middles = [], []
        for item in (base, other):
            points = np.argwhere(item.patch.mask)
            axes.append(np.linalg.eigh(np.cov(points.T))[1][:, -1])
            middles.append(points.mean(0) + (item.top, item.left))
        way = (middles[1] - middles[0]) / np.linalg.norm(middles[1] - middles[0])
        if abs(axes[0] @ axes[1]) > 0.8:
            in_line += abs(way @ axes[0]) > 0.8
            beside += abs(way @ axes[0]) < 0.6
    assert in_line >= 10 and beside >= 8


def test_stain_absorbs_and_light_adds_up() -> None:
    rng = np.random.default_rng(2)
    placed = (Placed(block(20, 6, 0.5, 3), 0, 7), Placed(block(6, 20, 0.5, 9), 7, 0))
    window = Box(0, 0, 20, 20)
    bright = render(rng, placed, window, Stain.G_BAND, opaque=0)
    assert bright.numbers == (3, 9)
    assert np.array_equal(bright.masks[0], bright.darkness.astype(bool) & bright.masks[0])
    one, both = float(bright.darkness[0, 8]), float(bright.darkness[9, 9])
    assert both == pytest.approx(1 - (1 - one) ** 2, abs=1e-5)
    assert not bright.darkness[~bright.masks.any(axis=0)].any()
    added = []
    for _ in range(50):
        glowing = render(rng, placed, window, Stain.DAPI, opaque=0).darkness
        added.append(glowing[9, 9] / glowing[0, 8] - 1)
    # Of the fainter one as much as is not swallowed: half of it, now more and now less.
    assert 0 <= min(added) < 0.3 and 0.8 < max(added) < 1.11
    assert 0.3 < np.mean(added) < 0.7
    opaque = render(rng, placed, window, Stain.G_BAND, opaque=1)
    assert opaque.darkness[9, 9] == pytest.approx(opaque.darkness[9, 0], abs=1e-5)


def test_a_window_cuts_the_truth_as_it_cuts_the_image() -> None:
    rng = np.random.default_rng(3)
    placed = (Placed(block(10, 10), -5, -5), Placed(block(4, 4), 100, 100))
    scene = render(rng, placed, Box(0, 0, 20, 20), Stain.G_BAND, opaque=0)
    assert scene.masks.shape == (1, 20, 20)  # the other lies outside
    assert scene.masks[0, :5, :5].all() and scene.masks.sum() == 25
    assert render(rng, placed[1:], Box(0, 0, 20, 20), Stain.DAPI).masks.shape == (0, 20, 20)


def test_clusters_hang_together_and_strangers_keep_off(bank: Bank) -> None:
    rng = np.random.default_rng(4)
    for count in (1, 2, 4):
        placed = cluster_of(rng, bank, count)
        assert len(placed) == count
        box = bounding_box(placed)
        window = Box(box.top - 40, box.left - 40, box.bottom + 40, box.right + 40)
        masks = render(rng, placed, window, Stain.G_BAND).masks
        grown = cv2.dilate(masks.any(axis=0).astype(np.uint8), np.ones((5, 5), np.uint8))
        assert cv2.connectedComponents(grown)[0] - 1 == 1
        everyone = strangers(rng, bank, placed, window, 4)
        assert everyone[:count] == placed
        for stranger in everyone[count:]:
            assert not any(shared(stranger, other) for other in everyone if other is not stranger)


def test_soil_spares_the_chromosomes(bank: Bank) -> None:
    rng = np.random.default_rng(5)
    soil = 0
    for _ in range(12):
        placed = cluster_of(rng, bank, 2)
        box = bounding_box(placed)
        window = Box(box.top - 30, box.left - 30, box.bottom + 30, box.right + 30)
        scene = render(rng, placed, window, Stain.G_BAND)
        result = soiled(rng, scene.darkness, scene.masks, nuclei=1.0, debris=1.0)
        assert result.dtype == np.float32
        assert (result >= scene.darkness).all()
        assert np.abs(result - scene.darkness)[scene.masks.any(axis=0)].max() < 0.1
        soil += int((result - scene.darkness).max() > 0.2)
    assert soil >= 6


def test_a_photograph_stays_an_image(bank: Bank) -> None:
    rng = np.random.default_rng(6)
    scene = render(rng, cluster_of(rng, bank, 2), Box(-60, -60, 68, 68), Stain.G_BAND)
    for _ in range(20):
        result = photographed(rng, scene.darkness)
        assert result.shape == scene.darkness.shape
        assert result.dtype == np.float32
        assert np.isfinite(result).all()


def test_composed_pairs_follow_their_protocol(karyotypes: Karyotypes) -> None:
    pairs = list(composed_pairs(karyotypes, 24))
    assert len(pairs) == 24
    exact = 0
    for index, pair in enumerate(pairs):
        assert pair.image.shape == pair.label.shape == (128, 128)
        assert pair.image.dtype == pair.label.dtype == np.uint8
        assert pair.touching == (index % 4 == 3)
        one, two = (pair.label & 1) > 0, (pair.label & 2) > 0
        share = (one & two).sum() / min(one.sum(), two.sum())
        assert share == 0 if pair.touching else 0.04 <= share <= 0.45
        # Nothing is cut off by the border.
        assert not (pair.label[0].any() or pair.label[-1].any() or pair.label[:, 0].any() or pair.label[:, -1].any())
        ground = pair.image[pair.label == 0]
        assert np.median(pair.image[pair.label > 0]) < np.median(ground) - 30
        if ground.min() == ground.max():  # not photographed: not a pixel of stain outside the truth
            exact += 1
            assert (pair.image[pair.label > 0] < ground[0]).mean() > 0.99
    assert exact >= 4


def test_a_seed_repeats_pairs_and_cells(karyotypes: Karyotypes, cell: ComposedCell) -> None:
    one, same, other = (list(composed_pairs(karyotypes, 3, seed)) for seed in (7, 7, 8))
    for a, b in zip(one, same, strict=True):
        assert np.array_equal(a.image, b.image) and np.array_equal(a.label, b.label)
    assert not np.array_equal(one[0].image, other[0].image)
    (again,) = composed_cells(karyotypes, 1)
    assert np.array_equal(again.image, cell.image)


@pytest.fixture(scope="module")
def cell(karyotypes: Karyotypes) -> ComposedCell:
    (cell,) = composed_cells(karyotypes, 5)
    return cell


def test_composed_cells_hold_their_chromosomes(cell: ComposedCell, karyotypes: Karyotypes) -> None:
    assert cell.image.shape == (620, 760)
    assert 43 <= len(cell.instances) <= 46
    whole = np.zeros(cell.image.shape, bool)
    for instance in cell.instances:
        assert instance.mask.shape == (instance.box.height, instance.box.width)
        assert instance.number in karyotypes.numbers
        whole[instance.box.slices] |= instance.mask
    assert np.median(cell.image[whole]) < np.median(cell.image[~whole]) - 30


def test_kinds_of_a_composed_cell_are_those_of_its_masks(cell: ComposedCell) -> None:
    masks = np.zeros((len(cell.instances), *cell.image.shape), bool)
    for mask, instance in zip(masks, cell.instances, strict=True):
        mask[instance.box.slices] = instance.mask
    sharing = np.zeros(len(masks), int)
    near = np.zeros(len(masks), bool)
    for a, b in combinations(range(len(masks)), 2):
        if cell.instances[a].box.grown(4, cell.image.shape).intersection(cell.instances[b].box):
            both = int((masks[a] & masks[b]).sum())
            sharing[[a, b]] += both
            grown = cv2.dilate(masks[a].astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
            near[[a, b]] |= bool((grown & masks[b]).any())
    for instance, pixels, close in zip(cell.instances, sharing, near, strict=True):
        assert instance.kind == ("overlapping" if pixels >= 12 else "touching" if close else "free")
    kinds = [i.kind for i in cell.instances]
    assert kinds.count("free") > 15
    assert kinds.count("overlapping") + kinds.count("touching") >= 4


def test_cells_of_few_chromosomes_are_left_out(karyotypes: Karyotypes) -> None:
    few = replace(
        karyotypes,
        images=karyotypes.images[:30],
        numbers=karyotypes.numbers[:30],
        cells=karyotypes.cells[:30],
        cases=karyotypes.cases[:30],
    )
    assert list(composed_cells(few, 3)) == []
