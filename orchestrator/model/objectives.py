"""Verdicts on the recovery targets. What was not measured is ``unproven``, never ``met``."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from orchestrator.model.document import Document, FaultClass, Milestone, Mode
from orchestrator.model.event import from_iso
from orchestrator.model.losses import (
    NOTICED_S,
    Loss,
    length,
    longest_pause,
    pauses_within,
    unbounded,
)
from orchestrator.model.milestones import Milestones, Placed
from orchestrator.model.plan import COUNT
from orchestrator.model.remark import Remark, remark
from orchestrator.model.story import Story
from orchestrator.model.timeline import Timeline, seconds
from orchestrator.model.transition import GOOD


class Verdict(StrEnum):
    """What can be said of a target."""

    MET = "met"
    MISSED = "missed"
    UNPROVEN = "unproven"
    NOT_APPLICABLE = "not_applicable"


class Objective(Document):
    """One target, what was achieved (seconds), the verdict and why.

    ``worst_s`` is the longest it may have been, where a moment is only known within bounds. ``at_least_s`` is how long
    the service had not been restored when the record ends. ``running`` says that the clock has not stopped then.
    """

    name: Literal["rto", "rpo", "resolve"]
    target_s: float | None
    achieved_s: float | None = None
    worst_s: float | None = None
    at_least_s: float | None = None
    basis: str = ""
    verdict: Verdict
    reason: Remark
    running: bool = False


_WORKS_ON = frozenset({FaultClass.REDUNDANT_COMPONENT, FaultClass.PAGING_SPACE})
"""Fault classes in which the service may well work on while the fault is mended."""


def judge_rto(story: Story, line: Timeline, moments: Milestones, status: str, found: list[Loss]) -> Objective:
    """RTO: from onset to the service restored. Nothing is taken off, neither approvals nor time without a driver.

    Where the service may work on (one of two failed, paging space runs full) and markers or receipts prove that commits
    went on all the time, there was no outage: 0.
    """
    plan = story.plan
    limit = plan.rto

    def say(verdict: Verdict, reason: Remark, **more: Any) -> Objective:
        return Objective(name="rto", target_s=limit, verdict=verdict, reason=reason, **more)

    if plan.mode in (Mode.CHECK, Mode.TABLETOP):
        return say(Verdict.NOT_APPLICABLE, remark("not_recovering", mode=str(plan.mode)))
    onset, restored = moments.placed.get(Milestone.ONSET), moments.placed.get(Milestone.RESTORED)
    if onset is None:
        if limit is None:
            return say(Verdict.NOT_APPLICABLE, remark("rto_not_set"))
        if plan.purpose == "change":
            return say(Verdict.NOT_APPLICABLE, remark("change_no_fault"))
        expected = any(Milestone.ONSET in step.marks for step in plan.steps)
        if plan.purpose == "restore" and plan.mode is Mode.DRILL and not expected:
            return say(Verdict.NOT_APPLICABLE, remark("no_fault", purpose=plan.purpose))
        if _no_fault_made(story):
            return say(Verdict.NOT_APPLICABLE, remark("stopped_before_fault"))
        return say(Verdict.UNPROVEN, remark("onset_missing"))
    if restored is None:
        return _by_commits(story, onset, status, found, say) or _not_restored(story, line, onset.position, status, say)
    if restored.position < onset.position:
        return say(Verdict.UNPROVEN, remark("restored_before_onset"))
    took, worst = restored.position - onset.position, restored.latest - onset.earliest
    measured: dict[str, Any] = {
        "achieved_s": seconds(took),
        "worst_s": seconds(worst),
        "basis": line.basis(onset.position, restored.position),
    }
    went_on = _went_on(story, onset, from_iso(restored.moment.at), found)
    if went_on is not None and limit is not None and went_on[0] <= limit:
        pause, basis = went_on
        reason = remark("never_down", pause_s=pause, limit_s=limit, confirmed_s=seconds(took))
        return say(Verdict.MET, reason, achieved_s=0.0, worst_s=pause, basis=basis)
    if limit is None:
        return say(Verdict.NOT_APPLICABLE, remark("rto_not_set"), **measured)
    if seconds(took) > limit:
        return say(Verdict.MISSED, _beyond(seconds(took), limit), **measured)
    if seconds(worst) > limit:
        reason = remark("unsure", achieved_s=seconds(took), worst_s=seconds(worst), limit_s=limit)
        return say(Verdict.UNPROVEN, reason, **measured)
    if story.simulated:
        return say(Verdict.UNPROVEN, remark("rto_simulated"), **measured)
    return say(Verdict.MET, remark("within", achieved_s=seconds(took), limit_s=limit), **measured)


def _no_fault_made(story: Story) -> bool:
    """Whether it is a drill that has ended before it came to the step which makes its fault."""
    making = [step for step in story.steps.values() if Milestone.ONSET in step.planned.marks and not step.planned.skip]
    drill = story.plan.mode is Mode.DRILL and story.ended is not None
    return drill and bool(making) and all(step.attempts == 0 for step in making)


def _by_commits(story: Story, onset: Placed, status: str, found: list[Loss], say: Any) -> Objective | None:
    """What commits tell of a run that ended before it confirmed the service: they went on, or went on again."""
    limit = story.plan.rto
    if story.ended is None or limit is None or story.simulated:
        return None
    objective: Objective
    for loss in found:
        counted = story.steps[loss.step].action
        if counted is None or not loss.last_written_at:
            continue
        until = counted.started.at
        went_on = _went_on(story, onset, until, [loss])
        if went_on is not None and went_on[0] <= limit:
            pause, basis = went_on
            reason = remark("never_down_so_far", status=status, pause_s=pause, limit_s=limit)
            objective = say(Verdict.MET, reason, achieved_s=0.0, worst_s=pause, basis=basis)
            return objective
        away = [pause for pause in pauses_within(loss, from_iso(onset.moment.at), until) if length(pause) >= NOTICED_S]
        if away and (until - from_iso(loss.last_written_at)).total_seconds() < NOTICED_S:
            took = round((from_iso(away[-1].over) - from_iso(onset.moment.at)).total_seconds(), 6)
            reason = remark("commits_again", achieved_s=took, status=status, limit_s=limit)
            verdict = Verdict.MISSED if took > limit else Verdict.MET
            objective = say(verdict, reason, achieved_s=took, worst_s=took, basis=loss.kind)
            return objective
    return None


def _went_on(story: Story, onset: Placed, until: datetime, found: list[Loss]) -> tuple[float, str] | None:
    """The longest time without a commit between onset and ``until``, where it was no outage; and who says so.

    Markers or a customer's receipts, whichever show it: where one client's commits went on, the service did. What they
    leave out at either end counts as a pause too: the last marker is written up to one interval before the restoration
    is confirmed.
    """
    if story.plan.fault_class not in _WORKS_ON or story.simulated:
        return None
    since = from_iso(onset.moment.at)
    for loss in found:
        longest = longest_pause(loss, since, until)
        if longest is None or not loss.last_written_at:
            continue
        before = from_iso(loss.first_written_at) - since
        after = until - from_iso(loss.last_written_at)
        pause = max(longest, before.total_seconds(), after.total_seconds())
        if loss.lost_transactions == 0 and pause < NOTICED_S:
            return pause, loss.kind
    return None


def _beyond(took: float, limit: float) -> Remark:
    return remark("beyond", achieved_s=took, over_s=took - limit, limit_s=limit)


def _not_restored(story: Story, line: Timeline, onset: int, status: str, say: Any) -> Objective:
    limit = story.plan.rto
    elapsed = seconds(line.end - onset)
    running = story.ended is None
    objective: Objective
    told: dict[str, Any] = {"running": running, "at_least_s": elapsed}
    if limit is None:
        objective = say(Verdict.NOT_APPLICABLE, remark("rto_not_set"), **told)
    elif not any(Milestone.RESTORED in step.marks and not step.skip for step in story.plan.steps):
        # Nothing in the run would have told; that it is late cannot be told either.
        objective = say(Verdict.UNPROVEN, remark("restored_missing"), running=running)
    elif elapsed > limit:
        objective = say(Verdict.MISSED, remark("restored_late", elapsed_s=elapsed, limit_s=limit), **told)
    elif running:
        objective = say(Verdict.UNPROVEN, remark("restored_not_yet", elapsed_s=elapsed, limit_s=limit), **told)
    else:
        objective = say(Verdict.UNPROVEN, remark("restored_never", status=status, elapsed_s=elapsed), **told)
    return objective


def judge_rpo(story: Story, found: list[Loss]) -> Objective:
    """RPO: from the markers and receipts that were read back; the worst of several measurements counts."""
    plan = story.plan
    limit = plan.rpo

    def say(verdict: Verdict, reason: Remark, **more: Any) -> Objective:
        return Objective(name="rpo", target_s=limit, verdict=verdict, reason=reason, **more)

    if plan.mode in (Mode.CHECK, Mode.TABLETOP):
        return say(Verdict.NOT_APPLICABLE, remark("not_recovering", mode=str(plan.mode)))
    worst = max(found, key=lambda loss: (loss.lost_s, loss.lost_transactions), default=None)
    basis = "markers" if any(loss.kind == "markers" for loss in found) else "receipts"
    measured = {"achieved_s": worst.lost_s, "worst_s": worst.lost_s, "basis": basis} if worst else {}
    if limit is None:
        return say(Verdict.NOT_APPLICABLE, remark("rpo_not_set"), **measured)
    running = story.ended is None
    if worst is None:
        if plan.purpose == "change":
            return say(Verdict.NOT_APPLICABLE, remark("change_no_fault"))
        if _no_fault_made(story):
            return say(Verdict.NOT_APPLICABLE, remark("stopped_before_fault"))
        if not running and (never := _promotions_never_begun(story)):
            return say(Verdict.NOT_APPLICABLE, remark("no_copy_serves", steps=", ".join(never)))
        to_come = running and any(
            step.planned.role == COUNT and not step.planned.skip and step.status not in GOOD
            for step in story.steps.values()
        )
        return say(Verdict.UNPROVEN, remark("rpo_not_yet" if to_come else "rpo_not_measured"), running=running)
    if any(loss.written == 0 for loss in found if loss.kind == "markers"):
        return say(Verdict.UNPROVEN, remark("rpo_no_markers"))
    if any(loss.simulated for loss in found):
        return say(Verdict.UNPROVEN, remark("rpo_simulated"), **measured)
    # With nothing allowed, one lost transaction is one too many however quick it was.
    late = worst.lost_s > limit or (limit == 0 and any(loss.lost_transactions for loss in found))
    reason = remark(
        "rpo_beyond" if late else "rpo_within", lost=worst.lost_transactions, lost_s=worst.lost_s, limit_s=limit
    )
    if not late and (blind := unbounded(story)):
        return say(Verdict.UNPROVEN, remark("rpo_unbounded", lost=blind), **measured)
    return say(Verdict.MISSED if late else Verdict.MET, reason, **measured)


def _promotions_never_begun(story: Story) -> list[str]:
    """The promotions each count stands behind that the run never came to; empty where any count could be taken."""
    found: dict[str, None] = {}
    for step in story.steps.values():
        if step.planned.role != COUNT or step.planned.skip:
            continue
        never = [
            one.id
            for one in story.plan.promotions_before(step.planned.id)
            if story.steps[one.id].attempts == 0 and story.steps[one.id].status not in GOOD
        ]
        if not never:
            return []
        found.update(dict.fromkeys(never))
    return list(found)
