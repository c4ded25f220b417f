"""The whole measurement, on whole and on broken-off journals."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from example_runs import (
    EXAMPLES,
    K,
    Writer,
    crashed_and_resumed,
    failed_and_rolled_back,
    fence_overridden,
    live_with_customer_approval,
    missed,
    plan,
    rollback_failed,
    step,
    success,
    takeover_steps,
    thousand_steps,
    until_noticed,
)  # fmt: skip

from orchestrator.model.event import Event
from orchestrator.model.measurement import Measurement, measure
from orchestrator.model.outcome import Ending, Outcome
from orchestrator.model.step_row import StepRow


def row(measured: Measurement, name: str) -> StepRow:
    found = measured.step(name)
    assert found is not None
    return found


@pytest.mark.parametrize("make", EXAMPLES.values(), ids=EXAMPLES)
def test_every_beginning_of_a_journal_is_measured(make: Callable[[], list[Event]]) -> None:
    events = make()
    for count in range(1, len(events) + 1):
        measured = measure(events[:count])
        assert Measurement.model_validate_json(measured.model_dump_json()) == measured
        assert measured.as_of


def test_measuring_twice_gives_the_same() -> None:
    assert measure(success()) == measure(success())


def test_nothing_but_a_journal_that_begins_with_its_plan_is_measured() -> None:
    for events in ([], success()[1:]):
        with pytest.raises(ValueError, match=r"run\.created"):
            measure(events)


def test_a_thousand_steps_are_measured() -> None:
    measured = measure(thousand_steps())
    assert len(measured.steps) == 1000
    assert measured.status == "succeeded"


@pytest.mark.parametrize(
    ("count", "status"),
    [(2, "running"), (4, "running")],
)
def test_a_run_under_way_is_running(count: int, status: str) -> None:
    measured = measure(success()[:count])
    assert (measured.status, measured.running, measured.ended_at) == (status, True, "")


def test_a_run_that_needs_a_decision_is_stopped() -> None:
    events = failed_and_rolled_back()
    stopped = next(n for n, one in enumerate(events) if one.kind is K.DECISION)
    assert measure(events[:stopped]).status == "stopped"


def test_a_run_whose_rollback_failed_is_stopped_again() -> None:
    assert measure(rollback_failed()).status == "stopped"


def test_a_run_that_waits_for_a_person_is_waiting() -> None:
    assert measure(live_with_customer_approval()[:5]).status == "waiting"


def test_a_run_let_go_of_with_jobs_at_work_is_interrupted() -> None:
    w = until_noticed(Writer(plan(takeover_steps()))).start("fence")
    w.add(K.DRIVER_RELEASED, why="SIGTERM", running=["fence.action.1"])
    assert measure(w.events).status == "interrupted"


def test_a_step_shows_by_how_much_it_is_over_its_budget() -> None:
    fence = row(measure(missed()), "fence")
    assert (fence.budget_s, fence.elapsed_s, fence.over_budget_s) == (60.0, 69.0, 9.0)
    assert [one.code for one in fence.deviations] == ["deviated_budget"]


def test_the_time_between_attempts_is_not_time_at_work() -> None:
    w = Writer(plan([step("a", idempotent=True, retries=1)]))
    w.start("a").tick(2).end("a", outcome=Outcome(Ending.FAILED, error="no"), elapsed=2.0)
    w.tick(30).start("a", attempt=2).tick(3).end("a", attempt=2, elapsed=3.0)
    found = row(measure(w.finish()), "a")
    assert (found.elapsed_s, found.attempts, found.basis) == (5.0, 2, "monotonic")
    assert [one.code for one in found.deviations] == ["deviated_auto_retry"]


def test_undoing_is_not_held_against_the_budget() -> None:
    assert row(measure(failed_and_rolled_back()), "promote").over_budget_s is None


def test_a_job_found_again_is_measured_by_the_wall_clock_and_says_so() -> None:
    fence = row(measure(crashed_and_resumed()), "fence")
    assert (fence.basis, fence.settled, fence.elapsed_s) == ("wall", "attached", pytest.approx(98.5))


def test_a_step_in_doubt_says_how_that_was_resolved() -> None:
    promote = row(measure(crashed_and_resumed()), "promote")
    assert (promote.settled, str(promote.status)) == ("probe", "succeeded")
    assert promote.error == ""
    assert promote.doubts == ("it was begun, no longer runs, and left no result",)


def test_an_overridden_fence_names_who_did_it() -> None:
    fence = row(measure(fence_overridden()), "fence")
    assert (fence.settled, fence.settled_by, str(fence.status)) == ("override", "zhang-min", "succeeded")
    assert [one.values["by"] for one in fence.deviations[:2]] == ["li-wei", "zhang-min"]


def test_steps_that_were_never_begun_are_named_when_the_run_is_over() -> None:
    rows = {one.id: [d.code for d in one.deviations] for one in measure(failed_and_rolled_back()).steps}
    assert rows["service"] == rows["loss"] == ["deviated_never"]


def test_a_step_begun_before_what_it_needs_was_good_is_a_deviation() -> None:
    w = Writer(plan([step("a"), step("b", needs=["a"])]))
    w.start("b")
    assert [one.code for one in row(measure(w.events), "b").deviations] == ["deviated_order"]


def test_the_checks_after_a_rollback_are_shown_only_where_they_were_made() -> None:
    steps = [step("a"), step("steady-rollback-1", "wait", role="rollback-check", changes=False)]
    w = Writer(plan(steps)).do("a", 1.0)
    assert [one.id for one in measure(w.events).steps] == ["a"]
    w.do("steady-rollback-1", 1.0)
    assert [one.id for one in measure(w.events).steps] == ["a", "steady-rollback-1"]


def test_texts_of_half_characters_do_not_stop_the_measuring() -> None:
    w = Writer(plan([step("a")]))
    w.do("a", 1.0, Outcome(Ending.FAILED, error="no file \udcff", output={"\udcfe": ["\udcfd", 1]}))
    found = row(measure(w.events), "a")
    assert found.error == "no file \\udcff"
    assert json.loads(found.model_dump_json())["output"] == {"\\udcfe": ["\\udcfd", 1]}


def test_events_of_steps_the_plan_does_not_have_are_passed_over() -> None:
    w = Writer(plan([step("a")]))
    for kind in (K.STEP_STARTED, K.STEP_ENDED, K.STEP_WAITING, K.STEP_DOUBTED, K.STEP_SKIPPED, K.STEP_OVER_BUDGET):
        w.add(kind, step="other", phase="action", attempt=1, ident="x", outcome={"ending": "ok"})
    assert measure(w.finish()).status == "succeeded"
