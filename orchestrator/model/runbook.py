"""The runbook document: one file for the drill, the outage and the change window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from orchestrator.model.actions import (
    ACTIONS,
    CHANGING,
    Action,
    AnsibleAction,
    ApproveAction,
    Check,
    FabricAction,
    ManualAction,
    MarkerAction,
    NestedRunbook,
    ProbeAction,
    ScriptedAction,
    WaitAction,
)
from orchestrator.model.document import Bilingual, Document, FaultClass, Flag, Milestone, Mode, Slug
from orchestrator.model.duration import Duration
from orchestrator.model.matcher import Expectations


class Objectives(Document):
    """Recovery targets: time until the service is back, and how much committed data may be lost (in time)."""

    rto: Duration | None = None
    rpo: Duration | None = None


class InputSpec(Document):
    """A value the starter gives. A ``secret`` is given by reference only: ``env:NAME`` or ``file:/path``."""

    type: Literal["string", "integer", "number", "boolean", "duration", "secret"] = "string"
    title: Bilingual | None = None
    pattern: str | None = None
    choices: tuple[str, ...] = ()
    min: float | None = None
    max: float | None = None
    default: str | int | float | bool | None = None
    required: Flag = True


class Retry(Document):
    """How often a failed, repeatable step is tried again, and after how long."""

    count: Annotated[int, Field(ge=1, le=20)]
    delay: Duration = 1.0


class When(Document):
    """Run the step only in these modes and only where these inputs have these values; else it is skipped."""

    mode: tuple[Mode, ...] = ()
    inputs: Mapping[str, str | int | float | bool] = {}


class Undo(Document):
    """How a step is taken back: one action with its own timeout."""

    ansible: AnsibleAction | None = None
    fabric: FabricAction | None = None
    manual: ManualAction | None = None
    scripted: ScriptedAction | None = None
    timeout: Duration = 600.0
    verify: Check | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Undo:
        given = [name for name in ("ansible", "fabric", "manual", "scripted") if getattr(self, name) is not None]
        if len(given) != 1:
            found = f"has {' and '.join(given)}" if given else "has nothing to do"
            raise ValueError(f"{found}; give exactly one of ansible, fabric, manual, scripted")
        return self

    @property
    def kind(self) -> str:
        """Which executor takes it back."""
        return next(n for n in ("ansible", "fabric", "manual", "scripted") if getattr(self, n) is not None)

    @property
    def action(self) -> Document:
        """The action's document."""
        action: Document = getattr(self, self.kind)
        return action


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str | Mapping) else value


class Step(Document):
    """One step: exactly one action, and what is promised about it."""

    id: Slug
    title: Bilingual | None = None
    ansible: AnsibleAction | None = None
    fabric: FabricAction | None = None
    probe: ProbeAction | None = None
    marker: MarkerAction | None = None
    wait: WaitAction | None = None
    approve: ApproveAction | None = None
    manual: ManualAction | None = None
    runbook: NestedRunbook | None = None
    scripted: ScriptedAction | None = None
    needs: tuple[Slug, ...] | None = None
    when: When | None = None
    expect: Expectations = {}
    verify: Annotated[
        tuple[Check, ...], BeforeValidator(_listed, json_schema_input_type=Check | tuple[Check, ...])
    ] = ()
    budget: Duration | None = None
    timeout: Duration | None = None
    retries: Retry | None = None
    idempotent: Flag = False
    on_doubt: Literal["probe", "rerun", "ask"] = "ask"
    undo: Undo | None = None
    irreversible: str | None = None
    changes: Flag | None = None
    role: Literal["fence", "promote", "count"] | None = None
    marks: Annotated[
        tuple[Milestone, ...],
        BeforeValidator(_listed, json_schema_input_type=Milestone | tuple[Milestone, ...]),
    ] = ()

    @model_validator(mode="after")
    def _one_action(self) -> Step:
        given = [name for name in ACTIONS if getattr(self, name) is not None]
        if len(given) != 1:
            found = f"the step has {' and '.join(given)}" if given else "the step has nothing to do"
            raise ValueError(f"{found}; give exactly one of {', '.join(ACTIONS)}")
        if self.undo is not None and self.irreversible is not None:
            raise ValueError("the step has both undo and irreversible; take one away")
        return self

    @property
    def kind(self) -> str:
        """The action's key: which executor does it."""
        return next(name for name in ACTIONS if getattr(self, name) is not None)

    @property
    def action(self) -> Action:
        """The action's document."""
        action: Action = getattr(self, self.kind)
        return action

    @property
    def is_changing(self) -> bool:
        """Whether the step changes something: said by ``changes``, else by the kind of action."""
        return self.kind in CHANGING if self.changes is None else self.changes


class Runbook(Document):
    """One declarative runbook."""

    runbook: Slug
    purpose: Literal["recovery", "restore", "change"] = "recovery"
    fault_class: FaultClass | None = None
    title: Bilingual
    summary: Bilingual | None = None
    system: Slug | None = None
    severity: Annotated[int, Field(ge=0, le=4)] | None = None
    objectives: Objectives = Objectives()
    inputs: Mapping[Slug, InputSpec] = {}
    locks: tuple[str, ...] = ()
    steady_state: tuple[Check, ...] = ()
    on_failure: Literal["stop", "rollback"] = "stop"
    self_approval: Flag = False
    """The starter may approve. Off unless the runbook says so."""
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _class_given(self) -> Runbook:
        if self.purpose == "recovery" and self.fault_class is None:
            raise ValueError(f"a recovery runbook has no fault_class; add one of {', '.join(FaultClass)}")
        return self
