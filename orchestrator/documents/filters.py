"""How values stand in templates: written into texts, kept as plain data, and passed through the few filters.

Everything here bounds what it makes, so that no template can fill the memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from jinja2 import Undefined

from orchestrator.documents.template_marks import NotTaken

MAX_RESULT = 256 * 1024
"""Characters (for structures: characters and values) that one template may make."""


def gathered(pieces: Iterable[str]) -> str:
    """The pieces as one text. Raises NotTaken as soon as it grows too long."""
    found: list[str] = []
    left = MAX_RESULT
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            raise too_long()
        found.append(piece)
    return "".join(found)


def too_long() -> NotTaken:
    """The error for a result beyond the bound."""
    return NotTaken(f"the result is longer than {MAX_RESULT} characters", "put in less, or hand it over in a file")


def plain(value: Any, left: list[int]) -> Any:
    """``value`` as plain data, within what is left of the bound on results."""
    if isinstance(value, Undefined):
        missing(value)
    left[0] -= len(value) if isinstance(value, str) else 1
    if left[0] < 0:
        raise too_long()
    if isinstance(value, list | tuple):
        return [plain(part, left) for part in value]
    if isinstance(value, Mapping):
        return {str(key): plain(part, left) for key, part in value.items()}
    return value


def _join(value: Any, separator: str = "") -> str:
    parts = [written(part) for part in _a_list(value)]
    if sum(map(len, parts)) + len(separator) * len(parts) > MAX_RESULT:
        raise too_long()
    return separator.join(parts)


def _a_list(value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise NotTaken(f"join needs a list, not {kind_of(value)}", "give it a list")
    return list(value)


def _default(value: Any, instead: Any = "") -> Any:
    return instead if isinstance(value, Undefined) or value is None else value


def _length(value: Any) -> int:
    if isinstance(value, str | list | tuple | Mapping):
        return len(value)
    raise NotTaken(f"length needs a text or a list, not {kind_of(value)}", "give it a text or a list")


def _text_only(method: Callable[[str], str]) -> Callable[[Any], str]:
    def filter_(value: Any) -> str:
        return method(written(value))

    return filter_


def _integer(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise NotTaken(f"{kind_of(value)} cannot be read as a whole number", "give it a number") from error


def _floating(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise NotTaken(f"{kind_of(value)} cannot be read as a number", "give it a number") from error


def _to_json(value: Any) -> str:
    return gathered(_ENCODER.iterencode(plain(value, [MAX_RESULT])))


_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True)

FILTERS: dict[str, Callable[..., Any]] = {
    "default": _default,
    "float": _floating,
    "int": _integer,
    "join": _join,
    "length": _length,
    "lower": _text_only(str.lower),
    "string": lambda value: written(value),
    "to_json": _to_json,
    "trim": _text_only(str.strip),
    "upper": _text_only(str.upper),
}
"""All filters there are; each looks at its arguments first and fails with a mend."""


def kind_of(value: Any) -> str:
    """What kind of value it is, for people."""
    if value is None:
        return "null"
    return {"str": "text", "bool": "true/false", "dict": "a mapping", "list": "a list"}.get(
        type(value).__name__, "a number" if isinstance(value, int | float) else "this value"
    )


def written(value: Any) -> str:
    """How a value stands in a text: as YAML and JSON write it, not as Python does."""
    if isinstance(value, Undefined):
        missing(value)
    if isinstance(value, str):
        return value
    if value is None:
        raise NotTaken("a value in the text is null", "give it a value, or write {{ ... | default('...') }}")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return _to_json(value)


def missing(value: Undefined) -> NoReturn:
    """Raises UndefinedError for a value that is not there."""
    # Jinja's own way to say what is missing; strict, so that it raises UndefinedError.
    str(value)
    raise AssertionError("a strict undefined value was read")
