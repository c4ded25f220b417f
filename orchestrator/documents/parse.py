"""From plain data to documents: every problem found at once, each where it stands in the file."""

from __future__ import annotations

from difflib import get_close_matches
from functools import lru_cache
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from orchestrator.documents.shape import keys_of, model_at
from orchestrator.documents.source import Keys, Source
from orchestrator.documents.wording import in_words, shown, unknown_key
from orchestrator.errors import DocumentError, Problem
from orchestrator.model.document import Document
from orchestrator.model.drill import Drill
from orchestrator.model.estate import Estate, ServiceLevel
from orchestrator.model.runbook import Runbook
from orchestrator.model.signs import Signs

KINDS: dict[str, type[Document]] = {
    "runbook": Runbook,
    "estate": Estate,
    "service_level": ServiceLevel,
    "drill": Drill,
    "signs": Signs,
}
"""A document's first key, which says what it is, to its model."""

D = TypeVar("D", bound=Document)

_UNION_TAGS = frozenset({"str", "int", "float", "bool"})


def kind_of(source: Source) -> str:
    """What kind of document it is, by its first key. Raises DocumentError."""
    wanted = f"the first key says what the document is: {', '.join(KINDS)}"
    if not isinstance(source.data, dict) or not source.data:
        raise DocumentError([source.problem((), f"a document is keys with values, not {shown(source.data)}", wanted)])
    first: str = next(iter(source.data))
    if first in KINDS:
        # A drill names its runbook, so both keys may be there; the drill's own must come first then.
        others = [key for key in KINDS if key in source.data and key not in keys_of(KINDS[first])]
        if not others:
            return first
        problem = source.problem(
            (others[0],), f"the key {others[0]!r} is not first", f"put it first if this is a {others[0]}", key=True
        )
        raise DocumentError([problem])
    later = next((key for key in KINDS if key in source.data), None)
    close = get_close_matches(first, KINDS, n=1)
    mend = f"put {later!r} first" if later else f"did you mean {close[0]!r}?" if close else wanted
    raise DocumentError([source.problem((first,), f"{first!r} is no kind of document", mend, key=True)])


def parse(source: Source, model: type[D]) -> D:
    """The document in ``source``, which must be of this kind. Raises DocumentError with all problems."""
    kind = kind_of(source)
    if KINDS[kind] is not model:
        wanted = next(name for name, one in KINDS.items() if one is model)
        raise DocumentError(
            [source.problem((kind,), f"this is a {kind}; a {wanted} is wanted here", "name another file", key=True)]
        )
    return (_validated_before if len(source.positions) <= KEPT else validated)(source, model)


def validated(source: Source, model: type[D]) -> D:
    """``source`` as this document, whatever its first key. Raises DocumentError with all problems."""
    try:
        return model.model_validate(source.data)
    except ValidationError as error:
        raise DocumentError(_problems(source, model, error.errors(include_url=False))) from error


KEPT = 2000
"""Parts a file may have for its document to be kept along with it."""

_validated_before = lru_cache(maxsize=64)(validated)


def _problems(source: Source, model: type[Document], errors: list[ErrorDetails]) -> list[Problem]:
    found: dict[tuple[Keys, str], Problem] = {}
    for error in errors:
        location = tuple(error["loc"])
        if error["type"] == "too_short" and error["input"]:
            continue  # the list is empty only because each of its entries has a problem of its own
        path = source.settle(location)
        problem = _problem(source, model, error, location, path)
        found.setdefault((path, problem.message), problem)
    return list(found.values())


def _problem(source: Source, model: type[Document], error: ErrorDetails, location: Keys, path: Keys) -> Problem:
    kind = error["type"]
    if kind == "extra_forbidden":
        message, mend = unknown_key(str(location[-1]), model_at(model, path[:-1]))
        return source.problem(path, message, mend, key=True)
    if kind == "missing":
        name = location[-1]
        return source.problem(path, f"{name!r} is missing{_inside(path)}", f"add '{name}: ...'", key=True)
    last = location[-1] if location else None
    if last == "[key]":
        message, mend = in_words(error)
        return source.problem(path, message, mend, key=True)
    if last in _UNION_TAGS and path != location:
        message, mend = f"must be a text, a number or true/false, not {shown(error['input'])}", "write one plain value"
    else:
        message, mend = in_words(error)
    return source.problem(path, f"{_named(path)}{message}", mend)


def _named(path: Keys) -> str:
    name = next((part for part in reversed(path) if isinstance(part, str)), "")
    return f"{name}: " if name else ""


def _inside(path: Keys) -> str:
    name = next((part for part in reversed(path) if isinstance(part, str)), "")
    if path and isinstance(path[-1], int):
        return f" in entry {path[-1] + 1} of {name!r}" if name else f" in entry {path[-1] + 1}"
    return f" in {name!r}" if name else ""
