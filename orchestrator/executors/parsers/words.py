"""Names with values, a pair a line."""

from __future__ import annotations

import re
from typing import Any

from orchestrator.executors.parsers.reading import NotRead, lines_of, shown, value_of

_PAIR = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_. /()-]*?)\s*(?:=|:(?=\s|\Z))\s?(.*)\Z")


def key_value(text: str) -> dict[str, Any]:
    """``name=value`` or ``name: value``, a pair a line (``systemctl show``, ``/etc/os-release``, ``lssrc -ls``).

    Quotes around a value are taken away, numbers become numbers, a name that is there twice has a list of its values.
    """
    found: dict[str, Any] = {}
    for line in lines_of(text):
        pair = _PAIR.match(line)
        if pair is None:
            raise NotRead(f"{shown(line)} is no name with a value")
        name, value = pair[1], value_of(unquoted(pair[2].strip()))
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found


def unquoted(text: str) -> str:
    """The text without the quotes around it."""
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'" else text
