"""The contract's clocks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from example_runs import CONTRACT, START, K, Writer, live_with_customer_approval, plan, step, success, unproven

from orchestrator.model.document import Milestone, Mode
from orchestrator.model.event import to_iso
from orchestrator.model.measurement import Measurement, measure
from orchestrator.model.objectives import Verdict
from orchestrator.model.outcome import Ending, Outcome
from orchestrator.model.severity_clock import Clock, ClockName


def clock(measured: Measurement, name: ClockName) -> Clock:
    found = measured.service.clock(name)
    assert found is not None
    return found


def fault(
    hours: float, severity: int = 2, *, restored: bool = True, mode: Mode = Mode.LIVE, **more: Any
) -> Measurement:
    """A fault of which the service is back after so many hours."""
    marks = (Milestone.RESTORED,)
    w = Writer(plan([step("work", marks=marks)], mode=mode, severity=severity, rto=None, **more))
    w.add(K.MILESTONE, name="onset", at=to_iso(START), source="alert", basis="alert")
    w.start("work").tick(hours * 3600)
    if restored:
        w.end("work")
    else:
        w.add(K.WARNING, text="still at it")
    return measure(w.events)


def test_the_customers_time_to_approve_is_known_but_not_counted() -> None:
    restore = clock(measure(live_with_customer_approval()), "restore")
    assert restore.elapsed_s == pytest.approx(7765.59)
    assert restore.counted_s == pytest.approx(566.09)
    assert restore.excluded_s == pytest.approx(7199.5)
    assert restore.verdict is Verdict.MET


def test_the_deadline_moves_while_the_customer_is_asked() -> None:
    restore = clock(measure(live_with_customer_approval()), "restore")
    assert restore.deadline_at == to_iso(START - timedelta(minutes=9) + timedelta(hours=3, seconds=7199.5))


def test_a_service_level_may_count_the_customers_time() -> None:
    def strict() -> Measurement:
        events = live_with_customer_approval()
        body = dict(events[0].body)
        body["plan"] = {**body["plan"], "service_level": {**CONTRACT, "exclude_customer_approval": False}}
        return measure([type(events[0])(*(getattr(events[0], n) for n in events[0].__slots__[:-1]), body), *events[1:]])

    assert clock(strict(), "restore").excluded_s == 0


def test_waiting_for_ones_own_people_is_counted() -> None:
    ask = step("ask", "approve", spec={"question": "Go?"})
    w = Writer(plan([ask], mode=Mode.LIVE))
    w.add(K.MILESTONE, name="onset", at=to_iso(START), source="alert", basis="alert")
    w.add(K.STEP_WAITING, step="ask", kind="approve", undo=False, question="Go?")
    w.tick(600).decide("approve", "ask", by="wang")
    w.end("ask", outcome=Outcome(Ending.OK))
    assert clock(measure(w.events), "restore").excluded_s == 0


def test_a_fault_not_restored_in_time_is_raised_one_severity_at_that_moment() -> None:
    measured = fault(4)
    assert [(r.severity_from, r.severity_to, r.clock) for r in measured.service.raised] == [(2, 1, "restore")]
    assert measured.service.raised[0].at == to_iso(START + timedelta(hours=3))
    assert measured.service.severity_now == 1
    assert clock(measured, "restore").verdict is Verdict.MISSED


def test_it_is_raised_while_the_fault_still_goes_on() -> None:
    measured = fault(4, restored=False)
    assert measured.running
    assert measured.service.severity_now == 1
    assert (clock(measured, "restore").running, clock(measured, "resolve").running) == (True, True)


def test_a_low_severity_that_misses_both_promises_is_raised_twice() -> None:
    level = {**CONTRACT, "targets": {"3": {"restore": 3600.0, "resolve": 7200.0}}}
    measured = fault(3, 3, restored=False, service_level=level)
    assert [(one.severity_to, one.clock) for one in measured.service.raised] == [(2, "restore"), (1, "resolve")]


def test_severity_one_is_the_highest_by_itself() -> None:
    measured = fault(30, 1, restored=False)
    assert clock(measured, "restore").verdict is Verdict.MISSED
    assert measured.service.raised == ()


def test_a_service_level_may_not_raise() -> None:
    assert fault(4, service_level={**CONTRACT, "raise_when_late": False}).service.raised == ()


def test_without_onset_every_clock_is_unproven() -> None:
    assert {one.verdict for one in measure(unproven()).service.clocks} == {Verdict.UNPROVEN}


def test_arrival_on_site_is_never_assumed() -> None:
    assert clock(measure(success()), "on_site").verdict is Verdict.UNPROVEN


def test_a_drill_is_not_expected_to_resolve_anything() -> None:
    measured = measure(success())
    assert measured.resolve.verdict is Verdict.NOT_APPLICABLE
    assert clock(measured, "restore").verdict is Verdict.MET


def test_the_response_is_the_first_of_declaring_and_acting_after_onset() -> None:
    assert clock(measure(success()), "respond").counted_s == pytest.approx(2.02)
    assert clock(measure(live_with_customer_approval()), "respond").counted_s == 540


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"service_level": None}, "no_service_level"),
        ({"severity": None}, "no_severity"),
        ({"severity": 4}, "no_targets"),
        ({"service_level": {"service_level": "x"}}, "service_level_unreadable"),
        ({"mode": Mode.TABLETOP}, "not_recovering"),
    ],
)
def test_where_no_contract_clock_applies_it_is_said_why(more: dict[str, Any], code: str) -> None:
    measured = measure(Writer(plan([step("a")], **more)).events)
    assert measured.service.clocks == ()
    assert measured.service.reason is not None and measured.service.reason.code == code
    assert measured.resolve.verdict is Verdict.NOT_APPLICABLE


def test_seconds_that_lost_their_fraction_in_json_are_still_seconds() -> None:
    level = {**CONTRACT, "targets": {"2": {"restore": 10800, "resolve": "5h"}}}
    measured = fault(1, service_level=level)
    assert [one.limit_s for one in measured.service.clocks] == [10800.0, 18000.0]
