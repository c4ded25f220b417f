"""What became of a run, step by step, read from its journal after the fact.

The engine's own state answers "what may happen next" and forgets the rest; this keeps everything that is later
measured or shown. It accepts any beginning of a journal and refuses nothing: a record must still be written of a
run whose journal is odd.
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.model.actions import ASKS_PEOPLE
from orchestrator.model.event import Event, EventKind
from orchestrator.model.legible import legible
from orchestrator.model.plan import COUNT, Plan, plan_from_body
from orchestrator.model.step_story import Idle, JobStory, StepStory, WaitStory, given_at
from orchestrator.model.story_fold import HANDLERS
from orchestrator.model.transition import STUCK, StepStatus

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
"""What can end a standstill."""


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
        self.jobs_open: dict[str, JobStory] = {}
        """Jobs begun whose end is not known, by ident."""
        self.waits_open: dict[str, WaitStory] = {}
        """People still awaited, by step."""
        self._stop: Idle | None = None
        self._read(events)

    def _read(self, events: Sequence[Event]) -> None:
        for number, event in enumerate(events):
            self._end_stop(event, number)
            self.of_kind[event.kind].append(event)
            handler = HANDLERS.get(event.kind)
            if handler is not None:
                handler(self, event)
            self._begin_stop(number)
        if self._stop is not None:
            self.stops.append(self._stop)

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
        still = self.stuck and not self.jobs_open and not self.waits_open and self.ended is None
        if still and self._stop is None and not any(self._may_retry(name) for name in self.stuck):
            self._stop = Idle(number, None, None)

    def _end_stop(self, event: Event, number: int) -> None:
        stop = self._stop
        if stop is None or event.kind not in _MOVES:
            return
        self._stop = None
        if event.kind is EventKind.DECISION:
            # Where nothing but the program's own next step ended it, nobody had been awaited.
            self.stops.append(Idle(stop.start, number, given_at(event)))

    # -- what the handlers of story_fold change it with --------------------------------------------------------

    def change(self, step: StepStory, status: StepStatus, event: Event) -> None:
        """Bring a step to a status; ``event`` is what brought it there."""
        step.status, step.ended = status, event
        if status is StepStatus.SUCCEEDED:
            step.error = step.mend = ""
        name = step.planned.id
        if status in STUCK and step.planned.role != COUNT:
            self.stuck.add(name)
        else:
            self.stuck.discard(name)

    @property
    def simulated(self) -> bool:
        """Whether anything at all was done or seen on a simulation."""
        jobs = (job for step in self.steps.values() for job in step.jobs)
        return any(job.outcome is not None and job.outcome.simulated for job in jobs)

    def named(self, event: Event) -> StepStory | None:
        """The step an event speaks of; None where the plan does not have it."""
        return self.steps.get(str(event.body.get("step", "")))

    def close(self, job: JobStory, event: Event) -> None:
        """A job has ended, or is given up."""
        job.ended = event
        self.jobs_open.pop(job.ident, None)

    def answer(self, step: StepStory, event: Event) -> None:
        """Nobody is awaited for the step any more."""
        wait = self.waits_open.pop(step.planned.id, None)
        if wait is not None:
            wait.ended = event
            wait.answered = given_at(event) or wait.answered
