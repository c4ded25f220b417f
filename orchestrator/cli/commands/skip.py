"""``holdfast skip``."""

from __future__ import annotations

from orchestrator.cli.deciding import decide
from orchestrator.cli.options import By, Resume, Run, Step, Why


def command(run: Run, step: Step, why: Why, by: By = None, resume: Resume = False) -> None:
    """Leave a stuck step out and go on.

    What a left-out step would have done is recorded as missing; fences cannot be left out.
    """
    decide(run, "skip", step, by=by, why=why, resume=resume)
