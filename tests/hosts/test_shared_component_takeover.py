"""The database host is lost, hangs, or its PostgreSQL is dead: the standby takes over, judged by those who saw it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from acceptance_kit import DEADLINE, end
from control_kit import ControlDesk, desk
from hosts_kit import until

from orchestrator.lab.sites import observing, replication, service_address, writer_report
from orchestrator.lab.sites.lab import SitesLab
from orchestrator.lab.sites.topology import DATABASE_ADDRESS

AGREE = 0.5
"""Seconds within which the record and the observer must agree."""


@pytest.fixture
def control(lab: SitesLab, tmp_path: Path) -> Iterator[ControlDesk]:
    """A desk on a fresh lab, with orders coming in and the writer check trying every server."""
    observing.start_writers(lab)
    some_orders(lab)
    yield desk(lab, tmp_path)
    observing.stop_writers(lab)
    lab.heal_all()


def some_orders(lab: SitesLab) -> None:
    """Wait for acknowledged orders after this moment."""
    since = time.monotonic()
    until(
        lambda: sum(each.ok and each.began > since for each in observing.attempts(lab.directory)) >= 5,
        "orders are acknowledged",
    )


def judged(lab: SitesLab, primary: str) -> writer_report.Report:
    """What the writer check and the observer say, after their end."""
    observing.stop_writers(lab)
    observing.stop_observer(lab)
    return observing.writer_check(lab, primary)


def to_do(record: dict[str, Any], step: str) -> str:
    """What the record tells people to do about a step."""
    (asked,) = (one for one in record["to_do"] if one["step"] == step)
    return " ".join([asked["what"], *asked["details"]]) if "what" in asked else " ".join(map(str, asked.values()))


def diagnosed(lab: SitesLab, control: ControlDesk) -> tuple[str, str | None]:
    """The verdict of ``holdfast diagnose`` on the system, and the class it names."""
    answer = control.holdfast("diagnose", "orders-hosts", "--inventory", str(lab.inventory), "--json")
    (body,) = answer.lines
    return body["verdict"], body["fault_class"]


def as_before(lab: SitesLab) -> None:
    """db-a is the primary, nobody was promoted, and the address is where it was."""
    seen = replication.server(lab.host("db-b"))
    assert seen is not None and seen.role == "standby"
    assert service_address.pointed(lab.host("router"), DATABASE_ADDRESS) == "db-a"


@pytest.mark.parametrize("drill", ["host-off"])
def test_the_standby_takes_over_without_a_lost_order_and_the_old_primary_is_rebuilt(
    lab: SitesLab, control: ControlDesk, drill: str
) -> None:
    running = control.start("run", drill, "--mode", "drill", "--inventory", str(lab.inventory), "--json")
    try:
        if drill == "host-frozen":
            until(lambda: ended(control, "promote"), "the standby is promoted", DEADLINE)
            # The host that hung comes back, behind the promotion: it was fenced, so there is nothing left to come back.
            lab.heal("host-frozen")
        out, err = running.communicate(timeout=DEADLINE)
    finally:
        end(running)
    assert running.returncode == 0, out + err
    some_orders(lab)
    found = judged(lab, "db-b")

    record = control.record()
    (outage,) = control.outages()
    assert outage.seconds is not None
    assert control.interval(record, "onset", "service_restored") == pytest.approx(outage.seconds, abs=AGREE)
    assert record["measurement"]["rto"]["verdict"] == "met"
    assert record["measurement"]["rpo"]["verdict"] == "met"
    names = [moment["name"] for moment in record["measurement"]["milestones"]]
    assert names.index("detected") < names.index("service_restored") < names.index("resolved")

    lost = observing.lost_orders(lab, "db-b")
    measured = control.output("measure")
    assert measured["receipts"]["lost_transactions"] == len(lost) == 0
    assert measured["lost_transactions"] == 0

    assert found.violations == ()
    assert found.lost == ()
    assert dict(found.divergent) == {}
    assert control.output("fence")["evidence"]["db-a"]["readings"] == ["Off", "Off"]
    assert control.output("rebuild")["method"] == ("copy" if drill == "postgres-dead" else "rewind")
    assert replication.writer(lab.hosts) == ["db-b"]
    primary = replication.server(lab.host("db-b"))
    assert primary is not None
    assert {each.name: each.sync_state for each in primary.followers} == {"db-a": "sync", "db-w": "async"}


def ended(control: ControlDesk, step: str) -> bool:
    """Whether a step's action has ended."""
    return any(seen.kind == "step.ended" and seen.of(step) for seen in control.journal())


def begun(control: ControlDesk, step: str) -> bool:
    """Whether a step's action has begun."""
    return any(seen.kind == "step.started" and seen.of(step) for seen in control.journal())


@pytest.mark.parametrize(
    ("fence", "drill", "said"),
    [
        ("fence-denied", "host-frozen", "the BMC refused"),
    ],
)
def test_without_a_proved_fence_nothing_is_promoted_and_the_record_says_what_to_do(
    lab: SitesLab, control: ControlDesk, fence: str, drill: str, said: str
) -> None:
    lab.break_(fence)
    answer = control.runs(drill)
    assert answer.code == 4, answer.out + answer.err
    statuses = control.statuses()
    expected = ("failed", "pending", "pending")
    assert (statuses["fence"], statuses["promote"], statuses["hold"]) == expected, answer.out + answer.err
    record = control.record()
    assert said in to_do(record, "fence")
    assert record["measurement"]["rto"]["verdict"] == "unproven"
    as_before(lab)
    assert diagnosed(lab, control) == ("recognised", "shared-component")

    lab.heal_all()
    if drill == "host-frozen":
        # It comes back as the primary that it always was.
        some_orders(lab)
        assert replication.writer(lab.hosts) == ["db-a"]
        assert judged(lab, "db-a").violations == ()
        assert observing.lost_orders(lab, "db-a") == []


def test_a_link_cut_in_the_middle_of_the_promotion_is_waited_for_and_a_probe_decides(
    lab: SitesLab, control: ControlDesk
) -> None:
    host = lab.host("db-b")
    running = control.start("run", "host-off", "--mode", "drill", "--inventory", str(lab.inventory), "--json")
    try:
        until(lambda: begun(control, "fence"), "the fence is begun", DEADLINE)
        # The promotion is held up, so that the cut lies in the middle of it for certain.
        host.run(["pkill", "-STOP", "-f", "startup"])
        until(lambda: begun(control, "promote"), "the promotion is begun", DEADLINE)
        asked = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_promote%' AND pid <> pg_backend_pid()"
        until(lambda: replication.sql(host, asked) == "1", "the standby was told to promote itself")
        for path in ("db-b-eth0", "db-b-eth1"):
            lab.cut(path)
        host.run(["pkill", "-CONT", "-f", "startup"])
        until(lambda: replication.writer(lab.hosts) == ["db-b"], "it is promoted while nobody can see it")
        assert not ended(control, "promote")
        until(lambda: doubted(control, "promote"), "the wait is bounded", DEADLINE)
        for path in ("db-b-eth0", "db-b-eth1"):
            lab.mend(path)
        out, err = running.communicate(timeout=DEADLINE)
    finally:
        end(running)
    if running.returncode != 0:
        # It may have looked while the link was still cut; then it asks, and goes on when it is told to.
        answer = control.resume()
        assert answer.code == 0, out + err + answer.out + answer.err
    some_orders(lab)
    started = [seen for seen in control.journal() if seen.kind == "step.started" and seen.of("promote")]
    assert len(started) == 1, "it is not promoted twice"
    found = judged(lab, "db-b")
    assert found.violations == ()
    assert found.lost == ()
    assert observing.lost_orders(lab, "db-b") == []
    assert replication.writer(lab.hosts) == ["db-b"]


def doubted(control: ControlDesk, step: str) -> bool:
    """Whether a step's action has ended as unknown."""
    return any(
        seen.kind == "step.ended" and seen.of(step) and seen.body["outcome"]["ending"] == "unknown"
        for seen in control.journal()
    )
