"""Links that are cut and mended, and two labs beside each other."""

from __future__ import annotations

import re

import pytest
from hosts_kit import pings, ssh, traces, until

from orchestrator.errors import LabError
from orchestrator.lab.sites.lab import SitesLab


def test_a_host_goes_on_over_its_second_path_and_back(bare: SitesLab) -> None:
    host = bare.host("db-b")
    target = bare.host("db-a").address
    assert bare.cut("db-a-eth0")
    answer = host.run(["ping", "-c", "20", "-i", "0.02", "-W", "1", target], check=False)
    assert _lost(answer.stdout) == 0
    assert ssh(bare, "db-a", "true").returncode == 0
    assert "NO-CARRIER" in bare.host("db-a").run(["ip", "link", "show", "eth0"]).stdout
    assert bare.mend("db-a-eth0")
    bare.cut("db-a-eth1")
    until(lambda: pings(bare, "db-b", "db-a"), "the way back over the first path")
    bare.mend("db-a-eth1")
    assert not bare.mend("db-a-eth1")


def test_a_connection_survives_the_loss_of_one_path(bare: SitesLab) -> None:
    host, target = bare.host("db-b"), bare.host("db-a").address
    bare.host("db-a").run(["ping", "-c", "1", host.address])
    lost = []
    for link in ("db-a-eth0", "db-b-eth0"):
        bare.cut(link)
        lost.append(_lost(host.run(["ping", "-c", "10", "-i", "0.02", "-W", "1", target], check=False).stdout))
    assert lost == [0, 0]


def test_a_host_without_both_paths_is_alone_though_it_runs(bare: SitesLab) -> None:
    for link in ("db-a-eth0", "db-a-eth1"):
        bare.cut(link)
    assert not pings(bare, "db-b", "db-a")
    assert bare.host("db-a").run(["hostname"]).stdout == "db-a\n"
    bare.mend("db-a-eth1")
    # The kernel takes up to a second to believe in a carrier that has come back.
    until(lambda: pings(bare, "db-b", "db-a"), "the way back")


def test_a_site_whose_link_is_cut_runs_on_by_itself(bare: SitesLab) -> None:
    moment = bare.break_("east-cut")
    assert moment.changed
    assert not bare.break_("east-cut").changed
    assert pings(bare, "db-a", "db-b")
    assert not pings(bare, "db-w", "db-a")
    assert not pings(bare, "db-a", "router")
    assert pings(bare, "db-w", "router")
    assert ssh(bare, "db-a", "true", seconds=2).returncode == 255
    assert bare.status().faults == {"east-cut": moment.at}
    assert bare.heal("east-cut")
    assert not bare.heal("east-cut")
    until(lambda: pings(bare, "db-w", "db-a"), "the way back")


def test_a_lost_site_comes_back_with_its_hosts(bare: SitesLab) -> None:
    bare.host("app-a").power_off()
    bare.break_("east-lost")
    assert {host.name for host in bare.hosts.values() if host.state == "off"} == {"db-a", "db-b", "app-a"}
    bare.heal("east-lost")
    assert {host.name for host in bare.hosts.values() if host.state == "off"} == {"app-a"}
    until(lambda: pings(bare, "db-w", "db-b"), "the way back")


def test_a_cut_link_stays_cut_when_the_host_goes_off_and_on(bare: SitesLab) -> None:
    bare.cut("db-b-eth0")
    host = bare.host("db-b")
    host.power_off()
    host.power_on()
    assert "NO-CARRIER" in host.run(["ip", "link", "show", "eth0"]).stdout
    until(lambda: pings(bare, "db-a", "db-b"), "the way over the other path")


def test_links_and_hosts_that_are_not_there_are_told_with_those_that_are(bare: SitesLab) -> None:
    with pytest.raises(LabError, match="east-link"):
        bare.cut("east-lnk")
    with pytest.raises(LabError, match="db-w"):
        bare.host("db-c")
    with pytest.raises(LabError, match="host-off"):
        bare.break_("host-of")


def test_two_labs_have_the_same_addresses_and_do_not_meet(bare: SitesLab) -> None:
    other = SitesLab.up(bare.directory.with_name("second"), with_parts=False)
    try:
        for lab in (bare, other):
            lab.host("db-a").run(["tee", "/root/whose"], input=lab.key)
        for lab in (bare, other):
            assert ssh(lab, "db-a", "cat /root/whose", user="root").stdout == lab.key
        # The other's operator is nobody here, and his pinned keys are not ours.
        crossed = ssh(bare, "db-a", "true", known_hosts=other.known_hosts)
        assert "Host key verification failed" in crossed.stderr
        other.break_("east-lost")
        assert pings(bare, "db-w", "db-a")
    finally:
        other.down(remove=True)
    assert traces(other) == {}
    assert bare.status().whole


def _lost(said: str) -> int:
    found = re.search(r"(\d+)% packet loss", said)
    assert found is not None, said
    return int(found[1])
