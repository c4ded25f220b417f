"""Who may decide what: each decision is judged here, before it takes effect. Pure.

The verbs are distinct on purpose. ``approve`` and ``reject`` answer a question; ``retry``, ``skip`` and ``mark-done``
free a stuck step; ``abort`` and ``rollback`` end the run; ``override`` goes past a safeguard and is recorded as a
breach.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from orchestrator.engine.ports import Decision
from orchestrator.engine.state import ROLLBACK_CHECK, RunState, StepState
from orchestrator.model.actions import ASKS_PEOPLE
from orchestrator.model.document import Mode
from orchestrator.model.event import to_iso
from orchestrator.model.job import Phase
from orchestrator.model.plan import PlannedStep
from orchestrator.model.transition import STUCK, TABLE, StepStatus, Trigger
from orchestrator.plain import dataclass

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
    if not decision.by.strip():
        return _no("a decision needs the name of who takes it")
    if decision.digest and decision.digest != state.plan.digest:
        return _no(
            f"it was given for the plan {decision.digest[:12]}, and this run's is {state.plan.digest[:12]}: "
            "something it is bound to has changed; look at the plan again"
        )
    if decision.verb == "abort":
        return _abort(state, decision)
    if decision.verb == "rollback":
        return _rollback(state, decision)
    if state.ended:
        return _no(f"the run has ended ({state.ended})")
    planned = state.plan.by_id.get(decision.step)
    if planned is None:
        return _no(f"there is no step {decision.step!r}")
    if state.winding_down:
        return _no("the run is being aborted" if state.abort is not None else "the run is about to be rolled back")
    step = state.steps[planned.id]
    if state.rollback is not None:
        return _while_rolling_back(planned, step, decision)
    if planned.role == ROLLBACK_CHECK:
        return _no(f"step {planned.id} belongs to a rollback, and there is none")
    if decision.verb in ("approve", "reject"):
        return _answer(state, planned, step, decision)
    if decision.verb == "override":
        return _override(planned, step, decision)
    return _free(planned, step, decision)


def body_of(decision: Decision, verdict: Verdict) -> dict[str, Any]:
    """The decision as the journal keeps it, with its verdict."""
    body: dict[str, Any] = {
        "number": decision.number,
        "verb": decision.verb,
        "by": decision.by,
        "account": decision.account,
        "why": decision.why,
        "given_at": to_iso(decision.given_at),
        "accepted": verdict.accepted,
        "needed": verdict.needed,
    }
    told = {
        "step": decision.step,
        "digest": decision.digest,
        "refused": verdict.refused,
        "breach": verdict.breach,
        "detail": verdict.detail if verdict.breach else "",
    }
    return body | {name: value for name, value in told.items() if value}


def _no(why: str) -> Verdict:
    return Verdict(False, why)


def _abort(state: RunState, decision: Decision) -> Verdict:
    if not decision.why.strip():
        return _no("abort needs a reason")
    if state.ended:
        return _no(f"the run has ended ({state.ended})")
    return _no("the run is being aborted already") if state.abort is not None else Verdict(True)


def _rollback(state: RunState, decision: Decision) -> Verdict:
    if not decision.why.strip():
        return _no("rollback needs a reason")
    if state.plan.mode in (Mode.CHECK, Mode.TABLETOP):
        return _no(f"nothing was changed in mode {state.plan.mode}, so there is nothing to roll back")
    if state.ended in ("rolled_back", "refused"):
        return _no(f"the run has ended ({state.ended})")
    if state.ended == "succeeded" and state.plan.purpose != "change":
        return _no("a recovery that has succeeded is not rolled back; fail back with a runbook of its own")
    # After an abort it may begin, or be taken up again where it was left.
    if not state.ended and state.abort is None and (state.rollback is not None or state.rollback_asked is not None):
        return _no("the run is being rolled back already")
    return Verdict(True)


def _while_rolling_back(planned: PlannedStep, step: StepState, decision: Decision) -> Verdict:
    if decision.verb not in ("retry", "mark-done"):
        return _no("the run is being rolled back; its undo steps and last checks take retry and mark-done")
    if planned.role == ROLLBACK_CHECK:
        if step.status not in STUCK:
            return _no(f"step {planned.id} is {step.status}; it can not {decision.verb}")
        if decision.verb == "retry":
            return Verdict(True)
        detail = f"{planned.id} was taken as good though it says: {step.error}"
        return _reasoned(decision, Verdict(True, breach="expectation", detail=detail))
    if step.status not in (StepStatus.UNDOING, StepStatus.UNDO_FAILED):
        return _no(f"step {planned.id} is {step.status}, and the run is being rolled back")
    if step.ident is not None:
        return _no(f"step {planned.id} is being undone at this moment")
    if decision.verb == "retry":
        tried = step.status is StepStatus.UNDO_FAILED
        return Verdict(True) if tried else _no(f"undoing step {planned.id} has not failed")
    asked = planned.undo is not None and planned.undo.kind in ASKS_PEOPLE and step.phase is Phase.UNDO
    return Verdict(True) if asked and step.status is StepStatus.UNDOING else _reasoned(decision, Verdict(True))


def _reasoned(decision: Decision, verdict: Verdict) -> Verdict:
    return verdict if decision.why.strip() else _no(f"{decision.verb} needs a reason")


def _answer(state: RunState, planned: PlannedStep, step: StepState, decision: Decision) -> Verdict:
    if planned.kind != "approve":
        return _no(f"step {planned.id} asks for no approval")
    if step.status is not StepStatus.WAITING:
        return _no(f"step {planned.id} is {step.status}, not waiting")
    allowed = planned.spec.get("of") or ()
    named = _is_one_of(decision.by, allowed)
    own = _is_one_of(decision.by, (state.starter,)) or (decision.account == state.starter_account and not named)
    if own and not state.plan.self_approval:
        return _no("who started a run does not approve it; ask somebody else, or use override with a reason")
    if allowed and not named:
        return _no(f"{decision.by} may not approve this; {', '.join(allowed)} may")
    if _too_late(state, planned, step, decision):
        return _no("the deadline had passed when it was given; retry asks again")
    if decision.verb == "reject":
        return _reasoned(decision, Verdict(True))
    if _is_one_of(decision.by, step.approvals):
        return _no(f"{decision.by} has approved already")
    return Verdict(True)


def _too_late(state: RunState, planned: PlannedStep, step: StepState, decision: Decision) -> bool:
    deadline = planned.spec.get("deadline")
    if deadline is None or step.waiting is None:
        return False
    passed = (decision.given_at - step.waiting.at).total_seconds() - (state.clock_moved - step.clock_moved)
    return bool(passed > deadline)


def _is_one_of(name: str, names: Iterable[str]) -> bool:
    """Whether a person is among ``names``; a name in other capitals or with other blanks is the same person."""
    return _folded(name) in {_folded(one) for one in names}


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()


def _override(planned: PlannedStep, step: StepState, decision: Decision) -> Verdict:
    if not decision.why.strip():
        return _no("override needs a reason")
    if planned.kind == "approve":
        if step.status not in (StepStatus.WAITING, StepStatus.FAILED):
            return _no(f"step {planned.id} is {step.status}, not waiting for an approval")
        detail = f"{planned.id} went on without its approval, on the word of {decision.by}: {decision.why}"
        return Verdict(True, breach="approval", detail=detail)
    if planned.role != "fence":
        return _no("override is for fences and approvals; for this step there are retry, skip and mark-done")
    by_hand = planned.kind in ASKS_PEOPLE and step.status is StepStatus.WAITING
    if step.status not in (StepStatus.FAILED, StepStatus.UNKNOWN, StepStatus.IN_DOUBT) and not by_hand:
        return _no(f"step {planned.id} is {step.status}; there is nothing to override")
    if _is_one_of(decision.by, step.overrides):
        return _no("overriding a fence needs two people, and you are the first already")
    if not step.overrides:
        return Verdict(True, needed=2)
    people = " and ".join([*step.overrides, decision.by])
    shared = " (both from the same account)" if decision.account in step.overrides.values() else ""
    detail = (
        f"{planned.id} was overridden by {people}{shared}: "
        f"it goes on without evidence that the old primary cannot write: {decision.why}"
    )
    return Verdict(True, breach="fence", detail=detail, needed=2)


def _free(planned: PlannedStep, step: StepState, decision: Decision) -> Verdict:
    trigger = {"retry": Trigger.RETRY, "skip": Trigger.SKIP, "mark-done": Trigger.MARK_DONE}[decision.verb]
    if (step.status, trigger) not in TABLE:
        return _no(f"step {planned.id} is {step.status}; it can not {decision.verb}")
    if decision.verb == "retry":
        return Verdict(True)
    done_by_hand = decision.verb == "mark-done" and planned.kind == "manual" and step.status is StepStatus.WAITING
    if planned.kind == "approve" or (planned.role == "fence" and not (done_by_hand and planned.verify)):
        return _no(f"step {planned.id} is a safeguard; it takes override, not {decision.verb}")
    if not done_by_hand and not decision.why.strip():
        return _no(f"{decision.verb} needs a reason")
    ignored = _ignored(step)
    if ignored:
        return Verdict(True, breach="expectation", detail=f"{planned.id} was forced though {ignored}")
    return Verdict(True)


def _ignored(step: StepState) -> str:
    """What the last try showed to be otherwise than expected."""
    body = step.ended.body if step.ended is not None else {}
    if body.get("unmet"):
        return "; ".join(body["unmet"])
    if body.get("phase") == Phase.VERIFY and body["outcome"]["ending"] == "failed":
        return f"its verification failed: {body['outcome'].get('error') or 'no reason given'}"
    return ""
