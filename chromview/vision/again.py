"""The model asked again about one cluster: in every way it knows, by number, or by a stroke on each chromosome.

The answers are alternatives; which one is right a person sees at a glance.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

from chromview.core._cv import cv2
from chromview.core.alternatives import Alternative, Part, distinct
from chromview.core.chromosome import Box, Chromosome, SlideImage, Stain
from chromview.core.commands import united
from chromview.core.masks import paste
from chromview.progress import CancelToken, Progress, silent
from chromview.vision.instances import STAINED, on_slide, scale_of
from chromview.vision.models import Models
from chromview.vision.pairs import Attitude, as_probabilities, dab, in_order_of, masks_of, tips
from chromview.vision.pieces import EIGHT, SMALLEST_CHROMOSOME, Found, find_chromosomes, grouped, pieces_of, separated
from chromview.vision.prepare import tell_stain, to_darkness
from chromview.vision.segmenter import PixelMaps, Segmenter
from chromview.vision.sureness import sure_alone

Float = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]
Stroke = Sequence[tuple[float, float]]

MARGIN = 12
"""Canonical pixels of ground around a cluster."""
STROKE_WIDTH = 5
"""Canonical pixels; less than half of a chromosome's width."""
PAIR_NETWORK, PIECES, PIECES_JOINED = "pair network", "pieces", "pieces joined"
"""Ways to see a cluster that need no hint."""
MOST = 12
"""Chromosomes of a cluster that are asked for at most."""
OFFERED = 6
"""Ways to choose from at most; a person compares no more at a glance."""


@dataclass(frozen=True, eq=False)
class _Cluster:
    """What the networks are shown of a cluster, at the canonical scale."""

    frame: Box
    """On the slide."""
    factor: float
    darkness: Float
    """``(h, w)``, ground wherever the cluster is not."""
    own: Bool
    """``(h, w)``, its pixels."""
    strokes: tuple[Bool, ...]
    fluorescent: bool

    @property
    def whole(self) -> Box:
        return Box(0, 0, *self.own.shape)

    def in_attitude(self, attitude: Attitude) -> _Cluster:
        """The same shown otherwise, without its strokes."""
        if attitude is Attitude.AS_IT_LIES:
            return self
        own = _turned(self.own.astype(np.float32), attitude) > 0
        return replace(self, darkness=_turned(self.darkness, attitude), own=own, strokes=())


def _turned(image: Float, attitude: Attitude) -> Float:
    return np.asarray(attitude.of(torch.from_numpy(image)[None, None])[0, 0].contiguous().numpy(), np.float32)


def _as_it_lies(item: Found, shown: _Cluster, attitude: Attitude) -> Found:
    """What was found in an attitude, back as the cluster lies."""
    if attitude is Attitude.AS_IT_LIES:
        return item
    whole = np.zeros(shown.own.shape, np.float32)
    whole[item.box.slices] = item.probability
    lying = _turned(whole, attitude)
    return replace(item, box=Box(0, 0, *lying.shape), probability=lying)


def ask_again(
    image: SlideImage,
    cluster: Sequence[Chromosome],
    others: Sequence[Chromosome],
    models: Models,
    *,
    stain: Stain | None = None,
    count: int | None = None,
    strokes: Sequence[Stroke] = (),
    scale: float | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> tuple[Alternative, ...]:
    """Ways to see a cluster, the likeliest first.

    Parameters
    ----------
    image
        The slide.
    cluster, others
        The chromosomes in question, and those that stay as they are: what only they cover is not looked at.
    models, stain, scale
        As for `analyse`.
    count
        How many chromosomes there are, 1 to 12; None if nobody said. With strokes it is their number.
    strokes
        ``[(y, x), ...]`` each, in slide pixels: one on each chromosome. They may also lie on stain that no chromosome
        of `cluster` covers.

    Returns
    -------
    tuple of Alternative
        No two alike; empty where nothing is stained. With a count or strokes all have that many
        chromosomes, if any has.

    Raises
    ------
    Cancelled
        If the token was set.
    """
    cancel = cancel or CancelToken()
    progress("prepare", 0.0)
    stain, inverted = tell_stain(image, stain)
    darkness = to_darkness(image.pixels, stain, inverted)
    seen = _prepared(darkness, cluster, others, strokes, scale, fluorescent=stain.bright_on_dark)
    if seen is None:
        return ()
    cancel.check()
    progress("find", 0.1)
    segmenter = models.segmenter_of(stain)
    maps = segmenter.pixels(seen.darkness, cancel)
    wanted = len(strokes) or count
    found: list[tuple[str, list[Found]]] = []
    if seen.strokes:
        found.append(("strokes", _by_strokes(seen, maps, segmenter, cancel)))
    if not stain.bright_on_dark and wanted in (None, 2):
        progress("find", 0.3)
        found.append((PAIR_NETWORK, _by_pairs(seen, models, cancel)))
    if not seen.strokes:
        progress("find", 0.5)
        counts = _near(cluster) if wanted is None else [wanted]
        found += _unhinted(seen, maps, segmenter, models, counts, cancel)
    if wanted and not seen.strokes:
        progress("find", 0.8)
        prompts = [] if seen.fluorescent else [(PIECES_JOINED, pieces_of(_stained(seen, maps), maps, segmenter.cuts))]
        for name, some in (*prompts, ("tips joined", _tips(seen, wanted))):
            found += [(name, items) for items in _by_number(seen, maps, segmenter, some, [wanted], cancel)]
    progress("find", 0.95)
    alternatives = [_alternative(how, items, seen) for how, items in found]
    if wanted in (None, 1):
        alternatives.append(_one(seen))
    if wanted:
        fitting = [alternative for alternative in alternatives if len(alternative.parts) == wanted]
        alternatives = fitting or alternatives
    ways = distinct(alternatives)
    # The last is the cluster as one chromosome, if nobody said how many there are.
    return (*ways[: OFFERED - 1], *ways[OFFERED - 1 :][-1:])


def unprompted(
    darkness: Float,
    cluster: Sequence[Chromosome],
    others: Sequence[Chromosome],
    models: Models,
    stain: Stain,
    scale: float,
    cancel: CancelToken,
) -> tuple[Alternative, ...]:
    """The ways to see a cluster that need no hint, nor a person to choose among them.

    Parameters
    ----------
    darkness
        ``(H, W)`` of the slide.
    cluster, others, stain, scale
        As of `ask_again`.

    Returns
    -------
    As of `ask_again`, but as certain as the network is of each mask, also in fluorescence.
    """
    seen = _prepared(darkness, cluster, others, (), scale, fluorescent=stain.bright_on_dark)
    if seen is None:
        return ()
    segmenter = models.segmenter_of(stain)
    maps = segmenter.pixels(seen.darkness, cancel)
    found = _unhinted(seen, maps, segmenter, models, _near(cluster), cancel)
    return distinct(_alternative(how, items, seen, weighed=False) for how, items in found)


def _near(cluster: Sequence[Chromosome]) -> Sequence[int]:
    """How many there may be: as many as were found, one more, or one less."""
    return range(len(cluster) - 1, len(cluster) + 2)


def _unhinted(
    seen: _Cluster,
    maps: PixelMaps,
    segmenter: Segmenter,
    models: Models,
    counts: Sequence[int],
    cancel: CancelToken,
) -> list[tuple[str, list[Found]]]:
    """Every way that the networks see a cluster of themselves, each with its name.

    What a network is in doubt about it sees otherwise where it is shown otherwise. So in bright field every look of the
    pair network is a way, beside the pieces. In fluorescence, of which that has seen little, the pieces are also joined
    to each of `counts`, in three attitudes.
    """
    found = [(PIECES, find_chromosomes(seen.darkness, maps, segmenter, cancel))]
    if max(counts) < 2:
        return found
    if not seen.fluorescent:
        return found + [(PAIR_NETWORK, items) for items in _by_looks(seen, models, cancel)]
    for attitude in (Attitude.AS_IT_LIES, Attitude.MIRRORED, Attitude.TURNED):
        shown = seen.in_attitude(attitude)
        own_maps = maps if shown is seen else segmenter.pixels(shown.darkness, cancel)
        pieces = pieces_of(_stained(shown, own_maps), own_maps, segmenter.cuts)
        ways = _by_number(shown, own_maps, segmenter, pieces, counts, cancel)
        found += [(PIECES_JOINED, [_as_it_lies(item, shown, attitude) for item in items]) for items in ways]
    return found


def _prepared(
    darkness: Float,
    cluster: Sequence[Chromosome],
    others: Sequence[Chromosome],
    strokes: Sequence[Stroke],
    scale: float | None,
    *,
    fluorescent: bool,
) -> _Cluster | None:
    height, width = darkness.shape
    factor = scale_of([*cluster, *others], fluorescent=fluorescent).factor if scale is None else scale
    frame = united([*(c.box for c in cluster), *(_box_of(stroke) for stroke in strokes)])
    if frame is None:
        return None
    # Stain that a stroke lies on and nobody has may reach well beyond the stroke.
    frame = frame.grown(round((80 if strokes else MARGIN) / factor), (height, width))
    own, taken = (np.zeros((frame.height, frame.width), bool) for _ in range(2))
    for chromosomes, target in ((cluster, own), (others, taken)):
        for chromosome in chromosomes:
            paste(target, chromosome, frame)
    taken &= ~own
    drawn = [_drawn(stroke, frame, 1.0, own.shape) for stroke in strokes]
    _, labels = cv2.connectedComponents(((darkness[frame.slices] > STAINED) & ~taken).astype(np.uint8), connectivity=8)
    for stroke in drawn:
        own |= np.isin(labels, np.setdiff1d(labels[stroke], 0)) & ~taken
    if not own.any():
        return None
    size = max(8, round(frame.width * factor)), max(8, round(frame.height * factor))
    reach = max(1, round(3 / factor))
    near = cv2.dilate(own.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0
    local = np.where(near & ~taken, darkness[frame.slices], 0).astype(np.float32)
    scaled = cv2.resize(local, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
    inside = cv2.resize(own.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    prompts = tuple(_drawn(stroke, frame, factor, inside.shape) & inside for stroke in strokes)
    return _Cluster(
        frame, factor, np.asarray(scaled, np.float32), inside, tuple(p for p in prompts if p.any()), fluorescent
    )


def _box_of(stroke: Stroke) -> Box:
    points = np.asarray(stroke)
    low, high = np.floor(points.min(axis=0)).astype(int), np.ceil(points.max(axis=0)).astype(int)
    return Box(int(low[0]), int(low[1]), int(high[0]) + 1, int(high[1]) + 1)


def _drawn(stroke: Stroke, frame: Box, factor: float, shape: tuple[int, ...]) -> Bool:
    canvas = np.zeros(shape, np.uint8)
    points = np.round((np.asarray(stroke)[:, ::-1] - (frame.left, frame.top)) * factor - 0.5).astype(np.int32)
    cv2.polylines(canvas, [points.reshape(-1, 1, 2)], False, 1, STROKE_WIDTH)
    return canvas > 0


def _complete(seen: _Cluster, prompts: Sequence[Bool], segmenter: Segmenter, cancel: CancelToken) -> Float:
    return np.stack(segmenter.complete([(seen.darkness, prompt) for prompt in prompts], cancel))


def _by_strokes(seen: _Cluster, maps: PixelMaps, segmenter: Segmenter, cancel: CancelToken) -> list[Found]:
    prompts = _apart(seen.strokes)
    answers = _complete(seen, prompts, segmenter, cancel)
    return separated(np.stack(prompts), answers, seen.whole, _stained(seen, maps), maps.overlap)


def _apart(strokes: Sequence[Bool]) -> list[Bool]:
    """Strokes without what two of them share: where they cross they tell nothing apart."""
    shared = np.sum(strokes, axis=0) > 1
    return [stroke & ~shared if (stroke & ~shared).any() else stroke for stroke in strokes]


def _stained(seen: _Cluster, maps: PixelMaps) -> Bool:
    near: Bool = cv2.dilate(seen.own.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return near & (maps.foreground > 0.5)


def _by_number(
    seen: _Cluster,
    maps: PixelMaps,
    segmenter: Segmenter,
    prompts: Sequence[Bool],
    counts: Iterable[int],
    cancel: CancelToken,
) -> list[list[Found]]:
    """So many chromosomes: prompts that claim each other most are joined until so many are left."""
    counts = [count for count in counts if 1 < count <= len(prompts)]
    if not counts:
        return []
    alone = _complete(seen, prompts, segmenter, cancel)
    answers: dict[tuple[int, ...], Float] = {(i,): answer for i, answer in enumerate(alone)}
    pieces = np.stack(prompts).astype(np.float32)
    sizes = pieces.reshape(len(pieces), -1).sum(axis=1)
    claims = np.einsum("phw,qhw->pq", alone, pieces) / np.maximum(sizes, 1)
    ways = [[tuple(sorted(g)) for g in grouped((claims + claims.T) / 2, level=-1.0, count=n)] for n in counts]
    # A piece that stays alone was asked already, and most groups are those of the next number too.
    new = list(dict.fromkeys(group for groups in ways for group in groups if group not in answers))
    joined = {g: np.asarray((pieces[list(g)] > 0).any(axis=0)) for groups in ways for g in groups}
    if new:
        answers |= zip(new, _complete(seen, [joined[group] for group in new], segmenter, cancel), strict=True)
    stained = _stained(seen, maps)
    return [
        separated(
            np.stack([joined[group] for group in groups]),
            np.stack([answers[group] for group in groups]),
            seen.whole,
            stained,
            maps.overlap,
        )
        for groups in ways
    ]


def _tips(seen: _Cluster, count: int) -> list[Bool]:
    """Dabs on as many tips as the chromosomes may have."""
    height, width = seen.own.shape
    points = dict.fromkeys(tips(seen.darkness, 2 * min(count, MOST)))
    dabs = [dab((height, width), point) & seen.own for point in points]
    return [one for one in dabs if one.any()]


def _by_pairs(seen: _Cluster, models: Models, cancel: CancelToken) -> list[Found]:
    if len(seen.strokes) == 2:
        first, second = models.pairs.look([(seen.darkness, stroke) for stroke in _apart(seen.strokes)], cancel)
        return _two(seen, np.asarray((first + in_order_of(first, second)) / 2, np.float32))
    return _two(seen, models.pairs.separate([seen.darkness], cancel)[0].probabilities)


def _by_looks(seen: _Cluster, models: Models, cancel: CancelToken) -> list[list[Found]]:
    """As the pair network sees it from two tips in every attitude: where its looks differ, each is a way of its own."""
    looks = [(seen.darkness, dab(seen.darkness.shape, tip)) for tip in tips(seen.darkness)]
    answers = [answer for attitude in Attitude for answer in models.pairs.look(looks, cancel, attitude=attitude)]
    return [[part for item in _two(seen, answer) for part in _hanging_together(item)] for answer in answers]


def _two(seen: _Cluster, answer: Float) -> list[Found]:
    """The chromosomes of four labels ``(4, h, w)``."""
    masks = masks_of(answer)
    return [
        Found(seen.whole, mask.astype(np.float32), float(own[mask].mean()), clustered=True)
        for mask, own in zip(masks, as_probabilities(answer, masks), strict=True)
        if mask.sum() >= SMALLEST_CHROMOSOME
    ]


def _hanging_together(item: Found) -> Iterator[Found]:
    """The parts of a mask as chromosomes of their own: of a heap of three the pair network gives two one label."""
    labels, count = ndimage.label(item.mask, structure=EIGHT)
    for part in range(1, count + 1):
        own = labels == part
        if own.sum() >= SMALLEST_CHROMOSOME:
            yield replace(item, probability=np.where(own, item.probability, 0).astype(np.float32))


def _alternative(how: str, found: Sequence[Found], seen: _Cluster, *, weighed: bool = True) -> Alternative:
    """What was found as a way to see the cluster; if not `weighed`, as certain as the network is."""
    parts = []
    for item in found:
        rows, columns = item.box.slices
        if (item.mask & seen.own[rows, columns]).sum() < 0.5 * item.mask.sum():
            continue  # something beside the cluster
        mask, box = on_slide(item, seen.factor, (seen.frame.height, seen.frame.width), fluorescent=seen.fluorescent)
        if mask.any():
            at = Box(
                box.top + seen.frame.top, box.left + seen.frame.left,
                box.bottom + seen.frame.top, box.right + seen.frame.left,
            )  # fmt: skip
            sure = sure_alone(item.confidence) if seen.fluorescent and weighed else item.confidence
            parts.append(Part(at, mask, sure))
    return Alternative(how, tuple(parts))


def _one(seen: _Cluster) -> Alternative:
    found = Found(seen.whole, seen.own.astype(np.float32), 0.5, clustered=False)
    return _alternative("one chromosome", [found], seen)
