"""``holdfast rollback``."""

from __future__ import annotations

from orchestrator.cli.deciding import decide
from orchestrator.cli.options import By, Resume, Run, Why


def command(run: Run, why: Why, by: By = None, resume: Resume = False) -> None:
    """Undo what the run has done, last step first.

    Afterwards the steady state is probed; a rollback that does not bring health back is a failure, and says so.
    """
    decide(run, "rollback", by=by, why=why, resume=resume)
