"""A mirrored disk below a host's database: a btrfs RAID-1 on loop devices, and a spare beside it.

A plain lab has none; it is made when a fault needs it. At each power on the host mounts it again; ``take_back`` puts
the data where it was.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import LabError
from orchestrator.lab.sites import data, loops, replication, roots
from orchestrator.lab.sites.calls import call
from orchestrator.lab.sites.host import LabHost

if TYPE_CHECKING:
    from orchestrator.lab.sites.lab import SitesLab

MOUNT = "/srv/mirror"
"""Where the host mounts it; the database's data is in ``data`` below."""
MEMBERS, SPARE = ("sdb", "sdc"), "sdd"
SIZE = 1024 * 2**20
"""Bytes of each disk. The images have holes, so only what is written takes room."""
_TOOLS = ("lab-mirror", "lab-disk")
_PROGRAMS = "/usr/local/sbin"
_BOOT = "mirror"


def image(lab: SitesLab, host: LabHost, disk: str) -> Path:
    """The file a disk of the mirror is made of."""
    return host.disks / lab.name(f"{host.name}-{disk}.img")


def device(disk: str) -> str:
    """What the host calls a disk."""
    return f"/dev/{disk}"


def lay(lab: SitesLab, host: LabHost, *, spare: bool) -> None:
    """Make the mirror and move the database there; ends when the database replicates again. Raises LabError."""
    for tool in _TOOLS:
        host.run(["tee", f"{_PROGRAMS}/{tool}"], input=Path(__file__).with_name("tools").joinpath(tool).read_text())
        host.run(["chmod", "755", f"{_PROGRAMS}/{tool}"])
    for disk in (*MEMBERS, *([SPARE] if spare else [])):
        _plug(host, disk, image(lab, host, disk))
    _keep_after_power_off(lab, host)
    host.run([f"{_PROGRAMS}/lab-mirror", "lay", *map(device, MEMBERS)], seconds=120.0)
    data.wait_for(lambda: _trouble(host), 60.0)


def fail(lab: SitesLab, host: LabHost, disk: str) -> None:
    """Let a disk die: what was on it is gone, and every read and write is an error. Raises LabError."""
    file = image(lab, host, disk)
    if not file.exists():
        raise LabError(f"{host.name} has no disk {disk}", mend=f"its disks: {', '.join(MEMBERS)}, {SPARE}")
    os.truncate(file, 0)
    for loop in _loops(file):
        call(["losetup", "--set-capacity", loop])
    # An idle mirror would not notice for as long as nobody writes.
    host.run(["sync", "--file-system", MOUNT], check=False)


def revive(lab: SitesLab, host: LabHost, disk: str) -> None:
    """A disk that died takes writes again, empty as it is; where it is still a member the mirror is made whole."""
    file = image(lab, host, disk)
    if not file.exists() or file.stat().st_size == SIZE:
        return
    os.truncate(file, SIZE)
    for loop in _loops(file):
        call(["losetup", "--set-capacity", loop])
    if host.state == "on" and _is_mounted(host):
        host.run(["btrfs", "scrub", "start", "-B", MOUNT], check=False, seconds=120.0)
        host.run(["btrfs", "device", "stats", "--reset", MOUNT], check=False)


def take_back(lab: SitesLab, host: LabHost) -> None:
    """Data back on the host's own disk, mirror and images gone. Does no harm where there is none. Raises LabError."""
    files = {disk: image(lab, host, disk) for disk in (*MEMBERS, SPARE)}
    there = {disk: file for disk, file in files.items() if file.exists()}
    if not there:
        return
    with _awake(host):
        for disk, file in there.items():
            _plug(host, disk, file)
        readable = [device(disk) for disk, file in there.items() if _has_file_system(file)]
        host.run([f"{_PROGRAMS}/lab-mirror", "back", *readable], seconds=120.0)
        roots.name_disks(host.directory, {})
        host.forget_boot(_BOOT)
        host.run(["rm", "-f", *map(device, files), *(f"{_PROGRAMS}/{tool}" for tool in _TOOLS)])
    for file in there.values():
        for loop in _loops(file):
            call(["losetup", "--detach", loop])
        file.unlink()


def hosts(lab: SitesLab) -> list[str]:
    """Hosts that have a mirror now."""
    return [host.name for host in lab.hosts.values() if image(lab, host, MEMBERS[0]).exists()]


def variables(lab: SitesLab) -> dict[str, dict[str, Any]]:
    """Inventory variables: the disks that may be taken as a spare, and how a disk is switched off and on."""
    switch = f"{_PROGRAMS}/lab-disk"
    mine = {
        "mirror_spares": [device(SPARE)],
        "disk_offline_argv": [switch, "offline"],
        "disk_online_argv": [switch, "online"],
    }
    return {host.name: dict(mine) for host in lab.hosts.values() if host.plan.legs and host.name.startswith("db-")}


def _plug(host: LabHost, disk: str, file: Path) -> None:
    if not file.exists():
        with file.open("wb") as fresh:
            fresh.truncate(SIZE)
        file.chmod(0o600)
    loop = next(iter(_loops(file)), None) or call(["losetup", "--find", "--show", str(file)]).stdout.strip()
    number = Path(loop).stat().st_rdev
    host.run(["rm", "-f", device(disk)])
    host.run(["mknod", "-m", "660", device(disk), "b", str(os.major(number)), str(os.minor(number))])
    host.run([f"{_PROGRAMS}/lab-disk", "name", device(disk), f"/srv/disks/{file.name}"])


def _keep_after_power_off(lab: SitesLab, host: LabHost) -> None:
    files = {disk: file for disk in (*MEMBERS, SPARE) if (file := image(lab, host, disk)).exists()}
    roots.name_disks(host.directory, files)
    host.write_boot(_BOOT, [f"{_PROGRAMS}/lab-mirror", "boot", *map(device, files)])


def _loops(file: Path) -> list[str]:
    return [device for device, image_file in loops.attached() if image_file == str(file)]


def _has_file_system(file: Path) -> bool:
    with file.open("rb") as image_file:
        image_file.seek(0x10040)
        return image_file.read(8) == b"_BHRfS_M"


def _is_mounted(host: LabHost) -> bool:
    return host.run(["findmnt", "--noheadings", "--mountpoint", MOUNT], check=False).returncode == 0


def _trouble(host: LabHost) -> str:
    seen = replication.server(host)
    if seen is None or not (seen.streaming or any(each.sync_state == "sync" for each in seen.followers)):
        return f"the database of {host.name} neither follows nor is followed"
    return ""


@contextlib.contextmanager
def _awake(host: LabHost) -> Iterator[None]:
    """The host on for a moment, and off again where it was off."""
    was_off = host.state == "off"
    host.thaw()
    host.power_on()
    try:
        yield
    finally:
        if was_off:
            host.power_off()
