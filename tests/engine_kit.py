"""A run in a fake world: what the engine's unit tests are made with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from orchestrator.engine.jobs import JobMaker
from orchestrator.engine.planner import Material, make_plan
from orchestrator.engine.runner import Driven, Ports, Runner
from orchestrator.engine.state import RunState
from orchestrator.model.document import Mode
from orchestrator.model.event import EventKind
from orchestrator.model.job import Job
from orchestrator.model.outcome import Ending, Outcome, failed, ok, unknown
from orchestrator.model.plan import Plan, plan_from_body, plan_to_body
from orchestrator.model.runbook import Runbook
from orchestrator.testing import Answer, FakeWorld, MemoryJournal, PlainRenderer

__all__ = ["Answer", "Stage", "failed", "ok", "plan", "runbook", "step", "unknown"]


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
    return {**base, **more}


def runbook(*steps: dict[str, Any], **more: Any) -> Runbook:
    return Runbook.model_validate(
        {"runbook": "made-up", "fault_class": "performance", "title": "Made up", "steps": list(steps), **more}
    )


def plan(book: Runbook, mode: Mode = Mode.LIVE, nested: dict[str, Runbook] | None = None, **inputs: Any) -> Plan:
    made = make_plan(
        Material(book, nested=nested or {}), run_id="r1", mode=mode, inputs=inputs, renderer=PlainRenderer()
    )
    assert plan_from_body(plan_to_body(made)) == made
    return made


@dataclass
class Stage:
    """One run in a fake world, driven as often as needed: each drive is a new driver, as after a crash."""

    plan: Plan
    world: FakeWorld = field(default_factory=FakeWorld)
    endings: dict[str, list[Answer]] = field(default_factory=dict)
    started_by: str = "li"
    epochs: int = 0
    mode_wait: bool = False

    def __post_init__(self) -> None:
        self.world.script = self.script
        self.journal = MemoryJournal(self.plan.run_id, self.world.clock)
        self.journal.append(
            EventKind.RUN_CREATED,
            {"plan": plan_to_body(self.plan), "by": self.started_by, "account": f"{self.started_by}@desk"},
        )

    def script(self, job: Job) -> Answer:
        said = self.endings.get(f"{job.step}:{job.phase}") or self.endings.get(
            job.step if job.phase == "action" else ""
        )
        if not said:
            return Answer(Outcome(Ending.OK))
        return said.pop(0) if len(said) > 1 else said[0]

    def tell(self, step: str, *endings: Outcome | Answer) -> None:
        self.endings[step] = [one if isinstance(one, Answer) else Answer(one) for one in endings]

    def drive(self, *, wait: bool = False) -> Driven:
        self.epochs += 1
        self.journal.epoch = f"epoch-{self.epochs}"
        self.state = RunState.from_events(self.journal.events())
        self.state.apply(self.journal.append(EventKind.DRIVER_CLAIMED, {"pid": self.epochs}))
        ports = Ports(
            journal=self.journal,
            hands=self.world,
            mailbox=self.world,
            inbox=self.world,
            clock=self.world.clock,
            jobs=JobMaker(PlainRenderer(), jobs_dir="/nowhere"),
        )
        self.driven = Runner(self.state, ports, epoch=self.journal.epoch, wait_for_people=wait).drive()
        again = RunState.from_events(self.journal.events())
        assert {n: s.status for n, s in again.steps.items()} == {n: s.status for n, s in self.state.steps.items()}
        return self.driven

    def status(self, name: str) -> str:
        return str(self.state.steps[name].status)

    def kinds(self) -> list[str]:
        return [str(event.kind) for event in self.journal.events()]

    def bodies(self, kind: EventKind) -> list[dict[str, Any]]:
        return [dict(event.body) for event in self.journal.events() if event.kind is kind]
