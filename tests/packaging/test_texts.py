"""Catalogues of translations: complete, nothing stale, and what the program reads is what translators wrote."""

from __future__ import annotations

import importlib.util
import string
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from chromview import texts
from chromview.app import mask_edits  # noqa: F401  brings the names of steps

pytest.importorskip("babel")
LANGUAGES = [language for language in texts.LANGUAGES if language != texts.SOURCE]


@pytest.fixture
def tool(repository: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("catalogues", repository / "packaging" / "texts.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    texts.use(request.param)
    yield request.param
    texts.use(texts.SOURCE)


def places(text: str) -> set[str]:
    return {f"{name}:{spec}!{kind}" for _, name, spec, kind in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("name", LANGUAGES)
def test_catalogue_is_complete_and_up_to_date(tool: ModuleType, name: str) -> None:
    catalogue = tool.updated(name)
    assert [message.id for message in tool.untranslated(catalogue)] == []
    written = tool.file_of(name).read_bytes()
    assert written == tool.as_po(catalogue), "run: .venv/bin/python packaging/texts.py"
    assert tool.file_of(name).with_suffix(".mo").read_bytes() == tool.as_mo(catalogue)


@pytest.mark.parametrize("name", LANGUAGES)
def test_translations_have_the_places_of_their_text(tool: ModuleType, name: str) -> None:
    wrong = []
    for message in tool.read(name):
        if not message.id:
            continue
        ours = (message.id,) if isinstance(message.id, str) else message.id
        theirs = (message.string,) if isinstance(message.string, str) else message.string
        if "" in theirs:
            continue  # the test above says it
        expected = set().union(*map(places, ours))
        wrong += [text for text in theirs if places(text) != expected and not (len(theirs) > 1 and text == theirs[0])]
        wrong += [text for text in theirs if not places(text) <= expected]
        # What looks like HTML, and the mnemonic, have to stay what they are.
        wrong += [text for text in theirs if text.count("<") != ours[0].count("<")]
        wrong += [text for text in theirs if ("&" in text) != ("&" in ours[0])]
    assert not wrong


@pytest.mark.parametrize("language", ["de"], indirect=True)
def test_texts_of_case_files_are_kept_in_english_and_shown_translated(language: str) -> None:
    assert texts.shown("Cut of chromosome 7") == "Schnitt: Chromosom 7"
    assert texts.shown("Joining of chromosome 1 and a chromosome") == "Verbinden: Chromosom 1 und ein Chromosom"
    assert texts.shown("third 21") == "drittes 21"
    assert texts.shown("State counted only") == "Stand: nur gezählt"
    assert texts.shown("what another version wrote") == "what another version wrote"


def test_english_is_what_the_code_says() -> None:
    assert texts.tr("{n} of {total}", n=1, total=2) == "1 of 2"
    assert texts.tr("no values, so {braces} stay") == "no values, so {braces} stay"
    assert [texts.tr_n("{n} slide", "{n} slides", n) for n in (1, 2)] == ["1 slide", "2 slides"]
    assert texts.shown("Cut of chromosome 7") == "Cut of chromosome 7"
    assert texts.inside("Cut of X") == "cut of X" and texts.inside("DAPI of X") == "DAPI of X"
    assert [texts.known(found) for found in (["fr", "de-AT"], ["pt-BR"], [])] == ["de", "en", "en"]
