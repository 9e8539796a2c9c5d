"""Clusters of several chromosomes as four labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from chromview.training.cluster_samples import LARGEST_CLUSTER, make_cluster, two_labels
from chromview.training.compose import Bank
from chromview.training.datasets import read_karyotypes
from chromview.training.pair_samples import PairMix

CLEAN = replace(PairMix(), fluorescent=0.0, single=0.0)


@pytest.fixture(scope="module")
def bank(data: Path) -> Bank:
    return Bank([read_karyotypes(data / "gband_karyotypes.h5", "train")])


def bars(*spans: tuple[slice, slice]) -> np.ndarray:
    masks = np.zeros((len(spans), 40, 40), bool)
    for mask, span in zip(masks, spans, strict=True):
        mask[span] = True
    return masks


def test_neighbours_get_different_labels() -> None:
    upright, lying = (slice(2, 38), slice(18, 22)), (slice(18, 22), slice(2, 38))
    assert two_labels(bars(upright, lying)).tolist() == [False, True]
    # A chain: the third touches the second alone.
    assert two_labels(bars((slice(2, 30), slice(5, 9)), (slice(20, 24), slice(5, 30)), (slice(2, 38), slice(30, 34)))
                      ).tolist() == [False, True, False]  # fmt: skip


def test_three_that_all_meet_have_no_two_labels() -> None:
    corner = (slice(5, 9), slice(5, 30)), (slice(5, 30), slice(5, 9)), (slice(3, 12), slice(3, 12))
    assert two_labels(bars(*corner)) is None


def test_what_hangs_together_with_nothing_is_no_cluster() -> None:
    assert two_labels(bars((slice(2, 6), slice(2, 6)), (slice(30, 34), slice(30, 34)))) is None


def test_clusters_hold_two_to_five_chromosomes_in_four_labels(bank: Bank) -> None:
    rng = np.random.default_rng(3)
    parts, overlaps = [], 0
    for _ in range(40):
        darkness, label = make_cluster(rng, bank, None, CLEAN, 5)
        assert darkness.shape == label.shape and darkness.dtype == np.float32 and label.dtype == np.uint8
        assert max(label.shape) <= LARGEST_CLUSTER and {1, 2} <= set(np.unique(label)) <= {0, 1, 2, 3}
        # Stain lies where chromosomes are.
        assert darkness[label > 0].mean() > 3 * darkness[label == 0].mean()
        overlaps += bool((label == 3).any())
        # One label, its overlaps included, falls into the chromosomes that have it.
        parts.append(sum(ndimage.label((label & bit) > 0, np.ones((3, 3)))[1] for bit in (1, 2)))
    assert min(parts) == 2 and max(parts) == 5 and overlaps > 20


def test_opaque_and_absorbing_clusters_differ_where_chromosomes_cross(bank: Bank) -> None:
    absorbing, opaque = (replace(CLEAN, touching=0.0, opaque=share) for share in (0.0, 1.0))

    def darker(mix: PairMix) -> float:
        """How much darker overlaps are than what only one chromosome covers, on average."""
        rng = np.random.default_rng(1)
        pairs = (make_cluster(rng, bank, None, mix, 3) for _ in range(15))
        return float(np.mean([d[t == 3].mean() - d[(t == 1) | (t == 2)].mean() for d, t in pairs]))

    assert darker(absorbing) > darker(opaque) + 0.1


def test_a_cluster_depends_on_the_seed_alone(bank: Bank) -> None:
    first, second = (make_cluster(np.random.default_rng(7), bank, None, CLEAN, 4) for _ in range(2))
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
