"""A run in a fake world: what the engine's unit tests are made with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.engine.planner import Material, make_plan
from orchestrator.engine.ports import Renderer
from orchestrator.engine.runner import Driven
from orchestrator.engine.state import RunState
from orchestrator.model.document import Mode
from orchestrator.model.job import Job
from orchestrator.model.outcome import Ending, Outcome, failed, ok, unknown
from orchestrator.model.plan import Plan, plan_from_body, plan_to_body
from orchestrator.model.runbook import Runbook
from orchestrator.testing import Answer, Crash, FakeWorld, NothingHappens, PlainRenderer, Stage

__all__ = [
    "Answer",
    "Crash",
    "FakeWorld",
    "NothingHappens",
    "Told",
    "failed",
    "gone",
    "ok",
    "plan",
    "runbook",
    "same_state",
    "step",
    "unknown",
]


def step(name: str, **more: Any) -> dict[str, Any]:
    """A changing step that can be told how to end."""
    base: dict[str, Any] = {
        "id": name,
        "scripted": {},
        "timeout": "60s",
        "changes": True,
        "irreversible": "a test",
    }
    if "undo" in more:
        del base["irreversible"]
    for kind in ("fabric", "ansible", "probe", "manual", "approve", "wait", "runbook"):
        if kind in more:
            del base["scripted"]
    return {**base, **more}


def gone(error: str = "no trace") -> Outcome:
    return Outcome(Ending.GONE, error=error)


def runbook(*steps: dict[str, Any], **more: Any) -> Runbook:
    return Runbook.model_validate(
        {"runbook": "made-up", "fault_class": "performance", "title": "Made up", "steps": list(steps), **more}
    )


def plan(
    book: Runbook,
    mode: Mode = Mode.LIVE,
    nested: Mapping[str, Runbook] | None = None,
    *,
    renderer: Renderer | None = None,
    **inputs: Any,
) -> Plan:
    material = Material(book, nested=nested or {})
    made = make_plan(material, run_id="r1", mode=mode, inputs=inputs, renderer=renderer or PlainRenderer())
    assert plan_from_body(json.loads(json.dumps(plan_to_body(made)))) == made
    return made


def same_state(one: RunState, other: RunState) -> None:
    """Every part of the two states is equal: nothing is known that is not in the journal."""
    for name in vars(one):
        assert getattr(one, name) == getattr(other, name), name


@dataclass
class Told(Stage):
    """A stage whose steps end as they are told to: by step (its action) or ``step:phase``, in turn."""

    endings: dict[str, list[Answer]] = field(default_factory=dict)
    poll: float = 5.0

    def __post_init__(self) -> None:
        self.world.script = self.script
        super().__post_init__()

    def script(self, job: Job) -> Answer:
        said = self.endings.get(f"{job.step}:{job.phase}")
        if not said and job.phase == "action":
            said = self.endings.get(job.step)
        if not said:
            return Answer(Outcome(Ending.OK))
        return said.pop(0) if len(said) > 1 else said[0]

    def tell(self, step: str, *endings: Outcome | Answer) -> None:
        self.endings[step] = [one if isinstance(one, Answer) else Answer(one) for one in endings]

    def drive(self, *, wait: bool = False) -> Driven:
        self.driven = super().drive(wait=wait)
        same_state(self.state, RunState.from_events(self.journal.events()))
        return self.driven

    def crash_and_resume(self, *, wait: bool = False, after: float = 5.0) -> Driven:
        """Drive again a while after the driver died."""
        self.journal.crash_before = self.journal.crash_after = None
        self.world.clock.pass_time(after)
        return self.drive(wait=wait)

    def actions(self, name: str) -> list[str]:
        """The jobs that were really begun for a step's action."""
        return [ident for ident in self.world.done if ident.startswith(f"{name.replace('/', '--')}.action.")]
