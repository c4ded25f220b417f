"""``holdfast mark-done``."""

from __future__ import annotations

from orchestrator.cli.deciding import decide
from orchestrator.cli.options import By, Resume, Run, Step, Why


def command(run: Run, step: Step, by: By = None, why: Why = "", resume: Resume = False) -> None:
    """Say that a step has been done by hand.

    For a step that is done by hand this is its answer. For any other stuck step it needs --why, and is recorded as a
    deviation.
    """
    decide(run, "mark-done", step, by=by, why=why, resume=resume)
