"""What a run measured, derived from its journal alone.

``measure`` takes any beginning of a journal: a run that still goes on, or died, is measured as far as it got.
T0 is the fault's onset, never the program's start. Nothing is assumed: what no event tells stays unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from orchestrator.model.accounts import Accounts, Ledger
from orchestrator.model.document import Document, Milestone, Mode
from orchestrator.model.event import Event, EventKind, to_iso
from orchestrator.model.job import Phase
from orchestrator.model.losses import Loss, losses
from orchestrator.model.milestones import Milestones, Moment, Placed
from orchestrator.model.objectives import Objective, Verdict, judge_rpo, judge_rto
from orchestrator.model.remark import Remark, remark
from orchestrator.model.severity_clock import ServiceClocks, service_clocks
from orchestrator.model.step_row import StepRow, step_rows
from orchestrator.model.story import Story
from orchestrator.model.timeline import Timeline, seconds
from orchestrator.model.verification import Verification, verify

_PART_BEFORE = {
    Milestone.DETECTED: "detect",
    Milestone.DECLARED: "declare",
    Milestone.FIRST_ACTION: "start",
    Milestone.RESTORED: "act",
    Milestone.RESOLVED: "resolve",
}
"""The part of a recovery that a milestone ends."""


class Interval(Document):
    """A part of the recovery, between two milestones that are known. Where one between them is not known, the
    interval carries the names of both parts. ``verify`` begins with the end of the last action before restoration
    (where an action still went on then, there is no such part).
    Intervals from onset to restoration add up to the outage."""

    parts: tuple[str, ...]
    start: str
    end: str
    start_s: float
    end_s: float
    elapsed_s: float
    basis: str


class Standstill(Document):
    """A stretch of the run's axis in which nothing went on: ``absent`` is between the last word of one driver process
    and the first of the next; ``stop`` is after a failure, until somebody decided."""

    kind: Literal["absent", "stop"]

    start_s: float
    end_s: float


class Measurement(Document):
    """Everything measured of one run. Times in seconds on the run's own axis (0 is the run's first event), moments
    in UTC. ``as_of`` is the last event: a run that still goes on is measured up to there.

    ``work_s`` is the time from the run's start to the service restored (else to the end of the record): what a
    restore drill without a fault takes.
    """

    run_id: str
    status: str
    why: str = ""
    running: bool
    started_at: str
    ended_at: str = ""
    as_of: str
    elapsed_s: float
    basis: str
    work_s: float
    milestones: tuple[Moment, ...]
    intervals: tuple[Interval, ...]
    run_accounts: Accounts
    outage_accounts: Accounts | None = None
    rto: Objective
    rpo: Objective
    resolve: Objective
    losses: tuple[Loss, ...]
    service: ServiceClocks
    steps: tuple[StepRow, ...]
    verification: Verification
    remarks: tuple[Remark, ...]
    drivers: int
    standstills: tuple[Standstill, ...] = ()
    clock_jumps_s: tuple[float, ...] = ()

    def milestone(self, name: Milestone) -> Moment | None:
        """The milestone of that name, where it is known."""
        return next((moment for moment in self.milestones if moment.name is name), None)

    def step(self, name: str) -> StepRow | None:
        """The row of a step; None where the plan has no such step."""
        return next((row for row in self.steps if row.id == name), None)


def build() -> None:
    """Have pydantic make now what it makes when the first of each is made: that takes as long as a step."""
    for model in (Moment, StepRow, Remark, Objective, ServiceClocks, Accounts, Verification, Measurement):
        model.model_rebuild()


def measure(events: Sequence[Event]) -> Measurement:
    """Measure a run. Raises ValueError where ``events`` does not begin with run.created."""
    return measure_story(Story(events))


def measure_story(story: Story) -> Measurement:
    """Measure a run whose journal has been read already."""
    events = story.events
    line = Timeline(events)
    ledger = Ledger(story, line)
    moments = Milestones(story, line)
    status = status_of(story)
    rows = step_rows(story, line)
    found = losses(story)
    rto, rpo = judge_rto(story, line, moments, status, found), judge_rpo(story, found)
    service = service_clocks(story, line, moments, ledger)
    resolve = _resolve(story, service)
    onset, restored = moments.get(Milestone.ONSET), moments.get(Milestone.RESTORED)
    outage = None
    if onset is not None and story.plan.mode in (Mode.DRILL, Mode.LIVE):
        outage = ledger.accounts(onset, line.end if restored is None else restored)
    intervals = _intervals(story, line, moments.usable())
    jumps = [float(event.body.get("by", 0)) for event in story.of_kind[EventKind.CLOCK_JUMPED]]
    accounts = ledger.accounts(0, line.end)
    remarks = list(moments.remarks)
    if len(line.gaps) > 0:
        remarks.append(remark("driver_changed", times=len(line.gaps), absent_s=accounts.absent_s))
    remarks += [remark("clock_jumped", by_s=jump) for jump in jumps]
    if rto.achieved_s is not None and rto.basis == "wall":
        remarks.append(remark("measured_by_wall"))
    return Measurement(
        run_id=story.plan.run_id,
        status=status,
        why=str(story.ended.body.get("why", "")) if story.ended else "",
        running=story.ended is None,
        started_at=to_iso(events[0].at),
        ended_at=to_iso(story.ended.at) if story.ended else "",
        as_of=to_iso(events[-1].at),
        elapsed_s=seconds(line.end),
        basis=line.basis(0, line.end),
        work_s=seconds(max(0, line.end if restored is None else restored)),
        milestones=tuple(moments.in_order()),
        intervals=intervals,
        run_accounts=accounts,
        outage_accounts=outage,
        rto=rto,
        rpo=rpo,
        resolve=resolve,
        losses=tuple(found),
        service=service,
        steps=rows,
        verification=verify(story, rows, (rto, rpo, resolve), status),
        remarks=tuple(remarks),
        drivers=len({event.epoch for event in events}),
        standstills=tuple(
            Standstill(kind=kind, start_s=seconds(start), end_s=seconds(end))
            for kind, stretches in (("absent", ledger.stretches["absent"]), ("stop", ledger.stops))
            for start, end in stretches
        ),
        clock_jumps_s=tuple(jumps),
    )


def status_of(story: Story) -> str:
    """The status that ended the run; before that: stopped (a decision is needed), waiting (for a person),
    interrupted (nobody drives it) or running (as far as the journal tells)."""
    if story.ended is not None:
        return str(story.ended.body.get("status", "ended"))
    if story.stopped:
        return "stopped"
    if story.waits_open and not story.jobs_open:
        return "waiting"
    return "interrupted" if story.released is not None else "running"


def _resolve(story: Story, service: ServiceClocks) -> Objective:
    """The contract's target for the fault being repaired: its own clock, its own verdict."""
    clock = service.clock("resolve")
    if clock is None:
        reason = service.reason or remark("no_targets", severity=story.plan.severity)
        return Objective(name="resolve", target_s=None, verdict=Verdict.NOT_APPLICABLE, reason=reason)
    reached = clock.counted_s if clock.stopped_at else None
    return Objective(
        name="resolve",
        target_s=clock.limit_s,
        achieved_s=reached,
        worst_s=reached,
        basis="counted",
        verdict=clock.verdict,
        reason=clock.reason,
        running=clock.running,
    )


def _intervals(story: Story, line: Timeline, chain: list[Placed]) -> tuple[Interval, ...]:
    found: list[Interval] = []
    for before, after in pairwise(chain):
        names = list(Milestone)
        first, last = names.index(before.moment.name), names.index(after.moment.name)
        parts = tuple(_PART_BEFORE[name] for name in names[first + 1 : last + 1])
        start, end = before.position, after.position
        ends: list[tuple[tuple[str, ...], str, int, str, int]] = []
        cut = _last_action(story, line, start, end) if after.moment.name is Milestone.RESTORED else None
        if cut is None:
            ends.append((parts, before.moment.name, start, after.moment.name, end))
        else:
            ends.append((parts, before.moment.name, start, "last_action_ended", cut))
            ends.append((("verify",), "last_action_ended", cut, after.moment.name, end))
        found += [
            Interval(
                parts=named,
                start=str(begin),
                end=str(finish),
                start_s=seconds(low),
                end_s=seconds(high),
                elapsed_s=seconds(high - low),
                basis=line.basis(low, high),
            )
            for named, begin, low, finish, high in ends
        ]
    return tuple(found)


def _last_action(story: Story, line: Timeline, start: int, end: int) -> int | None:
    """When the last changing work before restoration ended; None where there was none, or it still went on then."""
    work = [
        (line.of(job.started), line.of(job.ended) if job.ended is not None else line.end)
        for job in story.jobs
        if job.phase is Phase.ACTION and story.steps[job.step].planned.changes
    ]
    work += [
        (line.of(wait.started), line.of(wait.ended) if wait.ended is not None else line.end)
        for wait in story.waits
        if wait.kind == "manual"
    ]
    last = max((ended for began, ended in work if began < end and ended >= start), default=None)
    return last if last is not None and last <= end else None
