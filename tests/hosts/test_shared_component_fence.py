"""Without a proved fence, or with a standby behind, nothing is promoted; and a host that hung cannot write later."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from acceptance_kit import DEADLINE, end
from control_kit import ControlDesk, ended_away
from hosts_kit import until
from takeover_kit import (
    AGREE,
    agrees_with_customers,
    as_before,
    diagnosed,
    ended,
    in_step,
    some_orders,
    takes_over,
    to_do,
    watched,
)

from orchestrator.lab.sites import observing, replication
from orchestrator.lab.sites.lab import SitesLab

RECOGNISED = {"shared-component"}


@pytest.fixture
def control(lab: SitesLab, tmp_path: Path) -> Iterator[ControlDesk]:
    """A desk on a fresh lab."""
    with watched(lab, tmp_path) as found:
        yield found


def test_a_host_that_hangs_is_not_taken_over_while_its_fence_is_denied_and_cannot_write_once_it_was(
    lab: SitesLab, control: ControlDesk
) -> None:
    assert diagnosed(control) == set()
    lab.break_("fence-denied")
    stopped = control.runs("host-frozen")
    assert stopped.code == 4, stopped.out + stopped.err
    statuses = control.statuses()
    assert (statuses["fence"], statuses["promote"], statuses["hold"]) == ("failed", "pending", "pending")
    record = control.record()
    assert "the BMC refused" in to_do(record, "fence")
    assert record["measurement"]["rto"]["verdict"] == "unproven"
    as_before(lab)
    assert diagnosed(control) == RECOGNISED

    lab.heal("fence-denied")
    running = control.start("retry", "last", "fence", "--why", "the BMC obeys again", "--resume")
    try:
        until(lambda: running.poll() is not None or ended(control, "promote", "ok"), "it is promoted", DEADLINE)
        # The host that hung comes back, behind the promotion: it was fenced, so there is nothing left to come back.
        lab.heal("host-frozen")
        out, err = running.communicate(timeout=DEADLINE)
    finally:
        end(running)
    assert running.returncode == 0, out + err
    agrees_with_customers(lab, control, "db-b")
    in_step(lab, "db-b", "db-a")
    assert control.output("fence")["evidence"]["db-a"]["readings"] == ["Off", "Off"]
    assert control.output("rebuild")["method"] == "rewind"


def given_up(control: ControlDesk) -> None:
    """The newest run is ended where it is."""
    answer = control.holdfast("abort", "last", "--why", "somebody sees to the host first", "--resume")
    assert answer.code == 3, answer.out + answer.err
    assert control.record()["measurement"]["status"] == "aborted"


def test_a_switch_that_lies_and_a_standby_that_is_behind_each_stop_the_takeover(
    lab: SitesLab, control: ControlDesk
) -> None:
    lab.break_("fence-lies")
    broken = lab.break_("postgres-dead")
    assert diagnosed(control) == RECOGNISED
    lied = takes_over(control, str(broken.at))
    assert lied.code == 4, lied.out + lied.err
    statuses = control.statuses()
    assert (statuses["lag"], statuses["fence"], statuses["promote"]) == ("succeeded", "failed", "pending")
    assert "the switch does not tell the truth" in to_do(control.record(), "fence")
    as_before(lab)
    given_up(control)
    ended_away(control, AGREE)

    # It comes back as the primary that it always was, and its standby falls behind.
    lab.heal_all()
    lab.host("db-a").run([replication.PROGRAM, "start"])
    some_orders(lab)
    assert replication.writer(lab.hosts) == ["db-a"]
    replication.sql(lab.host("db-a"), "ALTER SYSTEM SET synchronous_standby_names = ''; SELECT pg_reload_conf()")
    lab.host("db-b").run([replication.PROGRAM, "follow", "10.77.1.99"])
    behind = "SELECT clock_timestamp() - pg_last_xact_replay_timestamp() > interval '8 s'"
    until(lambda: replication.sql(lab.host("db-b"), behind) == "t", "the standby is behind")
    some_orders(lab)

    refused = control.runs("host-off")
    assert refused.code != 0, "where redundancy is not there no drill breaks anything"
    assert lab.host("db-a").state == "on"
    given_up(control)
    measured = control.record()["measurement"]
    for objective in (measured["rto"], measured["rpo"]):
        assert (objective["verdict"], objective["reason"]["code"]) == ("not_applicable", "stopped_before_fault")

    broken = lab.break_("host-off")
    assert diagnosed(control) == RECOGNISED
    late = takes_over(control, str(broken.at))
    assert late.code == 4, late.out + late.err
    statuses = control.statuses()
    assert (statuses["lag"], statuses["promote"], statuses["hold"]) == ("failed", "pending", "pending")
    assert "at most 5" in to_do(control.record(), "lag")
    as_before(lab)
    given_up(control)
    ended_away(control, AGREE)
    observing.stop_writers(lab)
    observing.stop_observer(lab)
