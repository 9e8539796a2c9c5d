"""From grey values to darkness: one scale of stain that every network sees, whatever the slide."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from chromview.core._cv import cv2
from chromview.core.chromosome import SlideImage, Stain

Float = npt.NDArray[np.float32]

FOREGROUND_LEVEL = 0.7
"""Darkness that the 80th percentile of stained pixels is brought to."""

RANGE = (-0.2, 1.5)
"""Darkness is clipped to."""

STAINED = 0.3
"""Darkness above which a pixel is taken for stained."""

LEAST_CONTRAST = 6.0
"""Stain over ground, in standard deviations of the noise, below which there is nothing but noise.

Pure noise, parted by its own threshold, has 1.3 to 2; the faintest slide of the training sets has 50."""


def noise_of(signal: Float) -> float:
    """Standard deviation of the noise of an image ``(H, W)``, whatever it shows.

    Immerkaer, Fast noise variance estimation, CVIU 64 (1996): the difference of two Laplacians does not
    see areas and straight edges. Images of less than 3 x 3 pixels have none.
    """
    if min(signal.shape) < 3:
        return 0.0
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    response = cv2.filter2D(signal, -1, kernel)[1:-1, 1:-1]
    return float(np.sqrt(np.pi / 2) * np.abs(response).mean() / 6)


class _Parted(NamedTuple):
    """An image parted by Otsu's threshold (1979): its ground, stain above it, and the share that is stained."""

    ground: float
    level: float
    share: float


def _ground_and_level(signal: Float) -> _Parted | None:
    """Median of what Otsu's threshold leaves below, and how far the 80th percentile of the rest lies above it.

    None of an image of one value.
    """
    low, high = float(signal.min()), float(signal.max())
    if high <= low:
        return None
    # OpenCV's Otsu wants 8 bits; the threshold, not the image, is rounded to 1/255 of the range.
    steps = np.clip((signal - low) * (255.0 / (high - low)), 0, 255).astype(np.uint8)
    threshold, _ = cv2.threshold(steps, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    stained = steps > threshold
    ground = float(np.median(signal[~stained]))
    return _Parted(ground, float(np.percentile(signal[stained], 80)) - ground, float(stained.mean()))


def normalise(signal: Float) -> Float:
    """Bring a signal ``(H, W)`` that rises with stain to darkness: ground 0, chromosomes about 0.7.

    Ground is the median of what Otsu's threshold (1979) leaves below, so that it holds for a single
    cluster as for a whole metaphase. Values are clipped to -0.2 .. 1.5; an image of one value, or of
    nothing but noise, gives zeros.
    """
    parted = _ground_and_level(signal)
    if parted is None or parted.level <= LEAST_CONTRAST * noise_of(signal):
        return np.zeros_like(signal)
    return np.asarray(np.clip((signal - parted.ground) * (FOREGROUND_LEVEL / parted.level), *RANGE), np.float32)


WINDOW_OF_LIGHT = 7.0
"""Chromosome widths: side of the windows in which the light of a fluorescent slide is told."""
USUAL_WEIGHT = 0.015
"""Of the level of most windows, where one that is full of chromosomes of that level has 0.2: smears that lie by
themselves stay faint; chosen on `val`."""
METAPHASE = 400
"""Pixels: smaller pictures in which few parts are stained show a cluster."""
FAINTEST = 0.06
"""Stain of a window, as a share of that of the whole slide, below which it holds no chromosome."""


def even_out(signal: Float, darkness: Float) -> Float:
    """Darkness of a fluorescent slide ``(H, W)`` whose chromosomes do not all shine alike.

    Light falls off to the sides, and beside a nucleus chromosomes look faint. Ground and level are told as in
    `normalise`, but in windows of a few chromosomes (Otsu's threshold in each), smoothed, and laid over the slide in
    between. Windows that hold no stain take the level of those around them.

    Parameters
    ----------
    signal
        ``(H, W)``, rises with stain.
    darkness
        The same by `normalise`, which tells how wide the chromosomes are. Images of few chromosomes are given back.
    """
    width, parts = chromosome_width(darkness > STAINED)
    if parts < 6:
        if min(signal.shape) < METAPHASE:
            return darkness
        # Where nuclei outshine them, hardly a chromosome is above the threshold; a metaphase fills its picture.
        width = min(signal.shape) / 55
    side = round(WINDOW_OF_LIGHT * width)
    if min(signal.shape) < 2 * side:
        return darkness
    stained = darkness >= STAINED
    ground = float(np.median(signal[~stained]))
    whole = float(np.percentile(signal[stained], 80)) - ground
    least = max(LEAST_CONTRAST * noise_of(signal), FAINTEST * whole)
    rows, columns = (max(2, round(3 * length / side)) for length in signal.shape)
    levels, weights = np.zeros((rows, columns), np.float32), np.zeros((rows, columns), np.float32)
    grounds = np.full((rows, columns), ground, np.float32)
    coarse = max(1, side // 64)
    seen = signal[::coarse, ::coarse]
    for row, column in np.ndindex(rows, columns):
        y, x = (row + 0.5) * signal.shape[0] / rows, (column + 0.5) * signal.shape[1] / columns
        top, left = (max(0, int((middle - side / 2) / coarse)) for middle in (y, x))
        part = seen[top : int((y + side / 2) / coarse), left : int((x + side / 2) / coarse)]
        parted = _ground_and_level(part) if float(part.max() - part.min()) > least else None
        if parted and parted.level > least:
            grounds[row, column] = parted.ground
            levels[row, column] = np.log(parted.level)
            # What is bright is stain; what is faint may be the glow of something beside the window.
            weights[row, column] = min(parted.share, 0.2) * parted.level
    if not weights.any():
        return darkness
    # Most windows hold chromosomes, though the brightest may hold nuclei.
    usual = float(np.median(levels[weights > 0]))
    weights /= np.exp(usual)
    around = (0, 0), 1.0
    weight = cv2.GaussianBlur(weights, *around) + USUAL_WEIGHT
    even = (cv2.GaussianBlur(levels * weights, *around) + USUAL_WEIGHT * usual) / weight
    size = (signal.shape[1], signal.shape[0])
    level = np.exp(cv2.resize(even.astype(np.float32), size, interpolation=cv2.INTER_LINEAR))
    base = cv2.resize(cv2.GaussianBlur(grounds, *around), size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip((signal - base) * (FOREGROUND_LEVEL / level), *RANGE), np.float32)


def to_darkness(pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], stain: Stain, inverted: bool = False) -> Float:
    """Darkness ``(H, W)`` float32 of a slide: stain absorbed, or fluorescence emitted.

    Parameters
    ----------
    pixels
        ``(H, W)`` uint8 or uint16.
    stain
        Tells whether chromosomes are darker or brighter than the ground.
    inverted
        Whether this slide has it the other way round.
    """
    signal = pixels.astype(np.float32) / float(np.iinfo(pixels.dtype).max)
    if stain.bright_on_dark == inverted:
        signal = 1.0 - signal
    darkness = normalise(signal)
    return even_out(signal, darkness) if stain.bright_on_dark and darkness.any() else darkness


def bright_ground(pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]) -> bool:
    """Whether the ground of a slide is bright: where most of its grey values lie."""
    values = pixels[:: max(1, pixels.shape[0] // 512), :: max(1, pixels.shape[1] // 512)].astype(np.float32)
    low, high = np.percentile(values, (0.5, 99.5))
    if high <= low:
        return bool(low > np.iinfo(pixels.dtype).max / 2)
    counts, edges = np.histogram(values, bins=64, range=(float(low), float(high)))
    smooth = np.convolve(np.pad(counts, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    mode = edges[int(smooth.argmax())]
    return bool(mode > (low + high) / 2)


RULE = (6, 9)
"""Pixels that a ruled line is high at most, and how many times as long it is at least."""


def chromosome_width(stained: npt.NDArray[np.bool_]) -> tuple[float, int]:
    """Typical width of the elongated parts of a mask ``(H, W)``, pixels, and how many parts told it.

    In a strip of width w the distance to the nearest pixel outside is w / 4 + 1/2 on average; the median over all parts
    that are neither specks nor as large as nuclei is taken, each part weighted by its length.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(stained.astype(np.uint8), connectivity=8)
    if count <= 1:
        return 0.0, 0
    distance = cv2.distanceTransform(stained.astype(np.uint8), cv2.DIST_L2, 3)
    areas = stats[1:, cv2.CC_STAT_AREA].astype(float)
    sums = np.bincount(labels.ravel(), weights=distance.ravel(), minlength=count)[1:]
    widths = 4 * sums / areas - 2
    sides = np.sort(stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]], axis=1)
    # Lines that a printed karyogram is ruled with are no chromosomes; together they may be longer than those.
    ruled = (sides[:, 0] <= RULE[0]) & (sides[:, 1] > RULE[1] * sides[:, 0])
    kept = (areas >= 25) & (widths >= 2) & ~ruled
    if not kept.any():
        return 0.0, 0
    # Nuclei are far larger than any chromosome, specks far smaller: the middle of the mass decides.
    typical = np.median(areas[kept])
    kept &= (areas >= typical / 6) & (areas <= typical * 12)
    order = np.argsort(widths[kept])
    weight = np.cumsum((areas[kept] / widths[kept])[order])
    middle = int(np.searchsorted(weight, weight[-1] / 2))
    return float(widths[kept][order][middle]), int(kept.sum())


def chromosome_mask(image: npt.NDArray[np.uint8], stain: Stain) -> npt.NDArray[np.bool_]:
    """Mask ``(h, w)`` of the one chromosome of an image: its largest stained part, holes filled.

    On clean ground, exactly white or black as karyograms have it, everything but the faint halo of the
    cutting belongs to the chromosome; elsewhere the threshold is Otsu's.
    """
    darkness = image if stain.bright_on_dark else 255 - image
    if (darkness == 0).mean() > 0.05:
        mask = darkness > (20 if stain.bright_on_dark else 14)
    else:
        mask = normalise(darkness.astype(np.float32)) > 0.3
    labels, count = ndimage.label(mask, structure=np.ones((3, 3)))
    if count > 1:
        mask = labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])
    filled: npt.NDArray[np.bool_] = ndimage.binary_fill_holes(mask)
    return filled


def tell_stain(image: SlideImage, stain: Stain | None = None) -> tuple[Stain, bool]:
    """The stain of a slide and whether its grey scale is inverted.

    Without a hint a slide on bright ground is G-banded and one on dark ground DAPI; with one, a ground
    that contradicts it means that the image was inverted.
    """
    bright = bright_ground(image.pixels)
    if stain is None:
        return (Stain.G_BAND if bright else Stain.DAPI), False
    return stain, stain.bright_on_dark == bright
