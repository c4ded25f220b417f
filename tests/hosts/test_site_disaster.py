"""The east is lost: what the west's takeover does, and what it does not do without a person."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from acceptance_kit import DEADLINE, end
from control_kit import ControlDesk, desk
from hosts_kit import until

from orchestrator.lab.sites import observing, replication, service_address, writer_report
from orchestrator.lab.sites.lab import SitesLab
from orchestrator.lab.sites.topology import DATABASE_ADDRESS, ORDERS_ADDRESS


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
    assert control.record()["measurement"]["rto"]["verdict"] == "unproven"
    untouched(lab)
