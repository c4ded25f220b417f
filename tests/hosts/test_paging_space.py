"""Paging space full, for real: the kernel pages out on a lab host, and the runbook brings it back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from control_kit import ControlDesk, desk
from hosts_kit import until

from orchestrator.lab.sites import faults_paging, observations, observing, replication
from orchestrator.lab.sites.lab import SitesLab
from orchestrator.model.losses import NOTICED_S

pytestmark = pytest.mark.alone

THRESHOLD = 70


@pytest.fixture
def control(lab: SitesLab, tmp_path: Path) -> Iterator[ControlDesk]:
    """A desk on a fresh lab; the lab's paging spaces are gone afterwards."""
    yield desk(lab, tmp_path)
    lab.heal_all()
    assert not list(lab.host("db-a").disks.glob("*-paging*"))


def used_percent(lab: SitesLab, host: str) -> float:
    """Per cent of the host's own paging spaces in use, as the kernel says."""
    areas = faults_paging.areas(lab.host(host))
    return 100 * sum(area["used"] for area in areas) / sum(area["size"] for area in areas)


def database_began(lab: SitesLab) -> str:
    return replication.sql(lab.host("db-a"), "SELECT pg_postmaster_start_time()")


def agrees(record: dict[str, Any], control: ControlDesk, basis: str = "markers") -> None:
    """The record's RTO and RPO are what the observer saw: customers ordered all the time, and no order is lost."""
    onset = record["measurement"]["milestones"][0]
    assert onset["name"] == "onset"
    began = datetime.fromisoformat(onset["at"])
    since = [one for one in observing.attempts(control.lab.directory) if datetime.fromisoformat(one.at) > began]
    assert observations.outages(since, longer_than=NOTICED_S) == []
    rto, rpo = record["measurement"]["rto"], record["measurement"]["rpo"]
    assert (rto["verdict"], rto["achieved_s"], rto["basis"]) == ("met", 0.0, basis), rto["reason"]
    assert (rpo["verdict"], rpo["achieved_s"]) == ("met", 0.0)
    assert observing.lost_orders(control.lab, "db-a") == []


def test_it_is_diagnosed_where_it_is_and_healthy_is_healthy(lab: SitesLab, control: ControlDesk) -> None:
    assert control.diagnosis()["verdict"] == "healthy"
    for fault, host in (("paging-space-full", "db-a"), ("service-leaks", "app-a")):
        lab.break_(fault)
        until(lambda on=host: used_percent(lab, on) >= THRESHOLD, "the paging space fills up")
        said = control.diagnosis()
        assert (said["verdict"], said["fault_class"]) == ("recognised", "paging-space"), said
        assert {each["about"] for each in said["findings"] if each["recognised"]} == {host}
        lab.heal(fault)


def test_a_batch_job_that_fills_the_paging_space_is_told_to_be_modest_and_the_database_lives(
    lab: SitesLab, control: ControlDesk
) -> None:
    began = database_began(lab)
    answer = control.runs("paging-space")
    assert answer.code == 0, answer.out + answer.err

    assert used_percent(lab, "db-a") < THRESHOLD
    assert len(faults_paging.areas(lab.host("db-a"))) == 1, "the emergency space is gone again"
    assert database_began(lab) == began
    relieved = control.output("relieve")
    assert relieved["measures"] == ["ceiling"], "the least harmful measure was enough"
    assert relieved["changed_parameters"] == [
        {"file": "/etc/default/batch-report", "name": "MAX_MB", "old": "4096", "new": "48"}
    ]
    said = faults_paging.consumer(lab.host("db-a"), faults_paging.BATCH)
    assert (said["told"], said["pid"]) == (1, control.output("consumer")["culprit_pid"]), "the same process goes on"

    record = control.record()
    agrees(record, control)
    names = [moment["name"] for moment in record["measurement"]["milestones"]]
    assert names.index("detected") < names.index("service_restored") < names.index("resolved")


def test_a_service_that_leaks_and_cannot_be_told_is_restarted(lab: SitesLab, control: ControlDesk) -> None:
    answer = control.runs("paging-space-leak")
    assert answer.code == 0, answer.out + answer.err
    assert control.output("relieve")["measures"] == ["restart"]
    assert used_percent(lab, "app-a") < THRESHOLD
    after = faults_paging.consumer(lab.host("app-a"), faults_paging.SERVICE)
    assert after["pid"] != control.output("consumer")["culprit_pid"]
    agrees(control.record(), control)


def test_without_room_for_an_emergency_space_nothing_is_treated_and_the_record_says_what_to_do(
    lab: SitesLab, control: ControlDesk
) -> None:
    answer = control.runs("paging-space", "--input", "size_mb=1000000")
    assert answer.code == 4, answer.out + answer.err
    statuses = control.statuses()
    assert (statuses["add-space"], statuses["relieve"]) == ("failed", "pending")
    (asked,) = (one for one in control.record()["to_do"] if one["step"] == "add-space")
    assert "name another directory" in " ".join(asked["details"])

    undone = control.holdfast("rollback", "last", "--why", "no spare", "--resume")
    assert undone.code in (3, 10), undone.out + undone.err
    if undone.code == 10:
        # The job still fills the paging space: the steady state is not back, and a person ends the run.
        assert control.holdfast("abort", "last", "--why", "space is bought", "--resume").code == 3
    assert control.statuses()["protect"] == "undone"
    held = faults_paging.consumer(lab.host("db-a"), faults_paging.BATCH)
    score = lab.host("db-a").run(["cat", f"/proc/{held['pid']}/oom_score_adj"]).stdout.strip()
    assert score == "0", "what was changed has its old value again"
    agrees(control.record(), control)


def test_a_consumer_whose_owner_listed_nothing_is_left_alone(lab: SitesLab, control: ControlDesk) -> None:
    host = lab.host("db-a")
    lab.break_("paging-space-full")
    until(lambda: used_percent(lab, "db-a") >= THRESHOLD, "the paging space fills up")
    tool = host.run(["cat", "/usr/local/sbin/lab-memory-user"]).stdout
    host.run(["tee", "/usr/local/sbin/unknown-job"], input=tool)
    host.run(["chmod", "755", "/usr/local/sbin/unknown-job"])
    host.run(["cp", "/etc/default/batch-report", "/etc/default/nobody-knows"])
    host.service("stop", faults_paging.BATCH)
    host.write_service("unknown-job", ["/usr/local/sbin/unknown-job", "nobody-knows", "batch"], user="ops", boot=False)
    host.service("start", "unknown-job")
    until(lambda: used_percent(lab, "db-a") >= THRESHOLD, "the paging space fills up again")

    answer = control.runs("linux-paging-space", "--input", "host=db-a", "--onset", "now", mode="live")
    assert answer.code == 4, answer.out + answer.err
    statuses = control.statuses()
    assert (statuses["add-space"], statuses["consumer"], statuses["relieve"]) == ("succeeded", "failed", "pending")
    assert len(faults_paging.areas(host)) == 2, "the added space stays: it wins time"
    held = faults_paging.consumer(host, "nobody-knows")
    assert held["told"] == 0
    host.service("stop", "unknown-job")
    undone = control.holdfast("rollback", "last", "--why", "its owner ended it", "--resume")
    assert undone.code == 3, undone.out + undone.err
    assert len(faults_paging.areas(host)) == 1
    agrees(control.record(), control, "receipts")
