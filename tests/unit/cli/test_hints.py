"""The commands that are shown are those the run would take, and they are complete."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest
from engine_kit import Answer, Crash, Told, failed, gone, plan, runbook, step, unknown

from orchestrator.cli import place
from orchestrator.cli.hints import Hint, hints
from orchestrator.cli.place import Place
from orchestrator.cli.table import COMMANDS

QUESTION = {"question": "May we?", "customer": True}


def told(*steps: dict[str, object], **more: object) -> Told:
    return Told(plan(runbook(*steps, **more)))


def all_commands(found: list[Hint]) -> Iterator[str]:
    for hint in found:
        yield from hint.commands


def commands(stage: Told, *, driven: bool = True) -> list[str]:
    return [shlex.join(shlex.split(command)[:4]) for command in all_commands(hints(stage.state, driven=driven))]


def test_nothing_is_shown_for_a_run_that_has_ended() -> None:
    stage = told(step("a"))
    stage.drive()
    assert hints(stage.state, driven=False) == []


def test_a_failed_step_can_be_retried_marked_done_or_left_out() -> None:
    stage = told(step("a", undo={"scripted": {}}))
    stage.tell("a", failed("no", mend="look"))
    stage.drive()
    assert commands(stage) == [
        "holdfast retry r1 a",
        "holdfast mark-done r1 a",
        "holdfast skip r1 a",
        "holdfast rollback r1 --why",
        "holdfast abort r1 --why",
    ]
    (first, _) = hints(stage.state)
    assert first.text == "failed: no; mend: look"


def test_where_nothing_drives_the_run_each_command_drives_it_on() -> None:
    stage = told(step("a"))
    stage.tell("a", failed("no"))
    stage.drive()
    assert all(command.endswith(" --resume") for command in all_commands(hints(stage.state, driven=False)))


def test_an_interrupted_run_that_nothing_holds_up_is_resumed() -> None:
    stage = told(step("a"))
    stage.world.interrupt()
    stage.drive()
    assert commands(stage, driven=False) == ["holdfast resume r1"]


def test_a_fence_takes_override_and_no_shortcut() -> None:
    stage = told(step("fence", role="fence"))
    stage.tell("fence", unknown("no answer"))
    stage.drive()
    assert "holdfast override r1 fence" in commands(stage)
    assert "holdfast skip r1 fence" not in commands(stage)
    assert "holdfast mark-done r1 fence" not in commands(stage)


def test_an_approval_says_who_may_not_give_it() -> None:
    stage = told(step("go", approve=QUESTION))
    stage.drive()
    (hint,) = hints(stage.state)
    assert "asks: May we?" in hint.text
    assert f"not by {stage.state.starter}" in hint.text
    assert commands(stage)[:2] == ["holdfast approve r1 go", "holdfast reject r1 go"]


def test_an_approval_by_some_says_by_whom_and_how_many_have_given_it() -> None:
    asked = {**QUESTION, "of": ["wu", "he", "ma"], "count": 2, "deadline": "10m"}
    stage = told(step("go", approve=asked))
    stage.drive()
    stage.world.decide("approve", "go", by="wu")
    stage.drive()
    (hint,) = hints(stage.state)
    assert "1 of 2 have approved" in hint.text
    assert "from wu, he, ma" in hint.text
    assert "before 20" in hint.text
    assert commands(stage)[0] == "holdfast approve r1 go"


def test_a_step_done_by_hand_needs_no_reason() -> None:
    stage = told(step("rack", manual={"instructions": "Pull the blue cable"}))
    stage.drive()
    (hint,) = hints(stage.state)
    assert hint.text == "by hand: Pull the blue cable"
    assert "holdfast mark-done r1 rack" in hint.commands


def test_doubt_is_told_as_doubt() -> None:
    stage = told(step("a"))
    stage.journal.crash_after = 3
    with pytest.raises(Crash):
        stage.drive()
    stage.world.found["a.action.1"] = Answer(gone(), 0.0)
    stage.crash_and_resume()
    assert hints(stage.state)[0].text.startswith("began, and nothing can be learnt of its end")


@pytest.mark.parametrize("kind", ["failed", "approve", "manual"])
def test_every_command_shown_exists(kind: str) -> None:
    steps = {
        "failed": step("a"),
        "approve": step("a", approve=QUESTION),
        "manual": step("a", manual={"instructions": "do it"}),
    }
    stage = told(steps[kind])
    stage.tell("a", failed("no"))
    stage.drive()
    assert {shlex.split(command)[1] for command in all_commands(hints(stage.state))} <= set(COMMANDS)


def test_options_of_this_call_are_part_of_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "CHOSEN", Place(state="/srv/my state", store="/srv/j.sqlite3"))
    stage = told(step("a"))
    stage.tell("a", failed("no"))
    stage.drive()
    first = next(all_commands(hints(stage.state)))
    assert shlex.split(first) == [
        "holdfast",
        "--state",
        "/srv/my state",
        "--store",
        "/srv/j.sqlite3",
        "retry",
        "r1",
        "a",
    ]
