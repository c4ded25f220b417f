"""What was lost, counted: commits that were acknowledged against the numbers that survived. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from orchestrator.executors.marker_files import Acknowledged
from orchestrator.model.event import from_iso


def count(acknowledged: Sequence[Acknowledged], survivors: Collection[int]) -> dict[str, Any]:
    """Transactions and seconds lost, exactly.

    ``written`` is what was acknowledged; each of it either ``survived`` or is one of ``lost_transactions``.
    ``lost_seconds`` runs from the last surviving acknowledgement to the last lost one, both read from one clock, which
    ``clock`` names; 0 where nothing is lost, and null where nothing survived: the loss then began before all
    that is known. ``unacknowledged_survived``: commits nobody was told of, which is no loss. ``holes``: lost ones that
    are older than the newest survivor; a copy that is merely late has none.
    """
    there = set(survivors)
    # A number acknowledged twice (a client that asked again) is one transaction: the first answer counts.
    known = {entry.number: entry for entry in reversed(acknowledged)}
    kept = [entry for number, entry in sorted(known.items()) if number in there]
    lost = [entry for number, entry in sorted(known.items()) if number not in there]
    last, last_kept = _latest(list(known.values())), _latest(kept)
    result: dict[str, Any] = {
        "written": len(known),
        "survived": len(kept),
        "lost_transactions": len(lost),
        "lost_seconds": _seconds(last_kept, _latest(lost)) if lost else 0.0,
        "last_written_at": last.at if last else None,
        "last_survived_at": last_kept.at if last_kept else None,
        "unacknowledged_survived": len(there - known.keys()),
        "clock": _clock(list(known.values())),
    }
    holes = [entry for entry in lost if last_kept is not None and _time(entry) < _time(last_kept)]
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


def _clock(entries: Sequence[Acknowledged]) -> str:
    if entries and all(entry.mono is not None for entry in entries):
        return "the controller's monotonic clock, when it was told of each commit"
    return "the client's wall clock, when it was told of each commit"
