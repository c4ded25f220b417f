"""``holdfast retry``."""

from __future__ import annotations

from orchestrator.cli.deciding import decide
from orchestrator.cli.options import By, Resume, Run, Step, Why


def command(run: Run, step: Step, by: By = None, why: Why = "", resume: Resume = False) -> None:
    """Try a failed or doubtful step again.

    Its action is done once more, whatever it did before: look first.
    """
    decide(run, "retry", step, by=by, why=why, resume=resume)
