"""The base root file system that all hosts share: Debian's own packages, built once and kept.

It is kept in a directory named by the digest of its recipe, so another release or another package list is another
base and the old one stays until somebody removes it. A base is built beside its place and renamed when it is whole:
one that is there is complete. Hosts only ever read it (it is the lower layer of their overlay).
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from orchestrator.errors import LabError
from orchestrator.lab.sites import sources
from orchestrator.lab.sites.calls import call

PLACE = Path("/var/cache/holdfast")
PACKAGES = (
    "acl",  # Ansible hands files from one ordinary user to another with it
    "btrfs-progs",
    "ca-certificates",
    "curl",
    "iproute2",
    "iputils-arping",
    "iputils-ping",
    "openssh-server",
    "pgbackrest",
    "postgresql",
    "procps",
    "prometheus-node-exporter",
    "python3",
    "python3-psycopg2",
    "rsync",
    "stress-ng",
    "sudo",
    "util-linux",
)
_VERSION = 2
"""Raised whenever the way it is built changes."""
_SETTINGS = {
    # No service of a package starts while the base is built, nor later by a package's own script.
    "usr/sbin/policy-rc.d": ("#!/bin/sh\nexit 101\n", 0o755),
    # The lab makes its own clusters.
    "etc/postgresql-common/createcluster.conf": ("create_main_cluster = false\n", 0o644),
    "etc/dpkg/dpkg.cfg.d/lab": (
        "force-unsafe-io\npath-exclude=/usr/share/doc/*\npath-exclude=/usr/share/man/*\n"
        "path-exclude=/usr/share/locale/*\npath-exclude=/usr/share/info/*\n",
        0o644,
    ),
    "etc/sudoers.d/ops": ("ops ALL=(ALL:ALL) NOPASSWD: ALL\n", 0o440),
}
_BOUND = ("setpriv", "--pdeathsig", "KILL", "--", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--")
"""Programs of the build run in namespaces of their own: with the builder they end, and so do their mounts."""
_INSIDE = 'root=$1; shift; mount -t proc proc "$root/proc"; exec chroot "$root" "$@"'
"""Data reaches it as arguments only."""
_GONE = ("etc/ssh/ssh_host_*_key*", "var/cache/apt/*.bin", "var/cache/apt/archives/*.deb", "var/lib/apt/lists/*_*")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a base is made of; equal recipes give the same base."""

    release: str
    architecture: str
    packages: tuple[str, ...] = PACKAGES
    settings: tuple[tuple[str, tuple[str, int]], ...] = tuple(sorted(_SETTINGS.items()))
    version: int = _VERSION

    @property
    def digest(self) -> str:
        """16 hex digits."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


def place() -> Path:
    """The directory that bases are kept in: /var/cache/holdfast, or ``HOLDFAST_LAB_CACHE``."""
    return Path(os.environ.get("HOLDFAST_LAB_CACHE") or PLACE).absolute()


def ready() -> Path | None:
    """The base, if it is there already."""
    found = place() / _recipe().digest
    return found if found.is_dir() else None


Tell = Callable[[str], None]


def prepare(tell: Tell = lambda _: None, *, build: Callable[[Path, Recipe, Tell], None] | None = None) -> Path:
    """The base's directory, built first where it is missing (one to three minutes; ``tell`` hears how far it is).

    Two callers at once: the second waits for the first. ``build`` fills a directory, else debootstrap and apt do.
    Raises LabError; a base that was half built is taken away.
    """
    recipe = _recipe()
    whole = place() / recipe.digest
    if whole.is_dir():
        return whole
    place().mkdir(mode=0o755, parents=True, exist_ok=True)
    with _alone(tell):
        if whole.is_dir():
            return whole
        _forget_half_built()
        fresh = Path(tempfile.mkdtemp(prefix=".building-", dir=place()))
        try:
            (build or _build)(fresh, recipe, tell)
            fresh.chmod(0o755)
            fresh.rename(whole)
        finally:
            _take_away(fresh)
    return whole


def _recipe() -> Recipe:
    machine = sources.machine()
    return Recipe(machine.release, machine.architecture)


@contextlib.contextmanager
def _alone(tell: Tell) -> Iterator[None]:
    handle = os.open(place() / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell("another lab builds the base at this moment: waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _forget_half_built() -> None:
    """Only the holder of the lock builds, so whatever else is there was left by somebody who was killed."""
    for left in place().glob(".building-*"):
        _take_away(left)


def _take_away(directory: Path) -> None:
    if directory.exists():
        shutil.rmtree(directory)


def _build(root: Path, recipe: Recipe, tell: Tell) -> None:
    found = sources.machine()
    environment = {"DEBIAN_FRONTEND": "noninteractive", **found.environment}
    tell(f"building the hosts' base once, Debian {recipe.release}: the smallest system (1 of 2)")
    small = ["debootstrap", "--variant=minbase", f"--arch={recipe.architecture}"]
    call([*_BOUND, *small, recipe.release, str(root), found.mirror], seconds=900, env=environment)
    for name, (text, mode) in recipe.settings:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
    (root / "etc/apt/sources.list").write_text(found.sources)
    (root / "etc/apt/apt.conf.d/01lab").write_text(found.settings)
    resolver = root / "etc/resolv.conf"
    resolver.unlink(missing_ok=True)
    shutil.copy("/etc/resolv.conf", resolver)
    tell("building the hosts' base once: sshd, PostgreSQL and the other packages (2 of 2)")
    inside = [*_BOUND, "sh", "-euc", _INSIDE, "install", str(root)]
    call([*inside, "apt-get", "-q", "update"], seconds=300, env=environment)
    wanted = ["apt-get", "-q", "-y", "--no-install-recommends", "install", *recipe.packages]
    call([*inside, *wanted], seconds=900, env=environment)
    # No password is right for it, which is not the same as locked: sshd lets nobody in with a locked one.
    call([*inside, "useradd", "--create-home", "--shell", "/bin/bash", "--password", "*", "ops"])
    # Only this machine's own settings are needed from here on; they do not belong into a base.
    for name in ("etc/apt/apt.conf.d/01lab", "etc/apt/sources.list", "etc/resolv.conf"):
        (root / name).write_text("")
    for pattern in _GONE:
        for file in root.glob(pattern):
            file.unlink()
    if not (root / "usr/sbin/sshd").exists():
        raise LabError("the base has no sshd after all", mend="look at what apt-get says on this machine")
