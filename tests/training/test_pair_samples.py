"""Pairs for training: two chromosomes that share what they should, a seed that says which is 1."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from chromview.errors import UserError
from chromview.training.compose import Bank
from chromview.training.datasets import read_karyotypes
from chromview.training.losses import in_better_order
from chromview.training.pair_samples import LARGEST, STEP, PairMix, PairSamples, make_pair, seeded
from chromview.training.runs import load_narrower, save_weights
from chromview.training.train_pairs import PairOptions, main, pair_loss
from chromview.vision.networks import UNet


@pytest.fixture(scope="module")
def bank(data: Path) -> Bank:
    return Bank([read_karyotypes(data / "gband_karyotypes.h5", "train")])


def test_pairs_share_what_the_protocol_asks_for(bank: Bank) -> None:
    rng = np.random.default_rng(0)
    touching = 0
    for _ in range(40):
        darkness, label = make_pair(rng, bank, None, PairMix(single=0.0, opaque=0.0))
        assert darkness.shape == label.shape
        assert label.shape[0] % STEP == 0
        assert label.shape[0] <= LARGEST
        smaller = min(((label & 1) > 0).sum(), ((label & 2) > 0).sum())
        share = (label == 3).sum() / smaller
        assert share == 0 or 0.03 <= share <= 0.46
        touching += share == 0
        assert darkness[label > 0].mean() > darkness[label == 0].mean() + 0.2
    assert 3 <= touching <= 20


def test_the_chromosome_under_the_seed_is_1(bank: Bank) -> None:
    rng = np.random.default_rng(1)
    on_one = 0
    for _ in range(60):
        darkness, label = make_pair(rng, bank, None, PairMix(single=0.0))
        seed, ordered = seeded(rng, darkness, label)
        assert seed.any()
        assert (
            np.sort(np.bincount(ordered.ravel(), minlength=4)[1:3])
            == np.sort(np.bincount(label.ravel(), minlength=4)[1:3])
        ).all()
        first, second = (seed & (ordered == 1)).sum(), (seed & (ordered == 2)).sum()
        on_one += first > second
    assert on_one >= 54  # a seed at a junction may cover more of the other


def test_batches_hold_pairs_of_like_size(bank: Bank) -> None:
    inputs, labels = next(iter(PairSamples(bank, None, 3, seed=5)))
    side = labels.shape[-1]
    assert inputs.shape == (3, 2, side, side)
    assert labels.shape == (3, side, side)
    assert set(inputs[:, 1].unique().tolist()) == {0.0, 1.0}
    again, _ = next(iter(PairSamples(bank, None, 3, seed=5)))
    assert torch.equal(inputs, again)


def test_the_loss_does_not_care_which_chromosome_is_1() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 4, 8, 8, generator=generator)
    labels = torch.randint(0, 4, (3, 8, 8), generator=generator)
    swapped = torch.tensor([0, 2, 1, 3])[labels]
    assert torch.equal(in_better_order(logits, labels), in_better_order(logits, swapped))
    assert torch.allclose(pair_loss(logits, labels), pair_loss(logits, swapped))
    mixed = torch.stack((labels[0], swapped[1], labels[2]))
    assert torch.allclose(pair_loss(logits, labels), pair_loss(logits, mixed))


def test_a_wider_network_goes_on_from_a_narrower_one(tmp_path: Path) -> None:
    narrow, wide = UNet(2, 4, (4, 6, 8)), UNet(2, 4, (4, 8, 12))
    save_weights(tmp_path / "narrow.safetensors", narrow, architecture="UNet", widths=[4, 6, 8])
    load_narrower(tmp_path / "narrow.safetensors", wide)
    old, new = narrow.state_dict(), wide.state_dict()
    # Behind the up-sampled channels of the coarser level come those of the level itself, wherever they begin.
    first = "up.0.0.weight"
    assert torch.allclose(new[first][:6, :8], old[first][:, :8].half().float())
    assert torch.allclose(new[first][:6, 12:18], old[first][:, 8:14].half().float())
    with pytest.raises(UserError, match="does not fit"):
        load_narrower(tmp_path / "narrow.safetensors", UNet(2, 4, (4, 4, 4)))


def test_a_run_that_was_interrupted_goes_on(data: Path, tmp_path: Path) -> None:
    options = PairOptions(data, tmp_path / "run", (4, 8), batch=2, steps_per_epoch=1, epochs=1, workers=0)
    weights = main(options)
    assert weights.is_file()
    main(PairOptions(data, tmp_path / "run", (4, 8), batch=2, steps_per_epoch=1, epochs=2, workers=0))
    rows = (tmp_path / "run" / "log.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "1", "2"]
