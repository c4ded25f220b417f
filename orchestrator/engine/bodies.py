"""How the runner words its events about jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orchestrator.model.job import Phase
from orchestrator.model.outcome import Outcome


def started_body(step: str, phase: Phase, attempt: int, ident: str, check: int) -> dict[str, Any]:
    """The beginning of a job; ``check`` is which verify check it makes."""
    body: dict[str, Any] = {"step": step, "phase": str(phase), "attempt": attempt, "ident": ident}
    if phase in (Phase.VERIFY, Phase.UNDO_VERIFY):
        body["check"] = str(check)
    return body


def ended_body(
    step: str,
    phase: Phase,
    attempt: int,
    outcome: Outcome,
    *,
    seconds: float | None = None,
    attached: bool = False,
    began: bool = True,
    missed: Sequence[str] = (),
) -> dict[str, Any]:
    """The end of a job. ``began`` is false where it is certain that nothing was done; ``missed`` are the expectations
    that its output does not meet."""
    body: dict[str, Any] = {
        "step": step,
        "phase": str(phase),
        "attempt": attempt,
        "outcome": outcome.to_body(),
        "elapsed": None if seconds is None else round(seconds, 6),
    }
    if attached:
        body["attached"] = True
    if not began:
        body["began"] = False
    if missed:
        body["unmet"] = list(missed)
    return body
