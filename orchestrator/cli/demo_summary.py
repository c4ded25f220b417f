"""The demo's last words: what was measured, against what was promised, and where the papers are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.cli.outcome import Result
from orchestrator.model.duration import format_duration
from orchestrator.model.losses import Loss
from orchestrator.model.objectives import Objective

if TYPE_CHECKING:
    from orchestrator.cli.demo import Held


def summary(held: Held, out: Path, seconds: float, state: str) -> Iterator[str]:
    """The lines, ready to print."""
    yield ""
    yield f"Done in {format_duration(seconds)}."
    if held.takeover is not None:
        saw = f"; the customer outside saw {held.customer_s:.2f}s" if held.customer_s is not None else ""
        yield f"  takeover  outage {_took(held.takeover.measured.rto)}{saw}"
        yield f"            {_against(held.takeover.measured.rto)}"
        yield from _lost(held.takeover)
    if held.restore is not None:
        yield f"  restore   data back after {_took(held.restore.measured.rto)}; {_against(held.restore.measured.rto)}"
        yield from _lost(held.restore)
    forged = f"the forged copy is refused at {held.refused}" if held.refused else "THE FORGED COPY WAS NOT REFUSED"
    yield f"  evidence  both bundles hold; {forged}"
    for name in ("takeover", "restore"):
        yield f"  {'papers' if name == 'takeover' else '':<8}  {out / name / 'record.en.html'} (and record.zh.html)"
    yield f"  look      holdfast --state {state} status"
    for doubt in held.doubts:
        yield f"  DID NOT HOLD: {doubt}"


def _took(objective: Objective) -> str:
    return f"{objective.achieved_s:.2f}s" if objective.achieved_s is not None else "unknown"


def _against(objective: Objective) -> str:
    target = f" {format_duration(objective.target_s)}" if objective.target_s is not None else ""
    return f"{objective.name.upper()}{target}: {str(objective.verdict).replace('_', ' ')}"


def _lost(result: Result) -> Iterator[str]:
    measured = result.measured
    parts = [_loss(loss) for loss in measured.losses]
    yield f"            {'; '.join(parts) or 'what was lost is not known'}; {_against(measured.rpo)}"


def _loss(loss: Loss) -> str:
    what = "orders" if loss.kind == "receipts" else "markers"
    of = f" of {loss.written}" if loss.written is not None else ""
    return f"lost {loss.lost_transactions}{of} {what}, {format_duration(loss.lost_s)}"
