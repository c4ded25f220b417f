"""When things were so: the milestones of a recovery, each with where it is known from.

A milestone that a person or an alert reported (a ``milestone`` event) wins over what steps show; reported twice, the
last report counts. A step with ``marks`` gives its moment when it succeeded: the moment its executor observed
(named after the milestone, in its outcome or under ``milestones`` in its output, or ``held_at`` of its checks), else
the end of the step. Steps that were undone or left out give none; but what began did begin, and an onset stays.

A moment that a target told is used only where it lies within the step that brought it: the target's clock may be
off. An onset known by its step alone may lie anywhere in that step, and what a check saw may have come true as late
as the check ended; both are told with that uncertainty, so that no outage is called shorter than it may have been.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from orchestrator.model.document import Document, Milestone, Mode
from orchestrator.model.event import Event, EventKind, from_iso, to_iso
from orchestrator.model.job import Phase
from orchestrator.model.remark import Remark, remark
from orchestrator.model.step_story import JobStory, StepStory
from orchestrator.model.story import Story
from orchestrator.model.timeline import Timeline, seconds
from orchestrator.model.transition import StepStatus
from orchestrator.plain import dataclass

ORDER = tuple(Milestone)

How = Literal["reported", "observed", "step_start", "step_end", "decision", "run_start"]


class Moment(Document):
    """One milestone. ``at`` is wall clock (UTC); ``offset_s`` counts from the run's first event on the run's own axis.

    ``how``: reported by a person or an alert, observed by a step's executor, the start or end of a step, a decision,
    or the start of the run. ``earliest_s`` and ``latest_s`` are how much before and after ``at`` it may have been.
    """

    name: Milestone
    at: str
    offset_s: float
    how: How
    source: str
    basis: str
    seq: int
    step: str = ""
    earliest_s: float = 0.0
    latest_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Placed:
    """A moment with its exact position on the axis, and the lowest and highest it may lie."""

    moment: Moment
    position: int
    earliest: int
    latest: int


@dataclass(frozen=True, slots=True)
class _Seen:
    """What an executor saw, the event that tells it, and whether it is the milestone's own moment."""

    when: datetime
    event: Event
    exact: bool


class Milestones:
    """All milestones of a run, and remarks on what is odd about them."""

    def __init__(self, story: Story, line: Timeline) -> None:
        self._story, self._line = story, line
        self.remarks: list[Remark] = []
        self.placed: dict[Milestone, Placed] = {}
        for name in ORDER:
            found = self._reported(name) or self._marked(name)
            if found is not None:
                self.placed[name] = found
        for name, supplied in ((Milestone.DECLARED, self._run_start), (Milestone.FIRST_ACTION, self._first_action)):
            if name not in self.placed:
                found = supplied()
                if found is not None:
                    self.placed[name] = found

    def get(self, name: Milestone) -> int | None:
        """The position of a milestone; None where it is not known."""
        placed = self.placed.get(name)
        return placed.position if placed else None

    def in_order(self) -> list[Moment]:
        """The known milestones in the order a recovery has them."""
        return [self.placed[name].moment for name in ORDER if name in self.placed]

    def usable(self) -> list[Placed]:
        """Those that follow one another, from onset on; the others are remarked on and left out."""
        onset, restored = self.get(Milestone.ONSET), self.get(Milestone.RESTORED)
        found: list[Placed] = []
        for name in ORDER:
            placed = self.placed.get(name)
            if placed is None:
                continue
            before_restored = name not in (Milestone.RESTORED, Milestone.RESOLVED)
            if onset is not None and placed.position < onset:
                self.remarks.append(remark("before_onset", name=str(name)))
            elif found and placed.position < found[-1].position:
                self.remarks.append(remark("out_of_order", name=str(name), previous=str(found[-1].moment.name)))
            elif before_restored and restored is not None and (onset or 0) <= restored < placed.position:
                self.remarks.append(remark("after_restored", name=str(name)))
            else:
                found.append(placed)
        return found

    # -- where they are known from -----------------------------------------------------------------------------

    def _placed(
        self, name: Milestone, when: datetime, event: Event, how: How, *, source: str, step: str = "", basis: str = "",
        earliest: int | None = None, latest: int | None = None,
    ) -> Placed:  # fmt: skip
        own = when == event.at
        position = self._line.of(event) if own else self._line.place(when, event)
        lowest = position if earliest is None else min(earliest, position)
        highest = position if latest is None else max(latest, position)
        moment = Moment(
            name=name, at=to_iso(when), offset_s=seconds(position), how=how, source=source,
            basis=basis or ("monotonic" if own else "wall"), seq=event.seq, step=step,
            earliest_s=seconds(position - lowest), latest_s=seconds(highest - position),
        )  # fmt: skip
        return Placed(moment, position, lowest, highest)

    def _reported(self, name: Milestone) -> Placed | None:
        given: list[tuple[Event, datetime]] = []
        for event in self._story.of_kind[EventKind.MILESTONE]:
            if event.body.get("name") == name:
                when = self._read(name, event.body.get("at"))
                if when is not None:
                    given.append((event, when))
        if not given:
            return None
        if len({when for _, when in given}) > 1:
            self.remarks.append(remark("superseded", name=str(name), times=len(given)))
        event, when = given[-1]
        body = event.body
        return self._placed(
            name, when, event, "reported", source=str(body.get("source", "")), basis=str(body.get("basis", "")),
            step=str(body.get("step", "")),
        )  # fmt: skip

    def _read(self, name: Milestone, given: object) -> datetime | None:
        try:
            return from_iso(str(given))
        except ValueError:
            self.remarks.append(remark("unreadable", name=str(name), given=str(given)))
            return None

    def _marked(self, name: Milestone) -> Placed | None:
        marking = [step for step in self._story.steps.values() if name in step.planned.marks]
        marking = [step for step in marking if step.status is not StepStatus.SKIPPED]
        found: list[Placed] = []
        missing: list[str] = []
        for step in marking:
            if step.status is StepStatus.SUCCEEDED:
                found.append(self._of_step(name, step))
            elif name is Milestone.ONSET and step.action is not None and step.action.good:
                found.append(self._begun_by(step, step.action))
            else:
                missing.append(step.planned.id)
                if step.status in (StepStatus.UNDONE, StepStatus.UNDOING, StepStatus.UNDO_FAILED):
                    self.remarks.append(remark("withdrawn", name=str(name), step=step.planned.id))
        if not found:
            return None
        if name in (Milestone.RESTORED, Milestone.RESOLVED):
            # Several steps may each bring back a part: the service is back when the last one has.
            if missing:
                self.remarks.append(remark("not_all_marked", name=str(name), steps=", ".join(missing)))
                return None
            return max(found, key=lambda placed: placed.position)
        return min(found, key=lambda placed: placed.position)

    def _begun_by(self, step: StepStory, action: JobStory) -> Placed:
        """The onset that a step brought which was taken back later: when its action says, else when that ended."""
        name, source = Milestone.ONSET, f"step {step.planned.id}"
        ended = action.ended
        assert ended is not None  # it is known to have ended well
        earliest = self._line.of(action.started)
        told = _told(name, action)
        seen = self._own(name, step, action, told) if told is not None else None
        if seen is not None:
            return self._placed(name, seen.when, seen.event, "observed", source=source, step=step.planned.id)
        return self._placed(name, ended.at, ended, "step_end", source=source, step=step.planned.id, earliest=earliest)

    def _of_step(self, name: Milestone, step: StepStory) -> Placed:
        ended, source = step.ended, f"step {step.planned.id}"
        assert ended is not None  # it succeeded
        earliest: int | None = None
        if name is Milestone.ONSET and step.action is not None:
            earliest = self._line.of(step.action.started)
        if ended.kind is EventKind.DECISION:
            # A person who was awaited spoke before the driver took it up.
            spoken = next((wait.answered for wait in step.waits if wait.ended is ended), None)
            when = spoken or ended.at
            return self._placed(name, when, ended, "decision", source=source, step=step.planned.id, earliest=earliest)
        seen = self._seen(name, step)
        if seen is None:
            return self._placed(
                name, ended.at, ended, "step_end", source=source, step=step.planned.id, earliest=earliest
            )
        latest = None if seen.exact else self._line.of(seen.event)
        earliest = None if seen.exact else earliest
        return self._placed(
            name,
            seen.when,
            seen.event,
            "observed",
            source=source,
            step=step.planned.id,
            earliest=earliest,
            latest=latest,
        )

    def _seen(self, name: Milestone, step: StepStory) -> _Seen | None:
        jobs = _last_attempt(step)
        for job in reversed(jobs):
            told = _told(name, job)
            if told is not None:
                own = self._own(name, step, job, told)
                if own is not None:
                    return own
        checks = [job for job in jobs if job.phase is Phase.VERIFY] or jobs
        held: list[_Seen] = []
        for job in checks:
            assert job.outcome is not None and job.ended is not None
            when = self._read(name, job.outcome.milestones["held_at"]) if "held_at" in job.outcome.milestones else None
            if when is None:
                # One check that does not say when it held leaves the end of the step as the only safe moment.
                return None
            held.append(_Seen(when, job.ended, exact=False))
        return max(held, key=lambda seen: seen.when, default=None)

    def _own(self, name: Milestone, step: StepStory, job: JobStory, told: object) -> _Seen | None:
        when = self._read(name, told)
        if when is None or job.ended is None:
            return None
        position = self._line.place(when, job.ended)
        if when > job.ended.at or position < self._line.of(job.started):
            self.remarks.append(remark("outside_step", name=str(name), step=step.planned.id, given=to_iso(when)))
            return None
        return _Seen(when, job.ended, exact=True)

    def _run_start(self) -> Placed | None:
        if self._story.plan.mode not in (Mode.LIVE, Mode.DRILL):
            return None
        event = self._story.events[0]
        return self._placed(Milestone.DECLARED, event.at, event, "run_start", source=str(event.body.get("by", "")))

    def _first_action(self) -> Placed | None:
        onset = self.get(Milestone.ONSET)
        injecting = {name for name, step in self._story.steps.items() if Milestone.ONSET in step.planned.marks}
        begins: list[Event] = [job.started for job in self._story.jobs if job.phase is Phase.ACTION]
        begins += [wait.started for wait in self._story.waits if wait.kind == "manual"]
        for event in sorted(begins, key=lambda event: event.seq):
            step = self._story.steps[event.body["step"]]
            if step.planned.id in injecting or not step.planned.changes:
                continue
            if onset is None or self._line.of(event) >= onset:
                name, by = step.planned.id, Milestone.FIRST_ACTION
                return self._placed(by, event.at, event, "step_start", source=f"step {name}", step=name)
        return None


def _last_attempt(step: StepStory) -> Sequence[JobStory]:
    """The good jobs of the attempt that counts: its action and the checks after it."""
    jobs = [job for job in step.jobs if job.phase in (Phase.ACTION, Phase.VERIFY)]
    if step.action in jobs:
        jobs = jobs[jobs.index(step.action) :]
    # Where a lost action was settled by its checks, it has no outcome of its own.
    return [job for job in jobs if job.good]


def _told(name: Milestone, job: JobStory) -> object:
    """The milestone's own moment in a job's outcome: from its executor, else from the output of what it ran."""
    assert job.outcome is not None
    if str(name) in job.outcome.milestones:
        return job.outcome.milestones[str(name)]
    inner = job.outcome.output.get("milestones")
    return inner.get(str(name)) if isinstance(inner, Mapping) else None
