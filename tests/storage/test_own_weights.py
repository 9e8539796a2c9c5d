"""Weights trained on this machine: kept whole with their card, one of them or the shipped in use."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from chromview.errors import UserError
from chromview.places import own_models_dir, own_segmenter
from chromview.storage.own_weights import check_room, in_use, keep, own_weights, use

CARD = {"trained": "2026-01-02 03:04", "who": "A. Person", "data": {"slides": 3, "corrected": 12}}


def test_new_weights_are_used_until_a_person_goes_back() -> None:
    assert own_segmenter() is None and in_use() is None and own_weights() == []
    first, second = keep(b"one", CARD), keep(b"two", CARD | {"who": ""})
    assert own_segmenter() == second.path and second.path.read_bytes() == b"two"
    assert [one.name for one in own_weights()] == [second.name, first.name]
    assert "A. Person: 3 slides, 12 masks by persons" in first.summary and "nobody named" in second.summary
    assert use("shipped") is None and own_segmenter() is None
    chosen = use(first.name)
    assert chosen is not None and own_segmenter() == first.path and in_use() == chosen
    assert use("shipped") is None and use("shipped") is None


def test_a_folder_of_weights_that_was_named_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(b"own", CARD)
    monkeypatch.setenv("CHROMVIEW_MODELS", str(tmp_path))
    assert own_segmenter() is None


def test_what_is_gone_or_damaged_is_not_used() -> None:
    kept = keep(b"own", CARD)
    kept.path.with_suffix(".json").write_text("{")
    assert own_weights() == [] and own_segmenter() == kept.path
    kept.path.unlink()
    assert own_segmenter() is None
    (own_models_dir() / "in_use.txt").write_text("../elsewhere")
    assert own_segmenter() is None
    with pytest.raises(UserError, match=r"there are no weights 'mine'.*There are: shipped"):
        use("mine")


def test_a_full_disk_is_said_before_anything_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 9, 1))
    with pytest.raises(UserError, match="the disk is full"):
        check_room(2)
    assert check_room(1).is_dir()


def test_where_a_file_lies_in_the_way_the_old_weights_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = keep(b"one", CARD)
    (own_models_dir() / "in_use.txt").unlink()
    (own_models_dir() / "in_use.txt").mkdir()
    with pytest.raises(UserError, match="is a folder"):
        keep(b"two", CARD)
    assert [one.name for one in own_weights()] == [first.name] and own_segmenter() is None
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CHROMVIEW_OWN_MODELS", str(tmp_path / "file"))
    with pytest.raises(UserError, match="is a file, not a folder"):
        keep(b"three", CARD)


def test_each_kind_of_slide_keeps_its_own_weights() -> None:
    bright, glowing = keep(b"one", {}), keep(b"two", {}, fluorescent=True)
    assert own_segmenter(fluorescent=False) == bright.path and own_segmenter(fluorescent=True) == glowing.path
    assert in_use() == glowing
    newer = keep(b"three", {})
    assert own_segmenter(fluorescent=False) == newer.path and own_segmenter(fluorescent=True) == glowing.path
    use(bright.name)
    assert own_segmenter(fluorescent=False) == bright.path and own_segmenter(fluorescent=True) == glowing.path
    use("shipped")
    assert own_segmenter(fluorescent=False) is None and own_segmenter(fluorescent=True) is None
