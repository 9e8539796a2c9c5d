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

from chromview.core.chromosome import Box
from chromview.progress import CancelToken, Progress, silent
from chromview.vision.networks import UNet, ready
from chromview.vision.weights import Device, load_weights, read_metadata

Float = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

EIGHT = np.ones((3, 3), int)
TILE, TILE_MARGIN = 1024, 96
BARE = 0.15
"""Darkness up to which there is bare ground; what is stained has 0.3 and more."""


class Cuts(NamedTuple):
    """Probabilities above which an overlap or a contact line cuts a cluster; chosen on `val`."""

    overlap: float
    contact: float


CUTS = Cuts(0.1, 0.08)
CUTS_FLUORESCENT = Cuts(0.05, 0.05)


class PixelMaps(NamedTuple):
    """Probabilities ``(H, W)`` float32 that a pixel is chromosome, shared by two, or a contact line."""

    foreground: Float
    overlap: Float
    contact: Float

    def inside(self, box: Box) -> PixelMaps:
        """The part of them that lies in a box."""
        return PixelMaps(*(part[box.slices] for part in self))


class Segmenter:
    """The segmentation network on a device.

    Attributes
    ----------
    cuts
        How its overlaps and contact lines are to be read.

    Parameters
    ----------
    path
        Weight file.
    device
        Where it runs.
    fluorescent
        For slides that glow, where overlaps and contact lines are cut sooner.

    Raises
    ------
    UserError
        If the weights are missing, damaged or of another architecture.
    """

    def __init__(self, path: Path, device: Device, *, fluorescent: bool = False) -> None:
        metadata = read_metadata(path)
        self._network = UNet(2, 4, metadata.get("widths", (16, 32, 64, 128, 160)))
        load_weights(path, self._network)
        ready(self._network, device.torch_device)
        self._device = device
        self.cuts = CUTS_FLUORESCENT if fluorescent else CUTS

    @torch.inference_mode()
    def _run(self, batch: Tensor) -> Tensor:
        """Probabilities ``(N, 4, H, W)`` float32 of inputs ``(N, 2, H, W)`` of any height and width."""
        stride = self._network.stride
        height, width = batch.shape[-2:]
        padded = torch.nn.functional.pad(batch, (0, -width % stride, 0, -height % stride))
        padded = padded.to(self._device.torch_device, memory_format=torch.channels_last)
        with torch.autocast(self._device.torch_device.type, torch.bfloat16, enabled=self._device.half):
            logits = self._network(padded)
        return torch.sigmoid(logits.float())[..., :height, :width].cpu()

    def pixels(
        self,
        darkness: Float,
        cancel: CancelToken | None = None,
        *,
        tile: int = TILE,
        progress: Progress = silent,
    ) -> PixelMaps:
        """What every pixel of a slide ``(H, W)`` is; slides larger than `tile` in parts that overlap.

        Bare ground around everything that is stained is not looked at: nothing is there.
        """
        whole = np.zeros((3, *darkness.shape), np.float32)
        box = self._stained(darkness)
        darkness, result = darkness[box.slices], whole[(slice(None), *box.slices)]
        height, width = darkness.shape
        step = tile - 2 * TILE_MARGIN
        tops, lefts = (range(0, max(1, side - 2 * TILE_MARGIN), step) for side in (height, width))
        for row, top in enumerate(tops):
            for column, left in enumerate(lefts):
                if cancel:
                    cancel.check()
                progress("find", (row * len(lefts) + column) / (len(tops) * len(lefts)))
                bottom, right = min(height, top + tile), min(width, left + tile)
                part = torch.zeros(1, 2, bottom - top, right - left)
                part[0, 0] = torch.from_numpy(darkness[top:bottom, left:right])
                answer = self._run(part)[0, :3].numpy()
                # The margin of a tile sees too little; it is kept only at the edge of the slide.
                inner_top, inner_left = top + (TILE_MARGIN if top else 0), left + (TILE_MARGIN if left else 0)
                result[:, inner_top:bottom, inner_left:right] = answer[:, inner_top - top :, inner_left - left :]
        return PixelMaps(*whole)

    def _stained(self, darkness: Float) -> Box:
        """A box around everything stained, with a margin, where the network's grid lies as on the whole slide."""
        rows, columns = (np.flatnonzero((darkness > BARE).any(axis=axis)) for axis in (1, 0))
        height, width = darkness.shape
        if not rows.size:
            return Box(0, 0, min(height, self._network.stride), min(width, self._network.stride))
        step, margin = self._network.stride, TILE_MARGIN // 2
        top, left = (max(0, int(places[0]) - margin) // step * step for places in (rows, columns))
        bottom, right = min(height, int(rows[-1]) + margin), min(width, int(columns[-1]) + margin)
        return Box(top, left, bottom, right)

    def complete(
        self,
        prompts: Sequence[tuple[Float, Bool]],
        cancel: CancelToken | None = None,
        *,
        batch_pixels: int = 600_000,
    ) -> list[Float]:
        """Whole chromosomes to pieces or strokes of them.

        Parameters
        ----------
        prompts
            Pairs of darkness ``(h, w)`` and prompt ``(h, w)`` bool, windows of any size.

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
            outputs = self._run(inputs)[:, 3].numpy()
            for row, index in enumerate(order[start:stop]):
                h, w = prompts[index][0].shape
                answers[index] = outputs[row, :h, :w]
            start = stop
        return answers
