"""TIFF as microscopes write it, strips with wrong tables included.

tifffile reads nearly everything, and says exactly what a page holds. Files with wrong strip tables
(too few or too many StripOffsets, byte counts of zero or of the uncompressed size) are put together here strip
by strip, as far as their data is all there; what is left goes to Pillow and then to OpenCV.
"""

from __future__ import annotations

import contextlib
import io
import logging
import math
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from chromview.core._cv import cv2
from chromview.errors import UserError
from chromview.texts import tr

Array = npt.NDArray[Any]

# tifffile reports what is odd in a file to its log, which Python prints where no handler is; the reader
# below decides what is an error and says it once.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_pillow_lock = threading.Lock()

MOST_BYTES = 2 << 30
"""Of the decoded samples of one page, all channels together."""

_UNPACKED = {1: "none", 5: "lzw", 8: "zlib", 32773: "packbits", 32946: "zlib"}
_ALPHA = (1, 2)
"""Values of ExtraSamples that mean opacity (associated, unassociated)."""


class Incomplete(Exception):
    """The file ends before its pixels do."""


class Unreadable(Exception):
    """No reader understands the file; the text says what the first one said."""


@dataclass(frozen=True, eq=False)
class Raster:
    """Decoded samples, before they become grey.

    Attributes
    ----------
    samples
        ``(H, W)`` or ``(H, W, C)``, any dtype, in the file's own values.
    palette
        ``(n, 3)`` uint8 red, green, blue of each sample value, or None.
    white_is_zero
        Whether small values are bright.
    alpha
        Whether the last channel is opacity; it is "associated" when `premultiplied`.
    bits
        Of one sample, for bit depths that have no dtype (1, 2, 4, 10, 12); 0 if the dtype says it.
    pages
        Number of images in the file.
    """

    samples: Array
    palette: npt.NDArray[np.uint8] | None = None
    white_is_zero: bool = False
    alpha: bool = False
    premultiplied: bool = False
    bits: int = 0
    pages: int = 1


def read_tiff(data: bytes, check_size: Callable[[int, int], None]) -> Raster:
    """Decode the first full-size page of a TIFF.

    Parameters
    ----------
    data
        The bytes of the file.
    check_size
        Called with (height, width) before anything is decoded; raises if that is too much.

    Raises
    ------
    Incomplete
        If the file was cut off.
    Unreadable
        If neither tifffile nor Pillow nor OpenCV can read it.
    """
    reasons: list[str] = []
    for reader in (_by_tifffile, _by_pillow, _by_opencv):
        try:
            return reader(data, check_size)
        except (UserError, Incomplete, MemoryError):
            raise
        except Exception as error:
            # Whatever three libraries raise on a damaged file (a dozen kinds were seen) means: try the next.
            reasons.append(" ".join(f"{error}".split())[:160] or type(error).__name__)
    raise Unreadable(reasons[0])


def _by_tifffile(data: bytes, check_size: Callable[[int, int], None]) -> Raster:
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = _first_full_page(file)
        height, width = int(page.imagelength), int(page.imagewidth)
        check_size(height, width)
        if height < 1 or width < 1:
            raise Unreadable(tr("its size is given as 0"))
        channels = int(page.samplesperpixel)
        if height * width * channels * max(1, int(page.bitspersample) // 8) > MOST_BYTES:
            raise Unreadable(
                tr("it has {channels} channels of {bits} bits", channels=channels, bits=page.bitspersample)
            )
        samples = _decode(page, data)
        premultiplied = bool(page.extrasamples) and int(page.extrasamples[0]) == 1
        photometric = int(page.photometric)
        # Fewer colour channels than the kind of picture needs would be a palette or a damaged tag; grey has one.
        colours = 3 if photometric in (2, 6) else 4 if photometric == 5 else 1
        if photometric in (5, 8, 9, 10):
            raise Unreadable(tr("it is in CMYK or Lab colours"))  # Pillow knows how to turn them into RGB
        extra = channels - colours
        alpha = extra >= 1 and bool(page.extrasamples) and int(page.extrasamples[0]) in _ALPHA
        if samples.ndim == 3:
            samples = samples[..., : colours + alpha]
            if samples.shape[2] == 1:
                samples = samples[..., 0]
        return Raster(
            samples,
            palette=_palette(page.colormap) if photometric == 3 else None,
            white_is_zero=photometric == 0,
            alpha=alpha,
            premultiplied=premultiplied,
            bits=int(page.bitspersample) if int(page.bitspersample) not in (8, 16, 32, 64) else 0,
            pages=_count_pages(file),
        )


def _first_full_page(file: tifffile.TiffFile) -> Any:
    first = file.pages[0]
    # Some scanners put a small preview first; the picture is the first page that is not one.
    for index in range(min(_count_pages(file), 8)):
        page = file.pages[index]
        if not page.is_reduced:
            return page
    return first


def _count_pages(file: tifffile.TiffFile) -> int:
    try:
        return max(1, len(file.pages))
    except Exception:  # a damaged chain of pages behind a good first one
        return 1


def _palette(colormap: Array | None) -> npt.NDArray[np.uint8]:
    if colormap is None:
        raise Unreadable(tr("its palette is missing"))
    table = np.asarray(colormap)
    # The standard says 0..65535; some programs write 0..255.
    return (table >> 8 if table.max() > 255 else table).astype(np.uint8).T


def _decode(page: Any, data: bytes) -> Array:
    """Samples of `page` as (H, W) or (H, W, C)."""
    # The tables as they stand in the file: tifffile shortens those that are too long.
    offsets, counts = _table(page, 324 if page.is_tiled else 273), _table(page, 325 if page.is_tiled else 279)
    expected = math.prod(page.chunked)
    if not offsets:
        raise Unreadable(tr("it does not say where its pixels are"))
    problem: Exception | None = None
    if len(offsets) == expected and len(counts) >= expected and _inside(offsets, counts, len(data)):
        try:
            return _as_image(page, np.asarray(page.asarray()))
        except MemoryError:
            raise
        except Exception as error:  # as in `read_tiff`
            problem = error
    if page.is_tiled:
        if any(offset >= len(data) for offset in offsets):
            raise Incomplete
        raise Unreadable(str(problem or tr("its tile tables are wrong")))
    return _from_strips(page, data, offsets, counts)


def _table(page: Any, tag: int) -> list[int]:
    entry = page.tags.get(tag)
    if entry is None:
        return []
    return [int(n) for n in np.atleast_1d(np.asarray(entry.value))]


def _inside(offsets: list[int], counts: list[int], size: int) -> bool:
    return all(o > 0 and n > 0 and o + n <= size for o, n in zip(offsets, counts, strict=False))


def _as_image(page: Any, samples: Array) -> Array:
    axes = page.axes
    if axes.startswith("S"):  # one plane for each channel
        samples, axes = np.moveaxis(samples, 0, -1), f"{axes[1:]}S"
    while samples.ndim > (3 if axes.endswith("S") else 2):  # a stack in one page: its first plane
        samples = samples[0]
    if samples.shape[:2] != (page.imagelength, page.imagewidth):
        raise Unreadable(tr("its pixels have the shape {shape}", shape=samples.shape))
    return samples


def _from_strips(page: Any, data: bytes, offsets: list[int], counts: list[int]) -> Array:
    """Put an image together from its strips without trusting byte counts or the number of rows in a strip.

    A strip is decoded from where it starts to where the next one starts: LZW, Deflate and PackBits
    know themselves where they end. Strips follow each other in the order of rows, so that their number is not needed.
    """
    codec = _UNPACKED.get(int(page.compression))
    dtype = page.dtype
    if codec is None or dtype is None or int(page.bitspersample) not in (8, 16, 32) or int(page.fillorder) != 1:
        raise Unreadable(tr("its strip tables are wrong"))
    byteorder = page.parent.byteorder
    height, width, channels = int(page.imagelength), int(page.imagewidth), int(page.samplesperpixel)
    item = np.dtype(dtype).itemsize
    planar = int(page.planarconfig) == 2 and channels > 1
    # Rows follow each other within a plane; planes, where there are several, follow each other too.
    shape = (channels, height, width) if planar else (height, width, channels)
    needed = math.prod(shape) * item
    ends = sorted({*offsets, len(data)})
    # Uncompressed strips do not say where they end; their byte counts do, where they fill the image exactly.
    used = counts[: len(offsets)]
    counts_fit = (
        codec == "none" and len(used) == len(offsets) and sum(used) == needed and _inside(offsets, used, len(data))
    )
    decoded = bytearray()
    for index, offset in enumerate(offsets):
        if not 0 < offset < len(data):
            if len(decoded) < needed and offset >= len(data):
                raise Incomplete
            continue
        end = next(n for n in ends if n > offset)
        if counts_fit:
            end = offset + counts[index]
        decoded += _unpack(codec, data[offset:end], needed - len(decoded))
        if len(decoded) >= needed:
            break
    if len(decoded) < needed:
        raise Incomplete
    samples = np.frombuffer(bytes(decoded[:needed]), np.dtype(dtype).newbyteorder(byteorder)).reshape(shape)
    samples = samples.astype(np.dtype(dtype).newbyteorder("="))
    if int(page.predictor) == 2:
        samples = np.cumsum(samples, axis=2 if planar else 1, dtype=samples.dtype)
    elif int(page.predictor) != 1:
        raise Unreadable(tr("its strip tables are wrong"))
    if planar:
        return np.moveaxis(samples, 0, -1)
    return samples[..., 0] if channels == 1 else samples


def _unpack(codec: str, strip: bytes, room: int) -> bytes:
    import imagecodecs

    if codec == "none":
        return strip[:room]
    if codec == "zlib":
        import zlib

        unpacker = zlib.decompressobj()
        try:
            return unpacker.decompress(strip, room)
        except zlib.error as error:
            raise Unreadable(str(error)) from error
    unpack = imagecodecs.lzw_decode if codec == "lzw" else imagecodecs.packbits_decode
    return bytes(unpack(strip))[:room]


def _by_pillow(data: bytes, check_size: Callable[[int, int], None]) -> Raster:
    from PIL import Image

    with quiet_pillow(), _quiet_libraries(), Image.open(io.BytesIO(data), formats=["TIFF"]) as image:
        check_size(image.height, image.width)
        image.load()
        mode = image.mode
        if mode in ("1", "P", "PA", "CMYK", "YCbCr", "LAB", "RGBX"):
            mode = "RGBA" if mode == "PA" else "RGB"
        samples = np.asarray(image.convert(mode))
        # Pillow turns MinIsWhite of 8 bits and less around by itself, and leaves 16 bits alone.
        flipped = mode.startswith(("I", "F")) and _pillow_tag(image, 262) == 0
        return Raster(samples, alpha=mode in ("LA", "RGBA"), white_is_zero=flipped)


def _pillow_tag(image: Any, number: int) -> int | None:
    tags = getattr(image, "tag_v2", None)
    return tags.get(number) if tags is not None else None


def _by_opencv(data: bytes, check_size: Callable[[int, int], None]) -> Raster:
    with _quiet_libraries():
        samples = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if samples is None:
        raise Unreadable(tr("OpenCV cannot read it"))
    check_size(*samples.shape[:2])
    if samples.ndim == 3:  # blue, green, red (, alpha)
        samples = samples[..., [2, 1, 0, 3][: samples.shape[2]]]
    return Raster(samples, alpha=samples.ndim == 3 and samples.shape[2] == 4)


@contextlib.contextmanager
def quiet_pillow() -> Iterator[None]:
    """Pillow without its warnings (they are about metadata) and without its own limit (`check_size` decides).

    Both are settings of the whole process, so one thread at a time may be in here.
    """
    from PIL import Image

    with _pillow_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


@contextlib.contextmanager
def _quiet_libraries() -> Iterator[None]:
    """libtiff, inside Pillow and OpenCV, writes what it finds wrong straight to the terminal; not here.

    What other threads write to stderr meanwhile is lost; only files that tifffile cannot read come this way.
    """
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    kept = None
    with contextlib.suppress(OSError):  # a program without a terminal may have no stderr
        kept = os.dup(2)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
    try:
        yield
    finally:
        if kept is not None:
            os.dup2(kept, 2)
            os.close(kept)
        cv2.utils.logging.setLogLevel(level)
