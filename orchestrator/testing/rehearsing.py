"""Playing a rehearsal: the runbook's real plan, the real engine, and a world that answers as it was told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from datetime import timedelta
from pathlib import Path

from orchestrator.documents.files import read_file
from orchestrator.documents.loading import load
from orchestrator.documents.parse import validated
from orchestrator.documents.templates import TemplateRenderer
from orchestrator.documents.workspace import Workspace
from orchestrator.engine.planner import Material, make_plan
from orchestrator.engine.runner import Driven, Halt
from orchestrator.engine.state import RunState
from orchestrator.model.event import Event, EventKind, to_iso
from orchestrator.model.job import Job
from orchestrator.model.outcome import Ending, Outcome
from orchestrator.model.rehearsal import Happening, Rehearsal, StepAnswer
from orchestrator.plain import dataclass
from orchestrator.testing.journal import Crash
from orchestrator.testing.stage import Stage
from orchestrator.testing.verdict import problems_of
from orchestrator.testing.world import Answer, FakeWorld, NothingHappens

MOST_DRIVES = 100
"""A rehearsal whose driver is needed more often than that never ends."""


@dataclass(frozen=True, slots=True)
class Played:
    """How a rehearsal came out. ``problems`` are the differences to what is expected, as sentences."""

    rehearsal: Rehearsal
    stage: Stage
    driven: Driven | None
    problems: tuple[str, ...]


def read_rehearsal(path: Path, shown: str | None = None) -> Rehearsal:
    """The rehearsal in a YAML file. Raises DocumentError with every problem at file:line:col."""
    return validated(read_file(path, shown), Rehearsal)


def play(rehearsal: Rehearsal, workspace: Workspace) -> Played:
    """Play a rehearsal of one of the workspace's runbooks. Raises DocumentError and UsageError as a run would."""
    loaded = load(workspace, rehearsal.runbook, site=rehearsal.site, drill=rehearsal.drill)
    return play_material(rehearsal, loaded.material)


def play_material(rehearsal: Rehearsal, material: Material) -> Played:
    """Play a rehearsal of what a plan is made of, wherever it came from."""
    renderer = TemplateRenderer()
    plan = make_plan(material, run_id="rehearsal", mode=rehearsal.mode, inputs=rehearsal.inputs, renderer=renderer)
    world = FakeWorld()
    cast = _Cast(rehearsal, world)
    world.script = cast.answer
    stage = Stage(
        plan,
        world,
        renderer,
        started_by=rehearsal.started_by,
        secrets=dict.fromkeys(plan.secrets, "rehearsed"),
        observers=[cast],
        poll=60.0,
    )
    unknown = [f"there is no step {name!r} in the plan" for name in cast.names() if name not in plan.by_id]
    if unknown:
        return Played(rehearsal, stage, None, tuple(unknown))
    _tell(rehearsal, stage)
    driven, endless = _drive(rehearsal, stage, cast)
    problems = [*endless, *problems_of(rehearsal.expected, stage, driven), *cast.unused()]
    return Played(rehearsal, stage, driven, tuple(problems))


def _tell(rehearsal: Rehearsal, stage: Stage) -> None:
    start = stage.world.clock.wall()
    for name, before in rehearsal.told.items():
        at = to_iso(start - timedelta(seconds=before))
        body = {"name": str(name), "at": at, "source": rehearsal.started_by, "basis": "told at the start"}
        stage.journal.append(EventKind.MILESTONE, body)


def _drive(rehearsal: Rehearsal, stage: Stage, cast: _Cast) -> tuple[Driven | None, list[str]]:
    """Drive as people would: again after a signal or a crash, and after somebody has decided."""
    driven: Driven | None = None
    for _ in range(MOST_DRIVES):
        try:
            driven = stage.drive(wait=rehearsal.waits)
        except Crash:
            stage.world.clock.pass_time(cast.back)
            continue
        except NothingHappens as error:
            return None, [str(error)]
        if driven.halt is Halt.INTERRUPTED:
            stage.world.clock.pass_time(cast.back)
        elif not stage.world.let_happen():
            return driven, []
    return driven, [f"it is not over after {MOST_DRIVES} drivers"]


@dataclass
class _Cast:
    """Everybody and everything around the run: answers jobs in turn, and lets happen what happens."""

    rehearsal: Rehearsal
    world: FakeWorld
    back: float = 10.0
    _answers: dict[tuple[str, str], list[StepAnswer]] = field(default_factory=dict)
    _asked: set[tuple[str, str]] = field(default_factory=set)
    _awaited: list[Happening] = field(default_factory=list)

    def __post_init__(self) -> None:
        for one in self.rehearsal.answers:
            self._answers.setdefault((one.step, one.phase), []).append(one)
        for happening in self.rehearsal.happens:
            if happening.at is not None:
                self.world.at(happening.at + happening.after, self._call(happening))
            else:
                self._awaited.append(happening)

    def names(self) -> list[str]:
        """All steps that the rehearsal speaks of."""
        expected = self.rehearsal.expected
        named = [
            *(one.step for one in self.rehearsal.answers),
            *(one.once.step for one in self.rehearsal.happens if one.once),
            *(one.decide.step for one in self.rehearsal.happens if one.decide and one.decide.step),
            *expected.steps,
            *(name for names in expected.order for name in names),
            *expected.never,
            *expected.begun,
            *expected.errors,
            *(expected.over_budget or ()),
        ]
        return list(dict.fromkeys(named))

    def unused(self) -> list[str]:
        """Answers nobody asked for, and happenings whose moment never came: the rehearsal is about something else."""
        missed = [key for key in self._answers if key not in self._asked]
        found = [f"nothing asked for the answer of {step} ({phase})" for step, phase in missed]
        for one in self._awaited:
            assert one.once is not None
            found.append(f"{one.once.step} never came to be {one.once.status}")
        return found

    def answer(self, job: Job) -> Answer:
        """The world's script."""
        key = (job.step, str(job.phase))
        self._asked.add(key)
        said = self._answers.get(key)
        if not said:
            return Answer(Outcome(Ending.OK))
        return self._made(said.pop(0) if len(said) > 1 else said[0])

    def _made(self, said: StepAnswer) -> Answer:
        began = self.world.clock.wall()
        moments = {str(name): to_iso(began + timedelta(seconds=after)) for name, after in said.milestones.items()}
        error = said.error or ("" if said.ends == "ok" else f"rehearsed to be {said.ends}")
        outcome = Outcome(Ending(said.ends), output=said.output, error=error, milestones=moments)
        later = None
        if said.later is not None:
            told = "" if said.later == "ok" else error
            later = Outcome(Ending(said.later), output=said.output, error=told, milestones=moments)
        return Answer(outcome, said.takes if isinstance(said.takes, float) else None, later=later)

    def saw(self, _event: Event, state: RunState) -> None:
        """Observer: what waits for a step's state may come due."""
        due = [one for one in self._awaited if one.once and state.steps[one.once.step].status is one.once.status]
        for one in due:
            self._awaited.remove(one)
            self.world.at(one.after, self._call(one))

    def _call(self, happening: Happening) -> Callable[[], None]:
        def happen() -> None:
            if happening.decide is not None:
                said = happening.decide
                self.world.decide(said.verb, said.step or "", by=said.by, why=said.why)
            elif happening.clock_forward is not None:
                self.world.clock.jump(happening.clock_forward)
            elif happening.clock_back is not None:
                self.world.clock.jump(-happening.clock_back)
            else:
                self.back = happening.back
                if happening.kill:
                    raise Crash
                self.world.interrupt(happening.signal or "")

        return happen
