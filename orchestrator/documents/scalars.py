"""Plain (unquoted) YAML scalars: taken only where YAML 1.1 and YAML 1.2 read them alike.

An editor, Ansible and this program may each follow another YAML version. ``no``, ``0755``, ``1:30:00`` or ``1e3``
mean different things to them, and a runbook must not. The 1.2 side is the core schema of the YAML 1.2.2
specification (10.3.2); the 1.1 side is what PyYAML (and so Ansible) does, with ``y`` and ``n`` added because other
1.1 readers take them for true and false.
"""

from __future__ import annotations

import math
import re
from typing import Any

from orchestrator.plain import dataclass

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_ONCE_BOOL = frozenset(
    word for base in ("y", "yes", "n", "no", "on", "off") for word in (base, base.capitalize(), base.upper())
)

_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_HEX = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"(?:[-+]?[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+][0-9]+)?\Z")

_DIVERGENT = (
    (re.compile(r"[-+]?0[0-9_]+\Z"), "a leading zero means octal to some readers and decimal to others"),
    (
        re.compile(r"[-+]?0[bo][0-9_]+\Z|[-+]0x[0-9a-fA-F_]+\Z|0x[0-9a-fA-F_]+\Z"),
        "not every reader takes it for a number",
    ),
    (re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?\Z"), "some readers take it for a number to base 60"),
    (re.compile(r"[-+]?[0-9]{4}-[0-9][0-9]?-[0-9][0-9]?(?:\Z|[Tt ].*\Z)"), "some readers take it for a date"),
    (re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*\Z"), "some readers take it for a number"),
    (
        re.compile(r"[-+]?(?:[0-9][0-9_]*)?\.?[0-9_]*(?:[eE][-+]?[0-9]+)?\Z"),
        "some readers take it for a number, others for text",
    ),
)
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")
_MAX_DIGITS = 18
"""Longer numbers do not fit 64 bits, and JSON readers disagree about them."""


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A plain scalar that cannot be taken as it stands: what is wrong with it."""

    why: str


def resolve(text: str) -> Any:
    """The value of a plain scalar, or ``Doubtful`` where readers disagree about it or it is no usable number."""
    if text in _NULL:
        return None
    # Nearly all scalars are words: decide those by their first character.
    first = text[0]
    if first in "yYnNoO" and text in _ONCE_BOOL:
        return Doubtful("some readers take it for true or false, others for text")
    if first in "tTfF":
        if text in _TRUE:
            return True
        return False if text in _FALSE else text
    if first in "<=":
        return Doubtful("it has a special meaning to some readers") if text in ("<<", "=") else text
    if first not in "0123456789+-.":
        return text
    return _number(text)


def _number(text: str) -> Any:
    if _INT.match(text):
        if len(text.lstrip("+-")) > _MAX_DIGITS:
            return Doubtful("the number is too long to be kept exactly")
        return int(text)
    if _HEX.match(text):
        return int(text, 16) if len(text) <= _MAX_DIGITS else Doubtful("the number is too long to be kept exactly")
    if _FLOAT.match(text):
        number = float(text)
        return number if math.isfinite(number) else Doubtful("the number is too large")
    if _NOT_FINITE.match(text):
        return Doubtful("it is no finite number")
    if any(char.isdigit() for char in text):
        for pattern, why in _DIVERGENT:
            if pattern.match(text):
                return Doubtful(why)
    return text
