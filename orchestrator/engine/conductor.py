"""The conductor: (plan, state) to moves. Pure: it looks at nothing else and changes nothing.

The order of its thoughts: what people asked for (abort, rollback) comes first; then what runs
(budgets, lost jobs); then what waits for people; then what may start; then whether the run is over.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice

from orchestrator.engine import rollback
from orchestrator.engine.moves import Ask, Breach, Cancel, EndRun, Move, OverBudget, Settle, Skip
from orchestrator.engine.phases import GRACE, Now, elapsed, look_for, start
from orchestrator.engine.state import ROLLBACK_CHECK, RunState, StepState
from orchestrator.model.actions import ASKS_PEOPLE, REACHES_BACK
from orchestrator.model.document import Milestone
from orchestrator.model.duration import format_duration
from orchestrator.model.job import Phase
from orchestrator.model.outcome import failed, ok, unknown
from orchestrator.model.plan import PlannedStep
from orchestrator.model.transition import StepStatus

MAX_RERUNS = 3
"""A repeatable step of unknown end is begun again by itself at most so often, then a person is asked."""


def next_moves(state: RunState, now: Now) -> list[Move]:
    """What to do now; empty when there is nothing but to wait."""
    if state.ended:
        return []
    if state.abort is not None or (state.rollback_asked is not None and state.rollback is None):
        return list(_winding_down(state, now))
    if state.rollback is not None:
        return list(rollback.moves(state, now))
    moves: list[Move] = []
    moves.extend(_watch(state, now))
    moves.extend(_people(state, now))
    moves.extend(_second_looks(state, now))
    moves.extend(_starts(state, now, room=now.parallel - len(now.held)))
    if not moves:
        moves.extend(_over(state, now))
    return moves


def _winding_down(state: RunState, now: Now) -> Iterator[Move]:
    waiting_for_jobs = False
    for name in state.busy:
        step = state.steps[name]
        if step.ident is None:
            continue
        waiting_for_jobs = True
        if step.ident not in now.held:
            yield look_for(state.plan.by_id[name], step, step.ident, step.phase)
        elif step.ident not in now.cancelled:
            yield Cancel(step.ident)
    if waiting_for_jobs:
        return
    if state.abort is not None:
        yield EndRun("aborted", f"{state.abort['by']}: {state.abort.get('why', '')}")
    elif state.rollback_asked is not None:
        yield rollback.begin(state, state.rollback_asked["by"], state.rollback_asked.get("why", ""))


def _watch(state: RunState, now: Now) -> Iterator[Move]:
    for name in state.busy:
        planned, step = state.plan.by_id[name], state.steps[name]
        if step.ident is None:
            yield start(planned, step, Phase.VERIFY)
            continue
        if step.ident not in now.held:
            yield look_for(planned, step, step.ident, step.phase)
            continue
        seconds = elapsed(step, now)
        if step.phase is Phase.ACTION and seconds > planned.timeout + GRACE:
            told = unknown(
                f"no answer {format_duration(GRACE)} after its timeout of {format_duration(planned.timeout)}"
            )
            yield Settle(name, step.phase, step.attempt, told, step.ident)
        if planned.budget is not None and not step.over_budget and seconds > planned.budget:
            yield OverBudget(name, planned.budget, seconds)
    onset = state.milestones.get(Milestone.ONSET)
    rto = state.plan.rto
    if (
        rto is not None
        and onset is not None
        and not state.rto_breached
        and Milestone.RESTORED not in state.milestones
    ):
        late = (now.wall - onset).total_seconds()
        if late > rto:
            yield Breach(
                "rto", f"not restored {format_duration(late)} after onset; the RTO is {format_duration(rto)}"
            )


def _people(state: RunState, now: Now) -> Iterator[Move]:
    for name in state.waiting:
        planned, step = state.plan.by_id[name], state.steps[name]
        if planned.kind != "approve":
            continue
        if len(step.approvals) >= planned.spec.get("count", 1):
            told = ok(approved_by=sorted(step.approvals))
            yield Settle(name, Phase.ACTION, step.attempt, told)
        elif (limit := deadline_of(planned, step)) is not None and now.wall >= limit:
            told = failed(
                f"not approved by the deadline ({format_duration(planned.spec['deadline'])})",
                mend="ask again with retry, or take the decision with override, by name and with a reason",
            )
            yield Settle(name, Phase.ACTION, step.attempt, told)


def deadline_of(planned: PlannedStep, step: StepState) -> datetime | None:
    """When a waiting approval expires, by the wall clock; None where it does not."""
    seconds = planned.spec.get("deadline")
    if seconds is None or step.waiting is None:
        return None
    return step.waiting.at + timedelta(seconds=seconds)


def _second_looks(state: RunState, now: Now) -> Iterator[Move]:
    """Failed, lost and doubtful steps that need no person yet: attach, then probe, then repeat what is repeatable."""
    for name in state.stuck:
        planned, step = state.plan.by_id[name], state.steps[name]
        if step.status is StepStatus.FAILED:
            if step.attempt <= planned.retries and planned.repeatable and retry_wait(planned, step, now) <= 0:
                yield start(planned, step, Phase.ACTION)
        elif step.status in (StepStatus.UNKNOWN, StepStatus.IN_DOUBT):
            yield from _doubtful(planned, step, now)


def retry_wait(planned: PlannedStep, step: StepState, now: Now) -> float:
    """Seconds until a failed step may be tried again."""
    if step.ended is None or step.ended.epoch != now.epoch:
        return 0.0
    return planned.retry_delay - (now.mono - step.ended.mono)


def _doubtful(planned: PlannedStep, step: StepState, now: Now) -> Iterator[Move]:
    if step.action_ident in now.held:
        return
    if step.status is StepStatus.UNKNOWN and not step.reached_back and planned.kind in REACHES_BACK:
        yield look_for(planned, step, step.action_ident, Phase.ACTION)
    elif (
        planned.verify
        and not step.probed
        and (planned.on_doubt == "probe" or (step.outcome and step.outcome.ok))
    ):
        yield start(planned, step, Phase.VERIFY)
    elif planned.repeatable and step.reruns < MAX_RERUNS:
        yield start(planned, step, Phase.ACTION)


def _starts(state: RunState, now: Now, room: int) -> Iterator[Move]:
    for name in islice(state.ready, max(room, 0)):
        planned, step = state.plan.by_id[name], state.steps[name]
        if planned.role == ROLLBACK_CHECK:
            continue
        if planned.skip:
            yield Skip(name, planned.skip)
        elif planned.kind in ASKS_PEOPLE:
            yield Ask(name)
        else:
            yield start(planned, step, Phase.ACTION)


def _over(state: RunState, now: Now) -> Iterator[Move]:
    if state.open == 0:
        yield EndRun("succeeded", "")
    elif (
        state.stuck and state.plan.on_failure == "rollback" and not (state.busy or state.waiting or now.held)
    ):
        if not any(
            retry_wait(state.plan.by_id[n], state.steps[n], now) > 0 and may_retry(state, n)
            for n in state.stuck
        ):
            reasons = "; ".join(
                f"{name}: {state.steps[name].error or state.steps[name].status}" for name in state.stuck
            )
            yield rollback.begin(state, "the runbook (on_failure: rollback)", reasons)


def may_retry(state: RunState, name: str) -> bool:
    """Whether a failed step has an automatic retry left."""
    planned, step = state.plan.by_id[name], state.steps[name]
    return step.status is StepStatus.FAILED and step.attempt <= planned.retries and planned.repeatable


def wake_in(state: RunState, now: Now, longest: float) -> float:
    """Seconds until the conductor should be asked again though nothing was reported; at most ``longest``."""
    soonest = longest
    for name in state.busy:
        planned, step = state.plan.by_id[name], state.steps[name]
        seconds = elapsed(step, now)
        if planned.budget is not None and not step.over_budget:
            soonest = min(soonest, planned.budget - seconds)
        soonest = min(soonest, planned.timeout + GRACE - seconds)
    for name in state.stuck:
        if may_retry(state, name):
            soonest = min(soonest, retry_wait(state.plan.by_id[name], state.steps[name], now))
    for name in state.waiting:
        limit = deadline_of(state.plan.by_id[name], state.steps[name])
        if limit is not None:
            soonest = min(soonest, (limit - now.wall).total_seconds())
    onset, rto = state.milestones.get(Milestone.ONSET), state.plan.rto
    if (
        rto is not None
        and onset is not None
        and not state.rto_breached
        and Milestone.RESTORED not in state.milestones
    ):
        soonest = min(soonest, rto - (now.wall - onset).total_seconds())
    # A moment past the deadline, so that "later than" holds when it is looked at.
    return max(soonest, 0.0) + 0.001
