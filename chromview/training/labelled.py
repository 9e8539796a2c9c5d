"""Clusters with four-label masks to train on and to measure with, from every form that they are published in.

What the forms are stands in `chromview.storage.labels`. Here a set must have both images and labels, each image
belongs to a case where the set says so, and parts of a set are made by case: chromosomes of one person, and copies of
one chromosome, never lie on both sides of a split.

Cases are told by the HDF5 array ``case`` (N,) of bytes, or by a table with the columns ``name`` and ``case``:
``cases.csv`` in a folder, ``NAME_cases.csv`` beside a file ``NAME.h5``, ``NAME.npz`` or ``NAME.json``.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from chromview.errors import UserError
from chromview.storage.files import is_folder, read_bytes, write_text
from chromview.storage.label_set import Form
from chromview.storage.labels import read_labels

UInt8 = npt.NDArray[np.uint8]
Splits = dict[str, list[int]]

SHARES: dict[str, float] = {"train": 0.7, "val": 0.15, "test": 0.15}
"""Parts of a set that nobody has split yet."""

PUBLISHED = "published"
"""Name of the split that the authors of the 13,434 pairs made; see `published_split`."""


@dataclass(frozen=True, eq=False)
class LabelledSet:
    """Clusters with truth.

    Attributes
    ----------
    images
        ``(H, W)`` uint8 each, as photographed; sizes may differ from one to the next.
    labels
        ``(H, W)`` uint8 each, of its image's size: 0 background, 1 and 2 the two chromosomes, 3 both.
    names
        One an image, different from each other.
    groups
        The case of each image; where the set does not say, its name.
    """

    images: tuple[UInt8, ...]
    labels: tuple[UInt8, ...]
    names: tuple[str, ...]
    groups: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def missing(self) -> tuple[int, ...]:
        """Labels of 0 to 3 that occur in no image, so that nothing can be learned or said of them."""
        present = {int(value) for label in self.labels for value in np.unique(label)}
        return tuple(sorted(set(range(4)) - present))

    def subset(self, indices: Iterable[int]) -> LabelledSet:
        """The images of one part of a split, in that order."""
        kept = list(indices)
        return LabelledSet(
            tuple(self.images[i] for i in kept),
            tuple(self.labels[i] for i in kept),
            tuple(self.names[i] for i in kept),
            tuple(self.groups[i] for i in kept),
        )

    def cropped(self, side: int) -> LabelledSet:
        """The middle ``(side, side)`` of each image; images smaller than that stay as they are in that direction.

        With 88 these are the windows that the authors of the 13,434 pairs (94 x 93) trained on.
        """

        def middle(pixels: UInt8) -> UInt8:
            # Rounded up, as published: columns 3 to 90 of 93.
            top, left = ((max(0, length - side) + 1) // 2 for length in pixels.shape)
            return np.ascontiguousarray(pixels[top : top + side, left : left + side])

        return replace(self, images=tuple(map(middle, self.images)), labels=tuple(map(middle, self.labels)))


def read_labelled(path: Path | str) -> LabelledSet:
    """Read clusters with their truth.

    Parameters
    ----------
    path
        HDF5 with ``image`` and ``label`` or with ``dataset_1`` (the 13,434 pairs, cleaned by `clean_as_published`),
        npz with ``arr_0`` and ``arr_1``, COCO with its pictures, or a folder with ``images`` and ``labels`` in it,
        the labels as grey values or painted red, green and blue. Labels are never resampled.

    Raises
    ------
    UserError
        If it is none of these or damaged, has no images or no labels, labels that are not 0 to 3, images and labels
        of different sizes, or a table of cases that does not fit.
    """
    path = Path(path)
    content = read_labels(path, clean_pairs=clean_as_published)
    if content.labels is None:
        raise UserError(
            "holds images but no labels, and truth is needed here",
            path=path,
            advice="Give a set with both; a folder needs 'images' and 'labels' in it.",
        )
    if content.images is None:
        what = "labels but not all of their pictures" if content.form is Form.COCO else "labels but no images"
        raise UserError(
            f"holds {what}", path=path, advice="Give a set with both; a folder needs 'images' and 'labels' in it."
        )
    names = _distinct(content.names)
    groups = _groups(path, names)
    return LabelledSet(tuple(content.images), tuple(content.labels), names, groups)


def clean_as_published(labels: npt.NDArray[np.integer[Any]]) -> UInt8:
    """Labels of the 13,434 pairs as their first users cleaned them.

    A value above 3 becomes what most of its eight neighbours have. A pixel of a chromosome whose value occurs at most
    three times in the 3 x 3 around it, itself included, becomes that too. All pixels are decided at once, neighbours
    that are themselves above 3 have no vote, and a tie goes to the smaller label. Outside of the image is background.

    Parameters
    ----------
    labels
        ``(H, W)`` or ``(N, H, W)`` of an integer type.

    Returns
    -------
    uint8 of the same shape, values 0..3; a new array.

    Notes
    -----
    Hu et al. 2017, arXiv 1712.07639. They also set the outermost pixels to background, which their crop takes away.
    """
    if labels.ndim == 2:
        one: UInt8 = clean_as_published(labels[None])[0]
        return one
    values = np.where((labels < 0) | (labels > 3), _STRAY, labels).astype(np.uint8)
    for start in range(0, len(values), _AT_ONCE):
        chunk = values[start : start + _AT_ONCE]
        around = np.stack(_neighbours(np.pad(chunk, ((0, 0), (1, 1), (1, 1)))))
        alike = np.zeros(chunk.shape, np.uint8)
        for neighbour in around:
            alike += neighbour == chunk
        doubtful = (chunk == _STRAY) | ((chunk > 0) & (alike + 1 <= 3))
        votes = np.stack([(around[:, doubtful] == value).sum(axis=0) for value in range(4)])
        chunk[doubtful] = votes.argmax(axis=0)
    return values


_STRAY = 255
_AT_ONCE = 256  # images; the set as a whole would need its ninefold in memory


def _neighbours(padded: UInt8) -> list[UInt8]:
    """The eight neighbours of each pixel of ``(N, H + 2, W + 2)``, each ``(N, H, W)``."""
    height, width = padded.shape[1] - 2, padded.shape[2] - 2
    return [padded[:, y : y + height, x : x + width] for y in range(3) for x in range(3) if (y, x) != (1, 1)]


# --- cases ---------------------------------------------------------------------------------------


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Names that differ: pictures of one name from several folders get a number."""
    if len(set(names)) == len(names):
        return tuple(names)
    seen: Counter[str] = Counter()
    distinct = []
    for name in names:
        seen[name] += 1
        distinct.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(distinct) if len(set(distinct)) == len(distinct) else tuple(f"{i}:{n}" for i, n in enumerate(names))


def _groups(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    table = path / "cases.csv" if is_folder(path) else path.with_name(f"{path.stem}_cases.csv")
    if table.is_file():
        return _cases_of(table, names)
    if path.suffix.lower() in (".h5", ".hdf5"):
        with h5py.File(path) as file:
            cases = file.get("case")
            if isinstance(cases, h5py.Dataset) and cases.dtype.kind == "S":
                if cases.shape != (len(names),):
                    raise UserError(
                        f"has 'case' of shape {cases.shape}, but {len(names)} images",
                        path=path,
                        advice="Give each image one case.",
                    )
                return tuple(case.decode("utf-8", "replace") for case in cases[:])
    return tuple(names)


def _cases_of(table: Path, names: Sequence[str]) -> tuple[str, ...]:
    advice = "Give a table with the columns 'name' and 'case' and a row for each image."
    try:
        rows = list(csv.DictReader(io.StringIO(read_bytes(table).decode("utf-8-sig"))))
        case_of = {row["name"]: row["case"] for row in rows}
    except (UnicodeDecodeError, KeyError, csv.Error) as error:
        raise UserError("is not a table of cases", path=table, advice=advice) from error
    by_stem = {Path(name).stem: case for name, case in case_of.items()}
    groups = [case_of.get(name) or by_stem.get(Path(name).stem) for name in names]
    for name, case in zip(names, groups, strict=True):
        if not case:
            raise UserError(f"says nothing about the image '{name}'", path=table, advice=advice)
    return tuple(case for case in groups if case)


# --- splits --------------------------------------------------------------------------------------


def split_by_case(groups: Sequence[str], shares: Mapping[str, float] = SHARES, seed: int = 0) -> Splits:
    """Divide images so that each case is in one part only.

    Cases are shuffled and each goes where most is missing; the shares are kept as well as the sizes of the cases
    allow, and no part stays empty. The order of the images plays no role.

    Parameters
    ----------
    groups
        Case of each image.
    shares
        Name and size of each part; sizes are relative to each other.
    seed
        Of the shuffle.

    Returns
    -------
    dict
        Of each part, the indices of its images in rising order.

    Raises
    ------
    UserError
        If there are fewer cases than parts.
    """
    if not shares or min(shares.values()) <= 0:
        raise ValueError("each part needs a share above 0")
    cases, counts = np.unique(np.asarray(groups), return_counts=True)
    if len(cases) < len(shares):
        raise UserError(
            f"there are images of {len(cases)} cases, too few for {len(shares)} parts ({', '.join(shares)})",
            advice="Give more cases, or fewer parts.",
        )
    parts = list(shares)
    wanted = np.array([shares[part] for part in parts]) / sum(shares.values()) * len(groups)
    filled = np.zeros(len(parts))
    part_of: dict[str, str] = {}
    order = np.random.default_rng(seed).permutation(len(cases))
    for left, index in zip(range(len(cases), 0, -1), order, strict=True):
        empty = filled == 0
        # When only as many cases are left as parts are empty, these get them.
        choose = np.flatnonzero(empty) if empty.sum() >= left else np.arange(len(parts))
        best = int(choose[np.argmax((wanted - filled)[choose])])
        filled[best] += counts[index]
        part_of[str(cases[index])] = parts[best]
    return {part: [i for i, group in enumerate(groups) if part_of[str(group)] == part] for part in parts}


def k_folds(groups: Sequence[str], k: int, seed: int = 0) -> list[Splits]:
    """Cross-validation by case: `k` times ``train`` and ``val``, each image once in ``val``.

    Raises
    ------
    UserError
        If there are fewer cases than folds.
    """
    if k < 2:
        raise ValueError("cross-validation needs at least two folds")
    parts = split_by_case(groups, {f"fold {number + 1}": 1.0 for number in range(k)}, seed)
    folds = []
    for held_back in parts.values():
        inside = set(held_back)
        folds.append({"train": [i for i in range(len(groups)) if i not in inside], "val": held_back})
    return folds


def published_split(count: int) -> Splits:
    """How the 13,434 pairs were split when they were published: the first 80 % ``train``, the rest ``test``.

    Neighbouring pairs share chromosomes, so numbers on this split say little about other cells (and none of
    the cases are known). It is there to compare with what was published; of 13,434 the last 2,687 are ``test``.
    """
    border = round(count * 0.8)
    return {"train": list(range(border)), "test": list(range(border, count))}


def splits_file(
    path: Path | str,
    groups: Sequence[str],
    names: Sequence[str] | None = None,
    *,
    shares: Mapping[str, float] = SHARES,
    seed: int = 0,
) -> Splits:
    """The split that a file holds; if there is no such file, one is made by `split_by_case` and written to it.

    Parameters
    ----------
    path
        JSON file. What it says stands, whatever `shares` and `seed` are.
    groups, names
        Case and name of each image; without names, images are told apart by their place.
    shares, seed
        Of a split that is made now.

    Returns
    -------
    dict
        Of each part, the indices of its images.

    Raises
    ------
    UserError
        If the file names other images than these, or one case is in two of its parts, or it cannot be read or written.
    """
    path = Path(path)
    known = [str(i) for i in range(len(groups))] if names is None else list(names)
    if len(known) != len(groups) or len(set(known)) != len(known):
        raise ValueError("each image needs one case and a name of its own")
    if path.exists():
        return read_splits(path, groups, known)
    made = split_by_case(groups, shares, seed)
    content = {
        "seed": seed,
        "images": len(known),
        "cases": len(set(groups)),
        "splits": {part: [known[i] for i in indices] for part, indices in made.items()},
    }
    write_text(path, json.dumps(content, indent=1) + "\n")
    return made


def read_splits(path: Path | str, groups: Sequence[str], names: Sequence[str]) -> Splits:
    """Read a file that `splits_file` wrote, for a set of images that it must fit.

    Raises
    ------
    UserError
        If the file cannot be read, names other images than these, or has one case in two parts.
    """
    path = Path(path)
    advice = "Give the set that the file was made for, or the name of a new file."
    try:
        parts = json.loads(read_bytes(path))["splits"]
        named = [(str(part), str(name)) for part, members in parts.items() for name in members]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError("is not a file of splits", path=path, advice="Remove it to have a new one made.") from error
    place = {name: index for index, name in enumerate(names)}
    listed = Counter(name for _, name in named)
    unknown = [name for name in listed if name not in place]
    absent = [name for name in names if name not in listed]
    twice = [name for name, times in listed.items() if times > 1]
    if unknown or absent:
        which = [
            f"{len(some)} {text} ('{some[0]}'{' and others' if len(some) > 1 else ''})"
            for some, text in ((unknown, "that this set does not have"), (absent, "of this set missing"))
            if some
        ]
        raise UserError(f"names other images than this set: {', '.join(which)}", path=path, advice=advice)
    if twice:
        raise UserError(f"names the image '{twice[0]}' more than once", path=path, advice="Keep it in one part.")
    part_of: dict[str, str] = {}
    splits: Splits = {str(part): [] for part in parts}
    for part, name in named:
        index = place[name]
        if part_of.setdefault(groups[index], part) != part:
            raise UserError(
                f"has the case '{groups[index]}' in both '{part_of[groups[index]]}' and '{part}'",
                path=path,
                advice="Keep all images of a case in one part.",
            )
        splits[part].append(index)
    return {part: sorted(indices) for part, indices in splits.items()}
