"""The plan: a runbook with its inputs put in, nested runbooks laid flat, and the digest it is bound to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from functools import cached_property
from typing import Any

from orchestrator.model.document import FaultClass, Milestone, Mode, Text
from orchestrator.plain import dataclass


@dataclass(frozen=True, slots=True)
class PlannedCheck:
    """A check as planned: ``probe`` is the probe's document as data, templates in it not yet rendered."""

    probe: Mapping[str, Any]
    expect: Mapping[str, Any]
    within: float | None
    every: float


@dataclass(frozen=True, slots=True)
class PlannedUndo:
    """How a step is taken back. ``spec`` is the action's document as data."""

    kind: str
    spec: Mapping[str, Any]
    timeout: float
    verify: tuple[PlannedCheck, ...]


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step as planned. Times in seconds. ``needs`` is always explicit here."""

    id: str
    title: Text
    kind: str
    spec: Mapping[str, Any]
    needs: tuple[str, ...]
    changes: bool
    timeout: float
    budget: float | None = None
    expect: Mapping[str, Any] = field(default_factory=dict)
    verify: tuple[PlannedCheck, ...] = ()
    retries: int = 0
    retry_delay: float = 0.0
    idempotent: bool = False
    on_doubt: str = "ask"
    undo: PlannedUndo | None = None
    irreversible: str = ""
    role: str = ""
    marks: tuple[Milestone, ...] = ()
    skip: str = ""
    """Why ``when`` leaves it out; empty where it runs."""
    scope: Mapping[str, Any] = field(default_factory=dict)
    """The inputs of the nested runbook it was written in; empty for the plan's own runbook (then: the plan's)."""
    prefix: str = ""
    """What its own runbook's step ids start with in this plan: ``outer/`` for a nested one."""

    @property
    def repeatable(self) -> bool:
        """Whether doing it twice does no harm."""
        return self.idempotent or not self.changes


COUNT = "count"
"""Role of a step that counts what was lost: nothing waits for it, and no run ends without it (engine.counts)."""


@dataclass(frozen=True)
class Plan:
    """Everything a run is bound to. ``digest`` covers runbook, playbooks, roles, inventory and parameters."""

    run_id: str
    runbook: str
    title: Text
    purpose: str
    fault_class: FaultClass | None
    mode: Mode
    digest: str
    digests: Mapping[str, str]
    """Part to SHA-256: which part changed when the digest did."""
    inputs: Mapping[str, Any]
    """Secrets are here by reference only: ``{"$secret": "env:NAME"}``."""
    secrets: tuple[str, ...]
    """The references of all secrets, nested runbooks' included."""
    steps: tuple[PlannedStep, ...]
    steady_state: tuple[PlannedCheck, ...]
    locks: tuple[str, ...]
    rto: float | None
    rpo: float | None
    critical_path: float
    critical_steps: tuple[str, ...]
    severity: int | None = None
    service_level: Mapping[str, Any] | None = None
    """The contract's document as data, so that the record needs no other file."""
    system: str = ""
    site: str = ""
    on_failure: str = "stop"
    self_approval: bool = False
    drill: Mapping[str, Any] | None = None
    """The drill's document as data, where the run is a drill's."""

    @cached_property
    def by_id(self) -> Mapping[str, PlannedStep]:
        """Steps by id."""
        return {step.id: step for step in self.steps}

    @cached_property
    def dependents(self) -> Mapping[str, tuple[str, ...]]:
        """For each step, the steps that need it."""
        found: dict[str, list[str]] = {step.id: [] for step in self.steps}
        for step in self.steps:
            for need in step.needs:
                found[need].append(step.id)
        return {step: tuple(after) for step, after in found.items()}

    def promotions_before(self, name: str) -> list[PlannedStep]:
        """The steps that put a copy in the place of the data (role ``promote``) among all that ``name`` waits for."""
        found, todo = dict.fromkeys(self.by_id[name].needs), list(self.by_id[name].needs)
        while todo:
            for need in self.by_id[todo.pop()].needs:
                if need not in found:
                    found[need] = None
                    todo.append(need)
        return [self.by_id[one] for one in found if self.by_id[one].role == "promote" and not self.by_id[one].skip]


def plan_to_body(plan: Plan) -> dict[str, Any]:
    """The plan as a JSON object."""
    from dataclasses import fields

    body = {item.name: getattr(plan, item.name) for item in fields(plan)}
    body["title"] = plan.title.model_dump()
    body["fault_class"] = plan.fault_class and str(plan.fault_class)
    body["mode"] = str(plan.mode)
    body["steps"] = [_step_to_body(step) for step in plan.steps]
    body["steady_state"] = [_check_to_body(check) for check in plan.steady_state]
    return {key: list(value) if isinstance(value, tuple) else value for key, value in body.items()}


def plan_from_body(body: Mapping[str, Any]) -> Plan:
    """The plan that ``plan_to_body`` wrote."""
    values = dict(body)
    values["title"] = Text(**body["title"])
    values["fault_class"] = FaultClass(body["fault_class"]) if body["fault_class"] else None
    values["mode"] = Mode(body["mode"])
    values["steps"] = tuple(_step_from_body(step) for step in body["steps"])
    values["steady_state"] = tuple(_check_from_body(check) for check in body["steady_state"])
    for name in ("secrets", "locks", "critical_steps"):
        values[name] = tuple(body[name])
    return Plan(**values)


def _check_to_body(check: PlannedCheck) -> dict[str, Any]:
    return {"probe": check.probe, "expect": check.expect, "within": check.within, "every": check.every}


def _check_from_body(body: Mapping[str, Any]) -> PlannedCheck:
    return PlannedCheck(body["probe"], body["expect"], body["within"], body["every"])


_STEP_DEFAULTS: dict[str, Any] = {
    "budget": None, "expect": {}, "verify": (), "retries": 0, "retry_delay": 0.0, "idempotent": False,
    "on_doubt": "ask", "undo": None, "irreversible": "", "role": "", "marks": (), "skip": "", "scope": {}, "prefix": "",
}  # fmt: skip


def _step_to_body(step: PlannedStep) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": step.id,
        "title": step.title.model_dump(),
        "kind": step.kind,
        "spec": step.spec,
        "needs": list(step.needs),
        "changes": step.changes,
        "timeout": step.timeout,
    }
    for name, default in _STEP_DEFAULTS.items():
        value = getattr(step, name)
        if value == default:
            continue
        if name == "verify":
            value = [_check_to_body(check) for check in step.verify]
        elif name == "undo" and step.undo is not None:
            undo = step.undo
            value = {
                "kind": undo.kind,
                "spec": undo.spec,
                "timeout": undo.timeout,
                "verify": [_check_to_body(check) for check in undo.verify],
            }
        elif name == "marks":
            value = [str(mark) for mark in step.marks]
        body[name] = value
    return body


def _step_from_body(body: Mapping[str, Any]) -> PlannedStep:
    values = dict(body)
    values["title"] = Text(**body["title"])
    values["needs"] = tuple(body["needs"])
    values["verify"] = tuple(_check_from_body(check) for check in body.get("verify", ()))
    values["marks"] = tuple(Milestone(mark) for mark in body.get("marks", ()))
    if body.get("undo"):
        undo = body["undo"]
        values["undo"] = PlannedUndo(
            undo["kind"], undo["spec"], undo["timeout"], tuple(_check_from_body(c) for c in undo["verify"])
        )
    return PlannedStep(**values)
