"""The database host or its PostgreSQL is lost: the standby takes over, judged by those who saw it; and the way back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from acceptance_kit import DEADLINE, end
from control_kit import ControlDesk
from hosts_kit import until
from takeover_kit import AGREE, agrees_with_customers, begun, diagnosed, ended, in_step, watched

from orchestrator.lab.sites import observing, replication
from orchestrator.lab.sites.lab import SitesLab

_TAKE = "/usr/local/sbin/hf-address"


@pytest.fixture
def control(lab: SitesLab, tmp_path: Path) -> Iterator[ControlDesk]:
    """A desk on a fresh lab."""
    with watched(lab, tmp_path) as found:
        yield found


def fresh_customers(lab: SitesLab) -> None:
    """Observer and writer check begin anew, so that what comes is judged by itself."""
    observing.start_observer(lab)
    observing.start_writers(lab)


def test_a_dead_postgresql_is_taken_over_and_the_way_back_is_taken_back_or_done_without_a_lost_order(
    lab: SitesLab, control: ControlDesk
) -> None:
    taken = control.runs("postgres-dead")
    assert taken.code == 0, taken.out + taken.err
    agrees_with_customers(lab, control, "db-b")
    in_step(lab, "db-b", "db-a")
    assert control.output("fence")["evidence"]["db-a"]["readings"] == ["Off", "Off"]
    assert control.output("rebuild")["method"] == "copy", "a spoilt control file cannot be rewound"

    fresh_customers(lab)
    lab.host("db-a").run(["mv", _TAKE, f"{_TAKE}.gone"])
    failed = control.runs("failback-exercise")
    assert failed.code == 3, failed.out + failed.err
    statuses = control.statuses()
    assert (statuses["promote"], statuses["stop"], statuses["follow"]) == ("undone", "undone", "pending")
    lab.host("db-a").run(["mv", f"{_TAKE}.gone", _TAKE])
    in_step(lab, "db-b", "db-a")
    observing.stop_writers(lab)
    observing.stop_observer(lab)
    assert observing.writer_check(lab, "db-b").violations == ()
    assert observing.lost_orders(lab, "db-b") == []
    outage = max(control.outages(), key=lambda each: each.seconds or 0.0)
    measured = control.record()["measurement"]
    assert (measured["rto"]["basis"], measured["rto"]["reason"]["code"]) == ("receipts", "commits_again"), measured[
        "rto"
    ]
    assert measured["rto"]["achieved_s"] == pytest.approx(outage.seconds, abs=AGREE)
    assert (measured["rpo"]["verdict"], measured["rpo"]["achieved_s"]) == ("met", 0.0)
    assert control.output("measure")["receipts"]["lost_transactions"] == 0

    fresh_customers(lab)
    done = control.runs("failback-exercise")
    assert done.code == 0, done.out + done.err
    agrees_with_customers(lab, control, "db-a")
    in_step(lab, "db-a", "db-b")
    assert diagnosed(control) == set()


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
        until(lambda: running.poll() is not None or ended(control, "promote"), "the wait is bounded", DEADLINE)
        assert ended(control, "promote", "unknown")
        for path in ("db-b-eth0", "db-b-eth1"):
            lab.mend(path)
        out, err = running.communicate(timeout=DEADLINE)
    finally:
        end(running)
    if running.returncode != 0:
        # It may have looked while the link was still cut; then it asks, and goes on when it is told to.
        answer = control.resume()
        assert answer.code == 0, out + err + answer.out + answer.err
    assert begun(control, "promote") == 1, "it is not promoted twice"
    agrees_with_customers(lab, control, "db-b")
    in_step(lab, "db-b", "db-a")
    assert control.output("rebuild")["method"] == "rewind"
