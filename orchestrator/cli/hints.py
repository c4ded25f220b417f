"""How a run goes on: for each thing that holds it up, the exact commands that free it."""

from __future__ import annotations

import shlex
from dataclasses import replace

from orchestrator.cli.place import called
from orchestrator.cli.words import one_line
from orchestrator.engine.conductor import deadline_of, may_retry
from orchestrator.engine.decisions import judge
from orchestrator.engine.ports import Decision
from orchestrator.engine.state import RunState, StepState
from orchestrator.model.event import to_iso
from orchestrator.model.plan import PlannedStep
from orchestrator.model.transition import StepStatus
from orchestrator.plain import dataclass

WHY = "'...'"
"""Stands for the reason a person must give."""


@dataclass(frozen=True, slots=True)
class Hint:
    """Something that holds the run up, and the commands that would free it, the usual one first."""

    step: str
    text: str
    commands: tuple[str, ...] = ()


def hints(state: RunState, *, driven: bool = True) -> list[Hint]:
    """Everything that waits for people now. ``driven``: whether a process drives the run at this moment; where none
    does, each command also drives it on."""
    if state.ended:
        return []
    found = _held_up(state)
    if driven:
        return found
    if not found:
        return [Hint("", "nothing drives this run; go on with", (_command(state, "resume", ""),))]
    return [replace(hint, commands=tuple(f"{command} --resume" for command in hint.commands)) for hint in found]


def _held_up(state: RunState) -> list[Hint]:
    found: list[Hint] = []
    found.extend(_waiting(state, name) for name in state.waiting)
    for name in state.busy:
        step = state.steps[name]
        if step.status is StepStatus.UNDOING and _undo_by_hand(state.plan.by_id[name], step):
            found.append(_manual_undo(state, name))
    stuck = [name for name in state.stuck if state.rollback is not None or not may_retry(state, name)]
    found.extend(_stuck(state, name) for name in stuck)
    if stuck:
        found.append(_whole_run(state))
    return found


def _waiting(state: RunState, name: str) -> Hint:
    planned, step = state.plan.by_id[name], state.steps[name]
    body = step.waiting.body if step.waiting is not None else {}
    if planned.kind == "approve":
        return Hint(name, _question(state, planned, step), _verbs(state, name, ("approve", "reject", "override")))
    text = one_line(_text(body.get("instructions")))
    return Hint(name, f"by hand: {text}", _verbs(state, name, ("mark-done", "skip")))


def _question(state: RunState, planned: PlannedStep, step: StepState) -> str:
    body = step.waiting.body if step.waiting is not None else {}
    text = one_line(_text(body.get("question")))
    wanted = planned.spec.get("count", 1)
    allowed = planned.spec.get("of") or ()
    facts = []
    if wanted > 1:
        facts.append(f"{len(step.approvals)} of {wanted} have approved")
    if allowed:
        facts.append(f"by {' or '.join(allowed)}" if wanted == 1 else f"from {', '.join(allowed)}")
    elif not state.plan.self_approval:
        facts.append(f"not by {state.starter}, nor from the account {state.starter_account}")
    limit = deadline_of(planned, step)
    if limit is not None:
        facts.append(f"before {to_iso(limit)[:19]}Z")
    return f"asks: {text} ({', '.join(facts)})" if facts else f"asks: {text}"


def _text(value: object) -> str:
    if isinstance(value, dict):
        value = value.get("en", "")
    return str(value or "")


def _undo_by_hand(planned: PlannedStep, step: StepState) -> bool:
    return planned.undo is not None and planned.undo.kind == "manual" and step.ident is None


def _manual_undo(state: RunState, name: str) -> Hint:
    body = state.steps[name].waiting.body if state.steps[name].waiting else {}  # type: ignore[union-attr]
    text = one_line(_text(body.get("instructions")))
    return Hint(name, f"to be undone by hand: {text}", (_command(state, "mark-done", name),))


_WORDS = {
    StepStatus.FAILED: "failed",
    StepStatus.UNKNOWN: "nobody knows how it ended",
    StepStatus.IN_DOUBT: "began, and nothing can be learnt of its end",
    StepStatus.UNDO_FAILED: "could not be undone",
}


def _stuck(state: RunState, name: str) -> Hint:
    step = state.steps[name]
    text = _WORDS[step.status]
    if step.error:
        text += f": {one_line(step.error)}"
    if step.mend:
        text += f"; mend: {one_line(step.mend)}"
    if step.overrides:
        text += f"; overridden by {', '.join(step.overrides)}, a second person is needed"
    return Hint(name, text, _verbs(state, name, ("retry", "mark-done", "skip", "override")))


def _whole_run(state: RunState) -> Hint:
    verbs = ["rollback"] if _allowed(state, "rollback", "") else []
    return Hint("", "or give the whole run up", tuple(_command(state, verb, "") for verb in [*verbs, "abort"]))


def _verbs(state: RunState, name: str, verbs: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_command(state, verb, name) for verb in verbs if _allowed(state, verb, name))


def _allowed(state: RunState, verb: str, name: str) -> bool:
    """Whether the run would take this decision from anybody."""
    if state.last is None:
        return False
    planned = state.plan.by_id.get(name)
    named = planned.spec.get("of", ()) if planned is not None and planned.kind == "approve" else ()
    return any(
        judge(state, Decision(0, verb, name, by, "somebody@elsewhere", "because", state.last.at)).accepted
        for by in (*named, "somebody else")
    )


_NEEDS_WHY = frozenset({"reject", "skip", "override", "abort", "rollback"})


def _command(state: RunState, verb: str, name: str) -> str:
    words = [*called(), verb, state.run_id, *([name] if name else [])]
    planned = state.plan.by_id.get(name)
    undoing = planned is not None and state.steps[name].status is StepStatus.UNDOING
    by_hand = planned is not None and (planned.kind == "manual" or undoing)
    asks = verb in _NEEDS_WHY or (verb == "mark-done" and not by_hand)
    return shlex.join(words) + (f" --why {WHY}" if asks else "")
