"""Every sentence of the rooms that a person sees stands inside a function that translates it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import chromview

PACKAGE = Path(chromview.__file__).parent
TRANSLATED = {"tr": 1, "noop": 1, "stored": 1, "tr_n": 2}
"""Calls whose first arguments are texts that can be translated; what else they are given is looked at."""
NOT_TEXTS = {
    "ValueError", "TypeError", "RuntimeError", "AssertionError", "KeyError", "NotImplementedError",  # our own faults
    "exception", "warning", "error", "debug",  # of a log
    "setObjectName", "findChild", "setStyle", "setStyleSheet", "Literal",
    "Action",  # the table of actions is translated as a whole
}  # fmt: skip
NAMES = re.compile(
    r"\w* ?\(\*\.\w+\)"  # what a file dialog offers
    r"|chromview:? \{\}\n?|\{\} (px|labels|export)|chromosome \{\}\.png"  # units, and names of files
    r"|pair network|pieces joined|tips joined|one chromosome"  # keys
    r"|Esc|Return|Enter|Tab|Del|Backspace|Space|Home|End|Left|Right|Up|Down"
    r"|Changed|Document|Audit|Backup"  # names in __all__
)


def said(node: ast.Constant | ast.JoinedStr) -> str:
    """The text of a literal, its values as {}."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)


def is_sentence(text: str) -> bool:
    """Whether it reads like something for a person: two words, or one that begins with a capital letter."""
    text = re.sub(r"<[^>]*>", "", text)
    if NAMES.fullmatch(text) or text.isupper():
        return False
    words = re.search(r"[A-Za-z]{2,}[,.:;]? +(\{\}|[A-Za-z(])", text) or re.search(r"\{\} [A-Za-z]{2,}", text)
    return bool(words or re.fullmatch(r"&?[A-Z][a-z&]{2,}[…:.]?", text))


def unmarked(node: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
    """Sentences below `node` that nobody could translate; annotations and docstrings are none."""
    if isinstance(node, ast.Constant | ast.JoinedStr):
        if is_sentence(said(node)):
            yield node
            return
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant | ast.JoinedStr):
        return
    elif isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in NOT_TEXTS:
            return
        for given in [*node.args[TRANSLATED.get(name, 0) :], *node.keywords]:
            yield from unmarked(given)
        yield from unmarked(node.func)
        return
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from unmarked(child)


@pytest.mark.parametrize("room", ["app", "ui"])
def test_every_sentence_can_be_translated(room: str) -> None:
    found = []
    for path in sorted((PACKAGE / room).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if path.name == "actions.py":  # its tables are translated as a whole, by what they hold
            tree.body = [node for node in tree.body if not isinstance(node, ast.AnnAssign | ast.Assign | ast.ClassDef)]
        found += [f"{path.relative_to(PACKAGE)}:{node.lineno}: {said(node)!r}" for node in unmarked(tree)]
    assert not found, "wrap them in tr() of chromview.texts, see docs/contributing.md:\n" + "\n".join(found)


def test_what_users_are_told_of_problems_can_be_translated() -> None:
    """In every room that the window uses; the formats of labels are read on the command line only."""
    only_command_line = {"coco.py", "label_images.py", "label_set.py", "labels.py"}
    found = []
    for room in ("app", "core", "storage", "ui", "vision"):
        for path in sorted((PACKAGE / room).rglob("*.py")):
            if path.name in only_command_line:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "UserError":
                    for given in [*node.args, *node.keywords]:
                        found += [f"{path.relative_to(PACKAGE)}:{n.lineno}: {said(n)!r}" for n in unmarked(given)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("code", "sentences"),
    [
        ("x.setText('Written to disk')", ["Written to disk"]),
        ("x.setText(f'{n} slides')", ["{} slides"]),
        ("x.setText('Close')", ["Close"]),
        ("x.setText(tr('Written to {place}', place=f'the {disk} disk'))", ["the {} disk"]),
        ("x.setText(tr_n('{n} slide', '{n} slides', 3))", []),
        ("x.setObjectName('The name')\nraise ValueError('a fault of ours')", []),
        ("settings.value('view/colours')\nx.setText('px')", []),
    ],
)
def test_unmarked_sentences_are_recognised(code: str, sentences: list[str]) -> None:
    assert [said(node) for node in unmarked(ast.parse(code))] == sentences
