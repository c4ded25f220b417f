"""One text for one value: what is hashed and signed must never depend on who wrote it down."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from orchestrator.model.event import to_iso

DEEPEST = 64
"""Levels of nesting that are kept. A step's output is somebody else's data; deeper parts are kept as text."""


def plain(value: Any, depth: int = 0) -> Any:
    """``value`` as JSON knows it: mappings with text keys, lists, text, numbers, booleans, null.

    Never refuses: an odd value in a step's output must not stop a recovery. Numbers that JSON has no word for
    (NaN, infinity) and unknown types are kept as text.
    """
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    # What there is most of comes first: to ask whether something is a Mapping takes long.
    if kind is dict and depth < DEEPEST:
        return {str(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(value)
    if depth >= DEEPEST:
        return str(value)[:200]
    if isinstance(value, Mapping):
        return {str(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, set | frozenset):
        return [plain(item, depth + 1) for item in sorted(value, key=str)]
    if isinstance(value, datetime):
        return to_iso(value) if value.tzinfo else value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)


def canonical(value: Any) -> str:
    """JSON with sorted keys, no spaces, and no NaN (ValueError): always the same text for the same value.

    A lone surrogate (half a character, as in an undecodable file name) is written as its JSON escape, so that
    the text is always valid UTF-8 and reads back unchanged.
    """
    text = _ENCODER.encode(value)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
