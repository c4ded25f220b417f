"""Verdicts on the recovery targets. What was not measured is ``unproven``, never ``met``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from orchestrator.model.document import Document, FaultClass, Milestone, Mode
from orchestrator.model.event import from_iso
from orchestrator.model.milestones import Milestones, Placed
from orchestrator.model.plan import COUNT
from orchestrator.model.remark import Remark, remark
from orchestrator.model.story import Story
from orchestrator.model.timeline import Timeline, seconds
from orchestrator.model.transition import GOOD, StepStatus


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
NOTICED_S = 2.0
"""Seconds between two commits from which on it is an outage. For less a client waits, and his order succeeds."""


class Loss(Document):
    """What a marker measurement found. ``kind``: markers, or receipts (business transactions of a client).

    ``longest_pause_s``: the longest time between two commits, from the first to the last one written.
    """

    step: str
    kind: Literal["markers", "receipts"]
    written: int | None
    survived: int | None
    lost_transactions: int
    lost_s: float
    longest_pause_s: float | None = None
    first_written_at: str = ""
    last_written_at: str = ""
    last_survived_at: str = ""
    simulated: bool = False


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
        return _never_down(story, onset, status, found, say) or _not_restored(story, line, onset.position, status, say)
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


def _never_down(story: Story, onset: Placed, status: str, found: list[Loss], say: Any) -> Objective | None:
    """What can be said of a run that ended before it confirmed the service, where that had worked on all the time."""
    limit = story.plan.rto
    for loss in found if story.ended is not None else ():
        counted = story.steps[loss.step].action
        went_on = _went_on(story, onset, counted.started.at, [loss]) if counted is not None else None
        if went_on is not None and limit is not None and went_on[0] <= limit:
            pause, basis = went_on
            reason = remark("never_down_so_far", status=status, pause_s=pause, limit_s=limit)
            objective: Objective = say(Verdict.MET, reason, achieved_s=0.0, worst_s=pause, basis=basis)
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
    for loss in found:
        if loss.longest_pause_s is None or not loss.last_written_at:
            continue
        before = from_iso(loss.first_written_at) - from_iso(onset.moment.at)
        after = until - from_iso(loss.last_written_at)
        pause = max(loss.longest_pause_s, before.total_seconds(), after.total_seconds())
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


def losses(story: Story) -> list[Loss]:
    """Every marker measurement that ended well and gave numbers, in order."""
    found = (_loss(step, kind, numbers, simulated) for step, kind, numbers, simulated in _measured(story))
    return [loss for loss in found if loss is not None]


def _measured(story: Story) -> Iterator[tuple[str, Literal["markers", "receipts"], Any, bool]]:
    """What each measurement that ended well said: step, kind, numbers, and whether it was simulated."""
    for step in story.steps.values():
        action = step.action
        if step.planned.kind != "marker" or "measure" not in step.planned.spec or action is None or not action.good:
            continue
        outcome = action.outcome
        if outcome is None or step.status is not StepStatus.SUCCEEDED:
            continue
        yield step.planned.id, "markers", outcome.output, outcome.simulated
        yield step.planned.id, "receipts", outcome.output.get("receipts"), outcome.simulated


def _loss(step: str, kind: Literal["markers", "receipts"], numbers: Any, simulated: bool) -> Loss | None:
    if not isinstance(numbers, Mapping):
        return None
    lost, lost_s = _count(numbers.get("lost_transactions")), _amount(numbers.get("lost_seconds"))
    if lost is None or (lost_s is None and lost > 0):
        return None
    return Loss(
        step=step,
        kind=kind,
        written=_count(numbers.get("written")),
        survived=_count(numbers.get("survived")),
        lost_transactions=lost,
        lost_s=lost_s or 0.0,
        longest_pause_s=_amount(numbers.get("longest_pause_s")),
        first_written_at=str(numbers.get("first_written_at") or ""),
        last_written_at=str(numbers.get("last_written_at") or ""),
        last_survived_at=str(numbers.get("last_survived_at") or ""),
        simulated=simulated,
    )


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _amount(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


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
    if not late and (unbounded := _unbounded(story)):
        return say(Verdict.UNPROVEN, remark("rpo_unbounded", lost=unbounded), **measured)
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


def _unbounded(story: Story) -> int:
    """How many transactions a measurement found lost without finding since when; 0 where none did."""
    found = [_count(numbers["lost_transactions"]) or 0 for _, _, numbers, _ in _measured(story) if _blind(numbers)]
    return max(found, default=0)


def _blind(numbers: Any) -> bool:
    if not isinstance(numbers, Mapping):
        return False
    return _amount(numbers.get("lost_seconds")) is None and bool(_count(numbers.get("lost_transactions")))
