"""From pixel maps to chromosomes: clusters are cut into pieces, and each piece is completed.

One U-Net is called twice. Without a prompt it says of every pixel whether it is chromosome, overlap,
or the line where two chromosomes touch. Overlaps and contact lines cut each cluster into pieces; every
piece is then given back as a prompt, and the network answers with the whole chromosome that the piece
belongs to, the pixels it shares included. Pieces that name each other are one chromosome. The answer
does not depend on any order, and the cost grows with the number of pieces, whatever their cluster.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from chromview.core._cv import cv2
from chromview.core.chromosome import Box
from chromview.progress import CancelToken
from chromview.vision.pairs import PairSegmenter
from chromview.vision.second_look import Opinion, Region, second_look
from chromview.vision.segmenter import Cuts, PixelMaps, Segmenter

Float = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

EIGHT = np.ones((3, 3), int)
LARGEST_WINDOW = 224
"""Pixels; a longer cluster is answered in windows around each piece."""
SMALLEST_PIECE = 12
SMALLEST_CHROMOSOME = 40
"""Pixels of the canonical scale; below that nothing is a chromosome."""
SHARED_LEVEL = 0.15
"""Probability of overlap below which a pixel that two answers claim goes to the surer one."""
JOIN_LEVEL = 0.15
"""Share that two pieces must claim of each other to be one chromosome; chosen on `val`."""


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


@dataclass(frozen=True, eq=False)
class _Piece:
    frame: Box
    """Of the whole cluster."""
    window: Box
    """What the network is shown."""
    mask: Bool
    """In the window."""


def find_chromosomes(
    darkness: Float,
    maps: PixelMaps,
    segmenter: Segmenter,
    cancel: CancelToken | None = None,
    *,
    pairs: PairSegmenter | None = None,
    heaps: bool = True,
) -> list[Found]:
    """Every chromosome of a slide, overlaps shared.

    Parameters
    ----------
    darkness
        ``(H, W)`` at the canonical scale.
    maps
        What `Segmenter.pixels` says of it.
    pairs
        Gives a second opinion on regions that may hold two chromosomes.
    heaps
        Whether it is asked about more than two as well.
    """
    clusters = _clusters(darkness.shape, maps, segmenter.cuts)
    waiting = [(cluster, mask) for cluster in clusters for mask in cluster.prompts()]
    # What nobody claims after the first answers is asked for once more.
    for _ in range(2):
        asked = [(cluster, _as_piece(cluster, mask, darkness.shape)) for cluster, mask in waiting]
        answers = segmenter.complete([(darkness[p.window.slices], p.mask) for _, p in asked], cancel)
        for (cluster, piece), answer in zip(asked, answers, strict=True):
            cluster.answers.append((piece, answer))
        waiting = [(cluster, mask) for cluster in clusters for mask in cluster.unclaimed()]
        if not waiting:
            break
    # The arms of a chromosome, once they are known to be one, are a better prompt together.
    joined = [(cluster, group) for cluster in clusters for group in cluster.joined()]
    pieces = [_as_piece(cluster, group, darkness.shape) for cluster, group in joined]
    answers = segmenter.complete([(darkness[p.window.slices], p.mask) for p in pieces], cancel)
    for (cluster, group), piece, answer in zip(joined, pieces, answers, strict=True):
        cluster.whole.append((group, _in_frame(piece, answer)))
    found = [_finished(cluster, maps) for cluster in clusters]
    if pairs:
        regions = [
            Region(cluster.frame, cluster.own, cluster.hint, len(own))
            for cluster, own in zip(clusters, found, strict=True)
        ]
        for index, opinion in enumerate(second_look(darkness, regions, pairs, cancel, heaps=heaps)):
            if opinion:
                found[index] = _by_opinion(regions[index], opinion)
    return [item for own in found for item in own]


def cut_regions(shape: tuple[int, ...], maps: PixelMaps, cuts: Cuts) -> list[tuple[Box, list[Bool]]]:
    """The regions of a slide ``(H, W)`` and what they are cut into: a box each, and ``(h, w)`` masks in it.

    One mask is a region that nothing cuts.
    """
    return [(cluster.frame, cluster.prompts() or [cluster.own]) for cluster in _clusters(shape, maps, cuts)]


@dataclass(eq=False)
class _Cluster:
    """A connected region of the foreground, and what was answered about it so far."""

    frame: Box
    """The region with a margin around it; all masks lie in it."""
    own: Bool
    maps: PixelMaps
    """In the frame."""
    cuts: Cuts
    answers: list[tuple[_Piece, Float]] = field(default_factory=list)
    """To each piece, in its window."""
    whole: list[tuple[Bool, Float]] = field(default_factory=list)
    """Pieces of one chromosome together, and the answer to them, in the frame."""

    @property
    def hint(self) -> float:
        """How probable an overlap or a contact line is anywhere in the region."""
        return float(np.maximum(self.maps.overlap, self.maps.contact)[self.own].max())

    def prompts(self) -> list[Bool]:
        """The pieces that overlaps and contact lines leave; none for a region that nothing cuts."""
        pieces = pieces_of(self.own, self.maps, self.cuts)
        return pieces if len(pieces) > 1 else []

    def unclaimed(self) -> list[Bool]:
        """Parts of the region that no answer claims and that are too large to be a mistake at an edge."""
        if not self.answers:
            return []
        claimed = np.zeros_like(self.own)
        for piece, answer in self.answers:
            claimed |= (_in_frame(piece, answer) > 0.4) | (_in_frame(piece, piece.mask.astype(np.float32)) > 0)
        left = cv2.morphologyEx((self.own & ~claimed).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        labels, count = ndimage.label(left, structure=EIGHT)
        sizes = np.bincount(labels.ravel(), minlength=count + 1)
        return [labels == part for part in range(1, count + 1) if sizes[part] >= SMALLEST_CHROMOSOME]

    def joined(self) -> list[Bool]:
        """Pieces that claim each other, together; none where all are one chromosome."""
        if not self.answers:
            return []
        pieces = np.stack([_in_frame(piece, piece.mask.astype(np.float32)) > 0 for piece, _ in self.answers])
        answers = np.stack([_in_frame(piece, probability) for piece, probability in self.answers])
        sizes = pieces.reshape(len(pieces), -1).sum(axis=1)
        # How much of piece q lies in the answer to piece p, in both directions.
        claims = np.einsum("phw,qhw->pq", answers, pieces.astype(np.float32)) / np.maximum(sizes, 1)
        groups = grouped((claims + claims.T) / 2)
        return [np.asarray(pieces[group].any(axis=0), bool) for group in groups] if len(groups) > 1 else []


def pieces_of(own: Bool, maps: PixelMaps, cuts: Cuts) -> list[Bool]:
    """The pieces ``(h, w)`` that overlaps and contact lines leave of a region."""
    parts, count = ndimage.label(own & (maps.overlap <= cuts.overlap) & (maps.contact <= cuts.contact))
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    return [parts == part for part in range(1, count + 1) if sizes[part] >= SMALLEST_PIECE]


def grouped(affinity: Float, *, level: float = JOIN_LEVEL, count: int = 1) -> list[list[int]]:
    """Groups of pieces that belong together: the two nearest are joined until none is near or `count` are left.

    Parameters
    ----------
    affinity
        ``(n, n)``, symmetric: how much two pieces claim each other.
    level
        Mean affinity up to which groups are not joined.
    """
    groups = [[i] for i in range(len(affinity))]
    while len(groups) > count:
        best, pair = level, None
        for a in range(len(groups)):
            for b in range(a):
                value = float(affinity[np.ix_(groups[a], groups[b])].mean())
                if value > best:
                    best, pair = value, (a, b)
        if pair is None:
            break
        groups[pair[1]] += groups.pop(pair[0])
    return groups


def _clusters(shape: tuple[int, ...], maps: PixelMaps, cuts: Cuts) -> list[_Cluster]:
    labels, _ = ndimage.label(maps.foreground > 0.5, structure=EIGHT)
    clusters = []
    for index, window in enumerate(ndimage.find_objects(labels), start=1):
        box = Box(window[0].start, window[1].start, window[0].stop, window[1].stop)
        frame = box.grown(12, (shape[0], shape[1]))
        own = labels[frame.slices] == index
        if own.sum() < SMALLEST_CHROMOSOME:
            continue
        clusters.append(_Cluster(frame, own, maps.inside(frame), cuts))
    return clusters


def _as_piece(cluster: _Cluster, mask: Bool, shape: tuple[int, ...]) -> _Piece:
    frame = cluster.frame
    window = frame
    if max(frame.height, frame.width) > LARGEST_WINDOW:
        y, x = ndimage.center_of_mass(mask)
        half = LARGEST_WINDOW // 2
        top, left = max(0, round(y) + frame.top - half), max(0, round(x) + frame.left - half)
        window = Box(top, left, min(shape[0], top + 2 * half), min(shape[1], left + 2 * half))
    inside = np.zeros((window.height, window.width), bool)
    both = frame.intersection(window)
    assert both is not None  # the window lies around the piece
    inside[both.top - window.top : both.bottom - window.top, both.left - window.left : both.right - window.left] = mask[
        both.top - frame.top : both.bottom - frame.top, both.left - frame.left : both.right - frame.left
    ]
    return _Piece(frame, window, inside)


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


def _by_opinion(region: Region, opinion: Opinion) -> list[Found]:
    """The chromosomes of an opinion; parts of one that hang together with nothing are dropped."""
    found = []
    several = len(opinion.probabilities) > 1
    for probability in opinion.probabilities:
        # One chromosome alone hangs together; only another that lies upon it could part it.
        kept = main_part(probability > 0.5, least=0.15 if several else 1.0)
        if kept.sum() < SMALLEST_CHROMOSOME:
            continue
        certainty = float(np.mean(np.abs(2 * probability[kept] - 1)))
        found.append(_cut_to_mask(region.frame, kept, probability, opinion.confidence * certainty))
    return found


def _cut_to_mask(frame: Box, kept: Bool, probability: Float, confidence: float) -> Found:
    """A chromosome of a cluster from its mask and probabilities in the frame."""
    rows, columns = np.flatnonzero(kept.any(1)), np.flatnonzero(kept.any(0))
    inner = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    box = Box(
        frame.top + int(rows[0]), frame.left + int(columns[0]),
        frame.top + int(rows[-1]) + 1, frame.left + int(columns[-1]) + 1,
    )  # fmt: skip
    values = np.where(kept, np.maximum(probability, 0.51), np.minimum(probability, 0.49))[inner].astype(np.float32)
    return Found(box, values, confidence, clustered=True)


def _finished(cluster: _Cluster, maps: PixelMaps) -> list[Found]:
    """The chromosomes of a cluster, with their masks settled among each other."""
    if len(cluster.whole) < 2:
        return [_single(cluster, maps)]
    pieces = np.stack([piece for piece, _ in cluster.whole])
    answers = np.stack([answer for _, answer in cluster.whole])
    return separated(pieces, answers, cluster.frame, cluster.own, maps.overlap[cluster.frame.slices])


def separated(prompts: Bool, answers: Float, frame: Box, own: Bool, overlap: Float) -> list[Found]:
    """The chromosomes that prompts were answered with, settled among each other.

    Parameters
    ----------
    prompts, answers
        ``(n, h, w)`` in the frame: what each was asked by, and the probabilities it was answered with.
    frame, own, overlap
        Where the cluster lies, its pixels in the frame, and how probable an overlap is in each.
    """
    # A piece belongs to the chromosome it was cut from, whatever the network says of its pixels.
    merged = settled(np.where(prompts, np.maximum(answers, 0.51), answers), own, overlap)
    found = []
    for probability, answer in zip(merged, answers, strict=True):
        kept = main_part(probability > 0.5)
        if kept.sum() < SMALLEST_CHROMOSOME:
            continue
        agreement = float((kept & (answer > 0.5)).sum() / max(1, (kept | (answer > 0.5)).sum()))
        certainty = float(np.mean(np.abs(2 * probability[kept] - 1)))
        found.append(_cut_to_mask(frame, kept, probability, agreement * certainty))
    return _without_duplicates(found)


def _single(cluster: _Cluster, maps: PixelMaps) -> Found:
    """A region that is one chromosome: its outline is that of the foreground."""
    rows, columns = np.flatnonzero(cluster.own.any(1)), np.flatnonzero(cluster.own.any(0))
    inner = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    frame = cluster.frame
    box = Box(
        frame.top + int(rows[0]), frame.left + int(columns[0]),
        frame.top + int(rows[-1]) + 1, frame.left + int(columns[-1]) + 1,
    )  # fmt: skip
    own = cluster.own[inner]
    probability = np.where(own, maps.foreground[box.slices], 0).astype(np.float32)
    return Found(box, probability, float(np.mean(2 * probability[own] - 1)), clustered=False)


def settled(merged: Float, foreground: Bool, overlap: Float) -> Float:
    """No pixel of the foreground without a chromosome, none shared where nothing says so."""
    result = merged.copy()
    near = cv2.dilate(foreground.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    result[:, ~near] = 0
    owners = result > 0.5
    shared = (owners.sum(axis=0) > 1) & (overlap < SHARED_LEVEL)
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


def main_part(mask: Bool, least: float = 0.15) -> Bool:
    """The largest part of a mask, and those of at least a share of its size."""
    labels, count = ndimage.label(mask, structure=EIGHT)
    if count <= 1:
        return mask
    sizes = np.bincount(labels.ravel())[1:]
    # Two arms that an opaque crossing parts may both be large; crumbs are not kept.
    kept: Bool = np.isin(labels, 1 + np.flatnonzero(sizes >= max(12, least * sizes.max())))
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
