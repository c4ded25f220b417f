"""From documents to a plan: inputs checked and put in, nested runbooks laid flat, the digest bound."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from typing import Any

from orchestrator.engine.forecast import Leg, Part, forecast, until_restored
from orchestrator.engine.inputs import check_inputs
from orchestrator.engine.layout import Layout, names_are_unique
from orchestrator.engine.modes import in_mode
from orchestrator.engine.planned import plain, planned_check
from orchestrator.engine.ports import Renderer
from orchestrator.errors import UsageError
from orchestrator.model.actions import ASKS_PEOPLE
from orchestrator.model.document import DEFAULT_SEVERITY, Milestone, Mode
from orchestrator.model.drill import Drill
from orchestrator.model.estate import Estate, ServiceLevel, System
from orchestrator.model.plan import Plan, PlannedStep
from orchestrator.model.runbook import Objectives, Runbook
from orchestrator.plain import dataclass


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
    values = check_inputs(runbook, {**(drill.inputs if drill else {}), **inputs})
    layout = Layout(material.nested, mode, renderer)
    layout.lay(runbook, values)
    steady_state = tuple(planned_check(check) for check in runbook.steady_state)
    steps = in_mode(mode, layout.steps, layout.leaves, steady_state)
    names_are_unique(steps)
    system = _system(material)
    said = [runbook.objectives, *([Objectives(rto=system.rto, rpo=system.rpo)] if system else [])]
    rto, rpo = _tightest([*said, *([drill.objectives] if drill else [])])
    path = forecast(_legs_until_restored(steps))
    changes_nothing = mode in (Mode.CHECK, Mode.TABLETOP)
    return Plan(
        run_id=run_id,
        runbook=runbook.runbook,
        title=runbook.title,
        purpose=runbook.purpose,
        fault_class=runbook.fault_class,
        mode=mode,
        # A drill that is stricter than the night drills the same thing, so its own objectives are left out here.
        digest=combined_digest(material.digests, values, *_tightest(said)),
        digests=dict(material.digests),
        inputs=values,
        secrets=tuple(sorted(layout.secrets)),
        steps=steps,
        steady_state=steady_state,
        locks=() if changes_nothing else tuple(sorted(layout.locks)),
        rto=rto,
        rpo=rpo,
        critical_path=path.seconds,
        critical_steps=path.steps,
        severity=_severity(runbook, system),
        service_level=plain(material.service_level) if material.service_level else None,
        system=runbook.system or "",
        site=material.site,
        on_failure="stop" if changes_nothing else runbook.on_failure,
        self_approval=runbook.self_approval,
        drill=plain(drill) if drill else None,
    )


def combined_digest(parts: Mapping[str, str], inputs: Mapping[str, Any], rto: float | None, rpo: float | None) -> str:
    """SHA-256 over all parts and parameters: what "drill what you run" compares."""
    text = json.dumps({"parts": dict(parts), "inputs": inputs, "rto": rto, "rpo": rpo}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


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


def _tightest(said: Iterable[Objectives]) -> tuple[float | None, float | None]:
    """The tightest of all that is said: a drill may tighten what estate and runbook say, never loosen it."""
    given = list(said)
    rto = min((one.rto for one in given if one.rto is not None), default=None)
    return rto, min((one.rpo for one in given if one.rpo is not None), default=None)


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
