"""Texts for people, in their language.

Every text stands in the code in English. `tr` gives it in the language of the window; without one, as on the command
line, it stays as it is. What a case file keeps is always English, whoever worked on it, and `shown` translates it where
it is displayed. Names in files, columns and keys of exports are not texts and stay as they are.
"""

from __future__ import annotations

import gettext
import os
import re
import string
from functools import lru_cache
from pathlib import Path

DOMAIN = "chromview"
SOURCE = "en"
"""The language the code is written in."""
LANGUAGES = {"en": "English", "de": "Deutsch"}
"""What a person can choose, each in its own words."""

_catalogue = gettext.NullTranslations()
_language = SOURCE
_stored: list[str] = []


def locale_dir() -> Path:
    """Folder of the catalogues, one folder a language inside; the variable CHROMVIEW_LOCALE overrides it."""
    override = os.environ.get("CHROMVIEW_LOCALE")
    return Path(override) if override else Path(__file__).resolve().parent / "locale"


def known(languages: list[str]) -> str:
    """The first of these languages ("de-AT", "fr") that there are texts in; English if there is none."""
    for language in languages:
        short = re.split(r"[-_.@]", language)[0].lower()
        if short in LANGUAGES:
            return short
    return SOURCE


def use(language: str) -> None:
    """Give texts in this language from now on.

    Parameters
    ----------
    language
        A key of `LANGUAGES`.
    """
    fallback = language == SOURCE
    use_catalogue(language, gettext.translation(DOMAIN, locale_dir(), [language], fallback=fallback))


def use_catalogue(language: str, catalogue: gettext.NullTranslations) -> None:
    """Give texts from this catalogue from now on; tests bring their own."""
    global _catalogue, _language
    _catalogue, _language = catalogue, language
    shown.cache_clear()


def language() -> str:
    """The language that texts are in now."""
    return _language


def tr(text: str, /, **values: object) -> str:
    """A text in the language of the window, with the values of its ``{places}`` filled in.

    Parameters
    ----------
    text
        English, as a literal: it is also what the catalogues are looked up by.
    values
        Filled in by `str.format`. Without any, the text is taken as it is, braces included.
    """
    found = _catalogue.gettext(text) if text else ""
    return found.format(**values) if values else found


def tr_n(one: str, many: str, n: int, /, **values: object) -> str:
    """As `tr`, for one of something or for ``n`` of it; ``{n}`` is filled in."""
    return _catalogue.ngettext(one, many, n).format(n=n, **values)


def noop(text: str, /) -> str:
    """Say that a text is translated later, by `tr`, where it is shown; here it stays English."""
    return text


def stored(text: str, /) -> str:
    """Say that a text is kept in case files, in English, and translated by `shown`.

    Its ``{places}`` are filled in with `str.format`, also with stored texts.
    """
    _stored.append(text)
    shown.cache_clear()
    return text


@lru_cache(maxsize=4096)
def shown(text: str) -> str:
    """A text that a case file kept, in the language of the window; unknown ones stay as they are."""
    if _language == SOURCE or not text:
        return text
    found = _catalogue.gettext(text)
    if found != text:
        return found
    best: tuple[int, str] | None = None
    for template in _stored:
        literal, match = _match(template, text)
        if match is not None and (best is None or literal > best[0]):
            values = {name: shown(value) for name, value in match.groupdict().items()}
            best = literal, _catalogue.gettext(template).format(**values)
    return text if best is None else best[1]


def inside(text: str) -> str:
    """A noun inside a sentence: in English "Cut of X" becomes "cut of X", but an abbreviation stays."""
    if _language != SOURCE:
        return text
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _match(template: str, text: str) -> tuple[int, re.Match[str] | None]:
    literal, pattern = _pattern(template)
    return literal, pattern.fullmatch(text)


@lru_cache(maxsize=1024)
def _pattern(template: str) -> tuple[int, re.Pattern[str]]:
    """How many letters of a template are fixed, and what texts made from it look like."""
    parts = []
    fixed = 0
    for literal, name, _, _ in string.Formatter().parse(template):
        parts.append(re.escape(literal))
        fixed += len(literal)
        if name is not None:
            parts.append(f"(?P<{name}>.+?)")
    return fixed, re.compile("".join(parts), re.DOTALL)
