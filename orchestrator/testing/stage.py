"""One run in a fake world, from its journal alone: driven, killed and taken up again as often as needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from orchestrator.engine.jobs import JobMaker
from orchestrator.engine.ports import Observer, Renderer
from orchestrator.engine.runner import Driven, Ports, Runner
from orchestrator.engine.state import RunState
from orchestrator.model.event import Event, EventKind
from orchestrator.model.plan import Plan, plan_to_body
from orchestrator.plain import dataclass
from orchestrator.testing.journal import Crash, MemoryJournal, PlainRenderer
from orchestrator.testing.world import FakeWorld


@dataclass
class Stage:
    """A run on stage. Each ``drive`` is a new driver: it knows nothing but the journal, as after a crash."""

    plan: Plan
    world: FakeWorld = field(default_factory=FakeWorld)
    renderer: Renderer = field(default_factory=PlainRenderer)
    started_by: str = "li"
    secrets: Mapping[str, str] = field(default_factory=dict)
    observers: Sequence[Observer] = ()
    parallel: int = 16
    poll: float = 0.5

    def __post_init__(self) -> None:
        self.drives = 0
        self.journal = MemoryJournal(self.plan.run_id, self.world.clock)
        body = {"plan": plan_to_body(self.plan), "by": self.started_by, "account": f"{self.started_by}@desk"}
        self.journal.append(EventKind.RUN_CREATED, body)
        self.state = RunState.from_events(self.journal.events())

    def runner(self, journal: MemoryJournal, *, wait: bool = True) -> Runner:
        """A driver that reads ``journal`` and has not claimed it yet."""
        self.state = RunState.from_events(journal.events())
        ports = Ports(
            journal=journal,
            hands=self.world,
            mailbox=self.world,
            inbox=self.world,
            clock=self.world.clock,
            jobs=JobMaker(self.renderer, place=lambda ident: f"/nowhere/{ident}", secrets=self.secrets),
            observers=self.observers,
        )
        return Runner(
            self.state, ports, epoch=journal.epoch, parallel=self.parallel, wait_for_people=wait, poll=self.poll
        )

    def drive(self, *, wait: bool = False) -> Driven:
        """Claim the run and drive it. Raises Crash where the journal was told to lose its driver."""
        self.drives += 1
        self.journal.epoch = f"epoch-{self.drives}"
        runner = self.runner(self.journal, wait=wait)
        try:
            self.state.apply(self.journal.append(EventKind.DRIVER_CLAIMED, {"pid": self.drives}))
            return runner.drive()
        except Crash:
            self.world.driver_dies()
            raise

    def status(self, step: str) -> str:
        """Where a step stands."""
        return str(self.state.steps[step].status)

    def events(self, kind: EventKind | None = None) -> list[Event]:
        """The events of a kind (all of them where none is named)."""
        return [event for event in self.journal.kept if kind in (None, event.kind)]

    def kinds(self) -> list[str]:
        """The kinds of all events, in order."""
        return [str(event.kind) for event in self.journal.kept]

    def bodies(self, kind: EventKind) -> list[dict[str, Any]]:
        """The bodies of all events of a kind."""
        return [dict(event.body) for event in self.events(kind)]
