"""What the hosts lab needs of this machine, looked at before anything is made."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from orchestrator.errors import LabError
from orchestrator.lab.sites import sources
from orchestrator.lab.sites.calls import call, with_sbin
from orchestrator.lab.sites.cgroups import hierarchies

PROGRAMS = {
    "debootstrap": "debootstrap",
    "mkfs.btrfs": "btrfs-progs",
    "ip": "iproute2",
    "bridge": "iproute2",
    "sysctl": "procps",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "setpriv": "util-linux",
    "losetup": "mount",
    "mount": "mount",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
}
"""Programs, and the Debian packages they are in."""

_NAMESPACES = ("net", "pid", "mnt", "uts", "ipc", "cgroup")


def problems(uid: int | None = None) -> list[str]:
    """What a hosts lab of user ``uid`` (else the caller) lacks, one sentence each; quick and without effects."""
    if (os.geteuid() if uid is None else uid) != 0:
        return ["root is needed: hosts are made of namespaces, mounts and loop devices"]
    found = []
    if not sources.is_debian():
        found.append("Debian is needed: the hosts are made of its packages")
    path = with_sbin()["PATH"]
    missing = sorted({package for program, package in PROGRAMS.items() if shutil.which(program, path=path) is None})
    if missing:
        found.append(f"programs are missing: apt-get install {' '.join(missing)}")
    kinds = {line.split()[-1] for line in Path("/proc/filesystems").read_text().splitlines()}
    systems = [kind for kind in ("overlay", "btrfs") if kind not in kinds and not _loaded(kind)]
    found += [f"the kernel has no {kind} file system" for kind in systems]
    spaces = [kind for kind in _NAMESPACES if not Path("/proc/self/ns", kind).exists()]
    found += [f"the kernel has no {kind} namespaces" for kind in spaces]
    groups = hierarchies()
    if not groups.roots or not (groups.unified or groups.freezer):
        found.append("no control groups that can freeze are mounted")
    return found


def require(directory: Path) -> None:
    """Raises LabError, with everything that is missing, where no hosts lab can be made in ``directory``."""
    found = problems()
    if found:
        root = os.geteuid() != 0
        raise LabError(
            f"no hosts lab can be made here: {'; '.join(found)}",
            mend="sudo holdfast lab up --hosts, or the lab that needs no root: holdfast lab up"
            if root
            else "docs/hosts-lab.md lists what it needs; the lab that needs nothing of this: holdfast lab up",
        )
    _try_overlay(directory)


def _loaded(kind: str) -> bool:
    """Whether the kernel has it after all, as a module."""
    if shutil.which("modprobe", path=with_sbin()["PATH"]) is None:
        return False
    return call(["modprobe", kind], check=False).returncode == 0


def _try_overlay(directory: Path) -> None:
    """An overlay cannot be kept on every file system (not on another overlay): only trying tells."""
    with tempfile.TemporaryDirectory(prefix=".try-", dir=directory) as place:
        layers = {name: Path(place, name) for name in ("lower", "upper", "work", "root")}
        for layer in layers.values():
            layer.mkdir()
        options = f"lowerdir={layers['lower']},upperdir={layers['upper']},workdir={layers['work']}"
        tried = call(["mount", "-t", "overlay", "try", "-o", options, str(layers["root"])], check=False)
        if tried.returncode != 0:
            raise LabError(
                f"no overlay file system can be kept in {directory}: {tried.stderr.strip()}",
                mend="put the lab on another file system (ext4, xfs, btrfs): --lab /path, or HOLDFAST_LAB_HOME",
            )
        call(["umount", str(layers["root"])])
