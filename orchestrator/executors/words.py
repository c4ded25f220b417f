"""A rendered action's words as texts: a template that is only one expression keeps its value's type, a number's too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def as_texts(spec: Mapping[str, Any]) -> dict[str, Any]:
    """``spec`` with every word of a command, and every variable of its environment, as text.

    Truth is ``true`` or ``false``. What is neither text, number nor truth is left, and is refused as it is read.
    """
    return {key: _part(key, value) for key, value in spec.items()}


def _part(key: str, value: Any) -> Any:
    if key in ("argv", "command") and isinstance(value, list | tuple):
        return [_text(word) for word in value]
    if key == "env" and isinstance(value, Mapping):
        return {name: _text(inner) for name, inner in value.items()}
    return as_texts(value) if isinstance(value, Mapping) else value


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value
