"""A journal on a terminal: its events as lines, and those that are added meanwhile."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.cli.streams import say
from orchestrator.cli.watch import event_line
from orchestrator.cli.words import stamped
from orchestrator.model.event import Event, EventKind
from orchestrator.model.plan import Plan, plan_from_body

if TYPE_CHECKING:
    from orchestrator.wiring.app import Holdfast

LOOK = 0.3
"""Seconds between two looks."""


def show_events(events: Sequence[Event], *, as_json: bool) -> None:
    """Print the events of one run from its beginning."""
    plan = plan_from_body(events[0].body["plan"]) if events else None
    for event in events:
        _show(event, plan, as_json=as_json)


def _show(event: Event, plan: Plan | None, *, as_json: bool) -> None:
    if as_json:
        say(event_line(event))
    elif plan is not None:
        say(f"{event.seq:>5}  {stamped(event, plan)}")


def follow_run(program: Holdfast, run_id: str, seen: list[Event], *, as_json: bool) -> None:
    """Print what is added, until the run has ended. Ctrl-C ends it sooner; the run does not notice."""
    plan = plan_from_body(seen[0].body["plan"])
    last = seen[-1]
    while last.kind is not EventKind.RUN_ENDED:
        time.sleep(LOOK)
        program.memory.close()  # opened again at the next look: another process may have moved to another store
        for record in program.memory.where(run_id).records(run_id, last.seq):
            last = record.to_event()
            _show(last, plan, as_json=as_json)
