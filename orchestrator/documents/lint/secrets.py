"""Secrets are given by reference, and go only where other people's eyes do not reach."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.documents.lint.book import Book
from orchestrator.documents.secret_names import WORDS, is_reference, names_a_secret
from orchestrator.documents.source import Keys, Source
from orchestrator.documents.template_marks import NotTaken, has_template, names_in
from orchestrator.documents.templates import templates_in
from orchestrator.errors import Problem

_OPTION = re.compile(rf"--?(?:[\w-]*[_-])?(?:{WORDS})(?:=(.*))?\Z", re.IGNORECASE | re.DOTALL)
_ASSIGNMENT = re.compile(rf"(?:[\w-]*[_-])?(?:pg)?(?:{WORDS})=(.+)\Z", re.IGNORECASE | re.DOTALL)
_IN_URL = re.compile(r"://[^/\s:@]+:(?!\{\{)[^/\s@]+@")
_KEY_BLOCK = "PRIVATE KEY-----"

_MEND = "make it an input of type secret and write {{ its_name }}; it is then given as env:NAME or file:/path"
_SEEN_MEND = "hand it over in env or stdin (fabric) or vars (ansible)"


def no_secret_is_written_down(book: Book) -> Iterator[Problem]:
    """No password, token or key stands in the file itself."""
    for name, spec in book.runbook.inputs.items():
        if spec.type != "secret" and spec.default is not None and names_a_secret(name):
            message = f"the secret {name} is written down as a default"
            yield book.problem(("inputs", name, "default"), message, "say type: secret, and take the default out")
    for number, _ in book.steps:
        yield from _written(book.source, ("steps", number), book.data(("steps", number)))
    yield from _written(book.source, ("steady_state",), book.data(("steady_state",)))
    drill = book.loaded.sources.get("drill")
    if drill is not None and not book.file:
        yield from _written(drill, ("inputs",), drill.data.get("inputs"))


def _written(source: Source, path: Keys, value: Any) -> Iterator[Problem]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            inside = (*path, key)
            if names_a_secret(str(key)) and (_is_literal(inner) or _is_number(inner)):
                yield source.problem(inside, f"the secret {key} is written down", _MEND)
            elif key in ("argv", "command") and isinstance(inner, list):
                yield from _in_words(source, inside, inner)
            else:
                yield from _written(source, inside, inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _written(source, (*path, number), inner)
    elif isinstance(value, str):
        yield from _in_text(source, path, value)


def _is_literal(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and not has_template(value) and not is_reference(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _in_words(source: Source, path: Keys, words: list[Any]) -> Iterator[Problem]:
    for number, word in enumerate(words):
        if not isinstance(word, str):
            continue
        option = _OPTION.match(word)
        given = option[1] if option else None
        assigned = _ASSIGNMENT.match(word)
        following = words[number + 1] if option and given is None and number + 1 < len(words) else None
        literal = given or (assigned[1] if assigned else None)
        if literal and _is_literal(literal):
            yield source.problem((*path, number), "a secret is written down in a command", _MEND)
        elif isinstance(following, str) and _is_literal(following) and not following.startswith("-"):
            yield source.problem((*path, number + 1), "a secret is written down in a command", _MEND)
        else:
            yield from _in_text(source, (*path, number), word)


def _in_text(source: Source, path: Keys, text: str) -> Iterator[Problem]:
    if _IN_URL.search(text):
        yield source.problem(path, "a password is written down in an address", _MEND)
    if _KEY_BLOCK in text:
        yield source.problem(path, "a private key is written down", _MEND)


_SEEN = (
    ("argv", "a command's words show in the process list"),
    ("command", "a command's words show in the process list"),
    ("url", "addresses are kept in logs"),
    ("path", "addresses are kept in logs"),
    ("limit", "a command's words show in the process list"),
    ("tags", "a command's words show in the process list"),
    ("name", "a command's words show in the process list"),
    ("question", "everybody who is asked reads it"),
    ("instructions", "everybody who is asked reads it"),
)


def secrets_stay_out_of_sight(book: Book) -> Iterator[Problem]:
    """A secret input is never put where others can read it: command words, addresses, questions, locks."""
    secret = {name for name, spec in book.runbook.inputs.items() if spec.type == "secret"}
    if not secret:
        return
    for path, template in templates_in(book.data(("locks",)), ("locks",)):
        if _reads(template, secret):
            yield book.problem(path, "a secret in a lock's name: everybody can read it", "name the target itself")
    for part in ("steps", "steady_state"):
        for path, template in templates_in(book.data((part,)), (part,)):
            why = next((why for key, why in _SEEN if key in path and "vars" not in path and "env" not in path), None)
            if why is not None and _reads(template, secret):
                yield book.problem(path, f"the secret would be seen: {why}", _SEEN_MEND)


def _reads(template: str, secret: set[str]) -> bool:
    try:
        names = names_in(template)
    except NotTaken:
        return False  # named by the rule on templates
    return any(name.removeprefix("inputs.").split(".")[0] in secret for name in names)


RULES = (no_secret_is_written_down, secrets_stay_out_of_sight)
