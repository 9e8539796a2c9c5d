"""Four-label masks as pictures: grey values 0..3, or painted red, green and blue by hand or for the eye."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from chromview.core.masks import clean_labels
from chromview.errors import UserError
from chromview.storage.files import read_bytes
from chromview.storage.images import read_raster

Labels = npt.NDArray[np.uint8]

PAINTS: npt.NDArray[np.uint8] = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]], np.uint8)
"""Black is background, red 1, green 2, blue 3 (both); white is background as well."""

OWN_MARK = "chromview labels"
"""Text in the PNG files that we write: their labels are exact and need no cleaning."""

_FAR = 110
"""Distance in RGB at which a colour is no paint any more, edges softened by a drawing program included."""


def paint(label: Labels, background: str = "black") -> npt.NDArray[np.uint8]:
    """Picture ``(H, W, 3)`` uint8 of a four-label mask ``(H, W)``, on "black" or "white"."""
    colours = PAINTS[:4].copy()
    if background == "white":
        colours[0] = 255
    picture: npt.NDArray[np.uint8] = colours[label]
    return picture


def is_painted(picture: npt.NDArray[np.uint8]) -> bool:
    """Whether a colour picture ``(H, W, 3)`` or ``(N, H, W, 3)`` is a painted mask and not a photograph."""
    coloured = np.ptp(picture, axis=-1) > 40
    return bool(coloured.any()) and float((_nearest(picture)[1] < _FAR).mean()) > 0.9


def unpaint(picture: npt.NDArray[np.uint8]) -> Labels:
    """Labels ``(..., H, W)`` of a painted picture ``(..., H, W, 3)``: for each pixel the nearest paint."""
    nearest = _nearest(picture)[0]
    nearest[nearest == 4] = 0
    return nearest


def _nearest(picture: npt.NDArray[np.uint8]) -> tuple[Labels, npt.NDArray[np.float32]]:
    values = picture.astype(np.float32)
    best = np.full(picture.shape[:-1], np.inf, np.float32)
    which = np.zeros(picture.shape[:-1], np.uint8)
    for number, colour in enumerate(PAINTS):
        distance = np.sqrt(((values - colour) ** 2).sum(axis=-1))
        closer = distance < best
        best[closer], which[closer] = distance[closer], number
    return which, best


def read_picture(path: Path) -> tuple[npt.NDArray[Any], bool]:
    """A label picture as it is stored, before anybody says what its values mean.

    Returns
    -------
    samples, exact
        ``(H, W)`` of an integer type, or ``(H, W, 3)`` uint8 if it is in colour; and whether we wrote it ourselves.

    Raises
    ------
    UserError
        As `chromview.storage.images.read_image`, but a picture of one value is fine.
    """
    from PIL import Image

    data = read_bytes(path)
    raster = read_raster(path, data)  # checks everything that can be wrong with an image file
    exact = False
    samples = raster.samples
    if data.startswith(b"\x89PNG") or data.startswith(b"BM"):
        with Image.open(io.BytesIO(data)) as image:
            exact = image.info.get("Software") == OWN_MARK
            if image.mode == "P":
                colours = np.asarray(image.convert("RGB"))
                samples = colours if is_painted(colours) else np.asarray(image)
            elif image.mode == "1":
                samples = np.asarray(image).astype(np.uint8)
            elif data.startswith(b"\x89PNG") and data[25] == 0 and data[24] in (2, 4):
                samples = samples // (255 // (2 ** data[24] - 1))  # grey of 2 or 4 bits comes spread over 0..255
    elif raster.palette is not None:
        colours = raster.palette[np.minimum(samples.astype(np.intp), len(raster.palette) - 1)]
        samples = colours if is_painted(colours) else samples
    if samples.ndim == 3:
        samples = samples[..., : 3 if samples.shape[2] >= 3 else 1]
        if samples.shape[2] == 1 or (np.ptp(samples, axis=2) == 0).all():
            samples = samples[..., 0]
        elif samples.dtype != np.uint8:
            samples = (samples.astype(np.float64) * (255 / max(float(samples.max()), 1))).astype(np.uint8)
    if samples.ndim == 2 and not np.issubdtype(samples.dtype, np.integer):
        samples = np.nan_to_num(np.rint(samples.astype(np.float64)), posinf=255, neginf=255).astype(np.int64)
    return samples, exact


def looks_like_labels(samples: npt.NDArray[Any]) -> bool:
    """Whether grey values ``(H, W)`` are labels, a few stray ones allowed, and not a photograph."""
    if samples.ndim != 2 or float(((samples >= 0) & (samples <= 3)).mean()) <= 0.98:
        return False
    # A dark photograph has many values, if few pixels of each.
    return len(np.unique(samples)) <= 16


def read_label_image(path: Path | str, *, clean: bool = True) -> Labels:
    """Read one four-label mask from a picture.

    Parameters
    ----------
    path
        PNG, BMP or TIFF with the values 0..3, or painted red, green and blue on black or white.
    clean
        Whether stray values above 3 and single mislabelled pixels are corrected (`clean_labels`); if not,
        stray values are refused. Pictures that this program wrote are never changed.

    Returns
    -------
    numpy.ndarray
        ``(H, W)`` uint8, 0..3.

    Raises
    ------
    UserError
        If it cannot be read or is not a four-label mask.
    """
    path = Path(path)
    samples, exact = read_picture(path)
    advice = "Give a picture with the values 0 to 3, or painted red, green and blue on black or white."
    if samples.ndim == 3:
        if not is_painted(samples):
            raise UserError("is a colour picture and not a painted mask", path=path, advice=advice)
        labels = unpaint(samples)
        return clean_labels(labels) if clean else labels
    if not looks_like_labels(samples) or (not clean and samples.max() > 3):
        raise UserError(f"is not a four-label mask: it has values up to {int(samples.max())}", path=path, advice=advice)
    return clean_labels(samples) if clean and not exact else samples.astype(np.uint8)


def label_png(label: npt.NDArray[np.uint8]) -> bytes:
    """PNG file of labels ``(H, W)`` or of a painted picture ``(H, W, 3)``, marked as exact."""
    from PIL import Image, PngImagePlugin

    info = PngImagePlugin.PngInfo()
    info.add_text("Software", OWN_MARK)
    buffer = io.BytesIO()
    Image.fromarray(label).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def label_tiff(label: npt.NDArray[np.uint8]) -> bytes:
    """TIFF file (Deflate) of labels ``(H, W)`` or of a painted picture ``(H, W, 3)``."""
    import tifffile

    buffer = io.BytesIO()
    kind = "rgb" if label.ndim == 3 else "minisblack"
    tifffile.imwrite(buffer, label, compression="zlib", photometric=kind, software=OWN_MARK, metadata=None)
    return buffer.getvalue()
