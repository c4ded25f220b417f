"""What a person has to do now: it stands first in the record of a run that stopped, waits or went wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from orchestrator.model.document import Text
from orchestrator.model.event import to_iso
from orchestrator.model.measurement import Measurement
from orchestrator.model.plan import COUNT
from orchestrator.model.record import RollbackPart, Task
from orchestrator.model.remark import remark
from orchestrator.model.step_row import StepRow
from orchestrator.model.step_story import WaitStory
from orchestrator.model.story import Story
from orchestrator.model.transition import STUCK, StepStatus


def tasks(story: Story, measurement: Measurement, rollback: RollbackPart | None) -> tuple[Task, ...]:
    """The tasks, most urgent first; none for a run that ended well."""
    return tuple(_tasks(story, measurement, rollback))


def text_of(value: Any) -> Text:
    """A text kept as data: a plain string, or ``{en, zh}``."""
    if isinstance(value, Mapping):
        return Text(en=str(value.get("en", "")), zh=str(value.get("zh", "") or ""))
    return Text(en=str(value or ""))


def _tasks(story: Story, measurement: Measurement, rollback: RollbackPart | None) -> Iterator[Task]:
    if rollback is not None and rollback.ok is False:
        yield Task(remark=remark("do_rollback_failed"), details=(rollback.result, *rollback.manual))
    for row in measurement.steps:
        if row.status in STUCK:
            details = tuple(text for text in (row.error, row.mend) if text)
            if row.role == COUNT and story.ended is not None:
                said = remark("do_count", step=row.id)
            elif story.ended is None:
                said = remark("do_decide", step=row.id, status=str(row.status), verbs=_verbs(row))
            else:
                said = remark("do_look", step=row.id, status=str(row.status))
            yield Task(remark=said, step=row.id, details=details)
    for row in measurement.steps:
        if row.status is StepStatus.UNDONE and row.error:
            details = (row.mend,) if row.mend else ()
            yield Task(remark=remark("do_taken_back", step=row.id, error=row.error), step=row.id, details=details)
    for wait in story.waits_open.values():
        yield _answer(wait)
    for step, why in rollback.irreversible.items() if rollback is not None else ():
        yield Task(remark=remark("do_irreversible", step=step, why=why), step=step)
    for row in measurement.steps:
        if row.settled == "override" and row.role == "fence":
            yield Task(remark=remark("do_override_review", step=row.id), step=row.id)
    if measurement.status == "interrupted":
        yield Task(remark=remark("do_resume", run=measurement.run_id))


def _verbs(row: StepRow) -> str:
    """What the step takes now; a safeguard is overridden by name and with a reason, never skipped."""
    if row.status is StepStatus.UNDO_FAILED:
        return "retry, mark-done, abort"
    if row.role == "fence" or row.kind == "approve":
        return "retry, override, rollback, abort"
    return "retry, skip, mark-done, rollback, abort"


def _answer(wait: WaitStory) -> Task:
    body = wait.started.body
    by_hand = wait.kind == "manual"
    said = body.get("instructions" if by_hand else "question")
    notes = []
    if body.get("of"):
        notes.append(remark("do_who", people=", ".join(map(str, body["of"])), count=int(body.get("count", 1))))
    if isinstance(body.get("deadline"), int | float):
        notes.append(remark("do_by", at=to_iso(wait.started.at + timedelta(seconds=body["deadline"]))))
    return Task(
        remark=remark("do_by_hand" if by_hand else "do_answer", step=wait.step),
        step=wait.step,
        texts=(text_of(said),) if said else (),
        notes=tuple(notes),
    )
