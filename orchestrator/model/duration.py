"""Durations as people write them: ``90s``, ``30m``, ``1h30m``, ``250ms``, ``183d``. Seconds inside."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|w)")
PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d|w))+$"


def parse_duration(text: object) -> float:
    """Seconds in ``text``; a number is taken as seconds. Raises ValueError with the mend in it."""
    if isinstance(text, bool):
        raise ValueError("not a duration; write it like 30s, 5m or 1h30m")
    if isinstance(text, int | float):
        raise ValueError(f"a duration needs a unit; write {text}s, {text}m or {text}h")
    if not isinstance(text, str) or not re.fullmatch(PATTERN, text.strip()):
        raise ValueError(f"{text!r} is not a duration; write it like 30s, 5m or 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def format_duration(seconds: float) -> str:
    """The shortest exact-enough text for ``seconds``: ``0.4s``, ``42s``, ``3m05s``, ``2h00m``, ``3d04h``."""
    sign = "-" if seconds < 0 else ""
    value = abs(seconds)
    if value < 9.995:
        return f"{sign}{value:.2f}".rstrip("0").rstrip(".") + "s"
    if value < 59.95:
        return f"{sign}{value:.1f}".rstrip("0").rstrip(".") + "s"
    whole = round(value)
    if whole < 3600:
        return f"{sign}{whole // 60}m{whole % 60:02d}s"
    if whole < 86400:
        return f"{sign}{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{sign}{whole // 86400}d{whole % 86400 // 3600:02d}h"


def _validate(value: Any) -> float:
    # A validated model dumped and read again carries seconds already.
    if isinstance(value, float):
        if not 0 <= value < math.inf:
            raise ValueError(f"{value} is not a duration; write it like 30s, 5m or 1h30m")
        return value
    return parse_duration(value)


Duration = Annotated[
    float,
    BeforeValidator(_validate),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": PATTERN, "examples": ["30s", "5m", "1h30m"]}),
]
