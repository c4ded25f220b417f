"""The log of effects: what really happened on the hosts, written by whoever did it, one line each.

A test counts the lines: a takeover that was resumed after a crash still has one ``promote``.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.plain import dataclass


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect: when (ISO 8601, UTC), what, and on which host."""

    at: str
    what: str
    host: str


def now() -> str:
    """The wall clock, ISO 8601, UTC, microseconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def record(log: Path, what: str, host: str) -> None:
    """Append one line; a single write, so that lines of several processes do not mix."""
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, f"{now()} {what} {host}\n".encode())
    finally:
        os.close(handle)


def read(log: Path) -> list[Effect]:
    """All effects so far."""
    if not log.exists():
        return []
    return [Effect(*line.split(" ", 2)) for line in log.read_text().splitlines()]
