"""Class and polarity of straightened chromosomes."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from chromview.progress import CancelToken, Progress, silent
from chromview.vision.canvas import canvases
from chromview.vision.efficientnet import SIZES, EfficientNetLite
from chromview.vision.networks import ChromosomeNet, ReadingNet, ready
from chromview.vision.weights import Device, load_weights, read_metadata

BATCH = 16
"""Chromosomes that are shown at once: what the networks make of more does not stay in the processor's caches."""


class Classified(NamedTuple):
    """What the network says of chromosomes.

    Attributes
    ----------
    probabilities
        ``(N, 24)`` float32, rows sum to 1.
    p_up
        ``(N,)`` float32: probability that the upper end of the sheet is the tip of the p arm.
    """

    probabilities: npt.NDArray[np.float32]
    p_up: npt.NDArray[np.float32]


class Classifier:
    """The classification networks on a device: one for every stain, and a second that is asked as well in fluorescence.

    Parameters
    ----------
    path
        Weights of the first.
    fluorescent
        Weights of the second; None to ask the first alone.

    Raises
    ------
    UserError
        If weights are missing, damaged or of another architecture.
    """

    def __init__(self, path: Path, device: Device, fluorescent: Path | None = None) -> None:
        self._network = _loaded(path, device)
        self._fluorescent = None if fluorescent is None else _loaded(fluorescent, device)
        self._device = device

    @torch.inference_mode()
    def __call__(
        self,
        sheets: npt.NDArray[np.uint8],
        scales: Tensor,
        brightness: Tensor | None = None,
        glows: npt.NDArray[np.bool_] | None = None,
        progress: Progress = silent,
        cancel: CancelToken | None = None,
    ) -> Classified:
        """Class and polarity of straightened chromosomes.

        Every chromosome is shown as it lies and upside down; the classes are averaged, and the polarity
        is told by the difference.

        Parameters
        ----------
        sheets
            ``(N, *SHEET)`` uint8 (`canvas.to_sheet`).
        scales, brightness
            ``(N,)`` each, from the cell (`canvas.cell_scales`, `canvas.cell_brightness`); the latter is of
            fluorescent chromosomes alone.
        glows
            ``(N,)``, which are fluorescent; none if None.
        """
        probabilities = np.zeros((len(sheets), 24), np.float32)
        p_up = np.zeros(len(sheets), np.float32)
        for start in range(0, len(sheets), BATCH):
            if cancel:
                cancel.check()
            chosen = slice(start, start + BATCH)
            x = canvases(torch.from_numpy(sheets[chosen])[:, None], scales[chosen])
            bright = None if brightness is None else brightness[chosen]
            probabilities[chosen], p_up[chosen] = self._answer(self._network, x, bright)
            second = np.zeros(len(x), np.bool_) if glows is None else glows[chosen]
            if self._fluorescent is not None and second.any():
                shown = torch.from_numpy(second)
                told = None if bright is None else bright[shown]
                for answers, more in zip(
                    (probabilities, p_up), self._answer(self._fluorescent, x[shown], told), strict=True
                ):
                    answers[chosen][second] = (answers[chosen][second] + more) / 2
            progress("classify", min(1.0, (start + BATCH) / len(sheets)))
        return Classified(probabilities, p_up)

    def _answer(self, network: ReadingNet, x: Tensor, brightness: Tensor | None) -> Classified:
        """What one network says of canvases ``(N, 1, *CANVAS)``."""
        device = self._device.torch_device
        x = torch.cat((x, x.flip(2))).to(device, memory_format=torch.channels_last)
        bright = None if brightness is None else brightness.repeat(2).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=self._device.half):
            classes, polarity = network(x, bright)
        either = classes.float().softmax(1).cpu().reshape(2, -1, 24)
        ways = polarity.float().cpu().reshape(2, -1)
        return Classified(either.mean(0).numpy(), torch.sigmoid((ways[0] - ways[1]) / 2).numpy())


def _loaded(path: Path, device: Device) -> ReadingNet:
    metadata = read_metadata(path)
    if (name := metadata.get("name")) in SIZES:
        network: ReadingNet = EfficientNetLite(name)
    else:
        network = ChromosomeNet(int(metadata.get("width", 32)), int(metadata.get("rows", 9)))
    load_weights(path, network)
    ready(network, device.torch_device)
    return network
