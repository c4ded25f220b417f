"""Rollback: the undo steps in reverse order, one at a time, then the steady state is probed again.

Pure, like the conductor it belongs to. A rollback that does not bring health back is a failure, and says what a
person must do by hand.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.engine.moves import Ask, BeginRollback, EndRollback, EndRun, Move, Settle
from orchestrator.engine.phases import GRACE, Now, elapsed, look_for, start
from orchestrator.engine.state import ROLLBACK_CHECK, RunState
from orchestrator.model.job import Phase
from orchestrator.model.outcome import unknown
from orchestrator.model.transition import StepStatus

_TOUCHED = frozenset(
    {StepStatus.SUCCEEDED, StepStatus.FAILED, StepStatus.UNKNOWN, StepStatus.IN_DOUBT, StepStatus.RUNNING}
)


def begin(state: RunState, by: str, why: str) -> BeginRollback:
    """What is to be undone, the last begun first. Failed and doubtful steps count: they may have taken effect."""
    touched = [
        state.plan.by_id[name]
        for name in reversed(state.started_order)
        if state.steps[name].status in _TOUCHED and state.plan.by_id[name].changes
    ]
    return BeginRollback(
        by,
        why,
        tuple(step.id for step in touched if step.undo is not None),
        tuple((step.id, step.irreversible) for step in touched if step.undo is None and step.irreversible),
    )


def moves(state: RunState, now: Now) -> Iterator[Move]:
    """The next undo, then the checks, then the end."""
    assert state.rollback is not None
    for name in state.rollback.order:
        status = state.steps[name].status
        if status is StepStatus.UNDONE:
            continue
        if status is StepStatus.UNDO_FAILED:
            if state.rollback.ok is None:
                yield _failed(state, f"undoing {name} failed: {state.steps[name].error}")
        else:
            yield from _undo(state, name, now)
        return
    yield from _checks(state, now)


def _undo(state: RunState, name: str, now: Now) -> Iterator[Move]:
    planned, step = state.plan.by_id[name], state.steps[name]
    assert planned.undo is not None
    if step.ident is None:
        if planned.undo.kind == "manual" and step.phase is Phase.UNDO:
            if step.waiting is None or step.waiting.body.get("undo") is not True:
                yield Ask(name, undo=True)
        else:
            yield start(planned, step, step.phase)
    elif step.ident not in now.held:
        yield look_for(planned, step, step.ident, step.phase)
    elif step.phase is Phase.UNDO and elapsed(step, now) > planned.undo.timeout + GRACE:
        yield Settle(name, step.phase, step.attempt, unknown("the undo never answered"), step.ident)


def _checks(state: RunState, now: Now) -> Iterator[Move]:
    checks = [step for step in state.plan.steps if step.role == ROLLBACK_CHECK]
    for planned in checks:
        step = state.steps[planned.id]
        if step.status is StepStatus.READY:
            yield start(planned, step, Phase.ACTION)
        elif step.status is StepStatus.RUNNING and step.ident is not None and step.ident not in now.held:
            yield look_for(planned, step, step.ident, step.phase)
        elif step.status in (StepStatus.IN_DOUBT, StepStatus.UNKNOWN) and step.reruns == 0:
            yield start(planned, step, Phase.ACTION)
    if any(state.steps[step.id].status in (StepStatus.READY, StepStatus.RUNNING) for step in checks):
        return
    bad = [step.id for step in checks if state.steps[step.id].status is not StepStatus.SUCCEEDED]
    assert state.rollback is not None
    if bad:
        if state.rollback.ok is None:
            errors = "; ".join(f"{name}: {state.steps[name].error}" for name in bad)
            yield _failed(state, f"everything was undone, but the steady state is not back: {errors}")
    elif state.rollback.ok is None:
        yield EndRollback(
            True, "everything was undone" + ("" if checks else "; the runbook has no steady state to probe")
        )
    else:
        yield EndRun("rolled_back", state.rollback_asked.get("why", "") if state.rollback_asked else "")


def _failed(state: RunState, why: str) -> EndRollback:
    assert state.rollback is not None
    left = [name for name in state.rollback.order if state.steps[name].status is not StepStatus.UNDONE]
    manual = [f"{name}: {_by_hand(state, name)}" for name in left]
    manual.append("then bring the run on with retry or mark-done on the step, or end it with abort")
    return EndRollback(False, why, tuple(manual))


def _by_hand(state: RunState, name: str) -> str:
    undo = state.plan.by_id[name].undo
    assert undo is not None
    if undo.kind == "ansible":
        return f"undo by hand what playbook {undo.spec['playbook']} undoes on {undo.spec['limit']}"
    if undo.kind == "fabric":
        return f"run by hand on {undo.spec['host']}: {' '.join(undo.spec['argv'])}"
    if undo.kind == "manual":
        return str(undo.spec["instructions"].get("en", ""))
    return "undo it by hand"
