"""The inputs a starter gives, checked against what the runbook asks for. All problems at once."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from orchestrator.errors import UsageError
from orchestrator.model.duration import parse_duration
from orchestrator.model.runbook import InputSpec, Runbook

_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:/.+")


def check_inputs(runbook: Runbook, given: Mapping[str, Any]) -> dict[str, Any]:
    """Each input's value in its type; defaults filled in; secrets as ``{"$secret": reference}``.

    Raises UsageError naming everything that is missing, unknown or does not fit.
    """
    problems: list[str] = []
    values: dict[str, Any] = {}
    for name in given:
        if name not in runbook.inputs:
            close = get_close_matches(name, runbook.inputs, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            problems.append(f"unknown input {name!r}{hint}")
    for name, spec in runbook.inputs.items():
        value = given.get(name, spec.default)
        if value is None:
            if spec.required:
                problems.append(f"input {name!r} is missing")
            continue
        try:
            values[name] = _value(spec, value)
        except ValueError as error:
            problems.append(f"input {name!r}: {error}")
    if problems:
        wanted = ", ".join(f"{name} ({spec.type})" for name, spec in runbook.inputs.items()) or "none"
        raise UsageError(
            f"runbook {runbook.runbook}: " + "; ".join(problems),
            mend=f"give inputs as --input name=value; it takes {wanted}",
        )
    return values


def equals_input(spec: InputSpec, value: Any, wanted: Any) -> bool:
    """Whether an input's value is ``wanted``, as the runbook's author writes it (30s for a duration)."""
    try:
        return bool(_typed(spec, wanted) == value)
    except ValueError:
        return False


def _value(spec: InputSpec, value: Any) -> Any:
    if spec.type == "secret":
        return _reference(value)
    typed = _typed(spec, value)
    if spec.pattern is not None and not re.fullmatch(spec.pattern, str(typed)):
        raise ValueError(f"{value!r} does not match {spec.pattern}")
    if spec.choices and str(typed) not in spec.choices:
        raise ValueError(f"{value!r} is not one of {', '.join(spec.choices)}")
    if isinstance(typed, int | float) and not isinstance(typed, bool):
        if spec.min is not None and typed < spec.min:
            raise ValueError(f"{value!r} is below {spec.min:g}")
        if spec.max is not None and typed > spec.max:
            raise ValueError(f"{value!r} is above {spec.max:g}")
    return typed


def _reference(value: Any) -> dict[str, str]:
    if isinstance(value, Mapping) and set(value) == {"$secret"}:
        value = value["$secret"]
    if not isinstance(value, str) or not _REFERENCE.fullmatch(value):
        # The value is not shown: it may well be the secret itself.
        raise ValueError("a secret is given by reference, env:NAME or file:/path, never as itself")
    return {"$secret": value}


def _typed(spec: InputSpec, value: Any) -> Any:
    match spec.type:
        case "duration":
            if isinstance(value, float) and 0 <= value < math.inf:
                return value  # passed on by an outer runbook, where it was read already
            return parse_duration(value)
        case "boolean":
            return _boolean(value)
        case "integer":
            return int(_number(value, r"[+-]?[0-9]+", "a whole number"))
        case "number":
            return float(_number(value, r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", "a number"))
    if isinstance(value, Mapping | list | tuple):
        raise ValueError("a text is wanted, not a structure")
    return str(value)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    raise ValueError(f"{value!r} is not true or false")


def _number(value: Any, pattern: str, what: str) -> Any:
    """``value`` where it is a number or a text of one in plain digits; Python would read more than people write."""
    if isinstance(value, bool) or not re.fullmatch(pattern, str(value)) or not math.isfinite(float(value)):
        raise ValueError(f"{value!r} is not {what}")
    return value
