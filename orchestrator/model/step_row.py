"""The step table: one row a step, with everything a reader asks of it, and the stretches a chart draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from orchestrator.model.document import Document, Milestone, Text
from orchestrator.model.event import Event, to_iso
from orchestrator.model.job import Phase
from orchestrator.model.outcome import Outcome
from orchestrator.model.remark import Remark, remark
from orchestrator.model.step_story import JobStory, StepStory
from orchestrator.model.story import Story
from orchestrator.model.timeline import Basis, Timeline, seconds
from orchestrator.model.transition import StepStatus


class Output(Document):
    """Where the complete, redacted output is kept, below the run's directory."""

    path: str
    sha256: str
    size: int


class Stretch(Document):
    """A part of a step on the run's axis (seconds). ``kind`` is a job's phase, or ``waiting`` for a person."""

    kind: Literal["action", "verify", "undo", "undo_verify", "steady", "waiting"]
    start_s: float
    end_s: float
    open: bool = False


class CheckRow(Document):
    """One verification as it went."""

    at: str
    good: bool
    error: str = ""
    unmet: tuple[str, ...] = ()
    output: Mapping[str, Any] = {}


class StepRow(Document):
    """One step. ``elapsed_s`` is time at work (jobs, or the person's), without the pauses between attempts;
    ``basis`` says which clock measured it. ``settled`` says how it ended where that was not its own job's end."""

    id: str
    title: Text
    kind: str
    role: str = ""
    status: StepStatus
    changes: bool
    marks: tuple[Milestone, ...] = ()
    started_at: str = ""
    ended_at: str = ""
    start_s: float | None = None
    end_s: float | None = None
    elapsed_s: float | None = None
    basis: Basis = "monotonic"
    budget_s: float | None = None
    over_budget_s: float | None = None
    timeout_s: float
    attempts: int = 0
    settled: Literal["", "attached", "probe", "rerun", "retry", "skip", "mark-done", "override", "reject"] = ""
    settled_by: str = ""
    doubts: tuple[str, ...] = ()
    left_out: str = ""
    changed: bool | None = None
    simulated: bool = False
    error: str = ""
    mend: str = ""
    output: Mapping[str, Any] = {}
    output_ref: Output | None = None
    unmet: tuple[str, ...] = ()
    checks: tuple[CheckRow, ...] = ()
    irreversible: str = ""
    stretches: tuple[Stretch, ...] = ()
    deviations: tuple[Remark, ...] = ()


def step_rows(story: Story, line: Timeline) -> tuple[StepRow, ...]:
    """All steps of the plan in its order; the checks after a rollback only where they were begun."""
    return tuple(
        _row(step, story, line) for step in story.steps.values() if step.planned.role != "rollback-check" or step.jobs
    )


def _row(step: StepStory, story: Story, line: Timeline) -> StepRow:
    planned = step.planned
    outcome = step.action.outcome if step.action is not None else None
    begins: list[Event] = [job.started for job in step.jobs] + [wait.started for wait in step.waits]
    first = min(begins, key=lambda event: event.seq, default=None)
    running = step.status in (StepStatus.RUNNING, StepStatus.WAITING, StepStatus.UNDOING, StepStatus.PENDING)
    last = None if running or first is None else step.ended
    elapsed, basis = _elapsed(step, line)
    over = elapsed - planned.budget if elapsed is not None and planned.budget is not None else None
    over = round(over, 6) if over is not None and over > 0 else None
    end = line.of(last) if last is not None else line.end
    return StepRow(
        id=planned.id,
        title=planned.title,
        kind=planned.kind,
        role=planned.role,
        status=step.status,
        changes=planned.changes,
        marks=planned.marks,
        started_at=to_iso(first.at) if first else "",
        ended_at=to_iso(last.at) if last else "",
        start_s=seconds(line.of(first)) if first else None,
        end_s=seconds(end) if first else None,
        elapsed_s=elapsed,
        basis=basis,
        budget_s=planned.budget,
        over_budget_s=over,
        timeout_s=planned.timeout,
        attempts=step.attempts,
        settled=step.settled,
        settled_by=step.settled_by,
        doubts=tuple(str(event.body.get("why", "")) for event in step.doubts),
        left_out=step.skipped,
        changed=_changed(step),
        simulated=any(job.outcome is not None and job.outcome.simulated for job in step.jobs),
        error=step.error,
        mend=step.mend,
        output=outcome.output if outcome else {},
        output_ref=_ref(outcome),
        unmet=step.action.unmet if step.action is not None else (),
        checks=tuple(_check(job) for job in step.jobs if job.phase in (Phase.VERIFY, Phase.UNDO_VERIFY) and job.ended),
        irreversible=planned.irreversible,
        stretches=_stretches(step, line),
        deviations=tuple(_deviations(step, story, elapsed, over)),
    )


def _elapsed(step: StepStory, line: Timeline) -> tuple[float | None, Basis]:
    """Time at work forwards (undoing is not part of the budget), up to now for what still runs. An executor's own
    monotonic measure is preferred."""
    total, basis = 0.0, "monotonic"
    jobs = [job for job in step.jobs if job.phase in (Phase.ACTION, Phase.VERIFY)]
    for job in jobs:
        start, end = line.of(job.started), line.of(job.ended) if job.ended else line.end
        own = job.ended.body.get("elapsed") if job.ended is not None else None
        if isinstance(own, int | float):
            total += float(own)
        else:
            total += seconds(end - start)
            basis = "wall" if line.basis(start, end) == "wall" else basis
    for wait in step.waits:
        start, end = line.of(wait.started), line.of(wait.ended) if wait.ended else line.end
        total += seconds(end - start)
        basis = "wall" if line.basis(start, end) == "wall" else basis
    worked = bool(jobs or step.waits)
    return (round(total, 6) if worked else None), "wall" if basis == "wall" else "monotonic"


def _changed(step: StepStory) -> bool | None:
    told = [job.outcome.changed for job in step.jobs if job.outcome is not None and job.outcome.changed is not None]
    return any(told) if told else None


def _ref(outcome: Outcome | None) -> Output | None:
    if outcome is None or outcome.ref is None:
        return None
    return Output(path=outcome.ref.path, sha256=outcome.ref.sha256, size=outcome.ref.size)


def _check(job: JobStory) -> CheckRow:
    ended, outcome = job.ended, job.outcome
    assert ended is not None
    return CheckRow(
        at=to_iso(ended.at),
        good=job.good,
        error=outcome.error if outcome else "",
        unmet=job.unmet,
        output=outcome.output if outcome else {},
    )


def _stretches(step: StepStory, line: Timeline) -> tuple[Stretch, ...]:
    found = [
        Stretch(
            kind=job.phase.value,
            start_s=seconds(line.of(job.started)),
            end_s=seconds(line.of(job.ended) if job.ended else line.end),
            open=job.ended is None,
        )
        for job in step.jobs
    ]
    found += [
        Stretch(
            kind="waiting",
            start_s=seconds(line.of(wait.started)),
            end_s=seconds(line.of(wait.ended) if wait.ended else line.end),
            open=wait.ended is None,
        )
        for wait in step.waits
    ]
    return tuple(sorted(found, key=lambda stretch: stretch.start_s))


def _deviations(step: StepStory, story: Story, elapsed: float | None, over: float | None) -> list[Remark]:
    """How the step went otherwise than planned."""
    planned = step.planned
    found: list[Remark] = []
    if step.out_of_order:
        found.append(remark("deviated_order", needs=", ".join(step.out_of_order)))
    by_person = False
    for event in step.decisions:
        body = event.body
        verb = str(body.get("verb", ""))
        by_person = by_person or verb == "retry"
        own_job = planned.kind == "manual" and verb == "mark-done"
        if body.get("accepted") and verb != "approve" and not own_job and f"deviated_{verb}" in _DECIDED:
            found.append(remark(f"deviated_{verb}", by=str(body.get("by", "")), why=str(body.get("why", ""))))
    found += [remark("deviated_doubt", why=str(event.body.get("why", ""))) for event in step.doubts]
    if step.attempts > 1 and not by_person:
        found.append(remark("deviated_auto_retry", attempts=step.attempts, retries=planned.retries))
    if over is not None:
        found.append(remark("deviated_budget", elapsed_s=elapsed, budget_s=planned.budget))
    if step.status in (StepStatus.FAILED, StepStatus.UNKNOWN, StepStatus.IN_DOUBT, StepStatus.UNDO_FAILED):
        found.append(remark("deviated_failed", status=str(step.status), error=step.error))
    if step.status is StepStatus.UNDONE:
        found.append(remark("deviated_undone"))
    never = step.status in (StepStatus.PENDING, StepStatus.READY) and not step.jobs
    if never and story.ended is not None:
        found.append(remark("deviated_never"))
    return found


_DECIDED = frozenset(f"deviated_{verb}" for verb in ("skip", "mark-done", "override", "reject", "retry"))
