"""``holdfast override``."""

from __future__ import annotations

from orchestrator.cli.deciding import decide
from orchestrator.cli.options import By, Resume, Run, Step, Why


def command(run: Run, step: Step, why: Why, by: By = None, resume: Resume = False) -> None:
    """Go past a fence or a missing approval, by name and with a reason.

    A fence takes two people: each gives this command under their own name. It is recorded as a breach.
    """
    decide(run, "override", step, by=by, why=why, resume=resume)
