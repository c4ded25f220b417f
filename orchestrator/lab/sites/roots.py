"""A host's root file system: an overlay of its own changes over what all hosts share.

``golden`` holds the changes that belong to a fresh lab; ``upper`` those since. Going back to fresh is throwing
``upper`` away.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from orchestrator.errors import LabError
from orchestrator.lab.sites import loops
from orchestrator.lab.sites.calls import call
from orchestrator.lab.sites.topology import DATABASE_ADDRESS, HOSTS, ORDERS_ADDRESS, OUTSIDERS


def make(directory: Path, base: Path) -> None:
    """The directories of a host's file system; those that are there are left."""
    for name in ("golden", "upper", "work", "root", "disks"):
        (directory / name).mkdir(mode=0o755, parents=True, exist_ok=True)
    (directory / "base").unlink(missing_ok=True)
    (directory / "base").symlink_to(base)


def mount(directory: Path, name: str) -> None:
    """Mount it, named ``name`` in the machine's list of mounts; one that is mounted is left. Raises LabError."""
    root = directory / "root"
    if root.is_mount():
        return
    base = (directory / "base").resolve()
    if not base.is_dir():
        raise LabError(f"the hosts' base {base} is gone", mend="holdfast lab down --hosts --remove, then up again")
    layers = [directory / "golden", base]
    options = f"lowerdir={':'.join(map(str, layers))},upperdir={directory / 'upper'},workdir={directory / 'work'}"
    call(["mount", "-t", "overlay", name, "-o", options, str(root)])


def unmount(directory: Path) -> None:
    """Unmount it, if it is mounted. Nothing of the host may run."""
    if (directory / "root").is_mount():
        call(["umount", str(directory / "root")])


def seal(directory: Path) -> None:
    """What the host has become is from now on what a fresh one is. It must be unmounted, and never sealed before."""
    (directory / "golden").rmdir()
    (directory / "upper").rename(directory / "golden")
    forget(directory)


def forget(directory: Path) -> None:
    """Throw away what changed since it was sealed. It must be unmounted."""
    for name in ("upper", "work"):
        if (directory / name).exists():
            shutil.rmtree(directory / name)
        (directory / name).mkdir(mode=0o755)


def start_over(directory: Path) -> None:
    """Throw away everything, also what was sealed. It must be unmounted."""
    shutil.rmtree(directory / "golden", ignore_errors=True)
    (directory / "golden").mkdir(mode=0o755)
    forget(directory)


def write(root: Path, name: str, text: str, mode: int) -> None:
    """Write a file of a host from outside. Nothing is written where it is so already: a copy up costs."""
    file = root / name
    file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if file.parent.name == ".ssh":
        file.parent.chmod(0o700)
    if file.exists() and file.read_text() == text:
        return
    file.write_text(text)
    file.chmod(mode)


def own(root: Path, name: str, user: str) -> None:
    """Give a directory and what is in it to a user *of the host*. Raises LabError where the host has no such user."""
    for line in (root / "etc/passwd").read_text().splitlines():
        fields = line.split(":")
        if fields[0] == user:
            for path in (root / name, *(root / name).rglob("*")):
                os.chown(path, int(fields[2]), int(fields[3]), follow_symlinks=False)
            return
    raise LabError(f"{root} has no user {user}")


def hosts_file() -> str:
    """/etc/hosts, the same on every host."""
    lines = ["127.0.0.1 localhost", *(f"{plan.address} {name}" for name, plan in HOSTS.items())]
    lines += [f"{address} {name}" for name, address in OUTSIDERS.items()]
    lines += [f"{DATABASE_ADDRESS} database", f"{ORDERS_ADDRESS} orders"]
    return "".join(f"{line}\n" for line in lines)


def name_disks(directory: Path, images: Mapping[str, Path]) -> None:
    """Say which disks the host has from its next power on: their names inside, and the images they are made of."""
    file = directory / "disks.json"
    if images:
        file.write_text(json.dumps({name: str(image) for name, image in images.items()}))
    else:
        file.unlink(missing_ok=True)


def devices(directory: Path) -> dict[str, str]:
    """Block devices the host has at power on: their names inside, and what they are outside.

    Looked up anew each time, because a loop device that was given back may be somebody else's now.
    """
    try:
        images: dict[str, str] = json.loads((directory / "disks.json").read_text())
    except FileNotFoundError:
        return {}
    devices = {image: device for device, image in loops.attached()}
    return {name: devices[image] for name, image in images.items() if image in devices}
