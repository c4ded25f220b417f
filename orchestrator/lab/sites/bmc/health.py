"""How parts are, in Redfish's words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from orchestrator.lab.sites.bmc.state import State

_WORST = ("Critical", "Warning", "OK")


def status_of(state: State, part: str) -> dict[str, Any]:
    """A part's Status. One that was taken out is Absent, and has no health."""
    value = state.health[part]
    if value == "Absent":
        return {"State": "Absent", "Health": None}
    return {"State": "Enabled", "Health": value}


def present(state: State, part: str) -> bool:
    """Whether the part is there and works, however badly."""
    return state.health[part] not in ("Absent", "Critical")


def worst_of(state: State, parts: Iterable[str]) -> str:
    """The worst health among parts. One that is missing is a Warning: it works, without its reserve."""
    found = {"Warning" if state.health[part] == "Absent" else state.health[part] for part in parts}
    return next(value for value in _WORST if value in found)


def redundancy(state: State, parts: tuple[str, ...], needed: int) -> dict[str, Any]:
    """The Status of a group that works with ``needed`` of its parts."""
    working = sum(present(state, part) for part in parts)
    health = "OK" if working == len(parts) else "Warning" if working >= needed else "Critical"
    return {"State": "Enabled", "Health": health}
