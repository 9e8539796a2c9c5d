"""Masks as COCO annotations: compressed run lengths over the whole image, overlaps in both.

Format: https://cocodataset.org/#format-data; the run lengths are those of pycocotools (columns first).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from chromview import __version__
from chromview.core.chromosome import CLASS_NAMES, BoolArray
from chromview.errors import UserError
from chromview.storage.files import read_bytes

CATEGORIES: tuple[dict[str, Any], ...] = tuple(
    {"id": number, "name": name, "supercategory": "chromosome"} for number, name in enumerate(CLASS_NAMES, start=1)
)
"""1..22 named "1".."22", 23 "X", 24 "Y"."""


def encode(mask: BoolArray) -> dict[str, Any]:
    """Run lengths of a mask.

    Parameters
    ----------
    mask
        ``(H, W)`` bool of the whole image.

    Returns
    -------
    dict
        ``{"size": [H, W], "counts": str}``, compressed, ready for JSON.
    """
    runs = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": [int(n) for n in runs["size"]], "counts": runs["counts"].decode("ascii")}


def decode(segmentation: object, height: int, width: int) -> BoolArray:
    """Mask of a COCO segmentation: compressed or plain run lengths, or polygons.

    Returns
    -------
    numpy.ndarray
        ``(height, width)`` bool.

    Raises
    ------
    ValueError
        If it is none of these, or does not belong to an image of this size.
    """
    runs: list[int]
    if (
        isinstance(segmentation, list)
        and segmentation
        and all(isinstance(p, list) and len(p) >= 6 for p in segmentation)
    ):
        runs = _runs(coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width))["counts"])
    elif isinstance(segmentation, Mapping) and {"size", "counts"} <= segmentation.keys():
        if [int(n) for n in segmentation["size"]] != [height, width]:
            raise ValueError(f"a mask of {segmentation['size']} in an image of {[height, width]}")
        counts = segmentation["counts"]
        runs = [int(n) for n in counts] if isinstance(counts, list) else _runs(str(counts).encode("ascii"))
    else:
        raise ValueError("a segmentation that is neither run lengths nor polygons")
    if sum(runs) != height * width or min(runs, default=0) < 0:
        raise ValueError("run lengths that do not fill the image")
    values = np.arange(len(runs)) % 2 == 1
    return np.ascontiguousarray(np.repeat(values, runs).reshape((height, width), order="F"))


def _runs(counts: bytes) -> list[int]:
    """Numbers in compressed run lengths; a damaged file cannot lead outside of the image, as it can in pycocotools.

    Each number is a variable-length code of 5 bits a byte, from the third on as a difference to the last but one
    (maskApi.c, rleFrString).
    """
    runs: list[int] = []
    position = 0
    while position < len(counts):
        value, shift, more = 0, 0, True
        while more:
            if position >= len(counts) or not 48 <= counts[position] < 112:
                raise ValueError("damaged run lengths")
            code = counts[position] - 48
            value |= (code & 0x1F) << shift
            more = bool(code & 0x20)
            position += 1
            shift += 5
            if not more and code & 0x10:
                value |= -1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
    return runs


def annotation(number: int, image_id: int, mask: BoolArray, category: int, **fields: object) -> dict[str, Any]:
    """One COCO annotation with `bbox` (x, y, width, height) and `area` of the mask ``(H, W)``, and further `fields`."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = (
        [int(columns[0]), int(rows[0]), int(columns[-1] - columns[0]) + 1, int(rows[-1] - rows[0]) + 1]
        if rows.size
        else [0, 0, 0, 0]
    )
    return {
        "id": number,
        "image_id": image_id,
        "category_id": category,
        "segmentation": encode(mask),
        "bbox": box,
        "area": int(np.count_nonzero(mask)),
        "iscrowd": 0,
        **fields,
    }


def document(
    images: Sequence[Mapping[str, Any]],
    annotations: Sequence[Mapping[str, Any]],
    categories: Sequence[Mapping[str, Any]] = CATEGORIES,
    info: Mapping[str, object] | None = None,
) -> str:
    """A whole COCO file as text; `info` is added to its info section."""
    return json.dumps(
        {
            "info": {
                "description": "Chromosomes, by chromview. For research use.",
                "version": __version__,
                **(info or {}),
            },
            "licenses": [],
            "images": list(images),
            "categories": list(categories),
            "annotations": list(annotations),
        },
        indent=1,
        allow_nan=False,
    )


def read_document(path: Path | str) -> dict[str, Any]:
    """Read a COCO file and check that it has images and annotations as COCO has them.

    Raises
    ------
    UserError
        If it cannot be read, is not JSON, or is not COCO.
    """
    data = read_bytes(path)
    advice = "Give a COCO file with the lists 'images' and 'annotations'."
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UserError(f"is not a JSON file ({error})", path=path, advice=advice) from error
    lists = [content.get(key) for key in ("images", "annotations")] if isinstance(content, dict) else []
    if not lists or not all(isinstance(one, list) and all(isinstance(x, dict) for x in one) for one in lists):
        raise UserError("is not a COCO file", path=path, advice=advice)
    needed = {"images": ("id", "height", "width"), "annotations": ("image_id", "segmentation")}
    for key, fields in needed.items():
        for entry in content[key]:
            missing = [field for field in fields if field not in entry]
            if missing:
                raise UserError(f"has an entry in '{key}' without '{missing[0]}'", path=path, advice=advice)
    for entry in content["images"]:
        height, width = entry["height"], entry["width"]
        if not (isinstance(height, int) and isinstance(width, int) and 0 < height <= 20_000 and 0 < width <= 20_000):
            raise UserError(f"has an image of {width} x {height} pixels", path=path, advice=advice)
    return dict(content)
