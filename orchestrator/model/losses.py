"""What was found lost, and where commits paused: the numbers of marker measurements, read from a run's story."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

from orchestrator.model.document import Document
from orchestrator.model.event import from_iso
from orchestrator.model.story import Story
from orchestrator.model.transition import StepStatus

NOTICED_S = 2.0
"""Seconds between two commits from which on it is an outage. For less a client waits, and his order succeeds."""
UNLISTED_S = 1.0
"""Seconds: a shorter pause between two commits is not listed one by one."""


class Pause(Document):
    """A time without a commit, between two that were acknowledged (wall clock)."""

    begun: str
    over: str


class Loss(Document):
    """What a marker measurement found. ``kind``: markers, or receipts (business transactions of a client).

    ``longest_pause_s``: the longest time between two commits, from the first to the last one written. ``pauses``: those
    of a second and more; None where they were not told, or not all of them.
    """

    step: str
    kind: Literal["markers", "receipts"]
    written: int | None
    survived: int | None
    lost_transactions: int
    lost_s: float
    longest_pause_s: float | None = None
    pauses: tuple[Pause, ...] | None = None
    first_written_at: str = ""
    last_written_at: str = ""
    last_survived_at: str = ""
    simulated: bool = False


def losses(story: Story) -> list[Loss]:
    """Every marker measurement that ended well and gave numbers, in order."""
    found = (_loss(step, kind, numbers, simulated) for step, kind, numbers, simulated in _measured(story))
    return [loss for loss in found if loss is not None]


def _measured(story: Story) -> Iterator[tuple[str, Literal["markers", "receipts"], Any, bool]]:
    """What each measurement that ended well said: step, kind, numbers, and whether it was simulated."""
    for step in story.steps.values():
        action = step.action
        if step.planned.kind != "marker" or "measure" not in step.planned.spec or action is None or not action.good:
            continue
        outcome = action.outcome
        if outcome is None or step.status is not StepStatus.SUCCEEDED:
            continue
        yield step.planned.id, "markers", outcome.output, outcome.simulated
        yield step.planned.id, "receipts", outcome.output.get("receipts"), outcome.simulated


def _loss(step: str, kind: Literal["markers", "receipts"], numbers: Any, simulated: bool) -> Loss | None:
    if not isinstance(numbers, Mapping):
        return None
    lost, lost_s = _count(numbers.get("lost_transactions")), _amount(numbers.get("lost_seconds"))
    if lost is None or (lost_s is None and lost > 0):
        return None
    return Loss(
        step=step,
        kind=kind,
        written=_count(numbers.get("written")),
        survived=_count(numbers.get("survived")),
        lost_transactions=lost,
        lost_s=lost_s or 0.0,
        longest_pause_s=_amount(numbers.get("longest_pause_s")),
        pauses=_pauses(numbers),
        first_written_at=str(numbers.get("first_written_at") or ""),
        last_written_at=str(numbers.get("last_written_at") or ""),
        last_survived_at=str(numbers.get("last_survived_at") or ""),
        simulated=simulated,
    )


def _pauses(numbers: Mapping[Any, Any]) -> tuple[Pause, ...] | None:
    told = numbers.get("pauses")
    if not isinstance(told, list) or numbers.get("earlier_pauses"):
        return None
    try:
        found = tuple(Pause(begun=str(one["from"]), over=str(one["to"])) for one in told)
        return found if all(length(pause) >= 0 for pause in found) else None
    except (KeyError, TypeError, ValueError):
        return None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _amount(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def pauses_within(loss: Loss, since: datetime, until: datetime) -> list[Pause]:
    """The pauses that reach into the time between two moments, in their order."""
    return [pause for pause in loss.pauses or () if from_iso(pause.over) > since and from_iso(pause.begun) < until]


def length(pause: Pause) -> float:
    return (from_iso(pause.over) - from_iso(pause.begun)).total_seconds()


def longest_pause(loss: Loss, since: datetime, until: datetime) -> float | None:
    """Seconds of the longest pause between two moments, or a bound above it; None where nothing is known of it."""
    if loss.pauses is None or loss.longest_pause_s is None:
        return loss.longest_pause_s
    listed = [length(pause) for pause in pauses_within(loss, since, until)]
    return round(max(listed), 6) if listed else min(loss.longest_pause_s, UNLISTED_S)


def unbounded(story: Story) -> int:
    """How many transactions a measurement found lost without finding since when; 0 where none did."""
    found = [_count(numbers["lost_transactions"]) or 0 for _, _, numbers, _ in _measured(story) if _blind(numbers)]
    return max(found, default=0)


def _blind(numbers: Any) -> bool:
    if not isinstance(numbers, Mapping):
        return False
    return _amount(numbers.get("lost_seconds")) is None and bool(_count(numbers.get("lost_transactions")))
