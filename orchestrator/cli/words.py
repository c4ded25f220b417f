"""One line for each event of a run, in words. Used where no terminal is, by ``journal`` and under the live view."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.model.duration import format_duration
from orchestrator.model.event import Event, EventKind
from orchestrator.model.plan import Plan

_PHASES = {
    "action": "",
    "verify": "check of ",
    "undo": "undo of ",
    "undo_verify": "check of the undo of ",
    "steady": "steady state: ",
}


def line_of(event: Event, plan: Plan) -> str:
    """What happened, on one line without its time. Never raises for an odd body: the journal must stay readable."""
    return one_line(_WORDS[event.kind](event.body, plan))


def one_line(text: str) -> str:
    """The text on one line, without anything a terminal would obey: outputs of other machines end up in it."""
    return "".join(map(_visible, " ".join(text.split())))


def _visible(char: str) -> str:
    return char if char.isprintable() else f"\\x{ord(char):02x}"


def stamped(event: Event, plan: Plan) -> str:
    """The line with its UTC time to the millisecond."""
    return f"{event.at:%Y-%m-%dT%H:%M:%S}.{event.at.microsecond // 1000:03d}Z  {line_of(event, plan)}"


def _named(body: Mapping[str, Any]) -> str:
    return f"{_PHASES.get(str(body.get('phase', 'action')), '')}{body.get('step', '?')}"


def _after(text: str, separator: str = ": ") -> str:
    return f"{separator}{text}" if text else ""


def _seconds(value: object) -> str:
    return format_duration(float(value)) if isinstance(value, int | float) else "an unknown time"


def _created(body: Mapping[str, Any], plan: Plan) -> str:
    return (
        f"run {plan.run_id}: {plan.runbook}, mode {plan.mode}, started by {body.get('by', '?')}"
        f" ({body.get('account', '?')}); digest {plan.digest[:12]}"
    )


def _claimed(body: Mapping[str, Any], _plan: Plan) -> str:
    by = _after(str(body.get("by", "")), ", for ")
    return f"driven by process {body.get('pid', '?')} on {body.get('host', '?')}{by}"


def _released(body: Mapping[str, Any], _plan: Plan) -> str:
    running = body.get("running") or ()
    tail = f"; still at work: {', '.join(running)}" if running else ""
    return f"no longer driven ({body.get('why', '')}){tail}"


def _steady(body: Mapping[str, Any], _plan: Plan) -> str:
    return f"steady state {body.get('phase', '')}: {'holds' if body.get('ok') else 'DOES NOT HOLD'}"


def _started(body: Mapping[str, Any], plan: Plan) -> str:
    step = plan.by_id.get(str(body.get("step")))
    facts = []
    attempt = body.get("attempt", 1)
    if attempt != 1:
        facts.append(f"attempt {attempt}")
    if body.get("again"):
        facts.append("had not begun before")
    if step is not None and body.get("phase") == "action":
        facts.append(step.kind)
        if step.budget is not None:
            facts.append(f"budget {format_duration(step.budget)}")
    if body.get("timeout") is not None and body.get("phase") in ("action", "undo"):
        facts.append(f"timeout {_seconds(body['timeout'])}")
    return f"{_named(body)}: begins" + (f" ({', '.join(facts)})" if facts else "")


def _over_budget(body: Mapping[str, Any], _plan: Plan) -> str:
    took = f"{_seconds(body.get('elapsed'))} of {_seconds(body.get('budget'))}"
    return f"{_named(body)}: OVER BUDGET, {took} and still going"


_ENDINGS = {"ok": "done", "failed": "FAILED", "unknown": "UNKNOWN"}


def _ended(body: Mapping[str, Any], _plan: Plan) -> str:
    outcome = body.get("outcome", {})
    word = _ENDINGS.get(outcome.get("ending", ""), str(outcome.get("ending", "?")))
    took = f" after {_seconds(body['elapsed'])}" if body.get("elapsed") is not None else ""
    notes = [
        note
        for note, there in (("found again", body.get("attached")), ("simulated", outcome.get("simulated")))
        if there
    ]
    told = _after(str(outcome.get("error", ""))) + _after(str(outcome.get("mend", "")), "; mend: ")
    return f"{_named(body)}: {word}{took}{_after(', '.join(notes), ', ')}{told}"


def _waiting(body: Mapping[str, Any], _plan: Plan) -> str:
    kind = body.get("kind")
    text = body.get("question") or body.get("instructions") or ""
    if isinstance(text, Mapping):
        text = text.get("en", "")
    what = "WAITING for an approval" if kind == "approve" else "WAITING for a person"
    limit = f" (within {_seconds(body['deadline'])})" if body.get("deadline") is not None else ""
    return f"{body.get('step', '?')}: {what}{limit}{_after(str(text))}"


def _doubted(body: Mapping[str, Any], _plan: Plan) -> str:
    return f"{_named(body)}: IN DOUBT{_after(str(body.get('why', '')))}"


def _skipped(body: Mapping[str, Any], _plan: Plan) -> str:
    return f"{body.get('step', '?')}: left out{_after(str(body.get('why', '')))}"


def _decision(body: Mapping[str, Any], _plan: Plan) -> str:
    what = " ".join(str(part) for part in (body.get("verb"), body.get("step")) if part)
    why = _after(str(body.get("why", "")))
    if not body.get("accepted"):
        return f"REFUSED: {what} by {body.get('by', '?')}{_after(str(body.get('refused', '')))}"
    return f"decision: {what} by {body.get('by', '?')} ({body.get('account', '?')}){why}"


def _milestone(body: Mapping[str, Any], _plan: Plan) -> str:
    name = str(body.get("name", "?")).replace("_", " ")
    return f"milestone {name} at {body.get('at', '?')}{_after(str(body.get('source', '')), ', told by ')}"


def _jumped(body: Mapping[str, Any], _plan: Plan) -> str:
    return f"the wall clock was moved by {_seconds(body.get('by'))}; durations are not affected"


def _breach(body: Mapping[str, Any], _plan: Plan) -> str:
    return f"BREACH ({body.get('kind', '?')}): {body.get('detail', '')}"


def _warning(body: Mapping[str, Any], _plan: Plan) -> str:
    return f"warning: {body.get('text', '')}"


def _rollback(body: Mapping[str, Any], _plan: Plan) -> str:
    order = ", ".join(body.get("order") or ()) or "nothing to undo"
    fixed = body.get("irreversible") or {}
    tail = f"; cannot be undone: {', '.join(fixed)}" if fixed else ""
    return f"ROLLBACK by {body.get('by', '?')}{_after(str(body.get('why', '')))}; in this order: {order}{tail}"


def _rolled_back(body: Mapping[str, Any], _plan: Plan) -> str:
    if body.get("ok"):
        return "rollback done, and health is back"
    manual = "; ".join(body.get("manual") or ())
    return f"ROLLBACK FAILED{_after(str(body.get('why', '')))}{_after(manual, '; by hand now: ')}"


def _run_ended(body: Mapping[str, Any], _plan: Plan) -> str:
    return f"the run has ended: {str(body.get('status', '?')).replace('_', ' ')}{_after(str(body.get('why', '')))}"


_WORDS: dict[EventKind, Callable[[Mapping[str, Any], Plan], str]] = {
    EventKind.RUN_CREATED: _created,
    EventKind.DRIVER_CLAIMED: _claimed,
    EventKind.DRIVER_RELEASED: _released,
    EventKind.STEADY_CHECKED: _steady,
    EventKind.STEP_STARTED: _started,
    EventKind.STEP_OVER_BUDGET: _over_budget,
    EventKind.STEP_ENDED: _ended,
    EventKind.STEP_WAITING: _waiting,
    EventKind.STEP_DOUBTED: _doubted,
    EventKind.STEP_SKIPPED: _skipped,
    EventKind.DECISION: _decision,
    EventKind.MILESTONE: _milestone,
    EventKind.CLOCK_JUMPED: _jumped,
    EventKind.BREACH: _breach,
    EventKind.WARNING: _warning,
    EventKind.ROLLBACK_STARTED: _rollback,
    EventKind.ROLLBACK_ENDED: _rolled_back,
    EventKind.RUN_ENDED: _run_ended,
}
