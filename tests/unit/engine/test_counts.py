"""What was lost is counted however the run ends, and a count that cannot be made holds nothing up."""

from __future__ import annotations

from typing import Any

import pytest
from engine_kit import Answer, Crash, Told, failed, gone, ok, plan, runbook, step, unknown

from orchestrator.model.document import Mode
from orchestrator.model.event import EventKind
from orchestrator.model.transition import StepStatus

UNDO: dict[str, Any] = {"scripted": {}}


def count(**more: Any) -> dict[str, Any]:
    """A step that counts the losses on the host that was promoted."""
    return {"id": "count", "marker": {"measure": {"target": "x"}}, "timeout": "60s", "role": "count", **more}


def ended_by_hand(run: Told) -> None:
    """Driven until it stands still, and then aborted."""
    run.drive()
    run.world.decide("abort", why="by hand")
    run.drive()


def kinds(run: Told) -> list[EventKind]:
    return [event.kind for event in run.journal.events()]


def test_it_is_taken_in_its_place_where_the_run_gets_there():
    run = Told(plan(runbook(step("a"), count(), step("b"))))
    run.drive()
    assert run.state.ended == "succeeded"
    assert [ident.partition(".")[0] for ident in run.world.done] == ["a", "count", "b"]


def test_the_step_below_it_waits_for_the_one_above_it():
    run = Told(plan(runbook(step("a"), count(), step("b"))))
    assert run.plan.by_id["b"].needs == ("a",)


@pytest.mark.parametrize("lost", [failed("no psql"), unknown("timeout"), gone()])
def test_one_that_cannot_be_made_stops_nothing(lost: Any):
    run = Told(plan(runbook(step("a"), count(), step("b"))))
    run.tell("count", lost)
    run.drive()
    assert run.state.ended == "succeeded"
    assert run.state.steps["count"].status is not StepStatus.SUCCEEDED


def test_one_that_failed_in_its_place_is_tried_once_more_at_the_end():
    run = Told(plan(runbook(step("a"), count(), step("b"))))
    run.tell("count", failed("it starts"), ok(lost_transactions=0))
    run.drive()
    assert run.state.ended == "succeeded"
    assert run.state.steps["count"].status is StepStatus.SUCCEEDED
    assert len(run.actions("count")) == 2


def test_its_failure_takes_nothing_back():
    run = Told(plan(runbook(step("a", undo=UNDO), count(), step("b"), on_failure="rollback")))
    run.tell("count", failed("no psql"))
    run.drive()
    assert run.state.ended == "succeeded"
    assert run.bodies(EventKind.ROLLBACK_STARTED) == []


def test_a_run_that_is_aborted_on_its_way_is_counted_before_it_ends():
    run = Told(plan(runbook(step("a"), count(needs=["b"]), step("b"))))
    run.tell("a", failed("no"))
    run.drive()
    assert run.state.ended == ""
    assert run.actions("count") == [], "nobody knows yet how it ends"
    run.world.decide("abort", why="by hand")
    run.drive()
    assert run.state.ended == "aborted"
    assert run.state.steps["count"].status is StepStatus.SUCCEEDED
    assert kinds(run)[-1] is EventKind.RUN_ENDED


def test_a_run_that_is_rolled_back_is_counted_after_everything_was_undone():
    run = Told(plan(runbook(step("a", undo=UNDO), step("b"), count(), on_failure="rollback")))
    run.tell("b", failed("no"))
    run.drive()
    assert run.state.ended == "rolled_back"
    assert [ident.rpartition(".")[0] for ident in run.world.done][-2:] == ["a.undo", "count.action"]


def test_where_the_copy_was_not_promoted_nothing_is_counted_on_it():
    run = Told(plan(runbook(step("a"), step("go", role="promote"), count())))
    run.tell("a", failed("no"))
    ended_by_hand(run)
    assert run.state.ended == "aborted"
    assert run.actions("count") == []
    (skipped,) = run.bodies(EventKind.STEP_SKIPPED)
    assert skipped["step"] == "count"
    assert "go did not come to a good end" in skipped["why"]


def test_where_the_copy_was_promoted_it_is_counted_though_what_follows_failed():
    run = Told(plan(runbook(step("go", role="promote"), step("address"), count())))
    run.tell("address", failed("no"))
    ended_by_hand(run)
    assert run.state.steps["count"].status is StepStatus.SUCCEEDED


def test_what_the_mode_leaves_out_is_not_counted_at_the_end_either():
    run = Told(plan(runbook(step("a"), count(needs=["a"], when={"mode": ["drill"]}))))
    run.tell("a", failed("no"))
    ended_by_hand(run)
    assert run.state.ended == "aborted"
    assert run.actions("count") == []


def test_an_abort_lets_a_count_that_is_at_work_come_to_its_end():
    by_hand = step("b", needs=["a"], manual={"instructions": "x"})
    run = Told(plan(runbook(step("a", needs=[]), count(needs=[]), by_hand)))
    run.tell("count", Answer(ok(lost_transactions=0), 30.0))
    run.world.at(5.0, lambda: run.world.decide("abort", why="by hand"))
    run.drive(wait=True)
    assert run.state.ended == "aborted"
    assert run.state.steps["count"].status is StepStatus.SUCCEEDED


@pytest.mark.parametrize("later", range(1, 5))
def test_a_driver_that_dies_between_abort_and_end_leaves_the_count_to_the_next(later: int):
    run = Told(plan(runbook(step("a"), step("b"), count())))
    run.tell("b", failed("no"))
    run.drive()
    run.world.decide("abort", why="by hand")
    run.journal.crash_before = len(run.journal.events()) + 1 + later
    with pytest.raises(Crash):
        run.drive()
    assert not run.state.ended
    run.crash_and_resume()
    assert run.state.ended == "aborted"
    assert run.state.steps["count"].status is StepStatus.SUCCEEDED
    assert len(run.bodies(EventKind.RUN_ENDED)) == 1


def test_checks_and_talks_have_it_as_an_ordinary_step():
    for mode in (Mode.CHECK, Mode.TABLETOP):
        made = plan(runbook(step("a"), count()), mode)
        assert made.by_id["count"].role == ""


def elsewhere(*endings: Any, undo: bool = False) -> Told:
    """A run whose count says where the data is until the promotion; it ends by hand or is rolled back."""
    go = step("go", role="promote", **({"undo": UNDO} if undo else {}))
    where = {"measure": {"target": "new", "before_promotion": "old"}}
    run = Told(plan(runbook(step("a"), go, step("b"), count(marker=where), on_failure="rollback" if undo else "stop")))
    for name, ending in endings:
        run.tell(name, ending)
    run.drive()
    if not run.state.ended:
        run.world.decide("abort", why="by hand")
        run.drive()
    return run


def counted_on(run: Told) -> list[str]:
    started = [body for body in run.bodies(EventKind.STEP_STARTED) if body["step"] == "count"]
    return [body["job"]["spec"]["measure"]["target"] for body in started]


def test_where_the_runbook_says_so_it_is_taken_where_the_data_is_until_the_promotion():
    assert counted_on(elsewhere(("a", failed("no")))) == ["old"]
    assert counted_on(elsewhere(("b", failed("no")))) == ["new"]
    assert counted_on(elsewhere(("b", failed("no")), undo=True)) == ["old"]


@pytest.mark.parametrize("ending", [failed("half"), unknown("the link was cut")])
def test_where_nobody_knows_which_copy_serves_nothing_is_counted(ending: Any):
    assert counted_on(elsewhere(("go", ending))) == []
