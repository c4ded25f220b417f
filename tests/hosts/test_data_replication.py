"""The databases of the hosts lab really replicate, are really backed up, and the observer's figures are real."""

from __future__ import annotations

import json
import subprocess

import pytest
from hosts_kit import until

from orchestrator.errors import LabError
from orchestrator.lab.sites import backup, observations, observing, postgres, replication, service_address
from orchestrator.lab.sites.lab import SitesLab
from orchestrator.lab.sites.topology import DATABASE_ADDRESS, HOSTS, ORDERS_ADDRESS

ORDER = "SELECT place_order('test', '{100}')"


def test_a_fresh_lab_has_one_writer_two_followers_and_an_observer(kept_lab: SitesLab) -> None:
    seen = {name: replication.server(kept_lab.host(name)) for name in ("db-a", "db-b", "db-w")}
    primary = seen["db-a"]
    assert primary is not None
    assert primary.role == "primary"
    assert {each.name: each.sync_state for each in primary.followers} == {"db-b": "sync", "db-w": "async"}
    assert replication.writer(kept_lab.hosts) == ["db-a"]
    assert service_address.holders(kept_lab.hosts, DATABASE_ADDRESS) == ["db-a"]
    assert service_address.holders(kept_lab.hosts, ORDERS_ADDRESS) == ["app-a"]
    until(lambda: sum(each.ok for each in observing.attempts(kept_lab.directory)) > 3, "acknowledged orders")
    states = kept_lab.status().parts
    assert states["writer"] == "db-a"
    assert states["postgresql on db-b"] == f"standby of {HOSTS['db-a'].address}, streaming"


def test_what_the_other_sites_may_not_do_is_refused(kept_lab: SitesLab) -> None:
    version = postgres.version_in(kept_lab.host("app-w").root)
    psql = [f"/usr/lib/postgresql/{version}/bin/psql", "-XAtqw", "-h", HOSTS["db-a"].address, "-c", "SELECT 1"]
    for role, database in (("postgres", "orders"), ("orders", "postgres"), ("replicator", "orders")):
        done = kept_lab.host("app-w").run([*psql, "-U", role, "-d", database], check=False)
        assert done.returncode != 0
        assert "no pg_hba.conf entry" in done.stderr
    done = kept_lab.host("app-a").run([*psql, "-U", "orders", "-d", "orders"], check=False)
    assert "no password supplied" in done.stderr


def test_node_exporter_answers_the_control_host(kept_lab: SitesLab) -> None:
    said = kept_lab.control(["curl", "-sS", "-m", "10", f"http://{HOSTS['db-w'].address}:9100/metrics"]).stdout
    assert "node_memory_MemTotal_bytes" in said


def test_commits_wait_for_the_synchronous_standby_and_go_on_when_it_is_back(lab: SitesLab) -> None:
    observing.stop_observer(lab)
    primary = lab.host("db-a")
    newest = int(replication.sql(primary, ORDER)) + 1
    for link in ("db-b-eth0", "db-b-eth1"):
        lab.cut(link)
    waits = subprocess.Popen(
        primary.inside([replication.PROGRAM, "sql"]),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert waits.stdin is not None
        waits.stdin.write(ORDER)
        waits.stdin.close()
        stuck = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        until(lambda: replication.sql(primary, stuck) == "1", "the commit waits for the standby")
        # The standby that is asynchronous has it already: it is this one commit that waits, not replication.
        until(lambda: newest in replication.numbers(lab.host("db-w")), "the remote standby has the order")
        assert waits.poll() is None
        for link in ("db-b-eth0", "db-b-eth1"):
            lab.mend(link)
        assert waits.wait(timeout=60) == 0
    finally:
        waits.kill()
        waits.wait()
    assert newest in replication.numbers(lab.host("db-b"))


def test_a_cut_site_link_shows_as_a_follower_that_is_gone_and_orders_go_on(lab: SitesLab) -> None:
    lab.cut("west-link")
    primary = lab.host("db-a")

    def followers() -> dict[str, str]:
        seen = replication.server(primary)
        return {each.name: each.sync_state for each in seen.followers} if seen else {}

    until(lambda: followers() == {"db-b": "sync"}, "the primary gives its remote follower up")
    before = replication.numbers(primary)
    until(lambda: len(replication.numbers(primary)) > len(before) + 3, "orders go on")
    assert set(before) - set(replication.numbers(lab.host("db-w"))), "the remote standby lacks orders"
    lab.mend("west-link")
    until(lambda: followers() == {"db-b": "sync", "db-w": "async"}, "the remote follower is back")
    newest = max(replication.numbers(primary))
    until(lambda: newest in replication.numbers(lab.host("db-w")), "it has caught up")
    observing.stop_observer(lab)
    assert observations.outages(observing.attempts(lab.directory)) == []


def test_the_newest_backup_is_restored_with_the_orders_after_it(lab: SitesLab) -> None:
    until(lambda: len(replication.numbers(lab.host("db-a"))) > 5, "orders after the backup")
    observing.stop_observer(lab)
    numbers = replication.numbers(lab.host("db-a"))
    # The file that is switched away from is the one that ends at the position it answers.
    switched = replication.sql(lab.host("db-a"), "SELECT pg_walfile_name(pg_switch_wal())")
    archived = f"SELECT last_archived_wal >= '{switched}' FROM pg_stat_archiver"
    until(lambda: replication.sql(lab.host("db-a"), archived) == "t", "the WAL of these orders is in the vault")
    target = lab.host("app-w")
    try:
        said = json.loads(target.run(["/usr/local/sbin/hf-restore", "restore"], seconds=120).stdout)
        assert said["timeline"] == 2
        assert said["size_bytes"] > 10**6
        listed = target.run(["/usr/local/sbin/hf-restore", "sql"], input="SELECT number FROM orders ORDER BY 1").stdout
        assert [int(line) for line in listed.split()] == numbers
    finally:
        assert json.loads(target.run(["/usr/local/sbin/hf-restore", "remove"]).stdout) == {"removed": True}
    assert backup.backups(lab.host("vault"))[-1]["type"] == "full"


def test_an_address_is_not_taken_while_its_holder_answers(kept_lab: SitesLab) -> None:
    with pytest.raises(LabError, match="still answers elsewhere"):
        service_address.take(kept_lab.host("db-b"), DATABASE_ADDRESS)
    assert service_address.holders(kept_lab.hosts, DATABASE_ADDRESS) == ["db-a"]
    with pytest.raises(LabError, match="no service address"):
        service_address.take(kept_lab.host("db-b"), HOSTS["db-a"].address)
