"""Which gauges a record gives."""

from __future__ import annotations

from datetime import timedelta

from example_runs import (  # fmt: skip
    START,
    Writer,
    before_decisions,
    fence_overridden,
    missed,
    plan,
    restore_drill,
    simulated,
    step,
    success,
    thousand_steps,
    unproven,
)

from orchestrator.metrics import Family, exposition, families
from orchestrator.model.event import Event
from orchestrator.model.record import Record
from orchestrator.records import build

TAKEOVER = {"system": "orders", "runbook": "postgres-standby-takeover", "mode": "drill"}


def record(events: list[Event], later: timedelta = timedelta()) -> Record:
    return build([Event(e.run_id, e.seq, e.kind, e.at + later, e.mono, e.epoch, e.body) for e in events])


def values(made: list[Family], name: str, **labels: str) -> list[float]:
    return [
        sample.value
        for family in made
        if family.name == name
        for sample in family.samples
        if labels.items() <= sample.labels.items()
    ]


def value(made: list[Family], name: str, **labels: str) -> float:
    (one,) = values(made, name, **labels)
    return one


def test_a_run_gives_its_times_and_targets() -> None:
    made = families([record(success())], version="0.1.0")
    assert value(made, "holdfast_run_recovery_time_seconds", **TAKEOVER) == 27.46
    assert value(made, "holdfast_run_recovery_time_objective_seconds", **TAKEOVER) == 300
    assert value(made, "holdfast_run_recovery_point_seconds", **TAKEOVER) == 0.3
    assert value(made, "holdfast_run_lost_transactions", counted="markers") == 3
    assert value(made, "holdfast_run_lost_transactions", counted="receipts") == 1
    assert value(made, "holdfast_step_duration_seconds", step="fence") == 12.5
    assert value(made, "holdfast_info", version="0.1.0") == 1


def test_exactly_one_verdict_and_one_status_is_one() -> None:
    made = families([record(missed())])
    for objective in ("rto", "rpo", "resolve"):
        assert sorted(values(made, "holdfast_run_verdict", objective=objective)) == [0, 0, 0, 1]
    assert value(made, "holdfast_run_verdict", objective="rto", verdict="missed") == 1
    assert sum(values(made, "holdfast_run_status")) == 1
    assert value(made, "holdfast_run_status", status="succeeded") == 1


def test_a_status_nobody_knows_is_other() -> None:
    made = families([record(Writer(plan([step("a")])).finish("melted"))])
    assert value(made, "holdfast_run_status", status="other") == 1


def test_what_is_not_known_gives_no_sample() -> None:
    made = families([record(unproven())])
    assert values(made, "holdfast_run_recovery_time_seconds") == []
    assert values(made, "holdfast_run_lost_transactions") == []
    assert values(made, "holdfast_verification_expiry_timestamp_seconds") == []


def test_the_newest_run_of_a_kind_speaks_and_the_last_success_is_kept() -> None:
    day = timedelta(days=1)
    old, new = record(success()), record(before_decisions(fence_overridden()), day)
    made = families([new, old])
    assert value(made, "holdfast_run_status", status="stopped", **TAKEOVER) == 1
    assert values(made, "holdfast_run_recovery_time_seconds", **TAKEOVER) == []
    ended = START + timedelta(seconds=32.9)
    assert value(made, "holdfast_last_success_timestamp_seconds", **TAKEOVER) == ended.timestamp()
    expiry = ended + timedelta(days=183)
    assert value(made, "holdfast_verification_expiry_timestamp_seconds") == expiry.timestamp()


def test_the_order_of_the_records_does_not_matter() -> None:
    one, other = record(success()), record(missed(), timedelta(hours=1))
    assert exposition(families([one, other])) == exposition(families([other, one]))


def test_no_label_holds_a_run_id() -> None:
    text = exposition(families([record(success()), record(restore_drill()), record(thousand_steps())])).decode()
    assert "20261114T190000" not in text


def test_each_system_runbook_and_mode_has_its_own_series() -> None:
    made = families([record(success()), record(restore_drill())])
    assert len(values(made, "holdfast_run_start_timestamp_seconds")) == 2


def test_a_run_without_a_system_still_has_the_label() -> None:
    made = families([record(Writer(plan([step("a")], system="")).events)])
    assert value(made, "holdfast_run_start_timestamp_seconds", system="none") == START.timestamp()


def test_no_runs_give_the_info_alone() -> None:
    assert [family.name for family in families([])] == ["holdfast_info"]


def test_the_accounts_of_the_gauge_add_up_to_the_run() -> None:
    made = families([record(success())])
    assert round(sum(values(made, "holdfast_run_account_seconds")), 6) == 32.9


def test_a_simulated_run_is_no_success_and_no_verification() -> None:
    made = families([record(simulated())])
    assert value(made, "holdfast_run_simulated", **TAKEOVER) == 1
    assert values(made, "holdfast_last_success_timestamp_seconds") == []
    assert values(made, "holdfast_verification_expiry_timestamp_seconds") == []
    assert value(made, "holdfast_run_verdict", objective="rto", verdict="met") == 0
    both = families([record(success()), record(simulated(), timedelta(days=1))])
    real = families([record(success())])
    for name in ("holdfast_last_success_timestamp_seconds", "holdfast_verification_expiry_timestamp_seconds"):
        assert values(both, name) == values(real, name) != []
