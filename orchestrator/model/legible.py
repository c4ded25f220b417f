"""Texts that every paper can hold: no half characters, as they come out of undecodable file names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from orchestrator.model.event import Event


def legible(event: Event) -> Event:
    """The event with lone surrogates in its body written as ``\\udcXX``; the same event where there are none."""
    body = _legible(event.body)
    return event if body is event.body else replace(event, body=body)


def _legible(value: Any) -> Any:
    """``value`` itself where nothing in it had to be changed."""
    if isinstance(value, str):
        # The whole of a text that is fine is found fine at the speed of C.
        return value if _encodes(value) else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        mapped = {_legible(key): _legible(item) for key, item in value.items()}
        same = len(mapped) == len(value) and all(
            new is old and one is other for (one, new), (other, old) in zip(mapped.items(), value.items(), strict=True)
        )
        return value if same else mapped
    if isinstance(value, list | tuple):
        listed = [_legible(item) for item in value]
        return value if all(new is old for new, old in zip(listed, value, strict=True)) else listed
    return value


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
