"""Three accounts, and their remainder, that add up."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from example_runs import EXAMPLES, K, Writer, failed_and_rolled_back, live_with_customer_approval, plan, step

from orchestrator.model.accounts import Accounts
from orchestrator.model.event import Event
from orchestrator.model.measurement import measure
from orchestrator.model.outcome import Ending, Outcome


def total(accounts: Accounts) -> float:
    names = ("machine", "human", "decision", "idle", "absent", "before")
    return round(sum(getattr(accounts, f"{name}_s") for name in names), 6)


@pytest.mark.parametrize("make", EXAMPLES.values(), ids=EXAMPLES)
def test_the_accounts_add_up_to_the_elapsed_time_at_every_moment_of_a_run(make: Callable[[], list[Event]]) -> None:
    events = make()
    for count in range(1, len(events) + 1):
        measured = measure(events[:count])
        assert total(measured.run_accounts) == measured.run_accounts.elapsed_s == measured.elapsed_s
        if measured.outage_accounts is not None:
            assert total(measured.outage_accounts) == measured.outage_accounts.elapsed_s


def test_an_approval_is_waiting_for_a_decision_and_the_customers_part_is_told() -> None:
    accounts = measure(live_with_customer_approval()).run_accounts
    assert accounts.decision_s == accounts.customer_s == pytest.approx(7199.5)
    assert accounts.human_s == pytest.approx(1799.8)


def test_a_run_that_stands_still_after_a_failure_waits_for_a_decision() -> None:
    assert measure(failed_and_rolled_back()).run_accounts.decision_s == pytest.approx(599.01)


def test_waiting_ends_when_the_answer_is_given_not_when_a_driver_takes_it_up() -> None:
    ask = step("ask", "approve", spec={"question": "Go?"})
    w = Writer(plan([ask]))
    w.tick(0.98).add(K.STEP_WAITING, step="ask", kind="approve", undo=False, question="Go?")
    w.add(K.DRIVER_RELEASED, why="waiting", running=[])
    w.resume(100).decide("approve", "ask", by="wang", ago=60)
    w.end("ask", outcome=Outcome(Ending.OK))
    accounts = measure(w.finish()).run_accounts
    assert accounts.decision_s == pytest.approx(40)
    assert accounts.absent_s == pytest.approx(60)


def test_a_person_awaited_comes_before_a_machine_that_works_beside() -> None:
    w = Writer(plan([step("ask", "approve", spec={"question": "Go?"}), step("work")]))
    w.add(K.STEP_WAITING, step="ask", kind="approve", undo=False, question="Go?")
    w.start("work").tick(10).decide("approve", "ask", by="wang", ago=4)
    w.end("ask", outcome=Outcome(Ending.OK)).tick(5).end("work")
    accounts = measure(w.finish()).run_accounts
    assert accounts.decision_s == pytest.approx(6)
    assert accounts.machine_s == pytest.approx(9.01)


def test_the_pause_before_an_automatic_retry_is_not_laid_on_anybody() -> None:
    w = Writer(plan([step("look", "probe", changes=False, retries=1, retry_delay=3.0)]))
    w.start("look").tick(1).end("look", outcome=Outcome(Ending.FAILED, error="no"))
    half_way = list(w.events)
    w.tick(3).start("look", attempt=2).tick(1).end("look", attempt=2)
    measured = measure(w.finish())
    assert measured.run_accounts.decision_s == 0
    assert measured.run_accounts.idle_s == pytest.approx(3.04)
    assert measure(half_way).status == "running"
