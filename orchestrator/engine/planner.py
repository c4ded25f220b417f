"""From documents to a plan: inputs checked and put in, nested runbooks laid flat, the digest bound."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from orchestrator.engine.forecast import Leg, Part, forecast, in_order, until_restored
from orchestrator.engine.inputs import check_inputs
from orchestrator.engine.ports import Renderer
from orchestrator.engine.state import ROLLBACK_CHECK
from orchestrator.errors import UsageError
from orchestrator.model.actions import ASKS_PEOPLE, ApproveAction, Check, NestedRunbook
from orchestrator.model.document import DEFAULT_SEVERITY, Document, Milestone, Mode, Text
from orchestrator.model.drill import Drill
from orchestrator.model.estate import Estate, ServiceLevel, System
from orchestrator.model.plan import Plan, PlannedCheck, PlannedStep, PlannedUndo
from orchestrator.model.runbook import Runbook, Step, Undo

DEFAULT_TIMEOUT = 3600.0
"""Seconds for a step whose runbook names no timeout (lint asks for one)."""


@dataclass(frozen=True, slots=True)
class Material:
    """Everything a plan is made of. ``nested`` is keyed by the file the nesting step names."""

    runbook: Runbook
    nested: Mapping[str, Runbook] = field(default_factory=dict)
    estate: Estate | None = None
    service_level: ServiceLevel | None = None
    drill: Drill | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    site: str = ""


def make_plan(material: Material, *, run_id: str, mode: Mode, inputs: Mapping[str, Any], renderer: Renderer) -> Plan:
    """The plan of one run. Raises UsageError for inputs that do not fit, naming all of them."""
    runbook, drill = material.runbook, material.drill
    given = {**(drill.inputs if drill else {}), **inputs}
    values = check_inputs(runbook, given)
    laid = _Layout(material, mode, renderer)
    steps = laid.whole(runbook, values)
    system = _system(material)
    rto, rpo = _objectives(material, system)
    path = forecast(_legs_until_restored(steps))
    locks = tuple(dict.fromkeys(renderer.render(lock, _scope(values)) for lock in laid.locks(runbook, values)))
    return Plan(
        run_id=run_id,
        runbook=runbook.runbook,
        title=runbook.title,
        purpose=runbook.purpose,
        fault_class=runbook.fault_class,
        mode=mode,
        digest=combined_digest(material.digests, values, rto, rpo),
        digests=dict(material.digests),
        inputs=values,
        secrets=tuple(sorted(laid.secrets)),
        steps=steps,
        steady_state=tuple(_check(check) for check in runbook.steady_state),
        locks=() if mode in (Mode.CHECK, Mode.TABLETOP) else tuple(sorted(locks)),
        rto=rto,
        rpo=rpo,
        critical_path=path.seconds,
        critical_steps=path.steps,
        severity=_severity(runbook, system),
        service_level=plain(material.service_level) if material.service_level else None,
        system=runbook.system or "",
        site=material.site,
        on_failure=runbook.on_failure,
        self_approval=runbook.self_approval,
        drill=plain(drill) if drill else None,
    )


def combined_digest(parts: Mapping[str, str], inputs: Mapping[str, Any], rto: float | None, rpo: float | None) -> str:
    """SHA-256 over all parts and parameters: what "drill what you run" compares."""
    text = json.dumps({"parts": dict(parts), "inputs": inputs, "rto": rto, "rpo": rpo}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def plain(document: Document) -> dict[str, Any]:
    """The document as JSON-like data: durations in seconds, nothing that was not said."""
    data: dict[str, Any] = _plain(document.model_dump(mode="python", exclude_none=True))
    return data


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


def _scope(values: Mapping[str, Any]) -> dict[str, Any]:
    return {**values, "inputs": values}


def _check(check: Check) -> PlannedCheck:
    expect = {path: _matcher(matcher) for path, matcher in check.expect.items()}
    return PlannedCheck(plain(check.probe), expect, check.within, check.every)


def _matcher(matcher: Document) -> dict[str, Any]:
    # Only what was said: equals: null is an expectation of its own.
    data: dict[str, Any] = _plain(matcher.model_dump(mode="python", exclude_unset=True))
    return data


def _undo(undo: Undo) -> PlannedUndo:
    verify = (_check(undo.verify),) if undo.verify else ()
    return PlannedUndo(undo.kind, plain(undo.action), undo.timeout, verify)


def _system(material: Material) -> System | None:
    if material.estate is None or material.runbook.system is None:
        return None
    system = material.estate.systems.get(material.runbook.system)
    if system is None:
        raise UsageError(
            f"the estate {material.estate.estate} has no system {material.runbook.system!r}",
            mend=f"it has: {', '.join(material.estate.systems)}",
        )
    return system


def _objectives(material: Material, system: System | None) -> tuple[float | None, float | None]:
    """The tightest of estate, runbook and drill: a drill may tighten, never loosen."""
    said = [material.runbook.objectives] + ([material.drill.objectives] if material.drill else [])
    rto = [o.rto for o in said if o.rto is not None] + ([system.rto] if system else [])
    rpo = [o.rpo for o in said if o.rpo is not None] + ([system.rpo] if system else [])
    return min(rto, default=None), min(rpo, default=None)


def _severity(runbook: Runbook, system: System | None) -> int | None:
    if runbook.severity is not None:
        return runbook.severity
    if runbook.fault_class is None:
        return None
    if system is not None and runbook.fault_class in system.severity:
        return system.severity[runbook.fault_class]
    return DEFAULT_SEVERITY[runbook.fault_class]


def _legs_until_restored(steps: tuple[PlannedStep, ...]) -> Iterator[Leg]:
    """The steps the restored service waits for, each with its budget (its timeout where it has none)."""
    keep = until_restored(
        Part(step.id, step.needs, Milestone.RESTORED in step.marks, step.changes, step.kind == "wait") for step in steps
    )
    for step in steps:
        if step.id in keep:
            idle = bool(step.skip) or step.kind in ASKS_PEOPLE or step.kind == "wait"
            yield Leg(step.id, step.needs, step.budget if step.budget is not None else 0.0 if idle else step.timeout)


class _Layout:
    """Lays runbooks flat: a nested runbook's steps stand in its step's place, their ids prefixed."""

    def __init__(self, material: Material, mode: Mode, renderer: Renderer) -> None:
        self.nested = material.nested
        self.mode = mode
        self.renderer = renderer
        self.secrets: set[str] = set()

    def locks(self, runbook: Runbook, values: Mapping[str, Any]) -> Iterator[str]:
        """The lock templates of the runbook itself; nested runbooks' locks are rendered with their own inputs."""
        yield from runbook.locks
        for step in runbook.steps:
            if step.runbook is not None:
                inner, inner_values = self._inner(step.runbook, values)
                for lock in self.locks(inner, inner_values):
                    yield self.renderer.render(lock, _scope(inner_values))

    def whole(self, runbook: Runbook, values: Mapping[str, Any]) -> tuple[PlannedStep, ...]:
        """All steps, with the steady state probed before a drill, after everything, and after a rollback."""
        steps, leaves = self.flat(runbook, values, "", ())
        if self.mode is Mode.TABLETOP:
            return tuple(steps)
        checks = [_check(check) for check in runbook.steady_state]
        before = [
            _steady(check, f"steady-before-{n}", "before", number=n, needs=())
            for n, check in enumerate(checks, 1)
            if self.mode in (Mode.DRILL, Mode.CHECK)
        ]
        if self.mode is Mode.CHECK:
            return (*before, *steps)
        if before:
            names = tuple(step.id for step in before)
            steps = [step if step.needs else replace(step, needs=names) for step in steps]
        after = [_steady(c, f"steady-after-{n}", "after", number=n, needs=leaves) for n, c in enumerate(checks, 1)]
        back = [
            _steady(c, f"steady-rollback-{n}", "after the rollback", number=n, needs=(), role=ROLLBACK_CHECK)
            for n, c in enumerate(checks, 1)
        ]
        return (*before, *steps, *after, *back)

    def flat(
        self, runbook: Runbook, values: Mapping[str, Any], prefix: str, roots: tuple[str, ...]
    ) -> tuple[list[PlannedStep], tuple[str, ...]]:
        """The runbook's steps with prefixed ids, and its leaves: the steps nothing in it waits for."""
        self._note_secrets(values)
        names = _explicit_needs(runbook)
        by_id = {step.id: step for step in runbook.steps}
        laid: dict[str, list[PlannedStep]] = {}
        ends: dict[str, tuple[str, ...]] = {}
        for leg in in_order(Leg(name, wanted, 0.0) for name, wanted in names.items()):
            step = by_id[leg.id]
            needs = tuple(dict.fromkeys(end for name in leg.needs for end in ends[name])) if leg.needs else roots
            if step.runbook is None:
                laid[step.id] = [self._step(step, values, prefix, needs)]
                ends[step.id] = (prefix + step.id,)
                continue
            inner, inner_values = self._inner(step.runbook, values)
            inside, ends[step.id] = self.flat(inner, inner_values, f"{prefix}{step.id}/", needs)
            why = self._left_out(step, values)
            laid[step.id] = [replace(one, skip=one.skip or why) for one in inside]
        needed = {name for wanted in names.values() for name in wanted}
        leaves = tuple(end for step in runbook.steps if step.id not in needed for end in ends[step.id])
        return [one for step in runbook.steps for one in laid[step.id]], leaves

    def _inner(self, nested: NestedRunbook, values: Mapping[str, Any]) -> tuple[Runbook, dict[str, Any]]:
        inner = self.nested[nested.file]
        given = self.renderer.render(_plain(nested.inputs), _scope(values))
        return inner, check_inputs(inner, given)

    def _note_secrets(self, values: Mapping[str, Any]) -> None:
        self.secrets.update(v["$secret"] for v in values.values() if isinstance(v, Mapping) and "$secret" in v)

    def _left_out(self, step: Step, values: Mapping[str, Any]) -> str:
        if step.when is None:
            return ""
        if step.when.mode and self.mode not in step.when.mode and self.mode is not Mode.CHECK:
            return f"only in mode {', '.join(step.when.mode)}"
        for name, wanted in step.when.inputs.items():
            if values.get(name) != wanted:
                return f"only where {name} is {wanted}"
        return ""

    def _step(self, step: Step, values: Mapping[str, Any], prefix: str, needs: tuple[str, ...]) -> PlannedStep:
        title = step.title or Text(en=step.id.replace("-", " ").replace("_", " "))
        spec = plain(step.action)
        timeout = step.timeout if step.timeout is not None else DEFAULT_TIMEOUT
        if isinstance(step.action, ApproveAction) and step.action.deadline is not None:
            timeout = step.action.deadline
        planned = PlannedStep(
            id=prefix + step.id,
            title=title,
            kind=step.kind,
            spec=spec,
            needs=needs,
            changes=step.is_changing,
            timeout=timeout,
            budget=step.budget,
            expect={path: _matcher(matcher) for path, matcher in step.expect.items()},
            verify=tuple(_check(check) for check in step.verify),
            retries=step.retries.count if step.retries else 0,
            retry_delay=step.retries.delay if step.retries else 0.0,
            idempotent=step.idempotent,
            on_doubt=step.on_doubt,
            undo=_undo(step.undo) if step.undo else None,
            irreversible=step.irreversible or "",
            role=step.role or "",
            marks=step.marks,
            skip=self._left_out(step, values),
            scope=values if prefix else {},
            prefix=prefix,
        )
        if self.mode is Mode.TABLETOP:
            return _talked_through(planned)
        if self.mode is Mode.CHECK:
            return _only_checked(planned)
        return planned


def _explicit_needs(runbook: Runbook) -> dict[str, tuple[str, ...]]:
    """What each step needs: what it says, else the step above it."""
    above: tuple[str, ...] = ()
    found: dict[str, tuple[str, ...]] = {}
    for step in runbook.steps:
        found[step.id] = above if step.needs is None else step.needs
        above = (step.id,)
    return found


def _talked_through(step: PlannedStep) -> PlannedStep:
    """In a tabletop people say what they would do; nothing is done and nothing is probed."""
    if step.kind == "approve" or step.skip:
        return step
    text = {"en": f"Talk it through: {step.title.en}", "zh": f"桌面推演: {step.title.in_language('zh')}"}
    return replace(
        step,
        kind="manual",
        spec={"instructions": text},
        changes=False,
        expect={},
        verify=(),
        undo=None,
        marks=(),
    )


def _only_checked(step: PlannedStep) -> PlannedStep:
    """In check mode each executor looks whether it could act; the order and the outcome of other steps do not matter."""
    why = step.skip
    if step.kind in ASKS_PEOPLE:
        why = "a person's step: there is nothing to check"
    elif _reads_outputs(step.spec):
        why = "depends on the output of another step: it can be checked only in a run"
    return replace(step, needs=(), changes=False, expect={}, verify=(), undo=None, marks=(), retries=0, skip=why)


def _reads_outputs(spec: Any) -> bool:
    if isinstance(spec, str):
        return "{{" in spec and "steps" in spec
    if isinstance(spec, Mapping):
        return any(_reads_outputs(value) for value in spec.values())
    return isinstance(spec, list | tuple) and any(_reads_outputs(value) for value in spec)


def _steady(
    check: PlannedCheck, name: str, when: str, *, number: int, needs: tuple[str, ...], role: str = ""
) -> PlannedStep:
    chinese = {"before": "前", "after": "后", "after the rollback": "回退后"}[when]
    return PlannedStep(
        id=name,
        title=Text(en=f"Steady state {when} ({number})", zh=f"稳态检查 ({chinese} {number})"),
        kind="wait",
        spec={"until": {"probe": check.probe, "expect": check.expect, "every": check.every}},
        needs=needs,
        changes=False,
        timeout=check.within or STEADY_TIMEOUT,
        role=role,
    )


STEADY_TIMEOUT = 15.0
"""Seconds a steady-state check is repeated for, where its runbook says nothing."""
