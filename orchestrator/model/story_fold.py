"""What each kind of event adds to a run's story: one function a kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from orchestrator.model.event import Event, EventKind
from orchestrator.model.job import Phase
from orchestrator.model.outcome import Ending, Outcome
from orchestrator.model.plan import COUNT
from orchestrator.model.step_story import JobStory, StepStory, WaitStory, given_at
from orchestrator.model.transition import GOOD, StepStatus

if TYPE_CHECKING:
    from orchestrator.model.story import Story

MAX_LOOKS = 3
"""How often a check that could not look is tried again (the engine's own number)."""

_UNDOING = (StepStatus.UNDOING, StepStatus.UNDO_FAILED)


def _started(story: Story, event: Event) -> None:
    step = story.named(event)
    if step is None:
        return
    name = step.planned.id
    phase = Phase(event.body["phase"])
    job = JobStory(name, phase, int(event.body.get("attempt", 1)), event)
    known = story.jobs_open.get(job.ident)
    if known is not None:
        story.close(known, event)
    step.jobs.append(job)
    story.jobs.append(job)
    story.jobs_open[job.ident] = job
    if phase is Phase.ACTION:
        if step.attempts == 0 and step.planned.role != COUNT:
            step.out_of_order = tuple(
                need for need in step.planned.needs if need in story.steps and story.steps[need].status not in GOOD
            )
        if step.in_doubt and step.settled != "retry":
            step.settled = "rerun"
        step.attempts = max(step.attempts, job.attempt)
        step.action, step.verified, step.worked, step.error, step.mend = job, 0, False, "", ""
        story.change(step, StepStatus.RUNNING, event)
    elif phase is Phase.VERIFY:
        # Work that is known to have ended well is only verified once more, not doubted.
        step.probing = step.status in (StepStatus.IN_DOUBT, StepStatus.UNKNOWN) and not step.worked
        story.change(step, StepStatus.RUNNING, event)
    else:
        if phase is Phase.UNDO:
            step.looks = 0
        story.change(step, StepStatus.UNDOING, event)


def _ended_step(story: Story, event: Event) -> None:
    step = story.named(event)
    if step is None:
        return
    phase, outcome = Phase(event.body["phase"]), Outcome.from_body(event.body["outcome"])
    job = next((j for j in reversed(step.jobs) if j.ended is None and j.phase is phase), None)
    if job is not None:
        story.close(job, event)
        job.outcome = outcome
    elif phase is Phase.ACTION and step.action is not None and step.action.attempt == event.body.get("attempt"):
        # It was lost once and has been found again: the later word counts.
        step.action.ended, step.action.outcome = event, outcome
    story.answer(step, event)
    good = outcome.ok and not event.body.get("unmet")
    if not good:
        unmet = "; ".join(event.body.get("unmet") or ())
        step.error, step.mend = outcome.error or unmet, outcome.mend
    if phase in (Phase.UNDO, Phase.UNDO_VERIFY):
        _undo_ended(story, step, phase, outcome, event)
        return
    if event.body.get("attached"):
        step.settled = "attached"
    lost = StepStatus.FAILED if outcome.ending is Ending.FAILED or outcome.ok else StepStatus.UNKNOWN
    if phase is Phase.ACTION:
        step.verified, step.worked = 0, good
        if good and not step.planned.verify:
            story.change(step, StepStatus.SUCCEEDED, event)
        elif not good:
            story.change(step, lost, event)
        elif step.status not in (StepStatus.UNKNOWN, StepStatus.IN_DOUBT):
            # What was lost and found again stays what it was until its check has begun.
            story.change(step, StepStatus.RUNNING, event)
    elif good:
        step.verified += 1
        if step.verified >= len(step.planned.verify):
            if step.probing:
                step.settled = "probe"
            story.change(step, StepStatus.SUCCEEDED, event)
    else:
        step.verified = 0
        story.change(step, StepStatus.IN_DOUBT if step.probing else lost, event)
        step.in_doubt = step.in_doubt or step.probing
        step.probing = False


def _undo_ended(story: Story, step: StepStory, phase: Phase, outcome: Outcome, event: Event) -> None:
    checks = len(step.planned.undo.verify) if step.planned.undo else 0
    step.verified = 0 if phase is Phase.UNDO else step.verified + 1
    # An undo of unknown end is left to its own check, where it has one.
    checked_later = phase is Phase.UNDO and checks > 0 and outcome.ending in (Ending.OK, Ending.UNKNOWN)
    # A check that could not look is tried again, a few times.
    step.looks = 0 if phase is Phase.UNDO else step.looks + (not outcome.ok)
    looks_again = phase is Phase.UNDO_VERIFY and outcome.ending is Ending.UNKNOWN and step.looks < MAX_LOOKS
    if not outcome.ok and not checked_later and not looks_again:
        story.change(step, StepStatus.UNDO_FAILED, event)
    elif outcome.ok and step.verified >= checks:
        story.change(step, StepStatus.UNDONE, event)


def _waiting(story: Story, event: Event) -> None:
    step = story.named(event)
    if step is None or step.planned.id in story.waits_open:
        return
    body = event.body
    wait = WaitStory(step.planned.id, str(body.get("kind", step.planned.kind)), bool(body.get("customer")), event)
    step.waits.append(wait)
    story.waits.append(wait)
    story.waits_open[wait.step] = wait
    if body.get("undo") or step.status in _UNDOING:
        story.change(step, StepStatus.UNDOING, event)
    else:
        step.attempts += 1
        story.change(step, StepStatus.WAITING, event)


def _doubted(story: Story, event: Event) -> None:
    step = story.named(event)
    if step is None:
        return
    for job in [j for j in step.jobs if j.ended is None]:
        story.close(job, event)
    step.doubts.append(event)
    step.in_doubt = True
    step.error = str(event.body.get("why", ""))
    undoing = step.status in _UNDOING
    story.change(step, StepStatus.UNDO_FAILED if undoing else StepStatus.IN_DOUBT, event)


def _skipped(story: Story, event: Event) -> None:
    step = story.named(event)
    if step is not None:
        step.skipped = str(event.body.get("why", ""))
        story.answer(step, event)
        story.change(step, StepStatus.SKIPPED, event)


def _over_budget(story: Story, event: Event) -> None:
    step = story.named(event)
    if step is not None:
        step.over_budget = event


def _decided(story: Story, event: Event) -> None:
    body = event.body
    step = story.named(event)
    verb = body.get("verb")
    if verb == "rollback" and body.get("accepted"):
        story.ended = None
    if step is None:
        return
    step.decisions.append(event)
    if not body.get("accepted"):
        return
    by = str(body.get("by", ""))
    wait = story.waits_open.get(step.planned.id)
    if wait is not None and verb == "approve":
        wait.answered = given_at(event)
    elif verb == "retry":
        step.settled, step.settled_by = "retry", by
        step.undone_by_hand, step.looks = False, 0
        story.change(step, StepStatus.UNDOING if step.status in _UNDOING else StepStatus.READY, event)
    elif verb == "skip":
        step.skipped = str(body.get("why", ""))
        _settle(story, step, StepStatus.SKIPPED, "skip", event)
    elif verb == "mark-done" and _checked_later(step):
        step.settled, step.settled_by, step.verified, step.worked = "mark-done", by, 0, True
        step.undone_by_hand = undoing = step.status in _UNDOING
        story.answer(step, event)
        story.change(step, StepStatus.UNDOING if undoing else StepStatus.RUNNING, event)
    elif verb == "mark-done" or (verb == "override" and _enough(step, event)):
        done = StepStatus.UNDONE if step.status in _UNDOING else StepStatus.SUCCEEDED
        _settle(story, step, done, str(verb), event)
    elif verb == "reject":
        _settle(story, step, StepStatus.FAILED, "reject", event)
        step.error = str(body.get("why", ""))


def _enough(step: StepStory, event: Event) -> bool:
    # An earlier attempt's overrides said nothing about this one.
    since = step.action.started.seq if step.action is not None else 0
    given = {
        other.body.get("by")
        for other in step.decisions
        if other.seq > since and other.body.get("verb") == "override" and other.body.get("accepted")
    }
    return len(given) >= int(event.body.get("needed", 1))


def _settle(story: Story, step: StepStory, status: StepStatus, how: str, event: Event) -> None:
    step.settled, step.settled_by = how, str(event.body.get("by", ""))
    story.answer(step, event)
    for job in [j for j in step.jobs if j.ended is None]:
        story.close(job, event)
    story.change(step, status, event)


def _rollback(story: Story, event: Event) -> None:
    story.ended = None
    for name in event.body.get("order", ()):
        step = story.steps.get(str(name))
        if step is not None:
            for job in [j for j in step.jobs if j.ended is None]:
                story.close(job, event)
            story.answer(step, event)
            story.change(step, StepStatus.UNDOING, event)


def _run_ended(story: Story, event: Event) -> None:
    story.ended = event
    for job in list(story.jobs_open.values()):
        story.close(job, event)
    for wait in list(story.waits_open.values()):
        story.answer(story.steps[wait.step], event)


def _claimed(story: Story, _event: Event) -> None:
    story.released = None


def _release(story: Story, event: Event) -> None:
    story.released = event


def _checked_later(step: StepStory) -> bool:
    """Whether a person's own work, now said to be done, is still to be looked at."""
    if step.status is StepStatus.WAITING:
        return bool(step.planned.verify)
    undo = step.planned.undo
    by_hand = undo is not None and undo.kind == "manual" and bool(undo.verify)
    return by_hand and step.status is StepStatus.UNDOING and not step.undone_by_hand


HANDLERS: dict[EventKind, Callable[[Story, Event], None]] = {
    EventKind.STEP_STARTED: _started,
    EventKind.STEP_ENDED: _ended_step,
    EventKind.STEP_WAITING: _waiting,
    EventKind.STEP_DOUBTED: _doubted,
    EventKind.STEP_SKIPPED: _skipped,
    EventKind.STEP_OVER_BUDGET: _over_budget,
    EventKind.DECISION: _decided,
    EventKind.ROLLBACK_STARTED: _rollback,
    EventKind.RUN_ENDED: _run_ended,
    EventKind.DRIVER_CLAIMED: _claimed,
    EventKind.DRIVER_RELEASED: _release,
}
