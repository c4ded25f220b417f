"""Where one run stands: its steps, what holds it up, and the exact commands to go on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from orchestrator.cli.board import Board, rows
from orchestrator.cli.hints import hints
from orchestrator.cli.outcome import told
from orchestrator.cli.streams import console, say
from orchestrator.cli.words import one_line
from orchestrator.engine.state import RunState
from orchestrator.model.event import to_iso

if TYPE_CHECKING:
    from orchestrator.journal.driver_lock import Driver
    from orchestrator.wiring.app import Holdfast


FAILED = "THE ROLLBACK FAILED: act by hand, now"


def show_run(program: Holdfast, run_id: str, *, as_json: bool) -> None:
    """Print where the run stands."""
    from orchestrator.wiring.clock import SystemClock

    clock = SystemClock()
    board = Board(clock)
    events = program.events(run_id)
    state = RunState.from_events(events)
    for event in events:
        board.saw(event, state)
    driver = program.driver(run_id)
    # Another process's monotonic clock means nothing here: what runs is timed by the wall clock.
    now = (clock.wall(), clock.mono())
    if as_json:
        say(json.dumps(_body(state, driver, board), ensure_ascii=False))
        return
    from rich.console import Group
    from rich.text import Text

    from orchestrator.cli.draw import header, hint_lines, id_width, step_lines, wrapped

    width = console().size.width - 1
    shown = rows(state, now, epoch="")
    lines = header(state.plan, board.outage(), board.spent(), board.breaches(), width)
    lines.append(Text(f" {standing(state, driver)}", style="bold"))
    lines.extend(one for text in by_hand(state) for one in wrapped(text, width, indent=1, style="bold white on red"))
    lines.append(Text())
    name_width = id_width(shown, width)
    for row in shown:
        lines.extend(step_lines(row, width, name_width))
    found = hints(state, driven=driver is not None)
    if found:
        lines += [Text(), *hint_lines(found, width)]
    console().print(Group(*lines))


def by_hand(state: RunState) -> list[str]:
    """What a person must do now because the rollback failed; nothing where it did not."""
    if state.rollback is None or state.rollback.ok is not False:
        return []
    return [FAILED, *(one_line(text) for text in state.rollback.manual)]


def standing(state: RunState, driver: Driver | None) -> str:
    """In a few words: ended and how, driven by whom, or why nobody drives it."""
    if state.ended:
        return f"{state.ended.replace('_', ' ')}{f': {state.why}' if state.why else ''}"
    if driver is not None:
        what = "driven" if driver.state == "running" else "STOPPED DRIVER (SIGSTOP):"
        return f"{what} by process {driver.pid} on {driver.host} since {driver.since[:19]}Z"
    if state.released is not None:
        why = str(state.released.body.get("why", ""))
        told = {
            "stopped": "stopped: a decision is needed",
            "waiting": "waiting for a person",
        }.get(why, f"interrupted ({why})")
        return f"{told}, since {to_iso(state.released.at)[:19]}Z"
    last = to_iso(state.last.at)[:19] if state.last is not None else "?"
    return f"interrupted: its driver is gone; its last word was at {last}Z"


def _body(state: RunState, driver: Driver | None, board: Board) -> dict[str, object]:
    from orchestrator.model.measurement import measure

    measured = measure(board.events())
    now = (board.clock.wall(), board.clock.mono())
    return {
        "run_id": state.run_id,
        "runbook": state.plan.runbook,
        "mode": str(state.plan.mode),
        "status": measured.status,
        "standing": standing(state, driver),
        "driver": {"pid": driver.pid, "host": driver.host, "state": driver.state} if driver is not None else None,
        "rto": told(measured.rto),
        "rpo": told(measured.rpo),
        "steps": [
            {"step": row.step, "status": str(row.status), "seconds": row.seconds, "budget_s": row.budget,
             "attempt": row.attempt, "note": row.note}
            for row in rows(state, now, epoch="")
        ],
        "breaches": board.breaches(),
        "by_hand": by_hand(state),
        "next": [
            {"step": hint.step, "text": hint.text, "commands": list(hint.commands)}
            for hint in hints(state, driven=driver is not None)
        ],
    }  # fmt: skip
