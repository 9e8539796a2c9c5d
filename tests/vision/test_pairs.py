"""Clusters of two: where seeds lie, and what becomes of the network's answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from chromview.core._cv import cv2
from chromview.core.chromosome import Stain
from chromview.simulate.metaphase import simulate_cluster
from chromview.training.runs import save_weights
from chromview.vision.models import Models
from chromview.vision.networks import UNet
from chromview.vision.pairs import Attitude, PairSegmenter, dab, in_order_of, label_pairs, masks_of, tips
from chromview.vision.prepare import to_darkness
from chromview.vision.weights import Device


def bar() -> np.ndarray:
    darkness = np.zeros((40, 60), np.float32)
    darkness[18:23, 5:50] = 0.8
    return darkness


def test_tips_are_the_ends_of_what_is_stained() -> None:
    darkness = bar()
    darkness[2:4, 57:59] = 0.9  # a speck is not the cluster
    columns = sorted(column for _, column in tips(darkness, 2))
    assert columns[0] <= 6
    assert columns[1] >= 48


def test_an_image_without_stain_has_its_middle_for_a_tip() -> None:
    assert tips(np.zeros((20, 30), np.float32), 2) == [(10, 15), (10, 15)]


def test_answers_are_brought_into_one_order() -> None:
    rng = np.random.default_rng(0)
    first = rng.random((4, 6, 6)).astype(np.float32)
    assert np.array_equal(in_order_of(first, first[[0, 2, 1, 3]]), first)
    assert np.array_equal(in_order_of(first, first), first)


def test_crumbs_go_to_the_chromosome_that_they_lie_in() -> None:
    label = np.zeros((30, 40), int)
    label[4:26, 5:12] = 1
    label[12:18, 12:36] = 2
    label[14:16, 30:32] = 1  # a mistake inside the other
    probabilities = np.eye(4, dtype=np.float32)[label].transpose(2, 0, 1)
    small, large = masks_of(probabilities)
    assert not (small & large).any()
    assert small.sum() <= large.sum()
    both = {int(small.sum()), int(large.sum())}
    assert both == {22 * 7, 6 * 24}


def test_a_dab_is_a_disc_around_its_point() -> None:
    disc = dab((20, 20), (10, 5), 3)
    y, x = np.nonzero(disc)
    assert (round(float(y.mean())), round(float(x.mean()))) == (10, 5)
    assert 25 <= disc.sum() <= 40


def test_every_answer_is_a_probability_of_four_labels(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = UNet(2, 4, (3, 4))
    save_weights(tmp_path / "untrained.safetensors", network, architecture="UNet", widths=[3, 4])
    segmenter = PairSegmenter(tmp_path / "untrained.safetensors", Device(torch.device("cpu"), half=False))
    small = bar()[:, :33]
    for darkness, answer in zip((bar(), small), segmenter.separate([bar(), small]), strict=True):
        assert answer.probabilities.shape == (4, *darkness.shape)
        assert np.allclose(answer.probabilities.sum(axis=0), 1, atol=1e-5)
        assert 0 <= answer.agreement <= 1
    assert segmenter.separate([]) == []


def test_looks_in_every_attitude_agree(models: Models) -> None:
    darkness = to_darkness(simulate_cluster(2, seed=3, crossing=True).image, Stain.G_BAND)
    seed = dab(darkness.shape, tips(darkness, 1)[0])
    first, *others = (models.pairs.look([(darkness, seed)], attitude=attitude)[0] for attitude in Attitude)
    assert len(others) == 3
    for other in others:
        # The seed says which chromosome is 1, however the cluster lies.
        assert (first.argmax(axis=0) == other.argmax(axis=0))[first[0] < 0.5].mean() > 0.9


def test_a_thorough_answer_takes_as_many_looks_as_it_needs(models: Models) -> None:
    clusters = [
        to_darkness(simulate_cluster(count, seed=seed, crossing=seed % 2 == 0).image, Stain.G_BAND)
        for seed in range(4)
        for count in (1, 2)
    ]
    counts = [len(answer.looks) for answer in models.pairs.separate(clusters, thorough=True)]
    assert max(counts) == 4
    assert min(counts) < 4
    assert {len(answer.looks) for answer in models.pairs.separate(clusters)} == {2}


def test_chromosomes_of_another_size_are_labelled_in_the_size_of_the_image(models: Models) -> None:
    image = simulate_cluster(2, seed=3, crossing=True).image
    darkness = to_darkness(image, Stain.G_BAND)
    large = cv2.resize(darkness, None, fx=2.5, fy=2.5, interpolation=cv2.INTER_CUBIC)
    one, other = label_pairs([darkness, large], models.pairs)
    assert one.shape == darkness.shape
    assert other.shape == large.shape
    back = cv2.resize(other, darkness.shape[::-1], interpolation=cv2.INTER_NEAREST)
    both = (one > 0) & (back > 0)
    assert both.sum() > 0.8 * ((one > 0) | (back > 0)).sum()
