"""Masks of chromosomes as label images and back: views, never the truth.

The truth is one bool mask for each chromosome. The four-label mask of a cluster of two,
``A + 2 * B`` (0 background, 1 first, 2 second, 3 both), is computed here, exactly in both
directions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from chromview.core._cv import cv2
from chromview.core.chromosome import BoolArray, Box, Chromosome

Labels = npt.NDArray[np.uint8]


def _frame(frame: tuple[int, int] | Box) -> Box:
    if isinstance(frame, Box):
        return frame
    return Box(0, 0, int(frame[0]), int(frame[1]))


def paste(target: BoolArray, chromosome: Chromosome, frame: Box) -> None:
    """Set the pixels of `chromosome` in `target`, which shows the slide rectangle `frame`.

    Parameters
    ----------
    target
        ``(frame.height, frame.width)`` bool, changed in place. Parts outside are left out.
    """
    common = chromosome.box.intersection(frame)
    if common is None:
        return
    there = target[
        common.top - frame.top : common.bottom - frame.top, common.left - frame.left : common.right - frame.left
    ]
    box = chromosome.box
    there |= chromosome.mask[
        common.top - box.top : common.bottom - box.top, common.left - box.left : common.right - box.left
    ]


def slide_mask(chromosome: Chromosome, frame: tuple[int, int] | Box) -> BoolArray:
    """Mask of one chromosome on the slide.

    Parameters
    ----------
    frame
        ``(H, W)`` of the slide, or a rectangle of it.

    Returns
    -------
    ``(H, W)`` bool.
    """
    box = _frame(frame)
    mask = np.zeros((box.height, box.width), bool)
    paste(mask, chromosome, box)
    return mask


def four_label(chromosomes: Sequence[Chromosome], frame: tuple[int, int] | Box) -> Labels:
    """Four-label mask of a cluster of two: 0 background, 1 first, 2 second, 3 both.

    Parameters
    ----------
    chromosomes
        Exactly two; the first becomes label 1.
    frame
        ``(H, W)`` of the slide, or the rectangle of it that is wanted.

    Returns
    -------
    ``(H, W)`` uint8, values 0..3.

    Raises
    ------
    ValueError
        If there are not exactly two chromosomes.
    """
    if len(chromosomes) != 2:
        raise ValueError(f"a four-label mask holds exactly two chromosomes, not {len(chromosomes)}")
    first, second = (slide_mask(chromosome, frame) for chromosome in chromosomes)
    return first.astype(np.uint8) + np.uint8(2) * second.astype(np.uint8)


def from_four_label(label: npt.NDArray[np.integer]) -> tuple[BoolArray, BoolArray]:
    """Masks of the two chromosomes of a four-label mask.

    Parameters
    ----------
    label
        ``(H, W)`` of an integer type, values 0..3.

    Returns
    -------
    Two ``(H, W)`` bool masks; both are true where the label is 3.

    Raises
    ------
    ValueError
        If another value occurs (see `clean_labels`).
    """
    if label.size and (label.min() < 0 or label.max() > 3):
        raise ValueError("a four-label mask holds only the values 0 to 3")
    return (label & 1).astype(bool), (label & 2).astype(bool)


def overlaps(chromosomes: Sequence[Chromosome], frame: tuple[int, int] | Box) -> BoolArray:
    """Pixels that belong to two chromosomes or more.

    Returns
    -------
    ``(H, W)`` bool of the slide, or of the rectangle `frame`.
    """
    box = _frame(frame)
    once = np.zeros((box.height, box.width), bool)
    twice = np.zeros_like(once)
    for chromosome in chromosomes:
        common = chromosome.box.intersection(box)
        if common is None:
            continue
        here = (
            slice(common.top - box.top, common.bottom - box.top),
            slice(common.left - box.left, common.right - box.left),
        )
        part = slide_mask(chromosome, common)
        twice[here] |= once[here] & part
        once[here] |= part
    return twice


def overlap_area(first: Chromosome, second: Chromosome) -> int:
    """Number of pixels that belong to both."""
    common = first.box.intersection(second.box)
    if common is None:
        return 0
    return int(np.count_nonzero(slide_mask(first, common) & slide_mask(second, common)))


def touch(first: Chromosome, second: Chromosome) -> bool:
    """Whether two chromosomes overlap or lie side by side, corners included."""
    box = first.box
    grown = Box(box.top - 1, box.left - 1, box.bottom + 1, box.right + 1)
    common = grown.intersection(second.box)
    if common is None:
        return False
    around = Box(common.top - 1, common.left - 1, common.bottom + 1, common.right + 1)
    near = cv2.dilate(slide_mask(first, around).view(np.uint8), np.ones((3, 3), np.uint8))
    return bool(np.any(near[1:-1, 1:-1].view(bool) & slide_mask(second, common)))


def clusters(chromosomes: Sequence[Chromosome]) -> list[tuple[int, ...]]:
    """Groups of chromosomes that touch or overlap, directly or through others.

    Parameters
    ----------
    chromosomes
        Those that count; leave out what was rejected.

    Returns
    -------
    Ids of each group of two or more, ascending, groups in order of their first id. A
    chromosome that lies alone is in none.
    """
    group = list(range(len(chromosomes)))

    def root(index: int) -> int:
        while group[index] != index:
            group[index] = group[group[index]]
            index = group[index]
        return index

    if chromosomes:
        boxes = np.array([chromosome.box for chromosome in chromosomes])
        near = (boxes[:, None, :2] <= boxes[None, :, 2:]).all(-1) & (boxes[None, :, :2] <= boxes[:, None, 2:]).all(-1)
        for i, j in np.argwhere(np.triu(near, 1)).tolist():
            a, b = root(i), root(j)
            if a != b and touch(chromosomes[i], chromosomes[j]):
                group[b] = a
    members: dict[int, list[int]] = {}
    for index, chromosome in enumerate(chromosomes):
        members.setdefault(root(index), []).append(chromosome.id)
    return sorted(tuple(sorted(ids)) for ids in members.values() if len(ids) > 1)


def clean_labels(label: npt.NDArray[np.integer]) -> Labels:
    """Four-label masks without the defects that published sets contain.

    Values above 3 and single pixels whose value none of their eight neighbours shares get
    the value most of their neighbours have. Everything else stays exactly as it is, so
    cleaning twice changes nothing more where one pass left nothing to clean.

    Parameters
    ----------
    label
        ``(H, W)`` or ``(N, H, W)`` of an integer type.

    Returns
    -------
    uint8 of the same shape, values 0..3; a new array.
    """
    if label.ndim == 3:
        return np.stack([clean_labels(one) for one in label]) if len(label) else label.astype(np.uint8)
    stray = (label < 0) | (label > 3)
    clean = np.where(stray, 0, label).astype(np.uint8)
    # Neighbours with each of the four values; strays count for none, and a tie goes to the smaller value.
    ring = np.ones((3, 3), np.uint8)
    ring[1, 1] = 0
    votes = np.stack(
        [
            cv2.filter2D(((clean == value) & ~stray).astype(np.uint8), -1, ring, borderType=cv2.BORDER_CONSTANT)
            for value in range(4)
        ]
    )
    own = np.take_along_axis(votes, clean[None].astype(np.intp), axis=0)[0]
    wrong = stray | (own == 0)
    if min(label.shape) < 2:
        wrong = stray
    clean[wrong] = votes.argmax(axis=0)[wrong].astype(np.uint8)
    return clean
