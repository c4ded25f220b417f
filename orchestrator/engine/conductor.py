"""The conductor: (plan, state) to moves. Pure: it looks at nothing else and changes nothing.

The order of its thoughts: what must be told (promises broken, jobs that never answered); what people asked for
(abort, rollback); then what runs; then what waits for people; then what may start; then whether the run is over.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from orchestrator.engine import rollback
from orchestrator.engine.counts import before_the_end
from orchestrator.engine.moves import Ask, Breach, Cancel, EndRun, Move, OverBudget, Settle, Skip
from orchestrator.engine.phases import GRACE, Now, elapsed, look_for, start
from orchestrator.engine.second_looks import Look, next_look
from orchestrator.engine.state import ROLLBACK_CHECK, RunState, StepState
from orchestrator.model.document import Milestone, Mode
from orchestrator.model.duration import format_duration
from orchestrator.model.job import Phase
from orchestrator.model.outcome import failed, ok, unknown
from orchestrator.model.plan import PlannedStep
from orchestrator.model.transition import StepStatus


def next_moves(state: RunState, now: Now) -> list[Move]:
    """What to do now; empty when there is nothing but to wait."""
    if state.owed:
        return list(owed(state))
    if state.ended:
        return []
    moves = _next(state, now)
    if moves and isinstance(end := moves[-1], EndRun):
        return [*moves[:-1], *before_the_end(state, now, end)]
    return moves


def _next(state: RunState, now: Now) -> list[Move]:
    told = [*_given_up(now), *_late(state, now)]
    if told:
        return told
    if state.winding_down:
        return list(_winding_down(state, now))
    if state.rollback is not None:
        return list(rollback.moves(state, now))
    return _forward(state, now)


def _forward(state: RunState, now: Now) -> list[Move]:
    moves: list[Move] = [*_running(state, now), *_people(state, now)]
    room = max(now.parallel - len(state.busy), 0)
    again, room = _second_looks(state, now, room)
    moves.extend(again)
    moves.extend(_starts(state, room))
    return moves or list(_over(state, now))


# -- what must be told -------------------------------------------------------------------------------------------


def owed(state: RunState) -> list[Breach]:
    """The breaches that decisions meant and that are not in the journal yet."""
    return [Breach(body["breach"], body.get("detail", ""), body["by"], seq) for seq, body in state.owed.items()]


def _given_up(now: Now) -> Iterator[Move]:
    for ident, held in now.held.items():
        if now.mono > held.until:
            job = held.job
            asked = "being told to stop" if ident in now.cancelled else f"its timeout of {format_duration(job.timeout)}"
            told = unknown(f"no answer {format_duration(GRACE)} after {asked}")
            yield Settle(job.step, job.phase, job.attempt, told, ident)


def _late(state: RunState, now: Now) -> Iterator[Move]:
    for planned, step in _budgeted(state, now):
        assert planned.budget is not None
        seconds = elapsed(step, now)
        if seconds > planned.budget:
            yield OverBudget(planned.id, planned.budget, seconds)
    left = _until_rto(state, now)
    if left is not None and left < 0:
        assert state.plan.rto is not None
        late = format_duration(state.plan.rto - left)
        yield Breach("rto", f"not restored {late} after onset; the RTO is {format_duration(state.plan.rto)}")


def _budgeted(state: RunState, now: Now) -> Iterator[tuple[PlannedStep, StepState]]:
    """The steps at work whose budget is still kept. Steps for people have budgets too; undoing has none."""
    if state.rollback is not None:
        return
    for name in {held.job.step: None for held in now.held.values()} | state.waiting:
        planned, step = state.plan.by_id[name], state.steps[name]
        if planned.budget is not None and not step.over_budget:
            yield planned, step


def _until_rto(state: RunState, now: Now) -> float | None:
    """Seconds until the RTO is passed; None where there is none to pass (any more)."""
    onset = state.milestones.get(Milestone.ONSET)
    if onset is None or state.plan.rto is None or state.plan.mode not in (Mode.DRILL, Mode.LIVE):
        return None
    if state.rto_breached or Milestone.RESTORED in state.milestones:
        return None
    passed = (now.wall - onset).total_seconds() - (state.clock_moved - state.clock_moved_at_onset)
    return state.plan.rto - passed


# -- what people asked for -----------------------------------------------------------------------------------------


def _winding_down(state: RunState, now: Now) -> Iterator[Move]:
    lost = False
    for name in state.busy:
        step = state.steps[name]
        if step.ident is not None and step.ident not in now.held:
            lost = True
            yield look_for(state.plan.by_id[name], step, step.ident, step.phase)
    # A count changes nothing, and is not cut short: the run is measured however it ends.
    held = [ident for ident, one in now.held.items() if one.job.step not in state.counts]
    for ident in held:
        if ident not in now.cancelled:
            yield Cancel(ident)
    if lost or held:
        return
    if state.abort is not None:
        yield EndRun("aborted", f"{state.abort['by']}: {state.abort.get('why', '')}")
    elif state.rollback_asked is not None:
        yield rollback.begin(state, state.rollback_asked["by"], state.rollback_asked.get("why", ""))


# -- what runs -----------------------------------------------------------------------------------------------------


def _running(state: RunState, now: Now) -> Iterator[Move]:
    for name in state.busy:
        planned, step = state.plan.by_id[name], state.steps[name]
        if step.ident is None:
            yield start(planned, step, Phase.VERIFY)
        elif step.ident not in now.held:
            yield look_for(planned, step, step.ident, step.phase)


def _people(state: RunState, now: Now) -> Iterator[Move]:
    for name in state.waiting:
        planned, step = state.plan.by_id[name], state.steps[name]
        if planned.kind != "approve":
            continue
        deadline = planned.spec.get("deadline")
        if len(step.approvals) >= planned.spec.get("count", 1):
            told = ok(approved_by=sorted(step.approvals))
            yield Settle(name, Phase.ACTION, step.attempt, told)
        elif deadline is not None and elapsed(step, now) >= deadline:
            told = failed(
                f"not approved by the deadline ({format_duration(deadline)})",
                mend="ask again with retry, or take the decision with override, by name and with a reason",
            )
            yield Settle(name, Phase.ACTION, step.attempt, told)


def deadline_of(planned: PlannedStep, step: StepState) -> datetime | None:
    """When a waiting approval expires, as the wall clock stood when it was asked; None where it does not."""
    seconds = planned.spec.get("deadline")
    if seconds is None or step.waiting is None:
        return None
    return step.waiting.at + timedelta(seconds=seconds)


def _second_looks(state: RunState, now: Now, room: int) -> tuple[list[Move], int]:
    """What is done about stuck steps without asking, and the room that is left."""
    moves: list[Move] = []
    for name in state.restless:
        planned, step = state.plan.by_id[name], state.steps[name]
        look = next_look(planned, step)
        if look is Look.FIND:
            if step.action_ident not in now.held and step.action_ident not in now.given_up:
                moves.append(look_for(planned, step, step.action_ident, Phase.ACTION))
        elif room > 0 and (look is not Look.RETRY or retry_wait(planned, step, now) <= 0):
            room -= 1
            moves.append(start(planned, step, Phase.VERIFY if look is Look.PROBE else Phase.ACTION))
    return moves, room


def retry_wait(planned: PlannedStep, step: StepState, now: Now) -> float:
    """Seconds until a failed step may be tried again."""
    if step.ended is None or step.ended.epoch != now.epoch:
        return 0.0
    return planned.retry_delay - (now.mono - step.ended.mono)


def may_retry(state: RunState, name: str) -> bool:
    """Whether a failed step has an automatic retry left."""
    return next_look(state.plan.by_id[name], state.steps[name]) is Look.RETRY


def _starts(state: RunState, room: int) -> Iterator[Move]:
    # What needs no worker is never kept waiting by what does.
    for name in state.light:
        planned = state.plan.by_id[name]
        yield Skip(name, planned.skip) if planned.skip else Ask(name)
    for name in state.ready:
        if room <= 0:
            return
        if name not in state.light:
            room -= 1
            yield start(state.plan.by_id[name], state.steps[name], Phase.ACTION)


# -- whether it is over, and how long to wait ----------------------------------------------------------------------


def _over(state: RunState, now: Now) -> Iterator[Move]:
    if state.open == 0:
        yield EndRun("succeeded", "")
        return
    if not state.blocked or state.plan.on_failure != "rollback" or state.waiting or _next_retry(state, now) is not None:
        return
    if now.held and waits_in_vain(state, now):
        told = failed("let go: the run is rolled back, and nothing waits for it any more")
        for ident, held in now.held.items():
            yield Settle(held.job.step, held.job.phase, held.job.attempt, told, ident)
    elif not (state.busy or now.held):
        reasons = "; ".join(f"{name}: {state.steps[name].error or state.steps[name].status}" for name in state.blocked)
        yield rollback.begin(state, "the runbook (on_failure: rollback)", reasons)


def _next_retry(state: RunState, now: Now) -> float | None:
    """Seconds until the next automatic retry; None where none is left."""
    waits = [
        retry_wait(state.plan.by_id[name], state.steps[name], now) for name in state.restless if may_retry(state, name)
    ]
    return min(waits, default=None)


def awaited(state: RunState, now: Now) -> str:
    """What a run with no moves and no jobs waits for: ``time``, ``people``, or (empty) a decision on a stuck step."""
    if state.rollback is not None:
        return "people" if rollback.asks_people(state) else ""
    if _next_retry(state, now) is not None:
        return "time"
    return "people" if state.waiting else ""


def waits_in_vain(state: RunState, now: Now) -> bool:
    """Whether all that is at work are waits whose end would let nothing go on: what is left needs a stuck step.

    A person is then told at once, and not when the last wait has run out.
    """
    if not state.blocked or state.waiting or state.winding_down or state.rollback is not None:
        return False
    if any(state.plan.by_id[held.job.step].kind != "wait" for held in now.held.values()):
        return False
    todo = state.blocked
    barred = {*todo, *state.counts}
    while todo:
        for name in state.plan.dependents[todo.pop()]:
            if name not in barred:
                barred.add(name)
                todo.append(name)
    return all(
        step.status not in (StepStatus.PENDING, StepStatus.READY)
        or name in barred
        or state.plan.by_id[name].role == ROLLBACK_CHECK
        for name, step in state.steps.items()
    )


def wake_in(state: RunState, now: Now, longest: float) -> float:
    """Seconds until the conductor should be asked again though nothing was reported; at most ``longest``."""
    moments = [longest, *(held.until - now.mono for held in now.held.values())]
    for planned, step in _budgeted(state, now):
        assert planned.budget is not None
        moments.append(planned.budget - elapsed(step, now))
    left = _until_rto(state, now)
    if left is not None:
        moments.append(left)
    if not state.winding_down and state.rollback is None:
        if len(state.busy) < now.parallel and (wait := _next_retry(state, now)) is not None:
            moments.append(wait)
        for name in state.waiting:
            deadline = state.plan.by_id[name].spec.get("deadline")
            if deadline is not None:
                moments.append(deadline - elapsed(state.steps[name], now))
    # A moment past the deadline, so that "later than" holds when it is looked at.
    return max(min(moments), 0.0) + 0.001
