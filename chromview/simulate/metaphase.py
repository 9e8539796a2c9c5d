"""Whole metaphases and single clusters, photographed, with their exact truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chromview.core._cv import cv2
from chromview.core.chromosome import Chromosome, Kind, SlideImage, Stain
from chromview.core.ideogram import RESOLUTIONS, load_ideograms
from chromview.errors import UserError
from chromview.simulate.appearance import Look, bands_of_homologue, draw_look
from chromview.simulate.chromosome import LONGEST_ISCN, Drawing, draw_chromosome, usual_size
from chromview.simulate.formula import chromosome_numbers
from chromview.simulate.optics import Floats, draw_light, photograph
from chromview.simulate.placement import Region, Table
from chromview.simulate.shape import STEP, Points, random_course
from chromview.simulate.surroundings import Thing, draw_debris, draw_haze, draw_nucleus

USUAL_SHAPE = (620, 760)
"""(H, W) of the photograph for which `usual_size` is given."""


@dataclass(frozen=True, slots=True, eq=False)
class Simulated:
    """A simulated slide with its truth.

    Attributes
    ----------
    image
        ``(H, W)`` uint8.
    chromosomes
        Everything on it: chromosomes by class, then nuclei and debris (see
        `Chromosome.kind`), numbered from 1. Masks are exact, an overlap stands in both;
        the axis runs from the p tip to the q tip, so `p_up` is True.
    stain, seed
        As ordered.
    karyotype
        The formula of a metaphase; "" for a cluster.
    """

    image: npt.NDArray[np.uint8]
    chromosomes: tuple[Chromosome, ...]
    stain: Stain
    seed: int
    karyotype: str = ""

    @property
    def slide(self) -> SlideImage:
        """The photograph as the pipeline takes it."""
        return SlideImage(self.image)

    @property
    def countable(self) -> tuple[Chromosome, ...]:
        """The chromosomes without nuclei and debris."""
        return tuple(chromosome for chromosome in self.chromosomes if chromosome.kind is Kind.CHROMOSOME)


def simulate_metaphase(
    karyotype: str = "46,XX",
    *,
    stain: Stain = Stain.G_BAND,
    seed: int,
    shape: tuple[int, int] = USUAL_SHAPE,
    bands: int = 550,
    scale: float | None = None,
    bends: float = 1.0,
    openness: float | None = None,
    crossings: int | None = None,
    contacts: int | None = None,
    nuclei: int | None = None,
    debris: int | None = None,
    uneven: float = 1.0,
) -> Simulated:
    """Photograph a metaphase.

    Parameters
    ----------
    karyotype
        Formula, see `chromview.simulate.formula.chromosome_numbers`.
    stain
        G-band, Q-band or DAPI.
    seed
        Decides everything that is left to chance; the same arguments give the same pixels.
    shape
        (H, W), at least 160 each way.
    bands
        400, 550 or 850.
    scale
        Factor on the usual size of chromosomes; None: so that the cell fills the slide as usual.
    bends
        How readily chromosomes bend: 0 straight, 1 usual.
    openness
        0 chromatids lie together, 1 arms gape widely; None: by chance, one cell in eight gapes.
    crossings, contacts
        How many chromosomes are laid across another one, and beside one so that they touch;
        None: a few, by chance.
    nuclei, debris
        How many interphase nuclei and specks; None: by chance.
    uneven
        Unevenness of the light; 0 even, 1 usual.

    Raises
    ------
    UserError
        If the karyotype, the resolution or the size cannot be had.
    """
    numbers = chromosome_numbers(karyotype)
    _check(shape, bands, 160)
    rng = np.random.default_rng(seed)
    if scale is None:
        # Chromosomes must fit beside each other, however narrow the slide.
        scale = min(min(shape) / USUAL_SHAPE[0], np.sqrt(shape[0] * shape[1] / (USUAL_SHAPE[0] * USUAL_SHAPE[1])) * 1.1)
        scale *= float(np.sqrt(46 / max(len(numbers), 46)))
    longest, width = usual_size(bands, scale * float(rng.uniform(0.94, 1.06)))
    look = draw_look(stain, width, rng, openness=openness)

    homologues = [bands_of_homologue(load_ideograms(bands)[number - 1], rng) for number in numbers]
    lengths = [longest * h.length / LONGEST_ISCN * float(rng.normal(1.0, 0.025)) for h in homologues]
    courses = [
        random_course(length, look.width, homologue.centromere, rng, bends=bends)
        for length, homologue in zip(lengths, homologues, strict=True)
    ]
    n_cross = int(rng.integers(1, 5)) if crossings is None else crossings
    n_touch = int(rng.integers(2, 7)) if contacts is None else contacts
    table, order, region = _lay(courses, look, shape, min(n_cross, 40), min(n_touch, 40), rng)

    where = np.argsort(order)
    drawings = [
        draw_chromosome(homologue, table.courses[where[k]], look, shape, rng) for k, homologue in enumerate(homologues)
    ]
    things = _surroundings(table, look, shape, nuclei, debris, rng)
    haze = draw_haze(_cell(region, shape), look, rng, smudges=int(rng.integers(0, 6)))
    light = draw_light(look, shape, rng, uneven=uneven)
    image = photograph([*drawings, *things], light, look, rng, haze=haze)
    return Simulated(image, _truth(drawings, things), stain, seed, karyotype)


def _check(shape: tuple[int, int], bands: int, least: int) -> None:
    if bands not in RESOLUTIONS:
        raise UserError(f"there is no ideogram of {bands} bands", advice="Choose 400, 550 or 850.")
    if min(shape) < least or max(shape) > 8192:
        raise UserError(
            f"a slide of {shape[0]} x {shape[1]} pixels cannot be simulated",
            advice=f"Choose between {least} and 8192 pixels each way.",
        )


def _truth(drawings: Sequence[Drawing], things: Sequence[Thing]) -> tuple[Chromosome, ...]:
    found: list[Drawing | Thing] = [*drawings, *things]
    return tuple(thing.chromosome(id) for id, thing in enumerate(found, start=1))


def _lay(
    courses: Sequence[Points],
    look: Look,
    shape: tuple[int, int],
    crossings: int,
    contacts: int,
    rng: np.random.Generator,
) -> tuple[Table, list[int], Region]:
    """Lay all courses on a slide; the table, the order in which they were laid, and the cell's region."""
    outer = look.width * (1.0 + 1.5 * look.openness)
    margin = 0.4 * look.width
    area = sum(len(points) / 2 * outer for points in courses)
    fill = float(rng.uniform(0.15, 0.21))
    for _ in range(12):
        radius = np.sqrt(area / (np.pi * fill))
        oval = float(rng.uniform(0.86, 1.16))
        room = [side / 2 - margin - outer for side in shape]
        radii = (min(radius * oval, room[0]), min(radius / oval, room[1]))
        centre = tuple(
            side / 2 + float(np.clip(rng.normal(0.0, 0.5), -1.0, 1.0)) * max(0.0, r - own)
            for side, r, own in zip(shape, room, radii, strict=True)
        )
        region = Region((centre[0], centre[1]), radii)
        table = Table(shape, outer, margin)
        order: list[int] = []
        # Long ones first: they find no place between many others.
        sequence = sorted(range(len(courses)), key=lambda k: -len(courses[k]) * float(rng.uniform(0.75, 1.3)))
        mode_at = _modes([len(courses[k]) for k in sequence], crossings, contacts, 2.2 * look.width / STEP, rng)
        gap = 0.32 * look.width
        for k, index in enumerate(sequence):
            mode = mode_at.get(k, "apart")
            done = False
            if mode == "cross":
                done = table.lay_crossing(courses[index], region, gap, rng)
            elif mode == "touch":
                done = table.lay_touching(courses[index], region, gap, rng)
            if not done and not table.lay_apart(courses[index], region, gap, rng):
                break
            order.append(index)
        if len(order) == len(courses):
            return table, order, region
        # Too crowded: spread the cell wider.
        fill *= 0.85
    raise UserError(
        f"{len(courses)} chromosomes of this size do not fit on {shape[0]} x {shape[1]} pixels",
        advice="Choose a smaller scale or a larger slide.",
    )


def _modes(
    lengths: Sequence[int], crossings: int, contacts: int, long_enough: float, rng: np.random.Generator
) -> dict[int, str]:
    """Which of the chromosomes, by the order in which they are laid, cross or touch one that lies there."""
    # The first few lie free, so that there is something to meet; very short ones would vanish on another one.
    may = [int(k) for k in rng.permutation(np.arange(min(3, len(lengths)), len(lengths)))]
    cross = sorted(may, key=lambda k: lengths[k] < long_enough)[:crossings]
    touch = [k for k in may if k not in cross][:contacts]
    return dict.fromkeys(cross, "cross") | dict.fromkeys(touch, "touch")


def _cell(region: Region, shape: tuple[int, int]) -> Floats:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    out = np.hypot((rows - region.centre[0]) / region.radii[0], (columns - region.centre[1]) / region.radii[1])
    return np.asarray(1.0 / (1.0 + np.exp((out - 1.12) * 12.0)), np.float32)


def _surroundings(
    table: Table,
    look: Look,
    shape: tuple[int, int],
    nuclei: int | None,
    debris: int | None,
    rng: np.random.Generator,
) -> list[Thing]:
    """Nuclei and debris where there is room for them."""
    n_nuclei = int(rng.choice([0, 0, 1, 1, 2])) if nuclei is None else nuclei
    n_debris = int(rng.poisson(4.0)) if debris is None else debris
    things: list[Thing] = []
    outside = int(4 * look.width)
    # Nuclei may reach beyond the border, so the free space is measured on a larger sheet.
    free = cv2.copyMakeBorder(table.free(), outside, outside, outside, outside, cv2.BORDER_REPLICATE)
    rows, columns = np.indices(free.shape, sparse=True)
    for _ in range(n_nuclei):
        radius = float(rng.uniform(3.2, 6.5)) * look.width
        for _ in range(80):
            y, x = int(rng.integers(0, free.shape[0])), int(rng.integers(0, free.shape[1]))
            if free[y, x] > 1.15 * radius + 0.5 * look.width:
                thing = draw_nucleus((float(y - outside), float(x - outside)), radius, look, shape, rng)
                if thing is not None and thing.mask.sum() > 0.2 * np.pi * radius**2:
                    things.append(thing)
                    free = np.minimum(free, np.maximum(np.hypot(rows - y, columns - x) - 1.1 * radius, 0.0))
                    break
            radius = max(2.4 * look.width, 0.97 * radius)
    inner = free[outside:-outside, outside:-outside]
    for _ in range(n_debris):
        radius = float(np.clip(rng.lognormal(-1.9, 0.5), 0.06, 0.5)) * look.width
        for _ in range(40):
            y, x = int(rng.integers(0, shape[0])), int(rng.integers(0, shape[1]))
            if inner[y, x] > 2 * radius + 0.3 * look.width:
                thing = draw_debris((float(y), float(x)), radius, look, shape, rng)
                if thing is not None:
                    things.append(thing)
                break
    return things


def simulate_cluster(
    count: int = 2,
    *,
    stain: Stain = Stain.G_BAND,
    seed: int,
    shape: tuple[int, int] = (128, 128),
    bands: int = 550,
    scale: float = 1.0,
    numbers: Sequence[int] | None = None,
    crossing: bool | None = None,
    bends: float = 1.0,
    openness: float | None = None,
    cut_out: bool = False,
) -> Simulated:
    """Photograph one cluster: chromosomes that touch or cross, one connected region.

    Parameters
    ----------
    count
        Number of chromosomes, 1 to 12.
    stain, seed, bands, bends, openness
        As in `simulate_metaphase`.
    shape
        (H, W), at least 48 each way. Chromosomes are made smaller if they do not fit.
    scale
        1 for the magnification of a 620 x 760 metaphase.
    numbers
        Classes, `count` of them; None: by chance, each as often as in a normal cell.
    crossing
        Whether each crosses another one or merely touches it; None: by chance, two in three cross.
    cut_out
        Whether everything around the cluster is wiped, white or black, as laboratories cut them out.

    Raises
    ------
    UserError
        If such a cluster cannot be had.
    """
    _check(shape, bands, 48)
    if not 1 <= count <= 12 or (numbers is not None and len(numbers) != count):
        raise UserError(
            f"a cluster of {count} chromosomes cannot be simulated", advice="Choose 1 to 12, and a class for each."
        )
    if numbers is not None and not all(1 <= number <= 24 for number in numbers):
        raise UserError("a chromosome's class is a number from 1 to 24", advice="23 is X, 24 is Y.")
    rng = np.random.default_rng(seed)
    for attempt in range(200):
        # Every few failures they get a little smaller.
        longest, width = usual_size(bands, scale * 0.93 ** (attempt // 6) * float(rng.uniform(0.9, 1.08)))
        look = draw_look(stain, width, rng, openness=openness)
        chosen = sorted(numbers if numbers is not None else _draw_numbers(count, rng))
        homologues = [bands_of_homologue(load_ideograms(bands)[number - 1], rng) for number in chosen]
        courses = [
            random_course(longest * h.length / LONGEST_ISCN, look.width, h.centromere, rng, bends=bends)
            for h in homologues
        ]
        sheet = _lay_cluster(courses, look, crossing, rng)
        if sheet is None:
            continue
        border = look.width * (0.5 + look.openness) + 3 * look.blur + 2
        low = np.min([points.min(axis=0) for points in sheet], axis=0) - border
        high = np.max([points.max(axis=0) for points in sheet], axis=0) + border
        spare = np.array(shape) - (high - low)
        if (spare < 0).any():
            continue
        move = spare * rng.uniform(0.3, 0.7, 2) - low
        drawings = [
            draw_chromosome(h, points + move, look, shape, rng) for h, points in zip(homologues, sheet, strict=True)
        ]
        union = np.zeros(shape, np.uint8)
        for drawing in drawings:
            union[drawing.box.slices] |= drawing.mask.astype(np.uint8)
        if cv2.connectedComponents(union, connectivity=8)[0] != 2:
            continue
        light = draw_light(look, shape, rng, uneven=0.4)
        image = photograph(drawings, light, look, rng)
        if cut_out:
            size = 2 * max(1, round(1.5 * look.blur)) + 1
            near = cv2.dilate(union, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
            image = np.where(near > 0, image, 0 if stain.bright_on_dark else 255).astype(np.uint8)
        return Simulated(image, _truth(drawings, []), stain, seed)
    raise UserError(
        f"{count} chromosomes do not fit on {shape[0]} x {shape[1]} pixels",
        advice="Choose a smaller scale or a larger slide.",
    )


def _draw_numbers(count: int, rng: np.random.Generator) -> list[int]:
    cell = chromosome_numbers("46,XX" if rng.random() < 0.5 else "46,XY")
    # A long chromosome meets others more often than a short one.
    lengths = np.array([ideogram.length for ideogram in load_ideograms(400)])[np.array(cell) - 1]
    return [int(number) for number in rng.choice(np.array(cell), count, replace=False, p=lengths / lengths.sum())]


def _lay_cluster(
    courses: Sequence[Points], look: Look, crossing: bool | None, rng: np.random.Generator
) -> list[Points] | None:
    """Courses of one cluster on a sheet large enough for any; None if chance failed."""
    outer = look.width * (1.0 + 1.5 * look.openness)
    side = int(sum(len(points) for points in courses) + 8 * outer)
    middle = (side / 2, side / 2)
    table = Table((side, side), outer, 0.0)
    everywhere = Region(middle, (side / 2, side / 2))
    order = sorted(range(len(courses)), key=lambda k: -len(courses[k]))
    for index in order:
        if not table.courses:
            done = table.lay_apart(courses[index], Region(middle, (1.0, 1.0)), 0.0, rng)
        else:
            cross = crossing if crossing is not None else bool(rng.random() < 2 / 3)
            lay = table.lay_crossing if cross else table.lay_touching
            done = lay(courses[index], everywhere, 0.2 * look.width, rng)
        if not done:
            return None
    where = np.argsort(order)
    return [table.courses[int(where[k])] for k in range(len(courses))]
