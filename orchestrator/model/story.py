"""What became of a run, step by step, read from its journal after the fact.

The engine's own state answers "what may happen next" and forgets the rest; this keeps everything that is later
measured or shown. It accepts any beginning of a journal and refuses nothing: a record must still be written of a
run whose journal is odd.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from orchestrator.model.actions import ASKS_PEOPLE
from orchestrator.model.event import Event, EventKind, from_iso
from orchestrator.model.job import Phase
from orchestrator.model.legible import legible
from orchestrator.model.outcome import Ending, Outcome
from orchestrator.model.plan import Plan, plan_from_body
from orchestrator.model.step_story import Idle, JobStory, StepStory, WaitStory
from orchestrator.model.transition import GOOD, STUCK, StepStatus

MAX_LOOKS = 3
"""How often a check that could not look is tried again (the engine's own number)."""

_UNDOING = (StepStatus.UNDOING, StepStatus.UNDO_FAILED)


class Story:
    """The whole run. Raises ValueError where ``events`` is empty or does not begin with run.created."""

    def __init__(self, events: Sequence[Event]) -> None:
        if not events or events[0].kind is not EventKind.RUN_CREATED:
            raise ValueError("a run's journal begins with run.created")
        events = [legible(event) for event in events]
        self.events: Sequence[Event] = events
        self.plan: Plan = plan_from_body(events[0].body["plan"])
        self.steps = {step.id: StepStory(step) for step in self.plan.steps}
        self.jobs: list[JobStory] = []
        self.waits: list[WaitStory] = []
        self.stops: list[Idle] = []
        self.of_kind: dict[EventKind, list[Event]] = {kind: [] for kind in EventKind}
        self.ended: Event | None = None
        self.released: Event | None = None
        self.stuck: set[str] = set()
        self._open_jobs: dict[str, JobStory] = {}
        self._open_waits: dict[str, WaitStory] = {}
        self._stop: Idle | None = None
        self._read(events)

    def _read(self, events: Sequence[Event]) -> None:
        for number, event in enumerate(events):
            self._end_stop(event, number)
            self.of_kind[event.kind].append(event)
            handler = _HANDLERS.get(event.kind)
            if handler is not None:
                handler(self, event)
            self._begin_stop(number)
        if self._stop is not None:
            self.stops.append(self._stop)

    @property
    def open_jobs(self) -> Sequence[JobStory]:
        """Jobs begun whose end is not known."""
        return tuple(self._open_jobs.values())

    @property
    def open_waits(self) -> Sequence[WaitStory]:
        """People still awaited."""
        return tuple(self._open_waits.values())

    @property
    def stopped(self) -> bool:
        """Whether it stands still until a person decides."""
        return self._stop is not None

    # -- where the run stands still ----------------------------------------------------------------------------

    def _may_retry(self, name: str) -> bool:
        step = self.steps[name]
        planned = step.planned
        repeatable = planned.repeatable and planned.kind not in ASKS_PEOPLE
        return step.status is StepStatus.FAILED and repeatable and step.attempts <= planned.retries

    def _begin_stop(self, number: int) -> None:
        still = self.stuck and not self._open_jobs and not self._open_waits and self.ended is None
        if still and self._stop is None and not any(self._may_retry(name) for name in self.stuck):
            self._stop = Idle(number, None, None)

    def _end_stop(self, event: Event, number: int) -> None:
        stop = self._stop
        if stop is None or event.kind not in _MOVES:
            return
        self._stop = None
        if event.kind is EventKind.DECISION:
            # Where nothing but the program's own next step ended it, nobody had been awaited.
            self.stops.append(Idle(stop.start, number, _given_at(event)))

    # -- handlers ----------------------------------------------------------------------------------------------

    def _status(self, step: StepStory, status: StepStatus, event: Event) -> None:
        step.status, step.ended = status, event
        if status is StepStatus.SUCCEEDED:
            step.error = step.mend = ""
        name = step.planned.id
        if status in STUCK:
            self.stuck.add(name)
        else:
            self.stuck.discard(name)

    def _named(self, event: Event) -> StepStory | None:
        return self.steps.get(str(event.body.get("step", "")))

    def _started(self, event: Event) -> None:
        step = self._named(event)
        if step is None:
            return
        name = step.planned.id
        phase = Phase(event.body["phase"])
        job = JobStory(name, phase, int(event.body.get("attempt", 1)), event)
        known = self._open_jobs.get(job.ident)
        if known is not None:
            self._close(known, event)
        step.jobs.append(job)
        self.jobs.append(job)
        self._open_jobs[job.ident] = job
        if phase is Phase.ACTION:
            if step.attempts == 0:
                step.out_of_order = tuple(
                    need for need in step.planned.needs if need in self.steps and self.steps[need].status not in GOOD
                )
            if step.in_doubt and step.settled != "retry":
                step.settled = "rerun"
            step.attempts = max(step.attempts, job.attempt)
            step.action, step.verified, step.worked, step.error, step.mend = job, 0, False, "", ""
            self._status(step, StepStatus.RUNNING, event)
        elif phase is Phase.VERIFY:
            # Work that is known to have ended well is only verified once more, not doubted.
            step.probing = step.status in (StepStatus.IN_DOUBT, StepStatus.UNKNOWN) and not step.worked
            self._status(step, StepStatus.RUNNING, event)
        else:
            if phase is Phase.UNDO:
                step.looks = 0
            self._status(step, StepStatus.UNDOING, event)

    def _close(self, job: JobStory, event: Event) -> None:
        job.ended = event
        self._open_jobs.pop(job.ident, None)

    def _ended_step(self, event: Event) -> None:
        step = self._named(event)
        if step is None:
            return
        phase, outcome = Phase(event.body["phase"]), Outcome.from_body(event.body["outcome"])
        job = next((j for j in reversed(step.jobs) if j.ended is None and j.phase is phase), None)
        if job is not None:
            self._close(job, event)
            job.outcome = outcome
        elif phase is Phase.ACTION and step.action is not None and step.action.attempt == event.body.get("attempt"):
            # It was lost once and has been found again: the later word counts.
            step.action.ended, step.action.outcome = event, outcome
        self._answer(step, event)
        good = outcome.ok and not event.body.get("unmet")
        if not good:
            unmet = "; ".join(event.body.get("unmet") or ())
            step.error, step.mend = outcome.error or unmet, outcome.mend
        if phase in (Phase.UNDO, Phase.UNDO_VERIFY):
            self._undo_ended(step, phase, outcome, event)
            return
        if event.body.get("attached"):
            step.settled = "attached"
        lost = StepStatus.FAILED if outcome.ending is Ending.FAILED or outcome.ok else StepStatus.UNKNOWN
        if phase is Phase.ACTION:
            step.verified, step.worked = 0, good
            if good and not step.planned.verify:
                self._status(step, StepStatus.SUCCEEDED, event)
            elif not good:
                self._status(step, lost, event)
            elif step.status not in (StepStatus.UNKNOWN, StepStatus.IN_DOUBT):
                # What was lost and found again stays what it was until its check has begun.
                self._status(step, StepStatus.RUNNING, event)
        elif good:
            step.verified += 1
            if step.verified >= len(step.planned.verify):
                if step.probing:
                    step.settled = "probe"
                self._status(step, StepStatus.SUCCEEDED, event)
        else:
            step.verified = 0
            self._status(step, StepStatus.IN_DOUBT if step.probing else lost, event)
            step.in_doubt = step.in_doubt or step.probing
            step.probing = False

    def _undo_ended(self, step: StepStory, phase: Phase, outcome: Outcome, event: Event) -> None:
        checks = len(step.planned.undo.verify) if step.planned.undo else 0
        step.verified = 0 if phase is Phase.UNDO else step.verified + 1
        # An undo of unknown end is left to its own check, where it has one.
        checked_later = phase is Phase.UNDO and checks > 0 and outcome.ending in (Ending.OK, Ending.UNKNOWN)
        # A check that could not look is tried again, a few times.
        step.looks = 0 if phase is Phase.UNDO else step.looks + (not outcome.ok)
        looks_again = phase is Phase.UNDO_VERIFY and outcome.ending is Ending.UNKNOWN and step.looks < MAX_LOOKS
        if not outcome.ok and not checked_later and not looks_again:
            self._status(step, StepStatus.UNDO_FAILED, event)
        elif outcome.ok and step.verified >= checks:
            self._status(step, StepStatus.UNDONE, event)

    def _answer(self, step: StepStory, event: Event) -> None:
        wait = self._open_waits.pop(step.planned.id, None)
        if wait is not None:
            wait.ended = event
            wait.answered = _given_at(event) or wait.answered

    def _waiting(self, event: Event) -> None:
        step = self._named(event)
        if step is None or step.planned.id in self._open_waits:
            return
        body = event.body
        wait = WaitStory(step.planned.id, str(body.get("kind", step.planned.kind)), bool(body.get("customer")), event)
        step.waits.append(wait)
        self.waits.append(wait)
        self._open_waits[wait.step] = wait
        if body.get("undo") or step.status in _UNDOING:
            self._status(step, StepStatus.UNDOING, event)
        else:
            step.attempts += 1
            self._status(step, StepStatus.WAITING, event)

    def _doubted(self, event: Event) -> None:
        step = self._named(event)
        if step is None:
            return
        for job in [j for j in step.jobs if j.ended is None]:
            self._close(job, event)
        step.doubts.append(event)
        step.in_doubt = True
        step.error = str(event.body.get("why", ""))
        undoing = step.status in _UNDOING
        self._status(step, StepStatus.UNDO_FAILED if undoing else StepStatus.IN_DOUBT, event)

    def _skipped(self, event: Event) -> None:
        step = self._named(event)
        if step is not None:
            step.skipped = str(event.body.get("why", ""))
            self._answer(step, event)
            self._status(step, StepStatus.SKIPPED, event)

    def _over_budget(self, event: Event) -> None:
        step = self._named(event)
        if step is not None:
            step.over_budget = event

    def _decided(self, event: Event) -> None:
        body = event.body
        step = self._named(event)
        verb = body.get("verb")
        if verb == "rollback" and body.get("accepted"):
            self.ended = None
        if step is None:
            return
        step.decisions.append(event)
        if not body.get("accepted"):
            return
        by = str(body.get("by", ""))
        wait = self._open_waits.get(step.planned.id)
        if wait is not None and verb == "approve":
            wait.answered = _given_at(event)
        elif verb == "retry":
            step.settled, step.settled_by = "retry", by
            step.undone_by_hand, step.looks = False, 0
            self._status(step, StepStatus.UNDOING if step.status in _UNDOING else StepStatus.READY, event)
        elif verb == "skip":
            step.skipped = str(body.get("why", ""))
            self._settle(step, StepStatus.SKIPPED, "skip", event)
        elif verb == "mark-done" and _checked_later(step):
            step.settled, step.settled_by, step.verified, step.worked = "mark-done", by, 0, True
            step.undone_by_hand = undoing = step.status in _UNDOING
            self._answer(step, event)
            self._status(step, StepStatus.UNDOING if undoing else StepStatus.RUNNING, event)
        elif verb == "mark-done" or (verb == "override" and self._enough(step, event)):
            done = StepStatus.UNDONE if step.status in _UNDOING else StepStatus.SUCCEEDED
            self._settle(step, done, str(verb), event)
        elif verb == "reject":
            self._settle(step, StepStatus.FAILED, "reject", event)
            step.error = str(body.get("why", ""))

    @staticmethod
    def _enough(step: StepStory, event: Event) -> bool:
        # An earlier attempt's overrides said nothing about this one.
        since = step.action.started.seq if step.action is not None else 0
        given = {
            other.body.get("by")
            for other in step.decisions
            if other.seq > since and other.body.get("verb") == "override" and other.body.get("accepted")
        }
        return len(given) >= int(event.body.get("needed", 1))

    def _settle(self, step: StepStory, status: StepStatus, how: str, event: Event) -> None:
        step.settled, step.settled_by = how, str(event.body.get("by", ""))
        self._answer(step, event)
        for job in [j for j in step.jobs if j.ended is None]:
            self._close(job, event)
        self._status(step, status, event)

    def _rollback(self, event: Event) -> None:
        self.ended = None
        for name in event.body.get("order", ()):
            step = self.steps.get(str(name))
            if step is not None:
                for job in [j for j in step.jobs if j.ended is None]:
                    self._close(job, event)
                self._answer(step, event)
                self._status(step, StepStatus.UNDOING, event)

    def _run_ended(self, event: Event) -> None:
        self.ended = event
        for job in self.open_jobs:
            self._close(job, event)
        for wait in self.open_waits:
            self._answer(self.steps[wait.step], event)

    def _claimed(self, _event: Event) -> None:
        self.released = None

    def _release(self, event: Event) -> None:
        self.released = event


def _checked_later(step: StepStory) -> bool:
    """Whether a person's own work, now said to be done, is still to be looked at."""
    if step.status is StepStatus.WAITING:
        return bool(step.planned.verify)
    undo = step.planned.undo
    by_hand = undo is not None and undo.kind == "manual" and bool(undo.verify)
    return by_hand and step.status is StepStatus.UNDOING and not step.undone_by_hand


def _given_at(event: Event) -> datetime | None:
    told: Any = event.body.get("given_at")
    if not isinstance(told, str):
        return None
    try:
        return from_iso(told)
    except ValueError:
        return None


_MOVES = frozenset(
    {
        EventKind.STEP_STARTED,
        EventKind.STEP_ENDED,
        EventKind.STEP_WAITING,
        EventKind.STEP_SKIPPED,
        EventKind.DECISION,
        EventKind.ROLLBACK_STARTED,
        EventKind.RUN_ENDED,
    }
)

_HANDLERS: dict[EventKind, Callable[[Story, Event], None]] = {
    EventKind.STEP_STARTED: Story._started,
    EventKind.STEP_ENDED: Story._ended_step,
    EventKind.STEP_WAITING: Story._waiting,
    EventKind.STEP_DOUBTED: Story._doubted,
    EventKind.STEP_SKIPPED: Story._skipped,
    EventKind.STEP_OVER_BUDGET: Story._over_budget,
    EventKind.DECISION: Story._decided,
    EventKind.ROLLBACK_STARTED: Story._rollback,
    EventKind.RUN_ENDED: Story._run_ended,
    EventKind.DRIVER_CLAIMED: Story._claimed,
    EventKind.DRIVER_RELEASED: Story._release,
}
