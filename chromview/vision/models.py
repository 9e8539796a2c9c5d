"""The networks that analyse a slide, loaded on one device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from chromview.core.chromosome import Stain
from chromview.errors import UserError
from chromview.places import models_dir, own_segmenter
from chromview.texts import tr
from chromview.vision.classifier import Classifier
from chromview.vision.pairs import PairSegmenter
from chromview.vision.segmenter import Segmenter
from chromview.vision.weights import Device, choose_device, hash_of

SEGMENTER_FILE = "segmenter.safetensors"
FLUORESCENT_FILE = "segmenter_fluorescent.safetensors"
CLASSIFIER_FILE = "classifier.safetensors"
SECOND_CLASSIFIER_FILE = "classifier_fluorescent.safetensors"
PAIRS_FILE = "pairs.safetensors"
WEIGHT_FILES = (SEGMENTER_FILE, FLUORESCENT_FILE, CLASSIFIER_FILE, SECOND_CLASSIFIER_FILE, PAIRS_FILE)


@dataclass(frozen=True, eq=False)
class Models:
    """The networks, loaded on one device: those that ship, or the segmenter that was trained on this machine."""

    segmenter: Segmenter
    fluorescent: Segmenter
    classifier: Classifier
    pairs: PairSegmenter
    device: Device
    hashes: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of each weight file, by its name."""

    @classmethod
    def load(cls, device: str = "auto", folder: Path | None = None) -> Models:
        """Load the networks.

        Parameters
        ----------
        device
            "auto" (CUDA, then MPS, then CPU), "cpu", "cuda" or "mps".
        folder
            Of the weight files. If None, the shipped ones, with the segmenter in use (`own_segmenter`).

        Raises
        ------
        UserError
            If the device is not there, or weights are missing or damaged.
        """
        chosen = choose_device(device)
        own = own_segmenter(fluorescent=False) if folder is None else None
        own_fluorescent = own_segmenter(fluorescent=True) if folder is None else None
        folder = folder or models_dir()
        bright, *others = [
            own or folder / SEGMENTER_FILE,
            own_fluorescent or folder / FLUORESCENT_FILE,
            folder / CLASSIFIER_FILE,
            folder / SECOND_CLASSIFIER_FILE,
            folder / PAIRS_FILE,
        ]
        networks = (
            _segmenter(bright, chosen, own, fluorescent=False),
            _segmenter(others[0], chosen, own_fluorescent, fluorescent=True),
            Classifier(others[1], chosen, others[2]),
            PairSegmenter(others[3], chosen),
        )
        return cls(*networks, chosen, {file.name: hash_of(file) for file in (bright, *others)})

    def segmenter_of(self, stain: Stain) -> Segmenter:
        """The segmenter of slides of a stain."""
        return self.fluorescent if stain.bright_on_dark else self.segmenter

    @property
    def description(self) -> str:
        """Device and precision, for example "CPU (bf16)"."""
        return self.device.description


def _segmenter(path: Path, device: Device, own: Path | None, *, fluorescent: bool) -> Segmenter:
    try:
        return Segmenter(path, device, fluorescent=fluorescent)
    except UserError as error:
        if own is None:
            raise
        advice = tr(
            "Go back to those that ship: Case > Weights of the segmenter, or 'chromview weights --use shipped'."
        )
        raise UserError(error.what, path=path, advice=advice) from error
