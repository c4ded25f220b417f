"""The player of rehearsals says what came out otherwise, and plays what happens beside the steps."""

from __future__ import annotations

from typing import Any

import pytest
from engine_kit import runbook, step
from pydantic import ValidationError

from orchestrator.documents.parse import validated
from orchestrator.documents.reader import read_bytes
from orchestrator.engine.planner import Material
from orchestrator.errors import DocumentError
from orchestrator.model.rehearsal import Rehearsal
from orchestrator.testing.rehearsing import Played, play_material

BOOK = runbook(
    step("a", marks="onset", idempotent=True, undo={"scripted": {}}),
    step("b", expect={"x": 1}, budget="10s", undo={"scripted": {}}),
    step("go", approve={"question": "Go?"}, changes=False),
    step("c", marks="service_restored"),
    objectives={"rto": "5m"},
)
X: dict[str, Any] = {"step": "b", "output": {"x": 1}}
GO: dict[str, Any] = {
    "once": {"step": "go", "status": "waiting"},
    "after": "30s",
    "decide": {"verb": "approve", "step": "go"},
}


def played(*answers: dict[str, Any], happens: list[dict[str, Any]] | None = None, **expected: Any) -> Played:
    spec = {
        "rehearsal": "r",
        "title": "R",
        "runbook": "made-up.yaml",
        "answers": [X, *answers],
        "happens": [GO] if happens is None else happens,
        "expected": {"run": "succeeded", **expected},
    }
    return play_material(Rehearsal.model_validate(spec), Material(BOOK))


def test_what_comes_out_as_expected_has_no_problems() -> None:
    result = played(
        steps={"a": "succeeded", "c": "succeeded"},
        order=[["a", "b", "go", "c"]],
        begun={"a": 1, "c": 1},
        over_budget=[],
        milestones=["onset", "service_restored"],
        intervals=[{"from": "onset", "to": "service_restored", "min": "30s", "max": "40s"}],
        takes={"max": "1m"},
        rto="met",
        rpo="not_applicable",
    )
    assert result.problems == ()


@pytest.mark.parametrize(
    ("expected", "problem"),
    [
        ({"run": "rolled_back"}, "the run is succeeded, not rolled_back"),
        ({"steps": {"c": "failed"}}, "step c is succeeded, not failed"),
        ({"order": [["c", "a"]]}, "a was begun before c had ended"),
        ({"never": ["c"]}, "step c was begun"),
        ({"begun": {"a": 2}}, "step a was begun 1 times, not 2"),
        ({"errors": {"a": "disk"}}, "the error of a does not say 'disk', but: nothing"),
        ({"breaches": ["fence"]}, "the breaches are none, not fence"),
        ({"over_budget": ["b"]}, "over budget are none, not b"),
        ({"milestones": ["resolved"]}, "the milestone resolved was not reached"),
        ({"intervals": [{"from": "onset", "to": "resolved"}]}, "from onset to resolved: resolved was not reached"),
        (
            {"intervals": [{"from": "onset", "to": "service_restored", "max": "5s"}]},
            "from onset to service_restored took 32s, more than 5s",
        ),
        ({"takes": {"max": "5s"}}, "the run took 33s, more than 5s"),
        ({"takes": {"min": "5m"}}, "the run took 33s, less than 5m00s"),
        ({"rto": "missed"}, "the RTO is met, not missed"),
        ({"lost_transactions": 3}, "None transactions are lost, not 3"),
        ({"manual": ["do"]}, "nothing left to be done by hand says 'do': nothing is left"),
    ],
    ids=lambda one: next(iter(one)) if isinstance(one, dict) else "",
)
def test_what_comes_out_otherwise_is_told(expected: dict[str, Any], problem: str) -> None:
    (told,) = played(**expected).problems
    assert told.startswith(problem)


def test_a_step_with_an_expectation_and_no_answer_fails_and_the_problem_says_why() -> None:
    spec = {"rehearsal": "r", "title": "R", "runbook": "x.yaml", "expected": {"run": "succeeded"}}
    result = play_material(Rehearsal.model_validate(spec), Material(BOOK))
    assert result.problems == (
        "the run is stopped, not succeeded (b is failed: expected otherwise: x: not in the output)",
    )


def test_steps_that_are_not_in_the_plan_are_named_before_anything_is_played() -> None:
    result = played({"step": "z"}, never=["y"])
    assert result.problems == ("there is no step 'z' in the plan", "there is no step 'y' in the plan")


def test_answers_nobody_asked_for_are_told() -> None:
    result = played({"step": "a", "phase": "undo"})
    assert result.problems == ("nothing asked for the answer of a (undo)",)


def test_happenings_whose_moment_never_comes_are_told() -> None:
    never = {"once": {"step": "a", "status": "failed"}, "decide": {"verb": "retry", "step": "a"}}
    assert played(happens=[GO, never]).problems == ("a never came to be failed",)


def test_answers_are_given_in_turn() -> None:
    retry = {"once": {"step": "c", "status": "failed"}, "decide": {"verb": "retry", "step": "c"}}
    result = played({"step": "c", "ends": "failed", "error": "no"}, {"step": "c"}, happens=[GO, retry], begun={"c": 2})
    assert result.problems == ()


def test_a_person_may_decide_while_nobody_drives() -> None:
    skip = {
        "once": {"step": "c", "status": "failed"},
        "after": "10m",
        "decide": {"verb": "skip", "step": "c", "why": "x"},
    }
    result = played({"step": "c", "ends": "failed"}, happens=[GO, skip], breaches=["rto"])
    assert result.problems == ()
    assert result.stage.drives == 2


def test_a_killed_driver_is_replaced_and_finds_what_it_began() -> None:
    kill = {"once": {"step": "a", "status": "running"}, "after": "5s", "kill": True, "back": "20s"}
    result = played({"step": "a", "takes": "10s"}, happens=[kill, GO], begun={"a": 1})
    assert result.problems == ()
    assert result.stage.drives == 2


def test_a_signal_stops_the_driver_and_not_the_job() -> None:
    signal = {"at": "5s", "signal": "SIGTERM", "back": "1s"}
    result = played({"step": "a", "takes": "10s"}, happens=[signal, GO], begun={"a": 1})
    assert result.problems == ()
    assert result.driven is not None
    assert "driver.released" in result.stage.kinds()


@pytest.mark.parametrize("way", ["clock_forward", "clock_back"])
def test_a_clock_that_is_set_changes_no_duration(way: str) -> None:
    result = played(happens=[{"at": "1500ms", way: "1h"}, GO], rto="met")
    assert result.problems == ()
    assert result.stage.kinds().count("clock.jumped") == 1


def test_a_run_that_waits_for_somebody_who_never_comes_is_told() -> None:
    assert "the driver waits for something that never comes" in played(happens=[]).problems[0]


def test_a_driver_that_does_not_wait_leaves_the_run_waiting() -> None:
    spec = {
        "rehearsal": "r",
        "title": "R",
        "runbook": "x.yaml",
        "waits": False,
        "answers": [X],
        "expected": {"run": "waiting", "steps": {"go": "waiting"}},
    }
    assert play_material(Rehearsal.model_validate(spec), Material(BOOK)).problems == ()


def test_milestones_told_at_the_start_count() -> None:
    spec = {
        "rehearsal": "r",
        "title": "R",
        "runbook": "x.yaml",
        "told": {"onset": "10m"},
        "answers": [X],
        "happens": [GO],
        "expected": {"run": "succeeded", "breaches": ["rto"], "rto": "missed"},
    }
    assert play_material(Rehearsal.model_validate(spec), Material(BOOK)).problems == ()


def test_what_an_executor_saw_counts_more_than_the_end_of_its_step() -> None:
    result = played(
        {"step": "c", "takes": "1m", "milestones": {"held_at": "5s"}},
        intervals=[{"from": "onset", "to": "service_restored", "max": "40s"}],
    )
    assert result.problems == ()


# -- the document ----------------------------------------------------------------------------------------------------


def test_a_rehearsal_says_where_it_is_wrong() -> None:
    text = (
        b"rehearsal: r\ntitle: R\nrunbook: a.yaml\nanswers:\n  - {step: a, end: failed}\nexpected: {run: succeeded}\n"
    )
    with pytest.raises(DocumentError) as refused:
        validated(read_bytes(text, "r.yaml"), Rehearsal)
    (problem,) = refused.value.problems
    assert (problem.line, problem.message, problem.mend) == (5, "unknown key 'end'", "did you mean 'ends'?")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"drill": "d.yaml"}, "has both or none of runbook and drill"),
        ({"happens": [{"at": "5s"}]}, "nothing happens"),
        ({"happens": [{"at": "5s", "kill": True, "signal": "SIGTERM"}]}, "has signal and kill"),
        ({"happens": [{"kill": True}]}, "has both or none of at and once"),
        ({"answers": [{"step": "a", "takes": "never"}]}, "for ever"),
        ({"expected": {"run": "well"}}, "succeeded"),
        ({"expected": {"run": "succeeded", "order": [["a"]]}}, "at least 2"),
    ],
)
def test_what_makes_no_sense_is_refused(more: dict[str, Any], told: str) -> None:
    spec = {"rehearsal": "r", "title": "R", "runbook": "a.yaml", "expected": {"run": "succeeded"}, **more}
    with pytest.raises(ValidationError, match=told):
        Rehearsal.model_validate(spec)
