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
from chromview.vision.networks import ChromosomeNet, ready
from chromview.vision.weights import Device, load_weights, read_metadata


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
    """The classification network on a device.

    Raises
    ------
    UserError
        If the weights are missing, damaged or of another architecture.
    """

    def __init__(self, path: Path, device: Device) -> None:
        metadata = read_metadata(path)
        self._network = ChromosomeNet(int(metadata.get("width", 32)), int(metadata.get("rows", 9)))
        load_weights(path, self._network)
        ready(self._network, device.torch_device)
        self._device = device

    @torch.inference_mode()
    def __call__(
        self,
        sheets: npt.NDArray[np.uint8],
        scales: Tensor,
        brightness: Tensor | None = None,
        progress: Progress = silent,
        cancel: CancelToken | None = None,
        batch: int = 128,
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
        """
        probabilities = np.zeros((len(sheets), 24), np.float32)
        p_up = np.zeros(len(sheets), np.float32)
        for start in range(0, len(sheets), batch):
            if cancel:
                cancel.check()
            chosen = slice(start, start + batch)
            x = canvases(torch.from_numpy(sheets[chosen])[:, None], scales[chosen])
            x = torch.cat((x, x.flip(2))).to(self._device.torch_device, memory_format=torch.channels_last)
            bright = None if brightness is None else brightness[chosen].repeat(2).to(self._device.torch_device)
            with torch.autocast(self._device.torch_device.type, torch.bfloat16, enabled=self._device.half):
                classes, polarity = self._network(x, bright)
            either = classes.float().softmax(1).cpu().reshape(2, -1, 24)
            ways = polarity.float().cpu().reshape(2, -1)
            probabilities[chosen] = either.mean(0).numpy()
            p_up[chosen] = torch.sigmoid((ways[0] - ways[1]) / 2).numpy()
            progress("classify", min(1.0, (start + batch) / len(sheets)))
        return Classified(probabilities, p_up)
