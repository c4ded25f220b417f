"""Power, hanging, and going on."""

from __future__ import annotations

import os
import signal
import subprocess

from hosts_kit import pings, ssh, until

from orchestrator.lab import processes
from orchestrator.lab.sites.lab import SitesLab

_COUNT = "n=0; while :; do n=$((n+1)); echo $n > /root/count; sleep 0.01; done"


def test_a_host_without_power_answers_nothing_and_comes_back_with_its_data_and_a_fresh_run(bare: SitesLab) -> None:
    host = bare.host("db-a")
    host.run(["sh", "-c", "echo kept > /root/data; echo gone > /run/data; ip addr add 10.77.9.9/32 dev lo"])
    assert host.power_off()
    assert host.state == "off"
    assert not pings(bare, "db-b", "db-a")
    assert ssh(bare, "db-a", "true", seconds=2).returncode == 255
    host.power_on()
    assert host.state == "on"
    until(lambda: ssh(bare, "db-a", "cat /root/data", user="root").stdout == "kept\n", "a login finds the data")
    assert host.run(["test", "-e", "/run/data"], check=False).returncode == 1
    assert "10.77.9.9" not in host.run(["ip", "addr"]).stdout


def test_power_off_ends_everything_on_the_host_and_nothing_else(bare: SitesLab) -> None:
    host, other = bare.host("db-a"), bare.host("db-b")
    host.run(["sh", "-c", "sleep 1000 >&- 2>&- & setsid sleep 1000 >&- 2>&- & exit 0"])
    mine = subprocess.Popen(bare.in_network(["sleep", "1000"]))
    try:
        there = {found for number in host.group.processes() if (found := processes.look(number))}
        others = other.group.processes()
        assert len(there) >= 4
        host.power_off()
        assert not any(processes.alive(process) for process in there)
        assert other.group.processes() == others
        assert mine.poll() is None
    finally:
        mine.kill()
        mine.wait()


def test_power_that_is_on_stays_on_and_power_that_is_off_stays_off(bare: SitesLab) -> None:
    host = bare.host("app-a")
    before = host.first_process()
    host.power_on()
    assert host.first_process() == before
    assert host.power_off()
    assert not host.power_off()


def test_a_frozen_host_does_nothing_and_answers_nothing_and_goes_on_when_thawed(bare: SitesLab) -> None:
    host = bare.host("db-a")
    host.write_service("count", ["sh", "-c", _COUNT], boot=False)
    host.service("start", "count")
    count = host.root / "root/count"
    until(lambda: count.exists() and count.read_text() > "", "counting")
    assert host.freeze()
    stood = until(count.read_text, "a number")
    assert not pings(bare, "db-b", "db-a")
    assert ssh(bare, "db-a", "true", seconds=2).returncode == 255
    assert count.read_text() == stood
    assert host.state == "frozen"
    assert host.thaw()
    until(lambda: int(count.read_text() or 0) > int(stood), "counting on")
    assert ssh(bare, "db-a", "true").returncode == 0


def test_a_connection_to_a_host_that_hung_goes_on_where_it_was(bare: SitesLab) -> None:
    host = bare.host("db-a")
    argv = ["ssh", "-F", "none", "-i", str(bare.operator_key), "-o", f"UserKnownHostsFile={bare.known_hosts}"]
    session = subprocess.Popen(
        bare.in_network([*argv, "-o", "BatchMode=yes", f"ops@{host.address}", "cat"]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    assert session.stdin is not None
    assert session.stdout is not None
    try:
        session.stdin.write("before\n")
        assert session.stdout.readline() == "before\n"
        host.freeze()
        session.stdin.write("after\n")
        host.thaw()
        assert session.stdout.readline() == "after\n"
    finally:
        session.kill()
        session.communicate()


def test_a_frozen_host_can_lose_its_power_and_is_not_frozen_when_it_comes_back(bare: SitesLab) -> None:
    host = bare.host("db-b")
    host.freeze()
    assert host.power_off()
    host.power_on()
    assert host.state == "on"
    assert ssh(bare, "db-b", "true").returncode == 0


def test_a_host_whose_first_process_was_killed_is_off_and_up_brings_it_back(bare: SitesLab) -> None:
    host = bare.host("vault")
    first = host.first_process()
    assert first is not None
    os.kill(first.pid, signal.SIGKILL)
    until(lambda: host.state == "off", "off")
    assert not bare.status().whole
    assert SitesLab.up(bare.directory, with_parts=False).status().whole
    assert ssh(bare, "vault", "hostname").stdout == "vault\n"


def test_who_eats_too_much_memory_on_a_host_is_killed_there_and_sshd_lives(bare: SitesLab) -> None:
    host = bare.host("app-w")
    host.limit_memory(96 << 20, 0)
    try:
        eats = host.run(["python3", "-c", "b = bytearray(300 << 20); print(len(b))"], check=False)
    finally:
        host.limit_memory(None)
    assert eats.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL)
    assert ssh(bare, "app-w", "true").returncode == 0


def test_swap_of_a_host_goes_with_its_power(bare: SitesLab) -> None:
    host = bare.host("app-a")
    # The kernel lists swap of all hosts of all labs.
    file = f"/srv/disks/{bare.name('paging-mine')}"
    host.run(["sh", "-c", f"fallocate -l 8M {file} && chmod 600 {file} && mkswap -q {file} && swapon {file}"])
    assert file in host.run(["cat", "/proc/swaps"]).stdout
    host.power_off()
    host.power_on()
    assert file not in host.run(["cat", "/proc/swaps"]).stdout


def test_root_on_a_host_cannot_do_what_would_be_done_to_this_machine(bare: SitesLab) -> None:
    # The set is looked at and not tried out: setting the clock would set everybody's.
    forbidden = {16, 17, 25, 34}
    asked = ["grep", "CapBnd", "/proc/self/status"]
    for answer in (bare.host("db-a").run(asked).stdout, ssh(bare, "db-a", *asked, user="root").stdout):
        allowed = int(answer.split()[1], 16)
        assert not {number for number in forbidden if allowed >> number & 1}
    assert bare.host("db-a").run(["sh", "-c", "echo 1 > /proc/sys/kernel/panic"], check=False).returncode != 0


def test_a_listed_service_starts_with_the_power_and_stays_dead_when_it_dies(bare: SitesLab) -> None:
    host = bare.host("app-a")
    (host.root / "root/boots").unlink(missing_ok=True)
    host.write_service("idle", ["sleep", "1000"], user="nobody")
    host.write_service("later", ["sleep", "1000"], boot=False)
    host.write_boot("10-first", ["sh", "-c", "echo booted >> /root/boots"])
    host.power_off()
    host.power_on()
    until(lambda: host.service("status", "idle").returncode == 0, "the service running")
    assert host.service("status", "later").returncode != 0
    assert (host.root / "root/boots").read_text() == "booted\n"
    host.run(["pkill", "--exact", "--uid", "nobody", "sleep"])
    until(lambda: host.service("status", "idle").returncode != 0, "the service dead")
    host.service("restart", "idle")
    assert host.service("status", "idle").returncode == 0
    host.service("stop", "idle")
    assert host.service("status", "idle").returncode != 0
