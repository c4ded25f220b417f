"""Giving a decision to a run, and telling what became of it."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING, NoReturn

from orchestrator.cli import place
from orchestrator.cli.place import called
from orchestrator.cli.streams import say

if TYPE_CHECKING:
    from orchestrator.model.event import Event
    from orchestrator.wiring.app import Decided, Holdfast

PATIENCE = 5.0
"""Seconds that the driver is given to take the decision up."""
_LOOK = 0.1


def decide(run: str, verb: str, step: str = "", *, by: str | None, why: str = "", resume: bool = False) -> None:
    """Give the decision; with ``resume`` drive the run on, where nothing drives it.

    Raises Refused where the run will not take it, UsageError where run or step do not exist.
    """
    program = place.app(by)
    run_id = program.find(run)
    seen = _refuse_early(program, run_id, verb, step, why)
    decided = program.decide(run_id, verb, step, by=program.settings.by, why=why)
    what = f"{verb} {step}".strip()
    if decided.driver is None and resume:
        _drive_on(program, run_id)
    if decided.driver is None:
        say(f"{what}: noted for run {run_id}, by {program.settings.by}. Nothing drives this run; go on with:")
        say(f"  {shlex.join([*called(), 'resume', run_id])}")
        return
    if decided.driver.state == "stopped":
        say(f"{what}: noted, but the driving process {decided.driver.pid} is stopped; let it go on with:")
        say(f"  kill -CONT {decided.driver.pid}")
        return
    event = _answer(program, decided, seen)
    if event is None:
        say(f"{what}: noted; process {decided.driver.pid} drives the run and has not taken it up yet.")
        say(f"  {shlex.join([*called(), 'status', run_id])}")
        return
    _tell(event, what, run_id)


def _drive_on(program: Holdfast, run_id: str) -> NoReturn:
    import typer

    from orchestrator.cli.drive import drive

    result = drive(program, lambda asked: program.resume(run_id, asked), run_id=run_id, wait=True, as_json=False)
    raise typer.Exit(result.code)


def _refuse_early(program: Holdfast, run_id: str, verb: str, step: str, why: str) -> int:
    """Where nothing drives the run, nothing but this decision can change it: what would be refused is refused now.

    Answers the last event's number.
    """
    from orchestrator.engine.decisions import judge
    from orchestrator.engine.ports import Decision
    from orchestrator.errors import Refused, UsageError
    from orchestrator.wiring.clock import SystemClock

    state = program.state(run_id)
    if step and step not in state.steps:
        raise UsageError(f"run {run_id} has no step {step!r}", mend=_known(step, list(state.steps)))
    waiting = program.memory.where(run_id).decisions(run_id, state.decisions_seen)
    if program.driver(run_id) is None and not waiting:
        settings = program.settings
        asked = Decision(0, verb, step, settings.by, settings.account, why, SystemClock().wall())
        verdict = judge(state, asked)
        if not verdict.accepted:
            raise Refused(verdict.refused)
    return state.last.seq if state.last is not None else 0


def _known(step: str, names: list[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(step, names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"it has: {', '.join(names[:30])}"


def _answer(program: Holdfast, decided: Decided, seen: int) -> Event | None:
    """The event with which the driver answers; None where it has not in time."""
    until = time.monotonic() + PATIENCE
    while True:
        for record in program.memory.where(decided.run_id).records(decided.run_id, seen):
            seen = record.seq
            event = record.to_event()
            if event.kind == "decision" and event.body.get("number") == decided.number:
                return event
        if time.monotonic() > until or program.driver(decided.run_id) is None:
            return None
        time.sleep(_LOOK)


def _tell(event: Event, what: str, run_id: str) -> None:
    from orchestrator.errors import Refused

    body = event.body
    if not body.get("accepted"):
        raise Refused(f"{what}: {body.get('refused', '')}")
    say(f"{what}: taken by run {run_id}, by {body.get('by')}")
