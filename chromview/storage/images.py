"""Slides from files: PNG, JPEG, BMP and TIFF of any kind that a microscope writes.

What a file is, its first bytes say and not its name. The result is always grey, ``(H, W)``, as a
viewer would show the picture: palettes, colour and opacity (over white) are resolved, and a grey scale
that the file itself declares as running from white to black is turned around. Pixels stay
where they are stored: an orientation in the metadata is not applied, so that exported masks fit the stored pixels.

A file with several pages (a stack, several channels) is read by its first page that is not a preview; the
`notes` of the slide say so.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from chromview.core._cv import cv2
from chromview.core.chromosome import SlideImage
from chromview.errors import UserError
from chromview.storage.files import os_problem, read_bytes, sha256
from chromview.storage.tiff import Incomplete, Raster, Unreadable, quiet_pillow, read_tiff
from chromview.texts import noop, tr

Grey = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

IMAGE_SUFFIXES: tuple[str, ...] = (".png", ".jpg", ".jpeg", ".bmp", ".dib", ".tif", ".tiff")
"""Endings, in small letters, of files that are taken for images when a folder is given."""

MAX_PIXELS = 80_000_000
"""Most pixels of an image that is decoded; 8,900 x 8,900, five times a 4096 x 4096 camera."""

MAX_SIDE = 20_000
"""Longest side of an image that is decoded, pixels."""

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
)
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"GIF8", noop("a GIF picture")),
    (b"%PDF", noop("a PDF document")),
    (b"PK\x03\x04", noop("a ZIP archive or an office document")),
    (b"SQLite format 3\x00", noop("a chromview case file or another database")),
    (b"\x89HDF\r\n\x1a\n", noop("an HDF5 file")),
    (b"\x00\x00\x00\x0cjP  ", noop("a JPEG 2000 picture")),
    (b"8BPS", noop("a Photoshop document")),
)
_CUT_OFF = noop("Copy or export it again; the copy was probably interrupted.")
_ADVICE = noop("Give a PNG, JPEG, BMP or TIFF image.")


def read_image(path: Path | str) -> SlideImage:
    """Read one slide.

    Parameters
    ----------
    path
        PNG, JPEG, BMP or TIFF; 1 to 32 bits, integer or float; grey, palette, RGB, with or without opacity.

    Returns
    -------
    SlideImage
        With `pixels` ``(H, W)`` uint8, or uint16 where the file holds more than 8 bits. 16-bit values
        are as stored; 32-bit and float values are stretched from their smallest..largest to 0..65535.

    Raises
    ------
    UserError
        If the file is missing, unreadable, empty, cut off, not an image, too large, or has no contrast.
    """
    path = Path(path)
    return decode_image(read_bytes(path), path)


def is_image(data: bytes) -> bool:
    """Whether the first bytes are those of a format that can be read."""
    return data.startswith(tuple(start for start, _ in _SIGNATURES))


def decode_image(data: bytes, path: Path) -> SlideImage:
    """One slide from the bytes of a file, as `read_image` does; errors name `path`, which need not exist."""
    raster = read_raster(path, data)
    pixels = _grey(path, raster)
    low, high = int(pixels.min()), int(pixels.max())
    if low == high:
        raise UserError(
            tr("has no contrast: every pixel has the value {low}", low=low),
            path=path,
            advice=tr("Check exposure and export settings."),
        )
    notes = () if raster.pages == 1 else (f"first of {raster.pages} pages",)
    return SlideImage(pixels=pixels, path=str(path), sha256=sha256(data), notes=notes)


def find_images(paths: Iterable[Path | str]) -> list[Path]:
    """Files named by `paths`: a file as it is, a folder by the images in it (not in folders below it).

    Files of a folder are in the order a person would put them ("cell2" before "cell10"), hidden ones left out; what is
    named twice comes once.

    Raises
    ------
    UserError
        If a path does not exist, may not be read, or is a folder without images.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        try:
            if not path.is_dir():
                path.stat()
                found[path] = None
                continue
            inside = [p for p in path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith(".")]
            inside = sorted((p for p in inside if p.is_file()), key=natural_key)
        except OSError as error:
            raise os_problem(error, path) from error
        if not inside:
            raise UserError(
                tr("is a folder without images"),
                path=path,
                advice=tr("Give a folder with PNG, JPEG, BMP or TIFF files in it (folders below it are not searched)."),
            )
        found.update(dict.fromkeys(inside))
    return list(found)


def natural_key(path: Path) -> list[tuple[int, int, str]]:
    """Sort key by which "cell2.png" comes before "cell10.png"."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


def thumbnail(image: SlideImage, size: int) -> npt.NDArray[np.uint8]:
    """A small picture of a slide for lists.

    Parameters
    ----------
    image
        The slide.
    size
        Longest side of the result, pixels; a smaller slide is not enlarged.

    Returns
    -------
    numpy.ndarray
        ``(h, w)`` uint8; grey values between the 0.1st and the 99.9th percentile fill 0..255.
    """
    height, width = image.shape
    factor = min(1.0, size / max(height, width))
    target = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = cv2.resize(image.pixels, target, interpolation=cv2.INTER_AREA) if factor < 1 else image.pixels
    low, high = np.percentile(small, (0.1, 99.9))
    stretched = (small.astype(np.float32) - low) * (255.0 / max(high - low, 1e-6))
    result: npt.NDArray[np.uint8] = np.clip(np.rint(stretched), 0, 255).astype(np.uint8)
    return result


def read_raster(path: Path, data: bytes) -> Raster:
    """Decode the bytes of an image file to samples in its own values; raises `UserError` naming `path`."""
    kind = next((name for start, name in _SIGNATURES if data.startswith(start)), None)
    if kind is None:
        raise UserError(
            tr("is not an image that can be read: {reason}", reason=_describe(data)), path=path, advice=tr(_ADVICE)
        )

    def check_size(height: int, width: int) -> None:
        if height * width > MAX_PIXELS or max(height, width) > MAX_SIDE:
            raise UserError(
                tr(
                    "is too large: {width:,} x {height:,} pixels, and at most {most} million pixels and "
                    "{side:,} on a side are read",
                    width=width,
                    height=height,
                    most=MAX_PIXELS // 1_000_000,
                    side=MAX_SIDE,
                ),
                path=path,
                advice=tr("Cut out the metaphase, or export it at a lower resolution."),
            )

    try:
        return read_tiff(data, check_size) if kind == "TIFF" else _by_pillow(data, kind, check_size)
    except Incomplete as error:
        raise UserError(
            tr("is incomplete: the {kind} image is cut off", kind=kind), path=path, advice=tr(_CUT_OFF)
        ) from error
    except MemoryError as error:
        raise UserError(
            tr("needs more memory than this computer has free"),
            path=path,
            advice=tr("Close other programs and try again."),
        ) from error
    except Unreadable as error:
        raise UserError(
            tr("is a damaged or cut off {kind} image ({error})", kind=kind, error=error), path=path, advice=tr(_CUT_OFF)
        ) from error


def _by_pillow(data: bytes, kind: str, check_size: Any) -> Raster:
    from PIL import Image, UnidentifiedImageError

    try:
        with quiet_pillow(), Image.open(io.BytesIO(data), formats=[kind]) as image:
            check_size(image.height, image.width)
            image.load()
            if kind == "PNG" and _png_is_deep_colour(data):
                return _deep_png(data)
            transparent = image.info.get("transparency")
            if image.mode == "I;16" and isinstance(transparent, int):
                samples = np.asarray(image)
                return Raster(np.where(samples == transparent, np.uint16(65535), samples))
            if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or transparent is not None:
                return Raster(np.asarray(image.convert("RGBA")), alpha=True)
            if image.mode in ("L", "I;16", "RGB"):
                return Raster(np.asarray(image))
            return Raster(np.asarray(image.convert("L" if image.mode == "1" else "RGB")))  # palette, CMYK, YCbCr
    except UnidentifiedImageError as error:
        raise Unreadable(tr("its header is damaged")) from error
    except (OSError, EOFError) as error:
        if "truncated" in str(error):
            raise Incomplete from error
        raise Unreadable(str(error)) from error
    except (ValueError, SyntaxError, TypeError, IndexError, struct.error) as error:
        raise Unreadable(str(error)) from error


def _png_is_deep_colour(data: bytes) -> bool:
    """Whether a PNG has 16 bits in more than one channel, which Pillow reduces to 8."""
    return len(data) > 25 and data[24] == 16 and data[25] in (2, 4, 6)


def _deep_png(data: bytes) -> Raster:
    import imagecodecs

    try:
        samples = np.asarray(imagecodecs.png_decode(data))
    except imagecodecs.PngError as error:
        raise Unreadable(str(error)) from error
    return Raster(samples, alpha=samples.ndim == 3 and samples.shape[2] in (2, 4))


def _grey(path: Path, raster: Raster) -> Grey:
    samples = raster.samples
    if raster.palette is not None:
        indices = samples[..., 0] if samples.ndim == 3 else samples
        return _combine(raster.palette[np.minimum(indices.astype(np.intp), len(raster.palette) - 1)])
    samples = _whole_range(path, samples, raster.bits)
    top = np.iinfo(samples.dtype).max
    opacity = None
    if samples.ndim == 3 and raster.alpha:
        samples, opacity = samples[..., :-1], samples[..., -1]
    if raster.white_is_zero:
        samples = top - samples
    grey = samples if samples.ndim == 2 else _combine(samples)
    # Programs that leave the opacity at 0 everywhere do not mean an empty picture.
    if opacity is not None and opacity.any() and opacity.min() < top:
        share = opacity.astype(np.float32) / top
        colour = grey.astype(np.float32) if raster.premultiplied else grey * share
        over_white = np.clip(np.rint(colour + top * (1 - share)), 0, top)
        return over_white.astype(np.uint8) if top == 255 else over_white.astype(np.uint16)
    return np.ascontiguousarray(grey)


def _whole_range(path: Path, samples: npt.NDArray[Any], bits: int) -> npt.NDArray[Any]:
    """Samples as uint8 or uint16, whatever they were."""
    if samples.dtype == np.bool_:
        return samples.astype(np.uint8) * np.uint8(255)
    if samples.dtype == np.uint8:
        return samples * np.uint8(255 // (2**bits - 1)) if 0 < bits < 8 else samples
    if samples.dtype == np.uint16:
        return samples.astype(np.uint16)
    if np.issubdtype(samples.dtype, np.complexfloating):
        samples = np.abs(samples)
    with np.errstate(invalid="ignore", over="ignore"):  # not every pattern of bits is a number
        values = samples.astype(np.float64)
    finite = np.isfinite(values)
    if not finite.any():
        raise UserError(tr("has no contrast: no pixel has a value"), path=path, advice=tr("Check the export settings."))
    low, high = float(values[finite].min()), float(values[finite].max())
    if np.issubdtype(samples.dtype, np.integer) and low >= 0 and high <= 65535:
        return values.astype(np.uint16)
    if low >= 0 and high <= 1:  # the usual meaning of floats in a picture
        low, high = 0.0, 1.0
    values = np.where(finite, values, low)
    return np.rint((values - low) * (65535.0 / max(high - low, 1e-300))).astype(np.uint16)


def _combine(colour: npt.NDArray[Any]) -> Grey:
    """One grey value from the channels ``(H, W, C)``.

    Equal channels are kept exactly. Otherwise luminance by ITU-R BT.601, unless that would lose more than half of the
    contrast, as with DAPI shown in blue: then the channel with the largest range.
    """
    if colour.shape[2] == 1:
        return np.ascontiguousarray(colour[..., 0])
    if colour.shape[2] == 2:  # two stains in one file; the first is the counterstain that shows all
        return np.ascontiguousarray(colour[..., 0])
    red, green, blue = (colour[..., i] for i in range(3))
    if np.array_equal(red, green) and np.array_equal(green, blue):
        return np.ascontiguousarray(green)
    luminance = np.rint(0.299 * red + 0.587 * green + 0.114 * blue).astype(colour.dtype)
    ranges = [float(np.ptp(channel)) for channel in (red, green, blue)]
    if float(np.ptp(luminance)) * 2 < max(ranges):
        return np.ascontiguousarray(colour[..., int(np.argmax(ranges))])
    return luminance


def _describe(data: bytes) -> str:
    for start, name in _OTHERS:
        if data.startswith(start):
            return tr("it is {kind}", kind=tr(name))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return tr("it is {kind}", kind=tr("a WebP picture"))
    head = data[:2000]
    if b"\x00" not in head:
        try:
            head.decode("utf-8")
        except UnicodeDecodeError as error:
            if error.start < len(head) - 4:
                return tr("its content is none of the known kinds")
        return tr("its content is text")
    return tr("its content is none of the known kinds")
