"""Validation errors in plain words: what is wrong, and the mend."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic_core import ErrorDetails

from orchestrator.documents.shape import documents_in, keys_of
from orchestrator.model.document import Document

_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "keys with values",
    "mapping_type": "keys with values",
    "model_type": "keys with values",
    "model_attributes_type": "keys with values",
}
_LIMITS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}


def shown(value: Any) -> str:
    """``value`` as a person would recognise it in the file, never longer than a line's part."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "keys with values"
    if isinstance(value, list | tuple):
        return "a list"
    text = str(value)
    text = text if len(text) <= 60 else text[:57] + "..."
    return repr(text) if isinstance(value, str) else text


def unknown_key(key: str, model: type[Document] | None) -> tuple[str, str]:
    """Message and mend for a key that a document does not have."""
    message = f"unknown key {key!r}"
    if model is None:
        return message, "take it out"
    known = keys_of(model)
    close = get_close_matches(key, known, n=1)
    if close:
        return message, f"did you mean {close[0]!r}?"
    homes = [name for name, kind in known.items() if any(key in keys_of(part) for part in documents_in(kind))]
    if homes:
        return message, f"{key!r} belongs inside {' or '.join(repr(home) for home in homes)}"
    return message, f"take it out; known here: {', '.join(known)}"


def wrong_type(wanted: str, value: Any) -> tuple[str, str]:
    """Message and mend for a value that is of another kind than wanted."""
    message = f"must be {wanted}, not {shown(value)}"
    if wanted == "text" and isinstance(value, bool | int | float):
        return message, f"quote it: '{shown(value)}'"
    if wanted == "text" and isinstance(value, Mapping):
        return message, "write a text; quote it if it contains ': ' or begins with '{'"
    if wanted == "a list":
        return message, "write it as a list: [first, second], or lines beginning with '- '"
    if wanted == "keys with values":
        return message, "write 'key: value' lines below it, indented"
    return message, f"write {wanted}, without quotes" if isinstance(value, str) else f"write {wanted}"


def in_words(error: ErrorDetails) -> tuple[str, str]:
    """Message and mend for any other validation error."""
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if kind in _WANTED:
        # Texts may be written plainly, without their keys: that is what a person will have meant.
        plain = kind == "model_type" and context.get("class_name") == "Text"
        return wrong_type("text" if plain else _WANTED[kind], value)
    if kind in _LIMITS:
        words, name = _LIMITS[kind]
        return f"must be {words} {context[name]}, not {shown(value)}", f"write a number {words} {context[name]}"
    if kind == "string_pattern_mismatch":
        return (
            f"{shown(value)} cannot be a name here",
            "write small letters, digits, '-' and '_', beginning with a letter or digit, at most 63",
        )
    if kind in ("literal_error", "enum"):
        return _not_one_of(value, str(context["expected"]))
    if kind == "too_short":
        return "must not be empty", f"give at least {context['min_length']}"
    if kind in ("value_error", "assertion_error"):
        message, _, mend = str(context["error"]).partition("; ")
        return message, mend or "see the runbook reference for what may stand here"
    return error["msg"], "see the runbook reference for what may stand here"


def _not_one_of(value: Any, expected: str) -> tuple[str, str]:
    choices = [part.strip().strip("'") for part in expected.replace(" or ", ", ").split(",")]
    close = get_close_matches(str(value), choices, n=1)
    wanted = ", ".join(choices)
    message = f"{shown(value)} is not one of {wanted}" if len(choices) > 1 else f"must be {wanted}, not {shown(value)}"
    return message, f"did you mean {close[0]!r}?" if close else f"write one of {wanted}"
