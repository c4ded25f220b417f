"""``holdfast approve``."""

from __future__ import annotations

from orchestrator.cli.deciding import decide
from orchestrator.cli.options import By, Resume, Run, Step, Why


def command(run: Run, step: Step, by: By = None, why: Why = "", resume: Resume = False) -> None:
    """Approve a step that asks for it.

    Who started a run does not approve it, unless its runbook allows that.
    """
    decide(run, "approve", step, by=by, why=why, resume=resume)
