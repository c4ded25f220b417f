"""The list of runs. It reads one event a run, so that it is quick however long the runs were."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.cli.place import called
from orchestrator.cli.streams import say
from orchestrator.plain import dataclass

if TYPE_CHECKING:
    from orchestrator.journal.store import RunListing
    from orchestrator.wiring.app import Holdfast


@dataclass(frozen=True, slots=True)
class Line:
    """One run in the list."""

    run_id: str
    created: str
    runbook: str
    mode: str
    status: str
    detail: str


def show_list(program: Holdfast, limit: int, *, as_json: bool, unread: Sequence[str] = ()) -> int:
    """Print the newest runs; answers how many there are. ``unread``: what was said of journals that cannot be read."""
    listings = program.runs()
    lines = [_line(program, listing) for listing in listings[:limit]]
    if as_json:
        rows = [
            {"run_id": line.run_id, "created_at": line.created, "runbook": line.runbook, "mode": line.mode,
             "status": line.status, "detail": line.detail}
            for line in lines
        ]  # fmt: skip
        say(json.dumps({"runs": rows, "total": len(listings)}, ensure_ascii=False))
        return len(listings)
    if not lines:
        say("no runs in what can be read" if unread else "no runs yet; begin with: holdfast run NAME --mode drill")
        return 0
    _print(lines)
    if len(listings) > limit:
        say(f"and {len(listings) - limit} older; see them with --limit {len(listings)}")
    return len(listings)


def _print(lines: list[Line]) -> None:
    """Columns, without the cost of a table library: this is what somebody waits for at three in the morning."""
    head = Line("run", "started (UTC)", "runbook", "mode", "status", "")
    rows = [(line.run_id, line.created, line.runbook, line.mode, line.status, line.detail) for line in (head, *lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        say("  ".join([*cells, row[5]]).rstrip())


def _line(program: Holdfast, listing: RunListing) -> Line:
    status, detail = _status(program, listing)
    return Line(
        listing.run_id,
        f"{listing.created_at:%Y-%m-%d %H:%M:%S}",
        listing.runbook,
        listing.mode,
        status,
        detail,
    )


def _status(program: Holdfast, listing: RunListing) -> tuple[str, str]:
    if listing.last_kind == "run.ended":
        return _last(program, listing).get("status", "ended").replace("_", " "), ""
    driver = program.driver(listing.run_id)
    if driver is not None:
        return ("running" if driver.state == "running" else "driver stopped"), f"pid {driver.pid}"
    if listing.seq == 0:
        return "never began", ""
    if listing.last_kind == "driver.released":
        if _rollback_failed(program, listing):
            return "ROLLBACK FAILED", _words("status", listing.run_id)
        why = str(_last(program, listing).get("why", ""))
        told = {"stopped": "STOPPED", "waiting": "WAITING"}.get(why, "interrupted")
        return told, _words("status", listing.run_id)
    return "interrupted", _words("resume", listing.run_id)


def _rollback_failed(program: Holdfast, listing: RunListing) -> bool:
    """Whether a rollback's bad end is among the last words before the driver left."""
    records = program.memory.where(listing.run_id).records(listing.run_id, max(listing.seq - LAST_WORDS, 0))
    ends = [record for record in records if record.kind == "rollback.ended"]
    return bool(ends) and json.loads(ends[-1].body).get("ok") is False


LAST_WORDS = 4
"""Records at a run's end that are looked through."""


def _words(verb: str, run_id: str) -> str:
    return shlex.join([*called(), verb, run_id])


def _last(program: Holdfast, listing: RunListing) -> dict[str, str]:
    records = program.memory.where(listing.run_id).records(listing.run_id, listing.seq - 1)
    body: dict[str, str] = json.loads(records[-1].body) if records else {}
    return body
