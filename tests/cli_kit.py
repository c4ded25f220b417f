"""Rows and a plan for the tests of what is drawn."""

from __future__ import annotations

from example_runs import plan, step

from orchestrator.cli.board import Row
from orchestrator.model.transition import StepStatus

PLAN = plan([step("fence", "ansible", budget=60.0), step("promote", needs=["fence"])])


def row(
    name: str,
    status: StepStatus,
    *,
    seconds: float | None = None,
    budget: float | None = None,
    note: str = "",
    urgent: bool = False,
    title: str = "主机接管 and a title that goes on and on and on and on",
) -> Row:
    return Row(name, title, "ansible", status, seconds, budget, 1, note, urgent)
