"""Db2: the state of high availability disaster recovery (HADR), as ``db2pd`` prints it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from orchestrator.executors.parsers.reading import NotRead, lines_of, value_of

_PAIR = re.compile(r"\s*([A-Z][A-Z_,]*)(?:\(([a-z]+)\))? = (.*)\Z")
_EPOCH = re.compile(r"[0-9/]+ [0-9:.]+ \(([0-9]+)\)\Z")
_NAME = re.compile(r"-- Database (\S+) -- ")
_AWAY = re.compile(r"Database (\S+) not activated")


def db2pd_hadr(text: str) -> dict[str, Any]:
    """``db2pd -db NAME -hadr``: names in small letters with the unit behind them (``hadr_log_gap_bytes``).

    Times with an epoch in brackets become ISO 8601, UTC. ``replay_behind_s`` is how many seconds of the primary's log
    the standby has not replayed (null where a time is missing). A database that is not activated is
    ``{activated: false}``. Where a primary has several standbys, the first one's values stand at the top and all are
    in ``standbys``.
    """
    away = _AWAY.search(text)
    if away is not None:
        return {"activated": False, "database": away[1]}
    blocks: list[dict[str, Any]] = []
    for line in lines_of(text):
        pair = _PAIR.match(line)
        if pair is None:
            continue
        name = pair[1].lower().replace(",", "_") + (f"_{pair[2]}" if pair[2] else "")
        if name == "hadr_role":
            blocks.append({})
        if blocks:
            blocks[-1][name] = _value(pair[3].strip())
    if not blocks:
        raise NotRead("it says nothing about HADR; is HADR configured for this database?")
    for block in blocks:
        block["replay_behind_s"] = _behind(block)
    database = _NAME.search(text)
    return {
        **blocks[0],
        "activated": True,
        "database": database[1] if database else "",
        "standbys": blocks,
    }


def _value(text: str) -> Any:
    if text == "NULL":
        return None
    moment = _EPOCH.match(text)
    if moment is not None:
        return datetime.fromtimestamp(int(moment[1]), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value_of(text)


def _behind(block: dict[str, Any]) -> float | None:
    moments = []
    for name in ("primary_log_time", "standby_replay_log_time"):
        try:
            moments.append(datetime.fromisoformat(str(block.get(name))))
        except ValueError:
            return None
    return max(0.0, (moments[0] - moments[1]).total_seconds())
