"""The playbooks for takeover, rebuilding and failback on the hosts lab, judged by the observer and the writer check."""

from __future__ import annotations

import time

import pytest
from hosts_kit import until
from play_kit import PlayFailed, play

from orchestrator.lab.sites import observations, observing, replication, service_address
from orchestrator.lab.sites.lab import SitesLab
from orchestrator.lab.sites.topology import DATABASE_ADDRESS, ORDERS_ADDRESS

FIRST_ORDERS = 10


def some_orders(lab: SitesLab) -> None:
    """Wait for acknowledged orders after this moment."""
    since = time.monotonic()
    until(
        lambda: sum(each.ok and each.began > since for each in observing.attempts(lab.directory)) >= FIRST_ORDERS,
        "orders are acknowledged",
    )


def test_a_dead_primary_is_taken_over_rebuilt_by_rewinding_and_failed_back_without_a_lost_order(lab: SitesLab) -> None:
    observing.start_writers(lab)
    some_orders(lab)

    lab.host("db-a").power_off()
    promoted = play(lab, "takeover/promote-cluster.yml", "db-b")
    assert (promoted["promoted"], promoted["synchronous_cleared"], promoted["timeline"]) == (True, True, 2)
    moved = play(lab, "network/move-address.yml", "db-b", address=DATABASE_ADDRESS, holder_is="fenced")
    assert (moved["moved_from"], moved["moved_to"]) == ("db-a", "db-b")
    some_orders(lab)
    assert play(lab, "takeover/promote-cluster.yml", "db-b")["changed"] == 0
    assert play(lab, "network/move-address.yml", "db-b", address=DATABASE_ADDRESS, holder_is="fenced")["changed"] == 0

    lab.host("db-a").power_on()
    assert replication.writer(lab.hosts) == ["db-b"], "a primary does not start by itself"
    rebuilt = play(lab, "takeover/rebuild-old-primary.yml", "db-a", follow="db-b")
    assert rebuilt["method"] == "rewind"
    assert play(lab, "takeover/rebuild-old-primary.yml", "db-a", follow="db-b")["method"] == "none"
    assert play(lab, "takeover/set-synchronous.yml", "db-b", synchronous_standbys=["db_a"])["was"] == []

    some_orders(lab)
    stopped = play(lab, "takeover/stop-primary-cleanly.yml", "db-b", successor="db-a")
    back = play(lab, "takeover/promote-cluster.yml", "db-a", promote_after_lsn=stopped["stopped_at"])
    assert back["timeline"] == 3
    play(lab, "network/move-address.yml", "db-a", address=DATABASE_ADDRESS, holder_is="alive")
    play(lab, "takeover/make-standby.yml", "db-b", follow="db-a")
    play(lab, "takeover/set-synchronous.yml", "db-a", synchronous_standbys=["db_b"])
    some_orders(lab)

    observing.stop_writers(lab)
    observing.stop_observer(lab)
    assert len(observations.outages(observing.attempts(lab.directory))) == 2
    assert observing.lost_orders(lab, "db-a") == []
    found = observing.writer_check(lab, "db-a")
    assert found.violations == ()
    assert found.lost == ()
    assert dict(found.divergent) == {}
    ways = [(way, line) for way, line, _, _ in found.spans if way != "service"]
    assert ways == [("db-a", 1), ("db-b", 2), ("db-a", 3)]
    assert replication.trouble(lab.hosts) == ""


def test_a_host_that_cannot_be_rewound_is_copied_and_says_why(lab: SitesLab) -> None:
    some_orders(lab)
    lab.host("db-a").power_off()
    play(lab, "takeover/promote-cluster.yml", "db-b")
    lab.host("db-a").power_on()
    lab.host("db-a").run(["find", "/var/lib/postgresql", "-path", "*/pg_wal/0*", "-delete"])
    rebuilt = play(lab, "takeover/rebuild-old-primary.yml", "db-a", follow="db-b")
    assert rebuilt["method"] == "copy"
    assert rebuilt["why_not_rewound"]


def test_the_writer_check_finds_an_old_primary_that_writes_after_its_successor(lab: SitesLab) -> None:
    replication.sql(lab.host("db-a"), "ALTER SYSTEM SET synchronous_standby_names = ''; SELECT pg_reload_conf()")
    observing.start_writers(lab)
    some_orders(lab)
    # Nobody fences db-a: this is what must never happen, made on purpose to see that the check sees it.
    play(lab, "takeover/promote-cluster.yml", "db-b")
    tried = len(observing.tries(lab.directory))
    until(lambda: len(observing.tries(lab.directory)) > tried + 40, "the check goes on trying")
    observing.stop_writers(lab)
    assert set(replication.writer(lab.hosts)) == {"db-a", "db-b"}
    found = observing.writer_check(lab, "db-b")
    assert not found.one_writer
    assert found.divergent["db-a"]


def test_the_order_service_moves_to_the_other_site_and_an_address_that_is_answered_is_refused(lab: SitesLab) -> None:
    some_orders(lab)
    with pytest.raises(PlayFailed, match="still answers elsewhere"):
        play(lab, "network/move-address.yml", "app-w", address=ORDERS_ADDRESS, holder_is="fenced")
    assert play(lab, "services/start-orders.yml", "app-w")["orders"] == "running"
    moved = play(lab, "network/move-address.yml", "app-w", address=ORDERS_ADDRESS, holder_is="alive")
    assert moved["moved_from"] == "app-a"
    assert play(lab, "services/stop-orders.yml", "app-a")["orders"] == "stopped"
    some_orders(lab)
    assert service_address.holders(lab.hosts, ORDERS_ADDRESS) == ["app-w"]
    sent = play(lab, "network/send-address-nowhere.yml", "router", addresses=[ORDERS_ADDRESS])
    assert sent["were"] == {ORDERS_ADDRESS: "10.77.2.21"}
    assert play(lab, "network/send-address-nowhere.yml", "router", addresses=[ORDERS_ADDRESS])["changed"] == 0
    play(lab, "network/move-address.yml", "app-a", address=ORDERS_ADDRESS, holder_is="fenced")


def test_a_site_isolated_at_the_router_takes_no_writes_and_its_successor_loses_only_what_was_on_its_way(
    lab: SitesLab,
) -> None:
    observing.start_writers(lab)
    some_orders(lab)
    assert play(lab, "network/isolate-site.yml", "router", site="east")["changed"] == 1
    assert play(lab, "network/isolate-site.yml", "router", site="east")["changed"] == 0
    play(lab, "takeover/promote-cluster.yml", "db-w")
    play(lab, "network/move-address.yml", "db-w", address=DATABASE_ADDRESS, holder_is="fenced")
    play(lab, "services/start-orders.yml", "app-w")
    play(lab, "network/move-address.yml", "app-w", address=ORDERS_ADDRESS, holder_is="fenced")
    some_orders(lab)
    observing.stop_observer(lab)
    observing.stop_writers(lab)
    assert set(replication.writer(lab.hosts)) == {"db-a", "db-w"}, (
        "the isolated primary is alive, and nobody reaches it"
    )
    found = observing.writer_check(lab, "db-w")
    assert found.violations == ()
    gone = observing.lost_orders(lab, "db-w")
    assert set(gone) <= set(replication.numbers(lab.host("db-a"))), "what is lost was committed on the isolated side"


def test_reset_brings_everything_back(lab: SitesLab) -> None:
    lab.host("db-a").power_off()
    lab.cut("west-link")
    play(lab, "takeover/promote-cluster.yml", "db-b")
    lab.host("db-b").freeze()
    lab.reset()
    assert replication.trouble(lab.hosts) == ""
    assert replication.writer(lab.hosts) == ["db-a"]
    assert service_address.holders(lab.hosts, DATABASE_ADDRESS) == ["db-a"]
    assert lab.status().whole
    some_orders(lab)
