"""``holdfast abort``."""

from __future__ import annotations

from orchestrator.cli.deciding import decide
from orchestrator.cli.options import By, Resume, Run, Why


def command(run: Run, why: Why, by: By = None, resume: Resume = False) -> None:
    """End the run where it is, undoing nothing.

    Jobs at work are told to stop; how far they came is recorded as unknown where it is.
    """
    decide(run, "abort", by=by, why=why, resume=resume)
