"""Whether a run verifies its system: only a successful drill or live run, as written, proven, does."""

from __future__ import annotations

from datetime import timedelta

from orchestrator.model.document import Document, Mode
from orchestrator.model.event import EventKind, to_iso
from orchestrator.model.objectives import Objective, Verdict
from orchestrator.model.remark import Remark, remark
from orchestrator.model.step_row import StepRow
from orchestrator.model.story import Story

VALID_FOR = timedelta(days=183)
"""How long a verification holds: backups and takeovers are to be exercised every half year."""


class Verification(Document):
    """Whether it counts, every reason why (not), and until when (UTC) it holds for exactly this ``digest``."""

    counts: bool
    reasons: tuple[Remark, ...]
    digest: str
    expires_at: str = ""


def verify(story: Story, rows: tuple[StepRow, ...], objectives: tuple[Objective, ...], status: str) -> Verification:
    """Judge it. All reasons against are given, not the first alone.

    It does not count: in a mode other than drill or live; when the run did not succeed; when anything was simulated;
    when RTO or RPO is missed or unproven; after a breach; when a step was left out, forced or overridden by a
    person (what was then verified is not the runbook as written).
    """
    plan = story.plan
    against: list[Remark] = []
    if plan.mode not in (Mode.DRILL, Mode.LIVE):
        against.append(remark("mode_not_counted", mode=str(plan.mode)))
    if status != "succeeded":
        against.append(remark("status_not_succeeded", status=status))
    simulated = [row.id for row in rows if row.simulated]
    if simulated:
        against.append(remark("was_simulated", steps=_few(simulated)))
    against += [
        remark("objective_not_met", objective=objective.name.upper(), verdict=str(objective.verdict))
        for objective in objectives
        if objective.name != "resolve" and objective.verdict in (Verdict.MISSED, Verdict.UNPROVEN)
    ]
    against += [
        remark("had_breach", detail=str(breach.body.get("detail", ""))) for breach in story.of_kind[EventKind.BREACH]
    ]
    for row in rows:
        forced = row.settled in ("skip", "override") or (row.settled == "mark-done" and row.kind != "manual")
        if forced:
            against.append(remark("not_as_written", step=row.id, how=row.settled, by=row.settled_by))
    ended = story.ended
    if against or ended is None:
        return Verification(counts=False, reasons=tuple(against), digest=plan.digest)
    return Verification(
        counts=True,
        reasons=(remark("verified", mode=str(plan.mode)),),
        digest=plan.digest,
        expires_at=to_iso(ended.at + VALID_FOR),
    )


def _few(names: list[str], most: int = 12) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} (+{len(names) - most})"
