"""The ways to take clusters apart that were thought of before one was built, measured on the same pixels.

    python benchmarks/candidates.py learn --data DATA --out FILE [--epochs N] [--steps N] [--seed N]
    python benchmarks/candidates.py measure --data DATA [--angles FILE] [--split val] [--cells N] [--metaphases N]

Foreground, overlaps, contact lines and scale of each slide are those that the shipped segmenter tells; what differs is
how a connected region of the foreground becomes chromosomes:

    four labels   the pair network paints every region in two colours; parts of one colour are shown once more
    geometry      overlaps and contact lines cut the region into pieces, and arms that go on in one line and are equally
                  wide are joined across an overlap or a line
    angle         a network says of each pixel in which of eight directions chromosomes run through it; what hangs
                  together in place and direction is a chromosome (lifting), contact lines cut as well or not
    prompts       as it ships: pieces are given back as prompts, and pieces that claim each other are one chromosome;
                  with the second look of the pair network or without it

`learn` makes the network of the third way, from the shipped segmenter, with windows as that one learned from. Slides
are cells composed from `gband` and the metaphases of `mfish_dapi`; what is debris is told alike for all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from report import finish, parser, table
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from chromview.core._cv import cv2
from chromview.core.chromosome import Box, SlideImage, Stain
from chromview.places import models_dir
from chromview.progress import CancelToken
from chromview.training.datasets import Instance, read_karyotypes, read_metaphases
from chromview.training.instance_metrics import SlideScore, count_error, f1, score_slide, solved
from chromview.training.runs import descend, mixed_precision, one_cycle, save_weights
from chromview.training.scenes import composed_cells
from chromview.training.segmenter_samples import Sources, make_window, open_sources
from chromview.training.train_segmenter import dice_loss
from chromview.vision.instances import Seen, as_instances, see
from chromview.vision.models import SEGMENTER_FILE, Models
from chromview.vision.networks import UNet, channels_last
from chromview.vision.pieces import EIGHT, SMALLEST_CHROMOSOME, SMALLEST_PIECE, Found, find_chromosomes, pieces_of
from chromview.vision.prepare import to_darkness
from chromview.vision.second_look import Region, second_look
from chromview.vision.segmenter import Segmenter
from chromview.vision.weights import load_weights, read_metadata

Float = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

BINS = 8
SIGMA = 5.0
"""Canonical pixels about which the direction of a chromosome is told from its mask; its width is 12.5."""
ACTIVE = 0.25
"""Probability above which a direction is there; a chromosome between two bins has half of each."""
ARM = 14
"""Canonical pixels of an arm that tell its direction."""
MANY = 99
"""Chromosomes of a region at most, where nobody counted them."""


class Cluster(NamedTuple):
    """A connected region of the foreground: a frame with a margin, and its pixels ``(h, w)`` in it."""

    frame: Box
    own: Bool


def clusters_of(seen: Seen) -> list[Cluster]:
    """Every region of the foreground that is large enough."""
    labels, _ = ndimage.label(seen.maps.foreground > 0.5, structure=EIGHT)
    found = []
    for index, window in enumerate(ndimage.find_objects(labels), start=1):
        box = Box(window[0].start, window[1].start, window[0].stop, window[1].stop)
        frame = box.grown(12, (labels.shape[0], labels.shape[1]))
        own = labels[frame.slices] == index
        if own.sum() >= SMALLEST_CHROMOSOME:
            found.append(Cluster(frame, own))
    return found


def as_found(cluster: Cluster, masks: Sequence[Bool]) -> list[Found]:
    """Masks ``(h, w)`` in the frame of a cluster as chromosomes."""
    return [Found(cluster.frame, mask.astype(np.float32), 1.0, clustered=len(masks) > 1) for mask in masks]


def shared_out(own: Bool, masks: Sequence[Bool]) -> list[Bool]:
    """The masks with every pixel of the cluster that none has, given to the nearest."""
    owner = np.zeros(own.shape, np.int32)
    for number, mask in enumerate(masks, start=1):
        owner[mask] = number
    rows, columns = ndimage.distance_transform_edt(owner == 0, return_distances=False, return_indices=True)
    nearest = np.where(own & (owner == 0), owner[rows, columns], 0)
    return [mask | (nearest == number) for number, mask in enumerate(masks, start=1)]


# --- four labels -----------------------------------------------------------------------------------


def by_four_labels(seen: Seen, segmenter: Segmenter, models: Models) -> list[Found]:
    """Every region in two colours by the pair network, parts of a colour shown once more."""
    clusters = clusters_of(seen)
    regions = [Region(c.frame, c.own, 1.0, MANY) for c in clusters]
    found = []
    for cluster, opinion in zip(clusters, second_look(seen.darkness, regions, models.pairs), strict=True):
        masks = [cluster.own] if opinion is None else [p > 0.5 for p in opinion.probabilities]
        found += as_found(cluster, [mask for mask in masks if mask.sum() >= SMALLEST_CHROMOSOME])
    return found


# --- pieces joined by geometry ---------------------------------------------------------------------


class Arm(NamedTuple):
    """A piece where it ends at an overlap or a line: its point there, the direction (y, x) away from it, its width."""

    piece: int
    point: npt.NDArray[np.float64]
    away: npt.NDArray[np.float64]
    width: float


def arm_of(number: int, piece: Bool, joint: Bool) -> Arm | None:
    """How a piece comes to a joint; None where it does not reach it, or passes it with its side."""
    near = np.argwhere(piece & (cv2.dilate(joint.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0))
    if not len(near):
        return None
    point = near.mean(axis=0)
    points = np.argwhere(piece)
    arm = points[np.hypot(*(points - point).T) <= ARM]
    if len(arm) < SMALLEST_PIECE:
        return None
    spread, axes = np.linalg.eigh(np.cov(arm.T))
    inwards = arm.mean(axis=0) - point
    along = float(axes[:, 1] @ inwards)
    if abs(along) < 0.7 * float(np.hypot(*inwards)):
        return None
    return Arm(number, point, axes[:, 1] * np.sign(along), float(np.sqrt(12 * max(spread[0], 0.1))))


def unlike(a: Arm, b: Arm) -> float:
    """How little two arms look like one chromosome that goes on: 0 in one line and equally wide."""
    bend = 1 + float(a.away @ b.away)
    between = b.point - a.point
    beside = abs(float(between[0] * a.away[1] - between[1] * a.away[0])) / max(1.0, (a.width + b.width) / 2)
    return bend + 0.5 * beside + 0.5 * abs(float(np.log(a.width / b.width)))


def by_geometry(
    seen: Seen, segmenter: Segmenter, models: Models, *, across: float = 0.8, over_line: float = 0.3
) -> list[Found]:
    """Arms on two sides of an overlap (or of a line) joined while they are less `unlike` than told."""
    found = []
    for cluster in clusters_of(seen):
        maps = seen.maps.inside(cluster.frame)
        pieces = pieces_of(cluster.own, maps, segmenter.cuts)
        if len(pieces) < 2:
            found += as_found(cluster, [cluster.own])
            continue
        overlap = cluster.own & (maps.overlap > segmenter.cuts.overlap)
        line = cluster.own & (maps.contact > segmenter.cuts.contact) & ~overlap
        group = list(range(len(pieces)))
        shared: list[tuple[Bool, list[int]]] = []
        for where, most in ((overlap, across), (line, over_line)):
            joints, count = ndimage.label(where, structure=EIGHT)
            for joint in (joints == n for n in range(1, count + 1)):
                arms = [arm for n, piece in enumerate(pieces) if (arm := arm_of(n, piece, joint)) is not None]
                costs = sorted((unlike(a, b), i, j) for i, a in enumerate(arms) for j, b in enumerate(arms[:i]))
                taken: set[int] = set()
                for cost, i, j in costs:
                    if cost < most and not {i, j} & taken:
                        taken |= {i, j}
                        old, new = group[arms[i].piece], group[arms[j].piece]
                        group = [new if g == old else g for g in group]
                if where is overlap:
                    shared.append((joint, [arm.piece for arm in arms]))
        masks = []
        for one in sorted(set(group)):
            members = [n for n, g in enumerate(group) if g == one]
            mask = np.any([pieces[n] for n in members], axis=0)
            for joint, touching in shared:
                if set(members) & set(touching):
                    mask = mask | joint
            masks.append(mask)
        found += as_found(cluster, [m for m in shared_out(cluster.own, masks) if m.sum() >= SMALLEST_CHROMOSOME])
    return found


# --- lifting by angle ------------------------------------------------------------------------------


def directions(mask: Bool) -> Float:
    """In which directions a chromosome runs at each of its pixels, ``(BINS, h, w)``: two neighbours share 1."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    reach = int(3 * SIGMA)
    window = (
        slice(max(0, rows[0] - reach), rows[-1] + 1 + reach),
        slice(max(0, columns[0] - reach), columns[-1] + 1 + reach),
    )
    weight = mask[window].astype(np.float32)
    y, x = (grid.astype(np.float32) for grid in np.mgrid[: weight.shape[0], : weight.shape[1]])

    def mean(values: Float) -> Float:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), SIGMA, borderType=cv2.BORDER_CONSTANT), np.float32)

    mass = np.maximum(mean(weight), 1e-6)
    my, mx = mean(weight * y) / mass, mean(weight * x) / mass
    yy, xx = mean(weight * y * y) / mass - my * my, mean(weight * x * x) / mass - mx * mx
    xy = mean(weight * x * y) / mass - mx * my
    place = (np.arctan2(2 * xy, xx - yy) / (2 * np.pi) % 1.0) * BINS
    lower = np.floor(place).astype(int) % BINS
    share = (place - np.floor(place)).astype(np.float32)
    result = np.zeros((BINS, *mask.shape), np.float32)
    inner = result[(slice(None), *window)]
    at = np.nonzero(mask[window])
    inner[(lower[at], *at)] = 1 - share[at]
    inner[((lower[at] + 1) % BINS, *at)] = share[at]
    return result


class Windows(IterableDataset[tuple[Tensor, Tensor]]):
    """Endless batches: inputs ``(N, 2, S, S)`` of which the second is empty, directions ``(N, BINS, S, S)``."""

    def __init__(self, sources: Sources, batch: int, size: int, seed: int) -> None:
        self.sources, self.batch, self.size, self.seed = sources, batch, size, seed

    def __iter__(self):  # type: ignore[no-untyped-def]
        worker = get_worker_info()
        rng = np.random.default_rng((self.seed, worker.id if worker else 0))
        while True:
            inputs = np.zeros((self.batch, 2, self.size, self.size), np.float32)
            targets = np.zeros((self.batch, BINS, self.size, self.size), np.float32)
            for row in range(self.batch):
                inputs[row, 0], masks = make_window(rng, self.sources, self.size)
                for mask in masks:
                    np.maximum(targets[row], directions(mask), out=targets[row])
            yield torch.from_numpy(inputs), torch.from_numpy(targets)


def network_of_angles(start: Path | None = None) -> UNet:
    """The network; with `start`, all but its last layer are those of a segmenter."""
    widths = read_metadata(start or models_dir() / SEGMENTER_FILE)["widths"]
    network = UNet(2, BINS, widths)
    if start:
        old = UNet(2, 4, widths)
        load_weights(start, old)
        network.load_state_dict({k: v for k, v in old.state_dict().items() if "head" not in k}, strict=False)
    channels_last(network)
    return network


def learn(data: Path, out: Path, epochs: int, steps: int, seed: int) -> None:
    """Train the network of directions; the weights of each epoch are written to `out`."""
    torch.manual_seed(seed)
    network = network_of_angles(models_dir() / SEGMENTER_FILE)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1.5e-3, weight_decay=1e-4)
    schedule = one_cycle(optimiser, epochs * steps)
    sources = open_sources(
        read_karyotypes(data / "gband_karyotypes.h5", "train"),
        read_karyotypes(data / "qband_karyotypes.h5", "train"),
        read_metaphases(data / "mfish_dapi.h5", "train"),
    )
    loader = iter(DataLoader(Windows(sources, 24, 128, seed), batch_size=None, num_workers=1, prefetch_factor=4))
    for epoch in range(epochs):
        network.train()
        started, total = time.perf_counter(), 0.0
        for _ in range(steps):
            inputs, targets = next(loader)
            with mixed_precision():
                logits = network(inputs.to(memory_format=torch.channels_last))
            logits = logits.float()
            loss = F.binary_cross_entropy_with_logits(logits, targets, pos_weight=logits.new_tensor(2.0))
            loss = 4 * loss + dice_loss(logits.flatten(0, 1), targets.flatten(0, 1))
            total += descend(loss, network, optimiser, schedule, run=out, epoch=epoch)
        print({"epoch": epoch + 1, "loss": round(total / steps, 4), "seconds": round(time.perf_counter() - started, 1)})
        save_weights(out, network, architecture="UNet", widths=list(network.widths), epoch=epoch + 1)


@torch.inference_mode()
def by_angle(seen: Seen, segmenter: Segmenter, models: Models, *, network: UNet, lines: bool) -> list[Found]:
    """What hangs together in place and direction; with `lines` contact lines cut as well."""
    height, width = seen.darkness.shape
    stride = network.stride
    x = torch.zeros(1, 2, -(-height // stride) * stride, -(-width // stride) * stride)
    x[0, 0, :height, :width] = torch.from_numpy(seen.darkness)
    with mixed_precision():
        angles = torch.sigmoid(network(x.to(memory_format=torch.channels_last)).float())[0, :, :height, :width].numpy()
    found = []
    for cluster in clusters_of(seen):
        there = (angles[(slice(None), *cluster.frame.slices)] > ACTIVE) & cluster.own
        if lines:
            there &= seen.maps.contact[cluster.frame.slices] <= segmenter.cuts.contact
        masks = [mask for mask in lifted(there) if mask.sum() >= SMALLEST_CHROMOSOME]
        found += as_found(cluster, shared_out(cluster.own, masks) if masks else [cluster.own])
    return found


def lifted(there: Bool) -> list[Bool]:
    """What hangs together in ``(BINS, h, w)``, where the last direction is next to the first, seen from above."""
    around = np.concatenate((there, there[:1]))
    labels, count = ndimage.label(around, structure=np.ones((3, 3, 3)))
    same = labels[0][there[0]], labels[-1][there[0]]
    graph = coo_array((np.ones(len(same[0])), same), shape=(count + 1, count + 1))
    _, whole = connected_components(graph, directed=False)
    joined = np.where(labels > 0, whole[labels] + 1, 0)[:-1]
    return [(joined == number).any(axis=0) for number in np.unique(joined) if number]


# --- as it ships -----------------------------------------------------------------------------------


def by_prompts(seen: Seen, segmenter: Segmenter, models: Models, *, pairs: bool) -> list[Found]:
    """As it ships, with the second look of the pair network or without."""
    second = models.pairs if pairs else None
    return find_chromosomes(seen.darkness, seen.maps, segmenter, CancelToken(), pairs=second)


# --- measuring -------------------------------------------------------------------------------------

Way = Callable[[Seen, Segmenter, Models], list[Found]]
Slide = tuple[npt.NDArray[np.uint8], Sequence[Instance]]


def score(slide: Slide, stain: Stain, seen: Seen, darkness: Float, way: Way, models: Models) -> SlideScore:
    """A slide taken apart in one way, against its truth."""
    found = way(seen, models.segmenter_of(stain), models)
    placed = as_instances(found, seen, darkness, fluorescent=stain.bright_on_dark)
    return score_slide(slide[1], [(c.box, c.mask) for c in placed if c.in_karyogram])


def main() -> None:
    """Learn, or measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("what", choices=("learn", "measure"))
    arguments.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    arguments.add_argument("--out", type=Path, help="weights to write (learn)")
    arguments.add_argument("--angles", type=Path, help="weights of the network of angles (measure)")
    arguments.add_argument("--split", default="val")
    arguments.add_argument("--cells", type=int, default=14)
    arguments.add_argument("--metaphases", type=int, default=14)
    arguments.add_argument("--epochs", type=int, default=8)
    arguments.add_argument("--steps", type=int, default=200)
    arguments.add_argument("--seed", type=int, default=0)
    chosen = arguments.parse_args()
    if chosen.what == "learn":
        learn(chosen.data, chosen.out, chosen.epochs, chosen.steps, chosen.seed)
        return
    models = Models.load("cpu", models_dir())
    ways: dict[str, Way] = {"four labels": by_four_labels, "geometry": by_geometry}
    if chosen.angles:
        network = network_of_angles()
        load_weights(chosen.angles, network)
        network.eval()
        ways["angle"] = partial(by_angle, network=network, lines=False)
        ways["angle, contact lines"] = partial(by_angle, network=network, lines=True)
    ways["prompts"] = partial(by_prompts, pairs=False)
    ways["prompts, second look"] = partial(by_prompts, pairs=True)
    cells = composed_cells(read_karyotypes(chosen.data / "gband_karyotypes.h5", chosen.split), chosen.cells)
    metaphases = read_metaphases(chosen.data / "mfish_dapi.h5", chosen.split)[: chosen.metaphases]
    sets: dict[str, tuple[Stain, list[Slide]]] = {
        "composed cells": (Stain.G_BAND, [(cell.image, cell.instances) for cell in cells]),
        "metaphases": (Stain.DAPI, [(m.image, m.instances) for m in metaphases]),
    }
    rows = []
    for name, (stain, slides) in sets.items():
        scores: dict[str, list[SlideScore]] = {way: [] for way in ways}
        for slide in slides:
            darkness = to_darkness(SlideImage(slide[0]).pixels, stain)
            seen = see(darkness, models.segmenter_of(stain), CancelToken(), fluorescent=stain.bright_on_dark)
            for way, take_apart in ways.items():
                scores[way].append(score(slide, stain, seen, darkness, take_apart, models))
        for way, of in scores.items():
            kinds = {kind: round(solved(of, kind), 3) for kind in ("free", "touching", "overlapping")}
            row = {"slides": name, "way": way, "f1_50": round(f1(of, 0.5), 3), "f1_75": round(f1(of, 0.75), 3)}
            rows.append({**row, **kinds, "count_error": round(count_error(of), 2)})
    table(rows)
    finish({"split": chosen.split, "rows": rows}, chosen.json)


if __name__ == "__main__":
    main()
