"""What was lost, counted: commits that were acknowledged against the numbers that survived. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from orchestrator.executors.marker_files import Acknowledged
from orchestrator.model.event import from_iso


def count(acknowledged: Sequence[Acknowledged], survivors: Collection[int]) -> dict[str, Any]:
    """Transactions and seconds lost, exactly.

    ``written`` is what was acknowledged; each of it either ``survived`` or is one of ``lost_transactions``.
    ``lost_seconds`` runs from the last survivor before all loss to the last lost one (a client goes on after the
    takeover: what it was told then says nothing of the loss), both read from one clock, which ``clock`` names; 0 where
    nothing is lost, and null where nothing survived from before: the loss then began before all that is known.
    ``last_survived_at`` is that survivor. ``unacknowledged_survived``: commits nobody was told of, which is no loss.
    ``holes``: survivors among the lost ones; a copy that is merely late has none. ``longest_pause_s``: the longest time
    between two that were acknowledged one after the other, null with fewer than two.
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


def _clock(entries: Sequence[Acknowledged]) -> str:
    if entries and all(entry.mono is not None for entry in entries):
        return "the controller's monotonic clock, when it was told of each commit"
    return "the client's wall clock, when it was told of each commit"
