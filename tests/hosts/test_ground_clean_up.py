"""Nothing of a lab is left on the machine, whoever was killed, and whenever."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hosts_kit import place, script, traces, until

from orchestrator.lab.sites import leftovers, register
from orchestrator.lab.sites.lab import SitesLab, take_down
from orchestrator.lab.sites.topology import key_of

_UP = """
import sys
from pathlib import Path
from orchestrator.lab.sites.lab import SitesLab
SitesLab.up(Path(sys.argv[1]), with_parts=False)
print("up", flush=True)
sys.stdin.read()
"""
_TESTS = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from hosts_kit import place, watched_over
from orchestrator.lab.sites.lab import SitesLab
with watched_over():
    lab = SitesLab.up(place() / "lab", with_parts=False)
    Path(sys.argv[1] + ".new").write_text(str(lab.directory))
    Path(sys.argv[1] + ".new").rename(sys.argv[1])
    sys.stdin.read()
"""


@pytest.fixture
def directory() -> Iterator[Path]:
    found = place() / "doomed"
    yield found
    take_down(found, remove=True)
    shutil.rmtree(found, ignore_errors=True)


@pytest.mark.parametrize("after", [0, 1, 8, 20, 35])
def test_who_is_killed_on_the_way_up_leaves_nothing_after_down(directory: Path, after: int) -> None:
    doomed = script(_UP, str(directory))
    try:
        # Killed when this many things of the lab can be seen: early, half-way, with hosts that run already.
        key = key_of(directory)
        until(lambda: len(_seen(key)) >= after or doomed.poll() is not None, f"{after} things of the lab")
    finally:
        doomed.kill()
        doomed.communicate()
    take_down(directory, remove=True)
    assert traces(SitesLab(directory)) == {}
    assert not directory.exists()


def test_up_after_a_killed_up_makes_a_whole_lab(directory: Path) -> None:
    doomed = script(_UP, str(directory))
    key = key_of(directory)
    until(lambda: len(_seen(key)) >= 15 or doomed.poll() is not None, "half a lab")
    doomed.kill()
    doomed.communicate()
    assert SitesLab.up(directory, with_parts=False).status().whole


def test_a_lab_is_cleared_whose_maker_was_killed_with_disks_and_swap_in_use(directory: Path) -> None:
    doomed = script(_UP, str(directory))
    assert doomed.stdout is not None
    assert doomed.stdout.readline() == "up\n"
    doomed.kill()
    doomed.communicate()
    lab = SitesLab.open(directory)
    host = lab.host("db-a")
    image, swap = host.disks / lab.name("member.img"), f"/srv/disks/paging-{lab.key}"
    subprocess.run(["truncate", "-s", "128M", image], check=True)
    device = subprocess.run(["losetup", "--find", "--show", image], check=True, capture_output=True, text=True).stdout
    number = os.stat(device.strip()).st_rdev
    subprocess.run(["mkfs.btrfs", "-q", device.strip()], check=True, capture_output=True)
    mount = "mknod /dev/member b $1 $2; mkdir /mnt/d; mount /dev/member /mnt/d"
    host.run(["sh", "-c", mount, "mount", str(os.major(number)), str(os.minor(number))])
    host.run(["sh", "-c", f"fallocate -l 8M {swap} && chmod 600 {swap} && mkswap -q {swap} && swapon {swap}"])
    host.freeze()
    # A crash takes what was written down with it.
    (directory / "lab.json").unlink()
    register.forget(lab.key)
    assert set(traces(lab)) >= {"loop devices", "mounts", "control groups", "processes"}
    take_down(directory, remove=True)
    assert traces(lab) == {}
    assert lab.key not in Path("/proc/swaps").read_text()


def test_a_lab_whose_directory_is_gone_is_found_by_its_name(directory: Path) -> None:
    lab = SitesLab.up(directory, with_parts=False)
    # Everything that is not mounted can be removed under it.
    for entry in directory.iterdir():
        shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink()
    assert lab.key in leftovers.labs()
    assert leftovers.clear(lab.key) > 10
    assert traces(lab) == {}


def test_a_killed_test_process_leaves_nothing(tmp_path: Path) -> None:
    told = tmp_path / "where"
    doomed = script(_TESTS, str(told), str(Path(__file__).parents[1]))
    try:
        until(lambda: told.exists() or doomed.poll() is not None, "its lab")
        lab = SitesLab(Path(told.read_text()))
        assert traces(lab)
    finally:
        doomed.kill()
        doomed.communicate()
    until(lambda: traces(lab) == {}, "nothing left")
    until(lambda: not lab.directory.parent.exists(), "no directory left")


def test_programs_in_the_control_network_end_with_the_lab(directory: Path) -> None:
    lab = SitesLab.up(directory, with_parts=False)
    observer = subprocess.Popen(lab.in_network(["sleep", "1000"], "client"))
    lab.down(remove=True)
    assert observer.wait(10) == -signal.SIGKILL


def test_down_twice_and_down_of_nothing_do_no_harm(directory: Path) -> None:
    SitesLab.up(directory, with_parts=False).down()
    assert directory.exists()
    assert take_down(directory) == 0
    assert take_down(directory, remove=True) == 0
    assert not directory.exists()
    assert take_down(directory, remove=True) == 0


def test_a_lab_that_was_down_comes_up_with_what_its_hosts_had(directory: Path) -> None:
    lab = SitesLab.up(directory, with_parts=False)
    lab.host("db-a").run(["touch", "/root/mine"])
    lab.down()
    assert (SitesLab.up(directory, with_parts=False).host("db-a").root / "root/mine").exists()


def test_reset_brings_back_what_was_sealed(directory: Path) -> None:
    lab = SitesLab.up(directory, with_parts=False)
    host = lab.host("db-a")
    host.run(["sh", "-c", "echo sealed > /root/mine"])
    lab.seal()
    host.run(["sh", "-c", "echo changed > /root/mine; touch /root/more; rm -rf /home/ops"])
    lab.break_("host-off", host="db-b")
    lab.cut("vault-eth1")
    lab.reset()
    assert lab.status().whole
    assert host.run(["cat", "/root/mine"]).stdout == "sealed\n"
    assert host.run(["ls", "/root/more", "/home/ops"], check=False).returncode != 0
    assert host.run(["test", "-d", "/home/ops"], check=False).returncode == 0


def test_somebodys_own_directory_is_neither_used_nor_removed(directory: Path) -> None:
    directory.mkdir()
    (directory / "thesis.txt").write_text("mine")
    with pytest.raises(Exception, match="other things than a hosts lab"):
        SitesLab.up(directory, with_parts=False)
    take_down(directory, remove=True)
    assert (directory / "thesis.txt").read_text() == "mine"


def _seen(key: str) -> list[str]:
    found = leftovers.of(key)
    return [*map(str, found.processes), *found.namespaces, *found.mounts, *found.groups]
