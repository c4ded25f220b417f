"""Where a run stands: the fold of its events. Nothing here is remembered anywhere else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from orchestrator.engine.fold import HANDLERS
from orchestrator.engine.second_looks import next_look
from orchestrator.engine.step_state import ROLLBACK_CHECK, Rollback, StepState
from orchestrator.errors import StoreCorrupt
from orchestrator.model.actions import ASKS_PEOPLE
from orchestrator.model.document import Milestone
from orchestrator.model.event import Event, EventKind
from orchestrator.model.plan import COUNT, Plan, PlannedStep, plan_from_body
from orchestrator.model.transition import BUSY, GOOD, STUCK, StepStatus, Trigger, move

__all__ = ["ROLLBACK_CHECK", "Rollback", "RunState", "StepState"]


class RunState:
    """Where a run stands. ``apply`` each event in order; each costs the same however long the run is.

    ``ready``, ``busy``, ``waiting`` and ``stuck`` are the names of the steps in those states, oldest first, so that
    nobody has to search through all steps. ``light`` are the ready ones that need no worker (left out, or for
    people), ``restless`` the stuck ones about which something can still be done without asking.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.run_id = plan.run_id
        self.starter = ""
        self.starter_account = ""
        self.created: Event | None = None
        self.epoch = ""
        self.released: Event | None = None
        self.last: Event | None = None
        self.steps: dict[str, StepState] = {step.id: StepState() for step in plan.steps}
        self.ready: dict[str, None] = {}
        self.light: dict[str, None] = {}
        self.busy: dict[str, None] = {}
        self.waiting: dict[str, None] = {}
        self.stuck: dict[str, None] = {}
        self.restless: dict[str, None] = {}
        self.open = 0
        """Steps that still must come to a good end before the run has succeeded."""
        self.started_order: dict[str, None] = {}
        """Steps that may have taken effect, in the order in which they were begun."""
        self.milestones: dict[Milestone, datetime] = {}
        self.breaches: list[Event] = []
        self.owed: dict[int, Mapping[str, Any]] = {}
        """Breaches that decisions meant and that are not in the journal yet: number of the decision's event to its
        body."""
        self.rto_breached = False
        self.clock_moved = 0.0
        """Seconds the wall clock has been moved under the run."""
        self.clock_moved_at_onset = 0.0
        self.abort: Mapping[str, Any] | None = None
        self.rollback_asked: Mapping[str, Any] | None = None
        self.rollback: Rollback | None = None
        self.rollback_checks = tuple(step.id for step in plan.steps if step.role == ROLLBACK_CHECK)
        self.counts = tuple(step.id for step in plan.steps if step.role == COUNT)
        self.ended = ""
        self.why = ""
        self.decisions_seen = 0
        self._missing = {step.id: len(step.needs) for step in plan.steps}
        for step in plan.steps:
            if step.role != ROLLBACK_CHECK:
                self.open += step.role != COUNT
                if not step.needs:
                    self.go(step.id, Trigger.READY)

    @classmethod
    def from_events(cls, events: Iterable[Event]) -> RunState:
        """The state after ``events``, the first of which must be run.created. Raises StoreCorrupt otherwise."""
        state: RunState | None = None
        for event in events:
            if state is None:
                if event.kind is not EventKind.RUN_CREATED:
                    raise StoreCorrupt(f"run {event.run_id} does not begin with {EventKind.RUN_CREATED}")
                state = cls(plan_from_body(event.body["plan"]))
            state.apply(event)
        if state is None:
            raise StoreCorrupt("a run without any event")
        return state

    @property
    def winding_down(self) -> bool:
        """Whether the run was aborted, or a rollback was asked for and has not begun: nothing new is begun."""
        return self.abort is not None or (self.rollback_asked is not None and self.rollback is None)

    @property
    def blocked(self) -> list[str]:
        """The stuck steps that keep the run from its end: all but those that only count what was lost."""
        return [name for name in self.stuck if name not in self.counts]

    def step(self, event: Event) -> tuple[PlannedStep, StepState]:
        """The planned step and the state an event speaks of."""
        name = event.body["step"]
        return self.plan.by_id[name], self.steps[name]

    def apply(self, event: Event) -> None:
        """Take one event in. Raises ForbiddenMove where the state table has no such move."""
        handler = HANDLERS.get(event.kind)
        if handler is not None:
            handler(self, event)
        name = event.body.get("step")
        if name in self.steps:
            self._mind_second_looks(name)
        self.last = event

    def go(self, name: str, trigger: Trigger) -> None:
        """Move one step along the state table, and every group and count with it. Raises ForbiddenMove."""
        state = self.steps[name]
        before, after = state.status, move(name, state.status, trigger)
        if before is after:
            return
        state.status = after
        for group, members in (
            (self.ready, (StepStatus.READY,)),
            (self.busy, BUSY),
            (self.waiting, (StepStatus.WAITING,)),
            (self.stuck, STUCK),
        ):
            if after in members:
                group[name] = None
            elif before in members:
                group.pop(name, None)
        if after is StepStatus.READY:
            planned = self.plan.by_id[name]
            if planned.skip or planned.kind in ASKS_PEOPLE:
                self.light[name] = None
        elif before is StepStatus.READY:
            self.light.pop(name, None)
        if after not in STUCK:
            self.restless.pop(name, None)
        if (after in GOOD) is not (before in GOOD):
            self._good_changed(name, good=after in GOOD)
        if after is StepStatus.UNDONE:
            self.check_when_all_undone()

    def reach(self, milestone: Milestone, moment: datetime, *, reported: bool = False) -> None:
        """Note a milestone; what was reported stands above what steps show, and what was first above the later."""
        if reported or milestone not in self.milestones:
            self.milestones[milestone] = moment
            if milestone is Milestone.ONSET:
                self.clock_moved_at_onset = self.clock_moved

    def check_when_all_undone(self) -> None:
        """Move on to the next step to undo; when there is none left, the steady state may be probed."""
        rollback = self.rollback
        if rollback is None:
            return
        while rollback.current is not None and self.steps[rollback.current].status is StepStatus.UNDONE:
            rollback.done += 1
        if rollback.current is None:
            for name in self.rollback_checks:
                if self.steps[name].status is StepStatus.PENDING:
                    self.go(name, Trigger.READY)

    def _good_changed(self, name: str, *, good: bool) -> None:
        change = -1 if good else 1
        if self.plan.by_id[name].role not in (ROLLBACK_CHECK, COUNT):
            self.open += change
        for after in self.plan.dependents[name]:
            self._missing[after] += change
            if self._missing[after] == 0 and self.steps[after].status is StepStatus.PENDING:
                self.go(after, Trigger.READY)

    def _mind_second_looks(self, name: str) -> None:
        if next_look(self.plan.by_id[name], self.steps[name]) is not None:
            self.restless[name] = None
        else:
            self.restless.pop(name, None)
