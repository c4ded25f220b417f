"""What was lost, counted: commits that were acknowledged against the numbers that survived. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from orchestrator.executors.marker_files import Acknowledged
from orchestrator.model.event import from_iso

PAUSE_S = 1.0
"""Seconds between two commits from which on a pause is listed: half of what is taken for an outage."""
MOST_PAUSES = 50


def count(acknowledged: Sequence[Acknowledged], survivors: Collection[int]) -> dict[str, Any]:
    """Transactions and seconds lost, exactly.

    ``written`` is what was acknowledged; each of it either ``survived`` or is one of ``lost_transactions``.
    ``lost_seconds`` runs from the last survivor before all loss to the last lost one (a client goes on after the
    takeover: what it was told then says nothing of the loss), both read from one clock, which ``clock`` names; 0 where
    nothing is lost, and null where nothing survived from before: the loss then began before all that is known.
    ``last_survived_at`` is that survivor. ``unacknowledged_survived``: commits nobody was told of, which is no loss.
    ``holes``: survivors among the lost ones; a copy that is merely late has none. ``longest_pause_s``: the longest time
    between two that were acknowledged one after the other, null with fewer than two. ``pauses``: each such time of at
    least ``PAUSE_S`` seconds, as ``from`` and ``to`` (wall clock), in their order: the last ``MOST_PAUSES``,
    and in ``earlier_pauses`` the number of those before.
    """
    there = set(survivors)
    # A number acknowledged twice (a client that asked again) is one transaction: the first answer counts.
    known = {entry.number: entry for entry in reversed(acknowledged)}
    kept = [entry for number, entry in sorted(known.items()) if number in there]
    lost = [entry for number, entry in sorted(known.items()) if number not in there]
    last, first_lost, last_lost = _latest(list(known.values())), min(lost, key=_time, default=None), _latest(lost)
    before = [entry for entry in kept if first_lost is None or _time(entry) < _time(first_lost)]
    last_kept = _latest(before)
    result: dict[str, Any] = {
        "written": len(known),
        "survived": len(kept),
        "lost_transactions": len(lost),
        "lost_seconds": _seconds(last_kept, last_lost) if lost else 0.0,
        "first_written_at": min(known.values(), key=_time).at if known else None,
        "last_written_at": last.at if last else None,
        "last_survived_at": last_kept.at if last_kept else None,
        "unacknowledged_survived": len(there - known.keys()),
        "longest_pause_s": _longest_pause(list(known.values())),
        **_pauses(list(known.values())),
        "clock": _clock(list(known.values())),
    }
    holes = [e for e in kept if first_lost and last_lost and _time(first_lost) < _time(e) < _time(last_lost)]
    if holes:
        result["holes"] = len(holes)
    return result


def _time(entry: Acknowledged) -> float:
    return entry.mono if entry.mono is not None else _wall(entry).timestamp()


def _wall(entry: Acknowledged) -> datetime:
    return from_iso(entry.at)


def _latest(entries: Sequence[Acknowledged]) -> Acknowledged | None:
    return max(entries, key=lambda entry: (_time(entry), entry.number), default=None)


def _seconds(kept: Acknowledged | None, lost: Acknowledged | None) -> float | None:
    if kept is None or lost is None:
        return None
    return round(max(0.0, _time(lost) - _time(kept)), 6)


def _longest_pause(entries: Sequence[Acknowledged]) -> float | None:
    pauses = [later - earlier for earlier, later in pairwise(sorted(map(_time, entries)))]
    return round(max(pauses), 6) if pauses else None


def _pauses(entries: Sequence[Acknowledged]) -> dict[str, Any]:
    between = [pair for pair in pairwise(sorted(entries, key=_time)) if _time(pair[1]) - _time(pair[0]) >= PAUSE_S]
    told: dict[str, Any] = {"pauses": [{"from": one.at, "to": other.at} for one, other in between[-MOST_PAUSES:]]}
    return told | ({"earlier_pauses": len(between) - MOST_PAUSES} if len(between) > MOST_PAUSES else {})


def _clock(entries: Sequence[Acknowledged]) -> str:
    if entries and all(entry.mono is not None for entry in entries):
        return "the controller's monotonic clock, when it was told of each commit"
    return "the client's wall clock, when it was told of each commit"
