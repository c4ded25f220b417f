"""What the live view knows: the run's state at its last event, and what a clock adds to it. Draws nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import datetime

from orchestrator.cli.hints import Hint, hints
from orchestrator.cli.marks import MARKS, Mark
from orchestrator.cli.words import one_line
from orchestrator.engine.ports import Clock
from orchestrator.engine.state import ROLLBACK_CHECK, RunState, StepState
from orchestrator.model.document import Milestone
from orchestrator.model.event import Event, EventKind
from orchestrator.model.job import Phase
from orchestrator.model.plan import Plan, PlannedStep
from orchestrator.model.transition import GOOD, StepStatus
from orchestrator.plain import dataclass

AT_WORK = frozenset({StepStatus.RUNNING, StepStatus.UNDOING, StepStatus.WAITING})
NEEDS_EYES = AT_WORK | {StepStatus.FAILED, StepStatus.UNKNOWN, StepStatus.IN_DOUBT, StepStatus.UNDO_FAILED}
"""Steps that are shown whatever else there is no room for."""


@dataclass(frozen=True, slots=True)
class Row:
    """One step as it is shown. ``seconds`` is how long it has taken so far, None where it has not begun."""

    step: str
    title: str
    kind: str
    status: StepStatus
    seconds: float | None
    budget: float | None
    attempt: int
    note: str
    urgent: bool
    """The note is worth lines of its own."""

    @property
    def mark(self) -> Mark:
        """How its status looks."""
        return MARKS[self.status]


@dataclass(frozen=True, slots=True)
class Outage:
    """The clock that matters. ``since`` says what it counts from; ``seconds`` stands still once restored."""

    since: str
    """Empty where the fault is still to come: a step of this run makes it."""
    seconds: float
    limit: float | None
    restored: bool


@dataclass(frozen=True, slots=True)
class Spent:
    """Where the time went, in seconds; and the contract's clock, where there is one."""

    machine: float = 0.0
    people: float = 0.0
    decision: float = 0.0
    counted: float | None = None
    counted_limit: float | None = None
    counted_for: str = ""
    """What the contract's limit is for: the service restored, or the fault resolved."""
    left_out: float = 0.0
    """Waiting for the customer, which the contract does not count."""


def rows(state: RunState, moment: tuple[datetime, float], epoch: str) -> list[Row]:
    """Every step that can still be seen, in the order of the plan."""
    shown = []
    for planned in state.plan.steps:
        step = state.steps[planned.id]
        if planned.role == ROLLBACK_CHECK and step.status is StepStatus.PENDING:
            continue
        shown.append(row(state, planned, step, moment, epoch))
    return shown


def row(state: RunState, planned: PlannedStep, step: StepState, moment: tuple[datetime, float], epoch: str) -> Row:
    """One step as it is at ``moment`` (wall clock, monotonic clock of ``epoch``)."""
    note, urgent = _note(state, planned, step)
    return Row(
        planned.id, one_line(planned.title.en), planned.kind, step.status, _took(step, moment, epoch),
        planned.budget if step.phase in (Phase.ACTION, Phase.VERIFY) else None, step.attempt, note, urgent,
    )  # fmt: skip


def _took(step: StepState, moment: tuple[datetime, float], epoch: str) -> float | None:
    started = step.started
    if started is None:
        return None
    wall, mono = moment
    if step.status in AT_WORK:
        return max(mono - started.mono if started.epoch == epoch else (wall - started.at).total_seconds(), 0.0)
    if step.ended is None:
        return None
    return between(started, step.ended)


def between(first: Event, last: Event) -> float:
    """Seconds from one event to a later one: monotonic where one process wrote both."""
    if first.epoch == last.epoch:
        return max(last.mono - first.mono, 0.0)
    return max((last.at - first.at).total_seconds(), 0.0)


def _note(state: RunState, planned: PlannedStep, step: StepState) -> tuple[str, bool]:
    status = step.status
    if status in (StepStatus.PENDING, StepStatus.READY):
        if planned.skip:
            return f"will be left out: {one_line(planned.skip)}", False
        open_needs = [need for need in planned.needs if state.steps[need].status not in GOOD]
        return (f"after {', '.join(open_needs)}" if open_needs else ""), False
    if status in (StepStatus.FAILED, StepStatus.UNKNOWN, StepStatus.IN_DOUBT, StepStatus.UNDO_FAILED):
        return one_line(step.error), True
    if status is StepStatus.SKIPPED:
        return one_line(step.error or planned.skip), False
    if status is StepStatus.RUNNING:
        if step.over_budget:
            return "OVER BUDGET", False
        return (
            "checking what became of it" if step.probing else "checking"
        ) if step.phase is Phase.VERIFY else "", False
    if status is StepStatus.SUCCEEDED:
        if step.settled_by:
            by = "a look at the target" if step.settled_by == "probe" else step.settled_by
            return f"settled by {one_line(by)}", False
        return ("over budget" if step.over_budget else ""), False
    return "", False


class Board:
    """Watches a run. The driver's thread tells it events; the drawing thread asks what to show."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        self._events: list[Event] = []
        self._state: RunState | None = None
        self._spent = Spent()
        self._spent_until = 0.0
        self.warnings: list[str] = []

    def saw(self, event: Event, state: RunState) -> None:
        """An event was committed."""
        with self._lock:
            self._events.append(event)
            self._state = state

    def events(self) -> tuple[Event, ...]:
        """Everything seen so far."""
        with self._lock:
            return tuple(self._events)

    @property
    def plan(self) -> Plan | None:
        """The run's plan; None before its first event."""
        return self._state.plan if self._state is not None else None

    def rows(self) -> list[Row]:
        """Every step, as it is now."""
        state = self._state
        return rows(state, (self.clock.wall(), self.clock.mono()), state.epoch) if state is not None else []

    def hints(self) -> list[Hint]:
        """What waits for people, and the commands that free it."""
        # The driver may change the state meanwhile; what is seen half-changed is drawn right a moment later.
        state = self._state
        for _ in range(3):
            try:
                return hints(state) if state is not None else []
            except RuntimeError:
                continue
        return []

    def breaches(self) -> list[str]:
        """Promises knowingly not kept, in words."""
        state = self._state
        return [one_line(str(event.body["detail"])) for event in tuple(state.breaches)] if state is not None else []

    def outage(self) -> Outage | None:
        """The clock against the RTO."""
        state = self._state
        if state is None or state.created is None:
            return None
        onset = state.milestones.get(Milestone.ONSET)
        restored = state.milestones.get(Milestone.RESTORED)
        since = "onset" if onset is not None else "" if _still_to_come(state) else "the start of the run"
        start = onset if onset is not None else state.created.at
        end = restored if restored is not None else self._end(state)
        return Outage(since, (end - start).total_seconds(), state.plan.rto, restored is not None)

    def _end(self, state: RunState) -> datetime:
        return state.last.at if state.ended and state.last is not None else self.clock.wall()

    def spent(self) -> Spent:
        """Where the time went. Computed anew at most once a second, and seldom where that is costly."""
        begin = time.perf_counter()
        if begin < self._spent_until:
            return self._spent
        events = self.events()
        if events:
            self._spent = _spent(events, self.clock)
        self._spent_until = begin + max(0.5, 20 * (time.perf_counter() - begin))
        return self._spent


def _still_to_come(state: RunState) -> bool:
    making = [step for step in state.plan.steps if Milestone.ONSET in step.marks and not step.skip]
    return any(state.steps[step.id].status not in GOOD for step in making)


def _spent(events: Sequence[Event], clock: Clock) -> Spent:
    from orchestrator.model.accounts import Ledger
    from orchestrator.model.milestones import Milestones
    from orchestrator.model.story import Story
    from orchestrator.model.timeline import Timeline

    last = events[-1]
    if last.kind is not EventKind.RUN_ENDED:
        # A last event that says nothing lets what is still open be counted up to now.
        now = Event(last.run_id, last.seq + 1, EventKind.WARNING, clock.wall(), clock.mono(), last.epoch, {})
        events = (*events, now)
    story, line = Story(events), Timeline(events)
    ledger, moments = Ledger(story, line), Milestones(story, line)
    whole = ledger.accounts(0, line.end)
    onset, restored = moments.get(Milestone.ONSET), moments.get(Milestone.RESTORED)
    level = story.plan.service_level
    if onset is None or level is None or story.plan.severity is None:
        return Spent(whole.machine_s, whole.human_s, whole.decision_s)
    outage = ledger.accounts(onset, line.end if restored is None else restored)
    left_out = outage.customer_s if level.get("exclude_customer_approval", True) else 0.0
    target = level.get("targets", {}).get(str(story.plan.severity)) or {}
    counted_for = "restore" if target.get("restore") is not None else "resolve"
    return Spent(
        whole.machine_s, whole.human_s, whole.decision_s,
        counted=outage.elapsed_s - left_out, counted_limit=target.get(counted_for), counted_for=counted_for,
        left_out=left_out,
    )  # fmt: skip
