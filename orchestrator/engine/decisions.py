"""Who may decide what: each decision is judged here, before it takes effect. Pure.

The verbs are distinct on purpose. ``approve`` and ``reject`` answer a question; ``retry``, ``skip`` and ``mark-done``
free a stuck step; ``abort`` and ``rollback`` end the run; ``override`` goes past a safeguard and is recorded as a
breach.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.engine.ports import Decision
from orchestrator.engine.state import RunState, StepState
from orchestrator.model.plan import PlannedStep
from orchestrator.model.transition import TABLE, StepStatus, Trigger

VERBS = ("approve", "reject", "retry", "skip", "mark-done", "abort", "rollback", "override")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a decision is taken, why not, and which breach it means. ``needed`` is how many must override."""

    accepted: bool
    refused: str = ""
    breach: str = ""
    detail: str = ""
    needed: int = 1


def judge(state: RunState, decision: Decision) -> Verdict:
    """Judge one decision against where the run stands."""
    if decision.verb not in VERBS:
        return _no(f"there is no verb {decision.verb!r}; there are {', '.join(VERBS)}")
    if decision.verb in ("abort", "rollback"):
        return _whole_run(state, decision)
    if state.ended:
        return _no(f"the run has ended ({state.ended})")
    planned = state.plan.by_id.get(decision.step)
    if planned is None:
        return _no(f"there is no step {decision.step!r}")
    step = state.steps[planned.id]
    if decision.verb in ("approve", "reject"):
        return _answer(state, planned, step, decision)
    if decision.verb == "override":
        return _override(state, planned, step, decision)
    return _free(planned, step, decision)


def _no(why: str) -> Verdict:
    return Verdict(False, why)


def _whole_run(state: RunState, decision: Decision) -> Verdict:
    if not decision.why:
        return _no(f"{decision.verb} needs a reason")
    if decision.verb == "abort":
        return _no(f"the run has ended ({state.ended})") if state.ended else Verdict(True)
    if state.rollback is not None:
        return _no("it is being rolled back already")
    if state.ended == "succeeded" and state.plan.purpose != "change":
        return _no("a recovery that has succeeded is not rolled back; fail back with a runbook of its own")
    return Verdict(True)


def _answer(state: RunState, planned: PlannedStep, step: StepState, decision: Decision) -> Verdict:
    if planned.kind != "approve":
        return _no(f"step {planned.id} asks for no approval")
    if step.status is not StepStatus.WAITING:
        return _no(f"step {planned.id} is {step.status}, not waiting")
    own = decision.by == state.starter or (
        decision.account == state.starter_account and decision.by not in planned.spec.get("of", ())
    )
    if own and not state.plan.self_approval:
        return _no("who started a run does not approve it; ask somebody else, or use override with a reason")
    allowed = planned.spec.get("of") or ()
    if allowed and decision.by not in allowed:
        return _no(f"{decision.by} may not approve this; {', '.join(allowed)} may")
    if decision.verb == "reject":
        return Verdict(True) if decision.why else _no("reject needs a reason")
    if decision.by in step.approvals:
        return _no(f"{decision.by} has approved already")
    return Verdict(True)


def _override(state: RunState, planned: PlannedStep, step: StepState, decision: Decision) -> Verdict:
    if not decision.why:
        return _no("override needs a reason")
    if planned.kind == "approve":
        if step.status not in (StepStatus.WAITING, StepStatus.FAILED):
            return _no(f"step {planned.id} is {step.status}, not waiting for an approval")
        return Verdict(
            True, breach="approval", detail=f"{planned.id} went on without its approval: {decision.why}"
        )
    if planned.role != "fence":
        return _no("override is for fences and approvals; for this step there are retry, skip and mark-done")
    if step.status not in (StepStatus.FAILED, StepStatus.UNKNOWN, StepStatus.IN_DOUBT):
        return _no(f"step {planned.id} is {step.status}; there is nothing to override")
    if decision.by in step.overrides:
        return _no("overriding a fence needs two people, and you are the first already")
    detail = f"{planned.id}: promoted without evidence that the old primary cannot write: {decision.why}"
    return Verdict(True, breach="fence" if step.overrides else "", detail=detail, needed=2)


def _free(planned: PlannedStep, step: StepState, decision: Decision) -> Verdict:
    trigger = {"retry": Trigger.RETRY, "skip": Trigger.SKIP, "mark-done": Trigger.MARK_DONE}[decision.verb]
    if (step.status, trigger) not in TABLE:
        return _no(f"step {planned.id} is {step.status}; it can not {decision.verb}")
    if decision.verb == "retry":
        return Verdict(True)
    if planned.role == "fence" or planned.kind == "approve":
        return _no(f"step {planned.id} is a safeguard; it takes override, not {decision.verb}")
    if not decision.why and not (decision.verb == "mark-done" and planned.kind == "manual"):
        return _no(f"{decision.verb} needs a reason")
    unmet = step.ended.body.get("unmet") if step.ended is not None else None
    if step.status is StepStatus.FAILED and unmet:
        return Verdict(
            True, breach="expectation", detail=f"{planned.id} was forced though {'; '.join(unmet)}"
        )
    return Verdict(True)
