"""Without a proved fence nothing is promoted, and the record says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from control_kit import ControlDesk
from takeover_kit import as_before, diagnosed, some_orders, to_do, watched

from orchestrator.lab.sites import observing, replication
from orchestrator.lab.sites.lab import SitesLab

RECOGNISED = {"shared-component"}


@pytest.fixture
def control(lab: SitesLab, tmp_path: Path) -> Iterator[ControlDesk]:
    """A desk on a fresh lab."""
    with watched(lab, tmp_path) as found:
        yield found


def test_without_a_proved_fence_nothing_is_promoted_and_a_host_that_hung_is_the_primary_it_always_was(
    lab: SitesLab, control: ControlDesk
) -> None:
    assert diagnosed(lab, control) == set()
    lab.break_("fence-denied")
    stopped = control.runs("host-frozen")
    assert stopped.code == 4, stopped.out + stopped.err
    statuses = control.statuses()
    assert (statuses["fence"], statuses["promote"], statuses["hold"]) == ("failed", "pending", "pending")
    record = control.record()
    assert "the BMC refused" in to_do(record, "fence")
    assert record["measurement"]["rto"]["verdict"] == "unproven"
    as_before(lab)
    assert diagnosed(lab, control) == RECOGNISED

    lab.heal_all()
    some_orders(lab)
    assert replication.writer(lab.hosts) == ["db-a"]
    observing.stop_writers(lab)
    observing.stop_observer(lab)
    assert observing.writer_check(lab, "db-a").violations == ()
    assert observing.lost_orders(lab, "db-a") == []
