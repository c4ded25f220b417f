"""Laying runbooks flat: a nested runbook's steps stand in its step's place, their ids prefixed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from typing import Any

from orchestrator.engine.forecast import CycleFound, Leg, in_order
from orchestrator.engine.inputs import check_inputs, equals_input
from orchestrator.engine.planned import as_data, planned_step
from orchestrator.engine.ports import Renderer
from orchestrator.errors import UsageError
from orchestrator.model.actions import NestedRunbook
from orchestrator.model.document import Mode
from orchestrator.model.job import Phase, ident_of
from orchestrator.model.plan import COUNT, PlannedStep
from orchestrator.model.runbook import Runbook, Step
from orchestrator.plain import dataclass


@dataclass
class Layout:
    """All steps of a runbook and the runbooks it nests, with the secrets and locks they name.

    ``leaves`` are the steps nothing waits for. Lint finds what is refused here earlier, with its place in the file.
    """

    nested: Mapping[str, Runbook]
    mode: Mode
    renderer: Renderer
    steps: list[PlannedStep] = field(default_factory=list)
    leaves: tuple[str, ...] = ()
    secrets: set[str] = field(default_factory=set)
    locks: set[str] = field(default_factory=set)
    _drawn: dict[int, PlannedStep] = field(default_factory=dict)
    """Steps as planned, by the identity of the document's step: a runbook that is nested ten times is drawn up once."""

    def lay(self, runbook: Runbook, values: Mapping[str, Any]) -> None:
        """Lay ``runbook`` flat. Raises UsageError where it does not hang together."""
        self.steps, self.leaves = self._flat(runbook, values, "", (), ())

    def _flat(
        self,
        runbook: Runbook,
        values: Mapping[str, Any],
        prefix: str,
        roots: tuple[str, ...],
        above: tuple[str, ...],
    ) -> tuple[list[PlannedStep], tuple[str, ...]]:
        self._note(runbook, values)
        by_id = {step.id: step for step in runbook.steps}
        laid: dict[str, list[PlannedStep]] = {}
        ends: dict[str, tuple[str, ...]] = {}
        legs = _in_order(runbook)
        for leg in legs:
            step = by_id[leg.id]
            needs = tuple(dict.fromkeys(end for name in leg.needs for end in ends[name])) if leg.needs else roots
            why = self._left_out(runbook, step, values)
            if step.runbook is None:
                scope = values if prefix else {}
                drawn = self._drawn.get(id(step))
                if drawn is None:
                    drawn = self._drawn[id(step)] = planned_step(step)
                placed = replace(drawn, id=prefix + step.id, needs=needs, skip=why, scope=scope, prefix=prefix)
                laid[step.id] = [placed]
                ends[step.id] = (prefix + step.id,)
                continue
            file = step.runbook.file
            if file in above:
                raise UsageError(f"runbooks nest each other: {' -> '.join([*above, file])}", mend="take one step out")
            inner, given = self._inner(step.runbook, values)
            inside, ends[step.id] = self._flat(inner, given, f"{prefix}{step.id}/", needs, (*above, file))
            laid[step.id] = [replace(one, skip=one.skip or why) for one in inside] if why else inside
        needed = {name for leg in legs for name in leg.needs}
        leaves = tuple(
            end for step in runbook.steps if step.id not in needed and step.role != COUNT for end in ends[step.id]
        )
        return [one for step in runbook.steps for one in laid[step.id]], leaves

    def _inner(self, nested: NestedRunbook, values: Mapping[str, Any]) -> tuple[Runbook, dict[str, Any]]:
        if nested.file not in self.nested:
            raise UsageError(f"there is no runbook {nested.file}", mend="runbooks are named relative to runbooks/")
        inner = self.nested[nested.file]
        given = self.renderer.render(as_data(nested.inputs), scope_of(values))
        return inner, check_inputs(inner, given)

    def _note(self, runbook: Runbook, values: Mapping[str, Any]) -> None:
        """Secrets, and locks: each rendered once, with the inputs of the runbook that names it."""
        self.secrets.update(v["$secret"] for v in values.values() if isinstance(v, Mapping) and "$secret" in v)
        self.locks.update(self.renderer.render(lock, scope_of(values)) for lock in runbook.locks)

    def _left_out(self, runbook: Runbook, step: Step, values: Mapping[str, Any]) -> str:
        if step.when is None:
            return ""
        if step.when.mode and self.mode not in step.when.mode and self.mode is not Mode.CHECK:
            return f"only in mode {', '.join(step.when.mode)}"
        for name, wanted in step.when.inputs.items():
            if name not in values or not equals_input(runbook.inputs[name], values[name], wanted):
                return f"only where {name} is {wanted}"
        return ""


def scope_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """What templates see while the plan is made: the inputs, by their names and below ``inputs``."""
    return {**values, "inputs": values}


def _in_order(runbook: Runbook) -> list[Leg]:
    """The steps with what each needs (what it says, else the step above it), each after what it needs."""
    above: tuple[str, ...] = ()
    wanted: dict[str, tuple[str, ...]] = {}
    for step in runbook.steps:
        if step.id in wanted:
            raise UsageError(f"runbook {runbook.runbook} has two steps {step.id!r}", mend="give one another id")
        wanted[step.id] = above if step.needs is None else step.needs
        # What counts the losses stands beside the others: nothing waits for it.
        above = above if step.role == COUNT else (step.id,)
    for name, needs in wanted.items():
        for need in needs:
            if need not in wanted:
                raise UsageError(f"step {name!r} needs {need!r}, which runbook {runbook.runbook} does not have")
    try:
        return in_order(Leg(name, needs, 0.0) for name, needs in wanted.items())
    except CycleFound as found:
        raise UsageError(f"runbook {runbook.runbook}: steps wait for each other: {found}") from found


def names_are_unique(steps: Iterator[PlannedStep] | tuple[PlannedStep, ...]) -> None:
    """Raises UsageError where two steps of a plan, or the names of their jobs, would be the same."""
    seen: dict[str, str] = {}
    for step in steps:
        ident = ident_of(step.id, Phase.ACTION, 1)
        if ident in seen:
            raise UsageError(
                f"steps {seen[ident]!r} and {step.id!r} would have jobs of the same name",
                mend="give one of them another id",
            )
        seen[ident] = step.id
