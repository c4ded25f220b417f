"""The east is lost, or cut off and alive: the west takes over behind a cut at the router, and business goes back."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from acceptance_kit import DEADLINE, end
from control_kit import ControlDesk, desk, ended_away
from hosts_kit import until

from orchestrator.lab.sites import observing, replication, service_address, writer_report
from orchestrator.lab.sites.lab import SitesLab
from orchestrator.lab.sites.topology import DATABASE_ADDRESS, ORDERS_ADDRESS

AGREE = 0.5
"""Seconds within which the record and the observer must agree."""
CLASS_TARGET = 8 * 3600
"""Seconds until the service must be restored where a site is lost."""
OUTAGE = 1.5
"""Seconds; a busy machine may well keep a customer waiting for less."""
ROUTE = "/usr/local/sbin/hf-route"
REFUSING = f"""#!/bin/sh
[ "$1" != isolate ] || {{ echo "the router takes no settings" >&2; exit 1; }}
exec {ROUTE}.kept "$@"
"""
TOLD = {"li-wei", "anna-berg", "chen-jun"}


@pytest.fixture
def control(lab: SitesLab, tmp_path: Path) -> Iterator[ControlDesk]:
    """A desk on a fresh lab, with orders coming in and the writer check trying every server."""
    observing.start_writers(lab)
    tried(lab)
    until(lambda: sum(each.ok for each in observing.attempts(lab.directory)) >= 5, "orders are acknowledged")
    yield desk(lab, tmp_path)
    observing.stop_writers(lab)
    lab.heal_all()


def tried(lab: SitesLab) -> None:
    """Wait until the writer check has tried each way ten times more."""

    def each_way() -> dict[str, int]:
        found: dict[str, int] = {}
        for one in observing.tries(lab.directory):
            found[one.via] = found.get(one.via, 0) + 1
        return found

    before = each_way()
    ways = (writer_report.SERVICE, "db-a", "db-b", "db-w")
    until(lambda: all(each_way().get(way, 0) >= before.get(way, 0) + 10 for way in ways), "the writer check goes on")


def diagnosing(lab: SitesLab, control: ControlDesk) -> subprocess.Popen[str]:
    """Begin ``holdfast diagnose``, which only looks: it may go on beside other things."""
    return control.start("diagnose", "orders-hosts", "--inventory", str(lab.inventory), "--json")


def diagnosed(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What it says in the end."""
    try:
        out, _ = process.communicate(timeout=DEADLINE)
    finally:
        end(process)
    said: dict[str, Any] = json.loads(out)
    return said


def is_well(control: ControlDesk) -> None:
    """It is diagnosed as healthy."""
    said = control.diagnosis()
    assert said["verdict"] == "healthy", json.dumps(said, indent=1)


def is_site_disaster(process: subprocess.Popen[str]) -> None:
    """It is diagnosed as this class, with what was seen, and the runbook to start."""
    said = diagnosed(process)
    assert (said["verdict"], said["fault_class"]) == ("recognised", "site-disaster"), json.dumps(said, indent=1)
    (found,) = (one for one in said["findings"] if one["signs"] == "site-lost")
    assert found["command"][2] == "site-disaster/site-takeover.yaml"
    seen = {look["look"]: look["sighting"] for look in found["evidence"]}
    nothing = dict.fromkeys(("primary-port", "local-standby-port", "service-port"), "falls_short")
    assert seen == {"remote-standby": "holds", **nothing}


def to_do(control: ControlDesk, step: str) -> str:
    """What the record tells people to do about a step."""
    (asked,) = (one for one in control.record()["to_do"] if one["step"] == step)
    return json.dumps(asked)


def untouched(lab: SitesLab) -> None:
    """Nobody was promoted, no address was moved, and the router lets the site through."""
    seen = replication.server(lab.host("db-w"))
    assert seen is not None and seen.role == "standby"
    router = lab.host("router")
    assert service_address.pointed(router, DATABASE_ADDRESS) == "db-a"
    assert service_address.pointed(router, ORDERS_ADDRESS) == "app-a"


def measured_as_seen(control: ControlDesk, counted: str, lost: int) -> dict[str, Any]:
    """The newest run's record, whose RTO and RPO are the observer's, who knows nothing of Holdfast.

    ``lost``: acknowledged orders that the observer misses since the run began; ``counted``: what has to say the same.
    """
    record = control.record()
    outage = control.outages(OUTAGE)[-1]
    assert outage.seconds is not None
    measurement = record["measurement"]
    assert measurement["rto"]["achieved_s"] == pytest.approx(outage.seconds, abs=AGREE)
    assert measurement["rto"]["verdict"] == "met"
    assert measurement["rto"]["achieved_s"] < min(measurement["rto"]["target_s"], CLASS_TARGET)
    (loss,) = (each for each in measurement["losses"] if each["kind"] == counted)
    assert loss["lost_transactions"] == lost
    assert measurement["rpo"]["verdict"] == "met"
    return record


def test_a_lost_site_is_taken_over_with_its_loss_counted_and_business_goes_back_without_a_lost_order(
    lab: SitesLab, control: ControlDesk
) -> None:
    is_well(control)
    answer = control.runs("site-lost", "--input", "fault=east-lost-behind")
    assert answer.code == 0, answer.out + answer.err
    lost = observing.lost_orders(lab, "db-w")
    assert lost, "the west had received nothing for a while"
    record = measured_as_seen(control, "receipts", len(lost))
    assert len(control.outages(OUTAGE)) == 1
    assert record["measurement"]["rpo"]["achieved_s"] > 2
    assert control.output("capacity")["ready"]
    assert 2 < control.output("lag")["lag_s"] < 30
    assert control.output("fence")["isolated"], "the router's word, and nobody in the east takes connections"
    assert {each["to"] for each in control.output("tell")["notices"]} == TOLD
    assert control.output("tell-restored")["told"] == len(TOLD)
    assert replication.writer(lab.hosts) == ["db-w"]

    # Power and link of the east are back, and somebody there starts the old primary; the cut at the router holds.
    lab.heal("east-lost-behind")
    replication.start(lab.host("db-a"))
    assert replication.writer(lab.hosts) == ["db-a", "db-w"]
    before = ledgers(lab, "db-a")
    tried(lab)
    assert ledgers(lab, "db-a") == before, "it takes nothing"
    found = observing.writer_check(lab, "db-w")
    assert found.violations == ()

    waiting = control.runs("site-return", "--no-wait")
    assert waiting.code == 6, waiting.out + waiting.err
    answer = control.holdfast("approve", "last", "window", "--why", "a quiet hour", "--resume", HOLDFAST_BY="li-wei")
    assert answer.code == 0, answer.out + answer.err
    measured_as_seen(control, "markers", 0)
    assert len(control.outages(OUTAGE)) == 2, "one outage for each way"
    assert observing.lost_orders(lab, "db-a") == lost, "the way back lost nothing"
    assert replication.trouble(lab.hosts) == "", "both standbys follow, one of them synchronously"
    assert replication.writer(lab.hosts) == ["db-a"]
    assert service_address.holders(lab.hosts, DATABASE_ADDRESS) == ["db-a"]
    assert service_address.holders(lab.hosts, ORDERS_ADDRESS) == ["app-a"]
    tried(lab)
    observing.stop_writers(lab)
    after = observing.writer_check(lab, "db-a")
    assert after.violations == ()
    assert dict(after.divergent) == {}
    assert after.lost == found.lost, "what the disaster lost, and nothing else"


def test_a_cut_site_that_lives_is_given_up_by_a_second_person_and_takes_nothing_when_its_link_returns(
    lab: SitesLab, control: ControlDesk
) -> None:
    router = lab.host("router")
    router.run(["mv", ROUTE, f"{ROUTE}.kept"])
    router.run(["tee", ROUTE], input=REFUSING)
    router.run(["chmod", "755", ROUTE])
    moment = lab.break_("east-cut")
    until(lambda: not observing.attempts(lab.directory)[-1].ok, "customers are refused")
    looking = diagnosing(lab, control)
    words = ("--input", "site=east", "--onset", str(moment.at), "--input", f"onset={moment.at}")
    waiting = control.runs("site-takeover", *words, "--no-wait", "--yes", mode="live")
    assert waiting.code == 6, waiting.out + waiting.err
    assert control.output("capacity")["ready"]
    is_site_disaster(looking)
    own = control.holdfast("approve", "last", "declare", "--why", "mine")
    assert own.code not in (0, 4), "who started the run does not declare the disaster"
    assert control.statuses()["declare"] == "waiting"
    stopped = control.holdfast(
        "approve", "last", "declare", "--why", "the street is closed", "--resume", HOLDFAST_BY="li-wei"
    )
    assert stopped.code == 4, stopped.out + stopped.err
    statuses = control.statuses()
    assert (statuses["declare"], statuses["fence"], statuses["promote"]) == ("succeeded", "failed", "pending")
    assert statuses["start-orders"] == statuses["service-back"] == "pending"
    untouched(lab)
    asked = to_do(control, "fence")
    assert "the router takes no settings" in asked
    assert "retry" in asked

    router.run(["mv", f"{ROUTE}.kept", ROUTE])
    done = control.holdfast("retry", "last", "fence", "--why", "the router is repaired", "--resume")
    assert done.code == 0, done.out + done.err
    lost = observing.lost_orders(lab, "db-w")
    record = measured_as_seen(control, "receipts", len(lost))
    (declared,) = (one for one in record["decisions"] if one["step"] == "declare")
    assert (declared["by"], declared["why"]) == ("li-wei", "the street is closed"), declared

    # The old primary lives, and its link is whole again.
    before = ledgers(lab, "db-a")
    lab.heal("east-cut")
    tried(lab)
    observing.stop_writers(lab)
    assert set(replication.writer(lab.hosts)) == {"db-a", "db-w"}, "it lives, and nobody reaches it"
    assert ledgers(lab, "db-a") == before, "it takes nothing"
    assert observing.writer_check(lab, "db-w").violations == ()
    assert observing.lost_orders(lab, "db-w") == lost


def ledgers(lab: SitesLab, name: str) -> tuple[str, ...]:
    """How much stands in each table that is written to, on this server."""
    tables = ("orders", "writer_check")
    return tuple(replication.sql(lab.host(name), f"SELECT count(*) FROM {table}") for table in tables)


def test_a_standby_further_behind_than_may_be_lost_is_not_promoted_until_a_person_takes_the_loss(
    lab: SitesLab, control: ControlDesk
) -> None:
    words = ("--mode", "drill", "--inventory", str(lab.inventory), "--json")
    running = control.start("run", "site-lost", "--input", "fault=east-lost-behind", "--input", "max_lag_s=1", *words)
    try:
        until(lambda: any(seen.kind == "step.ended" and seen.of("lost") for seen in control.journal()), "it is lost")
        looking = diagnosing(lab, control)
        out, err = running.communicate(timeout=DEADLINE)
    finally:
        end(running)
    assert running.returncode == 4, out + err
    is_site_disaster(looking)
    statuses = control.statuses()
    assert (statuses["lag"], statuses["power-off"], statuses["fence"]) == ("failed", "pending", "pending")
    assert (statuses["promote"], statuses["start-orders"]) == ("pending", "pending")
    asked = to_do(control, "lag")
    assert "mark-done" in asked
    untouched(lab)
    aborted = control.holdfast("abort", "last", "--why", "the east comes back first", "--resume")
    assert aborted.code == 3, aborted.out + aborted.err
    ended_away(control, AGREE)
