"""What a command answers: exit code, standard output, standard error."""

from __future__ import annotations

from orchestrator.plain import dataclass


@dataclass(frozen=True, slots=True)
class Reply:
    """How a simulated command ends."""

    rc: int = 0
    out: str = ""
    err: str = ""


def refused(message: str, rc: int = 1) -> Reply:
    """It did nothing, and says why."""
    return Reply(rc, err=message.rstrip("\n") + "\n")


def usage(text: str) -> Reply:
    """The words were not understood."""
    return refused(f"Usage: {text}", 2)
