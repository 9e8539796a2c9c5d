"""Configurations of the published classifiers. Looking at them brings no torch."""

from __future__ import annotations

from dataclasses import dataclass

from chromview.training.zoo.presets import Preset

SOURCE = "Pampaloni and Tinacci 2024, github.com/Pampaj7/ChromosomesRecognition"


@dataclass(frozen=True)
class Augmentation:
    """What is done to an image in training, all of it together or nothing; torchvision's names and units.

    Saturation and hue are published and change nothing on grey images.
    """

    share: float = 0.7
    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.2
    hue: float = 0.1
    degrees: float = 5.0
    translate: float = 0.05
    scale: tuple[float, float] = (0.95, 1.05)
    shear: float = 5.0
    blur_kernel: tuple[int, int] = (5, 9)
    blur_sigma: tuple[float, float] = (0.1, 5.0)


def _preset(name: str, size: int, claimed: float, logged: float) -> Preset:
    # Their search also tried SGD and RMSprop, and 1e-3 and 1e-2. The step is that of their description; of their
    # scripts, one has 15 epochs.
    return Preset(
        name,
        f"{SOURCE}; accuracy claimed {claimed} %, logged {logged} %, images of one person on both sides",
        architecture=name,
        optimiser="adam",
        learning_rate=1e-4,
        weight_decay=1e-5,
        batch=16,
        epochs=60,
        size=size,
        schedule="step",
        schedule_options={"step_size": 30, "gamma": 0.1},
        patience=10,
    )


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        _preset("resnet18", 224, 96.2, 96.48),
        _preset("resnet50", 224, 99.0, 96.98),
        _preset("vgg16", 224, 96.8, 96.82),
        _preset("inception-v3", 299, 96.0, 95.81),
    )
}
"""The four networks by name; `patience` counts epochs without a higher accuracy of validation."""

NO_MOMENTUM = (0.0, 0.999)
"""First value: momentum of SGD and RMSprop, which the published search did without."""
AUGMENTATION = Augmentation()
