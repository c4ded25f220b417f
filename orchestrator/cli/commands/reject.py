"""``holdfast reject``."""

from __future__ import annotations

from orchestrator.cli.deciding import decide
from orchestrator.cli.options import By, Resume, Run, Step, Why


def command(run: Run, step: Step, why: Why, by: By = None, resume: Resume = False) -> None:
    """Say no to a step that asks for approval."""
    decide(run, "reject", step, by=by, why=why, resume=resume)
