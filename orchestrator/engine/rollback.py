"""Rollback: the undo steps in reverse order, one at a time, then the steady state is probed again.

Pure, like the conductor it belongs to. A rollback that does not bring health back is a failure, and says what a
person must do by hand.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.engine.moves import Ask, BeginRollback, EndRollback, EndRun, Move
from orchestrator.engine.phases import Now, look_for, start
from orchestrator.engine.second_looks import next_look
from orchestrator.engine.state import Rollback, RunState
from orchestrator.model.actions import ASKS_PEOPLE
from orchestrator.model.job import Phase
from orchestrator.model.transition import StepStatus


def begin(state: RunState, by: str, why: str) -> BeginRollback:
    """What is to be undone, the last begun first.

    Failed, doubtful and half-done steps count, and so do those that were left out after a try: they may have taken
    effect.
    """
    touched = [state.plan.by_id[name] for name in reversed(state.started_order)]
    touched = [step for step in touched if step.changes]
    return BeginRollback(
        by,
        why,
        tuple(step.id for step in touched if step.undo is not None),
        tuple((step.id, step.irreversible or "its runbook names no undo") for step in touched if step.undo is None),
    )


def moves(state: RunState, now: Now) -> Iterator[Move]:
    """The next undo, then the checks, then the end."""
    rollback = state.rollback
    assert rollback is not None
    name = rollback.current
    if name is None:
        yield from _checks(state, rollback, now)
    elif state.steps[name].status is not StepStatus.UNDO_FAILED:
        yield from _undo(state, name, now)
    elif rollback.ok is None:
        yield _failed(state, rollback, f"undoing {name} failed: {state.steps[name].error}")


def asks_people(state: RunState) -> bool:
    """Whether a person has been asked to undo the step it has come to."""
    name = state.rollback.current if state.rollback is not None else None
    return name is not None and state.steps[name].status is StepStatus.UNDOING and _asked(state, name)


def _asked(state: RunState, name: str) -> bool:
    step, undo = state.steps[name], state.plan.by_id[name].undo
    by_hand = undo is not None and undo.kind in ASKS_PEOPLE and step.phase is Phase.UNDO and step.ident is None
    return by_hand and step.waiting is not None and step.waiting.body.get("undo") is True


def _undo(state: RunState, name: str, now: Now) -> Iterator[Move]:
    planned, step = state.plan.by_id[name], state.steps[name]
    assert planned.undo is not None
    if step.ident is not None:
        if step.ident not in now.held:
            yield look_for(planned, step, step.ident, step.phase)
    elif planned.undo.kind not in ASKS_PEOPLE or step.phase is not Phase.UNDO:
        yield start(planned, step, step.phase)
    elif not _asked(state, name):
        yield Ask(name, undo=True)


def _checks(state: RunState, rollback: Rollback, now: Now) -> Iterator[Move]:
    going = False
    for name in state.rollback_checks:
        planned, step = state.plan.by_id[name], state.steps[name]
        if step.status is StepStatus.READY or next_look(planned, step) is not None:
            going = True
            yield start(planned, step, Phase.ACTION)
        elif step.status is StepStatus.RUNNING:
            going = True
            if step.ident is not None and step.ident not in now.held:
                yield look_for(planned, step, step.ident, step.phase)
    if going:
        return
    bad = [name for name in state.rollback_checks if state.steps[name].status is not StepStatus.SUCCEEDED]
    if not bad:
        yield EndRun("rolled_back", rollback.why) if rollback.ok else EndRollback(True, _done(state, rollback))
    elif rollback.ok is None:
        errors = "; ".join(f"{name}: {state.steps[name].error}" for name in bad)
        yield _failed(state, rollback, f"everything was undone, but the steady state is not back: {errors}")


def _done(state: RunState, rollback: Rollback) -> str:
    told = ["everything that can be undone was undone" if rollback.irreversible else "everything was undone"]
    told += [f"{name} stays as it is ({why})" for name, why in rollback.irreversible]
    if not state.rollback_checks:
        told.append("the runbook has no steady state to probe")
    return "; ".join(told)


def _failed(state: RunState, rollback: Rollback, why: str) -> EndRollback:
    left = tuple(name for name in rollback.order if state.steps[name].status is not StepStatus.UNDONE)
    manual = [f"{name} can not be undone: {reason}" for name, reason in rollback.irreversible]
    manual.append("then bring the run on with retry or mark-done on the step, or end it with abort")
    return EndRollback(False, why, left, tuple(manual))


def by_hand(name: str, kind: str, spec: Mapping[str, Any]) -> str:
    """What a person does instead of an undo; ``spec`` is its rendered document."""
    if kind == "ansible":
        return f"{name}: undo by hand what playbook {spec['playbook']} undoes on {spec['limit']}"
    if kind == "fabric":
        return f"{name}: run by hand on {spec['host']}: {shlex.join(map(str, spec['argv']))}"
    if kind == "manual":
        return f"{name}: {spec['instructions'].get('en', '')}"
    return f"{name}: undo it by hand"
