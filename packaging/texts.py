#!/usr/bin/env python3
"""Bring the catalogues of translations up to date with the texts in the code; needs Babel, of the extra ``dev``.

    .venv/bin/python packaging/texts.py

Texts that are new stand in ``chromview/locale/LANGUAGE/LC_MESSAGES/chromview.po`` afterwards without a translation, and
those that left the code are gone. Translate them there and run this once more: it writes the ``.mo`` that the program
reads. Changed texts are never guessed at from similar ones.
"""

from __future__ import annotations

import ast
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from chromview import texts
from chromview.app.actions import ACTIONS, GESTURES, Menu

PACKAGE = Path(texts.__file__).resolve().parent
MARKS = {"tr": 1, "noop": 1, "stored": 1, "tr_n": 2}
"""Functions whose first arguments are texts, and how many."""

Found = tuple[str | tuple[str, ...], str, int]


def in_module(path: Path) -> Iterator[Found]:
    """Texts of a module: the text (or one and many), the file and the line.

    Raises
    ------
    ValueError
        If a text is put together when the program runs, so that nobody could translate it.
    """
    name = path.relative_to(PACKAGE.parent).as_posix()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS):
            continue
        texts_given = node.args[: MARKS[node.func.id]]
        strings = [a.value for a in texts_given if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        if any(isinstance(a, ast.JoinedStr | ast.BinOp) for a in texts_given) and name != "chromview/app/actions.py":
            raise ValueError(f"{name}:{node.lineno}: a text with values needs {{places}}: tr('{{n}} slides', n=n)")
        if len(strings) == MARKS[node.func.id]:
            yield strings[0] if len(strings) == 1 else tuple(strings), name, node.lineno


def in_actions() -> Iterator[Found]:
    """Texts of the tables of actions and gestures, which are marked nowhere else."""
    for menu in Menu:
        yield f"&{menu}", "chromview/app/actions.py", 0
    for action in ACTIONS:
        for text in (action.title, action.help, action.submenu, action.where):
            if text:
                yield text, "chromview/app/actions.py", 0
    for gesture in GESTURES:
        for text in gesture:
            yield text, "chromview/app/actions.py", 0


def collected() -> Catalog:
    """Every text of the program, none of them translated."""
    catalogue = Catalog(charset="utf-8", project="chromview")
    for path in sorted(PACKAGE.rglob("*.py")):
        for text, file, _ in in_module(path):
            catalogue.add(text, locations=[(file, 0)])
    for text, file, _ in in_actions():
        catalogue.add(text, locations=[(file, 0)])
    return catalogue


def file_of(language: str) -> Path:
    """The catalogue of a language, for translators."""
    return texts.locale_dir() / language / "LC_MESSAGES" / f"{texts.DOMAIN}.po"


def read(language: str) -> Catalog:
    """The catalogue of a language as it is."""
    with file_of(language).open("rb") as file:
        return read_po(file, locale=language, charset="utf-8")


def updated(language: str) -> Catalog:
    """The catalogue of a language with the texts that the code has now."""
    old = read(language) if file_of(language).exists() else Catalog(locale=language)
    new = Catalog(locale=language, charset="utf-8", project="chromview", fuzzy=False)
    for message in collected():
        if message.id:
            known = old.get(message.id)
            new.add(message.id, known.string if known is not None else None, locations=message.locations)
    return new


def as_po(catalogue: Catalog) -> bytes:
    """A catalogue as text, the same for the same texts whenever it is written."""
    out = io.BytesIO()
    write_po(out, catalogue, width=120, sort_by_file=True, include_lineno=False, omit_header=True)
    plurals = catalogue.plural_forms
    head = f'msgid ""\nmsgstr ""\n"Language: {catalogue.locale}\\n"\n"Plural-Forms: {plurals}\\n"\n'
    return (head + '"Content-Type: text/plain; charset=utf-8\\n"\n\n').encode() + out.getvalue()


def as_mo(catalogue: Catalog) -> bytes:
    """A catalogue as the program reads it."""
    out = io.BytesIO()
    header = {
        "Language": str(catalogue.locale),
        "Plural-Forms": catalogue.plural_forms,
        "Content-Type": "text/plain; charset=utf-8",
    }
    # The time of writing would make another file of the same texts.
    plain = Catalog(
        locale=catalogue.locale, charset="utf-8", fuzzy=False, creation_date=datetime(2026, 1, 1, tzinfo=UTC)
    )
    plain.mime_headers = list(header.items())
    for message in catalogue:
        if message.id:
            plain.add(message.id, message.string)
    write_mo(out, plain)
    return out.getvalue()


def untranslated(catalogue: Catalog) -> list[Message]:
    """Texts that lack a translation, or one of their plural forms."""
    return [
        m for m in catalogue
        if m.id and not (all(m.string) if isinstance(m.string, tuple | list) else m.string)
    ]  # fmt: skip


def main() -> None:
    """Write every catalogue, and say what is left to translate."""
    for language in texts.LANGUAGES:
        if language == texts.SOURCE:
            continue
        catalogue = updated(language)
        file = file_of(language)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(as_po(catalogue))
        file.with_suffix(".mo").write_bytes(as_mo(read(language)))
        left = untranslated(catalogue)
        print(f"{language}: {len(catalogue)} texts, {len(left)} without a translation")
        for message in left:
            print(f"    {message.id!r}")


if __name__ == "__main__":
    main()
