"""What people give on the command line, read into values. All of it pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from orchestrator.errors import UsageError
from orchestrator.model.document import Milestone
from orchestrator.model.duration import parse_duration

_AGO = re.compile(r"^(?P<duration>[0-9][0-9a-z. ]*?) *ago$")
_CLOCK = re.compile(r"^(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?$")
_SLACK = timedelta(minutes=1)
"""How far in the future a moment may lie: clocks of two machines are never quite equal."""


def inputs(words: Sequence[str]) -> dict[str, str]:
    """``name=value`` words as a mapping. Raises UsageError naming every word that is none."""
    found: dict[str, str] = {}
    problems: list[str] = []
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not name.strip():
            # The word is not shown whole: a value without its name may be a secret.
            problems.append(f"{word[:12] + '...' if len(word) > 12 else word!r} is not name=value")
        elif name.strip() in found:
            problems.append(f"{name.strip()!r} is given twice")
        else:
            found[name.strip()] = value
    if problems:
        raise UsageError("; ".join(problems), mend="give each input as --input name=value")
    return found


def moment(text: str, now: datetime, what: str) -> datetime:
    """A moment in the past, in UTC.

    Takes ISO 8601 with a zone, ``5m ago``, ``now``, or the time of day on this machine's clock (``02:47``: the last
    time it was that late). ``now`` must carry the local zone. Raises UsageError.
    """
    found = _moment(text.strip(), now)
    if found is None:
        raise UsageError(
            f"--{what} {text!r} is not a moment",
            mend="write it like '5m ago', 02:47 (this machine's clock) or 2026-05-01T02:47:00+08:00",
        )
    if found > now + _SLACK:
        raise UsageError(f"--{what} {text!r} lies in the future", mend="check the date and the zone")
    return found.astimezone(UTC)


def _moment(text: str, now: datetime) -> datetime | None:
    if text == "now":
        return now
    try:
        if ago := _AGO.match(text):
            return now - timedelta(seconds=parse_duration(ago["duration"].replace(" ", "")))
        if clock := _CLOCK.match(text):
            return _time_of_day(int(clock["hour"]), int(clock["minute"]), int(clock["second"] or 0), now)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo is not None else None


def _time_of_day(hour: int, minute: int, second: int, now: datetime) -> datetime:
    today = now.replace(hour=hour, minute=minute, second=second, microsecond=0)
    return today if today <= now + _SLACK else today - timedelta(days=1)


def milestones(onset: str | None, detected: str | None, now: datetime) -> dict[Milestone, datetime]:
    """The moments a person told. Raises UsageError where they cannot be, or contradict each other."""
    found: dict[Milestone, datetime] = {}
    if onset is not None:
        found[Milestone.ONSET] = moment(onset, now, "onset")
    if detected is not None:
        found[Milestone.DETECTED] = moment(detected, now, "detected")
    if len(found) == 2 and found[Milestone.DETECTED] < found[Milestone.ONSET]:
        raise UsageError("the fault was detected before it began", mend="check --onset and --detected")
    return found
