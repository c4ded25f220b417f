"""What the tests of a lost database host share: customers, the writer check, what must hold after every takeover."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from control_kit import ControlDesk, desk
from hosts_kit import until

from orchestrator.lab.sites import observing, replication, service_address
from orchestrator.lab.sites.lab import SitesLab
from orchestrator.lab.sites.topology import DATABASE_ADDRESS, HOSTS

AGREE = 0.5
"""Seconds within which the record and the observer must agree."""
BUSY = 1.5
"""Seconds; a busy machine may well keep a customer waiting for less, and that is not the outage."""
_INPUTS = {
    "cluster": "orders",
    "address": DATABASE_ADDRESS,
    "standby_address": HOSTS["db-b"].address,
    "old_member": "db_a",
}


@contextmanager
def watched(lab: SitesLab, place: Path) -> Iterator[ControlDesk]:
    """A desk, with orders coming in and the writer check trying every server; no fault of the lab stays on."""
    observing.start_writers(lab)
    some_orders(lab)
    try:
        yield desk(lab, place)
    finally:
        observing.stop_writers(lab)
        lab.heal_all()


def some_orders(lab: SitesLab) -> None:
    """Wait for acknowledged orders after this moment."""
    since = time.monotonic()
    until(
        lambda: sum(each.ok and each.began > since for each in observing.attempts(lab.directory)) >= 5,
        "orders are acknowledged",
    )


def takes_over(control: ControlDesk, onset: str) -> Any:
    """Run the runbook live, as somebody who was called does; ``onset`` is when the fault began."""
    given = [word for name, value in {**_INPUTS, "onset": onset}.items() for word in ("--input", f"{name}={value}")]
    return control.runs("host-takeover", *given, "--onset", onset, mode="live")


def ended(control: ControlDesk, step: str, ending: str = "") -> bool:
    """Whether a step's action has ended (with this ending)."""
    seen = [seen for seen in control.journal() if seen.kind == "step.ended" and seen.of(step)]
    return any(not ending or each.body["outcome"]["ending"] == ending for each in seen)


def begun(control: ControlDesk, step: str) -> int:
    """How often a step's action was begun."""
    return sum(seen.kind == "step.started" and seen.of(step) for seen in control.journal())


def to_do(record: dict[str, Any], step: str) -> str:
    """What the record tells people to do about a step."""
    (asked,) = (one for one in record["to_do"] if one["step"] == step)
    return " ".join(map(str, asked.values()))


def diagnosed(control: ControlDesk) -> set[str]:
    """The classes that ``holdfast diagnose`` recognises, with evidence and the runbook to start; none: all is well."""
    body = control.diagnosis()
    (about,) = (one for one in body["findings"] if one["signs"] == "host-lost")
    seen = {one["look"]: one["sighting"] for one in about["evidence"]}
    assert seen["standby"] == "holds", body
    assert (seen["primary-port"] == "falls_short") is (body["fault_class"] == "shared-component") is about["recognised"]
    assert not about["recognised"] or "shared-component/host-takeover" in body["runbook"]
    assert (body["verdict"] == "healthy") is (body["fault_class"] is None), body
    return {one["fault_class"] for one in body["findings"] if one["recognised"]}


def as_before(lab: SitesLab) -> None:
    """db-b is a standby still, and the address is where it was."""
    seen = replication.server(lab.host("db-b"))
    assert seen is not None and seen.role == "standby"
    assert service_address.pointed(lab.host("router"), DATABASE_ADDRESS) == "db-a"


def agrees_with_customers(lab: SitesLab, control: ControlDesk, primary: str) -> None:
    """The newest run's record says what customers saw, and there was one writer at all times. Ends the observer."""
    some_orders(lab)
    observing.stop_writers(lab)
    observing.stop_observer(lab)
    found = observing.writer_check(lab, primary)
    assert (found.violations, found.lost, dict(found.divergent)) == ((), (), {})

    record = control.record()
    *others, outage = sorted(control.outages(), key=lambda each: each.seconds or float("inf"))
    assert outage.seconds is not None
    assert all(each.seconds is not None and each.seconds < BUSY for each in others), others
    assert control.interval(record, "onset", "service_restored") == pytest.approx(outage.seconds, abs=AGREE)
    assert record["measurement"]["rto"]["verdict"] == "met"
    names = [moment["name"] for moment in record["measurement"]["milestones"]]
    assert names.index("service_restored") < names.index("resolved")

    lost = observing.lost_orders(lab, primary)
    measured = control.output("measure")
    assert measured["receipts"]["lost_transactions"] == measured["lost_transactions"] == len(lost) == 0
    assert record["measurement"]["rpo"]["verdict"] == "met"


def in_step(lab: SitesLab, primary: str, standby: str) -> None:
    """One server writes, its commits wait for ``standby``, and the other site follows."""
    assert replication.writer(lab.hosts) == [primary]

    def followers() -> dict[str, str]:
        seen = replication.server(lab.host(primary))
        return {each.name: each.sync_state for each in seen.followers} if seen else {}

    until(lambda: followers() == {standby: "sync", "db-w": "async"}, "both follow")
    assert service_address.holders(lab.hosts, DATABASE_ADDRESS) == [primary]
