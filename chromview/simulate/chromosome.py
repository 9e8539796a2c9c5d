"""One chromosome: bands along a course become two chromatids with a centromere, and an exact mask."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from chromview.core._cv import cv2
from chromview.core.chromosome import BoolArray, Box, Chromosome, SlideImage, Stain
from chromview.core.ideogram import Ideogram, load_ideograms
from chromview.simulate.appearance import Look, band_density, bands_of_homologue, draw_look
from chromview.simulate.optics import Light, draw_light, photograph
from chromview.simulate.shape import STEP, Points, course, placed, random_course, thinned

Floats = npt.NDArray[np.float32]

LONGEST_ISCN = 15100.0
"""Length of chromosome 1 on the ISCN scale; relative lengths are measured against it."""


def usual_size(bands: int, scale: float = 1.0) -> tuple[float, float]:
    """Length of chromosome 1 and width of a chromosome, in pixels of a 620 x 760 photograph.

    Parameters
    ----------
    bands
        400, 550 or 850: the more bands can be seen, the longer and thinner the chromosomes.
    scale
        Factor on both.
    """
    length, width = {400: (84.0, 13.4), 550: (104.0, 13.0), 850: (132.0, 12.2)}[bands]
    return length * scale, width * scale


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A chromosome as it lies on the slide, before light and camera.

    Attributes
    ----------
    box
        Rectangle of the slide that `density` covers.
    density
        ``(h, w)`` float32, stain in each pixel: optical density, or fluorescence.
    mask
        ``(h, w)`` bool, the exact mask.
    axis
        ``(n, 2)`` float32 (y, x) in slide pixels, p tip first, about one pixel apart.
    centromere
        0..1 of the axis from the p tip.
    number
        Class 1..24.
    """

    box: Box
    density: Floats
    mask: BoolArray
    axis: Floats
    centromere: float
    number: int

    def chromosome(self, id: int) -> Chromosome:
        """The truth about it, in slide pixels."""
        whole = Chromosome(id=id, box=self.box, mask=self.mask.copy())
        return replace(
            whole.with_mask(self.box, self.mask),
            axis=self.axis,
            centromere=self.centromere,
            centromere_confidence=1.0,
            number=self.number,
            class_confidence=1.0,
            p_up=True,
            polarity_confidence=1.0,
        )


def _smooth_noise(count: int, sigma: float, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """``(count,)`` noise of standard deviation 1, within 2.2, that changes over `sigma` samples."""
    size = max(3, int(6 * sigma) | 1)
    line = rng.standard_normal((1, count + 2 * size)).astype(np.float32)
    smooth = cv2.GaussianBlur(line, (size, 1), sigma)[0, size:-size]
    # White noise after a Gaussian of this width has variance 1 / (2 sigma sqrt(pi)).
    return np.asarray(np.clip(smooth * np.sqrt(2.0 * sigma * np.sqrt(np.pi)), -2.2, 2.2), np.float64)


def _profiles(
    homologue: Ideogram, length: float, look: Look, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], float]:
    """Density and relative width at steps of `STEP` along the chromosome, and the centromere."""
    count = max(8, round(length / STEP))
    # No two homologues stain exactly alike, band for band.
    uptake = {band: float(np.clip(rng.normal(1.0, 0.09), 0.75, 1.25)) for band in homologue.bands}
    density = homologue.profile(lambda band: uptake[band] * band_density(homologue.number, band, look.stain), count)
    stalk = homologue.profile(lambda band: float(band.stain == "stalk"), count)
    satellite = homologue.profile(lambda band: float(band.stain == "gvar" and band.arm == "p"), count)
    sigma = look.fuzz / STEP
    size = max(3, int(6 * sigma) | 1)

    def soft(values: npt.NDArray[np.float64], factor: float = 1.0) -> npt.NDArray[np.float64]:
        blurred = cv2.GaussianBlur(
            values[None].astype(np.float32), (size, 1), sigma * factor, borderType=cv2.BORDER_REPLICATE
        )
        return np.asarray(blurred[0], np.float64)

    at = (np.arange(count) + 0.5) * STEP
    middle = homologue.centromere * length
    # The waist of the centromere: short, an eighth to a third narrower.
    depth = rng.uniform(0.12, 0.34)
    reach = 0.2 * look.width * rng.uniform(0.8, 1.2)
    waist = 1.0 - depth * np.exp(-0.5 * ((at - middle) / reach) ** 2)
    mean = density.mean()
    # Dark bands are more condensed and stand out a little; that is what makes the outline wavy.
    relief = 1.0 + 0.07 * np.clip((soft(density) - mean) / mean, -0.6, 0.8)
    thin = 1.0 - rng.uniform(0.2, 0.42) * soft(stalk) - (0.08 * soft(satellite) if homologue.acrocentric else 0.0)
    sway = 1.0 + 0.025 * _smooth_noise(count, look.width / STEP, rng)
    width = waist * relief * thin * sway
    uneven = 1.0 + 0.05 * _smooth_noise(count, 1.5 * look.width / STEP, rng)
    return soft(density) * uneven, width, float(homologue.centromere)


def draw_chromosome(
    homologue: Ideogram,
    points: Points,
    look: Look,
    shape: tuple[int, int],
    rng: np.random.Generator,
) -> Drawing:
    """Draw a chromosome along a course.

    Each pixel gets its place along the course and its distance to the side of it; two
    chromatids, tubes left and right of the axis, decide how much stain is there.

    Parameters
    ----------
    homologue
        Its bands; see `bands_of_homologue`.
    points
        Its course from the p tip to the q tip in slide pixels, see `chromview.simulate.shape.course`.
    look
        Of the cell.
    shape
        (H, W) of the slide; what lies outside is cut off.
    rng
        Source of chance.

    Raises
    ------
    ValueError
        If nothing of it lies on the slide.
    """
    length = STEP * (len(points) - 1)
    density, width, centromere = _profiles(homologue, length, look, rng)
    half = look.width / 2
    reach = half * (1.15 + 1.6 * look.openness) + 3 * look.blur + 1.5
    top, left = np.floor(points.min(axis=0) - reach).astype(int)
    bottom, right = np.ceil(points.max(axis=0) + reach).astype(int) + 1
    box = Box(max(0, int(top)), max(0, int(left)), min(shape[0], int(bottom)), min(shape[1], int(right)))
    if box.height <= 0 or box.width <= 0:
        raise ValueError("the chromosome lies outside the slide")

    s, t, near = _along_and_aside(points, box, reach)
    place = np.clip((s / STEP).astype(np.intp), 0, len(width) - 1)
    wide = half * width[place]
    from_centromere = np.abs(s - centromere * length)
    # Sister chromatids part from the centromere outwards.
    gape = look.openness * half * 1.9 * (1.0 - np.exp(-np.maximum(from_centromere - 0.3 * half, 0.0) / (1.6 * half)))
    best = np.zeros(s.shape)
    cover = np.zeros(s.shape)
    # Bands run slightly aslant and curve outwards at the sides.
    slant = rng.normal(0.0, 0.06) * t + rng.normal(0.0, 0.03) * half * (t / half) ** 2
    # Chromatin is no barcode: its loops carry a band a little forth or back across the chromatid.
    slant += 0.55 * look.fuzz * _grain((box.height, box.width), 0.17, look, rng).ravel()[near]
    for side in (-1.0, 1.0):
        sway = 0.05 * half * _smooth_noise(len(width), look.width / STEP, rng)
        shift = 0.35 * look.fuzz * _smooth_noise(len(width), look.width / STEP, rng)
        tip = rng.normal(0.0, 0.05 * half, 2)
        radius = (0.72 - 0.2 * look.groove) * wide
        centre = side * (wide - radius + gape) + sway[place]
        # Rounded tips: the tube narrows like a ball over the last radius.
        from_tip = np.minimum(s - tip[0], length - tip[1] - s)
        ball = np.clip(from_tip / (0.85 * half), 0.0, 1.0)
        radius = radius * np.sqrt(1.0 - (1.0 - ball) ** 2.2)
        aside = np.abs(t - centre)
        inside = np.clip(radius - aside + 0.5, 0.0, 1.0) * (from_tip > 0)
        tube = np.sqrt(np.clip(1.0 - (aside / np.maximum(radius, 0.3)) ** 2.3, 0.0, 1.0))
        at = np.clip(((s + slant + shift[place]) / STEP).astype(np.intp), 0, len(density) - 1)
        best = np.maximum(best, density[at] * (0.12 + 0.88 * tube) * inside)
        cover = np.maximum(cover, inside)
    field = np.zeros((box.height, box.width), np.float32)
    field.flat[near] = best * look.strength
    covered = np.zeros((box.height, box.width), np.float32)
    covered.flat[near] = cover
    field *= np.maximum(
        1.0 + look.texture * (_grain(field.shape, 0.08, look, rng) + _grain(field.shape, 0.2, look, rng)), 0.2
    )
    # Whatever the stain shows, a pixel belongs to the chromosome if half of its light went through it.
    through = cv2.GaussianBlur(covered, (0, 0), look.blur, borderType=cv2.BORDER_CONSTANT) > 0.5
    # So does a slit between its chromatids; nobody would paint it as background.
    slit = 2 * round(0.14 * look.width) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (slit, slit))
    closed = cv2.morphologyEx(
        through.astype(np.uint8), cv2.MORPH_CLOSE, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0
    )
    mask = _largest(closed > 0)
    return Drawing(box, np.maximum(field, 0.0), mask, thinned(points), centromere, homologue.number)


def _grain(shape: tuple[int, ...], size: float, look: Look, rng: np.random.Generator) -> Floats:
    """Two-dimensional noise of standard deviation 1; its grains measure `size` widths of a chromosome."""
    sigma = max(0.5, size * look.width)
    noise = cv2.GaussianBlur(rng.standard_normal(shape, dtype=np.float32), (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    # As in `_smooth_noise`, in two dimensions: variance 1 / (4 pi sigma squared).
    return np.asarray(np.clip(noise * (2.0 * sigma * np.sqrt(np.pi)), -2.5, 2.5), np.float32)


def _along_and_aside(
    points: Points, box: Box, reach: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    """Place along the course, signed distance to its side, and flat index, of the pixels of `box` near it."""
    extra = int(np.ceil(reach / STEP))
    steps = np.arange(1, extra + 1)[:, None]
    # Straight on beyond the tips, so that a tip is a rounded end and not a half disc of its own.
    before = points[0] - (points[1] - points[0]) * steps[::-1]
    after = points[-1] + (points[-1] - points[-2]) * steps
    line = np.concatenate([before, points, after])
    tangent = np.gradient(line, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    rows, columns = np.mgrid[box.top : box.bottom, box.left : box.right]
    pixels = np.stack([rows.ravel(), columns.ravel()], axis=1).astype(np.float64)
    distance, index = cKDTree(line).query(pixels, distance_upper_bound=reach)
    near = np.flatnonzero(np.isfinite(distance))
    index = index[near]
    offset = pixels[near] - line[index]
    forward = np.clip((offset * tangent[index]).sum(axis=1), -STEP, STEP)
    s = (index - extra) * STEP + forward
    t = offset[:, 1] * tangent[index, 0] - offset[:, 0] * tangent[index, 1]
    return s, t, near


def _largest(mask: BoolArray) -> BoolArray:
    """The largest connected part of a mask, in case a stalk was thinner than the blur."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count <= 2:
        return mask
    return np.asarray(labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])), np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedChromosome:
    """A photograph of one chromosome with its truth.

    Attributes
    ----------
    image
        ``(H, W)`` uint8.
    chromosome
        Mask, axis, centromere, class; coordinates of `image`.
    stain
        Its stain.
    """

    image: npt.NDArray[np.uint8]
    chromosome: Chromosome
    stain: Stain

    @property
    def slide(self) -> SlideImage:
        """The photograph as the pipeline takes it."""
        return SlideImage(self.image)


def simulate_chromosome(
    number: int,
    *,
    stain: Stain = Stain.G_BAND,
    seed: int,
    bands: int = 550,
    scale: float = 1.0,
    bends: float = 1.0,
    openness: float | None = None,
    turn_degrees: float | None = None,
    margin: int = 12,
) -> SimulatedChromosome:
    """Photograph one chromosome, bent as chance will have it.

    Parameters
    ----------
    number
        Class 1..24 (23 = X, 24 = Y).
    stain, seed
        Stain, and the seed that decides everything else.
    bands
        400, 550 or 850.
    scale
        1 for the magnification of a 620 x 760 metaphase.
    bends
        How readily it bends, see `random_course`.
    openness
        0 chromatids lie together, 1 arms gape widely; None: by chance.
    turn_degrees
        Turn counter-clockwise; 0 has the p arm up. None: by chance.
    margin
        Background around it in pixels.

    Raises
    ------
    ValueError
        If there is no such class or resolution.
    """
    rng, homologue, look, length = _prepare(number, stain, seed, bands, scale, openness)
    points = random_course(length, look.width, homologue.centromere, rng, bends=bends)
    turn = float(rng.uniform(0.0, 360.0)) if turn_degrees is None else turn_degrees
    return _photograph_one(homologue, points, turn, look, margin, rng)


def simulate_bent_chromosome(
    number: int,
    bend_degrees: float,
    *,
    stain: Stain = Stain.G_BAND,
    seed: int,
    bands: int = 550,
    scale: float = 1.0,
    bend_at: float | None = None,
    bend_radius: float | None = None,
    openness: float = 0.02,
    turn_degrees: float = 0.0,
    margin: int = 12,
) -> SimulatedChromosome:
    """Photograph one chromosome that bends by a given angle and is straight elsewhere.

    Made to measure straightening: the same seed gives the same bands and chromatids at
    every angle.

    Parameters
    ----------
    number
        Class 1..24.
    bend_degrees
        -180..180: angle between the directions at the tips; 0 straight, 180 a hairpin.
    stain, seed, bands, scale, margin
        As in `simulate_chromosome`.
    bend_at
        Middle of the bend, 0..1 from the p tip; None: the centromere.
    bend_radius
        Radius of the bend in pixels; None: 0.8 widths, which is about the sharpest
        that does not fold. Smaller where the bend would not fit on the chromosome.
    openness
        0 chromatids lie together, 1 arms gape widely.
    turn_degrees
        Turn counter-clockwise; 0 has the p tip pointing up.

    Raises
    ------
    ValueError
        If there is no such class or resolution, or the angle is beyond 180 degrees.
    """
    if abs(bend_degrees) > 180:
        raise ValueError(f"a chromosome bends by -180 to 180 degrees, not by {bend_degrees}")
    rng, homologue, look, length = _prepare(number, stain, seed, bands, scale, openness)
    points = course(
        length,
        bend_degrees=bend_degrees,
        bend_at=homologue.centromere if bend_at is None else bend_at,
        bend_radius=0.8 * look.width if bend_radius is None else bend_radius,
    )
    return _photograph_one(homologue, points, turn_degrees, look, margin, rng)


def _prepare(
    number: int, stain: Stain, seed: int, bands: int, scale: float, openness: float | None
) -> tuple[np.random.Generator, Ideogram, Look, float]:
    if not 1 <= number <= 24:
        raise ValueError(f"classes are 1 to 24, not {number}")
    rng = np.random.default_rng(seed)
    homologue = bands_of_homologue(load_ideograms(bands)[number - 1], rng)
    longest, width = usual_size(bands, scale)
    look = draw_look(stain, width, rng, openness=openness)
    return rng, homologue, look, longest * homologue.length / LONGEST_ISCN


def _photograph_one(
    homologue: Ideogram, points: Points, turn: float, look: Look, margin: int, rng: np.random.Generator
) -> SimulatedChromosome:
    points = placed(points, (0.0, 0.0), turn)
    border = look.width * (0.5 + look.openness) + margin
    points = points - (points.min(axis=0) - border)
    height, width = np.ceil(points.max(axis=0) + border).astype(int)
    drawing = draw_chromosome(homologue, points, look, (int(height), int(width)), rng)
    light: Light = draw_light(look, (int(height), int(width)), rng, uneven=0.0)
    image = photograph([drawing], light, look, rng)
    return SimulatedChromosome(image, drawing.chromosome(1), look.stain)
