"""How driving ended: the exit code, and the words for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.cli.exit_codes import ExitCode
from orchestrator.cli.hints import hints
from orchestrator.cli.signals import CODES
from orchestrator.cli.where import place
from orchestrator.engine.runner import Driven, Halt
from orchestrator.model.document import Mode
from orchestrator.model.duration import format_duration
from orchestrator.model.measurement import Measurement
from orchestrator.model.objectives import Objective, Verdict
from orchestrator.plain import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """How driving ended, what was measured, and what the program ends with."""

    driven: Driven
    measured: Measurement
    code: ExitCode
    summary: Mapping[str, Any]


_NOT_KEPT = (Verdict.MISSED, Verdict.UNPROVEN)


def exit_code(driven: Driven, measured: Measurement) -> ExitCode:
    """What the program ends with."""
    state = driven.state
    if driven.halt is Halt.INTERRUPTED:
        return CODES.get(driven.why, ExitCode.INTERRUPTED)
    if state.rollback is not None and state.rollback.ok is False:
        return ExitCode.ROLLBACK_FAILED
    if driven.halt is Halt.WAITING:
        return ExitCode.WAITING
    if driven.halt is Halt.STOPPED:
        # A check decides nothing and repairs nothing: what it found is its result.
        return ExitCode.FAILED if state.plan.mode is Mode.CHECK else ExitCode.STOPPED
    if state.ended != "succeeded":
        return ExitCode.FAILED
    missed = measured.rto.verdict in _NOT_KEPT or measured.rpo.verdict in _NOT_KEPT
    return ExitCode.MISSED if missed else ExitCode.DONE


def still_running(driven: Driven) -> list[str]:
    """The jobs that run on without a driver: step, where, and the job's name."""
    found = []
    for ident in driven.running:
        step = next((name for name, state in driven.state.steps.items() if state.ident == ident), "")
        planned = driven.state.plan.by_id.get(step)
        where = place(planned.kind, planned.spec) if planned is not None else ""
        found.append(f"{step or ident}{f' on {where}' if where else ''} (job {ident})")
    return found


def summary(driven: Driven, measured: Measurement, code: ExitCode) -> dict[str, Any]:
    """The run in one JSON object: how it ended, the verdicts, where the time went, what to do now."""
    state = driven.state
    accounts = measured.run_accounts
    return {
        "run_id": state.run_id,
        "runbook": state.plan.runbook,
        "mode": str(state.plan.mode),
        "status": state.ended or str(driven.halt),
        "why": state.why or driven.why,
        "exit_code": int(code),
        "elapsed_s": measured.elapsed_s,
        "rto": told(measured.rto),
        "rpo": told(measured.rpo),
        "lost": [loss.model_dump(mode="json") for loss in measured.losses],
        "time": {"machine_s": accounts.machine_s, "people_s": accounts.human_s, "decision_s": accounts.decision_s},
        "breaches": [str(event.body["detail"]) for event in state.breaches],
        "verified": measured.verification.counts,
        "simulated": [row.id for row in measured.steps if row.simulated],
        "running": list(driven.running),
        "next": [
            {"step": hint.step, "text": hint.text, "commands": list(hint.commands)}
            for hint in hints(state, driven=False)
        ],
    }  # fmt: skip


def told(objective: Objective) -> dict[str, Any]:
    """An objective in JSON."""
    return {
        "target_s": objective.target_s,
        "achieved_s": objective.achieved_s,
        "verdict": str(objective.verdict),
        "reason": objective.reason.text,
    }


def headline(driven: Driven) -> tuple[str, str]:
    """How it ended in a few words, and the style they are shown in."""
    state = driven.state
    if driven.halt is Halt.INTERRUPTED:
        return f"interrupted ({driven.why})", "bold yellow"
    if state.rollback is not None and state.rollback.ok is False:
        return "THE ROLLBACK FAILED: act by hand", "bold white on red"
    if driven.halt is Halt.STOPPED:
        if state.plan.mode is Mode.CHECK:
            return f"{len(state.stuck)} of {len(state.plan.steps)} checks failed", "bold red"
        return "stopped: a decision is needed", "bold red"
    if driven.halt is Halt.WAITING:
        return "waiting for a person", "bold yellow"
    style = "bold green" if state.ended == "succeeded" else "bold red"
    return state.ended.replace("_", " ") + (f": {state.why}" if state.why else ""), style


def verdict_line(objective: Objective) -> tuple[str, str]:
    """``RTO 5m00s: met - 12.4s of 5m00s.`` and its style; empty where the objective means nothing here."""
    name = objective.name.upper()
    target = f" {format_duration(objective.target_s)}" if objective.target_s is not None else ""
    if objective.verdict is Verdict.NOT_APPLICABLE and objective.achieved_s is None:
        ended_early = objective.reason.code in ("no_copy_serves", "stopped_before_fault")
        return (f"{name}{target}: not applicable. {objective.reason.text}" if ended_early else ""), ""
    words = {Verdict.MET: "met", Verdict.MISSED: "MISSED", Verdict.UNPROVEN: "UNPROVEN"}
    styles = {Verdict.MET: "green", Verdict.MISSED: "bold red", Verdict.UNPROVEN: "bold yellow"}
    if objective.verdict is Verdict.NOT_APPLICABLE:
        return f"{name}: {format_duration(objective.achieved_s or 0.0)}; {objective.reason.text}", ""
    return f"{name}{target}: {words[objective.verdict]}. {objective.reason.text}", styles[objective.verdict]
