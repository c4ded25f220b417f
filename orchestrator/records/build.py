"""From a journal to a record. Nothing else goes in but when it is written and what vouches for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from orchestrator.model.command_line import command_line
from orchestrator.model.event import Event, EventKind, to_iso
from orchestrator.model.measurement import Measurement, measure_story
from orchestrator.model.record import (
    BreachRow,
    CommandRow,
    DataCheck,
    DecisionRow,
    Deviation,
    DrillPart,
    Evidence,
    Notice,
    Record,
    RollbackPart,
)
from orchestrator.model.remark import remark
from orchestrator.model.step_row import Output
from orchestrator.model.step_story import JobStory
from orchestrator.model.story import Story
from orchestrator.model.timeline import Timeline, seconds
from orchestrator.records.tasks import tasks, text_of


def build(
    events: Sequence[Event],
    *,
    generated_at: datetime | None = None,
    zone: str = "UTC",
    chain_head: str = "",
    signer: str = "",
) -> Record:
    """The record of a run, finished or not. Raises ValueError where ``events`` does not begin with run.created.

    ``zone`` is an IANA name or an offset like ``+08:00`` for the local times that are shown. ``chain_head`` is the
    hash of the last event, ``signer`` the fingerprint of the key that signed the closing.
    """
    story = Story(events)
    events = story.events
    line = Timeline(events)
    plan, created = story.plan, events[0].body
    measurement = measure_story(story)
    rollback = _rollback(story)
    return Record(
        generated_at=to_iso(generated_at) if generated_at else "",
        zone=zone,
        run_id=plan.run_id,
        runbook=plan.runbook,
        title=plan.title,
        purpose=plan.purpose,
        mode=plan.mode,
        fault_class=plan.fault_class,
        severity=plan.severity,
        system=plan.system,
        site=plan.site,
        by=str(created.get("by", "")),
        account=str(created.get("account", "")),
        host=str(created.get("host", "")),
        inputs=plan.inputs,
        locks=plan.locks,
        critical_path_s=plan.critical_path,
        critical_steps=plan.critical_steps,
        drill=_drill(plan.drill),
        to_do=tasks(story, measurement, rollback),
        measurement=measurement,
        decisions=tuple(_decision(event) for event in story.of_kind[EventKind.DECISION]),
        breaches=tuple(_breach(event) for event in story.of_kind[EventKind.BREACH]),
        warnings=tuple(
            Notice(seq=event.seq, at=to_iso(event.at), text=str(event.body.get("text", "")))
            for event in story.of_kind[EventKind.WARNING]
        ),
        deviations=tuple(_deviations(story, measurement, rollback)),
        rollback=rollback,
        data_checks=tuple(_looks(story)),
        commands=tuple(_command(job, line) for job in story.jobs),
        evidence=Evidence(
            events=len(events),
            first_at=to_iso(events[0].at),
            last_at=to_iso(events[-1].at),
            chain_head=chain_head,
            signer=signer,
            digest=plan.digest,
            digests=plan.digests,
            version=str(created.get("version", "")),
        ),
    )


def _drill(data: Mapping[str, Any] | None) -> DrillPart | None:
    if not data:
        return None
    return DrillPart(
        drill=str(data.get("drill", "")),
        title=text_of(data.get("title")),
        type=str(data.get("type", "")),
        scenario=text_of(data.get("scenario")),
        success=tuple(text_of(one) for one in data.get("success") or ()),
        participants=tuple(str(one) for one in data.get("participants") or ()),
        live_exercise_approved_by=tuple(str(one) for one in data.get("live_exercise_approved_by") or ()),
    )


def _decision(event: Event) -> DecisionRow:
    body = event.body
    return DecisionRow(
        seq=event.seq,
        given_at=str(body.get("given_at", "") or to_iso(event.at)),
        taken_at=to_iso(event.at),
        verb=str(body.get("verb", "")),
        step=str(body.get("step", "") or ""),
        by=str(body.get("by", "")),
        account=str(body.get("account", "")),
        why=str(body.get("why", "") or ""),
        accepted=bool(body.get("accepted")),
        refused=str(body.get("refused", "") or ""),
    )


def _breach(event: Event) -> BreachRow:
    body = event.body
    return BreachRow(
        seq=event.seq,
        at=to_iso(event.at),
        kind=str(body.get("kind", "")),
        detail=str(body.get("detail", "")),
        by=str(body.get("by", "") or ""),
    )


def _rollback(story: Story) -> RollbackPart | None:
    begun = story.of_kind[EventKind.ROLLBACK_STARTED]
    if not begun:
        return None
    body = begun[-1].body
    over = [event for event in story.of_kind[EventKind.ROLLBACK_ENDED] if event.seq > begun[-1].seq]
    end: Mapping[str, Any] = over[-1].body if over else {}
    return RollbackPart(
        by=str(body.get("by", "")),
        why=str(body.get("why", "")),
        started_at=to_iso(begun[-1].at),
        order=tuple(map(str, body.get("order") or ())),
        irreversible={str(step): str(why) for step, why in dict(body.get("irreversible") or {}).items()},
        ok=end.get("ok"),
        result=str(end.get("why", "")),
        manual=tuple(map(str, end.get("manual") or ())),
    )


def _deviations(story: Story, measurement: Measurement, rollback: RollbackPart | None) -> list[Deviation]:
    found = [Deviation(step=row.id, remark=one) for row in measurement.steps for one in row.deviations]
    if rollback is not None:
        found.append(Deviation(remark=remark("deviated_rollback", by=rollback.by, why=rollback.why)))
    for event in story.of_kind[EventKind.DECISION]:
        body = event.body
        if body.get("verb") == "abort" and body.get("accepted"):
            aborted = remark("deviated_abort", by=str(body.get("by", "")), why=str(body.get("why", "")))
            found.append(Deviation(remark=aborted))
    found += [Deviation(remark=one) for one in measurement.remarks if one.code in ("driver_changed", "clock_jumped")]
    return found


def _command(job: JobStory, line: Timeline) -> CommandRow:
    started, ended, outcome = job.started, job.ended, job.outcome
    shown = job.started.body.get("job") or {}
    kind, spec = str(shown.get("kind", "")), shown.get("spec") or {}
    own = ended.body.get("elapsed") if ended is not None else None
    elapsed, basis = None, ""
    if isinstance(own, int | float):
        elapsed, basis = float(own), "monotonic"
    elif ended is not None and outcome is not None:
        start, end = line.of(started), line.of(ended)
        elapsed, basis = seconds(end - start), str(line.basis(start, end))
    ref = outcome.ref if outcome is not None else None
    return CommandRow(
        seq=started.seq,
        step=job.step,
        phase=str(job.phase),
        attempt=job.attempt,
        ident=job.ident,
        kind=kind,
        line=command_line(kind, spec),
        job=shown,
        started_at=to_iso(started.at),
        ended_at=to_iso(ended.at) if ended is not None else "",
        elapsed_s=elapsed,
        basis=basis,
        ending=str(outcome.ending) if outcome is not None else "",
        error=outcome.error if outcome is not None else "",
        unmet=job.unmet,
        output_ref=Output(path=ref.path, sha256=ref.sha256, size=ref.size) if ref else None,
    )


_LOOKING = frozenset({"probe", "wait"})


def _looks(story: Story) -> list[DataCheck]:
    """Every look that came to an end, in the order they ended."""
    found: list[tuple[int, DataCheck]] = []
    for job in story.jobs:
        shown = job.started.body.get("job") or {}
        kind = str(shown.get("kind", ""))
        marker = kind == "marker" and "measure" in (shown.get("spec") or {})
        pause = kind == "wait" and "until" not in (shown.get("spec") or {})
        if job.ended is None or job.outcome is None or pause or not (kind in _LOOKING or marker):
            continue
        planned = story.steps[job.step].planned
        check = DataCheck(
            step=job.step,
            title=planned.title,
            phase=str(job.phase),
            looked=command_line(kind, shown.get("spec") or {}),
            at=to_iso(job.ended.at),
            good=job.good,
            answer=job.outcome.output,
            error=job.outcome.error or "; ".join(job.unmet),
        )
        found.append((job.ended.seq, check))
    return [check for _, check in sorted(found, key=lambda pair: pair[0])]
