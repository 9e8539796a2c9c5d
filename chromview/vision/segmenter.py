"""From darkness to chromosomes: pieces, and a network that completes each piece it is asked for.

One U-Net is called twice. Without a prompt it says of every pixel whether it is chromosome, overlap,
or the line where two chromosomes touch. Overlaps and contact lines cut each cluster into pieces; every
piece is then given back as a prompt, and the network answers with the whole chromosome that the piece
belongs to, the pixels it shares included. Pieces that name each other are one chromosome. The answer
does not depend on any order, and the cost grows with the number of pieces, whatever their cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch import Tensor

from chromview.core._cv import cv2
from chromview.core.chromosome import Box
from chromview.progress import CancelToken
from chromview.vision.networks import UNet, channels_last
from chromview.vision.weights import Device, load_weights, read_metadata

Float = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

EIGHT = np.ones((3, 3), int)
TILE, TILE_MARGIN = 1024, 96
LARGEST_WINDOW = 224
"""Pixels; a longer cluster is answered in windows around each piece."""
SMALLEST_PIECE = 12
SMALLEST_CHROMOSOME = 40
"""Pixels of the canonical scale; below that nothing is a chromosome."""


class PixelMaps(NamedTuple):
    """Probabilities ``(H, W)`` float32 that a pixel is chromosome, shared by two, or a contact line."""

    foreground: Float
    overlap: Float
    contact: Float


@dataclass(frozen=True, eq=False)
class Found:
    """One chromosome: box, probability of each pixel in it ``(h, w)``, confidence 0..1, in a cluster or not."""

    box: Box
    probability: Float
    confidence: float
    clustered: bool

    @property
    def mask(self) -> Bool:
        """``(h, w)`` bool."""
        return self.probability > 0.5


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

    @torch.inference_mode()
    def _run(self, batch: Tensor) -> Tensor:
        """Probabilities ``(N, 4, H, W)`` float32 of inputs ``(N, 2, H, W)`` of any height and width."""
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

    def pixels_of_many(self, darkness: Float, batch: int = 32) -> list[PixelMaps]:
        """The same for many small images of one size ``(N, H, W)``."""
        maps: list[PixelMaps] = []
        for start in range(0, len(darkness), batch):
            chunk = torch.from_numpy(darkness[start : start + batch])
            inputs = torch.stack((chunk, torch.zeros_like(chunk)), dim=1)
            maps += [PixelMaps(*answer) for answer in self._run(inputs)[:, :3].numpy()]
        return maps

    def complete(
        self, prompts: Sequence[tuple[Float, Bool]], cancel: CancelToken | None = None, batch_pixels: int = 600_000
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


@dataclass(frozen=True, eq=False)
class _Piece:
    cluster: int
    frame: Box
    """Of the whole cluster."""
    window: Box
    """What the network is shown."""
    mask: Bool
    """In the window."""


def find_chromosomes(
    darkness: Float, maps: PixelMaps, segmenter: Segmenter, cancel: CancelToken | None = None
) -> list[Found]:
    """Every chromosome of a slide, overlaps shared.

    Parameters
    ----------
    darkness
        ``(H, W)`` at the canonical scale.
    maps
        What `Segmenter.pixels` says of it.
    """
    return find_in_many([darkness], [maps], segmenter, cancel)[0]


def find_in_many(
    images: Sequence[Float], maps: Sequence[PixelMaps], segmenter: Segmenter, cancel: CancelToken | None = None
) -> list[list[Found]]:
    """`find_chromosomes` for many images at once, so that their prompts share batches."""
    found: list[list[Found]] = [[] for _ in images]
    pieces: list[tuple[int, _Piece]] = []
    for index, (darkness, answer) in enumerate(zip(images, maps, strict=True)):
        singles, parts = _cut_into_pieces(darkness.shape, answer)
        found[index] += singles
        pieces += [(index, part) for part in parts]
    prompts = [(images[index][part.window.slices], part.mask) for index, part in pieces]
    answers = segmenter.complete(prompts, cancel)
    members: dict[tuple[int, int], list[tuple[_Piece, Float]]] = {}
    for (index, part), probability in zip(pieces, answers, strict=True):
        members.setdefault((index, part.cluster), []).append((part, probability))
    for (index, _), group in members.items():
        found[index] += _join(group, maps[index])
    return found


def _cut_into_pieces(shape: tuple[int, ...], maps: PixelMaps) -> tuple[list[Found], list[_Piece]]:
    foreground = maps.foreground > 0.5
    labels, _ = ndimage.label(foreground, structure=EIGHT)
    singles, pieces = [], []
    for cluster, window in enumerate(ndimage.find_objects(labels), start=1):
        box = Box(window[0].start, window[1].start, window[0].stop, window[1].stop)
        own = labels[window] == cluster
        area = int(own.sum())
        if area < SMALLEST_CHROMOSOME:
            continue
        overlap = (maps.overlap[window] > 0.45) & own
        blocked = overlap | (maps.contact[window] > 0.4)
        parts, count = ndimage.label(own & ~blocked)
        sizes = np.bincount(parts.ravel(), minlength=count + 1)
        kept = [part for part in range(1, count + 1) if sizes[part] >= SMALLEST_PIECE]
        if len(kept) <= 1 and overlap.sum() < SMALLEST_PIECE:
            probability = np.where(own, maps.foreground[window], 0).astype(np.float32)
            confidence = float(2 * np.mean(probability[own]) - 1)
            singles.append(Found(box, probability, confidence, clustered=False))
            continue
        frame = box.grown(12, (shape[0], shape[1]))
        for part in kept or [0]:
            mask = (parts == part) if part else own
            pieces.append(_as_piece(cluster, frame, box, mask, (shape[0], shape[1])))
    return singles, pieces


def _as_piece(cluster: int, frame: Box, box: Box, mask: Bool, shape: tuple[int, int]) -> _Piece:
    if max(frame.height, frame.width) <= LARGEST_WINDOW:
        window = frame
    else:
        y, x = ndimage.center_of_mass(mask)
        half = LARGEST_WINDOW // 2
        middle = round(y) + box.top, round(x) + box.left
        window = Box(
            max(0, middle[0] - half), max(0, middle[1] - half),
            min(shape[0], middle[0] + half), min(shape[1], middle[1] + half),
        )  # fmt: skip
    inside = np.zeros((window.height, window.width), bool)
    both = box.intersection(window)
    assert both is not None  # the window lies around the piece
    inside[both.top - window.top : both.bottom - window.top, both.left - window.left : both.right - window.left] = mask[
        both.top - box.top : both.bottom - box.top, both.left - box.left : both.right - box.left
    ]
    return _Piece(cluster, frame, window, inside)


def _in_frame(piece: _Piece, values: Float) -> Float:
    """Values of a window, in the frame of its cluster."""
    result = np.zeros((piece.frame.height, piece.frame.width), np.float32)
    both = piece.frame.intersection(piece.window)
    assert both is not None
    inner = (
        slice(both.top - piece.window.top, both.bottom - piece.window.top),
        slice(both.left - piece.window.left, both.right - piece.window.left),
    )
    outer = (
        slice(both.top - piece.frame.top, both.bottom - piece.frame.top),
        slice(both.left - piece.frame.left, both.right - piece.frame.left),
    )
    result[outer] = values[inner]
    return result


def _join(group: list[tuple[_Piece, Float]], maps: PixelMaps) -> list[Found]:
    """Pieces of one cluster that name each other become one chromosome."""
    frame = group[0][0].frame
    pieces = np.stack([_in_frame(piece, piece.mask.astype(np.float32)) > 0 for piece, _ in group])
    answers = np.stack([_in_frame(piece, probability) for piece, probability in group])
    sizes = pieces.reshape(len(pieces), -1).sum(axis=1)
    # How much of piece q lies in the answer to piece p, in both directions.
    claims = np.einsum("phw,qhw->pq", answers, pieces.astype(np.float32)) / np.maximum(sizes, 1)
    affinity = (claims + claims.T) / 2
    groups = [[i] for i in range(len(group))]
    while len(groups) > 1:
        best, pair = 0.5, None
        for a in range(len(groups)):
            for b in range(a):
                value = float(affinity[np.ix_(groups[a], groups[b])].mean())
                if value > best:
                    best, pair = value, (a, b)
        if pair is None:
            break
        groups[pair[1]] += groups.pop(pair[0])
    merged = np.stack([np.average(answers[g], axis=0, weights=sizes[g]) for g in groups])
    # A piece belongs to the chromosome it was cut from, whatever the network says of its pixels.
    for probability, g in zip(merged, groups, strict=True):
        own = pieces[g].any(axis=0)
        probability[own] = np.maximum(probability[own], 0.51)
    window = frame.slices
    foreground = maps.foreground[window] > 0.5
    merged = _settled(merged, foreground, maps.overlap[window])
    found = []
    for probability, g in zip(merged, groups, strict=True):
        kept = _main_part(probability > 0.5)
        if kept.sum() < SMALLEST_CHROMOSOME:
            continue
        agreement = [float((kept & (answers[i] > 0.5)).sum() / max(1, (kept | (answers[i] > 0.5)).sum())) for i in g]
        certainty = float(np.mean(np.abs(2 * probability[kept] - 1)))
        rows, columns = np.flatnonzero(kept.any(1)), np.flatnonzero(kept.any(0))
        inner = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        box = Box(
            frame.top + int(rows[0]), frame.left + int(columns[0]),
            frame.top + int(rows[-1]) + 1, frame.left + int(columns[-1]) + 1,
        )  # fmt: skip
        values = np.where(kept, probability, np.minimum(probability, 0.49))[inner].astype(np.float32)
        found.append(Found(box, values, float(np.mean(agreement)) * certainty, clustered=True))
    return _without_duplicates(found)


def _settled(merged: Float, foreground: Bool, overlap: Float) -> Float:
    """No pixel of the foreground without a chromosome, none shared where nothing says so."""
    result = merged.copy()
    near = cv2.dilate(foreground.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    result[:, ~near] = 0
    owners = result > 0.5
    shared = (owners.sum(axis=0) > 1) & (overlap < 0.15)
    if shared.any() and len(result) > 1:
        first = result.argmax(axis=0)
        for index in range(len(result)):
            loser = shared & owners[index] & (first != index)
            result[index][loser] = np.minimum(result[index][loser], 0.49)
    missing = foreground & ~owners.any(axis=0)
    if missing.any():
        first = result.argmax(axis=0)
        for index in range(len(result)):
            gained = missing & (first == index) & (result[index] > 0.1)
            result[index][gained] = 0.51
    return result


def _main_part(mask: Bool) -> Bool:
    labels, count = ndimage.label(mask, structure=EIGHT)
    if count <= 1:
        return mask
    sizes = np.bincount(labels.ravel())[1:]
    # Two arms that an opaque crossing parts may both be large; crumbs are not kept.
    kept: Bool = np.isin(labels, 1 + np.flatnonzero(sizes >= max(12, 0.15 * sizes.max())))
    return kept


def _without_duplicates(found: list[Found]) -> list[Found]:
    kept: list[Found] = []
    for candidate in sorted(found, key=lambda f: -f.confidence):
        area = int(candidate.mask.sum())
        inside = False
        for other in kept:
            both = candidate.box.intersection(other.box)
            if both is None:
                continue
            a = candidate.mask[
                both.top - candidate.box.top : both.bottom - candidate.box.top,
                both.left - candidate.box.left : both.right - candidate.box.left,
            ]
            b = other.mask[
                both.top - other.box.top : both.bottom - other.box.top,
                both.left - other.box.left : both.right - other.box.left,
            ]
            inside = inside or int((a & b).sum()) > 0.8 * area
        if not inside:
            kept.append(candidate)
    return kept
