"""The segmentation network: what every pixel is, and the whole chromosome to a piece of it.

One U-Net answers both. Without a prompt it says of every pixel whether it is chromosome, overlap, or the
line where two chromosomes touch; with one, which pixels belong to the chromosome that the prompt marks, those
that it shares included. How the two make instances is in `pieces`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from chromview.progress import CancelToken
from chromview.vision.networks import UNet, channels_last
from chromview.vision.weights import Device, load_weights, read_metadata

Float = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

EIGHT = np.ones((3, 3), int)
TILE, TILE_MARGIN = 1024, 96


class PixelMaps(NamedTuple):
    """Probabilities ``(H, W)`` float32 that a pixel is chromosome, shared by two, or a contact line."""

    foreground: Float
    overlap: Float
    contact: Float


class Segmenter:
    """The segmentation network on a device.

    Parameters
    ----------
    path
        Weight file.
    device
        Where it runs.

    Raises
    ------
    UserError
        If the weights are missing, damaged or of another architecture.
    """

    def __init__(self, path: Path, device: Device) -> None:
        metadata = read_metadata(path)
        self._network = UNet(2, 4, metadata.get("widths", (16, 32, 64, 128, 160)))
        load_weights(path, self._network)
        self._network.eval().to(device.torch_device)
        channels_last(self._network)
        self._device = device

    def _run(self, batch: Tensor, views: int = 1) -> Tensor:
        """Probabilities ``(N, 4, H, W)`` float32 of inputs ``(N, 2, H, W)`` of any height and width.

        With `views` 2 to 4 the mean over the input as it is, upside down, and mirrored: a chromosome is
        the same from every side, the network's mistakes are not.
        """
        mean = self._run_once(batch)
        for axes in ((2, 3), (3,), (2,))[: views - 1]:
            mean = mean + self._run_once(batch.flip(axes)).flip(axes)
        return mean / views

    @torch.inference_mode()
    def _run_once(self, batch: Tensor) -> Tensor:
        stride = self._network.stride
        height, width = batch.shape[-2:]
        padded = torch.nn.functional.pad(batch, (0, -width % stride, 0, -height % stride))
        padded = padded.to(self._device.torch_device, memory_format=torch.channels_last)
        with torch.autocast(self._device.torch_device.type, torch.bfloat16, enabled=self._device.half):
            logits = self._network(padded)
        return torch.sigmoid(logits.float()).cpu()[..., :height, :width]

    def pixels(self, darkness: Float, cancel: CancelToken | None = None) -> PixelMaps:
        """What every pixel of a slide ``(H, W)`` is; large slides in tiles that overlap."""
        height, width = darkness.shape
        result = np.zeros((3, height, width), np.float32)
        step = TILE - 2 * TILE_MARGIN
        for top in range(0, max(1, height - 2 * TILE_MARGIN), step):
            for left in range(0, max(1, width - 2 * TILE_MARGIN), step):
                if cancel:
                    cancel.check()
                bottom, right = min(height, top + TILE), min(width, left + TILE)
                tile = torch.zeros(1, 2, bottom - top, right - left)
                tile[0, 0] = torch.from_numpy(darkness[top:bottom, left:right])
                answer = self._run(tile)[0, :3].numpy()
                # The margin of a tile sees too little; it is kept only at the edge of the slide.
                inner_top, inner_left = top + (TILE_MARGIN if top else 0), left + (TILE_MARGIN if left else 0)
                result[:, inner_top:bottom, inner_left:right] = answer[:, inner_top - top :, inner_left - left :]
        return PixelMaps(*result)

    def pixels_of_many(self, darkness: Float, *, views: int = 1, batch: int = 32) -> list[PixelMaps]:
        """The same for many small images of one size ``(N, H, W)``."""
        maps: list[PixelMaps] = []
        for start in range(0, len(darkness), batch):
            chunk = torch.from_numpy(darkness[start : start + batch])
            inputs = torch.stack((chunk, torch.zeros_like(chunk)), dim=1)
            maps += [PixelMaps(*answer) for answer in self._run(inputs, views)[:, :3].numpy()]
        return maps

    def complete(
        self,
        prompts: Sequence[tuple[Float, Bool]],
        cancel: CancelToken | None = None,
        *,
        views: int = 1,
        batch_pixels: int = 600_000,
    ) -> list[Float]:
        """Whole chromosomes to pieces or strokes of them.

        Parameters
        ----------
        prompts
            Pairs of darkness ``(h, w)`` and prompt ``(h, w)`` bool, windows of any size.
        views
            Sides from which each is seen, 1 to 4; the answers are averaged.

        Returns
        -------
        Probabilities ``(h, w)`` of the chromosome that each prompt marks.
        """
        order = sorted(range(len(prompts)), key=lambda i: prompts[i][0].shape)
        answers: list[Float] = [np.zeros((0, 0), np.float32)] * len(prompts)
        start = 0
        while start < len(order):
            if cancel:
                cancel.check()
            stop, height, width = start, 0, 0
            # Windows of like size share a batch; each is padded with empty ground.
            while stop < len(order):
                h, w = prompts[order[stop]][0].shape
                if stop > start and max(height, h) * max(width, w) * (stop - start + 1) > batch_pixels:
                    break
                height, width, stop = max(height, h), max(width, w), stop + 1
            inputs = torch.zeros(stop - start, 2, height, width)
            for row, index in enumerate(order[start:stop]):
                darkness, prompt = prompts[index]
                h, w = darkness.shape
                inputs[row, 0, :h, :w] = torch.from_numpy(darkness)
                inputs[row, 1, :h, :w] = torch.from_numpy(prompt.astype(np.float32))
            outputs = self._run(inputs, views)[:, 3].numpy()
            for row, index in enumerate(order[start:stop]):
                h, w = prompts[index][0].shape
                answers[index] = outputs[row, :h, :w]
            start = stop
        return answers
