"""Every preset trains from the form its data are published in, learns eight images by heart, and can be kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from chromview.training.engine.data import LabelledSquares
from chromview.training.engine.options import RunOptions
from chromview.training.engine.run import score, train
from chromview.training.engine.weights import load_trained
from chromview.training.labelled import read_labelled, read_splits
from chromview.training.runs import load_checkpoint
from chromview.training.zoo import PRESETS, Preset, build_network
from chromview.vision.weights import read_metadata


class Small(NamedTuple):
    """What is changed of a preset so that it learns in seconds on a slow processor: never its architecture or losses.

    The form is that of the published data; sizes are those of the images in it.
    """

    form: str
    steps: int
    widths: tuple[int, ...] | None
    shape: tuple[int, int] = (32, 32)
    learning_rate: float = 1e-2
    batch: int = 8
    least: float = 0.8
    """IoU that must be reached on what was learned, mean of chromosomes and overlap; a new network has below 0.1."""
    schedule: str = "one-cycle"
    """Ends at a rate of 0, by which few steps are enough."""


NARROW = (8, 16)
SMALL = {
    "chromview": Small("hdf5", 50, NARROW),
    "lilyhu": Small("dataset_1", 140, (16, 32, 64), (34, 33), 3e-3, 4, schedule="constant"),
    "segnet": Small("dataset_1", 90, (8, 16, 32), (34, 33), 1.5e-2),
    "segnet-dice": Small("npz", 60, (8, 16, 32)),
    **{name: Small("npz", 60, NARROW) for name in ("unet", "attention-unet", "nested-unet")},
    **{name: Small("npz", 50, NARROW) for name in ("r2-unet", "r2-attention-unet")},
    "cgan-unet": Small("painted", 100, (8, 16, 16), batch=4),
    **{f"cgan-{name}": Small("painted", 100, NARROW, batch=4) for name in ("attention-unet", "nested-unet")},
    **{f"cgan-{name}": Small("painted", 100, NARROW, batch=4) for name in ("r2-unet", "r2-attention-unet")},
    "p3gan": Small("npz", 70, (16, 32, 64, 64), (64, 64), 5e-3, 4, least=0.6),
    "afm-unet-2": Small("png", 50, (16, 32)),
    "afm-unet-3": Small("png", 50, (16, 32, 32)),
    "afm-unet-4": Small("png", 50, (16, 32, 32, 32)),
    "afm-unet-5": Small("png", 50, (16, 32, 32, 32, 32)),
    "u-vgg16": Small("png", 60, (16, 16, 32, 32, 32)),
    "u-vgg19": Small("png", 60, (16, 16, 32, 32, 32)),
    # These are of its decoder; its encoder has the published width.
    "u-xception": Small("png", 40, (16, 32, 32, 64, 64, 128), (32, 32), 1.5e-2, 4),
}


def narrowed(preset: Preset) -> Preset:
    """The preset with as many layers in its discriminator, but narrow ones."""
    if preset.adversary is None:
        return preset
    options = dict(preset.adversary.discriminator_options)
    options["widths"] = [16] * len(options.get("widths", (64, 128, 256, 512)))
    return dataclasses.replace(preset, adversary=dataclasses.replace(preset.adversary, discriminator_options=options))


def test_every_preset_is_tried() -> None:
    assert SMALL.keys() == PRESETS.keys()


@pytest.mark.parametrize("name", PRESETS)
def test_preset_learns_eight_images_by_heart(name: str, set_of: Callable[..., Path], tmp_path: Path) -> None:
    small = SMALL[name]
    data, out = set_of(small.form, shape=small.shape), tmp_path / "run"
    options = RunOptions(
        data,
        out,
        name,
        epochs=1,
        batch=small.batch,
        learning_rate=small.learning_rate,
        widths=small.widths,
        limit_samples=8,
        repeat=small.steps * small.batch // 8,
        schedule=small.schedule,
        patience=0,
        workers=0,
        # So few steps are enough on every processor, or on none; which has bfloat16 plays no part.
        precision="float32",
    )
    train(options, notice=lambda sentence: None, presets={name: narrowed(PRESETS[name])})

    network = load_trained(out / "final.safetensors")
    content = read_labelled(data)
    learned = content.subset(read_splits(out / "splits.json", content.groups, content.names)["train"][:8])
    assert len(learned) == 8
    size = -(-min(PRESETS[name].size, max(small.shape)) // network.stride) * network.stride
    assert score(network, LabelledSquares(learned, size), 8)["iou"] > small.least

    # The weight file holds what the checkpoint does, rounded to half precision, and says what it is.
    state = load_checkpoint(out / "final.ckpt")["state_dict"]
    metadata = read_metadata(out / "final.safetensors")
    assert (metadata["preset"], metadata["epoch"]) == (name, 1)
    again = build_network(metadata["architecture"], **metadata["architecture_options"]).eval()
    kept = {key.removeprefix("network."): value for key, value in state.items() if key.startswith("network.")}
    again.load_state_dict({key: v.half().to(v.dtype) if v.is_floating_point() else v for key, v in kept.items()})
    darkness = torch.rand(2, 1, size, size)
    with torch.inference_mode():
        assert torch.equal(again(darkness), network(darkness))
