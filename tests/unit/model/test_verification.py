"""Whether a run verifies its system."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from example_runs import (
    K,
    Writer,
    crashed_and_resumed,
    failed_and_rolled_back,
    fence_overridden,
    missed,
    plan,
    restore_drill,
    simulated,
    step,
    success,
    tabletop,
    unproven,
)  # fmt: skip

from orchestrator.model.event import Event
from orchestrator.model.measurement import measure


def reasons(events: list[Event]) -> set[str]:
    verification = measure(events).verification
    assert not verification.counts
    assert verification.expires_at == ""
    return {one.code for one in verification.reasons}


@pytest.mark.parametrize("make", [success, crashed_and_resumed, restore_drill])
def test_a_good_drill_counts_for_half_a_year_and_for_its_digest(make: Callable[[], list[Event]]) -> None:
    verification = measure(make()).verification
    assert verification.counts
    assert verification.expires_at.startswith("2027-05-16")
    assert verification.digest == "ab" * 32


@pytest.mark.parametrize(
    ("make", "codes"),
    [
        (missed, {"objective_not_met", "had_breach"}),
        (unproven, {"objective_not_met"}),
        (failed_and_rolled_back, {"status_not_succeeded", "objective_not_met"}),
        (fence_overridden, {"had_breach", "not_as_written"}),
        (simulated, {"was_simulated", "objective_not_met"}),
        (tabletop, {"mode_not_counted"}),
    ],
)
def test_it_says_every_reason_why_a_run_does_not_count(make: Callable[[], list[Event]], codes: set[str]) -> None:
    assert reasons(make()) == codes


def test_no_beginning_of_a_run_counts() -> None:
    events = success()
    assert not any(measure(events[:count]).verification.counts for count in range(1, len(events)))


def test_a_step_that_a_person_forced_was_not_run_as_written() -> None:
    for verb in ("skip", "mark-done"):
        w = Writer(plan([step("a")], rto=None, rpo=None))
        w.start("a").tick(1)
        w.add(K.STEP_DOUBTED, step="a", phase="action", attempt=1, why="lost")
        w.decide(verb, "a", by="li-wei", why="it is done")
        assert reasons(w.finish()) == {"not_as_written"}


def test_a_manual_step_that_a_person_reports_done_is_as_written() -> None:
    w = Writer(plan([step("a", "manual", spec={"instructions": "Do it"})], rto=None, rpo=None))
    w.add(K.STEP_WAITING, step="a", kind="manual", undo=False, instructions="Do it")
    w.tick(5).decide("mark-done", "a", by="li-wei")
    assert measure(w.finish()).verification.counts
