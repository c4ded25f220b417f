"""What the journal holds: one event after another, each a small JSON object.

Every event has ``at`` (wall clock, UTC, ISO 8601 with microseconds), ``mono`` (seconds of the driver's monotonic
clock) and ``epoch`` (which driver process wrote it; monotonic readings compare only within one epoch).

The body of each kind is listed beside it in ``EventKind``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from orchestrator.plain import dataclass


class EventKind(StrEnum):
    """Every kind of event there is."""

    RUN_CREATED = "run.created"
    """What the run is bound to: ``plan`` (plan_to_body), ``by``, ``account``, ``host``, ``version``, ``workspace``,
    ``inventory``, ``told`` (moments that were given with the command)."""
    DRIVER_CLAIMED = "driver.claimed"
    """A process drives the run from here: ``epoch``, ``pid``, ``host``, ``version``, ``by``."""
    DRIVER_RELEASED = "driver.released"
    """It stopped driving on purpose: ``why``, ``running`` (idents that still run)."""
    STEADY_CHECKED = "steady.checked"
    """The steady state was probed: ``phase`` (before, after, rollback), ``ok``, ``results``."""
    STEP_STARTED = "step.started"
    """Written *before* the effect: ``step``, ``phase``, ``attempt``, ``ident``, ``job`` (rendered), ``timeout``."""
    STEP_OVER_BUDGET = "step.over_budget"
    """Still running past its budget: ``step``, ``budget``, ``elapsed``."""
    STEP_ENDED = "step.ended"
    """``step``, ``phase``, ``attempt``, ``outcome``, ``elapsed`` (seconds or null), ``attached``, ``unmet``."""
    STEP_WAITING = "step.waiting"
    """A person is needed: ``step``, ``kind``, ``question`` or ``instructions``, ``deadline``, ``customer``."""
    STEP_DOUBTED = "step.doubted"
    """Started, and nothing can be learnt of its end: ``step``, ``phase``, ``attempt``, ``why``."""
    STEP_SKIPPED = "step.skipped"
    """``step``, ``why``."""
    DECISION = "decision"
    """A person decided: ``verb``, ``step``, ``by``, ``account``, ``why``, ``accepted``, ``refused``, ``given_at``."""
    MILESTONE = "milestone"
    """``name``, ``at`` (the moment itself), ``source``, ``basis``."""
    CLOCK_JUMPED = "clock.jumped"
    """Wall clock and monotonic clock disagree: ``by`` (seconds the wall clock moved)."""
    BREACH = "breach"
    """A promise was knowingly not kept: ``kind``, ``detail``, ``by``."""
    WARNING = "warning"
    """``text``."""
    ROLLBACK_STARTED = "rollback.started"
    """``by``, ``why``, ``order`` (steps, first undone first), ``irreversible`` (step to reason)."""
    ROLLBACK_ENDED = "rollback.ended"
    """``ok``, ``why``, ``manual`` (what a person must do now)."""
    RUN_ENDED = "run.ended"
    """``status``, ``why``. Nothing is driven after this."""


@dataclass(frozen=True, slots=True)
class Event:
    """One fact of a run. ``seq`` counts from 1 without gaps."""

    run_id: str
    seq: int
    kind: EventKind
    at: datetime
    mono: float
    epoch: str
    body: Mapping[str, Any]

    def bare(self) -> Event:
        """Only when it was, without what it says: what is kept of ten thousand events must be little."""
        return replace(self, body=_NOTHING)


_NOTHING: Mapping[str, Any] = {}


def to_iso(moment: datetime) -> str:
    """UTC, ISO 8601, microseconds, ``Z``."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def from_iso(text: str) -> datetime:
    """The moment in ``text``; raises ValueError where it has no zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; write it like 2026-05-01T02:30:00+08:00")
    return moment.astimezone(UTC)
