"""Run lengths as pycocotools writes them, read back exactly."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco_mask

from chromview.storage.coco import CATEGORIES, annotation, decode, encode

masks = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40))


@given(masks)
@settings(deadline=None)
def test_a_mask_comes_back(mask: np.ndarray) -> None:
    np.testing.assert_array_equal(decode(encode(mask), *mask.shape), mask)


@given(masks)
@settings(deadline=None, max_examples=30)
def test_other_programs_read_the_same_mask(mask: np.ndarray) -> None:
    written = encode(mask)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pycocotools uses an old call of numpy
        read = coco_mask.decode({"size": written["size"], "counts": written["counts"].encode()})
    np.testing.assert_array_equal(read.astype(bool), mask)
    assert coco_mask.area({"size": written["size"], "counts": written["counts"].encode()}) == mask.sum()


@given(st.binary(max_size=20))
@settings(deadline=None)
def test_damaged_run_lengths_are_refused(junk: bytes) -> None:
    text = junk.decode("latin-1")
    try:
        mask = decode({"size": [4, 5], "counts": text}, 4, 5)
    except ValueError:
        return
    assert mask.shape == (4, 5)


def test_annotation_has_box_and_area() -> None:
    mask = np.zeros((30, 40), bool)
    mask[5:10, 20:27] = True
    entry = annotation(3, 1, mask, 24, score=0.5)
    assert entry["bbox"] == [20, 5, 7, 5]
    assert entry["area"] == 35
    assert (entry["id"], entry["image_id"], entry["category_id"], entry["iscrowd"], entry["score"]) == (
        3,
        1,
        24,
        0,
        0.5,
    )


def test_categories_are_the_24_classes() -> None:
    assert [c["id"] for c in CATEGORIES] == list(range(1, 25))
    assert [c["name"] for c in CATEGORIES] == [*map(str, range(1, 23)), "X", "Y"]


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="in an image of"):
        decode(encode(np.ones((3, 4), bool)), 4, 3)
