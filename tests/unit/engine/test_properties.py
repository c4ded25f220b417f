"""Random plans, outcomes, decisions, crashes and interrupts: what must hold whatever happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from engine_kit import (
    Answer,
    Crash,
    FakeWorld,
    NothingHappens,
    Told,
    failed,
    ok,
    plan,
    runbook,
    same_state,
    step,
    unknown,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.engine.decisions import VERBS
from orchestrator.engine.rollback import asks_people
from orchestrator.engine.runner import Halt
from orchestrator.engine.second_looks import next_look
from orchestrator.engine.state import ROLLBACK_CHECK, RunState
from orchestrator.model.event import Event, EventKind
from orchestrator.model.story import Story
from orchestrator.model.transition import BUSY, GOOD, STUCK, StepStatus

NAMES = ("a", "b", "c", "d", "e")
LOOK = {"probe": {"tcp": "x:1"}}


@st.composite
def steps(draw: Any) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, len(NAMES)))):
        more: dict[str, Any] = {}
        before = [one["id"] for one in made]
        if draw(st.booleans()):
            more["needs"] = draw(st.lists(st.sampled_from(before), unique=True)) if before else []
        kind = draw(st.sampled_from(["scripted", "scripted", "fabric", "approve", "manual", "probe", "wait"]))
        if kind == "fabric":
            more["fabric"] = {"host": "x", "argv": ["y"]}
        elif kind == "approve":
            more["approve"] = {"question": "Go?", "count": draw(st.integers(1, 2)), "deadline": "90s"}
            more["changes"] = False
        elif kind == "manual":
            more["manual"] = {"instructions": "Do it"}
        elif kind == "wait":
            more["wait"] = {"for": "1s"}
            more["changes"] = False
        elif kind == "probe":
            more["probe"] = {"tcp": "x:1"}
            more["changes"] = False
        more["idempotent"] = draw(st.booleans())
        more["on_doubt"] = draw(st.sampled_from(["ask", "probe", "rerun"]))
        if draw(st.booleans()):
            more["verify"] = [LOOK] * draw(st.integers(1, 2))
        if draw(st.booleans()):
            more["retries"] = {"count": draw(st.integers(1, 2)), "delay": "3s"}
        if draw(st.booleans()):
            more["budget"] = "2s"
        if draw(st.booleans()):
            more["undo"] = draw(
                st.sampled_from(
                    [
                        {"scripted": {}},
                        {"scripted": {}, "verify": LOOK},
                        {"manual": {"instructions": "Undo it"}},
                        {"manual": {"instructions": "Undo it"}, "verify": LOOK},
                    ]
                )
            )
        if draw(st.integers(0, 5)) == 0:
            more["role"] = "fence"
        if draw(st.integers(0, 5)) == 0:
            more["when"] = {"mode": ["drill"]}
        made.append(step(NAMES[number], **more))
    return made


ANSWERS = st.builds(
    Answer,
    st.sampled_from([ok(), ok(), ok(), failed("no"), unknown("lost")]),
    st.sampled_from([0.0, 1.0, 1.0, 20.0, None]),
    deaf=st.sampled_from([False, False, False, True]),
    later=st.sampled_from([None, ok(), failed("no")]),
)
DECISIONS = st.tuples(
    st.integers(0, 120),
    st.sampled_from((*VERBS, *("approve", "retry", "mark-done", "skip", "override") * 3)),
    st.sampled_from((*range(6), *NAMES, "steady-rollback-1", "nobody")),
    st.sampled_from(["li", "wang", "zhao"]),
    st.sampled_from(["because", "because", ""]),
)


@dataclass
class Scenario:
    steps: list[dict[str, Any]]
    on_failure: str
    steady: bool
    parallel: int
    answers: Mapping[str, list[Answer]]
    decisions: list[tuple[int, str, str | int, str, str]]
    crashes: list[tuple[bool, int]]
    interrupts: list[int]
    wait: bool


@st.composite
def stories(draw: Any) -> Scenario:
    keys = [f"{name}:{phase}" for name in NAMES for phase in ("action", "verify", "undo", "undo_verify")]
    keys.append("steady-rollback-1:action")
    return Scenario(
        steps=draw(steps()),
        on_failure=draw(st.sampled_from(["stop", "rollback"])),
        steady=draw(st.booleans()),
        parallel=draw(st.sampled_from([1, 2, 16])),
        answers=draw(st.dictionaries(st.sampled_from(keys), st.lists(ANSWERS, min_size=1, max_size=3), max_size=8)),
        decisions=draw(st.lists(DECISIONS, max_size=12)),
        crashes=draw(st.lists(st.tuples(st.booleans(), st.integers(1, 12)), max_size=3)),
        interrupts=draw(st.lists(st.integers(0, 60), max_size=2)),
        wait=draw(st.booleans()),
    )


@dataclass
class Watcher:
    """Looks at the state after every event, and at what each event may do."""

    attached_not_started: set[str] = field(default_factory=set)
    begun: list[str] = field(default_factory=list)

    def saw(self, event: Event, state: RunState) -> None:
        groups_agree(state)
        if event.kind is EventKind.STEP_STARTED:
            self._began(event, state)

    def _began(self, event: Event, state: RunState) -> None:
        body = event.body
        planned = state.plan.by_id[body["step"]]
        if not body.get("again"):
            assert body["ident"] not in self.begun, "an ident is used once"
        self.begun.append(body["ident"])
        if body["phase"] == "action" and planned.role != ROLLBACK_CHECK:
            assert state.rollback is None, "nothing is begun while rolling back"
            assert not state.winding_down
            assert all(state.steps[need].status in GOOD for need in planned.needs), "needs are good first"


def groups_agree(state: RunState) -> None:
    def having(*statuses: StepStatus) -> set[str]:
        return {name for name, one in state.steps.items() if one.status in statuses}

    assert set(state.ready) == having(StepStatus.READY)
    assert set(state.busy) == having(*BUSY)
    assert set(state.waiting) == having(StepStatus.WAITING)
    assert set(state.stuck) == having(*STUCK)
    assert set(state.light) <= set(state.ready)
    assert set(state.restless) == {n for n, s in state.steps.items() if next_look(state.plan.by_id[n], s) is not None}
    forward = {step.id for step in state.plan.steps if step.role != ROLLBACK_CHECK}
    assert state.open == len(forward - having(*GOOD))
    if state.rollback is not None:
        done = [state.steps[name].status is StepStatus.UNDONE for name in state.rollback.order]
        assert all(done[: state.rollback.done])
        assert state.rollback.done == len(done) or not done[state.rollback.done]


def decide(run: Told, verb: str, name: str | int, by: str, why: str) -> None:
    """A number stands for one of the steps that can do with a decision."""
    if isinstance(name, int):
        state = run.state
        wanting = [*state.stuck, *state.waiting, *(n for n in state.busy if state.steps[n].ident is None)]
        name = wanting[name % len(wanting)] if wanting else NAMES[0]
    run.world.decide(verb, name, by=by, why=why)


def play(story: Scenario) -> Told:
    steady = {"steady_state": [LOOK]} if story.steady else {}
    made = plan(runbook(*story.steps, on_failure=story.on_failure, **steady))
    watcher = Watcher()
    run = Told(made, FakeWorld(horizon=7200), observers=[watcher], parallel=story.parallel, poll=30.0)
    run.endings = {name: list(answers) for name, answers in story.answers.items()}
    for moment, verb, name, by, why in story.decisions:
        run.world.at(moment, partial(decide, run, verb, name, by, why))
    for moment in story.interrupts:
        run.world.at(moment, lambda: run.world.interrupt())
    crashes = list(story.crashes)
    for _ in range(40):
        run.journal.crash_before = run.journal.crash_after = None
        if crashes:
            before, ahead = crashes.pop()
            seq = len(run.journal.kept) + ahead
            if before:
                run.journal.crash_before = seq
            else:
                run.journal.crash_after = seq
        try:
            driven = run.drive(wait=story.wait)
        except Crash:
            continue
        except NothingHappens:
            assert run.state.waiting or asks_people(run.state), "only people are waited for without end"
            break
        more = run.world.let_happen()
        if driven.halt is not Halt.INTERRUPTED and not more and not crashes:
            break
    return run


@settings(max_examples=80, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(stories())
def test_whatever_happens_the_state_is_the_fold_and_nothing_is_done_twice(story: Scenario) -> None:
    run = play(story)
    same_state(run.state, RunState.from_events(run.journal.events()))
    assert max(Counter(run.world.done).values(), default=1) == 1, "no job is ever begun twice"
    told = Story(run.journal.events()).steps
    for name, one in run.state.steps.items():
        # The story does not tell pending from ready: nothing has happened to the step yet.
        assert told[name].status is one.status or one.status in (StepStatus.PENDING, StepStatus.READY), name
    if run.state.ended == "succeeded":
        forward = [one for one in run.plan.steps if one.role != ROLLBACK_CHECK]
        assert all(run.state.steps[one.id].status in GOOD for one in forward)
    retried = Counter(
        body["step"] for body in run.bodies(EventKind.DECISION) if body["verb"] == "retry" and body["accepted"]
    )
    for one in run.plan.steps:
        if not one.repeatable:
            assert len(run.actions(one.id)) <= 1 + retried[one.id], f"{one.id} is not repeated without a decision"
