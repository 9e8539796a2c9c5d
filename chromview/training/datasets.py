"""The real data: single chromosomes cut from karyograms, and metaphases with truth per pixel.

Both are read from HDF5 files outside the project (`karyotypes` and `mfish`); nothing is copied.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from chromview.core._cv import cv2
from chromview.core.chromosome import Box, Stain
from chromview.errors import UserError

UInt8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]

OVERLAP = 255
"""Value of overlap pixels in the class map of a metaphase."""
SMALLEST_PART = 25
"""Pixels; smaller parts of a class in the metaphase truth are noise."""


@dataclass(frozen=True)
class Karyotypes:
    """Single chromosomes of one split, as they lie in a ``*_karyotypes.h5`` file.

    Attributes
    ----------
    images
        Grey images ``(h, w)`` uint8, p arm up in the G-banded sets.
    numbers
        ``(N,)`` class 1..24.
    cells
        ``(N,)`` names of the cells, unique over cases.
    cases
        ``(N,)`` names of the cases.
    stain
        G_BAND where the background is white, Q_BAND where it is black.
    """

    images: list[UInt8]
    numbers: npt.NDArray[np.int64]
    cells: npt.NDArray[np.str_]
    cases: npt.NDArray[np.str_]
    stain: Stain

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def readable(self) -> bool:
        """Whether the images hold chromosomes at all.

        A decoder that misreads strip offsets hands over the header of the file in place of its
        pixels; then nearly everything is zero in a set whose background should be white.
        """
        sample = self.images[:: max(1, len(self.images) // 64)]
        ink = [((image > 8) & (image < 247)).mean() for image in sample]
        return float(np.median(ink)) > 0.1


def read_karyotypes(path: Path | str, split: str) -> Karyotypes:
    """Read one split of a ``*_karyotypes.h5`` file.

    Raises
    ------
    UserError
        If the file is missing, is not such a file, or has no such split.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError("there is no such file", path=path, advice="Give a *_karyotypes.h5 file.")
    try:
        with h5py.File(path) as file:
            if split not in file:
                raise UserError(f"has no split '{split}'", path=path, advice=f"It has: {', '.join(file)}.")
            group = file[split]
            pixels: UInt8 = group["pixels"][:]
            offset, height, width = (group[name][:] for name in ("offset", "height", "width"))
            numbers = group["chromosome_class"][:].astype(np.int64)
            cases = group["case"][:].astype(str)
            cells = np.char.add(np.char.add(cases, "/"), group["cell"][:].astype(str))
            description = str(file.attrs.get("description", ""))
        images = [pixels[o : o + h * w].reshape(h, w) for o, h, w in zip(offset, height, width, strict=True)]
    except (OSError, KeyError, ValueError, AttributeError, TypeError) as error:
        # Not only files that are none: also arrays that do not fit each other, and groups in place of arrays.
        raise UserError(
            f"cannot be read as single chromosomes ({error})", path=path, advice="Give a *_karyotypes.h5 file."
        ) from error
    stain = Stain.Q_BAND if "black background" in description else Stain.G_BAND
    return Karyotypes(images, numbers, cells, cases, stain)


@dataclass(frozen=True)
class Instance:
    """One chromosome of a metaphase's truth: class 1..24, box, mask, and its kind."""

    number: int
    box: Box
    mask: Bool
    kind: str
    """"free", "touching" or "overlapping"."""
    up: tuple[float, float] | None = None
    """Direction (y, x) from the q arm to the p arm; None where nobody knows."""


@dataclass(frozen=True)
class Metaphase:
    """A metaphase with truth: image ``(H, W)`` uint8, DAPI, and its chromosomes."""

    name: str
    slide: str
    karyotype_code: str
    image: UInt8
    instances: tuple[Instance, ...]


def read_metaphases(path: Path | str, split: str) -> list[Metaphase]:
    """Read one split of ``mfish_dapi.h5``; instances as `metaphase_instances` tells them apart.

    Raises
    ------
    UserError
        If the file is missing, is not such a file, or has no such split.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError("there is no such file", path=path, advice="Give a file of metaphases with truth.")
    try:
        with h5py.File(path) as file:
            if split not in file:
                raise UserError(f"has no split '{split}'", path=path, advice=f"It has: {', '.join(file)}.")
            return [
                Metaphase(
                    name,
                    str(group.attrs["slide"]),
                    str(group.attrs["karyotype_code"]),
                    group["image"][:],
                    metaphase_instances(group["class_map"][:]),
                )
                for name, group in file[split].items()
            ]
    except (OSError, KeyError, ValueError, AttributeError, TypeError) as error:
        raise UserError(f"cannot be read as metaphases with truth ({error})", path=path) from error


def metaphase_instances(class_map: UInt8) -> tuple[Instance, ...]:
    """Chromosomes of an M-FISH class map ``(H, W)``: 0 background, 1..24 class, 255 overlap.

    Within a class, 8-connected parts of at least 25 pixels; two parts are one chromosome when both
    lie within 2 pixels of the same connected overlap region; the mask of a chromosome is its parts
    plus the overlap regions that they reach. "Overlapping" has such a region of at least 12 pixels;
    "touching" has not, but lies within 2 pixels of another chromosome; "free" is the rest.
    """
    eight = np.ones((3, 3), bool)
    near = np.ones((5, 5), np.uint8)
    regions, n_regions = ndimage.label(class_map == OVERLAP, structure=eight)
    region_sizes = np.bincount(regions.ravel(), minlength=n_regions + 1)
    found: list[tuple[int, Bool, bool]] = []
    for number in range(1, 25):
        parts, n_parts = ndimage.label(class_map == number, structure=eight)
        if not n_parts:
            continue
        sizes = np.bincount(parts.ravel())
        kept = [part for part in range(1, n_parts + 1) if sizes[part] >= SMALLEST_PART]
        boxes = ndimage.find_objects(parts)
        reach: dict[int, set[int]] = {}
        for part in kept:
            window = _grown(boxes[part - 1], 2)
            grown = cv2.dilate((parts[window] == part).astype(np.uint8), near) > 0
            reach[part] = set(np.unique(regions[window][grown]).tolist()) - {0}
        group_of = {part: {part} for part in kept}
        for a in kept:
            for b in kept:
                if a < b and reach[a] & reach[b] and group_of[a] is not group_of[b]:
                    group_of[a] |= group_of[b]
                    for member in group_of[b]:
                        group_of[member] = group_of[a]
        for members in {id(group): group for group in group_of.values()}.values():
            touched = set().union(*(reach[member] for member in members))
            mask = np.isin(parts, list(members)) | np.isin(regions, list(touched))
            found.append((number, mask, any(region_sizes[region] >= 12 for region in touched)))
    count = np.zeros(class_map.shape, np.uint8)
    for _, mask, _ in found:
        count += mask
    instances = []
    for number, mask, overlapping in found:
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        box = Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
        window = _grown(box.slices, 2)
        grown = cv2.dilate(mask[window].astype(np.uint8), near) > 0
        others = count[window] > mask[window]
        kind = "overlapping" if overlapping else "touching" if (grown & others).any() else "free"
        instances.append(Instance(number, box, mask[box.slices].copy(), kind))
    return tuple(instances)


def _grown(window: tuple[slice, slice], margin: int) -> tuple[slice, slice]:
    rows, columns = window
    return (
        slice(max(0, rows.start - margin), rows.stop + margin),
        slice(max(0, columns.start - margin), columns.stop + margin),
    )
