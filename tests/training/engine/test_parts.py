"""What runs are made of: squares, composed pairs, orders, learning rates, pictures."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from chromview.training.compose import Bank
from chromview.training.datasets import read_karyotypes
from chromview.training.engine.data import ComposedSquares, EndlessIndices, LabelledSquares
from chromview.training.engine.pictures import curves, sample_sheet
from chromview.training.engine.schedules import OPTIMISERS, SCHEDULES, build_optimiser, build_schedule
from chromview.training.labelled import LabelledSet


def one_image(label: np.ndarray) -> LabelledSet:
    image = np.where(label > 0, 60, 240).astype(np.uint8)
    return LabelledSet((image,), (label,), ("a",), ("a",))


def test_squares_are_the_middle_of_an_image_on_clean_ground() -> None:
    label = np.zeros((94, 93), np.uint8)
    label[40:60, 30:70] = 1
    darkness, cut = LabelledSquares(one_image(label), 88)[0]
    assert (darkness.shape, darkness.dtype, cut.dtype) == ((1, 88, 88), torch.float32, torch.int64)
    # Rows 3 to 90 and columns 3 to 90, as published.
    assert torch.equal(cut, torch.from_numpy(label[3:91, 3:91].astype(np.int64)))
    assert darkness[0][cut > 0].min() > 0.5 > 0.1 > darkness[0][cut == 0].max()
    darkness, padded = LabelledSquares(one_image(label), 128)[0]
    assert padded.sum() == label.sum() and padded.shape == (128, 128)
    assert darkness[0, 0].abs().max() == 0 and darkness[0][padded > 0].min() > 0.5


def test_images_are_turned_otherwise_in_each_epoch_and_always_alike() -> None:
    label = np.zeros((8, 8), np.uint8)
    label[1, 2:5], label[2, 2] = 1, 2
    squares = LabelledSquares(one_image(label), 8, turn_seed=5)
    seen = {squares[epoch][1].numpy().tobytes() for epoch in range(60)}
    assert len(seen) == 8
    for darkness, turned in (squares[epoch] for epoch in range(8)):
        assert torch.equal(darkness[0] > 0.5, turned > 0)
    again = LabelledSquares(one_image(label), 8, turn_seed=5)
    assert all(torch.equal(again[epoch][1], squares[epoch][1]) for epoch in range(8))


def test_orders_go_on_from_epoch_to_epoch_and_are_divided_among_processes() -> None:
    squares = LabelledSquares(one_image(np.ones((4, 4), np.uint8)), 4, repeat=10)
    orders = []
    for epoch in (0, 1, 7):
        shares = [EndlessIndices(squares, 2, rank, seed=3) for rank in (0, 1)]
        for share in shares:
            share.set_epoch(epoch)
        indices = [index for share in shares for index in share]
        assert sorted(indices) == list(range(10 * epoch, 10 * epoch + 10))
        orders.append([index - 10 * epoch for index in indices])
    assert orders[0] != orders[1] != orders[2]


def test_a_composed_pair_depends_on_its_number_alone(data: Path) -> None:
    bank = Bank([read_karyotypes(data / "gband_karyotypes.h5", "train")])
    squares, others = (ComposedSquares(bank, None, count, 128, seed=4) for count in (10, 99))
    for number in (0, 7, 1234):
        (darkness, label), (same, same_label) = squares[number], others[number]
        assert torch.equal(darkness, same) and torch.equal(label, same_label)
        assert darkness.shape == (1, 128, 128) and 0 < int(label.max()) <= 3
    assert not torch.equal(squares[0][0], squares[1][0])


def rates(name: str, losses: list[float], epochs: int = 6, steps: int = 1, **options: float) -> list[float]:
    """Learning rate of each epoch (of each step, for one-cycle)."""
    optimiser = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=1.0)
    schedule = build_schedule(name, optimiser, epochs, steps, options)
    found = []
    for loss in losses:
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        if name == "plateau":
            schedule.step(loss)
        elif schedule:
            schedule.step()
    return found


def test_schedules_turn_the_learning_rate() -> None:
    falling = [6.0, 5.0, 4.0, 3.0, 2.0, 1.0]
    assert rates("constant", falling) == [1.0] * 6
    assert rates("step", falling) == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])
    assert rates("step", falling, step_size=4, gamma=0.5) == pytest.approx([1, 1, 1, 1, 0.5, 0.5])
    assert rates("plateau", falling, factor=0.1, patience=1) == [1.0] * 6
    # From the third epoch on nothing gets better; the second of those is once too often.
    stuck = [6.0, 5.0, 5.0, 5.0, 5.0, 5.0]
    assert rates("plateau", stuck, factor=0.1, patience=1) == pytest.approx([1, 1, 1, 1, 0.1, 0.1])
    cycle = rates("one-cycle", [0.0] * 60, epochs=6, steps=10)
    assert 4 <= cycle.index(max(cycle)) <= 9 and max(cycle) > 0.95 and cycle[0] < 0.1 > cycle[-1]
    with pytest.raises(ValueError, match="cosine"):
        rates("cosine", falling)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_optimisers_get_what_they_are_told(name: str) -> None:
    layer = nn.Linear(1, 1)
    (group,) = build_optimiser(name, layer.parameters(), 0.25, (0.5, 0.75), 0.125).param_groups
    assert (group["lr"], group["weight_decay"]) == (0.25, 0.125)
    assert group.get("betas", (group.get("momentum"), 0.75)) == (0.5, 0.75)


def test_names_of_schedules_are_all_known() -> None:
    for name in SCHEDULES:
        assert rates(name, [1.0])


def test_curves_show_each_column_and_survive_gaps() -> None:
    history = [{"epoch": n, "loss": 1 / n, "iou": float("nan") if n == 2 else n / 4} for n in (1, 2, 3)]
    whole = np.asarray(Image.open(io.BytesIO(curves(history, {"loss": ["loss"], "IoU": ["iou"]}))))
    assert whole.shape == (240, 720, 3)
    blue = (whole == (0x00, 0x72, 0xB2)).all(axis=2)
    # The loss is a line over the panel, the other column two points without a line between them.
    assert blue[40:216, 52:348].any(axis=0).mean() > 0.9
    assert 0 < blue[40:216, 412:708].any(axis=0).mean() < 0.1
    one = Image.open(io.BytesIO(curves(history[:1], {"loss": ["loss"]})))
    assert one.size == (360, 240)


def test_samples_stand_in_rows() -> None:
    darkness = np.zeros((4, 4), np.float32)
    truth = np.array([[0, 1, 2, 3]] * 4, np.uint8)
    picture = np.asarray(Image.open(io.BytesIO(sample_sheet([(darkness, truth, np.zeros_like(truth))] * 2))))
    assert picture.shape == (2 * 6, 3 * 6, 3)
    assert (picture[:4, :4] == 255).all() and (picture[:4, 12:16] == 255).all()
    np.testing.assert_array_equal(picture[0, 6:10], [(255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255)])
