"""The plan as people read it before the night: the promises, whether they can be kept, and each step."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from orchestrator.cli.draw import wrapped
from orchestrator.cli.where import deed, place, way_back
from orchestrator.engine.state import ROLLBACK_CHECK
from orchestrator.model.duration import format_duration
from orchestrator.model.plan import Plan, PlannedStep


def plan_lines(plan: Plan, width: int) -> RenderableType:
    """The whole plan, ready to print."""
    return Group(*_head(plan, width), Text(), _table(plan, width), Text(), *_foot(plan, width))


def _head(plan: Plan, width: int) -> Iterator[Text]:
    first = Text()
    first.append(plan.title.en, style="bold")
    first.append(f"  {plan.runbook}, mode {plan.mode}", style="dim")
    yield first
    facts = [f"site {plan.site}" if plan.site else "", f"system {plan.system}" if plan.system else ""]
    facts.append(f"severity {plan.severity}" if plan.severity is not None else "")
    facts.append(f"locks {', '.join(plan.locks)}" if plan.locks else "locks nothing")
    facts.append("undone by itself when it fails" if plan.on_failure == "rollback" else "stops when it fails, and asks")
    yield from wrapped("; ".join(fact for fact in facts if fact), width, indent=0)
    if plan.inputs:
        given = ", ".join(f"{name}={_value(value)}" for name, value in plan.inputs.items())
        yield from wrapped(f"inputs: {given}", width, indent=0)
    yield from _objectives(plan, width)


def _value(value: object) -> str:
    return str(value["$secret"]) if isinstance(value, dict) and "$secret" in value else str(value)


def _objectives(plan: Plan, width: int) -> Iterator[Text]:
    path = f"critical path {format_duration(plan.critical_path)}"
    if plan.rto is None:
        yield Text(f"no RTO is set; {path}")
    else:
        spare = plan.rto - plan.critical_path
        fits = (
            f"fits, {format_duration(spare)} to spare"
            if spare >= 0
            else f"DOES NOT FIT, {format_duration(-spare)} too long"
        )
        yield Text(f"RTO {format_duration(plan.rto)}: {path}, {fits}", style="green" if spare >= 0 else "bold red")
    yield from wrapped(" > ".join(plan.critical_steps) or "nothing on it", width, indent=2, style="dim")
    yield Text(f"RPO {format_duration(plan.rpo)}" if plan.rpo is not None else "no RPO is set")


def _table(plan: Plan, width: int) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", expand=False, padding=(0, 2, 0, 0))
    table.add_column("step", overflow="fold", min_width=min(12, width // 6))
    table.add_column("does", overflow="fold", ratio=None)
    table.add_column("where", overflow="fold")
    table.add_column("after", overflow="fold", style="dim")
    table.add_column("budget", justify="right", no_wrap=True)
    table.add_column("timeout", justify="right", no_wrap=True, style="dim")
    table.add_column("undo", overflow="fold")
    for step in plan.steps:
        if step.role != ROLLBACK_CHECK:
            table.add_row(*_row(plan, step), style="dim" if step.skip else "")
    return table


def _row(plan: Plan, step: PlannedStep) -> tuple[str, ...]:
    does = f"left out: {step.skip}" if step.skip else deed(step.kind, step.spec)
    if step.role:
        does = f"{does} [{step.role}]"
    if step.verify and not step.skip:
        does += f"; then checks ({len(step.verify)})" if len(step.verify) > 1 else "; then checks"
    mark = "*" if step.id in plan.critical_steps else " "
    return (
        f"{mark}{step.id}", does, place(step.kind, step.spec), ", ".join(step.needs) or "-",
        format_duration(step.budget) if step.budget is not None else "", format_duration(step.timeout), way_back(step),
    )  # fmt: skip


def _foot(plan: Plan, width: int) -> Iterator[Text]:
    yield Text("* on the critical path", style="dim")
    yield Text(f"digest {plan.digest}")
    yield from wrapped(f"over {', '.join(plan.digests) or 'the parameters'}", width, indent=2, style="dim")
