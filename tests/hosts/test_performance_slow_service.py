"""A slow service, for real: customers wait, the runbook finds out why by itself, and those who waited judge it.

All figures are the observer's: what customers outside had, who know nothing of Holdfast. Orders of a few milliseconds
vary with whatever else the machine does. So the latency before is that of a longer time, and afterwards it must come
back to within a tenth of that for two whole seconds; slow is what is far beyond it.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from control_kit import ControlDesk, desk
from hosts_kit import until

from orchestrator.lab.sites import faults_performance, observations, observing, replication
from orchestrator.lab.sites.lab import SitesLab
from orchestrator.lab.sites.observations import Attempt, Outage

AGREE = 0.5
"""Seconds within which the record and the observer must agree."""
WINDOW = 20
"""Orders in a row whose median must be back: two seconds of them."""
MOMENT = 10
"""Orders most of which are slow where the service is: a second of them, as it is for hf-latency."""
PATIENCE = 120.0
"""Seconds in which there must be such a window; all that while the machine may have other things to do."""
PARAMETER = "idle_in_transaction_session_timeout"


@dataclass(frozen=True)
class Case:
    """A fault, who was at fault, and the measures of which one must have been the last."""

    fault: str
    culprit: str
    name: str
    measures: tuple[list[str], ...]


CASES = [
    Case("runaway-query", "session", faults_performance.REPORT, (["cancel"],)),
    Case("cpu-hog", "account", faults_performance.FIGURES, (["pause"],)),
    Case("io-hog", "account", faults_performance.ACCOUNT, (["renice", "pause"],)),
    Case("index-dropped", "index", faults_performance.INDEX, (["create-index"],)),
]


@pytest.fixture(scope="module")
def slowed(kept_lab: SitesLab) -> SitesLab:
    """One fresh lab for all tests here: each takes away what it made."""
    kept_lab.reset()
    return kept_lab


@pytest.fixture
def control(slowed: SitesLab, tmp_path: Path) -> Iterator[ControlDesk]:
    """A desk on a lab without a fault, whose customers have ordered for a while; no fault is left afterwards."""
    observing.start_observer(slowed)
    until(lambda: len(observing.attempts(slowed.directory)) >= WINDOW, "customers order")
    yield desk(slowed, tmp_path)
    slowed.heal_all()
    for parameter in (PARAMETER, "commit_delay", "commit_siblings"):
        replication.sql(slowed.host("db-a"), f"ALTER SYSTEM RESET {parameter}")
    replication.sql(slowed.host("db-a"), "SELECT pg_reload_conf()")
    assert faults_performance.batch(slowed.host("db-a")) == []


def took(attempts: Sequence[Attempt]) -> list[float]:
    """Seconds each order took, in the order in which they were begun; one that failed never ended."""
    begun = sorted(attempts, key=lambda each: each.began)
    return [each.ended - each.began if each.ok else float("inf") for each in begun]


def now(lab: SitesLab) -> float:
    """The moment of the newest order, by the observer's clock."""
    return max(each.ended for each in observing.attempts(lab.directory))


def since(lab: SitesLab, moment: float) -> list[Attempt]:
    return [each for each in observing.attempts(lab.directory) if each.began > moment]


def slow_spell(lab: SitesLab, moment: float) -> tuple[float, Outage]:
    """Median seconds of an order before customers were slowed, and how long they were: more than a busy moment is."""
    usual = statistics.median(took(since(lab, moment))[: 2 * WINDOW])
    beyond = 4 * usual + 0.005
    spells = observations.slow_spells(since(lab, moment), beyond, together=MOMENT)
    fault = next(each for each in spells if each.seconds is None or each.seconds > 2.0)
    # A single order that a busy machine held up half a second before is not the fault's.
    close = observations.slow_spells(since(lab, moment), beyond, together=3)
    begun = min(each.first_failed for each in close if each.first_failed >= fault.first_failed)
    fault = replace(fault, first_failed=begun)
    before = statistics.median(took([each for each in since(lab, moment) if each.ended < fault.first_failed]))
    return before, fault


def is_as_fast_as(lab: SitesLab, before: float, moment: float) -> bool:
    """Whether a window of orders begun after ``moment`` had a median of at most a tenth more than before."""
    seconds = took(since(lab, moment))
    windows = (seconds[at : at + WINDOW] for at in range(len(seconds) - WINDOW + 1))
    return any(statistics.median(window) <= 1.1 * before for window in windows)


def setting(lab: SitesLab, parameter: str) -> str:
    return replication.sql(lab.host("db-a"), f"SHOW {parameter}")


def set_for_good(lab: SitesLab, parameter: str) -> bool:
    asked = f"SELECT count(*) FROM pg_file_settings WHERE name = '{parameter}' AND sourcefile LIKE '%auto.conf'"
    return replication.sql(lab.host("db-a"), asked) == "1"


def recognised(said: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in said["findings"] if each["recognised"]]


def names_the_class(lab: SitesLab, control: ControlDesk, fault: str) -> None:
    """Healthy before; while the fault lasts the class is named, with evidence and the runbook. It is gone then."""
    said = control.diagnosis()
    assert said["verdict"] == "healthy", said
    lab.break_(fault)
    said = control.diagnosis()
    lab.heal(fault)
    assert (said["verdict"], said["fault_class"]) == ("recognised", "performance"), said
    (found,) = recognised(said)
    assert found["runbook"] == "performance/slow-service.yaml"
    latency = next(each for each in found["evidence"] if each["look"] == "latency")
    assert (latency["sighting"], latency["seen"]) == ("falls_short", {"output.slow": True})


def assert_measured(lab: SitesLab, control: ControlDesk, spell: Outage) -> None:
    """The record's recovery time is what customers had, and nothing was lost."""
    record = control.record()
    names = [moment["name"] for moment in record["measurement"]["milestones"]]
    told = [name for name in names if name in ("onset", "detected", "service_restored", "resolved")]
    wanted = ["onset", "detected", "service_restored", "resolved"]
    assert told == (wanted if control.statuses()["verified"] == "succeeded" else wanted[:-1])
    recorded = control.interval(record, "onset", "service_restored")
    print(f"onset to service restored: {recorded:.2f} s in the record, {spell.seconds:.2f} s to customers")
    assert recorded == pytest.approx(spell.seconds, abs=AGREE)
    assert record["measurement"]["rto"]["verdict"] == "met"
    assert record["measurement"]["rpo"]["verdict"] == "met"
    measured = control.output("measure")
    assert measured["receipts"]["lost_transactions"] == len(observing.lost_orders(lab, "db-a")) == 0
    assert measured["lost_transactions"] == 0


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.fault)
def test_the_culprit_is_found_and_treated_and_customers_are_served_as_fast_as_before(
    slowed: SitesLab, control: ControlDesk, case: Case
) -> None:
    names_the_class(slowed, control, case.fault)
    until(lambda: not is_slow(slowed), "customers are served again")
    began = now(slowed)
    answer = control.runs(f"slow-{case.fault}")
    assert answer.code == 0, answer.out + answer.err

    found = control.output("culprit")
    assert (found["culprit"], found["name"]) == (case.culprit, case.name)
    treated = control.output("treat")
    assert treated["measures"] in case.measures, "the least harmful measure that was enough"
    before, spell = slow_spell(slowed, began)
    assert spell.first_ok is not None
    until(lambda: is_as_fast_as(slowed, before, spell.first_ok or 0.0), "orders are as fast as before", PATIENCE)
    assert_measured(slowed, control, spell)

    tuned = control.output("tune")
    assert (tuned["old"], tuned["was_set"], tuned["new"]) == ("0", False, "1min"), "the record has the old value"
    assert (setting(slowed, PARAMETER), set_for_good(slowed, PARAMETER)) == ("1min", True)
    if case.culprit == "account":
        assert faults_performance.batch(slowed.host("db-a")), "its job was not ended"
        states = slowed.host("db-a").run(["ps", "-o", "stat=", "-u", case.name]).stdout.split()
        assert {state[0] for state in states} == {"T"}
    if case.culprit == "index":
        constraints = "conname IN ('account_pkey', 'ledger_account_fkey') AND convalidated"
        valid = f"SELECT count(*) FROM pg_constraint WHERE {constraints}"
        assert replication.sql(slowed.host("db-a"), valid) == "2", "what hung on the index is back too"


def is_slow(lab: SitesLab) -> bool:
    """Whether the newest orders took long, or failed."""
    newest = took(observing.attempts(lab.directory))[-5:]
    return statistics.median(newest) > 0.5


def test_tuning_that_makes_it_worse_is_taken_back_by_itself_and_the_record_says_what_to_do(
    slowed: SitesLab, control: ControlDesk
) -> None:
    host = slowed.host("db-a")
    # On this site every commit is held up by commit_delay, not only those that meet others.
    replication.sql(host, "ALTER SYSTEM SET commit_siblings = 0")
    replication.sql(host, "SELECT pg_reload_conf()")
    began = now(slowed)
    words = {"fault": "idle-transaction", "parameter": "commit_delay", "value": "100000"}
    given = itertools.chain.from_iterable(("--input", f"{name}={value}") for name, value in words.items())
    answer = control.runs("slow-runaway-query", *given)
    assert answer.code == 3, answer.out + answer.err

    treated = control.output("treat")
    assert treated["measures"] == ["cancel", "terminate"], "there was no query to cancel"
    statuses = control.statuses()
    assert (statuses["tune"], statuses["verified"]) == ("undone", "pending")
    assert (setting(slowed, "commit_delay"), set_for_good(slowed, "commit_delay")) == ("0", False)
    before, spell = slow_spell(slowed, began)
    assert spell.first_ok is not None
    until(lambda: is_as_fast_as(slowed, before, now(slowed) - 10.0), "orders are as fast as before", PATIENCE)
    assert_measured(slowed, control, spell)
    (asked,) = (one for one in control.record()["to_do"] if one["step"] == "tune")
    assert "was taken back" in asked["remark"]["text"], asked
