"""Values cannot turn into options: a command word that begins with a value might begin with a dash."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orchestrator.documents.expressions import names_in
from orchestrator.documents.filters import NotTaken
from orchestrator.documents.lint.book import Book
from orchestrator.documents.source import Keys
from orchestrator.errors import Problem

_BEGINS = re.compile(r"\{\{-?.*?\}\}", re.DOTALL)
_DASHED = ("-", "--", "-x", "--x", "-1", "-a-", "-A", "--help", "-o=x")


def words_do_not_begin_with_values(book: Book) -> Iterator[Problem]:
    """``--`` before such a word ends the options, or the input's pattern keeps dashes out at its beginning."""
    for number, step in book.steps:
        found: list[tuple[Keys, tuple[str, ...]]] = []
        if step.fabric is not None:
            found.append((("steps", number, "fabric", "argv"), step.fabric.argv))
        if step.undo is not None and step.undo.fabric is not None:
            found.append((("steps", number, "undo", "fabric", "argv"), step.undo.fabric.argv))
        if step.probe is not None and step.probe.command is not None:
            found.append((("steps", number, "probe", "command"), step.probe.command))
        for at, check in enumerate(step.verify):
            if check.probe.command is not None:
                found.append((("steps", number, "verify", at, "probe", "command"), check.probe.command))
        for path, words in found:
            yield from _check(book, path, words)


def _check(book: Book, path: Keys, words: tuple[str, ...]) -> Iterator[Problem]:
    for number, word in enumerate(words):
        if word == "--":
            return
        begins = _BEGINS.match(word)
        if begins is None or not _may_be_dashed(book, begins[0]):
            continue
        if number == 0:
            yield book.problem(
                (*path, 0), "the program itself comes from a value", "write the program's name", warning=True
            )
        else:
            message = "a word that begins with a value could be read as an option"
            mend = "put -- before it, or give the input a pattern that does not begin with '-'"
            yield book.problem((*path, number), message, mend, warning=True)


def _may_be_dashed(book: Book, template: str) -> bool:
    """Whether the value may begin with a dash; outputs of steps always may."""
    try:
        names = names_in(template)
    except NotTaken:
        return False  # named by the rule on templates
    for name in names:
        spec = book.runbook.inputs.get(name.removeprefix("inputs."))
        if spec is None:
            return True
        if spec.type in ("boolean", "duration") or (spec.type in ("integer", "number") and (spec.min or -1) >= 0):
            continue
        if spec.choices and not any(choice.startswith("-") for choice in spec.choices):
            continue
        if spec.pattern is not None and not any(_matches(spec.pattern, text) for text in _DASHED):
            continue
        return True
    return False


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.fullmatch(pattern, text) is not None
    except re.error:
        return False


RULES = (words_do_not_begin_with_values,)
