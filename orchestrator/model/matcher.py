"""Expectations: declarative matchers on a step's output. Data, never code."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema, field_validator, model_validator

from orchestrator.model.document import Document, Flag

Scalar = str | int | float | bool | None


class Matcher(Document):
    """What a value must be. Every given condition must hold; at least one is given."""

    equals: Scalar = None
    is_null: Flag | None = None
    min: float | None = None
    max: float | None = None
    matches: str | None = None
    contains: Scalar = None
    one_of: tuple[Scalar, ...] | None = None

    @field_validator("matches")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"not a regular expression ({error}); mend the pattern") from error
        return pattern

    @model_validator(mode="after")
    def _not_empty(self) -> Matcher:
        if not self.model_fields_set:
            raise ValueError("expects nothing; give equals, min, max, matches, contains, one_of or is_null")
        return self


def _matcher(value: Any) -> Any:
    return {"equals": value} if isinstance(value, str | int | float | bool) else value


Expectation = Annotated[
    Matcher,
    BeforeValidator(_matcher),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": ["string", "number", "boolean"]},
                {
                    "type": "object",
                    "properties": {
                        "equals": {"type": ["string", "number", "boolean", "null"]},
                        "is_null": {"type": "boolean"},
                        "min": {"type": "number"},
                        "max": {"type": "number"},
                        "matches": {"type": "string"},
                        "contains": {"type": ["string", "number", "boolean", "null"]},
                        "one_of": {"type": "array"},
                    },
                    "minProperties": 1,
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
"""A matcher, or a plain value that must be equal."""

Expectations = Mapping[str, Expectation]
"""Path in the output (``output.lag_s`` or ``lag_s``; parts joined by dots) to what must be there."""

_MISSING = object()


def look_up(output: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted ``path`` in ``output``; a leading ``output.`` may be left out.

    Returns the private missing mark when there is nothing; lists are indexed by number. A key may itself have dots in
    it (a host's full name): where the shorter key leads nowhere, the longer one is tried.
    """
    parts = path.split(".")
    return _walk(output, parts[1:] if parts[0] == "output" else parts)


def find(output: Mapping[str, Any], path: str) -> Any:
    """The same for people: None where there is nothing."""
    value = look_up(output, path)
    return None if value is _MISSING else value


def _walk(value: Any, parts: list[str]) -> Any:
    if not parts:
        return value
    if isinstance(value, Mapping):
        for length in range(1, len(parts) + 1):
            key = ".".join(parts[:length])
            found = _walk(value[key], parts[length:]) if key in value else _MISSING
            if found is not _MISSING:
                return found
    elif isinstance(value, list | tuple) and re.fullmatch("[0-9]+", parts[0]) and int(parts[0]) < len(value):
        return _walk(value[int(parts[0])], parts[1:])
    return _MISSING


def _number(value: Any) -> float | None:
    """The number in ``value``; None where there is none. "Not a number" is none: it would pass every limit."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return None if math.isnan(number) else number


def _equal(value: Any, wanted: Scalar) -> bool:
    # 1 == True in Python; in an expectation it is a mistake worth seeing.
    if isinstance(value, bool) != isinstance(wanted, bool):
        return False
    return bool(value == wanted)


def _shortfalls(matcher: Matcher, value: Any) -> list[str]:
    given = matcher.model_fields_set
    found: list[str] = []
    if "equals" in given and not _equal(value, matcher.equals):
        found.append(f"wanted {matcher.equals!r}")
    if matcher.is_null is not None and (value is None) is not matcher.is_null:
        found.append("wanted null" if matcher.is_null else "wanted something, not null")
    number = _number(value)
    if matcher.min is not None and (number is None or number < matcher.min):
        found.append(f"wanted at least {matcher.min:g}")
    if matcher.max is not None and (number is None or number > matcher.max):
        found.append(f"wanted at most {matcher.max:g}")
    if matcher.matches is not None and not (isinstance(value, str) and re.search(matcher.matches, value)):
        found.append(f"wanted a match of {matcher.matches!r}")
    if "contains" in given:
        inside = isinstance(value, str | list | tuple | Mapping)
        wanted = str(matcher.contains) if isinstance(value, str) else matcher.contains
        if not inside or wanted not in value:
            found.append(f"wanted it to contain {matcher.contains!r}")
    if matcher.one_of is not None and not any(_equal(value, one) for one in matcher.one_of):
        found.append(f"wanted one of {list(matcher.one_of)!r}")
    return found


def unmet(expectations: Expectations, output: Mapping[str, Any]) -> list[str]:
    """Each expectation that ``output`` does not meet, as a sentence; empty when all hold."""
    problems: list[str] = []
    for path, matcher in expectations.items():
        value = look_up(output, path)
        if value is _MISSING:
            problems.append(f"{path}: not in the output")
            continue
        shown = repr(value) if len(repr(value)) <= 200 else repr(value)[:200] + "..."
        problems.extend(f"{path}: {shortfall}, got {shown}" for shortfall in _shortfalls(matcher, value))
    return problems
